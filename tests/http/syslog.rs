//! Logs that go to a syslog server, over UDP and over a unix socket.

use crate::common::{Server, Site, http};
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

const LONG: Option<Duration> = Some(Duration::from_secs(20));

#[test]
fn lines_are_sent_with_their_heads() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(LONG).unwrap();
    let port = udp.local_addr().unwrap().port();
    let site = Site::new(&http(&format!(
        "log_format f '$uri $status';
         server {{
            listen 127.0.0.1:%PORT0%;
            location /access {{ access_log syslog:server=127.0.0.1:{port},facility=user,severity=alert,nohostname f; }}
            location /error {{ error_log syslog:server=unix:%DIR%/log.sock,tag=mine; }}
         }}"
    )));
    let unix = UnixDatagram::bind(site.path("log.sock")).unwrap();
    unix.set_read_timeout(LONG).unwrap();
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(site.path("log.sock"), everybody).unwrap();
    let server = Server::start(site);
    let mut buffer = [0; 4096];

    server.get("/access");
    let length = udp.recv(&mut buffer).unwrap();
    let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(
        line.starts_with("<9>") && line.ends_with(" nginx: /access 404"),
        "{line}"
    );

    server.get("/error");
    let length = unix.recv(&mut buffer).unwrap();
    let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
    assert!(
        line.starts_with("<187>") && line.contains(" mine: "),
        "{line}"
    );
    assert!(
        line.contains(" [error] ") && line.ends_with("host: \"localhost\""),
        "{line}"
    );
}

#[test]
fn a_server_that_is_gone_is_tried_again() {
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = udp.local_addr().unwrap();
    drop(udp);
    let server = Server::http(&format!(
        "server {{ listen 127.0.0.1:%PORT0%; access_log syslog:server={address}; }}"
    ));
    // That nobody is there is known when the next line is sent.
    server.get("/");
    crate::common::wait_until(
        || {
            server.get("/");
            server.read("error.log").contains("send() to syslog failed")
        },
        || server.read("error.log"),
    );
    server.wait_for_log(&format!(
        "send() failed (111: Connection refused) while logging to syslog, server: {address}"
    ));
    let udp = UdpSocket::bind(address).unwrap();
    udp.set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let mut buffer = [0; 4096];
    crate::common::wait_until(
        || {
            server.get("/back");
            udp.recv(&mut buffer).is_ok()
        },
        || server.read("error.log"),
    );
}
