//! Translates verdicts, and what a decision says beside them.

use std::sync::Arc;

use crate::change::{Fact, Missing, PushCertificate, PusherIdentity};
use crate::ledger::record::convert::convert_all;
use crate::ledger::record::convert::message::read_message;
use crate::ledger::record::wire::{
    GapCause, RecordedCertificate, RecordedDecision, RecordedDisagreement, RecordedFinding, RecordedFixer,
    RecordedGap, RecordedJudgement, RecordedLevel, RecordedMessage, RecordedObligation, RecordedOutcome,
    RecordedPlace, RecordedPolicySource, RecordedPusher, RecordedVerdict, RecordedWord,
};
use crate::report::{PolicyLocation, PolicyReference};
use crate::verdict::{
    ChangeLocation, ClassId, Decision, ExemptionId, FieldDisagreement, Finding, Fixer, Judgement, Message,
    Obligation, RuleDescription, RuleId, RuleLevel, RuleOutcome, StatedValue, Verdict,
};

impl From<&ChangeLocation> for RecordedPlace {
    fn from(at: &ChangeLocation) -> Self {
        RecordedPlace {
            commit: at.commit,
            line: at.line,
            in_description: at.in_description,
            path: at.path.clone(),
        }
    }
}

impl From<&RecordedPlace> for ChangeLocation {
    fn from(at: &RecordedPlace) -> Self {
        ChangeLocation {
            commit: at.commit,
            line: at.line,
            in_description: at.in_description,
            path: at.path.clone(),
        }
    }
}

impl From<&Finding> for RecordedFinding {
    fn from(finding: &Finding) -> Self {
        let RecordedMessage { code, values } = RecordedMessage::from(&finding.message);
        RecordedFinding {
            code,
            values,
            at: RecordedPlace::from(&finding.at),
            fixers: convert_all(&finding.fixers),
        }
    }
}

impl From<&RecordedFinding> for Finding {
    fn from(finding: &RecordedFinding) -> Self {
        Finding {
            message: read_message(&finding.code, &finding.values),
            at: ChangeLocation::from(&finding.at),
            fixers: convert_all(&finding.fixers),
            paste: None,
            paste_alternatives: Vec::new(),
            line_edit: None,
            is_follow_up: false,
        }
    }
}

impl From<&Obligation> for RecordedObligation {
    fn from(owed: &Obligation) -> Self {
        RecordedObligation {
            what: RecordedMessage::from(&owed.what),
            owner: RecordedFixer::from(&owed.owner),
            due: owed.due,
            evidence: RecordedMessage::from(&owed.evidence),
            field: owed.field.clone(),
            by_others: owed.by_others,
        }
    }
}

impl From<&RecordedObligation> for Obligation {
    fn from(owed: &RecordedObligation) -> Self {
        Obligation {
            what: Message::from(&owed.what),
            owner: Fixer::from(&owed.owner),
            due: owed.due,
            evidence: Message::from(&owed.evidence),
            field: owed.field.clone(),
            by_others: owed.by_others,
        }
    }
}

impl From<&Missing> for GapCause {
    fn from(missing: &Missing) -> Self {
        match missing {
            Missing::NotAtThisStage(_) => GapCause::NotAtThisStage,
            Missing::NotConfigured(_) => GapCause::NotConfigured,
            Missing::Unavailable(..) | Missing::TooLarge(..) | Missing::NotGiven(..) => GapCause::Unavailable,
        }
    }
}

impl From<&Missing> for RecordedGap {
    fn from(missing: &Missing) -> Self {
        RecordedGap { fact: missing.fact_kind(), cause: GapCause::from(missing) }
    }
}

impl From<&RecordedGap> for Missing {
    fn from(gap: &RecordedGap) -> Self {
        match gap.cause {
            GapCause::NotAtThisStage => Missing::NotAtThisStage(gap.fact),
            GapCause::NotConfigured => Missing::NotConfigured(gap.fact),
            GapCause::Unavailable => Missing::Unavailable(gap.fact, "the record does not say why".into()),
        }
    }
}

impl From<&RuleOutcome> for RecordedOutcome {
    fn from(outcome: &RuleOutcome) -> Self {
        match outcome {
            RuleOutcome::Pass => RecordedOutcome::Pass,
            RuleOutcome::Fail(findings) => RecordedOutcome::Fail(convert_all(findings)),
            RuleOutcome::Owed(owed) => RecordedOutcome::Owed(convert_all(owed)),
            RuleOutcome::Undecided(missing) => RecordedOutcome::Undecided(convert_all(missing)),
            RuleOutcome::Deferred(missing) => RecordedOutcome::Deferred(convert_all(missing)),
            // No record is made where this can be; a record has no more than what was missing.
            RuleOutcome::MaybeExempted(possible) => {
                RecordedOutcome::Undecided(convert_all(&possible.missing))
            }
            RuleOutcome::Exempted { reason, approved_by, until, exemption } => RecordedOutcome::Exempted {
                reason: reason.clone(),
                approved_by: approved_by.clone(),
                until: until.clone(),
                place: exemption.to_string(),
            },
            RuleOutcome::NotApplicable => RecordedOutcome::NotApplicable,
        }
    }
}

impl From<&RecordedOutcome> for RuleOutcome {
    fn from(outcome: &RecordedOutcome) -> Self {
        match outcome {
            RecordedOutcome::Pass => RuleOutcome::Pass,
            RecordedOutcome::Fail(findings) => RuleOutcome::Fail(convert_all(findings)),
            RecordedOutcome::Owed(owed) => RuleOutcome::Owed(convert_all(owed)),
            RecordedOutcome::Undecided(gaps) => RuleOutcome::Undecided(convert_all(gaps)),
            RecordedOutcome::Deferred(gaps) => RuleOutcome::Deferred(convert_all(gaps)),
            RecordedOutcome::Exempted { reason, approved_by, until, place } => RuleOutcome::Exempted {
                reason: reason.clone(),
                approved_by: approved_by.clone(),
                until: until.clone(),
                exemption: ExemptionId::new(place),
            },
            RecordedOutcome::NotApplicable => RuleOutcome::NotApplicable,
        }
    }
}

