//! Modules of which there is not much to say: referer, secure_link, userid, random_index, disable_symlinks,
//! open_file_cache, auth_delay, post_action, mirror; addresses that are unix sockets; what fields inherit.

use crate::harness::{current, same_complaints};
use crate::origin::{Act, ok};
use crate::pair::{AS_NOW, Pair};
use std::os::unix::fs::symlink;

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n")
}

fn compare(pair: &Pair, requests: &[String]) {
    pair.same_each(&requests.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn referers() {
    let site = r#"server { listen 127.0.0.1:%PORT0%; server_name own.test www.own.* *.wild.test ~^re[0-9]\.test$;
        location / { valid_referers none blocked server_names *.friend.test/in example.* www.example.org/galleries/ ~\.google\. "~/path/x$"; return 200 [$invalid_referer]; }
        location /names { valid_referers server_names; return 200 [$invalid_referer]; }
        location /none { valid_referers none z.test; return 200 [$invalid_referer]; }
        location /blocked { valid_referers blocked a.test; return 200 [$invalid_referer]; }
        location /open { return 200 [$invalid_referer]; }
        location /if { valid_referers none a.test *.b.test c.*; if ($invalid_referer) { return 403; } return 200 fine; }
        location /hash { referer_hash_max_size 64; referer_hash_bucket_size 256; valid_referers a.test b.test/x; return 200 [$invalid_referer]; }
        location / { }
    }"#.replace("        location / { }\n", "");
    let Some(pair) = Pair::start(&site) else {
        return;
    };
    let referers = [
        "http://own.test/x",
        "http://own.test",
        "http://own.test:8080/x",
        "https://own.test/",
        "HTTPS://OWN.TEST/",
        "ftp://own.test/",
        "own.test",
        "http://www.own.net/",
        "http://www.own.net.x/",
        "http://a.wild.test/",
        "http://wild.test/",
        "http://re1.test/",
        "http://re11.test/",
        "http://www.friend.test/in/x",
        "http://www.friend.test/inside",
        "http://www.friend.test/out",
        "HTTPS://WWW.friend.test:8080/in/x",
        "http://friend.test/in",
        "http://example.com/",
        "http://example.com.evil/",
        "http://example./",
        "http://www.example.org/galleries/1",
        "http://www.example.org/galleries",
        "http://www.example.org/",
        "http://www.google.com/search",
        "http://google.com/",
        "http://x.test/path/x",
        "http://x.test/path/x/",
        "http://",
        "http:///x",
        "https://a.test/",
        "http://a.test./",
        "http://A.Test/x",
        "http://b.test/x",
        "http://b.test/y",
        "http://c.b.test/",
        "http://c.com/x",
        "-",
        "stripped",
        "",
        " ",
        "http://[::1]/",
        "http://own.test@evil.test/",
        "http://user@own.test/",
        "http://own.test?x",
        "http://own.test#x",
        "http://a.test:x/",
    ];
    let mut requests = Vec::new();
    for path in ["/", "/names", "/none", "/blocked", "/open", "/if", "/hash"] {
        requests.push(get(path, ""));
        requests.extend(referers.map(|referer| get(path, &format!("Referer: {referer}\r\n"))));
    }
    compare(&pair, &requests);
}

#[test]
fn links_with_secrets() {
    // md5 of what the comments say, in base64 for URLs; the far future and the past.
    let site = r#"server { listen 127.0.0.1:%PORT0%;
        location /md5 { secure_link $arg_hash,$arg_e; secure_link_md5 secret$uri$arg_e; return 200 "[$secure_link][$secure_link_expires]"; }
        location /plain { secure_link $arg_hash; secure_link_md5 "$uri secret"; return 200 "[$secure_link][$secure_link_expires]"; }
        location /none { return 200 "[$secure_link][$secure_link_expires]"; }
        location /half { secure_link $arg_hash; return 200 "[$secure_link]"; }
        location /p/ { secure_link_secret word; return 200 "[$secure_link]"; }
        location /inherit { location /inherit/md5 { secure_link $arg_hash,$arg_e; secure_link_md5 secret$uri$arg_e; return 200 "[$secure_link][$secure_link_expires]"; } }
    }"#;
    let Some(pair) = Pair::start(site) else {
        return;
    };
    let hash = |text: &str| {
        use base64::Engine;
        use md5::{Digest, Md5};
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(Md5::digest(text.as_bytes()))
    };
    let hex = |text: &str| {
        use md5::{Digest, Md5};
        let digest = Md5::digest(text.as_bytes());
        digest
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
    };
    let mut requests = Vec::new();
    for expires in ["", "1", "4102444800", "-1", "x", "99999999999999999999"] {
        for path in ["/md5", "/md5/more", "/inherit/md5"] {
            let good = hash(&format!("secret{path}{expires}"));
            for value in [
                good.clone(),
                format!("{good}=="),
                good[1..].to_owned(),
                format!("{good}A"),
                String::new(),
                "!".repeat(22),
                "_".repeat(22),
            ] {
                requests.push(get(&format!("{path}?hash={value}&e={expires}"), ""));
            }
        }
    }
    let good = hash("/plain secret");
    for value in [
        good.as_str(),
        "x",
        "",
        &good[..21],
        &format!("{good},1"),
        &format!("{good},4102444800"),
    ] {
        requests.push(get(&format!("/plain?hash={value}"), ""));
        requests.push(get(&format!("/half?hash={value}"), ""));
    }
    requests.push(get("/none", ""));
    for rest in ["file", "dir/file", "a%20b", ""] {
        let text = rest.replace("%20", " ");
        for hash in [
            hex(&format!("{text}word")),
            hex("word"),
            hex("x"),
            hex(&format!("{text}word")).to_uppercase(),
            String::from("short"),
        ] {
            requests.push(get(&format!("/p/{hash}/{rest}"), ""));
        }
    }
    requests.extend(["/p", "/p/", "/p/x", "/p//"].map(|path| get(path, "")));
    compare(&pair, &requests);
}

