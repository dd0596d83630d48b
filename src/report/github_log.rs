//! The log of a workflow on GitHub: annotations, and then the report for people.
//!
//! GitHub shows ten errors and ten warnings of a step, so there is one annotation for each rule and
//! what matters most comes first. An annotation that denies is an error and nothing else is one; a
//! log never looks better or worse than the decision. Where the check says that the change only waits for
//! others, the log has notices instead: an error reads as one of the author's.
//!
//! The report for people stands between `::stop-commands::TOKEN` and `::TOKEN::`. None of its lines
//! starts like a command anyway (see `terminal::page`); this is the second wall. To get over it, an
//! attacker would have to write the token into a commit. The token is the SHA-256 of the report with
//! all that contributors wrote in it, so to know it is to find a text that holds its own digest.

use std::fmt;
use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::change::{Text, text};
use crate::report::check_title::find_waiting_title;
use crate::report::content::Report;
use crate::report::ranked_judgements::{JudgementRank, RankedJudgement, ReportCounts, rank_report};
use crate::report::style::ReportStyle;
use crate::report::{due_time, escape, terminal};
use crate::verdict::{Decision, RuleId, RuleOutcome, Sentence};

/// The annotations of each level that GitHub takes from one step.
const MAX_ANNOTATIONS: usize = 10;

/// The points of a rule that stand in its annotation; the others are counted.
const MAX_ANNOTATION_LINES: usize = 5;

/// The columns that a line of an annotation takes at most.
const MAX_ANNOTATION_COLUMNS: usize = 500;

/// Writes the annotations and the report for people.
pub(crate) fn write_github_log(report: &Report, style: &ReportStyle, out: &mut dyn Write) -> io::Result<()> {
    let counts = ReportCounts::count_report(report);
    let headline = terminal::build_headline(report, false, &counts);
    let waiting = find_waiting_title(report, style);
    let headline = match &waiting {
        _ if report.is_evaluation => format!("would have been {}: {headline}", report.decision.describe()),
        Some(title) => format!("{title}; nothing is wrong with the change"),
        None => format!("{}: {headline}", report.decision.describe()),
    };
    let headline = escape::escape_terminal(headline.as_bytes(), MAX_ANNOTATION_COLUMNS);
    let mut annotations = build_annotations(report, waiting.is_some());
    if let Some(line) = report.describe_evaluation() {
        let mut whole = LogAnnotation::new(AnnotationLevel::Warning, "changegate".into());
        whole.lines.push(line.to_owned());
        annotations.insert(0, whole);
    } else if report.decision == Decision::Deny && !has_error(&annotations) {
        // A log without an error would look like that of a step that went well.
        let level = if waiting.is_some() { AnnotationLevel::Notice } else { AnnotationLevel::Error };
        let mut whole = LogAnnotation::new(level, "changegate".into());
        whole.lines.push(headline.clone());
        annotations.insert(0, whole);
    }
    let omitted = write_annotations(&annotations, out)?;
    if omitted > 0 {
        let (rules, are) = if omitted == 1 { ("rule", "is") } else { ("rules", "are") };
        writeln!(
            out,
            "changegate: {omitted} more {rules} {are} not annotated; the report below has all of them"
        )?;
    }
    let mut body = Vec::new();
    terminal::write_terminal(report, style, &mut body)?;
    if body.is_empty() {
        return Ok(());
    }
    let token = compute_stop_token(report, &body);
    writeln!(out, "::group::changegate: {}", escape_workflow_data(&headline))?;
    writeln!(out, "::stop-commands::{token}")?;
    out.write_all(&body)?;
    writeln!(out, "::{token}::")?;
    writeln!(out, "::endgroup::")
}

/// Writes one line of our own as a warning annotation, whatever it quotes.
pub(crate) fn write_warning_annotation(what: &str, out: &mut dyn Write) -> io::Result<()> {
    let what = escape::escape_words(what);
    writeln!(out, "::warning::changegate: {}", escape_workflow_data(&what))
}

/// Writes the annotations by level, as many as GitHub takes, and returns how many were left out.
fn write_annotations(annotations: &[LogAnnotation], out: &mut dyn Write) -> io::Result<usize> {
    let mut omitted = 0;
    for level in [AnnotationLevel::Error, AnnotationLevel::Warning, AnnotationLevel::Notice] {
        let mut written = 0;
        for annotation in annotations {
            if annotation.level != level {
                continue;
            }
            if written < MAX_ANNOTATIONS {
                annotation.write_annotation(out)?;
                written += 1;
            } else {
                omitted += 1;
            }
        }
    }
    Ok(omitted)
}

