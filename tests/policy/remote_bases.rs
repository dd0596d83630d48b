//! Policies that extend one of another repository: what comes from there can only be tightened.

use std::collections::BTreeMap;

use changegate::gate::{LoadedPolicy, UnusablePolicy, load_from_files};
use proptest::prelude::*;

const SHARED: &str = "acme/policies//base.yml@main";

/// A base that many repositories share.
const BASE: &str = "\
changegate: 1
name: shared
protects: [main]
people:
  teams: { security: [ana@example.com, ben@example.com], open: [kim@example.com] }
  bots: ['ci[bot]']
  holidays: [2026-12-25]
break-glass: { from: [security], longest: 4h }
standard-changes:
  STD-A: { paths: [docs/], approved-by: Kim, approved-on: 2026-01-01, review-by: 2027-12-31 }
fields:
  Risk: { one-of: [low, high] }
  Plan: { text: { min-length: 10 } }
  Reviewed-by: { person: true }
classes: { normal: {} }
rules:
  risk: { for: [normal], require: { field: { Risk: present } } }
  review:
    require: { approvals: { at-least: 2, from: [security], trust: claimed } }
  plan:
    may-be-weakened: with-reason
    require: { field: { Plan: present } }
";

/// A catalogue in a file of its own.
const CATALOGUE: &str = "\
standard-changes:
  STD-A: { paths: [src/], approved-by: Kim, approved-on: 2026-01-01, review-by: 2027-12-31 }
";

fn load_files(files: &[(&str, &str)]) -> Result<LoadedPolicy, Vec<(String, usize, String)>> {
    let files: BTreeMap<String, String> =
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let loaded = load_from_files("p/main.yml", "test".into(), &mut |name| {
        Ok(files.get(name).map(|text| text.as_bytes().to_vec()))
    });
    loaded.map_err(|why| match why {
        UnusablePolicy::Absent => panic!("there is a policy"),
        UnusablePolicy::Faulty(errors) => {
            let mut found = Vec::new();
            for file in errors.faulty_files {
                for fault in file.faults {
                    found.push((file.name.clone(), fault.at.line, fault.what));
                }
            }
            found
        }
    })
}

fn own(more: &str) -> String {
    format!("changegate: 1\nname: own\nextends: ['{SHARED}']\n{more}")
}

fn load(more: &str) -> Result<LoadedPolicy, Vec<(String, usize, String)>> {
    load_files(&[(SHARED, BASE), ("p/main.yml", &own(more)), ("policies/standard-changes.yml", CATALOGUE)])
}

#[test]
fn what_tightens_a_shared_base_is_accepted() {
    for more in [
        "",
        "protects: [main, 'release/*']\n",
        "rules:\n  review: { require: { approvals: { at-least: 3, from: [security], trust: claimed } } }\n",
        "rules:\n  more: { require: { size: { lines: { at-most: 900 } } } }\n",
        "fields:\n  Plan: { text: { min-length: 20 } }\n",
        "people: { teams: { others: [joe@example.com] } }\n",
        "people: { bots: ['ci[bot]'], holidays: [2026-12-25] }\n",
        "break-glass: { from: [security], longest: 2h }\n",
        "unit: commit\n",
        "rules:\n  plan: { level: warn, until: 2999-01-01, reason: we have no plans yet }\n",
        "exemptions:\n  - { rule: plan, when: { only-touches: docs/ }, reason: prose, approved-by: K, until: 2999-01-01 }\n",
    ] {
        let loaded = load(more);
        assert!(loaded.is_ok(), "{more}: {:?}", loaded.err());
    }
}

