//! Findings and notes about a policy: it is absent, it is not valid, it is due for review.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::change::{Oid, Text};
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy};
use crate::gate::settings::GateSettings;
use crate::git::{RefUpdate, ResolvedRef};
use crate::policy::{FaultyFile, PolicyErrors, packs};
use crate::push::{GateRule, refuse_by_rule};
use crate::report::{GroupScope, JudgedRef, RefUpdateKind, ReportGroup};
use crate::verdict::{Finding, Fixer, Judgement, Message, MessageValue, messages};
use crate::yaml::{YamlFault, YamlPlace};

messages! {
    REF_UNREADABLE = "push.ref-unreadable":
        "cannot read the ref {ref}: {detail}";
    POLICY_ABSENT = "policy.absent":
        "there is no policy `{path}` at {place}, so nothing can be judged";
    POLICY_FAULT = "policy.has-fault":
        "the policy is not valid: {file} line {line}: {fault}";
    POLICY_FAULTS = "policy.has-faults":
        "the policy is not valid: {file} line {line}: {fault} (and {more} more {more:fault|faults})";
    POLICY_UNUSABLE = "policy.unusable":
        "the policy is not valid";
    EXEMPTION_ENDED = "policy.exemption-ended":
        "the exemption from `{rule}` ended on {day} and no longer applies";
    REVIEW_OVERDUE = "policy.review-overdue":
        "the policy was due for review by {day}";
}

/// Returns the day of an instant in UTC, by which policies count.
pub(crate) fn find_today(now: Timestamp) -> Date {
    now.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Returns the error that the policy at `path` cannot be read at all, for the reason `why`.
pub(crate) fn unreadable_policy(path: &str, why: String) -> UnusablePolicy {
    let fault = YamlFault::new(YamlPlace { line: 1, column: 1, length: 1 }, why);
    let file = FaultyFile { name: path.to_owned(), source: Vec::new(), faults: vec![fault] };
    UnusablePolicy::Faulty(PolicyErrors { faulty_files: vec![file] })
}

/// Returns the refusal where there is no policy to judge by; `place` is where it was looked for.
pub(crate) fn refuse_missing_policy(
    why: &UnusablePolicy,
    place: &Text,
    settings: &GateSettings,
) -> Judgement {
    match why {
        UnusablePolicy::Absent => {
            let message = POLICY_ABSENT.with("path", settings.policy_path.as_str()).with("place", place);
            let paste = format!("git config changegate.missingPolicy {}", packs::DEFAULT_PACK);
            let finding = Finding::new(message).fixed_by(Fixer::ServerAdministrator).with_paste(paste);
            refuse_by_rule(GateRule::PolicyPresent, finding)
        }
        UnusablePolicy::Faulty(errors) => {
            refuse_by_rule(GateRule::PolicyValid, policy_fault_finding(errors, Fixer::ServerAdministrator))
        }
    }
}

/// Returns the first fault as a finding, with the number of the others.
pub fn policy_fault_finding(errors: &PolicyErrors, fixer: Fixer) -> Finding {
    let mut message = Message::from(&POLICY_UNUSABLE);
    for file in &errors.faulty_files {
        let Some(fault) = file.faults.first() else { continue };
        let more = errors.count_faults().saturating_sub(1);
        let template = if more > 0 { &POLICY_FAULTS } else { &POLICY_FAULT };
        message = template
            .with("file", Text::from(file.name.as_str()))
            .with("line", fault.at.line)
            .with("fault", MessageValue::unrecorded(fault.what.as_str()));
        if more > 0 {
            message = message.with("more", more);
        }
        break;
    }
    Finding::new(message).fixed_by(fixer).with_paste("changegate policy check")
}

/// Returns the notes about a policy in use: exemptions that have ended, a review that is overdue.
pub fn list_policy_notes(loaded: &LoadedPolicy, now: Timestamp) -> Vec<Message> {
    let today = find_today(now);
    let policy = &loaded.policy;
    let mut notes = Vec::new();
    for exemption in policy.expired_exemptions(today) {
        let Some(rule) = policy.rules.get(exemption.rule_index) else { continue };
        let message = EXEMPTION_ENDED.with("rule", rule.description.id.as_str());
        notes.push(message.with("day", exemption.until.to_string()));
    }
    if let Some(day) = policy.review_by
        && day < today
    {
        notes.push(REVIEW_OVERDUE.with("day", day.to_string()));
    }
    notes
}

/// Returns the report group of one pushed ref, which holds `actual`.
pub(crate) fn build_ref_group(
    update: &RefUpdate,
    actual: Option<Oid>,
    refusals: Vec<Judgement>,
) -> ReportGroup {
    let kind = match (actual, update.new.is_null()) {
        (None, false) => RefUpdateKind::Create { new: update.new },
        (Some(old), false) => RefUpdateKind::Move { old, new: update.new },
        (old, true) => RefUpdateKind::Delete { old: old.unwrap_or(update.old) },
    };
    let mut group = ReportGroup::new(GroupScope::Ref { name: update.name.clone(), update: kind }, Vec::new());
    group.refusals = refusals;
    group
}

/// Returns the report group of one pushed ref under change control.
pub(crate) fn build_protected_group(
    update: &RefUpdate,
    at: &ResolvedRef,
    refusals: Vec<Judgement>,
) -> ReportGroup {
    let judged_as = Some(JudgedRef { name: at.name.clone(), policies: Vec::new() });
    ReportGroup { judged_ref: judged_as, ..build_ref_group(update, at.id, refusals) }
}
