//! Plans for policies of a few lines, each proved by the judge.

use super::*;
use crate::fixture;
use crate::judge::judge_change;
use crate::policy::load_policy;
use crate::verdict::{Decision, ObstacleReason, RuleId};
use crate::yaml;

const ROSTER: &str = "
people:
  ana: { name: Ana Ruiz, addresses: [ana@example.com], accounts: ['github:ana'] }
  ben: { name: Ben Ito, addresses: [ben@example.com], accounts: ['github:ben'] }
  cy: { addresses: [cy@example.com], accounts: ['github:cy'] }
  dee: { addresses: [dee@example.com], accounts: ['github:dee'] }
  robo: { addresses: [robo@example.com], accounts: ['github:robo[bot]'] }
";

const HEAD: &str = "
changegate: 1
name: p
protects: [main]
people:
  roster: people.yml
  bots: ['*[bot]', robo@example.com]
  teams:
    security: [ben@example.com, cy@example.com]
    ops: [ben@example.com, dee@example.com]
    mine: [ana@example.com]
fields:
  Risk: { ordered: [low, high] }
  Ticket: { matches: 'PAY-[0-9]+', example: PAY-12 }
  CVE: { matches: 'CVE-[0-9]+', example: CVE-12 }
  Reviewed-by: { person: true }
rules:
";

