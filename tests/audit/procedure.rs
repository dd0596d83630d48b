//! The procedure of a policy: it names everything that the policy has, and others open it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use changegate::audit::procedure::{ProcedureFacts, ProcedureFormat, build_procedure, render_procedure};
use changegate::gate::{LoadedPolicy, load_from_files, load_from_pack};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::read_with_python;

const POLICY_PATH: &str = "policies/changegate.yml";

/// A policy that uses most of the language.
const FULL_POLICY: &str = "\
changegate: 1
name: shop-changes
owner: Dana Fox
review-by: 2027-06-30
extends: [iso27001]
protects: [main, 'refs/tags/v*']
people:
  teams:
    duty-managers: [kim@example.com, 'github:kim-duty']
    security: [ana@example.com]
  bots: ['shop-deployer@*']
  holidays: [12-25, 2026-12-31]
tickets: { PAY: { jira: https://acme.atlassian.net }, '#': github }
rules:
  security-signs-off:
    title: high risk is approved by security
    why: They know what an intruder would try.
    controls: ['soc2:CC8.1']
    for: [normal]
    when: { field: { Risk: { at-least: high } } }
    require: { approvals: { from: [security], trust: verified } }
  tests-pass:
    title: the tests have passed
    for: [normal]
    require: { checks: { named: [unit, e2e], at-least-tests: 10 } }
  no-change-in-a-freeze:
    title: no change over the holidays
    for: [normal]
    require: { window: { outside: [{ from: 2026-12-20, until: 2027-01-03 }], zone: UTC } }
exemptions:
  - rule: peer-review
    when: { all: [{ pusher: 'renovate[bot]' }, { only-touches: ['**/Cargo.lock'] }] }
    reason: bumps of lock files are looked at in bulk
    approved-by: dana@example.com
    until: 2026-12-31
standard-changes:
  STD-DEPS-PATCH:
    paths: ['**/Cargo.lock']
    size: { files: { at-most: 3 } }
    who: { teams: [security], bots: ['renovate[bot]'] }
    approved-by: Dana Fox
    approved-on: 2026-05-04
    review-by: 2027-05-04
";

fn load(policy: &str) -> LoadedPolicy {
    let files = BTreeMap::from([(POLICY_PATH, policy.as_bytes().to_vec())]);
    load_from_files(POLICY_PATH, POLICY_PATH.to_owned(), &mut |path| Ok(files.get(path).cloned()))
        .unwrap_or_else(|why| panic!("{why:?}\n{policy}"))
}

/// Returns every word of the document, and not how a format writes it.
fn plain_words(loaded: &LoadedPolicy) -> String {
    let facts = ProcedureFacts { policy: &loaded.policy, source: &loaded.source, history: None };
    let html = render_procedure(&build_procedure(facts), ProcedureFormat::Html).unwrap();
    let html = String::from_utf8(html).unwrap();
    let (_, body) = html.split_once("<main>").unwrap();
    let mut words = String::new();
    for part in body.split('<') {
        words.push_str(part.split_once('>').map_or(part, |(_, text)| text));
    }
    for (escaped, plain) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        words = words.replace(escaped, plain);
    }
    words
}

fn markdown(loaded: &LoadedPolicy) -> String {
    let facts = ProcedureFacts { policy: &loaded.policy, source: &loaded.source, history: None };
    String::from_utf8(render_procedure(&build_procedure(facts), ProcedureFormat::Markdown).unwrap()).unwrap()
}

#[test]
fn a_policy_with_most_of_the_language_is_told_in_words() {
    let words = plain_words(&load(FULL_POLICY));
    for part in [
        "shop-changes",
        "Dana Fox",
        "Next reviewby 2027-06-30",
        "the branch main",
        "every tag whose name is of the form v*",
        "github:kim-duty",
        "Opens, extends and closes break-glass sessions.",
        "Approves under the rule security-signs-off.",
        "Makes the standard change STD-DEPS-PATCH.",
        "If Risk is at least high: someone from security other than its authors approves the change",
        "Only an approval that is verified counts: a review that the forge itself confirms, or one that the approver has \
         signed with a key of the roster.",
        "25 December of every year and 2026-12-31",
        "Jira at https://acme.atlassian.net",
        "for at most 4 hours at once",
        "within 24 hours of its discovery",
        "It is outside 2026-12-20 to 2027-01-03 (UTC).",
        "bumps of lock files are looked at in bulk",
        "dana@example.com",
        "At most 3 files.",
        "To be reviewed by 2027-05-04.",
        "soc2:CC8.1",
        "shop-deployer@*",
        // What is asked in the negative is told without one.
        "The change names an earlier change of its branch in For-Change.",
        "The change touches no file.",
        "If a merge has content of its own:",
    ] {
        assert!(words.contains(part), "no {part:?} in {words}");
    }
    for jargon in ["it is not true that", "commit-msg", "pre-receive"] {
        assert!(!words.contains(jargon), "{jargon}");
    }
}

#[test]
fn who_may_say_something_after_a_landing_is_told() {
    let acts = "acts:\n  outcome: { from: [duty-managers] }\n  attach: { from: [security], bots: [ci-shop], largest: 3MB }\n";
    let policy = FULL_POLICY.replace("bots: [", "bots: [ci-shop, ") + acts;
    let policy =
        policy.replacen("who: { teams: [security], bots: [ci-shop, ", "who: { teams: [security], bots: [", 1);
    let words = plain_words(&load(&policy));
    for part in [
        "After a change has landed",
        "Members of duty-managers",
        "Members of security; the machines ci-shop",
        "of 3000000 bytes at most",
        "Nobody",
        "changegate attach",
        "closes nothing that is owed",
    ] {
        assert!(words.contains(part), "no {part:?} in {words}");
    }
    assert!(plain_words(&load(FULL_POLICY)).contains("By this policy nobody records outcomes"));
}

/// What a rule that only warns or is off is listed under, it does not bring about: each list says so.
#[test]
fn a_rule_that_refuses_nothing_says_so_wherever_it_is_listed() {
    let rules = "rules:\n  back-out-plan: { level: 'off', reason: plans are kept elsewhere }\n  \
                 peer-review: { level: warn, until: 2026-12-31, reason: new to the team }\n";
    let loaded = load(&FULL_POLICY.replacen("rules:\n", rules, 1));
    let text = markdown(&loaded);
    let warned = "`peer-review` (only warns, up to and including 2026-12-31)";
    let steps = text.split("From request to closure\n").nth(1).unwrap();
    let approval = steps.lines().find(|line| line.contains("Approval. People")).unwrap();
    assert!(approval.contains(warned) && approval.contains("`high-risk-review`,"), "{approval}");
    let controls = text.split("## Controls\n").nth(1).or_else(|| text.split(" Controls\n").nth(1)).unwrap();
    let row = |control: &str| {
        controls
            .lines()
            .find(|line| line.contains(&format!("`{control}`")))
            .unwrap_or_else(|| panic!("{control}"))
    };
    let of_review = &loaded.policy.rules.iter().find(|rule| rule.description.id.as_str() == "peer-review");
    let of_review = &of_review.unwrap().description.controls;
    assert!(!of_review.is_empty());
    for control in of_review {
        assert!(row(control).contains(warned), "{}", row(control));
    }
    let off = &loaded.policy.switched_off[0].description;
    assert!(!off.controls.is_empty());
    for control in &off.controls {
        assert!(row(control).contains("`back-out-plan` (off: it asks nothing)"), "{}", row(control));
    }
}

#[test]
fn the_procedure_of_a_pack() {
    insta::assert_snapshot!("procedure-startup", markdown(&load_from_pack("startup").unwrap()));
}

/// A generated policy, and the words that its procedure has to have.
#[derive(Clone, Debug, Default)]
struct GeneratedPolicy {
    yaml: String,
    names: Vec<String>,
}

fn deadline() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["90m", "24h", "30 days", "5 business days"])
}

