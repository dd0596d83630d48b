//! What the verdict amounts to in one line, as it stands beside a check on a forge.
//!
//! A change that lacks only what others still give is not told to its author as a failure, and what could not
//! be judged is neither.

use crate::change::Text;
use crate::report::content::{GroupScope, Report};
use crate::report::escape::escape_sentence;
use crate::report::ranked_judgements::{RuleObjection, rank_group};
use crate::report::style::ReportStyle;
use crate::verdict::{Decision, Fixer, describe_fixers};

/// The longest title, in characters, but for the last words of one that is cut.
const MAX_TITLE_CHARS: usize = 240;

/// What a report amounts to, for those who wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CheckStanding {
    /// The change is allowed.
    Allowed,
    /// Only others have to act: a review, a check or a conversation is missing.
    Waiting,
    /// A fact could not be read, so it is not known what is missing.
    Undecided,
    /// Something is wrong with the change.
    Denied,
}

/// The line beside a check, with what it means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckTitle {
    pub(crate) standing: CheckStanding,
    pub(crate) text: String,
}

/// Returns what a report amounts to: the worst of what denies, and the first of it in words.
///
/// `may_wait` is false where a check has to end with what there is, as in a merge queue: it fails for what it would
/// wait for elsewhere.
pub(crate) fn build_check_title(report: &Report, may_wait: bool) -> CheckTitle {
    if report.decision == Decision::Allow {
        return CheckTitle { standing: CheckStanding::Allowed, text: "allowed".to_owned() };
    }
    let is_of_several = report.groups.len() > 1;
    let mut standing = CheckStanding::Allowed;
    let mut problems: Vec<TitledProblem> = Vec::new();
    for group in &report.groups {
        let number = match &group.scope {
            GroupScope::PullRequest(name) if is_of_several => find_pull_number(name),
            _ => None,
        };
        for ranked in rank_group(group, report.enforced) {
            if !ranked.rank.is_denying() {
                continue;
            }
            for objection in ranked.told_objections() {
                let mut one = classify_objection(&objection);
                let said = escape_sentence(&objection.describe_problem());
                let said = match one {
                    CheckStanding::Waiting => format!("{}: {said}", describe_fixers(objection.fixers())),
                    _ => said,
                };
                if one == CheckStanding::Waiting && !may_wait {
                    one = CheckStanding::Denied;
                }
                standing = standing.max(one);
                let place = problems.iter().position(|known| known.standing == one && known.words == said);
                let place = place.unwrap_or(problems.len());
                if place == problems.len() {
                    problems.push(TitledProblem { standing: one, words: said, numbers: Vec::new() });
                }
                if let (Some(known), Some(number)) = (problems.get_mut(place), &number)
                    && !known.numbers.contains(number)
                {
                    known.numbers.push(number.clone());
                }
            }
        }
    }
    let start = match standing {
        CheckStanding::Waiting => "waiting for ",
        CheckStanding::Undecided => "not judged: ",
        CheckStanding::Allowed | CheckStanding::Denied => "denied: ",
    };
    problems.retain(|problem| problem.standing == standing);
    let words: Vec<String> = problems.iter().map(TitledProblem::describe_with_numbers).collect();
    // A report that denies without an objection is a denial all the same.
    let standing = if standing == CheckStanding::Allowed { CheckStanding::Denied } else { standing };
    CheckTitle { standing, text: join_problems(start, &words) }
}

/// Returns the title of a report in which only others have to act, where the reader's medium may say so.
pub(crate) fn find_waiting_title(report: &Report, style: &ReportStyle) -> Option<String> {
    if !style.may_wait {
        return None;
    }
    let title = build_check_title(report, true);
    if title.standing == CheckStanding::Waiting { Some(title.text) } else { None }
}

/// What is said of a change that only waits for others.
pub(crate) const WAITING_HEADLINE: &str = "nothing is wrong with the change; others still have to act";

/// A problem, with the pull requests that have it where a report is about several.
struct TitledProblem {
    standing: CheckStanding,
    words: String,
    numbers: Vec<String>,
}

impl TitledProblem {
    fn describe_with_numbers(&self) -> String {
        match self.numbers.as_slice() {
            [] => self.words.clone(),
            numbers => format!("{} ({})", self.words, numbers.join(", ")),
        }
    }
}

/// Returns the number in the name of a pull request, as in `#12`.
fn find_pull_number(name: &Text) -> Option<String> {
    let (_, digits) = name.as_utf8()?.rsplit_once('#')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("#{digits}"))
}

