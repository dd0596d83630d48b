//! The one block of a change that a developer copies: every line to paste, once, and where to.

use std::io;

use crate::change::{Oid, Stage};
use crate::report::escape;
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};
use crate::verdict::{Finding, Fixer, Judgement, RuleOutcome, Verdict};

/// Who mends a finding unless it says otherwise; see [`Finding::new`].

/// Writes the block; nothing for a change that pasting cannot mend.
///
/// `newest` is true for the last change of its group, which an amended commit mends.
pub(crate) fn write_paste_block(
    page: &mut TerminalPage<'_>,
    indent: usize,
    newest: bool,
    verdict: &Verdict,
) -> io::Result<()> {
    let findings: Vec<_> = list_findings(verdict).filter(|finding| finding.paste.is_some()).collect();
    let mut lines: Vec<&str> = Vec::new();
    for line in findings.iter().filter_map(|finding| finding.paste.as_deref()).flat_map(str::lines) {
        if !line.trim().is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    let how = choose_instructions(&findings, newest, verdict);
    page.request_gap();
    if let Some(command) = &how.command {
        page.write_hanging_paragraph(indent, indent, &[plain_text("to mend it, run:")])?;
        page.write_line(indent + 4, &[styled_text(TextStyle::Paste, command)])?;
        page.write_hanging_paragraph(indent, indent, &[plain_text(how.instruction)])?;
    } else {
        page.write_hanging_paragraph(
            indent,
            indent,
            &[plain_text(format!("to mend it, {}", how.instruction))],
        )?;
    }
    for line in lines {
        page.write_line(
            indent + 4,
            &[styled_text(TextStyle::Paste, escape::escape_terminal(line.as_bytes(), usize::MAX))],
        )?;
    }
    if findings.iter().any(|finding| finding.fixers != [Fixer::Author]) {
        // The block must not read as an invitation to write down a review that nobody gave.
        let only = "what others have to give goes in when they have given it, not before";
        page.write_hanging_paragraph(indent, indent, &[plain_text(only)])?;
    }
    page.request_gap();
    Ok(())
}

/// Writes the commands that mend what speaks against a ref itself, each with who has to run it.
pub(crate) fn write_fix_commands(
    page: &mut TerminalPage<'_>,
    indent: usize,
    refusals: &[Judgement],
) -> io::Result<()> {
    let mut told: Vec<&str> = Vec::new();
    for judgement in refusals {
        let RuleOutcome::Fail(findings) = &judgement.outcome else { continue };
        for finding in findings {
            let Some(command) = finding.paste.as_deref().filter(|command| !told.contains(command)) else {
                continue;
            };
            told.push(command);
            page.request_gap();
            let who = format!("to mend it, {} runs:", escape::escape_words(&finding.describe_fixers()));
            page.write_hanging_paragraph(indent, indent, &[plain_text(who)])?;
            for line in command.lines() {
                let line = escape::escape_terminal(line.as_bytes(), usize::MAX);
                page.write_line(indent + 4, &[styled_text(TextStyle::Paste, line)])?;
            }
        }
    }
    Ok(())
}

fn list_findings(verdict: &Verdict) -> impl Iterator<Item = &Finding> {
    // What refuses comes first, as it does in the text above the block.
    [true, false].into_iter().flat_map(move |denying| {
        verdict
            .judgements
            .iter()
            .filter(move |judgement| judgement.is_denying(verdict.enforced) == denying)
            .filter_map(|judgement| match &judgement.outcome {
                RuleOutcome::Fail(findings) => Some(findings),
                _ => None,
            })
            .flatten()
    })
}

/// What to do before the lines can be pasted.
struct PasteInstructions {
    /// The command that opens the message, if there is one; never wrapped, since it is copied too.
    command: Option<String>,
    instruction: String,
}

fn choose_instructions(findings: &[&Finding], newest: bool, verdict: &Verdict) -> PasteInstructions {
    let then = "and set these among the trailers at the end of the message:".to_owned();
    match (verdict.stage, find_commit_to_fix(findings, verdict)) {
        (Stage::PullRequest, _) => PasteInstructions {
            command: None,
            instruction:
                "set these at the end of the pull request's description, or among the trailers of its \
                   last commit:"
                    .into(),
        },
        (Stage::CommitMsg, _) | (_, None) => {
            // git keeps the message that a hook has refused, and forgets about it.
            let command = "git commit -eF \"$(git rev-parse --git-path COMMIT_EDITMSG)\"";
            PasteInstructions { command: Some(command.into()), instruction: then }
        }
        (_, Some(id)) if newest && verdict.revision == Some(id) => {
            PasteInstructions { command: Some("git commit --amend".into()), instruction: then }
        }
        (_, Some(id)) => {
            // A change of several commits usually has a merge among them, which a plain rebase drops.
            let merges = if 1 < verdict.commits { "--rebase-merges " } else { "" };
            PasteInstructions {
                command: Some(format!("git rebase -i {merges}{}^", id.short_hex())),
                instruction: format!("write `reword` for {}, {then}", id.short_hex()),
            }
        }
    }
}

/// Returns the commit to mend: the one that all findings name, or else the change's last one.
fn find_commit_to_fix(findings: &[&Finding], verdict: &Verdict) -> Option<Oid> {
    let mut commits = findings.iter().map(|finding| finding.at.commit);
    let first = commits.next().flatten();
    if first.is_some() && commits.all(|commit| commit == first) { first } else { verdict.revision }
}
