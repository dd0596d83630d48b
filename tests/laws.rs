//! The laws of the gate, held against generated changes and every shipped policy.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "test code")]

use std::sync::LazyLock;

use changegate::change::pull_request::{
    CheckState, ContributorRole, ForgeAccount, PullContributor, ReviewState,
};
use changegate::change::{Change, FactKind, Missing, Person, PullRequest, PusherIdentity};
use changegate::fixture;
use changegate::judge::{collect_reasons, judge_change};
use changegate::policy::{self, Policy, packs};
use changegate::unblock::{Repair, apply_repairs, choose_approver, plan_unblocking};
use changegate::verdict::{ApprovalDecision, ConsideredApproval, Decision, RuleOutcome};
use changegate::yaml;
use proptest::prelude::*;

const NEEDS: [FactKind; 13] = [
    FactKind::Paths,
    FactKind::Lines,
    FactKind::Blobs,
    FactKind::EvilMerges,
    FactKind::Signatures,
    FactKind::Pusher,
    FactKind::Target,
    FactKind::Reviews,
    FactKind::Pull,
    FactKind::Checks,
    FactKind::Comments,
    FactKind::Conversations,
    FactKind::Tickets,
];

/// A policy that asks what only a forge can answer.
const FORGE: &str = "
changegate: 1
name: forge
extends: [startup]
tickets: { '*': linear }
rules:
  ticket: { require: { any: [{ field: { Ticket: absent } }, { ticket: { field: Ticket, exists: true, state: open } }] } }
  peer-review: { require: { approvals: { commands: ['/approve'] } } }
  checks: { require: { checks: { named: [test, 'lint *'], allow: [skipped] } } }
  ready: { require: { draft: false, comments-resolved: true, title: { refuse: [wip] } } }
  hotfix: { when: { not: { label: { any-of: [docs] } } }, require: { label: { any-of: [hotfix, reviewed] } } }
";

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
  - { rule: risk, when: { pusher: ['renovate[bot]'] }, reason: bots, approved-by: dana@example.com, until: 2099-01-01 }
  - { rule: change-type, when: { branch: release }, reason: old, approved-by: dana@example.com, until: 2099-01-01 }
  - { rule: ticket, when: { not: { blob: { largest: 5KB } } }, reason: big, approved-by: dana@example.com, until: 2099-01-01 }
  - { rule: signed, when: { any: [{ size: { lines: { at-most: 5 } } }, { pusher: ana }] }, reason: small, approved-by: dana@example.com, until: 2099-01-01 }
  - { rule: not-too-large, when: { signed: {} }, reason: signed, approved-by: dana@example.com, until: 2099-01-01 }
";

/// Returns every shipped policy and the one above, loaded once.
fn policies() -> &'static [Policy] {
    static POLICIES: LazyLock<Vec<Policy>> = LazyLock::new(load);
    &POLICIES
}

fn load() -> Vec<Policy> {
    // The packs after these ask the same kinds of questions.
    let packs = packs::POLICY_PACKS.iter().take(4);
    let packs = packs.map(|pack| policy::load_policy(pack.name, &mut |_| Ok(None)).unwrap());
    let everything = policy::load_policy("everything.yml", &mut |_| Ok(Some(EVERYTHING.as_bytes().to_vec())));
    let forge = policy::load_policy("forge.yml", &mut |_| Ok(Some(FORGE.as_bytes().to_vec())));
    packs
        .chain([everything, forge].map(|loaded| loaded.unwrap_or_else(|errors| panic!("{errors:#?}"))))
        .collect()
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
    let pull = proptest::option::of(pull(trailer()));
    let ticket = one_of(&["", "", "tickets: { PAY-1: {} }\n", "tickets: { PAY-1: absent }\n"]);
    (proptest::collection::vec(commit(), 1..4), pusher, pull, ticket).prop_map(
        |(commits, pusher, pull, ticket)| {
            read(&format!("{pusher}{ticket}commits:\n{}\n{}\n", commits.join("\n"), pull.unwrap_or_default()))
        },
    )
}

