//! The log of a workflow on GitHub: annotations, and then the report for people.
//!
//! GitHub shows ten errors and ten warnings of a step, so there is one annotation for each rule and
//! what matters most comes first. An annotation that denies is an error and nothing else is one; a
//! log never looks better or worse than the decision.
//!
//! The report for people stands between `::stop-commands::TOKEN` and `::TOKEN::`. None of its lines
//! starts like a command anyway (see `page`); this is the second wall. Whoever wanted to get over it
//! would have to write the token into a commit. The token is the SHA-256 of the report with all that
//! contributors wrote in it, so to know it is to find a text that holds its own digest.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::change::{Text, text};
use crate::report::ranked_judgements::{JudgementRank, RankedJudgement, rank_report};
use crate::report::{Report, ReportCounts, ReportStyle, escape, terminal};
use crate::verdict::{Decision, RuleOutcome, Sentence};

/// How many annotations of each kind GitHub takes from one step.
const MAX_ANNOTATIONS: usize = 10;

/// How many points of a rule stand in its annotation; the others are counted.
const MAX_ANNOTATION_LINES: usize = 5;

/// How many columns a line of an annotation takes at most.
const MAX_ANNOTATION_COLUMNS: usize = 500;

/// Writes the report.
pub(crate) fn write_github_log(report: &Report, style: &ReportStyle, out: &mut dyn Write) -> io::Result<()> {
    let counts = ReportCounts::count_report(report);
    let headline =
        format!("{}: {}", name_decision(report.decision), terminal::build_headline(report, false, &counts));
    let mut annotations = build_annotations(report);
    if report.decision == Decision::Deny && annotations.iter().all(|one| one.level != AnnotationLevel::Error)
    {
        // Nobody may take a log without an error for that of a step that went well.
        let lines = vec![escape::escape_terminal(headline.as_bytes(), MAX_ANNOTATION_COLUMNS)];
        annotations.insert(
            0,
            LogAnnotation {
                level: AnnotationLevel::Error,
                title: "changegate".into(),
                path: None,
                lines,
                omitted_lines: 0,
            },
        );
    }
    let mut left_out = 0;
    for kind in [AnnotationLevel::Error, AnnotationLevel::Warning, AnnotationLevel::Notice] {
        let mut of_kind = annotations.iter().filter(|one| one.level == kind);
        of_kind.by_ref().take(MAX_ANNOTATIONS).try_for_each(|one| one.write_annotation(out))?;
        left_out += of_kind.count();
    }
    if 0 < left_out {
        let (rules, are) = if left_out == 1 { ("rule", "is") } else { ("rules", "are") };
        writeln!(
            out,
            "changegate: {left_out} more {rules} {are} not annotated; the report below has all of them"
        )?;
    }
    let mut body = Vec::new();
    terminal::write_terminal(report, style, &mut body)?;
    if body.is_empty() {
        return Ok(());
    }
    let token = compute_stop_token(report, &body);
    writeln!(
        out,
        "::group::changegate: {}",
        escape::workflow::escape_workflow_data(&escape::escape_terminal(
            headline.as_bytes(),
            MAX_ANNOTATION_COLUMNS
        ))
    )?;
    writeln!(out, "::stop-commands::{token}")?;
    out.write_all(&body)?;
    writeln!(out, "::{token}::")?;
    writeln!(out, "::endgroup::")
}

fn name_decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Deny => "denied",
        Decision::Allow => "allowed",
    }
}

