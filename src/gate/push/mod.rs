//! A push: every ref that it names, held against the policy of the ref as it was.

pub(crate) mod base_policy;
pub(crate) mod change_judge;

use std::collections::HashMap;
use std::rc::Rc;

use jiff::Timestamp;

use crate::change::{FactKind, Oid, Stage, Text};
use crate::gate::break_glass;
use crate::gate::policy_findings::{
    ADMINISTRATOR_ROLE, build_protected_group, build_ref_group, find_forge_only_rule, list_policy_notes,
    policy_fault_finding, refuse_missing_policy, unreadable_policy,
};
use crate::gate::policy_source::{self, LoadedPolicy, UnusablePolicy};
use crate::gate::push::base_policy::PushBasePolicy;
use crate::gate::push::change_judge::{ChangeJudge, JudgedChange};
use crate::gate::push_facts::PushFacts;
use crate::gate::settings::{GateSettings, MissingPolicyAction};
use crate::gate::side_merge::SideMerge;
use crate::git::{CommitRange, NewHistory, PeeledObject, RefUpdate, Repository, ResolvedRef};
use crate::pattern::RefPattern;
use crate::policy::ChangeUnit;
use crate::push::{self, ProposedRefUpdate, RefTargetKind, refuse_by_rule};
use crate::report::{GroupScope, RefUpdateKind, Report, ReportGroup, decide_groups};
use crate::verdict::{Finding, Judgement, Sentence};

/// Judges a push.
///
/// Every ref is judged, whatever became of the others. A ref that is not under change control is
/// not in the report, unless nobody may write to it at all; of changes that nothing is to be said
/// about, only the number is, unless `keep_all` asks for them.
pub fn judge_push(
    repository: &Repository,
    updates: &[RefUpdate],
    settings: &GateSettings,
    now: Timestamp,
    keep_all: bool,
) -> (Report, PushFacts) {
    let kept = PushFacts::default();
    let mut push = PushJudge { repository, settings, now, keep_all, policies: HashMap::new(), facts: kept };
    let mut notes = Vec::new();
    let mut groups = Vec::new();
    let mut named: Vec<Text> = Vec::new();
    let base = push.find_base_policy();
    for update in updates {
        let resolved = match repository.resolve_ref(update.name.as_bytes()) {
            Ok(at) => at,
            Err(error) => {
                let finding =
                    Finding::new(Sentence::from_words(format!("{error:#}"))).fixed_by(ADMINISTRATOR_ROLE);
                groups.push(build_ref_group(update, None, vec![refuse_by_rule("ref-object", finding)]));
                continue;
            }
        };
        if break_glass::is_request_ref(&update.name) && resolved.name == update.name {
            let base = base.require_loaded(settings);
            groups.push(break_glass::judge_request_ref(
                repository,
                updates,
                &resolved,
                settings,
                base,
                now,
                &mut push.facts,
            ));
            continue;
        }
        let mut refusals: Vec<Judgement> = push::check_reserved_ref(&update.name).into_iter().collect();
        if named.contains(&resolved.name) {
            let what = Sentence::from_words("this push names ")
                .with_quote(&resolved.name)
                .with_words(" more than once");
            refusals.push(refuse_by_rule("ref-once", Finding::new(what).fixed_by("the pusher")));
        }
        named.push(resolved.name.clone());
        let group = match &base {
            PushBasePolicy::Unrestricted => None,
            PushBasePolicy::Refused(judgement) => {
                refusals.push(judgement.clone());
                None
            }
            PushBasePolicy::Loaded(loaded) if !loaded.policy.protects_ref(resolved.name.as_bytes()) => None,
            PushBasePolicy::Loaded(loaded) => Some(push.judge_ref(update, &resolved, loaded)),
        };
        match group {
            Some(mut group) => {
                group.refusals.splice(0..0, refusals);
                groups.push(group);
            }
            None if refusals.is_empty() => {}
            None => groups.push(build_ref_group(update, resolved.id, refusals)),
        }
    }
    let policy = match &base {
        PushBasePolicy::Loaded(loaded) => {
            notes.extend(list_policy_notes(loaded, now));
            Some(loaded.name())
        }
        PushBasePolicy::Unrestricted | PushBasePolicy::Refused(_) => None,
    };
    let report = Report {
        decision: decide_groups(&groups, true),
        stage: Stage::PreReceive,
        enforced: true,
        seen_at: now,
        policy,
        groups,
        notes,
    };
    (report, push.facts)
}