/// What weakens [`BASE`], and words of what is said about it.
const WEAKER: &[(&str, &str)] = &[
    ("rules:\n  risk: { level: warn, until: 2999-01-01, reason: a trial }\n", "rule `risk`: `level`"),
    ("rules:\n  risk: { level: off, reason: nobody reads it }\n", "rule `risk`: `level`"),
    ("rules:\n  risk: { when: { touches: src/ } }\n", "rule `risk`: `when`"),
    ("rules:\n  risk: { not-for: [normal], for: [normal] }\n", "rule `risk`: `not-for`"),
    (
        "rules:\n  review: { reason: few people, require: { approvals: { at-least: 1, from: [security], trust: claimed } } }\n",
        "rule `review`: `require`",
    ),
    ("rules:\n  risk: { may-be-weakened: with-reason }\n", "rule `risk`: `may-be-weakened`"),
    ("protects: ['release/*']\n", "`protects`"),
    ("classes: { none: { touches: x/ }, normal: {} }\n", "`classes`"),
    ("fields:\n  Plan: { text: { min-length: 2 } }\nreasons: { fields.Plan: short }\n", "field `Plan`"),
    ("people: { teams: { security: [ana@example.com, joe@example.com] } }\n", "team `security`"),
    ("people: { bots: [mal] }\n", "`people.bots`"),
    ("people: { holidays: [2026-12-25, 2026-12-28] }\n", "`people.holidays`"),
    ("standard-changes: policies/standard-changes.yml\n", "`standard-changes`"),
    (
        "people: { teams: { mine: [mal@example.com] } }\nbreak-glass: { from: [mine], longest: 4h }\n",
        "`break-glass`",
    ),
    (
        "exemptions:\n  - { rule: risk, when: { only-touches: docs/ }, reason: prose, approved-by: K, until: 2999-01-01 }\n",
        "exemption from `risk`",
    ),
];

#[test]
fn each_weakening_of_a_shared_base_is_an_error_at_its_place() {
    for (more, told) in WEAKER {
        let found = load(more).err().unwrap_or_else(|| panic!("accepted: {more}"));
        let is_told = |(name, line, what): &(String, usize, String)| {
            name == "p/main.yml" && *line >= 4 && what.contains(told) && what.contains(SHARED)
        };
        assert!(found.iter().any(is_told), "{more}: {found:?}");
    }
}

/// What comes from another branch is asked again only by rules that ask about the branch.
#[test]
fn a_rule_of_a_shared_base_stays_asked_of_what_comes_from_another_branch() {
    let base = BASE.replace(
        "  plan:\n",
        "  there: { when: { branch: 'release/*' }, require: { field: { Risk: present } } }\n  \
         both: { require: { any: [{ branch: main }, { field: { Risk: present } }] } }\n  plan:\n",
    );
    let load =
        |rule: &str| load_files(&[(SHARED, &base), ("p/main.yml", &own(&format!("rules:\n  {rule}\n")))]);
    for (rule, told) in [
        ("there: { when: {} }", "rule `there`: `when`"),
        ("there: { when: { any: [{ branch: 'release/*' }, { touches: '**' }] } }", ""),
        ("there: { require: { field: { Risk: high } } }", "rule `there`: `require`"),
        ("there: { require: { field: { Risk: present, Plan: present } } }", ""),
        ("both: { require: { field: { Risk: present } } }", "rule `both`: `require`"),
        (
            "both: { require: { field: { Plan: present }, any: [{ branch: main }, { field: { Risk: present } }] } }",
            "",
        ),
    ] {
        match (load(rule), told) {
            (loaded, "") => assert!(loaded.is_ok(), "{rule}: {:?}", loaded.err()),
            (loaded, told) => {
                let found = loaded.err().unwrap_or_else(|| panic!("accepted: {rule}"));
                assert!(found.iter().any(|(_, _, what)| what.contains(told)), "{rule}: {found:?}");
            }
        }
    }
}

/// A base whose rules are about some changes only, so that it denies all others.
const CLOSED: &str = "\
changegate: 1
name: shared
fields: { Risk: { one-of: [low, high] }, Reviewed-by: { person: true } }
rules:
  docs: { when: { touches: 'docs/**' }, require: { only-touches: 'docs/**' } }
  gate: { when: { touches: 'policies/**' }, require: { approvals: { trust: claimed } } }
";

