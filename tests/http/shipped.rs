//! What an installation ships.

use std::process::Command;

#[test]
fn the_shipped_configuration_is_right() {
    let conf = concat!(env!("CARGO_MANIFEST_DIR"), "/conf/nginx.conf");
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("error.log");
    let output = Command::new(crate::common::BINARY)
        .args(["-t", "-c", conf, "-e"])
        .arg(log)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("[warn]"), "{said}");
}