fn spoken(deadline: &str) -> &str {
    match deadline {
        "90m" => "90 minutes",
        "24h" => "24 hours",
        "30 days" => "720 hours",
        other => other,
    }
}

prop_compose! {
    fn policy()(
        id in "[a-z]{3,8}",
        deadlines in prop::collection::vec(deadline(), 1..4),
        teams in 1usize..4,
        classes in 0usize..4,
        exemptions in 0usize..3,
        regularise in deadline(),
        count in 1u64..5,
        warns in any::<bool>(),
    ) -> GeneratedPolicy {
        let mut policy = GeneratedPolicy::default();
        let yaml = &mut policy.yaml;
        writeln!(yaml, "changegate: 1\nname: policy-{id}\nprotects: [main]\npeople:\n  teams:").unwrap();
        for team in 0..teams {
            writeln!(yaml, "    team-{id}-{team}: [p{team}@example.com, q{team}@example.com, r{team}@example.com, s{team}@example.com, t{team}@example.com, u{team}@example.com]").unwrap();
            policy.names.extend([format!("team-{id}-{team}"), format!("p{team}@example.com")]);
        }
        writeln!(yaml, "obligations: {{ regularise: {{ from: [team-{id}-0], within: {regularise} }} }}").unwrap();
        policy.names.push(format!("within {} of its discovery", spoken(regularise)));
        writeln!(yaml, "fields:\n  Reviewed-by: {{ person: true }}\n  Kind: {{ one-of: [word-{id}, other] }}").unwrap();
        policy.names.push(format!("word-{id}"));
        for number in 0..deadlines.len() {
            writeln!(yaml, "  Late-{id}-{number}: {{ text: {{ min-length: {} }} }}", number + 7).unwrap();
            policy.names.extend([format!("Late-{id}-{number}"), format!("at least {} letters", number + 7)]);
        }
        writeln!(yaml, "classes:").unwrap();
        for class in 0..classes {
            writeln!(yaml, "  class-{id}-{class}: {{ touches: [/dir-{id}-{class}/**] }}").unwrap();
            policy.names.extend([format!("class-{id}-{class}"), format!("/dir-{id}-{class}/**")]);
        }
        writeln!(yaml, "  rest: {{}}\nrules:").unwrap();
        writeln!(yaml, "  approved-{id}:\n    title: title-{id}\n    controls: ['std:{id}']\n    require: {{ approvals: {{ at-least: {count}, from: [team-{id}-0], trust: claimed }} }}").unwrap();
        policy.names.extend([format!("approved-{id}"), format!("itle-{id}"), format!("std:{id}"), format!("team-{id}-0 other than its authors")]);
        for (number, limit) in deadlines.iter().enumerate() {
            writeln!(yaml, "  late-{id}-{number}:\n    title: late\n    require: {{ field: {{ Late-{id}-{number}: {{ within: {limit} }} }} }}").unwrap();
            policy.names.extend([format!("rule late-{id}-{number}"), format!("ithin {}", spoken(limit))]);
        }
        if warns {
            writeln!(yaml, "  soft-{id}:\n    title: soft\n    level: warn\n    reason: new\n    until: 2031-02-03\n    require: {{ field: {{ Kind: present }} }}").unwrap();
            policy.names.extend([format!("soft-{id}"), "2031-02-03".to_owned()]);
        }
        if exemptions > 0 {
            writeln!(yaml, "exemptions:").unwrap();
        }
        for number in 0..exemptions {
            writeln!(yaml, "  - {{ rule: approved-{id}, when: {{ only-touches: [/free-{id}-{number}/**] }}, reason: because-{id}-{number}, approved-by: boss-{id}, until: 2030-01-0{} }}", number + 1).unwrap();
            policy.names.extend([format!("/free-{id}-{number}/**"), format!("because-{id}-{number}"), format!("boss-{id}"), format!("2030-01-0{}", number + 1)]);
        }
        policy
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A document that leaves something out contradicts its policy.
    #[test]
    fn everything_in_a_policy_is_named_in_its_procedure(policy in policy()) {
        let loaded = load(&policy.yaml);
        let words = plain_words(&loaded);
        for name in &policy.names {
            prop_assert!(words.contains(name), "{} is missing: {}\n{}", name, policy.yaml, words);
        }
        for rule in &loaded.policy.rules {
            prop_assert!(words.contains(rule.description.id.as_str()));
        }
        for field in loaded.policy.vocabulary.fields() {
            prop_assert!(words.contains(&field.name));
        }
        for class in &loaded.policy.classes {
            prop_assert!(words.contains(class.id.as_str()));
        }
    }
}

fn run(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_changegate"));
    command.current_dir(folder).args(["policy", "docs"]).args(args).output().unwrap()
}

fn git(folder: &Path, args: &[&str]) {
    let mut command = Command::new("git");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "Ana <b>").env(format!("GIT_{who}_EMAIL"), "ana@example.com");
        command.env(format!("GIT_{who}_DATE"), "2026-03-04T10:00:00Z");
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    assert!(command.current_dir(folder).args(args).status().unwrap().success(), "{args:?}");
}

