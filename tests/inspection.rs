//! What a policy says and cannot mean is found where it is written, with its line and a fix.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[path = "inspection/coverage.rs"]
mod coverage;
#[path = "inspection/entries.rs"]
mod entries;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use changegate::gate::{LoadedPolicy, UnusablePolicy, check_policy, check_server_policy, load_from_files};
use changegate::policy::PolicyInspection;
use jiff::Timestamp;

const NAME: &str = "policies/changegate.yml";

/// A policy that means what it says, with a place for each kind of slip.
const MEANT: &str = "\
changegate: 1
name: test
extends: [startup]
protects: [main]
people: { roster: policies/people.yml, teams: { ops: [ana, ben, kim], solo: [ana] } }
classes:
  emergency: { field: { Change-Type: emergency } }
  standard: { field: { Change-Type: standard } }
  isms: { branch: isms }
  normal: {}
reasons: { classes: two kinds are enough }
rules:
  infra:
    when: { touches: ['infra/**', '*.tf'] }
    require: { approvals: { at-least: 2, from: [ops], trust: claimed } }
";

const ROSTER: &str = "people:\n  ana: { addresses: [ana@example.com], accounts: [ana] }\n  \
                      ben: { addresses: [ben@example.com], accounts: [ben] }\n  \
                      kim: { addresses: [kim@example.com], accounts: [kim] }\n";

fn load(files: &[(&str, &str)]) -> LoadedPolicy {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let loaded = load_from_files(NAME, "a test".into(), &mut |name| {
        Ok(files.get(name).map(|text| text.as_bytes().to_vec()))
    });
    loaded.unwrap_or_else(|why| match why {
        UnusablePolicy::Absent => panic!("absent"),
        UnusablePolicy::Faulty(errors) => {
            let faults: Vec<_> = errors.faulty_files.iter().flat_map(|file| &file.faults).collect();
            panic!("{faults:#?}")
        }
    })
}

/// Returns what the check of the policy `text` says, as `line: what (help)`.
fn check(text: &str) -> Result<PolicyInspection, Vec<String>> {
    check_files(&[(NAME, text), ("policies/people.yml", ROSTER)])
}

fn check_files(files: &[(&str, &str)]) -> Result<PolicyInspection, Vec<String>> {
    let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    check_policy(&load(files), &[], now).map_err(|errors| {
        let mut lines = Vec::new();
        for fault in errors.faulty_files.iter().flat_map(|file| &file.faults) {
            lines.push(format!(
                "{}: {} ({})",
                fault.at.line,
                fault.what,
                fault.help.as_deref().unwrap_or("")
            ));
        }
        lines
    })
}

#[test]
fn a_policy_that_means_what_it_says_has_no_errors_and_no_notes() {
    let inspection = check(MEANT).unwrap();
    assert_eq!(inspection.notes, []);
    assert_eq!(inspection.path_patterns.len(), 2);
}

/// What the rule of `MEANT` requires.
const ASKED: &str = "approvals: { at-least: 2, from: [ops], trust: claimed }";

/// The same rule, with what makes it one for some changes.
const BOUND: &str = "    when: { touches: ['infra/**', '*.tf'] }\n    require: { approvals: { at-least: 2, from: [ops], trust: claimed } }";

/// Each slip: what replaces what, the line, and a piece of what is said.
const SLIPS: &[(&str, &str, usize, &str)] = &[
    ("[main]", "[main, \u{2018}release/*\u{2019}]", 4, "write `'release/*'`"),
    ("[main]", "['release/{1,2}', main]", 4, "list each"),
    ("'infra/**'", "'infra/*.{tf,json}'", 14, "list each: 'infra/*.tf', 'infra/*.json'"),
    ("'infra/**'", "'./infra/**'", 14, "write `/infra/**`"),
    ("'infra/**'", "'infra/../**'", 14, "from the root"),
    ("'infra/**'", "'^infra/.*$'", 14, "write `infra/**`"),
    ("'infra/**'", "'infra\\iam\\*'", 14, "write `infra/iam/*`"),
    ("'infra/**'", "'~/infra'", 14, "from the root"),
    ("'infra/**'", "infra//x", 14, "write `infra/x`"),
    ("'infra/**'", "\u{201c}infra\u{201d}", 14, "write `'infra'`"),
    ("from: [ops], ", "", 0, ""),
    (BOUND, "size: { files: { at-most: 0 } }", 14, "no change is allowed"),
    (BOUND, "size: { commits: { at-most: 0 } }", 14, "no change is allowed"),
    // Some changes may be forbidden.
    (ASKED, "size: { lines: { at-most: 0 } }", 0, ""),
    (ASKED, "window: { outside: [{ from: '00:00', until: '23:59' }] }", 0, ""),
    (ASKED, "window: { outside: [{ from: 2020-01-01, until: 2090-01-01 }] }", 0, ""),
    (ASKED, "window: { inside: [{ from: 2026-01-01, until: 2026-02-01 }] }", 0, ""),
    (ASKED, "size: { files: { at-most: 0 }, ignore: ['*.md'] }", 0, ""),
    (ASKED, "not: { size: { files: { at-most: 0 } } }", 0, ""),
    (
        BOUND,
        "window: { outside: [{ from: '00:00', until: '23:59' }] }",
        14,
        "no change is allowed at any time",
    ),
    (BOUND, "window: { outside: [{ from: 2020-01-01, until: 2090-01-01 }] }", 14, "for more than a year"),
    (ASKED, "window: { outside: [{ weekdays: [Fri] }] }", 0, ""),
    (ASKED, "any: [{ field: { Risk: low } }, { field: { Risk: high } }]", 0, ""),
    (ASKED, "all: [{ field: { Risk: { at-least: medium } } }, { field: { Risk: high } }]", 0, ""),
    ("solo: [ana]", "solo: [eva]", 0, ""),
    (
        "approvals: { at-least: 2, from: [ops], trust: claimed }",
        "window: { outside: [{ weekdays: [Fri] }], zone: Europe/Berln }",
        15,
        "did you mean `Europe/Berlin`?",
    ),
    (
        BOUND,
        "window: { inside: [{ from: 2026-01-01, until: 2026-02-01 }] }",
        14,
        "no change is allowed any more",
    ),
    (
        "  normal: {}\n",
        "  risky: { field: { Risk: high, Change-Type: emergency } }\n  normal: {}\n",
        10,
        "no change is of the class `risky`",
    ),
    ("  infra:\n", "  risk: { when: { branch: main } }\n  infra:\n", 13, "rule `risk`: `when` may be weaker"),
    ("  infra:\n", "  risk: { for: [normal] }\n  infra:\n", 13, "add `reason: ...` to the rule"),
    ("  infra:\n", "  risk: { for: [normal], reason: x }\n  infra:\n", 0, ""),
    ("  infra:\n", "  risk: { require: { field: { Risk: low } } }\n  infra:\n", 13, "rule `risk`: `require`"),
    (
        "reasons: { classes: two kinds are enough }\n",
        "",
        6,
        "add `reasons: { classes: ... }` at the top of the file",
    ),
    (
        "classes:\n",
        "fields: { Risk: { ordered: [none, low, medium, high, critical] } }\nclasses:\n",
        6,
        "reasons: { fields.Risk: ... }",
    ),
    (
        "rules:\n",
        "exemptions: [{ rule: infra, when: { touches: ['infra/**', '*.tf'] }, reason: a, approved-by: b, until: \
         2030-01-01 }]\nrules:\n",
        12,
        "exempts every change that `infra` applies to",
    ),
];

/// The same, of a rule for some changes: others remain, so it is a note there, and an error in a rule for all.
const SCOPED_SLIPS: &[(&str, &str, usize, &str)] = &[
    ("from: [ops]", "from: [solo]", 15, "needs 2 approvals from solo, with 1 member"),
    ("at-least: 2, from: [ops], ", "at-least: 4, ", 15, "the roster lists 3 people"),
    ("at-least: 2, from: [ops], ", "at-least: 3, ", 15, "at most 2 people beside the author"),
    (
        "approvals: { at-least: 2,",
        "author: { team: ops }, approvals: { at-least: 3,",
        15,
        "at most 2 people beside the author",
    ),
    (ASKED, "all: [{ field: { Risk: low } }, { field: { Risk: high } }]", 15, "no value of `Risk`"),
    (
        ASKED,
        "all: [{ field: { Risk: { at-least: high } } }, { field: { Risk: { at-most: low } } }]",
        15,
        "no value of `Risk`",
    ),
    (ASKED, "all: [{ field: { Risk: present } }, { field: { Risk: absent } }]", 15, "no value of `Risk`"),
    ("[ana, ben, kim], solo: [ana]", "[eva]", 15, "has no member in the roster"),
    ("approvals: { at-least: 2, from: [ops], trust: claimed }", "signed: true", 15, "no keys to verify"),
];

/// Returns the policy with a slip.
fn slip(from: &str, to: &str) -> String {
    assert!(MEANT.contains(from), "{from}");
    let to = if from == BOUND { format!("    require: {{ {to} }}") } else { to.to_owned() };
    MEANT.replacen(from, &to, 1)
}

#[test]
fn what_cannot_be_meant_is_told_with_its_line_and_a_fix() {
    for (from, to, line, piece) in SLIPS {
        let told = check(&slip(from, to)).err().unwrap_or_default();
        if *line == 0 {
            assert_eq!(told, [""; 0], "{to}");
            continue;
        }
        let place = format!("{line}: ");
        assert!(told.iter().any(|told| told.starts_with(&place) && told.contains(piece)), "{to}: {told:?}");
        assert!(!told.iter().any(|told| told.ends_with("()")), "{to} has no fix: {told:?}");
    }
}

#[test]
fn what_locks_out_some_changes_is_noted_and_what_locks_out_all_is_refused() {
    for (from, to, line, piece) in SCOPED_SLIPS {
        let text = slip(from, to);
        let notes = check(&text).unwrap_or_else(|faults| panic!("{to}: {faults:?}")).notes;
        let is_noted = |note: &&changegate::policy::PlacedFault| {
            note.fault.at.line == *line && note.fault.what.contains(piece) && note.fault.help.is_some()
        };
        assert_eq!(notes.iter().filter(is_noted).count(), 1, "{to}: {notes:?}");
        let text = text.replace("    when: { touches: ['infra/**', '*.tf'] }\n", "");
        let told = check(&text).err().unwrap_or_default();
        let place = format!("{}: ", line - 1);
        assert!(told.iter().any(|told| told.starts_with(&place) && told.contains(piece)), "{to}: {told:?}");
    }
}

#[test]
fn what_is_odd_and_harmless_is_a_note() {
    let noted = |from: &str, to: &str| {
        let inspection = check(&MEANT.replacen(from, to, 1)).unwrap();
        inspection.notes.into_iter().map(|note| note.fault.what).collect::<Vec<_>>()
    };
    assert_eq!(noted("'*.tf']", "'*.tf', 'infra/**']"), ["`infra/**` stands twice in this list"]);
    assert_eq!(
        noted("solo: [ana]", "solo: [ana, eva]"),
        ["`eva` is not in the roster, so they count for nothing in `solo`"]
    );
    let roster = format!("{ROSTER}  benjamin: {{ addresses: [bj@example.com] }}\n");
    let text = MEANT.replace("solo: [ana]", "solo: [ana, benjamin]");
    let notes = check_files(&[(NAME, &text), ("policies/people.yml", &roster)]).unwrap().notes;
    let [note] = notes.as_slice() else { panic!("{notes:?}") };
    assert!(note.fault.what.starts_with("`benjamin` is the name of an entry of the roster"), "{note:?}");
    assert_eq!(
        note.fault.help.as_deref(),
        Some("write an address or an account of the entry, as in `bj@example.com`")
    );
    assert_eq!(
        noted("{ classes:", "{ fields.Risk: none, classes:"),
        ["`fields.Risk` weakens nothing, so it needs no reason"]
    );
}

