//! The signed approvals and objections that the question looked at, with what each was worth.

use crate::change::{SignatureStatus, SignedDecision, Stage};
use crate::predicates::approvals::considered::{
    WeighedApprovals, find_hindrance, list_teams, name_delegator,
};
use crate::predicates::approvals::requirement::ApprovalsPredicate;
use crate::predicates::approvals::reviews::{COUNTED_ALREADY, SUPERSEDED};
use crate::predicates::approvals::signed_approvals::{WeighedSigned, weigh_signed_approvals};
use crate::predicates::support::context::EvaluationContext;
use crate::verdict::{ApprovalDecision, ApprovalSource, ChangeLocation, ConsideredApproval, Message};

impl ApprovalsPredicate {
    /// Adds the signed approvals and objections, without further approvals by somebody whose approval counts already: each
    /// commit of a long series has one for every later revision that was approved, and their receipts are recorded.
    pub(super) fn weigh_signatures(&self, context: &EvaluationContext<'_>, weighed: &mut WeighedApprovals) {
        let Ok(approvals) = &context.change.signed_approvals else { return };
        // Before a push it is not known who pushes, and what counts is told as if that were one of the authors.
        let is_before_push = matches!(context.change.stage, Stage::PrePush | Stage::Check);
        let missing = context.participants().1.filter(|_| !is_before_push);
        let hindrance = find_hindrance(context, missing);
        let (counted_already, superseded) = (Message::from(&COUNTED_ALREADY), Message::from(&SUPERSEDED));
        for one in weigh_signed_approvals(self, approvals, context) {
            if matches!(&one.weight, Err(why) if *why == counted_already) {
                continue;
            }
            let weight = match (&one.weight, &hindrance) {
                (Ok(Some(_)), Some(why)) => Err(Some(why.clone())),
                (Ok(Some(approver)), None) => Ok(name_delegator(&approver.key, approver.seat.clone())),
                (Ok(None), _) => Ok(None),
                (Err(why), _) if one.approval.decision == SignedDecision::Rejected && *why == superseded => {
                    Err(None)
                }
                (Err(why), _) => Err(Some(why.clone())),
            };
            weighed.add_approval(weight, || signed_approval(&one, context));
        }
    }
}

fn signed_approval(weighed: &WeighedSigned<'_>, context: &EvaluationContext<'_>) -> ConsideredApproval {
    let approval = weighed.approval;
    let signer = match &approval.signature {
        SignatureStatus::Good { signer, .. } => Some(signer.clone()),
        SignatureStatus::None | SignatureStatus::Bad(_) => Some(approval.received_from.clone()),
    };
    ConsideredApproval {
        source: ApprovalSource::Signature,
        decision: match approval.decision {
            SignedDecision::Approved => ApprovalDecision::Approved,
            SignedDecision::Rejected => ApprovalDecision::ChangesRequested,
            SignedDecision::Revoked => ApprovalDecision::Dismissed,
        },
        by: signer,
        account_number: None,
        teams: list_teams(weighed.person.as_deref(), approval.received_at, context.people),
        person: weighed.person.clone(),
        at: Some(approval.received_at),
        revision: Some(approval.revision),
        relation: Some(approval.relation.word()),
        place: ChangeLocation::default(),
        uses: Vec::new(),
    }
}
