//! Whatever stands in a configuration, `-t` ends with a verdict: no panic, no endless loop.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

mod common;

use common::Site;

/// A configuration with some of everything.
const SEED: &str = r#"
worker_processes 2; pid pid; error_log error.log info;
events { worker_connections 100; }
http {
    include mime.types; default_type text/plain;
    log_format main '$remote_addr "$request" $status ${body_bytes_sent} "$http_user_agent"';
    access_log access.log main buffer=4k flush=1s;
    map $uri $to { default 0; ~^/(?<rest>.*)$ $rest; *.example.com 1; volatile; }
    geo $net { default a; 10.0.0.0/8 b; 2001:db8::/32 c; }
    split_clients $remote_addr $half { 50% one; * two; }
    limit_req_zone $binary_remote_addr zone=slow:1m rate=10r/s;
    limit_conn_zone $server_name zone=few:1m;
    upstream group { zone group 64k; server 127.0.0.1:8081 weight=2 max_fails=1 fail_timeout=3s; keepalive 4; }
    gzip on; gzip_types text/css application/json; gzip_min_length 1k;
    server {
        listen 127.0.0.1:8080 default_server reuseport; listen [::1]:8080;
        server_name a.example *.b.example ~^(?<sub>\w+)\.c\.example$ "";
        root html/$sub; index index.html; error_page 404 =200 /404.html; error_page 500 502 @down;
        location / { try_files $uri $uri/ =404; expires 1h; add_header X-A "b$net" always; }
        location ^~ /api/ { proxy_pass http://group/v1/; proxy_set_header Host $host; proxy_read_timeout 5s; }
        location ~* \.(?:css|js)$ { if ($arg_a ~ "x{1,2}") { return 302 https://$host$request_uri; } access_log off; }
        location = /login { limit_req zone=slow burst=5 nodelay; limit_conn few 3; satisfy any; allow 127.0.0.1; deny all; }
        location @down { rewrite ^/(.*)$ /x/$1 last; set $a "${to}b"; return 503; }
    }
}
"#;

/// What is put in the place of words.
const ODD: &[&str] = &[
    "",
    "$",
    "${",
    "${a",
    "$1",
    "~",
    "~*(",
    "\"~(\u{e9}\"",
    "~\u{e9}(\u{1f600}",
    "(?<a>",
    "(",
    "\\",
    "\"",
    "'",
    "{",
    "}",
    ";",
    "#",
    "*",
    "*.",
    ".",
    "=",
    "@",
    "/",
    "[::",
    "[::1]:99999",
    "unix:",
    "-1",
    "0",
    "18446744073709551616",
    "9223372036854775807",
    "99999999999d",
    "1.5",
    "zone=a:1",
    "zone=:0",
    "0.0.0.0/33",
    "100%",
    "include *",
    "include /dev/null",
    "\u{0}",
    "\u{feff}",
    "!-f",
    "http",
    "server",
];

/// Numbers that are the same on every run (Marsaglia's xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end.max(1) as u64).unwrap()
    }
}

/// The text in words, spaces and punctuation.
fn words(text: &str) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let class = |b: u8| match b {
        b';' | b'{' | b'}' => 2,
        b if b.is_ascii_whitespace() => 1,
        _ => 0,
    };
    for byte in text.bytes() {
        match all.last_mut() {
            Some(word) if class(word[0]) == class(byte) && class(byte) != 2 => word.push(byte),
            _ => all.push(vec![byte]),
        }
    }
    all
}

fn mutate(words: &mut Vec<Vec<u8>>, numbers: &mut Numbers) {
    let (at, other) = (numbers.below(words.len()), numbers.below(words.len()));
    match numbers.below(6) {
        0 => drop(words.remove(at)),
        1 => words.insert(at, words[other].clone()),
        2 => words.swap(at, other),
        3 => words[at] = ODD[numbers.below(ODD.len())].into(),
        4 => {
            let some: Vec<_> = words[at..(at + 30).min(words.len())].to_vec();
            words.splice(at..at, some);
        }
        _ => {
            let bit = numbers.below(8);
            let byte = numbers.below(words[at].len());
            if let Some(byte) = words[at].get_mut(byte) {
                *byte ^= 1 << bit;
            }
        }
    }
}

