//! Changes that the policy ref holds already and that come to another branch: they were judged there, but not by the rules
//! which ask about the branch.
//!
//! A merge on the branch is a change of its own there: its rules are asked of the merge, and not of each commit that it
//! brings. Only signatures are asked of every commit, because a rule about them is about every commit that a branch holds.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use jiff::Timestamp;

use crate::change::{Change, Commit, Oid, PushCertificate, PusherIdentity, Text};
use crate::gate::push::change_judge::{ChangeJudge, PromotedWalk, judge_from_facts};
use crate::gate::push::promotion::branch_rules::BranchRules;
use crate::gate::push::promotion::past_moves::PastMoves;
use crate::gate::push::ref_judge::RefJudge;
use crate::git::{NewHistory, UnreadableCommit};
use crate::policy::ChangeUnit;
use crate::push::{GateRule, ProposedRefUpdate, refuse_by_rule};
use crate::report::ReportGroup;
use crate::verdict::{Finding, Fixer, Judgement, Message, RuleId, RuleOutcome, Verdict, messages};

messages! {
    TOO_MANY_PROMOTED = "push.too-many-promoted":
        "more than {limit} commits that other branches hold come to {ref}, whose own rules ask about them; push fewer at a time, or raise `changegate.maxCommits`";
    PROMOTED_ADVICE = "push.promoted-advice":
        "this change is on another branch already, and stays as it is; where {ref} may have it, bring it by a merge commit (`git merge --no-ff`) that keeps the rules of {ref} itself";
    BEGUN_ADVICE = "push.begun-advice":
        "a new branch is asked about the change that it begins with; where {ref} may begin there, put a commit on top (`git commit --allow-empty`) that keeps the rules of {ref} itself";
    NOT_ENFORCED = "push.promoted-not-enforced":
        "{commit} landed on {ref} in evaluate mode, and would have been denied; so all rules are asked about it here";
    PROMOTED_LEFT = "push.promoted-left":
        "{role}, {name}, has left: their last day was {day}, so no approval can be shown to be independent here";
    PROMOTED_NOT_JOINED = "push.promoted-not-joined":
        "{role}, {name}, has not joined yet: their first day is {day}, so no approval can be shown to be independent here";
    UNSIGNED_ADVICE = "push.unsigned-advice":
        "this commit is on another branch already, and stays as it is; a signed copy of it may come to {ref} (`git cherry-pick -S`)";
}

/// Of how many changes it is told what is wrong; the others are like them.
const MAX_TOLD_CHANGES: usize = 20;

/// A commit, or why it cannot be read.
type ReadCommit = Result<Commit, UnreadableCommit>;

