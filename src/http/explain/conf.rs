//! Settings of the explanations. nginx has none of these directives.

use crate::config::directive::{Args, Directive};
use crate::config::tree::Node;
use crate::cycle::context::EVERYWHERE;
use crate::cycle::{Builder, invalid_parameter, meaningless_bits};
use crate::diagnostic::Diagnostic;
use crate::http::conf::{BlockKind, Settings};
use crate::http::variable::VarId;
use crate::net::cidr::Cidr;

/// As written.
#[derive(Clone, Default)]
pub struct ExplainRaw {
    hints: Option<bool>,
    proxy_status: Option<usize>,
    proxy_status_details: Option<bool>,
    diagnostics: Option<usize>,
    debug_route: Option<Vec<Cidr>>,
}

/// In force.
pub struct ExplainConf {
    /// `error_log_hints`
    pub hints: bool,
    /// `proxy_status`
    pub proxy_status: ProxyStatus,
    /// `proxy_status_details`
    pub proxy_status_details: bool,
    /// `error_page_diagnostics`
    pub diagnostics: Diagnostics,
    /// `debug_route`: who is told which way a request took.
    pub debug_route: Box<[Cidr]>,
    /// `$request_id`, where pages show it.
    pub request_id: Option<VarId>,
}

/// `proxy_status`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyStatus {
    /// No field is added.
    Off,
    /// One is added to answers that stand in place of an upstream's.
    Errors,
    /// One is added to those of an upstream, too.
    On,
}

/// `error_page_diagnostics`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Diagnostics {
    /// The usual pages.
    Off,
    /// Clients on this machine are told why.
    Local,
    /// All are.
    On,
}

impl Settings for ExplainRaw {
    type Conf = ExplainConf;

    fn inherit(&mut self, parent: &Self, _: &BlockKind) {
        macro_rules! fields {
            ($($field:ident)*) => {
                $(if self.$field.is_none() { self.$field = parent.$field.clone(); })*
            };
        }
        fields! { hints proxy_status proxy_status_details diagnostics debug_route }
    }

    fn build(&self, b: &mut Builder) -> ExplainConf {
        let diagnostics = match self.diagnostics {
            Some(1) => Diagnostics::Local,
            Some(2) => Diagnostics::On,
            _ => Diagnostics::Off,
        };
        let shown = diagnostics != Diagnostics::Off;
        ExplainConf {
            hints: self.hints.unwrap_or(true),
            proxy_status: match self.proxy_status {
                Some(1) => ProxyStatus::Errors,
                Some(2) => ProxyStatus::On,
                _ => ProxyStatus::Off,
            },
            proxy_status_details: self.proxy_status_details.unwrap_or(false),
            diagnostics,
            debug_route: self.debug_route.clone().unwrap_or_default().into(),
            request_id: shown.then(|| b.http.variables.reference(b"request_id", None)),
        }
    }
}

fn here(b: &mut Builder) -> &mut ExplainRaw {
    b.http.here().explain()
}

type D = Directive<Builder>;

/// The table.
pub static DIRECTIVES: &[D] = &[
    D::flag("error_log_hints", EVERYWHERE, |b| &mut here(b).hints)
        .default("on")
        .extension()
        .doc("Whether lines of the error log about failed requests end with the cause and what to do about it: \
              `cause: connection_refused, hint: \"...\"` behind what nginx writes."),
    D::choice("error_page_diagnostics", EVERYWHERE, &["off", "local", "on"], |b| &mut here(b).diagnostics)
        .syntax("on | local | off")
        .default("off")
        .extension()
        .doc("Whether the built-in pages of failed requests say why: cause, stage, server, line of the configuration, \
              what to do; as HTML, plain text or JSON, whichever the client prefers. `local`: only to clients on this \
              machine that no proxy speaks for. A configured error_page comes first."),
    D::choice("proxy_status", EVERYWHERE, &["off", "errors", "on"], |b| &mut here(b).proxy_status)
        .syntax("on | errors | off")
        .default("off")
        .extension()
        .doc("Whether answers carry a Proxy-Status field (RFC 9209): those that stand in place of an upstream's \
              (`errors`), or those of an upstream, too (`on`)."),
    D::flag("proxy_status_details", EVERYWHERE, |b| &mut here(b).proxy_status_details)
        .default("off")
        .extension()
        .doc("Whether that field also tells the address of the upstream and what goodgate calls the cause."),
    D::custom("debug_route", EVERYWHERE, Args::AtLeast(1), set_debug_route)
        .syntax("off | address | CIDR ...")
        .default("off")
        .extension()
        .doc("Adds an X-Debug-Route field to the answers to these clients: which server, location and handler were \
              chosen, and where they are written."),
];

fn set_debug_route(b: &mut Builder, node: &Node) -> Result<(), Diagnostic> {
    if here(b).debug_route.is_some() {
        return Err(node.fault("is duplicate"));
    }
    let mut nets = Vec::new();
    for word in &node.args {
        if word.text == "off" && node.args.len() == 1 {
            break;
        }
        let Some((net, spare_bits)) = Cidr::parse(&word.text) else {
            return Err(invalid_parameter(word)
                .help("an address, a network as in 10.0.0.0/8, or off is meant"));
        };
        if spare_bits {
            b.warn(node, word, meaningless_bits(word));
        }
        nets.push(net);
    }
    here(b).debug_route = Some(nets);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cycle::testing::first_complaint;

    #[test]
    fn values_are_checked() {
        for (text, complaint) in [
            ("error_page_diagnostics yes;", "invalid value \"yes\""),
            ("proxy_status 1;", "invalid value \"1\""),
            ("debug_route all;", "invalid parameter \"all\""),
            ("debug_route 10.0.0.0/8 off;", "invalid parameter \"off\""),
            (
                "debug_route off; server { debug_route 10.0.0.0/8 ::1; }",
                "",
            ),
        ] {
            assert_eq!(
                first_complaint(&format!("events {{}} http {{ {text} }}")),
                complaint,
                "{text}"
            );
        }
    }
}
