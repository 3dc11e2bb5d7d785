//! `$ssl_*`: what was agreed on with a client, and the certificate that it has.

use super::session::{self, Session};
use crate::clock;
use crate::http::escape::{Kind, escape};
use crate::http::request::Request;
use crate::http::variable::Variable;
use crate::tls::{certificate_text, cipher, group, pem};
use aws_lc_rs::digest;
use rustls::{Connection, HandshakeKind, ProtocolVersion};
use std::io::Write;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The table.
pub static VARIABLES: &[Variable] = &[
    Variable::weak("ssl_alpn_protocol", |r, out| {
        negotiated(r, out, |c, out| {
            out.extend_from_slice(c.alpn_protocol().unwrap_or_default());
        })
    }),
    Variable::weak("ssl_cipher", |r, out| {
        negotiated(r, out, |c, out| {
            if let Some(suite) = c.negotiated_cipher_suite() {
                out.extend_from_slice(cipher::name(suite.suite()).as_bytes());
            }
        })
    }),
    Variable::weak("ssl_ciphers", |r, out| {
        offered(
            r,
            out,
            |s| &s.suites,
            |suite| cipher::name(*suite).into_owned(),
        )
    }),
    Variable::weak("ssl_client_cert", |r, out| {
        let mut text = Vec::new();
        let found = raw_certificate(r, &mut text);
        // A header field of several lines, as there once were.
        for byte in text.strip_suffix(b"\n").unwrap_or(&text) {
            out.push(*byte);
            if *byte == b'\n' {
                out.push(b'\t');
            }
        }
        found
    }),
    Variable::weak("ssl_client_escaped_cert", |r, out| {
        let mut text = Vec::new();
        let found = raw_certificate(r, &mut text);
        escape(Kind::UriComponent, &text, out);
        found
    }),
    Variable::weak("ssl_client_fingerprint", |r, out| {
        let der = session::with_certificates(&r.client, |all| {
            all.first()
                .map(|leaf| digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, leaf))
        });
        let Some(sum) = der.flatten() else {
            return false;
        };
        sum.as_ref()
            .iter()
            .all(|byte| write!(out, "{byte:02x}").is_ok())
    }),
    Variable::weak("ssl_client_i_dn", |r, out| {
        certificate(r, out, |c| certificate_text::rfc2253(c.issuer()))
    }),
    Variable::weak("ssl_client_i_dn_legacy", |r, out| {
        certificate(r, out, |c| certificate_text::oneline(c.issuer()))
    }),
    Variable::weak("ssl_client_raw_cert", raw_certificate),
    Variable::weak("ssl_client_s_dn", |r, out| {
        certificate(r, out, |c| certificate_text::rfc2253(c.subject()))
    }),
    Variable::weak("ssl_client_s_dn_legacy", |r, out| {
        certificate(r, out, |c| certificate_text::oneline(c.subject()))
    }),
    Variable::weak("ssl_client_serial", |r, out| {
        certificate(r, out, certificate_text::serial)
    }),
    Variable::weak("ssl_client_sigalg", |_, _| false),
    Variable::weak("ssl_client_v_end", |r, out| {
        certificate(r, out, |c| certificate_text::time(&c.validity().not_after))
    }),
    Variable::weak("ssl_client_v_remain", |r, out| {
        certificate(r, out, |c| {
            let now = i64::try_from(clock::unix_time().as_secs()).unwrap_or(i64::MAX);
            let left = c.validity().not_after.timestamp().saturating_sub(now);
            (left / 86400).max(0).to_string()
        })
    }),
    Variable::weak("ssl_client_v_start", |r, out| {
        certificate(r, out, |c| certificate_text::time(&c.validity().not_before))
    }),
    Variable::weak("ssl_client_verify", client_verify),
    Variable::weak("ssl_curve", |r, out| {
        negotiated(r, out, |c, out| {
            if let Some(group) = c.negotiated_key_exchange_group() {
                out.extend_from_slice(group::name(group.name()).as_bytes());
            }
        })
    }),
    Variable::weak("ssl_curves", |r, out| {
        offered(r, out, |s| &s.groups, |group| group::name(*group))
    }),
    // Requests wait for the end of the handshake, so that none of them is early.
    Variable::weak("ssl_early_data", |_, _| false),
    Variable::weak("ssl_ech_outer_server_name", |_, _| false),
    Variable::weak("ssl_ech_status", |_, _| false),
    Variable::weak("ssl_protocol", |r, out| {
        negotiated(r, out, |c, out| {
            out.extend_from_slice(match c.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => b"TLSv1.3",
                Some(ProtocolVersion::TLSv1_2) => b"TLSv1.2",
                _ => b"",
            });
        })
    }),
    Variable::weak("ssl_server_name", |r, out| {
        let name = session::of(&r.client).and_then(|session| session.name.as_ref());
        name.map(|name| out.extend_from_slice(name.as_bytes()))
            .is_some()
    }),
    Variable::weak("ssl_session_id", |r, out| {
        let id = session::of(&r.client).and_then(|session| session.id.get());
        id.is_some_and(|id| id.iter().all(|byte| write!(out, "{byte:02x}").is_ok()))
    }),
    Variable::weak("ssl_session_reused", |r, out| {
        negotiated(r, out, |c, out| {
            out.push(match c.handshake_kind() {
                Some(HandshakeKind::Resumed) => b'r',
                _ => b'.',
            });
        })
    }),
    Variable::weak("ssl_sigalg", |_, _| false),
    Variable::weak("ssl_sigalgs", |r, out| {
        offered(
            r,
            out,
            |s| &s.schemes,
            |scheme| format!("0x{:04x}", u16::from(*scheme)),
        )
    }),
];

