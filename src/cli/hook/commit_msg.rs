//! `changegate hook commit-msg`: early help for the author of a commit message.
//!
//! Reports what is missing before the commit is made, and what is checked later. This is never the last
//! word: the server checks again. So it refuses nothing that the server would take: on a branch that is not
//! protected, a commit may lack what another commit of the same change states. The policy is the one that will
//! judge (see [`ClonePolicy`]).

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::change::message::CommitMessage;
use crate::change::{Fact, FactKind, Missing, NeededFacts, Oid, PathChange, Person, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::hook::clone_policy::{ClonePolicy, note_unusable_policy};
use crate::cli::hook::clone_state::{
    OngoingOperation, find_commit_branch, is_evaluating, open_clone, read_merge_heads, rebases_merge,
};
use crate::cli::hook::draft_note::write_draft_note;
use crate::cli::hook::edit_offer::EditOffer;
use crate::cli::hook::git_command::{GitCommand, build_message_options};
use crate::cli::hook::merged_commits::read_merge;
use crate::cli::hook::stored_message::{MessageTidying, find_given_author};
use crate::cli::output::{self, ReportFormatArg};
use crate::gate::published_commits::mark_published_commits;
use crate::gate::push_remote::GateBranch;
use crate::gate::{LoadedPolicy, MessageRequest, UnusablePolicy, judge_message};
use crate::git::{HeadState, Repository};
use crate::policy::{ChangeUnit, Policy};
use crate::report::{
    DeniedMessage, Report, ReportStyle, has_faulty_side_commits, prefill_message, write_deferred_note,
    write_exemption_note,
};
use crate::verdict::Decision;
use crate::verdict::quote_for_shell;

/// Check a commit message before the commit is made
#[derive(Debug, clap::Args)]
pub(crate) struct CommitMsgArgs {
    /// Only warn; never refuse the commit
    #[arg(long)]
    warn: bool,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ReportFormatArg,

    /// File with the message
    file: PathBuf,
}

impl CommitMsgArgs {
    /// Returns the arguments of a call without options.
    pub(crate) fn new(file: PathBuf) -> CommitMsgArgs {
        CommitMsgArgs { warn: false, format: ReportFormatArg::Terminal, file }
    }
}

/// The file that keeps the message of a refused commit.
const KEPT_MESSAGE_FILE: &str = "CHANGEGATE_EDITMSG";

/// The longest message that is checked while its author waits. No person writes as much.
const MAX_CHECKED_BYTES: usize = 1 << 20;

/// The start of a subject that `git rebase --autosquash` takes away again.
const AUTOSQUASH_PREFIXES: [&[u8]; 3] = [b"fixup! ", b"squash! ", b"amend! "];

/// A commit that a hook of a clone looks at.
struct PendingCommit<'hook> {
    /// The file that git keeps the message in.
    path: PathBuf,
    /// The message as git will store it.
    message: Vec<u8>,
    tidying: MessageTidying,
    command: Option<GitCommand>,
    repository: Option<Repository>,
    /// What the remote with the gate holds of the branch that the commit is made on.
    gate_branch: Option<GateBranch>,
    context: &'hook Context,
}