/// Returns pull requests of which many would be allowed.
fn proposal() -> impl Strategy<Value = Change> {
    let field = one_of(&[
        "Change-Type: normal",
        "Change-Type: normal",
        "Change-Type: normal",
        "Reviewed-by: Bob <bob@users.noreply.github.com>",
        "Change-Type: emergency",
    ]);
    let message =
        one_of(&["", "", "", "\\n\\nCo-authored-by: Carol <carol@example.com>\\n", "\\n\\nRisk: low\\n"]);
    (pull(field.prop_map(str::to_owned)), message).prop_map(|(pull, message)| {
        let pull = pull.replace("Why.", "Risk: low\\nChange-Type: normal");
        read(&format!("commits: [{{ message: \"Cache it{message}\" }}]\n{pull}"))
    })
}

fn read(text: &str) -> Change {
    let node = yaml::read_document(text.as_bytes()).unwrap_or_else(|faults| panic!("{faults:?}\n{text}"));
    let mut faults = Vec::new();
    fixture::read_change(&node, &mut faults).unwrap_or_else(|| panic!("{faults:?}\n{text}"))
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(words)
}

/// Returns a pull request with all that can be odd about one.
fn pull(field: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let account = || one_of(&["bob", "bob", "carol", "carol", "sec", "kim", "ana", "'helper[bot]'", "gone"]);
    let may = || one_of(&["true", "true", "true", "true", "false", "unknown"]);
    let state = one_of(&[
        "approved",
        "approved",
        "approved",
        "approved",
        "changes-requested",
        "dismissed",
        "commented",
    ]);
    let of = one_of(&["head", "head", "head", "earlier", "amended", "lost"]);
    let review =
        (account(), state, of, one_of(&["1h", "2h", "3h"]), may()).prop_map(|(by, state, of, at, may)| {
            format!("{{ by: {by}, state: {state}, of: {of}, at: {at}, may-approve: {may} }}")
        });
    let comment = (
        account(),
        one_of(&["/approve 0101010101010101010101010101010101010101", "/approve 0101", "fine"]),
        any::<bool>(),
        may(),
    )
        .prop_map(|(by, text, edited, may)| {
            format!("{{ by: {by}, text: {text}, edited: {edited}, may-approve: {may} }}")
        });
    let check =
        (one_of(&["test", "lint docs", "lint code"]), one_of(&["success", "success", "skipped", "failed"]))
            .prop_map(|(name, state)| format!("{{ name: {name}, state: {state} }}"));
    let label = one_of(&["hotfix", "docs", "reviewed"]).prop_map(str::to_owned);
    let edit = (one_of(&["0h", "2h", "4h"]), one_of(&["", ", body: 'Risk: low'", ", body: \"Why.\""]))
        .prop_map(|(at, body)| format!("{{ at: {at}{body} }}"));
    let body = proptest::collection::vec(field, 0..3);
    let list = |items: Vec<String>| format!("[{}]", items.join(", "));
    let whole = (
        proptest::collection::vec(review, 0..5).prop_map(list),
        proptest::collection::vec(comment, 0..2).prop_map(list),
        proptest::collection::vec(check, 0..4).prop_map(list),
        proptest::collection::vec(label, 0..2).prop_map(list),
        proptest::collection::vec(edit, 0..2).prop_map(list),
        body,
        one_of(&["ana", "ana", "bob", "gone"]),
        one_of(&["", "", "  retargeted: 2h\n", "  draft: true\n", "  conversations: [{ by: bob }]\n"]),
    );
    whole.prop_map(|(reviews, comments, checks, labels, edits, body, opener, more)| {
        let body = serde_json::to_string(&format!("Why.\n{}", body.join("\n"))).unwrap();
        format!(
            "stage: pull-request\npull:\n  opener: {opener}\n  body: {body}\n  reviews: {reviews}\n  comments: {comments}\n  \
             checks: {checks}\n  labels: {labels}\n  edits: {edits}\n{more}"
        )
    })
}

/// Returns the pull request of a change, to do something to it; nothing where there is none.
fn pull_of(change: &mut Change) -> Option<&mut PullRequest> {
    change.pull.as_deref_mut().ok()
}

fn forget(change: &mut Change, need: FactKind) {
    if let Some(pull) = pull_of(change) {
        fixture::forget_pull(pull, need);
    }
    let missing = || Missing::Unavailable(need, "it was taken away".into());
    match need {
        FactKind::Pusher => change.pusher = Err(missing()),
        FactKind::Target => change.target = Err(missing()),
        FactKind::Tickets => change.tickets = Err(missing()),
        _ => change.commits.iter_mut().for_each(|commit| fixture::forget_commit_fact(commit, need)),
    }
}

