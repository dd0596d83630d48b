//! The text of the hooks.
//!
//! A hook is a few lines of POSIX shell that become the binary by `exec`. A symbolic link to the
//! binary would start faster by what a shell takes (0.8 ms with dash; a chained hook takes 3 ms more,
//! and its own time), but git skips a hook whose link
//! dangles without a word, and a gate that is skipped is open. A copy of the binary cannot dangle,
//! but goes on judging by old rules after an upgrade. The shell, when the binary is gone, is still
//! there to refuse.

use crate::cli::install::GitHook;

/// What marks a hook as ours.
const OWNERSHIP_MARK: &str = "# Written by `changegate install`; `changegate uninstall` takes it out again.";

/// What a hook that was there before is called while ours stands in its place.
pub(crate) const BACKUP_SUFFIX: &str = ".before-changegate";

/// Returns the text of `hook`, which starts `binary` (or what is on the path, where that is `None`
/// or gone). If `chained`, the hook that was there before is run first, with the same arguments and
/// the same input.
pub(crate) fn render_hook_script(hook: GitHook, binary: Option<&str>, chained: bool) -> String {
    let name = hook.name();
    let places = binary.map_or_else(String::new, |binary| format!("{} ", shell_quote(binary)));
    let feed = "printf %s \"${input%.}\"";
    let mut text = format!("#!/bin/sh\n{OWNERSHIP_MARK}\n");
    if chained {
        let before = format!("\"${{0%/*}}/{name}{BACKUP_SUFFIX}\" \"$@\"");
        // Nobody waits for the answer of post-receive, so it keeps nothing from being done.
        let or = if matches!(hook, GitHook::PostReceive) { "" } else { " || exit 1" };
        if hook.reads_input() {
            // The full stop keeps the last line end, which `$(...)` would drop. A hook need not read
            // its input; that printf could not write it all is no news.
            text += "input=$(cat; echo .)\n";
            text += &format!("{feed} 2>/dev/null | {before}{or}\n");
        } else {
            text += &format!("{before}{or}\n");
        }
    }
    text += &format!("for gate in {places}changegate; do\n");
    if chained && hook.reads_input() {
        text += "    command -v \"$gate\" >/dev/null || continue\n";
        text += &format!("    {feed} | \"$gate\" hook {name} \"$@\"\n    exit\n");
    } else {
        text += &format!("    command -v \"$gate\" >/dev/null && exec \"$gate\" hook {name} \"$@\"\n");
    }
    text += "done\n";
    text += &match hook {
        GitHook::PreReceive | GitHook::Update => "\
echo 'changegate: the program is missing on this server, so nothing is accepted' >&2
echo 'changegate: its administrator installs it again, or runs changegate uninstall' >&2
exit 1
"
        .to_owned(),
        GitHook::PostReceive => "echo 'changegate: the program is missing on this server' >&2\n".to_owned(),
        GitHook::CommitMsg | GitHook::PrepareCommitMsg | GitHook::PrePush => {
            format!("echo 'changegate: not found, so {name} is skipped; the server asks again' >&2\n")
        }
    };
    text
}

/// What a file in the place of a hook is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookOwner {
    /// As `install` writes it.
    Ours,
    /// It carries our mark, and was changed afterwards.
    Edited,
    /// Somebody else's.
    Foreign,
}

/// Tells whose hook `text` is.
pub(crate) fn identify_hook_owner(hook: GitHook, text: &[u8]) -> HookOwner {
    let Ok(text) = std::str::from_utf8(text) else { return HookOwner::Foreign };
    if text.lines().nth(1) != Some(OWNERSHIP_MARK) {
        return HookOwner::Foreign;
    }
    let places =
        text.lines().find_map(|line| line.strip_prefix("for gate in ")?.strip_suffix("changegate; do"));
    let binary = match places {
        None => return HookOwner::Edited,
        Some("") => None,
        Some(place) => Some(shell_unquote(place.trim_end())),
    };
    let as_written =
        [false, true].iter().any(|chained| render_hook_script(hook, binary.as_deref(), *chained) == text);
    if as_written { HookOwner::Ours } else { HookOwner::Edited }
}

fn shell_quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn shell_unquote(text: &str) -> String {
    text.trim_start_matches('\'').trim_end_matches('\'').replace("'\\''", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hooks_of_this_repository_are_what_install_writes() {
        for hook in GitHook::ALL {
            let path = format!("{}/hooks/{}", env!("CARGO_MANIFEST_DIR"), hook.name());
            let text = render_hook_script(hook, None, false);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{path}");
        }
    }

    #[test]
    fn a_hook_knows_itself_again() {
        for hook in GitHook::ALL {
            for binary in [None, Some("/usr/bin/changegate"), Some("/o'pt/a b/changegate")] {
                for chained in [false, true] {
                    let text = render_hook_script(hook, binary, chained);
                    assert!(text.lines().count() < 15, "{text}");
                    assert_eq!(identify_hook_owner(hook, text.as_bytes()), HookOwner::Ours, "{text}");
                    let edited = format!("{text}echo more\n");
                    assert_eq!(identify_hook_owner(hook, edited.as_bytes()), HookOwner::Edited, "{text}");
                }
            }
        }
        assert_eq!(
            identify_hook_owner(GitHook::PrePush, b"#!/bin/sh\nexec git lfs pre-push \"$@\"\n"),
            HookOwner::Foreign
        );
        assert_eq!(identify_hook_owner(GitHook::PrePush, b"\xff\xfe"), HookOwner::Foreign);
    }
}
