//! The rules of the house, held against its files: who imports whom, who names which library, how
//! long a file is, what is called how.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    reason = "test code"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module imports only from those before it.
const STAIRS: [&str; 26] = [
    "change",
    "pattern",
    "yaml",
    "calendar",
    "verdict",
    "people",
    "catalogue",
    "vocabulary",
    "fixture",
    "predicates",
    "policy",
    "judge",
    "unblock",
    "policy_tests",
    "push",
    "report",
    "git",
    "gate",
    "http",
    "tickets",
    "github",
    "ledger",
    "audit",
    "backtest",
    "rollout",
    "cli",
];

/// Libraries that one part of the house alone may name, and why.
const WALLS: [(&str, &[&str], &str); 27] = [
    ("gix", &["git"], "one view of the object store, the quarantine wired once"),
    ("git2", &["git"], "the second reader, and nothing else, reads with libgit2"),
    ("gix_glob", &["pattern"], "one meaning of a pattern"),
    ("regex", &["pattern"], "cost, Unicode and anchoring decided once"),
    ("saphyr_parser", &["yaml"], "one reader of YAML, and it is strict"),
    ("clap", &["cli"], "a user of the library never meets it"),
    (
        "anyhow",
        &["git", "gate", "github", "ledger", "audit", "backtest", "rollout", "cli"],
        "the errors of the core are data",
    ),
    ("ssh_key", &["git"], "signatures are Git's business"),
    ("pgp", &["git"], "signatures are Git's business"),
    ("annotate_snippets", &["report"], "only reports draw"),
    ("quick_junit", &["report"], "only reports write XML"),
    ("octocrab", &["github"], "one client for the forge"),
    ("ureq", &["http"], "one policy of retries, deadlines, size limits and proxies"),
    ("hyper_rustls", &["http"], "one set of trusted authorities"),
    ("rustls", &["http"], "one set of trusted authorities"),
    ("rustls_native_certs", &["http"], "one set of trusted authorities"),
    ("hyper_util", &["http", "github"], "proxies are decided on once; octocrab gets its connections here"),
    (
        "csv",
        &["tickets", "audit", "cli"],
        "one reader of exports and of lists of people; tables are written with the same library",
    ),
    ("rust_xlsxwriter", &["audit"], "only tables become workbooks"),
    ("quick_xml", &["audit"], "only workbooks are read as XML"),
    ("zip", &["audit"], "only workbooks and word processors' documents are archives"),
    ("parquet", &["audit"], "only tables become data sets"),
    ("tokio", &["github"], "nothing else waits for more than one thing"),
    ("futures_util", &["github"], "nothing else waits for more than one thing"),
    ("http_body_util", &["github"], "one client for the forge"),
    ("pulldown_cmark", &["change"], "one meaning of a description"),
    ("encoding_rs", &["change"], "one meaning of an encoding"),
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

/// Returns the files that declare messages, as the paths of their modules.
fn message_modules() -> Vec<String> {
    let mut modules = Vec::new();
    for (path, text) in sources() {
        if without_tests(&text).lines().any(|line| line == "messages! {") {
            modules.push(module_path(&path).join("::"));
        }
    }
    modules
}

/// A record finds its sentences by the lists that the catalogue collects.
#[test]
fn every_message_is_in_a_list_of_the_catalogue() {
    let lists = [
        ("src/ledger/catalogue.rs", ""),
        ("src/github/mod.rs", "github::"),
        ("src/predicates/support/shared_messages.rs", "predicates::"),
    ];
    let mut registered = BTreeSet::new();
    for (file, folder) in lists {
        let text = fs::read_to_string(file).unwrap();
        for line in text.lines() {
            let Some(name) = line.trim().strip_suffix("::MESSAGES,") else { continue };
            let name = name.strip_prefix("crate::").unwrap_or(name);
            registered.insert(format!("{folder}{name}"));
        }
    }
    let text = fs::read_to_string("src/predicates/mod.rs").unwrap();
    for line in text.lines() {
        if let Some((file, _)) =
            line.trim().split_once("Predicate as ").and_then(|(name, _)| name.split_once("::"))
        {
            registered.insert(format!("predicates::{file}"));
        }
    }
    // The list of a folder may be that of a file in it.
    let is_registered = |module: &str| {
        registered.contains(module)
            || exports_messages(module).is_some_and(|folder| registered.contains(&folder))
    };
    let modules = message_modules();
    assert!(modules.len() > 50, "{modules:?}");
    let missing: Vec<&String> = modules.iter().filter(|module| !is_registered(module)).collect();
    assert!(missing.is_empty(), "no record finds the messages of {missing:#?}; see src/ledger/catalogue.rs");
}

/// Returns the folder whose own file passes the list of `module` on, if one does.
fn exports_messages(module: &str) -> Option<String> {
    let (folder, _) = module.rsplit_once("::")?;
    let text = fs::read_to_string(format!("src/{}/mod.rs", folder.replace("::", "/"))).ok()?;
    text.contains(&format!("use crate::{module}::MESSAGES;")).then(|| folder.to_owned())
}

/// Ids are stored as the strings that they are, so that their types cannot change a form.
const STORED_IDS: [&str; 3] = ["RuleId", "ClassId", "ExemptionId"];

/// What is written into the ledger holds no type of a module that words things: neither in the wire form of
/// records, nor in any other type of the ledger that is stored.
#[test]
fn stored_types_of_the_ledger_hold_nothing_of_judge_and_reports() {
    let mut stored = 0;
    for (path, text) in sources() {
        if !path.starts_with("src/ledger") || is_test_file(&path) {
            continue;
        }
        let text = without_tests(&text);
        let foreign = names_imported_from(text, &["report", "gate", "verdict", "people"]);
        for declaration in serialized_declarations(text) {
            stored += 1;
            let words: BTreeSet<&str> = declaration
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .filter(|word| !word.is_empty())
                .collect();
            let is_held =
                |name: &&String| words.contains(name.as_str()) && !STORED_IDS.contains(&name.as_str());
            let held: Vec<&String> = foreign.iter().filter(is_held).collect();
            assert!(held.is_empty(), "{}: a stored type holds {held:?}:\n{declaration}", path.display());
            for module in ["report", "gate", "verdict", "people"] {
                assert!(
                    !declaration.contains(&format!("crate::{module}")),
                    "{}:\n{declaration}",
                    path.display()
                );
            }
        }
    }
    assert!(stored > 30, "only {stored} types of the ledger are stored");
}

/// Returns the declarations of a file, without comments, that derive `Serialize`.
fn serialized_declarations(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    for (number, line) in code.iter().enumerate() {
        if line.trim_start().starts_with("#[derive(") && line.contains("Serialize") {
            let indent = line.len() - line.trim_start().len();
            let mut declaration = Vec::new();
            for line in &code[number + 1..] {
                declaration.push(*line);
                let at_end = line.len() - line.trim_start().len() == indent;
                let closes =
                    line.trim_start().starts_with('}') || line.ends_with(';') || line.ends_with("{}");
                if at_end && closes && !line.trim_start().starts_with('#') {
                    break;
                }
            }
            found.push(declaration.join("\n"));
        }
    }
    found
}

/// Returns the names that a file imports from these modules, under which it knows them.
fn names_imported_from(text: &str, modules: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for statement in text.split("use crate::").skip(1) {
        let statement = statement.split(';').next().unwrap();
        if modules.iter().any(|module| statement.starts_with(&format!("{module}::"))) {
            let imported = statement.split(['{', '}', ',']).filter_map(|part| part.rsplit("::").next());
            names.extend(imported.map(|name| name.rsplit(" as ").next().unwrap().trim().to_owned()));
        }
    }
    names.remove("");
    names
}

#[test]
fn libraries_stay_behind_their_walls() {
    for (path, text) in sources() {
        let Some(module) = module(&path) else { continue };
        if is_test_file(&path) {
            continue;
        }
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

/// Returns each line of code of the house, without its tests.
fn code_lines() -> Vec<String> {
    let production = sources().into_iter().filter(|(path, _)| !is_test_file(path));
    production
        .flat_map(|(_, text)| without_tests(&text).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// Returns the name that a line declares with one of `keywords`, as in `pub(crate) struct Name`.
fn declared_name<'a>(line: &'a str, keywords: &[&str]) -> Option<&'a str> {
    let mut rest = line.trim_start();
    if let Some(public) = rest.strip_prefix("pub") {
        rest = match public.strip_prefix('(') {
            Some(limited) => limited.split_once(')')?.1.trim_start(),
            None => public.trim_start(),
        };
    }
    for qualifier in ["const ", "async "] {
        rest = rest.strip_prefix(qualifier).unwrap_or(rest);
    }
    let (keyword, rest) = rest.split_once(' ')?;
    let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    (keywords.contains(&keyword) && length > 0).then(|| &rest[..length])
}

#[test]
fn no_two_types_share_a_name() {
    let lines = code_lines();
    // An indented `type` belongs to the implementation of a trait, which names it.
    let names = lines.iter().filter_map(|line| {
        if line.starts_with(' ') && line.trim_start().starts_with("type ") {
            return None;
        }
        declared_name(line, &["struct", "enum", "trait", "type"])
    });
    let mut seen = BTreeSet::new();
    let shared: Vec<&str> = names.filter(|name| !seen.insert(*name)).collect();
    assert!(seen.len() > 100, "only {} types were found", seen.len());
    assert!(shared.is_empty(), "more than one type has each of these names: {shared:?}");
}

#[test]
fn most_function_names_have_two_words() {
    let lines = code_lines();
    let names: Vec<&str> = lines.iter().filter_map(|line| declared_name(line, &["fn"])).collect();
    let compound = names.iter().filter(|name| name.contains('_')).count();
    assert!(names.len() > 100, "only {} functions were found", names.len());
    assert!(compound * 10 >= names.len() * 6, "only {compound} of {} names have two words", names.len());
}

/// Returns the path of modules that a file is, as in `["git", "objects", "packs"]`.
fn module_path(path: &Path) -> Vec<String> {
    let inside = path.strip_prefix("src").unwrap().with_extension("");
    let mut names: Vec<String> =
        inside.components().map(|part| part.as_os_str().to_str().unwrap().to_owned()).collect();
    names.pop_if(|last| last == "mod");
    names
}

/// Returns the modules that the code of a file names: the longest part of each path that is a module.
fn imported_modules(text: &str, base: &[String], modules: &BTreeSet<Vec<String>>) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    let code: String =
        without_tests(text).lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    for (start, keyword) in [("crate::", 0), ("super::", 1)] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            let mut rest = &code[at + start.len()..];
            let mut levels = keyword;
            while let Some(deeper) = rest.strip_prefix("super::") {
                (rest, levels) = (deeper, levels + 1);
            }
            let root =
                if keyword == 0 { Vec::new() } else { base[..base.len().saturating_sub(levels)].to_vec() };
            for path in expand_use_tree(rest, root) {
                let longest = (1..=path.len()).rev().map(|length| path[..length].to_vec());
                found.extend(longest.into_iter().find(|path| modules.contains(path)));
            }
        }
    }
    // A folder's own file names the files in it without `crate::`.
    for child in modules.iter().filter(|module| module.len() == base.len() + 1 && module.starts_with(base)) {
        let name = &child[base.len()];
        let is_named = code.match_indices(&format!("{name}::")).any(|(at, _)| {
            let before = code[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
        });
        if is_named {
            found.insert(child.clone());
        }
    }
    found.remove(base);
    found
}

/// Returns every path that starts at the beginning of `text`, with braces expanded.
fn expand_use_tree(text: &str, mut path: Vec<String>) -> Vec<Vec<String>> {
    let mut rest = text;
    loop {
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if length == 0 {
            break;
        }
        path.push(rest[..length].to_owned());
        rest = &rest[length..];
        match rest.strip_prefix("::") {
            Some(deeper) => rest = deeper,
            None => return vec![path],
        }
    }
    let Some(inner) = rest.strip_prefix('{') else { return vec![path] };
    let (mut depth, mut start, mut paths) = (1, 0, Vec::new());
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || depth == 0 {
            paths.extend(expand_use_tree(inner[start..at].trim(), path.clone()));
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    paths
}

#[test]
fn files_of_one_folder_import_in_one_direction() {
    let files: BTreeMap<Vec<String>, String> = sources()
        .into_iter()
        .filter(|(path, _)| !is_test_file(path))
        .map(|(path, text)| (module_path(&path), text))
        .collect();
    let modules: BTreeSet<Vec<String>> = files.keys().cloned().collect();
    let imports: BTreeMap<&Vec<String>, BTreeSet<Vec<String>>> =
        files.iter().map(|(module, text)| (module, imported_modules(text, module, &modules))).collect();
    let reaches_itself = |module: &Vec<String>| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![module]);
        while let Some(one) = next.pop() {
            for import in &imports[one] {
                if import == module {
                    return true;
                }
                if seen.insert(import) {
                    next.push(import);
                }
            }
        }
        false
    };
    let circles: Vec<String> =
        files.keys().filter(|module| reaches_itself(module)).map(|module| module.join("/")).collect();
    assert!(circles.is_empty(), "these files import each other in a circle: {circles:#?}");
}

