//! The git command that runs a hook of a clone, with its options.
//!
//! Git does not tell a hook how it was called, and both what git will store and what the user has to run
//! again follow from that. On Linux the arguments of the processes above can be read. Elsewhere, and where
//! another program calls the hook, the command is unknown, and the callers say what to achieve instead.

use crate::verdict::quote_for_shell;

/// The long options of `git commit` that take a value in the next word; the others take none, or one after
/// `=`.
const VALUE_OPTIONS: [&str; 14] = [
    "author",
    "cleanup",
    "date",
    "file",
    "fixup",
    "inter-hunk-context",
    "message",
    "pathspec-from-file",
    "reedit-message",
    "reuse-message",
    "squash",
    "template",
    "trailer",
    "unified",
];

/// The other long options of `git commit`.
const FLAG_OPTIONS: [&str; 28] = [
    "ahead-behind",
    "all",
    "allow-empty",
    "allow-empty-message",
    "amend",
    "branch",
    "dry-run",
    "edit",
    "gpg-sign",
    "include",
    "interactive",
    "long",
    "null",
    "only",
    "patch",
    "pathspec-file-nul",
    "porcelain",
    "post-rewrite",
    "quiet",
    "reset-author",
    "short",
    "signoff",
    "status",
    "untracked-files",
    "verbose",
    "verify",
    "no-verify",
    "no-post-rewrite",
];

/// The short options of `git commit`, with their long names.
const SHORT_OPTIONS: [(u8, &str); 18] = [
    (b'F', "file"),
    (b'm', "message"),
    (b'c', "reedit-message"),
    (b'C', "reuse-message"),
    (b't', "template"),
    (b'U', "unified"),
    (b'S', "gpg-sign"),
    (b'u', "untracked-files"),
    (b'q', "quiet"),
    (b'v', "verbose"),
    (b's', "signoff"),
    (b'e', "edit"),
    (b'a', "all"),
    (b'i', "include"),
    (b'p', "patch"),
    (b'o', "only"),
    (b'n', "no-verify"),
    (b'z', "null"),
];

/// The options before the command that lead to the repository.
const LOCATION_OPTIONS: [&str; 3] = ["-C", "--git-dir", "--work-tree"];

/// The options without a value that make another commit, as people type them.
const RETRIED_FLAGS: [(&str, &str); 11] = [
    ("all", "-a"),
    ("patch", "-p"),
    ("interactive", "--interactive"),
    ("include", "-i"),
    ("only", "-o"),
    ("amend", "--amend"),
    ("reset-author", "--reset-author"),
    ("allow-empty", "--allow-empty"),
    ("allow-empty-message", "--allow-empty-message"),
    ("pathspec-file-nul", "--pathspec-file-nul"),
    ("no-post-rewrite", "--no-post-rewrite"),
];

/// The commands of git that make a commit.
pub(crate) const COMMIT_COMMANDS: [&str; 2] = ["commit", "merge"];

/// A running git command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GitCommand {
    /// The name of the command, such as `commit` or `merge`.
    pub(crate) name: String,
    /// The options of a command that makes a commit, in order, by their long names without hyphens.
    options: Vec<(String, Option<String>)>,
    /// The options that lead git to the repository from the folder of its user, each followed by a space and
    /// quoted for a shell; empty if none are needed there.
    pub(crate) location: String,
    /// The settings that were given to git with `-c`, each followed by a space and quoted for a shell.
    pub(crate) settings: String,
    /// The author that the environment names and the configuration does not, as in `A B <a@example.com>`.
    pub(crate) given_author: Option<String>,
    /// The words that are no options.
    pub(crate) paths: Vec<String>,
    /// The id of its process; `None` for a command that is only text.
    pub(crate) process: Option<String>,
}

impl GitCommand {
    /// Parses a command line; `None` if it is not one of git's.
    pub(crate) fn parse_words(words: &[String]) -> Option<GitCommand> {
        let (program, mut rest) = words.split_first()?;
        let program = program.rsplit('/').next().unwrap_or(program);
        let mut location = String::new();
        let name = match program.strip_prefix("git-") {
            Some(name) => name.to_owned(),
            None if program == "git" => {
                let (name, after) = skip_git_options(rest, &mut location)?;
                rest = after;
                name.to_owned()
            }
            None => return None,
        };
        let mut command = GitCommand { name, location, ..GitCommand::default() };
        if COMMIT_COMMANDS.contains(&command.name.as_str()) {
            command.parse_options(rest);
        }
        Some(command)
    }

