//! What is told about a decision, and the formats that tell it.
//!
//! A [`Report`] is a plain value: everything in it is decided before a byte is printed, so a format
//! can leave something out but never change what was decided, nor an exit code. Nothing here reads
//! a clock, a repository or the environment, and nothing writes anywhere but to the writer given.
//!
//! Invariant: words that came from outside reach a writer only through [`escape`].

pub mod due_time;
pub mod escape;
pub(crate) mod fix_plan;
pub(crate) mod github_log;
pub mod policy_faults;
pub(crate) mod ranked_judgements;
pub(crate) mod repository_url;
pub mod settings_advice;

mod json;
mod junit;
mod markdown;
mod sarif;
mod terminal;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use jiff::Timestamp;

use crate::change::{Oid, Stage, Text};
use crate::predicates::ConditionTrace;
use crate::verdict::{Decision, Judgement, Message, RuleLevel, RuleOutcome, Verdict};

pub use crate::report::repository_url::RepositoryUrl;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// For people, at a terminal and in the `remote:` lines of a push.
    Terminal,
    /// For programs: the schema `changegate/verdict/v1`, described in `docs/json.md`.
    Json,
    /// For the log of a workflow on GitHub: annotations, and the report for people in a group.
    Github,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
    /// For whatever shows the results of tests: JUnit's XML.
    Junit,
    /// For a job's summary or a comment on a pull request: Markdown as GitHub has it.
    Markdown,
}

/// What the reader's medium and the command line ask for; each format heeds what concerns it.
///
/// Nothing here adds or takes a fact, and [`Format::Json`] heeds nothing of it at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportStyle {
    /// True if colours are wanted; everything can be understood without.
    pub colour: bool,
    /// The columns in which sentences are wrapped; text to paste is never split.
    pub width: usize,
    /// How many denied changes are shown whole; the others are counted.
    pub max_changes: usize,
    /// True to show every change, every rule and every control, whatever `most` says.
    pub verbose: bool,
    /// True to write nothing at all about what is allowed, in a terminal.
    pub quiet: bool,
    /// How many bytes [`Format::Markdown`] may take; what does not fit is counted.
    pub max_markdown_bytes: usize,
    /// Where the repository can be looked at, for links; without it there are none.
    pub repository_url: Option<RepositoryUrl>,
}

/// How many bytes a comment or a check run on GitHub may have.
pub const MAX_COMMENT_BYTES: usize = 65_535;

/// How many bytes the summary of a job's step on GitHub may have.
pub const MAX_SUMMARY_BYTES: usize = 1 << 20;

impl Default for ReportStyle {
    /// Returns the style for 80 columns of which git takes 8 for `remote: `, and for a comment.
    fn default() -> Self {
        ReportStyle {
            colour: false,
            width: 72,
            max_changes: 10,
            verbose: false,
            quiet: false,
            max_markdown_bytes: MAX_COMMENT_BYTES,
            repository_url: None,
        }
    }
}

/// Everything that there is to tell about one decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What is decided about the whole of it; see [`decide`].
    pub decision: Decision,
    /// Where it was seen.
    pub stage: Stage,
    /// True if a gap in the facts refuses.
    pub enforced: bool,
    /// When it was seen, by the clock of whoever judged.
    pub seen_at: Timestamp,
    /// The policy; `None` if none could be used, which some refusal then explains.
    pub policy: Option<PolicyDescription>,
    /// What was judged: one group for each ref under change control, or one for everything.
    pub groups: Vec<ReportGroup>,
    /// What else somebody should know, such as an exemption that has expired.
    pub notes: Vec<Message>,
}

/// Which policy it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDescription {
    /// What it calls itself.
    pub name: String,
    /// The SHA-256 of everything that it was read from, in hexadecimal digits.
    pub digest: String,
    /// Where it was read from, as in `policies/changegate.yml at refs/heads/main (abc123)`.
    pub source: String,
}

/// Changes that were judged together.
#[derive(Clone, Debug, PartialEq)]
pub struct ReportGroup {
    /// What they have in common.
    pub scope: GroupScope,
    /// What was found about the ref itself, whatever it holds.
    pub refusals: Vec<Judgement>,
    /// The changes, oldest first.
    pub verdicts: Vec<Verdict>,
    /// How many further changes are allowed and left out, because there is nothing to say of them.
    pub omitted_passes: usize,
    /// How rules came to their answers; empty unless somebody asked.
    pub traces: Vec<RuleTrace>,
    /// For a ref under change control, what it was judged as.
    pub judged_ref: Option<JudgedRef>,
    /// Whether the last change may be mended with `git commit --amend`, because nothing follows it.
    pub is_amendable: bool,
}

/// What a ref under change control was judged as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedRef {
    /// The full name of the ref, after symbolic refs have been followed.
    pub name: Text,
    /// The policies that its changes were held against: its own, and that of the policy ref where
    /// that is another.
    pub policies: Vec<PolicyReference>,
}

/// A policy, and from where it can be had again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyReference {
    /// Where it stands.
    pub place: PolicyLocation,
    /// The SHA-256 of everything that it was read from, in hexadecimal digits.
    pub digest: String,
}

