//! PHP itself, where php-fpm is installed.

use crate::common::php::{self, Fpm};
use crate::common::{Response, Server, Site, http};
use std::io::{Read, Write};
use std::process::Command;

const SCRIPTS: &[(&str, &str)] = &[
    (
        "info.php",
        "<?php foreach (['SCRIPT_NAME','PATH_INFO','QUERY_STRING','HTTP_X_A'] as $k) echo $k,'=',$_SERVER[$k] ?? '-',\"\\n\";",
    ),
    (
        "post.php",
        "<?php header('X-Method: '.$_SERVER['REQUEST_METHOD']); echo strlen(file_get_contents('php://input')),' ',$_POST['a'] ?? '-';",
    ),
    (
        "upload.php",
        "<?php echo $_FILES['f']['name'],' ',md5_file($_FILES['f']['tmp_name']),' ',$_FILES['f']['size'];",
    ),
    (
        "large.php",
        "<?php for ($i = 0; $i < 300000; $i++) printf(\"%09d\\n\", $i);",
    ),
    (
        "fatal.php",
        "<?php ini_set('display_errors', '0'); ini_set('log_errors', '1'); ini_set('error_log', ''); no_such_function();",
    ),
    ("dies.php", "<?php exec('kill -9 ' . getmypid());"),
    ("redirect.php", "<?php header('Location: /elsewhere');"),
    (
        "head.php",
        "<?php http_response_code(418); header('X-Accel-Limit-Rate: 0'); echo 'tea';",
    ),
];

#[test]
fn scripts_run() {
    let Some(binary) = php::fpm() else { return };
    let site = Site::new(&http(
        "server { listen 127.0.0.1:%PORT0%; root %DIR%; client_max_body_size 10m;
             location ~ \\.php(/|$) { fastcgi_pass unix:%DIR%/fpm.sock; fastcgi_split_path_info ^(.+?\\.php)(/.*)$;
                 fastcgi_temp_path %DIR%/temp; client_body_temp_path %DIR%/in;
                 fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
                 fastcgi_param SCRIPT_NAME $fastcgi_script_name; fastcgi_param PATH_INFO $fastcgi_path_info;
                 fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method;
                 fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length; } }",
    ));
    for (name, script) in SCRIPTS {
        site.write(name, script);
    }
    site.write("image.jpg", "<?php echo 'run';");
    let _fpm = Fpm::start(&site, &binary);
    let server = Server::start(site);

    let info = server.raw(
        0,
        b"GET /info.php/a/b?c=d HTTP/1.0\r\nHost: h\r\nX-A: 1\r\nConnection: close\r\n\r\n",
    );
    assert_eq!(
        Response::parse(&info).text(),
        "SCRIPT_NAME=/info.php\nPATH_INFO=/a/b\nQUERY_STRING=c=d\nHTTP_X_A=1\n"
    );
    // php-fpm refuses to run what is no script; the server asks it all the same, as nginx does.
    assert_eq!(server.get("/image.jpg/x.php").status, 403);
    server.wait_for_log("FastCGI sent in stderr: \"Access to the script '");

    let post = post("/post.php", "application/x-www-form-urlencoded", b"a=hello");
    let response = Response::parse(&server.raw(0, &post));
    assert_eq!(
        (response.text().as_str(), response.header("X-Method")),
        ("7 hello", Some("POST"))
    );

    let content: Vec<u8> = (0..1_000_000u32).map(|i| (i * 7 % 253) as u8).collect();
    let response = Response::parse(&server.raw(0, &upload(&content)));
    let md5 = md5(&server, &content);
    assert_eq!(response.text(), format!("it.bin {md5} 1000000"));

    let mut stream = server.connect(0);
    stream
        .write_all(b"GET /large.php HTTP/1.0\r\nHost: h\r\nConnection: close\r\n\r\n")
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    let large = Response::parse(&text).text();
    assert_eq!(large.len(), 3_000_000);
    assert!(
        large
            .lines()
            .enumerate()
            .all(|(i, line)| line == format!("{i:09}"))
    );

    assert_eq!(server.get("/fatal.php").status, 500);
    server.wait_for_log("FastCGI sent in stderr: \"PHP message: PHP Fatal error:  Uncaught Error");
    assert_eq!(server.get("/no.php").status, 404);
    server.wait_for_log("FastCGI sent in stderr: \"Primary script unknown\" while reading response header from upstream");
    let response = server.get("/redirect.php");
    assert_eq!(
        (response.status, response.header("Location")),
        (302, Some("/elsewhere"))
    );
    let response = Response::parse(&server.raw(0, b"GET /head.php HTTP/1.0\r\nHost: h\r\n\r\n"));
    assert_eq!((response.status, response.text().as_str()), (418, "tea"));
    assert_eq!(response.header("X-Accel-Limit-Rate"), None);
    let head = server.raw(
        0,
        b"HEAD /info.php HTTP/1.0\r\nHost: h\r\nConnection: close\r\n\r\n",
    );
    assert!(head.starts_with(b"HTTP/1.1 200") && head.ends_with(b"\r\n\r\n"));
    assert_eq!(server.get("/dies.php").status, 502);
    server.wait_for_log("while reading response header from upstream");
    // A worker has died; others serve on.
    assert_eq!(server.get("/info.php").status, 200);
}

fn post(path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn upload(content: &[u8]) -> Vec<u8> {
    let head = "--cut\r\nContent-Disposition: form-data; name=\"f\"; filename=\"it.bin\"\r\n\
                Content-Type: application/octet-stream\r\n\r\n";
    let body = [head.as_bytes(), content, b"\r\n--cut--\r\n"].concat();
    post("/upload.php", "multipart/form-data; boundary=cut", &body)
}

/// By the tool of the system.
fn md5(server: &Server, content: &[u8]) -> String {
    std::fs::write(server.path("it.bin"), content).unwrap();
    let output = Command::new("md5sum")
        .arg(server.path("it.bin"))
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout)
        .split(' ')
        .next()
        .unwrap()
        .to_owned()
}