#[test]
fn a_pack_that_weakens_another_one_before_it_needs_a_reason() {
    let extend = |packs: &str, rest: &str| {
        check(&format!("changegate: 1\nextends: [{packs}]\nprotects: [main]\n{rest}"))
    };
    let told = extend("iso27001, startup", "").err().unwrap_or_default();
    let [told] = told.as_slice() else { panic!("{told:?}") };
    assert!(
        told.starts_with("2: rule `") && told.contains("in `startup` may be weaker than in `iso27001`"),
        "{told}"
    );
    assert!(told.contains("reasons: { extends: ... }"), "{told}");
    let inspection = extend("iso27001, startup", "reasons: { extends: a trial }\n").unwrap();
    let listed: Vec<&str> = inspection.weakenings.iter().map(|one| one.what.as_str()).collect();
    assert!(listed.contains(&"rule `standard-change`: `require` in `startup`"), "{listed:?}");
    assert!(inspection.weakenings.iter().all(|one| one.reason.as_deref() == Some("a trial")), "{listed:?}");
    assert_eq!(inspection.notes, []);
    // What a pack changes of its own bases is how it is meant.
    for packs in ["core, startup", "core, iso27001", "iso27001, core", "startup"] {
        assert_eq!(extend(packs, "").map(|inspection| inspection.weakenings), Ok(Vec::new()), "{packs}");
    }
}

/// An exemption that leaves nothing of its rule switches it off without saying so.
#[test]
fn an_exemption_that_every_ordinary_change_has_is_told() {
    let check_exemption = |when: &str| {
        let exemption = format!(
            "exemptions: [{{ rule: peer-review, when: {when}, reason: a, approved-by: b, until: 2030-01-01 }}]\n"
        );
        check(&MEANT.replace("rules:\n", &format!("{exemption}rules:\n")))
    };
    for when in [
        "{ touches: ['**'] }",
        "{ touches: ['*'] }",
        "{ any: [{ touches: ['**'] }] }",
        "{ branch: '*' }",
        "{ branch: main }",
        "{ pusher: { bot: false } }",
        "{ author: { bot: false } }",
        "{ not: { author: { bot: true } } }",
        "{ any: [{ touches: ['a/**'] }, { not: { touches: ['a/**'] } }] }",
        "{ any: [{ field: { Change-Type: normal } }, { not: { field: { Change-Type: normal } } }] }",
    ] {
        let told = check_exemption(when).err().unwrap_or_default();
        assert!(told.iter().any(|told| told.contains("every change of a person")), "{when}: {told:?}");
    }
    let inspection = check_exemption("{ not: { touches: ['/nothing/**'] } }").unwrap();
    let notes: Vec<String> = inspection.notes.into_iter().map(|note| note.fault.what).collect();
    assert_eq!(notes, ["this exempts every change from `peer-review` that touches none of the named paths"]);
    for when in [
        "{ touches: ['docs/**'] }",
        "{ author: { bot: true } }",
        "{ author: { address: [ana@example.com] } }",
        "{ pusher: ben }",
        "{ not: { field: { Risk: high } } }",
        "{ field: { Risk: low } }",
        "{ touches: ['**'], author: { bot: true } }",
    ] {
        assert_eq!(check_exemption(when).map(|inspection| inspection.notes), Ok(Vec::new()), "{when}");
    }
}

/// Each pair: a class, one after it, and whether the second can be reached.
#[test]
fn a_class_that_an_earlier_one_takes_whole_is_told() {
    for (first, second, is_reached) in [
        ("touches: ['/policies/**']", "touches: ['/policies/x/**']", false),
        ("touches: ['policies/**', '*.md']", "touches: [/policies/a.yml, '*.md']", false),
        ("touches: ['**']", "touches: [a]", false),
        ("touches: ['/policies/x/**']", "touches: ['/policies/**']", true),
        ("touches: ['/policies/**']", "touches: ['/policies/x/**', '/b/**']", true),
        ("touches: ['/policies/**']", "touches: [policies]", true),
        ("touches: ['/pol/**']", "touches: ['/policies/x/**']", true),
        ("field: { Risk: high }", "any: [{ field: { Risk: high } }]", false),
        ("any: [{ field: { Risk: high } }]", "field: { Risk: high }", false),
        (
            "any: [{ branch: a }, { field: { Risk: high } }]",
            "field: { Risk: high, Change-Type: normal }",
            false,
        ),
        ("field: { Risk: high }", "any: [{ branch: a }, { field: { Risk: high } }]", true),
        ("any: [{ branch: a }, { branch: b }]", "any: [{ branch: b }, { branch: a }]", false),
        ("not: { branch: a, touches: [x] }", "not: { branch: a }", false),
        ("not: { branch: a }", "not: { branch: a, touches: [x] }", true),
        ("approvals: { at-least: 1 }", "approvals: { at-least: 1, trust: claimed }", true),
    ] {
        let classes = format!("  first: {{ {first} }}\n  second: {{ {second} }}\n  normal: {{}}\n");
        let told = check(&MEANT.replace("  normal: {}\n", &classes)).err().unwrap_or_default();
        let is_told = told.iter().any(|told| told.contains("no change is of the class `second`"));
        assert_eq!(is_told, !is_reached, "{first} before {second}: {told:?}");
    }
}

/// A policy in force is only loaded, so that a version that finds more locks no repository.
#[test]
fn what_cannot_be_meant_is_no_error_of_a_policy_in_force() {
    for (from, to, ..) in SLIPS.iter().chain(SCOPED_SLIPS) {
        let text = slip(from, to);
        load(&[(NAME, &text), ("policies/people.yml", ROSTER)]);
    }
}

#[test]
fn weakenings_are_listed_with_their_reasons() {
    let text = "\
changegate: 1
extends: [iso27001, base.yml]
protects: [main]
reasons: { protects: releases have a gate of their own }
rules:
  peer-review: { for: [normal, docs, pipeline, standard, isms, emergency] }
  test-plan: { not-for: [isms], reason: nothing to test there }
  ticket: { level: off, reason: tickets live elsewhere }
  emergency-ticket: { require: { ticket: { field: Emergency-Ticket, within: 90 days } }, reason: slow desk }
exemptions:
  - { rule: risk, when: { touches: docs }, reason: a trial, approved-by: Dana, until: 2030-01-01 }
";
    let base = "changegate: 1\nprotects: [main, 'release/*']\n";
    let inspection = check_files(&[(NAME, text), ("policies/base.yml", base)]).unwrap();
    let listed: Vec<String> = inspection
        .weakenings
        .iter()
        .map(|one| {
            format!("{} {}: {} ({})", one.at.line, one.base, one.what, one.reason.as_deref().unwrap_or("-"))
        })
        .collect();
    assert_eq!(
        listed,
        [
            "7 iso27001: rule `test-plan`: `not-for` (nothing to test there)",
            "8 iso27001: rule `ticket`: `level` (tickets live elsewhere)",
            "9 iso27001: rule `emergency-ticket`: `require` (slow desk)",
            "3 policies/base.yml: `protects` (releases have a gate of their own)",
            "11 core: exemption from `risk` (a trial)",
        ]
    );
}

#[test]
fn a_policy_that_locks_everybody_out_is_refused() {
    let policy = "changegate: 1\nname: t\nextends: [startup]\nprotects: [main]\n";
    let rostered = format!("{policy}people: {{ roster: policies/people.yml }}\n");
    let one = "people: { ana: { addresses: [ana@example.com] } }\n";
    let two = "people: { ana: { addresses: [ana@example.com] }, ben: { addresses: [ben@example.com] } }\n";
    let bots = |bots: &str| rostered.replace("people.yml }", &format!("people.yml, bots: ['{bots}'] }}"));
    let many =
        "rules: { peer-review: { require: { approvals: { at-least: 2, trust: claimed } }, reason: x } }\n";
    for (policy, roster) in [
        (rostered.clone(), one),
        (bots("ben@example.com"), two),
        (bots("*@example.com"), two),
        (format!("{rostered}{many}"), two),
    ] {
        let said = check_files(&[(NAME, &policy), ("policies/people.yml", roster)]).unwrap_err();
        assert!(said.iter().any(|line| line.contains("no change could keep `peer-review`")), "{said:?}");
    }
    for fine in [rostered.clone(), bots("ci@example.com"), policy.to_owned(), format!("{policy}{many}")] {
        check_files(&[(NAME, &fine), ("policies/people.yml", two)]).unwrap();
    }
    let signed = format!(
        "{policy}signers: {{ ssh: policies/keys }}\nrules: {{ s: {{ require: {{ signed: true }} }} }}\n"
    );
    for keys in ["", "\n# none yet\n"] {
        let said = check_files(&[(NAME, &signed), ("policies/keys", keys)]).unwrap_err();
        assert!(said.iter().any(|line| line.contains("holds no keys")), "{said:?}");
    }
}

