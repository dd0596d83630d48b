//! What the documents show is held against what the program does: every policy in them loads, every
//! fault is told in these words, a pusher sees what the excerpts show, every link leads somewhere,
//! every built-in rule and every setting is described.
//!
//! The word after `yaml` at the start of a block says what it is:
//!
//! - nothing: a whole policy, which starts with `changegate: 1`;
//! - `fragment`: some keys of a policy, joined here to one that knows two teams;
//! - `faulty`: a whole policy with mistakes; the next block shows what the program says to it;
//! - `cookbook`: a whole policy of `docs/cookbook/`, which `tests/cookbook.rs` is about;
//! - `workflow`: a workflow of GitHub, which the tools for workflows are asked about;
//! - `file=PATH`, after any word: a file that the policies of the same document name.
//!
//! `CHANGEGATE_BLESS=1 cargo test --test docs` writes anew what the program says to mistakes.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "test code"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use changegate::gate::{UnusablePolicy, check_policy, load_from_files};
use changegate::policy::{DEFAULT_POLICY_PATH, FetchedFile, PolicyErrors};
use changegate::policy_tests::{read_suite, run_suite};
use changegate::push::{PULL_REQUEST_RULES, PUSH_RULES};
use changegate::report::ReportStyle;
use changegate::report::policy_faults::write_faults;

/// What a fragment is joined to.
const BASE: &str = "\
changegate: 1
extends: [iso27001]
people:
  teams:
    security: [ana@example.com, sam@example.com]
    duty-managers: [kim@example.com]
";

/// A block between fences.
struct Block {
    line: usize,
    info: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the documents: name and text.
fn documents() -> Vec<(String, String)> {
    let mut names: Vec<String> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned).to_vec();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") {
            names.push(format!("docs/{name}"));
        }
    }
    names.sort();
    let text = |name: &String| fs::read_to_string(root().join(name)).unwrap();
    names.iter().map(|name| (name.clone(), text(name))).collect()
}

