//! The paths that a patch touches. Git reads the patch; only the lines about renames, deletions and modes are
//! looked at here, which `git apply --numstat` does not tell.

use serde_json::{Value, json};

use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::lone_push::run_git;
use crate::cli::policy::lookup::find_work_tree;
use crate::verdict::format_count;
use crate::yaml::shorten_for_message;

/// How the names of files begin in a patch that `git diff` writes, as it is or with `diff.mnemonicPrefix`.
const PATH_PREFIXES: [&str; 8] = ["a/", "b/", "c/", "i/", "o/", "w/", "1/", "2/"];

/// A path that a patch touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PatchedPath {
    pub(super) path: String,
    /// The lines that are added; none for a file that is not text.
    pub(super) added: u64,
    /// The lines that are removed.
    pub(super) removed: u64,
    /// What stands on the lines that are added.
    added_text: String,
    /// What is there afterwards, if that is not a plain file.
    kind: Option<&'static str>,
    /// True if the patch makes the file, and shows it.
    is_new: bool,
    /// True if the file is made of another one, whose lines the patch does not show.
    is_copied: bool,
    /// True for a file that is not text.
    is_binary: bool,
}

impl PatchedPath {
    /// Returns the path as it stands in the map of a change.
    pub(super) fn describe_path(&self) -> Value {
        let mut path = json!({ "path": self.path });
        if let Some(map) = path.as_object_mut() {
            if let Some(kind) = self.kind {
                map.insert("now".into(), kind.into());
            }
            if !self.added_text.is_empty() {
                map.insert("adds".into(), self.added_text.as_str().into());
            }
            if let Some(content) = self.find_content() {
                map.insert("start".into(), content.into());
            }
        }
        path
    }
}

impl PatchedPath {
    /// Returns all that is in the file afterwards; `None` if the patch does not show it.
    pub(super) fn find_content(&self) -> Option<&str> {
        self.is_new.then_some(self.added_text.as_str())
    }

    /// Returns true if nothing is there afterwards.
    pub(super) fn is_deleted(&self) -> bool {
        self.kind == Some("nothing")
    }

    /// Returns true for a file that is not text, whose size the patch does not show.
    pub(super) fn hides_size(&self) -> bool {
        self.is_binary
    }

    /// Returns true if the patch shows every line that is new in the file.
    pub(super) fn shows_added_lines(&self) -> bool {
        let shown = self.added_text.split_inclusive('\n').count();
        self.is_deleted() || (!self.is_copied && !self.is_binary && u64::try_from(shown) == Ok(self.added))
    }
}

/// Returns the paths that a patch touches, also the old one of each that is renamed.
pub(super) fn list_patched_paths(patch: &[u8], context: &Context) -> Result<Vec<PatchedPath>, CommandError> {
    // In a folder, git would pass over the files that are not below it.
    let root = find_work_tree(context);
    let root = root.to_string_lossy();
    let output = run_git(context, &["-C", &root, "apply", "--numstat", "-z", "-"], patch)?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        let why = why.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        return Err(CommandError::Usage(format!("git cannot read the patch: {why}")));
    }
    let mut paths = parse_numstat(&String::from_utf8_lossy(&output.stdout));
    let patch = String::from_utf8_lossy(patch);
    check_heads(&patch, paths.len()).map_err(CommandError::Usage)?;
    add_header_facts(&patch, &mut paths);
    Ok(paths)
}

