//! What a change of a policy means: `policy diff` never calls harmless what lets through a change that was
//! denied; `policy backtest` counts what history would have met; `try` judges what nobody has pushed.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[path = "cli/scene.rs"]
mod scene;
#[path = "policy_changes/status.rs"]
mod status;

use std::fmt::Write as _;

use changegate::change::Change;
use changegate::judge::judge_change;
use changegate::policy::{
    self, Policy, PolicyDifference, PolicyDirection, PolicySource, find_policy_differences,
};
use changegate::verdict::Decision;
use changegate::{fixture, yaml};
use proptest::prelude::*;
use scene::Scene;

const ENTRY: &str = "p/main.yml";

fn load(text: &str) -> Option<Policy> {
    policy::load_policy(ENTRY, &mut |name| Ok((name == ENTRY).then(|| text.as_bytes().to_vec()))).ok()
}

fn compare(old: &str, new: &str) -> Vec<PolicyDifference> {
    let load = |text: &str| load(text).unwrap_or_else(|| panic!("not valid:\n{text}"));
    let (old_policy, new_policy) = (load(old), load(new));
    let mut fetch_old = |name: &str| Ok((name == ENTRY).then(|| old.as_bytes().to_vec()));
    let mut fetch_new = |name: &str| Ok((name == ENTRY).then(|| new.as_bytes().to_vec()));
    find_policy_differences(
        PolicySource { policy: &old_policy, entry: ENTRY, fetch: &mut fetch_old },
        PolicySource { policy: &new_policy, entry: ENTRY, fetch: &mut fetch_new },
    )
    .unwrap()
}

const BASE: &str = "\
changegate: 1
name: acme
protects: [main]
people: { teams: { duty: [a@example.com, b@example.com] } }
fields:
  Change-Type: { one-of: [normal, emergency], on-conflict: strictest }
  Risk: { ordered: [low, medium, high], on-conflict: highest }
  Note: { text: { min-length: 10 } }
  Reviewed-by: { person: true }
classes:
  emergency: { field: { Change-Type: emergency } }
  normal: {}
rules:
  risk: { require: { field: { Risk: present } } }
  note: { require: { field: { Note: present } } }
  review: { for: [normal], require: { approvals: { at-least: 2, from: [duty], trust: claimed } } }
  late: { for: [emergency], when: { touches: src/ }, require: { field: { Note: { within: 2 days } } } }
exemptions:
  - { rule: note, when: { only-touches: docs/ }, reason: prose, approved-by: Kim, until: 2027-01-31 }
obligations: { block-on-overdue: true }
";

/// A replacement in [`BASE`], what it means, and words of how it is told.
const CHANGES: &[(&str, &str, &str, &str)] = &[
    ("at-least: 2", "at-least: 1", "looser", "rule `review` (normal): requires"),
    ("at-least: 2", "at-least: 3", "stricter", "rule `review` (normal): requires"),
    ("for: [normal]", "for: [normal, emergency]", "stricter", "for: normal → normal, emergency"),
    ("for: [normal]", "for: [emergency]", "different", "for: normal → emergency"),
    ("for: [emergency], when: { touches: src/ }", "for: [emergency]", "stricter", "applies if"),
    ("touches: src/ }", "touches: src/, branch: main }", "looser", "applies if"),
    ("within: 2 days", "within: 3 days", "looser", "rule `late` (emergency): requires"),
    ("within: 2 days", "within: 1 day", "stricter", "rule `late` (emergency): requires"),
    (
        "  risk: { require",
        "  risk: { level: warn, until: 2027-01-01, reason: x, require",
        "looser",
        "level: deny → warn",
    ),
    (
        "  late: { for: [emergency], when: { touches: src/ }, require: { field: { Note: { within: 2 days } } } }\n",
        "",
        "looser",
        "rule `late` (emergency): is gone",
    ),
    (
        "rules:\n",
        "rules:\n  more: { require: { size: { lines: { at-most: 9 } } } }\n",
        "stricter",
        "rule `more`: is new",
    ),
    ("min-length: 10", "min-length: 5", "looser", "field `Note`: accepts more"),
    ("min-length: 10", "min-length: 20", "stricter", "field `Note`: accepts less"),
    ("[low, medium, high]", "[low, medium]", "different", "field `Risk`"),
    (
        "duty: [a@example.com, ",
        "duty: [c@example.com, a@example.com, ",
        "looser",
        "team `duty`: has `c@example.com` as well",
    ),
    ("until: 2027-01-31", "until: 2027-03-31", "looser", "until 2027-01-31 → 2027-03-31"),
    ("until: 2027-01-31", "until: 2027-01-01", "stricter", "until 2027-01-31 → 2027-01-01"),
    ("only-touches: docs/", "touches: docs/", "looser", "exemption from `note`: is new"),
    ("block-on-overdue: true", "block-on-overdue: false", "looser", "`obligations`"),
    ("protects: [main]", "protects: [main, 'release/*']", "different", "also `release/*`"),
    ("protects: [main]", "protects: ['release/*']", "looser", "no longer `main`"),
    (
        "field: { Change-Type: emergency } }\n  normal",
        "touches: src/ }\n  normal",
        "different",
        "class `emergency`",
    ),
    ("name: acme", "name: acme-2", "", ""),
    ("  risk: { require", "  risk: { level: deny, require", "", ""),
    ("Note: present", "'Note': 'present'", "", ""),
];

#[test]
fn each_difference_is_told_with_its_direction() {
    for (from, to, direction, told) in CHANGES {
        assert!(BASE.contains(from), "{from}");
        let found = compare(BASE, &BASE.replacen(from, to, 1));
        if direction.is_empty() {
            assert_eq!(found, [], "{from} -> {to}");
            continue;
        }
        let words: Vec<String> = found
            .iter()
            .map(|one| {
                format!(
                    "{}: {}: {}",
                    one.direction.describe_direction(),
                    one.part.to_plain_text(),
                    one.what.to_plain_text()
                )
            })
            .collect();
        let is_told = words.iter().any(|line| line.starts_with(direction) && line.contains(told));
        assert!(is_told, "{from} -> {to}: {words:#?}");
        if *direction == "stricter" {
            assert!(found.iter().all(|one| one.direction == PolicyDirection::Stricter), "{words:#?}");
        }
    }
    assert_eq!(compare(BASE, BASE), []);
}

/// A policy for releases, whose rules ask about the branch in every way.
const RELEASES: &str = "\
changegate: 1
name: acme
protects: [main, 'release/*']
fields:
  Risk: { one-of: [low, high] }
  Note: { text: { min-length: 10 } }
classes:
  release: { branch: 'release/*' }
  normal: {}
rules:
  every: { require: { subject: { longest: 200 } } }
  only-there: { when: { branch: 'release/*' }, require: { field: { Risk: present } } }
  of-class: { for: [release], require: { field: { Risk: present } } }
  elsewhere: { require: { any: [{ branch: main }, { field: { Risk: present } }] } }
  exempted: { require: { field: { Note: present } } }
  signed-there: { when: { branch: 'release/*', signed: true }, require: { field: { Risk: present } } }
exemptions:
  - { rule: exempted, when: { branch: main }, reason: later, approved-by: Kim, until: 2027-01-31 }
";

/// A rule that asks about the branch is asked again of what a branch gets from another one; where it asks so no longer, it
/// was asked there by the old policy alone.
#[test]
fn a_rule_that_is_no_longer_asked_again_is_never_stricter() {
    let (_, last) = RELEASES.split_once("exemptions:").unwrap();
    let exemptions = format!("exemptions:{last}");
    for (from, to) in [
        ("only-there: { when: { branch: 'release/*' }, ", "only-there: { "),
        ("only-there: { when: { branch: 'release/*' }, ", "only-there: { when: {}, "),
        ("for: [release], ", ""),
        ("for: [release], ", "for: [release, normal], "),
        ("any: [{ branch: main }, { field: { Risk: present } }]", "field: { Risk: present }"),
        ("when: { branch: 'release/*', signed: true }", "when: { branch: 'release/*' }"),
        (exemptions.as_str(), ""),
    ] {
        assert!(RELEASES.contains(from), "{from}");
        let found = compare(RELEASES, &RELEASES.replacen(from, to, 1));
        let words: Vec<String> = found
            .iter()
            .map(|one| format!("{}: {}", one.direction.describe_direction(), one.what.to_plain_text()))
            .collect();
        // A rule that is for the class of another branch still asks about it.
        if to.starts_with("for:") {
            assert!(words.len() == 1 && words[0].starts_with("stricter"), "{from} -> {to}: {words:?}");
            continue;
        }
        let is_told = |line: &String| line.starts_with("different: ") && line.contains("asked again");
        assert!(words.len() == 1 && words.iter().all(is_told), "{from} -> {to}: {words:?}");
    }
}

