//! nginx's auth_basic: user names and passwords from a file.

mod crypt;
mod file;

use crate::config::directive::{Args, Contexts, Directive};
use crate::config::source::errno;
use crate::config::tree::Node;
use crate::cycle::Builder;
use crate::cycle::context::{EVERYWHERE, LIMIT_EXCEPT};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Http, Settings};
use crate::http::core::user;
use crate::http::head::Method;
use crate::http::phase::{Step, Verdict};
use crate::http::request::Request;
use crate::http::value::Value;
use crate::log::{self, Level};
use bytes::Bytes;
use file::Found;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

type D = Directive<Builder>;

const BLOCKS: Contexts = Contexts(EVERYWHERE.0 | LIMIT_EXCEPT.0);

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::custom("auth_basic", BLOCKS, Args::Exactly(1), set_realm)
        .syntax("string | off")
        .default("off")
        .doc("Asks for a user name and a password, naming this realm."),
    D::custom("auth_basic_user_file", BLOCKS, Args::Exactly(1), set_user_file)
        .syntax("file")
        .doc("The file with the users: name:password, the password hashed by crypt, apr1 or as {SHA}, {SSHA}, {PLAIN}."),
];

/// As one block writes it.
#[derive(Clone, Default)]
pub struct AuthBasicRaw {
    realm: Option<Value>,
    user_file: Option<Value>,
}

/// In force.
pub struct AuthBasicConf {
    /// Realm and file, if both are given.
    ask: Option<(Value, Value)>,
    /// What a relative name of the file is relative to.
    conf_prefix: PathBuf,
}

impl Settings for AuthBasicRaw {
    type Conf = AuthBasicConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        let fill = |own: &mut Option<Value>, from: &Option<Value>| {
            if own.is_none() {
                own.clone_from(from);
            }
        };
        fill(&mut self.realm, &parent.realm);
        fill(&mut self.user_file, &parent.user_file);
    }

    fn build(&self, b: &mut Builder) -> AuthBasicConf {
        AuthBasicConf {
            ask: self.realm.clone().zip(self.user_file.clone()),
            conf_prefix: b.options.conf_prefix.clone(),
        }
    }
}

fn set_realm(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.here().auth_basic().realm.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let value = Value::compile(b, node.arg(0).unwrap_or(&node.name))?;
    b.http.here().auth_basic().realm = Some(value);
    Ok(())
}

fn set_user_file(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if b.http.here().auth_basic().user_file.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let value = Value::compile(b, node.arg(0).unwrap_or(&node.name))?;
    b.http.here().auth_basic().user_file = Some(value);
    Ok(())
}

/// The access phase.
pub fn handle<'a>(req: &'a mut Request, http: &Http) -> Step<'a> {
    let conf = &req.location(http).auth_basic;
    let Some((realm, user_file)) = &conf.ask else {
        return Step::Ready(Verdict::Declined);
    };
    let realm = realm.eval_bytes(req);
    if &*realm == b"off" {
        return Step::Ready(Verdict::Declined);
    }
    let Some((name, password)) = user::basic(req) else {
        let message = format_args!("no user/password was provided for basic authentication");
        log::request(req, Level::Info, message);
        return Step::Ready(challenge(req, &realm));
    };
    let name_of_file = user_file.eval(req);
    let path = conf.conf_prefix.join(OsStr::from_bytes(&name_of_file));
    let user = Attempt {
        name,
        password,
        realm,
    };
    match file::find(&path, &user.name) {
        Err(error) => Step::Ready(unreadable(req, &path, &error)),
        Ok(Found::Nobody) => {
            let (user_name, path) = (log::Raw(&user.name), path.display());
            let message = format_args!("user \"{user_name}\" was not found in \"{path}\"");
            log::request(req, Level::Error, message);
            Step::Ready(challenge(req, &user.realm))
        }
        Ok(Found::Password(hash)) if crypt::is_quick(&hash) => {
            let fits = crypt::verify(&hash, &user.password);
            Step::Ready(judge(req, &user, fits))
        }
        // Hashes that are made to be slow are computed where they hold up nobody else.
        Ok(Found::Password(hash)) => Step::Wait(Box::pin(async move {
            let password = user.password.clone();
            let work = tokio::task::spawn_blocking(move || crypt::verify(&hash, &password));
            match work.await {
                Ok(fits) => judge(req, &user, fits),
                Err(_) => Verdict::Status(500),
            }
        })),
    }
}

/// Holds back an answer of 401 as long as `auth_delay` says.
pub async fn delay(req: &Request, http: &Http) {
    let delay = req.location(http).core.auth_delay;
    if !delay.is_zero() && !req.is_rehearsal() {
        log::request(
            req,
            Level::Info,
            format_args!("delaying unauthorized request"),
        );
        req.client.watch.set(true);
        tokio::time::sleep(delay).await;
        req.client.watch.set(false);
    }
}

struct Attempt {
    name: Bytes,
    password: Bytes,
    realm: Bytes,
}

fn judge(req: &mut Request, user: &Attempt, fits: Result<bool, crypt::Unknown>) -> Verdict {
    let name = log::Raw(&user.name);
    match fits {
        Ok(true) => Verdict::Allowed,
        Ok(false) => {
            let message = format_args!("user \"{name}\": password mismatch");
            log::request(req, Level::Error, message);
            challenge(req, &user.realm)
        }
        Err(crypt::Unknown) => {
            let message =
                format_args!("user \"{name}\": the password is hashed in a way that is not known");
            log::request(req, Level::Crit, message);
            Verdict::Status(500)
        }
    }
}

fn challenge(req: &mut Request, realm: &[u8]) -> Verdict {
    let mut value = b"Basic realm=\"".to_vec();
    value.extend_from_slice(realm);
    value.push(b'"');
    let (field, status) = match req.method {
        Method::Connect => ("Proxy-Authenticate", 407),
        _ => ("WWW-Authenticate", 401),
    };
    req.response.push(field, value);
    Verdict::Status(status)
}

fn unreadable(req: &Request, path: &Path, error: &file::Failure) -> Verdict {
    let (call, error): (_, &io::Error) = match error {
        file::Failure::Open(error) => ("open", error),
        file::Failure::Read(error) => ("read", error),
    };
    let missing = error.kind() == io::ErrorKind::NotFound;
    let level = if missing { Level::Error } else { Level::Crit };
    let (path, error) = (path.display(), errno(error));
    let message = format_args!("{call}() \"{path}\" failed ({error})");
    log::request(req, level, message);
    Verdict::Status(if missing { 403 } else { 500 })
}
