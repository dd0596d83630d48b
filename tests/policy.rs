//! The loader of policies: every kind of mistake is told, with its place; nothing is overlooked; and
//! no bytes bring it down.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[path = "policy/mistakes.rs"]
mod mistakes;
#[path = "policy/remote_bases.rs"]
mod remote_bases;

use std::collections::BTreeMap;
use std::time::Duration;

use changegate::judge::judge_change;
use changegate::policy::{self, Policy, PolicyErrors, packs};
use changegate::report::ReportStyle;
use changegate::report::policy_faults::write_faults;
use changegate::verdict::{ClassId, RuleLevel, RuleOutcome};
use changegate::{fixture, yaml};
use cpu_time::ThreadTime;
use proptest::prelude::*;

use mistakes::{MISTAKES, SOUND};

fn load_files(entry: &str, files: &[(&str, &str)]) -> Result<Policy, PolicyErrors> {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    policy::load_policy(entry, &mut |name| Ok(files.get(name).map(|text| text.as_bytes().to_vec())))
}

fn load(text: &str) -> Result<Policy, PolicyErrors> {
    load_files("p/main.yml", &[("p/main.yml", text), ("p/base.yml", "changegate: 1\nname: base\n")])
}

/// Returns each fault in a line: file, place, what, help.
fn told(errors: &PolicyErrors) -> Vec<String> {
    let mut lines = Vec::new();
    for file in &errors.faulty_files {
        for fault in &file.faults {
            let help = fault.help.as_ref().map_or(String::new(), |help| format!(" ({help})"));
            lines.push(format!("{}:{} {}{help}", file.name, fault.at, fault.what));
        }
    }
    lines
}

