//! From the peer's certificate to a trusted one.

use super::certificate::Certificate;
use super::notes::Opinion;
use super::trust::Trust;
use super::{Purpose, Report, VerifyError, signature};

/// However deep paths may be, they are not longer than this: trusted certificates could have issued each other in a circle.
const LONGEST: usize = 100;

/// Puts the path together: what is trusted is looked at before what the peer sent. Reports where it ends if that is not
/// a trusted, self-signed certificate.
pub fn build<'a>(
    sent: Vec<Certificate<'a>>,
    trust: &'a Trust,
    purpose: Purpose,
    depth: u32,
    now: i64,
    report: &mut Report,
) -> Vec<Certificate<'a>> {
    let most = usize::try_from(depth)
        .unwrap_or(LONGEST)
        .saturating_add(1)
        .min(LONGEST);
    let mut sent = sent.into_iter();
    let Some(first) = sent.next() else {
        return Vec::new();
    };
    let mut rest: Vec<Certificate<'a>> = sent.collect();
    let mut path = vec![first];
    loop {
        let length = path.len();
        let Some(top) = path.last_mut() else { break };
        let own = top.is_self_signed();
        if own || top.trusted {
            let opinion = trust.opinion(top, purpose);
            top.opinion = opinion.unwrap_or(Opinion::Unsaid);
            match opinion {
                Some(Opinion::Trusted) => return path,
                Some(Opinion::Unsaid) if own => return path,
                Some(Opinion::Rejected) => report.fail(VerifyError::REJECTED),
                _ => {}
            }
        }
        if own || length > most {
            break;
        }
        let next = match trusted_issuer(top, trust, now) {
            Some(issuer) => issuer,
            // Once it is among the trusted ones, what the peer sent has no say any more.
            None if top.trusted => break,
            None => match rest.iter().position(|c| top.seems_issued_by(c)) {
                Some(at) => rest.swap_remove(at),
                None => break,
            },
        };
        path.push(next);
    }
    explain(&path, most, report);
    path
}

/// The trusted certificate that has issued this one. Of several, one that is valid and whose key fits is taken.
fn trusted_issuer<'a>(
    subject: &Certificate<'a>,
    trust: &'a Trust,
    now: i64,
) -> Option<Certificate<'a>> {
    let fitting = trust
        .named(&subject.issuer)
        .filter_map(Certificate::parse)
        .filter(|issuer| subject.seems_issued_by(issuer));
    let mut fitting: Vec<Certificate<'a>> = fitting.collect();
    if fitting.len() > 1 {
        fitting.sort_by_cached_key(|issuer| {
            let validity = issuer.x509.validity();
            let valid =
                validity.not_before.timestamp() <= now && now <= validity.not_after.timestamp();
            (signature::certificate(subject, issuer), valid)
        });
    }
    let mut best = fitting.pop()?;
    best.trusted = true;
    Some(best)
}

fn explain(path: &[Certificate<'_>], most: usize, report: &mut Report) {
    if path.len() > most {
        report.fail(VerifyError::CHAIN_TOO_LONG);
    }
    let Some(top) = path.last() else { return };
    report.fail(match (top.is_self_signed(), path.len()) {
        (true, 1) => VerifyError::SELF_SIGNED,
        (true, _) => VerifyError::SELF_SIGNED_IN_CHAIN,
        (false, _) if top.trusted => VerifyError::NO_ISSUER,
        (false, _) => VerifyError::NO_LOCAL_ISSUER,
    });
}
