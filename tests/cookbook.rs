//! The policies of the cookbook: each can be used as it stands, its suite passes, and fails without any of its
//! parts. `docs/cookbook.md` shows them as they are in `docs/cookbook/`.
//!
//! `CHANGEGATE_BLESS=1 cargo test --test cookbook` writes the document anew.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use changegate::gate::{LoadedPolicy, check_policy, load_from_disk};
use changegate::policy_tests::run_suite;

#[path = "cli/scene.rs"]
#[allow(dead_code, reason = "each suite uses a part of it")]
mod scene;

#[allow(dead_code, reason = "each suite uses a part of it")]
mod suites;

use scene::Scene;
use suites::{is_noticed, list_own_rules, list_untested_rules, read_text_suite};

/// The policies, in the order of the document.
const RECIPES: [&str; 25] = [
    "migrations",
    "auth-paths",
    "monorepo-teams",
    "two-teams",
    "licence-files",
    "big-changes",
    "generated-files",
    "vendored-code",
    "last-pusher",
    "on-call",
    "hotfix-ticket",
    "docs-without-ticket",
    "tickets-by-folder",
    "back-out-plan",
    "dependency-bots",
    "release-branches",
    "freeze",
    "no-friday-deploys",
    "signed-releases",
    "subjects",
    "not-yet",
    "secret-files",
    "model-pointers",
    "declared-ai",
    "agents",
];

/// The files that a policy names beside its tests, as they stand in `docs/cookbook/` and are copied to `policies/`.
const BESIDE: [(&str, &str); 1] = [("signed-releases", "allowed_signers")];

/// What the document begins to show the policies with.
const MARKER: &str = "<!-- Made from docs/cookbook/ by `CHANGEGATE_BLESS=1 cargo test --test cookbook`. Change it there. -->\n";

/// A policy with what its first lines say about it.
struct Recipe {
    name: &'static str,
    title: String,
    question: String,
    asked: String,
    limits: String,
    policy: String,
    suite: String,
}

fn read_file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|_| panic!("{path}"))
}

fn read_recipe(name: &'static str) -> Recipe {
    let text = read_file(&format!("docs/cookbook/{name}.yml"));
    let (header, policy) = text.split_once("changegate: 1\n").unwrap();
    let mut paragraphs = vec![String::new()];
    for line in header.lines() {
        match line.strip_prefix('#').unwrap_or_else(|| panic!("{name}: {line}")).trim() {
            "" => paragraphs.push(String::new()),
            words => {
                let last = paragraphs.last_mut().unwrap();
                let gap = if last.is_empty() { "" } else { "\n" };
                *last = format!("{last}{gap}{words}");
            }
        }
    }
    let [title, question, asked, limits] = paragraphs.try_into().unwrap_or_else(|_| panic!("{name}: header"));
    assert!(question.ends_with('?') && !question.contains(". "), "{name}: {question}");
    Recipe {
        name,
        title,
        question,
        asked: asked.strip_prefix("Asked: ").unwrap_or_else(|| panic!("{name}: {asked}")).to_owned(),
        limits: limits.strip_prefix("Not: ").unwrap_or_else(|| panic!("{name}: {limits}")).to_owned(),
        policy: format!("changegate: 1\n{policy}"),
        suite: read_file(&format!("docs/cookbook/{name}.test.yml")),
    }
}

/// Returns the files of a recipe as they are copied, each with what it holds.
fn list_copied_files(name: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for (from, to) in
        [(format!("{name}.yml"), "changegate.yml"), (format!("{name}.test.yml"), "changegate.test.yml")]
    {
        files.push((format!("policies/{to}"), read_file(&format!("docs/cookbook/{from}"))));
    }
    for (_, file) in BESIDE.iter().filter(|(recipe, _)| *recipe == name) {
        files.push((format!("policies/{file}"), read_file(&format!("docs/cookbook/{file}"))));
    }
    files
}

/// Loads a recipe from where it is copied to.
fn load_recipe(name: &str) -> LoadedPolicy {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    for (path, text) in list_copied_files(name) {
        fs::write(folder.path().join(path), text).unwrap();
    }
    load_from_disk(folder.path(), "policies/changegate.yml").unwrap_or_else(|why| panic!("{name}: {why:#?}"))
}

/// Who follows the page in a new repository has a valid policy whose tests pass, with no file that is missing.
#[test]
fn a_recipe_holds_where_the_page_says_to_copy_it() {
    let document = read_file("docs/cookbook.md");
    let (_, rest) = document.split_once("```sh\n").unwrap();
    let (commands, _) = rest.split_once("```").unwrap();
    assert!(commands.contains("/path/to/changegate/docs/cookbook/migrations.yml policies/changegate.yml"));
    for name in RECIPES {
        let beside = BESIDE.iter().find(|(recipe, _)| *recipe == name).map(|(_, file)| *file);
        let mut scene = Scene::repository();
        let mut script = String::from("set -e\n");
        for line in commands.lines() {
            // A line that says for which recipe it is, is for that one.
            let is_meant = match line.split_once("# for ") {
                Some((_, whose)) => whose.starts_with(&format!("{name} ")),
                None => true,
            };
            if is_meant {
                script.push_str(
                    &line
                        .replace("/path/to/changegate", env!("CARGO_MANIFEST_DIR"))
                        .replace("migrations", name),
                );
                script.push('\n');
            }
        }
        assert_eq!(
            beside.is_some(),
            beside.is_some_and(|file| script.contains(&format!("/{file} policies/"))),
            "{name}"
        );
        scene.commit("Begin");
        let program = Path::new(env!("CARGO_BIN_EXE_changegate")).parent().unwrap().to_owned();
        let path = std::env::join_paths(
            std::iter::once(program).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let mut command = std::process::Command::new("sh");
        command.current_dir(&scene.directory).args(["-c", &script]).env("PATH", path.unwrap());
        let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{name}: {script}\n{}", String::from_utf8_lossy(&said));
        assert!(scene.directory.join("policies/changegate.test.yml").exists(), "{name}");
    }
}

#[test]
fn every_recipe_is_in_the_list() {
    let mut found = Vec::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cookbook")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_suffix(".yml").filter(|name| !name.ends_with(".test")) {
            found.push(name.to_owned());
        }
    }
    found.sort();
    let mut listed = RECIPES.to_vec();
    listed.sort_unstable();
    assert_eq!(found, listed);
}

