use crate::common::Server;

#[test]
fn the_age_of_a_browser_is_told() {
    let server = Server::http(
        "modern_browser msie 5.5; modern_browser gecko 1.0.0; modern_browser unlisted;
         ancient_browser Lynx netscape4; modern_browser_value new;
         server {
             listen 127.0.0.1:%PORT0%;
             add_header X-Is \"$modern_browser:$ancient_browser:$msie\" always;
             location / { try_files /nothing =204; }
             location /own { ancient_browser_value old; try_files /nothing =204; }
         }",
    );
    let ask = |path: &str, agent: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: {agent}\r\n\r\n"
        );
        let answer = crate::common::Response::parse(&server.raw(0, request.as_bytes()));
        answer.header("X-Is").unwrap_or("").to_owned()
    };
    assert_eq!(ask("/", "curl/8"), "new::");
    assert_eq!(ask("/", "Lynx/2"), ":1:");
    assert_eq!(ask("/own", "Lynx/2"), ":old:");
    assert_eq!(
        ask("/", "Mozilla/4.0 (compatible; MSIE 6.0; Windows)"),
        "new::1"
    );
    assert_eq!(
        ask("/", "Mozilla/4.0 (compatible; MSIE 5.0; Windows)"),
        ":1:1"
    );
    assert_eq!(ask("/", "Mozilla/4.72 [en] (X11; Linux)"), ":1:");
}
