//! The context that every command gets beside its own arguments: directory, colours, clock, environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anstream::ColorChoice;
use clap::ValueEnum;
use jiff::Timestamp;

use crate::cli::command_error::CommandError;
use crate::gate::GateSettings;
use crate::git::Repository;
use crate::http::{ProxySettings, check_authority_file};
use crate::verdict::quote_for_shell;

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColourMode {
    /// On terminals; honours NO_COLOR and CLICOLOR_FORCE
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl ColourMode {
    /// Returns whether colours go to a stream for which `auto` chose `choice`.
    pub(crate) fn uses_colour(self, choice: impl FnOnce() -> ColorChoice) -> bool {
        match self {
            ColourMode::Always => true,
            ColourMode::Never => false,
            ColourMode::Auto => !matches!(choice(), ColorChoice::Never),
        }
    }
}

/// What a command knows beside its own arguments.
pub(crate) struct Context {
    /// The directory in which the command runs.
    pub(crate) directory: PathBuf,
    /// When the output has colours.
    pub(crate) colour: ColourMode,
    /// The time at which the program was started.
    pub(crate) now: Timestamp,
    /// Tells the time after a wait, when `now` is long ago.
    pub(crate) clock: fn() -> Timestamp,
}

impl Context {
    /// Returns what the environment holds under `name`, if it is not empty.
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    pub(crate) fn read_variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name).filter(|value| !value.is_empty())
    }

    /// Returns the proxy that servers are reached through, from `HTTPS_PROXY` and `NO_PROXY`, after a look
    /// at the file that `SSL_CERT_FILE` names.
    pub(crate) fn read_proxies(&self) -> Result<ProxySettings, CommandError> {
        check_authority_file(|name| self.read_variable(name)).map_err(CommandError::Usage)?;
        ProxySettings::from_variables(|name| self.read_variable(name)).map_err(CommandError::Usage)
    }

    /// Returns what the environment holds under `name`, with U+FFFD for what is not UTF-8.
    pub(crate) fn read_text_variable(&self, name: &str) -> Option<String> {
        self.read_variable(name).map(|value| value.to_string_lossy().into_owned())
    }

    /// Returns the git directory that git names to a hook, or the current one.
    pub(crate) fn hook_git_dir(&self) -> PathBuf {
        self.resolve_path(self.read_variable("GIT_DIR").unwrap_or_else(|| OsString::from(".")))
    }

    /// Returns `path` as seen from the directory in which the command runs.
    pub(crate) fn resolve_path(&self, path: impl AsRef<Path>) -> PathBuf {
        if self.directory == Path::new(".") { path.as_ref().to_owned() } else { self.directory.join(path) }
    }

    /// Returns the options with which git runs where this command does, each followed by a space and quoted for
    /// a shell.
    pub(crate) fn git_location(&self) -> String {
        if self.directory == Path::new(".") {
            return String::new();
        }
        format!("-C {} ", quote_for_shell(&self.directory.to_string_lossy()))
    }

    /// Returns the option with which this program runs where this command does, after a space and quoted for a
    /// shell.
    pub(crate) fn program_location(&self) -> String {
        let location = self.git_location();
        if location.is_empty() { location } else { format!(" {}", location.trim_end()) }
    }

    /// Returns the settings of the gate in a repository, or why they cannot be used.
    pub(crate) fn read_gate_settings(&self, repository: &Repository) -> Result<GateSettings, String> {
        GateSettings::read_settings(repository, &|name| self.read_variable(name), count_threads)
    }
}

/// Returns how many threads may work.
pub(crate) fn count_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}
