//! What is made from the source stands in the repository as it would be made today.
//!
//! `CHANGEGATE_BLESS=1 cargo test --test generated` makes it anew.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::fs;
use std::path::Path;

use changegate::ledger::catalogue::all_templates;
use changegate::pattern::SHIPPED_PATTERNS;
use changegate::policy::packs::POLICY_PACKS;
use changegate::yaml::{read_document, read_stored_tree, write_stored_tree};

#[test]
fn the_reference_of_predicates_is_current() {
    is_current(
        "docs/predicates.md",
        &changegate::predicates::render_reference(changegate::predicates::PREDICATE_DOCS),
    );
}

#[test]
fn the_schema_of_policies_is_current() {
    is_current("docs/policy.schema.json", &changegate::policy::schema::render_schema());
}

#[test]
fn the_schema_of_rosters_is_current() {
    is_current("docs/people.schema.json", &changegate::policy::schema::render_roster_schema());
}

#[test]
fn the_schema_of_tests_is_current() {
    let schema = format!("{:#}\n", changegate::policy_tests::build_test_schema());
    is_current("docs/policy-tests.schema.json", &schema);
}

#[test]
fn the_list_of_messages_is_current() {
    is_current("docs/messages.md", &list_messages());
}

/// A pack is loaded from its stored tree, so that has to be the tree of its YAML.
#[test]
fn the_stored_trees_of_packs_are_current() {
    for pack in POLICY_PACKS {
        let tree = read_document(pack.source.as_bytes()).unwrap();
        is_current(&format!("src/policy/packs/{}.tree", pack.name), &write_stored_tree(&tree));
        if std::env::var_os("CHANGEGATE_BLESS").is_none() {
            assert_eq!(read_stored_tree(pack.stored_tree), Some(tree), "{}", pack.name);
        }
    }
}

/// A hook takes the patterns of packs and their examples on trust, so they have to be those that were checked.
#[test]
fn the_patterns_of_packs_are_those_that_are_known() {
    let mut found = Vec::new();
    for pack in POLICY_PACKS {
        let document: serde_yaml::Value = serde_yaml::from_str(pack.source).unwrap();
        let Some(fields) = document.get("fields").and_then(serde_yaml::Value::as_mapping) else { continue };
        for (_, field) in fields {
            if let Some(pattern) = field.get("matches").and_then(serde_yaml::Value::as_str) {
                let example = field.get("example").and_then(serde_yaml::Value::as_str).unwrap();
                let whole = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
                assert!(whole.is_match(example), "{pattern} {example}");
                found.push((pattern.to_owned(), example.to_owned()));
            }
        }
    }
    let known = SHIPPED_PATTERNS.map(|(pattern, example)| (pattern.to_owned(), example.to_owned()));
    assert_eq!(found, known);
}

/// Returns every message of the program by its code, in the order of codes, as one Markdown table.
fn list_messages() -> String {
    let mut templates: Vec<_> = all_templates().collect();
    templates.sort_by_key(|template| template.code);
    let mut list = String::from(
        "# Messages\n\nEvery message that a verdict, a note or a record can hold. A record and `--format json` hold the code and \
         the values; the English\nis made of them when it is read, and may change from version to version. Codes never change.\n\n\
         `{name}` is a value; `{list/or}` is a list with that word before its last item; `{list+ }` is a \
         list with these words between its items, of which one that joins several by other words is in brackets; \
         `{name()}` is in brackets if it joins several; `{count:one|several}` is a word that depends on a number.\n\n| code | English |\n|---|---|\n",
    );
    for template in templates {
        let text = template.text.replace('|', "\\|");
        list.push_str(&format!("| `{}` | {text} |\n", template.code));
    }
    list
}

/// Every placeholder of a message is well formed, and its English follows the house.
#[test]
fn every_message_is_well_formed() {
    for template in all_templates() {
        let code = template.code;
        let (area, what) = code.split_once('.').unwrap_or_else(|| panic!("`{code}` names no area"));
        for part in [area, what] {
            let is_kebab =
                part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            assert!(is_kebab && !part.is_empty(), "`{code}` is not in kebab-case");
        }
        let mut rest = template.text;
        while let Some((_, after)) = rest.split_once('{') {
            let (placeholder, after) =
                after.split_once('}').unwrap_or_else(|| panic!("{code}: `{{` without `}}`"));
            let name = placeholder.split([':', '/', '+', '(']).next().unwrap();
            assert!(
                !name.is_empty()
                    && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'-'),
                "{code}: {placeholder}"
            );
            assert!(!placeholder.contains(':') || placeholder.contains('|'), "{code}: {placeholder}");
            rest = after;
        }
        assert!(!template.text.ends_with('.'), "{code} ends in a full stop");
        let words: Vec<&str> = template.text.split(|c: char| !c.is_alphanumeric()).collect();
        for word in ["mend", "mends", "whoever", "nobody", "somebody", "administrates", "he", "his"] {
            assert!(!words.contains(&word), "{code} says `{word}`: {}", template.text);
        }
    }
}

fn is_current(path: &str, wanted: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("CHANGEGATE_BLESS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, wanted).unwrap();
        return;
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == wanted, "{path} is not current; run `CHANGEGATE_BLESS=1 cargo test --test generated`");
}