impl RefJudge<'_> {
    /// Judges what comes to the ref and counts as judged, by the rules that ask about the branch; what evaluate mode let onto
    /// the policy ref, although it would have been denied, by all rules. Of a new ref, that is the newest such change that it
    /// begins with: what a branch begins with has no end otherwise.
    pub(crate) fn judge_promoted_changes(
        &mut self,
        (judge, past): (&ChangeJudge<'_>, &PastMoves<'_>),
        (asked, tip): (&ProposedRefUpdate<'_>, Oid),
        walk: &PromotedWalk<'_>,
        group: &mut ReportGroup,
    ) -> Result<()> {
        let rules = BranchRules::gather_rules(judge.loaded, judge.base);
        let is_rejected = self.approvals.is_some_and(|received| received.has_rejections_for(asked.name));
        let asks_nothing = rules.is_empty() && !is_rejected;
        if self.is_policy_ref(asked.name) || (asks_nothing && past.landings.is_none()) {
            return Ok(());
        }
        let judged: HashSet<Oid> = walk.new.list_ids().into_iter().collect();
        let Some((end, history)) = self.find_promoted_history((asked.actual_old, tip), &judged)? else {
            return Ok(());
        };
        let ends = self.list_promoted_ends((end, &history), &judged)?;
        let unenforced =
            past.find_unenforced(self.repository, &past.policy_ref, &ends.iter().copied().collect())?;
        if asks_nothing && unenforced.is_empty() {
            return Ok(());
        }
        let limit = self.settings.max_commits;
        if history.count_commits() > limit {
            let message = TOO_MANY_PROMOTED.with("limit", limit).with("ref", asked.name);
            let finding = Finding::new(message).fixed_by(Fixer::Pusher).or_by(Fixer::ServerAdministrator);
            group.refusals.push(refuse_by_rule(GateRule::PushSize, finding));
            return Ok(());
        }
        let is_new = asked.actual_old.is_none();
        let mut landed_at = past.find_landing_times(&past.policy_ref, &ends)?;
        landed_at.retain(|id, _| !unenforced.contains(id));
        let (rules, judged, policy_ref) = (&rules, &judged, &past.policy_ref);
        let promoted = PromotedJudge { judge, rules, judged, is_new, policy_ref, unenforced, landed_at };
        let mut changes: Vec<PromotedChange> = Vec::new();
        let judge_step = |commits: Vec<ReadCommit>| promoted.judge_step(commits, walk.unit);
        let collect = |step: Result<Vec<PromotedChange>, Judgement>| {
            match step {
                // Of a branch that is there, only what is told is kept.
                Ok(found) => {
                    changes.extend(found.into_iter().filter(|one| is_new || !one.denials.is_empty()))
                }
                Err(refusal) => group.refusals.push(refusal),
            }
            if !is_new {
                changes.truncate(MAX_TOLD_CHANGES);
            }
            Ok(())
        };
        let threads = self.settings.threads;
        let (trusted, needs) = (walk.trusted, walk.needs);
        self.repository.for_each_history_step(&history, trusted, needs, threads, judge_step, collect)?;
        if is_new && changes.iter().any(|change| !change.denials.is_empty()) {
            // What is newer, and keeps a rule itself, lets the branch begin at what does not.
            let mut met =
                if judged.contains(&tip) { self.list_met_rules(judge, walk)? } else { HashSet::new() };
            for change in changes.iter_mut().rev() {
                change.denials.retain(|one| !met.contains(&one.rule.id));
                met.extend(change.met.drain());
            }
        }
        let denials = changes.into_iter().map(|change| change.denials);
        let mut denied: Vec<Vec<Judgement>> = denials.filter(|told| !told.is_empty()).collect();
        if let Some(RuleOutcome::Fail(findings)) =
            denied.first_mut().and_then(|told| told.last_mut()).map(|last| &mut last.outcome)
        {
            let advice = match asked.actual_old {
                _ if findings.iter().all(is_about_signature) => &UNSIGNED_ADVICE,
                Some(_) => &PROMOTED_ADVICE,
                None => &BEGUN_ADVICE,
            };
            findings.push(Finding::new(advice.with("ref", asked.name)).fixed_by(Fixer::Pusher));
        }
        group.refusals.extend(denied.into_iter().take(MAX_TOLD_CHANGES).flatten());
        Ok(())
    }

    /// Returns what the ref gets, and its newest commit; of a new one, the newest change that is not judged with the push.
    /// `None` if that is nothing.
    fn find_promoted_history(
        &self,
        (old, tip): (Option<Oid>, Oid),
        judged: &HashSet<Oid>,
    ) -> Result<Option<(Oid, NewHistory)>> {
        let (mut end, mut held) = (tip, old);
        if old.is_none() {
            while judged.contains(&end) {
                let Some(parent) = self.repository.list_parents(end)?.first().copied() else {
                    return Ok(None);
                };
                end = parent;
            }
            // A record changes nothing, so what is below it is asked as well.
            let mut begin = end;
            while self.changes_no_file(begin)? {
                let Some(parent) = self.repository.list_parents(begin)?.first().copied() else { break };
                begin = parent;
            }
            held = self.repository.list_parents(begin)?.first().copied();
        }
        let history = self.repository.find_new_history(end, held.as_slice())?;
        let is_all_judged = history.list_ids().iter().all(|id| judged.contains(id));
        Ok((!is_all_judged).then_some((end, history)))
    }

    /// Returns the states that the ref gets and that were not judged with the push, newest first. What a merge of the push brings is a part
    /// of that change.
    fn list_promoted_ends(
        &self,
        (end, history): (Oid, &NewHistory),
        judged: &HashSet<Oid>,
    ) -> Result<Vec<Oid>> {
        let ids: HashSet<Oid> = history.list_ids().into_iter().collect();
        let (mut ends, mut next) = (Vec::new(), Some(end));
        while let Some(id) = next.filter(|id| ids.contains(id)) {
            if !judged.contains(&id) {
                ends.push(id);
            }
            next = self.repository.list_parents(id)?.first().copied();
        }
        Ok(ends)
    }

    /// Returns true if a commit has the tree of its first parent.
    fn changes_no_file(&self, commit: Oid) -> Result<bool> {
        let at = self.repository.find_tree_and_parent(commit)?;
        let Some(parent) = at.first_parent else { return Ok(false) };
        Ok(self.repository.find_tree_and_parent(parent)?.tree == at.tree)
    }

    /// Returns the rules that a change which is new to a new branch is asked about and keeps.
    fn list_met_rules(&self, judge: &ChangeJudge<'_>, walk: &PromotedWalk<'_>) -> Result<HashSet<RuleId>> {
        let mut met = HashSet::new();
        let judge_step = |commits: Vec<ReadCommit>| {
            let change = judge.build_change(commits).ok()?;
            Some(judge_change(judge, &change))
        };
        let collect = |verdict: Option<Verdict>| {
            for judgement in verdict.into_iter().flat_map(|verdict| verdict.judgements) {
                if is_kept(&judgement) {
                    met.insert(judgement.rule.id.clone());
                }
            }
            Ok(())
        };
        let threads = self.settings.threads;
        self.repository.for_each_history_step(
            walk.new,
            walk.trusted,
            walk.needs,
            threads,
            judge_step,
            collect,
        )?;
        Ok(met)
    }
}