/// What both sides have agreed on; nothing is as good as not found.
fn negotiated(
    req: &Request,
    out: &mut Vec<u8>,
    write: impl FnOnce(&Connection, &mut Vec<u8>),
) -> bool {
    let start = out.len();
    if let Some(tls) = req.client.stream.tls() {
        tls.session(|connection| write(connection, out));
    }
    out.len() > start
}

/// What the client can do, with colons between.
fn offered<T>(
    req: &Request,
    out: &mut Vec<u8>,
    list: fn(&Session) -> &[T],
    name: fn(&T) -> String,
) -> bool {
    let Some(session) = session::of(&req.client) else {
        return false;
    };
    let names: Vec<String> = list(session).iter().map(name).collect();
    out.extend_from_slice(names.join(":").as_bytes());
    !names.is_empty()
}

/// Something about the client's certificate.
fn certificate(
    req: &Request,
    out: &mut Vec<u8>,
    text: impl FnOnce(&X509Certificate<'_>) -> String,
) -> bool {
    let text = session::with_certificates(&req.client, |all| {
        let (_, certificate) = X509Certificate::from_der(all.first()?).ok()?;
        Some(text(&certificate))
    });
    match text.flatten() {
        Some(text) => {
            out.extend_from_slice(text.as_bytes());
            !text.is_empty()
        }
        None => false,
    }
}

fn raw_certificate(req: &Request, out: &mut Vec<u8>) -> bool {
    let written = session::with_certificates(&req.client, |all| {
        let leaf = all.first()?;
        pem::write("CERTIFICATE", leaf, out);
        Some(())
    });
    written.flatten().is_some()
}

/// `NONE`, `SUCCESS` or `FAILED:` with the reason.
fn client_verify(req: &Request, out: &mut Vec<u8>) -> bool {
    if !req.client.is_secure() {
        return false;
    }
    match session::verdict(&req.client) {
        None => out.extend_from_slice(b"NONE"),
        Some(Ok(())) => out.extend_from_slice(b"SUCCESS"),
        Some(Err(error)) => {
            out.extend_from_slice(b"FAILED:");
            out.extend_from_slice(error.text.as_bytes());
        }
    }
    true
}