fn decide(policy: &Policy, change: &Change) -> Decision {
    judge_change(policy, change, true).decision()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Law 2: what cannot be seen denies.
    #[test]
    fn removing_a_fact_never_turns_deny_into_allow(change in prop_oneof![change(), proposal()], taken in proptest::sample::subsequence(NEEDS.to_vec(), 0..=13)) {
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
            prop_assert!(judge_change(policy, &change, false).decision() <= decide(policy, &change));
        }
    }

    /// Law 13: a point that enforces nothing, and knows less, never denies what one that enforces and knows more
    /// allows; rule by rule, as few changes keep all of them.
    #[test]
    fn an_advisory_point_never_denies_what_more_facts_allow(change in prop_oneof![change(), proposal()], taken in proptest::sample::subsequence(NEEDS.to_vec(), 0..=13)) {
        for policy in policies() {
            let mut less = change.clone();
            for need in &taken {
                forget(&mut less, *need);
            }
            let early = judge_change(policy, &less, false);
            let late = judge_change(policy, &change, true);
            prop_assert!(early.decision() <= late.decision(), "{} without {taken:?}", policy.name);
            for (early, late) in early.judgements.iter().zip(&late.judgements).take(policy.rules.len()) {
                prop_assert!(
                    early.is_denying(false) <= late.is_denying(true),
                    "{} without {taken:?}: {early:#?} {late:#?}",
                    policy.name
                );
                // What is left open for an exemption is broken, unless that exemption or another applies.
                if let RuleOutcome::MaybeExempted(possible) = &early.outcome {
                    prop_assert!(!possible.findings.is_empty() && !possible.missing.is_empty());
                    prop_assert!(policy.exemptions.iter().any(|one| one.id == possible.exemption));
                    let is_settled = matches!(late.outcome, RuleOutcome::Fail(_) | RuleOutcome::Exempted { .. });
                    prop_assert!(is_settled, "{}: {early:#?} {late:#?}", policy.name);
                }
            }
        }
    }

    /// Where a missing fact denies, no exemption hangs on one.
    #[test]
    fn an_enforcing_point_leaves_no_exemption_open(change in prop_oneof![change(), proposal()], taken in proptest::sample::subsequence(NEEDS.to_vec(), 0..=13)) {
        for policy in policies() {
            let mut less = change.clone();
            for need in &taken {
                forget(&mut less, *need);
            }
            for judgement in judge_change(policy, &less, true).judgements {
                prop_assert!(!matches!(judgement.outcome, RuleOutcome::MaybeExempted(_)), "{}: {judgement:#?}", policy.name);
            }
        }
    }

    /// Law 4: nobody who took part counts, whatever else is said.
    #[test]
    fn a_pusher_who_reviewed_does_not_count(mut change in change()) {
        let policy = policies().iter().find(|policy| policy.name == "startup").unwrap();
        let by_nobody = change.pusher == Ok(PusherIdentity::Unidentified);
        let before = decide(policy, &change);
        for reviewer in ["bob@example.com", "carol@example.com", "sec@example.com"] {
            change.pusher = Ok(PusherIdentity::Account(reviewer.into()));
            // Naming a pusher can only take approvals away.
            prop_assert!(!by_nobody || before <= decide(policy, &change));
        }
    }

    /// Law 2, of what others give: nothing that is taken away lets a change through.
    #[test]
    fn removing_an_approval_a_label_or_a_success_never_allows(change in prop_oneof![change(), proposal(), proposal()], index in any::<proptest::sample::Index>()) {
        for policy in policies() {
            let denying = |change: &Change| -> Vec<bool> {
                judge_change(policy, change, true).judgements.iter().map(|judgement| judgement.is_denying(true)).collect()
            };
            let before = denying(&change);
            let mut poorer: Vec<Change> = Vec::new();
            let mut without = |remove: &dyn Fn(&mut PullRequest)| {
                let mut less = change.clone();
                pull_of(&mut less).into_iter().for_each(remove);
                poorer.push(less);
            };
            without(&|pull| if let Ok(reviews) = &mut pull.reviews {
                let approvals: Vec<_> = (0..reviews.len()).filter(|at| reviews[*at].state == ReviewState::Approved).collect();
                if !approvals.is_empty() {
                    reviews.remove(*index.get(&approvals));
                }
            });
            without(&|pull| if let Ok(comments) = &mut pull.comments { comments.clear() });
            without(&|pull| if let Ok(labels) = &mut pull.labels { labels.clear() });
            without(&|pull| if let Ok(checks) = &mut pull.checks {
                checks.retain(|check| check.state != CheckState::Success);
            });
            for less in poorer {
                // Rule by rule, as few changes keep all of them.
                for (before, after) in before.iter().zip(denying(&less)) {
                    prop_assert!(*before <= after, "{}: {less:#?}", policy.name);
                }
            }
        }
    }

    /// Law 4: whoever had a hand in a pull request takes approvals away, and gives none.
    #[test]
    fn adding_a_participant_never_allows_and_none_of_them_counts(change in prop_oneof![change(), proposal(), proposal()]) {
        let maker = |account: &ForgeAccount| PullContributor {
            role: ContributorRole::Pusher,
            account: Some(account.clone()),
            email: None,
            name: account.id.clone(),
        };
        let Ok(pull) = &change.pull else { return Ok(()) };
        let reviewers = pull.reviews.iter().flatten().filter_map(|review| review.by.as_ref());
        let commenters = pull.comments.iter().flatten().filter_map(|comment| comment.by.as_ref());
        let everybody: Vec<PullContributor> = reviewers.chain(commenters).map(maker).collect();
        for policy in policies() {
            let mut more = change.clone();
            for added in &everybody {
                let before = decide(policy, &more);
                pull_of(&mut more).unwrap().contributors.as_mut().unwrap().push(added.clone());
                prop_assert!(before <= decide(policy, &more), "{}: {added:?}", policy.name);
            }
            for judgement in judge_change(policy, &more, true).judgements {
                let kept = matches!(judgement.outcome, RuleOutcome::Pass | RuleOutcome::Owed(_));
                prop_assert!(!kept || judgement.rule.id.as_str() != "peer-review", "{}: {more:#?}", policy.name);
            }
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
            prop_assert_eq!(judge_change(policy, &change, true), judge_change(policy, &other, true));
        }
    }

    #[test]
    fn the_order_of_rules_does_not_matter(change in change()) {
        for policy in policies() {
            let mut turned = policy.clone();
            turned.rules.reverse();
            let last = turned.rules.len().saturating_sub(1);
            turned.exemptions.iter_mut().for_each(|exemption| exemption.rule_index = last - exemption.rule_index);
            prop_assert_eq!(decide(policy, &change), decide(&turned, &change));
        }
    }

    #[test]
    fn the_same_question_has_the_same_answer(change in change()) {
        for policy in policies() {
            prop_assert_eq!(judge_change(policy, &change, true), judge_change(policy, &change, true));
        }
    }

    /// Something that a denying rule asked was kept, or the change is denied.
    #[test]
    fn nothing_is_allowed_that_no_rule_is_about(change in change()) {
        for policy in policies() {
            let verdict = judge_change(policy, &change, true);
            if verdict.decision() == Decision::Allow {
                let about = verdict.judgements.iter().any(|judgement| judgement.outcome != RuleOutcome::NotApplicable);
                prop_assert!(about);
            }
        }
    }

    /// What is kept of a verdict agrees with it: where reviews were asked for and the rule is kept, somebody counts
    /// who did not make the change; and each person counts once.
    #[test]
    fn whoever_counts_is_kept_with_the_verdict(change in prop_oneof![change(), proposal()]) {
        for policy in policies() {
            let verdict = judge_change(policy, &change, true);
            let reasons = collect_reasons(&[policy], &change, &verdict);
            let makers: Vec<_> = reasons.contributors.iter().filter_map(|one| one.person.clone()).collect();
            for judgement in verdict.judgements.iter().filter(|judgement| judgement.rule.id.as_str() == "peer-review") {
                let counts = |one: &ConsideredApproval| one.uses.iter().any(|used| used.rule == judgement.rule.id && used.counts);
                let is_approval = |one: &&ConsideredApproval| one.decision == ApprovalDecision::Approved && counts(one);
                let counted: Vec<_> = reasons.approvals.iter().filter(is_approval).map(|one| one.person.clone()).collect();
                if judgement.outcome == RuleOutcome::Pass {
                    prop_assert!(!counted.is_empty(), "{}: {reasons:#?}", policy.name);
                }
                for person in &counted {
                    let person = person.clone().unwrap();
                    prop_assert!(!makers.contains(&person), "{}: {reasons:#?}", policy.name);
                    prop_assert_eq!(counted.iter().filter(|one| one.as_deref() == Some(&*person)).count(), 1);
                }
            }
            // What does not count says why, unless it is an objection that was withdrawn.
            for approval in &reasons.approvals {
                for used in approval.uses.iter().filter(|used| !used.counts) {
                    prop_assert!(used.why_not.is_some() || approval.decision != ApprovalDecision::Approved);
                }
            }
        }
    }

    /// A verdict keeps every byte on its way to a file and back.
    #[test]
    fn changes_and_verdicts_survive_a_journey(change in change()) {
        let json = serde_json::to_string(&change).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Change>(&json).unwrap(), &change);
        for policy in policies() {
            let verdict = judge_change(policy, &change, true);
            let recorded = changegate::ledger::record::RecordedVerdict::from(&verdict);
            let json = serde_json::to_string(&recorded).unwrap();
            let read: changegate::ledger::record::RecordedVerdict = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&read, &recorded);
            // What a record holds of a verdict is the same after it was read for people.
            let verdict = changegate::verdict::Verdict::from(&read);
            prop_assert_eq!(changegate::ledger::record::RecordedVerdict::from(&verdict), recorded);
        }
    }
}

