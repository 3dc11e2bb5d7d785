//! Variables: what a name stands for, found once when the configuration is read; values, computed per request.

use super::request::Request;
use crate::config::source::Sources;
use crate::config::span::Span;
use crate::config::suggest::nearest;
use crate::diagnostic::Diagnostic;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

/// Writes a variable's value; `false` if it has none ("not found").
pub type Getter = fn(&Request, &mut Vec<u8>) -> bool;
/// The same for a family such as `$arg_NAME`: the text behind the prefix comes along, as it was written.
pub type FamilyGetter = fn(&Request, &[u8], &mut Vec<u8>) -> bool;
/// Assigns to a variable of the server's by `set`, e.g. `$args`.
pub type Setter = fn(&mut Request, &[u8]);

/// A variable that a module brings.
pub struct Variable {
    /// The name without `$`; of a family the prefix, which ends with `_`.
    pub name: &'static str,
    /// How to compute it.
    pub kind: Kind,
}

/// The kinds of variables that modules bring.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Computed from the request each time it is asked for.
    Plain(Getter),
    /// Computed once in a request, when it is first asked for.
    Cached(Getter),
    /// Computed, and `set` may assign to it.
    Settable(Getter, Setter),
    /// Computed each time, unless the configuration defines the name as a variable of its own.
    Weak(Getter),
    /// The same, computed once in a request.
    CachedWeak(Getter),
    /// All names with this prefix.
    Family(FamilyGetter),
}

impl Variable {
    /// A variable that is computed each time.
    pub const fn new(name: &'static str, get: Getter) -> Self {
        Variable {
            name,
            kind: Kind::Plain(get),
        }
    }

    /// A variable that keeps the value of the first time.
    pub const fn cached(name: &'static str, get: Getter) -> Self {
        Variable {
            name,
            kind: Kind::Cached(get),
        }
    }

    /// One that `set` may change.
    pub const fn settable(name: &'static str, get: Getter, set: Setter) -> Self {
        Variable {
            name,
            kind: Kind::Settable(get, set),
        }
    }

    /// One that the configuration may define anew.
    pub const fn weak(name: &'static str, get: Getter) -> Self {
        Variable {
            name,
            kind: Kind::Weak(get),
        }
    }

    /// The same, keeping the value of the first time.
    pub const fn cached_weak(name: &'static str, get: Getter) -> Self {
        Variable {
            name,
            kind: Kind::CachedWeak(get),
        }
    }

    /// All names with a prefix.
    pub const fn family(prefix: &'static str, get: FamilyGetter) -> Self {
        Variable {
            name: prefix,
            kind: Kind::Family(get),
        }
    }
}

/// A variable whose value is computed by an object of the configuration: `map`, `geo`, `split_clients`.
pub trait Compute: Send + Sync {
    /// Writes the value; `false` if there is none.
    fn compute(&self, req: &Request, out: &mut Vec<u8>) -> bool;
    /// Whether it must be computed anew each time it is asked for (`volatile`).
    fn volatile(&self) -> bool {
        false
    }
    /// Whether a rehearsal tells of its values: those that the configuration makes up.
    fn is_told(&self) -> bool {
        false
    }
}

/// A getter whose value is kept.
struct Once(Getter);

impl Compute for Once {
    fn compute(&self, req: &Request, out: &mut Vec<u8>) -> bool {
        (self.0)(req, out)
    }
}

/// A member of a family to which `set` may assign: the family's value as long as nothing was assigned.
struct Member(FamilyGetter, Bytes);

impl Compute for Member {
    fn compute(&self, req: &Request, out: &mut Vec<u8>) -> bool {
        (self.0)(req, &self.1, out)
    }

    fn volatile(&self) -> bool {
        true
    }
}

/// A variable that the configuration may define anew, and that `set` assigns to: its own value until then.
struct Until(Getter);

impl Compute for Until {
    fn compute(&self, req: &Request, out: &mut Vec<u8>) -> bool {
        (self.0)(req, out)
    }

    fn volatile(&self) -> bool {
        true
    }
}

/// What a name stands for in one cycle.
#[derive(Clone)]
pub enum Definition {
    /// A variable of a module.
    Plain(Getter),
    /// A variable of a module to which `set` may assign.
    Settable(Getter, Setter),
    /// One of a family: the getter and the text behind the prefix.
    Family(FamilyGetter, Bytes),
    /// A value kept in the request: assigned by `set` or by a named capture, or computed once by a map.
    Slot(Option<Arc<dyn Compute>>),
}

/// The number of a variable in its cycle, and of its slot in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VarId(pub u32);

/// All variables that a configuration names.
#[derive(Default)]
pub struct Variables {
    definitions: Vec<Definition>,
    names: Vec<Bytes>,
}

impl Variables {
    /// What the variable is.
    pub fn get(&self, id: VarId) -> Option<&Definition> {
        self.definitions.get(id.0 as usize)
    }

