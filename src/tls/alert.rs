//! Why a handshake failed, in OpenSSL's words as far as it has words for it.

use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible};
use std::borrow::Cow;

/// A handshake without a certificate.
pub const NO_CERTIFICATE: &str = "error:0A000179:SSL routines::cert cb error";

/// OpenSSL's reason.
pub fn reason(error: &Error) -> Cow<'static, str> {
    let (code, text): (u32, &str) = match error {
        Error::AlertReceived(alert) => return alert_received(*alert).into(),
        Error::NoApplicationProtocol => (0xEB, "no application protocol"),
        Error::DecryptError => (0x119, "decryption failed or bad record mac"),
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => (0x10B, "wrong version number"),
        Error::InvalidMessage(_) => (0x9F, "length mismatch"),
        Error::PeerSentOversizedRecord => (0xC6, "packet length too long"),
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            (0xF4, "unexpected message")
        }
        Error::InvalidCertificate(_) => (0x7B, "bad signature"),
        Error::PeerMisbehaved(_) => (0xF4, "unexpected message"),
        Error::PeerIncompatible(why) => match why {
            PeerIncompatible::NoCipherSuitesInCommon => (0xC1, "no shared cipher"),
            PeerIncompatible::NoKxGroupsInCommon
            | PeerIncompatible::NamedGroupsExtensionRequired
            | PeerIncompatible::KeyShareExtensionRequired => (0x65, "no suitable key share"),
            PeerIncompatible::NoSignatureSchemesInCommon => {
                (0x76, "no suitable signature algorithm")
            }
            _ => (0x102, "unsupported protocol"),
        },
        other => return other.to_string().into(),
    };
    format!("error:0A{code:06X}:SSL routines::{text}").into()
}

/// The other side has given up.
fn alert_received(alert: AlertDescription) -> String {
    use AlertDescription as A;
    /// OpenSSL's reasons for alerts begin here.
    const FIRST: u32 = 1000;
    let number = u8::from(alert);
    let text = match alert {
        A::CloseNotify => "close notify",
        A::UnexpectedMessage => "sslv3 alert unexpected message",
        A::BadRecordMac => "sslv3 alert bad record mac",
        A::DecompressionFailure => "sslv3 alert decompression failure",
        A::HandshakeFailure => "sslv3 alert handshake failure",
        A::NoCertificate => "sslv3 alert no certificate",
        A::BadCertificate => "sslv3 alert bad certificate",
        A::UnsupportedCertificate => "sslv3 alert unsupported certificate",
        A::CertificateRevoked => "sslv3 alert certificate revoked",
        A::CertificateExpired => "sslv3 alert certificate expired",
        A::CertificateUnknown => "sslv3 alert certificate unknown",
        A::IllegalParameter => "sslv3 alert illegal parameter",
        A::DecryptionFailed => "tlsv1 alert decryption failed",
        A::RecordOverflow => "tlsv1 alert record overflow",
        A::UnknownCA => "tlsv1 alert unknown ca",
        A::AccessDenied => "tlsv1 alert access denied",
        A::DecodeError => "tlsv1 alert decode error",
        A::DecryptError => "tlsv1 alert decrypt error",
        A::ProtocolVersion => "tlsv1 alert protocol version",
        A::InsufficientSecurity => "tlsv1 alert insufficient security",
        A::InternalError => "tlsv1 alert internal error",
        A::UserCanceled => "tlsv1 alert user cancelled",
        A::NoRenegotiation => "tlsv1 alert no renegotiation",
        A::MissingExtension => "tlsv13 alert missing extension",
        A::CertificateRequired => "tlsv13 alert certificate required",
        A::UnsupportedExtension => "tlsv1 unsupported extension",
        A::UnrecognisedName => "tlsv1 unrecognized name",
        A::BadCertificateStatusResponse => "tlsv1 bad certificate status response",
        A::NoApplicationProtocol => "tlsv1 alert no application protocol",
        _ => "unknown alert type",
    };
    let code = FIRST + u32::from(number);
    format!("error:0A{code:06X}:SSL routines::{text}:SSL alert number {number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_openssls() {
        let unknown_ca = Error::AlertReceived(AlertDescription::UnknownCA);
        assert_eq!(
            reason(&unknown_ca),
            "error:0A000418:SSL routines::tlsv1 alert unknown ca:SSL alert number 48"
        );
        let suites = Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon);
        assert_eq!(
            reason(&suites),
            "error:0A0000C1:SSL routines::no shared cipher"
        );
    }
}
