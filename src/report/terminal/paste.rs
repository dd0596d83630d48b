//! The one block of a change that a developer copies: every line to paste, once, and where to.

use std::io;

use crate::change::{Oid, Stage};
use crate::report::escape;
use crate::report::page::{Look, Page, plain, span};
use crate::verdict::{Finding, Judgement, Outcome, Verdict};

/// Who mends a finding unless it says otherwise; see [`Finding::new`].
const AUTHOR: &str = "the author";

/// Writes the block; nothing for a change that pasting cannot mend.
///
/// `newest` is true for the last change of its group, which an amended commit mends.
pub(super) fn write(page: &mut Page<'_>, indent: usize, newest: bool, verdict: &Verdict) -> io::Result<()> {
    let findings: Vec<_> = findings(verdict).filter(|finding| finding.paste.is_some()).collect();
    let mut lines: Vec<&str> = Vec::new();
    for line in findings.iter().filter_map(|finding| finding.paste.as_deref()).flat_map(str::lines) {
        if !line.trim().is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    let how = how(&findings, newest, verdict);
    page.gap();
    if let Some(command) = &how.command {
        page.paragraph_hanging(indent, indent, &[plain("to mend it, run:")])?;
        page.line(indent + 4, &[span(Look::Paste, command)])?;
        page.paragraph_hanging(indent, indent, &[plain(how.then)])?;
    } else {
        page.paragraph_hanging(indent, indent, &[plain(format!("to mend it, {}", how.then))])?;
    }
    for line in lines {
        page.line(indent + 4, &[span(Look::Paste, escape::terminal(line.as_bytes(), usize::MAX))])?;
    }
    if findings.iter().any(|finding| finding.who != AUTHOR) {
        // The block must not read as an invitation to write down a review that nobody gave.
        let only = "what others have to give goes in when they have given it, not before";
        page.paragraph_hanging(indent, indent, &[plain(only)])?;
    }
    page.gap();
    Ok(())
}

/// Writes the commands that mend what speaks against a ref itself, each with who has to run it.
pub(super) fn commands(page: &mut Page<'_>, indent: usize, refusals: &[Judgement]) -> io::Result<()> {
    let mut told: Vec<&str> = Vec::new();
    for judgement in refusals {
        let Outcome::Fail(findings) = &judgement.outcome else { continue };
        for finding in findings {
            let Some(command) = finding.paste.as_deref().filter(|command| !told.contains(command)) else {
                continue;
            };
            told.push(command);
            page.gap();
            let who = format!("to mend it, {} runs:", escape::words(&finding.who));
            page.paragraph_hanging(indent, indent, &[plain(who)])?;
            for line in command.lines() {
                let line = escape::terminal(line.as_bytes(), usize::MAX);
                page.line(indent + 4, &[span(Look::Paste, line)])?;
            }
        }
    }
    Ok(())
}

fn findings(verdict: &Verdict) -> impl Iterator<Item = &Finding> {
    // What refuses comes first, as it does in the text above the block.
    [true, false].into_iter().flat_map(move |denying| {
        verdict
            .judgements
            .iter()
            .filter(move |judgement| judgement.denies(verdict.enforced) == denying)
            .filter_map(|judgement| match &judgement.outcome {
                Outcome::Fail(findings) => Some(findings),
                _ => None,
            })
            .flatten()
    })
}

/// What to do before the lines can be pasted.
struct How {
    /// The command that opens the message, if there is one; never wrapped, since it is copied too.
    command: Option<String>,
    then: String,
}

fn how(findings: &[&Finding], newest: bool, verdict: &Verdict) -> How {
    let then = "and set these among the trailers at the end of the message:".to_owned();
    match (verdict.stage, place(findings, verdict)) {
        (Stage::PullRequest, _) => How {
            command: None,
            then: "set these at the end of the pull request's description, or among the trailers of its \
                   last commit:"
                .into(),
        },
        (Stage::CommitMsg, _) | (_, None) => {
            // git keeps the message that a hook has refused, and forgets about it.
            let command = "git commit -eF \"$(git rev-parse --git-path COMMIT_EDITMSG)\"";
            How { command: Some(command.into()), then }
        }
        (_, Some(id)) if newest && verdict.revision == Some(id) => {
            How { command: Some("git commit --amend".into()), then }
        }
        (_, Some(id)) => {
            // A change of several commits usually has a merge among them, which a plain rebase drops.
            let merges = if 1 < verdict.commits { "--rebase-merges " } else { "" };
            How {
                command: Some(format!("git rebase -i {merges}{}^", id.short())),
                then: format!("write `reword` for {}, {then}", id.short()),
            }
        }
    }
}

/// Returns the commit to mend: the one that all findings name, or else the change's last one.
fn place(findings: &[&Finding], verdict: &Verdict) -> Option<Oid> {
    let mut commits = findings.iter().map(|finding| finding.at.commit);
    let first = commits.next().flatten();
    if first.is_some() && commits.all(|commit| commit == first) { first } else { verdict.revision }
}
