//! Variables: what a name stands for, found once when the configuration is read; values, computed per request.

use super::request::Request;
use crate::config::span::Span;
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
    /// Computed, and `set` may assign to it.
    Settable(Getter, Setter),
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

    /// One that `set` may change.
    pub const fn settable(name: &'static str, get: Getter, set: Setter) -> Self {
        Variable {
            name,
            kind: Kind::Settable(get, set),
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
}

impl Variables {
    /// What the variable is.
    pub fn get(&self, id: VarId) -> Option<&Definition> {
        self.definitions.get(id.0 as usize)
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
    changeable: bool,
}

/// Collects names while the configuration is read. A name may be used before the line that defines it.
#[derive(Default)]
pub struct VariablesBuilder {
    entries: Vec<Entry>,
    by_name: HashMap<Bytes, u32>,
}

impl VariablesBuilder {
    /// The number of a name; the name (case is folded) becomes known as used at `span`.
    pub fn reference(&mut self, name: &[u8], span: Option<Span>) -> VarId {
        let name = Bytes::from(name.to_ascii_lowercase());
        if let Some(&i) = self.by_name.get(&name) {
            return VarId(i);
        }
        let i = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        self.by_name.insert(name.clone(), i);
        self.entries.push(Entry {
            name,
            first_use: span,
            definition: None,
            changeable: true,
        });
        VarId(i)
    }

    /// Defines a name as a slot that `set` or a named capture fills.
    ///
    /// # Errors
    /// The name belongs to the server and cannot be changed: nginx's sentence.
    pub fn define_slot(&mut self, name: &[u8]) -> Result<VarId, String> {
        if let Some(v) = builtin(&name.to_ascii_lowercase()) {
            match v.kind {
                Kind::Settable(..) => return Ok(self.reference(name, None)),
                _ => {
                    return Err(format!(
                        "the duplicate \"{}\" variable",
                        String::from_utf8_lossy(name)
                    ));
                }
            }
        }
        let id = self.reference(name, None);
        if let Some(e) = self.entries.get_mut(id.0 as usize)
            && e.definition.is_none()
        {
            e.definition = Some(Definition::Slot(None));
        }
        Ok(id)
    }

    /// Defines a name as computed by an object of the configuration (`map`, `geo`, `split_clients`).
    ///
    /// # Errors
    /// The name belongs to the server: nginx's sentence.
    pub fn define(&mut self, name: &[u8], compute: Arc<dyn Compute>) -> Result<VarId, String> {
        if builtin(&name.to_ascii_lowercase())
            .is_some_and(|v| !matches!(v.kind, Kind::Settable(..)))
        {
            return Err(format!(
                "the duplicate \"{}\" variable",
                String::from_utf8_lossy(name)
            ));
        }
        let id = self.reference(name, None);
        if let Some(e) = self.entries.get_mut(id.0 as usize) {
            e.definition = Some(Definition::Slot(Some(compute)));
            e.changeable = true;
        }
        Ok(id)
    }

    /// Gives every name its definition; returns the names (with the place of their first use) that have none.
    pub fn finish(self) -> (Variables, Vec<(Bytes, Option<Span>)>) {
        let mut unknown = Vec::new();
        let definitions = self
            .entries
            .into_iter()
            .map(|e| {
                e.definition
                    .or_else(|| resolve(&e.name))
                    .unwrap_or_else(|| {
                        unknown.push((e.name.clone(), e.first_use));
                        Definition::Slot(None)
                    })
            })
            .collect();
        (Variables { definitions }, unknown)
    }
}

fn resolve(name: &Bytes) -> Option<Definition> {
    if let Some(v) = builtin(name) {
        return Some(match v.kind {
            Kind::Plain(get) => Definition::Plain(get),
            Kind::Settable(get, set) => Definition::Settable(get, set),
            Kind::Family(get) => Definition::Family(get, Bytes::new()),
        });
    }
    // The longest prefix wins: `upstream_http_x` is no `upstream_`-anything else.
    all()
        .filter(|v| matches!(v.kind, Kind::Family(_)) && name.starts_with(v.name.as_bytes()))
        .max_by_key(|v| v.name.len())
        .and_then(|v| match v.kind {
            Kind::Family(get) => Some(Definition::Family(get, name.slice(v.name.len()..))),
            _ => None,
        })
}

fn builtin(name: &[u8]) -> Option<&'static Variable> {
    all().find(|v| !matches!(v.kind, Kind::Family(_)) && v.name.as_bytes() == name)
}

fn all() -> impl Iterator<Item = &'static Variable> {
    super::VARIABLES.iter().flat_map(|table| table.iter())
}