/// Makes a repository whose policy was changed twice, with other work in between.
fn repository(folder: &Path) {
    git(folder, &["init", "-q", "-b", "main", "."]);
    for (path, content, subject) in [
        (POLICY_PATH, FULL_POLICY.replace("Dana Fox", "Kim"), "Bring in a policy"),
        ("readme", "one".to_owned(), "Write a readme"),
        (POLICY_PATH, FULL_POLICY.to_owned(), "Let `Dana` | <i>own</i> the policy"),
        ("readme", "two".to_owned(), "Write more"),
    ] {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        git(folder, &["add", "."]);
        git(folder, &["commit", "-q", "-m", subject]);
    }
}

#[test]
fn the_history_of_the_policy_is_that_of_its_files() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let told = String::from_utf8(run(folder.path(), &[]).stdout).unwrap();
    let (_, history) = told.split_once("Change history of the policy\n").unwrap();
    let rows: Vec<&str> = history.lines().filter(|line| line.starts_with("| 2026-03-04 |")).collect();
    assert_eq!(rows.len(), 2, "{history}");
    assert!(rows[0].contains("own</i> the policy") && rows[1].contains("`Bring in a policy`"), "{history}");
    assert!(!history.contains("readme") && !history.contains("in no commit yet"), "{history}");

    std::fs::write(folder.path().join(POLICY_PATH), FULL_POLICY.replace("Dana Fox", "Lee")).unwrap();
    let told = String::from_utf8(run(folder.path(), &[]).stdout).unwrap();
    assert!(told.contains("in no commit yet"), "{told}");
}

