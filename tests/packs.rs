//! The shipped packs, held against what a team does in a week: each class and each rule has a change that
//! it is about, and what the rule asks is asked of no other.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

use std::collections::BTreeMap;

use changegate::judge::judge_change;
use changegate::policy::{self, Policy, packs};
use changegate::verdict::{RuleOutcome, Verdict};
use changegate::{fixture, yaml};

const SEEN: &str = "2026-11-20T09:30:00Z";

/// The packs that ask for a review.
const WHOLE_PACKS: [&str; 2] = ["startup", "iso27001"];

const CATALOGUE: &str = "\
standard-changes:
  STD-OS-PATCH:
    title: patches of the operating system
    paths: [ops/]
    size: { files: { at-most: 3 }, lines: { at-most: 50 } }
    who: { teams: [platform], bots: ['renovate[bot]'] }
    approved-by: Dana Fox <dana@example.com>
    approved-on: 2026-05-04
    review-by: 2027-05-04
";

fn load(text: &str, files: &[(&str, &str)]) -> Policy {
    let files: BTreeMap<&str, &str> = files.iter().copied().collect();
    let loaded = policy::load_policy("policies/changegate.yml", &mut |path| {
        Ok(match path {
            "policies/changegate.yml" => Some(text.into()),
            other => files.get(other).map(|text| text.as_bytes().to_vec()),
        })
    });
    loaded.unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn extending(pack: &str) -> Policy {
    let people = "people: { teams: { platform: [ana@example.com], duty-managers: [kim@example.com] } }";
    load(
        &format!(
            "changegate: 1\nextends: [{pack}]\nprotects: [main]\n{people}\nstandard-changes: policies/std.yml\n"
        ),
        &[("policies/std.yml", CATALOGUE)],
    )
}

fn judge(policy: &Policy, trailers: &[&str], commit: &str) -> Verdict {
    let message = format!("Change it\n\nThere is a reason.\n\n{}\n", trailers.join("\n"));
    let text = format!("at: {SEEN}\ncommits: [{{ message: {message:?}, {commit} }}]\n");
    let mut faults = Vec::new();
    let change = fixture::read_change(&yaml::read_document(text.as_bytes()).unwrap(), &mut faults);
    judge_change(policy, &change.unwrap_or_else(|| panic!("{faults:?}\n{text}")), true)
}

/// Returns the class and the ids of the rules that deny.
fn told(policy: &Policy, trailers: &[&str], commit: &str) -> (String, Vec<String>) {
    let verdict = judge(policy, trailers, commit);
    let class = verdict.class.as_ref().map_or_else(String::new, ToString::to_string);
    let denying = verdict.judgements.iter().filter(|one| one.is_denying(true));
    (class, denying.map(|one| one.rule.id.to_string()).collect())
}

fn is_told(policy: &Policy, trailers: &[&str], commit: &str, class: &str, denied: &[&str]) {
    let (found, rules) = told(policy, trailers, commit);
    assert_eq!(
        (found.as_str(), rules.as_slice()),
        (class, denied.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>().as_slice()),
        "{trailers:?} {commit}"
    );
}

const REVIEWED: &str = "Reviewed-by: Ben Ito <ben@example.com>";
const NORMAL: [&str; 2] = ["Change-Type: normal", "Risk: low"];

#[test]
fn what_closes_something_owed_takes_no_plan_no_risk_and_no_review() {
    for pack in packs::POLICY_PACKS {
        let policy = extending(pack.name);
        let closing = ["For-Change: 4e5f60718293", "Emergency-Ticket: SEC-78"];
        is_told(&policy, &closing, "lines: 0", "record", &[]);
        // With a file it is a change like every other.
        let (class, denied) = told(&policy, &closing, "paths: [src/a.rs]");
        assert_eq!(class, "normal");
        assert!(denied.contains(&"change-type".to_owned()) && denied.contains(&"risk".to_owned()));
        // What is wrong in it is all that is said.
        for wrong in
            [["For-Change: 4e5f60718293", "Emergency-Ticket: soon"], ["For-Change: 4e5f607182", closing[1]]]
        {
            let denied: &[&str] =
                if pack.name == "core" && wrong[1] != closing[1] { &[] } else { &["closing-values"] };
            is_told(&policy, &wrong, "lines: 0", "record", denied);
        }
        // Nothing at all is no record.
        assert_eq!(told(&policy, &[], "lines: 0").0, "normal");
    }
}

#[test]
fn prose_is_reviewed_and_needs_no_plan() {
    for pack in WHOLE_PACKS {
        let policy = extending(pack);
        let about = [NORMAL[0], NORMAL[1], REVIEWED];
        is_told(&policy, &about, "paths: [README.md, docs/a/guide.rst, docs/a/b.png]", "docs", &[]);
        is_told(&policy, &about[..2], "paths: [README.md]", "docs", &["peer-review"]);
        let many: Vec<String> = (0..21).map(|number| format!("docs/{number}.md")).collect();
        for other in [
            "docs/conf.py",
            "docs/a.sh",
            "README.md.sh",
            "requirements.txt",
            "b.png",
            "AGENTS.md",
            "sub/CLAUDE.md",
            "prompts/system.md",
            ".claude/skills/x.md",
            ".github/copilot-instructions.md",
            "src.md/a.rs",
            "Claude.md",
            "agents.md",
            "AGENTS.override.md",
            "CLAUDE.local.md",
            "Prompts/a.md",
            "commands/deploy.md",
            "packages/a/.claude/commands/deploy.md",
            "a/.cursor/rules/x.md",
            "QWEN.md",
            "CRUSH.md",
            "review.prompt.md",
            "x.instructions.md",
            "{ path: tool.md, now: executable }",
            "{ path: lib.md, now: submodule }",
            "{ path: build.md, now: symlink }",
            &many.join(", "),
        ] {
            assert_eq!(told(&policy, &about, &format!("paths: [README.md, {other}]")).0, "normal", "{other}");
        }
        assert_eq!(told(&policy, &about, "paths: [CODEOWNERS, README.md]").0, "isms");
    }
}

#[test]
fn a_standard_change_takes_an_entry_of_the_catalogue_and_no_review() {
    for pack in WHOLE_PACKS {
        let policy = extending(pack);
        let patch = ["Change-Type: standard", "Risk: low", "Standard-Change: STD-OS-PATCH"];
        is_told(&policy, &patch, "paths: [ops/img], lines: 4", "standard", &[]);
        let made_up = [patch[0], patch[1], "Standard-Change: STD-I-MADE-THIS-UP", REVIEWED];
        is_told(&policy, &made_up, "paths: [ops/img]", "standard", &["standard-change"]);
        for exceeded in [
            "paths: [src/auth.py]",
            "paths: [ops/a, models/m.safetensors]",
            "paths: [ops/a, ops/b, ops/c, ops/d]",
            "paths: [ops/a], lines: 51",
            "paths: [ops/a], author: Mal <mal@example.com>",
            "lines: 0",
        ] {
            is_told(&policy, &patch, exceeded, "standard", &["standard-change"]);
        }
        is_told(&policy, &patch[..2], "paths: [ops/a]", "standard", &["standard-change"]);
        // What governs change is no standard change, whatever the catalogue says.
        assert_eq!(told(&policy, &patch, "paths: [policies/std.yml]").0, "isms");
        assert_eq!(told(&policy, &patch, "paths: [Jenkinsfile]").0, "pipeline");
        // Without a catalogue there are no standard changes.
        let none = load(&format!("changegate: 1\nextends: [{pack}]\nprotects: [main]\n"), &[]);
        is_told(&none, &patch, "paths: [ops/img]", "standard", &["standard-change"]);
    }
    let risky = ["Change-Type: standard", "Risk: high", "Standard-Change: STD-OS-PATCH"];
    is_told(&extending("iso27001"), &risky, "paths: [ops/img]", "standard", &["standard-change"]);
}

#[test]
fn a_pipeline_is_reviewed_for_security_and_asked_no_four_pillars() {
    let policy = extending("iso27001");
    let bump = [NORMAL[0], NORMAL[1], REVIEWED, "Security-Reviewed-by: Eva Sec <eva@example.com>"];
    for path in [".github/workflows/ci.yml", ".gitlab-ci.yml", "Jenkinsfile", ".circleci/config.yml"] {
        is_told(&policy, &bump, &format!("paths: [{path}]"), "pipeline", &[]);
        is_told(&policy, &bump[..3], &format!("paths: [{path}]"), "pipeline", &["pipeline-review"]);
    }
    is_told(&extending("startup"), &bump[..3], "paths: [Jenkinsfile]", "pipeline", &[]);
    // The author is no reviewer of their own.
    let own = [NORMAL[0], NORMAL[1], REVIEWED, "Security-Reviewed-by: Ana <ana@example.com>"];
    is_told(&policy, &own, "paths: [Jenkinsfile]", "pipeline", &["pipeline-review"]);
}

const EMERGENCY: [&str; 7] = [
    "Change-Type: emergency",
    "Risk: high",
    "Security-Impact: high",
    "Incident: INC-2031",
    "Emergency-Reason: the runner was broken into, and its token is used right now",
    "Back-out-Plan: revert this commit and rotate the token again",
    "Authorized-by: Kim Duty <kim@example.com>",
];

#[test]
fn an_emergency_in_a_pipeline_takes_two_authorisers() {
    for pack in WHOLE_PACKS {
        let policy = extending(pack);
        let one = "paths: [.github/workflows/ci.yml]";
        is_told(&policy, &EMERGENCY, one, "pipeline-emergency", &["pipeline-emergency-authorised"]);
        let mut both = EMERGENCY.to_vec();
        both.push("Authorized-by: Eva Sec <eva@example.com>");
        is_told(&policy, &both, one, "pipeline-emergency", &[]);
        // The same person twice is one.
        let mut twice = EMERGENCY.to_vec();
        twice.push("Authorized-by: K. Duty <KIM+x@example.com>");
        is_told(&policy, &twice, one, "pipeline-emergency", &["pipeline-emergency-authorised"]);
        let owed = |verdict: Verdict| {
            let rules =
                verdict.judgements.into_iter().filter(|one| matches!(one.outcome, RuleOutcome::Owed(_)));
            rules.map(|one| one.rule.id.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(owed(judge(&policy, &both, one)), owed(judge(&policy, &EMERGENCY, "paths: [src/a.rs]")));
        // Elsewhere one is enough, and what governs change waits for the morning.
        is_told(&policy, &EMERGENCY, "paths: [src/a.rs]", "emergency", &[]);
        for path in [
            "policies/changegate.yml",
            "policies/std.yml",
            "isms/risks.md",
            "infra/iam/roles.tf",
            "CODEOWNERS",
        ] {
            let (class, denied) = told(&policy, &both, &format!("paths: [{path}, Jenkinsfile]"));
            assert_eq!(class, "isms", "{path}");
            assert!(denied.contains(&"peer-review".to_owned()), "{path}: {denied:?}");
        }
    }
}

#[test]
fn a_temporary_change_is_refused_in_the_past_and_owed_to_be_taken_back() {
    for pack in packs::POLICY_PACKS {
        let policy = extending(pack.name);
        let outcome_of = |verdict: Verdict| {
            verdict.judgements.into_iter().find(|one| one.rule.id.as_str() == "temporary").unwrap().outcome
        };
        let outcome = |day: &str| {
            let until = format!("Temporary-Until: {day}");
            outcome_of(judge(&policy, &[NORMAL[0], NORMAL[1], &until], "paths: [fw.tf]"))
        };
        // What is taken back with this change is an earlier one, and no answer to its own day.
        let longer = ["For-Change: 4e5f60718293", "Taken-Back: in February", "Temporary-Until: 2027-02-01"];
        let RuleOutcome::Owed(owed) = outcome_of(judge(&policy, &longer, "paths: [fw.tf]")) else {
            panic!("{}", pack.name)
        };
        assert_eq!(owed[0].due.unwrap().to_string(), "2027-02-01T23:59:59Z");
        // The description of a pull request says it as well as a trailer does.
        for (day, is_owed) in [("2020-01-01", false), ("2027-01-01", true)] {
            let body = format!("Opens it.\n\n**Temporary until:** {day}\n");
            let text = format!(
                "at: {SEEN}\nstage: pull-request\ncommits: [{{ message: Open it }}]\npull: {{ body: {body:?} }}\n"
            );
            let mut faults = Vec::new();
            let change = fixture::read_change(&yaml::read_document(text.as_bytes()).unwrap(), &mut faults);
            let change = change.unwrap_or_else(|| panic!("{faults:?}"));
            let found = outcome_of(judge_change(&policy, &change, true));
            assert_eq!(matches!(found, RuleOutcome::Owed(_)), is_owed, "{day} {found:?}");
            assert_eq!(matches!(found, RuleOutcome::Fail(_)), !is_owed, "{day} {found:?}");
        }
        assert!(matches!(outcome("2020-01-01"), RuleOutcome::Fail(_)));
        assert!(matches!(outcome("2026-13-45"), RuleOutcome::Fail(_)));
        let RuleOutcome::Owed(owed) = outcome("2027-01-01") else { panic!("{}", pack.name) };
        assert_eq!(owed[0].due.unwrap().to_string(), "2027-01-01T23:59:59Z");
        assert_eq!(owed[0].field.as_deref(), Some("Taken-Back"));
        let without = judge(&policy, &NORMAL, "paths: [fw.tf]");
        assert!(
            without.judgements.iter().any(|one| one.rule.id.as_str() == "temporary"
                && matches!(one.outcome, RuleOutcome::NotApplicable))
        );
    }
}

#[test]
fn agents_and_known_bots_never_approve() {
    let policy = extending("iso27001");
    let plans = [
        "Change-Type: normal",
        "Risk: low",
        "Ticket: PAY-412",
        "Security-Impact: none",
        "Back-out-Plan: revert this commit and redeploy",
        "Test-Plan: unit tests, and a load test in staging",
    ];
    let approved_by = |person: &str| {
        let review = format!("Reviewed-by: {person}");
        let mut trailers = plans.to_vec();
        trailers.push(&review);
        told(&policy, &trailers, "paths: [src/a.rs]").1
    };
    assert_eq!(approved_by("Ben Ito <ben@example.com>"), [""; 0]);
    // People whose names or addresses look like those of agents are people.
    for person in [
        "Claude Monet <claude@example.com>",
        "Claude Monet <claude.monet@example.com>",
        "Devin Ray <devin@example.com>",
        "Jules Verne <jules@example.com>",
        "Amazon Queen <q@example.com>",
        "Cursor Smith <cursor@example.com>",
        "Ben <7+ben-claude@users.noreply.github.com>",
        "Ben <projects_bot@example.com>",
        "Ben <support@example.com>",
    ] {
        assert_eq!(approved_by(person), [""; 0], "{person}");
    }
    for bot in [
        "Copilot <198982749+Copilot@users.noreply.github.com>",
        "Copilot <175728472+Copilot@users.noreply.github.com>",
        "GitHub Copilot <223556219+Copilot@users.noreply.github.com>",
        "copilot-swe-agent[bot] <198982749+copilot-swe-agent[bot]@users.noreply.github.com>",
        "Copilot <copilot@github.com>",
        "Copilot <copilot@users.noreply.github.com>",
        "Copilot <198982749+copilot-swe-agent@users.noreply.github.com>",
        "GitHub Copilot <github-copilot@github.com>",
        "Copilot Autofix <62310815+github-advanced-security@users.noreply.github.com>",
        "Claude <claude@users.noreply.github.com>",
        "Codex <codex@users.noreply.github.com>",
        "Cursor <199161495+cursor@users.noreply.github.com>",
        "Devin <devin-ai-integration@users.noreply.github.com>",
        "CodeRabbit <coderabbitai@users.noreply.github.com>",
        "Dependabot <support@dependabot.com>",
        "renovate <renovate@example.com>",
        "GitHub Actions <41898282+github-actions@users.noreply.github.com>",
        "Claude <noreply@anthropic.com>",
        "Claude Code <claude@anthropic.com>",
        "claude[bot] <209825114+claude[bot]@users.noreply.github.com>",
        "Devin AI <158243242+devin-ai-integration[bot]@users.noreply.github.com>",
        "Devin <devin@cognition.ai>",
        "Cursor Agent <cursoragent@cursor.com>",
        "Codex <codex@openai.com>",
        "Codex <noreply@openai.com>",
        "chatgpt-codex-connector[bot] <199175422+chatgpt-codex-connector[bot]@users.noreply.github.com>",
        "gemini-code-assist[bot] <176961590+gemini-code-assist[bot]@users.noreply.github.com>",
        "gemini-cli <218195315+gemini-cli@users.noreply.github.com>",
        "aider (gpt-5) <aider@aider.chat>",
        "aider <noreply@aider.chat>",
        "amazon-q-developer[bot] <208079219+amazon-q-developer[bot]@users.noreply.github.com>",
        "google-labs-jules[bot] <161369871+google-labs-jules[bot]@users.noreply.github.com>",
        "openhands <openhands@all-hands.dev>",
        "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>",
        "dependabot[bot] <support@github.com>",
        "renovate[bot] <29139614+renovate[bot]@users.noreply.github.com>",
        "Renovate Bot <bot@renovateapp.com>",
        "WhiteSource Renovate <renovate@whitesourcesoftware.com>",
        "pre-commit-ci[bot] <66853113+pre-commit-ci[bot]@users.noreply.github.com>",
        "github-actions <github-actions@github.com>",
        "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>",
        "Mergify <37929162+mergify[bot]@users.noreply.github.com>",
        "snyk-bot <snyk-bot@snyk.io>",
        "snyk-bot <19733683+snyk-bot@users.noreply.github.com>",
        "GitLab bot <project_42_bot_0a1b2c@noreply.gitlab.example.com>",
        "GitLab bot <project42_bot@noreply.gitlab.example.com>",
        "GitLab bot <project42_bot1@noreply.gitlab.example.com>",
        "GitLab bot <group7_bot@noreply.gitlab.example.com>",
        "Dependabot <support@github.com>",
        "Cursor <cursor@cursor.com>",
        "ImgBotApp <ImgBotHelp@gmail.com>",
        "Scala Steward <me@scala-steward.org>",
    ] {
        assert_eq!(approved_by(bot), ["peer-review"], "{bot}");
    }
}

#[test]
fn sessions_and_regularisation_come_with_the_packs_once_a_team_has_members() {
    for pack in WHOLE_PACKS {
        let filled = extending(pack);
        assert_eq!(filled.obligations.regularise.unwrap().teams, ["duty-managers"]);
        assert_eq!(filled.break_glass.unwrap().max_minutes, 240);
        let open = load(&format!("changegate: 1\nextends: [{pack}]\nprotects: [main]\n"), &[]);
        assert_eq!((open.obligations.regularise, open.break_glass), (None, None));
    }
}

#[test]
fn a_policy_may_leave_out_classes_that_only_ease_something() {
    for pack in packs::POLICY_PACKS {
        // The rules of a pack with classes of its own are about these.
        if pack.name == "ai-company" {
            continue;
        }
        let classes = "classes: { isms: { touches: [/policies/**] }, emergency: { field: { Change-Type: emergency } }, \
                       standard: { field: { Change-Type: standard } }, normal: {} }";
        let policy =
            load(&format!("changegate: 1\nextends: [{}]\nprotects: [main]\n{classes}\n", pack.name), &[]);
        // Pipelines are then of the class of what governs change, and prose and records are ordinary.
        assert_eq!(told(&policy, &EMERGENCY, "paths: [Jenkinsfile]").0, "isms");
        assert_eq!(told(&policy, &NORMAL, "paths: [README.md]").0, "normal");
        let (class, denied) = told(&policy, &["For-Change: 4e5f60718293"], "lines: 0");
        assert_eq!(class, "normal");
        assert!(denied.contains(&"change-type".to_owned()) && denied.contains(&"risk".to_owned()));
    }
}

/// A pack that states the classes anew keeps those of core as they are, and in their order.
#[test]
fn the_classes_of_every_pack_are_those_of_core_and_more() {
    let read = |pack: &packs::PolicyPack| -> Option<serde_yaml::Mapping> {
        let document: serde_yaml::Value = serde_yaml::from_str(pack.source).unwrap();
        document.get("classes").and_then(serde_yaml::Value::as_mapping).cloned()
    };
    let core = read(&packs::POLICY_PACKS[0]).unwrap();
    let mut compared = 0;
    for pack in &packs::POLICY_PACKS[1..] {
        let Some(classes) = read(pack) else { continue };
        let shared: Vec<_> = classes.keys().filter(|name| core.contains_key(name)).collect();
        assert_eq!(shared, core.keys().collect::<Vec<_>>(), "{}", pack.name);
        for (name, asked) in &core {
            let (name, given) = (name.as_str().unwrap(), classes.get(name).unwrap());
            if name == "isms" {
                let paths =
                    |node: &serde_yaml::Value| node.get("touches").unwrap().as_sequence().unwrap().clone();
                let given = paths(given);
                assert!(paths(asked).iter().all(|path| given.contains(path)), "{}", pack.name);
            } else {
                assert_eq!(given, asked, "{}: {name}", pack.name);
            }
        }
        compared += 1;
    }
    assert_eq!(compared, 1);
}

#[test]
fn no_pack_lets_a_file_of_the_gate_through_as_an_emergency() {
    for pack in packs::POLICY_PACKS {
        assert_eq!(extending(pack.name).find_emergency_gaps(), []);
    }
}

#[test]
fn every_rule_of_a_pack_says_what_it_asks_and_why() {
    for pack in packs::POLICY_PACKS {
        for rule in extending(pack.name).rules {
            let id = &rule.description.id;
            assert!(rule.why.as_ref().is_some_and(|why| why.len() > 20), "{}: {id}", pack.name);
            assert!(!rule.description.controls.is_empty(), "{}: {id}", pack.name);
        }
    }
}

#[test]
fn holidays_are_no_business_days() {
    let due = |holidays: &str| {
        let text = format!("changegate: 1\nextends: [base.yml]\nprotects: [main]\n{holidays}");
        let base = "changegate: 1\nextends: [startup]\npeople: { holidays: [12-25] }\n";
        let policy = load(&text, &[("policies/base.yml", base)]);
        let verdict = judge(&policy, &EMERGENCY, "paths: [src/a.rs]");
        let review = verdict.judgements.into_iter().find(|one| one.rule.id.as_str() == "emergency-review");
        let RuleOutcome::Owed(owed) = review.unwrap().outcome else { panic!("{holidays}") };
        owed[0].due.unwrap().to_string()
    };
    // The change is seen on a Friday.
    assert_eq!(due(""), "2026-12-04T23:59:59Z");
    assert_eq!(due("people: { holidays: [2026-11-23, 11-24] }\n"), "2026-12-08T23:59:59Z");
    assert_eq!(due("people: { holidays: [2025-11-23, 12-25] }\n"), "2026-12-04T23:59:59Z");
    // A window of business days leaves them out, too.
    let window = "rules: { hours: { require: { window: { inside: [{ weekdays: business }] } } } }\n";
    for (holidays, denied) in [("[2026-11-19]", false), ("[11-20]", true)] {
        let text = format!(
            "changegate: 1\nextends: [core]\nprotects: [main]\npeople: {{ holidays: {holidays} }}\n{window}"
        );
        let (_, rules) = told(&load(&text, &[]), &NORMAL, "paths: [a]");
        assert_eq!(rules.contains(&"hours".to_owned()), denied, "{holidays}");
    }
}

#[test]
fn a_catalogue_is_a_file_of_the_policy() {
    let text = "changegate: 1\nextends: [core]\nprotects: [main]\nstandard-changes: policies/std.yml\n";
    let entry = CATALOGUE.replace("    who: { teams: [platform], bots: ['renovate[bot]'] }\n", "");
    let one = load(text, &[("policies/std.yml", &entry)]);
    let other = load(text, &[("policies/std.yml", &entry.replace("at-most: 3", "at-most: 4"))]);
    assert_ne!(one.digest, other.digest);
    assert_eq!(one.gate_files, ["policies/changegate.yml", "policies/std.yml"]);
    // A later file replaces an entry of the same id, and adds others.
    let child = format!("changegate: 1\nextends: [base.yml]\n{}", entry.replace("[ops/]", "[os/]"));
    let joined = load(&child, &[("policies/base.yml", text), ("policies/std.yml", &entry)]);
    let paths =
        |policy: &Policy| policy.standard_changes.find_entry("STD-OS-PATCH").unwrap().paths[0].to_string();
    assert_eq!((paths(&one).as_str(), paths(&joined).as_str()), ("ops/", "os/"));
    // What is wrong with it is told in the catalogue, or where it is named.
    let faults = |named: &str, catalogue: Option<&str>| {
        let loaded = policy::load_policy("p.yml", &mut |path| {
            Ok(match path {
                "p.yml" => Some(text.replace("policies/std.yml", named).into_bytes()),
                "policies/std.yml" => catalogue.map(|text| text.as_bytes().to_vec()),
                _ => None,
            })
        });
        let errors = loaded.unwrap_err();
        let file = &errors.faulty_files[0];
        format!("{}:{} {}", file.name, file.faults[0].at.line, file.faults[0].what)
    };
    for (named, catalogue, wanted) in [
        ("policies/std.yml", None, "p.yml:4 there is no catalogue `policies/std.yml`"),
        (
            "../std.yml",
            None,
            "p.yml:4 `../std.yml` is not a path below the folder that the policy is read from",
        ),
        ("policies/std.yml", Some("a: 1\n"), "policies/std.yml:1 `standard-changes` is missing here"),
        (
            "policies/std.yml",
            Some("standard-changes: [a]\n"),
            "policies/std.yml:1 expected a map, found a list",
        ),
        (
            "policies/std.yml",
            Some("standard-changes:\n  A: {}\n"),
            "policies/std.yml:2 `paths` is missing here",
        ),
        ("policies/std.yml", Some("a: [\n"), "policies/std.yml:1 this `[` is not closed"),
        ("policies/std.yml", Some(CATALOGUE), "policies/std.yml:6 unknown team `platform`"),
    ] {
        let found = faults(named, catalogue);
        assert!(found.starts_with(wanted), "{found}");
    }
}

/// A file of each kind that the classes of a pack tell apart, and files that none of them names.
const KINDS_OF_FILES: [&str; 16] = [
    "src/auth.rs",
    "README.md",
    "CODEOWNERS",
    "isms/scope.md",
    "iam/roles.tf",
    ".github/workflows/ci.yml",
    "x/Jenkinsfile",
    "buildkite.yml",
    "{ path: models/m.safetensors, start: \"version https://git-lfs.github.com/spec/v1\\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\\nsize 438023168\\n\" }",
    "x/tokenizer.json",
    "data/people.csv",
    "corpus.dvc",
    "prompts/sys.txt",
    "evals/bar.yml",
    "thresholds.yml",
    "ops/img",
];

/// All that a pack asks of a change that is no emergency.
const ALL_ASKED: [&str; 31] = [
    "Change-Type: normal",
    "Ticket: PAY-412",
    "Security-Impact: medium",
    "Back-out-Plan: revert this commit and deploy the version before",
    "Test-Plan: the tests of the module, and a day in staging",
    "Isms-Purpose: ask two people about what runs in production, as decided in March",
    "Isms-Integrity: all other controls stay as they are, in this and in other repositories",
    "Isms-Resources: half a day of the platform team",
    "Isms-Authority: Kim Lee <kim@example.com>",
    "Security-Reviewed-by: Eva Sec <eva@example.com>",
    "Financial-Reporting: yes",
    "Accepted-by: Dana Fox <dana@example.com>",
    "Security-Measures: none is touched, and the login stays as it is",
    "Back-out-Owner: Kim Lee <kim@example.com>",
    "Change-Manager: Gil Orr <gil@example.com>",
    "Significant-Change: yes",
    "Release-Approved-by: Dana Fox <dana@example.com>",
    "Privacy-Impact: medium",
    "AI-Impact: medium",
    "Model-Digest: 4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393",
    "Evaluation: intent-suite-7, accuracy 0.94 (bar 0.92), no group below 0.90",
    "Model-Rollback: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "Data-Provenance: exported from the shop of 2025, with consent",
    "Personal-Data: pseudonymised",
    "Evaluation-Change: the bar for small groups is raised as the board has decided",
    "Substantial-Modification: yes",
    "Conformity-Assessment: report CA-2026-07 of the notified body",
    "Model-Reviewed-by: Eva Sec <eva@example.com>",
    "Data-Reviewed-by: Eva Sec <eva@example.com>",
    "AI-Authority: Dana Fox <dana@example.com>",
    "Reviewed-by: Ben Ito <ben@example.com>",
];

/// Files that give a change an earlier class, and two that do not.
const FURTHER_FILES: [&str; 8] = [
    "src/auth.rs",
    "README.md",
    "CODEOWNERS",
    "x/Jenkinsfile",
    "x/tokenizer.json",
    "data/people.csv",
    "prompts/sys.txt",
    "evals/bar.yml",
];

#[test]
fn a_further_file_never_spares_a_change_what_it_is_asked() {
    // A pack takes a second of its own.
    std::thread::scope(|scope| {
        for pack in packs::POLICY_PACKS {
            scope.spawn(|| compare_with_further_files(pack.name));
        }
    });
}

fn compare_with_further_files(pack: &str) {
    let policy = extending(pack);
    let is_denied =
        |trailers: &[&str], paths: &str| !told(&policy, trailers, &format!("paths: [{paths}]")).1.is_empty();
    let second = "Reviewed-by: Eva Sec <eva@example.com>";
    let mut denied_alone = 0;
    // One reviewer is too few for some, and two are enough for all.
    for first in [["Risk: low"].as_slice(), &["Risk: high", second]] {
        for left_out in ALL_ASKED {
            let kept = ALL_ASKED.into_iter().filter(|trailer| *trailer != left_out);
            let trailers: Vec<&str> = first.iter().copied().chain(kept).collect();
            for file in KINDS_OF_FILES.into_iter().filter(|file| is_denied(&trailers, file)) {
                denied_alone += 1;
                for other in FURTHER_FILES.into_iter().filter(|other| *other != file) {
                    assert!(
                        is_denied(&trailers, &format!("{file}, {other}")),
                        "{pack}: {other} spares {file} the line {left_out:?}, with {first:?}"
                    );
                }
            }
        }
    }
    // The pack asks something of each of these files, and allows the change that has all of it.
    assert!(denied_alone > 0, "{pack}");
    let all: Vec<&str> = ["Risk: low", second].into_iter().chain(ALL_ASKED).collect();
    for file in KINDS_OF_FILES {
        assert_eq!(
            told(&policy, &all, &format!("paths: [{file}]")).1,
            Vec::<String>::new(),
            "{pack}: {file}"
        );
    }
}