/// Returns the last name of a function's path in its mangled form, as in `3cli4main17h*E`.
fn last_mangled_name(mut path: &str) -> Option<&str> {
    let mut last = None;
    while let Some(end) = path.find(|letter: char| !letter.is_ascii_digit())
        && let Ok(length) = path[..end].parse::<usize>()
        && let Some(name) = path.get(end..end + length)
        && !name.starts_with("h*")
    {
        // What the compiler has named, such as a closure, is in no source.
        if !name.contains('$') {
            last = Some(name);
        }
        path = &path[end + length..];
    }
    last
}

#[test]
fn the_functions_that_are_linked_side_by_side_are_in_the_program() {
    let script = fs::read_to_string("link/first-functions.ld").unwrap();
    assert!(script.trim_end().ends_with("INSERT BEFORE .text;"));
    let mut code = String::new();
    for (_, text) in sources() {
        code.push_str(&text);
    }
    let mut own = Vec::new();
    for line in script.lines() {
        if let Some((_, rest)) = line.split_once("*(.text._ZN10changegate") {
            own.extend(last_mangled_name(rest));
        }
    }
    let is_lost =
        |name: &&&str| !code.contains(&format!("fn {name}")) && !code.contains(&format!("struct {name}"));
    let lost: Vec<_> = own.iter().filter(is_lost).collect();
    // Names come and go; when many have, a hook reads more of the program than it needs.
    assert!(own.len() > 60, "{}", own.len());
    assert!(lost.len() * 4 < own.len(), "benches/order.py writes the list again: {lost:?}");
}
