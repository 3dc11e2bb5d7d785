//! PHP's own FastCGI server, where it is installed.

use super::{Site, is_root, wait_until};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Once;

/// php-fpm with its socket `fpm.sock` in the directory of a site.
pub struct Fpm(Child);

impl Drop for Fpm {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        let _ = self.0.wait();
    }
}

/// The program. Where there is none it is said so; with `GOODGATE_NEEDS_PHP` set, as in `.ci/run`, the test fails.
pub fn fpm() -> Option<PathBuf> {
    let names = std::fs::read_dir("/usr/sbin").ok()?.flatten();
    let found = names.map(|entry| entry.path()).find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("php-fpm")
    });
    if found.is_none() {
        let needed = std::env::var_os("GOODGATE_NEEDS_PHP").is_some();
        assert!(!needed, "no php-fpm on this machine");
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            let _ = writeln!(std::io::stderr(), "skipped: no php-fpm on this machine");
        });
    }
    found
}

impl Fpm {
    /// Starts it, and waits until it listens.
    pub fn start(site: &Site, binary: &Path) -> Fpm {
        let conf = "[global]\nerror_log = %DIR%/fpm.log\ndaemonize = no\n[www]\nlisten = %DIR%/fpm.sock\n\
                    listen.mode = 0666\npm = static\npm.max_children = 2\ncatch_workers_output = no\n";
        let user = if is_root() {
            // The workers are somebody else, who must be able to read the scripts.
            let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(site.path(""), open).unwrap();
            "user = nobody\ngroup = nogroup\n"
        } else {
            ""
        };
        site.write("fpm.conf", &site.fill_in(&format!("{conf}{user}")));
        let child = Command::new(binary)
            .args(["-n", "-F", "-y"])
            .arg(site.path("fpm.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let fpm = Fpm(child.unwrap());
        wait_until(
            || site.path("fpm.sock").exists(),
            || format!("php-fpm does not start: {}", site.read("fpm.log")),
        );
        fpm
    }
}