    fn parse_options(&mut self, words: &[String]) {
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                self.paths.extend(words.cloned());
                return;
            }
            if let Some(long) = word.strip_prefix("--") {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (complete_option_name(name), Some(value.to_owned())),
                    None => (complete_option_name(long), None),
                };
                let takes_next = value.is_none() && VALUE_OPTIONS.contains(&name.as_str());
                let mut value = if takes_next { words.next().cloned() } else { value };
                // Git has put an end of text in the place of the colon, and what follows seems to be a word.
                if name == "fixup"
                    && let Some(kind) =
                        value.as_mut().filter(|kind| ["amend", "reword"].contains(&kind.as_str()))
                    && let Some(of) = words.next()
                {
                    kind.push_str(&format!(":{of}"));
                }
                self.options.push((name, value));
            } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                self.parse_letters(letters, &mut words);
            } else {
                self.paths.push(word.clone());
            }
        }
    }

    /// Parses short options in one word, of which the last may have a value.
    fn parse_letters<'words>(&mut self, letters: &str, words: &mut impl Iterator<Item = &'words String>) {
        for (index, letter) in letters.char_indices() {
            let rest = letters.get(index + letter.len_utf8()..).unwrap_or_default();
            let known = SHORT_OPTIONS.iter().find(|known| char::from(known.0) == letter);
            let Some((_, name)) = known else { return };
            let attached = if rest.is_empty() { None } else { Some(rest.to_owned()) };
            if VALUE_OPTIONS.contains(name) {
                let value = attached.or_else(|| words.next().cloned());
                return self.options.push(((*name).to_owned(), value));
            }
            if matches!(letter, 'S' | 'u') {
                return self.options.push(((*name).to_owned(), attached));
            }
            self.options.push(((*name).to_owned(), None));
        }
    }

    /// Returns the last value of an option; `None` if it is not given, or taken back.
    pub(crate) fn find_value(&self, name: &str) -> Option<&str> {
        let mut found = None;
        for (known, value) in &self.options {
            if known == name {
                found = value.as_deref();
            } else if known.strip_prefix("no-") == Some(name) {
                found = None;
            }
        }
        found
    }

    /// Returns whether an option is set; `None` if the command line says nothing about it.
    pub(crate) fn find_flag(&self, name: &str) -> Option<bool> {
        let mut found = None;
        for (known, _) in &self.options {
            if known == name {
                found = Some(true);
            } else if known.strip_prefix("no-") == Some(name) {
                found = Some(false);
            }
        }
        found
    }

    fn has_flag(&self, name: &str) -> bool {
        self.find_flag(name) == Some(true)
    }

    /// Returns true if git was told to take an empty message.
    pub(crate) fn allows_empty_message(&self) -> bool {
        self.has_flag("allow-empty-message")
    }

    /// Returns true if the command hands the message to an editor; `None` if that depends on the terminal.
    pub(crate) fn opens_editor(&self) -> Option<bool> {
        if let Some(edit) = self.find_flag("edit") {
            return Some(edit);
        }
        if self.name == "merge" {
            return None;
        }
        let is_plain_fixup = self
            .find_value("fixup")
            .is_some_and(|of| !of.starts_with("amend:") && !of.starts_with("reword:"));
        let is_given =
            ["file", "message", "reuse-message"].iter().any(|name| self.find_value(name).is_some());
        Some(!(is_given || is_plain_fixup))
    }

    /// Returns true if git has read the paths from standard input, where they are gone now.
    pub(crate) fn reads_paths(&self) -> bool {
        self.find_value("pathspec-from-file") == Some("-")
    }

    /// Returns the command that makes the same commit with the message in `file`, which is quoted for a
    /// shell; `keep_comments` is true if lines of it look like comments.
    pub(crate) fn build_retry(&self, file: &str, keep_comments: bool) -> String {
        let git = format!("git {}{}", self.location, self.settings);
        let fixup = self.find_value("fixup").and_then(|fixup| fixup.split_once(':'));
        if let Some(("reword", of)) = fixup {
            // Only git itself makes a commit without what is staged, and it opens no other message then.
            let of = quote_for_shell(of);
            let options = build_message_options(file, keep_comments);
            return format!(
                "{git}commit --no-verify --no-edit --fixup=reword:{of} && {git}commit --amend --only --allow-empty\
                 {options}"
            );
        }
        let mut words = format!("{git}commit");
        if self.name == "commit" {
            if fixup.is_some() && !self.has_flag("allow-empty") {
                words += " --allow-empty";
            }
            for (name, typed) in RETRIED_FLAGS {
                if self.has_flag(name) && (name != "pathspec-file-nul" || !self.reads_paths()) {
                    words += &format!(" {typed}");
                }
            }
            // A message that was taken from another commit came with its author.
            if !self.has_flag("amend")
                && !self.has_flag("reset-author")
                && let Some(from) = self.find_value("reuse-message").or(self.find_value("reedit-message"))
            {
                let from = quote_for_shell(from);
                words += &format!(" --author=\"$(git log -1 --format='%an <%ae>' {from})\"");
                words += &format!(" --date=\"$(git log -1 --format=%ad {from})\"");
            }
            let has_author = ["author", "reuse-message", "reedit-message"]
                .iter()
                .any(|name| self.find_value(name).is_some());
            let keeps_author = self.has_flag("amend") && !self.has_flag("reset-author");
            if let Some(author) = &self.given_author
                && !has_author
                && !keeps_author
            {
                words += &format!(" --author={}", quote_for_shell(author));
            }
            for name in ["author", "date", "pathspec-from-file"] {
                if let Some(value) =
                    self.find_value(name).filter(|_| name != "pathspec-from-file" || !self.reads_paths())
                {
                    words += &format!(" --{name}={}", quote_for_shell(value));
                }
            }
            match (self.find_flag("gpg-sign"), self.find_value("gpg-sign")) {
                (Some(true), Some(key)) => words += &format!(" --gpg-sign={}", quote_for_shell(key)),
                (Some(true), None) => words += " --gpg-sign",
                (Some(false), _) => words += " --no-gpg-sign",
                (None, _) => {}
            }
        }
        words += &build_message_options(file, keep_comments);
        if self.name == "commit" && !self.paths.is_empty() {
            words += " --";
            for path in &self.paths {
                words += &format!(" {}", quote_for_shell(path));
            }
        }
        words
    }
}

