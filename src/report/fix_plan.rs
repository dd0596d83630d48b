//! The steps from a denial to a change that may land, each with who takes it.
//!
//! A denial says what is wrong, rule by rule. A reader who wants to get on asks something else: what
//! to write, whom to ask, and in which order. The plan is the same denial in that form. It holds each
//! thing once, and nothing that does not deny.

use crate::change::{Oid, Stage, Text};
use crate::report::content::{GroupScope, Report};
use crate::report::plan_text::{describe_obstacle, describe_step, find_told_plan, is_step_telling};
use crate::report::ranked_judgements::{
    RankedJudgement, RuleObjection, rank_refusals, rank_report, rank_verdict,
};
use crate::verdict::{Finding, Fixer, ObstacleReason, RuleId, Sentence, UnblockPlan, Verdict};

/// The tasks that are kept for each person; more of them are no longer read from one report.
const MAX_TASKS_PER_PERSON: usize = 100;

/// The line under trailers to paste that another person has to justify.
///
/// A block to paste must not read as an invitation to write down a review that was not given.
pub(crate) const APPROVAL_WARNING: &str = "do not add an approval before it was given";

/// The tasks of one person, or of the people of one role.
#[derive(Clone, Debug)]
pub(crate) struct FixPlanStep<'report> {
    /// The roles that can act, any of them.
    pub(crate) fixers: &'report [Fixer],
    /// The tasks, in the order of the report.
    pub(crate) tasks: Vec<FixTask<'report>>,
    /// The number of further tasks, in a history where nearly everything is denied.
    pub(crate) omitted_tasks: usize,
    turn: FixTurn,
}

/// One thing to do, in all the places where it is the same thing.
#[derive(Clone, Debug)]
pub(crate) struct FixTask<'report> {
    /// The ids of the rules that ask for it.
    pub(crate) rule_ids: Vec<&'report RuleId>,
    /// The objections that it removes, each once.
    pub(crate) objections: Vec<RuleObjection<'report>>,
    /// The lines to write or the commands to run, each once.
    pub(crate) paste_lines: Vec<&'report str>,
    /// True if the lines are commands.
    pub(crate) are_commands: bool,
    /// The changes that it is about; none for a ref, or for a commit that is not made yet.
    pub(crate) revisions: Vec<Oid>,
    /// The pull requests that it is about, where the report is about several.
    pub(crate) pulls: Vec<&'report Text>,
    /// The stage at which the changes were judged; `None` for a ref.
    pub(crate) stage: Option<Stage>,
    /// What is enough, where the unblock plan says more than the objections do.
    pub(crate) hints: Vec<Sentence>,
}

/// The order in which people act.
///
/// An approval is of the final revision. So what changes the revision comes before the people who
/// have to look at it, and no person is asked twice. What administrators fix changes no revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum FixTurn {
    Author,
    RefOwner,
    Others,
    GateOperator,
}

/// A task together with who does it and when.
struct AssignedTask<'report> {
    turn: FixTurn,
    fixers: &'report [Fixer],
    task: FixTask<'report>,
}

/// Returns the plan; empty where nothing denies.
pub(crate) fn build_fix_plan(report: &Report) -> Vec<FixPlanStep<'_>> {
    let mut steps: Vec<FixPlanStep<'_>> = Vec::new();
    for group in &report.groups {
        let pull = match &group.scope {
            GroupScope::PullRequest(name) if report.groups.len() > 1 => Some(name),
            _ => None,
        };
        add_denials(&mut steps, pull, None, rank_refusals(group, report.enforced));
        for verdict in &group.verdicts {
            add_denials(&mut steps, pull, Some(verdict), rank_verdict(verdict));
        }
    }
    steps.sort_by_key(|step| step.turn);
    steps
}

/// Adds what denies one change, or one ref.
fn add_denials<'report>(
    steps: &mut Vec<FixPlanStep<'report>>,
    pull: Option<&'report Text>,
    verdict: Option<&'report Verdict>,
    judgements: impl Iterator<Item = RankedJudgement<'report>>,
) {
    let mut tasks = build_fix_tasks(judgements);
    if let Some((verdict, plan)) = verdict.and_then(|verdict| Some((verdict, find_told_plan(verdict)?))) {
        add_hints(&mut tasks, verdict, plan);
    }
    for AssignedTask { turn, fixers, mut task } in tasks {
        task.pulls.extend(pull);
        let place = steps.iter().position(|step| step.fixers == fixers && step.turn == turn);
        let Some(step) = place.and_then(|place| steps.get_mut(place)) else {
            steps.push(FixPlanStep { fixers, tasks: vec![task], omitted_tasks: 0, turn });
            continue;
        };
        if let Some(known) = step.tasks.iter_mut().find(|known| known.is_same_task(&task)) {
            for rule in task.rule_ids {
                push_unique(&mut known.rule_ids, rule);
            }
            // A revision comes with one change, and so only once.
            known.revisions.extend(task.revisions);
            for pull in task.pulls {
                push_unique(&mut known.pulls, pull);
            }
        } else if step.tasks.len() < MAX_TASKS_PER_PERSON {
            step.tasks.push(task);
        } else {
            step.omitted_tasks += 1;
        }
    }
}