/// What a policy of the pack `startup` adds, and what is said of it; nothing for what is sensible.
const EXCLUSIONS: &[(&str, &str)] = &[
    ("x: { require: { standard-change: Standard-Change } }", "no change of a person could keep `x`"),
    ("x: { require: { branch: 'release/*' } }", "no change of a person could keep `x`"),
    ("x: { for: [isms], require: { branch: 'release/*' } }", "could never be changed again"),
    ("x: { for: [isms], require: { only-touches: ['src/**'] } }", "could never be changed again"),
    ("x: { require: { only-touches: ['src/**'] } }", "could never be changed again"),
    ("x: { require: { pusher: nosuch } }", "no change of a person could keep `x`"),
    ("x: { require: { pusher: ana } }\n  y: { require: { pusher: ben } }", "keep `x` and `y` together"),
    // A bot may push what people have made and reviewed.
    ("x: { require: { pusher: { bot: true } } }", ""),
    ("x: { require: { pusher: 'github:mergify[bot]' } }", ""),
    (
        "x: { require: { pusher: merge-bot } }\n  y: { require: { approvals: { at-least: 2, trust: claimed } } }",
        "",
    ),
    ("x: { require: { pusher: merge-bot } }\n  y: { require: { pusher: ana } }", "keep `x` and `y` together"),
    ("x: { require: { author: { bot: true } } }", "no change of a person could keep `x`"),
    (
        "x: { require: { any: [{ field: { Risk: absent } }, { field: { Change-Type: absent } }] } }",
        "keep `change-type`, `risk` and `x` together",
    ),
    (
        "x: { require: { window: { inside: { weekdays: [Sat] } } } }\n  \
         y: { require: { window: { inside: { weekdays: [Mon] } } } }",
        "keep `x` and `y` together",
    ),
    (
        "x: { require: { window: { inside: { weekdays: [Mon] }, outside: { weekdays: [Mon] } } } }",
        "no change of a person could keep `x`",
    ),
    (
        "x: { require: { window: { inside: { from: '08:00', until: '16:59' } } } }\n  \
         y: { require: { window: { inside: { from: '18:00', until: '20:59' } } } }",
        "keep `x` and `y` together",
    ),
    (
        "x: { require: { window: { inside: { from: 2020-12-20, until: 2021-01-03 } } } }",
        "no change is allowed any more",
    ),
    (
        "x: { require: { ticket: { field: Incident } } }\n  y: { require: { field: { Incident: absent } } }",
        "keep `x` and `y` together",
    ),
    (
        "x: { when: { touches: 'src/**' }, require: { label: { all-of: [ready, Urgent] } } }\n  \
         y: { require: { label: { none-of: [urgent] } } }",
        "",
    ),
    (
        "x: { require: { label: { all-of: [ready, Urgent] } } }\n  y: { require: { label: { none-of: [urgent] } } }",
        "keep `x` and `y` together",
    ),
    (
        "x: { require: { label: { any-of: [a, b], none-of: [b] } } }\n  y: { require: { not: { label: a } } }",
        "keep `x` and `y` together",
    ),
    ("x: { require: { label: { any-of: [a, b] } } }\n  y: { require: { label: { none-of: [a] } } }", ""),
    (
        "x: { require: { subject: { longest: 20 } } }\n  y: { require: { subject: { matches: 'PAY-[0-9]+ [a-z ]{15,}' } } }",
        "keep `x` and `y` together",
    ),
    (
        "x: { require: { title: { longest: 10, matches: '(feat|fix): [a-z]{6}' } } }",
        "no change of a person could keep `x`",
    ),
    (
        "x: { require: { subject: { matches: '(feat|fix): .+' } } }\n  \
         y: { require: { any: [{ subject: { matches: 'PAY-[0-9]+ .+' } }, { branch: dev }] } }",
        "keep `x` and `y` together",
    ),
    (
        "x: { require: { title: { matches: '(WIP|Draft): .+' } } }\n  y: { require: { title: { refuse: [wip, draft] } } }",
        "keep `x` and `y` together",
    ),
    (
        "x: { require: { subject: { matches: '(feat|fix): .+', longest: 72 } } }\n  \
         y: { require: { subject: { matches: 'f.{3,71}', refuse: [feat] } } }",
        "",
    ),
    (
        "x: { require: { subject: { longest: 10 } } }\n  y: { require: { subject: { matches: '[^x]{20}' } } }",
        "",
    ),
    (
        "x: { when: { branch: dev }, require: { subject: { longest: 5 } } }\n  \
         y: { require: { subject: { matches: '.{9,}' } } }",
        "",
    ),
    // A window of one minute, a freeze of weeks, and windows that meet in another zone are enough.
    (
        "x: { require: { window: { inside: { from: '08:13', until: '09:07' } } } }\n  \
         y: { require: { window: { inside: { from: '10:07', until: '11:00' }, zone: Europe/Berlin } } }",
        "",
    ),
    ("x: { require: { window: { outside: { from: 2026-11-01, until: 2027-02-01 } } } }", ""),
    // Windows that are over, or never open, where they bind some changes only.
    (
        "x: { when: { window: { inside: [{ from: 2025-12-20, until: 2026-01-03 }] } }, require: { label: a } }",
        "",
    ),
    (
        "x: { level: off, reason: x, require: { window: { inside: { from: 2025-12-20, until: 2026-01-03 } } } }",
        "",
    ),
    (
        "x: { require: { any: [{ window: { inside: { from: 2025-12-20, until: 2026-01-03 } } }, { field: { Risk: low } }] } }",
        "",
    ),
    ("x: { require: { not: { window: { inside: { from: 2025-12-20, until: 2026-01-03 } } } } }", ""),
    (
        "x: { require: { field: { Risk: low } } }\nexemptions:\n  - { rule: x, when: { window: { inside: { from: \
         2025-12-20, until: 2026-01-03 } } }, reason: r, approved-by: Ana, until: 2027-01-01 }",
        "",
    ),
    (
        "x: { when: { branch: release/1.0 }, require: { window: { outside: [{ from: 2026-01-01, until: 2036-01-01 }] } } }",
        "",
    ),
    (
        "x: { when: { touches: 'db/**' }, require: { window: { outside: { from: 2026-01-01, until: 2028-01-01 } } } }",
        "",
    ),
    (
        "x: { when: { touches: 'db/**' }, require: { window: { inside: { from: 2025-01-01, until: 2026-01-01 } } } }",
        "",
    ),
    (
        "x: { for: [isms], require: { window: { outside: { from: 2026-01-01, until: 2028-01-01 } } } }",
        "could never be changed again",
    ),
    ("x: { for: [record], require: { size: { files: { at-most: 0 } } } }", ""),
    ("x: { when: { touches: 'vendor/**' }, require: { size: { lines: { at-most: 0 } } } }", ""),
    ("x: { for: [isms], require: { size: { files: { at-most: 0 } } } }", "could never be changed again"),
    // Beside a bot, everyone can approve.
    ("x: { when: { author: { bot: true } }, require: { approvals: { at-least: 3, trust: claimed } } }", ""),
    ("x: { when: { touches: a }, require: { approvals: { at-least: 3, trust: claimed } } }", ""),
    ("x: { require: { approvals: { at-least: 3, trust: claimed } } }", "beside the author"),
    ("x: { require: { pusher: ana } }\n  y: { require: { author: { team: ops } } }", ""),
    ("x: { require: { pusher: { team: ops } } }", ""),
    ("x: { require: { any: [{ pusher: { bot: true } }, { field: { Risk: low } }] } }", ""),
    ("x: { when: { author: { bot: true } }, require: { field: { Risk: absent } } }", ""),
    ("x: { when: { branch: 'release/*' }, require: { pusher: ben } }", ""),
    ("x: { for: [docs], require: { only-touches: ['*.md'] } }", ""),
    ("x: { require: { touches: ['docs/**'] } }", ""),
    ("x: { not-for: [isms], require: { only-touches: ['src/**', 'docs/**'] } }", ""),
    ("x: { require: { only-touches: ['src/**', 'policies/**'] } }", ""),
    ("x: { require: { not: { author: { team: ops } } } }", ""),
    ("x: { level: warn, until: 2027-01-01, reason: a trial, require: { pusher: { bot: true } } }", ""),
    (
        "x: { require: { pusher: nosuch } }\nexemptions:\n  - { rule: x, when: { touches: ['/policies/**', src/] }, \
         reason: r, approved-by: Ana, until: 2027-01-01 }",
        "",
    ),
    // Paths: what one rule wants, another refuses, or the same one does.
    (
        "a: { require: { touches: CHANGELOG.md } }\n  b: { require: { not: { touches: '*.md' } } }",
        "no change of a person could keep `a` and `b` together",
    ),
    ("x: { require: { all: [{ touches: src/a.rs }, { not: { touches: src/ } }] } }", "could keep `x`"),
    ("x: { require: { not: { only-touches: '**' } } }", "could keep `x`"),
    ("x: { require: { not: { only-touches: [a, '*'] } } }", "could keep `x`"),
    ("x: { require: { touches: docs/a, only-touches: ['*.md', src/**] } }", "could keep `x`"),
    (
        "a: { when: { touches: '*.rs' }, require: { not: { touches: '*.r*' } } }\n  b: { require: { touches: '*.rs' } }",
        "could keep `a` and `b` together",
    ),
    (
        // A file in place of the folder is in neither.
        "a: { when: { touches: src/** }, require: { not: { touches: '*.rs' } } }\n  \
         b: { not-for: [isms], require: { touches: 'src/*.rs' } }",
        "",
    ),
    (
        "a: { when: { touches: src/** }, require: { not: {} } }\n  \
         b: { when: { not: { touches: src/** } }, require: { touches: src/** } }",
        "could keep",
    ),
    (
        "x: { not-for: [isms], require: { touches: src/**, size: { files: { at-most: 0 }, ignore: ['*.md', /docs/] } } }",
        "",
    ),
    // A merge of the base within the change touches what it does not count.
    (
        "x: { not-for: [isms], require: { touches: src/a.rs, size: { files: { at-most: 0 }, ignore: ['*.md'] } } }",
        "",
    ),
    ("x: { not-for: [isms], require: { touches: CHANGELOG.md, not: { touches: '/*.md' } } }", ""),
    ("x: { not-for: [isms], require: { touches: '*.md', not: { touches: '/*.md' } } }", ""),
    ("x: { not-for: [isms], require: { touches: src/a.rs, not: { touches: '[!a]/**' } } }", ""),
    ("x: { not-for: [isms], require: { touches: 'src/*', only-touches: '*.rs' } }", ""),
    (
        "x: { not-for: [isms], require: { touches: src/, not: { touches: { paths: src/, ignore: '*.md' } } } }",
        "",
    ),
    ("x: { require: { touches: src/, not: { touches: { paths: src/, kinds: [addition] } } } }", ""),
    // The same question has one answer.
    ("x: { require: { not: { any: [{ touches: a }, { not: { touches: a } }] } } }", "could keep `x`"),
    ("x: { require: { not: { any: [{ merge: clean }, { not: { merge: clean } }] } } }", "could keep `x`"),
    ("x: { require: { all: [{ merge: none }, { not: { merge: clean } }] } }", "could keep `x`"),
    ("x: { require: { all: [{ merge: clean }, { not: { merge: none } }] } }", ""),
    (
        "x: { require: { not: { any: [{ size: { lines: { at-most: 9 } } }, { not: { size: { lines: { at-most: 9 } } } }] } } }",
        "could keep `x`",
    ),
    (
        "x: { require: { all: [{ size: { files: { at-most: 3 } } }, { not: { size: { files: { at-most: 4 } } } }] } }",
        "could keep `x`",
    ),
    (
        "x: { require: { all: [{ size: { files: { at-most: 4 } } }, { not: { size: { files: { at-most: 3 } } } }] } }",
        "",
    ),
    ("x: { require: { not: { any: [{ draft: true }, { not: { draft: true } }] } } }", "could keep `x`"),
    ("x: { require: { not: { all: [{ checks: ci }, { not: { checks: ci } }] } } }", ""),
    // Addresses that no person of the roster has.
    (
        "x: { require: { author: { domain: nosuch.example } } }",
        "no address of an author that the roster lists",
    ),
    ("x: { require: { author: { address: 'zoe@*' } } }", "no address of an author that the roster lists"),
    ("x: { require: { author: { domain: example.com } } }", ""),
    ("x: { require: { author: { domain: users.noreply.github.com } } }", ""),
    ("x: { for: [standard], require: { author: { domain: nosuch.example } } }", ""),
    ("x: { require: { subject: { matches: '^$' } } }", "no change of a person could keep `x`"),
];

#[test]
fn makers_who_leave_nobody_to_approve_are_told() {
    let policy = |people: &str, rules: &str| {
        format!(
            "changegate: 1\nname: t\nextends: [startup]\nprotects: [main]\npeople: {{ {people} }}\nrules:\n{rules}"
        )
    };
    let roster =
        "people:\n  ana: { addresses: [ana@example.com] }\n  ben: { addresses: [ben@example.com] }\n";
    let one = "teams: { rel: [ana@example.com] }";
    let two = "teams: { rel: [ana@example.com, ben@example.com] }";
    let rostered = "roster: policies/people.yml, teams: { a: [ana@example.com], b: [ben@example.com] }";
    let from_rel = "  a: { require: { approvals: { from: [rel], trust: claimed } } }\n";
    for (people, rules, is_locked) in [
        (one, format!("  w: {{ require: {{ author: {{ team: [rel] }} }} }}\n{from_rel}"), true),
        (one, format!("  w: {{ require: {{ pusher: {{ team: [rel] }} }} }}\n{from_rel}"), true),
        (two, format!("  w: {{ require: {{ author: {{ team: [rel] }} }} }}\n{from_rel}"), false),
        (two, format!("  w: {{ require: {{ pusher: {{ team: [rel] }} }} }}\n{from_rel}"), false),
        // The one who pushes can be the one who wrote it.
        (
            two,
            format!(
                "  v: {{ require: {{ author: {{ team: [rel] }} }} }}\n  w: {{ require: {{ pusher: {{ team: [rel] }} }} }}\n{from_rel}"
            ),
            false,
        ),
        // Nobody is left of two people who both have to approve.
        (
            rostered,
            "  a: { require: { approvals: { from: [a], trust: claimed } } }\n  b: { require: { approvals: { from: [b], trust: claimed } } }\n"
                .to_owned(),
            true,
        ),
        (one, from_rel.to_owned(), false),
        // Only some changes are asked.
        (one, format!("  w: {{ when: {{ touches: x }}, require: {{ author: {{ team: [rel] }} }} }}\n{from_rel}"), false),
    ] {
        let text = policy(people, &rules);
        let said = check_files(&[(NAME, &text), ("policies/people.yml", roster)]);
        let told = said.as_ref().err().cloned().unwrap_or_default();
        let is_told = told.iter().any(|line| line.contains("leaves too few people to approve it"));
        assert_eq!(is_told, is_locked, "{text}\n{said:?}");
        assert_eq!(said.is_err(), is_locked, "{text}\n{said:?}");
    }
}

/// Checks every eighth of the policies, from this one on: the parts run at the same time.
fn check_exclusions(part: usize) {
    for (added, said) in EXCLUSIONS.iter().skip(part).step_by(8) {
        let text = format!(
            "changegate: 1\nextends: [startup]\nprotects: [main]\n\
             people: {{ roster: policies/people.yml, bots: [merge-bot], teams: {{ ops: [ana, ben] }} }}\nrules:\n  {added}\n"
        );
        match check(&text) {
            Ok(_) => assert_eq!(*said, "", "{added} is not refused"),
            Err(faults) => {
                assert!(!said.is_empty() && faults[0].contains(said), "{added}: {faults:?}");
            }
        }
    }
}

