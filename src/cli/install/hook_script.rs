//! The text of the hooks.
//!
//! A hook is a few lines of POSIX shell that run the binary. A symbolic link to the binary would save the
//! start of a shell (0.8 ms with dash; a chained hook takes 3 ms more, and its own time), but git silently
//! skips a hook whose link is broken, and a skipped gate is open. A copy of the binary cannot break, but
//! judges by old rules after an upgrade. A shell script can still refuse when the binary is gone.
//!
//! It does not end in `exec`: a shell takes an empty file, which a full disk leaves of a program, for a
//! script that ends well. The exit codes of `hook --confirm` are those of no other program, so a server
//! refuses whatever else comes, and a clone says so and goes on.

/// The line that marks a hook as written by `install`.
const OWNERSHIP_MARK: &str = "# Written by `changegate install`; `changegate uninstall` removes it.";

/// The wording of hooks that version 0.1.0 wrote, with the current one, so that they are recognised.
const EARLIER_WORDING: [(&str, &str); 4] = [
    ("takes it out again.", "removes it."),
    ("so nothing is accepted'", "so all pushes are refused'"),
    (
        "its administrator installs it again, or runs changegate uninstall'",
        "fix: the server administrator installs changegate again'",
    ),
    ("the server asks again'", "the server checks again'"),
];

/// The suffix of the hook from before `install`.
pub(crate) const BACKUP_SUFFIX: &str = ".before-changegate";

/// A hook of git that changegate installs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GitHook {
    CommitMsg,
    PrepareCommitMsg,
    PrePush,
    PreReceive,
    Update,
    PostReceive,
}

impl GitHook {
    /// All hooks; each is a file in `hooks/` at the root of this repository.
    pub(crate) const ALL: [GitHook; 6] = [
        GitHook::CommitMsg,
        GitHook::PrepareCommitMsg,
        GitHook::PrePush,
        GitHook::PreReceive,
        GitHook::Update,
        GitHook::PostReceive,
    ];
    /// The hooks of a clone, in the order of the output.
    pub(crate) const CLONE_HOOKS: [GitHook; 3] =
        [GitHook::PrepareCommitMsg, GitHook::CommitMsg, GitHook::PrePush];
    /// The hooks of a server, in the order of the output.
    pub(crate) const SERVER_HOOKS: [GitHook; 2] = [GitHook::PreReceive, GitHook::PostReceive];

    /// Returns the name that git gives the hook.
    pub(crate) fn name(self) -> &'static str {
        match self {
            GitHook::CommitMsg => "commit-msg",
            GitHook::PrepareCommitMsg => "prepare-commit-msg",
            GitHook::PrePush => "pre-push",
            GitHook::PreReceive => "pre-receive",
            GitHook::Update => "update",
            GitHook::PostReceive => "post-receive",
        }
    }

    /// Returns true if git writes to the standard input of the hook.
    fn reads_input(self) -> bool {
        matches!(self, GitHook::PrePush | GitHook::PreReceive | GitHook::PostReceive)
    }
}

/// Returns the text of `hook`, which runs `binary`, or the program on the path if that is `None` or gone.
/// If `chained`, the hook from before `install` runs first, with the same arguments and input.
pub(crate) fn render_hook_script(hook: GitHook, binary: Option<&str>, chained: bool) -> String {
    let name = hook.name();
    let program_paths = binary.map_or_else(String::new, |binary| format!("{} ", shell_quote(binary)));
    let feed = "printf %s \"${input%.}\"";
    let mut text = format!("#!/bin/sh\n{OWNERSHIP_MARK}\n");
    if chained {
        let before = format!("\"${{0%/*}}/{name}{BACKUP_SUFFIX}\" \"$@\"");
        // Git ignores the exit code of post-receive, so a failed hook does not stop the next.
        let or = if matches!(hook, GitHook::PostReceive) { "" } else { " || exit 1" };
        if hook.reads_input() {
            // The full stop keeps the last line end, which `$(...)` would drop. A hook need not read its
            // input, so an error of printf is hidden.
            text += "input=$(cat; echo .)\n";
            text += &format!("{feed} 2>/dev/null | {before}{or}\n");
        } else {
            text += &format!("{before}{or}\n");
        }
    }
    text += &format!("for gate in {program_paths}changegate; do\n");
    text += "    command -v \"$gate\" >/dev/null || continue\n";
    let input = if chained && hook.reads_input() { format!("{feed} | ") } else { String::new() };
    text += &format!("    {input}\"$gate\" hook --confirm {name} \"$@\"\n    code=$?\n");
    text += "    case $code in 1[0-3]) exit $((code - 10)) ;; esac\n";
    text += &match hook {
        GitHook::PreReceive | GitHook::Update => "    \
    echo \"changegate: $gate does not work on this server (exit code $code), so all pushes are refused\" >&2
    echo 'changegate: fix: the server administrator installs changegate again' >&2
    exit 1
"
        .to_owned(),
        GitHook::PostReceive => {
            "    echo \"changegate: $gate does not work on this server (exit code $code)\" >&2\n    exit 1\n"
                .to_owned()
        }
        GitHook::CommitMsg | GitHook::PrepareCommitMsg | GitHook::PrePush => format!(
            "    echo \"changegate: $gate does not work (exit code $code), so {name} is skipped; \
             the server checks again\" >&2\n    exit 0\n"
        ),
    };
    text += "done\n";
    text += &match hook {
        GitHook::PreReceive | GitHook::Update => "\
echo 'changegate: the program is missing on this server, so all pushes are refused' >&2
echo 'changegate: fix: the server administrator installs changegate again' >&2
exit 1
"
        .to_owned(),
        GitHook::PostReceive => "echo 'changegate: the program is missing on this server' >&2\n".to_owned(),
        GitHook::CommitMsg | GitHook::PrepareCommitMsg | GitHook::PrePush => {
            format!("echo 'changegate: not found, so {name} is skipped; the server checks again' >&2\n")
        }
    };
    text
}