/// Returns which refs are under change control, by the policy that stands now; `None` where there is
/// no policy, or none that can be used.
pub fn protected_refs(repository: &Repository, settings: &GateSettings) -> Option<Vec<RefPattern>> {
    current_policy(repository, settings).map(|loaded| loaded.policy.protected_refs)
}

/// Returns the policy that stands now; `None` where there is none, or none that can be used.
pub fn current_policy(repository: &Repository, settings: &GateSettings) -> Option<LoadedPolicy> {
    let (now, policies, kept) = (Timestamp::UNIX_EPOCH, HashMap::new(), PushFacts::default());
    let mut push = PushJudge { repository, settings, now, keep_all: false, policies, facts: kept };
    if let PushBasePolicy::Loaded(loaded) = push.find_base_policy() {
        Some(Rc::unwrap_or_clone(loaded))
    } else {
        None
    }
}

struct PushJudge<'push> {
    repository: &'push Repository,
    settings: &'push GateSettings,
    now: Timestamp,
    keep_all: bool,
    policies: HashMap<Oid, Result<Rc<LoadedPolicy>, UnusablePolicy>>,
    facts: PushFacts,
}

impl PushJudge<'_> {
    fn find_base_policy(&mut self) -> PushBasePolicy {
        let settings = self.settings;
        if let Some(file) = &settings.policy_file {
            let folder = file.parent().unwrap_or(file);
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            return match policy_source::load_from_disk(folder, &name) {
                Ok(loaded) => PushBasePolicy::Loaded(Rc::new(loaded)),
                Err(why) => PushBasePolicy::Refused(refuse_missing_policy(
                    &why,
                    "changegate.policyFile",
                    self.settings,
                )),
            };
        }
        let tip = match self.repository.resolve_ref(settings.policy_ref.as_bytes()) {
            Ok(at) => at.id,
            Err(error) => {
                let finding =
                    Finding::new(Sentence::from_words(format!("{error:#}"))).fixed_by(ADMINISTRATOR_ROLE);
                return PushBasePolicy::Refused(refuse_by_rule("policy-present", finding));
            }
        };
        let found = match tip {
            Some(tip) => self.load_policy_at(tip, &settings.policy_ref),
            None => Err(UnusablePolicy::Absent),
        };
        match (found, &settings.missing_policy) {
            (Ok(loaded), _) => PushBasePolicy::Loaded(loaded),
            (Err(UnusablePolicy::Absent), MissingPolicyAction::Allow) => PushBasePolicy::Unrestricted,
            (Err(UnusablePolicy::Absent), MissingPolicyAction::Pack(pack)) => {
                match policy_source::load_from_pack(pack) {
                    Ok(loaded) => PushBasePolicy::Loaded(Rc::new(loaded)),
                    Err(why) => PushBasePolicy::Refused(refuse_missing_policy(&why, pack, settings)),
                }
            }
            (Err(why), _) => PushBasePolicy::Refused(refuse_missing_policy(
                &why,
                &settings.policy_ref.to_lossy(),
                settings,
            )),
        }
    }

    /// Returns the policy at a commit, read once.
    fn load_policy_at(&mut self, commit: Oid, called: &Text) -> Result<Rc<LoadedPolicy>, UnusablePolicy> {
        let (repository, path) = (self.repository, &self.settings.policy_path);
        let load = || {
            let called = called.to_lossy();
            // Only a commit can lack a policy. What cannot be read is not the same as nothing there.
            match repository.peel_tags(commit) {
                Ok(PeeledObject::Commit(commit)) => {
                    policy_source::load_from_commit(repository, commit, path, &called).map(Rc::new)
                }
                Ok(PeeledObject::Other(kind)) => {
                    Err(unreadable_policy(path, format!("{called} is a {kind}, not a commit")))
                }
                Ok(PeeledObject::Missing) => {
                    Err(unreadable_policy(path, format!("what {called} names is not there")))
                }
                Err(error) => Err(unreadable_policy(path, format!("{error:#}"))),
            }
        };
        self.policies.entry(commit).or_insert_with(load).clone()
    }

    /// Judges what is pushed to a ref under change control.
    fn judge_ref(&mut self, update: &RefUpdate, at: &ResolvedRef, base: &LoadedPolicy) -> ReportGroup {
        let (asked, history) = match self.read_ref_request(update, at) {
            Ok(asked) => asked,
            Err(error) => {
                let finding =
                    Finding::new(Sentence::from_words(format!("{error:#}"))).fixed_by(ADMINISTRATOR_ROLE);
                return build_protected_group(update, at, vec![refuse_by_rule("whole-history", finding)]);
            }
        };
        let mut group = build_protected_group(update, at, push::judge_ref_update(&asked));
        if let (GroupScope::Ref { update, .. }, Some(old), Some(new), false) =
            (&mut group.scope, at.id, asked.new, asked.is_fast_forward)
        {
            *update = RefUpdateKind::Rewrite { old, new };
        }
        if self.repository.is_shallow() {
            let what = "this repository is shallow, so what lies behind a change cannot be seen";
            group.refusals.push(refuse_by_rule(
                "whole-history",
                Finding::new(Sentence::from_words(what)).fixed_by(ADMINISTRATOR_ROLE),
            ));
        }
        let Some(new) =
            asked.new.filter(|_| matches!(asked.target_kind, RefTargetKind::Commit | RefTargetKind::Tag))
        else {
            return group;
        };
        // What the ref itself held decides how it is judged, beside what the policy ref says today; a
        // ref that is new, or older than its policy, is judged as the policy ref says.
        let own = match at.id.filter(|_| self.settings.policy_file.is_none()) {
            Some(tip) => match self.load_policy_at(tip, &at.name) {
                Ok(loaded) => Some(loaded),
                Err(UnusablePolicy::Absent) => None,
                Err(why) => {
                    group.refusals.push(refuse_missing_policy(&why, &at.name.to_lossy(), self.settings));
                    return group;
                }
            },
            None => None,
        };
        let loaded = own.as_deref().unwrap_or(base);
        let mut kept = std::mem::take(&mut self.facts);
        let judged = self.judge_commits(new, &asked, history, [base, loaded], &mut group, &mut kept);
        self.facts = kept;
        if let Err(error) = judged {
            let finding = Finding::new(Sentence::from_words(format!("{error:#}"))).fixed_by("the pusher");
            group.refusals.push(refuse_by_rule("whole-history", finding));
        }
        if self.settings.policy_file.is_none()
            && !loaded.is_same_at(self.repository, new)
            && let Some(judgement) = self.refuse_broken_policy(new, &at.name)
        {
            group.refusals.push(judgement);
        }
        group
    }

    /// Returns what an update asks for, and the history that it brings over what the ref holds.
    fn read_ref_request<'update>(
        &self,
        update: &RefUpdate,
        at: &'update ResolvedRef,
    ) -> anyhow::Result<(ProposedRefUpdate<'update>, Option<NewHistory>)> {
        let given = |id: Oid| (!id.is_null()).then_some(id);
        let new = given(update.new);
        let object = match new.map(|new| self.repository.peel_tags(new)).transpose()? {
            None | Some(PeeledObject::Missing) => RefTargetKind::Missing,
            Some(PeeledObject::Other(kind)) => RefTargetKind::Other(kind),
            Some(PeeledObject::Commit(commit)) if Some(commit) == new => RefTargetKind::Commit,
            Some(PeeledObject::Commit(_)) => RefTargetKind::Tag,
        };
        let history = match (at.id, new, object) {
            (Some(old), Some(new), RefTargetKind::Commit) => {
                Some(self.repository.find_new_history(new, &[old])?)
            }
            _ => None,
        };
        let forward = at.id.zip(history.as_ref()).is_some_and(|(old, history)| history.leads_back_to(old));
        let asked = ProposedRefUpdate {
            name: &at.name,
            claimed_old: given(update.old),
            actual_old: at.id,
            new,
            target_kind: object,
            is_fast_forward: forward,
        };
        Ok((asked, history))
    }

    /// Judges the commits that `new` would bring under change control.
    fn judge_commits(
        &self,
        new: Oid,
        asked: &ProposedRefUpdate<'_>,
        history: Option<NewHistory>,
        policies: [&LoadedPolicy; 2],
        group: &mut ReportGroup,
        kept: &mut PushFacts,
    ) -> anyhow::Result<()> {
        let [base, loaded] = policies;
        let base = Some(base).filter(|base| base.policy.digest != loaded.policy.digest);
        if let Some(judged_as) = &mut group.judged_ref {
            judged_as.policies = std::iter::once(loaded).chain(base).map(LoadedPolicy::origin).collect();
        }
        let PeeledObject::Commit(tip) = self.repository.peel_tags(new)? else { return Ok(()) };
        if matches!(asked.name.as_bytes().get(..10), Some(b"refs/tags/")) {
            let protected = self.list_protected_tips(&policies)?;
            if self.repository.list_new_commits(tip, &protected)?.next().transpose()?.is_some() {
                let what = Sentence::from_words(format!(
                    "{} is on no branch under change control; push the branch first",
                    tip.short_hex()
                ));
                let finding = Finding::new(what).fixed_by("the pusher");
                group.refusals.push(refuse_by_rule("tag-of-reviewed", finding));
            }
            return Ok(());
        }
        let judged = self.list_judged_tips(&policies, asked.actual_old)?;
        let mut needs = loaded.policy.needed_facts();
        needs.extend(base.iter().flat_map(|base| base.policy.needed_facts()));
        let side = match (asked.actual_old.filter(|_| needs.contains(&FactKind::Paths)), &history) {
            (Some(old), Some(history)) => SideMerge::compare_tips(self.repository, history, old, tip)?,
            _ => SideMerge::default(),
        };
        // For the policy ref itself, what is new over it is what is to be judged.
        let history = match history.filter(|_| asked.actual_old.is_some_and(|old| judged == [old])) {
            Some(history) => history,
            None => self.repository.find_new_history(tip, &judged)?,
        };
        let most = self.settings.max_commits;
        if most < history.count_commits() {
            let what = Sentence::from_words(format!(
                "more than {most} commits are new to this ref; push fewer at a time, or raise changegate.maxCommits"
            ));
            let finding = Finding::new(what).fixed_by("the pusher, or whoever administrates the server");
            group.refusals.push(refuse_by_rule("push-size", finding));
            return Ok(());
        }
        let (settings, now, keep_all) = (self.settings, self.now, self.keep_all);
        let judging = ChangeJudge { loaded, base, target: asked.name, settings, now, side, keep_all };
        let trusted = base.and_then(|base| base.trusted_keys(self.now)).or(loaded.trusted_keys(self.now));
        let range = CommitRange { tip, hidden_tips: &judged, trusted_keys: trusted };
        let asks = &loaded.policy.obligations;
        kept.begin_ref(asked.name, asks.combine_with(base.map_or(asks, |base| &base.policy.obligations)));
        let collect = |judged: JudgedChange| {
            match judged {
                Ok((verdict, facts, due)) => {
                    kept.add_obligations(due);
                    facts.iter().for_each(|facts| kept.add_change_text(facts));
                    group.omitted_passes += usize::from(verdict.is_none());
                    group.verdicts.extend(verdict);
                }
                Err(judgement) => group.refusals.push(judgement),
            }
            Ok(())
        };
        match loaded.policy.change_unit {
            ChangeUnit::Step => self.repository.for_each_history_step(
                &history,
                range.trusted_keys,
                &needs,
                self.settings.threads,
                |commits| judging.judge_commits(commits),
                collect,
            ),
            ChangeUnit::Commit => self.repository.for_each_commit(
                range,
                &needs,
                self.settings.threads,
                |commit| judging.judge_commits(vec![commit]),
                collect,
            ),
        }
    }

    /// Returns the tips whose commits count as judged: what the ref itself holds, and what the policy
    /// ref holds.
    ///
    /// Other branches under change control do not vouch for their commits. One may have come under
    /// change control with commits on it that nobody judged, and no policy tells which those are. So
    /// work that goes from one such branch to another is judged on both.
    fn list_judged_tips(&self, policies: &[&LoadedPolicy], own: Option<Oid>) -> anyhow::Result<Vec<Oid>> {
        let main = self.repository.resolve_ref(self.settings.policy_ref.as_bytes())?;
        let is_protected = policies.iter().all(|loaded| loaded.policy.protects_ref(main.name.as_bytes()));
        let mut tips: Vec<Oid> = main.id.filter(|_| is_protected).into_iter().chain(own).collect();
        tips.sort_unstable();
        tips.dedup();
        Ok(tips.into_iter().filter(|tip| self.is_commit(*tip)).collect())
    }

    /// Returns the tips of all branches under change control, by every one of `policies`: the one
    /// that decides what is judged at all, and that of the ref, which may be older.
    fn list_protected_tips(&self, policies: &[&LoadedPolicy]) -> anyhow::Result<Vec<Oid>> {
        let branches = self.repository.list_refs("refs/heads/")?;
        let protected = branches.into_iter().filter(|branch| {
            policies.iter().all(|loaded| loaded.policy.protects_ref(branch.name.as_bytes()))
        });
        Ok(protected.filter_map(|branch| branch.id).filter(|tip| self.is_commit(*tip)).collect())
    }

    fn is_commit(&self, id: Oid) -> bool {
        matches!(self.repository.peel_tags(id), Ok(PeeledObject::Commit(commit)) if commit == id)
    }

    /// Returns what refuses a push after which the ref would have no policy that can be used: nobody
    /// could push to it any more.
    fn refuse_broken_policy(&mut self, new: Oid, name: &Text) -> Option<Judgement> {
        let found = self.load_policy_at(new, name);
        if let Some(finding) =
            found.as_ref().ok().and_then(|loaded| find_forge_only_rule(&loaded.policy, self.now))
        {
            return Some(refuse_by_rule("policy-valid", finding));
        }
        match found {
            Ok(loaded)
                if *name == self.settings.policy_ref && !loaded.policy.protects_ref(name.as_bytes()) =>
            {
                let what = Sentence::from_words("after this push ").with_quote(name).with_words(
                    ", where the policy itself stands, would not be under change control any more",
                );
                Some(refuse_by_rule("policy-valid", Finding::new(what).fixed_by("the author")))
            }
            Ok(_) => None,
            Err(UnusablePolicy::Absent) => {
                let what = Sentence::from_words(format!(
                    "this takes away the policy `{}`",
                    self.settings.policy_path
                ));
                Some(refuse_by_rule("policy-valid", Finding::new(what).fixed_by("the author")))
            }
            Err(UnusablePolicy::Faulty(errors)) => {
                Some(refuse_by_rule("policy-valid", policy_fault_finding(&errors, "the author")))
            }
        }
    }
}
