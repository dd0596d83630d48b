//! The laws of the gate, held against generated changes and every shipped policy.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

use std::sync::LazyLock;

use changegate::change::{Change, Missing, Need, Pusher};
use changegate::fixture;
use changegate::judge::judge;
use changegate::policy::{self, Policy, packs};
use changegate::verdict::{Decision, Outcome};
use changegate::yaml;
use proptest::prelude::*;

const NEEDS: [Need; 8] = [
    Need::Paths,
    Need::Lines,
    Need::Blobs,
    Need::OwnContent,
    Need::Signatures,
    Need::Pusher,
    Need::Target,
    Need::Reviews,
];

/// A policy that asks every kind of question, some of them under `not`.
const EVERYTHING: &str = "
changegate: 1
name: everything
extends: [iso27001]
people:
  teams: { security: [sec@example.com], ops: [ops@example.com] }
rules:
  not-too-large: { require: { size: { files: { at-most: 3 } } } }
  no-own-merges: { require: { not: { not: { merge: clean } } } }
  signed: { when: { touches: ['infra/**'] }, require: { signed: {} } }
  pushed-by-people: { require: { not: { pusher: ['*[bot]'] } } }
  small-files: { require: { blob: { largest: 1MB } } }
  on-main: { require: { any: [{ branch: main }, { approvals: { at-least: 2, trust: claimed } }] } }
exemptions:
  - rule: peer-review
    when: { all: [{ pusher: ['renovate[bot]'] }, { only-touches: ['**/Cargo.lock'] }] }
    reason: lock files
    approved-by: dana@example.com
    until: 2099-01-01
";

/// Returns every shipped policy and the one above, loaded once.
fn policies() -> &'static [Policy] {
    static POLICIES: LazyLock<Vec<Policy>> = LazyLock::new(load);
    &POLICIES
}

fn load() -> Vec<Policy> {
    let packs = packs::ALL.iter().map(|pack| policy::load(pack.name, &mut |_| Ok(None)).unwrap());
    let everything = policy::load("everything.yml", &mut |_| Ok(Some(EVERYTHING.as_bytes().to_vec())));
    packs.chain([everything.unwrap_or_else(|errors| panic!("{errors:#?}"))]).collect()
}

fn trailer() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Risk: low".to_owned()),
        Just("Risk: critical; touches tokens".to_owned()),
        Just("Risk: maybe".to_owned()),
        Just("Change-Type: normal".to_owned()),
        Just("Change-Type: emergency".to_owned()),
        Just("Change-Type: standard".to_owned()),
        Just("Standard-Change: STD-DEPS".to_owned()),
        Just("Ticket: PAY-1".to_owned()),
        Just("Ticket: soon".to_owned()),
        Just("Security-Impact: none".to_owned()),
        Just("Back-out-Plan: set the flag to off and redeploy".to_owned()),
        Just("Back-out-Plan: TODO".to_owned()),
        Just("Test-Plan: the load test of last week, again".to_owned()),
        Just("Reviewed-by: Bob <bob@example.com>".to_owned()),
        Just("Reviewed-by: Carol <carol@example.com>".to_owned()),
        Just("Reviewed-by: Ana <ana@example.com>".to_owned()),
        Just("Reviewed-by: helper[bot] <helper[bot]@example.com>".to_owned()),
        Just("Reviewed-by: Sec <sec@example.com>".to_owned()),
        Just("Authorized-by: Kim <kim@example.com>".to_owned()),
        Just("Co-authored-by: Bob <bob@example.com>".to_owned()),
        Just("Incident: INC-1".to_owned()),
        Just("Emergency-Reason: the token check lets everybody in, and it is exploited now".to_owned()),
        Just("Aproved-by: Bob <bob@example.com>".to_owned()),
        "[ -~]{0,30}".prop_map(|noise| noise),
    ]
}

