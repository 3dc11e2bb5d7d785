//! nginx's core and events modules: the directives outside `http`, and what they come to.

use crate::config::directive::Directive;
use crate::cycle::Builder;

/// What the directives of the main context and of `events` said.
#[derive(Debug, Default)]
pub struct CoreRaw {}

/// The settings that the processes run by.
#[derive(Clone, Debug)]
pub struct Core {}

/// The tables.
pub static DIRECTIVES: &[Directive<Builder>] = &[];

/// Puts in the defaults.
pub fn finish(_b: &mut Builder) -> Core {
    Core {}
}