#[test]
fn a_rule_more_does_not_open_what_a_shared_base_has_no_rule_for() {
    let own = |rule: &str| own(&format!("protects: [main]\nrules: {{ {rule} }}\n"));
    let load = |base: &str, rule: &str| load_files(&[(SHARED, base), ("p/main.yml", &own(rule))]);
    let sized = "require: { size: { files: { at-most: 9 } } }";
    let warned = "level: warn, until: 2999-01-01, reason: a trial";
    for rule in [
        format!("more: {{ {sized} }}"),
        format!("more: {{ when: {{ touches: 'src/**' }}, {sized} }}"),
        format!("more: {{ {warned}, {sized} }}"),
        "docs: { when: {} }".to_owned(),
        "docs: { when: { touches: ['docs/**', 'src/**'] } }".to_owned(),
    ] {
        let found = load(CLOSED, &rule).err().unwrap_or_else(|| panic!("accepted: {rule}"));
        assert!(
            found.iter().any(|(name, line, what)| name == "p/main.yml"
                && *line >= 4
                && what.contains(SHARED)
                && what.contains("no-rule-applies")),
            "{rule}: {found:?}"
        );
        // Where the base asks something of every change, a rule more allows nothing.
        for every in [
            "  every: { require: { subject: { longest: 99 } } }\n",
            "  a: { for: [x], require: { subject: { longest: 99 } } }\n  b: { not-for: [x], require: { subject: { longest: 99 } } }\n\
             classes: { x: { touches: x/ }, y: {} }\n",
        ] {
            let loaded = load(&format!("{CLOSED}{every}"), &rule);
            assert!(loaded.is_ok(), "{rule}: {:?}", loaded.err());
        }
    }
    for rule in [
        format!("more: {{ when: {{ touches: 'docs/guide/**' }}, {sized} }}"),
        format!("more: {{ when: {{ touches: 'docs/**', field: {{ Risk: high }} }}, {sized} }}"),
        "docs: { require: { only-touches: 'docs/**', field: { Risk: present } } }".to_owned(),
        "gate: { why: whoever changes the policy has it reviewed }".to_owned(),
    ] {
        let loaded = load(CLOSED, &rule);
        assert!(loaded.is_ok(), "{rule}: {:?}", loaded.err());
    }
    // A base without rules leaves them to others, and a pack beside one with rules is a rule more.
    let none = "changegate: 1\nname: shared\nfields: { Risk: { one-of: [low, high] } }\n";
    assert!(load(none, &format!("more: {{ {sized} }}")).is_ok());
    let main = format!("changegate: 1\nname: own\nextends: ['{SHARED}', startup]\nprotects: [main]\n");
    let docs = "changegate: 1\nname: shared\nrules:\n  docs: { when: { touches: 'docs/**' }, require: { only-touches: 'docs/**' } }\n";
    let found = load_files(&[(SHARED, docs), ("p/main.yml", &main)]).err().unwrap();
    assert!(found.iter().any(|(_, line, what)| *line == 3 && what.contains("no-rule-applies")), "{found:?}");
}

#[test]
fn a_rule_that_says_so_is_weakened_with_a_reason_only() {
    let weaker = "rules:\n  plan: { for: [], require: { field: { Risk: present } } }\n";
    assert!(load(&weaker.replace("for: [], ", "")).is_err());
    assert!(load(&weaker.replace("for: [], ", "reason: plans are in tickets, ")).is_ok());
}

#[test]
fn no_file_between_or_before_hides_a_weakening() {
    // The file between asks more than the base, and the last one less than both.
    let between = own("rules:\n  risk: { require: { field: { Risk: present, Plan: present } } }\n");
    let last = "changegate: 1\nextends: [between.yml]\nrules:\n  risk: { reason: x, require: { field: { Plan: present } } }\n";
    let found =
        load_files(&[(SHARED, BASE), ("p/between.yml", &between), ("p/main.yml", last)]).err().unwrap();
    assert!(found.iter().any(|(name, _, what)| name == "p/main.yml" && what.contains("`risk`")), "{found:?}");
    // What comes before would be joined with the base where that does not say it itself.
    let before = "changegate: 1\nname: before\nprotects: [main]\nfields: { Risk: { one-of: [low, high] } }\nrules:\n  \
                  risk: { when: { touches: nothing/ }, require: { field: { Risk: present } } }\n";
    let main = format!("changegate: 1\nextends: [before.yml, '{SHARED}']\n");
    let found = load_files(&[(SHARED, BASE), ("p/before.yml", before), ("p/main.yml", &main)]).err().unwrap();
    assert!(found.iter().any(|(_, _, what)| what.contains("comes before it")), "{found:?}");
    // So would a pack beside it.
    let main = format!("changegate: 1\nextends: ['{SHARED}', core]\n");
    let shared =
        BASE.replace("rules:\n", "rules:\n  risk-stated: { require: { size: { lines: { at-most: 1 } } } }\n");
    let loaded = load_files(&[(SHARED, &shared), ("p/main.yml", &main)]);
    assert!(loaded.is_err(), "{:?}", loaded.map(|loaded| loaded.policy.rules));
}