fn policy_of(rules: &str) -> Policy {
    let text = format!("{HEAD}{rules}\n");
    let loaded = load_policy("policy.yml", &mut |path| {
        Ok(Some(if path == "people.yml" { ROSTER } else { text.as_str() }.as_bytes().to_vec()))
    });
    loaded.unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn change(text: &str) -> Change {
    let node = yaml::read_document(text.as_bytes()).unwrap();
    let mut faults = Vec::new();
    fixture::read_change(&node, &mut faults).unwrap_or_else(|| panic!("{faults:?}"))
}

/// Returns the plan, after proving it: enough together, and each act needed.
fn prove(policy: &Policy, change: &Change) -> ProvedPlan {
    let proved = plan_unblocking(&[policy], change, true).unwrap();
    let left: Vec<&RuleId> =
        proved.plan.open.iter().chain(proved.plan.obstacles.iter().map(|obstacle| &obstacle.rule)).collect();
    let is_allowed = |acts: &[Repair]| {
        let verdict = judge_change(policy, &apply_repairs(change, acts), true);
        verdict
            .judgements
            .iter()
            .all(|judgement| !judgement.is_denying(true) || left.contains(&&judgement.rule.id))
    };
    assert!(is_allowed(&proved.acts), "{proved:#?}");
    for place in 0..proved.acts.len() {
        let mut fewer = proved.acts.clone();
        fewer.remove(place);
        assert!(!is_allowed(&fewer), "{place} of {proved:#?}");
    }
    proved
}

/// Returns what the steps say, with their rules.
fn told(rules: &str, text: &str) -> Vec<String> {
    let policy = policy_of(rules);
    let plan = prove(&policy, &change(text)).plan;
    let mut told: Vec<String> = Vec::new();
    for step in &plan.steps {
        let mut options = Vec::new();
        for acts in &step.options {
            let acts: Vec<String> = acts.iter().map(|act| act.what.to_plain_text()).collect();
            options.push(acts.join(" and "));
        }
        let rules: Vec<&str> = step.rules.iter().map(RuleId::as_str).collect();
        told.push(format!("{}: {}", rules.join(", "), options.join(" | ")));
    }
    for obstacle in &plan.obstacles {
        told.push(match &obstacle.reason {
            ObstacleReason::Missing(missing) => format!("{}! {missing}", obstacle.rule),
            ObstacleReason::Because(message) => format!("{}! {}", obstacle.rule, message.to_plain_text()),
        });
    }
    told.extend(plan.open.iter().map(|rule| format!("{rule}?")));
    told
}

const PULL: &str = "stage: pull-request\ncommits: [{}]\npull: { opener: ana }\n";

#[test]
fn one_approval_serves_every_rule_that_it_counts_for() {
    let rules = "
  peer: { require: { approvals: {} } }
  security: { require: { approvals: { from: [security] } } }
  ops: { require: { approvals: { from: [ops] } } }
";
    assert_eq!(told(rules, PULL), ["peer, security, ops: an approval by Ben Ito (ben)"]);
    // Without the one who is in both teams, it takes two.
    let by_ben =
        "stage: pull-request\ncommits: [{ author: Ben Ito <ben@example.com> }]\npull: { opener: ben }\n";
    assert_eq!(
        told(rules, by_ben),
        [
            "security: an approval by cy; not by Ben Ito (ben), who is the author",
            "ops: an approval by dee; not by Ben Ito (ben), who is the author",
        ]
    );
}

#[test]
fn who_can_approve_is_named_and_who_cannot_with_the_reason() {
    let rules = "  peer: { require: { approvals: {} } }";
    let text = "
stage: pull-request
commits: [{ message: \"x\\n\\nCo-authored-by: Cy <cy@example.com>\\n\" }]
pull: { opener: ana }
";
    assert_eq!(
        told(rules, text),
        ["peer: an approval by any of Ben Ito (ben) or dee; not by cy, who is a co-author"]
    );
    let team = "  peer: { require: { approvals: { from: [security] } } }";
    assert_eq!(told(team, text), ["peer: an approval by Ben Ito (ben); not by cy, who is a co-author"]);
    let two = "  peer: { require: { approvals: { at-least: 2, from: [security, ops] } } }";
    assert_eq!(told(two, PULL), ["peer: 2 approvals by any of Ben Ito (ben), cy or dee"]);
    let each = "  peer: { require: { approvals: { from: [security, ops], distinct-teams: true } } }";
    assert_eq!(prove(&policy_of(each), &change(PULL)).plan.count_acts(), 2);
}

#[test]
fn on_a_push_an_approval_is_a_trailer() {
    let rules = "  peer: { require: { approvals: { trust: claimed, from: [ops] } } }";
    let text = "commits: [{ author: Ben Ito <ben@example.com> }]\n";
    assert_eq!(told(rules, text), ["peer: an approval by dee; not by Ben Ito, who is the author"]);
    // What no forge vouches for here cannot be given at all.
    let verified = "  peer: { require: { approvals: {} } }";
    assert_eq!(told(verified, text), ["peer! not configured here: reviews"]);
}

#[test]
fn where_nobody_is_left_no_act_helps() {
    let rules = "
  peer: { require: { approvals: { from: [mine] } } }
  risk: { require: { field: { Risk: present } } }
";
    assert_eq!(
        told(rules, PULL),
        [
            "risk: the author states `Risk`",
            "peer! fewer people than it asks for can approve; not by Ana Ruiz (ana), who is the author",
        ]
    );
}

#[test]
fn of_alternatives_the_fewest_acts_are_told_and_all_of_a_tie() {
    let one = "
  a: { require: { any: [{ all: [{ field: { Risk: present } }, { field: { CVE: present } }] }, { ticket: { field: Ticket } }] } }
";
    assert_eq!(told(one, "commits: [{}]"), ["a: the author states `Ticket`"]);
    let tie = "  a: { require: { any: [{ field: { Risk: present } }, { field: { CVE: present } }] } }";
    assert_eq!(told(tie, "commits: [{}]"), ["a: the author states `Risk` | the author states `CVE`"]);
    // What another rule asks anyway costs nothing.
    let shared = "
  a: { require: { any: [{ field: { CVE: present } }, { field: { Risk: present } }] } }
  b: { require: { field: { Risk: present } } }
";
    assert_eq!(told(shared, "commits: [{}]"), ["a, b: the author states `Risk`"]);
    let nested = "
  a: { require: { not: { any: [{ field: { Risk: present } }, { field: { CVE: present } }] } } }
";
    let stated = "commits: [{ message: \"x\\n\\nRisk: low\\n\" }]";
    assert_eq!(told(nested, stated), ["a: the author removes `Risk`"]);
}

#[test]
fn a_window_says_when_it_opens() {
    let rules = "
  freeze: { require: { window: { outside: [{ from: 2026-12-20, until: 2027-01-03 }], zone: Europe/Berlin } } }
  hours: { require: { window: { inside: [{ weekdays: business, from: '08:00', until: '16:59' }], zone: Europe/Berlin } } }
";
    let text = "at: 2026-12-24T10:00:00Z\ncommits: [{}]";
    assert_eq!(told(rules, text), ["freeze: wait until Monday, 2027-01-04 08:00 (Europe/Berlin)"]);
    let policy = policy_of(rules);
    let plan = prove(&policy, &change(text)).plan;
    assert_eq!(plan.steps[0].options[0][0].at.unwrap().to_string(), "2027-01-04T07:00:00Z");
    let over = "  never: { require: { window: { inside: [{ from: 2025-01-01, until: 2025-01-02 }] } } }";
    assert_eq!(told(over, text), ["never! no time is allowed within the next 400 days"]);
}

#[test]
fn an_edit_takes_an_earlier_approval_away() {
    let rules = "
  risk: { require: { field: { Risk: present } } }
  peer: { require: { approvals: { from: [security] } } }
";
    let text = "
stage: pull-request
commits: [{}]
pull: { opener: ana, reviews: [{ by: ben, at: 2h }] }
";
    // The description would state something else than what was approved.
    assert_eq!(
        told(rules, text),
        ["risk: the author states `Risk`", "peer: an approval by any of Ben Ito (ben) or cy",]
    );
}

#[test]
fn requested_changes_are_withdrawn_by_who_requested_them() {
    let rules = "  peer: { require: { approvals: {} } }";
    let text = "
stage: pull-request
commits: [{}]
pull: { opener: ana, reviews: [{ by: dee, at: 3h }, { by: ben, state: changes-requested, at: 2h }] }
";
    assert_eq!(told(rules, text), ["peer: github:ben, who requested changes, approves"]);
}

#[test]
fn what_a_forge_holds_is_told_as_acts() {
    let rules = "
  tests: { require: { checks: { named: [test], by: github-actions } } }
  ready: { require: { draft: false, comments-resolved: true, label: { any-of: [go], by: ops, none-of: [wip] } } }
";
    let text = "
stage: pull-request
commits: [{}]
pull:
  opener: ana
  draft: true
  labels: [wip]
  conversations: [{ by: ben, path: a }]
  checks: [{ name: test, by: github-actions, state: failed }]
";
    assert_eq!(
        told(rules, text),
        [
            "tests: the check test succeeds",
            "ready: the pull request is marked as ready",
            "ready: the open conversations are resolved",
            "ready: the label `go` is added by an independent member of ops",
            "ready: the label wip is removed",
        ]
    );
}

#[test]
fn a_choice_of_the_author_is_left_to_the_author() {
    let rules = "
  risk: { require: { field: { Risk: present } } }
  more: { when: { field: { Risk: high } }, require: { approvals: {} } }
";
    let policy = policy_of(rules);
    let plan = prove(&policy, &change(PULL)).plan;
    assert!(plan.depends_on_values);
    assert_eq!(plan.steps[0].options[0][0].paste.as_deref(), Some("Risk: <low|high>"));
    let simple = policy_of("  risk: { require: { field: { Risk: present } } }");
    assert!(!prove(&simple, &change(PULL)).plan.depends_on_values);
}

#[test]
fn what_no_act_is_known_for_is_left_open() {
    let rules = "
  branch: { require: { branch: release } }
  risk: { require: { field: { Risk: present } } }
";
    assert_eq!(told(rules, "commits: [{}]"), ["risk: the author states `Risk`", "branch?"]);
    let policy = policy_of(rules);
    assert!(!prove(&policy, &change("commits: [{}]")).plan.is_complete());
}

#[test]
fn nothing_is_planned_for_what_is_allowed_or_too_large() {
    let rules = "  risk: { require: { field: { Risk: present } } }";
    let policy = policy_of(rules);
    let allowed = change("commits: [{ message: \"x\\n\\nRisk: low\\n\" }]");
    assert_eq!(judge_change(&policy, &allowed, true).decision(), Decision::Allow);
    assert!(plan_unblocking(&[&policy], &allowed, true).is_none());
    let commits = "{}, ".repeat(MAX_COMMITS + 1);
    assert!(plan_unblocking(&[&policy], &change(&format!("commits: [{commits}]")), true).is_none());
}

#[test]
fn what_two_policies_ask_is_met_together() {
    let one = policy_of("  risk: { require: { field: { Risk: present } } }");
    let two = policy_of("  peer: { require: { approvals: { from: [ops] } } }");
    let proved = plan_unblocking(&[&one, &two], &change(PULL), true).unwrap();
    let kinds: Vec<_> = proved.acts.iter().map(Repair::act_kind).collect();
    use crate::verdict::PlannedActKind;
    assert_eq!(kinds, [PlannedActKind::StateField, PlannedActKind::Approve]);
}

#[test]
fn where_the_gate_only_advises_what_is_asked_later_needs_nothing_now() {
    let policy = policy_of("  peer: { require: { approvals: { trust: claimed, from: [ops] } } }");
    let mut checked = change("stage: check\ncommits: [{}]\n");
    checked.pusher = Err(crate::change::Missing::NotAtThisStage(crate::change::FactKind::Pusher));
    let plan = plan_unblocking(&[&policy], &checked, false).unwrap().plan;
    assert!(plan.is_complete(), "{plan:?}");
    assert_eq!(plan.steps[0].options[0][0].people, ["Ben Ito", "dee"]);
}
