//! Why a handshake failed, in OpenSSL's words: what administrators search for.

use rustls::{AlertDescription, Error, InvalidMessage, PeerIncompatible, PeerMisbehaved};

/// OpenSSL's text for an error of rustls; where it has none, rustls's own.
pub fn reason(error: &Error) -> String {
    let routine = |number: u32, text: &str| format!("error:0A{number:06X}:SSL routines::{text}");
    match error {
        Error::AlertReceived(alert) => {
            let number = u32::from(u8::from(*alert));
            let text = routine(1000 + number, &received(*alert));
            format!("{text}:SSL alert number {number}")
        }
        // What has no record of TLS in it is mostly an answer in plain HTTP.
        Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => routine(0x10b, "wrong version number"),
        Error::InvalidMessage(InvalidMessage::MessageTooLarge) => {
            routine(0xc6, "packet length too long")
        }
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => routine(0x102, "unsupported protocol"),
        Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite) => {
            routine(0xf8, "wrong cipher returned")
        }
        Error::DecryptError => routine(0x119, "decryption failed or bad record mac"),
        other => routine(0, &other.to_string()),
    }
}

/// What OpenSSL calls an alert that the other side has sent.
fn received(alert: AlertDescription) -> String {
    use AlertDescription as A;
    let text = match alert {
        A::UnexpectedMessage => "sslv3 alert unexpected message",
        A::BadRecordMac => "sslv3 alert bad record mac",
        A::HandshakeFailure => "sslv3 alert handshake failure",
        A::NoCertificate => "sslv3 alert no certificate",
        A::BadCertificate => "sslv3 alert bad certificate",
        A::UnsupportedCertificate => "sslv3 alert unsupported certificate",
        A::CertificateRevoked => "sslv3 alert certificate revoked",
        A::CertificateExpired => "sslv3 alert certificate expired",
        A::CertificateUnknown => "sslv3 alert certificate unknown",
        A::IllegalParameter => "sslv3 alert illegal parameter",
        A::UnknownCA => "tlsv1 alert unknown ca",
        A::AccessDenied => "tlsv1 alert access denied",
        A::DecodeError => "tlsv1 alert decode error",
        A::DecryptError => "tlsv1 alert decrypt error",
        A::RecordOverflow => "tlsv1 alert record overflow",
        A::ProtocolVersion => "tlsv1 alert protocol version",
        A::InsufficientSecurity => "tlsv1 alert insufficient security",
        A::InternalError => "tlsv1 alert internal error",
        A::UserCanceled => "tlsv1 alert user cancelled",
        A::NoRenegotiation => "tlsv1 alert no renegotiation",
        A::MissingExtension => "tlsv13 alert missing extension",
        A::UnsupportedExtension => "tlsv1 unsupported extension",
        A::UnrecognisedName => "tlsv1 unrecognized name",
        A::CertificateRequired => "tlsv13 alert certificate required",
        A::NoApplicationProtocol => "tlsv1 alert no application protocol",
        other => return format!("alert {}", u8::from(other)),
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_openssls() {
        for (error, text) in [
            (
                Error::AlertReceived(AlertDescription::HandshakeFailure),
                "error:0A000410:SSL routines::sslv3 alert handshake failure:SSL alert number 40",
            ),
            (
                Error::InvalidMessage(InvalidMessage::InvalidContentType),
                "error:0A00010B:SSL routines::wrong version number",
            ),
            (
                Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
                "error:0A000102:SSL routines::unsupported protocol",
            ),
        ] {
            assert_eq!(reason(&error), text);
        }
    }
}