/// The packs list bots by the form of their names. That one of these pushes here, only a name tells.
#[test]
fn a_bot_pushes_only_where_a_policy_names_its_account() {
    let nothing_left = "no change of a person could keep `x`";
    for (bots, required, is_refused) in [
        ("", "{ bot: true }", true),
        (", bots: ['*-bot', 'ci@example.com']", "{ bot: true }", true),
        ("", "'*[bot]'", true),
        (", bots: [merge-bot]", "{ bot: true }", false),
        (", bots: ['github:merge-queue[bot]']", "{ bot: true }", false),
        ("", "'github:mergify[bot]'", false),
        ("", "{ bot: false }", false),
    ] {
        for (extended, of_others) in [
            ("extends: [startup]\n", ""),
            ("", "people: { roster: policies/people.yml, bots: ['*[bot]'] }\n"),
        ] {
            if extended.is_empty() && !bots.is_empty() {
                continue;
            }
            let people = match of_others {
                "" => format!("people: {{ roster: policies/people.yml{bots} }}\n"),
                other => other.to_owned(),
            };
            let text = format!(
                "changegate: 1\nname: t\n{extended}protects: [main]\n{people}rules:\n  x: {{ require: {{ pusher: {required} }} }}\n"
            );
            match check(&text) {
                Ok(_) => assert!(!is_refused, "{text} is not refused"),
                Err(faults) => assert!(is_refused && faults[0].contains(nothing_left), "{text}: {faults:?}"),
            }
        }
    }
}

macro_rules! exclusion_tests {
    ($($name:ident: $part:literal),* $(,)?) => {
        $(#[test]
        fn $name() {
            check_exclusions($part);
        })*
    };
}

exclusion_tests! {
    a_policy_that_no_change_can_keep_or_take_back_is_refused_1: 0,
    a_policy_that_no_change_can_keep_or_take_back_is_refused_2: 1,
    a_policy_that_no_change_can_keep_or_take_back_is_refused_3: 2,
    a_policy_that_no_change_can_keep_or_take_back_is_refused_4: 3,
    a_policy_that_no_change_can_keep_or_take_back_is_refused_5: 4,
    a_policy_that_no_change_can_keep_or_take_back_is_refused_6: 5,
    a_policy_that_no_change_can_keep_or_take_back_is_refused_7: 6,
    a_policy_that_no_change_can_keep_or_take_back_is_refused_8: 7,
}

#[test]
fn a_policy_that_its_branch_cannot_change_is_refused() {
    let text = "changegate: 1\nextends: [startup]\nprotects: [main, 'release/*']\n\
                rules: { x: { for: [isms], require: { branch: 'release/*' } } }\n";
    let loaded = load(&[(NAME, text)]);
    let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    for (branch, is_refused) in [("refs/heads/main", true), ("refs/heads/release/1", false)] {
        assert_eq!(check_policy(&loaded, &[branch.into()], now).is_err(), is_refused, "{branch}");
    }
    assert!(check_policy(&loaded, &[], now).is_ok());
    // A name that only both patterns together show.
    let stable = text.replace(
        "x: { for: [isms], require: { branch: 'release/*' } }",
        "x: { require: { branch: '*-stable' } }",
    );
    assert!(check(&stable).is_ok());
}

/// Each policy: what it adds to a pack, and what is said about it; nothing for one that can be kept.
#[test]
fn rules_that_contradict_each_other_over_files_are_told() {
    let base = "changegate: 1\nname: t\nextends: [startup]\nprotects: [main, 'release/*']\n";
    for (added, wanted) in [
        ("rules: { low: { require: { field: { Change-Type: absent } } } }\n", "both `low` and `change-type`"),
        (
            "rules:\n  ask: { for: [normal], require: { touches: ['/docs/**'] } }\n  bound: { require: { only-touches: \
             ['/src/**', /lib/x] } }\n",
            "`touches` wants a file such as `/docs/**`",
        ),
        (
            "rules:\n  one: { require: { touches: ['/docs/**'] } }\n  two: { require: { touches: ['/log/a'] } }\n  size: { \
             require: { size: { files: { at-most: 1 } } } }\n",
            "has to touch 2 files, and may touch at most 1",
        ),
        (
            "rules:\n  one: { require: { branch: main } }\n  two: { require: { branch: [dev, test] } }\n",
            "no branch is in both lists",
        ),
        (
            "rules:\n  one: { require: { touches: [CHANGELOG.md] } }\n  two: { require: { not: { touches: [CHANGELOG.md] } } }\n",
            "what `not` refuses",
        ),
        // Each of these leaves a way.
        ("rules: { low: { for: [emergency], require: { field: { Risk: low } } } }\n", ""),
        ("rules: { low: { when: { branch: dev }, require: { field: { Change-Type: absent } } } }\n", ""),
        ("rules: { low: { level: off, reason: x, require: { field: { Change-Type: absent } } } }\n", ""),
        (
            "rules:\n  ask: { require: { touches: ['*.md', '/docs/**'] } }\n  bound: { not-for: [isms], require: { only-touches: ['/src/**'] } }\n",
            "",
        ),
        (
            "rules:\n  ask: { require: { touches: ['/src/*/a'] } }\n  bound: { not-for: [isms], require: { only-touches: ['/src/b/**'] } }\n",
            "",
        ),
        (
            "rules:\n  one: { not-for: [isms], require: { touches: ['/docs/**'] } }\n  two: { not-for: [isms], require: { touches: ['/docs/a'] } }\n  size: { \
             require: { size: { files: { at-most: 1 } } } }\n",
            "",
        ),
        (
            "rules:\n  one: { require: { branch: 'release/*' } }\n  two: { require: { branch: release/1 } }\n",
            "",
        ),
    ] {
        let said = check_files(&[(NAME, &format!("{base}{added}"))]).err().unwrap_or_default();
        match wanted {
            "" => assert_eq!(said, Vec::<String>::new(), "{added}"),
            _ => assert!(said.len() == 1 && said[0].contains(wanted), "{added}: {said:?}"),
        }
    }
    // A policy may well forbid a class.
    let text = format!(
        "{base}rules: {{ none: {{ for: [emergency], require: {{ field: {{ Change-Type: normal }} }} }} }}\n"
    );
    let notes = check_files(&[(NAME, &text)]).unwrap().notes;
    assert!(
        notes.iter().any(|note| note.fault.what.contains("no change of the class `emergency`")),
        "{notes:?}"
    );
}

#[test]
fn people_whom_no_gate_can_recognise_are_told() {
    let base =
        "changegate: 1\nname: t\nowner: Ana Lang <ana@example.com>\nextends: [startup]\nprotects: [main]\n";
    let asked = |members: &str, trust: &str| {
        format!(
            "{base}people: {{ teams: {{ sec: {members} }} }}\nrules: {{ s: {{ require: {{ approvals: {{ from: [sec], \
             trust: {trust} }} }} }} }}\n"
        )
    };
    let bots =
        |bots: &str| format!("{base}people: {{ bots: ['{bots}'], teams: {{ sec: [ben@example.com] }} }}\n");
    for (text, wanted) in [
        (asked("['github:ana']", "verified"), ""),
        (asked("[ana@example.com]", "claimed"), ""),
        (asked("[ana@example.com, 'github:ana']", "verified"), ""),
        (
            asked("[ana@example.com]", "verified"),
            "approvals come from accounts of a forge, and `sec` names 0",
        ),
        (asked("[ana, ben]", "claimed"), "approvals come from addresses, and `sec` names 0"),
        (bots("*bot@example.com"), ""),
        (bots("*@example.com"), "`*@example.com` takes everyone whom this policy names for a bot"),
        (
            bots("*@example.com")
                + "rules: { s: { require: { approvals: { from: [sec], trust: claimed } } } }\n",
            "no change could keep `s`: it needs 1 approval, and there are at most 0 people beside the author",
        ),
    ] {
        let said = check_files(&[(NAME, &text)]).err().unwrap_or_default();
        match wanted {
            "" => assert_eq!(said, Vec::<String>::new(), "{text}"),
            _ => assert!(said.iter().any(|said| said.contains(wanted)), "{text}: {said:?}"),
        }
    }
    for (text, wanted) in [
        (asked("['github:ana', 'github:ben']", "claimed"), "names only accounts of GitHub"),
        // Who owns the policy is not said, and the team may be one of bots.
        (
            bots("*@example.com").replace("owner: Ana Lang <ana@example.com>\n", ""),
            "takes everyone whom this policy names for a bot",
        ),
        (bots("*@bots.example"), "everyone with an address at `bots.example` counts as a bot"),
    ] {
        let notes = check_files(&[(NAME, &text)]).unwrap().notes;
        assert!(notes.iter().any(|note| note.fault.what.contains(wanted)), "{text}: {notes:?}");
    }
}

/// Patterns of bots that together leave no person of the roster; those who are listed by name are meant.
#[test]
fn bots_that_take_in_the_whole_roster_are_refused() {
    for (bots, wanted) in [
        ("['*@example.com']", "`*@example.com` takes everyone whom the roster lists for a bot"),
        ("['an*', '*en', 'kim*']", "these patterns take everyone whom the roster lists for a bot"),
        ("['an*', '*en']", ""),
        ("['*[bot]', ana@example.com, ben@example.com, kim@example.com]", ""),
    ] {
        let text = format!(
            "changegate: 1\nextends: [core]\nprotects: [main]\npeople: {{ roster: policies/people.yml, bots: {bots} }}\n"
        );
        let said = check_files(&[(NAME, &text), ("policies/people.yml", ROSTER)]);
        let said = said.map(|inspection| inspection.notes.len()).err().unwrap_or_default();
        match wanted {
            "" => assert_eq!(said, Vec::<String>::new(), "{bots}"),
            _ => assert!(said.len() == 1 && said[0].contains(wanted), "{bots}: {said:?}"),
        }
    }
}

/// Where all members of a team have to approve, none of them can land a change of their own.
#[test]
fn a_team_that_has_nobody_to_spare_is_noted() {
    let people = "roster: policies/people.yml, teams: { duo: [ana, ben], solo: [kim], all: [ana, ben, kim] }";
    let unrostered = "teams: { duo: [ana@example.com, ben@example.com], solo: [kim@example.com], all: [ana@example.com, ben@example.com, kim@example.com] }";
    for people in [people, unrostered] {
        for (asked, wanted) in [
            ("from: [duo], at-least: 2", "needs 2 approvals from `duo`, which has 2 members"),
            ("from: [solo]", "needs 1 approval from `solo`, which has 1 member,"),
            ("from: [duo, solo], distinct-teams: true", "from `solo`, which has 1 member,"),
            ("from: [duo]", ""),
            ("from: [all], at-least: 2", ""),
            ("at-least: 2", ""),
        ] {
            let rule = format!(
                "  x: {{ when: {{ touches: iam/ }}, require: {{ approvals: {{ {asked}, trust: claimed }} }} }}"
            );
            let notes = check_added(people, &rule, &[("policies/people.yml", ROSTER), ("policies/keys", "")])
                .unwrap();
            let told: Vec<&String> =
                notes.iter().filter(|note| note.contains("cannot land their own changes")).collect();
            match wanted {
                "" => assert_eq!(told, Vec::<&String>::new(), "{asked}"),
                _ => assert!(told.len() == 1 && told[0].contains(wanted), "{asked}: {notes:?}"),
            }
        }
    }
}

/// Without a roster, a team lists the addresses of its members, and no other address is of the team.
#[test]
fn authors_who_are_asked_for_by_address_and_by_team_are_compared() {
    let people =
        "teams: { ops: [ana@example.com, ben@example.com], solo: [kim@example.com], forge: ['github:ana'] }";
    for (one, two, is_locked) in [
        ("author: { address: 'a*' }", "author: { team: solo }", true),
        ("author: { address: 'k*' }", "author: { team: solo }", false),
        ("author: { address: 'a*' }", "author: { team: [ops, solo] }", false),
        ("author: { domain: out.example }", "author: { team: ops }", true),
        ("author: { domain: example.com }", "author: { team: ops }", false),
        ("author: { address: 'kim+*@*' }", "author: { team: solo }", false),
        // What stands behind a plus is for the author to choose.
        (
            "all: [{ author: { address: '*work*' } }, { author: { address: '*x@*' } }]",
            "author: { team: solo }",
            false,
        ),
        ("author: { address: 'a*' }", "author: { bot: false }", false),
        ("author: { address: 'a*' }", "author: { domain: out.example }", false),
        // A forge ties addresses to accounts.
        ("author: { address: 'z*' }", "author: { team: forge }", false),
        ("pusher: 'a*'", "pusher: { team: solo }", true),
    ] {
        let both = format!("  x: {{ require: {{ all: [{{ {one} }}, {{ {two} }}] }} }}");
        let apart = format!("  x: {{ require: {{ {one} }} }}\n  y: {{ require: {{ {two} }} }}");
        for rules in [both, apart] {
            let said = check_added(people, &rules, &[("policies/keys", "")]);
            assert_eq!(said.is_err(), is_locked, "{rules}: {said:?}");
        }
    }
}