fn has_error(annotations: &[LogAnnotation]) -> bool {
    annotations.iter().any(|annotation| annotation.level == AnnotationLevel::Error)
}

/// Returns a word that cannot be written into a commit without knowing what comes out of it.
fn compute_stop_token(report: &Report, body: &[u8]) -> String {
    let mut digest = Sha256::new();
    digest.update(body);
    // What is not printed counts too: the same body alone may have been printed before.
    let mut writer = DigestWriter(digest);
    // A digest takes all that it is given.
    let _ = fmt::Write::write_fmt(&mut writer, format_args!("{report:?}"));
    format!("changegate-{}", text::encode_hex(&writer.0.finalize()))
}

/// Takes text into a digest, piece by piece: a report in words is too long to be held.
struct DigestWriter(Sha256);

impl fmt::Write for DigestWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
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

    /// Returns the command of a workflow that makes such an annotation.
    fn command(self) -> &'static str {
        match self {
            AnnotationLevel::Error => "error",
            AnnotationLevel::Warning => "warning",
            AnnotationLevel::Notice => "notice",
        }
    }
}

/// The annotation of one rule.
#[derive(Debug)]
struct LogAnnotation {
    level: AnnotationLevel,
    /// The rule's id and what it asks.
    title: String,
    /// The first path that a point is about.
    path: Option<Text>,
    /// The first points, printable.
    lines: Vec<String>,
    /// The number of points among the lines.
    shown_points: usize,
    /// The number of further points.
    omitted_points: usize,
    /// Who can fix the points that follow, until another line says so.
    remedy: Option<String>,
    /// True if a point is shown whose remedy no line says yet.
    is_remedy_due: bool,
}

/// Returns one annotation for each rule of each rank, what matters most first.
fn build_annotations(report: &Report, is_waiting: bool) -> Vec<LogAnnotation> {
    let mut found: Vec<(JudgementRank, &RuleId, LogAnnotation)> = Vec::new();
    for ranked in rank_report(report) {
        let Some(mut level) = AnnotationLevel::from_rank(ranked.rank) else { continue };
        let is_awaited = is_waiting && level == AnnotationLevel::Error;
        if is_awaited {
            level = AnnotationLevel::Notice;
        }
        // In evaluate mode nothing is blocked, so nothing is an error.
        if report.is_evaluation && level == AnnotationLevel::Error {
            level = AnnotationLevel::Warning;
        }
        let rule = &ranked.judgement.rule;
        let place = found.iter().position(|(rank, id, _)| *rank == ranked.rank && rule.id == **id);
        let place = place.unwrap_or(found.len());
        if place == found.len() {
            let annotation = LogAnnotation::new(level, title_annotation(level, &ranked, is_awaited));
            found.push((ranked.rank, &rule.id, annotation));
        }
        if let Some((_, _, annotation)) = found.get_mut(place) {
            annotation.add_judgement(&ranked);
        }
    }
    for left_out in report.groups.iter().flat_map(|group| &group.left_out.rules) {
        // A few changes of each rule and rank are held, so there is an annotation already.
        let known = found.iter_mut().find(|(rank, id, _)| *rank == left_out.rank && left_out.rule.id == **id);
        if let Some((_, _, annotation)) = known {
            annotation.omitted_points += left_out.points;
        }
    }
    found.sort_by_key(|(rank, _, _)| *rank);
    let mut annotations = Vec::with_capacity(found.len());
    for (_, _, mut annotation) in found {
        annotation.add_remedy();
        annotations.push(annotation);
    }
    annotations
}

/// Returns the rule and what it asks; for what is no error, with what it is.
fn title_annotation(level: AnnotationLevel, ranked: &RankedJudgement<'_>, is_awaited: bool) -> String {
    let rule = &ranked.judgement.rule;
    let mut title = format!("{}: {}", rule.id, rule.title);
    if level != AnnotationLevel::Error {
        let kind = if is_awaited { "waiting" } else { ranked.rank.describe() };
        title.insert_str(0, &format!("{kind}: "));
    }
    escape::escape_terminal(escape::escape_words(&title).as_bytes(), MAX_ANNOTATION_COLUMNS)
}