#[test]
fn a_shallow_clone_says_what_it_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, part) = (folder.path().join("whole"), folder.path().join("part"));
    std::fs::create_dir(&whole).unwrap();
    repository(&whole);
    git(folder.path(), &["clone", "-q", "--depth", "3", &format!("file://{}", whole.display()), "part"]);
    let told = String::from_utf8(run(&part, &[]).stdout).unwrap();
    let (_, history) = told.split_once("Change history of the policy\n").unwrap();
    assert!(history.contains("own</i> the policy") && !history.contains("Bring in a policy"), "{history}");
    assert!(history.contains("This clone is shallow"), "{history}");
}

#[test]
fn the_format_follows_from_the_name_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for (name, start) in [("a.docx", "PK"), ("a.html", "<!DOCTYPE html>"), ("a.md", "# Change-management")] {
        assert!(run(folder.path(), &["--pack", "core", "--out", name]).status.success(), "{name}");
        let written = std::fs::read(folder.path().join(name)).unwrap();
        assert!(written.starts_with(start.as_bytes()), "{name}");
        let again = run(folder.path(), &["--pack", "core", "--out", "again", "--format", &name[2..]]);
        assert!(again.status.success());
        assert_eq!(std::fs::read(folder.path().join("again")).unwrap(), written, "the same bytes");
    }
    for (args, why) in [
        (&["--pack", "core", "--format", "docx"][..], "add `--out procedure.docx`"),
        (&["--pack", "core", "--out", "procedure.pdf"], "add `--format`"),
        (&["--pack", "cor"], "there is no pack `cor`"),
    ] {
        let told = run(folder.path(), args);
        assert_eq!(told.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&told.stderr).contains(why), "{told:?}");
    }
    assert!(!folder.path().join("procedure.pdf").exists());
}

#[test]
fn python_docx_reads_the_document() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    assert!(run(folder.path(), &["--out", "procedure.docx"]).status.success());
    let script = "tests/audit/read_document.py";
    let Some(found): Option<Value> = read_with_python(script, "docx", &folder.path().join("procedure.docx"))
    else {
        return;
    };
    assert_eq!(found["title"], "Change-management procedure: shop-changes");
    assert_eq!(found["created"], "2000-01-01T00:00:00+00:00");
    assert_eq!(found["page"], json!([210, 297]));
    assert_eq!(found["fields"], json!(["PAGE", "NUMPAGES"]));
    assert_eq!(found["outline"], json!([["Heading 1", "0"], ["Heading 2", "1"]]));
    let paragraphs: Vec<(&str, &str)> = found["paragraphs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one[0].as_str().unwrap(), one[1].as_str().unwrap()))
        .collect();
    for wanted in [
        ("Title", "Change-management procedure: shop-changes"),
        ("Heading 1", "1. Approval of this document"),
        ("Heading 2", "Type emergency"),
        ("List Bullet", "the branch main"),
        ("List Number", "Closure. A change is closed when it has landed and owes nothing more."),
    ] {
        assert!(paragraphs.contains(&wanted), "{wanted:?}: {paragraphs:?}");
    }
    let tables = found["tables"].as_array().unwrap();
    assert!(tables.len() > 20, "{}", tables.len());
    for rows in found["header_rows"].as_array().unwrap() {
        assert_eq!(*rows, json!([0]), "the first row of each table is its header");
    }
    assert_eq!(tables[0][0], json!(["Item", "Entry"]));
    assert_eq!(tables[0][5], json!(["Effective from", ""]), "a place to write in");
    let history = tables.last().unwrap().as_array().unwrap();
    assert_eq!(history[1][2], "Ana b", "git leaves the brackets out");
    assert_eq!(history[1][3], "Let `Dana` | <i>own</i> the policy");
}
