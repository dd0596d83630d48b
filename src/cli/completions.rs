//! `changegate completions` and `changegate man`: written from the command line itself.

use std::io::Write as _;

use clap::CommandFactory as _;

use super::{Cli, Exit, Stop};

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate completions bash > ~/.bash_completion.d/changegate
  changegate completions zsh > \"${fpath[1]}/_changegate\"
  changegate completions fish > ~/.config/fish/completions/changegate.fish")]
pub(super) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

/// Print the manual page
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate man | man -l -
  changegate man check > changegate-check.1")]
pub(super) struct ManArgs {
    /// A command that has a page of its own; the whole program if it is left out
    command: Option<String>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "changegate", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(Exit::Allowed)
}

pub(super) fn man(args: &ManArgs) -> Result<Exit, Stop> {
    let mut whole = Cli::command();
    whole.build();
    let command = match &args.command {
        None => whole,
        Some(name) => whole
            .find_subcommand(name)
            .cloned()
            .map(|command| command.name(format!("changegate-{name}").leak() as &'static str))
            .ok_or_else(|| Stop::Wrong(format!("there is no command `{name}`; see changegate --help")))?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    std::io::stdout().lock().write_all(&page)?;
    Ok(Exit::Allowed)
}
