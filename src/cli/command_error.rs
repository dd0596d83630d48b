//! How a command ends: its exit code, and why it stopped before a decision.

use std::process::ExitCode;

use crate::change::person::is_invisible;
use crate::gate::UnusablePolicy;
use crate::policy::PolicyErrors;
use crate::verdict::Decision;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandExit {
    /// What was asked about may go on; 0.
    Allowed,
    /// It may not; 1.
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
    /// It was called in a way that it cannot be; the text says how it can.
    Usage(String),
    /// The policy has these faults; it is the one that stands in this commit, if it is in none on
    /// disk.
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
    /// Says in which commit the policy stands that cannot be used.
    pub(crate) fn with_policy_commit(self, called: &str) -> CommandError {
        match self {
            CommandError::InvalidPolicy(errors, _) => {
                CommandError::InvalidPolicy(errors, Some(called.to_owned()))
            }
            other => other,
        }
    }

    pub(crate) fn from_unusable_policy(why: UnusablePolicy, what: &str) -> CommandError {
        match why {
            UnusablePolicy::Absent => CommandError::Usage(format!("there is no {what}")),
            UnusablePolicy::Faulty(errors) => CommandError::InvalidPolicy(errors, None),
        }
    }
}

/// Returns what a message says without what steers a terminal: it may quote a path or a ref.
pub(crate) fn replace_invisible(message: &str) -> String {
    let shown = |one: char| if one != '\n' && is_invisible(one) { char::REPLACEMENT_CHARACTER } else { one };
    message.chars().map(shown).collect()
}

/// Returns true if the reader of our output went away, as `head` does.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    };
    error.chain().any(io)
}
