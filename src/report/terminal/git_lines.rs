//! The commands of git that a developer copies.

use crate::report::style::{DeniedMessage, ReportStyle};

/// The command that rewords the last commit; what is staged stays out of it.
pub(crate) const AMEND_COMMAND: &str = "commit --amend --only";

/// Returns a command that runs git for the repository, from the folder of the reader.
pub(crate) fn build_git_command(style: &ReportStyle, arguments: &str) -> String {
    format!("git {}{arguments}", style.git_location)
}

/// Returns the command that opens the message of a commit that a hook looked at.
pub(crate) fn open_message_command(style: &ReportStyle) -> String {
    match &style.denied_message {
        // git keeps the message that a hook has refused, and forgets about it.
        DeniedMessage::Refused | DeniedMessage::Tried => {
            let file = build_git_command(style, "rev-parse --git-path COMMIT_EDITMSG");
            build_git_command(style, &format!("commit -eF \"$({file})\""))
        }
        DeniedMessage::Kept { command, .. } => command.clone(),
        DeniedMessage::Committed | DeniedMessage::JudgedLater => build_git_command(style, AMEND_COMMAND),
    }
}
