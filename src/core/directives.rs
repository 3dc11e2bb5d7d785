//! The directives of the main context, nginx's core module.

use super::account::{self, Account};
use super::affinity::{self, Affinity};
use super::{argument, at, whole_number};
use crate::cli::modules;
use crate::config::directive::{Args, Directive};
use crate::config::span::Span;
use crate::config::suggest::nearest;
use crate::config::table::Collector;
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::MAIN;
use crate::diagnostic::Diagnostic;
use bytes::Bytes;
use std::path::Path;
use std::time::Duration;

/// Values of directives that are read as nginx reads them and then have no effect here, each for the reason that its
/// documentation gives.
#[derive(Debug, Default)]
pub struct WithoutEffect {
    pub(crate) timer_resolution: Option<Duration>,
    pub(crate) lock_file: Option<Bytes>,
    pub(crate) debug_points: Option<usize>,
    pub(crate) pcre_jit: Option<bool>,
    pub(crate) ssl_object_cache_inheritable: Option<bool>,
    pub(crate) ssl_engine: Option<Bytes>,
    pub(crate) thread_pools: Vec<Bytes>,
    /// Those that `aio` names, where, and where its line ends.
    pub(crate) thread_pools_used: Vec<(Bytes, Span, Span)>,
    pub(crate) multi_accept: Option<bool>,
    pub(crate) accept_mutex: Option<bool>,
    pub(crate) accept_mutex_delay: Option<Duration>,
    pub(crate) epoll_events: Option<i64>,
    pub(crate) worker_aio_requests: Option<i64>,
}

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::flag("daemon", MAIN, |b| &mut b.core.daemon)
        .default("on")
        .doc("Whether the server leaves the terminal and runs in the background."),
    D::flag("master_process", MAIN, |b| &mut b.core.master_process)
        .default("on")
        .doc("Whether a master process starts and watches the worker process. Off is for debugging: one process does all."),
    D::custom("worker_processes", MAIN, Args::Exactly(1), set_worker_processes)
        .syntax("number | auto")
        .default("1")
        .doc("How many threads of the worker process serve connections; auto takes one per processor."),
    D::custom("user", MAIN, Args::Between(1, 2), set_user)
        .syntax("user [group]")
        .default("nobody nogroup")
        .doc("Whom the worker process runs as, when the master was started by root."),
    D::text("pid", MAIN, |b| &mut b.core.pid)
        .syntax("file")
        .default("/run/nginx.pid")
        .doc("The file that holds the process id of the master."),
    D::custom("worker_priority", MAIN, Args::Exactly(1), set_worker_priority)
        .syntax("number")
        .default("0")
        .doc("The scheduling priority of the worker process, from -20 to 20; negative means more time."),
    D::custom("worker_cpu_affinity", MAIN, Args::AtLeast(1), set_worker_cpu_affinity)
        .syntax("cpumask ... | auto [cpumask]")
        .doc("Which processors each thread of the worker may use, as binary masks; auto gives each thread one."),
    D::number("worker_rlimit_nofile", MAIN, |b| &mut b.core.rlimit_nofile)
        .doc("The limit of open files of the worker process."),
    D::offset("worker_rlimit_core", MAIN, |b| &mut b.core.rlimit_core)
        .doc("The largest core file that the worker process may leave."),
    D::time("worker_shutdown_timeout", MAIN, |b| &mut b.core.shutdown_timeout)
        .doc("How long connections may take to finish after a graceful stop or a reload; then they are closed."),
    D::text("working_directory", MAIN, |b| &mut b.core.working_directory)
        .syntax("directory")
        .doc("The current directory of the worker process: where a core file goes."),
    D::custom("env", MAIN, Args::Exactly(1), set_env)
        .syntax("variable[=value]")
        .default("TZ")
        .doc("An environment variable that the worker process keeps, or gets."),
    D::custom("load_module", MAIN, Args::Exactly(1), set_load_module)
        .syntax("file")
        .doc("Accepted for modules that are built in; others cannot be loaded."),
    D::time("timer_resolution", MAIN, |b| &mut b.core.without_effect.timer_resolution)
        .syntax("interval")
        .doc("No effect: the clock is read once per turn of the event loop, at no cost worth saving."),
    D::text("lock_file", MAIN, |b| &mut b.core.without_effect.lock_file)
        .syntax("file")
        .default("/var/lock/nginx.lock")
        .doc("No effect: nothing is locked by a file."),
    D::choice("debug_points", MAIN, &["stop", "abort"], |b| &mut b.core.without_effect.debug_points)
        .syntax("abort | stop")
        .doc("No effect: the code has none of the debug points."),
    D::flag("pcre_jit", MAIN, |b| &mut b.core.without_effect.pcre_jit)
        .default("off")
        .doc("No effect: regular expressions are always compiled to machine code where the system allows it."),
    D::custom("ssl_engine", MAIN, Args::Exactly(1), set_ssl_engine)
        .syntax("device")
        .doc("No effect but a warning: TLS uses what the processor has, and knows no engines of OpenSSL's."),
    D::flag("ssl_object_cache_inheritable", MAIN, |b| {
        &mut b.core.without_effect.ssl_object_cache_inheritable
    })
    .default("on")
    .doc("No effect: a reload reads all certificates and keys anew, also those whose files claim to be unchanged."),
    D::custom("thread_pool", MAIN, Args::Between(2, 3), set_thread_pool)
        .syntax("name threads=number [max_queue=number]")
        .default("default threads=32 max_queue=65536")
        .doc("No effect: file operations that could block use one pool of threads, which grows as needed."),
];

