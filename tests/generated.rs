//! What is made from the source stands in the repository as it would be made today.
//!
//! `CHANGEGATE_BLESS=1 cargo test --test generated` makes it anew.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::fs;
use std::path::Path;

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