/// Returns the options that open the message in `file`.
pub(crate) fn build_message_options(file: &str, keep_comments: bool) -> String {
    let cleanup = if keep_comments { " --cleanup=scissors" } else { "" };
    format!("{cleanup} -eF {file}")
}

/// Returns the name of the command and what follows it, and adds the options that lead to the repository to
/// `location`.
fn skip_git_options<'words>(
    words: &'words [String],
    location: &mut String,
) -> Option<(&'words str, &'words [String])> {
    let mut rest = words;
    while let Some((word, after)) = rest.split_first() {
        let is_location = |name: &&str| {
            word == *name || word.strip_prefix(*name).is_some_and(|value| value.starts_with('='))
        };
        if LOCATION_OPTIONS.iter().any(is_location) {
            location.push_str(&format!("{} ", quote_for_shell(word)));
            if !word.contains('=') {
                location.push_str(&format!("{} ", quote_for_shell(after.first()?)));
            }
        }
        rest = match word.as_str() {
            "-C" | "-c" | "--git-dir" | "--work-tree" | "--namespace" | "--exec-path" | "--config-env" => {
                after.get(1..)?
            }
            option if option.starts_with('-') => after,
            name => return Some((name, after)),
        };
    }
    None
}

/// Returns the whole name of a long option of `git commit`, of which the user may type the start.
fn complete_option_name(typed: &str) -> String {
    let (negation, start) = match typed.strip_prefix("no-") {
        Some(rest) if !["no-verify", "no-post-rewrite"].contains(&typed) => ("no-", rest),
        _ => ("", typed),
    };
    let mut whole = None;
    for name in VALUE_OPTIONS.iter().chain(&FLAG_OPTIONS) {
        if *name == start {
            return format!("{negation}{name}");
        }
        if name.starts_with(start) && whole.is_none() {
            whole = Some(*name);
        }
    }
    format!("{negation}{}", whole.unwrap_or(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> GitCommand {
        let words: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        GitCommand::parse_words(&words).unwrap()
    }

    #[test]
    fn options_are_found_however_they_are_typed() {
        for (line, name, value) in [
            (&["git", "commit", "--cleanup=verbatim"][..], "cleanup", Some("verbatim")),
            (&["git", "commit", "--clean", "strip"], "cleanup", Some("strip")),
            (&["/usr/bin/git", "-C", "a", "-c", "x=y", "commit", "-vam", "text"], "message", Some("text")),
            (&["git", "--no-pager", "commit", "-amtext"], "message", Some("text")),
            (&["git-commit", "-m", "--author", "-F", "x"], "message", Some("--author")),
            (&["git", "commit", "-m", "--author"], "author", None),
            (&["git", "commit", "--", "--author=x"], "author", None),
            (&["git", "commit", "--cleanup=strip", "--no-cleanup"], "cleanup", None),
        ] {
            assert_eq!(parse(line).find_value(name), value, "{line:?}");
        }
        assert_eq!(parse(&["git", "commit", "-vp"]).find_flag("patch"), Some(true));
        assert_eq!(parse(&["git", "commit", "--ame"]).find_flag("amend"), Some(true));
        assert_eq!(parse(&["git", "commit", "--no-verb"]).find_flag("verbose"), Some(false));
        assert_eq!(parse(&["git", "commit", "a", "--", "b"]).paths, ["a", "b"]);
        for other in [&["sh", "commit"][..], &["git"], &[]] {
            let words: Vec<String> = other.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(GitCommand::parse_words(&words), None, "{other:?}");
        }
    }

    #[test]
    fn an_editor_opens_as_git_decides() {
        for (line, opens) in [
            (&["git", "commit"][..], Some(true)),
            (&["git", "commit", "-m", "x"], Some(false)),
            (&["git", "commit", "-m", "x", "-e"], Some(true)),
            (&["git", "commit", "--fixup=HEAD"], Some(false)),
            (&["git", "commit", "--fixup=amend:HEAD"], Some(true)),
            (&["git", "commit", "-c", "HEAD"], Some(true)),
            (&["git", "commit", "--amend", "--no-edit"], Some(false)),
            (&["git", "merge", "x"], None),
            (&["git", "merge", "--no-edit", "x"], Some(false)),
        ] {
            assert_eq!(parse(line).opens_editor(), opens, "{line:?}");
        }
    }

    #[test]
    fn the_same_commit_is_made_again() {
        for (line, again) in [
            (&["git", "commit", "-m", "x"][..], "git commit -eF FILE"),
            (&["git", "commit", "-vam", "x"], "git commit -a -eF FILE"),
            (&["git", "commit", "--amend", "-p"], "git commit -p --amend -eF FILE"),
            (
                &["git", "commit", "--allow-empty", "--author", "A B <a@example.com>", "-S", "a b"],
                "git commit --allow-empty --author='A B <a@example.com>' --gpg-sign -eF FILE -- 'a b'",
            ),
            (&["git", "merge", "-m", "x", "topic"], "git commit -eF FILE"),
            // Git writes over the colon.
            (&["git", "commit", "--fixup=amend", "HEAD"], "git commit --allow-empty -eF FILE"),
            (&["git", "commit", "--fixup", "amend:HEAD", "-a"], "git commit --allow-empty -a -eF FILE"),
            (
                &["git", "commit", "--fixup=reword", "HEAD~1"],
                "git commit --no-verify --no-edit --fixup=reword:HEAD~1 && git commit --amend --only --allow-empty -eF \
                 FILE",
            ),
            (
                &["git", "-c", "a=b", "-C", "a b", "--git-dir=x/.git", "--work-tree", "x", "commit", "-a"],
                "git -C 'a b' --git-dir=x/.git --work-tree x commit -a -eF FILE",
            ),
        ] {
            assert_eq!(parse(line).build_retry("FILE", false), again, "{line:?}");
        }
        assert_eq!(
            parse(&["git", "commit"]).build_retry("FILE", true),
            "git commit --cleanup=scissors -eF FILE"
        );
    }
}