    /// Its name without `$`, in lower case.
    pub fn name(&self, id: VarId) -> &[u8] {
        self.names.get(id.0 as usize).map_or(b"", |name| name)
    }

    /// How many there are: the number of slots that a request may need.
    pub fn len(&self) -> usize {
        self.definitions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.definitions.is_empty()
    }
}

struct Entry {
    name: Bytes,
    first_use: Option<Span>,
    definition: Option<Definition>,
    /// Whether only values that are passed on to servers name it.
    inherited: bool,
}

/// Collects names while the configuration is read. A name may be used before the line that defines it.
#[derive(Default)]
pub struct VariablesBuilder {
    entries: Vec<Entry>,
    by_name: HashMap<Bytes, u32>,
    /// Whether what is read is a value that nginx looks into only when it is passed on to a server, such as that of
    /// `proxy_set_header` in `http`.
    pub inherited: bool,
}

/// nginx's sentence about a name that nothing defines, the place, and the name that was probably meant: one of the
/// server's, or of those that the configuration defines.
pub fn unknown(unknown: &Unknown, defined: &[Bytes], sources: &Sources) -> Diagnostic {
    let name = String::from_utf8_lossy(&unknown.name);
    let mut d = Diagnostic::new(format!("unknown \"{name}\" variable"));
    let own: Vec<_> = defined.iter().map(|n| String::from_utf8_lossy(n)).collect();
    let plain = all().filter(|variable| !matches!(variable.kind, Kind::Family(_)));
    let of_families = of_families(&name);
    let candidates = plain
        .map(|variable| variable.name)
        .chain(own.iter().map(|name| &**name))
        .chain(of_families.iter().map(String::as_str));
    let meant = nearest(&name, candidates);
    if let Some(word) = unknown.span {
        let place = written(&name, word, sources);
        d = d.label(place.unwrap_or(word), "used here");
        if let (Some(place), Some(meant)) = (place, meant) {
            d = d.fix(place, format!("${meant}"));
        }
    }
    d.help(match meant {
        Some(meant) => format!("did you mean \"${meant}\"?"),
        None => format!("nothing defines it: no set, map, geo or named group is called ${name}"),
    })
}

/// The name as it would be if its beginning were that of a family: `$htp_host` as `$http_host`.
fn of_families(name: &str) -> Vec<String> {
    let families = all().filter(|variable| matches!(variable.kind, Kind::Family(_)));
    let renamed = families.flat_map(|family| {
        // The name of a family ends with its last underscore, which may be what is missing.
        let parts = family.name.matches('_').count();
        let ends = name.match_indices('_').map(|(at, _)| at + 1);
        let end = ends.take(parts).last().unwrap_or_default();
        let bare = family.name.trim_end_matches('_');
        let with_rest = |rest: &str| (!rest.is_empty()).then(|| format!("{}{rest}", family.name));
        [name.get(end..), name.strip_prefix(bare)]
            .into_iter()
            .flatten()
            .filter_map(with_rest)
            .collect::<Vec<_>>()
    });
    renamed.filter(|renamed| renamed != name).collect()
}

/// The variable inside the word that it stands in. The word may have it in other letter case.
fn written(name: &str, word: Span, sources: &Sources) -> Option<Span> {
    let plain = sources.find_in(word, format!("${name}").as_bytes());
    plain.or_else(|| sources.find_in(word, format!("${{{name}}}").as_bytes()))
}

/// A name that nothing defines.
pub struct Unknown {
    /// The name.
    pub name: Bytes,
    /// Where it was used first.
    pub span: Option<Span>,
    /// Whether it does not matter if there is no server to use it.
    pub inherited: bool,
}

impl VariablesBuilder {
    /// The names that the configuration defines so far.
    pub fn defined(&self) -> Vec<Bytes> {
        let defined = self.entries.iter().filter(|e| e.definition.is_some());
        defined.map(|e| e.name.clone()).collect()
    }

    /// The number of a name; the name (case is folded) becomes known as used at `span`.
    pub fn reference(&mut self, name: &[u8], span: Option<Span>) -> VarId {
        let name = Bytes::from(name.to_ascii_lowercase());
        let inherited = self.inherited;
        if let Some(&i) = self.by_name.get(&name) {
            if let Some(entry) = self.entries.get_mut(i as usize) {
                entry.inherited &= inherited;
            }
            return VarId(i);
        }
        let i = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.by_name.insert(name.clone(), i);
        self.entries.push(Entry {
            name,
            first_use: span,
            definition: None,
            inherited,
        });
        VarId(i)
    }

