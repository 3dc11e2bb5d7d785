//! `Proxy-Status` (RFC 9209): what became of the request behind us, in a form for programs.

use super::Reason;
use super::conf::{ExplainConf, ProxyStatus};
use super::fault::Fault;
use crate::http::request::Request;
use crate::http::upstream::failure::{Cause, Failure};
use crate::http::upstream::state::Attempt;
use std::io::Write;

/// Adds the field, if there is something to tell.
pub fn add(req: &mut Request, conf: &ExplainConf) {
    if req.depth > 0 {
        return;
    }
    if let Some(value) = value(req, conf) {
        req.response.push("Proxy-Status", value);
    }
}

fn value(req: &Request, conf: &ExplainConf) -> Option<Vec<u8>> {
    let mut out = b"goodgate".to_vec();
    let attempt = req.upstreams.iter().rev().find(|a| !a.peer.is_empty());
    let reason = req.reason.borrow();
    match (attempt, reason.as_deref()) {
        (_, Some(Reason::Client(fault))) if is_answered(req, fault) => {
            of_client(fault, conf, &mut out);
        }
        (Some(attempt), _) => of_attempt(attempt, conf, &mut out)?,
        (None, Some(Reason::Upstream(failure))) => of_failure(failure, conf, &mut out),
        _ => return None,
    }
    Some(out)
}

/// Whether this is the answer to the fault, and not an earlier one that was overcome.
fn is_answered(req: &Request, fault: &Fault) -> bool {
    req.error_status == crate::http::status::sent(fault.wrong.status())
        || req.error_status == fault.wrong.status()
}

fn of_client(fault: &Fault, conf: &ExplainConf, out: &mut Vec<u8>) {
    out.extend_from_slice(b"; error=http_request_error");
    if conf.proxy_status_details {
        text("details", fault.wrong.name().as_bytes(), out);
    }
}

fn of_attempt(attempt: &Attempt, conf: &ExplainConf, out: &mut Vec<u8>) -> Option<()> {
    let failure = attempt.failure.borrow();
    let failed = failure
        .as_deref()
        .filter(|failure| !failure.kind().error_type().is_empty());
    if let Some(failure) = failed {
        of_failure(failure, conf, out);
        return Some(());
    }
    if conf.proxy_status != ProxyStatus::On {
        return None;
    }
    if conf.proxy_status_details {
        text("next-hop", &attempt.peer, out);
    }
    received(attempt.status.get(), out);
    Some(())
}

fn of_failure(failure: &Failure, conf: &ExplainConf, out: &mut Vec<u8>) {
    let kind = failure.kind();
    // Writing into a vector cannot fail.
    let _ = write!(out, "; error={}", kind.error_type());
    if conf.proxy_status_details {
        if let Some(peer) = &failure.peer {
            text("next-hop", peer, out);
        }
        text("details", kind.name().as_bytes(), out);
    }
    if let Cause::Status(status) | Cause::WantsTls(status) = failure.cause {
        received(status, out);
    }
}

fn received(status: u16, out: &mut Vec<u8>) {
    if status > 0 {
        let _ = write!(out, "; received-status={status}");
    }
}

/// A parameter that is a string (RFC 8941 section 3.3.3).
fn text(name: &str, value: &[u8], out: &mut Vec<u8>) {
    let _ = write!(out, "; {name}=\"");
    for byte in value {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b' '..=b'~' => out.push(*byte),
            _ => out.push(b'?'),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use crate::http::upstream::kind::Kind;

    /// The types of RFC 9209 section 2.3 that are used here.
    const REGISTERED: &[&str] = &[
        "dns_timeout",
        "dns_error",
        "destination_not_found",
        "destination_unavailable",
        "destination_ip_unroutable",
        "connection_refused",
        "connection_terminated",
        "connection_timeout",
        "connection_read_timeout",
        "connection_write_timeout",
        "connection_limit_reached",
        "tls_protocol_error",
        "tls_certificate_error",
        "tls_alert_received",
        "http_request_error",
        "http_response_incomplete",
        "http_response_header_section_size",
        "http_response_transfer_coding",
        "http_upgrade_failed",
        "http_protocol_error",
        "proxy_internal_error",
        "proxy_configuration_error",
    ];

    #[test]
    fn types_are_registered_and_names_unique() {
        let mut names = std::collections::HashSet::new();
        for kind in Kind::ALL {
            let error = kind.error_type();
            assert!(error.is_empty() || REGISTERED.contains(&error), "{error}");
            assert!(names.insert(kind.name()), "{}", kind.name());
        }
    }

    #[test]
    fn strings_are_quoted() {
        let mut out = Vec::new();
        super::text("x", b"a\"b\\c\n", &mut out);
        assert_eq!(out, b"; x=\"a\\\"b\\\\c?\"");
    }
}
