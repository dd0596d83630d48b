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

use super::points::{Rank, Told, told};
use super::{Counts, Report, Style, escape, terminal};
use crate::change::{Text, text};
use crate::verdict::{Decision, Line, Outcome};

/// How many annotations of each kind GitHub takes from one step.
const MOST: usize = 10;

/// How many points of a rule stand in its annotation; the others are counted.
const MOST_POINTS: usize = 5;

/// How many columns a line of an annotation takes at most.
const WIDTH: usize = 500;

/// Writes the report.
pub(super) fn write(report: &Report, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let counts = Counts::of(report);
    let headline = format!("{}: {}", word(report.decision), terminal::headline(report, false, &counts));
    let mut annotations = annotations(report);
    if report.decision == Decision::Deny && annotations.iter().all(|one| one.kind != Kind::Error) {
        // Nobody may take a log without an error for that of a step that went well.
        let lines = vec![escape::terminal(headline.as_bytes(), WIDTH)];
        annotations.insert(
            0,
            Annotation { kind: Kind::Error, rule: "changegate".into(), path: None, lines, more: 0 },
        );
    }
    let mut left_out = 0;
    for kind in [Kind::Error, Kind::Warning, Kind::Notice] {
        let mut of_kind = annotations.iter().filter(|one| one.kind == kind);
        of_kind.by_ref().take(MOST).try_for_each(|one| one.write(out))?;
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
    terminal::write(report, style, &mut body)?;
    if body.is_empty() {
        return Ok(());
    }
    let token = token(report, &body);
    writeln!(
        out,
        "::group::changegate: {}",
        escape::workflow::data(&escape::terminal(headline.as_bytes(), WIDTH))
    )?;
    writeln!(out, "::stop-commands::{token}")?;
    out.write_all(&body)?;
    writeln!(out, "::{token}::")?;
    writeln!(out, "::endgroup::")
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Deny => "denied",
        Decision::Allow => "allowed",
    }
}

/// Returns what nobody can write into a commit without knowing what comes out of it.
fn token(report: &Report, body: &[u8]) -> String {
    let mut digest = Sha256::new();
    digest.update(body);
    // What is not printed counts too: a body alone may be one that somebody has seen before.
    digest.update(format!("{report:?}").as_bytes());
    format!("changegate-{}", text::hex(&digest.finalize()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Error,
    Warning,
    Notice,
}

impl Kind {
    fn of(rank: Rank) -> Option<Self> {
        match rank {
            Rank::Broken | Rank::Unknown => Some(Kind::Error),
            Rank::Open | Rank::Warning => Some(Kind::Warning),
            Rank::Owed => Some(Kind::Notice),
            Rank::Exempted | Rank::Later | Rank::Passed | Rank::NotApplicable => None,
        }
    }
}

/// What is told of one rule.
#[derive(Debug)]
struct Annotation {
    kind: Kind,
    /// The rule's id and what it asks.
    rule: String,
    /// The first path that a point is about.
    path: Option<Text>,
    /// The first points, printable.
    lines: Vec<String>,
    /// How many further points there are.
    more: usize,
}

/// Returns one annotation for each rule of each rank, what matters most first.
fn annotations(report: &Report) -> Vec<Annotation> {
    let mut found: Vec<(Rank, &str, Annotation)> = Vec::new();
    for told in told(report) {
        let Some(kind) = Kind::of(told.rank) else { continue };
        let rule = &told.judgement.rule;
        let place = found.iter().position(|(rank, id, _)| *rank == told.rank && *id == rule.id);
        let place = place.unwrap_or_else(|| {
            let title = if kind == Kind::Error { String::new() } else { format!("{}: ", told.rank.words()) };
            let name = escape::words(&format!("{title}{}: {}", rule.id, rule.title));
            let rule_words = escape::terminal(name.as_bytes(), WIDTH);
            let annotation = Annotation { kind, rule: rule_words, path: None, lines: Vec::new(), more: 0 };
            found.push((told.rank, &rule.id, annotation));
            found.len() - 1
        });
        if let Some((_, _, annotation)) = found.get_mut(place) {
            annotation.take(&told);
        }
    }
    found.sort_by_key(|(rank, _, _)| *rank);
    found.into_iter().map(|(_, _, annotation)| annotation).collect()
}

impl Annotation {
    fn take(&mut self, told: &Told<'_>) {
        let change = told.revision().map(|id| format!("{}: ", id.short())).unwrap_or_default();
        for point in told.points() {
            if let super::points::Point::Wrong(finding) = point
                && self.path.is_none()
            {
                self.path.clone_from(&finding.at.path);
            }
            self.line(&change, &point.whole(told.revision()));
        }
        if let Outcome::Owed(owed) = &told.judgement.outcome {
            for one in owed {
                let due =
                    one.due.map_or_else(String::new, |due| format!(", due {}", super::due::instant(due)));
                self.line(&change, &Line::say(format!("{}{due}, by {}", one.what, one.owner)));
            }
        }
    }

    fn line(&mut self, change: &str, line: &Line) {
        if self.lines.len() < MOST_POINTS {
            let line = format!("{change}{}", escape::sentence(line));
            self.lines.push(escape::terminal(line.as_bytes(), WIDTH));
        } else {
            self.more += 1;
        }
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let kind = match self.kind {
            Kind::Error => "error",
            Kind::Warning => "warning",
            Kind::Notice => "notice",
        };
        // A path that cannot be printed as it is would lead nowhere.
        let path = self.path.as_ref().and_then(Text::as_utf8).filter(|path| {
            let shown = escape::terminal(path.as_bytes(), usize::MAX);
            !path.is_empty() && shown == *path
        });
        write!(out, "::{kind} ")?;
        if let Some(path) = path {
            write!(out, "file={},", escape::workflow::property(path))?;
        }
        write!(out, "title={}::", escape::workflow::property(&self.rule))?;
        let mut lines = self.lines.join("\n");
        if 0 < self.more {
            lines.push_str(&format!("\nand {} more like these", self.more));
        }
        writeln!(out, "{}", escape::workflow::data(&lines))
    }
}