fn set_worker_processes(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.core.worker_processes.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let text = argument(node, 0);
    let count = if text == b"auto" {
        Some(affinity::cpus())
    } else {
        whole_number(text)
    };
    b.core.worker_processes = Some(count.ok_or_else(|| node.fault("invalid value"))?);
    Ok(())
}

fn set_ssl_engine(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let word = node.arg(0).unwrap_or(&node.name);
    if b.core.without_effect.ssl_engine.is_some() {
        return Err(node.fault("is duplicate"));
    }
    b.core.without_effect.ssl_engine = Some(word.text.clone());
    let message = "\"ssl_engine\" has no effect, there are no engines";
    let warning = Diagnostic::warning(message).at(node.end);
    let help =
        "keys must be files; the processor's own instructions for AES and SHA are used without it";
    b.report(warning.label(word.span, "").help(help));
    Ok(())
}

fn set_user(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.core.account.is_some() {
        return Err(node.fault("is duplicate"));
    }
    if !account::can_change() {
        let warning = Diagnostic::warning(
            "the \"user\" directive makes sense only if the master process runs with super-user privileges, ignored",
        );
        b.report(warning.at(node.end).label(node.name.span, ""));
        return Ok(());
    }
    let user = String::from_utf8_lossy(argument(node, 0));
    let group = node.arg(1).map_or(user.clone(), |word| word.str());
    let account = Account::look_up(&user, &group).map_err(|message| {
        let group = message.starts_with("getgrnam");
        let table = if group { "/etc/group" } else { "/etc/passwd" };
        let meant = account_meant(b, table, &message);
        let diagnostic = at(node, usize::from(group && node.args.len() > 1), message);
        match meant {
            _ if group && node.args.len() == 1 => diagnostic.help(
                "without a second argument the group has the user's name: name an existing one",
            ),
            Some(meant) => diagnostic.help(format!("did you mean \"{meant}\"?")),
            None => diagnostic,
        }
    })?;
    b.core.account = Some(account);
    Ok(())
}

/// The user or group of this system that was probably meant by the one that nginx's sentence names.
fn account_meant(b: &Builder, table: &str, message: &str) -> Option<String> {
    let table = b.files.read(Path::new(table)).ok()?;
    name_meant(&String::from_utf8_lossy(&table), message)
}

fn name_meant(table: &str, message: &str) -> Option<String> {
    let wrong = message.split('"').nth(1)?;
    let names = table.lines().filter_map(|line| line.split(':').next());
    nearest(wrong, names).map(str::to_owned)
}