/// `policy check --server` and the hook that a policy is pushed to say the same, in the same words.
#[test]
fn a_rule_that_only_a_forge_can_decide_is_refused_for_a_server_and_for_no_other() {
    let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let base = "changegate: 1\nname: t\nextends: [startup]\nprotects: [main]\n";
    for (require, is_refused) in [
        ("title: { longest: 72 }", true),
        ("label: reviewed", true),
        ("approvals: { at-least: 1 }", true),
        ("any: [{ title: { longest: 72 } }, { subject: { longest: 72 } }]", false),
        ("subject: { longest: 72 }", false),
    ] {
        let text = format!("{base}rules:\n  forge: {{ require: {{ {require} }} }}\n");
        let loaded = load(&[(NAME, &text)]);
        check_policy(&loaded, &[], now).unwrap();
        let refused = check_server_policy(&loaded, &[], None, now).err();
        assert_eq!(refused.is_some(), is_refused, "{require}");
        if let Some(errors) = refused {
            let fault = &errors.faulty_files[0].faults[0];
            assert_eq!((errors.faulty_files[0].name.as_str(), fault.at.line), (NAME, 6));
            assert!(fault.what.starts_with("the rule `forge` needs"), "{fault:?}");
        }
    }
}

/// On a forge, a review is an approval; on a server, only what trailers say.
#[test]
fn rules_that_exclude_each_other_on_a_server_are_told_there() {
    let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let base = "changegate: 1\nname: t\nextends: [startup]\nprotects: [main]\nfields: { Acked-by: { person: true } }\n";
    let off = "rules:\n  peer-review: { level: off, reason: there is another one }\n";
    for (approvals, is_refused) in [
        ("approvals: { trust: claimed }", true),
        ("approvals: { trust: claimed, field: [Reviewed-by, Acked-by] }", false),
        ("any: [{ approvals: { trust: claimed } }, { field: { Risk: low } }]", false),
    ] {
        let text = format!(
            "{base}{off}  a: {{ require: {{ {approvals} }} }}\n  b: {{ require: {{ field: {{ Reviewed-by: absent }} }} }}\n"
        );
        let loaded = load(&[(NAME, &text)]);
        let notes = check_policy(&loaded, &[], now).unwrap().notes;
        let said = "on a server, where approvals are what trailers say, no change of a person could keep `a` and `b` together";
        assert_eq!(notes.iter().any(|note| note.fault.what == said), is_refused, "{approvals}: {notes:?}");
        let refused = check_server_policy(&loaded, &[], None, now).err();
        assert_eq!(refused.is_some(), is_refused, "{approvals}");
        if let Some(errors) = refused {
            let fault = &errors.faulty_files[0].faults[0];
            assert_eq!((fault.at.line, fault.what.as_str()), (9, said));
        }
    }
}

/// On a server, verified approvals are signed: who has no key gives none.
#[test]
fn a_server_asks_whether_enough_people_have_keys() {
    let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let key = |name: &str, body: &str| {
        format!(
            "  {name}: {{ addresses: [{name}@example.com], accounts: ['github:{name}'], keys: ['{body}'] }}\n"
        )
    };
    let (one, two) = (
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPiWBN32T1x4F/v6NanCyJBwnNPZviORBflh3qVLPwCc",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAYIbWQFjC2Mb4CuhxSpSvX2sSOuOJKRVdrqmkoFVpRX",
    );
    let keyless = "  cy: { addresses: [cy@example.com], accounts: ['github:cy'] }\n  dee: { addresses: [dee@example.com], accounts: ['github:dee'] }\n";
    let said = "on a server, where approvals are signed with keys that the policy lists, no change of a person could keep `a`";
    for (count, teams, people, is_refused) in [
        (1, "", key("ana", one) + keyless, false),
        (2, "", key("ana", one) + keyless, true),
        (2, "", key("ana", one) + &key("ben", two) + keyless, false),
        (1, ", from: [ops]", key("ana", one) + keyless, true),
        (1, ", from: [ops], trust: claimed", key("ana", one) + keyless, false),
    ] {
        let text = format!(
            "changegate: 1\nname: t\nextends: [startup]\nprotects: [main]\npeople: {{ roster: policies/people.yml, teams: {{ ops: [cy@example.com] }} }}\nfields: {{ Reviewed-by: {{ person: true }} }}\nrules:\n  a: {{ require: {{ approvals: {{ at-least: {count}{teams} }} }} }}\n"
        );
        let roster = format!("people:\n{people}");
        let loaded = load(&[(NAME, &text), ("policies/people.yml", &roster)]);
        let notes = check_policy(&loaded, &[], now).unwrap().notes;
        assert_eq!(notes.iter().any(|note| note.fault.what == said), is_refused, "{count}{teams}: {notes:?}");
        assert_eq!(check_server_policy(&loaded, &[], None, now).is_err(), is_refused, "{count}{teams}");
    }
}

#[test]
fn a_number_that_a_space_makes_a_comment_of_is_told() {
    let policy = "changegate: 1\nname: t\nextends: [startup]\nprotects: [main]\npeople:\n  roster: policies/people.yml\n  \
                  teams:\n    ops:\n      - github:ana\n      - github:ben #77\n  bots:\n    - github:robo[bot]  #41898282\n    \
                  - acme-bot # 12 of them\n";
    let roster = "people:\n  ana:\n    addresses: [ana@example.com]\n    accounts:\n      - ana #583231\n  \
                  ben: { addresses: [ben@example.com], accounts: ['github:ben#77'] } #2\n";
    let said = check_files(&[(NAME, policy), ("policies/people.yml", roster)]).unwrap_err();
    assert_eq!(
        said,
        [
            "10: ` #77` is a comment, so `github:ben` stands here without its number (write `github:ben#77`, without the space)",
            "12: ` #41898282` is a comment, so `github:robo[bot]` stands here without its number (write `github:robo[bot]#41898282`, without the space)",
            "5: ` #583231` is a comment, so `ana` stands here without its number (write `ana#583231`, without the space)",
        ]
    );
}

const NEVER: &str = "the exemption `policies/changegate.yml:5` never applies: no change that `peer-review` applies to fulfils its `when`";

const USUAL: &str = "the exemption `policies/changegate.yml:5` leaves next to nothing of the rule `peer-review`: every change of a \
                     usual time, size and wording is exempt";

