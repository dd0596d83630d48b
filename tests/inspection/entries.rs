//! What single entries of a policy cannot mean: standard changes, approvers, names, windows and last days; and what a
//! policy widens of what it extends.

use changegate::policy::{PatternUse, PolicyInspection};

use crate::{NAME, ROSTER, check_files};

/// Returns what the check says as `line: what`: errors, or else notes.
fn say(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    match check_files(files) {
        Err(errors) => (errors, Vec::new()),
        Ok(PolicyInspection { notes, .. }) => {
            let lines = notes.iter().map(|note| {
                assert!(note.fault.help.is_some(), "{note:?} has no fix");
                format!("{}:{}: {}", note.file, note.fault.at.line, note.fault.what)
            });
            (Vec::new(), lines.collect())
        }
    }
}

/// A policy with one standard change, or with a catalogue.
fn with_changes(changes: &str) -> String {
    format!(
        "changegate: 1\nextends: [startup]\nprotects: [main]\npeople: {{ roster: policies/people.yml, bots: [ci-bot], teams: \
         {{ ops: [ana], gone: [zoe] }} }}\nstandard-changes: {changes}\n"
    )
}

const ENTRY: &str = "paths: ['**/Cargo.lock', docs/], size: { files: { at-most: 3 } }, who: { teams: [ops], bots: [ci-bot] }, \
                     approved-by: Ana <ana@example.com>, approved-on: 2026-05-04, review-by: 2027-05-04";

/// Each slip of a standard change: what replaces what, and what is said; `!` begins an error.
const CHANGE_SLIPS: &[(&str, &str, &str)] = &[
    ("", "", ""),
    ("docs/", "'./docs/'", "!write `/docs/`"),
    ("docs/", "'docs/../x'", "!no path has a part `.` or `..`"),
    ("docs/", "'^docs/.*$'", "!write `docs/**`"),
    ("docs/", "'~/docs/'", "!`~` is no folder of the repository"),
    ("docs/", "docs//x", "!write `docs/x`"),
    ("docs/", "'docs\\a'", "!write `docs/a`"),
    ("docs/", "'docs/*.{md,rst}'", "!list each"),
    ("docs/", "\u{201c}docs/\u{201d}", "!curly quotes"),
    ("docs/", "\"do\\u200bcs/\"", "!U+200B"),
    ("docs/", "'*.*'", "`*.*` covers nearly every file, so `STD-A` is hardly bounded"),
    ("docs/", "'[a-z]*/**'", "covers nearly every file"),
    ("docs/", "'**/?*.?*'", "covers nearly every file"),
    ("docs/", "'[!.]*'", "covers nearly every file"),
    ("docs/", "'*.md', 's*/**'", ""),
    ("docs/", "docs/, docs/", "`docs/` stands twice in this list"),
    ("at-most: 3", "at-most: 0", "!one without a file is no standard change"),
    ("files: { at-most: 3 }", "lines: { at-most: 0 }", "covers only changes without a line"),
    ("Ana <ana@example.com>", "TBD", "!`TBD` is a placeholder"),
    ("Ana <ana@example.com>", "<name>", "!`<name>` is a placeholder"),
    (
        "Ana <ana@example.com>",
        "Zoe <zoe@example.com>",
        "`Zoe <zoe@example.com>`, who is said to have approved this",
    ),
    ("Ana <ana@example.com>", "'github:zoe'", "is not in the roster"),
    ("Ana <ana@example.com>", "The board", ""),
    ("[ops]", "[ops, gone]", "the team `gone` has no member in the roster, so nobody makes `STD-A` by it"),
    ("[ci-bot]", "[other-bot]", "`other-bot` is none of the `bots` below `people`"),
    ("[ci-bot]", "['renovate[bot]', 'x-*']", ""),
];