#[test]
fn cookies_by_which_clients_are_known() {
    let site = r#"server { listen 127.0.0.1:%PORT0%; root %DIR%/files; userid_domain .h.test; userid_path /x; userid_name who;
        add_header X-Id "$uid_got|$uid_set|$uid_reset" always;
        location / { }
        location /on { userid on; alias %DIR%/files/a; }
        location /v1 { userid v1; alias %DIR%/files/a; }
        location /log { userid log; alias %DIR%/files/a; }
        location /off { userid off; alias %DIR%/files/a; }
        location /mark { userid on; userid_mark A; alias %DIR%/files/a; }
        location /flags { userid on; userid_flags secure httponly samesite=lax; userid_expires 1d; userid_p3p 'CP="x"'; alias %DIR%/files/a; }
        location /max { userid on; userid_expires max; userid_domain none; alias %DIR%/files/a; }
        location /service { userid on; userid_service 7; alias %DIR%/files/a; }
        location /reset { userid on; set $uid_reset $arg_r; alias %DIR%/files/a; }
        location /none { userid on; }
        location /return { userid on; return 204; }
    }"#;
    let Some(pair) = Pair::start(site) else {
        return;
    };
    pair.write("files/a", "text");
    // New ones are told from old ones by everything but what is in them.
    let known = "who=fwAAAWVT8QAAAAABAwMDAg==";
    let mut fixed = Vec::new();
    for path in ["/", "/log", "/off"] {
        for cookie in [
            known,
            "who=short",
            "other=1",
            "WHO=fwAAAWVT8QAAAAABAwMDAg==",
            "a=1; who=fwAAAWVT8QAAAAABAwMDAg==; b=2",
            "who=!!!!!!!!!!!!!!!!!!!!!!==",
        ] {
            fixed.push(get(path, &format!("Cookie: {cookie}\r\n")));
        }
        fixed.push(get(path, ""));
    }
    for path in [
        "/on", "/v1", "/flags", "/max", "/service", "/none", "/return",
    ] {
        fixed.push(get(path, &format!("Cookie: {known}\r\n")));
    }
    fixed.push(get("/mark", "Cookie: who=fwAAAWVT8QAAAAABAwMDAgA=\r\n"));
    fixed.push(get("/mark", "Cookie: who=fwAAAWVT8QAAAAABAwMDAgB=\r\n"));
    fixed.push(get("/mark", &format!("Cookie: {known}\r\n")));
    compare(&pair, &fixed);
    let fresh = [
        "/on",
        "/v1",
        "/flags",
        "/max",
        "/service",
        "/mark",
        "/none",
        "/return",
        "/reset?r=1",
        "/reset?r=log",
    ];
    for path in fresh {
        for cookie in ["", "Cookie: who=bad\r\n"] {
            pair.same_shape(&get(path, cookie));
        }
    }
    pair.same_shape(&get("/reset?r=1", &format!("Cookie: {known}\r\n")));
    pair.same_shape(&get("/reset?r=log", &format!("Cookie: {known}\r\n")));
    pair.same_errors(4);
}