#[test]
fn a_good_change_is_allowed_so_that_the_laws_are_about_something() {
    let good = "
tickets: { PAY-412: {} }
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
    let node = yaml::read_document(good.as_bytes()).unwrap();
    let change = fixture::read_change(&node, &mut Vec::new()).unwrap();
    for policy in policies().iter().filter(|policy| policy.name != "forge") {
        let verdict = judge_change(policy, &change, true);
        assert_eq!(verdict.decision(), Decision::Allow, "{}: {verdict:#?}", policy.name);
    }
    let pull = "\
stage: pull-request
pull:
  title: Cache the tenant lookup
  labels: [hotfix]
  reviews: [{ by: bob }]
  checks: [{ name: test }, { name: lint docs }]
";
    let node = yaml::read_document(
        format!("{}{pull}", good.replace("      Reviewed-by: Bob <bob@example.com>\n", "")).as_bytes(),
    )
    .unwrap();
    let change = fixture::read_change(&node, &mut Vec::new()).unwrap();
    for policy in policies() {
        let verdict = judge_change(policy, &change, true);
        assert_eq!(verdict.decision(), Decision::Allow, "{}: {verdict:#?}", policy.name);
    }
}

proptest! {
    // Each case judges a change again for every act that is left out.
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A plan is proved: its acts are enough as far as it says so, and each of them is needed.
    #[test]
    fn the_acts_of_a_plan_are_enough_and_each_is_needed(change in prop_oneof![change(), proposal(), proposal()]) {
        for policy in policies() {
            let Some(proved) = plan_unblocking(&[policy], &change, true) else { continue };
            let obstacles = proved.plan.obstacles.iter().map(|obstacle| &obstacle.rule);
            let left: Vec<_> = proved.plan.open.iter().chain(obstacles).collect();
            let denied = |acts: &[Repair]| -> Vec<String> {
                let after = apply_repairs(&change, acts);
                let judgements = judge_change(policy, &after, true).judgements;
                let denying = judgements.iter().filter(|one| one.is_denying(true) && !left.contains(&&one.rule.id));
                denying.map(|one| one.rule.id.to_string()).collect()
            };
            prop_assert_eq!(denied(&proved.acts), Vec::<String>::new(), "{}: {:#?}", policy.name, proved);
            if proved.plan.is_complete() {
                prop_assert_eq!(decide(policy, &apply_repairs(&change, &proved.acts)), Decision::Allow);
            }
            for place in 0..proved.acts.len() {
                let mut fewer = proved.acts.clone();
                fewer.remove(place);
                prop_assert!(!denied(&fewer).is_empty(), "{}: {place} of {:#?}", policy.name, proved);
            }
            // Each act stands in a step, and each step is for a rule.
            prop_assert!(proved.plan.steps.iter().all(|step| !step.rules.is_empty() && !step.options.is_empty()));
        }
    }
}