#[test]
fn a_standard_change_is_looked_at_wherever_it_stands() {
    for (from, to, said) in CHANGE_SLIPS {
        let entry = ENTRY.replacen(from, to, 1);
        let map = format!("{{ STD-A: {{ {entry} }} }}");
        let in_policy = with_changes(&map);
        let in_file = with_changes("policies/std.yml");
        let catalogue = format!("standard-changes:\n  STD-A: {{ {entry} }}\n");
        let roster = ("policies/people.yml", ROSTER);
        let gone = "`zoe` is not in the roster, so they count for nothing in `gone`";
        for (files, place) in [
            (vec![(NAME, in_policy.as_str()), roster], format!("{NAME}:5: ")),
            (
                vec![(NAME, in_file.as_str()), roster, ("policies/std.yml", catalogue.as_str())],
                "policies/std.yml:2: ".to_owned(),
            ),
        ] {
            let (errors, mut notes) = say(&files);
            notes.retain(|note| !note.ends_with(gone));
            match said.strip_prefix('!') {
                Some(piece) => assert!(errors.len() == 1 && errors[0].contains(piece), "{to}: {errors:?}"),
                None if said.is_empty() => assert_eq!((errors, notes), (Vec::new(), Vec::new()), "{to}"),
                None => {
                    let [note] = notes.as_slice() else { panic!("{to}: {notes:?} {errors:?}") };
                    assert!(note.starts_with(&place) && note.contains(said), "{to}: {note}");
                }
            }
        }
    }
}

#[test]
fn an_id_that_no_change_can_state_is_told() {
    let roster = ("policies/people.yml", ROSTER);
    let entry = ENTRY.replace("who: { teams: [ops], bots: [ci-bot] }, ", "");
    let text = with_changes(&format!("{{ DEPS: {{ {entry} }} }}"));
    let (errors, _) = say(&[(NAME, &text), roster]);
    assert_eq!(
        errors,
        [
            "5: no change can name `DEPS`: a value of `Standard-Change` matches `STD-[A-Z0-9-]+` (give the standard change an id of this form)"
        ]
    );
    // Where nothing asks, none of them counts.
    let text = text.replace("[startup]", "[core]");
    let (errors, notes) = say(&[(NAME, &text), roster]);
    assert_eq!(errors, [""; 0]);
    assert!(
        notes.iter().any(|note| note.contains("nothing asks whether a change keeps to its standard change"))
    );
}

#[test]
fn a_pattern_tells_what_is_asked_of_it() {
    let text = with_changes(&format!("{{ STD-A: {{ {ENTRY} }} }}"))
        + "rules:\n  x: { when: { touches: a }, require: { any: [{ only-touches: b }, { adds-lines: { matching: x, in: c } }] } }\n";
    let inspection = check_files(&[(NAME, &text), ("policies/people.yml", ROSTER)]).unwrap();
    let asked: Vec<(String, PatternUse)> =
        inspection.path_patterns.iter().map(|placed| (placed.pattern.to_string(), placed.asked)).collect();
    for (pattern, wanted) in [
        ("**/Cargo.lock", PatternUse::Covering),
        ("docs/", PatternUse::Covering),
        ("a", PatternUse::Matching),
        ("b", PatternUse::Covering),
        ("c", PatternUse::Matching),
    ] {
        assert!(asked.contains(&(pattern.to_owned(), wanted)), "{pattern}: {asked:?}");
    }
    for slip in ["adds-lines: { matching: x, in: './c' }", "digest-of: { field: Ticket, path: './c' }"] {
        let text = format!(
            "changegate: 1\nextends: [startup]\nprotects: [main]\nrules: {{ x: {{ when: {{ {slip} }}, require: {{ draft: false }} }} }}\n"
        );
        let (errors, _) = say(&[(NAME, &text)]);
        assert!(errors.len() == 1 && errors[0].contains("write `/c`"), "{slip}: {errors:?}");
    }
}

#[test]
fn a_reason_that_is_a_placeholder_is_none() {
    for (added, said) in [
        ("rules: { risk: { level: off, reason: TBD } }", "5: `TBD` is a placeholder, and no reason"),
        ("rules: { risk: { level: off, reason: to be defined } }", "5: `to be defined` is a placeholder"),
        ("rules: { risk: { level: off, reason: the tracker moves } }", ""),
        (
            "exemptions: [{ rule: risk, when: { touches: docs/ }, reason: <why>, approved-by: Ana, until: 2027-01-01 }]",
            "5: `<why>` is a placeholder, and no reason",
        ),
        (
            "exemptions: [{ rule: risk, when: { touches: docs/ }, reason: a trial, approved-by: TODO, until: 2027-01-01 }]",
            "5: `TODO` is a placeholder, and names nobody",
        ),
        (
            "fields: { Back-out-Plan: { text: {} } }\nreasons: { fields.Back-out-Plan: tbd }",
            "6: `tbd` is a placeholder",
        ),
    ] {
        let text = format!(
            "changegate: 1\nextends: [startup]\nprotects: [main]\npeople: {{ roster: policies/people.yml }}\n{added}\n"
        );
        let (errors, _) = say(&[(NAME, &text), ("policies/people.yml", ROSTER)]);
        match said {
            "" => assert_eq!(errors, [""; 0], "{added}"),
            _ => assert!(errors.iter().any(|error| error.starts_with(said)), "{added}: {errors:?}"),
        }
    }
}