#[test]
fn a_file_by_chance() {
    let site = "server { listen 127.0.0.1:%PORT0%; root %DIR%/files;
        location / { random_index on; } location /off/ { random_index off; index a; } location /empty/ { random_index on; } }";
    let Some(pair) = Pair::start(site) else {
        return;
    };
    for name in [
        "files/one/a.html",
        "files/off/a",
        "files/hidden/.b",
        "files/hidden/a.html",
    ] {
        pair.write(name, name);
    }
    pair.each(|site| std::fs::create_dir_all(site.path("files/empty/dir")).unwrap());
    let paths = [
        "/one/",
        "/one",
        "/off/",
        "/empty/",
        "/none/",
        "/hidden/",
        "/one/a.html",
    ];
    let mut requests: Vec<String> = paths.iter().map(|path| get(path, "")).collect();
    requests.extend(paths.map(|path| {
        format!("POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    }));
    requests.extend(
        paths.map(|path| format!("HEAD {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")),
    );
    compare(&pair, &requests);
    for name in ["x", "y", "z"] {
        pair.write(&format!("files/many/{name}.html"), "the same");
    }
    compare(&pair, &vec![get("/many/", ""); 10]);
}

#[test]
fn links_in_the_file_system() {
    let site = r#"server { listen 127.0.0.1:%PORT0%; root %DIR%/www;
        location / { }
        location /on/ { disable_symlinks on; }
        location /owner/ { disable_symlinks if_not_owner; }
        location /from/ { disable_symlinks on from=%DIR%/www/from; }
        location /var/ { disable_symlinks on from=$document_root$arg_from; }
        location /off/ { disable_symlinks off; }
        location /index/ { disable_symlinks on; index link.html file.html; }
        location /list/ { disable_symlinks on; autoindex on; }
        location /try/ { disable_symlinks on; try_files /off/link.html /off/file.html =404; }
        location /gz/ { disable_symlinks on; gzip_static on; }
        location /cached/ { disable_symlinks on; open_file_cache max=10; open_file_cache_errors on; alias %DIR%/www/on/; }
    }"#;
    let Some(pair) = Pair::start(site) else {
        return;
    };
    for dir in ["on", "owner", "from", "var", "off", "index", "list", "gz"] {
        pair.write(&format!("www/{dir}/file.html"), dir);
        pair.write(&format!("www/{dir}/sub/file.html"), dir);
        pair.write(&format!("www/{dir}/packed.html.gz"), dir);
        pair.each(|site| {
            let at = |name: &str| site.path(&format!("www/{dir}/{name}"));
            symlink("file.html", at("link.html")).unwrap();
            symlink("sub", at("linked")).unwrap();
            symlink("/etc/passwd", at("out.html")).unwrap();
            symlink("/nowhere/at/all", at("broken.html")).unwrap();
            symlink("round.html", at("round.html")).unwrap();
            symlink("packed.html.gz", at("file.html.gz")).unwrap();
        });
    }
    let mut requests = Vec::new();
    for dir in ["on", "owner", "from", "var", "off", "gz", "cached"] {
        for name in [
            "file.html",
            "link.html",
            "linked/file.html",
            "linked",
            "sub",
            "sub/../link.html",
            "broken.html",
            "round.html",
            "none/file.html",
            "file.html/x",
        ] {
            requests.push(get(&format!("/{dir}/{name}"), ""));
        }
        requests.push(get(
            &format!("/{dir}/file.html"),
            "Accept-Encoding: gzip\r\n",
        ));
    }
    for path in [
        "/on/out.html",
        "/index/",
        "/list/linked/",
        "/try/x",
        "/var/linked/file.html?from=/var/linked",
        "/var/link.html?from=/var/",
        "/var/linked/file.html?from=/none",
    ] {
        requests.push(get(path, ""));
    }
    compare(&pair, &requests);
    pair.same_errors(20);
}

#[test]
fn what_is_kept_of_files() {
    // Nothing changes meanwhile: what is kept does not show.
    let site = r#"server { listen 127.0.0.1:%PORT0%; root %DIR%/www;
        open_file_cache max=3 inactive=60s; open_file_cache_valid 60s; open_file_cache_min_uses 1; open_file_cache_errors on;
        location / { }
        location /uses/ { open_file_cache max=10; open_file_cache_min_uses 3; }
        location /errors/ { open_file_cache_errors off; }
        location /off/ { open_file_cache off; }
    }"#;
    let Some(pair) = Pair::start(site) else {
        return;
    };
    for dir in ["", "uses/", "errors/", "off/"] {
        for name in ["a.html", "b.html", "index.html", "sub/c.html"] {
            pair.write(&format!("www/{dir}{name}"), name);
        }
    }
    pair.each(|site| symlink("a.html", site.path("www/link.html")).unwrap());
    let mut requests = Vec::new();
    for _ in 0..3 {
        for dir in ["/", "/uses/", "/errors/", "/off/"] {
            for name in [
                "a.html",
                "b.html",
                "",
                "sub",
                "sub/c.html",
                "none.html",
                "none/x",
                "a.html/x",
                "link.html",
            ] {
                requests.push(get(&format!("{dir}{name}"), ""));
            }
            requests.push(get(&format!("{dir}a.html"), "Range: bytes=1-2\r\n"));
        }
    }
    compare(&pair, &requests);
    pair.same_errors(15);
}

#[test]
fn what_comes_after_the_answer() {
    let site = format!(
        r#"{AS_NOW}
        log_format f '$request_method $request_uri $uri $args $status $body_bytes_sent';
        server {{ listen 127.0.0.1:%PORT0%; access_log %DIR%/main.log f;
            location = /a {{ post_action /after?x=1; return 200 shown; }}
            location = /b {{ post_action @named; return 404 none; }}
            location = /c {{ post_action /gone; return 200 shown; }}
            location = /d {{ post_action /after; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location = /off {{ post_action off; return 204; }}
            location /after {{ proxy_pass http://127.0.0.1:%ORIGIN1%; }}
            location @named {{ proxy_pass http://127.0.0.1:%ORIGIN1%; }}
            location /gone {{ return 403 no; }}
        }}"#
    );
    let Some(pair) = Pair::with_origins(&site, 2, |number, _, _| match number {
        0 => Act::Send(ok("shown")),
        _ => Act::Send(ok("hidden")),
    }) else {
        return;
    };
    for (count, path) in ["/a", "/b?q", "/c", "/d", "/off"].iter().enumerate() {
        pair.same_alone(&get(path, ""));
        pair.same_lines("main.log", count + 1);
    }
    pair.same_asked(1, 3);
}

#[test]
fn copies() {
    let site = format!(
        r#"{AS_NOW}
        server {{ listen 127.0.0.1:%PORT0%; client_body_temp_path %DIR%/in;
            location / {{ mirror /copy; mirror /second; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /nobody {{ mirror /copy; mirror_request_body off; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /off {{ mirror off; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location /file {{ mirror /copy; client_body_in_file_only clean; proxy_pass http://127.0.0.1:%ORIGIN0%; }}
            location = /copy {{ internal; proxy_pass http://127.0.0.1:%ORIGIN1%/c$request_uri; }}
            location = /second {{ internal; if ($request_method = POST) {{ return 403; }} proxy_pass http://127.0.0.1:%ORIGIN2%$request_uri; }}
        }}"#
    );
    let Some(pair) = Pair::with_origins(&site, 3, |number, _, _| match number {
        0 => Act::Send(ok("shown")),
        _ => Act::Send(ok("hidden")),
    }) else {
        return;
    };
    let mut copies = [0, 0];
    for path in ["/", "/x?y=z", "/nobody", "/off", "/file"] {
        pair.same_alone(&get(path, "X-A: 1\r\n"));
        pair.same_asked(0, 1);
        copies[0] = usize::from(path != "/off");
        copies[1] = usize::from(path.starts_with("/x") || path == "/");
        pair.same_asked(1, copies[0]);
        pair.same_asked(2, copies[1]);
        // Without its body a copy has no length here, see docs/differences.md.
        if path != "/nobody" {
            pair.same_alone(&format!("POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"));
            pair.same_asked(0, 1);
            pair.same_asked(1, copies[0]);
        }
    }
}

#[test]
fn unix_sockets_as_clients() {
    let says = r#"add_header X-Says "$remote_addr|$realip_remote_addr|$remote_port|$server_addr|$server_port|$net"; try_files /none =204;"#;
    let site = r#"
        geo $net { default none; 127.0.0.0/8 local; 192.0.2.0/24 test; 255.255.255.255 full; }
        NOW proxy_set_header X-Forwarded-For $http_x_forwarded_for; proxy_set_header X-Real-IP $http_x_real_ip;
        server { listen 127.0.0.1:%PORT0%; location / { proxy_pass http://unix:%DIR%/in.sock; } }
        server { listen unix:%DIR%/in.sock;
            location / { SAYS }
            location /allow { allow unix:; deny all; SAYS }
            location /deny { deny unix:; allow all; SAYS }
            location /all { deny all; SAYS }
            location /four { allow 127.0.0.1; deny all; SAYS }
            location /four/all { allow 0.0.0.0/0; deny all; SAYS }
            location /real { set_real_ip_from unix:; SAYS }
            location /xff { set_real_ip_from unix:; real_ip_header X-Forwarded-For; allow 192.0.2.0/24; deny all; SAYS }
            location /rec { set_real_ip_from unix:; set_real_ip_from 10.0.0.0/8; real_ip_recursive on; real_ip_header X-Forwarded-For; SAYS }
            location /other { set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For; SAYS }
        }"#
    .replace("NOW", AS_NOW)
    .replace("SAYS", says);
    let Some(pair) = Pair::start(&site) else {
        return;
    };
    let mut requests = Vec::new();
    for path in [
        "/",
        "/allow",
        "/deny",
        "/all",
        "/four",
        "/four/all",
        "/real",
        "/xff",
        "/rec",
        "/other",
    ] {
        for fields in [
            "",
            "X-Real-IP: 192.0.2.7\r\n",
            "X-Forwarded-For: 192.0.2.1, 10.0.0.1\r\n",
            "X-Forwarded-For: unix:\r\n",
            "X-Forwarded-For: 10.0.0.2\r\n",
        ] {
            requests.push(get(path, fields));
        }
    }
    compare(&pair, &requests);
    pair.same_errors(5);
}

#[test]
fn networks_from_files() {
    let site = r#"
        geo $remote_addr $a { default none; include %DIR%/nets.conf; 10.9.0.0/16 last; }
        geo $arg_ip $b { include %DIR%/nets.conf; delete 10.1.0.0/16; 0.0.0.0/0 any; }
        geo $arg_ip $c { ranges; include %DIR%/ranges.conf; default other; 10.0.0.10-10.0.0.20 in; delete 10.0.0.15-10.0.0.16; }
        geo $d { default none; proxy 127.0.0.1; 10.1.0.0/16 one; ::/0 six; }
        geo $arg_ip $e { 10.1.0.1 "two words"; 10.1.0.2 ""; 10.1.0.3 $x; default "a;b"; }
        server { listen 127.0.0.1:%PORT0%; return 200 "$a|$b|$c|$d|$e\n"; }"#;
    let Some(pair) = Pair::with_files(
        site,
        &[
            (
                "nets.conf",
                "10.0.0.0/8 ten; 10.1.0.0/16 in; 127.0.0.0/8 local; 2001:db8::/32 six;",
            ),
            (
                "ranges.conf",
                "10.0.0.0-10.0.0.255 file; 10.0.1.0-10.0.1.0 one;",
            ),
        ],
    ) else {
        return;
    };
    let mut requests = Vec::new();
    for ip in [
        "10.0.0.0",
        "10.0.0.9",
        "10.0.0.10",
        "10.0.0.15",
        "10.0.0.20",
        "10.0.0.21",
        "10.0.1.0",
        "10.0.1.1",
        "10.1.0.1",
        "10.1.0.2",
        "10.1.0.3",
        "10.9.1.1",
        "2001:db8::1",
        "::1",
        "x",
        "",
    ] {
        requests.push(get(
            &format!("/?ip={ip}"),
            &format!("X-Forwarded-For: {ip}\r\n"),
        ));
    }
    compare(&pair, &requests);
}

#[test]
fn what_fields_inherit() {
    if !current() {
        return;
    }
    let site = r#"server { listen 127.0.0.1:%PORT0%; add_header X-Server 1; add_header X-Always 2 always; add_trailer X-T 3;
        location / { add_header X-Own 1; return 200 x; }
        location /merge { add_header_inherit merge; add_header X-Own 1; return 200 x; }
        location /merge/deep { add_header X-Deep 1; return 200 x; }
        location /merge/off { add_header_inherit off; return 200 x; }
        location /on { add_header_inherit on; return 200 x; }
        location /off { add_header_inherit off; add_trailer_inherit off; return 200 x; }
        location /off/own { add_header_inherit off; add_header X-Own 1; return 404 x; }
        location /error { add_header_inherit merge; add_header X-Own 1 always; return 500; }
        location /trailer { add_trailer_inherit merge; add_trailer X-Own 1; chunked_transfer_encoding on; proxy_pass http://127.0.0.1:%PORT1%; }
        location /outer { add_header_inherit merge; add_header X-Outer 1;
            location /outer/in { add_header X-In 1; return 200 x; }
            location /outer/on { add_header_inherit on; add_header X-In 1; return 200 x; }
            location /outer/none { return 200 x; }
            location /outer/if { if ($arg_a) { add_header X-If 1; return 200 y; } return 200 x; } }
    }
    server { listen 127.0.0.1:%PORT1%; return 200 up; }"#;
    let Some(pair) = Pair::start(site) else {
        return;
    };
    let paths = [
        "/",
        "/merge",
        "/merge/deep",
        "/merge/off",
        "/on",
        "/off",
        "/off/own",
        "/error",
        "/trailer",
        "/outer",
        "/outer/in",
        "/outer/on",
        "/outer/none",
        "/outer/if",
        "/outer/if?a=1",
    ];
    compare(&pair, &paths.map(|path| get(path, "")));
}

#[test]
fn passwords_that_take_their_time() {
    let site = "server { listen 127.0.0.1:%PORT0%; auth_delay 300ms; root %DIR%;
        location / { auth_basic x; auth_basic_user_file %DIR%/passwords; }
        location /denied { deny all; } location /quick { auth_delay 0; auth_basic x; auth_basic_user_file %DIR%/passwords; } }";
    let Some(pair) = Pair::start(site) else {
        return;
    };
    pair.write("passwords", "a:{PLAIN}b\n");
    pair.write("a.html", "a");
    // Credentials that are wrong or none wait; whom the configuration keeps out does not.
    for (path, fields) in [
        ("/a.html", "Authorization: Basic YTpi\r\n"),
        ("/a.html", "Authorization: Basic YTpj\r\n"),
        ("/a.html", ""),
        ("/denied", ""),
        ("/quick", "Authorization: Basic YTpj\r\n"),
    ] {
        pair.same_after(&get(path, fields), std::time::Duration::from_millis(300));
    }
    pair.same_errors(3);
}

#[test]
fn complaints() {
    same_complaints(&[
        "valid_referers;",
        "valid_referers none none; server { listen 127.0.0.1:2; }",
        "server { listen 127.0.0.1:2; valid_referers *; }",
        "server { listen 127.0.0.1:2; valid_referers ~(; }",
        "server { listen 127.0.0.1:2; valid_referers *.a.*.b; }",
        "server { listen 127.0.0.1:2; valid_referers a.test a.test; }",
        "server { listen 127.0.0.1:2; valid_referers http://a.test; }",
        "server { listen 127.0.0.1:2; location / { if ($args) { valid_referers a; } } }",
        "referer_hash_max_size x;",
        "secure_link;",
        "secure_link $nosuch;",
        "secure_link a; secure_link b;",
        "secure_link_md5 a; secure_link_md5 b;",
        "secure_link_secret a;",
        "server { listen 127.0.0.1:2; location / { secure_link_secret a; secure_link_secret b; } }",
        "server { listen 127.0.0.1:2; location / { secure_link $args; secure_link_md5 x; secure_link_secret a; } }",
        "userid maybe;",
        "userid on; userid on;",
        "userid_name a; userid_name b;",
        "userid_domain none; userid_domain x;",
        "userid_path;",
        "userid_expires 1x;",
        "userid_expires max; userid_expires off;",
        "userid_mark ab;",
        "userid_mark !;",
        "userid_mark off; userid_mark 0;",
        "userid_service x;",
        "userid_service 1; userid_service 2;",
        "userid_flags sometimes;",
        "userid_flags off; userid_flags secure;",
        "userid_flags secure samesite=none httponly;",
        "userid_p3p none; userid_p3p a;",
        "random_index on;",
        "server { listen 127.0.0.1:2; location / { random_index maybe; } }",
        "disable_symlinks;",
        "disable_symlinks maybe;",
        "disable_symlinks on from=$nosuch;",
        "disable_symlinks off from=/x;",
        "disable_symlinks on from=;",
        "disable_symlinks on on; disable_symlinks off;",
        "disable_symlinks if_not_owner from=/x extra;",
        "open_file_cache max=x;",
        "open_file_cache inactive=10s;",
        "open_file_cache max=10 inactive=x;",
        "open_file_cache off max=10;",
        "open_file_cache_valid x;",
        "open_file_cache_min_uses x;",
        "open_file_cache_errors maybe;",
        "auth_delay x;",
        "auth_delay 1; auth_delay 2;",
        "post_action;",
        "post_action a; post_action b;",
        "limit_rate_after $nosuch;",
        "allow unix:x;",
        "set_real_ip_from unix:x;",
        "geo $x { include /nosuch; }",
        "geo $x { proxy x; }",
        "geo $x { delete x; }",
        "geo $x { default a b; }",
    ]);
}
