//! What the certificate of a push tells, as a fact that an answer rests on.

use crate::change::{Change, PushCertificate};
use crate::judge::fact_sources::UsedFactSource;
use crate::predicates::Predicate;
use crate::predicates::approvals::push_signature::describe_certificate_fault;
use crate::verdict::{Message, messages};

messages! {
    PUSH_SIGNED_BY = "fact.push-signed-by": "the push is signed by {signer} with {key}";
    PUSH_SIGNED = "fact.push-signed": "the push is signed";
    PUSH_NOT_SIGNED = "fact.push-not-signed": "the push is not signed";
    PUSH_BADLY_SIGNED = "fact.push-badly-signed": "the certificate of the push does not count: {reason}";
}

/// Returns what is known of the certificate of the push, where it came from, and whether it is verified; `None` where the
/// predicate does not ask who pushes, or where nothing is signed and nothing has to be.
pub(super) fn find_certificate_fact(
    predicate: &Predicate,
    change: &Change,
) -> Option<(Message, UsedFactSource, bool)> {
    let is_required = match predicate {
        Predicate::Pusher(_) => false,
        Predicate::Approvals(asked) if asked.is_given_by_pusher() => asked.requires_signed_push(),
        _ => return None,
    };
    match &change.push_certificate {
        PushCertificate::Absent => {
            let is_told = is_required && change.pusher.is_ok();
            is_told.then(|| (Message::from(&PUSH_NOT_SIGNED), UsedFactSource::Server, true))
        }
        PushCertificate::Described => Some((Message::from(&PUSH_SIGNED), UsedFactSource::Server, false)),
        PushCertificate::Good { signer, key, .. } => {
            let what = PUSH_SIGNED_BY.with("signer", signer).with("key", key.as_str());
            Some((what, UsedFactSource::PushCertificate, true))
        }
        PushCertificate::Bad(fault) => {
            let what = PUSH_BADLY_SIGNED.with("reason", describe_certificate_fault(fault));
            Some((what, UsedFactSource::PushCertificate, true))
        }
    }
}