/// Approvals of different people are joined by `all`; what stands under `any` is joined with nothing.
#[test]
fn approvals_of_different_people_are_compared_together() {
    let (one, other) = (
        "{ approvals: { from: [a], distinct: people, trust: claimed } }",
        "{ approvals: { from: [b], distinct: people, trust: claimed } }",
    );
    let wide = "{ approvals: { from: [a, b], distinct: people, trust: claimed } }";
    let write = |key: &str, ask: &str| {
        let rule = match key {
            "require" => format!("{{ require: {ask} }}"),
            _ => format!("{{ when: {ask}, require: {{ field: {{ A: present }} }} }}"),
        };
        format!(
            "changegate: 1\nname: x\nprotects: [main]\npeople: {{ teams: {{ a: [ana@example.com], b: [ben@example.com] }} }}\n\
             fields: {{ Reviewed-by: {{ person: true }}, A: {{ text: {{}} }} }}\n\
             rules:\n  every: {{ require: {{ subject: {{ longest: 99 }} }} }}\n  r: {rule}\n"
        )
    };
    let both = format!("{{ all: [{one}, {other}] }}");
    for (old, new, required, applies) in [
        (&both, format!("{{ all: [{{ any: [{one}] }}, {other}] }}"), "looser", "stricter"),
        (&format!("{{ all: [{one}, {other}, {wide}] }}"), both.clone(), "looser", "stricter"),
        (&both, format!("{{ all: [{other}, {{ all: [{one}] }}] }}"), "", ""),
    ] {
        for (key, told, back) in [("require", required, applies), ("when", applies, required)] {
            for (old, new, told) in [(old, &new, told), (&new, old, back)] {
                let found = compare(&write(key, old), &write(key, new));
                let words: Vec<&str> = found.iter().map(|one| one.direction.describe_direction()).collect();
                let is_kept = if told.is_empty() { words.is_empty() } else { words.len() == 1 };
                // In doubt it may be looser as well.
                let may_be = told != "stricter" || words == ["stricter"] || words == ["different"];
                assert!(is_kept && may_be, "{key}: {old} -> {new}: {words:?}");
                assert!(
                    told.is_empty() || told == "stricter" || words != ["stricter"],
                    "{key}: {old} -> {new}: {words:?}"
                );
            }
        }
    }
}

/// Two requirements of a rule, what the second one means after the first, and words of how it is told.
const PLAIN_CHANGES: &[(&str, &str, &str, &str)] = &[
    (
        "size: { files: { at-most: 3 } }",
        "size: { files: { at-most: 2 } }",
        "stricter",
        "3 files → the change has at most 2",
    ),
    ("checks: [test]", "checks: [test, lint]", "stricter", "`test` has succeeded → "),
    (
        "author: { domain: [a.example, b.example] }",
        "author: { domain: [a.example] }",
        "stricter",
        "b.example",
    ),
    ("not: { touches: a/ }", "not: { touches: [a/, b/] }", "stricter", "`b/`"),
    (
        "window: { outside: [{ weekdays: [Fri], from: '15:00', until: '23:00' }] }",
        "window: { outside: [{ weekdays: [Fri], from: '15:00', until: '22:59' }] }",
        "looser",
        "22:59",
    ),
    (
        "approvals: { from: [a, b, c], distinct-teams: true, trust: claimed }",
        "approvals: { from: [a, b], distinct-teams: true, trust: claimed }",
        "looser",
        "(one each from a and b)",
    ),
    (
        "any: [{ field: { A: present } }, { checks: [test] }]",
        "any: [{ field: { A: present } }, { checks: [test] }, { size: { files: { at-most: 3 } } }]",
        "looser",
        "(a new alternative: the change has at most 3 files)",
    ),
    (
        "any: [{ field: { A: present } }, { checks: [test] }, { size: { files: { at-most: 3 } } }]",
        "any: [{ field: { A: present } }, { size: { files: { at-most: 3 } } }]",
        "stricter",
        "(no longer an alternative: the check `test` has succeeded)",
    ),
    (
        "all: [{ checks: [lint] }, { any: [{ field: { A: present } }, { checks: [test] }] }]",
        "all: [{ checks: [lint] }, { any: [{ field: { A: present } }, { size: { files: { at-most: 3 } } }] }]",
        "different",
        "(no longer an alternative: the check `test` has succeeded; a new alternative: the change has at most 3 files)",
    ),
    (
        "any: [{ field: { A: present } }, { checks: [test] }]",
        "checks: [test]",
        "stricter",
        "(no longer an alternative: `A` is stated)",
    ),
    // What the words of a question leave out is told beside them.
    (
        "approvals: {}",
        "approvals: { of: any-commit }",
        "looser",
        "(an approval of an earlier revision counts)",
    ),
    (
        "approvals: {}",
        "approvals: { trust: claimed }",
        "looser",
        "(an approval that a trailer claims counts)",
    ),
    ("approvals: {}", "approvals: { commands: [/ok] }", "looser", "says `/ok` counts"),
    (
        "checks: { named: [test] }",
        "checks: { named: [test], allow: [skipped] }",
        "looser",
        "was skipped counts",
    ),
    (
        "label: { any-of: [x], by: [a] }",
        "label: { any-of: [x], by: [a], of: any-revision }",
        "looser",
        "before the last push counts",
    ),
    (
        "size: { files: { at-most: 3 } }",
        "size: { files: { at-most: 3 }, ignore: ['*.lock'] }",
        "looser",
        "`*.lock` does not count as files",
    ),
    // Words that are the same on both sides are told as they are written.
    ("any: [{ draft: false }]", "draft: false", "", ""),
];

#[test]
fn a_plain_difference_between_two_requirements_is_told_in_words() {
    for (before, after, direction, told) in PLAIN_CHANGES {
        let write = |require: &str| {
            format!(
                "changegate: 1\nname: x\nprotects: [main]\npeople: {{ teams: {{ a: ['github:a'], b: ['github:b'], c: \
                 ['github:c'] }} }}\nfields: {{ Reviewed-by: {{ person: true }}, A: {{ text: {{ min-length: 1 }} }} }}\nrules: {{ r: {{ require: {{ {require} \
                 }} }} }}\n"
            )
        };
        let found = compare(&write(before), &write(after));
        let words: Vec<String> = found
            .iter()
            .map(|one| format!("{}: {}", one.direction.describe_direction(), one.what.to_plain_text()))
            .collect();
        if direction.is_empty() {
            assert!(words.iter().all(|line| !line.contains("looser")), "{before} -> {after}: {words:?}");
            continue;
        }
        assert!(
            words.len() == 1 && words[0].starts_with(direction) && words[0].contains(told),
            "{before} -> {after}: {words:?}"
        );
        for line in words {
            let (one, other) = line.split_once(" \u{2192} ").unwrap();
            assert!(!one.ends_with(&format!(": {other}")), "the same words twice: {line}");
        }
    }
}

/// Definitions of a field, its name and two of them, and what is told of the difference.
#[test]
fn what_differs_within_a_part_is_named() {
    for (from, to, told) in [
        ("[low, medium, high]", "[low, medium]", "`ordered` has `high` no more"),
        (
            "Note: { text: { min-length: 10 } }",
            "Note: { text: { min-length: 10 }, many: true }",
            "`many`: nothing → true",
        ),
        ("on-conflict: highest", "on-conflict: refuse", "`on-conflict`: highest → refuse"),
        ("block-on-overdue: true", "block-on-overdue: false", "`block-on-overdue`: true → false"),
        ("people: { ", "people: { holidays: [2026-12-24], ", "`holidays` has `2026-12-24` as well"),
        ("people: { ", "people: { bots: ['bot@example.com'], ", "`bots` has `bot@example.com` as well"),
        (
            "field: { Change-Type: emergency } }\n  normal",
            "touches: src/ }\n  normal",
            "{ field: { Change-Type: emergency } } \u{2192} { touches: src/ }",
        ),
    ] {
        assert!(BASE.contains(from), "{from}");
        let to = BASE.replacen(from, to, 1);
        if load(&to).is_none() {
            panic!("not valid:\n{to}");
        }
        let words: Vec<String> = compare(BASE, &to).iter().map(|one| one.what.to_plain_text()).collect();
        assert!(words.iter().any(|line| line.contains(told)), "{told}: {words:?}");
    }
}

/// Who is in a team decides which rules apply where a `when`, a class or an exemption asks for its approval.
#[test]
fn a_team_that_sorts_changes_by_its_approvals_is_never_stricter() {
    let asked = "{ approvals: { from: [duty], trust: claimed } }";
    for (from, to) in [
        ("when: { touches: src/ }", format!("when: {asked}")),
        ("emergency: { field: { Change-Type: emergency } }", format!("emergency: {asked}")),
        ("when: { only-touches: docs/ }", format!("when: {asked}")),
    ] {
        assert!(BASE.contains(from), "{from}");
        let old = BASE.replacen(from, &to, 1);
        for (members, told) in [
            ("duty: [b@example.com]", "different"),
            ("duty: [a@example.com, b@example.com, c@example.com]", "different"),
        ] {
            let found = compare(&old, &old.replacen("duty: [a@example.com, b@example.com]", members, 1));
            let words: Vec<&str> = found.iter().map(|one| one.direction.describe_direction()).collect();
            assert_eq!(words, [told], "{to}: {members}");
        }
    }
}

/// The words of a field are no numbers, even if they look like some.
#[test]
fn words_that_are_digits_are_compared_by_their_order() {
    let write = |word: &str| {
        format!(
            "changegate: 1\nname: x\nprotects: [main]\nfields: {{ Severity: {{ ordered: ['4', '3', '2', '1'] }} }}\nrules:\n  \
             hot: {{ require: {{ field: {{ Severity: {{ at-least: '{word}' }} }} }} }}\n"
        )
    };
    for (before, after, told) in [("2", "4", "looser"), ("2", "1", "stricter"), ("3", "2", "stricter")] {
        let found = compare(&write(before), &write(after));
        let words: Vec<&str> = found.iter().map(|one| one.direction.describe_direction()).collect();
        assert_eq!(words, [told], "{before} -> {after}");
    }
}

/// What a base lets the policies do that extend it is a part of it.
#[test]
fn what_a_base_lets_others_weaken_is_looser() {
    let found =
        compare(BASE, &BASE.replacen("risk: { require", "risk: { may-be-weakened: with-reason, require", 1));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].direction, PolicyDirection::Looser);
    let (old, new) = (
        BASE.replacen("protects: [main]\n", "", 1),
        BASE.replacen("protects: [main]\n", "", 1).replacen("[a@example.com, b@example.com]", "[]", 1),
    );
    let found = compare_with_base(("main", &old), ("main", &new));
    assert!(found.iter().any(|line| line.starts_with("looser: team `duty`")), "{found:#?}");
}

