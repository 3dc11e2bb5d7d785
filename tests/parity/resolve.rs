//! Servers of a group whose names are resolved while it is in use.

use crate::common::{Site, wait_until};
use crate::harness::{current, same_complaints};
use crate::names::{Names, Says};
use crate::pair::Pair;

/// A group with one name in it, and servers at 127.0.0.2 to 127.0.0.4 that say who they are.
fn site(names: &Names, group: &str) -> String {
    let dns = names.port;
    format!(
        "upstream group {{ zone z 64k; {group} }}
         resolver 127.0.0.1:{dns} ipv6=off; resolver_timeout 1s;
         server {{ listen 127.0.0.2:%PORT1%; listen 127.0.0.3:%PORT1%; listen 127.0.0.4:%PORT1%; return 200 $server_addr; }}
         server {{ listen 127.0.0.1:%PORT0%; proxy_connect_timeout 1s;
            location / {{ proxy_pass http://group; add_header X-Up $upstream_addr always; }} }}"
    )
}

/// Who answers, the status if nobody does.
fn who(site: &Site) -> String {
    let answer = site.get("/who");
    match answer.status {
        200 => answer.text(),
        status => status.to_string(),
    }
}

/// Waits until both are answered by all of these and by nobody else; then they must take the same turns.
fn wait_for(pair: &Pair, expected: &[&str]) {
    let turns = |site: &Site| -> Vec<String> { (0..6).map(|_| who(site)).collect() };
    let seen = |site: &Site| {
        let mut seen = turns(site);
        seen.sort();
        seen.dedup();
        seen
    };
    wait_until(
        || pair.each(seen).iter().all(|seen| seen == expected),
        || format!("{:?} answer, not {expected:?}", pair.each(seen)),
    );
}

#[test]
fn addresses_come_and_go() {
    if !current() {
        return;
    }
    let names = Names::start(Says::Addresses(vec![2]));
    let group = "server app.test:%PORT1% resolve max_fails=0;";
    let Some(pair) = Pair::start(&site(&names, group)) else {
        return;
    };
    wait_for(&pair, &["127.0.0.2"]);
    names.say(Says::Addresses(vec![2, 3]));
    wait_for(&pair, &["127.0.0.2", "127.0.0.3"]);
    names.say(Says::Addresses(vec![4]));
    wait_for(&pair, &["127.0.0.4"]);
    // Who does not know has not said that it is wrong.
    names.say(Says::Error(2));
    pair.each(|site| site.wait_for_log("app.test could not be resolved (2: Server failure)"));
    wait_for(&pair, &["127.0.0.4"]);
    names.say(Says::Error(3));
    pair.each(|site| site.wait_for_log("app.test could not be resolved (3: Host not found)"));
    wait_for(&pair, &["502"]);
    pair.each(|site| site.wait_for_log("no live upstreams while connecting to upstream"));
}

#[test]
fn names_stand_beside_addresses_and_in_place_of_backups() {
    if !current() {
        return;
    }
    for (group, says, expected) in [
        (
            "server 127.0.0.2:%PORT1%; server app.test:%PORT1% resolve;",
            vec![3, 4],
            &["127.0.0.2", "127.0.0.3", "127.0.0.4"][..],
        ),
        (
            "server 127.0.0.1:%PORT9%; server app.test:%PORT1% resolve backup;",
            vec![3],
            &["127.0.0.3"],
        ),
        (
            "hash $request_id consistent; server app.test:%PORT1% resolve;",
            vec![3],
            &["127.0.0.3"],
        ),
        (
            "least_conn; server app.test:%PORT1% resolve weight=2; server 127.0.0.4:%PORT1%;",
            vec![3],
            &["127.0.0.3", "127.0.0.4"],
        ),
        (
            "server app.test:%PORT1% resolve down; server 127.0.0.4:%PORT1%;",
            vec![3],
            &["127.0.0.4"],
        ),
    ] {
        let names = Names::start(Says::Addresses(says));
        let Some(pair) = Pair::start(&site(&names, group)) else {
            return;
        };
        wait_for(&pair, expected);
    }
}

#[test]
fn complaints() {
    if !current() {
        return;
    }
    let inside = [
        "zone z 64k; server a.invalid resolve;",
        "zone z 64k; server a.invalid resolve; resolver 127.0.0.1;",
        "zone z 64k; server a.invalid resolve; resolver 127.0.0.1; resolver_timeout 1s;",
        "server a.invalid resolve; resolver 127.0.0.1;",
        "server 127.0.0.1 resolve;",
        "zone z 64k; server 127.0.0.1; server a.invalid resolve backup; resolver 127.0.0.1;",
        "zone z 64k; server a.invalid resolve backup; resolver 127.0.0.1;",
        "zone z 64k; server a.invalid:0 resolve; resolver 127.0.0.1;",
        "zone z 64k; server unix:/x resolve;",
        "ip_hash; zone z 64k; server a.invalid resolve; resolver 127.0.0.1;",
        "random two; zone z 64k; server a.invalid resolve; resolver 127.0.0.1;",
        "hash $uri; server a.invalid resolve; zone z 64k; resolver 127.0.0.1;",
        "server a.invalid service=http; zone z 64k; resolver 127.0.0.1;",
        "server a.invalid:80 service=http resolve; zone z 64k; resolver 127.0.0.1;",
        "server 127.0.0.1 service=http resolve; zone z 64k; resolver 127.0.0.1;",
        "server a.invalid service= resolve; zone z 64k; resolver 127.0.0.1;",
        "server 127.0.0.1; resolver 127.0.0.1; resolver 127.0.0.2;",
        "server 127.0.0.1; resolver;",
        "server 127.0.0.1; resolver 127.0.0.1 valid=x;",
        "server 127.0.0.1; resolver_timeout x;",
        "server 127.0.0.1; resolver_timeout 1s; resolver_timeout 1s;",
        "server 127.0.0.1; resolver 127.0.0.1; resolver_timeout 1s;",
    ];
    let group = |line: &str| format!("upstream u {{ {line} }} ");
    let mut texts: Vec<String> = inside.iter().map(|line| group(line)).collect();
    let lacks = group("zone z 64k; server a.invalid resolve;");
    texts.push(format!("{lacks} resolver 127.0.0.1;"));
    texts.push(format!("{lacks} server {{ resolver 127.0.0.1; }}"));
    same_complaints(&texts.iter().map(String::as_str).collect::<Vec<_>>());
}