pub(crate) fn run_commit_msg(args: &CommitMsgArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let path = context.resolve_path(&args.file);
    let raw = std::fs::read(&path).map_err(|error| {
        CommandError::Failed(anyhow::anyhow!("cannot read the message in `{}`: {error}", path.display()))
    })?;
    let repository = open_clone(context).ok();
    let policy = match ClonePolicy::load_policy(repository.as_ref(), context) {
        Ok(policy) => policy,
        // A repository without a policy has no rules.
        Err(UnusablePolicy::Absent) => return Ok(CommandExit::Allowed),
        Err(UnusablePolicy::Faulty(errors)) => {
            let consequence = "this message is not checked here, because the policy cannot be used; the commit goes on, \
                               and the server decides by its own policy";
            note_unusable_policy(&errors, consequence, context);
            return Ok(CommandExit::Allowed);
        }
    };
    let mut command = GitCommand::find_committing(context);
    let tidying = MessageTidying::read_settings(&raw, command.as_ref(), repository.as_ref(), context);
    if let Some(command) = &mut command {
        command.given_author = find_given_author(repository.as_ref(), context);
    }
    let message = tidying.tidy_message(&raw);
    if message.len() > MAX_CHECKED_BYTES {
        let note = format!(
            "the message has {} bytes, and more than {MAX_CHECKED_BYTES} are not checked here; the server decides",
            message.len()
        );
        let _ = writeln!(std::io::stderr().lock(), "{}", output::wrap_text("changegate: ", 2, &note));
        return Ok(CommandExit::Allowed);
    }
    policy.note_draft(repository.as_ref(), context);
    let ClonePolicy { loaded, gate_branch, is_draft, .. } = policy;
    let mut commit = PendingCommit { path, message, tidying, command, repository, gate_branch, context };
    if commit.is_left_to_git() {
        return Ok(CommandExit::Allowed);
    }
    if is_draft {
        write_draft_note(&commit.judge_message(&loaded));
        return Ok(CommandExit::Allowed);
    }
    if commit.tidying.encoding.is_none() && !commit.is_judged_later(&loaded) && !commit.is_evaluated() {
        return Err(CommandError::Usage(format!(
            "i18n.commitEncoding names an encoding that is unknown or does not keep ASCII, so no server can \
             read the message; to fix:\n  git {}config i18n.commitEncoding UTF-8",
            commit.git_location()
        )));
    }
    let mut is_edited = false;
    while let Some(refused) = commit.report_message(&loaded, args)? {
        let is_kept = matches!(refused, DeniedMessage::Kept { .. });
        let offer = match args.format {
            ReportFormatArg::Terminal if is_kept => {
                EditOffer::find_terminal(commit.command.as_ref(), context)
            }
            _ => None,
        };
        let Some(offer) = offer else { return Ok(CommandExit::Denied) };
        if !offer.ask_to_edit() {
            return Ok(CommandExit::Denied);
        }
        commit.edit_message(&offer)?;
        is_edited = true;
        if commit.is_left_to_git() {
            break;
        }
    }
    if is_edited {
        // Git has the message now.
        let _ = std::fs::remove_file(commit.kept_file());
    }
    Ok(CommandExit::Allowed)
}

