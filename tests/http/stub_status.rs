use crate::common::Server;

#[test]
fn connections_and_requests_are_counted() {
    let server = Server::http(
        "server {
             listen 127.0.0.1:%PORT0%;
             location / { return 200 $connections_active:$connections_writing; }
             location /status { stub_status; }
         }",
    );
    assert_eq!(server.get("/").text(), "1:1");
    let _idle = server.connect(0);
    let status = server.get("/status");
    assert_eq!(status.header("Content-Type"), Some("text/plain"));
    assert_eq!(
        status.text(),
        "Active connections: 2 \nserver accepts handled requests\n 3 3 2 \n\
         Reading: 0 Writing: 1 Waiting: 1 \n"
    );
    let post = b"POST /status HTTP/1.0\r\n\r\n";
    assert!(server.raw(0, post).starts_with(b"HTTP/1.1 405"));
}
