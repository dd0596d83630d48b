//! What to do next, and who does it: the way from a denial to a change that may land.
//!
//! A denial says what is wrong, rule by rule. Whoever wants to get on asks something else: what do I
//! write, whom do I ask, and in which order? The plan is the same denial told that way. It holds
//! each thing once, and nothing that does not deny.

use crate::change::{Oid, Stage};
use crate::report::Report;
use crate::report::ranked_judgements::{RankedJudgement, RuleObjection, rank_refusals, rank_verdict};
use crate::verdict::Fixer;

/// Who mends a finding unless it says otherwise; see [`Finding::new`](crate::verdict::Finding::new).
pub(crate) const DEFAULT_FIXER: &str = "the author";

/// How many tasks of one person are kept; nobody works through more of them from one report.
const MAX_TASKS_PER_PERSON: usize = 100;

/// What one person, or one kind of person, does.
#[derive(Clone, Debug)]
pub(crate) struct FixPlanStep<'report> {
    /// Who acts.
    pub(crate) fixer: String,
    /// What they do.
    pub(crate) tasks: Vec<FixTask<'report>>,
    /// How many further tasks there are, in a history where nearly everything is denied.
    pub(crate) omitted_tasks: usize,
    turn: FixTurn,
}

/// One thing to do, in all the places where it is the same thing.
#[derive(Clone, Debug)]
pub(crate) struct FixTask<'report> {
    /// The rules that ask for it.
    pub(crate) rule_ids: Vec<&'report str>,
    /// What is wrong, each once.
    pub(crate) objections: Vec<RuleObjection<'report>>,
    /// The lines to write or the commands to run, each once.
    pub(crate) paste_lines: Vec<&'report str>,
    /// Whether the lines are commands.
    pub(crate) are_commands: bool,
    /// The changes that it is about; none for a ref, or for what is not recorded yet.
    pub(crate) revisions: Vec<Oid>,
    /// Where the changes were seen; `None` for a ref.
    pub(crate) stage: Option<Stage>,
}

/// Whose turn it is.
///
/// An approval is of the final revision. So whatever changes the revision comes before whoever has
/// to look at it, and nobody is asked twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum FixTurn {
    Author,
    RefOwner,
    Others,
    GateOperator,
}

/// Returns the plan; empty where nothing denies.
pub(crate) fn build_fix_plan(report: &Report) -> Vec<FixPlanStep<'_>> {
    let mut steps: Vec<FixPlanStep<'_>> = Vec::new();
    for group in &report.groups {
        add_denials(
            &mut steps,
            rank_refusals(group, report.enforced).filter(|told| told.rank.is_denying()).collect(),
        );
        for verdict in &group.verdicts {
            add_denials(&mut steps, rank_verdict(verdict).filter(|told| told.rank.is_denying()).collect());
        }
    }
    steps.sort_by_key(|step| step.turn);
    steps
}

/// Adds what speaks against one change, or one ref.
fn add_denials<'report>(steps: &mut Vec<FixPlanStep<'report>>, denying: Vec<RankedJudgement<'report>>) {
    for (turn, who, task) in build_fix_tasks(denying) {
        let place = steps.iter().position(|step| step.fixer == who && step.turn == turn);
        let Some(step) = place.and_then(|place| steps.get_mut(place)) else {
            steps.push(FixPlanStep { fixer: who, tasks: vec![task], omitted_tasks: 0, turn });
            continue;
        };
        if let Some(known) = step.tasks.iter_mut().find(|known| known.is_same_task(&task)) {
            task.rule_ids.into_iter().for_each(|rule| push_unique(&mut known.rule_ids, rule));
            // A revision comes with one change, and so only once.
            known.revisions.extend(task.revisions);
        } else if step.tasks.len() < MAX_TASKS_PER_PERSON {
            step.tasks.push(task);
        } else {
            step.omitted_tasks += 1;
        }
    }
}

