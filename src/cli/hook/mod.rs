//! `changegate hook`: what git calls.

mod commit_msg;
mod post_receive;
mod pre_push;
mod pre_receive;
mod prepare_commit_msg;
pub(super) mod serving;
mod sessions;

use clap::Subcommand;

use super::{Exit, Stop, World};

/// Run as one of git's hooks
///
/// Takes the arguments and the standard input that git gives to the hook of
/// the same name; see githooks(5). `changegate install` writes hooks that call
/// this.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  exec changegate hook commit-msg \"$@\"       in .git/hooks/commit-msg
  exec changegate hook pre-receive           in hooks/pre-receive of a server")]
pub(super) struct Args {
    #[command(subcommand)]
    hook: Hook,
}

#[derive(Debug, Subcommand)]
enum Hook {
    CommitMsg(commit_msg::Args),
    PrepareCommitMsg(prepare_commit_msg::Args),
    PrePush(pre_push::Args),
    PreReceive(pre_receive::Args),
    Update(pre_receive::UpdateArgs),
    PostReceive(post_receive::Args),
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    match &args.hook {
        Hook::CommitMsg(args) => commit_msg::run(args, world),
        Hook::PrepareCommitMsg(args) => prepare_commit_msg::run(args, world),
        Hook::PrePush(args) => pre_push::run(args, world),
        Hook::PreReceive(args) => pre_receive::run(args, world),
        Hook::Update(args) => pre_receive::update(args, world),
        Hook::PostReceive(args) => post_receive::run(args, world),
    }
}
