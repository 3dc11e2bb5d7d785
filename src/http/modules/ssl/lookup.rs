//! Certificates whose names have variables: found at each handshake.

use super::conf::CertificateCache;
use crate::config::source::{Disk, Files};
use crate::http::request::Request;
use crate::http::value::Value;
use crate::tls::{chain, error::LoadError, key, place};
use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, SigningKey};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Where the certificates and keys of a server are.
pub struct Lookup {
    /// The values of `ssl_certificate` and `ssl_certificate_key`.
    pub pairs: Vec<(Value, Value)>,
    /// The passwords of keys.
    pub passwords: Vec<Vec<u8>>,
    /// What names are relative to.
    pub base: PathBuf,
    /// What was loaded before.
    pub cache: Option<Cache>,
}

/// Why there is no certificate, in nginx's words.
pub struct LookupError(pub String);

impl Lookup {
    /// The certificates for a connection, of which nothing is known yet but what the request that it is asked for says.
    ///
    /// # Errors
    /// One of them cannot be loaded.
    pub fn certificates(&self, req: &Request) -> Result<Vec<Arc<CertifiedKey>>, LookupError> {
        let pairs = self.pairs.iter();
        pairs
            .map(|(certificate, key)| {
                let (mut certificate_name, mut key_name) = (Vec::new(), Vec::new());
                certificate.write(req, &mut certificate_name);
                key.write(req, &mut key_name);
                let pair = self.pair(&certificate_name, &key_name, false)?;
                match pair.2 {
                    true => Ok(Arc::new(CertifiedKey::new(pair.0, pair.1))),
                    // One of two files may have been replaced before the other.
                    false => match self.pair(&certificate_name, &key_name, true)? {
                        (chain, key, true) => Ok(Arc::new(CertifiedKey::new(chain, key))),
                        _ => Err(LookupError(format!(
                            "SSL_use_PrivateKey(\"{}\") failed (SSL: {})",
                            place::shown(&key_name, &self.base),
                            super::KEY_MISMATCH
                        ))),
                    },
                }
            })
            .collect()
    }

    fn pair(&self, certificate: &[u8], key: &[u8], fresh: bool) -> Result<Pair, LookupError> {
        let explain = |what: &str, name: &[u8], e: LoadError| {
            let name = place::shown(name, &self.base);
            LookupError(format!("cannot load {what} \"{name}\": {e}"))
        };
        let chain = self
            .fetch(Kind::Certificate, certificate, fresh)
            .map_err(|e| explain("certificate", certificate, e))?;
        let secret = self
            .fetch(Kind::Key, key, fresh)
            .map_err(|e| explain("certificate key", key, e))?;
        let (Object::Certificate(chain), Object::Key(key)) = (chain, secret) else {
            return Err(LookupError(String::from("no certificate")));
        };
        let belongs = chain.first().is_none_or(|first| key::belongs(&*key, first));
        Ok((chain.to_vec(), key, belongs))
    }

    fn fetch(&self, kind: Kind, name: &[u8], fresh: bool) -> Result<Object, LoadError> {
        match &self.cache {
            Some(cache) => cache.fetch(self, kind, name, fresh),
            None => self.load(kind, name, &Disk).map(|(object, _)| object),
        }
    }

    /// Loads an object; whether it may be kept is said along: keys that a password protects are not.
    fn load(
        &self,
        kind: Kind,
        name: &[u8],
        files: &dyn Files,
    ) -> Result<(Object, bool), LoadError> {
        match kind {
            Kind::Certificate => {
                let text = place::certificate(name, &self.base, files)?;
                Ok((Object::Certificate(chain::chain(&text)?.into()), true))
            }
            Kind::Key => {
                let text = place::key(name, &self.base, files)?;
                let key = key::key(&text, &self.passwords)?;
                let encrypted = memchr::memmem::find(&text, b"ENCRYPTED").is_some();
                Ok((Object::Key(key), !encrypted))
            }
        }
    }
}

type Pair = (Vec<CertificateDer<'static>>, Arc<dyn SigningKey>, bool);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Certificate,
    Key,
}

#[derive(Clone)]
enum Object {
    Certificate(Arc<[CertificateDer<'static>]>),
    Key(Arc<dyn SigningKey>),
}

/// `ssl_certificate_cache`
pub struct Cache {
    settings: CertificateCache,
    objects: Mutex<HashMap<(Kind, Bytes), Kept>>,
}

struct Kept {
    object: Object,
    created: Instant,
    used: Instant,
    file: Option<(SystemTime, u64)>,
}

impl Cache {
    /// An empty one.
    pub fn new(settings: CertificateCache) -> Cache {
        Cache {
            settings,
            objects: Mutex::default(),
        }
    }

    fn fetch(
        &self,
        lookup: &Lookup,
        kind: Kind,
        name: &[u8],
        fresh: bool,
    ) -> Result<Object, LoadError> {
        let id = (kind, Bytes::copy_from_slice(name));
        let is_data = name.starts_with(b"data:");
        let now = Instant::now();
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = objects.get_mut(&id) {
            let old = now.duration_since(kept.created) > whole_seconds(self.settings.valid);
            let state = if old || fresh {
                stamp(lookup, name)
            } else {
                None
            };
            let unchanged = state.is_some() && state == kept.file && !fresh;
            if is_data || (!old && !fresh) || unchanged {
                kept.used = now;
                if unchanged {
                    kept.created = now;
                }
                return Ok(kept.object.clone());
            }
            objects.remove(&id);
        }
        let (object, keep) = lookup.load(kind, name, &Disk)?;
        if keep {
            self.make_room(&mut objects, now);
            let kept = Kept {
                object: object.clone(),
                created: now,
                used: now,
                file: stamp(lookup, name),
            };
            objects.insert(id, kept);
        }
        Ok(object)
    }

    fn make_room(&self, objects: &mut HashMap<(Kind, Bytes), Kept>, now: Instant) {
        let inactive = whole_seconds(self.settings.inactive);
        objects.retain(|_, kept| now.duration_since(kept.used) <= inactive);
        while objects.len() >= self.settings.max {
            let oldest = objects.iter().min_by_key(|(_, kept)| kept.used);
            let Some(id) = oldest.map(|(id, _)| id.clone()) else {
                return;
            };
            objects.remove(&id);
        }
    }
}

/// Times are compared in seconds of a clock that ticks once a second.
fn whole_seconds(time: Duration) -> Duration {
    time.saturating_add(Duration::from_millis(999))
}

/// What tells a file from its successor.
fn stamp(lookup: &Lookup, name: &[u8]) -> Option<(SystemTime, u64)> {
    use std::os::unix::fs::MetadataExt;
    let data = std::fs::metadata(place::path(name, &lookup.base)).ok()?;
    Some((data.modified().ok()?, data.ino()))
}