/// What a policy of the pack `startup` adds, and each note that this brings.
const IDLE: &[(&str, &[&str])] = &[
    (
        "rules: { x: { when: { branch: dev }, REQUIRE } }",
        &["the rule `x` never applies: `protects` leaves out `dev`"],
    ),
    (
        "rules: { x: { when: { branch: [dev, test], field: { Risk: low } }, REQUIRE } }",
        &["the rule `x` never applies: `protects` leaves out `dev` and `test`"],
    ),
    (
        "rules: { x: { when: { branch: 'refs/tags/v*' }, REQUIRE } }",
        &["the rule `x` never applies: `refs/tags/v*` are tags, which bring no change to judge"],
    ),
    ("rules: { x: { when: { branch: [main, 'refs/tags/v*'] }, REQUIRE } }", &[]),
    ("rules: { x: { when: { branch: [dev, release/1] }, REQUIRE } }", &[]),
    ("rules: { x: { when: { branch: '*-stable' }, REQUIRE } }", &[]),
    ("rules: { x: { when: { all: [{ branch: 're*' }, { branch: '*-stable' }] }, REQUIRE } }", &[]),
    ("rules: { x: { when: { not: {} }, REQUIRE } }", &["the rule `x` never applies: `not: {}` never holds"]),
    (
        "rules: { x: { when: { any: [{ branch: dev }, { not: {} }] }, REQUIRE } }",
        &["the rule `x` never applies: no change fulfils its `when`"],
    ),
    (
        "rules: { x: { for: [normal], when: { field: { Change-Type: emergency } }, REQUIRE } }",
        &["the rule `x` never applies: no change of its classes fulfils its `when`"],
    ),
    (
        "rules: { x: { for: [emergency, normal], when: { field: { Change-Type: normal } }, REQUIRE } }",
        &["the rule `x` applies to no change of the class `emergency`: its `when` leaves them out"],
    ),
    (
        "rules: { x: { not-for: [isms], when: { touches: /policies/** }, REQUIRE } }",
        &["the rule `x` never applies: no change of its classes fulfils its `when`"],
    ),
    (
        "rules: { x: { when: { touches: 'src/*.rs', not: { touches: 'src/**' } }, REQUIRE } }",
        &["the rule `x` never applies: no change fulfils its `when`"],
    ),
    ("rules: { x: { not-for: [isms], when: { touches: ['*.tf', '*.md'] }, REQUIRE } }", &[]),
    (
        "rules: { x: { when: { all: [{ touches: a }, { touches: '*.tf' }, { not: { touches: 'b/**' } }] }, REQUIRE } }",
        &[],
    ),
    ("rules: { x: { when: { author: { bot: true } }, REQUIRE } }", &[]),
    // Records, accounts that no roster lists, no files at all, files in folders, and times to come.
    ("rules: { x: { for: [record], when: { branch: main }, REQUIRE } }", &[]),
    ("rules: { x: { for: [record, emergency], when: { not: { touches: src/ } }, REQUIRE } }", &[]),
    ("rules: { x: { when: { pusher: 'github:renovate[bot]' }, REQUIRE } }", &[]),
    ("rules: { x: { for: [normal], when: { not: { touches: '**' } }, REQUIRE } }", &[]),
    ("rules: { x: { when: { all: [{ touches: '*.rs' }, { not: { touches: '/*.rs' } }] }, REQUIRE } }", &[]),
    (
        "rules: { x: { when: { window: { inside: [{ from: 2029-01-01, until: 2029-01-04 }] } }, REQUIRE } }",
        &[],
    ),
    ("rules: { x: { when: { touches: '*.rs' }, REQUIRE } }\nEXEMPT x, when: { touches: '/*.rs' }, END", &[]),
    ("rules: { x: { when: { pusher: { bot: true }, size: { files: { at-most: 3 } } }, REQUIRE } }", &[]),
    (
        "rules: { x: { for: [emergency], require: { not: {} } } }",
        &["no change of the class `emergency` is allowed: `not: {}` never holds"],
    ),
    (
        "rules: { x: { when: { branch: 'release/*' }, REQUIRE } }\nEXEMPT x, when: { branch: 'release/*', touches: '**' }, END",
        &[
            "the exemption `policies/changegate.yml:6` leaves nothing of the rule `x`: all that it applies to is exempt",
        ],
    ),
    (
        "EXEMPT peer-review, when: { branch: main }, END\nMORE peer-review, when: { branch: 'rel*' }, END",
        &[
            "the exemptions `policies/changegate.yml:5` and `policies/changegate.yml:6` together leave nothing of the rule `peer-review`",
        ],
    ),
    (
        "EXEMPT peer-review, when: { field: { Change-Type: normal } }, END\nMORE peer-review, when: { touches: docs/** }, END\n\
         MORE peer-review, when: { not: { field: { Change-Type: normal } } }, END",
        &[
            "the exemptions `policies/changegate.yml:5` and `policies/changegate.yml:7` together leave nothing of the rule `peer-review`",
        ],
    ),
    (
        "rules: { x: { when: { touches: [a/**, b/**] }, REQUIRE } }\nEXEMPT x, when: { touches: a/** }, END\n\
         MORE x, when: { touches: b/** }, END",
        &[
            "the exemptions `policies/changegate.yml:6` and `policies/changegate.yml:7` together leave nothing of the rule `x`",
        ],
    ),
    (
        "rules: { x: { when: { touches: [a/**, b/**] }, REQUIRE } }\nEXEMPT x, when: { touches: a/** }, END\n\
         MORE x, when: { touches: 'b/*.tf' }, END",
        &[],
    ),
    (
        "EXEMPT peer-review, when: { branch: main }, END\nMORE peer-review, when: { branch: release/1 }, END",
        &[],
    ),
    // One that is over counts no longer.
    (
        "EXEMPT peer-review, when: { branch: main }, END\nMORE peer-review, when: { branch: 'rel*' }, reason: a, approved-by: b, until: 2026-01-01 }",
        &[],
    ),
    (
        "rules: { x: { not-for: [isms, pipeline-emergency, pipeline, emergency, record, docs, standard, normal], REQUIRE } }",
        &["the rule `x` never applies: `not-for` leaves out every class"],
    ),
    (
        "rules: { x: { when: { touches: src/a.rs, only-touches: 'docs/**' }, REQUIRE } }",
        &["the rule `x` never applies: no change fulfils its `when`"],
    ),
    (
        "rules: { x: { when: { any: [{ branch: dev }, { branch: test }] }, REQUIRE } }",
        &["the rule `x` never applies: `protects` leaves out `dev` and `test`"],
    ),
    // What every change states because another rule asks for it.
    (
        "rules: { x: { for: [normal], ASKS } }\nEXEMPT x, when: { field: { Risk: present } }, END",
        &[
            "the exemption `policies/changegate.yml:6` leaves nothing of the rule `x`: all that it applies to and that is right otherwise is exempt",
        ],
    ),
    (
        "rules: { x: { for: [normal], ASKS } }\nEXEMPT x, when: { field: { Risk: { at-least: low } } }, END",
        &[
            "the exemption `policies/changegate.yml:6` leaves nothing of the rule `x`: all that it applies to and that is right otherwise is exempt",
        ],
    ),
    (
        "rules: { x: { for: [normal], ASKS } }\nEXEMPT x, when: { field: { Risk: { at-least: medium } } }, END",
        &[],
    ),
    ("rules: { x: { for: [docs], ASKS } }\nEXEMPT x, when: { field: { Back-out-Plan: present } }, END", &[]),
    (
        "rules: { x: { for: [normal], ASKS } }\nEXEMPT x, when: { only-touches: '**' }, END",
        &[
            "the exemption `policies/changegate.yml:6` leaves nothing of the rule `x`: all that it applies to is exempt",
        ],
    ),
    (
        "rules: { x: { for: [normal], ASKS } }\nEXEMPT x, when: { only-touches: '*' }, END",
        &[
            "the exemption `policies/changegate.yml:6` leaves nothing of the rule `x`: all that it applies to is exempt",
        ],
    ),
    ("rules: { x: { for: [normal], ASKS } }\nEXEMPT x, when: { only-touches: ['*.rs'] }, END", &[]),
    (
        "standard-changes: { STD-S: { paths: [docs/], approved-by: Dana, approved-on: 2026-01-01, review-by: 2027-01-01 } }\n\
         rules: { x: { for: [standard], ASKS } }\nEXEMPT x, when: { field: { Standard-Change: present } }, END",
        &[
            "the exemption `policies/changegate.yml:7` leaves nothing of the rule `x`: all that it applies to and that is right otherwise is exempt",
        ],
    ),
    // A record has no file.
    ("rules: { x: { for: [record, normal], REQUIRE } }\nEXEMPT x, when: { touches: '**' }, END", &[]),
    // What no change fulfils, and what every usual one does.
    ("EXEMPT peer-review, when: { branch: dev }, END", &[NEVER]),
    ("EXEMPT peer-review, when: { subject: { matches: '^$' } }, END", &[NEVER]),
    ("EXEMPT peer-review, when: { title: { matches: '[-. ]*' } }, END", &[NEVER]),
    ("EXEMPT peer-review, when: { subject: { matches: '^(x|$)' } }, END", &[]),
    ("EXEMPT peer-review, when: { window: { inside: { from: '00:00', until: '23:59' } } }, END", &[USUAL]),
    (
        "EXEMPT peer-review, when: { window: { inside: [{ weekdays: [Sat, Sun] }, { weekdays: business }] } }, END",
        &[USUAL],
    ),
    ("EXEMPT peer-review, when: { window: { inside: [{ weekdays: [Sat, Sun] }] } }, END", &[]),
    (
        "EXEMPT peer-review, when: { window: { outside: { from: 2026-01-01, until: 2026-02-01 } } }, END",
        &[USUAL],
    ),
    (
        "EXEMPT peer-review, when: { window: { inside: { from: 2026-01-01, until: 2031-02-01 } } }, END",
        &[USUAL],
    ),
    ("EXEMPT peer-review, when: { window: { inside: { from: 2026-01-01, until: 2027-02-01 } } }, END", &[]),
    ("EXEMPT peer-review, when: { draft: false }, END", &[USUAL]),
    ("EXEMPT peer-review, when: { draft: true }, END", &[]),
    (
        "EXEMPT peer-review, when: { window: { inside: { from: 2025-01-01, until: 2026-02-01 } } }, END",
        &["this exemption never applies any more: every period of `inside` is over"],
    ),
    (
        "rules: { x: { when: { window: { inside: { from: 2025-01-01, until: 2026-02-01 } } }, REQUIRE } }",
        &["the rule `x` never applies any more: every period of `inside` is over"],
    ),
    (
        "rules: { x: { when: { branch: main, touches: a }, require: { window: { inside: { from: 2025-01-01, until: \
         2026-02-01 } } } } }",
        &["every period of `inside` is over, so nothing that `x` applies to is allowed any more"],
    ),
    ("rules: { x: { when: { size: { files: { at-most: 0 } } }, REQUIRE } }", &[]),
    (
        "EXEMPT peer-review, when: { window: { outside: [{ from: 2027-01-01, until: 2027-01-02 }] } }, END",
        &[],
    ),
    ("EXEMPT peer-review, when: { size: { lines: { at-most: 100000 } } }, END", &[USUAL]),
    ("EXEMPT peer-review, when: { size: { lines: { at-most: 100000 }, files: { at-most: 20 } } }, END", &[]),
    ("EXEMPT peer-review, when: { subject: { longest: 10000 } }, END", &[USUAL]),
    ("EXEMPT peer-review, when: { subject: { matches: '.+' }, merge: clean }, END", &[USUAL]),
    ("EXEMPT peer-review, when: { subject: { longest: 72 } }, END", &[]),
    ("EXEMPT peer-review, when: { any: [{ touches: docs/ }, { merge: clean }] }, END", &[USUAL]),
    ("EXEMPT peer-review, when: { merge: none }, END", &[]),
    ("EXEMPT peer-review, when: { not: { merge: clean } }, END", &[]),
    (
        "rules: { x: { when: { not: { size: { lines: { at-most: 100000 } } } }, REQUIRE } }\nEXEMPT x, when: { subject: { longest: 9000 } }, END",
        &[],
    ),
];

/// A rule that never applies looks like one that is kept, and exemptions can switch a rule off without saying so.
#[test]
fn what_never_applies_and_what_leaves_nothing_is_noted() {
    for (added, wanted) in IDLE {
        let added = added
            .replace("REQUIRE", "require: { field: { Risk: low } }")
            .replace("ASKS", "require: { subject: { longest: 72 } }")
            .replace("EXEMPT ", "exemptions:\n  - { rule: ")
            .replace("MORE ", "  - { rule: ")
            .replace("END", "reason: a, approved-by: b, until: 2030-01-01 }");
        let text = format!("changegate: 1\nextends: [startup]\nprotects: [main, 'release/*']\n{added}\n");
        let notes = check(&text).unwrap().notes;
        let said: Vec<&str> = notes.iter().map(|note| note.fault.what.as_str()).collect();
        assert_eq!(&said, wanted, "{text}");
        assert!(notes.iter().all(|note| note.fault.help.is_some()), "{text}");
    }
}

#[test]
fn a_requirement_that_never_holds_is_told_as_such() {
    let text =
        "changegate: 1\nextends: [startup]\nprotects: [main]\nrules: { x: { require: { not: {} } } }\n";
    assert_eq!(
        check(text).unwrap_err(),
        ["4: no change could keep `x`: `not: {}` never holds (ask something in `not`, or remove it)"]
    );
}

#[test]
fn a_name_of_a_branch_of_a_remote_is_noted() {
    for (name, wanted) in [
        ("origin/main", "`origin/main` is a branch of this name, and not the branch `main` of a remote"),
        ("upstream/dev", "`upstream/dev` is a branch of this name, and not the branch `dev` of a remote"),
        ("remotes/a/b", "`remotes/a/b` is a branch of this name, and not the branch `b` of a remote"),
        (
            "refs/remotes/origin/x/*",
            "`refs/remotes/origin/x/*` is no branch that is pushed to, but what a clone remembers of a remote",
        ),
        ("upstream/main", ""),
        ("feature/x", ""),
        ("refs/tags/dev", ""),
    ] {
        let text = format!("changegate: 1\nextends: [startup]\nprotects: [dev, '{name}']\n");
        let said: Vec<String> = check(&text).unwrap().notes.into_iter().map(|note| note.fault.what).collect();
        assert_eq!(said.join("; "), wanted, "{name}");
    }
}

#[test]
fn a_standard_change_of_the_gate_itself_is_told() {
    let text = "changegate: 1\nextends: [startup]\nprotects: [main]\nstandard-changes:\n  \
                deps: { paths: ['*.yml'], ENTRY }\n  docs: { paths: ['/docs/**', '*.md'], ENTRY }\n  \
                ci: { paths: [/.github/workflows/ci.yml], ENTRY }\n";
    let text = text.replace("ENTRY", "approved-by: Dana, approved-on: 2026-01-01, review-by: 2027-01-01");
    let loaded = load(&[(NAME, &text)]);
    let gate = [NAME, ".github/workflows/changegate.yml", ".github/workflows/ci.yml", ".gitlab-ci.yml"];
    assert_eq!(
        loaded.policy.find_catalogue_gaps(),
        [("ci", vec![".github/workflows/ci.yml"]), ("deps", gate.to_vec())]
    );
    // What the class `isms` of the policy takes beside these.
    let text = text.replace("'*.yml'", "/.github/, isms/").replace("/.github/workflows/ci.yml", "iam/roles");
    let policy = load(&[(NAME, &text)]).policy;
    let gaps = policy.find_catalogue_gaps();
    assert_eq!(gaps[0], ("ci", vec!["iam/roles"]));
    let said = gaps[1].1.join(" ");
    assert!(said.ends_with(".github/CODEOWNERS isms/policy"), "{said}");
}

/// Returns what the check of a policy of the pack `startup` says that adds this, with the files beside it.
fn check_added(people: &str, rules: &str, files: &[(&str, &str)]) -> Result<Vec<String>, Vec<String>> {
    let text = format!(
        "changegate: 1\nextends: [startup]\nprotects: [main]\npeople: {{ {people} }}\n\
         signers: {{ ssh: policies/keys }}\nrules:\n{rules}\n"
    );
    let mut all = vec![(NAME, text.as_str())];
    all.extend_from_slice(files);
    check_files(&all).map(|inspection| {
        inspection
            .notes
            .into_iter()
            .map(|note| format!("{}: {}", note.fault.at.line, note.fault.what))
            .collect()
    })
}

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqt";