/// A policy that asks for the owners of what is touched, beside other questions about approvals.
const OWNED: &str = "
changegate: 1
name: owned
protects: [main]
people:
  roster: people.yml
  codeowners: FORMAT
  bots: ['*[bot]']
  teams: { infra: [ben@example.com, cy@example.com], docs: [dee@example.com, cy@example.com] }
fields: { Reviewed-by: { person: true }, Sec-by: { person: true }, Risk: { ordered: [low, high] } }
rules:
  owners: { require: { approvals: { from: codeowners, trust: claimedMORE } } }
";

const OWNER_ROSTER: &str = "
people:
  ana: { name: Ana Ruiz, addresses: [ana@example.com], accounts: ['github:ana', 'gitlab:ana'] }
  ben: { name: Ben Ito, addresses: [ben@example.com], accounts: ['github:ben', 'gitlab:ben'] }
  cy: { name: Cy Oh, addresses: [cy@example.com], accounts: ['github:cy', 'gitlab:cy'] }
  dee: { name: Dee Ra, addresses: [dee@example.com], accounts: ['github:dee', 'gitlab:dee'] }
  eve: { name: Eve Po, addresses: [eve@example.com], accounts: ['github:eve', 'gitlab:eve'] }
";

/// Rules that ask for approvals as well.
const OTHER_QUESTIONS: [&str; 8] = [
    "",
    "",
    "  peer: { require: { approvals: { at-least: 2, trust: claimed } } }\n",
    "  teams: { require: { approvals: { from: [infra, docs], distinct-teams: true, trust: claimed } } }\n",
    "  docs: { require: { approvals: { field: Sec-by, from: [docs], trust: claimed } } }\n",
    "  either: { require: { any: [{ approvals: { at-least: 2, from: [docs], trust: claimed } }, \
     { approvals: { field: Sec-by, from: [infra], trust: claimed } }] } }\n",
    "  unread: { when: { not: { approvals: { from: [docs], trust: claimed } } }, \
     require: { approvals: { from: [infra], trust: claimed } } }\n",
    "  risk: { require: { field: { Risk: present } } }\n",
];