/// What a policy adds, and the one note that this brings; nothing for what is sensible.
const IDLE_PARTS: &[(&str, &str)] = &[
    (
        "rules: { x: { when: { author: { address: 'Ana <ana@example.com>' } }, ASK } }",
        "`Ana <ana@example.com>` matches nothing: only the address is compared, without a name",
    ),
    ("rules: { x: { when: { author: { address: 'ana@example.com' } }, ASK } }", ""),
    ("rules: { x: { when: { pusher: 'Ana Lang' }, ASK } }", "`Ana Lang` matches nothing"),
    (
        "rules: { x: { when: { pusher: { account: '^ci-' } }, ASK } }",
        "`^ci-` looks like a regular expression",
    ),
    (
        "rules: { x: { when: { checks: { named: 'test.*' } }, ASK } }",
        "`test.*` looks like a regular expression",
    ),
    ("people: { bots: ['Bot <bot@example.com>'] }", "`Bot <bot@example.com>` matches nothing"),
    (
        "rules: { x: { when: { subject: { matches: '^fix' } }, ASK } }",
        "`^fix` has to match the whole subject",
    ),
    ("rules: { x: { when: { title: { matches: '^fix.*' } }, ASK } }", ""),
    ("rules: { x: { when: { subject: { refuse: ['^fix'] } }, ASK } }", "`^fix` is refused as it stands"),
    (
        "rules: { x: { for: [docs], when: { touches: '*.rs' }, ASK } }",
        "the rule `x` never applies: no change of its classes fulfils its `when`",
    ),
    (
        "rules: { x: { for: [docs, normal], when: { touches: ['*.rs', 'src/*.go'] }, ASK } }",
        "the rule `x` applies to no change of the class `docs`",
    ),
    ("rules: { x: { for: [docs, normal], when: { touches: ['*.rs', 'docs/'] }, ASK } }", ""),
    ("rules: { x: { for: [docs], when: { touches: src }, ASK } }", ""),
    ("rules: { x: { for: [docs], when: { touches: 'src/*.md' }, ASK } }", ""),
    (
        "rules: { x: { when: { window: { inside: [{ weekdays: weekend }, { weekdays: business }] } }, ASK } }",
        "these periods are all of every week, so every change comes inside of them",
    ),
    (
        "rules: { x: { when: { window: { outside: { from: '00:00' } } }, ASK } }",
        "these periods are all of every week, so no change comes outside of them",
    ),
    ("rules: { x: { when: { window: { inside: [{ weekdays: business }] } }, ASK } }", ""),
    (
        "rules: { x: { level: warn, reason: a trial, until: 2026-11-01, ASK } }",
        "the warning of `x` ended on 2026-11-01, so the rule denies",
    ),
    ("rules: { x: { level: warn, reason: a trial, until: 2026-12-01, ASK } }", ""),
    ("rules: { x: { until: 2026-12-01, ASK } }", "`until` counts for nothing: `x` denies"),
    ("protects: [m\u{430}in, main]", "contains `\u{430}` (U+0430), which looks like `a`"),
];

#[test]
fn parts_that_no_change_answers_are_noted() {
    for (added, said) in IDLE_PARTS {
        let added = added.replace("ASK", "require: { field: { Risk: present } }");
        let protects = if added.starts_with("protects") { "" } else { "protects: [main]\n" };
        let text = format!("changegate: 1\nextends: [startup]\n{protects}{added}\n");
        let (errors, notes) = say(&[(NAME, &text)]);
        assert_eq!(errors, [""; 0], "{added}");
        match *said {
            "" => assert_eq!(notes, [""; 0], "{added}"),
            _ => assert!(notes.len() == 1 && notes[0].contains(said), "{added}: {notes:?}"),
        }
    }
}

const BASE: &str = "\
changegate: 1
extends: [startup]
protects: [main]
people:
  roster: policies/people.yml
  codeowners: github
  teams: { ops: [ana, ben] }
tickets: { PAY: { jira: 'https://acme.example' } }
standard-changes:
  STD-A: { paths: [docs/, '*.lock'], approved-by: Ana, approved-on: 2026-01-01, review-by: 2026-12-31 }
";

