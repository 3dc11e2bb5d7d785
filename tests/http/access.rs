use crate::common::Server;

#[test]
fn rules_are_inherited_until_a_block_has_its_own() {
    let server = Server::http(
        "deny all;
         server {
             listen 127.0.0.1:%PORT0%;
             location / { return 200 rewritten; }
             location /inherited { try_files /nothing =204; }
             location /own { allow 127.0.0.0/8; try_files /nothing =204; }
             location /order { allow 127.0.0.1; deny all; try_files /nothing =204; }
             location /six { deny ::/0; try_files /nothing =204; }
         }",
    );
    let status = |path: &str| server.get(path).status;
    // `return` answers before access is looked at.
    assert_eq!(status("/"), 200);
    assert_eq!(status("/inherited"), 403);
    assert_eq!(status("/own"), 204);
    assert_eq!(status("/order"), 204);
    assert_eq!(status("/six"), 204);
    assert_eq!(server.count_in_log("[error]"), 1);
    server.wait_for_log("access forbidden by rule, client: 127.0.0.1, server: , request: \"GET /inherited HTTP/1.1\", host: \"localhost\"");
}

#[test]
fn one_of_several_is_enough_with_satisfy_any() {
    let server = Server::http(
        "server {
             listen 127.0.0.1:%PORT0%;
             satisfy any;
             auth_basic closed; auth_basic_user_file %DIR%/users;
             location /allowed { allow all; try_files /nothing =204; }
             location /denied { deny all; try_files /nothing =204; }
         }",
    );
    server.write("users", "me:{PLAIN}secret\n");
    assert_eq!(server.get("/allowed").status, 204);
    assert_eq!(server.get("/denied").status, 401);
    let request = b"GET /denied HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic bWU6c2VjcmV0\r\n\r\n";
    assert!(server.raw(0, request).starts_with(b"HTTP/1.1 204"));
}