/// Returns the text that version 0.1.0 wrote, which trusted every program that ended well.
fn render_earlier_script(hook: GitHook, binary: Option<&str>, chained: bool) -> String {
    let name = hook.name();
    let program_paths = binary.map_or_else(String::new, |binary| format!("{} ", shell_quote(binary)));
    let feed = "printf %s \"${input%.}\"";
    let mut text = format!("#!/bin/sh\n{OWNERSHIP_MARK}\n");
    if chained {
        let before = format!("\"${{0%/*}}/{name}{BACKUP_SUFFIX}\" \"$@\"");
        // Git ignores the exit code of post-receive, so a failed hook does not stop the next.
        let or = if matches!(hook, GitHook::PostReceive) { "" } else { " || exit 1" };
        if hook.reads_input() {
            // The full stop keeps the last line end, which `$(...)` would drop. A hook need not read its
            // input, so an error of printf is hidden.
            text += "input=$(cat; echo .)\n";
            text += &format!("{feed} 2>/dev/null | {before}{or}\n");
        } else {
            text += &format!("{before}{or}\n");
        }
    }
    text += &format!("for gate in {program_paths}changegate; do\n");
    if chained && hook.reads_input() {
        text += "    command -v \"$gate\" >/dev/null || continue\n";
        text += &format!("    {feed} | \"$gate\" hook {name} \"$@\"\n    exit\n");
    } else {
        text += &format!("    command -v \"$gate\" >/dev/null && exec \"$gate\" hook {name} \"$@\"\n");
    }
    text += "done\n";
    text += &match hook {
        GitHook::PreReceive | GitHook::Update => "\
echo 'changegate: the program is missing on this server, so all pushes are refused' >&2
echo 'changegate: fix: the server administrator installs changegate again' >&2
exit 1
"
        .to_owned(),
        GitHook::PostReceive => "echo 'changegate: the program is missing on this server' >&2\n".to_owned(),
        GitHook::CommitMsg | GitHook::PrepareCommitMsg | GitHook::PrePush => {
            format!("echo 'changegate: not found, so {name} is skipped; the server checks again' >&2\n")
        }
    };
    text
}

/// The origin of a file at the path of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookOwner {
    /// Exactly as `install` writes it.
    Ours,
    /// Written by `install`, and edited afterwards.
    Edited,
    /// Not written by `install`.
    Foreign,
}

/// Returns the origin of a hook with this text.
pub(crate) fn identify_hook_owner(hook: GitHook, text: &[u8]) -> HookOwner {
    let Ok(text) = std::str::from_utf8(text) else { return HookOwner::Foreign };
    let mut text = text.to_owned();
    for (earlier, current) in EARLIER_WORDING {
        text = text.replace(earlier, current);
    }
    if text.lines().nth(1) != Some(OWNERSHIP_MARK) {
        return HookOwner::Foreign;
    }
    let mut lines = text.lines();
    let program_paths =
        lines.find_map(|line| line.strip_prefix("for gate in ")?.strip_suffix("changegate; do"));
    let binary = match program_paths {
        None => return HookOwner::Edited,
        Some("") => None,
        Some(place) => Some(shell_unquote(place.trim_end())),
    };
    for chained in [false, true] {
        for render in [render_hook_script, render_earlier_script] {
            if render(hook, binary.as_deref(), chained) == text {
                return HookOwner::Ours;
            }
        }
    }
    HookOwner::Edited
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
    fn a_hook_of_the_first_version_is_recognised() {
        let text = "#!/bin/sh
# Written by `changegate install`; `changegate uninstall` takes it out again.
for gate in changegate; do
    command -v \"$gate\" >/dev/null && exec \"$gate\" hook pre-receive \"$@\"
done
echo 'changegate: the program is missing on this server, so nothing is accepted' >&2
echo 'changegate: its administrator installs it again, or runs changegate uninstall' >&2
exit 1
";
        assert_eq!(identify_hook_owner(GitHook::PreReceive, text.as_bytes()), HookOwner::Ours);
    }

    #[test]
    fn a_hook_knows_itself_again() {
        for hook in GitHook::ALL {
            for binary in [None, Some("/usr/bin/changegate"), Some("/o'pt/a b/changegate")] {
                for chained in [false, true] {
                    let text = render_hook_script(hook, binary, chained);
                    assert!(text.lines().count() <= 16, "{text}");
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
