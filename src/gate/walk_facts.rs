//! What is found out about the changes of one walk beside what their commits say.

use crate::change::{Change, Oid, PushCertificate};
use crate::gate::earlier_changes::EarlierChanges;
use crate::gate::policy_effect::PolicyEffects;
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::recorded_past::KnownRecord;
use crate::gate::signed_approvals::walk_approvals::WalkApprovals;
use crate::git::Repository;

/// Completes the changes of one walk.
pub(crate) struct WalkFacts<'policy> {
    /// What they do to the policy.
    effects: PolicyEffects<'policy>,
    /// Whether what they name is there.
    earlier: EarlierChanges<'policy>,
    /// Which signed approvals are about them.
    approvals: WalkApprovals,
    /// What is known of the certificate of the push that brings them.
    certificate: PushCertificate,
}

impl<'policy> WalkFacts<'policy> {
    /// Prepares for the changes up to `tip` of a target that holds the commits `held`. `others` judge beside `loaded`;
    /// `path` and `records` are as in [`PolicyEffects::new`] and [`EarlierChanges::new`].
    pub(crate) fn new(
        repository: &Repository,
        (loaded, others): (&'policy LoadedPolicy, Option<&LoadedPolicy>),
        (path, records): (Option<&str>, Option<&[KnownRecord]>),
        (tip, held): (Oid, &[Oid]),
    ) -> Self {
        WalkFacts {
            effects: PolicyEffects::new(repository, (loaded, others), path, Some(tip)),
            earlier: EarlierChanges::new(repository, (loaded, others), (tip, held), records),
            approvals: WalkApprovals::unsupported(),
            certificate: PushCertificate::Absent,
        }
    }

    /// Returns the same with the signed approvals that are about the changes.
    #[must_use]
    pub(crate) fn with_approvals(self, approvals: WalkApprovals) -> Self {
        WalkFacts { approvals, ..self }
    }

    /// Returns the same with the certificate of the push that brings the changes.
    #[must_use]
    pub(crate) fn with_certificate(self, certificate: PushCertificate) -> Self {
        WalkFacts { certificate, ..self }
    }

    /// Adds to a change what the policies of the walk ask for.
    pub(crate) fn complete_change(&self, change: &mut Change) {
        self.effects.complete_change(change);
        self.earlier.complete_change(change);
        self.approvals.complete_change(change);
        if !self.certificate.is_absent() {
            change.push_certificate = self.certificate.clone();
        }
    }
}
