//! Configurations and requests made up by chance, the same for the same seed.

/// Numbers that look like chance (xorshift64*).
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
    }

    /// A number below this one.
    pub fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    /// Whether it is one of so many cases.
    pub fn one_in(&mut self, cases: usize) -> bool {
        self.below(cases) == 0
    }

    /// One of these.
    pub fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

/// The files below `html` of each site.
pub const FILES: &[&str] = &[
    "index.html",
    "a/index.html",
    "a/b/index.html",
    "a/b/c",
    "a/b.txt",
    "b/c",
    "c.php",
    "b/b/a.html",
    "error.html",
];

pub const HOSTS: &[&str] = &[
    "one.example",
    "two.example",
    "x.two.example",
    "y.x.two.example",
    "three.example",
    "three.org",
    "app7.test",
    "nobody",
    "ONE.example",
    "four.example.",
];

const NAMES: &[&str] = &[
    "server_name one.example;",
    "server_name .two.example two.*;",
    "server_name three.* *.three.example;",
    "server_name ~^app(?<app>\\d)\\.test$ four.example;",
    "",
];

const PREFIXES: &[&str] = &[
    "/", "/a", "/a/", "/a/b", "/a/b/", "/b/", "/b/b", "/c", "/c/",
];
const REGEXES: &[&str] = &[
    "\\.php$",
    "^/a/(.*)$",
    "b",
    "^/b/(?<rest>.+)$",
    "/c$",
    "\\.(txt|html)$",
    "^/[ab]/b",
];

/// The inside of `http`: several servers on one port, with locations in locations.
pub fn http(chance: &mut Chance) -> String {
    let mut text = String::from(
        "debug_route 0.0.0.0/0;\nupstream app { server 127.0.0.1:%PORT1%; server 127.0.0.1:%PORT2%; }\n\
         map $uri $kind { default plain; ~\\.php$ php; ~^/a/(.*)$ \"in-$1\"; /b/c bc; }\n\
         map $kind$args $old { php /c; hostnames; }\n",
    );
    if chance.one_in(2) {
        text.push_str("add_header X-Outer $kind;\n");
    }
    let default = chance.below(NAMES.len() + 2);
    for (number, name) in NAMES.iter().enumerate() {
        let default = if number == default {
            " default_server"
        } else {
            ""
        };
        text.push_str(&format!(
            "server {{ listen 127.0.0.1:%PORT0%{default}; {name}\n  root html;\n"
        ));
        server(chance, &mut text);
        text.push_str("}\n");
    }
    text
}

fn server(chance: &mut Chance, text: &mut String) {
    if chance.one_in(6) {
        text.push_str("  set_real_ip_from 127.0.0.0/8; real_ip_header X-Real-IP;\n");
    }
    if chance.one_in(6) {
        text.push_str(
            "  error_page 401 403 =200 /index.html; error_page 500 http://$host/sorry;\n",
        );
    }
    if chance.one_in(3) {
        text.push_str("  error_page 404 /error.html;\n");
    } else if chance.one_in(3) {
        text.push_str("  error_page 404 403 = @named;\n");
    }
    if chance.one_in(4) {
        text.push_str("  rewrite ^/a/b(.*)$ /b$1;\n");
    }
    if chance.one_in(4) {
        text.push_str("  if ($args ~ go) { return 302 /went?$args; }\n");
    }
    if chance.one_in(4) {
        text.push_str("  add_header X-Server $server_name always;\n");
    }
    locations(chance, text, "", 0);
    for name in ["@named", "@other"] {
        let body = match chance.below(4) {
            0 => "return 200 \"named $uri\";",
            1 => "proxy_pass http://app;",
            2 => "rewrite ^ /index.html break;",
            _ => "root html/a;",
        };
        text.push_str(&format!("  location {name} {{ {body} }}\n"));
    }
}

