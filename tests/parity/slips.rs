//! What is said first of a configuration with a slip in it is what nginx says.

use crate::common::{BINARY, Ports, Site};
use crate::generator::{Numbers, SEED, mutate, tokens};
use crate::harness::{current, nginx, verdict};
use std::path::Path;

const TEXTS: [&str; 2] = [
    include_str!("../mutations/shop.conf"),
    include_str!("../mutations/static.conf"),
];

#[test]
fn the_first_error_is_that_of_nginx() {
    let Some(nginx) = nginx().filter(|_| current()) else {
        return;
    };
    let site = Site::new("");
    std::fs::copy("conf/mime.types", site.path("mime.types")).unwrap();
    let ports = Ports::new(1);
    let port = ports.get(0).to_string();
    // Nothing of what nginx opens in a test may depend on where it was built to run.
    let here = format!(
        "http {{ access_log off; client_body_temp_path {};",
        site.path("t").display()
    );
    let mut numbers = Numbers(SEED);
    let mut differing = Vec::new();
    for number in 0..150 {
        let text = TEXTS[number % TEXTS.len()]
            .replace("8080", &port)
            .replace("8081", &port);
        let text = text.replace("pid nginx.pid;", "");
        let Some(slip) = mutate(&text, &tokens(&text), &mut numbers) else {
            continue;
        };
        let text = slip.text.replacen("http {", &here, 1);
        std::fs::write(site.path("nginx.conf"), format!("pid pid; {text}")).unwrap();
        let (mine, other) = (verdict(Path::new(BINARY), &site), verdict(&nginx, &site));
        // Of a line that lacks its value nginx reads memory that nobody has written (docs/differences.md).
        let lacks_value = mine.contains("invalid number of the split_clients parameters");
        if mine != other && !lacks_value {
            differing.push(format!(
                "{}\n  here:  {mine}\n  nginx: {other}\n",
                slip.kind
            ));
        }
    }
    assert!(differing.is_empty(), "{}", differing.concat());
}