impl PendingCommit<'_> {
    /// Returns the file that keeps the message when it is refused.
    fn kept_file(&self) -> PathBuf {
        self.path.with_file_name(KEPT_MESSAGE_FILE)
    }

    /// Returns the options that lead git from the folder of the user to the repository.
    fn git_location(&self) -> &str {
        self.command.as_ref().map_or("", |command| command.location.as_str())
    }

    /// Returns true for an empty message, which git itself refuses, and explains better; false if git was told to
    /// take it.
    fn is_left_to_git(&self) -> bool {
        let is_taken = self.command.as_ref().is_some_and(GitCommand::allows_empty_message);
        self.message.is_empty() && !is_taken
    }

    /// Returns true if nothing is refused in this clone.
    fn is_evaluated(&self) -> bool {
        self.repository.as_ref().is_some_and(is_evaluating)
    }

    /// Returns the message as git shows it.
    fn read_text(&self) -> Text {
        let encoding = self.tidying.encoding.unwrap_or_default();
        Text::new(encoding.decode_text(&self.message).into_owned())
    }

    /// Judges the message and says what is wrong with it. Returns what becomes of it if git must not make the
    /// commit, and `None` if the commit goes on.
    fn report_message(
        &self,
        loaded: &LoadedPolicy,
        args: &CommitMsgArgs,
    ) -> Result<Option<DeniedMessage>, CommandError> {
        let mut report = self.judge_message(loaded);
        let is_denied = report.decision == Decision::Deny;
        if is_denied && let Some(repository) = &self.repository {
            let heads = read_merge_heads(repository.git_dir());
            // A failure makes the advice less good, and no more.
            let _ = mark_published_commits(&mut report, repository, &loaded.policy, &heads, None);
        }
        let denied_message = if args.warn {
            DeniedMessage::Committed
        } else if is_denied && self.is_judged_later(loaded) {
            DeniedMessage::JudgedLater
        } else if is_denied && self.is_evaluated() {
            report.is_evaluation = true;
            DeniedMessage::Committed
        } else if is_denied && !has_faulty_side_commits(&report) {
            self.keep_message(&report)
        } else {
            DeniedMessage::Refused
        };
        let is_refused =
            is_denied && !matches!(denied_message, DeniedMessage::Committed | DeniedMessage::JudgedLater);
        let style = ReportStyle {
            colour: output::stderr_colour(self.context.colour),
            quiet: !is_denied,
            denied_message: denied_message.clone(),
            git_location: self.git_location().to_owned(),
            ..ReportStyle::default()
        };
        let mut out = std::io::stderr().lock();
        output::ignore_broken_pipe(crate::report::write_report(
            args.format.into(),
            &report,
            &style,
            &mut out,
        ))?;
        if !is_denied && args.format == ReportFormatArg::Terminal {
            // On a branch that is not protected, the change is not complete, and nothing has passed yet.
            if self.is_on_protected_branch(loaded) {
                output::ignore_broken_pipe(write_deferred_note(&report, &style, &mut out))?;
            }
            output::ignore_broken_pipe(write_exemption_note(&report, &style, &mut out))?;
        }
        Ok(is_refused.then_some(denied_message))
    }

    /// Has the person at the terminal edit the message, with the lines that are still to fill in, and puts it
    /// where git reads it again after the hook.
    fn edit_message(&mut self, offer: &EditOffer) -> anyhow::Result<()> {
        let kept = self.kept_file();
        offer.edit_file(&kept)?;
        let raw = std::fs::read(&kept)?;
        std::fs::write(&self.path, &raw)?;
        self.message = self.tidying.tidy_message(&raw);
        Ok(())
    }

    /// Judges the message, and with a merge the commits that land together with it.
    fn judge_message(&self, loaded: &LoadedPolicy) -> Report {
        let is_commit_unit = loaded.policy.change_unit == ChangeUnit::Commit;
        let is_protected = self.is_on_protected_branch(loaded);
        let (parents, merged_commits) = match &self.repository {
            // What has landed is not judged again, whichever parent of the merge brings it in.
            Some(repository) if is_protected || !is_commit_unit => {
                let landed = match &self.gate_branch {
                    Some(gate) if is_protected => gate.list_judged_tips(repository).unwrap_or_default(),
                    _ => Vec::new(),
                };
                read_merge(repository, &loaded.policy, &landed).unwrap_or_default()
            }
            _ => Default::default(),
        };
        let request = MessageRequest {
            message: self.read_text(),
            author: read_identity(self.context, "AUTHOR"),
            committer: read_identity(self.context, "COMMITTER"),
            parents,
            paths: self.read_staged_paths(&loaded.policy),
            merged_commits,
            target: self.find_protected_branch(loaded),
            now: self.context.now,
        };
        judge_message(loaded, request)
    }

    /// Returns the paths that the commit will change, if a rule asks for paths and they can be known.
    ///
    /// Git names the index that it commits from. The commit that it is compared with is known only where the
    /// command is, which may amend one.
    fn read_staged_paths(&self, policy: &Policy) -> Fact<Vec<PathChange>> {
        let later = Missing::NotAtThisStage(FactKind::Paths);
        let (Some(repository), Some(command)) = (&self.repository, &self.command) else { return Err(later) };
        if !policy.needed_facts().contains(&FactKind::Paths) {
            return Err(later);
        }
        let Some(index) = self.context.read_variable("GIT_INDEX_FILE") else { return Err(later) };
        let index = self.context.resolve_path(PathBuf::from(index));
        let staged =
            find_commit_base(repository, command).and_then(|base| repository.find_staged_paths(&index, base));
        // What cannot be read here is no fault of the commit: the server reads it from the commit.
        staged.map_err(|_| later)
    }

    /// Returns true if the commit is made on a protected branch, as far as that is known.
    fn is_on_protected_branch(&self, loaded: &LoadedPolicy) -> bool {
        self.find_protected_branch(loaded).is_some()
    }

    /// Returns the full name of the protected branch on which the commit is made, as far as that is known.
    fn find_protected_branch(&self, loaded: &LoadedPolicy) -> Option<Text> {
        let branch = self.repository.as_ref().and_then(find_commit_branch)?;
        loaded.policy.protects_ref(branch.as_bytes()).then_some(branch)
    }

    /// Returns true if the server takes the commit as it is, and only judges the change that it lands with.
    ///
    /// A branch that is not protected takes everything. When it is merged, one of its commits has to state
    /// the fields; where each commit is a change, those remain that a rebase folds into others.
    fn is_judged_later(&self, loaded: &LoadedPolicy) -> bool {
        let Some(repository) = &self.repository else { return false };
        let is_protected = self.is_on_protected_branch(loaded);
        match loaded.policy.change_unit {
            // A rebase makes the commits that a merge brings in one by one, on no branch of theirs.
            ChangeUnit::Step if is_protected => rebases_merge(repository.git_dir()),
            ChangeUnit::Commit if is_protected => false,
            ChangeUnit::Step => true,
            ChangeUnit::Commit => {
                let subject = CommitMessage::new(self.read_text()).subject();
                AUTOSQUASH_PREFIXES.iter().any(|prefix| subject.as_bytes().starts_with(prefix))
            }
        }
    }

    /// Saves the message, with the lines that are still to fill in, beside the file that git will overwrite,
    /// and returns how to go on from it.
    fn keep_message(&self, report: &Report) -> DeniedMessage {
        if self.tidying.is_verbose() {
            // Git leaves the diff in its file, and people make their next commit from that.
            let _ = std::fs::write(&self.path, &self.message);
        }
        let kept = self.kept_file();
        let filled = prefill_message(report, &self.message);
        if std::fs::write(&kept, &filled).is_err() {
            return DeniedMessage::Refused;
        }
        let file = name_from_user_folder(&kept, self.context);
        let keep_comments = self.tidying.looks_commented(&filled);
        let mut command = match &self.command {
            Some(command) => command.build_retry(&file, keep_comments),
            None => format!("git commit{}", build_message_options(&file, keep_comments)),
        };
        if let Some(repository) = &self.repository
            && let Some(next) = OngoingOperation::find_in(repository.git_dir()).continue_command()
        {
            command = format!("{command} && git {}{next}", self.git_location());
        }
        if self.command.as_ref().is_some_and(GitCommand::reads_paths) {
            // What was read is gone, so no command makes the same commit.
            let how = format!("commit again with the same paths, and with `-eF {file}`");
            return DeniedMessage::Kept { command: how, is_complete: true };
        }
        DeniedMessage::Kept { command, is_complete: self.command.is_some() }
    }
}

