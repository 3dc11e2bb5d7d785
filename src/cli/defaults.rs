//! Paths and names fixed when the program is built. They are those of Debian's nginx package, so that a machine
//! with nginx needs no options; each can be overridden by an environment variable of the build.

macro_rules! defaults {
    ($($(#[$m:meta])* $name:ident = $variable:literal, $value:literal;)*) => { $(
        $(#[$m])*
        pub const $name: &str = match option_env!($variable) {
            Some(value) => value,
            None => $value,
        };
    )* };
}

defaults! {
    /// The prefix that relative paths of logs, temporary files and `root` start from (`-p`).
    PREFIX = "GOODGATE_PREFIX", "/usr/share/nginx";
    /// The configuration file (`-c`).
    CONF_PATH = "GOODGATE_CONF_PATH", "/etc/nginx/nginx.conf";
    /// The error log until the configuration names one, and where it names none (`-e`).
    ERROR_LOG_PATH = "GOODGATE_ERROR_LOG_PATH", "/var/log/nginx/error.log";
    /// The access log where the configuration names none.
    HTTP_LOG_PATH = "GOODGATE_HTTP_LOG_PATH", "/var/log/nginx/access.log";
    /// The file with the master's process id (`pid`).
    PID_PATH = "GOODGATE_PID_PATH", "/run/nginx.pid";
    /// What `lock_file` defaults to; nothing is locked by a file here.
    LOCK_PATH = "GOODGATE_LOCK_PATH", "/var/lock/nginx.lock";
    /// Where request bodies go that do not fit into memory (`client_body_temp_path`).
    CLIENT_BODY_TEMP_PATH = "GOODGATE_CLIENT_BODY_TEMP_PATH", "/var/lib/nginx/body";
    /// The same for answers of proxied servers (`proxy_temp_path`).
    PROXY_TEMP_PATH = "GOODGATE_PROXY_TEMP_PATH", "/var/lib/nginx/proxy";
    /// The same for FastCGI (`fastcgi_temp_path`).
    FASTCGI_TEMP_PATH = "GOODGATE_FASTCGI_TEMP_PATH", "/var/lib/nginx/fastcgi";
    /// The same for uwsgi (`uwsgi_temp_path`).
    UWSGI_TEMP_PATH = "GOODGATE_UWSGI_TEMP_PATH", "/var/lib/nginx/uwsgi";
    /// The same for SCGI (`scgi_temp_path`).
    SCGI_TEMP_PATH = "GOODGATE_SCGI_TEMP_PATH", "/var/lib/nginx/scgi";
    /// Where the package keeps dynamic modules; only shown by `-V`.
    MODULES_PATH = "GOODGATE_MODULES_PATH", "/usr/lib/nginx/modules";
    /// The user of the worker process where the configuration names none (`user`).
    USER = "GOODGATE_USER", "nobody";
    /// The groups tried in this order, comma between them, where the configuration names no user.
    GROUPS = "GOODGATE_GROUP", "nogroup,nobody";
}
