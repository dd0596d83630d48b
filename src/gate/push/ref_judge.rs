//! Judges one ref of a push.

use std::rc::Rc;

use jiff::Timestamp;

use crate::change::{FactKind, Oid, Text};
use crate::gate::policy_findings::{
    REF_UNREADABLE, build_protected_group, build_ref_group, refuse_missing_policy,
};
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy};
use crate::gate::protected_scope::ProtectedScope;
use crate::gate::push::base_policy::{PolicyCache, PolicyOrigin, PushBasePolicy};
use crate::gate::push::change_judge::{ChangeJudge, JudgedChange, PromotedWalk};
use crate::gate::push::new_gate_files::{NamedGateFiles, NewGateFiles};
use crate::gate::push::promotion::branch_states::{MAX_UNIT_LOOKUPS, PastUnits};
use crate::gate::push::ref_policies::RefPolicies;
use crate::gate::push::unreadable::{add_detail, build_unreadable_finding};
use crate::gate::push_facts::PushFacts;
use crate::gate::recorded_past::{LandingReader, UnauthorisedRecord, list_known_records};
use crate::gate::settings::GateSettings;
use crate::gate::signed_approvals::authorised::ReceivedApprovals;
use crate::gate::signed_approvals::walk_approvals::{ApprovalWalk, WalkApprovals};
use crate::gate::swapped_parents::SwappedParents;
use crate::gate::walk_facts::WalkFacts;
use crate::git::{CommitRange, NewHistory, PeeledObject, RefUpdate, Repository, ResolvedRef};
use crate::policy::{ChangeUnit, Policy};
use crate::push::{self, GateRule, ProposedRefUpdate, RefTargetKind, refuse_by_findings, refuse_by_rule};
use crate::report::{GroupScope, RefUpdateKind, ReportGroup};
use crate::unblock::{MAX_PLANNED_CHANGES, plan_unblocking};
use crate::verdict::{Finding, Fixer, Judgement, Message, messages};

messages! {
    REF_REPEATED = "push.ref-repeated":
        "the push names {ref} more than once";
    OBJECT_UNREADABLE = "push.object-unreadable":
        "cannot read what is pushed to {ref}: {detail}";
    SHALLOW_REPOSITORY = "push.shallow-repository":
        "the repository is shallow, so the history of a change cannot be read";
    HISTORY_UNREADABLE = "push.history-unreadable":
        "cannot read the history of {ref}: {detail}";
    TOO_MANY_COMMITS = "push.too-many-commits":
        "more than {limit} commits are new to {ref}; push fewer at a time, or raise `changegate.maxCommits`";
}

/// Judges the refs of a push, one after the other.
pub(crate) struct RefJudge<'push> {
    pub(crate) repository: &'push Repository,
    pub(crate) updates: &'push [RefUpdate],
    pub(crate) settings: &'push GateSettings,
    pub(crate) now: Timestamp,
    /// The records of unauthorised changes; `None` if the ledger was not read.
    pub(crate) unauthorised: Option<&'push [UnauthorisedRecord]>,
    /// How refs moved by the ledger; `None` without one.
    pub(crate) landings: Option<&'push dyn LandingReader>,
    /// The signed approvals that no change has used up; `None` where none can be received.
    pub(crate) approvals: Option<&'push ReceivedApprovals>,
    pub(crate) keep_all: bool,
    pub(crate) policies: PolicyCache<'push>,
    /// Which refs are under change control; empty without a policy.
    pub(crate) scope: ProtectedScope,
    pub(crate) facts: PushFacts,
    /// What the push makes of the policies of the refs.
    pub(crate) notes: Vec<Message>,
}

/// What a push asks of one ref under change control, and the history that it brings.
struct RefRequest<'update> {
    asked: ProposedRefUpdate<'update>,
    /// The commits over what the ref holds; `None` for a new ref and for tags.
    history: Option<NewHistory>,
}