/// Returns policies about code owners, with the file of owners that each was read with.
fn owned_policy() -> impl Strategy<Value = Policy> {
    let owner =
        one_of(&["@ana", "@ben", "@cy", "@dee", "@acme/infra", "@acme/docs", "cy@example.com", "@nobody"]);
    let line = (
        one_of(&["*", "/a/", "/b/", "/c/", "/a/", "/b/", "*.md", "/free/"]),
        proptest::collection::vec(owner, 0..3),
    )
        .prop_map(|(pattern, owners)| format!("{pattern} {}\n", owners.join(" ")));
    let section = one_of(&["", "", "[One]\n", "[Two][2]\n", "^[Optional]\n"]);
    let part =
        (section, proptest::collection::vec(line, 1..4)).prop_map(|(head, lines)| (head, lines.concat()));
    let more = one_of(&["", "", ", at-least: 2", ", unowned: nobody", ", unowned: refuse"]);
    let rules = proptest::sample::select(OTHER_QUESTIONS.to_vec());
    (any::<bool>(), proptest::collection::vec(part, 1..3), more, rules).prop_map(
        |(is_gitlab, parts, more, rules)| {
            let mut owners = String::new();
            for (head, lines) in parts {
                owners += if is_gitlab { head } else { "" };
                owners += &lines;
            }
            let format = if is_gitlab { "gitlab" } else { "github" };
            let text = OWNED.replace("FORMAT", format).replace("MORE", more) + rules;
            let loaded = policy::load_policy("policies/owned.yml", &mut |path| {
                Ok(match path {
                    "policies/owned.yml" => Some(text.clone().into_bytes()),
                    "CODEOWNERS" => Some(owners.clone().into_bytes()),
                    path if path.ends_with("people.yml") => Some(OWNER_ROSTER.as_bytes().to_vec()),
                    _ => None,
                })
            });
            loaded.unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"))
        },
    )
}

