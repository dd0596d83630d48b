//! `changegate approve`: signs an approval of a revision with one's own key, and pushes it to the server.

mod earlier_words;
mod signed_commit;

use std::io::Write as _;

use anyhow::{Context as _, anyhow};

use crate::change::{Commit, CommitMessage, Oid, SignedDecision, Text};
use crate::cli::acts::join_words;
use crate::cli::approve::earlier_words::find_word_date;
use crate::cli::approve::signed_commit::{find_committer, write_signed_commit};
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::lone_push::{find_landing_ref, push_commit, read_output_line, run_git};
use crate::cli::output;
use crate::gate::signed_approvals::approved_commits::{digest_statements, list_approved_commits};
use crate::gate::signed_approvals::{APPROVAL_REF_PREFIX, ApprovalStatement, REPOSITORY_ID_REF};
use crate::git::{PeeledObject, Repository};
use crate::report::escape;
use crate::verdict::quote_for_shell;
use crate::yaml::shorten_for_message;

/// How many commits are listed before they are signed.
const MAX_LISTED_COMMITS: usize = 20;

/// Approve a revision with your own signature
///
/// Signs, with the SSH or OpenPGP key that git signs commits with, that this
/// revision may land on a branch, and pushes that to the server. The approval is
/// a commit on top of the revision; it says which repository, branch, base, tree
/// and statements it is of, so that it counts for nothing else. The server checks
/// the signature by the keys of the policy, and stamps it with its own clock.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate approve                    the revision that is checked out
  changegate approve origin/topic
  changegate approve 1f0c3a9be27d --role security -m \"read the whole of it\"
  changegate approve origin/topic --reject -m \"the key must not be logged\"
  changegate approve origin/topic --revoke

To sign with an SSH key, once:
  git config --global gpg.format ssh
  git config --global user.signingKey ~/.ssh/id_ed25519.pub

To read approvals, and to check one with git alone:
  git fetch origin 'refs/changegate/approvals/*:refs/changegate/approvals/*'
  git log --no-walk --glob='refs/changegate/approvals/*'
  git verify-commit refs/changegate/approvals/ID")]
pub(crate) struct ApproveArgs {
    /// Revision to approve
    #[arg(value_name = "REVISION", default_value = "HEAD")]
    revision: String,

    /// Say that it must not land; your approval of another revision takes that back
    #[arg(long, conflicts_with = "revoke")]
    reject: bool,

    /// Take back what you said before
    #[arg(long)]
    revoke: bool,

    /// Team for which you approve; then it counts for that team alone
    #[arg(long, value_name = "TEAM")]
    role: Option<String>,

    /// Note for the record
    #[arg(short = 'm', long = "message", value_name = "TEXT")]
    message: Option<String>,

    /// Branch that it is to land on [default: the one that the remote's HEAD names]
    #[arg(long = "ref", value_name = "REF")]
    ref_name: Option<String>,

    /// Remote to push to
    #[arg(long, value_name = "REMOTE", default_value = "origin")]
    remote: String,

    /// Keep the approval in this clone, and print how to push it
    #[arg(long)]
    no_push: bool,
}

/// What the server says of itself.
struct ServerState {
    /// The id of the repository.
    repository: Oid,
    /// The full name of the branch that the revision is for.
    target: Text,
    /// What it holds there; for a branch that it does not have yet, what its HEAD holds.
    tip: Oid,
    /// The name of the branch that holds the tip.
    base_branch: Text,
}