#[test]
fn what_a_shared_base_extends_is_shared_as_well() {
    let base = "changegate: 1\nname: shared\nextends: [startup, more.yml]\nprotects: [main]\n";
    let more = "changegate: 1\nrules:\n  extra: { require: { size: { lines: { at-most: 900 } } } }\n";
    let files = |text: &str| {
        load_files(&[
            (SHARED, base),
            ("acme/policies//more.yml@main", more),
            ("p/more.yml", "changegate: 1\nrules: {}\n"),
            ("p/main.yml", &own(text)),
        ])
    };
    let loaded = files("").unwrap();
    assert!(loaded.policy.rules.iter().any(|rule| rule.description.id.as_str() == "extra"));
    for weaker in [
        "rules:\n  extra: { level: off, reason: too small }\n",
        "rules:\n  peer-review: { level: off, reason: nobody has time }\n",
    ] {
        assert!(files(weaker).is_err(), "{weaker}");
    }
}

#[test]
fn bases_that_are_missing_endless_or_odd_are_errors_with_their_place() {
    let main = |name: &str| format!("changegate: 1\nextends: ['{name}']\nprotects: [main]\n");
    for (name, told) in [
        (SHARED, "cannot be read"),
        ("acme/policies//base.yml", "names no revision"),
        ("acme/policies//../base.yml@main", "is no policy of another repository"),
        ("https://example.com/base.yml", "is no policy of another repository"),
        ("acme/policies//base.yml@abc1234", "has no revision that can be read"),
    ] {
        let found = load_files(&[("p/main.yml", &main(name))]).err().unwrap();
        let first = &found[0];
        assert!(first.0 == "p/main.yml" && first.1 == 2 && first.2.contains(told), "{name}: {found:?}");
    }
    let endless = format!("changegate: 1\nextends: ['{SHARED}']\nprotects: [main]\n");
    let found = load_files(&[(SHARED, &endless), ("p/main.yml", &main(SHARED))]).err().unwrap();
    assert!(
        found.iter().any(|(name, _, what)| name == SHARED && what.contains("extends itself")),
        "{found:?}"
    );
    let mut files = vec![("p/main.yml".to_owned(), main("acme/policies//a0.yml@main"))];
    for number in 0..6 {
        let next = format!("acme/policies//a{}.yml@main", number + 1);
        files.push((format!("acme/policies//a{number}.yml@main"), main(&next)));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let found = load_files(&files).err().unwrap();
    assert!(found.iter().any(|(_, _, what)| what.contains("at most 4 deep")), "{found:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_weakening_among_any_tightenings_is_found(
        places in proptest::collection::btree_set(0..4_usize, 0..4),
        weaker in proptest::option::of(0..WEAKER.len()),
    ) {
        let tighter = [
            "  a: { require: { size: { lines: { at-most: 900 } } } }\n",
            "  b: { require: { size: { files: { at-most: 90 } } } }\n",
            "  c: { require: { subject: { longest: 72 } } }\n",
            "  d: { require: { field: { Risk: high } }, when: { touches: infra/ } }\n",
        ];
        let mut rules: String = places.iter().map(|place| tighter[*place]).collect();
        let mut rest = String::new();
        if let Some(weaker) = weaker {
            match WEAKER[weaker].0.strip_prefix("rules:\n") {
                Some(rule) => rules.push_str(rule),
                None => rest.push_str(WEAKER[weaker].0),
            }
        }
        let rules = if rules.is_empty() { rules } else { format!("rules:\n{rules}") };
        let found = load(&format!("{rules}{rest}"));
        prop_assert_eq!(found.is_ok(), weaker.is_none(), "{:?}", found.err());
    }
}
