//! The rules of the house, held against its files: who imports whom, who names which library, how
//! long a file is, what is called how.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "test code"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// A module imports only from those before it.
const STAIRS: [&str; 19] = [
    "change",
    "pattern",
    "yaml",
    "calendar",
    "verdict",
    "people",
    "vocabulary",
    "fixture",
    "predicates",
    "policy",
    "judge",
    "push",
    "report",
    "git",
    "gate",
    "tickets",
    "github",
    "ledger",
    "cli",
];

/// Libraries that one part of the house alone may name, and why.
const WALLS: [(&str, &[&str], &str); 16] = [
    ("gix", &["git"], "one view of the object store, the quarantine wired once"),
    ("gix_glob", &["pattern"], "one meaning of a pattern"),
    ("regex_automata", &["pattern"], "cost, Unicode and anchoring decided once"),
    ("saphyr_parser", &["yaml"], "one reader of YAML, and it is strict"),
    ("clap", &["cli"], "a user of the library never meets it"),
    ("anyhow", &["git", "gate", "github", "ledger", "cli"], "the errors of the core are data"),
    ("ssh_key", &["git"], "signatures are Git's business"),
    ("pgp", &["git"], "signatures are Git's business"),
    ("annotate_snippets", &["report"], "only reports draw"),
    ("quick_junit", &["report"], "only reports write XML"),
    ("octocrab", &["github"], "whoever asks a forge asks through one door"),
    (
        "ureq",
        &["tickets", "cli"],
        "tickets are asked for and a sweep is told elsewhere; nothing else blocks on a network",
    ),
    ("tokio", &["github"], "nothing else waits for more than one thing"),
    ("futures_util", &["github"], "nothing else waits for more than one thing"),
    ("http_body_util", &["github"], "whoever asks a forge asks through one door"),
    ("pulldown_cmark", &["change"], "one meaning of a description"),
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
        let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new("src"), &mut found);
    found
}

/// Returns which module of the house a file belongs to; nothing for `main.rs` and `lib.rs`.
fn module(path: &Path) -> Option<String> {
    let first = path.strip_prefix("src").unwrap().components().next().unwrap();
    let name = first.as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
    (name != "main" && name != "lib").then_some(name)
}

/// Returns the part of a file before its inline tests.
fn without_tests(text: &str) -> &str {
    let inline = "#[cfg(test)]\nmod tests {";
    text.find(inline).map_or(text, |at| &text[..at])
}

fn is_test_file(path: &Path) -> bool {
    let name = path.file_stem().unwrap().to_str().unwrap();
    matches!(name, "tests" | "samples" | "examples")
        || path.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn every_module_stands_on_the_stairs() {
    for (path, _) in sources() {
        if let Some(module) = module(&path) {
            assert!(STAIRS.contains(&module.as_str()), "{} is on no step", path.display());
        }
    }
}

#[test]
fn imports_only_go_down_the_stairs() {
    for (path, text) in sources() {
        let Some(module) = module(&path) else { continue };
        let step = STAIRS.iter().position(|name| *name == module).unwrap();
        for (number, line) in without_tests(&text).lines().enumerate() {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for (at, _) in line.match_indices("crate::") {
                let rest = &line[at + "crate::".len()..];
                let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(other) = STAIRS.iter().position(|step| *step == name) else { continue };
                assert!(other <= step, "{}:{}: `{module}` imports `{name}`", path.display(), number + 1);
                let reads_values_only = module != "git" || name == "git" || name == "change";
                assert!(reads_values_only, "{}:{}: `git` knows `{name}`", path.display(), number + 1);
            }
        }
    }
}

#[test]
fn the_wire_form_of_records_borrows_nothing_from_judge_and_reports() {
    let wire = Path::new("src/ledger/record/wire");
    let mut files = 0;
    for (path, text) in sources() {
        if !path.starts_with(wire) {
            continue;
        }
        files += 1;
        for (number, line) in text.lines().enumerate() {
            for module in ["report", "gate", "verdict", "people"] {
                let is_used =
                    !line.trim_start().starts_with("//") && line.contains(&format!("crate::{module}"));
                assert!(
                    !is_used,
                    "{}:{}: records must not hold types of `{module}`",
                    path.display(),
                    number + 1
                );
            }
        }
    }
    assert!(files > 0, "{} is empty", wire.display());
}

#[test]
fn libraries_stay_behind_their_walls() {
    for (path, text) in sources() {
        let Some(module) = module(&path).filter(|_| !is_test_file(&path)) else { continue };
        for (number, line) in without_tests(&text).lines().enumerate() {
            let code = line.split("//").next().unwrap();
            for (library, allowed, why) in WALLS {
                let named = code.match_indices(library).any(|(at, _)| {
                    let before = code[..at].chars().next_back();
                    let after = code[at + library.len()..].starts_with("::");
                    after && !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
                });
                assert!(
                    !named || allowed.contains(&module.as_str()),
                    "{}:{}: `{library}` belongs to {allowed:?}: {why}",
                    path.display(),
                    number + 1
                );
            }
        }
    }
}

#[test]
fn a_file_opens_with_what_it_is_for_and_stays_short() {
    for (path, text) in sources() {
        assert!(text.starts_with("//!"), "{} does not say what it is for", path.display());
        let lines = without_tests(&text).lines().count();
        assert!(lines <= 400 || is_test_file(&path), "{} has {lines} lines", path.display());
    }
}

#[test]
fn nothing_is_called_after_nothing() {
    for (path, _) in sources() {
        for part in path.components() {
            let name = part.as_os_str().to_str().unwrap().trim_end_matches(".rs");
            let empty = ["utils", "util", "common", "helpers", "misc", "types", "errors", "manager", "core"];
            assert!(!empty.contains(&name), "{}", path.display());
        }
    }
}

#[test]
fn the_project_speaks_of_itself_alone() {
    let tracked = std::process::Command::new("git").args(["ls-files", "-z"]).output().unwrap();
    let machine = [["/wo", "rk/"].concat(), ["/ro", "ot/"].concat(), ["bash", "_jobs"].concat()];
    for name in tracked.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = std::str::from_utf8(name).unwrap();
        let Ok(text) = fs::read_to_string(name) else { continue };
        for path in &machine {
            assert!(!text.contains(path), "{name} holds a path of one machine: {path}");
        }
    }
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    let mut inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.ends_with("dependencies]");
        } else if inside && !line.is_empty() && !line.starts_with('#') {
            assert!(line.contains(" # "), "no reason beside: {line}");
        }
    }
}

#[test]
fn a_task_that_is_left_open_has_a_number() {
    for (path, text) in sources() {
        for word in ["TODO", "FIXME", "XXX", "HACK"] {
            for (number, line) in without_tests(&text).lines().enumerate() {
                let comment = line.split_once("//").map_or("", |(_, comment)| comment);
                assert!(
                    !comment.contains(word) || comment.contains('`'),
                    "{}:{}: {word}",
                    path.display(),
                    number + 1
                );
            }
        }
    }
}