pub(crate) fn run_approve(args: &ApproveArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    let revision = find_revision(&repository, &args.revision)?;
    let named = match &args.ref_name {
        Some(name) => Some(find_landing_ref(&repository, Some(name), &args.remote, context)?),
        None => None,
    };
    let server = ask_server(&args.remote, named, context)?;
    let base = find_base(&repository, revision, &server, &args.remote)?;
    let is_new_branch = server.base_branch != server.target;
    let (target, server_tip) = (server.target, server.tip);
    let commits = list_approved_commits(&repository, base, revision)?;
    let decision = match (args.reject, args.revoke) {
        (true, _) => SignedDecision::Rejected,
        (_, true) => SignedDecision::Revoked,
        _ => SignedDecision::Approved,
    };
    let statement = ApprovalStatement {
        decision,
        repository: server.repository,
        target,
        base,
        revision,
        tree: repository.find_tree_and_parent(revision)?.tree,
        statements: digest_statements(&commits),
        role: args.role.as_deref().and_then(join_words),
        note: args.message.as_deref().and_then(join_words),
    };
    let message = CommitMessage::new(Text::new(statement.format_message()));
    if ApprovalStatement::parse_message(&message).as_ref() != Some(&statement) {
        return Err(CommandError::usage(
            "the role, the note and the name of the ref must each fit on one line",
        ));
    }
    let signer = find_committer(context)?;
    write_summary(&statement, is_new_branch, &commits, &signer.1)?;
    if !has_commit(&repository, server_tip) {
        write_outdated_note(&server.base_branch, &args.remote)?;
    }
    let date = find_word_date(&repository, &statement, &signer.1, context.now.as_second())?;
    let commit = write_signed_commit(context, &statement, &message, &signer, date)?;
    let ref_name = format!("{APPROVAL_REF_PREFIX}{commit}");
    // The clone keeps it as well, so that it can be pushed again if a server loses it.
    read_output_line(run_git(context, &["update-ref", &ref_name, &commit], b"")?)?;
    if args.no_push {
        let mut out = std::io::stdout().lock();
        let line = format!("git push {} {ref_name}", args.remote);
        output::ignore_broken_pipe(writeln!(out, "signed; to push it:\n  {}", replace_invisible(&line)))?;
        return Ok(CommandExit::Allowed);
    }
    let pushed = push_commit(context, &commit, (&args.remote, &ref_name), "signed approvals");
    if !matches!(pushed, Ok(CommandExit::Allowed)) {
        read_output_line(run_git(context, &["update-ref", "-d", &ref_name], b"")?)?;
    }
    let pushed = pushed?;
    if pushed == CommandExit::Allowed {
        let mut out = std::io::stdout().lock();
        let word = decision.word();
        let target = escape::escape_terminal(statement.target.as_bytes(), escape::MAX_QUOTE_COLUMNS);
        let line = writeln!(out, "{word} {} for {target}:\n  {commit}", revision.short_hex());
        output::ignore_broken_pipe(line)?;
    }
    Ok(pushed)
}

/// Returns the commit that a name means, after annotated tags have been followed.
fn find_revision(repository: &Repository, named: &str) -> Result<Oid, CommandError> {
    let id = repository.resolve_revision(named)?;
    match repository.peel_tags(id)? {
        PeeledObject::Commit(commit) => Ok(commit),
        PeeledObject::Missing | PeeledObject::Other(_) => {
            Err(CommandError::usage("the revision to approve is not a commit"))
        }
    }
}

/// Asks the remote for the id of its repository, and for what the branch holds there that is named, or that its HEAD names.
fn ask_server(remote: &str, named: Option<Text>, context: &Context) -> Result<ServerState, CommandError> {
    let named = named.map(|name| name.to_lossy().into_owned());
    let branch = named.as_deref().unwrap_or("HEAD");
    let asked =
        run_git(context, &["ls-remote", "--symref", "--", remote, REPOSITORY_ID_REF, branch, "HEAD"], b"")?;
    if !asked.status.success() {
        let why = replace_invisible(String::from_utf8_lossy(&asked.stderr).trim_end());
        return Err(CommandError::Failed(anyhow!("git cannot ask the remote `{remote}`: {why}")));
    }
    let listed = String::from_utf8_lossy(&asked.stdout).into_owned();
    let find = |name: &str| {
        let ids = listed.lines().filter_map(|line| line.split_once('\t'));
        ids.filter(|(_, listed)| *listed == name).find_map(|(id, _)| Oid::from_hex(id))
    };
    let Some(repository) = find(REPOSITORY_ID_REF) else {
        return Err(CommandError::Failed(anyhow!(
            "the server of `{remote}` takes no signed approvals yet; its administrator can fix this with `changegate \
             install --server`"
        )));
    };
    // `git ls-remote` writes what a symbolic ref leads to on a line of its own.
    let head = listed.lines().find_map(|line| line.strip_prefix("ref: ")?.strip_suffix("\tHEAD"));
    // A branch that is yet to be made begins where another one is, which is the remote's HEAD unless somebody says more.
    let (target, base_branch, tip) = match (&named, head) {
        (Some(target), Some(head)) if find(branch).is_none() => {
            (Some(target.as_str()), Some(head), find("HEAD"))
        }
        (Some(target), _) => (Some(target.as_str()), Some(target.as_str()), find(branch)),
        (None, head) => (head, head, find("HEAD")),
    };
    match (target, base_branch, tip) {
        (Some(target), Some(base_branch), Some(tip)) => {
            let (target, base_branch) = (Text::from(target), Text::from(base_branch));
            Ok(ServerState { repository, target, tip, base_branch })
        }
        _ => Err(CommandError::Usage(format!(
            "the remote `{remote}` has no branch `{}`; name the branch that it is to land on with --ref",
            shorten_for_message(branch)
        ))),
    }
}