/// Each line of a file of keys, and what is wrong with it for a signature of anyone, of the author, and of a team;
/// nothing for one that counts.
#[test]
fn signatures_that_no_key_can_make_are_refused() {
    let roster = ("policies/people.yml", ROSTER);
    let rostered = "roster: policies/people.yml, teams: { ops: [ana, ben] }";
    let open = "teams: { ops: [ana@example.com, ben@example.com] }";
    let of_nobody = "is of nobody in the roster";
    let of_no_member = "is of no member of `ops`";
    let over = "has a `valid-before` that is over (2026-11-20)";
    let rows: &[(&str, &str, [&str; 3])] = &[
        (rostered, "ana+laptop@example.com KEY", [""; 3]),
        (rostered, "kim@example.com KEY", ["", "", of_no_member]),
        (rostered, "zoe@example.com KEY", ["", of_nobody, of_no_member]),
        (open, "zoe@example.com KEY", ["", "", of_no_member]),
        (open, "ben@example.com KEY", [""; 3]),
        (rostered, "ana@example.com namespaces=\"file\" KEY", ["has `namespaces` without `git`"; 3]),
        (rostered, "ana@example.com namespaces=\"file,git\" KEY", [""; 3]),
        (rostered, "ana@example.com valid-before=\"20261120Z\" KEY", [over; 3]),
        (rostered, "ana@example.com valid-before=\"20271121Z\" KEY", [""; 3]),
        (rostered, "ana@example.com valid-after=\"20261201Z\" KEY", [""; 3]),
    ];
    for (row, (people, line, wanted)) in rows.iter().enumerate() {
        let keys = format!("# keys\n{}\n", line.replace("KEY", &format!("{KEY}i")));
        let files = [roster, ("policies/keys", keys.as_str())];
        let questions = ["true", "{ by: author }", "{ from: [ops] }"];
        for (column, (asked, wanted)) in questions.iter().zip(wanted).enumerate() {
            let scopes = ["", "for: [isms], ", "when: { touches: 'src/**' }, "];
            let scope = scopes[(row + column) % scopes.len()];
            let rule = format!("  s: {{ {scope}require: {{ signed: {asked} }} }}");
            // Where it binds some changes only, others remain.
            let said = match (scope.contains("when"), check_added(people, &rule, &files)) {
                (true, Ok(notes)) => {
                    let is_about_keys = |note: &&String| note.contains("no key makes a signature");
                    notes
                        .into_iter()
                        .filter(|note| is_about_keys(&note))
                        .map(|note| note + " (add a key)")
                        .collect()
                }
                (_, said) => said.err().unwrap_or_default(),
            };
            if wanted.is_empty() {
                assert_eq!(said, [""; 0], "{line}: {asked}");
                continue;
            }
            let [said] = said.as_slice() else { panic!("{line}: {asked}: {said:?}") };
            let start =
                "7: no change could keep `s`: no key makes a signature that counts; `policies/keys:2` (";
            assert!(said.starts_with(start) && said.contains(wanted), "{line}: {asked}: {said}");
            assert!(said.contains("(add a"), "{said}");
        }
    }
    // Where something else is enough, nobody is locked out; nor where one of two keys counts.
    let zoe = format!("zoe@example.com {KEY}i\n");
    let with = |keys: &str, asked: &str| {
        let rule = format!("  s: {{ require: {{ {asked} }} }}");
        check_added(rostered, &rule, &[roster, ("policies/keys", keys)]).err().unwrap_or_default()
    };
    assert_eq!(with(&zoe, "any: [{ signed: { by: author } }, { field: { Risk: low } }]"), [""; 0]);
    let two = format!("{zoe}ben@example.com {KEY}j\n");
    assert_eq!(with(&two, "signed: { by: author }"), [""; 0]);
    let many: String = "abcdef".chars().map(|name| format!("zoe-{name}@example.com {KEY}{name}\n")).collect();
    let said = with(&many, "signed: { by: author }");
    let end =
        "`policies/keys:4` (zoe-d@example.com) is of nobody in the roster; 2 more keys are none, either";
    assert!(said.len() == 1 && said[0].contains(end), "{said:?}");
}

/// Rules about people and fields that can be kept one by one: what is added to the pack, and what is said of it.
const JOINT_LOCKOUTS: &[(&str, &str, &str)] = &[
    // Two approvals of a team of two, one of whom has to push.
    (
        "a: { for: [isms], require: { approvals: { from: [ops], at-least: 2, trust: claimed } } }",
        "p: { when: { touches: /policies/** }, require: { pusher: { team: ops } } }",
        "keep `a` and `p` together, so the policy could never be changed again",
    ),
    (
        "a: { for: [isms], require: { approvals: { from: [ops, solo], at-least: 2, trust: claimed } } }",
        "p: { for: [isms], require: { pusher: { team: ops } } }",
        "",
    ),
    (
        "a: { for: [isms], require: { approvals: { from: [ops, solo], distinct-teams: true, trust: claimed } } }",
        "p: { for: [isms], require: { author: { team: solo } } }",
        "keep `a` and `p` together, so the policy could never be changed again",
    ),
    (
        "a: { for: [isms], require: { any: [{ approvals: { from: [solo], trust: claimed } }, { field: { Risk: low } }] } }",
        "p: { for: [isms], require: { pusher: { team: solo } } }",
        "",
    ),
    // The one who has a key signs, and approves nothing.
    (
        "a: { for: [isms], require: { signed: { by: author } } }",
        "p: { for: [isms], require: { approvals: { from: [ops], at-least: 2, trust: claimed } } }",
        "keep `a` and `p` together, so the policy could never be changed again",
    ),
    // Fields of the gate's own files.
    (
        "a: { for: [isms], require: { field: { Risk: high } } }",
        "p: { when: { touches: 'policies/**' }, require: { field: { Risk: low } } }",
        "keep `a` and `p` together, so the policy could never be changed again",
    ),
    (
        "a: { for: [isms], require: { field: { Change-Type: emergency } } }",
        "p: { for: [isms], require: { field: { Change-Type: normal } } }",
        "keep `a` and `p` together, so the policy could never be changed again",
    ),
    (
        "a: { for: [isms], require: { field: { Risk: { at-least: medium } } } }",
        "p: { when: { touches: 'policies/**' }, require: { field: { Risk: { at-most: medium } } } }",
        "",
    ),
    // Addresses that no person of the roster has.
    (
        "a: { for: [isms], require: { author: { domain: nosuch.example } } }",
        "p: { for: [isms], require: { field: { Risk: low } } }",
        "keep `peer-review` and `a` together, so the policy could never be changed again",
    ),
    (
        "a: { when: { touches: /policies/** }, require: { author: { address: 'zoe@*' } } }",
        "p: { for: [isms], require: { field: { Risk: low } } }",
        "keep `peer-review` and `a` together, so the policy could never be changed again",
    ),
    ("a: { for: [isms], require: { author: { address: 'kim@*' } } }", "p: { require: { signed: true } }", ""),
];

#[test]
fn rules_that_leave_nobody_together_are_refused() {
    let keys = format!("ana@example.com {KEY}i\n");
    let files = [("policies/people.yml", ROSTER), ("policies/keys", keys.as_str())];
    let people = "roster: policies/people.yml, teams: { ops: [ana, ben], solo: [kim] }";
    let check = |one: &str, two: &str| check_added(people, &format!("  {one}\n  {two}"), &files);
    for (one, two, wanted) in JOINT_LOCKOUTS {
        let said = check(one, two).err().unwrap_or_default();
        match *wanted {
            "" => assert_eq!(said, [""; 0], "{one}\n{two}"),
            wanted => assert!(said.len() == 1 && said[0].contains(wanted), "{one}\n{two}: {said:?}"),
        }
    }
    // One who has a key can commit what others wrote, as maintainers do; so it is a note.
    let noted = check(
        "a: { for: [isms], require: { signed: { by: author } } }",
        "p: { when: { touches: /policies/** }, require: { author: { team: [solo] } } }",
    );
    let said = "8: unless someone who has a key commits it for its author, no change of `policies/changegate.yml` could \
                keep `a` and `p` together, so the policy could never be changed again";
    assert_eq!(noted.unwrap(), [said]);
}

/// A pack asks two people to approve what has a high risk, and the policy names two in all.
#[test]
fn people_who_are_too_few_for_a_rule_of_a_pack_are_told() {
    let text =
        "changegate: 1\nextends: [iso27001]\nprotects: [main]\npeople: { roster: policies/people.yml }\n";
    let two = "people:\n  ana: { addresses: [ana@example.com] }\n  ben: { addresses: [ben@example.com] }\n";
    for (roster, is_told) in [(two, true), (ROSTER, false)] {
        let notes = check_files(&[(NAME, text), ("policies/people.yml", roster)]).unwrap().notes;
        let said = "no change could keep `high-risk-review`: it needs 2 approvals, and there is at most 1 person beside the author";
        let told: Vec<_> = notes.iter().filter(|note| note.fault.what == said).collect();
        assert_eq!(told.len(), usize::from(is_told), "{notes:?}");
        assert!(told.iter().all(|note| note.fault.at.line == 4 && note.fault.help.is_some()));
    }
}

/// A server knows only the accounts of the roster, and whose address a forge has given out, only a forge knows.
#[test]
fn pushers_and_authors_whom_a_server_cannot_know_are_refused_there() {
    let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let roster = ROSTER.replace("accounts: [ben]", "accounts: ['github:ben']");
    for (required, is_refused) in [
        ("pusher: 'dev-*'", true),
        ("pusher: ben", true),
        ("author: { domain: users.noreply.github.com }", true),
        ("pusher: ana", false),
        ("pusher: 'a*'", false),
        ("pusher: { account: ['dev-*', ana] }", false),
        ("pusher: merge-bot", false),
        ("pusher: { bot: true }", false),
        ("author: { domain: example.com }", false),
        ("any: [{ pusher: 'dev-*' }, { field: { Risk: low } }]", false),
    ] {
        let text = format!(
            "changegate: 1\nextends: [startup]\nprotects: [main]\npeople: {{ roster: policies/people.yml, bots: [merge-bot] \
             }}\nrules:\n  a: {{ require: {{ approvals: {{ trust: claimed }} }} }}\n  p: {{ require: {{ {required} }} }}\n"
        );
        let loaded = load(&[(NAME, &text), ("policies/people.yml", &roster)]);
        assert!(check_policy(&loaded, &[], now).is_ok(), "{required}");
        let refused = check_server_policy(&loaded, &[], None, now).err();
        assert_eq!(refused.is_some(), is_refused, "{required}: {refused:?}");
    }
    // Where nobody has to approve, an unknown account may push.
    let text = "changegate: 1\nextends: [core]\nprotects: [main]\npeople: { roster: policies/people.yml }\nrules:\n  \
                p: { require: { pusher: 'dev-*' } }\n";
    let loaded = load(&[(NAME, text), ("policies/people.yml", &roster)]);
    let refused = check_server_policy(&loaded, &[], None, now).err();
    assert!(refused.is_none(), "{refused:?}");
}

/// Only the rules that it takes are named, each once.
#[test]
fn rules_that_leave_too_few_people_are_named_exactly() {
    let text = "changegate: 1\nname: t\nextends: [startup]\nprotects: [main]\n\
                people: { roster: policies/people.yml, teams: { a: [ana], b: [ben], c: [ana, ben, kim] } }\nrules:\n  \
                w: { require: { author: { team: a } } }\n  \
                other: { require: { approvals: { from: [c], trust: claimed } } }\n  \
                p: { require: { pusher: { team: b } } }\n  \
                x: { require: { all: [{ approvals: { from: [c], trust: claimed } }, { approvals: { from: [c], at-least: 2, \
                trust: claimed } }] } }\n";
    let said = check(text).unwrap_err();
    let wanted = "no change could keep `w`, `p` and `x` together: whoever may author and push it leaves too few people";
    assert!(said.len() == 1 && said[0].contains(wanted), "{said:?}");
}

/// Whoever pushes a policy makes the server inspect it.
#[test]
fn a_policy_of_many_rules_is_inspected_in_a_bounded_time() {
    let start = Instant::now();
    for side in ["outside", "inside"] {
        let mut rules = String::new();
        for number in 0..600 {
            let (year, month, day) = (2027 + number / 336, number % 12 + 1, number / 12 % 28 + 1);
            let days = format!("from: {year}-{month:02}-{day:02}, until: {year}-{month:02}-{day:02}");
            rules
                .push_str(&format!("  r{number}: {{ require: {{ window: {{ {side}: {{ {days} }} }} }} }}\n"));
        }
        let text = format!("changegate: 1\nextends: [startup]\nprotects: [main]\nrules:\n{rules}");
        assert_eq!(check(&text).is_ok(), side == "outside");
    }
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
}

