//! What git will store of the message that it hands to a hook of a clone.
//!
//! Git tidies the message after the hook. How depends on the options of the command, on whether an editor
//! was opened, and on the configuration. Unlike on a server, the overrides of `git -c` count: the user of a
//! clone gives them.

use crate::change::message::cleanup::{CleanupMode, clean_up_bytes, clean_up_message, cut_at_scissors};
use crate::change::message::encoding::MessageEncoding;
use crate::cli::context::Context;
use crate::cli::hook::config_override::read_config_overrides;
use crate::cli::hook::git_command::GitCommand;
use crate::git::Repository;

/// The characters among which `core.commentChar = auto` chooses.
const COMMENT_CHARACTERS: &[u8; 10] = b"#;@!$%^&|:";

/// What follows the scissors line that git writes.
const SCISSORS_HINT: &[u8] = b" Do not modify or remove the line above.";

/// How git tidies one message before it stores it.
#[derive(Clone, Debug)]
pub(crate) struct MessageTidying {
    mode: CleanupMode,
    /// What starts a comment; empty if no line can be one.
    pub(crate) comment: Vec<u8>,
    /// True if git adds the diff to the message, and cuts it off again.
    is_verbose: bool,
    /// True if the message was in an editor.
    pub(crate) is_edited: bool,
    /// The encoding that git names in the commit; `None` if no server reads it.
    pub(crate) encoding: Option<MessageEncoding>,
}

impl MessageTidying {
    /// Returns how git will tidy `raw`, the message as the hook finds it.
    pub(crate) fn read_settings(
        raw: &[u8],
        command: Option<&GitCommand>,
        repository: Option<&Repository>,
        context: &Context,
    ) -> MessageTidying {
        let config = CloneConfig { repository, overrides: read_config_overrides(context) };
        // Git sets this for the hook if it opens no editor; a script may have set it before as well.
        let has_no_op_editor = context.read_variable("GIT_EDITOR").is_some_and(|editor| editor == ":");
        let is_edited = match command.and_then(GitCommand::opens_editor) {
            Some(opens) => opens,
            None => !has_no_op_editor,
        };
        let configured = config.find_value("commit", &["cleanup"]);
        let cleanup = command.and_then(|command| command.find_value("cleanup")).or(configured.as_deref());
        let mode = match cleanup {
            Some("whitespace") => CleanupMode::Whitespace,
            Some("verbatim") => CleanupMode::Verbatim,
            Some("strip") => CleanupMode::Strip,
            Some("scissors") if is_edited => CleanupMode::Scissors,
            Some("scissors") => CleanupMode::Whitespace,
            _ if is_edited => CleanupMode::Strip,
            _ => CleanupMode::Whitespace,
        };
        let is_commit = command.is_none_or(|command| command.name == "commit");
        let given = command.and_then(|command| command.find_flag("verbose"));
        let is_verbose = is_commit
            && given.unwrap_or_else(|| {
                config.find_value("commit", &["verbose"]).is_some_and(|value| is_git_true(&value))
                    || (command.is_none() && is_edited && find_git_scissors(raw).is_some())
            });
        let comment = match config.find_value("core", &["commentString", "commentChar"]) {
            Some(comment) if comment.eq_ignore_ascii_case("auto") => detect_comment_char(raw, is_edited),
            Some(comment) => comment.into_bytes(),
            None => b"#".to_vec(),
        };
        let encoding = match config.find_value("i18n", &["commitEncoding"]) {
            Some(name) => MessageEncoding::find_by_name(name.as_bytes()),
            None => Some(MessageEncoding::default()),
        };
        MessageTidying { mode, comment, is_verbose, is_edited, encoding }
    }

    /// Returns the message as git will store it.
    pub(crate) fn tidy_message(&self, raw: &[u8]) -> Vec<u8> {
        let kept = if self.is_verbose { cut_at_scissors(raw, &self.comment) } else { raw };
        match self.encoding {
            Some(encoding) if encoding.is_utf8() => clean_up_message(kept, self.mode, &self.comment),
            _ => clean_up_bytes(kept, self.mode, &self.comment),
        }
    }