/// Adds what the unblock plan says to the tasks of those who are asked.
fn add_hints(tasks: &mut [AssignedTask<'_>], verdict: &Verdict, plan: &UnblockPlan) {
    for step in &plan.steps {
        if is_step_telling(verdict, step) {
            add_hint(tasks, &step.rules, describe_step(step));
        }
    }
    for obstacle in &plan.obstacles {
        if !matches!(obstacle.reason, ObstacleReason::Missing(_)) {
            add_hint(tasks, std::slice::from_ref(&obstacle.rule), describe_obstacle(obstacle));
        }
    }
}

/// Adds a hint to each task of these rules that is not for the author alone, or else to the first of any.
fn add_hint(tasks: &mut [AssignedTask<'_>], rules: &[RuleId], hint: Sentence) {
    let serves = |task: &AssignedTask<'_>| task.task.rule_ids.iter().any(|rule| rules.contains(rule));
    let mut is_told = false;
    for task in tasks.iter_mut().filter(|task| serves(task) && task.turn != FixTurn::Author) {
        push_unique(&mut task.task.hints, hint.clone());
        is_told = true;
    }
    if !is_told && let Some(task) = tasks.iter_mut().find(|task| serves(task)) {
        push_unique(&mut task.task.hints, hint);
    }
}

/// Returns the tasks that one change, or one ref, needs: one for each person.
fn build_fix_tasks<'report>(
    judgements: impl Iterator<Item = RankedJudgement<'report>>,
) -> Vec<AssignedTask<'report>> {
    let mut tasks: Vec<AssignedTask<'report>> = Vec::new();
    for ranked in judgements {
        if !ranked.rank.is_denying() {
            continue;
        }
        for objection in ranked.told_objections() {
            let turn = choose_turn(&ranked, &objection);
            let fixers = objection.fixers();
            let place = tasks.iter().position(|known| known.turn == turn && known.fixers == fixers);
            let place = place.unwrap_or(tasks.len());
            if place == tasks.len() {
                tasks.push(AssignedTask { turn, fixers, task: FixTask::new(&ranked) });
            }
            if let Some(known) = tasks.get_mut(place) {
                known.task.add_objection(&ranked, objection);
            }
        }
    }
    tasks
}

fn choose_turn(ranked: &RankedJudgement<'_>, objection: &RuleObjection<'_>) -> FixTurn {
    match objection {
        RuleObjection::Missing(_) | RuleObjection::OpenExemption(..) => FixTurn::GateOperator,
        RuleObjection::Finding(finding) if finding.fixers.iter().all(is_administrator) => {
            FixTurn::GateOperator
        }
        RuleObjection::Finding(_) if ranked.verdict.is_none() => FixTurn::RefOwner,
        RuleObjection::Finding(finding) if finding.is_for_author() => FixTurn::Author,
        RuleObjection::Finding(_) => FixTurn::Others,
    }
}

fn is_administrator(fixer: &Fixer) -> bool {
    matches!(
        fixer,
        Fixer::PolicyOwner
            | Fixer::RosterOwner
            | Fixer::ServerAdministrator
            | Fixer::GateAdministrator
            | Fixer::NotNeeded
    )
}

/// Returns true if a report has one change and so few objections that the plan names each of them: then
/// nothing has to be said again below it.
pub(crate) fn tells_everything(report: &Report, max_objections: usize) -> bool {
    let changes: usize = report.groups.iter().map(|group| group.verdicts.len() + group.left_out.denied).sum();
    let mut objections = 0;
    for ranked in rank_report(report) {
        if ranked.rank.is_denying() {
            objections += ranked.told_objections().len();
        }
    }
    changes <= 1 && report.groups.len() == 1 && objections <= max_objections
}

/// Returns true if a report is about several pull requests with so few problems that the plan names each of them,
/// with those that have it: then only the places have to be said below it.
pub(crate) fn tells_all_pulls(report: &Report, max_objections: usize) -> bool {
    let is_of_pulls = report.groups.iter().all(|group| {
        matches!(group.scope, GroupScope::PullRequest(_)) && group.verdicts.len() + group.left_out.denied <= 1
    });
    let plan = build_fix_plan(report);
    let is_short = plan.iter().all(|step| {
        step.tasks.len() <= max_objections
            && step.omitted_tasks == 0
            && step.tasks.iter().all(|task| task.objections.len() <= max_objections)
    });
    report.groups.len() > 1 && is_of_pulls && is_short
}

