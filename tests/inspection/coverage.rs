//! Changes that no rule applies to, which the judge denies: policies under which these are all changes are refused, and
//! where they are all of a usual kind, it is noted.

use crate::{NAME, ROSTER, check_files};

/// What the rules of a policy are, and what is said of it: `!` begins an error, and nothing is for what is sensible.
const POLICIES: &[(&str, &str)] = &[
    ("a: { WHEN { branch: other }, REQ }", "!no rule that denies ever applies to a change of a person"),
    (
        "a: { WHEN { window: { inside: [{ from: 2025-01-01, until: 2025-02-01 }] } }, REQ }",
        "!no rule that denies ever applies to a change of a person",
    ),
    ("a: { WHEN { pusher: zed }, REQ }", "!no rule that denies ever applies to a change of a person"),
    (
        "a: { WHEN { author: { bot: true } }, REQ }",
        "!no rule that denies ever applies to a change of a person",
    ),
    ("a: { for: [other], REQ }", "!no rule that denies ever applies to a change of a person"),
    // A rule that only warns until some day applies, and denies nothing.
    (
        "a: { level: warn, reason: new, until: 2027-01-01, REQ }\n  b: { WHEN { branch: other }, REQ }",
        "!no rule that denies ever applies to a change of a person",
    ),
    (
        "a: { WHEN { only-touches: 'src/**' }, REQ }",
        "!no rule that denies ever applies to a change of `policies/changegate.yml` (`no-rule-applies`), so the policy could \
         never be changed again",
    ),
    (
        "a: { WHEN { not: { touches: 'policies/**' } }, REQ }",
        "!no rule that denies ever applies to a change of `policies/changegate.yml`",
    ),
    (
        "a: { WHEN { touches: 'src/**' }, require: { branch: other } }",
        "!no change of a person could keep `a`, and no rule that denies applies to others (`no-rule-applies`)",
    ),
    (
        "a: { for: [urgent], require: { branch: other } }",
        "!no change of a person could keep `a`, and no rule that denies applies to others (`no-rule-applies`)",
    ),
    (
        "a: { WHEN { window: { inside: [{ from: 2026-11-01, until: 2027-02-01 }] } }, REQ }",
        "from 2027-02-02 on, no rule that denies ever applies to a change of a person",
    ),
    (
        "a: { WHEN { touches: 'src/**' }, REQ }",
        "applies to a change only of files that the rules do not name",
    ),
    (
        "a: { WHEN { only-touches: ['src/**', 'policies/**'] }, REQ }",
        "only of files that the rules do not name",
    ),
    (
        "a: { WHEN { not: { only-touches: 'policies/**' } }, REQ }",
        "applies to a change of `policies/changegate.yml` alone",
    ),
    ("a: { for: [urgent], REQ }", "applies to a change of the class `normal`"),
    ("a: { not-for: [urgent], REQ }", "applies to a change of the class `urgent`"),
    ("a: { WHEN { branch: main }, REQ }", "applies to a change of the branch `dev`"),
    (
        "a: { WHEN { branch: [main, dev, release/1] }, REQ }",
        "applies to a change of a branch of `release/*` that",
    ),
    ("a: { WHEN { pusher: ana }, REQ }", "applies to a push by `ben`"),
    ("a: { WHEN { author: { team: ops } }, REQ }", "applies to a change that `kim` wrote"),
    ("a: { REQ }", ""),
    ("a: { WHEN { touches: 'src/**' }, REQ }\n  b: { WHEN { not: { touches: 'src/**' } }, REQ }", ""),
    ("a: { for: [urgent], REQ }\n  b: { for: [normal], REQ }", ""),
    ("a: { for: [urgent, normal], WHEN { branch: [main, dev, 'release/*'] }, REQ }", ""),
    ("a: { WHEN { any: [{ touches: 'src/**' }, { draft: false }] }, REQ }", ""),
    ("a: { WHEN { label: x }, REQ }", ""),
];

#[test]
fn changes_that_no_rule_applies_to_are_told() {
    for (rules, wanted) in POLICIES {
        let rules = rules.replace("WHEN", "when:").replace("REQ", "require: { subject: { longest: 72 } }");
        let text = format!(
            "changegate: 1\nprotects: [main, dev, 'release/*']\npeople: {{ roster: policies/people.yml, bots: ['*[bot]'], teams: \
             {{ ops: [ana, ben] }} }}\nfields: {{ Kind: {{ one-of: [urgent, usual] }} }}\nclasses: {{ other: {{ branch: \
             other }}, urgent: {{ field: {{ Kind: urgent }} }}, normal: {{}} }}\nrules:\n  {rules}\n"
        );
        let checked = check_files(&[(NAME, &text), ("policies/people.yml", ROSTER)]);
        let (errors, notes) = match checked {
            Ok(inspection) => (Vec::new(), inspection.notes),
            Err(errors) => (errors, Vec::new()),
        };
        let told: Vec<&str> = notes
            .iter()
            .filter(|note| note.fault.what.contains("no rule that denies"))
            .map(|note| {
                assert!(note.fault.help.is_some() && note.fault.at.line > 1, "{note:?}");
                note.fault.what.as_str()
            })
            .collect();
        match wanted.strip_prefix('!') {
            Some(piece) => assert!(errors.len() == 1 && errors[0].contains(piece), "{rules}: {errors:?}"),
            None if wanted.is_empty() => assert_eq!((errors, told), (Vec::new(), Vec::new()), "{rules}"),
            None => assert!(told.len() == 1 && told[0].contains(wanted), "{rules}: {told:?} {errors:?}"),
        }
    }
}

/// A pack applies to every change, and what extends it can take that away.
#[test]
fn rules_of_a_pack_that_are_switched_off_are_told_where_something_is_written() {
    let text = "changegate: 1\nextends: [base.yml]\nprotects: [main]\n";
    let base =
        "changegate: 1\nrules: { a: { when: { branch: other }, require: { subject: { longest: 72 } } } }\n";
    let errors = check_files(&[(NAME, text), ("policies/base.yml", base)]).unwrap_err();
    assert!(errors.len() == 1 && errors[0].starts_with("2: no rule that denies ever applies"), "{errors:?}");
}