/// Returns the commit of the target on which a revision builds.
fn find_base(
    repository: &Repository,
    revision: Oid,
    server: &ServerState,
    remote: &str,
) -> Result<Oid, CommandError> {
    let branch = server.base_branch.to_lossy();
    let branch = branch.strip_prefix("refs/heads/").unwrap_or(&branch).to_owned();
    let is_new = server.base_branch != server.target;
    let mut known = vec![server.tip];
    let tracking = format!("refs/remotes/{remote}/{branch}");
    known.extend(repository.resolve_ref(tracking.as_bytes())?.id);
    // Of what the server holds, the clone may have only what it fetched last.
    let tip = known.into_iter().find(|id| has_commit(repository, *id));
    let Some(tip) = tip else {
        return Err(CommandError::Usage(format!(
            "this clone has no commit of `{branch}` of `{remote}`; run: git fetch {remote}"
        )));
    };
    match repository.find_common_ancestor(revision, tip)? {
        Some(base) if base == revision && is_new => Err(CommandError::Usage(format!(
            "`{branch}` has {} already, so a new branch is only asked there what its own rules ask; where these want an \
             approval, put a commit on top (`git commit --allow-empty`), and approve that",
            revision.short_hex()
        ))),
        Some(base) if base == revision => Err(CommandError::Usage(format!(
            "`{branch}` has {} already, so there is nothing to approve",
            revision.short_hex()
        ))),
        Some(base) => Ok(base),
        None => Err(CommandError::Usage(format!(
            "{} and `{branch}` have no common history, so it is not known what would land",
            revision.short_hex()
        ))),
    }
}

/// Returns true if the clone has a commit.
fn has_commit(repository: &Repository, id: Oid) -> bool {
    repository.peel_tags(id).ok() == Some(PeeledObject::Commit(id))
}

/// Says that the server has commits of the branch that the clone lacks: a revision that builds on one of these is refused
/// there.
fn write_outdated_note(branch: &Text, remote: &str) -> Result<(), CommandError> {
    let branch = branch.to_lossy();
    let short = branch.strip_prefix("refs/heads/").unwrap_or(&branch);
    let command = format!("git fetch {} {}", quote_for_shell(remote), quote_for_shell(&branch));
    let shown = escape::escape_terminal(short.as_bytes(), escape::MAX_QUOTE_COLUMNS);
    let mut out = std::io::stderr().lock();
    let note = writeln!(
        out,
        "note: the server has commits of {shown} that this clone lacks; if it refuses the\n\
         approval, fetch them and approve again:\n  {}",
        replace_invisible(&command)
    );
    output::ignore_broken_pipe(note).context("cannot write")?;
    Ok(())
}

/// Says what is going to be signed, and to somebody who wrote a part of it that this may not count.
fn write_summary(
    statement: &ApprovalStatement,
    is_new_branch: bool,
    commits: &[Commit],
    signer: &str,
) -> Result<(), CommandError> {
    let mut out = std::io::stderr().lock();
    let target = escape::escape_terminal(statement.target.as_bytes(), escape::MAX_QUOTE_COLUMNS);
    let yet = if is_new_branch { ", which the server does not have yet" } else { "" };
    let mut lines = vec![match commits.len() {
        1 => format!("1 commit for {target}{yet}:"),
        many => format!("{many} commits for {target}{yet}:"),
    }];
    for commit in commits.iter().take(MAX_LISTED_COMMITS) {
        let id = commit.id.map(|id| id.short_hex().to_string()).unwrap_or_default();
        lines.push(format!("  {id} {}", escape::escape_terminal(commit.message.subject().as_bytes(), 64)));
    }
    if commits.len() > MAX_LISTED_COMMITS {
        lines.push(format!("  and {} more", commits.len() - MAX_LISTED_COMMITS));
    }
    let is_own = |commit: &&Commit| commit.author.email.as_bytes().eq_ignore_ascii_case(signer.as_bytes());
    let own = commits.iter().filter(is_own).count();
    if own > 0 && statement.decision == SignedDecision::Approved {
        let these = if own == commits.len() { "this" } else { "a part of this" };
        lines.push(format!(
            "note: you wrote {these}, and most policies count no approval of one's own change"
        ));
    }
    output::ignore_broken_pipe(writeln!(out, "{}", lines.join("\n"))).context("cannot write")?;
    Ok(())
}