/// Checks that a patch names its files as `git diff` does: git takes away the first folder of each name, whatever it is.
///
/// # Errors
///
/// Says what is otherwise.
fn check_heads(patch: &str, count: usize) -> Result<(), String> {
    let mut heads = 0;
    let mut head = "";
    let mut old = "";
    let mut is_head = false;
    for line in patch.split('\n').map(|line| line.trim_end_matches('\r')) {
        if let Some(names) = line.strip_prefix("diff --git ") {
            heads += 1;
            head = names;
            is_head = true;
            let first = names.trim_start_matches('"');
            let halves = names.split_at_checked(names.len() / 2);
            let is_same = halves.is_some_and(|(old, new)| new.strip_prefix(' ') == Some(old));
            if is_same || !PATH_PREFIXES.iter().any(|prefix| first.starts_with(prefix)) {
                return Err(describe_names(names));
            }
        } else if line.starts_with("@@ ") || line.starts_with("GIT binary patch") {
            is_head = false;
        }
        if !is_head {
            continue;
        }
        if let Some(name) = line.strip_prefix("rename from ").or_else(|| line.strip_prefix("copy from ")) {
            old = name;
        }
        let new = line.strip_prefix("rename to ").or_else(|| line.strip_prefix("copy to "));
        if new.is_some_and(|new| head.strip_prefix(old).and_then(|rest| rest.strip_prefix(' ')) == Some(new))
        {
            return Err(describe_names(head));
        }
    }
    if heads != count {
        return Err(format!(
            "the patch has {}, and git reads {} in it; write it with `git diff`",
            format_count(heads, "`diff --git` line"),
            format_count(count, "file")
        ));
    }
    Ok(())
}

fn describe_names(head: &str) -> String {
    format!(
        "the patch names its files without `a/` and `b/` (`{}`), so that git would take their first folder for that; \
         write it with `git -c diff.noprefix=false diff`",
        shorten_for_message(head)
    )
}

