use crate::common::{Server, wait_until};
use crate::origin::{Act, Origin, ok};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

#[test]
fn answers_are_kept_and_served_the_next_time() {
    let origin = Origin::start(|_, request| {
        let body = "x".repeat(100_000);
        let head = |status: &str| {
            let date = "Last-Modified: Mon, 28 Sep 1970 06:00:00 GMT";
            format!("HTTP/1.1 {status} X\r\n{date}\r\nContent-Length: 100000\r\n\r\n{body}")
                .into_bytes()
        };
        if request.contains("/small") {
            Act::Send(ok("small"))
        } else if request.contains("/empty") {
            Act::Send(ok(""))
        } else if request.contains("/cut") {
            Act::SendAndClose(head("200")[..500].to_vec())
        } else if request.contains("/error") {
            Act::Send(head("404"))
        } else {
            Act::Send(head("200"))
        }
    });
    let server = Server::http(&format!(
        "server {{
             listen 127.0.0.1:%PORT0%;
             proxy_temp_path %DIR%/temp;
             root %DIR%/kept;
             location / {{ error_page 404 = @fetch; }}
             location @fetch {{
                 proxy_store on; proxy_store_access group:rw all:r; proxy_pass http://127.0.0.1:{port};
             }}
             location /own/ {{ proxy_store %DIR%/own$uri; proxy_pass http://127.0.0.1:{port}; }}
             location /unbuffered/ {{
                 proxy_store on; proxy_buffering off; proxy_pass http://127.0.0.1:{port};
             }}
         }}",
        port = origin.port
    ));
    for path in ["/small", "/sub/large", "/empty", "/error", "/own/large"] {
        server.get(path);
    }
    let asked = origin.requests().len();
    assert_eq!(server.get("/small").text(), "small");
    assert_eq!(server.get("/sub/large").text().len(), 100_000);
    assert_eq!(server.get("/empty").text(), "");
    assert_eq!(origin.requests().len(), asked);
    let stored = std::fs::metadata(server.path("kept/sub/large")).unwrap();
    assert_eq!(stored.permissions().mode() & 0o777, 0o664);
    assert_eq!(stored.mtime(), 23_349_600);
    assert_eq!(
        std::fs::read(server.path("own/own/large")).unwrap().len(),
        100_000
    );
    server.raw(
        0,
        b"GET /cut HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    server.get("/unbuffered/x");
    for name in ["kept/error", "kept/cut", "kept/unbuffered/x"] {
        assert!(!server.path(name).exists(), "{name}");
    }
}

#[test]
fn a_client_that_goes_away_does_not_stop_it() {
    let origin = Origin::start(|_, _| Act::Send(ok(&"x".repeat(3_000_000))));
    let server = Server::http(&format!(
        "server {{
             listen 127.0.0.1:%PORT0%;
             proxy_temp_path %DIR%/temp;
             location / {{
                 root %DIR%/kept; proxy_store on; proxy_max_temp_file_size 0; proxy_pass http://127.0.0.1:{};
             }}
         }}",
        origin.port
    ));
    let mut client = server.connect(0);
    std::io::Write::write_all(&mut client, b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    std::io::Read::read_exact(&mut client, &mut [0; 100]).unwrap();
    drop(client);
    let size = || std::fs::metadata(server.path("kept/large")).map_or(0, |m| m.len());
    wait_until(|| size() == 3_000_000, || server.read("error.log"));
}