/// Returns changes of paths that several people own.
fn owned_change() -> impl Strategy<Value = Change> {
    let path = one_of(&["a/x", "a/y.md", "b/x", "c/x", "free/y", "z.md"]);
    let author =
        one_of(&["Ana Ruiz <ana@example.com>", "Ben Ito <ben@example.com>", "Eve Po <eve@example.com>"]);
    let trailers = one_of(&[
        "",
        "",
        "Reviewed-by: Cy Oh <cy@example.com>\\n",
        "Reviewed-by: Dee Ra <dee@example.com>\\n",
    ]);
    let pull = one_of(&["", "", "", "[]", "[{ by: cy }]", "[{ by: ben, state: changes-requested }]"]);
    (proptest::collection::vec(path, 1..4), author, trailers, pull).prop_map(|(paths, author, trailers, pull)| {
        let stage = match pull {
            "" => String::new(),
            reviews => format!("stage: pull-request\npull: {{ opener: eve, reviews: {reviews} }}\n"),
        };
        let message = format!("Move it\\n\\n{trailers}");
        read(&format!(
            "{stage}pusher: eve\ncommits: [{{ author: {author}, message: \"{message}\", paths: [{}] }}]\n",
            paths.join(", ")
        ))
    })
}

/// Returns an approval in a field by a person of the roster.
fn approve_in(field: &str, key: &str, name: &str) -> Repair {
    let person = Person { name: name.into(), email: format!("{key}@example.com").as_str().into() };
    Repair::Approve { account: None, trailer: Some((field.to_owned(), person)), people: Vec::new() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whoever a plan names for an approval can give it: any of them, and any different people for several approvals.
    #[test]
    fn everyone_whom_a_plan_names_unblocks(policy in owned_policy(), change in owned_change()) {
        let Some(proved) = plan_unblocking(&[&policy], &change, true) else { return Ok(()) };
        let obstacles = proved.plan.obstacles.iter().map(|obstacle| &obstacle.rule);
        let left: Vec<_> = proved.plan.open.iter().chain(obstacles).collect();
        let is_allowed = |acts: &[Repair]| {
            let judgements = judge_change(&policy, &apply_repairs(&change, acts), true).judgements;
            judgements.iter().all(|one| !one.is_denying(true) || left.contains(&&one.rule.id))
        };
        prop_assert!(is_allowed(&proved.acts), "{proved:#?}");
        let mut named: Vec<&str> = Vec::new();
        for (place, act) in proved.acts.iter().enumerate() {
            let mut fewer = proved.acts.clone();
            fewer.remove(place);
            prop_assert!(!is_allowed(&fewer), "{place} of {proved:#?}");
            let Repair::Approve { people, .. } = act else { continue };
            for (chosen, person) in people.iter().enumerate() {
                named.push(&person.name);
                let acts = choose_approver(&proved.acts, place, chosen);
                prop_assert!(acts.as_ref().is_some_and(|acts| is_allowed(acts)), "{person:?}: {proved:#?}");
                // With each other person who is named for another approval.
                for other in place + 1..proved.acts.len() {
                    let Some(Repair::Approve { people: others, .. }) = proved.acts.get(other) else { continue };
                    for (second, colleague) in others.iter().enumerate() {
                        if colleague.name == person.name {
                            continue;
                        }
                        let both = choose_approver(acts.as_ref().unwrap(), other, second).unwrap();
                        prop_assert!(is_allowed(&both), "{person:?}, {colleague:?}: {proved:#?}");
                    }
                }
            }
        }
        for act in proved.plan.steps.iter().flat_map(|step| &step.options[0]) {
            prop_assert!(act.people.iter().all(|name| named.contains(&name.as_str())), "{proved:#?}");
        }
        // Several people are asked only where one is not enough.
        let is_approval = |act: &Repair| matches!(act, Repair::Approve { trailer: Some((field, _)), .. } if field == "Reviewed-by");
        if proved.acts.len() > 1 && proved.acts.iter().all(is_approval) {
            let people = [("ana", "Ana Ruiz"), ("ben", "Ben Ito"), ("cy", "Cy Oh"), ("dee", "Dee Ra"), ("eve", "Eve Po")];
            for (key, name) in people {
                prop_assert!(!is_allowed(&[approve_in("Reviewed-by", key, name)]), "{name}: {proved:#?}");
            }
        }
    }
}
