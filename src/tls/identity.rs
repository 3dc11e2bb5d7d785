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

/// Why a certificate cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// nginx's sentence.
    pub sentence: String,
    /// Whether it is the key that is wrong.
    pub by_key: bool,
    mismatch: bool,
}

impl Source<'_> {
    /// Reads both, and sees that they belong together. `call` is the function by which nginx would find out that they do not.
    ///
    /// # Errors
    /// One cannot be read, or they are no pair.
    pub fn load(&self, files: &dyn Files, call: &str) -> Result<CertifiedKey, Failed> {
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
    /// As [`Source::load`].
    pub fn fetch(&self, cache: Option<&Cache>, call: &str) -> Result<CertifiedKey, Failed> {
        let Some(cache) = cache else {
            return self.load(&Disk, call);
        };
        match self.fetch_pair(cache, false, call) {
            // A file may have been replaced and the other not looked at yet.
            Err(failed) if failed.mismatch => self.fetch_pair(cache, true, call),
            other => other,
        }
    }

    fn fetch_pair(&self, cache: &Cache, again: bool, call: &str) -> Result<CertifiedKey, Failed> {
        let load = || {
            let text = place::certificate(self.certificate, self.base, &Disk)?;
            Ok((Object::Chain(chain::chain(&text)?.into()), true))
        };
        let chain = cache
            .get((Kind::Chain, self.certificate), self.base, again, load)
            .map_err(|e| self.no_certificate(&e))?;
        let load = || {
            let text = place::key(self.key, self.base, &Disk)?;
            let key = key::key(&text, self.passwords)?;
            // What a password opened is not there for those who do not have it.
            Ok((Object::Key(key), !is_encrypted(&text)))
        };
        let key = cache
            .get((Kind::Key, self.key), self.base, again, load)
            .map_err(|e| self.no_key(&e))?;
        match (chain, key) {
            (Object::Chain(chain), Object::Key(key)) => self.pair(chain.to_vec(), key, call),
            // Kinds are part of what objects are found by.
            _ => Err(self.no_pair(call)),
        }
    }

    fn pair(
        &self,
        chain: Vec<CertificateDer<'static>>,
        key: Arc<dyn SigningKey>,
        call: &str,
    ) -> Result<CertifiedKey, Failed> {
        match chain.first() {
            Some(own) if key::belongs(&*key, own) => Ok(CertifiedKey::new(chain, key)),
            _ => Err(self.no_pair(call)),
        }
    }

    fn no_certificate(&self, e: &LoadError) -> Failed {
        let shown = place::shown(self.certificate, self.base);
        Failed {
            sentence: format!("cannot load certificate \"{shown}\": {e}"),
            by_key: false,
            mismatch: false,
        }
    }

    fn no_key(&self, e: &LoadError) -> Failed {
        let shown = place::shown(self.key, self.base);
        Failed {
            sentence: format!("cannot load certificate key \"{shown}\": {e}"),
            by_key: true,
            mismatch: false,
        }
    }

    fn no_pair(&self, call: &str) -> Failed {
        let shown = place::shown(self.key, self.base);
        Failed {
            sentence: format!("{call}(\"{shown}\") failed (SSL: {MISMATCH})"),
            by_key: true,
            mismatch: true,
        }
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
        (kind, name): (Kind, &[u8]),
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
