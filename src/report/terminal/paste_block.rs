//! The block that a developer copies: the command that opens the messages, and what to write there.

use std::io;

use crate::change::Stage;
use crate::report::content::ReportGroup;
use crate::report::escape;
use crate::report::fix_plan::APPROVAL_WARNING;
use crate::report::ranked_judgements::RankedJudgement;
use crate::report::style::{DeniedMessage, ReportStyle};
use crate::report::terminal::message_fix::{MessageFix, list_message_fixes};
use crate::report::terminal::page::{TerminalPage, plain_text};
use crate::report::terminal::rewording::{
    AMEND_COMMAND, build_git_command, group_by_steps, is_made_by_forge, is_published, list_ids,
    write_command, write_paste_lines, write_rewriting, write_steps,
};
use crate::verdict::{Finding, Fixer, Judgement, RuleOutcome, Verdict};

/// What to do about a commit that has landed on the branch that it was for.
const PUBLISHED_ADVICE: &str = "this has landed already, and its history is not rewritten; if the ledger says that \
    something is owed for it, a later change closes that with `For-Change` (`changegate obligations`)";

/// The start of the lines that a commit lacks which lands by this push.
const LANDING_ADVICE: &str = "this lands as it is, and is not rewritten; next time, ";

/// What to do about a commit that stands on a protected branch and is to land on another one.
const HELD_ADVICE: &str = "on a protected branch already, whose history is not rewritten; take over what it changes \
    without the commit itself, by `git merge --squash` or `git cherry-pick`, or ask the policy owner for an exemption";

/// What to do about a message that a forge wrote.
const FORGE_ADVICE: &str = "to fix: the forge wrote this message, so nothing is amended; have it take the message \
    of a squash or a merge from the pull request's title and description (a setting of the repository), end the \
    description with the trailers and nothing below them, and merge again";

/// The line under a command where a hook could not see how git was called.
const OPTIONS_ADVICE: &str =
    "with the options and paths of the refused command, such as `-a`, `-p` or `--amend`, without its message";

/// Writes the block for these changes of a group, which are given by their indexes, oldest first; nothing
/// if pasting fixes none of them.
pub(crate) fn write_paste_block(
    page: &mut TerminalPage<'_>,
    indent: usize,
    group: &ReportGroup,
    indexes: &[usize],
    style: &ReportStyle,
) -> io::Result<()> {
    let (mut fixes, mut changes, mut stage) = (Vec::new(), 0, Stage::Check);
    for verdict in indexes.iter().filter_map(|index| group.verdicts.get(*index)) {
        let more = list_message_fixes(verdict);
        changes += usize::from(!more.is_empty());
        fixes.extend(more);
        stage = verdict.stage;
    }
    if fixes.is_empty() {
        return Ok(());
    }
    page.request_gap();
    match (stage, fixes.as_slice()) {
        _ if stage == Stage::PullRequest || style.denied_message == DeniedMessage::Tried => {
            for fix in &fixes {
                write_steps(page, indent, "to fix, ", &fix.list_steps(stage))?;
            }
        }
        (Stage::PreReceive, fixes) if !group.is_to_land => {
            for (_, steps) in group_by_steps(fixes) {
                write_steps(page, indent, LANDING_ADVICE, &steps)?;
            }
        }
        (Stage::CommitMsg, fixes) if fixes.iter().any(|fix| fix.commit.is_some()) => {
            write_merge_redo(page, indent, group, fixes, style)?;
        }
        (Stage::CommitMsg, _) | (_, [MessageFix { commit: None, .. }]) => {
            write_command(page, indent, "to fix: ", open_message_command(style))?;
            if let DeniedMessage::Kept { is_complete: false, .. } = style.denied_message {
                page.write_hanging_paragraph(indent, indent, &[plain_text(OPTIONS_ADVICE)])?;
            }
            for fix in &fixes {
                let steps = match style.denied_message {
                    DeniedMessage::Kept { .. } => fix.list_prefilled_steps(),
                    _ => fix.list_steps(stage),
                };
                write_steps(page, indent, "then ", &steps)?;
            }
        }
        _ => {
            let is_own = |fix: &MessageFix<'_>| !is_published(group, stage, fix);
            write_published_advice(page, indent, group, stage, &fixes)?;
            if fixes.iter().any(|fix| is_made_by_forge(group, fix) && is_own(fix)) {
                page.write_hanging_paragraph(indent, indent, &[plain_text(FORGE_ADVICE)])?;
            }
            // Without the fixes that are left out, the count would be of something else.
            let all = fixes.len();
            fixes.retain(|fix| is_own(fix) && !is_made_by_forge(group, fix));
            let changes = if fixes.len() == all { changes } else { 1 };
            if style.has_work_tree {
                write_rewriting(page, indent, group, stage, (&fixes, changes), style)?;
            } else {
                for fix in &fixes {
                    let commit = fix.commit.map_or_else(String::new, |id| format!(" {}", id.short_hex()));
                    let start = format!("to fix{commit}, in a clone, ");
                    write_steps(page, indent, &start, &fix.list_steps(Stage::Check))?;
                }
            }
        }
    }
    if !group.checkout.keeps_from_rewording() && fixes.iter().any(|fix| fix.awaits_others) {
        page.write_hanging_paragraph(indent, indent, &[plain_text(APPROVAL_WARNING)])?;
    }
    page.request_gap();
    Ok(())
}

