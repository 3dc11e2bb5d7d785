//! Why a certificate was not accepted, with the numbers and words of OpenSSL, which nginx logs and `$ssl_client_verify` shows.

use std::fmt;

/// A failed verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// OpenSSL's `X509_V_ERR_*`.
    pub code: u32,
    /// What OpenSSL says for it.
    pub text: &'static str,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}:{})", self.code, self.text)
    }
}

impl std::error::Error for VerifyError {}

macro_rules! errors {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        #[allow(missing_docs, reason = "the texts say it")]
        impl VerifyError {
            $(pub const $name: VerifyError = VerifyError { code: $code, text: $text };)*
        }
    };
}

errors! {
    UNSPECIFIED = 1, "unspecified certificate verification error";
    NO_ISSUER = 2, "unable to get issuer certificate";
    NO_CRL = 3, "unable to get certificate CRL";
    SIGNATURE = 7, "certificate signature failure";
    CRL_SIGNATURE = 8, "CRL signature failure";
    NOT_YET_VALID = 9, "certificate is not yet valid";
    EXPIRED = 10, "certificate has expired";
    CRL_NOT_YET_VALID = 11, "CRL is not yet valid";
    CRL_EXPIRED = 12, "CRL has expired";
    SELF_SIGNED = 18, "self-signed certificate";
    SELF_SIGNED_IN_CHAIN = 19, "self-signed certificate in certificate chain";
    NO_LOCAL_ISSUER = 20, "unable to get local issuer certificate";
    FIRST_NOT_VERIFIED = 21, "unable to verify the first certificate";
    CHAIN_TOO_LONG = 22, "certificate chain too long";
    REVOKED = 23, "certificate revoked";
    PATH_TOO_LONG = 25, "path length constraint exceeded";
    PURPOSE = 26, "unsuitable certificate purpose";
    REJECTED = 28, "certificate rejected";
    NO_CERT_SIGN = 32, "key usage does not include certificate signing";
    NO_CRL_ISSUER = 33, "unable to get CRL issuer certificate";
    CRITICAL_EXTENSION = 34, "unhandled critical extension";
    NO_CRL_SIGN = 35, "key usage does not include CRL signing";
    CRITICAL_CRL_EXTENSION = 36, "unhandled critical CRL extension";
    BAD_EXTENSION = 41, "invalid or inconsistent certificate extension";
    CRL_SCOPE = 44, "different CRL scope";
    NAME_CONSTRAINTS = 47, "permitted subtree violation";
    WEAK_KEY = 66, "EE certificate key too weak";
    WEAK_CA_KEY = 67, "CA certificate key too weak";
    WEAK_DIGEST = 68, "CA signature digest algorithm too weak";
    NOT_A_CA = 79, "invalid CA certificate";
}