/// Returns the commit that the changes of a new one are counted from, its first parent; `None` for the first
/// commit of a history.
fn find_commit_base(repository: &Repository, command: &GitCommand) -> anyhow::Result<Option<Oid>> {
    let head = match repository.read_head()? {
        HeadState::Branch(branch) => branch.id,
        HeadState::Detached(id) => Some(id),
    };
    match head {
        Some(head) if command.find_flag("amend") == Some(true) => {
            Ok(repository.read_commit(head, &NeededFacts::new())?.parents.first().copied())
        }
        head => Ok(head),
    }
}

/// Returns the author or committer as git names them. Git sets the author for this hook, and the
/// committer only if the user has set one.
fn read_identity(context: &Context, role: &str) -> Person {
    let name = read_identity_part(context, role, "NAME");
    Person { name, email: read_identity_part(context, role, "EMAIL") }
}

fn read_identity_part(context: &Context, role: &str, part: &str) -> Text {
    let mut value = context.read_variable(&format!("GIT_{role}_{part}"));
    if value.is_none() {
        value = context.read_variable(&format!("GIT_AUTHOR_{part}"));
    }
    Text::new(value.unwrap_or_default().into_encoded_bytes())
}

/// Returns a path as the user writes it in a shell. Git runs hooks at the top of the work tree, and names the
/// folder that the user is in.
fn name_from_user_folder(path: &Path, context: &Context) -> String {
    if path.is_absolute() {
        return quote_for_shell(&path.to_string_lossy());
    }
    let prefix = PathBuf::from(context.read_variable("GIT_PREFIX").unwrap_or_default());
    let mut named = PathBuf::new();
    for _ in prefix.components() {
        named.push("..");
    }
    quote_for_shell(&named.join(path).to_string_lossy())
}
