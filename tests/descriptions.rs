//! Descriptions of pull requests, from the template in the documents to the verdict: what a filled-in
//! template states is enough, and where it disagrees with a commit, the answer says what counts.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "test code")]

use changegate::change::description;
use changegate::judge::judge_change;
use changegate::policy;
use changegate::verdict::{RuleOutcome, Verdict};
use changegate::{fixture, yaml};

const POLICY: &str = "
changegate: 1
extends: [iso27001]
fields:
  Owner: { one-of: [shop, pay] }
rules:
  owner: { level: off, reason: only some tests ask for it, require: { field: { Owner: present } } }
";

/// Returns the template that the documents show.
fn template() -> String {
    let document = std::fs::read_to_string("docs/policy.md").unwrap();
    let (_, after) = document.split_once("\n```markdown\n").unwrap();
    after.split_once("\n```\n").unwrap().0.to_owned() + "\n"
}

fn filled() -> String {
    [
        ("- [ ] normal", "- [x] normal"),
        ("- [ ] medium", "- [x] medium"),
        (
            "<!-- How is it taken back, and by whom? -->",
            "Set `CACHE=off` and redeploy;\nwhoever is on duty can.",
        ),
        ("<!-- What was tried, and what came out? -->", "The load test of last week, again."),
        ("<!-- as in PAY-412 -->", "PAY-7"),
        ("<!-- none, low, medium, high or critical -->", "none; it holds no secrets"),
    ]
    .iter()
    .fold(template(), |body, (slot, answer)| {
        assert!(body.contains(slot), "the template has no {slot}");
        body.replacen(slot, answer, 1)
    })
}

/// Judges a pull request of these messages and this description.
fn verdict(policy: &str, body: &str, messages: &[&str]) -> Verdict {
    let policy = policy::load_policy("p.yml", &mut |_| Ok(Some(policy.as_bytes().to_vec())));
    let policy = policy.unwrap_or_else(|errors| panic!("{errors:#?}"));
    let commits: Vec<String> = messages.iter().map(|message| format!("{{ message: {message:?} }}")).collect();
    let change = format!(
        "stage: pull-request\ncommits: [{}]\npull: {{ title: Cache the lookup, body: {body:?} }}\n",
        commits.join(", ")
    );
    let mut faults = Vec::new();
    let change = fixture::read_change(&yaml::read_document(change.as_bytes()).unwrap(), &mut faults);
    judge_change(&policy, &change.unwrap_or_else(|| panic!("{faults:?}")), true)
}

fn passes(verdict: &Verdict, rule: &str) -> bool {
    let judgement = verdict.judgements.iter().find(|judgement| judgement.rule.id.as_str() == rule);
    matches!(judgement.unwrap_or_else(|| panic!("no rule {rule}")).outcome, RuleOutcome::Pass)
}

/// Returns each disagreement in a line.
fn told(verdict: &Verdict) -> Vec<String> {
    let told = verdict.disagreements.iter().map(|one| {
        let stated = one.stated.iter().map(|stated| {
            assert_eq!(stated.at.commit.is_none(), stated.at.in_description);
            let of = if stated.at.in_description { "description" } else { "message" };
            format!("{} at {of}:{}", stated.value.to_lossy(), stated.at.line.unwrap())
        });
        format!("{}: {} -> {}", one.field, stated.collect::<Vec<_>>().join(", "), one.counts)
    });
    told.collect()
}

const FIELDS: [&str; 6] = ["change-type", "risk", "back-out-plan", "test-plan", "ticket", "security-impact"];

#[test]
fn the_template_of_the_documents_states_nothing_until_it_is_filled_in() {
    assert_eq!(description::read_statements(&template()), []);
    let stated: Vec<String> = description::read_statements(&filled())
        .into_iter()
        .map(|one| format!("{} {}: {}", one.line, one.label, one.value.to_lossy()))
        .collect();
    assert_eq!(
        stated,
        [
            "7 Change type: normal",
            "14 Risk: medium",
            "20 Back-out plan: Set CACHE=off and redeploy; whoever is on duty can.",
            "25 Test plan: The load test of last week, again.",
            "29 Ticket: PAY-7",
            "30 Security impact: none; it holds no secrets",
        ]
    );
}

#[test]
fn a_filled_in_template_answers_what_the_packs_ask() {
    let empty = verdict(POLICY, &template(), &["Cache the lookup\n"]);
    let full = verdict(POLICY, &filled(), &["Cache the lookup\n"]);
    let windows = verdict(POLICY, &filled().replace('\n', "\r\n"), &["Cache the lookup\n"]);
    for rule in FIELDS {
        assert!(passes(&full, rule) && passes(&windows, rule), "{rule}");
    }
    for rule in ["change-type", "risk", "ticket", "security-impact"] {
        assert!(!passes(&empty, rule), "{rule}");
    }
    assert_eq!(told(&full), [""; 0]);
}

#[test]
fn a_disagreement_that_the_policy_settles_is_told_with_what_counts() {
    let told = |body: &str, messages: &[&str]| told(&verdict(POLICY, body, messages));
    assert_eq!(
        told("**Risk:** high", &["a\n\nRisk: low\n", "b\n\nRisk: LOW; it is small\n"]),
        ["Risk: low at message:3, high at description:1 -> high"]
    );
    assert_eq!(
        told("Just prose.", &["a\n\nChange-Type: standard\n", "b\n\nChange-Type: normal\n"]),
        ["Change-Type: standard at message:3, normal at message:3 -> normal"]
    );
    assert_eq!(
        told("- [x] Risk: low\n- [x] Risk: high\n", &["a\n"]),
        ["Risk: low at description:1, high at description:2 -> high"]
    );
    // Nothing settles it, nothing has to, or there is nothing to settle.
    for (body, message) in [
        ("Owner: shop", "a\n\nOwner: pay\n"),
        ("Ticket: A-1", "a\n\nTicket: A-2\n"),
        ("Risk: low", "a\n\nRisk: low; as ever\n"),
        ("Risk: enormous", "a\n\nRisk: low\n"),
    ] {
        assert_eq!(told(body, &[message]), [""; 0], "{body}");
    }
}

#[test]
fn the_strictest_of_a_disagreement_is_what_rules_see() {
    let asks = "changegate: 1\nextends: [core]\nrules: { small: { require: { field: { Risk: { at-most: low } } } } }\n";
    for (body, message) in [("## Risk\n\nhigh", "a\n\nRisk: low\n"), ("## Risk\n\nlow", "a\n\nRisk: high\n")]
    {
        let verdict = verdict(asks, body, &[message]);
        assert!(!passes(&verdict, "small"));
        assert_eq!(verdict.disagreements.len(), 1);
        assert!(verdict.has_remarks());
    }
    assert!(passes(&verdict(asks, "> Risk: high", &["a\n\nRisk: low\n"]), "small"));
}