fn blocks(document: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in document.lines().enumerate() {
        let fence = line.trim_start().strip_prefix("```");
        match (&mut open, fence) {
            (None, Some(info)) => {
                open = Some(Block { line: number + 1, info: info.into(), text: String::new() });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    found
}

/// Loads `text` as the policy of a repository that holds `files` beside it.
/// `policy check` accepts it, unless it is a fragment, which changes a base in ways that need a reason.
fn load(text: &str, files: &BTreeMap<String, String>) -> Result<(), PolicyErrors> {
    let mut fetch = |path: &str| -> FetchedFile {
        let text = if path == DEFAULT_POLICY_PATH { Some(text) } else { files.get(path).map(String::as_str) };
        Ok(text.map(|text| text.as_bytes().to_vec()))
    };
    let loaded = match load_from_files(DEFAULT_POLICY_PATH, "a document".into(), &mut fetch) {
        Ok(loaded) => loaded,
        Err(UnusablePolicy::Absent) => panic!("the policy is absent"),
        Err(UnusablePolicy::Faulty(errors)) => return Err(errors),
    };
    let now = "2026-11-20T09:00:00Z".parse().unwrap();
    if text.contains("[base.yml]") { Ok(()) } else { check_policy(&loaded, &[], now).map(|_| ()) }
}

fn told(errors: &PolicyErrors) -> String {
    let files: Vec<_> = errors
        .faulty_files
        .iter()
        .map(|file| (file.name.as_str(), file.source.as_slice(), file.faults.clone()))
        .collect();
    let mut out = Vec::new();
    write_faults(&files, &ReportStyle::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_policy_in_the_documents_can_be_used() {
    let mut loaded = 0;
    for (name, document) in documents() {
        let blocks = blocks(&document);
        let mut files = BTreeMap::from([("policies/base.yml".to_owned(), BASE.to_owned())]);
        for block in &blocks {
            if let Some(path) = block.info.split_once(" file=").map(|(_, path)| path) {
                files.insert(path.into(), block.text.clone());
            }
        }
        for block in blocks {
            let text = match block.info.as_str() {
                "yaml" if block.text.starts_with("changegate: 1") => block.text,
                // The examples of predicates are run where they are written.
                "yaml" if name == "docs/predicates.md" => continue,
                "yaml fragment" => format!("changegate: 1\nextends: [base.yml]\n{}", block.text),
                info if info.starts_with("yaml file=") => continue,
                "yaml faulty" | "yaml workflow" | "yaml cookbook" => continue,
                info if info.starts_with("yaml suite=") => {
                    let pack = info.trim_start_matches("yaml suite=");
                    let policy = changegate::policy::load_policy(pack, &mut |_| Ok(None)).unwrap();
                    let node = changegate::yaml::read_document(block.text.as_bytes()).unwrap();
                    let mut faults = Vec::new();
                    let suite = read_suite(&node, &policy, &mut faults)
                        .unwrap_or_else(|| panic!("{name}:{}: {faults:#?}", block.line));
                    for result in run_suite(&suite, &policy) {
                        assert_eq!(result.misses, [], "{name}:{}: {}", block.line, result.name);
                    }
                    loaded += 1;
                    continue;
                }
                info => {
                    assert!(!info.starts_with("yaml"), "{name}:{}: what is `{info}`?", block.line);
                    continue;
                }
            };
            if let Err(errors) = load(&text, &files) {
                panic!("{name}:{}:\n{}", block.line, told(&errors));
            }
            loaded += 1;
        }
    }
    assert!(8 <= loaded, "only {loaded} policies were found");
}

#[test]
fn every_mistake_in_the_documents_is_told_in_these_words() {
    let mut seen = 0;
    for (name, document) in documents() {
        let blocks = blocks(&document);
        for pair in blocks.windows(2).filter(|pair| pair[0].info == "yaml faulty") {
            let Err(errors) = load(&pair[0].text, &BTreeMap::new()) else {
                panic!("{name}:{}: nothing is wrong with it", pair[0].line);
            };
            let told = told(&errors);
            if std::env::var_os("CHANGEGATE_BLESS").is_some() {
                let text = fs::read_to_string(root().join(&name)).unwrap();
                fs::write(root().join(&name), text.replace(&pair[1].text, &told)).unwrap();
            } else {
                assert!(told == pair[1].text, "{name}:{}: it says:\n{told}", pair[1].line);
            }
            seen += 1;
        }
    }
    assert!(4 <= seen, "only {seen} mistakes were found");
}

/// Runs a program in `folder`, away from what the machine has configured, and returns what it says
/// on standard error.
fn run(folder: &Path, program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.current_dir(folder).args(args).env("HOME", folder).env("XDG_CONFIG_HOME", folder);
    for variable in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
        command.env(variable, "/dev/null");
    }
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Ana Ruiz").env(format!("GIT_{who}_EMAIL"), "ana@example.com");
    }
    let output = command.env("WHO", "ana").env("LC_ALL", "C").output().unwrap();
    String::from_utf8(output.stderr).unwrap()
}

/// Returns the lines that a server sent and how the ref fared, without padding, and with `#` for each
/// id and digest.
fn as_seen(text: &str) -> Vec<String> {
    let kept = text.lines().filter(|line| line.starts_with("remote:") || line.starts_with(" ! "));
    kept.map(|line| {
        let is_id = |word: &str| 10 <= word.len() && word.chars().all(|c| c.is_ascii_hexdigit());
        let words: Vec<String> = line
            .trim_end()
            .split(' ')
            .map(|word| {
                let id = word.trim_start_matches("(sha256:").trim_matches(['(', ')']);
                if is_id(id) { word.replace(id, "#") } else { word.to_owned() }
            })
            .collect();
        words.join(" ")
    })
    .collect()
}

/// Returns the first block of a document in which a server answers.
fn excerpt(name: &str) -> Vec<String> {
    let document = fs::read_to_string(root().join(name)).unwrap();
    let block = blocks(&document).into_iter().find(|block| block.text.contains("remote: "));
    as_seen(&block.unwrap().text)
}

#[test]
fn a_pusher_sees_what_the_documents_show() {
    let changegate = env!("CARGO_BIN_EXE_changegate");
    let top = tempfile::tempdir().unwrap();
    let (top, server, clone) = (top.path(), top.path().join("app.git"), top.path().join("clone"));
    run(top, "git", &["init", "-q", "--bare", "--initial-branch=main", "app.git"]);
    run(top, "git", &["init", "-q", "--initial-branch=main", "clone"]);
    run(&server, changegate, &["install", "--server", "--pusher", "env:WHO"]);
    run(&clone, changegate, &["policy", "init", "--pack", "startup"]);
    run(&clone, "git", &["add", "."]);
    run(&clone, "git", &["commit", "-qm", "Put the repository under change control"]);
    let push = ["push", "../app.git", "main"];
    let seen = run(&clone, "git", &push);
    assert_eq!(as_seen(&seen).split_last().unwrap().1, excerpt("docs/server.md"));
    run(&server, "git", &["fetch", "-q", "../clone", "main:main"]);
    let message = "Cache the tenant lookup\n\nIt took a third of every request.\n\nChange-Type: normal\n\
        Risk: medium\nBack-out-Plan: TBD\nReviewed-by: Ana Ruiz <ana@example.com>";
    fs::write(clone.join("cache"), "x").unwrap();
    run(&clone, "git", &["add", "."]);
    run(&clone, "git", &["commit", "-q", "-m", message]);
    assert_eq!(as_seen(&run(&clone, "git", &push)), excerpt("README.md"));
}

#[test]
fn every_link_leads_somewhere() {
    for (name, document) in documents() {
        for after in document.split("](").skip(1) {
            let target = after.split(')').next().unwrap();
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let folder = Path::new(&name).parent().unwrap();
            let path = if file.is_empty() { root().join(&name) } else { root().join(folder).join(file) };
            assert!(path.exists(), "{name} leads to {target}");
            if !heading.is_empty() {
                let text = fs::read_to_string(&path).unwrap();
                assert!(text.lines().any(|line| is_heading(line, heading)), "{name} leads to {target}");
            }
        }
    }
}

fn is_heading(line: &str, wanted: &str) -> bool {
    let title = line.trim_start_matches('#');
    let kept = title.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    let slug: String = kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect();
    title.len() < line.len() && slug == wanted
}

#[test]
fn every_built_in_rule_is_described() {
    let rules = [("docs/server.md", PUSH_RULES), ("docs/github.md", PULL_REQUEST_RULES)];
    for (name, rules) in rules {
        let document = fs::read_to_string(root().join(name)).unwrap();
        let described: Vec<&str> =
            document.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        for rule in rules {
            let id = rule.id();
            assert!(described.contains(&id), "{name} does not describe `{id}`");
        }
    }
}

#[test]
fn every_setting_is_described() {
    let source = fs::read_to_string(root().join("src/gate/settings.rs")).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut keys = 0;
    for after in source.split("get(\"changegate.").skip(1) {
        let key = after.split('"').next().unwrap();
        let row = format!("| `changegate.{key}` |");
        assert!(readme.contains(&row), "README.md does not describe {key}");
        keys += 1;
    }
    assert!(6 <= keys, "the settings are read elsewhere now");
}