#[test]
fn any_text_gets_a_verdict() {
    let site = Site::new("");
    site.write("mime.types", "types { text/html html; text/css css; }");
    site.write("nginx.conf", SEED);
    let output = site.run(&["-t"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (mut right, mut wrong) = (0, 0);
    for _ in 0..300 {
        let mut text = words(SEED);
        for _ in 0..=numbers.below(4) {
            mutate(&mut text, &mut numbers);
        }
        let text = text.concat();
        std::fs::write(site.path("nginx.conf"), &text).unwrap();
        let output = site.run(&["-t"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let of = || format!("{said}\n{}", String::from_utf8_lossy(&text));
        assert!(!said.contains("panic"), "{}", of());
        match output.status.code() {
            Some(0) => right += 1,
            Some(1) => {
                wrong += 1;
                assert!(said.contains("[emerg]"), "{}", of());
            }
            _ => assert!(output.status.success(), "{}", of()),
        }
    }
    assert!(right > 10 && wrong > 10, "{right} right, {wrong} wrong");
}

#[test]
fn faults_beside_characters_of_several_bytes_are_told() {
    let within = |text: &str| format!("events {{}} http {{ server {{ {text} }} }}").into_bytes();
    let long = format!("http {{ \u{e9}{};", "x".repeat(5000)).into_bytes();
    let cases = [
        (
            within("location ~ \"(\u{e9}\" { }"),
            "pcre2_compile() failed: ",
        ),
        (
            within("location ~ \u{e9}(\u{e9} { }"),
            "pcre2_compile() failed: ",
        ),
        (
            within("rewrite \u{1f600}**\u{1f600} /;"),
            "pcre2_compile() failed: ",
        ),
        (
            within("location ~ \"(?\u{e9}\" { }"),
            "pcre2_compile() failed: ",
        ),
        (long, "too long parameter \"\u{e9}xxxxxxxx...\" started"),
        (b"# \xff\nevents {}\n'c'\xc3\xa9;".to_vec(), "unexpected \""),
        ("events {}\n'c'\u{e9};".into(), "unexpected \"\u{e9}"),
    ];
    let site = Site::new("");
    for (text, sentence) in cases {
        std::fs::write(site.path("nginx.conf"), &text).unwrap();
        for arguments in [&["-t"][..], &["-t", "--error-format=json"], &[]] {
            let output = site.run(arguments);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let whole = format!("{said}\n{}", String::from_utf8_lossy(&text));
            assert!(!said.contains("panic"), "{whole}");
            assert_eq!(output.status.code(), Some(1), "{whole}");
            let sentence = match arguments {
                [_, _] => sentence.replace('"', "\\\""),
                _ => format!("nginx: [emerg] {sentence}"),
            };
            assert!(said.contains(&sentence), "{whole}");
        }
    }
}

#[test]
fn a_lot_of_anything_gets_a_verdict() {
    let site = Site::new("");
    let many = |text: &str| text.repeat(250_000 / text.len());
    let within = |text: String| format!("events {{}} http {{ {text}");
    let texts = [
        many("}"),
        many(";"),
        within(many(";")),
        within(many("a;")),
        many("a{"),
        many("a}"),
        many("a {}"),
        within(format!("map $uri $a {{ {}", many("; a"))),
        within(format!("types {{ {}", many("a {} "))),
        many("'a' "),
        many("'"),
    ];
    for text in texts {
        std::fs::write(site.path("nginx.conf"), &text).unwrap();
        let output = site.run(&["-t"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let head: String = text.chars().take(60).collect();
        assert_eq!(output.status.code(), Some(1), "{head}\n{said}");
        let errors = said.matches("nginx: [emerg] ").count();
        assert!((1..=50).contains(&errors), "{head}\n{errors}");
        let rest = said.contains("no more than 50 errors are shown: there may be others");
        assert_eq!(rest, errors == 50, "{head}\n{said}");
        assert!(said.len() < 100_000, "{head}\n{}", said.len());
    }
}