/// What the rules of a branch say about a change that was judged elsewhere.
struct PromotedChange {
    denials: Vec<Judgement>,
    /// The rules that it is asked about and keeps.
    met: HashSet<RuleId>,
}

/// Returns true if a change is asked about the rule and keeps it.
fn is_kept(judgement: &Judgement) -> bool {
    matches!(judgement.outcome, RuleOutcome::Pass | RuleOutcome::Owed(_))
}

/// Judges the changes that come to a branch and were judged elsewhere.
struct PromotedJudge<'walk> {
    judge: &'walk ChangeJudge<'walk>,
    rules: &'walk BranchRules,
    /// The commits that are judged with the push.
    judged: &'walk HashSet<Oid>,
    /// True for a new branch, which may begin at what newer changes make good.
    is_new: bool,
    policy_ref: &'walk Text,
    /// What the policy ref got in evaluate mode, and would have been denied.
    unenforced: HashSet<Oid>,
    /// When the policy ref got what a decision let in.
    landed_at: HashMap<Oid, Timestamp>,
}

impl PromotedJudge<'_> {
    /// Returns the denials of each change of a step; the first parents of a branch lead from step to step.
    fn judge_step(
        &self,
        commits: Vec<ReadCommit>,
        unit: ChangeUnit,
    ) -> Result<Vec<PromotedChange>, Judgement> {
        let ids: Vec<Option<Oid>> = commits.iter().map(read_id).collect();
        // What a new merge brings is a part of that change.
        let is_merged = ids.last().copied().flatten().is_some_and(|end| self.judged.contains(&end));
        let is_promoted = |id: &Option<Oid>| id.is_none_or(|id| !self.judged.contains(&id));
        if !ids.iter().any(is_promoted) {
            return Ok(Vec::new());
        }
        match unit {
            ChangeUnit::Step => Ok(vec![self.judge_change(commits, is_merged)?]),
            ChangeUnit::Commit => {
                let mut changes = Vec::new();
                for (commit, id) in commits.into_iter().zip(ids) {
                    if is_promoted(&id) {
                        changes.push(self.judge_change(vec![commit], is_merged)?);
                    }
                }
                Ok(changes)
            }
        }
    }

    /// Returns the denials of one change by the rules that ask about the branch, or by all rules where it was let through
    /// against them. What a rule lets follow later is owed where the change landed first.
    fn judge_change(&self, commits: Vec<ReadCommit>, is_merged: bool) -> Result<PromotedChange, Judgement> {
        let end = commits.last().and_then(read_id).filter(|_| !is_merged);
        let unenforced = end.filter(|id| self.unenforced.contains(id));
        let mut change = self.judge.build_change(commits)?;
        let mut denials = judge_change(self.judge, &change).judgements;
        let met: HashSet<RuleId> =
            denials.iter().filter(|one| self.is_new && is_kept(one)).map(|one| one.rule.id.clone()).collect();
        denials.retain(|one| one.is_denying(true));
        // Whoever brings to a branch what was decided on another one has made no part of it by that.
        if denials.iter().any(|one| self.rules.may_ask_without_pusher(&one.rule.id)) {
            change.pusher = Ok(PusherIdentity::Unidentified);
            change.push_certificate = PushCertificate::Absent;
            let now = judge_change(self.judge, &change);
            // Who has left since was there when it landed, and what had to be ahead then may be over.
            let then = end.and_then(|end| self.landed_at.get(&end)).map(|landed_at| {
                change.seen_at = *landed_at;
                judge_change(self.judge, &change)
            });
            denials.retain(|one| {
                let id = &one.rule.id;
                let of_rule = |verdict: &Verdict, asks: fn(&Judgement) -> bool| {
                    verdict.judgements.iter().any(|one| one.rule.id == *id && asks(one))
                };
                let is_denied = of_rule(&now, |one| one.is_denying(true));
                let was_kept = !self.rules.asks_time(id)
                    && then.as_ref().is_some_and(|then| {
                        of_rule(then, is_kept) && !of_rule(then, |one| one.is_denying(true))
                    });
                !self.rules.may_ask_without_pusher(id) || (is_denied && !was_kept)
            });
        }
        let told = denials.into_iter().filter_map(|one| {
            if let Some(commit) = unenforced {
                return Some(self.name_unenforced(name_commit_only(one), commit));
            }
            match (self.rules.asks_wholly(&one.rule.id, is_merged), is_merged) {
                (true, _) => Some(self.leave_out_signing(name_commit_only(one))),
                (false, _) => self.keep_told_elsewhere(one),
            }
        });
        Ok(PromotedChange { denials: told.collect(), met })
    }

    /// Returns a denial that says first why all rules are asked about a change.
    fn name_unenforced(&self, mut judgement: Judgement, commit: Oid) -> Judgement {
        if let RuleOutcome::Fail(findings) = &mut judgement.outcome {
            let message = NOT_ENFORCED.with("commit", commit.short_hex()).with("ref", self.policy_ref);
            findings.insert(0, Finding::new(message).fixed_by(Fixer::Pusher).in_commit(Some(commit)));
        }
        judgement
    }

    /// Returns a denial of a new branch without how to approve: what another branch holds cannot be approved for one that is
    /// not there.
    fn leave_out_signing(&self, mut judgement: Judgement) -> Judgement {
        if let RuleOutcome::Fail(findings) = &mut judgement.outcome
            && self.is_new
        {
            findings.retain(|one| !one.message.code().starts_with("approvals.sign-"));
        }
        judgement
    }

    /// Returns a denial with what it says about rejections for this branch and, if the rule asks for them, about the
    /// signatures of commits that other branches hold; `None` if that is nothing.
    fn keep_told_elsewhere(&self, mut judgement: Judgement) -> Option<Judgement> {
        let asks_signatures = self.rules.asks_signatures(&judgement.rule.id);
        let RuleOutcome::Fail(findings) = &mut judgement.outcome else { return None };
        let is_promoted = |one: &Finding| one.at.commit.is_some_and(|id| !self.judged.contains(&id));
        let is_signature = |one: &Finding| asks_signatures && is_about_signature(one) && is_promoted(one);
        findings.retain(|one| is_objection(one) || is_signature(one));
        (!findings.is_empty()).then(|| name_commit_only(judgement))
    }
}

