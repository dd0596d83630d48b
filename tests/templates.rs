//! The templates of this repository, read by its own policy: the template for pull requests states
//! nothing as it stands, and what the policy asks for once it is filled in; the forms for issues are
//! what GitHub takes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::fs;

use changegate::judge::judge_change;
use changegate::policy;
use changegate::verdict::RuleOutcome;
use changegate::{fixture, yaml};

/// Returns the ids of the rules that a pull request of one good commit breaks, with this description.
fn broken_rules(description: &str) -> Vec<String> {
    let policy = policy::load_policy("policies/changegate.yml", &mut |path| Ok(fs::read(path).ok()));
    let policy = policy.unwrap_or_else(|errors| panic!("{errors:#?}"));
    let message = "Read the cache twice\n\nThe first read may be stale.\n";
    let change = format!(
        "stage: pull-request\ncommits: [{{ message: {message:?} }}]\npull: {{ title: Cache, body: {description:?} }}\n"
    );
    let mut faults = Vec::new();
    let change = fixture::read_change(&yaml::read_document(change.as_bytes()).unwrap(), &mut faults);
    let verdict = judge_change(&policy, &change.unwrap_or_else(|| panic!("{faults:?}")), true);
    let broken = verdict.judgements.iter().filter(|one| matches!(one.outcome, RuleOutcome::Fail(_)));
    broken.map(|one| one.rule.id.to_string()).collect()
}

#[test]
fn the_template_for_pull_requests_states_nothing_until_it_is_filled_in() {
    let template = fs::read_to_string(".github/PULL_REQUEST_TEMPLATE.md").unwrap();
    assert_eq!(broken_rules(&template), ["change-type", "risk"]);
    let filled = template.replacen("- [ ] normal", "- [x] normal", 1).replacen("- [ ] low", "- [x] low", 1);
    assert_eq!(broken_rules(&filled), Vec::<String>::new());
}

#[test]
fn every_form_for_issues_has_a_name_and_asks_something() {
    let mut forms = 0;
    for entry in fs::read_dir(".github/ISSUE_TEMPLATE").unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        if path.file_name().unwrap() == "config.yml" {
            continue;
        }
        forms += 1;
        for key in ["\nbody:\n", "\ndescription: ", "label: "] {
            assert!(text.contains(key), "{} has no `{}`", path.display(), key.trim());
        }
        assert!(text.starts_with("name: "), "{}", path.display());
    }
    assert!(forms >= 3);
}
