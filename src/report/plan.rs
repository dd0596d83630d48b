//! What to do next, and who does it: the way from a denial to a change that may land.
//!
//! A denial says what is wrong, rule by rule. Whoever wants to get on asks something else: what do I
//! write, whom do I ask, and in which order? The plan is the same denial told that way. It holds
//! each thing once, and nothing that does not deny.

use super::Report;
use super::points::{Point, Told, of_change, of_ref};
use crate::change::{Oid, Stage};

/// Who mends a finding unless it says otherwise; see [`Finding::new`](crate::verdict::Finding::new).
pub(super) const AUTHOR: &str = "the author";

/// How many tasks of one person are kept; nobody works through more of them from one report.
const MOST: usize = 100;

/// What one person, or one kind of person, does.
#[derive(Clone, Debug)]
pub(super) struct Step<'report> {
    /// Who acts.
    pub(super) who: &'report str,
    /// What they do.
    pub(super) tasks: Vec<Task<'report>>,
    /// How many further tasks there are, in a history where nearly everything is denied.
    pub(super) more: usize,
    turn: Turn,
}

/// One thing to do, in all the places where it is the same thing.
#[derive(Clone, Debug)]
pub(super) struct Task<'report> {
    /// The rules that ask for it.
    pub(super) rules: Vec<&'report str>,
    /// What is wrong, each once.
    pub(super) points: Vec<Point<'report>>,
    /// The lines to write or the commands to run, each once.
    pub(super) lines: Vec<&'report str>,
    /// Whether the lines are commands.
    pub(super) commands: bool,
    /// The changes that it is about; none for a ref, or for what is not recorded yet.
    pub(super) revisions: Vec<Oid>,
    /// Where the changes were seen; `None` for a ref.
    pub(super) stage: Option<Stage>,
}

/// Whose turn it is.
///
/// An approval is of the final revision. So whatever changes the revision comes before whoever has
/// to look at it, and nobody is asked twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Author,
    Ref,
    Others,
    Gate,
}

/// Returns the plan; empty where nothing denies.
pub(super) fn plan(report: &Report) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for group in &report.groups {
        add(&mut steps, of_ref(group, report.enforced).filter(|told| told.rank.denies()).collect());
        for verdict in &group.verdicts {
            add(&mut steps, of_change(verdict).filter(|told| told.rank.denies()).collect());
        }
    }
    steps.sort_by_key(|step| step.turn);
    steps
}

/// Adds what speaks against one change, or one ref.
fn add<'report>(steps: &mut Vec<Step<'report>>, denying: Vec<Told<'report>>) {
    for (turn, who, task) in tasks(denying) {
        let place = steps.iter().position(|step| step.who == who && step.turn == turn);
        let Some(step) = place.and_then(|place| steps.get_mut(place)) else {
            steps.push(Step { who, tasks: vec![task], more: 0, turn });
            continue;
        };
        if let Some(known) = step.tasks.iter_mut().find(|known| known.is_like(&task)) {
            task.rules.into_iter().for_each(|rule| once(&mut known.rules, rule));
            // A revision comes with one change, and so only once.
            known.revisions.extend(task.revisions);
        } else if step.tasks.len() < MOST {
            step.tasks.push(task);
        } else {
            step.more += 1;
        }
    }
}

/// Returns what has to be done about one change, or one ref, by each person once.
fn tasks(denying: Vec<Told<'_>>) -> Vec<(Turn, &str, Task<'_>)> {
    let mut tasks: Vec<(Turn, &str, Task<'_>)> = Vec::new();
    for told in denying {
        for point in told.points() {
            let turn = match point {
                Point::Gap(_) => Turn::Gate,
                Point::Wrong(_) if told.verdict.is_none() => Turn::Ref,
                Point::Wrong(finding) if finding.who == AUTHOR => Turn::Author,
                Point::Wrong(_) => Turn::Others,
            };
            let who = point.who();
            let place = tasks.iter().position(|(known, name, _)| *known == turn && *name == who);
            let place = place.unwrap_or_else(|| {
                tasks.push((turn, who, Task::new(&told)));
                tasks.len() - 1
            });
            if let Some((_, _, task)) = tasks.get_mut(place) {
                task.take(&told, point);
            }
        }
    }
    tasks
}

impl<'report> Task<'report> {
    fn new(told: &Told<'report>) -> Self {
        Task {
            rules: Vec::new(),
            points: Vec::new(),
            lines: Vec::new(),
            commands: told.verdict.is_none(),
            revisions: told.revision().into_iter().collect(),
            stage: told.verdict.map(|verdict| verdict.stage),
        }
    }

    fn take(&mut self, told: &Told<'report>, point: Point<'report>) {
        once(&mut self.rules, told.judgement.rule.id.as_str());
        if self.points.iter().all(|known| known.what() != point.what()) {
            self.points.push(point);
        }
        if let Point::Wrong(finding) = point {
            let lines = finding.paste.iter().flat_map(|paste| paste.lines());
            lines.filter(|line| !line.trim().is_empty()).for_each(|line| once(&mut self.lines, line));
        }
    }

    /// Returns true if both are the same thing to do, in different places.
    fn is_like(&self, other: &Task<'_>) -> bool {
        // What pasting mends is the same thing to do whatever stood there before.
        let told = |task: &Task<'_>| {
            let points = task.points.iter().filter(|point| !is_pasted(point));
            points.map(Point::what).collect::<Vec<_>>()
        };
        self.lines == other.lines
            && self.commands == other.commands
            && self.stage == other.stage
            && told(self) == told(other)
    }
}

/// Returns true for what the author mends by pasting lines, and need not read about again.
pub(super) fn is_pasted(point: &Point<'_>) -> bool {
    matches!(point, Point::Wrong(finding) if finding.who == AUTHOR && finding.paste.is_some())
}

fn once<T: PartialEq>(list: &mut Vec<T>, one: T) {
    if !list.contains(&one) {
        list.push(one);
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::verdict::{Line, Outcome};

    #[test]
    fn each_thing_stands_in_it_once_and_approvals_come_after_what_they_are_of() {
        let report = samples::denied();
        let plan = plan(&report);
        let who: Vec<_> = plan.iter().map(|step| step.who).collect();
        let others = "somebody who did not make the change";
        assert_eq!(who, [AUTHOR, "an administrator of this repository", others]);
        let [risk] = plan[0].tasks.as_slice() else { panic!("{plan:?}") };
        assert_eq!(risk.lines, ["Risk: <low|medium|high|critical>"]);
        assert_eq!(risk.revisions.len(), 2);
        assert_eq!(risk.rules, ["risk-stated"]);
        let [review] = plan[2].tasks.as_slice() else { panic!("{plan:?}") };
        assert_eq!(review.points.len(), 2);
    }

    #[test]
    fn the_same_lines_are_one_task_whatever_stood_there_before() {
        let mut report = samples::denied();
        let judgement = &mut report.groups[1].verdicts[2].judgements[0];
        let Outcome::Fail(findings) = &mut judgement.outcome else { panic!("{judgement:?}") };
        findings[0].what = Line::say("`Risk` is ").quote(&"hgih".into());
        assert_eq!(plan(&report)[0].tasks.len(), 1);
    }

    #[test]
    fn what_denies_nothing_is_not_in_it() {
        for report in [samples::allowed(), samples::owed(), samples::deferred(), samples::remarked()] {
            assert!(plan(&report).is_empty());
        }
        let report = samples::undecided();
        assert_eq!(plan(&report)[0].who, "whoever runs this gate");
    }
}