impl From<&Judgement> for RecordedJudgement {
    fn from(judgement: &Judgement) -> Self {
        RecordedJudgement {
            rule: judgement.rule.id.to_string(),
            controls: judgement.rule.controls.clone(),
            level: match judgement.level {
                RuleLevel::Deny => RecordedLevel::Deny,
                RuleLevel::Warn => RecordedLevel::Warn,
            },
            outcome: RecordedOutcome::from(&judgement.outcome),
        }
    }
}

/// The title is empty: the policy has it, and not the record.
impl From<&RecordedJudgement> for Judgement {
    fn from(judgement: &RecordedJudgement) -> Self {
        let rule = RuleDescription {
            id: RuleId::new(&judgement.rule),
            title: String::new(),
            controls: judgement.controls.clone(),
        };
        Judgement {
            rule: Arc::new(rule),
            level: match judgement.level {
                RecordedLevel::Deny => RuleLevel::Deny,
                RecordedLevel::Warn => RuleLevel::Warn,
            },
            outcome: RuleOutcome::from(&judgement.outcome),
        }
    }
}

impl From<&FieldDisagreement> for RecordedDisagreement {
    fn from(one: &FieldDisagreement) -> Self {
        let mut stated = Vec::new();
        for word in &one.stated {
            stated.push(RecordedWord { value: word.value.clone(), at: RecordedPlace::from(&word.at) });
        }
        RecordedDisagreement { field: one.field.clone(), stated, counts: one.counts.clone() }
    }
}

impl From<&RecordedDisagreement> for FieldDisagreement {
    fn from(one: &RecordedDisagreement) -> Self {
        let mut stated = Vec::new();
        for word in &one.stated {
            stated.push(StatedValue { value: word.value.clone(), at: ChangeLocation::from(&word.at) });
        }
        FieldDisagreement { field: one.field.clone(), stated, counts: one.counts.clone() }
    }
}

impl From<&Verdict> for RecordedVerdict {
    fn from(verdict: &Verdict) -> Self {
        RecordedVerdict {
            revision: verdict.revision,
            commits: verdict.commits,
            subject: verdict.subject.clone(),
            stage: verdict.stage,
            enforced: verdict.enforced,
            class: verdict.class.as_ref().map(ClassId::to_string),
            judgements: convert_all(&verdict.judgements),
            disagreements: convert_all(&verdict.disagreements),
        }
    }
}

impl From<&RecordedVerdict> for Verdict {
    fn from(verdict: &RecordedVerdict) -> Self {
        Verdict {
            revision: verdict.revision,
            commits: verdict.commits,
            commit_shapes: Vec::new(),
            subject: verdict.subject.clone(),
            stage: verdict.stage,
            enforced: verdict.enforced,
            class: verdict.class.as_ref().map(ClassId::new),
            judgements: convert_all(&verdict.judgements),
            disagreements: convert_all(&verdict.disagreements),
            reasons: None,
            plan: None,
        }
    }
}

impl From<Decision> for RecordedDecision {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Allow => RecordedDecision::Allow,
            Decision::Deny => RecordedDecision::Deny,
        }
    }
}

impl From<&Fact<PusherIdentity>> for RecordedPusher {
    fn from(pusher: &Fact<PusherIdentity>) -> Self {
        match pusher {
            Ok(PusherIdentity::Account(account)) => RecordedPusher::Account(account.clone()),
            Ok(PusherIdentity::Unidentified) => RecordedPusher::Unidentified,
            Err(missing) => RecordedPusher::Unknown(GapCause::from(missing)),
        }
    }
}

impl RecordedCertificate {
    /// Returns what a record keeps of the certificate of a push; `None` if it does not count.
    pub(crate) fn from_push(certificate: &PushCertificate) -> Option<RecordedCertificate> {
        let PushCertificate::Good { id, signer, key } = certificate else { return None };
        Some(RecordedCertificate { id: *id, signer: signer.clone(), key: key.clone() })
    }
}

impl From<&PolicyReference> for RecordedPolicySource {
    fn from(policy: &PolicyReference) -> Self {
        let digest = policy.digest.clone();
        match &policy.place {
            PolicyLocation::Commit { id, path } => {
                RecordedPolicySource::Commit { id: *id, path: path.clone(), digest }
            }
            PolicyLocation::Disk(path) => RecordedPolicySource::Disk { path: path.clone(), digest },
            PolicyLocation::Pack(name) => RecordedPolicySource::Pack { name: name.clone(), digest },
            PolicyLocation::Elsewhere(place) => {
                RecordedPolicySource::Elsewhere { place: place.clone(), digest }
            }
        }
    }
}

impl From<&RecordedPolicySource> for PolicyReference {
    fn from(source: &RecordedPolicySource) -> Self {
        let place = match source {
            RecordedPolicySource::Commit { id, path, .. } => {
                PolicyLocation::Commit { id: *id, path: path.clone() }
            }
            RecordedPolicySource::Disk { path, .. } => PolicyLocation::Disk(path.clone()),
            RecordedPolicySource::Pack { name, .. } => PolicyLocation::Pack(name.clone()),
            RecordedPolicySource::Elsewhere { place, .. } => PolicyLocation::Elsewhere(place.clone()),
        };
        PolicyReference { place, digest: source.digest().to_owned() }
    }
}