/// Returns the problems in one line, as many as fit and at least the first, and how many more there are.
fn join_problems(start: &str, problems: &[String]) -> String {
    let mut text = start.to_owned();
    for (index, problem) in problems.iter().enumerate() {
        let separator = if index == 0 { "" } else { "; " };
        if index > 0 && text.chars().count() + problem.chars().count() > MAX_TITLE_CHARS {
            text.push_str(&format!("; and {} more", problems.len() - index));
            break;
        }
        text.push_str(separator);
        text.push_str(problem);
    }
    if problems.is_empty() {
        return start.trim_end_matches([':', ' ']).to_owned();
    }
    if text.chars().count() > MAX_TITLE_CHARS + 20 {
        let cut: String = text.chars().take(MAX_TITLE_CHARS).collect();
        return format!("{cut}...");
    }
    text
}

fn classify_objection(objection: &RuleObjection<'_>) -> CheckStanding {
    let RuleObjection::Finding(finding) = objection else { return CheckStanding::Undecided };
    let fixers = &finding.fixers;
    if fixers.iter().all(|fixer| matches!(fixer, Fixer::GateAdministrator | Fixer::NotNeeded)) {
        return CheckStanding::Undecided;
    }
    // A pipeline that has not ended is waited for; one that failed is for the author as well.
    if *fixers == [Fixer::PipelineOwner] || fixers.iter().any(gives_approval) {
        return CheckStanding::Waiting;
    }
    CheckStanding::Denied
}

/// Returns true for people who look at a change that others made, or keep the list of people: the author cannot
/// do it for them.
fn gives_approval(fixer: &Fixer) -> bool {
    matches!(
        fixer,
        Fixer::Reviewer | Fixer::TeamMember(_) | Fixer::NamedPerson | Fixer::Labeller | Fixer::RosterOwner
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::samples;
    use crate::verdict::RuleOutcome;

    #[test]
    fn what_only_others_have_to_give_is_waited_for() {
        let mut report = samples::denied();
        assert_eq!(build_check_title(&report, true).standing, CheckStanding::Denied);
        for group in &mut report.groups {
            group.refusals.clear();
            for verdict in &mut group.verdicts {
                verdict.judgements.retain(|judgement| match &judgement.outcome {
                    RuleOutcome::Fail(findings) => {
                        findings.iter().all(|finding| finding.fixers == [Fixer::Reviewer])
                    }
                    _ => true,
                });
            }
        }
        let title = build_check_title(&report, true);
        assert_eq!(title.standing, CheckStanding::Waiting, "{title:?}");
        assert!(title.text.starts_with("waiting for a reviewer other than the authors: "), "{title:?}");
        // A check that has to end fails, and says so.
        let title = build_check_title(&report, false);
        assert_eq!(title.standing, CheckStanding::Denied, "{title:?}");
        assert!(title.text.starts_with("denied: a reviewer other than the authors: "), "{title:?}");
    }

    #[test]
    fn of_several_pull_requests_each_problem_stands_once_with_their_numbers() {
        let mut report = samples::denied();
        let group = report.groups.remove(1);
        report.groups.clear();
        for number in [7, 9] {
            let mut group = group.clone();
            group.scope = GroupScope::PullRequest(Text::from(format!("acme/shop#{number}")));
            report.groups.push(group);
        }
        let title = build_check_title(&report, true).text;
        assert!(title.contains(" (#7, #9)"), "{title}");
        let first = title.split(" (#7, #9)").next().unwrap().trim_start_matches("denied: ");
        assert_eq!(title.matches(first).count(), 1, "{title}");
    }

    #[test]
    fn what_could_not_be_judged_is_neither() {
        let title = build_check_title(&samples::undecided(), true);
        assert_eq!(title.standing, CheckStanding::Undecided);
        assert!(title.text.starts_with("not judged: cannot decide"), "{title:?}");
        assert_eq!(build_check_title(&samples::allowed(), true).text, "allowed");
    }

    #[test]
    fn a_title_stays_one_line_of_a_list() {
        let many: Vec<String> = (0..9).map(|index| format!("{index} {}", "é".repeat(40))).collect();
        let text = join_problems("denied: ", &many);
        assert!(text.ends_with("; and 4 more") && text.chars().count() < 260, "{text}");
        assert!(join_problems("denied: ", &["é".repeat(900)]).chars().count() < 260);
        assert_eq!(join_problems("denied: ", &[]), "denied");
    }
}