fn commit() -> impl Strategy<Value = String> {
    let message = proptest::collection::vec(trailer(), 0..9);
    let path = prop_oneof![
        Just("src/main.rs"),
        Just("infra/net.tf"),
        Just("policies/changegate.yml"),
        Just("a/Cargo.lock"),
    ];
    let paths = proptest::collection::vec(path, 0..3);
    let signature = prop_oneof![Just("none"), Just("{good: ana@example.com}"), Just("{bad: unknown key}")];
    (message, paths, any::<bool>(), any::<bool>(), signature).prop_map(
        |(trailers, paths, merge, own, signature)| {
            let message = format!("An example\n\nIt is one.\n\n{}\n", trailers.join("\n"));
            let own = if merge && own { ", own-content: [src/main.rs]" } else { "" };
            let paths =
                if paths.is_empty() { String::new() } else { format!(", paths: [{}]", paths.join(", ")) };
            let message = serde_json::to_string(&message).unwrap();
            format!("- {{ message: {message}, merge: {merge}, signature: {signature}{own}{paths} }}")
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let pusher = prop_oneof![
        Just(""),
        Just("pusher: bob@example.com\n"),
        Just("pusher: 'renovate[bot]'\n"),
        Just("pusher: ana\n")
    ];
    (proptest::collection::vec(commit(), 1..4), pusher).prop_map(|(commits, pusher)| {
        let text = format!("{pusher}commits:\n{}\n", commits.join("\n"));
        let node = yaml::read(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
        let mut faults = Vec::new();
        fixture::read(&node, &mut faults).unwrap_or_else(|| panic!("{faults:?}\n{text}"))
    })
}

fn forget(change: &mut Change, need: Need) {
    let missing = || Missing::Unavailable(need, "it was taken away".into());
    match need {
        Need::Pusher => change.pusher = Err(missing()),
        Need::Target => change.target = Err(missing()),
        _ => change.commits.iter_mut().for_each(|commit| fixture::forget(commit, need)),
    }
}

fn decide(policy: &Policy, change: &Change) -> Decision {
    judge(policy, change, true).decision()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Law 2: what cannot be seen denies.
    #[test]
    fn removing_a_fact_never_turns_deny_into_allow(change in change(), taken in proptest::sample::subsequence(NEEDS.to_vec(), 0..8)) {
        for policy in policies() {
            let mut less = change.clone();
            for need in &taken {
                forget(&mut less, *need);
            }
            prop_assert!(decide(policy, &change) <= decide(policy, &less), "{} without {taken:?}", policy.name);
        }
    }

    /// Law 2, at the other end: nothing is allowed that rests on a fact nobody has.
    #[test]
    fn an_advisory_verdict_denies_no_more_than_an_enforced_one(change in change()) {
        for policy in policies() {
            prop_assert!(judge(policy, &change, false).decision() <= decide(policy, &change));
        }
    }

    /// Law 4: nobody who took part counts, whatever else is said.
    #[test]
    fn a_pusher_who_reviewed_does_not_count(mut change in change()) {
        let policy = policies().iter().find(|policy| policy.name == "startup").unwrap();
        let by_nobody = change.pusher == Ok(Pusher::Unidentified);
        let before = decide(policy, &change);
        for reviewer in ["bob@example.com", "carol@example.com", "sec@example.com"] {
            change.pusher = Ok(Pusher::Account(reviewer.into()));
            // Naming a pusher can only take approvals away.
            prop_assert!(!by_nobody || before <= decide(policy, &change));
        }
    }

    /// Law 6: dates in commits are claims, and decide nothing.
    #[test]
    fn the_dates_of_commits_change_nothing(change in change(), date in any::<i64>()) {
        for policy in policies() {
            let mut other = change.clone();
            for commit in &mut other.commits {
                commit.authored_at = date;
                commit.committed_at = date.wrapping_add(1);
            }
            prop_assert_eq!(judge(policy, &change, true), judge(policy, &other, true));
        }
    }

    #[test]
    fn the_order_of_rules_does_not_matter(change in change()) {
        for policy in policies() {
            let mut turned = policy.clone();
            turned.rules.reverse();
            let last = turned.rules.len().saturating_sub(1);
            turned.exemptions.iter_mut().for_each(|exemption| exemption.rule = last - exemption.rule);
            prop_assert_eq!(decide(policy, &change), decide(&turned, &change));
        }
    }

    #[test]
    fn the_same_question_has_the_same_answer(change in change()) {
        for policy in policies() {
            prop_assert_eq!(judge(policy, &change, true), judge(policy, &change, true));
        }
    }

    /// Something that a denying rule asked was kept, or the change is denied.
    #[test]
    fn nothing_is_allowed_that_no_rule_is_about(change in change()) {
        for policy in policies() {
            let verdict = judge(policy, &change, true);
            if verdict.decision() == Decision::Allow {
                let about = verdict.judgements.iter().any(|judgement| judgement.outcome != Outcome::NotApplicable);
                prop_assert!(about);
            }
        }
    }

    /// A verdict keeps every byte on its way to a file and back.
    #[test]
    fn changes_and_verdicts_survive_a_journey(change in change()) {
        let json = serde_json::to_string(&change).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Change>(&json).unwrap(), &change);
        for policy in policies() {
            let verdict = judge(policy, &change, true);
            let json = serde_json::to_string(&verdict).unwrap();
            prop_assert_eq!(serde_json::from_str::<changegate::verdict::Verdict>(&json).unwrap(), verdict);
        }
    }
}

#[test]
fn a_good_change_is_allowed_so_that_the_laws_are_about_something() {
    let good = "
commits:
  - author: Ana <ana@example.com>
    paths: [src/main.rs]
    message: |
      Cache the tenant lookup

      It took a third of each request.

      Ticket: PAY-412
      Change-Type: normal
      Risk: low
      Security-Impact: none
      Back-out-Plan: set CACHE_TENANT=off and redeploy
      Test-Plan: unit tests, and the load test in staging
      Reviewed-by: Bob <bob@example.com>
";
    let node = yaml::read(good.as_bytes()).unwrap();
    let change = fixture::read(&node, &mut Vec::new()).unwrap();
    for policy in policies() {
        let verdict = judge(policy, &change, true);
        assert_eq!(verdict.decision(), Decision::Allow, "{}: {verdict:#?}", policy.name);
    }
}