fn set_worker_priority(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.core.worker_priority.is_some_and(|priority| priority != 0) {
        return Err(node.fault("is duplicate"));
    }
    let (sign, digits) = match argument(node, 0) {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    let number = whole_number(digits).and_then(|n| i32::try_from(n).ok());
    b.core.worker_priority = Some(sign * number.ok_or_else(|| node.fault("invalid number"))?);
    Ok(())
}

fn set_worker_cpu_affinity(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.core.affinity.is_some() {
        return Err(node.fault("is duplicate"));
    }
    b.core.affinity = Some(Affinity::parse(node)?);
    Ok(())
}

fn set_env(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    b.core.env.extend(node.arg(0).map(|word| word.text.clone()));
    Ok(())
}

fn set_load_module(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.core.events {
        return Err(node.fault("is specified too late"));
    }
    let path = String::from_utf8_lossy(argument(node, 0)).into_owned();
    let file = Path::new(&path)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    if modules::built_in(&file) {
        return Ok(());
    }
    Err(at(node, 0, format!("module \"{file}\" is not supported by goodgate yet")).help(
        "dynamic modules of nginx cannot be loaded; if nothing else in the configuration needs this one, remove the line",
    ))
}

fn set_thread_pool(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    let name = argument(node, 0);
    let pools = &mut b.core.without_effect.thread_pools;
    if pools.iter().any(|pool| pool == name) {
        let name = String::from_utf8_lossy(name);
        return Err(at(node, 0, format!("duplicate thread pool \"{name}\"")));
    }
    let mut has_threads = false;
    // nginx looks no further at parameters that it does not know.
    for (index, word) in node.args.iter().enumerate().skip(1) {
        let invalid = |what: &str| {
            at(
                node,
                index,
                format!("invalid {what} value \"{}\"", word.str()),
            )
        };
        if let Some(number) = word.text.strip_prefix(b"threads=") {
            whole_number(number)
                .filter(|n| *n > 0)
                .ok_or_else(|| invalid("threads"))?;
            has_threads = true;
        } else if let Some(number) = word.text.strip_prefix(b"max_queue=") {
            whole_number(number).ok_or_else(|| invalid("max_queue"))?;
        }
    }
    if !has_threads {
        return Err(node.error("\"thread_pool\" must have \"threads\" parameter"));
    }
    pools.extend(node.arg(0).map(|word| word.text.clone()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::source::Files;
    use crate::core::Core;
    use crate::cycle::{self, Options};
    use crate::diagnostic::render::nginx_line;
    use std::io;
    use std::path::{Path, PathBuf};
    use std::rc::Rc;
    use std::time::Duration;

    struct Text(&'static str);

    impl Files for Text {
        fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
            Ok(self.0.into())
        }
        fn glob(&self, _: &Path) -> io::Result<Vec<PathBuf>> {
            Ok(Vec::new())
        }
    }

    /// The settings, or what nginx would say first.
    fn load(text: &'static str) -> Result<Core, String> {
        let options = Options {
            prefix: PathBuf::from("/p/"),
            conf_file: PathBuf::from("/p/n"),
            conf_prefix: PathBuf::from("/p/"),
            error_log: PathBuf::new(),
            globals: None,
            superuser: false,
            test: false,
        };
        let loaded = cycle::load(&options, Rc::new(Text(text)));
        match (loaded.diagnostics.first(), loaded.cycle) {
            (None, Some(cycle)) => Ok(cycle.core.clone()),
            (first, _) => Err(first
                .map(|d| nginx_line(d, &loaded.sources))
                .unwrap_or_default()),
        }
    }

    #[test]
    fn what_is_written_is_in_force() {
        let core = load(
            "worker_processes 3; worker_priority -5; worker_rlimit_nofile 100; worker_rlimit_core 1g;
             worker_shutdown_timeout 1m; daemon off; pid x.pid; env A; env B=c; working_directory /tmp;
             events { worker_connections 7; use epoll; }",
        )
        .unwrap();
        assert_eq!(
            (
                core.worker_processes,
                core.worker_priority,
                core.worker_connections
            ),
            (3, -5, 7)
        );
        assert_eq!(
            (core.rlimit_nofile, core.rlimit_core),
            (Some(100), Some(1 << 30))
        );
        assert_eq!(core.shutdown_timeout, Some(Duration::from_secs(60)));
        assert_eq!((core.daemon, core.master_process), (false, true));
        assert_eq!(
            (core.pid.as_path(), core.env.len()),
            (Path::new("/p/x.pid"), 2)
        );
        assert_eq!(core.working_directory.as_deref(), Some(Path::new("/tmp")));
        let core = load("events { }").unwrap();
        assert_eq!(
            (core.worker_processes, core.worker_connections, core.daemon),
            (1, 512, true)
        );
    }

    #[test]
    fn an_engine_is_a_warning() {
        let said = load("ssl_engine a; events { }").unwrap_err();
        assert_eq!(
            said,
            "\"ssl_engine\" has no effect, there are no engines in /p/n:1"
        );
    }

    #[test]
    fn refusals_are_those_of_nginx() {
        for (text, message) in [
            (
                "worker_processes x;",
                "\"worker_processes\" directive invalid value in /p/n:1",
            ),
            (
                "worker_processes 1;\nworker_processes 1;",
                "\"worker_processes\" directive is duplicate in /p/n:2",
            ),
            (
                "worker_priority x;",
                "\"worker_priority\" directive invalid number in /p/n:1",
            ),
            (
                "worker_cpu_affinity 2;",
                "invalid character \"2\" in \"worker_cpu_affinity\" in /p/n:1",
            ),
            ("debug_points x;", "invalid value \"x\" in /p/n:1"),
            (
                "thread_pool a threads=0;",
                "invalid threads value \"threads=0\" in /p/n:1",
            ),
            (
                "thread_pool a max_queue=1;",
                "\"thread_pool\" must have \"threads\" parameter in /p/n:1",
            ),
            (
                "events { } events { }",
                "\"events\" directive is duplicate in /p/n:1",
            ),
            (
                "events { use kqueue; }",
                "invalid event type \"kqueue\" in /p/n:1",
            ),
            (
                "events { worker_connections x; }",
                "invalid number \"x\" in /p/n:1",
            ),
            (
                "events { } load_module a.so;",
                "\"load_module\" directive is specified too late in /p/n:1",
            ),
            ("daemon off;", "no \"events\" section in configuration"),
        ] {
            assert_eq!(load(text).unwrap_err(), message, "{text}");
        }
        assert!(load("load_module modules/ngx_http_gzip_module.so; events { }").is_ok());
    }

    #[test]
    fn accounts_that_are_not_there_are_like_those_that_are() {
        let table = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\n";
        let meant = |name: &str| super::name_meant(table, &format!("getpwnam(\"{name}\") failed"));
        assert_eq!(meant("www-dta").as_deref(), Some("www-data"));
        assert_eq!(meant("roott").as_deref(), Some("root"));
        assert_eq!(meant("nginx"), None);
    }
}