/// A policy of the pack `startup` with a roster of three, by what it adds: what is refused, and what is noted.
const USABLE: &[(&str, &str, &str)] = &[
    // Three approvals in a roster of three, with an exemption for everyone else.
    (
        "x: { require: { approvals: { at-least: 3, trust: claimed } } }\nexemptions:\n  - { rule: x, when: { author: { \
         address: 'a*' } }, reason: r, approved-by: Ana, until: 2027-01-01 }",
        "",
        "from 2027-01-02 on, no change of a person could keep `x`",
    ),
    (
        "x: { require: { approvals: { at-least: 3, trust: claimed } } }\nexemptions:\n  - { rule: x, when: { touches: \
         [src/, /policies/] }, reason: r, approved-by: Ana, until: 2027-01-01 }",
        "",
        "from 2027-01-02 on, no change of a person could keep `x`",
    ),
    // An exemption that is over does not help.
    (
        "x: { require: { approvals: { at-least: 3, trust: claimed } } }\nexemptions:\n  - { rule: x, when: { touches: \
         [src/, /policies/] }, reason: r, approved-by: Ana, until: 2026-11-01 }",
        "at most 2 people beside the author",
        "",
    ),
    (
        "x: { require: { all: [{ field: { Risk: low } }, { field: { Risk: high } }] } }\nexemptions:\n  - { rule: x, when: { \
         touches: [src/, /policies/] }, reason: r, approved-by: Ana, until: 2027-01-01 }",
        "",
        "from 2027-01-02 on, no change of a person could keep `x`",
    ),
    // Rules for bots, told by their pusher.
    (
        "x: { when: { pusher: { bot: true } }, require: { approvals: { at-least: 3, trust: claimed } } }",
        "",
        "",
    ),
    // Mail to a sub-address is for the same person.
    ("x: { require: { author: { address: 'ana+work@example.com' } } }", "", ""),
    ("x: { require: { author: { address: ['*+work@example.com', 'zoe@example.com'] } } }", "", ""),
    ("x: { require: { author: { address: 'zoe+work@example.com' } } }", "no address of an author", ""),
    // Other classes remain.
    (
        "x: { for: [normal], require: { window: { outside: { from: 2026-01-01, until: 2028-01-01 } } } }",
        "",
        "no change that `x` applies to would be allowed until 2028-01-01",
    ),
    (
        "x: { for: [normal], require: { size: { files: { at-most: 0 } } } }",
        "",
        "no change of the class `normal` is allowed: none could keep `x`",
    ),
    (
        "x: { for: [normal], require: { branch: 'release/*' } }",
        "",
        "no change of the class `normal` is allowed: none could keep `x`",
    ),
    // One way is enough.
    (
        "x: { require: { any: [{ approvals: { at-least: 9, trust: claimed } }, { field: { Risk: low } }] } }",
        "",
        "",
    ),
    ("x: { require: { any: [{ approvals: { from: [empty] } }, { field: { Risk: low } }] } }", "", ""),
    (
        "x: { require: { any: [{ signed: true }, { field: { Risk: low } }] } }",
        "",
        "the policy has no keys to verify them with",
    ),
    ("x: { require: { any: [{ signed: true }, { approvals: { at-least: 9 } }] } }", "no keys to verify", ""),
    (
        "x: { when: { approvals: { at-least: 9 } }, require: { field: { Risk: low } } }",
        "",
        "needs 9 approvals",
    ),
    // A size of nothing.
    (
        "x: { require: { size: { files: { at-most: 0 }, ignore: ['*.lock'] } } }",
        "could keep `x`, so the policy could never be changed again",
        "",
    ),
    ("x: { not-for: [isms], require: { size: { files: { at-most: 0 }, ignore: ['*.lock'] } } }", "", ""),
    ("x: { require: { size: { files: { at-most: 0 }, ignore: ['*.lock', /policies/] } } }", "", ""),
    (
        "x: { for: [isms], require: { size: { lines: { at-most: 0 } } } }",
        "could keep `x`, so the policy could never be changed again",
        "",
    ),
    (
        "x: { require: { not: { field: { Change-Type: present } } } }",
        "no change could keep both `x` and `change-type`",
        "",
    ),
    (
        "x: { when: { field: { Change-Type: present } }, require: { size: { files: { at-most: 0 } } } }",
        "keep `change-type` and `x` together",
        "",
    ),
    // What begins later.
    (
        "x: { require: { window: { outside: { from: 2026-11-21, until: 2028-01-01 } } } }",
        "",
        "from 2026-11-21 on, no change of a person could keep `x`",
    ),
    (
        "x: { require: { window: { inside: { from: 2026-01-01, until: 2026-12-01 } } } }",
        "",
        "from 2026-12-02 on, no change of a person could keep `x`",
    ),
    (
        "x: { level: warn, until: 2026-12-24, reason: r, require: { branch: 'release/*' } }",
        "",
        "from 2026-12-25 on, no change of a person could keep `x`",
    ),
    (
        "x: { require: { branch: 'release/*' } }\nexemptions:\n  - { rule: x, when: { touches: '/policies/**' }, reason: r, \
         approved-by: Ana, until: 2026-12-24 }",
        "",
        "from 2026-12-25 on, no change of a person could keep `x`",
    ),
    ("x: { require: { window: { outside: { from: 2026-12-20, until: 2027-01-03 } } } }", "", ""),
];

#[test]
fn a_policy_that_some_change_can_keep_is_not_refused() {
    for (added, refused, noted) in USABLE {
        let text = format!(
            "changegate: 1\nextends: [startup]\nprotects: [main]\n\
             people: {{ roster: policies/people.yml, bots: [merge-bot], teams: {{ ops: [ana, ben], empty: [zoe] }} }}\nrules:\n  \
             {added}\n"
        );
        match check(&text) {
            Ok(inspection) => {
                let notes: Vec<&str> = inspection.notes.iter().map(|note| note.fault.what.as_str()).collect();
                assert_eq!(*refused, "", "{added} is not refused: {notes:?}");
                let others = notes.iter().filter(|note| !note.contains("`zoe` is not in the roster"));
                let is_told = others.clone().any(|note| note.contains(noted));
                let is_right = if noted.is_empty() { others.count() == 0 } else { is_told };
                assert!(is_right, "{added}: {notes:?}");
            }
            Err(faults) => {
                assert!(!refused.is_empty() && faults[0].contains(refused), "{added}: {faults:?}");
            }
        }
    }
}

/// On a server, an approval is a trailer; and a server knows accounts of its own kind.
#[test]
fn what_only_a_server_cannot_keep_is_refused_there() {
    let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let people = "people: { teams: { b: ['github:ben'], c: ['github:ben', ben] } }";
    for (rules, is_refused) in [
        ("p: { require: { not: { field: { Reviewed-by: present } } } }", true),
        (
            "p: { when: { field: { Reviewed-by: present } }, require: { size: { files: { at-most: 0 } } } }",
            true,
        ),
        ("p: { require: { not: { field: { Risk: high } } } }", false),
        ("p: { require: { pusher: { team: b } } }", true),
        ("p: { require: { pusher: { team: c } } }", false),
        ("p: { when: { touches: src/ }, require: { pusher: { team: b } } }", false),
    ] {
        let text =
            format!("changegate: 1\nextends: [startup]\nprotects: [main]\n{people}\nrules:\n  {rules}\n");
        let loaded = load(&[(NAME, &text)]);
        assert!(check_policy(&loaded, &[], now).is_ok(), "{rules}");
        let refused = check_server_policy(&loaded, &[], None, now).err();
        assert_eq!(refused.is_some(), is_refused, "{rules}: {refused:?}");
    }
}

#[test]
fn the_last_key_that_ends_soon_is_noted() {
    let roster = ("policies/people.yml", ROSTER);
    let with = |keys: &str| {
        let rule = "  s: { require: { signed: true } }";
        check_added("roster: policies/people.yml", rule, &[roster, ("policies/keys", keys)]).unwrap()
    };
    let ends =
        |name: &str, day: &str| format!("{name}@example.com valid-before=\"{day}Z\" {KEY}{}\n", &name[..1]);
    let said = "7: 14 days from now, no key makes a signature that counts for `s`; `policies/keys:1` (ana@example.com) has a \
                `valid-before` that is over (2026-12-01)";
    assert_eq!(with(&ends("ana", "20261201")), [said]);
    assert_eq!(with(&ends("ana", "20261220")), [""; 0]);
    assert_eq!(with(&(ends("ana", "20261201") + &ends("ben", "20271201"))), [""; 0]);
}

#[test]
fn a_policy_of_nine_hundred_rules_is_inspected_at_once() {
    let mut rules = String::new();
    for number in 0..900 {
        let asked = match number % 6 {
            0 => "approvals: { at-least: 2, trust: claimed }".to_owned(),
            1 => format!("field: {{ Risk: {{ at-least: {} }} }}", ["low", "medium"][number / 6 % 2]),
            2 => format!("size: {{ lines: {{ at-most: {} }} }}", 500 + number),
            3 => format!("not: {{ touches: 'vendor/{number}/**' }}"),
            4 => format!("any: [{{ author: {{ team: ops }} }}, {{ label: l{number} }}]"),
            _ => format!("subject: {{ longest: {} }}", 70 + number),
        };
        rules.push_str(&format!("  r{number}: {{ require: {{ {asked} }} }}\n"));
    }
    let text = format!(
        "changegate: 1\nextends: [startup]\nprotects: [main]\npeople: {{ roster: policies/people.yml, teams: {{ ops: [ana, \
         ben] }} }}\nrules:\n{rules}"
    );
    let loaded = load(&[(NAME, &text), ("policies/people.yml", ROSTER)]);
    let now: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
    let start = Instant::now();
    check_policy(&loaded, &[], now).unwrap();
    let taken = start.elapsed();
    println!("900 rules: {taken:?}");
    // Other programs may run beside the test.
    assert!(taken < Duration::from_secs(10), "{taken:?}");
}

#[test]
fn what_dates_of_the_roster_take_away_is_told_before_it_is_gone() {
    // A team of two, one of whom goes.
    let meant = MEANT.replace("ops: [ana, ben, kim]", "ops: [ana, ben]");
    let with = |dates: &str| ROSTER.replace("ben@example.com], ", &format!("ben@example.com], {dates}, "));
    let notes = |roster: &str| {
        let found = check_files(&[(NAME, &meant), ("policies/people.yml", roster)]);
        found.map(|found| found.notes.into_iter().map(|note| note.fault.what).collect::<Vec<String>>())
    };
    let usual = notes(ROSTER).unwrap();
    // The check is made on 2026-11-20.
    let later = notes(&with("left: 2026-12-04")).unwrap();
    let new: Vec<&String> = later.iter().filter(|note| !usual.contains(note)).collect();
    assert_eq!(
        new,
        [
            "after 2026-12-04, when dates of the roster end: needs 2 approvals from ops, with 1 member, so this can never be met"
        ]
    );
    assert_eq!(notes(&with("left: 2027-02-04")).unwrap(), usual, "that is far away");
    let today = notes(&with("left: 2026-11-19")).unwrap();
    assert!(
        today.contains(
            &"`ben` left, with 2026-11-19 as their last day, so they count for nothing in `ops` today"
                .to_owned()
        ),
        "{today:?}"
    );
    assert!(
        today.iter().any(|note| note.starts_with("needs 2 approvals from ops, with 1 member")),
        "{today:?}"
    );
    let given =
        ROSTER.replace("kim@example.com], ", "kim@example.com], teams: { ops: { until: 2026-12-31 } }, ");
    let replaced =
        notes(&given.replace("ben@example.com], ", "ben@example.com], left: 2026-12-04, ")).unwrap();
    assert!(!replaced.iter().any(|note| note.contains("needs 2 approvals from ops, with")), "{replaced:?}");
}

#[test]
fn trained_people_are_counted_as_they_are_trained() {
    let asked = MEANT.replace("at-least: 2, from: [ops]", "at-least: 2, from: [ops], trained: true");
    let of = |roster: &str| {
        let found = check_files(&[(NAME, &asked), ("policies/people.yml", roster)]);
        found.unwrap().notes.into_iter().map(|note| note.fault.what).collect::<Vec<String>>()
    };
    let said = "needs 2 approvals from ops, with 0 trained members, so this can never be met";
    assert!(of(ROSTER).contains(&said.to_owned()), "{:?}", of(ROSTER));
    let trained = ROSTER.replace("], accounts", "], trained-until: 2027-01-31, accounts");
    assert!(!of(&trained).iter().any(|note| note.contains("trained")), "{:?}", of(&trained));
}
