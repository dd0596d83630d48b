//! A range of history, or one message, judged on request: nothing is refused here unless somebody
//! asks for that.

use jiff::Timestamp;

use crate::change::{
    Change, Commit, CommitMessage, Fact, FactKind, LineCount, Missing, Person, PusherIdentity, Stage, Text,
};
use crate::gate::policy_findings::list_policy_notes;
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::side_merge::SideMerge;
use crate::git::{CommitRange, Repository, UnreadableCommit};
use crate::judge::{explain_rule, find_used_exemptions, judge_change};
use crate::policy::{ChangeUnit, Policy};
use crate::predicates::ConditionTrace;
use crate::push::refuse_by_rule;
use crate::report::{GroupScope, Report, ReportGroup, RuleTrace, decide_groups};
use crate::verdict::{Finding, Judgement, RuleOutcome, Sentence, Verdict};

/// What somebody asks about.
#[derive(Clone, Debug)]
pub struct RangeRequest<'asked> {
    /// The commits.
    pub range: CommitRange<'asked>,
    /// What to call them in the report.
    pub display_name: Text,
    /// The ref that they are for.
    pub target: Fact<Text>,
    /// Who pushed or pushes them.
    pub pusher: Fact<PusherIdentity>,
    /// At which stage they are seen.
    pub stage: Stage,
    /// What counts as one change.
    pub unit: ChangeUnit,
    /// True if a gap in the facts denies.
    pub enforce: bool,
    /// True to keep the verdicts of changes that nothing is to be said about.
    pub keep_all: bool,
    /// True to tell how each rule came to its answer.
    pub explain: bool,
    /// True to name the exemptions that nothing of all this used.
    pub names_unused: bool,
    /// How many threads may work; asked only where there is enough to do.
    pub threads: fn() -> usize,
    /// What time it is.
    pub now: Timestamp,
}

/// Judges a range of history; `progress` is told after each change.
///
/// # Errors
///
/// Fails if the history cannot be walked to its end.
pub fn judge_range(
    repository: &Repository,
    loaded: &LoadedPolicy,
    asked: &RangeRequest<'_>,
    progress: &mut dyn FnMut(),
) -> anyhow::Result<Report> {
    let needs = loaded.policy.needed_facts();
    let side = match asked.range.hidden_tips {
        [old] if needs.contains(&FactKind::Paths) => {
            let history = repository.find_new_history(asked.range.tip, &[*old])?;
            SideMerge::compare_tips(repository, &history, *old, asked.range.tip)?
        }
        _ => SideMerge::default(),
    };
    let judged = |commits: Vec<Result<Commit, UnreadableCommit>>| -> JudgedRangeChange {
        let commits: Result<Vec<Commit>, UnreadableCommit> = commits.into_iter().collect();
        let commits = commits.map_err(|unreadable| {
            let finding =
                Finding::new(Sentence::from_words(unreadable.to_string())).in_commit(Some(unreadable.id));
            refuse_by_rule("readable-commits", finding)
        })?;
        let commits = side.complete_paths(commits);
        let change = Change {
            stage: asked.stage,
            target: asked.target.clone(),
            seen_at: asked.now,
            pusher: asked.pusher.clone(),
            pull: Change::missing_pull(asked.stage),
            tickets: Change::missing_tickets(asked.stage),
            commits,
        };
        let verdict = judge_change(&loaded.policy, &change, asked.enforce);
        let traces =
            if asked.explain { explain_rules(&loaded.policy, &change, &verdict) } else { Vec::new() };
        let used = if asked.names_unused {
            find_used_exemptions(&loaded.policy, &change, &verdict)
        } else {
            Vec::new()
        };
        Ok((verdict, traces, used))
    };
    let mut group = ReportGroup::new(GroupScope::Range(asked.display_name.clone()), Vec::new());
    let mut used = vec![!asked.names_unused; loaded.policy.exemptions.len()];
    let collect = |judged: JudgedRangeChange| {
        progress();
        for place in judged.iter().flat_map(|(_, _, places)| places) {
            used.get_mut(*place).into_iter().for_each(|used| *used = true);
        }
        match judged {
            Ok((verdict, traces, _)) if asked.keep_all || verdict.has_remarks() => {
                let place = group.verdicts.len();
                group.traces.extend(traces.into_iter().map(|(rule, trace)| RuleTrace {
                    verdict_index: place,
                    rule_id: rule,
                    trace,
                }));
                group.verdicts.push(verdict);
            }
            Ok(_) => group.omitted_passes += 1,
            Err(judgement) => group.refusals.push(judgement),
        }
        Ok(())
    };
    let range = CommitRange { trusted_keys: loaded.trusted_keys(asked.now), ..asked.range };
    match asked.unit {
        ChangeUnit::Step => repository.for_each_step(range, &needs, asked.threads, judged, collect)?,
        ChangeUnit::Commit => {
            repository.for_each_commit(
                asked.range,
                &needs,
                asked.threads,
                |one| judged(vec![one]),
                collect,
            )?;
            // Commits come newest first; a report tells them in the order in which they were made.
            group.verdicts.reverse();
            let last = group.verdicts.len().saturating_sub(1);
            group
                .traces
                .iter_mut()
                .for_each(|trace| trace.verdict_index = last.saturating_sub(trace.verdict_index));
        }
    }
    let mut report = build_report(loaded, asked.stage, asked.enforce, asked.now, group);
    let policy = &loaded.policy;
    let today = asked.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    for (exemption, _) in policy.exemptions.iter().zip(used).filter(|(_, used)| !used) {
        // One that has ended is named anyway.
        if let Some(rule) = policy.rules.get(exemption.rule_index).filter(|_| today <= exemption.until) {
            let (id, place) = (&rule.name.id, &exemption.place);
            report.notes.push(format!("nothing here used the exemption from `{id}` ({place})").into());
        }
    }
    Ok(report)
}

