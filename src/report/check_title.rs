//! What the verdict amounts to in one line, as it stands beside a check on a forge.
//!
//! A change that lacks only what others still give is not told to its author as a failure, and what could not
//! be judged is neither.

use crate::report::content::Report;
use crate::report::escape::escape_sentence;
use crate::report::ranked_judgements::{RuleObjection, rank_report};
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
pub(crate) fn build_check_title(report: &Report) -> CheckTitle {
    if report.decision == Decision::Allow {
        return CheckTitle { standing: CheckStanding::Allowed, text: "allowed".to_owned() };
    }
    let mut standing = CheckStanding::Allowed;
    let mut problems: Vec<(CheckStanding, String)> = Vec::new();
    for ranked in rank_report(report) {
        if !ranked.rank.is_denying() {
            continue;
        }
        for objection in ranked.told_objections() {
            let one = classify_objection(&objection);
            let said = escape_sentence(&objection.describe_problem());
            let said = match one {
                CheckStanding::Waiting => format!("{}: {said}", describe_fixers(objection.fixers())),
                _ => said,
            };
            if !problems.contains(&(one, said.clone())) {
                problems.push((one, said));
            }
            standing = standing.max(one);
        }
    }
    let start = match standing {
        CheckStanding::Waiting => "waiting for ",
        CheckStanding::Undecided => "not judged: ",
        CheckStanding::Allowed | CheckStanding::Denied => "denied: ",
    };
    problems.retain(|(one, _)| *one == standing);
    let words: Vec<String> = problems.into_iter().map(|(_, said)| said).collect();
    // A report that denies without an objection is a denial all the same.
    let standing = if standing == CheckStanding::Allowed { CheckStanding::Denied } else { standing };
    CheckTitle { standing, text: join_problems(start, &words) }
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
        assert_eq!(build_check_title(&report).standing, CheckStanding::Denied);
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
        let title = build_check_title(&report);
        assert_eq!(title.standing, CheckStanding::Waiting, "{title:?}");
        assert!(title.text.starts_with("waiting for a reviewer other than the authors: "), "{title:?}");
    }

    #[test]
    fn what_could_not_be_judged_is_neither() {
        let title = build_check_title(&samples::undecided());
        assert_eq!(title.standing, CheckStanding::Undecided);
        assert!(title.text.starts_with("not judged: cannot decide"), "{title:?}");
        assert_eq!(build_check_title(&samples::allowed()).text, "allowed");
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
