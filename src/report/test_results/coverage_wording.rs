//! The words for what tests reach. Every text is printable: names are the policy's.

use crate::policy_tests::{
    CoverageAspect, CoverageGap, CoverageGroup, CoveragePlace, CoveragePoint, CoverageSubject, GapKind,
};
use crate::report::escape::{escape_terminal, escape_words};

/// Returns where something stands, as in `policies/changegate.yml:12`, or `pack startup:12`.
pub(crate) fn describe_place(place: &CoveragePlace) -> String {
    let file = escape_words(&place.file);
    let kind = if place.is_pack { "pack " } else { "" };
    format!("{kind}{file}:{}", place.line)
}

/// Returns what a gap means, as a sentence with at most so many columns of a question.
pub(crate) fn describe_gap(gap: &CoverageGap<'_>, max_columns: usize) -> String {
    let name = describe_subject(&gap.point.subject);
    let question = shorten_question(gap.point, max_columns);
    match gap.kind {
        GapKind::Class => format!("no test has a change of {name}"),
        GapKind::RuleNeverApplies => format!("{name} applies to no change of a test"),
        GapKind::RuleNeverKept => format!("no test keeps {name}"),
        GapKind::RuleNeverBroken => format!("no test breaks {name}"),
        GapKind::WhenAlwaysHolds => format!("{name}: no test has a change that its `when` leaves out"),
        GapKind::PartNeverHolds => format!("{name}: it never holds that {question}"),
        GapKind::PartAlwaysHolds => format!("{name}: it always holds that {question}"),
        GapKind::PartNeverKnown => format!("{name}: it is known of no change whether {question}"),
        GapKind::WayNeverAlone => format!("{name}: no test passes only because {question}"),
        GapKind::Exemption => format!("no test needs {name}"),
        GapKind::ExemptionNeverWithheld => format!("no test breaks the rule outside {name}"),
    }
}

/// Returns what a point asks of the tests, as a sentence that is true if they reach it, with at most so many columns of a
/// question.
pub(crate) fn describe_point(point: &CoveragePoint, max_columns: usize) -> String {
    let name = describe_subject(&point.subject);
    let question = shorten_question(point, max_columns);
    match point.aspect {
        CoverageAspect::ClassTaken => format!("a test has a change of {name}"),
        CoverageAspect::RuleApplies => format!("{name} applies to a change of a test"),
        CoverageAspect::RuleKept => format!("a test keeps {name}"),
        CoverageAspect::RuleBroken => format!("a test breaks {name}"),
        CoverageAspect::WhenFails => format!("{name}: a test has a change that its `when` leaves out"),
        CoverageAspect::PartHolds => format!("{name}: in a test it holds that {question}"),
        CoverageAspect::PartFails => format!("{name}: in a test it does not hold that {question}"),
        CoverageAspect::WayAlone => format!("{name}: a test passes only because {question}"),
        CoverageAspect::ExemptionUsed => format!("a test needs {name}"),
        CoverageAspect::ExemptionWithheld => format!("a test breaks the rule outside {name}"),
    }
}

/// Returns the question of a point. What it asks can be a hundred paths.
fn shorten_question(point: &CoveragePoint, max_columns: usize) -> String {
    escape_terminal(point.question.as_deref().unwrap_or_default().as_bytes(), max_columns)
}

fn describe_subject(subject: &CoverageSubject) -> String {
    match subject {
        CoverageSubject::Class(class) => format!("the class `{}`", escape_words(class.as_str())),
        CoverageSubject::Rule(rule) => format!("`{}`", escape_words(rule.as_str())),
        CoverageSubject::Exemption { rule, .. } => {
            format!("the exemption from `{}`", escape_words(rule.as_str()))
        }
    }
}

/// Returns what is counted together, as in `branches of questions`.
pub(crate) fn describe_group(group: CoverageGroup) -> &'static str {
    match group {
        CoverageGroup::Classes => "classes",
        CoverageGroup::Outcomes => "outcomes of rules",
        CoverageGroup::Branches => "branches of questions",
        CoverageGroup::Ways => "ways to pass",
        CoverageGroup::Exemptions => "outcomes of exemptions",
    }
}
