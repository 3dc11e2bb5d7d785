//! A certificate with its key, as one side shows it to the other, and the memory for those whose names only a connection
//! knows.

use super::error::LoadError;
use super::{chain, key, pem, place};
use crate::config::source::{Disk, Files};
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SigningKey};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Where a certificate and its key come from: names of files, or the values themselves behind `data:`.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The certificate, with those that are sent along.
    pub certificate: &'a [u8],
    /// Its key.
    pub key: &'a [u8],
    /// What encrypted keys are tried with.
    pub passwords: &'a [Vec<u8>],
    /// The directory that names are relative to.
    pub base: &'a Path,
}

/// OpenSSL's reason for a key that is not the certificate's.
const MISMATCH: &str = "error:05800074:x509 certificate routines::key values mismatch";

impl Source<'_> {
    /// Reads both, and sees that they belong together. `call` is the function by which nginx would find out that they do not.
    ///
    /// # Errors
    /// nginx's sentence.
    pub fn load(&self, files: &dyn Files, call: &str) -> Result<CertifiedKey, String> {
        let chain = place::certificate(self.certificate, self.base, files)
            .and_then(|text| chain::chain(&text))
            .map_err(|e| self.no_certificate(&e))?;
        let key = place::key(self.key, self.base, files)
            .and_then(|text| key::key(&text, self.passwords))
            .map_err(|e| self.no_key(&e))?;
        self.pair(chain, key, call)
    }

    /// The same at a time when names depend on a connection, with what `cache` remembers.
    ///
    /// # Errors
    /// nginx's sentence.
    pub fn fetch(&self, cache: Option<&Cache>, call: &str) -> Result<CertifiedKey, String> {
        let Some(cache) = cache else {
            return self.load(&Disk, call);
        };
        // A file may have been replaced and the other not looked at yet.
        match self.fetch_pair(cache, false, call) {
            Err(sentence) if sentence.ends_with(&format!("(SSL: {MISMATCH})")) => {
                self.fetch_pair(cache, true, call)
            }
            other => other,
        }
    }

    fn fetch_pair(&self, cache: &Cache, again: bool, call: &str) -> Result<CertifiedKey, String> {
        let load = || {
            let text = place::certificate(self.certificate, self.base, &Disk)?;
            Ok((Object::Chain(chain::chain(&text)?.into()), true))
        };
        let chain = match cache.get(self.certificate, Kind::Chain, self.base, again, load) {
            Ok(Object::Chain(chain)) => chain.to_vec(),
            Ok(Object::Key(_)) => Vec::new(),
            Err(e) => return Err(self.no_certificate(&e)),
        };
        let load = || {
            let text = place::key(self.key, self.base, &Disk)?;
            let key = key::key(&text, self.passwords)?;
            // What a password opened is not there for those who do not have it.
            Ok((Object::Key(key), !is_encrypted(&text)))
        };
        match cache.get(self.key, Kind::Key, self.base, again, load) {
            Ok(Object::Key(key)) => self.pair(chain, key, call),
            Ok(Object::Chain(_)) => Err(String::new()),
            Err(e) => Err(self.no_key(&e)),
        }
    }

    fn pair(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: Arc<dyn SigningKey>,
        call: &str,
    ) -> Result<CertifiedKey, String> {
        let fits = chain.first().is_some_and(|own| key::belongs(&*key, own));
        if !fits {
            let shown = place::shown(self.key, self.base);
            return Err(format!("{call}(\"{shown}\") failed (SSL: {MISMATCH})"));
        }
        Ok(CertifiedKey::new(chain, key))
    }

    fn no_certificate(&self, e: &LoadError) -> String {
        let shown = place::shown(self.certificate, self.base);
        format!("cannot load certificate \"{shown}\": {e}")
    }

    fn no_key(&self, e: &LoadError) -> String {
        let shown = place::shown(self.key, self.base);
        format!("cannot load certificate key \"{shown}\": {e}")
    }
}

fn is_encrypted(text: &[u8]) -> bool {
    pem::blocks(text).flatten().any(|block| {
        block.label == "ENCRYPTED PRIVATE KEY"
            || block.headers.iter().any(|(n, _)| n == "Proc-Type")
    })
}

/// What is remembered of certificates and keys: `proxy_ssl_certificate_cache` and its like.
#[derive(Debug)]
pub struct Cache {
    /// How many objects.
    max: usize,
    /// How long without being used.
    inactive: Duration,
    /// How long before their files are looked at again.
    valid: Duration,
    /// Those used last are in front.
    nodes: Mutex<Vec<Node>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Chain,
    Key,
}

#[derive(Clone, Debug)]
enum Object {
    Chain(Arc<[CertificateDer<'static>]>),
    Key(Arc<dyn SigningKey>),
}

#[derive(Debug)]
struct Node {
    name: Box<[u8]>,
    kind: Kind,
    object: Object,
    /// When its file was looked at last.
    created: Instant,
    accessed: Instant,
    /// What tells one file from the next with the same name.
    file: Option<(u64, u64, SystemTime)>,
}

impl Cache {
    /// Room for `max` objects.
    pub fn new(max: usize, inactive: Duration, valid: Duration) -> Self {
        Cache {
            max,
            inactive,
            valid,
            nodes: Mutex::default(),
        }
    }

    fn get(
        &self,
        name: &[u8],
        kind: Kind,
        base: &Path,
        again: bool,
        load: impl Fn() -> Result<(Object, bool), LoadError>,
    ) -> Result<Object, LoadError> {
        let now = Instant::now();
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        let found = nodes
            .iter()
            .position(|n| n.kind == kind && *n.name == *name);
        if let Some(at) = found {
            let mut node = nodes.remove(at);
            let fresh = now.duration_since(node.created) <= self.valid;
            if !name.starts_with(b"data:") && (again || !fresh) {
                let file = identify(name, base);
                if again || file.is_none() || file != node.file {
                    let (object, keep) = load()?;
                    if !keep {
                        return Ok(object);
                    }
                    node.object = object;
                    node.file = file;
                }
                node.created = now;
            }
            node.accessed = now;
            let object = node.object.clone();
            nodes.insert(0, node);
            return Ok(object);
        }
        let (object, keep) = load()?;
        if keep {
            self.make_room(&mut nodes, now);
            let node = Node {
                name: name.into(),
                kind,
                object: object.clone(),
                created: now,
                accessed: now,
                file: identify(name, base),
            };
            nodes.insert(0, node);
        }
        Ok(object)
    }

    fn make_room(&self, nodes: &mut Vec<Node>, now: Instant) {
        while let Some(last) = nodes.last() {
            let unused = now.duration_since(last.accessed) > self.inactive;
            if !unused && nodes.len() < self.max {
                break;
            }
            nodes.pop();
        }
    }
}

fn identify(name: &[u8], base: &Path) -> Option<(u64, u64, SystemTime)> {
    let meta = std::fs::metadata(place::path(name, base)).ok()?;
    Some((meta.dev(), meta.ino(), meta.modified().ok()?))
}
