//! `changegate hook`: the commands that git runs as hooks.

mod clone_policy;
mod clone_state;
mod commit_msg;
mod config_override;
mod draft_note;
mod edit_offer;
mod git_command;
mod git_process;
mod merged_commits;
mod post_receive;
mod pre_push;
mod pre_receive;
mod prepare_commit_msg;
mod stored_message;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Subcommand;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;

/// Run as one of git's hooks
///
/// Takes the arguments and standard input that git gives to the hook of the same
/// name; see githooks(5). `changegate install` writes hooks that run this.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  exec changegate hook commit-msg \"$@\"       in .git/hooks/commit-msg
  exec changegate hook pre-receive           in hooks/pre-receive of a server")]
pub(crate) struct HookArgs {
    /// End with 10 more than the usual exit code, which no program ends with that is damaged
    #[arg(long, hide = true)]
    pub(crate) confirm: bool,

    /// Exit code of every refusal, in place of 1, 2 and 3
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..), conflicts_with = "confirm")]
    pub(crate) deny_exit: Option<u8>,

    #[command(subcommand)]
    hook: HookSubcommand,
}

#[derive(Debug, Subcommand)]
enum HookSubcommand {
    CommitMsg(commit_msg::CommitMsgArgs),
    PrepareCommitMsg(prepare_commit_msg::PrepareCommitMsgArgs),
    PrePush(pre_push::PrePushArgs),
    PreReceive(pre_receive::PreReceiveArgs),
    Update(pre_receive::UpdateHookArgs),
    PostReceive(post_receive::PostReceiveArgs),
}

impl HookArgs {
    /// Parses what follows `hook` on the command line, if it is what the hook script gives to `commit-msg`;
    /// `None` for every other call, which the library parses.
    ///
    /// This hook runs for each commit, and to prepare the library for one file name costs as much as to judge
    /// the message.
    pub(crate) fn parse_commit_msg(words: &[OsString]) -> Option<HookArgs> {
        let (confirm, words) = match words {
            [first, rest @ ..] if first == "--confirm" => (true, rest),
            words => (false, words),
        };
        let [hook, file] = words else { return None };
        if hook != "commit-msg" || file.is_empty() || file.as_encoded_bytes().starts_with(b"-") {
            return None;
        }
        let hook = HookSubcommand::CommitMsg(commit_msg::CommitMsgArgs::new(PathBuf::from(file)));
        Some(HookArgs { confirm, deny_exit: None, hook })
    }
}

pub(crate) fn run_hook(args: &HookArgs, context: &Context) -> Result<CommandExit, CommandError> {
    match &args.hook {
        HookSubcommand::CommitMsg(args) => commit_msg::run_commit_msg(args, context),
        HookSubcommand::PrepareCommitMsg(args) => prepare_commit_msg::run_prepare_commit_msg(args, context),
        HookSubcommand::PrePush(args) => pre_push::run_pre_push(args, context),
        HookSubcommand::PreReceive(args) => pre_receive::run_pre_receive(args, context),
        HookSubcommand::Update(args) => pre_receive::run_update(args, context),
        HookSubcommand::PostReceive(args) => post_receive::run_post_receive(args, context),
    }
}
