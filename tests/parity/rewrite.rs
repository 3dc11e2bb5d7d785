//! The rewrite module, map and the variables of the core module.

use crate::harness::{current, same_answers, same_complaints};

/// A request for each path.
fn gets(paths: &str) -> Vec<String> {
    let get = |path| format!("GET {path} HTTP/1.1\r\nHost: h.test:81\r\nConnection: close\r\n\r\n");
    paths.split_whitespace().map(get).collect()
}

fn compare(inside: &str, requests: &[String]) {
    let requests: Vec<&str> = requests.iter().map(String::as_str).collect();
    same_answers(inside, &requests);
}

const SITE: &str = r#"
  map $uri $m { default d; ~^/m/(?<named>.*)$ "n:$named:$1"; /m/x exact; /M/CASE lower; ~*^/ci/(\d+) $1; "" empty; "/m/sp ace" space; volatile; }
  map "$arg_a$arg_b" $cat { ab AB; default "$arg_a-$arg_b"; }
  map $arg_h $wh { hostnames; default none; .ex.com dot; *.foo.com head; foo.* tail; a.foo.com a; }
  map $cyc $cyc { default x; }
  split_clients $arg_a $sp { 50% one; 25.25% two; * three; }
  server {
    listen 127.0.0.1:%PORT0% default_server; server_name srv.test;
    root %DIR%/root;
    set $srv 1;
    if ($arg_s = stop) { return 418; }
    if ($arg_s = text) { return 418 "teapot $uri\n"; }
    rewrite ^/srv/(.*)$ /vars/$1?from=srv;
    rewrite ^/redir/(.*)$ /x/$1 redirect;
    rewrite ^/perm/(.*)$ /x/$1? permanent;
    rewrite ^/sch/(.*)$ $scheme://h/$1;
    rewrite ^/abs/(.*)$ http://h/$1?x=y;
    rewrite ^/loop0 /loop1;
    location / { return 200 "$uri $args\n"; }
    location /vars/ { add_header X-A "$srv|$m|$cat|$wh|$unset2"; add_header X-Sp $sp; return 200 "[$uri][$args][$arg_a][$arg_A][$cookie_sid][$http_x_y][$is_args][$request_uri]\n"; }
    location /m/ { return 200 "$m|$1|$named\n"; }
    location /M/ { return 200 "$m\n"; }
    location /ci/ { return 200 "$m\n"; }
    location /CI/ { return 200 "$m\n"; }
    location /last/ { rewrite ^/last/(.*)$ /vars/$1 last; return 500; }
    location /brk/ { rewrite ^/brk/(.*)$ /m/$1 break; return 200 "$uri\n"; }
    location /brk2/ { set $a 1; break; set $a 2; return 500; }
    location /nolast/ { rewrite ^/nolast/(.*)$ /vars/$1; rewrite ^/vars/(.*)$ /m/$1; set $a $1; }
    location /loop { rewrite ^ /loop?x; }
    location /zero { rewrite ^ ?; }
    location /zero2 { rewrite ^ $arg_e; }
    location /args1/ { rewrite ^/args1/(.*)$ /vars/x?q=$1&z; }
    location /args2/ { rewrite ^/args2/(.*)$ /vars/x?q=$1? ; }
    location /args3/ { rewrite ^/args3/(.*)$ /vars/x? ; }
    location /args4/ { rewrite ^/args4/(.*)$ /vars/$1?a=?b ; }
    location /args5/ { rewrite ^/args5/(.*)$ /vars/$1x$arg_a; }
    location /seta { set $args "new=$arg_a"; return 200 "$args|$query_string|$is_args|$arg_new\n"; }
    location /lr { set $limit_rate 10k; return 200 "$limit_rate\n"; }
    location /lrbad { set $limit_rate zz; return 200 "$limit_rate\n"; }
    location /q/ { set $v $uri; if ($uri ~ ^/q/(.*)$) { set $v "c:$1"; } return 200 "$v\n"; }
    location /q2/ { rewrite ^/q2/(.*)$ /q2/z/$1 break; set $v "c:$1"; return 200 "$v|$1\n"; }
    location /q3/ { if ($uri ~ ^/q3/(.*)$) { return 301 /to/$1?x=$1; } }
    location /q4/ { rewrite ^/q4/(.*)$ /to/$1?x=$1 redirect; }
    location /nomatch/ { if ($uri ~ ^/nomatch/(.*)$) { } if ($uri ~ zzz) { } return 200 "[$1]\n"; }
    location /neg/ { if ($uri !~ ^/neg/(.*)$) { return 200 no; } return 200 "[$1]\n"; }
    location /opt/ { if ($uri ~ ^/opt/(a)?(b)?(c)?$) { return 200 "[$1][$2][$3]\n"; } return 200 none; }
    location /if/ {
      set $r "";
      if ($arg_a) { set $r "${r}t"; add_header X-A in; }
      if ($arg_a = 0) { set $r "${r}z"; }
      if ($arg_a != 1) { set $r "${r}n"; }
      if ($arg_a ~ B) { set $r "${r}m"; }
      if ($arg_a ~* B) { set $r "${r}i"; }
      if (-f %DIR%/root/$arg_f) { set $r "${r}f"; }
      if (-d %DIR%/root/$arg_f) { set $r "${r}d"; }
      if (-e %DIR%/root/$arg_f) { set $r "${r}e"; }
      if (-x %DIR%/root/$arg_f) { set $r "${r}x"; }
      if (!-e %DIR%/root/$arg_f) { set $r "${r}E"; }
      if ($none) { set $r "${r}N"; }
      return 200 "$r\n";
    }
    location /ifh/ { add_header X-A out; if ($arg_a) { add_header X-A in; } if ($arg_b) { add_header X-B inb; break; set $z 1; } return 200 ok; }
    location /ret/204 { return 204; }
    location /ret/200 { return 200; }
    location /ret/201 { return 201 body; }
    location /ret/301 { return 301 /there?$args; }
    location /ret/302 { return 302 http://x/; }
    location /ret/303 { return 303 rel; }
    location /ret/307 { return 307 $scheme://$host$uri; }
    location /ret/308 { return 308 /a%20b; }
    location /ret/301e { return 301; }
    location /ret/url { return https://url/$arg_a; }
    location /ret/400 { return 400; }
    location /ret/403 { return 403 no; }
    location /ret/404 { return 404; }
    location /ret/444 { return 444; }
    location /ret/499 { return 499; }
    location /ret/500 { return 500; }
    location /ret/503 { return 503 ""; }
    location /ret/599 { return 599; }
    location /ret/600 { return 600; }
    location /ret/700 { return 700 x; }
    location /ret/100 { return 100; }
    location /ret/304 { return 304; }
    location /ret/305 { return 305; }
    location /ret/default { default_type application/json; return 200 '{"a":1}'; }
    location /ret/types.html { types { text/html html; } return 200 x; }
    location /ret/types.xx { types { text/html html; } default_type a/b; return 200 x; }
    location /ret/crlf { return 301 "/x$arg_c"; }
    location /ret/crlf2/ { return 301 $uri; }
    location /ep { error_page 404 = /vars/ep; return 404; }
    location /ep2 { error_page 301 /vars/ep; return 301 /zz; }
    location /un { set $t 1; if ($arg_x) { set $unset 5; } return 200 "[$unset]"; }
    location /un2 { uninitialized_variable_warn off; return 200 "[$unset2]"; }
    location /unset { if ($none) { set $unset2 1; set $none 1; } }
    location /mm { if ($m ~ d) { return 200 mm; } return 200 nn; }
    location ~ ^/re/(?<x1>[a-z]+)/(\d+)$ { return 200 "$x1 $1 $2 $named\n"; }
    location ~ ^/re2/(.*)$ { set $y $1; rewrite ^/re2/(x.*)$ /re2/y/$1 break; return 200 "$y $1\n"; }
    location /hdr { return 200 "$http_x_y|$http_x-y|$http_cookie|$cookie_sid|$cookie_a|$http_user_agent|$http_accept\n"; }
  }
"#;

#[test]
fn rewrites_conditions_and_returns() {
    compare(SITE, &gets("
        / /?a /x?a=1&b=2 /srv/y /srv/y?a=1 /redir/y?a=1 /redir/y /redir/a%20b%3fc /perm/y?a=1 /sch/z?q
        /abs/z?q=1 /loop0 /loop /vars/ /vars/?a=1&A=2&a=3 /vars/?a=x&b=y /vars/?a=a&b=b /vars/?h=ex.com
        /vars/?h=A.EX.com /vars/?h=b.foo.com /vars/?h=foo.org /vars/?h=a.foo.com. /vars/?h=foo.com
        /vars/?h=x.foo.com. /vars/?h=. /m/x /m/y /m/ /M/CASE /m/sp%20ace /ci/12 /CI/12 /last/a?b /brk/q?z
        /brk2/ /nolast/k /zero /zero2 /zero2?e=/vars/e /args1/p?q /args1/a%26b /args1/a+b /args1/a%20b%3f
        /args2/p?q /args3/p?q /args4/p?q /args5/p?a=1 /seta?a=5 /seta /lr /lrbad /q/a%20b /q/ab /q/a+b
        /q/a%26;b /q2/a%20b /q2/ab /q3/a%20b /q3/a%0ab /q3/ab /q4/a%20b /q4/a%26b?k=v /q4/a%25b /q4/%c3%a9
        /q4/ab?k=v /nomatch/z /neg/z /opt/ /opt/a /opt/b /opt/ac /opt/abc /if/ /if/?a=0 /if/?a=1 /if/?a=b
        /if/?a=B&f=a.txt /if/?f=sub /if/?f=run.sh /if/?f=nope /if/?f=fifo /ifh/ /ifh/?a=1 /ifh/?b=1
        /ifh/?a=1&b=1 /ret/204 /ret/200 /ret/201 /ret/301?a=b /ret/302 /ret/303 /ret/307 /ret/308 /ret/301e
        /ret/url?a=1 /ret/400 /ret/403 /ret/404 /ret/500 /ret/503 /ret/599 /ret/600 /ret/700 /ret/304 /ret/305
        /ret/default /ret/types.html /ret/types.xx /ret/crlf?c=%0d%0aX:1 /ep /ep2 /un /un?x=1 /un2 /unset /mm
        /re/abc/12 /re/abc/x /re2/xyz /re2/abc /hdr /?s=stop /x?s=text /x?s=r404 /vars/%41%2f%2e /vars//a///b
        /vars/./a/../b /vars/a%00 /vars/a%2 /../x /vars/#f /vars/a?b#c /vars?a=/../
    "));
}

#[test]
fn fields_methods_and_targets() {
    let with =
        |fields: &str| format!("GET /hdr HTTP/1.1\r\nHost: h\r\n{fields}Connection: close\r\n\r\n");
    let mut requests = vec![
        with("X-Y: a\r\nCookie: sid=1; a=2\r\nCookie: a=3\r\nUser-Agent: me\r\n"),
        with("X_Y: a\r\nCookie: SID = 1;a=b=c\r\n"),
        with("Cookie: sid; sid=1\r\nAccept: x\r\n"),
        with("Cookie: xsid=0;sid=\r\n"),
    ];
    if current() {
        requests.push(with("X-Y: a\r\nX-Y: b\r\nAccept: x\r\nAccept: y\r\n"));
    }
    for line in [
        "GET http://abs.test:99/vars/abs?a=1 HTTP/1.1",
        "GET http://abs.test HTTP/1.1",
        "GET http://abs.test?x=1 HTTP/1.1",
        "GET /vars/ten HTTP/1.0",
        "HEAD /vars/x?a=1 HTTP/1.1",
        "HEAD /ret/201 HTTP/1.1",
        "FOO /vars/foo HTTP/1.1",
    ] {
        requests.push(format!(
            "{line}\r\nHost: H.test\r\nConnection: close\r\n\r\n"
        ));
    }
    compare(SITE, &requests);
}

#[test]
fn networks_and_shares() {
    let site = r#"
        geo $arg_ip $net { default none; 10.0.0.0/8 ten; 10.1.0.0/16 in; delete 10.2.0.0/16; 2001:db8::/32 six; ::1 me; }
        geo $arg_ip $range { ranges; default none; 10.0.0.0-10.255.255.255 ten; 10.1.0.5-10.1.0.9 in; }
        geo $proxied { proxy_recursive; proxy 127.0.0.0/8; proxy 10.0.0.0/8; default none; 192.0.2.0/24 test; }
        split_clients $arg_ip $share { 25% one; 50.55% two; * three; }
        server { listen 127.0.0.1:%PORT0%; return 200 "$net $range $proxied $share\n"; }
    "#;
    let ips = "10.0.0.1 10.1.0.5 10.1.0.9 10.1.0.10 10.1.255.255 10.2.0.1 11.0.0.0 ::1 2001:db8::5 2001:db9::
        ::ffff:10.1.0.6 255.255.255.255 x 010.1.0.7";
    let mut requests: Vec<String> = gets(
        &ips.split_whitespace()
            .map(|ip| format!("/?ip={ip} "))
            .collect::<String>(),
    );
    for list in [
        "192.0.2.1",
        "192.0.2.1, 10.0.0.1",
        "192.0.2.1, 11.0.0.1",
        "x",
        "192.0.2.1:80",
    ] {
        requests.push(format!(
            "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: {list}\r\nConnection: close\r\n\r\n"
        ));
    }
    compare(site, &requests);
}

#[test]
fn complaints() {
    same_complaints(&[
        r##"server { listen 127.0.0.1:2; rewrite ^ ""; }"##,
        r##"server { listen 127.0.0.1:2; rewrite (a /b; }"##,
        r##"server { listen 127.0.0.1:2; rewrite ^ /b foo; }"##,
        r##"server { listen 127.0.0.1:2; rewrite ^ /$; }"##,
        r##"server { listen 127.0.0.1:2; rewrite ^ /${a; }"##,
        r##"server { listen 127.0.0.1:2; rewrite ^ /${; }"##,
        r##"server { listen 127.0.0.1:2; rewrite ^ /${}; }"##,
        r##"server { listen 127.0.0.1:2; rewrite ^ /${1}; }"##,
        r##"server { listen 127.0.0.1:2; rewrite ^ /$nope; }"##,
        r##"server { listen 127.0.0.1:2; rewrite ^ "?"; }"##,
        r##"server { listen 127.0.0.1:2; rewrite (?<host>a) /b; }"##,
        r##"server { listen 127.0.0.1:2; rewrite '[a' /b; }"##,
        r##"server { listen 127.0.0.1:2; return; }"##,
        r##"server { listen 127.0.0.1:2; return 1000; }"##,
        r##"server { listen 127.0.0.1:2; return abc; }"##,
        r##"server { listen 127.0.0.1:2; return 200 a b; }"##,
        r##"server { listen 127.0.0.1:2; return /x; }"##,
        r##"server { listen 127.0.0.1:2; return -1; }"##,
        r##"server { listen 127.0.0.1:2; return ""; }"##,
        r##"server { listen 127.0.0.1:2; return 0200; }"##,
        r##"server { listen 127.0.0.1:2; return http://x y; }"##,
        r##"server { listen 127.0.0.1:2; return 200 $; }"##,
        r##"server { listen 127.0.0.1:2; set a b; }"##,
        r##"server { listen 127.0.0.1:2; set $ b; }"##,
        r##"server { listen 127.0.0.1:2; set $host b; }"##,
        r##"server { listen 127.0.0.1:2; set $args b; }"##,
        r##"server { listen 127.0.0.1:2; set $http_x b; }"##,
        r##"server { listen 127.0.0.1:2; set $a-b c; set $c $a-b; }"##,
        r##"server { listen 127.0.0.1:2; set "" b; }"##,
        r##"server { listen 127.0.0.1:2; if a { } }"##,
        r##"server { listen 127.0.0.1:2; if ( { } }"##,
        r##"server { listen 127.0.0.1:2; if () { } }"##,
        r##"server { listen 127.0.0.1:2; if ( ) { } }"##,
        r##"server { listen 127.0.0.1:2; if ($a { } }"##,
        r##"server { listen 127.0.0.1:2; if ($host = a b) { } }"##,
        r##"server { listen 127.0.0.1:2; if ($host =) { } }"##,
        r##"server { listen 127.0.0.1:2; if ($host == a) { } }"##,
        r##"server { listen 127.0.0.1:2; if ($host ~ (a) { } }"##,
        r##"server { listen 127.0.0.1:2; if ($host "~" a) { } }"##,
        r##"server { listen 127.0.0.1:2; if (-f) { } }"##,
        r##"server { listen 127.0.0.1:2; if (-q /x) { } }"##,
        r##"server { listen 127.0.0.1:2; if (!-q /x) { } }"##,
        r##"server { listen 127.0.0.1:2; if (-f a b) { } }"##,
        r##"server { listen 127.0.0.1:2; if ($) { } }"##,
        r##"server { listen 127.0.0.1:2; if (host) { } }"##,
        r##"server { listen 127.0.0.1:2; if ($host) { if ($host) { } } }"##,
        r##"server { listen 127.0.0.1:2; if ($host) { root /x; } }"##,
        r##"server { listen 127.0.0.1:2; if ($host !~* a) { break x; } }"##,
        r##"server { listen 127.0.0.1:2; if ($nope) { } }"##,
        r##"server { listen 127.0.0.1:2; if ($host = "a b") { } }"##,
        r##"server { listen 127.0.0.1:2; if ( $host = "a b" ) { } }"##,
        r##"server { listen 127.0.0.1:2; if ($host !) { } }"##,
        r##"server { listen 127.0.0.1:2; if ($host ! a) { } }"##,
        r##"server { listen 127.0.0.1:2; if ("$host" = a) { } }"##,
        r##"break;"##,
        r##"rewrite_log on; rewrite_log off;"##,
        r##"rewrite_log yes;"##,
        r##"map $host a {}"##,
        r##"map $host $ {}"##,
        r##"map $host $host {}"##,
        r##"map $ $x {}"##,
        r##"map $nope $x {}"##,
        r##"map $host $x { a; }"##,
        r##"map $host $x { a b c; }"##,
        r##"map $host $x { default a; default b; }"##,
        r##"map $host $x { a b; A c; }"##,
        r##"map $host $x { hostnames; a.* b; *.a.* c; }"##,
        r##"map $host $x { hostnames; .a.com b; a.com c; }"##,
        r##"map $host $x { hostnames; *.A.com b; .a.com c; }"##,
        r##"map $host $x { ~(a b; }"##,
        r##"map $host $x { "~*(a" b; }"##,
        r##"map $host $x { a $; }"##,
        r##"map $host $x { a {} }"##,
        r##"map $host $x { } map_hash_max_size 1;"##,
        r##"map_hash_max_size 1; map_hash_max_size 1;"##,
        r##"map $host { }"##,
        r##"map $host $x { \\default b; default c; "\hostnames" d; }"##,
        r##"map $host $x { volatile; hostnames; hostnames a; }"##,
        r##"map $host $x { ~(?<host>a) b; }"##,
        r##"map $host $x { a $1$nope; }"##,
        r##"map $host $x { a b; } map $host $x { a c; }"##,
        r##"log_format x "$host $nope $x";"##,
        r##"geo $x { 10.0.0.1/8 b; 10.0.0.0/8 c; delete 11.0.0.0/8; }"##,
        r##"geo $x { ranges; 10.0.0.1-10.0.0.9 b; 10.0.0.5-10.1.0.1 c; }"##,
        r##"geo $x { default a; ranges; }"##,
        r##"split_clients $host $x { 60% a; 50% b; }"##,
        r##"split_clients $host $x { 1.234% a; }"##,
    ]);
}