/// Locations inside of one with this prefix.
fn locations(chance: &mut Chance, text: &mut String, outer: &str, depth: usize) {
    let indent = "  ".repeat(depth + 1);
    for name in PREFIXES.iter().filter(|name| name.starts_with(outer)) {
        if chance.one_in(2) || *name == outer {
            continue;
        }
        let modifier = chance.of(&["", "", "", "^~ "]);
        text.push_str(&format!("{indent}location {modifier}{name} {{\n"));
        body(chance, text, depth, name, false);
        if depth < 2 && chance.one_in(2) {
            locations(chance, text, name, depth + 1);
        }
        text.push_str(&format!("{indent}}}\n"));
        if chance.one_in(3) {
            text.push_str(&format!("{indent}location = {name} {{\n"));
            body(chance, text, depth, name, false);
            text.push_str(&format!("{indent}}}\n"));
        }
    }
    for regex in REGEXES {
        if chance.one_in(4) {
            let modifier = chance.of(&["~", "~*"]);
            text.push_str(&format!("{indent}location {modifier} {regex} {{\n"));
            body(chance, text, depth, regex, true);
            text.push_str(&format!("{indent}}}\n"));
        }
    }
}

fn body(chance: &mut Chance, text: &mut String, depth: usize, name: &str, regex: bool) {
    let indent = "  ".repeat(depth + 2);
    let mut line = |line: &str| text.push_str(&format!("{indent}{line}\n"));
    if chance.one_in(4) {
        line("add_header X-Kind \"$kind $location\";");
    }
    if chance.one_in(6) {
        line("internal;");
    }
    if chance.one_in(8) {
        line(chance.of(&[
            "deny all;",
            "allow 127.0.0.1; deny all;",
            "satisfy any; deny all; auth_basic Members; auth_basic_user_file htpasswd;",
            "auth_basic $kind; auth_basic_user_file htpasswd;",
            "auth_request /auth/$kind;",
            "auth_request /b/c;",
        ]));
    }
    if chance.one_in(6) {
        line("set $v \"$uri-$args\"; add_header X-V $v always;");
    }
    if chance.one_in(6) {
        line("if ($kind = php) { rewrite ^(.*)\\.php$ $1 last; }");
    }
    if chance.one_in(8) {
        line("if ($old) { return 301 $old; }");
    }
    if chance.one_in(8) {
        line("if ($request_method = POST) { add_header X-If yes; return 403; }");
    }
    if chance.one_in(10) {
        line("if (-f $request_filename) { break; }");
    }
    if chance.one_in(6) {
        line(chance.of(&[
            "rewrite ^/a/(.*)$ /b/$1 last;",
            "rewrite ^/b/(.*)$ /c/$1?x=1 break;",
            "rewrite ^(.*)/c$ $1/b permanent;",
            "rewrite ^/(.)/b /$1?kept? redirect;",
            "rewrite b /a last;",
        ]));
    }
    match chance.below(20) {
        0 => line("return 200 \"$uri $kind\";"),
        1 => line("return 404;"),
        2 => line("return 301 /moved$uri;"),
        3 => line("try_files $uri $uri/ @named;"),
        4 => line("try_files $uri/index.html $uri /index.html;"),
        5 => line("try_files $uri =404;"),
        6 => line("proxy_pass http://app;"),
        7 if !regex && !name.is_empty() => line("proxy_pass http://127.0.0.1:%PORT1%/base/;"),
        8 => line("proxy_pass http://127.0.0.1:%PORT1%$uri; proxy_set_header X-Kind $kind;"),
        9 if !regex => line("alias html/a/;"),
        10 => line("autoindex on; index nothing.html index.html;"),
        11 => line("limit_except GET { deny all; }"),
        12 => line("if ($args) { proxy_pass http://app; } expires 1h;"),
        13 => line("return 200; error_page 405 =204 @other;"),
        14 => line("proxy_pass http://127.0.0.1:%PORT1%/x/$kind?$args; proxy_method PUT;"),
        15 => line("return 444;"),
        16 => line("root html/$kind; index /index.html;"),
        17 => line("empty_gif;"),
        _ => {}
    }
}

/// A path with a query now and then.
pub fn target(chance: &mut Chance) -> String {
    let mut path = String::new();
    for _ in 0..=chance.below(4) {
        path.push_str(chance.of(&[
            "/a",
            "/b",
            "/c",
            "/a/",
            "/b/",
            "/index.html",
            "/b.txt",
            "/c.php",
            "/x",
            "/%61",
            "/B",
        ]));
    }
    if chance.one_in(4) {
        path.push('/');
    }
    if chance.one_in(5) {
        path.push_str(chance.of(&["?x=1", "?go=2", "?", "?a=b%20c&d"]));
    }
    path
}