/// Returns what has to be done about one change, or one ref, by each person once.
fn build_fix_tasks(denying: Vec<RankedJudgement<'_>>) -> Vec<(FixTurn, String, FixTask<'_>)> {
    let mut tasks: Vec<(FixTurn, String, FixTask<'_>)> = Vec::new();
    for told in denying {
        for point in told.objections() {
            let turn = match point {
                RuleObjection::Missing(_) => FixTurn::GateOperator,
                RuleObjection::Finding(_) if told.verdict.is_none() => FixTurn::RefOwner,
                RuleObjection::Finding(finding) if finding.fixers == [Fixer::Author] => FixTurn::Author,
                RuleObjection::Finding(_) => FixTurn::Others,
            };
            let who = point.fixed_by();
            let place = tasks.iter().position(|(known, name, _)| *known == turn && *name == who);
            let place = place.unwrap_or_else(|| {
                tasks.push((turn, who, FixTask::new(&told)));
                tasks.len() - 1
            });
            if let Some((_, _, task)) = tasks.get_mut(place) {
                task.add_objection(&told, point);
            }
        }
    }
    tasks
}

impl<'report> FixTask<'report> {
    fn new(told: &RankedJudgement<'report>) -> Self {
        FixTask {
            rule_ids: Vec::new(),
            objections: Vec::new(),
            paste_lines: Vec::new(),
            are_commands: told.verdict.is_none(),
            revisions: told.revision().into_iter().collect(),
            stage: told.verdict.map(|verdict| verdict.stage),
        }
    }

    fn add_objection(&mut self, told: &RankedJudgement<'report>, point: RuleObjection<'report>) {
        push_unique(&mut self.rule_ids, told.judgement.rule.id.as_str());
        if self.objections.iter().all(|known| known.describe_problem() != point.describe_problem()) {
            self.objections.push(point);
        }
        if let RuleObjection::Finding(finding) = point {
            let lines = finding.paste.iter().flat_map(|paste| paste.lines());
            lines
                .filter(|line| !line.trim().is_empty())
                .for_each(|line| push_unique(&mut self.paste_lines, line));
        }
    }

    /// Returns true if both are the same thing to do, in different places.
    fn is_same_task(&self, other: &FixTask<'_>) -> bool {
        // What pasting mends is the same thing to do whatever stood there before.
        let told = |task: &FixTask<'_>| {
            let points = task.objections.iter().filter(|point| !is_fixed_by_paste(point));
            points.map(RuleObjection::describe_problem).collect::<Vec<_>>()
        };
        self.paste_lines == other.paste_lines
            && self.are_commands == other.are_commands
            && self.stage == other.stage
            && told(self) == told(other)
    }
}

/// Returns true for what the author mends by pasting lines, and need not read about again.
pub(crate) fn is_fixed_by_paste(point: &RuleObjection<'_>) -> bool {
    matches!(point, RuleObjection::Finding(finding) if finding.fixers == [Fixer::Author] && finding.paste.is_some())
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
    use crate::verdict::{RuleOutcome, Sentence};

    #[test]
    fn each_thing_stands_in_it_once_and_approvals_come_after_what_they_are_of() {
        let report = samples::denied();
        let plan = build_fix_plan(&report);
        let who: Vec<_> = plan.iter().map(|step| step.fixer.as_str()).collect();
        let others = "somebody who did not make the change";
        assert_eq!(who, [DEFAULT_FIXER, "an administrator of this repository", others]);
        let [risk] = plan[0].tasks.as_slice() else { panic!("{plan:?}") };
        assert_eq!(risk.paste_lines, ["Risk: <low|medium|high|critical>"]);
        assert_eq!(risk.revisions.len(), 2);
        assert_eq!(risk.rule_ids, ["risk-stated"]);
        let [review] = plan[2].tasks.as_slice() else { panic!("{plan:?}") };
        assert_eq!(review.objections.len(), 2);
    }

    #[test]
    fn the_same_lines_are_one_task_whatever_stood_there_before() {
        let mut report = samples::denied();
        let judgement = &mut report.groups[1].verdicts[2].judgements[0];
        let RuleOutcome::Fail(findings) = &mut judgement.outcome else { panic!("{judgement:?}") };
        findings[0].message = Sentence::from_words("`Risk` is ").with_quote(&"hgih".into()).into();
        assert_eq!(build_fix_plan(&report)[0].tasks.len(), 1);
    }

    #[test]
    fn what_denies_nothing_is_not_in_it() {
        for report in [samples::allowed(), samples::owed(), samples::deferred(), samples::remarked()] {
            assert!(build_fix_plan(&report).is_empty());
        }
        let report = samples::undecided();
        assert_eq!(build_fix_plan(&report)[0].fixer, "whoever runs this gate");
    }
}
