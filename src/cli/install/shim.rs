//! The text of the hooks.
//!
//! A hook is a few lines of POSIX shell that become the binary by `exec`. A symbolic link to the
//! binary would start faster by what a shell takes (0.8 ms with dash; a chained hook takes 3 ms more,
//! and its own time), but git skips a hook whose link
//! dangles without a word, and a gate that is skipped is open. A copy of the binary cannot dangle,
//! but goes on judging by old rules after an upgrade. The shell, when the binary is gone, is still
//! there to refuse.

use super::Hook;

/// What marks a hook as ours.
const MARK: &str = "# Written by `changegate install`; `changegate uninstall` takes it out again.";

/// What a hook that was there before is called while ours stands in its place.
pub(super) const BEFORE: &str = ".before-changegate";

/// Returns the text of `hook`, which starts `binary` (or what is on the path, where that is `None`
/// or gone). If `chained`, the hook that was there before is run first, with the same arguments and
/// the same input.
pub(crate) fn shim(hook: Hook, binary: Option<&str>, chained: bool) -> String {
    let name = hook.name();
    let places = binary.map_or_else(String::new, |binary| format!("{} ", quoted(binary)));
    let feed = "printf %s \"${input%.}\"";
    let mut text = format!("#!/bin/sh\n{MARK}\n");
    if chained {
        let before = format!("\"${{0%/*}}/{name}{BEFORE}\" \"$@\"");
        // Nobody waits for the answer of post-receive, so it keeps nothing from being done.
        let or = if matches!(hook, Hook::PostReceive) { "" } else { " || exit 1" };
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
        Hook::PreReceive | Hook::Update => "\
echo 'changegate: the program is missing on this server, so nothing is accepted' >&2
echo 'changegate: its administrator installs it again, or runs changegate uninstall' >&2
exit 1
"
        .to_owned(),
        Hook::PostReceive => "echo 'changegate: the program is missing on this server' >&2\n".to_owned(),
        Hook::CommitMsg | Hook::PrepareCommitMsg | Hook::PrePush => {
            format!("echo 'changegate: not found, so {name} is skipped; the server asks again' >&2\n")
        }
    };
    text
}

/// What a file in the place of a hook is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// As `install` writes it.
    Ours,
    /// It carries our mark, and was changed afterwards.
    Edited,
    /// Somebody else's.
    Foreign,
}

/// Tells whose hook `text` is.
pub(super) fn whose(hook: Hook, text: &[u8]) -> Whose {
    let Ok(text) = std::str::from_utf8(text) else { return Whose::Foreign };
    if text.lines().nth(1) != Some(MARK) {
        return Whose::Foreign;
    }
    let places =
        text.lines().find_map(|line| line.strip_prefix("for gate in ")?.strip_suffix("changegate; do"));
    let binary = match places {
        None => return Whose::Edited,
        Some("") => None,
        Some(place) => Some(unquoted(place.trim_end())),
    };
    let as_written = [false, true].iter().any(|chained| shim(hook, binary.as_deref(), *chained) == text);
    if as_written { Whose::Ours } else { Whose::Edited }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn unquoted(text: &str) -> String {
    text.trim_start_matches('\'').trim_end_matches('\'').replace("'\\''", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hooks_of_this_repository_are_what_install_writes() {
        for hook in Hook::ALL {
            let path = format!("{}/hooks/{}", env!("CARGO_MANIFEST_DIR"), hook.name());
            let text = shim(hook, None, false);
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{path}");
        }
    }

    #[test]
    fn a_hook_knows_itself_again() {
        for hook in Hook::ALL {
            for binary in [None, Some("/usr/bin/changegate"), Some("/o'pt/a b/changegate")] {
                for chained in [false, true] {
                    let text = shim(hook, binary, chained);
                    assert!(text.lines().count() < 15, "{text}");
                    assert_eq!(whose(hook, text.as_bytes()), Whose::Ours, "{text}");
                    let edited = format!("{text}echo more\n");
                    assert_eq!(whose(hook, edited.as_bytes()), Whose::Edited, "{text}");
                }
            }
        }
        assert_eq!(whose(Hook::PrePush, b"#!/bin/sh\nexec git lfs pre-push \"$@\"\n"), Whose::Foreign);
        assert_eq!(whose(Hook::PrePush, b"\xff\xfe"), Whose::Foreign);
    }
}
