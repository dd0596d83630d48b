//! `changegate completions` and `changegate man`: made from the description of the command line.

use std::io::Write as _;

use crate::cli::command_error::{CommandError, CommandExit};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate completions bash > ~/.bash_completion.d/changegate
  changegate completions zsh > \"${fpath[1]}/_changegate\"
  changegate completions fish > ~/.config/fish/completions/changegate.fish")]
pub(crate) struct CompletionsArgs {
    /// Name of the shell
    shell: clap_complete::Shell,
}

/// Print the manual page
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate man | man -l -
  changegate man check > changegate-check.1")]
pub(crate) struct ManPageArgs {
    /// The command; without it, the whole program
    command: Option<String>,
}

pub(crate) fn run_completions(
    args: &CompletionsArgs,
    mut command_line: clap::Command,
) -> Result<CommandExit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line, "changegate", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(CommandExit::Allowed)
}

pub(crate) fn run_man(
    args: &ManPageArgs,
    mut command_line: clap::Command,
) -> Result<CommandExit, CommandError> {
    command_line.build();
    let command = match &args.command {
        None => command_line,
        Some(name) => {
            let Some(command) = command_line.find_subcommand(name) else {
                return Err(CommandError::Usage(format!(
                    "there is no command `{name}`; `changegate --help` lists the commands"
                )));
            };
            let page_name: &'static str = format!("changegate-{name}").leak();
            command.clone().name(page_name)
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    std::io::stdout().lock().write_all(&page)?;
    Ok(CommandExit::Allowed)
}
