//! The command that rewords commits of the reader's branch, and what to write in them.
//!
//! Rewording a commit changes the ids of all later ones. So all messages of a ref are opened by one command,
//! and no command stands below it that names an id.

use std::io;

use crate::change::{Oid, Stage};
use crate::report::content::ReportGroup;
use crate::report::escape;
use crate::report::reader_checkout::{KeptFiles, RebaseStart, UnfinishedOperation};
use crate::report::style::ReportStyle;
use crate::report::terminal::message_fix::{FixStep, MessageFix, join_with_and, list_message_fixes};
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};
use crate::verdict::{CommitShape, quote_for_shell};

/// The command that rewords the last commit; what is staged stays out of it.
pub(super) const AMEND_COMMAND: &str = "commit --amend --only";

/// Writes the command that rewords these commits of the reader's branch, and what to write in them.
pub(super) fn write_rewriting(
    page: &mut TerminalPage<'_>,
    indent: usize,
    group: &ReportGroup,
    stage: Stage,
    (fixes, changes): (&[MessageFix<'_>], usize),
    style: &ReportStyle,
) -> io::Result<()> {
    if let (Some(operation), [_, ..]) = (group.checkout.unfinished, fixes) {
        return write_unfinished_advice(page, indent, group, operation, style);
    }
    if group.checkout.has_conflicts && !fixes.is_empty() {
        return write_conflict_advice(page, indent, group, style);
    }
    // A server does not know which branch is checked out where its answer is read. One that holds the oldest commit
    // only may lack the others.
    if stage == Stage::PreReceive
        && let Some(oldest) = fixes.first().and_then(|fix| fix.commit)
    {
        let verb = if group.amendable == Some(oldest) { "ends with" } else { "holds" };
        let held = group.scope.pushed_tip().unwrap_or(oldest);
        let place = format!("first, switch to the branch that {verb} {}", held.short_hex());
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

/// Says to end what git has begun: before that it rewords no commit, and afterwards the commits may be others.
fn write_unfinished_advice(
    page: &mut TerminalPage<'_>,
    indent: usize,
    group: &ReportGroup,
    operation: UnfinishedOperation,
    style: &ReportStyle,
) -> io::Result<()> {
    let (noun, command) = operation.describe_with_command();
    let finish =
        if group.checkout.has_conflicts { "resolve its conflicts, and finish it" } else { "finish it" };
    let start =
        format!("a {noun} is not finished here, and git rewords no commit before it is; {finish} by:");
    page.write_hanging_paragraph(indent, indent, &[plain_text(start)])?;
    for (end, word) in [("--continue", None), ("--abort", Some("or drop it by:"))] {
        if let Some(word) = word {
            page.write_hanging_paragraph(indent, indent, &[plain_text(word)])?;
        }
        let command = build_rewriting_command(group, style, &format!("{command} {end}"));
        write_paste_lines(page, indent, &[&command])?;
    }
    page.write_hanging_paragraph(
        indent,
        indent,
        &[plain_text("then run this again, to see how to reword it")],
    )
}

/// Says to resolve conflicts that no operation waits for: before that git makes no commit.
fn write_conflict_advice(
    page: &mut TerminalPage<'_>,
    indent: usize,
    group: &ReportGroup,
    style: &ReportStyle,
) -> io::Result<()> {
    let start =
        "files here have conflicts, and git rewords no commit before they are resolved; list them by:";
    page.write_hanging_paragraph(indent, indent, &[plain_text(start)])?;
    let command = build_rewriting_command(group, style, "diff --name-only --diff-filter=U");
    write_paste_lines(page, indent, &[&command])?;
    let end = "edit each of them and `git add` it, then run this again, to see how to reword the commits";
    page.write_hanging_paragraph(indent, indent, &[plain_text(end)])
}

/// Returns the commits of a group whose messages the report asks to reword, in the order of the report.
pub(crate) fn list_reworded_commits(group: &ReportGroup) -> Vec<Oid> {
    let mut ids = Vec::new();
    for verdict in &group.verdicts {
        for fix in list_message_fixes(verdict) {
            if !is_published(group, verdict.stage, &fix) && !is_made_by_forge(group, &fix) {
                ids.extend(fix.commit);
            }
        }
    }
    ids
}

/// Returns true if the commit of a fix has landed, so that nothing may rewrite it.
pub(super) fn is_published(group: &ReportGroup, stage: Stage, fix: &MessageFix<'_>) -> bool {
    matches!(stage, Stage::Landed | Stage::Audit)
        || fix.commit.is_some_and(|id| group.published.contains(&id))
}

/// Returns true if a forge wrote the message of the commit of a fix.
pub(super) fn is_made_by_forge(group: &ReportGroup, fix: &MessageFix<'_>) -> bool {
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
    let Some(first) = ids.first() else { return Ok(()) };
    let start = if changes > 1 { format!("to fix {changes} changes: ") } else { "to fix: ".to_owned() };
    let kept_files = group.rewrite.as_ref().and_then(|rewrite| rewrite.kept_files.as_ref());
    let (command, opening) = match kept_files {
        Some(kept) => (
            build_filter_command(group, style, &ids, kept),
            format!(
                "this opens the {} of {}, and makes no merge again, as a rebase would",
                if ids.len() == 1 { "message" } else { "messages" },
                list_ids(&ids)
            ),
        ),
        None => {
            let rebase_start =
                group.rewrite.as_ref().map_or(RebaseStart::From(*first), |rewrite| rewrite.start);
            let arguments = build_rebase_arguments(group, rebase_start, &ids);
            (build_rewriting_command(group, style, &arguments), describe_todo_edits(group, &ids))
        }
    };
    write_command(page, indent, &start, command)?;
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

/// Returns what to write in the list of a rebase so that it opens these messages.
fn describe_todo_edits(group: &ReportGroup, ids: &[Oid]) -> String {
    let mut words = Vec::new();
    let (merges, others): (Vec<Oid>, Vec<Oid>) = ids.iter().partition(|id| is_merge(group, **id));
    if !others.is_empty() {
        words.push(format!("write `reword` for {}", list_ids(&others)));
    }
    if !merges.is_empty() {
        words.push(format!("write `merge -c` instead of `merge -C` for {}", list_ids(&merges)));
    }
    words.join(", and ")
}

/// Returns a command that makes the commits of a branch again with the same files and people, and opens the messages
/// `ids` among them.
///
/// In the folder of git, as a bare repository, it touches neither files nor the index, which need no change.
fn build_filter_command(group: &ReportGroup, style: &ReportStyle, ids: &[Oid], kept: &KeptFiles) -> String {
    let git_dir = build_rewriting_command(group, style, "rev-parse --absolute-git-dir");
    let mut patterns = Vec::new();
    for id in ids {
        patterns.push(format!("{}*", id.short_hex()));
    }
    let mut range = match &group.checkout.branch_to_switch {
        Some(branch) if group.checkout.worktree.is_none() => {
            quote_for_shell(&format!("refs/heads/{}", branch.to_lossy()))
        }
        _ => "HEAD".to_owned(),
    };
    for id in &kept.below {
        range.push_str(&format!(" ^{}", id.short_hex()));
    }
    let signing = if kept.are_signed { "--commit-filter 'git commit-tree -S \"$@\"' " } else { "" };
    // Git feeds the message to the filter, so the editor reads from the terminal that errors are written to.
    format!(
        "FILTER_BRANCH_SQUELCH_WARNING=1 git -C \"$({git_dir})\" --bare -c core.bare=true filter-branch -f \
         --msg-filter 'case $GIT_COMMIT in {}) cat >m && eval \"$(git var GIT_EDITOR) m\" <&2 >&2 && \
         git stripspace <m ;; *) cat ;; esac' {signing}{range}",
        patterns.join("|")
    )
}

/// Returns the fixes by what has to be done, with the commits for which that is the same.
pub(super) fn group_by_steps<'report>(
    fixes: &[MessageFix<'report>],
) -> Vec<(Vec<Oid>, Vec<FixStep<'report>>)> {
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

/// Returns the command and the arguments of git that open the history from there on.
fn build_rebase_arguments(group: &ReportGroup, rebase_start: RebaseStart, ids: &[Oid]) -> String {
    // What is not in the report may hold a merge, which a plain rebase drops.
    let may_hold_merge = !matches!(rebase_start, RebaseStart::From(id) if find_shape(group, id).is_some())
        || group.amendable.is_none()
        || group.omitted_passes > 0
        || group.left_out.have_merges
        || group.verdicts.iter().flat_map(|verdict| &verdict.commit_shapes).any(|shape| shape.parents > 1);
    let merges = if may_hold_merge { "--rebase-merges " } else { "" };
    // Git takes a first commit over as it is, and then refuses to amend it if it changes no file. Where there are merges,
    // the option would make commits of others again.
    let has_no_merge = !may_hold_merge || group.rewrite.as_ref().is_some_and(|rewrite| !rewrite.holds_merge);
    let may_be_empty = |id: &Oid| find_shape(group, *id).is_some_and(|shape| shape.may_be_empty);
    let force = if has_no_merge && ids.iter().any(may_be_empty) { "--no-ff " } else { "" };
    let from = match rebase_start {
        RebaseStart::Root => "--root".to_owned(),
        RebaseStart::After(id) => id.short_hex(),
        RebaseStart::From(id) => match find_shape(group, id) {
            Some(CommitShape { parents: 0, .. }) => "--root".to_owned(),
            _ => format!("{}^", id.short_hex()),
        },
    };
    // With the name of a branch, a rebase switches to it, unless another worktree has it.
    let branch = match &group.checkout.branch_to_switch {
        Some(branch) if group.checkout.worktree.is_none() => {
            format!(" {}", quote_for_shell(&branch.to_lossy()))
        }
        _ => String::new(),
    };
    format!("rebase -i {merges}--autostash {force}{from}{branch}")
}

/// Returns a command that runs git where the commits of a group are checked out.
fn build_rewriting_command(group: &ReportGroup, style: &ReportStyle, arguments: &str) -> String {
    match &group.checkout.worktree {
        Some(worktree) => format!("git -C {} {arguments}", quote_for_shell(&worktree.to_string_lossy())),
        None => build_git_command(style, arguments),
    }
}

fn find_shape(group: &ReportGroup, id: Oid) -> Option<&CommitShape> {
    group.verdicts.iter().flat_map(|verdict| &verdict.commit_shapes).find(|shape| shape.id == id)
}

fn is_merge(group: &ReportGroup, id: Oid) -> bool {
    find_shape(group, id).is_some_and(|shape| shape.parents > 1)
}

pub(super) fn list_ids(ids: &[Oid]) -> String {
    let mut words = Vec::new();
    for id in ids {
        words.push(id.short_hex());
    }
    join_with_and(&words)
}

/// Returns a command that runs git for the repository, from the folder of the reader.
pub(super) fn build_git_command(style: &ReportStyle, arguments: &str) -> String {
    format!("git {}{arguments}", style.git_location)
}

pub(super) fn write_command(
    page: &mut TerminalPage<'_>,
    indent: usize,
    start: &str,
    command: String,
) -> io::Result<()> {
    let command = escape::escape_terminal(command.as_bytes(), usize::MAX);
    page.write_line(indent, &[plain_text(start), styled_text(TextStyle::Paste, command)])
}

/// Writes what to do to one message, after `start`.
pub(super) fn write_steps(
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

/// Writes lines as they are, since they are copied.
pub(super) fn write_paste_lines(
    page: &mut TerminalPage<'_>,
    indent: usize,
    lines: &[&str],
) -> io::Result<()> {
    for line in lines {
        let line = escape::escape_terminal(line.as_bytes(), usize::MAX);
        page.write_line(indent + 4, &[styled_text(TextStyle::Paste, line)])?;
    }
    Ok(())
}