/// Compares two policies that extend a base of another repository, each at a revision and with what it says there.
fn compare_with_base(old: (&str, &str), new: (&str, &str)) -> Vec<String> {
    let fetch = |(revision, base): (&str, &str)| {
        let name = format!("acme/policies//base.yml@{revision}");
        let own = match revision {
            "" => base.to_owned(),
            _ => format!("changegate: 1\nname: own\nextends: ['{name}']\nprotects: [main]\n"),
        };
        let base = base.to_owned();
        move |path: &str| {
            let text = if path == ENTRY { Some(own.clone()) } else { (path == name).then(|| base.clone()) };
            Ok(text.map(String::into_bytes))
        }
    };
    let load =
        |source| policy::load_policy(ENTRY, &mut fetch(source)).unwrap_or_else(|errors| panic!("{errors:?}"));
    let found = find_policy_differences(
        PolicySource { policy: &load(old), entry: ENTRY, fetch: &mut fetch(old) },
        PolicySource { policy: &load(new), entry: ENTRY, fetch: &mut fetch(new) },
    );
    let show = |one: &PolicyDifference| {
        let direction = one.direction.describe_direction();
        format!("{direction}: {}: {}", one.part.to_plain_text(), one.what.to_plain_text())
    };
    found.unwrap().iter().map(show).collect()
}

/// A base that follows a branch asks less some day without a change here, and one that is no base any more can be weakened.
#[test]
fn another_revision_of_a_shared_base_is_told() {
    let (one, other) = ("4e".repeat(20), "5f".repeat(20));
    let (one, other) = (one.as_str(), other.as_str());
    for (before, after, told) in [
        (
            one,
            "main",
            "looser: shared policy `acme/policies//base.yml`: follows `main` and no longer stays at 4e4e4e4e4e",
        ),
        (
            "main",
            "mallory/x",
            "looser: shared policy `acme/policies//base.yml`: follows `mallory/x` and no longer `main`",
        ),
        ("main", one, "different: shared policy `acme/policies//base.yml`: stays at 4e4e4e4e4e"),
        (one, other, "different: shared policy `acme/policies//base.yml`: is read at 5f5f5f5f5f"),
        (one, "", "looser: shared policy `acme/policies//base.yml`: is no longer extended"),
        ("", "main", "different: shared policy `acme/policies//base.yml`: is extended, and follows `main`"),
        ("", one, ""),
        ("main", "main", ""),
    ] {
        let found = compare_with_base((before, BASE), (after, BASE));
        let found: Vec<&String> = found.iter().filter(|line| line.contains("shared policy")).collect();
        match told {
            "" => assert!(found.is_empty(), "{before} -> {after}: {found:#?}"),
            told => {
                assert!(found.len() == 1 && found[0].starts_with(told), "{before} -> {after}: {found:#?}")
            }
        }
    }
}

/// The files of a policy that names one of every kind.
const FILES: &[(&str, &str)] = &[
    (
        ENTRY,
        "changegate: 1\nname: x\nextends: [base.yml]\nprotects: [main]\nsigners: { ssh: keys/ssh, openpgp: keys/gpg }\n\
         people: { roster: who/roster.yml, holidays: [who/days.ics], teams: { a: [ana@example.com] } }\n\
         standard-changes: who/standard.yml\nfields: { Reviewed-by: { person: true } }\n\
         rules: { signed: { require: { signed: true } }, owned: { require: { approvals: { from: codeowners } } } }\n",
    ),
    ("p/base.yml", "changegate: 1\nfields: { Note: { text: { min-length: 3 } } }\n"),
    ("keys/ssh", "# keys\nana@example.com ssh-ed25519 AAAA\nben@example.com ssh-ed25519 BBBB\n"),
    ("keys/gpg", "ring"),
    ("who/roster.yml", "people: { ana: { addresses: [ana@example.com] } }\n"),
    (
        "who/days.ics",
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART;VALUE=DATE:20261224\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n",
    ),
    (
        "who/standard.yml",
        "standard-changes: { S: { title: T, paths: [a], approved-by: D, approved-on: 2026-01-01, review-by: 2026-12-31 } }\n",
    ),
    (".github/CODEOWNERS", "* ana@example.com\n"),
];

/// A replacement in a file that a policy names, and what it means.
const FILE_CHANGES: &[(&str, &str, &str, &str)] = &[
    ("p/base.yml", "min-length: 3", "min-length: 4", "stricter: field `Note`"),
    (
        "keys/ssh",
        "ana@",
        "eve@evil.example ssh-ed25519 EEEE\nana@",
        "looser: keys in `keys/ssh`: another key counts, of `eve@",
    ),
    ("keys/ssh", "AAAA", "EEEE", "looser: keys in `keys/ssh`"),
    (
        "keys/ssh",
        "ben@example.com ssh-ed25519 BBBB\n",
        "",
        "stricter: keys in `keys/ssh`: a key counts no more, of `ben@",
    ),
    ("keys/ssh", "# keys", "# our keys\n", ""),
    ("keys/gpg", "ring", "rings", "looser: keys in `keys/gpg`"),
    (
        "who/roster.yml",
        "[ana@",
        "[eve@example.com, ana@",
        "different: roster: is another one (has `eve@example.com` as well)",
    ),
    (
        "who/roster.yml",
        "com] }",
        "com], keys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEuJ7TQ+AObKUqdvTVQBr5TU0RLWxWR5GGfwd6sGGNZM'] }",
        "looser: roster: another key counts, of `ana`",
    ),
    (
        "who/days.ics",
        "20261224",
        "20261223",
        "different: calendar `who/days.ics`: is another one (has `2026-12-23` as well; has `2026-12-24` no more)",
    ),
    (
        "who/days.ics",
        "20261224\r\n",
        "20261224\r\nRRULE:FREQ=YEARLY\r\n",
        "different: calendar `who/days.ics`: is another one (has `2026-12-24 and every year` as well; has `2026-12-24` no \
         more)",
    ),
    (
        "who/days.ics",
        "20261224\r\n",
        "20261224\r\nRRULE:FREQ=YEARLY;COUNT=1\r\n",
        "different: calendar `who/days.ics`: is another one",
    ),
    (
        ENTRY,
        "holidays: [who/days.ics]",
        "holidays: [12-25, who/days.ics]",
        "different: `holidays`: is another one (`holidays` has `12-25` as well)",
    ),
    (ENTRY, "holidays: [who/days.ics], ", "", "different: calendar `who/days.ics`: is gone"),
    (
        "who/standard.yml",
        "[a]",
        "[a, b]",
        "different: `standard-changes`: the catalogue is another one (`S.paths` has `b` as well)",
    ),
    ("who/standard.yml", "title: T", "title: U", ""),
    (
        ".github/CODEOWNERS",
        "* ana",
        "* eve",
        "different: code owners in `.github/CODEOWNERS`: is another one (`*`: `ana@example.com` \u{2192} `eve@example.com`)",
    ),
    (
        ".github/CODEOWNERS",
        "\n",
        "\n/docs/ @ben\n",
        "different: code owners in `.github/CODEOWNERS`: is another one (`/docs/`: nothing \u{2192} `@ben`)",
    ),
    (ENTRY, "people: { ", "people: { codeowners: gitlab, ", "different: `codeowners`: is another one"),
];

/// Which file of code owners is read, and which lines come first, is a difference of its own.
#[test]
fn another_source_of_code_owners_is_told() {
    let rules = "rules: { owned: { require: { approvals: { from: codeowners } } } }";
    let policy = format!(
        "changegate: 1\nname: x\nprotects: [main]\nfields: {{ Reviewed-by: {{ person: true }} }}\n{rules}\n"
    );
    let compare = |old: (&str, &str), new: (&str, &str)| -> Vec<String> {
        let fetch = |(path, text): (&str, &str)| {
            let (path, text, policy) = (path.to_owned(), text.to_owned(), policy.clone());
            move |name: &str| {
                let found =
                    if name == ENTRY { Some(policy.clone()) } else { (name == path).then(|| text.clone()) };
                Ok(found.map(String::into_bytes))
            }
        };
        let load =
            |at| policy::load_policy(ENTRY, &mut fetch(at)).unwrap_or_else(|errors| panic!("{errors:?}"));
        let found = find_policy_differences(
            PolicySource { policy: &load(old), entry: ENTRY, fetch: &mut fetch(old) },
            PolicySource { policy: &load(new), entry: ENTRY, fetch: &mut fetch(new) },
        );
        let told = found.unwrap();
        let show =
            |one: &PolicyDifference| format!("{}: {}", one.part.to_plain_text(), one.what.to_plain_text());
        told.iter().map(show).filter(|line| !line.starts_with("files of the policy")).collect()
    };
    let lines = "* @ana\n/docs/ @ben\n";
    assert_eq!(
        compare(("CODEOWNERS", lines), (".github/CODEOWNERS", lines)),
        ["code owners in `CODEOWNERS`: is gone", "code owners in `.github/CODEOWNERS`: is new"]
    );
    assert_eq!(
        compare(("CODEOWNERS", lines), ("CODEOWNERS", "/docs/ @ben\n* @ana\n")),
        ["code owners in `CODEOWNERS`: is another one (the lines are in another order)"]
    );
    assert_eq!(compare(("CODEOWNERS", lines), ("other", "")), ["code owners in `CODEOWNERS`: is gone"]);
    // What decides nothing is no difference.
    assert_eq!(compare(("CODEOWNERS", lines), ("CODEOWNERS", lines)), [""; 0]);
}