impl LogAnnotation {
    fn new(level: AnnotationLevel, title: String) -> Self {
        LogAnnotation {
            level,
            title,
            path: None,
            lines: Vec::new(),
            shown_points: 0,
            omitted_points: 0,
            remedy: None,
            is_remedy_due: false,
        }
    }

    fn add_judgement(&mut self, ranked: &RankedJudgement<'_>) {
        let change = match ranked.revision() {
            Some(id) => format!("{}: ", id.short_hex()),
            None => String::new(),
        };
        for group in ranked.objection_groups() {
            if self.remedy.as_ref() != Some(&group.remedy) {
                self.add_remedy();
                self.remedy = Some(group.remedy);
            }
            for objection in group.objections {
                if let Some(finding) = objection.finding()
                    && self.path.is_none()
                {
                    self.path.clone_from(&finding.at.path);
                }
                self.add_line(&change, &objection.describe_with_location(ranked.revision()));
            }
        }
        if let RuleOutcome::Owed(owed) = &ranked.judgement.outcome {
            for one in owed {
                let due = match one.due {
                    Some(due) => format!("; due {}", due_time::format_instant(due)),
                    None => String::new(),
                };
                let words = format!("{}{due}; owner: {}", one.what.to_plain_text(), one.owner);
                self.add_line(&change, &Sentence::from_words(words));
            }
        }
    }

    /// Adds a point, as long as there is room.
    fn add_line(&mut self, change: &str, line: &Sentence) {
        if self.shown_points < MAX_ANNOTATION_LINES {
            let line = format!("{change}{}", escape::escape_sentence(line));
            self.lines.push(escape::escape_terminal(line.as_bytes(), MAX_ANNOTATION_COLUMNS));
            self.shown_points += 1;
            self.is_remedy_due = self.remedy.is_some();
        } else {
            self.omitted_points += 1;
        }
    }

    /// Adds who can fix the points before it, once for all of them.
    fn add_remedy(&mut self) {
        if let Some(remedy) = self.remedy.take()
            && self.is_remedy_due
        {
            let remedy = escape::escape_words(&remedy);
            self.lines.push(escape::escape_terminal(remedy.as_bytes(), MAX_ANNOTATION_COLUMNS));
            self.is_remedy_due = false;
        }
    }

    fn write_annotation(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "::{} ", self.level.command())?;
        if let Some(path) = self.printable_path() {
            write!(out, "file={},", escape_workflow_property(path))?;
        }
        write!(out, "title={}::", escape_workflow_property(&self.title))?;
        let mut lines = self.lines.join("\n");
        if self.omitted_points > 0 {
            lines.push_str(&format!("\nand {} more like these", self.omitted_points));
        }
        writeln!(out, "{}", escape_workflow_data(&lines))
    }

    /// Returns the path unless it has to be escaped: such a path would lead nowhere.
    fn printable_path(&self) -> Option<&str> {
        let path = self.path.as_ref()?.as_utf8()?;
        let is_printable = !path.is_empty() && escape::escape_terminal(path.as_bytes(), usize::MAX) == path;
        is_printable.then_some(path)
    }
}

/// Returns printable text for the part of a workflow command that follows the second `::`.
fn escape_workflow_data(text: &str) -> String {
    // The percent sign first: a ref may be called `%0A`, and must not become a line end.
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Returns printable text for the value of a property of a workflow command.
fn escape_workflow_property(text: &str) -> String {
    escape_workflow_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_property_or_a_line() {
        assert_eq!(escape_workflow_data("100%\r\n::error::%0A"), "100%25%0D%0A::error::%250A");
        assert_eq!(escape_workflow_property("a,line=1::b\n"), "a%2Cline=1%3A%3Ab%0A");
    }

    #[test]
    fn a_warning_is_one_command_whatever_it_quotes() {
        let mut out = Vec::new();
        write_warning_annotation(
            "no comment written: 100%0A::error::x\n::error::y ##[error]\u{1b}[2J",
            &mut out,
        )
        .unwrap();
        let expected = "::warning::changegate: no comment written: 100%250A::error::x ::error::y \
                        ##\\x5berror]\\x1b[2J\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
