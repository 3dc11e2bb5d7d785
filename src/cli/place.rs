//! Where the configuration is and what its relative names are relative to, as the options and the build say.

use super::defaults;
use super::options::Options;
use crate::cycle;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What a load of the configuration needs to know. The same for every reload of one master.
pub fn place(options: &Options) -> cycle::Options {
    let prefix = given(options.prefix.as_deref(), defaults::PREFIX);
    let prefix = with_slash(prefix);
    let conf_file = given(options.conf_file.as_deref(), defaults::CONF_PATH);
    let conf_file = join(&prefix, conf_file.as_bytes());
    let error_log = given(options.error_log.as_deref(), defaults::ERROR_LOG_PATH);
    cycle::Options {
        conf_prefix: directory_of(&conf_file),
        // An empty name stands for standard error.
        error_log: match error_log.is_empty() {
            true => PathBuf::new(),
            false => join(&prefix, error_log.as_bytes()),
        },
        superuser: rustix::process::getuid().is_root(),
        globals: options
            .globals
            .as_ref()
            .map(|text| text.to_string_lossy().into_owned()),
        test: options.test,
        prefix,
        conf_file,
    }
}

fn given<'a>(option: Option<&'a OsStr>, default: &'static str) -> &'a OsStr {
    option.unwrap_or(OsStr::new(default))
}

/// Puts the two side by side as nginx does, without looking at `.`, `..` or doubled slashes: messages show the result.
fn join(prefix: &Path, name: &[u8]) -> PathBuf {
    if name.first() == Some(&b'/') {
        return PathBuf::from(OsStr::from_bytes(name));
    }
    let mut full = prefix.as_os_str().to_owned();
    full.push(OsStr::from_bytes(name));
    PathBuf::from(full)
}

fn with_slash(directory: &OsStr) -> PathBuf {
    let mut directory = directory.to_owned();
    if !directory.is_empty() && !directory.as_bytes().ends_with(b"/") {
        directory.push("/");
    }
    PathBuf::from(directory)
}

fn directory_of(file: &Path) -> PathBuf {
    let bytes = file.as_os_str().as_bytes();
    let end = bytes
        .iter()
        .rposition(|b| *b == b'/')
        .map_or(0, |slash| slash + 1);
    PathBuf::from(OsString::from_vec(
        bytes.iter().copied().take(end).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_names_start_from_the_prefix() {
        let options = Options {
            prefix: Some("/tmp/t".into()),
            conf_file: Some("conf/nginx.conf".into()),
            error_log: Some("e.log".into()),
            ..Options::default()
        };
        let place = place(&options);
        assert_eq!(place.prefix, Path::new("/tmp/t/"));
        assert_eq!(place.conf_file, Path::new("/tmp/t/conf/nginx.conf"));
        assert_eq!(place.conf_prefix, Path::new("/tmp/t/conf/"));
        assert_eq!(place.error_log, Path::new("/tmp/t/e.log"));
    }

    #[test]
    fn defaults_and_stderr() {
        let options = Options {
            error_log: Some("".into()),
            ..Options::default()
        };
        assert_eq!(place(&options).conf_file, Path::new(defaults::CONF_PATH));
        assert_eq!(place(&options).error_log, Path::new(""));
    }
}