#[test]
fn every_recipe_can_be_used_as_it_stands() {
    let now = "2026-11-30T09:00:00Z".parse().unwrap();
    for name in RECIPES {
        let loaded = load_recipe(name);
        let inspection = check_policy(&loaded, &["refs/heads/main".into()], now);
        let inspection = inspection.unwrap_or_else(|errors| panic!("{name}: {errors:#?}"));
        assert_eq!(inspection.notes, [], "{name}");
        for weakening in &inspection.weakenings {
            assert!(
                weakening.what.starts_with("exemption") && weakening.reason.is_some(),
                "{name}: {weakening:?}"
            );
        }
        assert_eq!(loaded.policy.name, name);
    }
}

#[test]
fn every_suite_of_a_recipe_passes_and_fails_without_any_of_its_parts() {
    for name in RECIPES {
        let recipe = read_recipe(name);
        let policy = load_recipe(name).policy;
        let suite =
            read_text_suite(&recipe.suite, &policy).unwrap_or_else(|faults| panic!("{name}: {faults:#?}"));
        for result in run_suite(&suite, &policy) {
            assert_eq!(result.misses, [], "{name}: {}", result.name);
        }
        let own = list_own_rules(&recipe.policy);
        assert_eq!(list_untested_rules(&policy, &suite, &own), [""; 0], "{name}");
        for index in 0..policy.exemptions.len() {
            let mut stricter = policy.clone();
            stricter.exemptions.remove(index);
            assert!(is_noticed(&suite, &stricter), "{name}: exemption {index}");
        }
        // Nothing is only allowed, and nothing only denied.
        let decisions: Vec<_> = run_suite(&suite, &policy).iter().map(|one| one.verdict.decision()).collect();
        assert!(decisions.iter().any(|one| *one != decisions[0]), "{name}");
    }
}

#[test]
fn the_document_shows_every_recipe() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cookbook.md");
    let document = fs::read_to_string(&path).unwrap();
    let (begin, _) = document.split_once(MARKER).unwrap();
    let mut wanted = format!("{begin}{MARKER}\n");
    let recipes: Vec<Recipe> = RECIPES.into_iter().map(read_recipe).collect();
    for (index, recipe) in recipes.iter().enumerate() {
        writeln!(wanted, "{}. [{}](#{})", index + 1, recipe.title, find_anchor(&recipe.title)).unwrap();
    }
    for recipe in &recipes {
        let Recipe { name, title, question, asked, limits, policy, .. } = recipe;
        write!(wanted, "\n## {title}\n\n{question}\n\n```yaml cookbook\n{policy}```\n").unwrap();
        for (_, file) in BESIDE.iter().filter(|(recipe, _)| recipe == name) {
            let text = read_file(&format!("docs/cookbook/{file}"));
            write!(wanted, "\n**Beside it**, in [policies/{file}](cookbook/{file}):\n\n```text\n{text}```\n")
                .unwrap();
        }
        write!(
            wanted,
            "\n**What it does not do.** {limits}\n\n\
             **Tests**, in [{name}.test.yml](cookbook/{name}.test.yml):\n\n"
        )
        .unwrap();
        for (test, cases) in list_tests(&recipe.suite) {
            let cases = if cases.is_empty() { String::new() } else { format!(": {}", cases.join("; ")) };
            writeln!(wanted, "- {test}{cases}").unwrap();
        }
        writeln!(wanted, "\nAsked for in {asked}.").unwrap();
    }
    if std::env::var_os("CHANGEGATE_BLESS").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(
        found == wanted,
        "docs/cookbook.md is not current; run `CHANGEGATE_BLESS=1 cargo test --test cookbook`"
    );
}

/// Returns the names of the tests of a suite, each with those of its cases.
fn list_tests(suite: &str) -> Vec<(String, Vec<String>)> {
    let document: serde_yaml::Value = serde_yaml::from_str(suite).unwrap();
    let name = |test: &serde_yaml::Value| test.get("name").unwrap().as_str().unwrap().to_owned();
    let tests = document.get("tests").and_then(serde_yaml::Value::as_sequence).unwrap();
    let cases = |test: &serde_yaml::Value| match test.get("cases").and_then(serde_yaml::Value::as_sequence) {
        Some(cases) => cases.iter().map(name).collect(),
        None => Vec::new(),
    };
    tests.iter().map(|test| (name(test), cases(test))).collect()
}

/// Returns the anchor that a heading has on a page.
fn find_anchor(title: &str) -> String {
    let kept = title.chars().filter(|one| one.is_alphanumeric() || matches!(one, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|one| if one == ' ' { '-' } else { one }).collect()
}