/// Judges a message that is about to be recorded; its paths and everything later are not known yet.
pub fn judge_message(
    loaded: &LoadedPolicy,
    message: Text,
    author: Person,
    committer: Person,
    now: Timestamp,
) -> Report {
    let later = |need| Missing::NotAtThisStage(need);
    let commit = Commit {
        id: None,
        parents: Vec::new(),
        author,
        authored_at: now.as_second(),
        committer,
        committed_at: now.as_second(),
        message: CommitMessage::new(message),
        paths: Err(later(FactKind::Paths)),
        lines: Err::<LineCount, _>(later(FactKind::Lines)),
        evil_merge_paths: Err(later(FactKind::EvilMerges)),
        signature: Err(later(FactKind::Signatures)),
    };
    let change = Change {
        stage: Stage::CommitMsg,
        target: Err(later(FactKind::Target)),
        seen_at: now,
        pusher: Err(later(FactKind::Pusher)),
        pull: Change::missing_pull(Stage::CommitMsg),
        tickets: Change::missing_tickets(Stage::CommitMsg),
        commits: vec![commit],
    };
    let verdict = judge_change(&loaded.policy, &change, false);
    build_report(loaded, Stage::CommitMsg, false, now, ReportGroup::new(GroupScope::Message, vec![verdict]))
}

/// A verdict; if that was asked, how the rules that are about the change came to their answers, and
/// which exemptions were used.
type JudgedRangeChange = Result<(Verdict, Vec<(String, ConditionTrace)>, Vec<usize>), Judgement>;

fn explain_rules(policy: &Policy, change: &Change, verdict: &Verdict) -> Vec<(String, ConditionTrace)> {
    let about = verdict.judgements.iter().filter(|judgement| judgement.outcome != RuleOutcome::NotApplicable);
    about
        .flat_map(|judgement| {
            let id = &judgement.rule.id;
            explain_rule(policy, change, id).into_iter().map(move |trace| (id.clone(), trace))
        })
        .collect()
}

fn build_report(
    loaded: &LoadedPolicy,
    stage: Stage,
    enforced: bool,
    now: Timestamp,
    group: ReportGroup,
) -> Report {
    let groups = vec![group];
    Report {
        decision: decide_groups(&groups, enforced),
        stage,
        enforced,
        seen_at: now,
        policy: Some(loaded.name()),
        groups,
        notes: list_policy_notes(loaded, now),
    }
}
