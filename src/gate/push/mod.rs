//! Judges a push: every ref that it names, by the policy that the ref had before.

pub(crate) mod base_policy;
pub(crate) mod change_judge;
mod gate_refs;
pub(crate) mod left_policy;
pub(crate) mod new_gate_files;
pub(crate) mod promotion;
pub(crate) mod ref_judge;
pub(crate) mod ref_policies;
pub(crate) mod unreadable;

use std::rc::Rc;

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{FactKind, Missing, Stage, Text};
use crate::gate::policy_findings::{list_policy_notes, list_warning_notes};
use crate::gate::policy_ref::{is_policy_ref_free, refuse_free_policy_ref};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::protected_scope::ProtectedScope;
use crate::gate::published_commits::mark_landed_commits;
use crate::gate::push::base_policy::{PolicyCache, PolicyOrigin, PushBasePolicy, UndecidedMove};
use crate::gate::push::ref_judge::RefJudge;
use crate::gate::push_certificate::CertifiedPusher;
use crate::gate::push_facts::PushFacts;
use crate::gate::pusher_accounts::refuse_unknown_pushers;
use crate::gate::recorded_past::RecordedPast;
use crate::gate::rewording_place::mark_rewrites;
use crate::gate::settings::{GateSettings, LedgerMode};
use crate::gate::signed_approvals::read_repository_id;
use crate::git::{RefUpdate, Repository};
use crate::pattern::RefPattern;
use crate::policy::Policy;
use crate::push::{GateRule, refuse_by_rule};
use crate::report::{Report, ReportGroup, decide_groups};
use crate::verdict::{Decision, Finding, Fixer, Message, MessageValue, RuleOutcome, messages};

messages! {
    SCOPE_UNREADABLE = "push.scope-unreadable":
        "cannot tell which refs are under change control: {detail}";
    POLICY_UNDECIDED = "push.policy-undecided":
        "the policy that {ref} holds came without a decision; the last one that was decided goes on until that change is regularised, or the policy is put back";
    POLICY_OFFERED = "push.policy-offered":
        "a server administrator who has reviewed the policy that came without a decision can put it into force, in the repository on the server: git config changegate.acceptedPolicy {commit}";
    APPROVALS_NEED_LEDGER = "push.approvals-need-ledger":
        "signed approvals (`changegate approve`) count on a server with a ledger only, and it is switched off here (`changegate.ledger`)";
    APPROVALS_NEED_ID = "push.approvals-need-id":
        "signed approvals (`changegate approve`) count on a server whose repository has an id; `changegate install --server` gives it one";
    POLICY_ACCEPTED = "push.policy-accepted":
        "the policy of {ref} came without a decision; the server administrator put it into force as it was at {commit} (`changegate.acceptedPolicy`)";
}

