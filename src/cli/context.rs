//! What every command is told beside its own arguments: directory, colours, clock, environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anstream::ColorChoice;
use clap::ValueEnum;
use jiff::Timestamp;

use crate::cli::command_error::CommandError;
use crate::http::ProxySettings;

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColourMode {
    /// Where a terminal reads, NO_COLOR and CLICOLOR_FORCE heeded
    Auto,
    /// In any case
    Always,
    /// Not at all
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

/// What a command is told beside its own arguments.
pub(crate) struct Context {
    pub(crate) directory: PathBuf,
    pub(crate) colour: ColourMode,
    pub(crate) now: Timestamp,
    /// For what may have to wait for others: there, `now` is long ago.
    pub(crate) clock: fn() -> Timestamp,
}

impl Context {
    /// Returns what the environment holds under `name`, if it is not empty.
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    pub(crate) fn read_variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name).filter(|value| !value.is_empty())
    }

    /// Returns the proxy that servers are reached through, as `HTTPS_PROXY` and `NO_PROXY` say.
    pub(crate) fn read_proxies(&self) -> Result<ProxySettings, CommandError> {
        ProxySettings::from_variables(|name| self.read_variable(name)).map_err(CommandError::Usage)
    }

    /// Returns `path` as seen from the directory in which the command runs.
    pub(crate) fn resolve_path(&self, path: impl AsRef<Path>) -> PathBuf {
        if self.directory == Path::new(".") { path.as_ref().to_owned() } else { self.directory.join(path) }
    }
}

/// Returns how many threads may work.
pub(crate) fn count_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(8)
}