fn is(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("policy");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn what_is_sound_loads() {
    load(SOUND).unwrap_or_else(|errors| panic!("{errors:#?}"));
}

#[test]
fn every_kind_of_mistake_is_told_with_its_place() {
    let mut all = String::new();
    for (kind, from, to) in MISTAKES {
        assert!(SOUND.contains(from), "{kind}");
        let text = if from.is_empty() { format!("{SOUND}{to}") } else { SOUND.replacen(from, to, 1) };
        let errors = load(&text).err().unwrap_or_else(|| panic!("{kind} is overlooked:\n{text}"));
        let told = told(&errors);
        assert!(!told.is_empty(), "{kind} is told by nothing");
        // A fix is a help, or words that name what is right.
        let right =
            ["expected", "it is one of", "keep one of", "only", "is neither", "already belongs", "such as"];
        for line in &told {
            assert!(
                line.ends_with(')') || right.iter().any(|word| line.contains(word)),
                "{kind}: no fix: {line}"
            );
        }
        all += &format!("{kind}\n");
        for line in told {
            all += &format!("  {line}\n");
        }
    }
    is("mistakes", &all);
}

/// What depends on a part that could not be read is no news.
#[test]
fn what_follows_from_a_misspelling_is_not_told() {
    for (from, to, only) in [
        ("name: acme\nprotects: [main]", "extends: [iso2701]", "did you mean the pack `iso27001`?"),
        ("name: acme\nprotects: [main]", "extend: [iso27001]", "did you mean `extends`?"),
        ("fields:", "feilds:", "did you mean `fields`?"),
        ("classes:", "clases:", "did you mean `classes`?"),
        ("rules:", "rule:", "did you mean `rules`?"),
        ("person: true", "persn: true", "did you mean `person`?"),
    ] {
        let text = format!("{SOUND}  b: {{ for: [urgent], require: {{ field: {{ Risk: high }} }} }}\n");
        let told = told(&load(&text.replacen(from, to, 1)).unwrap_err());
        assert_eq!(told.len(), 1, "{to}: {told:?}");
        assert!(told[0].contains(only), "{to}: {told:?}");
    }
}

/// A policy outside of a repository has its other files beside it.
#[test]
fn the_folder_that_paths_start_from_is_named_as_it_is() {
    for (name, root) in
        [("policy.yml", "the folder of this file"), ("p/main.yml", "the root of the repository")]
    {
        for part in ["people: { roster: who.yml }", "signers: { ssh: keys }", "standard-changes: list.yml"] {
            let text = format!(
                "changegate: 1\nprotects: [main]\n{part}\nrules: {{ a: {{ require: {{ branch: main }} }} }}\n"
            );
            let told = told(&load_files(name, &[(name, &text)]).unwrap_err());
            assert!(told.len() == 1 && told[0].contains(&format!("starts from {root}")), "{told:?}");
        }
    }
}

#[test]
fn several_mistakes_are_told_at_once_each_with_its_line() {
    let main = "\
changegate: 1
extends: [base.yml, iso27002]
protect: [main]
fields:
  Risk: { ordered: [low, low] }
  Ticket: { matches: '[A-Z' , aliases: [Risk] }
classes:
  all: {}
  none: { branch: nowhere }
rules:
  Peer review: { require: { approvals: { at-least: none } } }
  both: { when: { touchs: ['*'] }, require: { subjcet: { longest: 72 } }, levl: warn }
exemptions:
  - { rule: peer-reviw, when: {}, reason: a, until: tomorrow }
people: { roster: who.yml }
signers: { ssh: keys }
";
    let files = [
        ("p/main.yml", main),
        ("p/base.yml", "changegate: 1\nnmae: base\nprotects: [main]\n"),
        (
            "who.yml",
            "people:\n  ana: { addresses: [ana@example.com] }\n  bob: { addresses: [Ana@example.com, bob] }\n",
        ),
    ];
    let errors = load_files("p/main.yml", &files).unwrap_err();
    let mut out = Vec::new();
    let files: Vec<_> = errors
        .faulty_files
        .iter()
        .map(|file| (file.name.as_str(), file.source.as_slice(), file.faults.clone()))
        .collect();
    write_faults(&files, &ReportStyle::default(), &mut out).unwrap();
    is("several", &String::from_utf8(out).unwrap());
}

#[test]
fn a_roster_in_which_two_people_are_one_is_refused() {
    let text = SOUND.replace("teams:", "roster: who.yml, teams:");
    for (roster, sound) in [
        ("people: { ana: { addresses: [ana@example.com] } }", true),
        ("people: { ana: { addresses: [ana@example.com] }, bob: { addresses: [ANA@example.com] } }", false),
        ("people: { ana: { addresses: [ana@example.com], acounts: ['github:ana'] } }", false),
        ("people: { ana: {} }", false),
        ("people: {}", false),
        ("{}", false),
        ("", false),
        ("- ana", false),
    ] {
        let loaded = load_files("p/main.yml", &[("p/main.yml", &text), ("who.yml", roster)]);
        assert_eq!(loaded.is_ok(), sound, "{roster}");
        if let Err(errors) = loaded {
            assert!(told(&errors).iter().any(|line| line.starts_with("who.yml:")), "{roster}: {errors:?}");
        }
    }
}

/// Whatever ends a line for some readers only is found in each file, with its line and what to write.
#[test]
fn a_character_that_ends_a_line_for_some_readers_is_refused_in_every_file() {
    let entry = "changegate: 1\nextends: [base.yml]\nprotects: [main]\npeople: { roster: people.yml }\nstandard-changes: standard.yml\nrules: { a: { require: { branch: main } } }\n";
    let base = "changegate: 1\nname: base # a remark\nrules: { b: { require: { branch: main } } }\n";
    let people = "people:\n  ana:\n    name: Ana Ruiz # a remark\n    addresses: [ana@example.com]\n";
    let standard = "standard-changes:\n  BUMPS: # a remark\n    title: Bumps\n    paths: [Cargo.lock]\n    size: { files: { at-most: 3 } }\n    approved-by: Ana Ruiz <ana@example.com>\n    approved-on: 2026-01-01\n    review-by: 2027-06-01\n";
    let sound = [("p.yml", entry), ("base.yml", base), ("people.yml", people), ("standard.yml", standard)];
    let files = |at: usize, text: &str| {
        let mut files = sound.map(|(name, text)| (name, text.to_owned()));
        files[at].1 = text.to_owned();
        let shown: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        load_files("p.yml", &shown)
    };
    if let Err(errors) = files(0, entry) {
        panic!("{:?}", told(&errors));
    }
    for (at, (name, text)) in sound.iter().enumerate() {
        for mark in ["\u{2028}", "\u{2029}", "\u{85}"] {
            let number = format!("{:04X}", u32::from(mark.chars().next().unwrap()));
            // In a plain value, in a comment, in a key, and on a line of its own.
            for (from, to) in [
                ("a remark", format!("a{mark}remark")),
                (": ", format!(": {mark}x")),
                (":", format!("{mark}:")),
                ("\n", format!("\n{mark}\n")),
            ] {
                if !text.contains(from) {
                    continue;
                }
                let bad = text.replacen(from, &to, 1);
                let line = 1 + bad[..bad.find(mark).unwrap()].matches('\n').count();
                let errors = files(at, &bad).unwrap_err();
                let faulty = errors.faulty_files.iter().find(|file| file.name.ends_with(name)).unwrap();
                let fault = faulty.faults.iter().find(|fault| fault.what.contains(&format!("U+{number}")));
                let fault = fault.unwrap_or_else(|| panic!("{name} {bad:?} {:?}", told(&errors)));
                assert_eq!(fault.at.line, line, "{bad:?}");
                assert!(fault.help.as_ref().unwrap().contains(&format!("`\\u{number}`")), "{fault:?}");
            }
            // As an escape it is a character like any other.
            let mut escaped = (*text).to_owned();
            for word in ["name: Ana Ruiz", "name: base", "title: Bumps"] {
                let key = word.split_once(':').unwrap().0;
                escaped = escaped.replacen(word, &format!("{key}: \"a\\u{number}b\""), 1);
            }
            if let Err(errors) = files(at, &escaped) {
                panic!("{escaped:?} {:?}", told(&errors));
            }
        }
    }
}

#[test]
fn bases_are_joined_and_none_is_read_in_circles() {
    let circle = [
        ("a.yml", "changegate: 1\nextends: [b.yml]\nprotects: [main]\n"),
        ("b.yml", "changegate: 1\nextends: [a.yml]\n"),
    ];
    let errors = load_files("a.yml", &circle).unwrap_err();
    assert!(told(&errors).iter().any(|line| line.contains("`a.yml` extends itself")), "{errors:?}");
    // The same base by two ways is no circle.
    let diamond = [
        ("a.yml", "changegate: 1\nextends: [b.yml, c.yml]\nprotects: [main]\n"),
        ("b.yml", "changegate: 1\nextends: [d.yml]\n"),
        ("c.yml", "changegate: 1\nextends: [d.yml]\n"),
        ("d.yml", "changegate: 1\nrules: { a: { require: { branch: main } } }\n"),
    ];
    assert_eq!(load_files("a.yml", &diamond).unwrap().rules.len(), 1);
    let long: Vec<(String, String)> = (0..40)
        .map(|n| (format!("{n}.yml"), format!("changegate: 1\nextends: [{}.yml]\nprotects: [main]\n", n + 1)))
        .collect();
    let long: Vec<(&str, &str)> = long.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert!(load_files("0.yml", &long).is_err());
}

#[test]
fn a_rule_of_a_base_is_changed_key_by_key() {
    let base = "\
changegate: 1
rules:
  subject: { title: short, why: reading, require: { subject: { longest: 72 } } }
  target: { require: { branch: main } }
";
    let child = "\
changegate: 1
extends: [base.yml]
protects: [main]
rules:
  subject: { level: warn, reason: we learn, until: 2026-06-30, require: { subject: { longest: 50 } } }
";
    let files = [("p/main.yml", child), ("p/base.yml", base)];
    let policy = load_files("p/main.yml", &files).unwrap();
    let rule = &policy.rules[0];
    assert_eq!((rule.description.title.as_str(), rule.why.as_deref()), ("short", Some("reading")));
    let question = rule.require.describe().to_plain_text();
    assert!(question.contains("50"), "{question}");
    // The last day still warns; from the next one on it denies.
    let day = |text: &str| text.parse().unwrap();
    assert_eq!(rule.level_on(day("2026-06-30")), RuleLevel::Warn);
    assert_eq!(rule.level_on(day("2026-07-01")), RuleLevel::Deny);
    assert_eq!(policy.rules[1].level_on(day("2999-01-01")), RuleLevel::Deny);
    let off = child.replace("level: warn", "level: off");
    let policy = load_files("p/main.yml", &[("p/main.yml", &off), ("p/base.yml", base)]).unwrap();
    assert_eq!(policy.rules.len(), 1);
}

#[test]
fn an_exemption_holds_until_its_last_day_has_passed() {
    let exemption = "exemptions: [{ rule: risk, when: { author: { address: ana@example.com } }, \
                     reason: a test, approved-by: dana@example.com, until: 2026-01-01 }]\n";
    let policy = load(&format!("{SOUND}{exemption}")).unwrap();
    let outcome = |author: &str, seen_at: &str| {
        let text = format!("at: {seen_at}\ncommits: [{{ author: 'A <{author}>', message: no risk }}]");
        let mut faults = Vec::new();
        let change =
            fixture::read_change(&yaml::read_document(text.as_bytes()).unwrap(), &mut faults).unwrap();
        assert_eq!(faults, []);
        judge_change(&policy, &change, true).judgements[0].outcome.clone()
    };
    match outcome("ana@example.com", "2026-01-01T23:59:59Z") {
        RuleOutcome::Exempted { exemption, .. } => assert_eq!(exemption.as_str(), "p/main.yml:14"),
        other => panic!("{other:?}"),
    }
    assert!(matches!(outcome("ana@example.com", "2026-01-02T00:00:00Z"), RuleOutcome::Fail(_)));
    assert!(matches!(outcome("bob@example.com", "2026-01-01T00:00:00Z"), RuleOutcome::Fail(_)));
    assert_eq!(policy.expired_exemptions("2026-01-02".parse().unwrap()).count(), 1);
    assert_eq!(policy.expired_exemptions("2026-01-01".parse().unwrap()).count(), 0);
}

/// Returns the rules of a pack that deny a pull request: its description, beside what the pack asks to
/// be stated, its commit, and the rest of it.
fn denied(pack: &str, body: &str, commit: &str, pull: &str) -> Vec<String> {
    let policy = policy::load_policy(pack, &mut |_| Ok(None)).unwrap();
    let indented =
        |text: &str, by: &str| text.lines().map(|line| format!("{by}{line}\n")).collect::<String>();
    let (body, pull) = (indented(body, "      "), indented(pull, "    "));
    let text = format!(
        "stage: pull-request\npusher: github:ana\ncommits: [{{ paths: [src/main.rs], {commit} }}]\npull:\n    \
         title: Cache it\n    body: |\n{body}{pull}"
    );
    let mut faults = Vec::new();
    let node = yaml::read_document(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
    let change = fixture::read_change(&node, &mut faults);
    assert_eq!(faults, [], "{text}");
    let verdict = judge_change(&policy, &change.unwrap(), true);
    let denying = verdict.judgements.iter().filter(|judgement| judgement.is_denying(true));
    denying.map(|judgement| judgement.rule.id.to_string()).collect()
}

const NORMAL: &str = "\
Why and how.

Change-Type: normal
Risk: low
Ticket: PAY-412
Security-Impact: none
Back-out-Plan: set CACHE_TENANT=off and redeploy
Test-Plan: unit tests, and the load test in staging";

const EMERGENCY: &str = "\
Change-Type: emergency
Risk: high
Security-Impact: high
Incident: INC-2031
Emergency-Reason: the token check lets everybody in, and it is exploited right now
Back-out-Plan: set CACHE_TENANT=off and redeploy";

#[test]
fn a_pull_request_with_its_fields_in_the_description_and_one_review_is_allowed() {
    for pack in ["startup", "iso27001"] {
        assert_eq!(denied(pack, NORMAL, "message: Cache it", "reviews: [{ by: bob }]"), [""; 0], "{pack}");
        // Fields in the commit are as good.
        let message = serde_json::to_string(&format!("Cache it\n\n{NORMAL}\n")).unwrap();
        let commit = format!("message: {message}");
        assert_eq!(denied(pack, "Why.", &commit, "reviews: [{ by: bob }]"), [""; 0], "{pack}");
    }
    assert_eq!(denied("core", NORMAL, "message: Cache it", "draft: true"), [""; 0]);
}

#[test]
fn a_pull_request_that_nobody_else_has_approved_is_denied() {
    let claim = "message: \"x\\n\\nReviewed-by: Bob <bob@users.noreply.github.com>\\n\"";
    for (why, commit, pull) in [
        ("nobody has", "message: x", "draft: false"),
        ("the author has", "message: x", "reviews: [{ by: ana }]"),
        ("the opener has", "message: x", "opener: bob\nreviews: [{ by: bob }]"),
        ("a pusher has", "message: x", "makers: [{ role: pusher, account: bob }]\nreviews: [{ by: bob }]"),
        ("it was of another revision", "message: x", "reviews: [{ by: bob, of: earlier }]"),
        ("a bot has", "message: x", "reviews: [{ by: 'helper[bot]' }]"),
        ("a guest has", "message: x", "reviews: [{ by: bob, may-approve: false }]"),
        ("nobody knows whether he may", "message: x", "reviews: [{ by: bob, may-approve: unknown }]"),
        ("an account that is gone has", "message: x", "reviews: [{ by: gone }]"),
        ("it was taken away", "message: x", "reviews: [{ by: bob }, { by: bob, state: dismissed }]"),
        (
            "changes are requested",
            "message: x",
            "reviews: [{ by: bob }, { by: kim, state: changes-requested }]",
        ),
        (
            "it was given before the base branch was changed, replaced or deleted",
            "message: x",
            "retargeted: 1h\nreviews: [{ by: bob, at: 2h }]",
        ),
        ("it is only claimed", claim, "draft: false"),
        ("it is claimed for another", claim, "reviews: [{ by: carol }]"),
        ("somebody unknown took part", "message: x", "makers: [{ role: co-author }]\nreviews: [{ by: bob }]"),
    ] {
        for pack in ["startup", "iso27001"] {
            assert_eq!(denied(pack, NORMAL, commit, pull), ["peer-review"], "{pack}: {why}");
        }
    }
    // What was approved said something else.
    let edited = "edits: [{ at: 5h, body: 'Risk: low' }, { at: 1h, body: 'Risk: low' }]\nreviews: [{ by: bob, at: 2h }]";
    assert_eq!(denied("startup", NORMAL, "message: x", edited), ["peer-review"]);
    let high = NORMAL.replace("Risk: low", "Risk: high");
    let one = "reviews: [{ by: bob }]";
    assert_eq!(denied("iso27001", &high, "message: x", one), ["high-risk-review"]);
    let two = "reviews: [{ by: bob }, { by: carol }]";
    assert_eq!(denied("iso27001", &high, "message: x", two), [""; 0]);
}

#[test]
fn an_emergency_is_authorised_by_a_review() {
    let authorised = format!("{EMERGENCY}\nAuthorized-by: Kim <kim@users.noreply.github.com>");
    let kim = "reviews: [{ by: kim }]";
    for body in [EMERGENCY, &authorised] {
        assert_eq!(denied("iso27001", body, "message: x", kim), [""; 0]);
        assert_eq!(denied("startup", body, "message: x", kim), [""; 0]);
    }
    for reviews in ["draft: false", "reviews: [{ by: ana }]", "reviews: [{ by: kim, of: earlier }]"] {
        assert_eq!(
            denied("iso27001", &authorised, "message: x", reviews),
            ["emergency-authorised"],
            "{reviews}"
        );
    }
    // Somebody else's review does not make it true that Kim has authorised it.
    assert_eq!(
        denied("iso27001", &authorised, "message: x", "reviews: [{ by: bob }]"),
        ["emergency-authorised"]
    );
}

#[test]
fn the_authority_over_the_management_system_has_to_approve() {
    let pillars = format!(
        "{NORMAL}\nIsms-Purpose: the gate asks for two reviews of everything below infra from now on\n\
         Isms-Integrity: nothing else changes, and the audit trail stays where it was before\n\
         Isms-Resources: nobody needs more time than today\n\
         Isms-Authority: Kim <kim@users.noreply.github.com>"
    );
    let commit = "paths: [policies/changegate.yml]";
    let says = |reviews: &str| {
        let policy = policy::load_policy("iso27001", &mut |_| Ok(None)).unwrap();
        let body: String = pillars.lines().map(|line| format!("      {line}\n")).collect();
        let text = format!(
            "stage: pull-request\ncommits: [{{ {commit} }}]\npull:\n    body: |\n{body}    {reviews}\n"
        );
        let change =
            fixture::read_change(&yaml::read_document(text.as_bytes()).unwrap(), &mut Vec::new()).unwrap();
        let verdict = judge_change(&policy, &change, true);
        assert_eq!(verdict.class.as_ref().map(ClassId::as_str), Some("isms"));
        let denying = verdict.judgements.into_iter().filter(|judgement| judgement.is_denying(true));
        denying.map(|judgement| judgement.rule.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(says("reviews: [{ by: kim }]"), [""; 0]);
    assert_eq!(says("reviews: [{ by: bob }]"), ["isms-authority"]);
}

#[test]
fn a_mark_at_the_start_and_other_line_ends_make_no_other_policy() {
    let plain = load(SOUND).unwrap();
    let marked = load(&format!("\u{feff}{}", SOUND.replace('\n', "\r\n"))).unwrap();
    let forget_digests =
        |policy: Policy| Policy { digest: String::new(), digest_without_keys: String::new(), ..policy };
    assert_eq!(forget_digests(plain), forget_digests(marked));
}

#[test]
fn what_is_too_large_or_too_deep_ends_soon() {
    let started = ThreadTime::now();
    let filler = format!("{SOUND}#{}\n", "x".repeat(256 * 1024 - SOUND.len() - 2));
    assert!(load(&filler).is_ok());
    let more = load(&format!("{filler}\n")).unwrap_err();
    assert_eq!(told(&more), ["p/main.yml:1:1 more than 256 KiB"]);
    let deep =
        format!("{SOUND}  deep: {{ require: {}branch: main{} }}\n", "{ not: ".repeat(40), " }".repeat(40));
    assert!(told(&load(&deep).unwrap_err())[0].contains("nested deeper than"));
    let many = format!("{SOUND}exemptions: [{}]\n", "a, ".repeat(60_000));
    assert!(load(&many).is_err());
    let keys: String = (0..20_000).map(|n| format!("k{n}: 1\n")).collect();
    assert!(load(&format!("{SOUND}{keys}")).is_err());
    let pattern = SOUND.replace("'[A-Z]+-[0-9]+'", "'(((a{100}){100}){100}){100}'");
    let _ = load(&pattern);
    let limit = if cfg!(debug_assertions) { 20 } else { 2 };
    assert!(started.elapsed() < Duration::from_secs(limit), "{:?}", started.elapsed());
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault_and_not_an_absence() {
    let errors = policy::load_policy("p/main.yml", &mut |_| Err("the disk is gone".into())).unwrap_err();
    assert_eq!(told(&errors), ["p/main.yml:1:1 `p/main.yml` cannot be read: the disk is gone"]);
    let text = SOUND.replace("teams:", "roster: who.yml, teams:");
    let errors = policy::load_policy("p/main.yml", &mut |name| match name {
        "p/main.yml" => Ok(Some(text.clone().into_bytes())),
        _ => Err("the disk is gone".into()),
    });
    assert!(told(&errors.unwrap_err())[0].contains("the disk is gone"));
}

/// Returns the places of all keys, but for those whose names are the policy's own to choose and
/// that nothing refers to.
fn keys(node: &yaml::YamlNode, path: &mut Vec<String>, found: &mut Vec<(usize, usize, String)>) {
    match &node.value {
        yaml::YamlValue::Map(entries) => {
            for (key, node) in entries {
                let own = matches!(
                    path.iter().map(String::as_str).collect::<Vec<_>>().as_slice(),
                    ["rules" | "fields" | "classes"] | ["people", "teams"]
                );
                if !own {
                    found.push((key.at.line, key.at.column, key.text.clone()));
                }
                path.push(key.text.clone());
                keys(node, path, found);
                path.pop();
            }
        }
        yaml::YamlValue::List(items) => items.iter().for_each(|item| keys(item, path, found)),
        yaml::YamlValue::Scalar { .. } => {}
    }
}

#[test]
fn a_key_with_one_letter_changed_is_always_a_fault() {
    let own = ("changegate", include_str!("../policies/changegate.yml"));
    // The packs after the first three build on them and have no keys of another kind.
    let packs = packs::POLICY_PACKS.iter().take(3).map(|pack| (pack.name, pack.source));
    for (name, source) in packs.chain([own]) {
        let mut found = Vec::new();
        keys(&yaml::read_document(source.as_bytes()).unwrap(), &mut Vec::new(), &mut found);
        assert!(10 < found.len(), "{name}");
        for (number, (line, column, key)) in found.into_iter().enumerate() {
            // Of a pack, one letter of each key: reading it with all that it extends takes long.
            let letters =
                if name == own.0 { 0..key.len() } else { number % key.len()..number % key.len() + 1 };
            for at in letters {
                let start = source.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
                let at = start + column - 1 + at;
                let mut text = source.as_bytes().to_vec();
                text[at] = if text[at] == b'x' { b'y' } else { b'x' };
                let loaded = policy::load_policy("p/main.yml", &mut |_| Ok(Some(text.clone())));
                assert!(loaded.is_err(), "{name}:{line}: {}", String::from_utf8_lossy(&text[start..at + 20]));
            }
        }
    }
}

/// Returns what a policy is mostly made of, so that random text comes near to being one.
fn fragment() -> impl Strategy<Value = String> {
    let words: Vec<String> = SOUND
        .split_inclusive([' ', '\n', ','])
        .map(str::to_owned)
        .chain(
            ["- ", "&a ", "*a", "!t ", "---\n", "\t", "'", "\"", "? ", "[", "{", "|\n", ">-\n", "\r"]
                .map(str::to_owned),
        )
        .collect();
    prop::sample::select(words)
}

fn comes_back(bytes: &[u8]) {
    let started = ThreadTime::now();
    let loaded =
        policy::load_policy("p/main.yml", &mut |name| Ok((name == "p/main.yml").then(|| bytes.to_vec())));
    if let Err(errors) = loaded {
        assert!(0 < errors.count_faults());
        assert!(errors.faulty_files.iter().flat_map(|file| &file.faults).all(|fault| 1 <= fault.at.line));
    }
    assert!(started.elapsed() < Duration::from_secs(2));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_a_policy_or_faults(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        comes_back(&bytes);
    }

    #[test]
    fn anything_like_a_policy_gives_a_policy_or_faults(words in prop::collection::vec(fragment(), 0..120)) {
        comes_back(words.concat().as_bytes());
    }

    #[test]
    fn a_sound_policy_with_a_few_bytes_changed_gives_a_policy_or_faults(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = SOUND.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        comes_back(&bytes);
    }
}