fn judge_change(judge: &ChangeJudge<'_>, change: &Change) -> Verdict {
    judge_from_facts(change, &judge.loaded.policy, judge.base.map(|base| &base.policy))
}

fn read_id(commit: &ReadCommit) -> Option<Oid> {
    commit.as_ref().map_or_else(|unreadable| Some(unreadable.id), |read| read.id)
}

/// Returns true if a finding says that a signer rejects what comes.
fn is_objection(finding: &Finding) -> bool {
    ["approvals.signed-objection", "approvals.uncompared-objection"].contains(&finding.message.code())
}

/// Returns true if a finding says what is wrong with a signature.
fn is_about_signature(finding: &Finding) -> bool {
    finding.message.code().starts_with("signed.")
}

/// Returns a judgement without lines to paste: the commit stands on another branch, and nothing rewrites it. Nor does
/// another person make it anew.
fn name_commit_only(mut judgement: Judgement) -> Judgement {
    if let RuleOutcome::Fail(findings) = &mut judgement.outcome {
        for finding in findings {
            finding.paste = None;
            finding.paste_alternatives.clear();
            if let Some(message) = describe_absent_maker(&finding.message) {
                finding.message = message;
                finding.fixers = vec![Fixer::Pusher];
            }
        }
    }
    judgement
}

/// Returns what is said of a contributor who was not there, without how to make the change anew; `None` for other messages.
fn describe_absent_maker(message: &Message) -> Option<Message> {
    let template = match message.code() {
        "contributors.left" => &PROMOTED_LEFT,
        "contributors.not-joined" => &PROMOTED_NOT_JOINED,
        _ => return None,
    };
    let mut told = Message::from(template);
    for name in ["role", "name", "day"] {
        let (_, value) = message.values().find(|(known, _)| *known == name)?;
        told = told.with(name, value.clone());
    }
    Some(told)
}
