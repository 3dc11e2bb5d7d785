use crate::common::Server;

#[test]
fn a_trusted_proxy_is_believed() {
    let server = Server::http(
        "set_real_ip_from 127.0.0.0/8;
         server {
             listen 127.0.0.1:%PORT0%;
             location / { return 200 $remote_addr:$remote_port/$realip_remote_addr; }
             location /denied { deny 192.0.2.1; try_files /nothing =204; }
         }
         server {
             listen 127.0.0.1:%PORT1%;
             real_ip_header X-Forwarded-For; real_ip_recursive on;
             return 200 $remote_addr;
         }
         server {
             listen 127.0.0.1:%PORT2%;
             set_real_ip_from 10.0.0.1;
             return 200 $remote_addr;
         }",
    );
    let get = |port: usize, path: &str, field: &str| {
        let request = format!("GET {path} HTTP/1.0\r\n{field}\r\n\r\n");
        let answer = server.raw(port, request.as_bytes());
        crate::common::Response::parse(&answer)
    };
    assert_eq!(
        get(0, "/", "X-Real-IP: 192.0.2.1").text(),
        "192.0.2.1:/127.0.0.1"
    );
    assert_eq!(
        get(0, "/", "X-Real-IP: 192.0.2.1:8").text(),
        "192.0.2.1:8/127.0.0.1"
    );
    assert!(
        get(0, "/", "X-Real-IP: nonsense")
            .text()
            .starts_with("127.0.0.1:")
    );
    assert_eq!(get(0, "/denied", "X-Real-IP: 192.0.2.1").status, 403);
    assert_eq!(get(0, "/denied", "X-Real-IP: 192.0.2.2").status, 204);
    let list = "X-Forwarded-For: 192.0.2.9, 192.0.2.1\r\nX-Forwarded-For: 127.0.0.5";
    assert_eq!(get(1, "/", list).text(), "192.0.2.1");
    assert_eq!(get(2, "/", "X-Real-IP: 192.0.2.1").text(), "127.0.0.1");
    server.wait_for_log("access forbidden by rule, client: 192.0.2.1,");
}
