//! Whether the push is signed by the person who pushes, where `by: pusher` asks for that.

use crate::change::{CertificateFault, Change, FactKind, Missing, PushCertificate, Stage, Text};
use crate::predicates::approvals::requirement::ApprovalsPredicate;
use crate::verdict::{Finding, Fixer, Message, MessageValue, messages};

messages! {
    PUSH_NOT_SIGNED = "approvals.push-not-signed":
        "the push has to be signed by the person who pushes, and came without a certificate; push with `--signed`, or set `push.gpgSign`, and push again";
    CERTIFICATE_DOES_NOT_COUNT = "approvals.certificate-does-not-count":
        "the push has to be signed by the person who pushes, and its certificate does not count: {reason}";
    CERTIFICATE_UNREADABLE = "certificate.unreadable": "it cannot be read: {detail}";
    CERTIFICATE_MALFORMED = "certificate.malformed": "it {reason}";
    NO_NONCE = "certificate.no-nonce":
        "it has no nonce of this server, so it could be of an earlier push; the server administrator sets `receive.certNonceSeed`";
    OTHER_NONCE = "certificate.other-nonce":
        "its nonce is not the one that this server gave out for this push; push again";
    STALE_NONCE = "certificate.stale-nonce":
        "this server gave out its nonce for an earlier connection{age}; push again, or have the server accept more (`receive.certNonceSlop`)";
    NONCE_AGE = "certificate.nonce-age": ", {seconds} seconds ago";
    OTHER_UPDATES = "certificate.other-updates": "what it signs is not what is pushed; push again";
    NO_KEYS = "certificate.no-keys":
        "the policy knows no keys; name `signers`, or give people `keys` in the roster";
    BAD_SIGNATURE = "certificate.bad-signature":
        "{reason}; sign with the key that the policy has for you (`user.signingKey`), or have this one added";
    UNKNOWN_SIGNER = "certificate.unknown-signer": "its signer {signer} is not in the roster";
    ABSENT_SIGNER = "certificate.absent-signer":
        "its signer {signer} has left or has not joined yet, by `left` and `joined` of the roster";
    OTHER_ACCOUNT = "certificate.other-account":
        "it is signed with the key of {signer}, and the server knows who pushes as {account}";
}

/// Returns why the certificate of a push does not count, in words that follow a colon.
pub(crate) fn describe_certificate_fault(fault: &CertificateFault) -> Message {
    match fault {
        CertificateFault::Unreadable(detail) => {
            CERTIFICATE_UNREADABLE.with("detail", MessageValue::unrecorded(Text::from(detail.as_str())))
        }
        CertificateFault::Malformed(reason) => CERTIFICATE_MALFORMED.with("reason", reason.as_str()),
        CertificateFault::NoNonce => Message::from(&NO_NONCE),
        CertificateFault::OtherNonce => Message::from(&OTHER_NONCE),
        CertificateFault::StaleNonce { seconds } => {
            let age = match seconds {
                Some(seconds) => NONCE_AGE.with("seconds", Text::from(seconds.as_str())).into(),
                None => MessageValue::empty(),
            };
            STALE_NONCE.with("age", age)
        }
        CertificateFault::OtherUpdates => Message::from(&OTHER_UPDATES),
        CertificateFault::NoKeys => Message::from(&NO_KEYS),
        CertificateFault::BadSignature(reason) => BAD_SIGNATURE.with("reason", Text::from(reason.as_str())),
        CertificateFault::UnknownSigner(signer) => UNKNOWN_SIGNER.with("signer", signer),
        CertificateFault::AbsentSigner(signer) => ABSENT_SIGNER.with("signer", signer),
        CertificateFault::OtherAccount { account, signer } => {
            OTHER_ACCOUNT.with("account", account).with("signer", signer)
        }
    }
}

impl ApprovalsPredicate {
    /// Returns why the push does not approve although the pusher may, if it has to be signed and is not.
    ///
    /// # Errors
    ///
    /// As [`find_unsigned_push`].
    pub(super) fn describe_unsigned_push(&self, change: &Change) -> Result<Option<Message>, Missing> {
        match self.requires_signed_push() {
            true => Ok(find_unsigned_push(change)?.map(|finding| finding.message)),
            false => Ok(None),
        }
    }
}

/// Returns the finding that the push is not signed by the person who pushes; `None` if it is.
///
/// # Errors
///
/// Returns the gap where a push is judged before it is made.
pub(super) fn find_unsigned_push(change: &Change) -> Result<Option<Finding>, Missing> {
    match &change.push_certificate {
        PushCertificate::Good { .. } | PushCertificate::Described => Ok(None),
        PushCertificate::Absent => {
            if matches!(change.stage, Stage::CommitMsg | Stage::PrePush | Stage::Check) {
                return Err(Missing::NotAtThisStage(FactKind::Pusher));
            }
            let finding = Finding::new(Message::from(&PUSH_NOT_SIGNED)).fixed_by(Fixer::Pusher);
            Ok(Some(finding.with_paste("git config push.gpgSign if-asked")))
        }
        PushCertificate::Bad(fault) => {
            let reason = describe_certificate_fault(fault);
            let finding = Finding::new(CERTIFICATE_DOES_NOT_COUNT.with("reason", reason));
            Ok(Some(match fault {
                CertificateFault::NoNonce | CertificateFault::Unreadable(_) => {
                    finding.fixed_by(Fixer::ServerAdministrator)
                }
                CertificateFault::NoKeys => finding.fixed_by(Fixer::PolicyOwner),
                CertificateFault::UnknownSigner(_) | CertificateFault::AbsentSigner(_) => {
                    finding.fixed_by(Fixer::RosterOwner)
                }
                CertificateFault::BadSignature(_) => {
                    finding.fixed_by(Fixer::RosterOwner).or_by(Fixer::Pusher)
                }
                _ => finding.fixed_by(Fixer::Pusher),
            }))
        }
    }
}