    /// Defines a name as one that `set` assigns to. While nothing is assigned it is what something else defines it
    /// as, a member of its family, or else what `unset` makes of it.
    ///
    /// # Errors
    /// The name belongs to the server and cannot be changed, or is empty: nginx's sentence.
    pub fn define_weak(
        &mut self,
        name: &[u8],
        unset: impl FnOnce(VarId) -> Arc<dyn Compute>,
    ) -> Result<VarId, String> {
        let changeable = check_name(name)?;
        let id = self.reference(name, None);
        if !changeable
            && let Some(e) = self.entries.get_mut(id.0 as usize)
            && e.definition.is_none()
        {
            let compute: Arc<dyn Compute> = match (builtin(&e.name), family(&e.name)) {
                (
                    Some(Variable {
                        kind: Kind::Weak(get),
                        ..
                    }),
                    _,
                ) => Arc::new(Until(*get)),
                (
                    Some(Variable {
                        kind: Kind::CachedWeak(get),
                        ..
                    }),
                    _,
                ) => Arc::new(Once(*get)),
                (_, Some((get, rest))) => Arc::new(Member(get, rest)),
                _ => unset(id),
            };
            e.definition = Some(Definition::Slot(Some(compute)));
        }
        Ok(id)
    }

    /// Defines a name as a slot that a named capture fills. Without a match it has no value, whatever it was before.
    ///
    /// # Errors
    /// The name belongs to the server and cannot be changed: nginx's sentence.
    pub fn define_slot(&mut self, name: &[u8]) -> Result<VarId, String> {
        self.put(name, Definition::Slot(None))
    }

    /// Defines a name as computed by an object of the configuration (`map`, `geo`, `split_clients`).
    ///
    /// # Errors
    /// The name belongs to the server: nginx's sentence.
    pub fn define(&mut self, name: &[u8], compute: Arc<dyn Compute>) -> Result<VarId, String> {
        self.put(name, Definition::Slot(Some(compute)))
    }

    fn put(&mut self, name: &[u8], definition: Definition) -> Result<VarId, String> {
        check_name(name)?;
        let id = self.reference(name, None);
        if let Some(e) = self.entries.get_mut(id.0 as usize) {
            e.definition = Some(definition);
        }
        Ok(id)
    }

    /// Whether [`VariablesBuilder::define`] would take the name.
    ///
    /// # Errors
    /// As there.
    pub fn check(&self, name: &[u8]) -> Result<(), String> {
        check_name(name).map(drop)
    }

    /// Gives every name its definition; returns the names that have none, in the order in which nginx meets them.
    pub fn finish(self) -> (Variables, Vec<Unknown>) {
        let mut unknown = Vec::new();
        let mut all = Variables::default();
        for e in self.entries {
            let definition = e.definition.or_else(|| resolve(&e.name));
            if definition.is_none() {
                unknown.push(Unknown {
                    name: e.name.clone(),
                    span: e.first_use,
                    inherited: e.inherited,
                });
            }
            all.definitions
                .push(definition.unwrap_or(Definition::Slot(None)));
            all.names.push(e.name);
        }
        unknown.sort_by_key(|u| u.inherited);
        (all, unknown)
    }
}

/// Whether the name is one of the server's that can be changed; false if it is none of the server's.
fn check_name(name: &[u8]) -> Result<bool, String> {
    if name.is_empty() {
        return Err(String::from("invalid variable name \"$\""));
    }
    match builtin(&name.to_ascii_lowercase()).map(|v| v.kind) {
        None | Some(Kind::Weak(_) | Kind::CachedWeak(_)) => Ok(false),
        Some(Kind::Settable(..)) => Ok(true),
        Some(_) => {
            let name = String::from_utf8_lossy(name);
            Err(format!("the duplicate \"{name}\" variable"))
        }
    }
}

fn resolve(name: &Bytes) -> Option<Definition> {
    match builtin(name).map(|v| v.kind) {
        Some(Kind::Plain(get) | Kind::Weak(get)) => Some(Definition::Plain(get)),
        Some(Kind::Cached(get) | Kind::CachedWeak(get)) => {
            Some(Definition::Slot(Some(Arc::new(Once(get)))))
        }
        Some(Kind::Settable(get, set)) => Some(Definition::Settable(get, set)),
        Some(Kind::Family(_)) | None => {
            family(name).map(|(get, rest)| Definition::Family(get, rest))
        }
    }
}

/// The family that a name belongs to, with what follows the prefix. The longest prefix wins: `upstream_http_x`
/// is no `upstream_`-anything else.
fn family(name: &Bytes) -> Option<(FamilyGetter, Bytes)> {
    all()
        .filter(|v| name.starts_with(v.name.as_bytes()))
        .filter_map(|v| match v.kind {
            Kind::Family(get) => Some((get, v.name.len())),
            _ => None,
        })
        .max_by_key(|(_, len)| *len)
        .map(|(get, len)| (get, name.slice(len..)))
}

fn builtin(name: &[u8]) -> Option<&'static Variable> {
    all().find(|v| !matches!(v.kind, Kind::Family(_)) && v.name.as_bytes() == name)
}

fn all() -> impl Iterator<Item = &'static Variable> {
    super::VARIABLES.iter().flat_map(|table| table.iter())
}
