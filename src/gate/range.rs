//! A range of history, or one message, judged on request: nothing is refused here unless somebody
//! asks for that.

use jiff::Timestamp;

use super::side::Side;
use super::source::Loaded;
use super::telling::notes_on;
use crate::change::{Change, Commit, Fact, LineCount, Message, Missing, Need, Person, Pusher, Stage, Text};
use crate::git::{Range, Repository, Unreadable};
use crate::judge::{exemptions_used, explain, judge};
use crate::policy::{Policy, Unit};
use crate::predicates::Trace;
use crate::push::refuse;
use crate::report::{Group, Of, Report, RuleTrace, decide};
use crate::verdict::{Finding, Judgement, Line, Outcome, Verdict};

/// What somebody asks about.
#[derive(Clone, Debug)]
pub struct Asked<'asked> {
    /// The commits.
    pub range: Range<'asked>,
    /// What to call them in the report.
    pub called: Text,
    /// The ref that they are for.
    pub target: Fact<Text>,
    /// Who pushed or pushes them.
    pub pusher: Fact<Pusher>,
    /// At which stage they are seen.
    pub stage: Stage,
    /// What counts as one change.
    pub unit: Unit,
    /// True if a gap in the facts denies.
    pub enforce: bool,
    /// True to keep the verdicts of changes that nothing is to be said about.
    pub keep_all: bool,
    /// True to tell how each rule came to its answer.
    pub explain: bool,
    /// True to name the exemptions that nothing of all this used.
    pub unused: bool,
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
    loaded: &Loaded,
    asked: &Asked<'_>,
    progress: &mut dyn FnMut(),
) -> anyhow::Result<Report> {
    let needs = loaded.policy.needs();
    let side = match asked.range.hidden {
        [old] if needs.contains(&Need::Paths) => {
            let history = repository.new_history(asked.range.new, &[*old])?;
            Side::of(repository, &history, *old, asked.range.new)?
        }
        _ => Side::default(),
    };
    let judged = |commits: Vec<Result<Commit, Unreadable>>| -> Judged {
        let commits: Result<Vec<Commit>, Unreadable> = commits.into_iter().collect();
        let commits = commits.map_err(|unreadable| {
            let finding = Finding::new(Line::say(unreadable.to_string())).in_commit(Some(unreadable.id));
            refuse("readable-commits", finding)
        })?;
        let commits = side.complete(commits);
        let change = Change {
            stage: asked.stage,
            target: asked.target.clone(),
            seen_at: asked.now,
            pusher: asked.pusher.clone(),
            pull: Change::no_pull(asked.stage),
            tickets: Change::no_tickets(asked.stage),
            commits,
        };
        let verdict = judge(&loaded.policy, &change, asked.enforce);
        let traces = if asked.explain { traces(&loaded.policy, &change, &verdict) } else { Vec::new() };
        let used = if asked.unused { exemptions_used(&loaded.policy, &change, &verdict) } else { Vec::new() };
        Ok((verdict, traces, used))
    };
    let mut group = Group::new(Of::Range(asked.called.clone()), Vec::new());
    let mut used = vec![!asked.unused; loaded.policy.exemptions.len()];
    let collect = |judged: Judged| {
        progress();
        for place in judged.iter().flat_map(|(_, _, places)| places) {
            used.get_mut(*place).into_iter().for_each(|used| *used = true);
        }
        match judged {
            Ok((verdict, traces, _)) if asked.keep_all || verdict.has_something_to_say() => {
                let place = group.verdicts.len();
                group.traces.extend(traces.into_iter().map(|(rule, trace)| RuleTrace {
                    verdict: place,
                    rule,
                    trace,
                }));
                group.verdicts.push(verdict);
            }
            Ok(_) => group.passed += 1,
            Err(judgement) => group.refusals.push(judgement),
        }
        Ok(())
    };
    let range = Range { trusted: loaded.trusted(asked.now), ..asked.range };
    match asked.unit {
        Unit::Step => repository.for_each_step(range, &needs, asked.threads, judged, collect)?,
        Unit::Commit => {
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
            group.traces.iter_mut().for_each(|trace| trace.verdict = last.saturating_sub(trace.verdict));
        }
    }
    let mut report = report(loaded, asked.stage, asked.enforce, asked.now, group);
    let policy = &loaded.policy;
    let today = asked.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    for (exemption, _) in policy.exemptions.iter().zip(used).filter(|(_, used)| !used) {
        // One that has ended is named anyway.
        if let Some(rule) = policy.rules.get(exemption.rule).filter(|_| today <= exemption.until) {
            let (id, place) = (&rule.name.id, &exemption.place);
            report.notes.push(Line::say(format!("nothing here used the exemption from `{id}` ({place})")));
        }
    }
    Ok(report)
}

/// Judges a message that is about to be recorded; its paths and everything later are not known yet.
pub fn judge_message(
    loaded: &Loaded,
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
        message: Message::new(message),
        paths: Err(later(Need::Paths)),
        lines: Err::<LineCount, _>(later(Need::Lines)),
        own_content: Err(later(Need::OwnContent)),
        signature: Err(later(Need::Signatures)),
    };
    let change = Change {
        stage: Stage::CommitMsg,
        target: Err(later(Need::Target)),
        seen_at: now,
        pusher: Err(later(Need::Pusher)),
        pull: Change::no_pull(Stage::CommitMsg),
        tickets: Change::no_tickets(Stage::CommitMsg),
        commits: vec![commit],
    };
    let verdict = judge(&loaded.policy, &change, false);
    report(loaded, Stage::CommitMsg, false, now, Group::new(Of::Message, vec![verdict]))
}

/// A verdict; if that was asked, how the rules that are about the change came to their answers, and
/// which exemptions were used.
type Judged = Result<(Verdict, Vec<(String, Trace)>, Vec<usize>), Judgement>;

fn traces(policy: &Policy, change: &Change, verdict: &Verdict) -> Vec<(String, Trace)> {
    let about = verdict.judgements.iter().filter(|judgement| judgement.outcome != Outcome::NotApplicable);
    about
        .flat_map(|judgement| {
            let id = &judgement.rule.id;
            explain(policy, change, id).into_iter().map(move |trace| (id.clone(), trace))
        })
        .collect()
}

fn report(loaded: &Loaded, stage: Stage, enforced: bool, now: Timestamp, group: Group) -> Report {
    let groups = vec![group];
    Report {
        decision: decide(&groups, enforced),
        stage,
        enforced,
        seen_at: now,
        policy: Some(loaded.name()),
        groups,
        notes: notes_on(loaded, now),
    }
}