/// What a policy states on top of the base, and the weakening that this is, with the key of its reason; nothing for none.
const WIDENED: &[(&str, &str)] = &[
    ("people: { teams: { ops: [ana, ben, kim] } }", "teams.ops"),
    ("people: { teams: { ops: [ben] } }", ""),
    ("people: { teams: { other: [kim] } }", ""),
    // What a pack leaves open is for policies to fill.
    ("people: { teams: { duty-managers: [kim] } }", ""),
    ("people: { roster: policies/other.yml }", "roster"),
    ("people: { codeowners: gitlab }", "codeowners"),
    ("people: { bots: [ci], holidays: [12-25] }", ""),
    ("tickets: { PAY: export }", "tickets"),
    ("tickets: { OPS: linear }", "tickets"),
    ("tickets: { PAY: { jira: 'https://acme.example' } }", ""),
    ("standard-changes: { STD-A: { paths: [docs/], APPROVED, review-by: 2026-06-30 } }", ""),
    (
        "standard-changes: { STD-A: { paths: [src/], APPROVED, review-by: 2026-06-30 } }",
        "standard-changes.STD-A",
    ),
    (
        "standard-changes: { STD-A: { paths: [docs/], APPROVED, review-by: 2027-06-30 } }",
        "standard-changes.STD-A",
    ),
    (
        "standard-changes: { STD-B: { paths: [docs/], APPROVED, review-by: 2026-06-30 } }",
        "standard-changes.STD-B",
    ),
    ("standard-changes: policies/std.yml", "standard-changes.STD-A"),
];

#[test]
fn what_a_policy_widens_of_another_needs_a_reason() {
    let catalogue = "standard-changes:\n  STD-A: { paths: [src/], approved-by: Ana, approved-on: 2026-01-01, review-by: 2026-12-31 }\n";
    for (added, key) in WIDENED {
        let added = added.replace("APPROVED", "approved-by: Ana, approved-on: 2026-01-01");
        let text = format!("changegate: 1\nextends: [base.yml]\n{added}\n");
        let check = |text: &str| {
            check_files(&[
                (NAME, text),
                ("policies/base.yml", BASE),
                ("policies/people.yml", ROSTER),
                ("policies/other.yml", ROSTER),
                ("policies/std.yml", catalogue),
                (".github/CODEOWNERS", "* @ana\n"),
            ])
        };
        if key.is_empty() {
            let inspection = check(&text).unwrap_or_else(|errors| panic!("{added}: {errors:?}"));
            assert_eq!(inspection.weakenings, [], "{added}");
            continue;
        }
        let errors = check(&text).unwrap_err();
        let help = format!("add `reasons: {{ {key}: ... }}` at the top of the file");
        assert!(
            errors.len() == 1 && errors[0].starts_with("3: ") && errors[0].contains(&help),
            "{added}: {errors:?}"
        );
        let inspection = check(&format!("{text}reasons: {{ {key}: agreed with all }}\n")).unwrap();
        let [weakening] = inspection.weakenings.as_slice() else { panic!("{added}: {inspection:?}") };
        assert_eq!(weakening.reason.as_deref(), Some("agreed with all"), "{added}");
        assert_eq!(weakening.base, "policies/base.yml", "{added}");
    }
    // Over a pack, which states none of these, everything is open.
    for (added, _) in WIDENED {
        let added = added.replace("APPROVED", "approved-by: Ana, approved-on: 2026-01-01");
        let text = format!("changegate: 1\nextends: [startup]\nprotects: [main]\n{added}\n");
        let files = [(NAME, text.as_str()), ("policies/std.yml", catalogue), ("policies/other.yml", ROSTER)];
        assert_eq!(check_files(&files).unwrap().weakenings, [], "{added}");
    }
}