/// The name of an owner is a team of the policy, and where there is none of it, one of GitHub.
#[test]
fn owners_that_stand_for_others_without_a_team_are_told() {
    let lines = "* @acme/sec @acme/ops @ana\n";
    let write = |teams: &str| {
        format!(
            "changegate: 1\nname: x\nprotects: [main]\npeople: {{ teams: {{ {teams} }} }}\nfields: {{ Reviewed-by: {{ person: true \
             }} }}\nrules: {{ owned: {{ require: {{ approvals: {{ from: codeowners }} }} }} }}\n"
        )
    };
    let compare = |old: &str, new: &str| -> Vec<String> {
        let fetch = |teams: &str| {
            let policy = write(teams);
            move |name: &str| {
                let found = match name {
                    ENTRY => Some(policy.clone()),
                    "CODEOWNERS" => Some(lines.to_owned()),
                    _ => None,
                };
                Ok(found.map(String::into_bytes))
            }
        };
        let load =
            |at| policy::load_policy(ENTRY, &mut fetch(at)).unwrap_or_else(|errors| panic!("{errors:?}"));
        let found = find_policy_differences(
            PolicySource { policy: &load(old), entry: ENTRY, fetch: &mut fetch(old) },
            PolicySource { policy: &load(new), entry: ENTRY, fetch: &mut fetch(new) },
        );
        let show = |one: &PolicyDifference| {
            let direction = one.direction.describe_direction();
            format!("{direction}: {}: {}", one.part.to_plain_text(), one.what.to_plain_text())
        };
        found.unwrap().iter().map(show).collect()
    };
    let (ops, both) = ("ops: ['github:cy']", "sec: ['github:ben'], ops: ['github:cy']");
    let other = "different: code owners in `CODEOWNERS`: others own some paths (`@acme/sec` stands for `github:acme/sec` and no \
                 longer for `sec`)";
    assert_eq!(compare(both, ops), ["stricter: team `sec`: has `github:ben` no more", other]);
    assert!(compare(ops, both).iter().any(|line| line.contains("stands for `sec` and no longer")));
    let fewer = both.replace("'github:ben'", "'github:ben', 'github:dan'");
    assert_eq!(compare(&fewer, both), ["stricter: team `sec`: has `github:dan` no more"]);
    // A team that no owner is called like.
    let third = format!("{both}, duty: ['github:kim']");
    assert_eq!(compare(&third, both), ["stricter: team `duty`: has `github:kim` no more"]);
}

#[test]
fn every_file_that_a_policy_names_is_a_part_of_it() {
    let fetch = |changed: Option<(&'static str, String)>| {
        move |name: &str| {
            let own = changed.as_ref().filter(|(path, _)| *path == name).map(|(_, text)| text.clone());
            let written = FILES.iter().find(|(path, _)| *path == name).map(|(_, text)| (*text).to_owned());
            Ok(own.or(written).map(String::into_bytes))
        }
    };
    let old = policy::load_policy(ENTRY, &mut fetch(None)).unwrap_or_else(|errors| panic!("{errors:?}"));
    // Whatever file a policy names gets a line above.
    for path in old.gate_files.iter().filter(|path| *path != ENTRY) {
        assert!(FILE_CHANGES.iter().any(|(changed, ..)| changed == path), "{path}");
    }
    for (path, from, to, told) in FILE_CHANGES {
        let (_, before) = FILES.iter().find(|(known, _)| known == path).unwrap();
        assert!(before.contains(from), "{path}: {from}");
        let changed = Some((*path, before.replacen(from, to, 1)));
        let new = policy::load_policy(ENTRY, &mut fetch(changed.clone()))
            .unwrap_or_else(|errors| panic!("{path}: {errors:?}"));
        // What a policy is made of is in its digest.
        assert_ne!(old.digest, new.digest, "{path}");
        let found = find_policy_differences(
            PolicySource { policy: &old, entry: ENTRY, fetch: &mut fetch(None) },
            PolicySource { policy: &new, entry: ENTRY, fetch: &mut fetch(changed) },
        )
        .unwrap();
        let mut words = Vec::new();
        for one in &found {
            let direction = one.direction.describe_direction();
            words.push(format!("{direction}: {}: {}", one.part.to_plain_text(), one.what.to_plain_text()));
        }
        match told.is_empty() {
            true => assert_eq!(words, Vec::<String>::new(), "{path}: {to}"),
            false => assert!(words.iter().any(|line| line.contains(told)), "{path}: {told}: {words:?}"),
        }
    }
}

/// The same question in several forms, of which each two are compared.
const FAMILIES: &[&[&str]] = &[
    &[
        "approvals: { from: [ta, tb, tc], distinct-teams: true, trust: claimed }",
        "approvals: { from: [ta, tb], distinct-teams: true, trust: claimed }",
        "approvals: { from: [ta, tb], trust: claimed }",
        "approvals: { from: [ta, tb, tc], at-least: 2, trust: claimed }",
        "approvals: { from: [ta, tb], at-least: 2, distinct-teams: true, trust: claimed }",
        "approvals: { from: [tb, tc], at-least: 2, trust: claimed }",
        "approvals: { from: [ta, tb, tc], different-teams: 2, trust: claimed }",
        "approvals: { from: [ta, tb], different-teams: 2, trust: claimed }",
        "approvals: { at-least: 2, authors: cross, trust: claimed }",
        "approvals: { at-least: 2, trust: claimed }",
        "approvals: { from: [ta, tb], at-least: 3, distinct-teams: true, trust: claimed }",
        "approvals: { from: [tc, tb, ta], at-least: 3, distinct-teams: true, trust: claimed }",
    ],
    &[
        "touches: [src/, docs/]",
        "touches: src/",
        "touches: { paths: [src/, docs/], ignore: [src/a.rs] }",
        "touches: { paths: [src/], kinds: [addition] }",
        "not: { touches: src/ }",
        "not: { touches: [docs/, src/] }",
        "not: { touches: { paths: [src/, docs/], ignore: [src/a.rs] } }",
        "only-touches: [src/]",
        "only-touches: [docs/, src/]",
        "not: { only-touches: [docs/] }",
        "not: { only-touches: [docs/, src/] }",
    ],
    &[
        "size: { lines: { at-most: 10 } }",
        "size: { lines: { at-most: 100 }, files: { at-most: 1 } }",
        "size: { lines: { at-most: 100 } }",
        "size: { files: { at-most: 1 } }",
        "size: { files: { at-most: 1 }, ignore: [docs/] }",
        "size: { files: { at-most: 1 }, ignore: [docs/, src/] }",
    ],
    &[
        "author: { domain: [example.com] }",
        "author: { domain: [example.com, b.example] }",
        "author: { domain: [example.com], bot: false }",
        "author: { domain: [example.com], team: [ta] }",
        "author: { team: [ta, tb] }",
        "not: { author: { team: [ta] } }",
        "not: { author: { team: [ta, tb] } }",
    ],
    &[
        "window: { outside: [{ from: '15:00', until: '22:59' }] }",
        "window: { outside: [{ from: '15:00', until: '23:00' }] }",
        "window: { outside: [{ weekdays: [Fri], from: '15:00', until: '23:00' }] }",
        "window: { inside: [{ from: '08:00', until: '15:00' }] }",
        "window: { inside: [{ from: '09:30', until: '15:00' }] }",
        "window: { inside: [{ from: '08:00', until: '15:00' }, { from: '20:00' }] }",
        "window: { outside: [{ from: 2026-11-01, until: 2026-11-19 }] }",
        "window: { outside: [{ from: 2026-11-01, until: 2026-11-20 }] }",
        "window: { outside: [{ from: '23:00', until: '09:00' }] }",
    ],
    &[
        "subject: { longest: 30 }",
        "subject: { longest: 30, refuse: [Change] }",
        "subject: { refuse: [Change, Fix] }",
        "subject: { longest: 5 }",
        "not: { subject: { refuse: [Change] } }",
    ],
    &["signed: true", "signed: { from: [ta] }", "signed: { from: [ta, tb] }", "not: { signed: true }"],
];

/// Files of keys: whose keys count.
const KEY_FILES: &[&str] =
    &["a@example.com", "a@example.com b@example.com", "b@example.com", "c@example.com"];

/// A policy of one rule, and the file of keys that it names.
fn write_family_policy(require: &str, signers: &str) -> (String, String) {
    let text = format!(
        "changegate: 1\nname: x\nprotects: [main]\nsigners: {{ ssh: keys }}\npeople: {{ bots: ['bot@example.com'], teams: {{ \
         ta: [a@example.com], tb: [b@example.com], tc: [c@example.com] }} }}\nfields: {{ Reviewed-by: {{ person: true }} \
         }}\nrules: {{ r: {{ require: {{ {require} }} }} }}\n"
    );
    let keys = signers.split(' ').map(|name| format!("{name} ssh-ed25519 KEY-OF-{name}\n")).collect();
    (text, keys)
}

/// Returns the changes that the forms of a family are asked about; a signature counts if the key is in `keys`.
fn list_family_changes(keys: &str) -> Vec<Change> {
    let mut changes = Vec::new();
    let reviewers = ["a", "b", "c", "a b", "a c", "b c", "a b c", "d", "a d"];
    for (index, approved) in reviewers.iter().enumerate() {
        let mut reviews = Vec::new();
        for name in approved.split(' ') {
            reviews.push(format!("{name} <{name}@example.com>"));
        }
        for paths in ["src/a.rs", "docs/b.md", "src/a.rs, docs/b.md", "src/c.rs, src/a.rs", "x"] {
            for lines in [5, 50] {
                for author in ["z@example.com", "a@example.com", "z@b.example"] {
                    let number = changes.len() + index;
                    let hour = ["09:00", "15:30", "22:59", "23:00", "07:30"][number % 5];
                    let signer = ["a@example.com", "b@example.com", "c@example.com"][number % 3];
                    let signature = match keys.contains(&format!("KEY-OF-{signer}\n")) {
                        true => format!("{{ good: {signer} }}"),
                        false => "{ bad: nobody knows this key }".to_owned(),
                    };
                    let text = format!(
                        "at: 2026-11-20T{hour}:00Z\ncommits:\n  - author: N <{author}>\n    message: \"{} it\\n\\n{}\"\n    \
                         paths: [{paths}]\n    lines: {lines}\n    signature: {signature}\n",
                        ["Change", "Fix", "Try"][number % 3],
                        reviews.iter().map(|who| format!("Reviewed-by: {who}\\n")).collect::<String>(),
                    );
                    let mut faults = Vec::new();
                    let change =
                        fixture::read_change(&yaml::read_document(text.as_bytes()).unwrap(), &mut faults);
                    changes.push(change.unwrap_or_else(|| panic!("{faults:?}\n{text}")));
                }
            }
        }
    }
    changes
}