/// Reads lines of added and removed lines and a path, each ended by a NUL.
fn parse_numstat(text: &str) -> Vec<PatchedPath> {
    let mut paths = Vec::new();
    for entry in text.split('\0') {
        let mut parts = entry.splitn(3, '\t');
        let (Some(added), Some(removed), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        // Of a binary file, a dash stands for the numbers.
        let is_binary = added == "-";
        let (added, removed) = (added.parse().unwrap_or(0), removed.parse().unwrap_or(0));
        paths.push(PatchedPath {
            path: path.to_owned(),
            added,
            removed,
            added_text: String::new(),
            kind: None,
            is_new: false,
            is_copied: false,
            is_binary,
        });
    }
    paths
}

/// Adds what the heads of the files say, deletions, modes, and the old names of renames, and the lines that are added.
fn add_header_facts(patch: &str, paths: &mut Vec<PatchedPath>) {
    let mut file = None;
    let mut is_head = false;
    // The end of a line is part of what a file holds, so that it is left as it is.
    for line in patch.split('\n') {
        if line.starts_with("diff --git ") {
            // Git lists the files in their order.
            file = Some(file.map_or(0, |index: usize| index + 1));
            is_head = true;
        } else if line.starts_with("@@ ") || line.starts_with("GIT binary patch") {
            is_head = false;
        }
        if let (Some(path), false) = (file.and_then(|index| paths.get_mut(index)), is_head) {
            if let Some(text) = line.strip_prefix('+') {
                path.added_text += text;
                path.added_text.push('\n');
            } else if line.starts_with("\\ ") && path.is_new {
                // The only line of a new file that can have no end is the last one.
                path.added_text.pop();
            }
            path.is_new &= !line.starts_with("GIT binary patch");
        }
        let Some(index) = file.filter(|_| is_head) else { continue };
        let line = line.trim_end_matches('\r');
        if let Some(old) = line.strip_prefix("rename from ") {
            let old = PatchedPath {
                path: old.to_owned(),
                added: 0,
                removed: 0,
                added_text: String::new(),
                kind: Some("nothing"),
                is_new: false,
                is_copied: false,
                is_binary: false,
            };
            paths.push(old);
            continue;
        }
        if (line.starts_with("rename to ") || line.starts_with("copy to "))
            && let Some(path) = paths.get_mut(index)
        {
            path.is_copied = true;
        }
        let kind = if line.starts_with("deleted file mode ") {
            Some("nothing")
        } else {
            let mode = line.strip_prefix("new file mode ").or_else(|| line.strip_prefix("new mode "));
            match mode {
                Some("100755") => Some("executable"),
                Some("120000") => Some("symlink"),
                Some("160000") => Some("submodule"),
                _ => None,
            }
        };
        if let Some(path) = paths.get_mut(index) {
            path.kind = kind.or(path.kind);
            path.is_new |= line == "new file mode 100644" || line == "new file mode 100755";
            path.is_new &= !line.starts_with("Binary files ");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_prefix_are_refused() {
        for (names, is_read) in [
            ("a/infra/net.tf b/infra/net.tf", true),
            ("i/infra/net.tf w/infra/net.tf", true),
            ("\"a/in fra\" \"b/in fra\"", true),
            ("infra/net.tf infra/net.tf", false),
            ("a/net.tf a/net.tf", false),
            ("x/infra/net.tf y/infra/net.tf", false),
        ] {
            let patch = format!("diff --git {names}\n@@ -1 +1,2 @@\n a\n+diff --git x x\n");
            assert_eq!(check_heads(&patch, 1).is_ok(), is_read, "{names}");
        }
        let renamed = |head: &str| format!("diff --git {head}\nrename from b/x\nrename to a/x\n");
        assert!(check_heads(&renamed("a/b/x b/a/x"), 1).is_ok());
        assert!(check_heads(&renamed("b/x a/x"), 1).is_err());
        assert!(check_heads("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", 1).is_err());
    }

    #[test]
    fn a_new_file_is_shown_whole() {
        let mut paths = parse_numstat("2\t0\ta\x001\t0\tb\x001\t1\tc\x00-\t-\td\x000\t0\te\x00");
        let patch = "diff --git a/a b/a\nnew file mode 100644\n--- /dev/null\n+++ b/a\n@@ -0,0 +1,2 @@\n+x\r\n+y\n\
            diff --git a/b b/b\nnew file mode 100755\n--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+z\n\
            \\ No newline at end of file\ndiff --git a/c b/c\n--- a/c\n+++ b/c\n@@ -1 +1 @@\n-u\n+v\n\
            diff --git a/d b/d\nnew file mode 100644\nGIT binary patch\nliteral 1\n\
            diff --git a/e b/e\nnew file mode 100644\n";
        add_header_facts(patch, &mut paths);
        let whole: Vec<_> = paths.iter().map(PatchedPath::find_content).collect();
        assert_eq!(whole, [Some("x\r\ny\n"), Some("z"), None, None, Some("")]);
        let shown: Vec<bool> = paths.iter().map(PatchedPath::shows_added_lines).collect();
        assert_eq!(shown, [true, true, true, false, true]);
    }

    #[test]
    fn the_heads_of_a_patch_tell_what_numbers_do_not() {
        let mut paths = parse_numstat("1\t0\ta.sh\x003\t4\tnew.rs\x000\t9\tgone.rs\x00-\t-\tb.png\x00");
        let patch = "diff --git a/a.sh b/a.sh\nnew file mode 100755\n--- /dev/null\n+++ b/a.sh\n@@ -0,0 +1 @@\n+x\n\
            +deleted file mode 100644\ndiff --git a/old.rs b/new.rs\nrename from old.rs\nrename to new.rs\n@@ -1 +1 @@\n\
            diff --git a/gone.rs b/gone.rs\ndeleted file mode 100644\ndiff --git a/b.png b/b.png\nGIT binary patch\n";
        add_header_facts(patch, &mut paths);
        let told: Vec<_> =
            paths.iter().map(|one| (one.path.as_str(), one.added, one.removed, one.kind)).collect();
        let shown: Vec<bool> = paths.iter().map(PatchedPath::shows_added_lines).collect();
        assert_eq!(shown, [false, false, true, false, true]);
        assert_eq!(paths[0].added_text, "x\ndeleted file mode 100644\n");
        assert_eq!(
            told,
            [
                ("a.sh", 1, 0, Some("executable")),
                ("new.rs", 3, 4, None),
                ("gone.rs", 0, 9, Some("nothing")),
                ("b.png", 0, 0, None),
                ("old.rs", 0, 0, Some("nothing")),
            ]
        );
    }
}