/// What nobody can fill in, and what is said of it; nothing for what somebody can.
const UNFILLABLE: &[(&str, &str)] = &[
    ("fields: { A: { matches: 'a$b' } }", "no value of `A` can match this"),
    ("fields: { A: { matches: '[a&&b]' } }", "no value of `A` can match this"),
    ("fields: { A: { matches: \"a\\nb\" } }", "no value of `A` can match this"),
    ("fields: { A: { matches: 'a|[a&&b]' } }", ""),
    ("fields: { A: { one-of: [TBD, '-'] } }", "`A` has only placeholders for words"),
    ("fields: { A: { ordered: ['<risk>', '?'] } }", "`A` has only placeholders for words"),
    ("fields: { A: { one-of: ['*'] } }", "`A` has only placeholders for words"),
    ("fields: { A: { one-of: [none, '-'] } }", ""),
    ("rules: { x: { require: { subject: { matches: 'a$b' } } } }", "no subject can match this"),
    (
        "rules: { x: { when: { title: { matches: '^a^' } }, require: { draft: false } } }",
        "no title can match this",
    ),
    (
        "rules: { x: { require: { not: { adds-lines: { in: x, matching: [y, 'a$b'] } } } } }",
        "no line can match this",
    ),
    ("rules: { x: { require: { not: { adds-lines: { in: x, matching: ['^a', 'b$'] } } } } }", ""),
    ("people: { bots: ['*@*'] }", "`*@*` makes a bot of everybody"),
    ("people: { bots: ['ci-*', '*.*'] }", "`*.*` makes a bot of everybody"),
    ("people: { bots: ['*[bot]', '*@bots.example.com', '*bot*'] }", ""),
];

#[test]
fn what_nobody_can_fill_in_is_refused() {
    for (added, wanted) in UNFILLABLE {
        let text = format!("changegate: 1\nextends: [startup]\nprotects: [main]\n{added}\n");
        let (errors, _) = say(&[(NAME, &text)]);
        match wanted.is_empty() {
            true => assert_eq!(errors, [""; 0], "{added}"),
            false => {
                assert!(
                    errors.iter().any(|error| error.starts_with("4: ") && error.contains(wanted)),
                    "{added}: {errors:?}"
                );
                assert!(!errors.iter().any(|error| error.ends_with("()")), "{added}: {errors:?}");
            }
        }
    }
}

/// A rule for every change that asks for a standard change needs one that counts.
#[test]
fn standard_changes_that_do_not_count_on_any_day_lock_out() {
    let check = |days: &str| {
        let text = format!(
            "changegate: 1\nprotects: [main]\nfields: {{ S: {{ matches: '[A-Z-]+' }} }}\nstandard-changes: {{ STD-A: {{ paths: \
             [src/, policies/], approved-by: Dana, {days} }} }}\nrules: {{ x: {{ require: {{ standard-change: S }} }} }}\n"
        );
        say(&[(NAME, &text)])
    };
    for over in
        ["approved-on: 2025-01-01, review-by: 2026-11-19", "approved-on: 2026-12-01, review-by: 2027-11-19"]
    {
        let (errors, _) = check(over);
        assert!(
            errors.len() == 1 && errors[0].contains("no change of a person could keep `x`"),
            "{errors:?}"
        );
    }
    let (errors, notes) = check("approved-on: 2026-01-01, review-by: 2026-12-01");
    assert_eq!(errors, [""; 0]);
    let said = "from 2026-12-02 on, no change of a person could keep `x`";
    assert!(notes.iter().any(|note| note.contains(said)), "{notes:?}");
}

/// A name that only looks like another one may stand in the roster or among the owners.
#[test]
fn a_name_that_looks_like_one_of_another_file_is_noted() {
    let lookalike = "\u{43e}\u{440}\u{455}";
    let text = format!(
        "changegate: 1\nextends: [startup]\nprotects: [main]\npeople: {{ roster: policies/people.yml, teams: {{ {lookalike}: [ana] }} }}\n"
    );
    for (name, is_noted) in [("ops", true), ("oops", false)] {
        let roster = format!(
            "people:\n  ana: {{ addresses: [ana@example.com], accounts: [ana] }}\n  {name}: {{ addresses: [o@example.com] }}\n"
        );
        let (_, notes) = say(&[(NAME, &text), ("policies/people.yml", &roster)]);
        assert_eq!(
            notes.iter().any(|note| note.contains("looks like `ops`, which is another name")),
            is_noted,
            "{notes:?}"
        );
    }
}

/// Whether a change is for an earlier one is open, and that it names one is stated in a field where there is one.
#[test]
fn a_change_for_an_earlier_one_names_it() {
    let check = |field: &str| {
        let text = format!(
            "changegate: 1\nprotects: [main]\nfields: {{ {field}: {{ matches: '[0-9a-f]+' }} }}\nrules:\n  x: {{ require: {{ \
             for-landed-change: true }} }}\n  y: {{ require: {{ field: {{ {field}: absent }} }} }}\n"
        );
        say(&[(NAME, &text)]).0
    };
    let errors = check("For-Change");
    assert!(errors.len() == 1 && errors[0].contains("could keep `x` and `y` together"), "{errors:?}");
    assert_eq!(check("Other"), [""; 0]);
}
