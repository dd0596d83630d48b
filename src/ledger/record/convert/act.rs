//! Translates acts about changes.

use crate::change::{PusherIdentity, Text};
use crate::gate::acts::{ActKind, AuthorisedAct, ReportedOutcome};
use crate::gate::signed_approvals::AuthorisedApproval;
use crate::ledger::record::wire::{
    RecordedAct, RecordedActKind, RecordedContributor, RecordedReport, RecordedSignedApproval,
};

impl From<ReportedOutcome> for RecordedReport {
    fn from(outcome: ReportedOutcome) -> Self {
        match outcome {
            ReportedOutcome::Worked => RecordedReport::Ok,
            ReportedOutcome::Failed => RecordedReport::Failed,
            ReportedOutcome::Reverted => RecordedReport::Reverted,
        }
    }
}

impl From<&AuthorisedApproval> for RecordedAct {
    fn from(approval: &AuthorisedApproval) -> Self {
        let statement = &approval.statement;
        let account = match &approval.pushed_by {
            Ok(PusherIdentity::Account(account)) => account.clone(),
            Ok(PusherIdentity::Unidentified) | Err(_) => Text::default(),
        };
        RecordedAct {
            id: approval.id.to_string(),
            account,
            person: None,
            change: statement.revision,
            ref_name: statement.target.clone(),
            says: RecordedActKind::Approval(Box::new(RecordedSignedApproval {
                decision: statement.decision,
                signer: approval.signer.clone(),
                key: approval.key.clone(),
                signed_at: approval.signed_at,
                role: statement.role.clone(),
                base: statement.base,
                tree: statement.tree,
                statements: statement.statements.clone(),
                commit: approval.id,
            })),
            note: statement.note.clone(),
        }
    }
}

impl From<&AuthorisedAct> for RecordedAct {
    fn from(act: &AuthorisedAct) -> Self {
        let says = match (&act.statement.kind, &act.attachment) {
            (_, Some(file)) => RecordedActKind::Attachment {
                name: file.name.clone(),
                bytes: file.bytes,
                digest: file.digest.clone(),
                commit: file.commit,
            },
            (ActKind::Outcome { outcome, incident }, None) => {
                RecordedActKind::Outcome { outcome: (*outcome).into(), incident: incident.clone() }
            }
            (ActKind::Deployed { environment, before, is_failed }, None) => RecordedActKind::Deployment {
                environment: environment.clone(),
                before: *before,
                failed: *is_failed,
            },
            // An act that attaches a file comes with one.
            (ActKind::Verified | ActKind::Attach, None) => RecordedActKind::Verified,
        };
        RecordedAct {
            id: act.id.clone(),
            account: act.by.account.clone(),
            person: act.by.person.as_ref().map(RecordedContributor::from),
            change: act.statement.change,
            ref_name: act.statement.ref_name.clone(),
            says,
            note: act.statement.note.clone(),
        }
    }
}
