//! The one block of a change that a developer copies: every line to paste, once, and where to.

use std::io;

use crate::change::{Oid, Stage};
use crate::report::escape;
use crate::report::fix_plan::{APPROVAL_WARNING, add_paste_lines, replaces_line};
use crate::report::ranked_judgements::{RankedJudgement, rank_verdict};
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};
use crate::verdict::{Finding, Judgement, RuleOutcome, Verdict};

/// Writes the block; nothing for a change that pasting cannot fix.
///
/// `is_newest` is true for the last change of its group, which an amended commit fixes.
pub(crate) fn write_paste_block(
    page: &mut TerminalPage<'_>,
    indent: usize,
    is_newest: bool,
    verdict: &Verdict,
) -> io::Result<()> {
    let findings = list_pasted_findings(verdict);
    let mut lines: Vec<&str> = Vec::new();
    for finding in &findings {
        add_paste_lines(&mut lines, finding.paste.as_deref());
    }
    if lines.is_empty() {
        return Ok(());
    }
    let (command, instruction) = choose_instructions(&findings, is_newest, verdict);
    page.request_gap();
    if let Some(command) = command {
        page.write_line(indent, &[plain_text("to fix: "), styled_text(TextStyle::Paste, command)])?;
    }
    page.write_hanging_paragraph(indent, indent, &[plain_text(instruction)])?;
    write_paste_lines(page, indent, &lines)?;
    if findings.iter().any(|finding| !finding.is_for_author()) {
        page.write_hanging_paragraph(indent, indent, &[plain_text(APPROVAL_WARNING)])?;
    }
    page.request_gap();
    Ok(())
}

/// Writes the commands that fix what speaks against a ref itself, each with who has to run it.
pub(crate) fn write_fix_commands(
    page: &mut TerminalPage<'_>,
    indent: usize,
    refusals: &[Judgement],
) -> io::Result<()> {
    let mut written: Vec<&str> = Vec::new();
    for judgement in refusals {
        let RuleOutcome::Fail(findings) = &judgement.outcome else { continue };
        for finding in findings {
            let Some(command) = finding.paste.as_deref() else { continue };
            if written.contains(&command) {
                continue;
            }
            written.push(command);
            page.request_gap();
            let fixers = escape::escape_words(&finding.describe_fixers());
            let who = plain_text(format!("to fix, {fixers} runs:"));
            page.write_hanging_paragraph(indent, indent, &[who])?;
            write_paste_lines(page, indent, &command.lines().collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

/// Returns true if the block of a change, or the commands of a ref, say who fixes this finding.
pub(crate) fn is_fixer_in_block(ranked: &RankedJudgement<'_>, finding: &Finding) -> bool {
    finding.paste.is_some() && (ranked.verdict.is_none() || finding.is_for_author())
}

/// Writes lines as they are, since they are copied.
fn write_paste_lines(page: &mut TerminalPage<'_>, indent: usize, lines: &[&str]) -> io::Result<()> {
    for line in lines {
        let line = escape::escape_terminal(line.as_bytes(), usize::MAX);
        page.write_line(indent + 4, &[styled_text(TextStyle::Paste, line)])?;
    }
    Ok(())
}

/// Returns the findings with a text to paste; those that deny come first, as in the text above.
fn list_pasted_findings(verdict: &Verdict) -> Vec<&Finding> {
    let mut denying = Vec::new();
    let mut others = Vec::new();
    for ranked in rank_verdict(verdict) {
        let RuleOutcome::Fail(findings) = &ranked.judgement.outcome else { continue };
        let list = if ranked.rank.is_denying() { &mut denying } else { &mut others };
        list.extend(findings.iter().filter(|finding| finding.paste.is_some()));
    }
    denying.extend(others);
    denying
}

/// Returns the command that opens the message, if there is one, and where to paste the lines.
fn choose_instructions(
    findings: &[&Finding],
    is_newest: bool,
    verdict: &Verdict,
) -> (Option<String>, String) {
    let verb = if findings.iter().any(|finding| replaces_line(finding)) { "add or replace" } else { "add" };
    let then_add = format!("then {verb} these trailers at the end of the message:");
    match (verdict.stage, find_commit_to_fix(findings, verdict)) {
        (Stage::PullRequest, _) => {
            let place = "at the end of the pull request's description, or as trailers of its last commit";
            (None, format!("to fix, {verb} these lines {place}:"))
        }
        (Stage::CommitMsg, _) | (_, None) => {
            // git keeps the message that a hook has refused, and forgets about it.
            let command = "git commit -eF \"$(git rev-parse --git-path COMMIT_EDITMSG)\"";
            (Some(command.to_owned()), then_add)
        }
        (_, Some(id)) if is_newest && verdict.revision == Some(id) => {
            (Some("git commit --amend".to_owned()), then_add)
        }
        (_, Some(id)) => {
            // A change of several commits usually has a merge among them, which a plain rebase drops.
            let merges = if verdict.commits > 1 { "--rebase-merges " } else { "" };
            let command = format!("git rebase -i {merges}{}^", id.short_hex());
            (Some(command), format!("write `reword` for {}, {then_add}", id.short_hex()))
        }
    }
}

/// Returns the commit to fix: the one that all findings name, or else the last one of the change.
fn find_commit_to_fix(findings: &[&Finding], verdict: &Verdict) -> Option<Oid> {
    let first = findings.first().and_then(|finding| finding.at.commit);
    for finding in findings {
        if finding.at.commit != first {
            return verdict.revision;
        }
    }
    first.or(verdict.revision)
}
