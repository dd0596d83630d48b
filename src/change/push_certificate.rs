//! The certificate of a signed push (`git push --signed`): who signed what the push does, as far as it counts.

use serde::{Deserialize, Serialize};

use crate::change::oid::Oid;
use crate::change::text::Text;

/// What is known of the certificate that a push came with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum PushCertificate {
    /// The push came without one.
    #[default]
    Absent,
    /// It was signed for this very push, with a key of a person whom the policy knows.
    Good {
        /// The object that holds it.
        id: Oid,
        /// The address that the policy has for the key.
        signer: Text,
        /// The fingerprint of the key, as its tool prints it.
        key: String,
    },
    /// It does not count, for this reason.
    Bad(CertificateFault),
    /// The description of a change says that the pusher has signed the push with a key of theirs; nothing was verified.
    Described,
}

/// Why the certificate of a push does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum CertificateFault {
    /// Its object cannot be read, as the text says.
    Unreadable(String),
    /// It is not in the form that git writes, as the text says.
    Malformed(String),
    /// It has no nonce, or the server has asked for none.
    NoNonce,
    /// Its nonce is not the one that the server gave out for this push.
    OtherNonce,
    /// The server gave out its nonce for an earlier connection, longer ago than it accepts.
    StaleNonce {
        /// How long ago, in seconds, as git says it; `None` if it does not.
        seconds: Option<String>,
    },
    /// It is of other updates of refs than the push.
    OtherUpdates,
    /// The policy knows no keys.
    NoKeys,
    /// Its signature does not count, as the text says.
    BadSignature(String),
    /// The policy knows no person by the address of the key.
    UnknownSigner(Text),
    /// The roster says that the signer is not there any more, or not yet.
    AbsentSigner(Text),
    /// The server names the account of another person as the pusher.
    OtherAccount {
        /// The account.
        account: Text,
        /// The address that the policy has for the key.
        signer: Text,
    },
}

impl PushCertificate {
    /// Returns true if the push came without a certificate.
    pub(crate) fn is_absent(&self) -> bool {
        *self == PushCertificate::Absent
    }

    /// Returns the address of the signer; `None` if the certificate does not count, or nothing was verified.
    pub(crate) fn find_signer(&self) -> Option<&Text> {
        match self {
            PushCertificate::Good { signer, .. } => Some(signer),
            PushCertificate::Absent | PushCertificate::Bad(_) | PushCertificate::Described => None,
        }
    }
}