/// Returns the fixes of a change whose lines its block shows: none of a message that is not rewritten, or not now.
pub(crate) fn list_shown_fixes<'report>(
    group: &ReportGroup,
    verdict: &'report Verdict,
    style: &ReportStyle,
) -> Vec<MessageFix<'report>> {
    let stage = verdict.stage;
    let mut fixes = list_message_fixes(verdict);
    let is_text_of_reader = stage == Stage::PullRequest
        || style.denied_message == DeniedMessage::Tried
        || (stage == Stage::PreReceive && !group.is_to_land)
        || fixes.iter().all(|fix| fix.commit.is_none());
    if !is_text_of_reader {
        let keeps_lines = style.has_work_tree && group.checkout.keeps_from_rewording();
        fixes.retain(|fix| !keeps_lines && !is_published(group, stage, fix) && !is_made_by_forge(group, fix));
    }
    fixes
}

/// Says what to do about the commits that have landed, if there are any.
fn write_published_advice(
    page: &mut TerminalPage<'_>,
    indent: usize,
    group: &ReportGroup,
    stage: Stage,
    fixes: &[MessageFix<'_>],
) -> io::Result<()> {
    let mut ids = Vec::new();
    for fix in fixes {
        if is_published(group, stage, fix) {
            ids.extend(fix.commit);
        }
    }
    let is_landing_again = match stage {
        Stage::CommitMsg | Stage::PrePush | Stage::PreReceive => true,
        Stage::Check => group.is_to_land,
        Stage::PullRequest | Stage::Landed | Stage::Audit => false,
    };
    let advice = match ids.as_slice() {
        [] if !fixes.iter().any(|fix| is_published(group, stage, fix)) => return Ok(()),
        // A change that comes later leaves these in what lands now.
        [_, ..] if is_landing_again => {
            let verb = if ids.len() == 1 { "is" } else { "are" };
            let start = if stage == Stage::CommitMsg { "then" } else { "to fix" };
            format!("{start}: {} {verb} {HELD_ADVICE}", list_ids(&ids))
        }
        _ => PUBLISHED_ADVICE.to_owned(),
    };
    page.write_hanging_paragraph(indent, indent, &[plain_text(advice)])
}

/// Writes how to make a merge again after the messages of commits that it brings in have been written again.
fn write_merge_redo(
    page: &mut TerminalPage<'_>,
    indent: usize,
    group: &ReportGroup,
    fixes: &[MessageFix<'_>],
    style: &ReportStyle,
) -> io::Result<()> {
    write_command(page, indent, "to fix: ", build_git_command(style, "merge --abort"))?;
    write_published_advice(page, indent, group, Stage::CommitMsg, fixes)?;
    let mut is_merged_again = false;
    for fix in fixes {
        if let Some(id) = fix.commit
            && !is_published(group, Stage::CommitMsg, fix)
        {
            is_merged_again = true;
            let start = format!("then reword {} on the branch that holds it: ", id.short_hex());
            write_steps(page, indent, &start, &fix.list_steps(Stage::Check))?;
        }
    }
    if is_merged_again {
        page.write_hanging_paragraph(indent, indent, &[plain_text("then merge again")])?;
    }
    for fix in fixes {
        if fix.commit.is_none() {
            write_steps(page, indent, "in the message of the merge, ", &fix.list_steps(Stage::CommitMsg))?;
        }
    }
    Ok(())
}

/// Returns the command that opens the message of a commit that a hook looked at.
fn open_message_command(style: &ReportStyle) -> String {
    match &style.denied_message {
        // git keeps the message that a hook has refused, and forgets about it.
        DeniedMessage::Refused | DeniedMessage::Tried => {
            let file = build_git_command(style, "rev-parse --git-path COMMIT_EDITMSG");
            build_git_command(style, &format!("commit -eF \"$({file})\""))
        }
        DeniedMessage::Kept { command, .. } => command.clone(),
        DeniedMessage::Committed | DeniedMessage::JudgedLater => build_git_command(style, AMEND_COMMAND),
    }
}

/// Writes what fixes what speaks against a ref itself: commands, each with who has to run it, and the
/// trailers of a change that closes what is overdue.
pub(crate) fn write_fix_commands(
    page: &mut TerminalPage<'_>,
    indent: usize,
    refusals: &[Judgement],
) -> io::Result<()> {
    let mut written: Vec<&str> = Vec::new();
    let mut has_trailers = false;
    for judgement in refusals {
        let RuleOutcome::Fail(findings) = &judgement.outcome else { continue };
        for finding in findings {
            let Some(text) = finding.paste.as_deref() else { continue };
            let are_trailers = finding.fixers == [Fixer::ObligationOwner];
            // One change closes what is overdue, whichever rule speaks of it.
            if written.contains(&text) || (are_trailers && has_trailers) {
                continue;
            }
            has_trailers |= are_trailers;
            written.push(text);
            page.request_gap();
            let fixers = escape::escape_words(&finding.describe_fixers());
            let who = if are_trailers {
                "to fix: push a change that closes them, with these trailers:".to_owned()
            } else if text.starts_with("git pull ") {
                format!(
                    "to fix, {fixers} runs this on the branch that was pushed, with the name of the remote, if it is \
                     not `origin`:"
                )
            } else {
                format!("to fix, {fixers} runs:")
            };
            page.write_hanging_paragraph(indent, indent, &[plain_text(who)])?;
            write_paste_lines(page, indent, &text.lines().collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

/// Returns true if the block of a change, or the commands of a ref, say who fixes this finding.
pub(crate) fn is_fixer_in_block(ranked: &RankedJudgement<'_>, finding: &Finding) -> bool {
    match ranked.verdict {
        None => finding.paste.is_some() && finding.fixers != [Fixer::ObligationOwner],
        Some(_) => finding.is_for_author() && (finding.paste.is_some() || finding.line_edit.is_some()),
    }
}
