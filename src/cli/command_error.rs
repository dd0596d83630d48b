//! How a command ends: its exit code, and why it stopped before a decision.

use std::process::ExitCode;

use crate::change::person::is_invisible;
use crate::gate::UnusablePolicy;
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::policy::PolicyErrors;
use crate::report::escape::escape_line_start;
use crate::verdict::Decision;
use crate::verdict::quote_for_shell;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandExit {
    /// The change is allowed, or the command has succeeded; 0.
    Allowed,
    /// The change is denied, or a check has failed; 1.
    Denied,
    /// The command or the policy is wrong; 2.
    Invalid,
    /// Something could not be read or written; 3.
    Failed,
}

impl From<CommandExit> for ExitCode {
    fn from(exit: CommandExit) -> ExitCode {
        ExitCode::from(match exit {
            CommandExit::Allowed => 0,
            CommandExit::Denied => 1,
            CommandExit::Invalid => 2,
            CommandExit::Failed => 3,
        })
    }
}

impl CommandExit {
    /// Returns the exit code; of everything that is not allowed it is `code`, if there is one.
    pub(crate) fn with_refusal_code(self, code: Option<u8>) -> ExitCode {
        match code {
            Some(code) if self != CommandExit::Allowed => ExitCode::from(code),
            _ => self.into(),
        }
    }

    /// Returns the exit code that confirms to the script of a hook that this program has ended.
    ///
    /// An empty file, run by a shell, ends with 0, and one that was cut off ends with anything.
    pub(crate) fn confirm_to_hook(self) -> ExitCode {
        ExitCode::from(match self {
            CommandExit::Allowed => 10,
            CommandExit::Denied => 11,
            CommandExit::Invalid => 12,
            CommandExit::Failed => 13,
        })
    }
}

impl From<Decision> for CommandExit {
    fn from(decision: Decision) -> CommandExit {
        match decision {
            Decision::Allow => CommandExit::Allowed,
            Decision::Deny => CommandExit::Denied,
        }
    }
}

/// Why a command stops before it comes to a decision.
#[derive(Debug)]
pub(crate) enum CommandError {
    /// It was called in a way that cannot work; the text says what works.
    Usage(String),
    /// The policy has these faults. The name is that of the commit that holds it; `None` if it is a file.
    InvalidPolicy(PolicyErrors, Option<String>),
    /// Something could not be read or written.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> CommandError {
        CommandError::Failed(error)
    }
}

impl From<std::io::Error> for CommandError {
    fn from(error: std::io::Error) -> CommandError {
        CommandError::Failed(error.into())
    }
}

impl CommandError {
    /// Returns the error of a command that was called in a way that cannot work.
    pub(crate) fn usage(why: impl Into<String>) -> CommandError {
        CommandError::Usage(why.into())
    }

    /// Returns the error of a command that needs a ledger where there is none.
    pub(crate) fn no_ledger(repository: &Repository) -> CommandError {
        let advice = describe_ledger_copy(repository);
        CommandError::Usage(format!("no ledger in this repository: {LEDGER_REF} does not exist; {advice}"))
    }

    /// Returns the error of a command that writes a ledger where that is switched off.
    pub(crate) fn ledger_off() -> CommandError {
        CommandError::usage("the ledger is switched off in this repository (changegate.ledger)")
    }

    /// Adds the name of the commit that holds the unusable policy.
    pub(crate) fn with_policy_commit(self, called: &str) -> CommandError {
        match self {
            CommandError::InvalidPolicy(errors, _) => {
                CommandError::InvalidPolicy(errors, Some(called.to_owned()))
            }
            other => other,
        }
    }

    /// Returns the error of a command that cannot use the policy `what`.
    pub(crate) fn from_unusable_policy(why: UnusablePolicy, what: &str) -> CommandError {
        match why {
            UnusablePolicy::Absent => CommandError::Usage(format!("there is no {what}")),
            UnusablePolicy::Faulty(errors) => CommandError::InvalidPolicy(errors, None),
        }
    }
}

/// Returns a message without characters that steer a terminal: it may quote a path or a ref.
pub(crate) fn replace_invisible(message: &str) -> String {
    let mut shown = String::with_capacity(message.len());
    for one in message.chars() {
        let is_shown = one == '\n' || !is_invisible(one);
        shown.push(if is_shown { one } else { char::REPLACEMENT_CHARACTER });
    }
    shown
}

/// Returns a message of several lines for standard error, which a build log reads too.
///
/// An error can quote a line end from outside, so no line may start like a command of the log.
pub(crate) fn escape_error_message(message: &str) -> String {
    let lines: Vec<String> = replace_invisible(message).split('\n').map(escape_line_start).collect();
    lines.join("\n")
}

/// Returns true if the reader of the output went away, as `head` does.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    for cause in error.chain() {
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::BrokenPipe
        {
            return true;
        }
    }
    false
}

/// Returns how the ledger of the server is copied to this repository, as far as its remotes tell.
pub(crate) fn describe_ledger_copy(repository: &Repository) -> String {
    // What cannot be read names no remote.
    let remotes = repository.list_config_subsections("remote").unwrap_or_default();
    let remote = match remotes.as_slice() {
        many if many.iter().any(|name| name == "origin") => "origin",
        [only] => only,
        [] => {
            return "no remote is configured to copy it from, and a server begins it with the first push"
                .to_owned();
        }
        [_, ..] => return format!("fetch {LEDGER_REF} from the remote that the server is"),
    };
    let remote = quote_for_shell(remote);
    format!("to copy the server's:\n  git fetch {remote} {LEDGER_REF}:{LEDGER_REF}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_an_error_is_a_command_of_the_build_log() {
        assert_eq!(
            escape_error_message("cannot read a\n::error::b\n  ##[group]c\u{1b}\n  git fetch origin"),
            "cannot read a\n\\x3a:error::b\n  \\x23#[group]c\u{fffd}\n  git fetch origin"
        );
    }
}
