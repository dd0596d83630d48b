//! What git tells a hook about the certificate of the push: where it lies, and what git makes of its nonce.

use std::ffi::OsString;

/// How a hook is told of a certificate, in the variables of its environment. What git says of the signature is not read:
/// git takes the keys of the account that it runs under, and the gate those of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenCertificate {
    /// The id of the object that holds it, `GIT_PUSH_CERT`.
    pub(crate) id: String,
    /// The nonce that git takes for that of this push, `GIT_PUSH_CERT_NONCE`.
    pub(crate) nonce: Option<String>,
    /// What git says of the nonce in the certificate, such as `OK`, `GIT_PUSH_CERT_NONCE_STATUS`.
    pub(crate) nonce_status: Option<String>,
    /// How many seconds ago git gave it out, if that is too long ago, `GIT_PUSH_CERT_NONCE_SLOP`.
    pub(crate) nonce_age: Option<String>,
}

impl GivenCertificate {
    /// Reads the variables through `variable`; `None` where the push came without a certificate.
    pub(crate) fn read_given(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<GivenCertificate> {
        let read = |name: &str| variable(name).map(|value| value.to_string_lossy().into_owned());
        Some(GivenCertificate {
            id: read("GIT_PUSH_CERT").filter(|id| !id.is_empty())?,
            nonce: read("GIT_PUSH_CERT_NONCE"),
            nonce_status: read("GIT_PUSH_CERT_NONCE_STATUS"),
            nonce_age: read("GIT_PUSH_CERT_NONCE_SLOP"),
        })
    }
}