/// Compares two policies of one rule each, with their files of keys, and judges all changes by both.
fn check_promise((old, old_keys): &(String, String), (new, new_keys): &(String, String)) -> bool {
    let fetch = |text: &str, keys: &str| {
        let (text, keys) = (text.to_owned(), keys.to_owned());
        move |name: &str| {
            Ok(match name {
                ENTRY => Some(text.clone().into_bytes()),
                "keys" => Some(keys.clone().into_bytes()),
                _ => None,
            })
        }
    };
    let load = |text: &str, keys: &str| {
        policy::load_policy(ENTRY, &mut fetch(text, keys))
            .unwrap_or_else(|errors| panic!("{text}\n{errors:?}"))
    };
    let (old_policy, new_policy) = (load(old, old_keys), load(new, new_keys));
    let found = find_policy_differences(
        PolicySource { policy: &old_policy, entry: ENTRY, fetch: &mut fetch(old, old_keys) },
        PolicySource { policy: &new_policy, entry: ENTRY, fetch: &mut fetch(new, new_keys) },
    )
    .unwrap();
    if found.iter().any(|one| one.direction.may_loosen()) {
        return false;
    }
    for (before, after) in list_family_changes(old_keys).iter().zip(&list_family_changes(new_keys)) {
        let was = judge_change(&old_policy, before, true).decision();
        let is = judge_change(&new_policy, after, true).decision();
        assert!(
            !(was == Decision::Deny && is == Decision::Allow),
            "{old}{old_keys}\n{new}{new_keys}\n{found:#?}\n{after:#?}"
        );
    }
    true
}

#[test]
fn no_form_of_a_question_is_called_stricter_than_one_that_denies_more() {
    let mut stricter = 0;
    for family in FAMILIES {
        for old in *family {
            for new in family.iter().filter(|new| *new != old) {
                let keys = KEY_FILES[1];
                stricter += usize::from(check_promise(
                    &write_family_policy(old, keys),
                    &write_family_policy(new, keys),
                ));
            }
        }
    }
    for old in KEY_FILES {
        for new in KEY_FILES {
            for require in FAMILIES.last().unwrap().iter() {
                stricter += usize::from(check_promise(
                    &write_family_policy(require, old),
                    &write_family_policy(require, new),
                ));
            }
        }
    }
    // A comparison that calls everything different keeps the promise, too.
    assert!(stricter > 40, "{stricter}");
}

const REQUIRES: &[&str] = &[
    "{ field: { Risk: present } }",
    "{ field: { Risk: { at-most: medium } } }",
    "{ field: { Risk: { at-least: medium } } }",
    "{ field: { Risk: present, Note: present } }",
    "{ field: { Change-Type: normal } }",
    "{ approvals: { at-least: 1, trust: claimed } }",
    "{ approvals: { at-least: 2, trust: claimed } }",
    "{ approvals: { at-least: 1, from: [duty], trust: claimed } }",
    "{ approvals: { at-least: 1 } }",
    "{ size: { lines: { at-most: 10 } } }",
    "{ size: { lines: { at-most: 100 } } }",
    "{ size: { lines: { at-most: 10 }, files: { at-most: 1 } } }",
    "{ any: [{ field: { Note: present } }, { approvals: { at-least: 1, trust: claimed } }] }",
    "{ any: [{ field: { Note: present } }] }",
    "{ all: [{ field: { Risk: present } }, { size: { lines: { at-most: 100 } } }] }",
    "{ not: { touches: src/ } }",
    "{ not: { field: { Risk: high } } }",
    "{ only-touches: docs/ }",
    "{ touches: docs/ }",
    "{ subject: { longest: 6 } }",
    "{ subject: { longest: 30 } }",
    "{ pusher: { bot: true } }",
    "{ not: { author: { bot: true } } }",
    "{ trailers: clean }",
    "{ field: { Note: { within: 2 days } } }",
    "{ field: { Note: { within: 4 days } } }",
    "{ approvals: { from: [duty, others], distinct-teams: true, trust: claimed } }",
    "{ approvals: { from: [duty, others, third], distinct-teams: true, trust: claimed } }",
    "{ approvals: { from: [duty, others], trust: claimed } }",
    "{ not: { touches: [src/, docs/] } }",
    "{ only-touches: [docs/, src/] }",
];

const WHENS: &[&str] = &[
    "",
    "{ field: { Risk: high } }",
    "{ field: { Risk: { at-least: medium } } }",
    "{ field: { Change-Type: present } }",
    "{ touches: src/ }",
    "{ not: { touches: docs/ } }",
    "{ all: [{ touches: src/ }, { field: { Risk: high } }] }",
    "{ any: [{ touches: src/ }, { field: { Risk: high } }] }",
    "{ size: { lines: { at-most: 100 } } }",
    "{ approvals: { from: [duty], trust: claimed } }",
    "{ not: { approvals: { from: [duty], trust: claimed } } }",
    "{ author: { team: duty } }",
];

const CLASSES: &[&str] = &[
    "",
    "classes: { emergency: { field: { Change-Type: emergency } }, normal: {} }\n",
    "classes: { emergency: { touches: src/ }, normal: {} }\n",
    "classes: { normal: { field: { Risk: low } }, emergency: {} }\n",
    "classes: { emergency: { approvals: { from: [duty], trust: claimed } }, normal: {} }\n",
];

const FIELDS: &[&str] = &[
    "Risk: { ordered: [low, medium, high], on-conflict: highest }",
    "Risk: { ordered: [low, medium], on-conflict: highest }",
    "Risk: { ordered: [low, medium, high, critical], on-conflict: highest }",
];

const NOTES: &[&str] = &["Note: { text: { min-length: 3 } }", "Note: { text: { min-length: 9 } }"];

const DUTY: &[&str] = &["a@example.com", "a@example.com, b@example.com", "b@example.com"];

const EXEMPTIONS: &[&str] = &[
    "",
    "{ only-touches: docs/ }",
    "{ touches: docs/ }",
    "{ field: { Risk: low } }",
    "{ approvals: { from: [duty], trust: claimed } }",
];

#[derive(Clone, Debug)]
struct RuleSketch {
    is_there: bool,
    warns: bool,
    scope: usize,
    when: usize,
    require: usize,
}

#[derive(Clone, Debug)]
struct PolicySketch {
    rules: Vec<RuleSketch>,
    parts: [usize; 5],
}

impl PolicySketch {
    fn write(&self) -> String {
        let [classes, fields, notes, duty, exemption] = self.parts;
        let mut text = format!(
            "changegate: 1\nname: x\nprotects: [main]\npeople: {{ teams: {{ duty: [{}], others: \
             [b@example.com], third: [c@example.com] }}, bots: ['bot@example.com'] }}\n\
             fields:\n  Change-Type: {{ one-of: [normal, emergency], on-conflict: strictest }}\n  {}\n  {}\n  \
             Reviewed-by: {{ person: true }}\n{}rules:\n",
            DUTY[duty], FIELDS[fields], NOTES[notes], CLASSES[classes],
        );
        let mut first = None;
        for (index, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.is_there) {
            first.get_or_insert(index);
            let mut keys = String::new();
            if rule.warns {
                keys += "level: warn, until: 2027-01-01, reason: x, ";
            }
            if classes > 0 {
                keys += ["", "for: [normal], ", "not-for: [normal], "][rule.scope];
            }
            if !WHENS[rule.when].is_empty() {
                write!(keys, "when: {}, ", WHENS[rule.when]).unwrap();
            }
            writeln!(text, "  r{index}: {{ {keys}require: {} }}", REQUIRES[rule.require]).unwrap();
        }
        if let (Some(rule), true) = (first, exemption > 0) {
            let when = EXEMPTIONS[exemption];
            writeln!(
                text,
                "exemptions: [{{ rule: r{rule}, when: {when}, reason: x, approved-by: K, until: 2027-01-31 }}]"
            )
            .unwrap();
        }
        text
    }
}

fn sketch_rule() -> impl Strategy<Value = RuleSketch> {
    (prop::bool::weighted(0.8), prop::bool::weighted(0.1), 0..3_usize, 0..WHENS.len(), 0..REQUIRES.len())
        .prop_map(|(is_there, warns, scope, when, require)| RuleSketch {
            is_there,
            warns,
            scope,
            when,
            require,
        })
}

fn sketch_policy() -> impl Strategy<Value = PolicySketch> {
    let parts = (0..CLASSES.len(), 0..FIELDS.len(), 0..NOTES.len(), 0..DUTY.len(), 0..EXEMPTIONS.len());
    (prop::collection::vec(sketch_rule(), 3), parts)
        .prop_map(|(rules, (a, b, c, d, e))| PolicySketch { rules, parts: [a, b, c, d, e] })
}

