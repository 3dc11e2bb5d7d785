//! What `-v`, `-V` and `-h` print.

use super::defaults;
use super::flags;
use super::modules;
use super::options::Options;

/// The name and version of this program, as error log and `Server` show it: `goodgate/0.1.0`.
pub const PRODUCT: &str = concat!("goodgate/", env!("CARGO_PKG_VERSION"));

/// The version of nginx whose behaviour this is. Tools that read `-V` decide by it what the server can do.
pub const NGINX_VERSION: &str = "1.31.5";

/// The version of OpenSSL whose names and behaviour TLS has here: tools look for it, too. rustls is what is built in.
pub const OPENSSL_VERSION: &str = "3.0.22 25 Aug 2026 (its names and behaviour; by rustls)";

/// The text for the options given; nginx prints all of it to standard error.
pub fn text(options: &Options) -> String {
    let mut text = format!("goodgate version: {PRODUCT}\nnginx version: nginx/{NGINX_VERSION}\n");
    if options.help {
        text.push_str(&flags::usage());
    }
    if options.configure {
        text.push_str(&format!(
            "built with OpenSSL {OPENSSL_VERSION}\nTLS SNI support enabled\n"
        ));
        text.push_str(&format!("configure arguments: {}\n", configure_arguments()));
    }
    text
}

fn configure_arguments() -> String {
    let paths = [
        ("prefix", defaults::PREFIX),
        ("conf-path", defaults::CONF_PATH),
        ("http-log-path", defaults::HTTP_LOG_PATH),
        ("error-log-path", defaults::ERROR_LOG_PATH),
        ("lock-path", defaults::LOCK_PATH),
        ("pid-path", defaults::PID_PATH),
        ("modules-path", defaults::MODULES_PATH),
        (
            "http-client-body-temp-path",
            defaults::CLIENT_BODY_TEMP_PATH,
        ),
        ("http-proxy-temp-path", defaults::PROXY_TEMP_PATH),
    ];
    let paths: Vec<String> = paths
        .iter()
        .map(|(option, path)| format!("--{option}={path}"))
        .collect();
    paths.join(" ") + &modules::configure_arguments()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_ours_and_the_second_is_what_tools_look_for() {
        let text = text(&Options {
            version: true,
            configure: true,
            ..Options::default()
        });
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some(concat!(
                "goodgate version: goodgate/",
                env!("CARGO_PKG_VERSION")
            ))
        );
        assert_eq!(lines.next(), Some("nginx version: nginx/1.31.5"));
        assert_eq!(
            lines.next(),
            Some("built with OpenSSL 3.0.22 25 Aug 2026 (its names and behaviour; by rustls)")
        );
        assert_eq!(lines.next(), Some("TLS SNI support enabled"));
        assert!(
            lines
                .next()
                .is_some_and(|l| l.starts_with("configure arguments: --prefix="))
        );
        assert_eq!(lines.next(), None);
    }
}
