//! `changegate completions` and `changegate man`: written from the command line itself.

use std::io::Write as _;

use clap::CommandFactory as _;

use crate::cli::CommandLine;
use crate::cli::command_error::{CommandError, CommandExit};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate completions bash > ~/.bash_completion.d/changegate
  changegate completions zsh > \"${fpath[1]}/_changegate\"
  changegate completions fish > ~/.config/fish/completions/changegate.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Print the manual page
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate man | man -l -
  changegate man check > changegate-check.1")]
pub(crate) struct ManPageArgs {
    /// A command that has a page of its own; the whole program if it is left out
    command: Option<String>,
}

pub(crate) fn run_completions(args: &CompletionsArgs) -> Result<CommandExit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut CommandLine::command(), "changegate", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(CommandExit::Allowed)
}

pub(crate) fn run_man(args: &ManPageArgs) -> Result<CommandExit, CommandError> {
    let mut whole = CommandLine::command();
    whole.build();
    let command = match &args.command {
        None => whole,
        Some(name) => whole
            .find_subcommand(name)
            .cloned()
            .map(|command| command.name(format!("changegate-{name}").leak() as &'static str))
            .ok_or_else(|| {
                CommandError::Usage(format!("there is no command `{name}`; see changegate --help"))
            })?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    std::io::stdout().lock().write_all(&page)?;
    Ok(CommandExit::Allowed)
}