/// Judges what a push does to each ref, and returns the report and the facts that the ledger keeps.
///
/// Every ref is judged, even if others are refused. A ref that is not under change control is not in
/// the report, unless clients cannot write to it at all. Changes without remarks are only counted,
/// unless `keep_all` asks for them. `past` is what the ledger tells.
pub fn judge_push(
    repository: &Repository,
    updates: &[RefUpdate],
    (settings, past): (&GateSettings, RecordedPast<'_>),
    now: Timestamp,
    keep_all: bool,
) -> (Report, PushFacts) {
    let mut policies = PolicyCache::new(repository, settings, past.undecided, updates);
    let (base, scope) = read_base_scope(repository, policies.find_base_policy(), settings);
    let certified = match &base {
        PushBasePolicy::Loaded(loaded) => {
            CertifiedPusher::find_pusher(repository, updates, settings, loaded, now)
        }
        PushBasePolicy::Unrestricted | PushBasePolicy::Refused(_) => CertifiedPusher::from_settings(settings),
    };
    let settings = &GateSettings { pusher: certified.pusher.clone(), ..settings.clone() };
    let mut facts = PushFacts::default();
    facts.set_pusher(certified.clone());
    let notes = Vec::new();
    let RecordedPast { unauthorised, landings, approvals, .. } = past;
    let mut push = RefJudge {
        repository,
        updates,
        settings,
        now,
        unauthorised,
        landings,
        approvals,
        keep_all,
        policies,
        scope,
        facts,
        notes,
    };
    let mut groups = Vec::new();
    // Two lines of a push can name one ref, also through a symbolic ref; the second one is refused.
    let mut named: Vec<Text> = Vec::new();
    for update in updates {
        groups.extend(push.judge_update(update, &base, &mut named));
    }
    if let Some(refusal) = certified.refuse_other_signer() {
        for group in &mut groups {
            group.refusals.push(refusal.clone());
        }
    }
    let decision = decide_groups(&groups, true);
    if decision == Decision::Deny {
        if let PushBasePolicy::Loaded(loaded) = &base
            && let Some(group) = groups
                .iter_mut()
                .find(|group| group.verdicts.iter().any(|verdict| verdict.decision() == Decision::Deny))
        {
            group.refusals.extend(refuse_unknown_pushers(loaded, settings, landings, now));
        }
        // Without the marks, advice is less good; the push is refused all the same.
        let _ = mark_landed_commits(&mut groups, repository, &push.scope)
            .and_then(|()| mark_rewrites(&mut groups, repository, None));
    }
    let (policy, mut notes) = match &base {
        PushBasePolicy::Loaded(loaded) => {
            let mut notes = list_policy_notes(loaded, now);
            notes.extend(list_warning_notes(&loaded.policy, &groups));
            (Some(loaded.name()), notes)
        }
        PushBasePolicy::Unrestricted | PushBasePolicy::Refused(_) => (None, Vec::new()),
    };
    if !groups.is_empty() {
        notes.extend(list_origin_notes(push.policies.base_origin(), &settings.policy_ref));
        notes.extend(certified.describe_fault());
    }
    notes.append(&mut push.notes);
    if approvals.is_none() && lacks_reviews(&groups) {
        match (settings.ledger_mode, read_repository_id(repository)) {
            (LedgerMode::Off, _) => notes.push(Message::from(&APPROVALS_NEED_LEDGER)),
            (_, Ok(None)) => notes.push(Message::from(&APPROVALS_NEED_ID)),
            _ => {}
        }
    }
    let stage = Stage::PreReceive;
    let is_evaluation = false;
    let report =
        Report { decision, stage, enforced: true, seen_at: now, policy, groups, notes, is_evaluation };
    (report, push.facts)
}

/// Returns true if a rule is undecided because nothing tells here who has reviewed the change.
fn lacks_reviews(groups: &[ReportGroup]) -> bool {
    let is_missing = |missing: &Missing| *missing == Missing::NotConfigured(FactKind::Reviews);
    let mut judgements = groups.iter().flat_map(|group| &group.verdicts).flat_map(|one| &one.judgements);
    judgements.any(|judgement| match &judgement.outcome {
        RuleOutcome::Undecided(missing) => missing.iter().any(is_missing),
        _ => false,
    })
}

/// Returns the notes about a policy that did not come into force by a decision, or that another one did not
/// replace for that reason.
fn list_origin_notes(origin: PolicyOrigin, policy_ref: &Text) -> Vec<Message> {
    match origin {
        PolicyOrigin::Current => Vec::new(),
        PolicyOrigin::Accepted(commit) => {
            vec![POLICY_ACCEPTED.with("ref", policy_ref).with("commit", commit.to_string())]
        }
        PolicyOrigin::Earlier(offered) => {
            let mut notes = vec![POLICY_UNDECIDED.with("ref", policy_ref)];
            notes.extend(offered.map(|commit| POLICY_OFFERED.with("commit", commit.to_string())));
            notes
        }
    }
}

/// Returns which refs the policy of the policy ref protects. If that cannot be read, or leaves out the policy ref itself,
/// no push can be judged.
fn read_base_scope(
    repository: &Repository,
    base: PushBasePolicy,
    settings: &GateSettings,
) -> (PushBasePolicy, ProtectedScope) {
    let PushBasePolicy::Loaded(loaded) = &base else { return (base, ProtectedScope::default()) };
    let read_scope = || -> Result<(ProtectedScope, bool)> {
        let scope = ProtectedScope::read_scope(repository, &loaded.policy)?;
        // No push replaces a file on the server.
        let is_free =
            settings.policy_file.is_none() && is_policy_ref_free(repository, &settings.policy_ref, &scope)?;
        Ok((scope, is_free))
    };
    match read_scope() {
        Ok((scope, false)) => (base, scope),
        Ok((_, true)) => {
            let refusal = refuse_free_policy_ref(loaded, settings);
            (PushBasePolicy::Refused(refusal), ProtectedScope::default())
        }
        Err(error) => {
            let detail = MessageValue::unrecorded(Text::from(format!("{error:#}")));
            let finding = Finding::new(SCOPE_UNREADABLE.with("detail", detail));
            let finding = finding.fixed_by(Fixer::ServerAdministrator);
            let refusal = refuse_by_rule(GateRule::PolicyPresent, finding);
            (PushBasePolicy::Refused(refusal), ProtectedScope::default())
        }
    }
}

/// Returns the refs that `policy` puts under change control, as patterns: those that it names, and the refs
/// that symbolic refs with such names lead to.
///
/// # Errors
///
/// Fails if the refs or the configuration cannot be read.
pub fn protected_refs(repository: &Repository, policy: &Policy) -> Result<Vec<RefPattern>> {
    Ok(ProtectedScope::read_scope(repository, policy)?.list_patterns())
}

/// Returns the current policy; `None` if there is none, or none that is valid. `undecided` is as in
/// [`RecordedPast`].
pub fn current_policy(
    repository: &Repository,
    settings: &GateSettings,
    undecided: &[UndecidedMove],
) -> Option<LoadedPolicy> {
    let mut policies = PolicyCache::new(repository, settings, undecided, &[]);
    let PushBasePolicy::Loaded(loaded) = policies.find_base_policy() else { return None };
    // The cache may hold it too.
    drop(policies);
    Some(Rc::unwrap_or_clone(loaded))
}