    /// Returns true if the message came with a diff, which git cuts off.
    pub(crate) fn is_verbose(&self) -> bool {
        self.is_verbose
    }

    /// Returns true if git takes lines that start like a comment out of the message.
    pub(crate) fn removes_comments(&self) -> bool {
        self.mode == CleanupMode::Strip && !self.comment.is_empty()
    }

    /// Returns true if a line of the message would be lost in an editor, where git takes comments out.
    pub(crate) fn looks_commented(&self, message: &[u8]) -> bool {
        let comment = if self.comment.is_empty() { b"#" } else { self.comment.as_slice() };
        message.split(|byte| *byte == b'\n').any(|line| line.starts_with(comment))
    }
}

/// The configuration of a clone, with what the command line overrides.
struct CloneConfig<'hook> {
    repository: Option<&'hook Repository>,
    overrides: Vec<(String, String)>,
}

impl CloneConfig<'_> {
    /// Returns the value of that of these variables which is set last.
    fn find_value(&self, section: &str, names: &[&str]) -> Option<String> {
        for (key, value) in self.overrides.iter().rev() {
            let Some((known, name)) = key.split_once('.') else { continue };
            if known.eq_ignore_ascii_case(section) && names.iter().any(|one| one.eq_ignore_ascii_case(name)) {
                return Some(value.clone());
            }
        }
        self.repository?.read_last_config_value(section, names).ok()?
    }
}

/// Returns the author that the environment names for a commit, as in `A B <a@example.com>`, if the configuration
/// names another: the same command without that environment would make a commit of somebody else.
pub(crate) fn find_given_author(repository: Option<&Repository>, context: &Context) -> Option<String> {
    let config = CloneConfig { repository, overrides: read_config_overrides(context) };
    let configured =
        |name: &str| config.find_value("author", &[name]).or_else(|| config.find_value("user", &[name]));
    let name = context.read_text_variable("GIT_AUTHOR_NAME")?;
    let email = context.read_text_variable("GIT_AUTHOR_EMAIL")?;
    let is_other = |known: Option<String>, given: &str| known.is_some_and(|known| known.trim() != given);
    if is_other(configured("name"), &name) || is_other(configured("email"), &email) {
        return Some(format!("{name} <{email}>"));
    }
    None
}

/// Returns true for what git takes for yes, or for a number other than 0.
fn is_git_true(value: &str) -> bool {
    !["false", "no", "off", "0", ""].contains(&value.to_ascii_lowercase().as_str())
}

/// Returns the comment character that git chose for this message, with `core.commentChar = auto`.
///
/// Git chooses one that starts no line, so without the lines that it adds for an editor there are no
/// comments. With them it starts the last line, or the scissors above a diff.
fn detect_comment_char(raw: &[u8], is_edited: bool) -> Vec<u8> {
    if !is_edited {
        return Vec::new();
    }
    let end = find_git_scissors(raw);
    if let Some(character) = end.and_then(|at| raw.get(at)) {
        return vec![*character];
    }
    let last = raw.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    match last.and_then(<[u8]>::first) {
        Some(first) if COMMENT_CHARACTERS.contains(first) => vec![*first],
        _ => b"#".to_vec(),
    }
}

/// Returns where the scissors line stands that git has written, whatever starts a comment.
fn find_git_scissors(raw: &[u8]) -> Option<usize> {
    for character in COMMENT_CHARACTERS {
        let above = cut_at_scissors(raw, &[*character]).len();
        let below = raw.get(above..).unwrap_or_default();
        let hint =
            below.split(|byte| *byte == b'\n').nth(1).and_then(|line| line.strip_prefix(&[*character]));
        if hint.is_some_and(|hint| hint.starts_with(SCISSORS_HINT)) {
            return Some(above);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_comment_character_is_found_below_a_diff_too() {
        for (raw, found) in [
            (&b"#1\n\n; Please enter the message\n"[..], &b";"[..]),
            (b"x\n", b"#"),
            (b"#1\n; ------------------------ >8 ------------------------\n; Do not modify or remove the line above.\n+#x\n", b";"),
        ] {
            assert_eq!(detect_comment_char(raw, true), found);
            assert_eq!(detect_comment_char(raw, false), b"");
        }
    }
}