impl<'report> FixTask<'report> {
    fn new(ranked: &RankedJudgement<'report>) -> Self {
        FixTask {
            rule_ids: Vec::new(),
            objections: Vec::new(),
            paste_lines: Vec::new(),
            are_commands: ranked.verdict.is_none(),
            revisions: ranked.revision().into_iter().collect(),
            pulls: Vec::new(),
            stage: ranked.verdict.map(|verdict| verdict.stage),
            hints: Vec::new(),
        }
    }

    fn add_objection(&mut self, ranked: &RankedJudgement<'report>, objection: RuleObjection<'report>) {
        push_unique(&mut self.rule_ids, &ranked.judgement.rule.id);
        if let RuleObjection::Finding(finding) = objection {
            add_paste_lines(&mut self.paste_lines, finding.paste.as_deref());
        }
        let problem = objection.describe_problem();
        for known in &self.objections {
            if known.describe_problem() == problem {
                return;
            }
        }
        self.objections.push(objection);
    }

    /// Returns true if both are the same thing to do, in different places.
    fn is_same_task(&self, other: &FixTask<'_>) -> bool {
        self.paste_lines == other.paste_lines
            && self.are_commands == other.are_commands
            && self.stage == other.stage
            && self.hints == other.hints
            && self.list_unpasted_problems() == other.list_unpasted_problems()
    }

    /// Returns the problems that no pasted line fixes: lines to paste are the same thing to do
    /// whatever stood there before.
    fn list_unpasted_problems(&self) -> Vec<Sentence> {
        let mut problems = Vec::new();
        for objection in &self.objections {
            if !is_fixed_by_paste(objection) {
                problems.push(objection.describe_problem());
            }
        }
        problems
    }
}

/// Returns true for what the author fixes by pasting lines, and need not read about again.
pub(crate) fn is_fixed_by_paste(objection: &RuleObjection<'_>) -> bool {
    matches!(objection, RuleObjection::Finding(finding) if finding.is_for_author() && finding.paste.is_some())
}

/// Returns true if the text to paste takes the place of a line that is wrong.
pub(crate) fn replaces_line(finding: &Finding) -> bool {
    finding.is_for_author() && finding.paste.is_some() && finding.at.line.is_some()
}

/// Adds the lines of a text to paste that are not in the list yet; a line that the text has several times,
/// for several people, is in the list as often.
pub(crate) fn add_paste_lines<'report>(lines: &mut Vec<&'report str>, paste: Option<&'report str>) {
    let added: Vec<&str> = paste.unwrap_or_default().lines().filter(|line| !line.trim().is_empty()).collect();
    for (index, line) in added.iter().enumerate() {
        let needed = 1 + added.iter().take(index).filter(|other| *other == line).count();
        if lines.iter().filter(|other| *other == line).count() < needed {
            lines.push(line);
        }
    }
}

fn push_unique<T: PartialEq>(list: &mut Vec<T>, one: T) {
    if !list.contains(&one) {
        list.push(one);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::verdict::RuleOutcome;

    #[test]
    fn each_thing_stands_in_it_once_and_approvals_come_after_what_they_are_of() {
        let report = samples::denied();
        let plan = build_fix_plan(&report);
        let fixers: Vec<_> = plan.iter().map(|step| step.fixers).collect();
        assert_eq!(fixers, [[Fixer::Author], [Fixer::Reviewer], [Fixer::ServerAdministrator]]);
        let [risk] = plan[0].tasks.as_slice() else { panic!("{plan:?}") };
        assert_eq!(risk.paste_lines, ["Risk: <low|medium|high|critical>"]);
        assert_eq!(risk.revisions.len(), 2);
        assert_eq!(risk.rule_ids, [&RuleId::new("risk-stated")]);
        let [review] = plan[1].tasks.as_slice() else { panic!("{plan:?}") };
        assert_eq!(review.objections.len(), 2);
    }

    #[test]
    fn the_same_lines_are_one_task_whatever_stood_there_before() {
        let mut report = samples::denied();
        let judgement = &mut report.groups[1].verdicts[2].judgements[0];
        let RuleOutcome::Fail(findings) = &mut judgement.outcome else { panic!("{judgement:?}") };
        findings[0].message = samples::sample_message("`Risk` is ", "hgih");
        assert_eq!(build_fix_plan(&report)[0].tasks.len(), 1);
    }

    #[test]
    fn what_denies_nothing_is_not_in_it() {
        for report in [samples::allowed(), samples::owed(), samples::deferred(), samples::remarked()] {
            assert!(build_fix_plan(&report).is_empty());
        }
        let report = samples::undecided();
        assert_eq!(build_fix_plan(&report)[0].fixers, [Fixer::GateAdministrator]);
    }
}
