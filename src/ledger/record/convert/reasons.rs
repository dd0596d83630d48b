//! Translates what a verdict rests on.

use crate::change::Text;
use crate::change::pull_request::CheckState;
use crate::ledger::record::convert::convert_all;
use crate::ledger::record::wire::{
    GapCause, RecordedApproval, RecordedApprovalDecision, RecordedApprovalSource, RecordedApprovalUse,
    RecordedAuthor, RecordedCheck, RecordedCheckState, RecordedField, RecordedIdentityKind, RecordedLevel,
    RecordedMessage, RecordedOutcomeWord, RecordedPlace, RecordedPolicyDigest, RecordedReasons,
    RecordedRuleResult, RecordedTicket, RecordedTicketAnswer, RecordedTicketLookup, RecordedTrust,
};
use crate::verdict::{
    ApprovalDecision, ApprovalSource, ApprovalUse, ConsideredApproval, ConsideredCheck,
    ConsideredContributor, ConsideredField, ConsideredTicket, IdentityKind, JudgingPolicy, OutcomeWord,
    RuleResult, TicketFacts, VerdictReasons,
};

impl From<&VerdictReasons> for RecordedReasons {
    fn from(reasons: &VerdictReasons) -> Self {
        RecordedReasons {
            revision: reasons.revision,
            commits: reasons.commits,
            subject: reasons.subject.clone(),
            pull: reasons.pull.clone(),
            class: reasons.class.clone(),
            decision: reasons.decision.into(),
            rules: convert_all(&reasons.rules),
            contributors: convert_all(&reasons.contributors),
            fields: convert_all(&reasons.fields),
            approvals: convert_all(&reasons.approvals),
            tickets: convert_all(&reasons.tickets),
            checks: convert_all(&reasons.checks),
            left_out: reasons.left_out,
            missing: convert_all(&reasons.missing),
            policies: convert_all(&reasons.policies),
        }
    }
}

impl From<&RuleResult> for RecordedRuleResult {
    fn from(result: &RuleResult) -> Self {
        RecordedRuleResult {
            rule: result.rule.to_string(),
            outcome: match result.outcome {
                OutcomeWord::Pass => RecordedOutcomeWord::Pass,
                OutcomeWord::Fail => RecordedOutcomeWord::Fail,
                OutcomeWord::Owed => RecordedOutcomeWord::Owed,
                OutcomeWord::Undecided => RecordedOutcomeWord::Undecided,
                OutcomeWord::Deferred => RecordedOutcomeWord::Deferred,
                OutcomeWord::Exempted => RecordedOutcomeWord::Exempted,
                OutcomeWord::NotApplicable => RecordedOutcomeWord::NotApplicable,
            },
            level: if result.is_denying { RecordedLevel::Deny } else { RecordedLevel::Warn },
        }
    }
}

impl From<&JudgingPolicy> for RecordedPolicyDigest {
    fn from(policy: &JudgingPolicy) -> Self {
        RecordedPolicyDigest { digest: policy.digest.clone(), roster_digest: policy.roster_digest.clone() }
    }
}

impl From<&ConsideredContributor> for RecordedAuthor {
    fn from(one: &ConsideredContributor) -> Self {
        RecordedAuthor {
            role: RecordedMessage::from(&one.role),
            name: one.name.clone(),
            address: one.address.clone(),
            kind: match one.kind {
                IdentityKind::Person => RecordedIdentityKind::Person,
                IdentityKind::Bot => RecordedIdentityKind::Bot,
                IdentityKind::Unknown => RecordedIdentityKind::Unknown,
            },
            person: one.person.clone(),
        }
    }
}

impl From<&ConsideredField> for RecordedField {
    fn from(one: &ConsideredField) -> Self {
        RecordedField {
            field: one.field.clone(),
            value: one.value.clone(),
            word: one.word.clone(),
            valid: one.is_valid,
            at: RecordedPlace::from(&one.at),
        }
    }
}

impl From<&ConsideredApproval> for RecordedApproval {
    fn from(one: &ConsideredApproval) -> Self {
        RecordedApproval {
            source: match one.source {
                ApprovalSource::Review => RecordedApprovalSource::Review,
                ApprovalSource::Comment => RecordedApprovalSource::Comment,
                ApprovalSource::Trailer => RecordedApprovalSource::Trailer,
                ApprovalSource::Push => RecordedApprovalSource::Push,
                ApprovalSource::Signature => RecordedApprovalSource::Signature,
            },
            trust: if one.source.is_verified() { RecordedTrust::Verified } else { RecordedTrust::Claimed },
            decision: match one.decision {
                ApprovalDecision::Approved => RecordedApprovalDecision::Approved,
                ApprovalDecision::ChangesRequested => RecordedApprovalDecision::ChangesRequested,
                ApprovalDecision::Dismissed => RecordedApprovalDecision::Dismissed,
            },
            by: one.by.clone(),
            account_number: one.account_number,
            person: one.person.clone(),
            teams: one.teams.clone(),
            given_at: one.at,
            revision: one.revision,
            relation: one.relation.map(str::to_owned),
            at: RecordedPlace::from(&one.place),
            uses: convert_all(&one.uses),
        }
    }
}

impl From<&ApprovalUse> for RecordedApprovalUse {
    fn from(one: &ApprovalUse) -> Self {
        RecordedApprovalUse {
            rule: one.rule.to_string(),
            counts: one.counts,
            acts_for: one.acts_for.clone(),
            why_not: one.why_not.as_ref().map(RecordedMessage::from),
        }
    }
}

impl From<&ConsideredTicket> for RecordedTicketLookup {
    fn from(one: &ConsideredTicket) -> Self {
        let found = match &one.found {
            Ok(Some(ticket)) => RecordedTicketAnswer::Ticket(Box::new(RecordedTicket::from(ticket))),
            Ok(None) => RecordedTicketAnswer::None,
            Err(missing) => RecordedTicketAnswer::Unknown(GapCause::from(missing)),
        };
        RecordedTicketLookup { key: one.key.clone(), found }
    }
}

impl From<&TicketFacts> for RecordedTicket {
    fn from(ticket: &TicketFacts) -> Self {
        RecordedTicket {
            key: ticket.key.clone(),
            title: ticket.title.clone(),
            kind: ticket.kind.clone(),
            state: ticket.state.clone(),
            closed: ticket.is_closed,
            created: ticket.created,
            assignee: ticket.assignee.clone(),
            url: ticket.url.clone(),
            source: ticket.source.clone(),
        }
    }
}

impl From<&ConsideredCheck> for RecordedCheck {
    fn from(one: &ConsideredCheck) -> Self {
        RecordedCheck {
            name: one.name.clone(),
            by: one.by.clone(),
            state: match &one.state {
                CheckState::Success => RecordedCheckState::Success,
                CheckState::Neutral => RecordedCheckState::Neutral,
                CheckState::Skipped => RecordedCheckState::Skipped,
                CheckState::Pending => RecordedCheckState::Pending,
                CheckState::Unknown => RecordedCheckState::Unknown,
                CheckState::Failed(word) => RecordedCheckState::Failed(Text::from(word.as_str())),
            },
            tests: one.tests,
            url: one.url.clone(),
        }
    }
}