/// Returns what nobody can write into a commit without knowing what comes out of it.
fn compute_stop_token(report: &Report, body: &[u8]) -> String {
    let mut digest = Sha256::new();
    digest.update(body);
    // What is not printed counts too: a body alone may be one that somebody has seen before.
    digest.update(format!("{report:?}").as_bytes());
    format!("changegate-{}", text::encode_hex(&digest.finalize()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AnnotationLevel {
    Error,
    Warning,
    Notice,
}

impl AnnotationLevel {
    fn from_rank(rank: JudgementRank) -> Option<Self> {
        match rank {
            JudgementRank::Denied | JudgementRank::DeniedUnknown => Some(AnnotationLevel::Error),
            JudgementRank::Undecided | JudgementRank::Warning => Some(AnnotationLevel::Warning),
            JudgementRank::Owed => Some(AnnotationLevel::Notice),
            JudgementRank::Exempted
            | JudgementRank::Deferred
            | JudgementRank::Passed
            | JudgementRank::NotApplicable => None,
        }
    }
}

/// What is told of one rule.
#[derive(Debug)]
struct LogAnnotation {
    level: AnnotationLevel,
    /// The rule's id and what it asks.
    title: String,
    /// The first path that a point is about.
    path: Option<Text>,
    /// The first points, printable.
    lines: Vec<String>,
    /// How many further points there are.
    omitted_lines: usize,
}

/// Returns one annotation for each rule of each rank, what matters most first.
fn build_annotations(report: &Report) -> Vec<LogAnnotation> {
    let mut found: Vec<(JudgementRank, &str, LogAnnotation)> = Vec::new();
    for told in rank_report(report) {
        let Some(kind) = AnnotationLevel::from_rank(told.rank) else { continue };
        let rule = &told.judgement.rule;
        let place = found.iter().position(|(rank, id, _)| *rank == told.rank && *id == rule.id);
        let place = place.unwrap_or_else(|| {
            let title = if kind == AnnotationLevel::Error {
                String::new()
            } else {
                format!("{}: ", told.rank.describe())
            };
            let name = escape::escape_words(&format!("{title}{}: {}", rule.id, rule.title));
            let rule_words = escape::escape_terminal(name.as_bytes(), MAX_ANNOTATION_COLUMNS);
            let annotation = LogAnnotation {
                level: kind,
                title: rule_words,
                path: None,
                lines: Vec::new(),
                omitted_lines: 0,
            };
            found.push((told.rank, &rule.id, annotation));
            found.len() - 1
        });
        if let Some((_, _, annotation)) = found.get_mut(place) {
            annotation.add_judgement(&told);
        }
    }
    found.sort_by_key(|(rank, _, _)| *rank);
    found.into_iter().map(|(_, _, annotation)| annotation).collect()
}

impl LogAnnotation {
    fn add_judgement(&mut self, told: &RankedJudgement<'_>) {
        let change = told.revision().map(|id| format!("{}: ", id.short_hex())).unwrap_or_default();
        for point in told.objections() {
            if let crate::report::ranked_judgements::RuleObjection::Finding(finding) = point
                && self.path.is_none()
            {
                self.path.clone_from(&finding.at.path);
            }
            self.add_line(&change, &point.describe_fully(told.revision()));
        }
        if let RuleOutcome::Owed(owed) = &told.judgement.outcome {
            for one in owed {
                let due = one.due.map_or_else(String::new, |due| {
                    format!(", due {}", crate::report::due_time::format_instant(due))
                });
                self.add_line(
                    &change,
                    &Sentence::from_words(format!("{}{due}, by {}", one.what.to_plain_text(), one.owner)),
                );
            }
        }
    }

    fn add_line(&mut self, change: &str, line: &Sentence) {
        if self.lines.len() < MAX_ANNOTATION_LINES {
            let line = format!("{change}{}", escape::escape_sentence(line));
            self.lines.push(escape::escape_terminal(line.as_bytes(), MAX_ANNOTATION_COLUMNS));
        } else {
            self.omitted_lines += 1;
        }
    }

    fn write_annotation(&self, out: &mut dyn Write) -> io::Result<()> {
        let kind = match self.level {
            AnnotationLevel::Error => "error",
            AnnotationLevel::Warning => "warning",
            AnnotationLevel::Notice => "notice",
        };
        // A path that cannot be printed as it is would lead nowhere.
        let path = self.path.as_ref().and_then(Text::as_utf8).filter(|path| {
            let shown = escape::escape_terminal(path.as_bytes(), usize::MAX);
            !path.is_empty() && shown == *path
        });
        write!(out, "::{kind} ")?;
        if let Some(path) = path {
            write!(out, "file={},", escape::workflow::escape_workflow_property(path))?;
        }
        write!(out, "title={}::", escape::workflow::escape_workflow_property(&self.title))?;
        let mut lines = self.lines.join("\n");
        if 0 < self.omitted_lines {
            lines.push_str(&format!("\nand {} more like these", self.omitted_lines));
        }
        writeln!(out, "{}", escape::workflow::escape_workflow_data(&lines))
    }
}