impl RefJudge<'_> {
    /// Judges one line of a push; `None` if the ref is free and there is nothing to say about it.
    /// `named` are the refs that the push has named before.
    pub(crate) fn judge_update(
        &mut self,
        update: &RefUpdate,
        base: &PushBasePolicy,
        named: &mut Vec<Text>,
    ) -> Option<ReportGroup> {
        let resolved = match self.repository.resolve_ref(update.name.as_bytes()) {
            Ok(resolved) => resolved,
            Err(error) => {
                let message = add_detail(REF_UNREADABLE.with("ref", &update.name), &error);
                let refusal = refuse_by_rule(
                    GateRule::RefObject,
                    Finding::new(message).fixed_by(Fixer::ServerAdministrator),
                );
                return Some(build_ref_group(update, None, vec![refusal]));
            }
        };
        if let Some(group) = self.judge_gate_ref(update, &resolved, base) {
            return Some(group);
        }
        let mut refusals = Vec::new();
        refusals.extend(push::check_reserved_ref(&update.name));
        if named.contains(&resolved.name) {
            refusals.push(refuse_by_rule(
                GateRule::RefOnce,
                Finding::new(REF_REPEATED.with("ref", &resolved.name)).fixed_by(Fixer::Pusher),
            ));
        }
        named.push(resolved.name.clone());
        refusals.extend(self.refuse_case_twin(&resolved.name));
        match base {
            PushBasePolicy::Loaded(loaded) if self.scope.find_protected_name(&resolved.name).is_some() => {
                let mut group = self.judge_ref(update, &resolved, loaded);
                group.refusals.splice(0..0, refusals);
                return Some(group);
            }
            PushBasePolicy::Loaded(_) | PushBasePolicy::Unrestricted => {}
            PushBasePolicy::Refused(judgement) => refusals.push(judgement.clone()),
        }
        if refusals.is_empty() {
            return None;
        }
        Some(build_ref_group(update, resolved.id, refusals))
    }

    /// Judges what is pushed to a ref under change control.
    ///
    /// What cannot be read refuses this ref and leaves the judgement of the others alone.
    fn judge_ref(&mut self, update: &RefUpdate, at: &ResolvedRef, base: &LoadedPolicy) -> ReportGroup {
        let request = match self.read_ref_request(update, at) {
            Ok(request) => request,
            Err(error) => {
                let message = add_detail(OBJECT_UNREADABLE.with("ref", &at.name), &error);
                let finding =
                    build_unreadable_finding(message, &format!("{error:#}"), Fixer::ServerAdministrator);
                return build_protected_group(
                    update,
                    at,
                    vec![refuse_by_rule(GateRule::WholeHistory, finding)],
                );
            }
        };
        let asked = &request.asked;
        let mut group = build_protected_group(update, at, push::judge_ref_update(asked));
        if let (GroupScope::Ref { update, .. }, Some(old), Some(new), false) =
            (&mut group.scope, at.id, asked.new, asked.is_fast_forward)
        {
            *update = RefUpdateKind::Rewrite { old, new };
        }
        if self.repository.is_shallow() {
            let message = Message::from(&SHALLOW_REPOSITORY);
            group.refusals.push(refuse_by_rule(
                GateRule::WholeHistory,
                Finding::new(message).fixed_by(Fixer::ServerAdministrator),
            ));
        }
        let (Some(new), RefTargetKind::Commit | RefTargetKind::Tag) = (asked.new, asked.target_kind) else {
            return group;
        };
        // What the ref itself held decides how it is judged, beside what the policy ref says today; a
        // ref that is new, or older than its policy, is judged as the policy ref says.
        let own = match self.load_own_policy(at) {
            Ok(own) => own,
            Err(refusal) => {
                group.refusals.push(refusal);
                return group;
            }
        };
        let own = own.as_deref().unwrap_or(base);
        let base = if base.policy.has_same_content(&own.policy) { None } else { Some(base) };
        let scope = self.scope.clone();
        let policies = RefPolicies { own, base, scope: &scope };
        if let Err(error) = self.judge_commits(new, request, &policies, &mut group) {
            let message = add_detail(HISTORY_UNREADABLE.with("ref", &at.name), &error);
            let finding = build_unreadable_finding(message, &format!("{error:#}"), Fixer::Pusher);
            group.refusals.push(refuse_by_rule(GateRule::WholeHistory, finding));
        }
        if self.settings.policy_file.is_none() && !own.is_same_at(self.repository, new) {
            group.refusals.extend(self.refuse_broken_policy(own, new, at, &scope));
            self.note_policy_change(own, new, at);
        }
        group
    }

    /// Returns the policy that a ref holds; `None` if it has none, or if a file on the server decides.
    fn load_own_policy(&mut self, at: &ResolvedRef) -> Result<Option<Rc<LoadedPolicy>>, Judgement> {
        let Some(tip) = at.id else { return Ok(None) };
        // What the policy ref holds may have come without a decision.
        let is_replaced =
            matches!(self.policies.base_origin(), PolicyOrigin::Earlier(_)) && self.is_policy_ref(&at.name);
        if self.settings.policy_file.is_some() || is_replaced {
            return Ok(None);
        }
        match self.policies.load_policy_at(tip, &at.name) {
            Ok(loaded) => Ok(Some(loaded)),
            Err(UnusablePolicy::Absent) => Ok(None),
            Err(why) => Err(refuse_missing_policy(&why, &at.name, self.settings, &[])),
        }
    }

    /// Returns what an update asks for, and the history that it brings over what the ref holds.
    fn read_ref_request<'update>(
        &self,
        update: &RefUpdate,
        at: &'update ResolvedRef,
    ) -> anyhow::Result<RefRequest<'update>> {
        let new = update.new.none_if_null();
        let target_kind = match new.map(|new| self.repository.peel_tags(new)).transpose()? {
            None | Some(PeeledObject::Missing) => RefTargetKind::Missing,
            Some(PeeledObject::Other(kind)) => RefTargetKind::Other(kind),
            Some(PeeledObject::Commit(commit)) if Some(commit) == new => RefTargetKind::Commit,
            Some(PeeledObject::Commit(_)) => RefTargetKind::Tag,
        };
        // Without an old tip, and for a tag, there is no earlier history to compare with.
        let (history, is_fast_forward) = match (at.id, new, target_kind) {
            (Some(old), Some(new), RefTargetKind::Commit) => {
                let history = self.repository.find_new_history(new, &[old])?;
                let leads_back = history.leads_back_to(old);
                (Some(history), leads_back)
            }
            _ => (None, false),
        };
        let claimed_old = update.old.none_if_null();
        let asked = ProposedRefUpdate {
            name: &at.name,
            claimed_old,
            actual_old: at.id,
            new,
            target_kind,
            is_fast_forward,
        };
        Ok(RefRequest { asked, history })
    }

    /// Judges the commits that `new` would bring under change control.
    ///
    /// A tag brings none: it has to point to a commit that was judged on a branch. For a branch, the
    /// commits that the ref and the policy ref hold are judged already, and all others are judged now.
    fn judge_commits(
        &mut self,
        new: Oid,
        request: RefRequest<'_>,
        policies: &RefPolicies<'_>,
        group: &mut ReportGroup,
    ) -> anyhow::Result<()> {
        let RefRequest { asked, history } = request;
        let RefPolicies { own: loaded, base, .. } = *policies;
        if let Some(judged_as) = &mut group.judged_ref {
            judged_as.policies = std::iter::once(loaded).chain(base).map(LoadedPolicy::origin).collect();
            judged_as.own_roster = base.and_then(|base| loaded.find_other_roster(base));
        }
        let PeeledObject::Commit(tip) = self.repository.peel_tags(new)? else { return Ok(()) };
        if asked.name.as_bytes().starts_with(b"refs/tags/") {
            return self.judge_tag(tip, policies, group);
        }
        let past = self.list_past_moves()?;
        let mut is_by_commit_at = |commit| self.policies.judges_by_commit_at(commit);
        let mut units = PastUnits {
            is_by_commit_now: base.unwrap_or(loaded).policy.change_unit == ChangeUnit::Commit,
            lookups_left: MAX_UNIT_LOOKUPS,
            is_by_commit_at: &mut is_by_commit_at,
        };
        let judged =
            policies.list_judged_tips(self.repository, &past, &mut units, (asked.actual_old, tip))?;
        let mut needs = loaded.policy.needed_facts();
        if let Some(base) = base {
            needs.merge_needs(base.policy.needed_facts());
        }
        let swapped_parents = match (asked.actual_old, &history) {
            (Some(old), Some(history)) if needs.contains(&FactKind::Paths) => {
                SwappedParents::compare_tips(self.repository, history, old, tip)?
            }
            _ => SwappedParents::default(),
        };
        // For the policy ref itself, what is new over it is what is to be judged.
        let history = match (history, asked.actual_old) {
            (Some(history), Some(old)) if judged == [old] => history,
            _ => self.repository.find_new_history(tip, &judged)?,
        };
        let limit = self.settings.max_commits;
        if history.count_commits() > limit {
            let message = TOO_MANY_COMMITS.with("limit", limit).with("ref", asked.name);
            let finding = Finding::new(message).fixed_by(Fixer::Pusher).or_by(Fixer::ServerAdministrator);
            group.refusals.push(refuse_by_rule(GateRule::PushSize, finding));
            return Ok(());
        }
        // The policy asks about the name that it protects, and that may be a symbolic ref to this one.
        let target = policies.scope.find_protected_name(asked.name).unwrap_or(asked.name);
        let (settings, now, keep_all) = (self.settings, self.now, self.keep_all);
        // Nothing that is pushed changes a policy in a file on the server.
        let policy_path = settings.policy_file.is_none().then_some(settings.policy_path.as_str());
        let records = list_known_records(self.unauthorised, asked.name);
        let (known, ends) = ((policy_path, records.as_deref()), (tip, asked.actual_old.as_slice()));
        // A signature counts if the keys of both policies say so.
        let trusted_keys = match base.and_then(|base| base.trusted_keys(self.now)) {
            Some(keys) => Some(keys.with_other(loaded.keys.as_ref())),
            None => loaded.trusted_keys(self.now),
        };
        let (repository, target_ref) = (self.repository, asked.name);
        // Whose a key is today, the policy ref says for every branch: the older keys of another one make nothing good again.
        let keys = base.unwrap_or(loaded).trusted_keys(self.now);
        let walk = ApprovalWalk { repository, target: target_ref, history: &history, ends, keys };
        let signed = WalkApprovals::find_over_held(walk, &needs, self.approvals)?;
        self.facts.add_used_approvals(target_ref, signed.list_used_ids());
        let walk_facts = WalkFacts::new(repository, (loaded, base), known, ends)
            .with_approvals(signed)
            .with_certificate(self.facts.push_certificate());
        let judge =
            ChangeJudge { loaded, base, target, settings, now, swapped_parents, walk_facts, keep_all };
        let range = CommitRange { tip, hidden_tips: &judged, trusted_keys };
        let requirements = match base {
            Some(base) => loaded.policy.obligations.combine_with(&base.policy.obligations),
            None => loaded.policy.obligations.combine_with(&loaded.policy.obligations),
        };
        self.facts.add_shared_policy(asked.name, loaded);
        let mut facts = self.facts.begin_ref(asked.name, requirements);
        let mut touches_policy = false;
        let policies_in_force: Vec<&Policy> =
            std::iter::once(loaded).chain(base).map(|loaded| &loaded.policy).collect();
        let mut planned = 0;
        let collect = |judged: Result<JudgedChange, Judgement>| {
            match judged {
                Ok(mut change) => {
                    if let (Some(verdict), Some(denied)) = (&mut change.verdict, &change.denied)
                        && planned < MAX_PLANNED_CHANGES
                    {
                        planned += 1;
                        let proved = plan_unblocking(&policies_in_force, denied, true);
                        verdict.plan = proved.map(|proved| Box::new(proved.plan));
                    }
                    touches_policy |= change.touches_policy;
                    facts.add_obligations(change.obligations);
                    if let Some(kept) = change.kept {
                        facts.add_kept_facts(kept);
                    }
                    match change.verdict {
                        Some(verdict) => group.verdicts.push(verdict),
                        None => group.omitted_passes += 1,
                    }
                }
                Err(refusal) => group.refusals.push(refusal),
            }
            Ok(())
        };
        let unit = policies.change_unit();
        match unit {
            ChangeUnit::Step => self.repository.for_each_history_step(
                &history,
                range.trusted_keys,
                &needs,
                settings.threads,
                |commits| judge.judge_commits(commits),
                collect,
            )?,
            ChangeUnit::Commit => {
                self.repository.for_each_commit(
                    range,
                    &needs,
                    settings.threads,
                    |commit| judge.judge_commits(vec![commit]),
                    collect,
                )?;
                // Commits come newest first.
                group.verdicts.reverse();
            }
        }
        let walk = PromotedWalk { new: &history, trusted: trusted_keys, needs: &needs, unit };
        self.judge_promoted_changes((&judge, &past), (&asked, tip), &walk, group)?;
        self.add_promoted_closings(&judge, (&asked, tip), &walk)?;
        let mut commits = self.policies.list_undecided_commits();
        if settings.policy_file.is_some() || (!touches_policy && commits.is_empty()) {
            return Ok(());
        }
        commits.extend(history.list_ids());
        let policies = (loaded, base);
        let path = (settings.policy_path.as_str(), asked.name, tip);
        let files = match NewGateFiles::find_files(self.repository, &commits, path, policies)? {
            NamedGateFiles::Guarded => return Ok(()),
            NamedGateFiles::New(files) => files,
            NamedGateFiles::TooMany(finding) => {
                group.refusals.push(refuse_by_rule(GateRule::PushSize, finding));
                return Ok(());
            }
        };
        needs.insert(FactKind::Paths);
        let mut findings = Vec::new();
        let check = |commits| files.check_step(commits, &judge, unit);
        let collect = |found| {
            findings.extend(found);
            Ok(())
        };
        let threads = settings.threads;
        self.repository.for_each_history_step(&history, trusted_keys, &needs, threads, check, collect)?;
        if !findings.is_empty() {
            group.refusals.push(refuse_by_findings(GateRule::GateFiles, findings));
        }
        Ok(())
    }
}
