//! The block that a developer copies: the command that opens the messages, and what to write there.
//!
//! Rewording a commit changes the ids of all later ones. So all messages of a ref are opened by one command,
//! and no command stands below it that names an id.

use std::io;

use crate::change::{Oid, Stage};
use crate::report::content::ReportGroup;
use crate::report::escape;
use crate::report::escape::shell::quote_for_shell;
use crate::report::fix_plan::APPROVAL_WARNING;
use crate::report::ranked_judgements::RankedJudgement;
use crate::report::style::{DeniedMessage, ReportStyle};
use crate::report::terminal::git_lines::{AMEND_COMMAND, build_git_command, open_message_command};
use crate::report::terminal::message_fix::{FixStep, MessageFix, join_with_and, list_message_fixes};
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};
use crate::verdict::{CommitShape, Finding, Fixer, Judgement, RuleOutcome, Verdict};

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
    if fixes.iter().any(|fix| fix.awaits_others) {
        page.write_hanging_paragraph(indent, indent, &[plain_text(APPROVAL_WARNING)])?;
    }
    page.request_gap();
    Ok(())
}

/// Writes the command that rewords these commits of the reader's branch, and what to write in them.
fn write_rewriting(
    page: &mut TerminalPage<'_>,
    indent: usize,
    group: &ReportGroup,
    stage: Stage,
    (fixes, changes): (&[MessageFix<'_>], usize),
    style: &ReportStyle,
) -> io::Result<()> {
    // A server does not know which branch is checked out where its answer is read.
    if stage == Stage::PreReceive
        && let Some(oldest) = fixes.first().and_then(|fix| fix.commit)
    {
        let verb = if group.amendable == Some(oldest) { "ends with" } else { "holds" };
        let place = format!("first, switch to the branch that {verb} {}", oldest.short_hex());
        page.write_hanging_paragraph(indent, indent, &[plain_text(place)])?;
    }
    match fixes {
        [fix] if is_amended(group, fix) => {
            let shape = fix.commit.and_then(|id| find_shape(group, id));
            let may_be_empty = shape.is_some_and(|shape| shape.may_be_empty);
            let option = if may_be_empty { " --allow-empty" } else { "" };
            let command = build_git_command(style, &format!("{AMEND_COMMAND}{option}"));
            write_command(page, indent, "to fix: ", command)?;
            write_steps(page, indent, "then ", &fix.list_steps(Stage::Check))
        }
        fixes => write_rebase(page, indent, group, (fixes, changes), style),
    }
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

/// Returns true if the commit of a fix has landed, so that nothing may rewrite it.
fn is_published(group: &ReportGroup, stage: Stage, fix: &MessageFix<'_>) -> bool {
    matches!(stage, Stage::Landed | Stage::Audit)
        || fix.commit.is_some_and(|id| group.published.contains(&id))
}

/// Returns true if a forge wrote the message of the commit of a fix.
fn is_made_by_forge(group: &ReportGroup, fix: &MessageFix<'_>) -> bool {
    fix.commit.and_then(|id| find_shape(group, id)).is_some_and(|shape| shape.is_made_by_forge)
}

/// Returns true if amending the last commit of a group makes this fix.
fn is_amended(group: &ReportGroup, fix: &MessageFix<'_>) -> bool {
    fix.commit.is_some() && group.amendable == fix.commit
}

/// Writes one command for all messages, and what to write in each of them.
fn write_rebase(
    page: &mut TerminalPage<'_>,
    indent: usize,
    group: &ReportGroup,
    (fixes, changes): (&[MessageFix<'_>], usize),
    style: &ReportStyle,
) -> io::Result<()> {
    let ids: Vec<Oid> = fixes.iter().filter_map(|fix| fix.commit).collect();
    let Some(oldest) = ids.first() else { return Ok(()) };
    let start = if changes > 1 { format!("to fix {changes} changes: ") } else { "to fix: ".to_owned() };
    let command = build_git_command(style, &build_rebase_arguments(group, *oldest));
    write_command(page, indent, &start, command)?;
    let mut words = Vec::new();
    let (merges, others): (Vec<Oid>, Vec<Oid>) = ids.iter().partition(|id| is_merge(group, **id));
    if !others.is_empty() {
        words.push(format!("write `reword` for {}", list_ids(&others)));
    }
    if !merges.is_empty() {
        words.push(format!("write `merge -c` instead of `merge -C` for {}", list_ids(&merges)));
    }
    let opening = words.join(", and ");
    if let [fix] = fixes {
        return write_steps(page, indent, &format!("{opening}, then "), &fix.list_steps(Stage::Check));
    }
    let groups = group_by_steps(fixes);
    if let [(_, steps)] = groups.as_slice() {
        return write_steps(page, indent, &format!("{opening}, then in each "), steps);
    }
    page.write_hanging_paragraph(indent, indent, &[plain_text(format!("{opening}, then"))])?;
    for (ids, steps) in groups {
        write_steps(page, indent, &format!("in {}, ", list_ids(&ids)), &steps)?;
    }
    Ok(())
}

/// Returns the fixes by what has to be done, with the commits for which that is the same.
fn group_by_steps<'report>(fixes: &[MessageFix<'report>]) -> Vec<(Vec<Oid>, Vec<FixStep<'report>>)> {
    let mut groups: Vec<(Vec<Oid>, Vec<FixStep<'report>>)> = Vec::new();
    for fix in fixes {
        let steps = fix.list_steps(Stage::Check);
        match groups.iter_mut().find(|known| known.1 == steps) {
            Some((ids, _)) => ids.extend(fix.commit),
            None => groups.push((fix.commit.into_iter().collect(), steps)),
        }
    }
    groups
}

/// Returns the command and the arguments of git that open the history from this commit on.
fn build_rebase_arguments(group: &ReportGroup, oldest: Oid) -> String {
    let is_of = |verdict: &&Verdict| verdict.commit_shapes.iter().any(|shape| shape.id == oldest);
    let from = group.verdicts.iter().position(|verdict| is_of(&verdict));
    let later = group.verdicts.get(from.unwrap_or(0)..).unwrap_or_default();
    // What is not in the report may hold a merge, which a plain rebase drops.
    let may_hold_merge = from.is_none()
        || group.amendable.is_none()
        || group.omitted_passes > 0
        || group.left_out.have_merges
        || later.iter().flat_map(|verdict| &verdict.commit_shapes).any(|shape| shape.parents > 1);
    let merges = if may_hold_merge { "--rebase-merges " } else { "" };
    let from = match find_shape(group, oldest) {
        Some(CommitShape { parents: 0, .. }) => "--root".to_owned(),
        _ => format!("{}^", oldest.short_hex()),
    };
    // With the name of a branch, a rebase switches to it.
    let branch = match &group.branch_to_switch {
        Some(branch) => format!(" {}", quote_for_shell(&branch.to_lossy())),
        None => String::new(),
    };
    format!("rebase -i {merges}--autostash {from}{branch}")
}

fn find_shape(group: &ReportGroup, id: Oid) -> Option<&CommitShape> {
    group.verdicts.iter().flat_map(|verdict| &verdict.commit_shapes).find(|shape| shape.id == id)
}

fn is_merge(group: &ReportGroup, id: Oid) -> bool {
    find_shape(group, id).is_some_and(|shape| shape.parents > 1)
}

fn list_ids(ids: &[Oid]) -> String {
    let mut words = Vec::new();
    for id in ids {
        words.push(id.short_hex());
    }
    join_with_and(&words)
}

fn write_command(page: &mut TerminalPage<'_>, indent: usize, start: &str, command: String) -> io::Result<()> {
    let command = escape::escape_terminal(command.as_bytes(), usize::MAX);
    page.write_line(indent, &[plain_text(start), styled_text(TextStyle::Paste, command)])
}

/// Writes what to do to one message, after `start`.
fn write_steps(
    page: &mut TerminalPage<'_>,
    indent: usize,
    start: &str,
    steps: &[FixStep<'_>],
) -> io::Result<()> {
    for (index, step) in steps.iter().enumerate() {
        let start = if index == 0 { start } else { "and " };
        page.write_hanging_paragraph(indent, indent, &[plain_text(format!("{start}{}", step.order))])?;
        for (index, lines) in step.lines.iter().enumerate() {
            if index > 0 {
                page.write_line(indent + 2, &[plain_text("or")])?;
            }
            write_paste_lines(page, indent, lines)?;
        }
    }
    Ok(())
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
            let who = match are_trailers {
                true => "to fix: push a change that closes them, with these trailers:".to_owned(),
                false => format!("to fix, {fixers} runs:"),
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

/// Writes lines as they are, since they are copied.
fn write_paste_lines(page: &mut TerminalPage<'_>, indent: usize, lines: &[&str]) -> io::Result<()> {
    for line in lines {
        let line = escape::escape_terminal(line.as_bytes(), usize::MAX);
        page.write_line(indent + 4, &[styled_text(TextStyle::Paste, line)])?;
    }
    Ok(())
}