/// Where a policy stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyLocation {
    /// At a path of a commit.
    Commit {
        /// The commit.
        id: Oid,
        /// The path.
        path: String,
    },
    /// In a file on the server.
    Disk(String),
    /// In a pack that is shipped.
    Pack(String),
    /// Somewhere else, in words.
    Elsewhere(String),
}

/// What the changes of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupScope {
    /// A push moves this ref.
    Ref {
        /// Its full name.
        name: Text,
        /// What happens to it.
        update: RefUpdateKind,
    },
    /// Somebody asked about this range.
    Range(Text),
    /// It is this pull request, as in `acme/shop#12`.
    PullRequest(Text),
    /// It is one message that is about to be recorded.
    Message,
}

/// What a push does to a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefUpdateKind {
    /// It did not exist.
    Create {
        /// Where it is to point.
        new: Oid,
    },
    /// It moves forward.
    Move {
        /// Where it points.
        old: Oid,
        /// Where it is to point.
        new: Oid,
    },
    /// It moves to where its old place is not part of history.
    Rewrite {
        /// Where it points.
        old: Oid,
        /// Where it is to point.
        new: Oid,
    },
    /// It is to go.
    Delete {
        /// Where it points.
        old: Oid,
    },
}

/// How one rule came to its answer about one change.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleTrace {
    /// The place of the change in [`Group::verdicts`], counted from 0.
    pub verdict_index: usize,
    /// The rule's id.
    pub rule_id: String,
    /// The question and its parts.
    pub trace: ConditionTrace,
}

impl ReportGroup {
    /// Returns the group of these changes, with nothing against the ref and nothing explained.
    pub fn new(of: GroupScope, verdicts: Vec<Verdict>) -> Self {
        ReportGroup {
            scope: of,
            refusals: Vec::new(),
            verdicts,
            omitted_passes: 0,
            traces: Vec::new(),
            judged_ref: None,
            is_amendable: true,
        }
    }

    /// Returns what is decided about the group: one refusal or one denied change is enough.
    pub fn decision(&self, enforced: bool) -> Decision {
        let refused = self.refusals.iter().any(|judgement| judgement.is_denying(enforced));
        let denied = self.verdicts.iter().any(|verdict| verdict.decision() == Decision::Deny);
        if refused || denied { Decision::Deny } else { Decision::Allow }
    }
}

/// Returns what is decided about all groups together: one that is denied denies everything.
pub fn decide_groups(groups: &[ReportGroup], enforced: bool) -> Decision {
    groups.iter().map(|group| group.decision(enforced)).max().unwrap_or(Decision::Allow)
}

/// Writes a report.
///
/// # Errors
///
/// Passes on what the writer says; the report may then be written in part.
pub fn write_report(
    format: ReportFormat,
    report: &Report,
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        ReportFormat::Terminal => terminal::write_terminal(report, style, out),
        ReportFormat::Json => json::write_json(report, out),
        ReportFormat::Github => github_log::write_github_log(report, style, out),
        ReportFormat::Sarif => sarif::write_sarif(report, style, out),
        ReportFormat::Junit => junit::write_junit(report, out),
        ReportFormat::Markdown => markdown::write_markdown(report, style, out),
    }
}

/// How many there are of what a summary speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ReportCounts {
    changes: usize,
    denied_changes: usize,
    refused_refs: usize,
    owed_obligations: usize,
    undecided_rules: usize,
    warnings: usize,
    used_exemptions: usize,
    deferred_rules: usize,
}

impl ReportCounts {
    fn count_report(report: &Report) -> Self {
        let mut counts = ReportCounts::default();
        for group in &report.groups {
            counts.changes += group.verdicts.len() + group.omitted_passes;
            counts.denied_changes +=
                group.verdicts.iter().filter(|one| one.decision() == Decision::Deny).count();
            counts.refused_refs +=
                usize::from(group.refusals.iter().any(|judgement| judgement.is_denying(report.enforced)));
            for judgement in &group.refusals {
                counts.add_judgement(judgement, report.enforced);
            }
            for verdict in &group.verdicts {
                verdict
                    .judgements
                    .iter()
                    .for_each(|judgement| counts.add_judgement(judgement, verdict.enforced));
            }
        }
        counts
    }

    fn add_judgement(&mut self, judgement: &Judgement, enforced: bool) {
        match &judgement.outcome {
            _ if judgement.is_denying(enforced) => {}
            RuleOutcome::Owed(owed) => self.owed_obligations += owed.len(),
            RuleOutcome::Exempted { .. } => self.used_exemptions += 1,
            RuleOutcome::Undecided(_) if judgement.level == RuleLevel::Deny => self.undecided_rules += 1,
            RuleOutcome::Fail(_) | RuleOutcome::Undecided(_) => self.warnings += 1,
            RuleOutcome::Deferred(_) => self.deferred_rules += 1,
            RuleOutcome::Pass | RuleOutcome::NotApplicable => {}
        }
    }
}