/// A policy, and the same with one rule or one part of it changed.
fn sketch_pair() -> impl Strategy<Value = (PolicySketch, PolicySketch)> {
    (sketch_policy(), sketch_policy(), 0..8_usize, 0..5_usize).prop_map(|(old, other, place, key)| {
        let mut new = old.clone();
        if place < 3 {
            let (rule, given) = (&mut new.rules[place], &other.rules[place]);
            match key {
                0 => rule.is_there = given.is_there,
                1 => rule.warns = given.warns,
                2 => rule.scope = given.scope,
                3 => rule.when = given.when,
                _ => rule.require = given.require,
            }
        } else {
            new.parts[place - 3] = other.parts[place - 3];
        }
        (old, new)
    })
}

/// Returns a change; the numbers choose what it states and touches.
fn build_change(choice: [usize; 7]) -> Change {
    let [risk, kind, note, reviews, paths, lines, who] = choice;
    let mut fields = String::new();
    for (name, value) in [
        ("Risk", ["", "low", "medium", "high", "odd"][risk]),
        ("Change-Type", ["", "normal", "emergency"][kind]),
        ("Note", ["", "abc", "a longer note"][note]),
    ] {
        if !value.is_empty() {
            write!(fields, "{name}: {value}, ").unwrap();
        }
    }
    let people = [
        "",
        "A <a@example.com>, B <b@example.com>, C <c@example.com>",
        "A <a@example.com>",
        "B <b@example.com>",
        "A <a@example.com>, B <b@example.com>",
        "C <c@example.com>",
        "Bot <bot@example.com>",
    ];
    if reviews > 0 {
        write!(fields, "Reviewed-by: [{}], ", people[reviews]).unwrap();
    }
    let paths = ["", "paths: [src/a.rs]\n", "paths: [docs/b.md]\n", "paths: [src/a.rs, docs/b.md]\n"][paths];
    let text = format!(
        "at: 2026-11-20T09:00:00Z\nauthor: {}\nmessage: Change it\nlines: {}\n{paths}{}fields: {{ {fields} }}\n",
        ["Z <z@example.com>", "A <a@example.com>", "Bot <bot@example.com>"][who],
        [5, 50, 500][lines],
        ["", "pusher: z\n", "pusher: bot\n"][who],
    );
    let mut faults = Vec::new();
    fixture::read_change(&yaml::read_document(text.as_bytes()).unwrap(), &mut faults)
        .unwrap_or_else(|| panic!("{faults:?}\n{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("CHANGEGATE_DIFF_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whenever `policy diff` says that a policy is not looser, no change goes from deny to allow.
    #[test]
    fn what_is_called_stricter_allows_nothing_that_was_denied(
        (old, new) in sketch_pair(),
        choices in prop::collection::vec(
            (0..5_usize, 0..3_usize, 0..3_usize, 0..7_usize, 0..4_usize, 0..3_usize, 0..3_usize), 16),
    ) {
        let (old, new) = (old.write(), new.write());
        let (Some(old_policy), Some(new_policy)) = (load(&old), load(&new)) else { return Ok(()) };
        let found = compare(&old, &new);
        if found.iter().any(|one| one.direction.may_loosen()) {
            return Ok(());
        }
        for (a, b, c, d, e, f, g) in choices {
            let change = build_change([a, b, c, d, e, f, g]);
            let before = judge_change(&old_policy, &change, true).decision();
            let after = judge_change(&new_policy, &change, true).decision();
            prop_assert!(
                !(before == Decision::Deny && after == Decision::Allow),
                "{old}\n{new}\n{found:#?}\n{change:#?}"
            );
        }
    }
}

#[test]
fn the_commands_tell_what_a_draft_would_change() {
    let mut scene = Scene::repository();
    let policy = "changegate: 1\nname: acme\nprotects: [main]\nfields:\n  Risk: { ordered: [low, high] }\nrules:\n  risk: { require: { field: { Risk: present } } }\n";
    scene.write("policies/changegate.yml", policy);
    scene.commit("Start\n\nRisk: low\n");
    scene.write("src/a.rs", "1\n");
    scene.commit("Add it\n");
    scene.write("src/a.rs", "2\n");
    scene.commit("Change it\n\nRisk: low\n");
    scene.write("docs/a.md", "3\n");
    scene.commit("Document it\n\nRisk: high\n");
    scene.write(
        "policies/changegate.yml",
        policy.replace(
            "  risk: { require: { field: { Risk: present } } }",
            "  low: { when: { touches: src/ }, require: { size: { lines: { at-most: 1 } } } }\n  plain: { require: { not: { field: { Risk: high } } } }",
        ),
    );
    assert_eq!(scene.run(&["policy", "diff", "HEAD"]), 0);
    let read_json = |scene: &Scene, args: &[&str], code: i32| -> serde_json::Value {
        let output = scene.command(args).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let json = read_json(&scene, &["policy", "diff", "HEAD", "--refuse-looser", "--format", "json"], 1);
    assert_eq!(json["schema"], "changegate/policy-diff/v1");
    assert_eq!(json["may_loosen"], true);
    assert_eq!(json["differences"][0]["direction"], "looser");
    assert_eq!(json["differences"].as_array().unwrap().len(), 3);
    assert_eq!(scene.run(&["policy", "diff", "HEAD", "HEAD", "--refuse-looser"]), 0);
    assert_eq!(scene.run(&["policy", "diff", "nowhere"]), 2);
    // A draft is the same policy under another name, wherever it stands.
    let draft = std::fs::read(scene.directory.join("policies/changegate.yml")).unwrap();
    for path in ["draft.yml", "policies/draft.yml"] {
        std::fs::write(scene.directory.join(path), &draft).unwrap();
        let json = read_json(
            &scene,
            &["policy", "diff", "policies/changegate.yml", path, "--refuse-looser", "--format", "json"],
            0,
        );
        assert_eq!(json["differences"], serde_json::json!([]), "{path}");
        std::fs::remove_file(scene.directory.join(path)).unwrap();
    }
    assert_eq!(scene.run(&["policy", "diff", "pack:startup", "pack:iso27001"]), 0);
    let since = ["policy", "backtest", "--since", "2020-01-01"];
    assert_eq!(scene.run(&since), 0);
    let json = read_json(&scene, &[&since[..], &["--format", "json", "--html", "backtest.html"]].concat(), 0);
    assert_eq!(json["schema"], "changegate/backtest/v1");
    let totals = &json["totals"];
    assert_eq!((&totals["newly-denied"], &totals["newly-allowed"]), (&2.into(), &1.into()));
    assert_eq!(json["changes"].as_array().unwrap().len(), 3);
    assert_eq!(json["rules"]["low"]["newly_denied"], 1);
    assert_eq!(json["freed_by"]["risk"], 1);
    // What cannot be known is listed too, with what it is for want of.
    scene.write(
        "policies/changegate.yml",
        policy.replace("{ field: { Risk: present } }", "{ approvals: { field: Approved-by } }").replace(
            "  Risk: { ordered: [low, high] }",
            "  Risk: { ordered: [low, high] }\n  Approved-by: { person: true }",
        ),
    );
    assert_eq!(scene.run(&since), 0);
    let json = read_json(&scene, &[&since[..], &["--format", "json", "--html", "open.html"]].concat(), 0);
    let open: Vec<&serde_json::Value> =
        json["changes"].as_array().unwrap().iter().filter(|change| change["shift"] == "open").collect();
    assert_eq!(json["totals"]["open"], open.len());
    assert!(!open.is_empty() && open.iter().all(|change| change["rules"][0] == "risk"), "{json}");
    assert!(open.iter().all(|change| !change["missing"].as_array().unwrap().is_empty()), "{json}");
    let page = std::fs::read_to_string(scene.directory.join("open.html")).unwrap();
    assert!(page.contains("<h2>Not to be known</h2>") && page.contains("For want of"), "{page}");
    assert_eq!(scene.run(&["policy", "backtest", "--since", "soon"]), 2);
    assert_eq!(scene.run(&["policy", "backtest", "HEAD..HEAD"]), 2);
    let page = std::fs::read_to_string(scene.directory.join("backtest.html")).unwrap();
    assert!(page.contains("<td class=\"word\">Document it</td>") && !page.contains("<script"), "{page}");
    scene.is("policy-changes");
}

/// A rule that applies to nothing is not one that everything keeps, and the months are told.
#[test]
fn a_backtest_says_what_a_history_does_not_show() {
    let scene = Scene::repository();
    let policy = "changegate: 1\nname: acme\nprotects: [main]\nfields:\n  Risk: { ordered: [low, high] }\nrules:\n  risk: { require: { field: { Risk: present } } }\n";
    let mut scene = scene;
    scene.write("policies/changegate.yml", policy);
    scene.commit("Start\n\nRisk: low\n");
    scene.write("src/a.rs", "1\n");
    scene.commit("Add it\n\nRisk: low\n");
    let more = "  never: { when: { touches: zzz }, require: { field: { Risk: high } } }\n  high: { require: { field: { Risk: high } } }\n";
    scene.write("policies/changegate.yml", format!("{policy}{more}"));
    let since = ["policy", "backtest", "--since", "2020-01-01"];
    let run = |args: &[&str]| {
        let output = scene.command(&[&since[..], args].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let told = run(&["-v", "--html", "page.html"]);
    assert!(told.contains("never broken: risk\n"), "{told}");
    assert!(told.contains("always broken: high\n"), "{told}");
    assert!(told.contains("applied to no change: never\n"), "{told}");
    assert!(told.contains("by month: newly denied, newly allowed, all\n"), "{told}");
    let json: serde_json::Value = serde_json::from_str(&run(&["--format", "json"])).unwrap();
    let months = json["months"].as_object().unwrap();
    let denied: u64 = months.values().map(|month| month["newly-denied"].as_u64().unwrap()).sum();
    assert_eq!(json["totals"]["newly-denied"], denied);
    let page = std::fs::read_to_string(scene.directory.join("page.html")).unwrap();
    assert!(page.contains("Applied to no change: ") && !page.contains("by class"), "{page}");
    assert!(!page.contains("No change shifts."), "{page}");
}

/// A range is divided into changes as where it arrives, by what the policy takes for one.
#[test]
fn a_range_is_tried_as_the_changes_that_a_push_makes_of_it() {
    let policy = "changegate: 1\nname: acme\nprotects: [main]\nunit: step\nfields:\n  Risk: { ordered: [low, high] }\nrules:\n  risk: { require: { field: { Risk: present } } }\n";
    for unit in ["step", "commit"] {
        let mut scene = Scene::repository();
        scene.write("policies/changegate.yml", policy.replace("unit: step", &format!("unit: {unit}")));
        scene.commit("Start\n\nRisk: low\n");
        scene.git(&["switch", "-q", "-c", "topic"]);
        scene.write("src/a.rs", "1\n");
        scene.commit("Add it\n\nRisk: low\n");
        scene.write("src/a.rs", "2\n");
        scene.commit("Change it\n");
        let read_json = |args: &[&str]| -> serde_json::Value {
            let output = scene.command(args).output().unwrap();
            serde_json::from_slice(&output.stdout).unwrap()
        };
        let tried = ["try", "main..topic", "--format", "json"];
        let changes = |json: &serde_json::Value| json["groups"][0]["changes"].as_array().unwrap().len();
        for how in [&["--as", "push", "--pusher", "ana"][..], &[]] {
            let json = read_json(&[&tried[..], how].concat());
            assert_eq!(
                (json["decision"].as_str(), changes(&json)),
                (Some("deny"), 2),
                "{unit} {how:?}: {json}"
            );
        }
        // A field that is tried is stated by each change.
        let json = read_json(&[&tried[..], &["--as", "push", "--field", "Risk=low"]].concat());
        assert_eq!((json["decision"].as_str(), changes(&json)), (Some("allow"), 2), "{unit}: {json}");
        let json = read_json(&[&tried[..], &["--as", "pull-request"]].concat());
        assert_eq!(changes(&json), if unit == "step" { 1 } else { 2 }, "{unit}: {json}");
        let json = read_json(&["explain", "main..topic", "--as", "push", "--format", "json"]);
        assert_eq!(json["changes"].as_array().unwrap().len(), 2, "{json}");
    }
}

/// A time without its offset would be taken for the beginning of its day, before a freeze in the afternoon.
#[test]
fn a_time_without_an_offset_is_not_tried() {
    let scene = Scene::repository();
    let policy = "changegate: 1\nname: acme\nprotects: [main]\nrules:\n  friday: { require: { window: { outside: [{ weekdays: \
                  [Fri], from: '12:00' }] } } }\n";
    scene.write("policies/changegate.yml", policy);
    let tried = |at: &str| {
        let args = ["try", "-m", "x", "--author", "Ana <ana@example.com>", "--at", at];
        let output = scene.command(&args).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for at in ["2026-12-04T18:00:00", "2026-12-04 18:00", "2026-12-04T18:00"] {
        let (code, said) = tried(at);
        assert!(code == 2 && said.contains("write 2026-12-04T18:00:00Z for UTC"), "{at}: {said}");
    }
    for command in [&["policy", "backtest"][..], &["policy", "status"]] {
        let output = scene.command(&[command, &["--since", "2026-12-04T18:00"]].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{command:?}");
    }
    assert_eq!(tried("2026-12-04T18:00:00Z").0, 1);
    assert_eq!(tried("2026-12-04").0, 0);
}

/// The account that opens a pull request is that of the forge, and is not made up where a roster could tell.
#[test]
fn the_opener_of_a_pull_request_is_an_account_of_the_roster() {
    let scene = Scene::repository();
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nname: acme\nprotects: [main]\npeople: { roster: policies/people.yml }\nfields: { Reviewed-by: { person: true } }\nrules:\n  review: { require: { \
         approvals: { at-least: 1 } } }\n",
    );
    scene.write(
        "policies/people.yml",
        "people:\n  ida: { addresses: [ida@example.com], accounts: ['github:ida-lumen#7'] }\n  jon: { addresses: \
         [jon@example.com], accounts: ['github:jon-lumen'] }\n  kim: { addresses: [kim@example.com] }\n",
    );
    scene.write("pr.md", "Cache the lookup.\n");
    let tried = |args: &[&str]| {
        let own = ["try", "--body", "pr.md", "--path", "src/a.rs", "--approved-by", "jon-lumen"];
        let output = scene.command(&[&own, args].concat()).output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        (output.status.code().unwrap(), said)
    };
    let author = ["--author", "Ida Lund <ida@example.com>"];
    for pusher in ["ida-lumen", "github:ida-lumen"] {
        let (code, said) = tried(&[&author[..], &["--pusher", pusher]].concat());
        assert_eq!(code, 0, "{pusher}: {said}");
    }
    let (code, said) = tried(&author);
    assert_eq!(code, 0, "{said}");
    // Whoever opens it does not approve it.
    assert_eq!(tried(&["--author", "Jon Berg <jon@example.com>"]).0, 1);
    let (code, said) = tried(&["--author", "Kim Duval <kim@example.com>"]);
    assert_eq!(code, 1, "{said}");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("no GitHub account of `Kim Duval <kim@example.com>`, so `github:kim` is"),
        "{said}"
    );
}

/// Who pushes is what a clone does not know; a forge has no part in it.
#[test]
fn an_approval_that_waits_for_the_pusher_says_so() {
    let mut scene = Scene::repository();
    let policy = "changegate: 1\nname: acme\nprotects: [main]\nfields: { Reviewed-by: { person: true } }\nrules:\n  review: { \
                  require: { approvals: { at-least: 2, trust: claimed } } }\n";
    scene.write("policies/changegate.yml", policy);
    scene.commit("Start\n");
    scene.write("a.rs", "1\n");
    scene.commit("Change it\n\nReviewed-by: Kim <kim@example.com>\n");
    let output = scene.command(&["explain", "HEAD", "--rule", "review"]).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("it is not known here who pushes"), "{told}");
    assert!(!told.contains("the forge"), "{told}");
}

/// Of a change that does not exist yet nothing is vouched for, and the line of the code owners is told.
#[test]
fn what_a_draft_says_is_assumed() {
    let mut scene = Scene::repository();
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nname: acme\nprotects: [main]\npeople: { teams: { ops: ['github:ben'] } }\nfields: { Reviewed-by: { person: true } }\nrules:\n  owners: { when: { touches: infra/ }, require: { approvals: { from: codeowners, trust: claimed } } }\n  hours: { require: { window: { outside: [{ from: 2026-12-20, until: 2027-01-03 }] } } }\n  people: { require: { pusher: { bot: false } } }\n",
    );
    scene.write("CODEOWNERS", "* @ben\n");
    scene.commit("Start\n");
    let explain = |args: &[&str]| {
        let own = ["explain", "-m", "Patch it", "--author", "Ana <ana@example.com>", "--path", "infra/n.tf"];
        let output = scene.command(&[&own[..], args].concat()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let told = explain(&["--at", "2026-11-20T09:00:00Z", "--pusher", "ana"]);
    assert!(told.contains("`infra/n.tf` [assumed]") && told.contains("UTC [assumed]"), "{told}");
    assert!(told.contains("`ana` pushes [assumed]"), "{told}");
    let owners = "the owners of `infra/n.tf` are `@ben` (line 1 of `CODEOWNERS`) [verified: code owners]";
    assert!(told.contains(owners), "{told}");
    assert_eq!(told.matches("[verified: ").count(), 1, "{told}");
    // The clock is that of the gate where no time is tried.
    assert!(explain(&[]).contains("UTC [verified: clock]"));
    let told = explain(&["--rule", "hours"]);
    assert!(!told.contains("see what it asks above"), "{told}");
}

/// What a desk cannot know of a file says how to show it, and a patch that makes a file shows all of it.
#[test]
fn the_content_of_files_is_tried_with_a_patch() {
    let mut scene = Scene::repository();
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nname: acme\nprotects: [main]\nfields:\n  D: { matches: '[0-9a-f]{64}', example: '4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393' }\nrules:\n  lines: { require: { not: { adds-lines: { matching: 'eval', in: 'src/**' } } } }\n  digest: { require: { digest-of: { field: D, path: 'models/**' } } }\n",
    );
    scene.commit("Start\n");
    let own = ["try", "-m", "Patch it", "--author", "Ana <ana@example.com>"];
    let run = |args: &[&str], input: &[u8]| {
        let mut command = scene.command(&[&own[..], args].concat());
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
        let output = child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" "),
        )
    };
    let (code, told) = run(&["--path", "src/a.py"], b"");
    assert!(code == Some(1) && told.contains("show them with a patch: --diff FILE"), "{told}");
    assert!(told.contains("fix: the author") && !told.contains("administrator"), "{told}");
    let patch = b"diff --git a/models/m b/models/m\nnew file mode 100644\nindex 0000000..587be6b\n--- /dev/null\n+++ b/models/m\n@@ -0,0 +1 @@\n+x\n";
    // The SHA-256 of `x` and the end of a line.
    let digest = "D=73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac";
    assert_eq!(run(&["--diff", "-", "--field", digest], patch).0, Some(0));
    let (code, told) = run(&["--diff", "-"], patch);
    assert!(code == Some(1) && told.contains("has the digest 73cb3858"), "{told}");
    let changed = b"diff --git a/models/m b/models/m\nindex 587be6b..975fbec 100644\n--- a/models/m\n+++ b/models/m\n@@ -1 +1 @@\n-x\n+y\n";
    let (code, told) = run(&["--diff", "-", "--field", digest], changed);
    assert!(code == Some(1) && told.contains("commit it, and try the range"), "{told}");
    // Where a patch shows no line of a file, it does not say that none is new.
    let renamed = b"diff --git a/docs/e.py b/src/e.py\nsimilarity index 100%\nrename from docs/e.py\nrename to src/e.py\n";
    let binary = b"diff --git a/src/bin b/src/bin\nnew file mode 100644\nindex 0000000..20b5be9\nBinary files /dev/null and b/src/bin differ\n";
    for patch in [&renamed[..], &binary[..]] {
        let (code, told) = run(&["--diff", "-"], patch);
        assert!(code == Some(1) && told.contains("renamed, copied or no text"), "{told}");
    }
    // What git would read in another place is refused.
    let bare = b"diff --git src/a.py src/a.py\nindex 587be6b..975fbec 100644\n--- src/a.py\n+++ src/a.py\n@@ -1 +1,2 @@\n x\n+eval\n";
    assert_eq!(run(&["--diff", "-"], bare).0, Some(2));
    // In a folder, the files outside of it count as well.
    let evil = b"diff --git a/src/a.py b/src/a.py\nindex 587be6b..975fbec 100644\n--- a/src/a.py\n+++ b/src/a.py\n@@ -1 +1,2 @@\n x\n+eval\n";
    let folder = scene.directory.join("policies");
    let (code, told) = run(&["-C", folder.to_str().unwrap(), "--diff", "-"], evil);
    assert!(code == Some(1) && told.contains("line 1, is new"), "{told}");
}

#[test]
fn a_change_is_tried_before_it_is_made() {
    let mut scene = Scene::repository();
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nname: acme\nextends: [startup]\nprotects: [main]\nrules:\n  freeze: { require: { window: { outside: [{ from: 2026-12-20, until: 2027-01-03 }] } } }\n",
    );
    scene.write("src/a.rs", "1\n");
    scene.commit("Start\n\nChange-Type: normal\nRisk: low\n");
    scene.git(&["switch", "-q", "-c", "topic"]);
    scene.write("src/a.rs", "2\n");
    scene.commit("Change it\n\nChange-Type: normal\nRisk: low\n");
    scene.write(".github/pull_request_template.md", "## Why\n\nRisk: low\n");
    let at = ["--at", "2026-11-20T09:00:00Z"];
    let review = ["--approved-by", "Ben Ito <ben@example.com>"];
    let own = ["--author", "Ana <ana@example.com>"];
    let fields = ["--field", "Change-Type=normal", "--field", "Risk=low"];
    let run = |scene: &mut Scene, args: &[&[&str]], input: &[u8]| {
        scene.run_with(&[&["try"], &args.concat()[..]].concat(), input, |_| {})
    };
    // A range, with and without an approval, in the freeze, by a policy that is a draft.
    assert_eq!(run(&mut scene, &[&["main..topic"], &at], b""), 1);
    assert_eq!(run(&mut scene, &[&["main..topic"], &at, &review], b""), 0);
    assert_eq!(run(&mut scene, &[&["main..topic", "--at", "2026-12-24T18:00:00Z"], &review], b""), 1);
    assert_eq!(run(&mut scene, &[&["main..topic", "--at", "2026-12-24"], &review], b""), 1);
    assert_eq!(run(&mut scene, &[&["main..topic", "--pack", "core"], &at], b""), 0);
    // A message, and a patch for its paths.
    assert_eq!(run(&mut scene, &[&["-m", "Patch it", "--path", "src/a.rs"], &own, &at], b""), 1);
    assert_eq!(
        run(&mut scene, &[&["-m", "Patch it", "--path", "src/a.rs"], &own, &at, &fields, &review], b""),
        0
    );
    let patch = "diff --git a/x.yml b/policies/changegate.yml\nrename from x.yml\nrename to policies/changegate.yml\n";
    assert_eq!(
        run(&mut scene, &[&["-m", "Patch it", "--diff", "-", "-v"], &own, &at, &fields], patch.as_bytes()),
        1
    );
    // A description: the template states nothing.
    let body = b"## Why\n\nRisk: low\n";
    assert_eq!(run(&mut scene, &[&["--body", "-", "--approved-by", "ben"], &own, &at], body), 1);
    let body = b"Change-Type: normal\nRisk: medium\nBack-out-Plan: revert it and redeploy\n";
    assert_eq!(
        run(&mut scene, &[&["--body", "-", "--approved-by", "ben", "--pusher", "ana"], &own, &at], body),
        0
    );
    // A field that the policy does not have is warned about, and those that git knows are not.
    let fields =
        ["--field", "Rsik=low", "--field", "Zebra=1", "--field", "Signed-off-by=Ana <ana@example.com>"];
    assert_eq!(run(&mut scene, &[&["-m", "Patch it"], &own, &at, &fields], b""), 1);
    // What cannot be tried.
    for wrong in [
        &["try"][..],
        &["try", "main"],
        &["try", "-m", "x", "--approved-by", "ben"],
        &["try", "--body", "-", "--approved-by", "Ben <ben@example.com>"],
        &["try", "-m", "x", "--body", "-", "--as", "push"],
        &["try", "-m", "x", "--field", "Risk="],
        &["try", "-m", "x", "--title", "Patch it"],
        &["try", "-m", "x", "--at", "tomorrow"],
        &["try", "-m", "x", "--branch", "topic"],
        &["try", "-m", "x", "--author", "Ana"],
        &["try", "-F", "-", "--diff", "-"],
        &["try", "-m", "x", "--diff", "policies/changegate.yml"],
        &["try", "main..nowhere"],
    ] {
        assert_eq!(scene.run(wrong), 2, "{wrong:?}");
    }
    scene.is("try");
}

/// What must not be so says what to do about it in a refusal as in an explanation: with the same steps, and the same lines.
#[test]
fn a_refusal_of_what_must_not_be_so_has_the_plan_of_the_explanation() {
    let scene = Scene::repository();
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nname: acme\nprotects: [main]\npeople: { teams: { security: [kim@example.com] } }\n\
         fields:\n  Risk: { ordered: [low, medium, high], on-conflict: highest }\nrules:\n  \
         plain: { require: { not: { touches: infra/ } } }\n  low: { require: { not: { field: { Risk: high } } } }\n  \
         outside: { require: { not: { author: { team: security } } } }\n",
    );
    let plan_of = |command: &str, more: &[&str]| {
        let own = [command, "-m", "Patch it", "--field", "Risk=high", "--path", "infra/a", "--path", "src/b"];
        let output = scene.command(&[&own[..], more].concat()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let (_, plan) = text.split_once("the fewest acts").unwrap_or_else(|| panic!("{command}: {text}"));
        let lines: Vec<String> = plan.lines().map(|line| line.trim().to_owned()).collect();
        let end = lines.iter().position(|line| line.starts_with("policy:")).unwrap();
        let kept = lines[..end].iter().filter(|line| !line.is_empty());
        kept.map(|line| line.trim_end_matches("; see what it asks above").to_owned()).collect::<Vec<String>>()
    };
    let author = |who: &'static str| ["--author", who];
    for who in ["Ana <ana@example.com>", "Kim <kim@example.com>"] {
        let tried = plan_of("try", &author(who));
        assert_eq!(tried, plan_of("explain", &author(who)), "{who}");
        assert!(tried.contains(&"1. the author leaves out `infra/a` (plain)".to_owned()), "{tried:#?}");
        assert!(tried.contains(&"Risk: <low|medium>".to_owned()), "{tried:#?}");
        let is_open = who.starts_with("Kim");
        assert_eq!(tried.contains(&"no act is known for outside".to_owned()), is_open, "{tried:#?}");
    }
    let output = scene
        .command(&[
            "try",
            "-m",
            "x",
            "--path",
            "infra/a",
            "--path",
            "b",
            "--author",
            "Ana <ana@example.com>",
            "--format",
            "markdown",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Enough: the author leaves out `infra/a`."), "{text}");
}

/// Where one approval serves several rules, the lines to paste are as many as the plan asks for, and no line stands there
/// twice.
#[test]
fn the_lines_to_paste_are_those_of_the_plan() {
    let scene = Scene::repository();
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nname: acme\nprotects: [main]\n\
         people: { teams: { security: [kim@example.com, lee@example.com], ops: [kim@example.com, mo@example.com] } }\n\
         fields: { Reviewed-by: { person: true }, Incident: { text: {} }, CVE: { text: {} } }\nrules:\n  \
         peer: { require: { approvals: { at-least: 2, trust: claimed } } }\n  \
         security: { require: { approvals: { from: [security], trust: claimed } } }\n  \
         ops: { require: { approvals: { from: [ops], trust: claimed } } }\n  \
         cause: { require: { any: [{ field: { Incident: present } }, { field: { CVE: present } }] } }\n",
    );
    let own = ["try", "-m", "Patch it", "--author", "Ana <ana@example.com>", "--path", "a"];
    let output = scene.command(&own).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, block) = text.split_once("to fix, add these trailers").unwrap();
    assert_eq!(block.matches("Reviewed-by: ").count(), 2, "{text}");
    assert_eq!(text.matches("Incident: <").count(), 1, "{text}");
    assert!(block.contains("do not add an approval before it was given"), "{text}");
}

/// Before the first policy is committed there is none to compare with, and the message says what to write.
#[test]
fn a_backtest_of_the_first_policy_says_what_to_compare_with() {
    let mut scene = Scene::repository();
    scene.write("a", "a");
    scene.commit("Begin\n");
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nname: acme\nextends: [startup]\nprotects: [main]\n",
    );
    let run = |args: &[&str]| {
        let output = scene
            .command(&[&["policy", "backtest", "--since", "2026-01-01"], args].concat())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        (output.status.code(), text)
    };
    let (code, text) = run(&[]);
    assert!(code == Some(2) && text.contains("as in pack:iso27001, with `--against`"), "{text}");
    assert_eq!(run(&["--against", "pack:iso27001"]).0, Some(0));
}
