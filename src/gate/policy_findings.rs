//! What is told about a policy: that there is none, that it cannot be used, that it is getting old.

use jiff::Timestamp;

use crate::change::{FactKind, Oid};
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy};
use crate::gate::settings::GateSettings;
use crate::git::{RefUpdate, ResolvedRef};
use crate::policy::{FaultyFile, Policy, PolicyErrors};
use crate::push::refuse_by_rule;
use crate::report::{GroupScope, JudgedRef, RefUpdateKind, ReportGroup};
use crate::verdict::{Finding, Judgement, Message, Sentence};
use crate::yaml::{YamlFault, YamlPlace};

/// Who mends what is wrong with a server.
pub(crate) const ADMINISTRATOR_ROLE: &str = "whoever administrates the server";

/// Returns that the policy at `path` cannot be read at all, and `why`.
pub(crate) fn unreadable_policy(path: &str, why: String) -> UnusablePolicy {
    let fault = YamlFault::new(YamlPlace { line: 1, column: 1, length: 1 }, why);
    let file = FaultyFile { name: path.to_owned(), source: Vec::new(), faults: vec![fault] };
    UnusablePolicy::Faulty(PolicyErrors { faulty_files: vec![file] })
}

/// Returns the refusal where there is no policy to judge by.
pub(crate) fn refuse_missing_policy(why: &UnusablePolicy, place: &str, settings: &GateSettings) -> Judgement {
    match why {
        UnusablePolicy::Absent => {
            let what = format!("there is no `{}` at {place}, so nothing can be judged", settings.policy_path);
            let finding = Finding::new(Sentence::from_words(what)).fixed_by(ADMINISTRATOR_ROLE);
            refuse_by_rule(
                "policy-present",
                finding.with_paste(format!(
                    "git config changegate.missingPolicy {}",
                    crate::policy::packs::DEFAULT_PACK
                )),
            )
        }
        UnusablePolicy::Faulty(errors) => {
            refuse_by_rule("policy-valid", policy_fault_finding(errors, ADMINISTRATOR_ROLE))
        }
    }
}

/// Returns the finding that a policy has a rule which no hook can ever find kept, if it has one.
pub(crate) fn find_forge_only_rule(policy: &Policy, now: Timestamp) -> Option<Finding> {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let (rule, need) = policy.forge_dependent_rules(today).next()?;
    let fact = match need {
        FactKind::Reviews => "reviews that a forge vouches for (`trust: verified`)".to_owned(),
        FactKind::Tickets => "what a ticket system says (unless it may be owed: `unseen: owe`)".to_owned(),
        other => format!("what only a forge can tell ({other})"),
    };
    let what = format!(
        "the rule `{}` wants {fact}, which no server hook can see: after this push nobody could push any more \
         what it is about",
        rule.name.id
    );
    Some(Finding::new(Sentence::from_words(what)).fixed_by("the author"))
}

/// Returns the first fault as a finding, with the number of the others.
pub fn policy_fault_finding(errors: &PolicyErrors, who: &str) -> Finding {
    let first = errors.faulty_files.iter().find_map(|file| Some((file, file.faults.first()?)));
    let more = errors.count_faults().saturating_sub(1);
    let what = match first {
        Some((file, fault)) => Sentence::from_words("the policy cannot be used: ")
            .with_quote(&file.name.as_str().into())
            .with_words(format!(" line {}: {}", fault.at.line, fault.what)),
        None => Sentence::from_words("the policy cannot be used"),
    };
    let what = if 0 < more { what.with_words(format!(" (and {more} more faults)")) } else { what };
    Finding::new(what).fixed_by(who).with_paste("changegate policy check")
}

/// Returns what somebody should know about a policy that is in use.
pub fn list_policy_notes(loaded: &LoadedPolicy, now: Timestamp) -> Vec<Message> {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let policy = &loaded.policy;
    let mut notes: Vec<Message> = policy
        .expired_exemptions(today)
        .map(|exemption| {
            let rule =
                policy.rules.get(exemption.rule_index).map(|rule| rule.name.id.clone()).unwrap_or_default();
            Sentence::from_words(format!(
                "the exemption from `{rule}` ended on {} and has no effect",
                exemption.until
            ))
            .into()
        })
        .collect();
    if let Some(day) = policy.review_by.filter(|day| *day < today) {
        notes.push(format!("the policy was to be reviewed by {day}").into());
    }
    notes
}

/// Returns what is told of one ref of a push, which holds `actual`.
pub(crate) fn build_ref_group(
    update: &RefUpdate,
    actual: Option<Oid>,
    refusals: Vec<Judgement>,
) -> ReportGroup {
    let what = match (actual, update.new.is_null()) {
        (None, false) => RefUpdateKind::Create { new: update.new },
        (Some(old), false) => RefUpdateKind::Move { old, new: update.new },
        (old, true) => RefUpdateKind::Delete { old: old.unwrap_or(update.old) },
    };
    let mut group = ReportGroup::new(GroupScope::Ref { name: update.name.clone(), update: what }, Vec::new());
    group.refusals = refusals;
    group
}

/// Returns what is told of one ref under the gate's control.
pub(crate) fn build_protected_group(
    update: &RefUpdate,
    at: &ResolvedRef,
    refusals: Vec<Judgement>,
) -> ReportGroup {
    let judged_as = Some(JudgedRef { name: at.name.clone(), policies: Vec::new() });
    ReportGroup { judged_ref: judged_as, ..build_ref_group(update, at.id, refusals) }
}
