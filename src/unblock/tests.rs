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
tickets: { PAY: linear }
fields:
  Risk: { ordered: [low, high] }
  Ticket: { matches: 'PAY-[0-9]+', example: PAY-12 }
  CVE: { matches: 'CVE-[0-9]+', example: CVE-12 }
  Tasks: { matches: 'PAY-[0-9]+', example: PAY-12, many: true }
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
            ObstacleReason::Advice(message) => format!("{}: {}", obstacle.rule, message.to_plain_text()),
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
fn what_may_not_be_stated_is_another_word_and_no_statement_is_changed_without_need() {
    let rules = "
  e: { require: { not: { field: { Risk: low } } } }
  risk: { require: { field: { Risk: present } } }
";
    let low = "commits: [{ message: \"Fix it\\n\\nRisk: low\\n\" }]";
    assert_eq!(told(rules, low), ["e: the author states another `Risk`"]);
    let plan = prove(&policy_of(rules), &change(low)).plan;
    assert_eq!(plan.steps[0].options[0][0].paste.as_deref(), Some("Risk: high"));
    // An act of another person is fewer than what is not so.
    let rules = "  e: { require: { any: [{ field: { Risk: high } }, { approvals: { trust: claimed } }] } }";
    let found = told(rules, low);
    assert!(found.len() == 1 && !found[0].contains("Risk"), "{found:?}");
}

#[test]
fn a_subject_and_the_text_below_it_are_told_apart() {
    let message = |text: &str| format!("commits: [{{ message: \"{text}\" }}]");
    let body = "  s: { require: { subject: { matches: '(Add|Fix) .*', body: true } } }";
    let why = "the author adds a text below the subject that says why";
    assert_eq!(told(body, &message("Fix it")), [format!("s: {why}")]);
    let found = told(body, &message("Mend it"));
    assert_eq!(found, ["s: the author writes another subject".to_owned(), format!("s: {why}")]);
    let short = "  s: { require: { subject: { refuse: [WIP], longest: 20 } } }";
    let long = message("WIP: a subject that is long");
    assert_eq!(told(short, &long), ["s: the author writes another subject"]);
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

/// Returns a policy with a file of code owners beside it, of one rule, and what stands under `people`.
fn owned_policy(owners: &str, format: &str, rules: &str) -> Policy {
    let text = HEAD.replace("  roster:", &format!("  codeowners: {format}\n  roster:"));
    let text = format!("{text}{rules}\n");
    let loaded = load_policy("policy.yml", &mut |path| {
        Ok(match path {
            "policy.yml" => Some(text.clone().into_bytes()),
            "people.yml" => Some(ROSTER.as_bytes().to_vec()),
            "CODEOWNERS" => Some(owners.as_bytes().to_vec()),
            _ => None,
        })
    });
    loaded.unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn of_code_owners_those_are_named_who_own_all_that_is_touched() {
    let owners = "* @ana\n/a/ @ana @cy\n/b/ @ana @ben\n/c/ @ben @cy\n/free/\n/alone/ @zoe\n";
    let gitlab = "* ana@example.com\n^[Opt]\n/opt/ cy@example.com\n";
    let asks = "  owners: { require: { approvals: { from: codeowners, trust: claimed } } }";
    for (owners, format, paths, expected) in [
        (owners, "github", "a/x, b/x", &["an approval by Ana Ruiz"][..]),
        (owners, "github", "a/x, free/y", &["an approval by any of Ana Ruiz or cy"]),
        (owners, "github", "a/x, c/x", &["an approval by cy"]),
        (
            owners,
            "github",
            "free/y",
            &["an approval by any of Ana Ruiz, Ben Ito or cy; not by dee, who is the author"],
        ),
        (
            owners,
            "github",
            "alone/y",
            &["! fewer owners can approve than line 6 of the file of code owners asks for"],
        ),
        (gitlab, "gitlab", "opt/x", &["an approval by Ana Ruiz"]),
    ] {
        let policy = owned_policy(owners, format, asks);
        let text = format!("commits: [{{ author: dee <dee@example.com>, paths: [{paths}] }}]");
        let plan = prove(&policy, &change(&text)).plan;
        let mut told: Vec<String> = Vec::new();
        for step in &plan.steps {
            told.push(step.options[0].iter().map(|act| act.what.to_plain_text()).collect());
        }
        for obstacle in &plan.obstacles {
            let ObstacleReason::Because(message) = &obstacle.reason else { panic!("{obstacle:?}") };
            told.push(format!("! {}", message.to_plain_text()));
        }
        assert_eq!(told.len(), expected.len(), "{paths}: {told:?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.starts_with(expected.split(';').next().unwrap()), "{paths}: {told}");
        }
    }
    // What nobody owns is left out where it is refused.
    let refused =
        "  owners: { require: { approvals: { from: codeowners, unowned: refuse, trust: claimed } } }";
    let policy = owned_policy("/a/ @cy\n", "github", refused);
    let plan = |paths: &str| prove(&policy, &change(&format!("commits: [{{ paths: [{paths}] }}]"))).plan;
    let acts: Vec<String> = plan("a/x, b/x")
        .steps
        .iter()
        .flat_map(|step| step.options[0].iter().map(|act| act.what.to_plain_text()))
        .collect();
    assert_eq!(acts, ["the author leaves out b/x", "an approval by cy"]);
    let alone = plan("b/x");
    let ObstacleReason::Because(reason) = &alone.obstacles[0].reason else { panic!("{alone:?}") };
    assert_eq!(reason.to_plain_text(), "b/x has no owner in `CODEOWNERS`");
}

#[test]
fn a_field_other_than_the_usual_one_is_named_and_has_a_text() {
    let head = "
  peer: { require: { approvals: { trust: claimed } } }
  docs: { require: { any: [
    { approvals: { from: [ops], at-least: 2, trust: claimed } },
    { approvals: { field: Sec-by, from: [security], trust: claimed } }] } }
";
    let policy = policy_of_fields(head);
    let plan = prove(&policy, &change("commits: [{ author: Ana Ruiz <ana@example.com> }]")).plan;
    let acts: Vec<_> = plan.steps.iter().flat_map(|step| &step.options[0]).collect();
    let told: Vec<(String, Option<&str>)> =
        acts.iter().map(|act| (act.what.to_plain_text(), act.paste.as_deref())).collect();
    assert!(
        told.contains(&(
            "an approval in `Sec-by` by any of Ben Ito or cy".to_owned(),
            Some("Sec-by: <name> <address>")
        )) || told.iter().all(|(what, paste)| !what.contains("Sec-by") && paste.is_some()),
        "{told:?}"
    );
    let only = "  docs: { require: { approvals: { field: Sec-by, from: [security], trust: claimed } } }";
    let plan = prove(&policy_of_fields(only), &change("commits: [{}]")).plan;
    let act = &plan.steps[0].options[0][0];
    assert_eq!(act.what.to_plain_text(), "an approval in `Sec-by` by any of Ben Ito or cy");
    assert_eq!(act.paste.as_deref(), Some("Sec-by: <name> <address>"));
}

/// Returns a policy with one more field that names a person.
fn policy_of_fields(rules: &str) -> Policy {
    let head = HEAD.replace(
        "  CVE:",
        "  Sec-by: { person: true }\n  Digest: { matches: '[0-9a-f]{64}', example: 4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393, many: true }\n  Hot: { matches: 'H-[0-9]+', example: H-12 }\n  CVE:",
    );
    let text = format!("{head}{rules}\n");
    let loaded = load_policy("policy.yml", &mut |path| {
        Ok(Some(if path == "people.yml" { ROSTER } else { text.as_str() }.as_bytes().to_vec()))
    });
    loaded.unwrap_or_else(|errors| panic!("{errors:#?}"))
}

#[test]
fn an_exemption_is_a_way_where_there_is_no_other() {
    let rules = "
  review: { require: { approvals: { from: [mine], trust: claimed } } }
exemptions:
  - { rule: review, when: { all: [{ pusher: cy }, { field: { Hot: present } }] }, reason: hot, approved-by: Ana, until: 2099-01-01 }
";
    let policy = policy_of_fields(rules);
    let told = |text: &str| -> Vec<String> {
        let plan = prove(&policy, &change(text)).plan;
        plan.steps
            .iter()
            .flat_map(|step| step.options[0].iter().map(|act| act.what.to_plain_text()))
            .collect()
    };
    // Ana is the only one who could approve, and she made it.
    let made = "commits: [{ author: Ana Ruiz <ana@example.com> }]";
    assert_eq!(told(&format!("pusher: cy\n{made}")), ["the author states `Hot`"]);
    assert_eq!(told(&format!("pusher: ben\n{made}")), ["the author states `Hot`", "cy pushes it"]);
    // Where an approval can be had, nobody is told how to do without it.
    assert_eq!(
        told("pusher: dee@example.com\ncommits: [{ author: dee <dee@example.com> }]"),
        ["an approval by Ana Ruiz"]
    );
}

#[test]
fn who_else_can_push_is_named_and_what_the_roster_lacks() {
    let rules = "  pusher: { require: { pusher: [ben, cy, 'renovate[bot]'] } }";
    let by_ana = "pusher: ana\ncommits: [{}]";
    assert_eq!(told(rules, by_ana), ["pusher: ben or cy pushes it"]);
    let people = "  pusher: { require: { pusher: { bot: false } } }";
    let policy = policy_of(people);
    let plan = prove(&policy, &change("pusher: stranger@example.net\ncommits: [{}]")).plan;
    assert_eq!(plan.steps.len() + plan.obstacles.len(), 1, "{plan:?}");
    let author = policy_of("  author: { require: { author: { team: ops } } }");
    let plan = prove(&author, &change("commits: [{ author: Eve <eve@example.com> }]")).plan;
    let ObstacleReason::Advice(reason) = &plan.obstacles[0].reason else { panic!("{plan:?}") };
    assert!(reason.to_plain_text().starts_with("the roster does not list the author"), "{plan:?}");
}

#[test]
fn what_is_too_much_is_left_out_or_divided() {
    let rules = "  plain: { require: { not: { touches: 'infra/' } } }";
    assert_eq!(
        told(rules, "commits: [{ paths: [infra/a, infra/b, src/c] }]"),
        ["plain: the author leaves out infra/a, infra/b"]
    );
    // Of a change of nothing else, nothing would be left.
    assert_eq!(told(rules, "commits: [{ paths: [infra/a] }]"), ["plain?"]);
    let advice = |rules: &str, text: &str| {
        let policy = policy_of(rules);
        let plan = prove(&policy, &change(text)).plan;
        let ObstacleReason::Advice(reason) = &plan.obstacles[0].reason else { panic!("{plan:?}") };
        reason.to_plain_text()
    };
    let small = "  small: { require: { size: { files: { at-most: 1 } } } }";
    assert_eq!(
        advice(small, "commits: [{ paths: [a, b] }]"),
        "the author divides the change into smaller ones"
    );
    let one = policy_of("  one: { require: { ticket: { field: Ticket, max: 1 } } }");
    let two = "commits: [{ message: \"x\\n\\nTicket: PAY-1\\nTicket: PAY-2\\n\" }]";
    let plan = prove(&one, &change(two)).plan;
    assert_eq!(plan.steps.len() + plan.obstacles.len(), 1, "{plan:?}");
}

/// When a ticket was created does not change: an older one can mention what it is about, and else another one counts.
#[test]
fn a_ticket_of_the_wrong_age_mentions_the_cause_or_is_another_one() {
    let rules = "  t: { require: { ticket: { field: Ticket, created-within: 24h, about: [CVE] } } }";
    let told_of = |created: &str, more: &str| {
        told(
            rules,
            &format!(
                "at: 2026-03-10T10:00:00Z\ntickets: {{ PAY-1: {{ created: {created} }} }}\n\
                 commits: [{{ message: \"x\\n\\nTicket: PAY-1\\n{more}\" }}]"
            ),
        )
    };
    let [mentions] = &told_of("2026-02-01T00:00:00Z", "CVE: CVE-7\\n")[..] else { panic!() };
    assert!(mentions.starts_with("t: the ticket PAY-1 becomes what is asked: "), "{mentions}");
    // Without a cause there is nothing to mention, and no ticket is made earlier than it was.
    assert_eq!(told_of("2026-02-01T00:00:00Z", ""), ["t: the author names a ticket in `Ticket`"]);
    assert_eq!(
        told_of("2026-03-20T00:00:00Z", "CVE: CVE-7\\n"),
        ["t: the author names a ticket in `Ticket`"]
    );
}

#[test]
fn too_many_tickets_are_told_whatever_else_they_lack() {
    for asked in ["max: 1", "max: 1, label: [release]"] {
        let policy = policy_of(&format!("  t: {{ require: {{ ticket: {{ field: Tasks, {asked} }} }} }}"));
        let change = change(
            "tickets: { PAY-1: { created: 1h }, PAY-2: { created: 1h } }\n\
             commits: [{ message: \"x\\n\\nTasks: PAY-1\\nTasks: PAY-2\\n\" }]",
        );
        let plan = prove(&policy, &change).plan;
        let ObstacleReason::Advice(reason) = &plan.obstacles[0].reason else { panic!("{plan:?}") };
        let advice = "the author divides the change, or names no more than 1 ticket";
        assert_eq!(reason.to_plain_text(), advice, "{asked}");
    }
}

/// Two approvals are two lines, each for another person.
#[test]
fn a_step_of_several_approvals_has_a_line_for_each() {
    let policy = policy_of("  peer: { require: { approvals: { at-least: 2, trust: claimed } } }");
    let plan = prove(&policy, &change("pusher: ana@example.com\ncommits: [{}]")).plan;
    let act = &plan.steps[0].options[0][0];
    assert_eq!(act.count, 2);
    let line = "Reviewed-by: <name> <address>";
    assert_eq!(act.paste.as_deref(), Some(format!("{line}\n{line}").as_str()));
}

/// Who has pushed to a pull request stays its pusher, so that it takes another one.
#[test]
fn another_pusher_opens_another_pull_request() {
    let policy =
        policy_of("  pusher: { require: { pusher: ['github:ben', 'github:cy', 'github:renovate[bot]'] } }");
    let pull = "stage: pull-request\npusher: 'github:ana'\ncommits: [{}]\n\
                pull: { opener: ana, makers: [{ role: pusher, account: ana }] }\n";
    let plan = prove(&policy, &change(pull)).plan;
    assert_eq!(plan.steps, [], "no act makes another pusher of a pull request");
    let ObstacleReason::Advice(reason) = &plan.obstacles[0].reason else { panic!("{plan:?}") };
    assert_eq!(
        reason.to_plain_text(),
        "who pushed to this pull request stays its pusher; github:ben or github:cy can push its commits to another \
         branch and open a pull request from there"
    );
}

/// A reviewer who pushes what someone else made counts as one who made it; their review counts again if an author
/// pushes.
#[test]
fn an_author_who_pushes_makes_the_review_of_the_pusher_count() {
    let peer = "  peer: { require: { approvals: { trust: claimed } } }";
    let made = |pusher: &str| {
        format!(
            "pusher: {pusher}\ncommits: [{{ author: Ana Ruiz <ana@example.com> }}]\nfields: {{ Reviewed-by: 'Cy <cy@example.com>' }}"
        )
    };
    // An account that the roster does not list is another matter.
    assert!(!told(peer, &made("cy")).iter().any(|step| step.contains("pushes it")));
    let others = "an approval by any of Ben Ito or dee; not by cy, who is the pusher";
    assert_eq!(told(peer, &made("'github:cy'")), [format!("peer: github:ana pushes it | {others}")]);
    assert_eq!(told(peer, &made("cy@example.com")), [format!("peer: ana@example.com pushes it | {others}")]);
    // The pusher is the only one who could approve, or one of all who have to.
    let ops = "  ops: { require: { approvals: { from: [ops, mine], trust: claimed, at-least: 2 } } }";
    let by_two = made("'github:dee'")
        .replace("'Cy <cy@example.com>'", "['Ben Ito <ben@example.com>', 'dee <dee@example.com>']");
    assert_eq!(told(ops, &by_two), ["ops: github:ana pushes it"]);
    // Whoever may push is asked as well.
    let asked = format!("{peer}\n  pusher: {{ require: {{ pusher: ['github:cy', 'github:ben'] }} }}");
    assert_eq!(told(&asked, &made("'github:cy'")), [format!("peer: {others}")]);
    // Who has pushed, and made it, approves nothing of it.
    let by_cy = made("'github:cy'").replace("Ana Ruiz <ana@example.com>", "cy <cy@example.com>");
    assert!(!told(peer, &by_cy)[0].contains("pushes it"));
}

/// The digest of what lands is known, so that the plan holds the field also where another one was stated.
#[test]
fn the_digest_of_a_file_is_stated() {
    let policy = policy_of_fields(
        "  evidence: { require: { field: { Digest: present } } }\n  digest: { require: { digest-of: { field: Digest, path: 'models/' } } }",
    );
    let digest = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";
    let other = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let pointer = |path: &str, digest: &str| {
        format!(
            "{{ path: {path}, start: \"version https://git-lfs.github.com/spec/v1\\noid sha256:{digest}\\nsize 9\\n\" }}"
        )
    };
    let (one, two) = (pointer("models/a", digest), pointer("models/b", other));
    for (stated, paths, wanted) in [
        ("", one.clone(), format!("Digest: {digest}")),
        ("fields: { Digest: 'v7' }\n", one.clone(), format!("Digest: {digest}")),
        ("", format!("{one}, {two}"), format!("Digest: {digest}, {other}")),
    ] {
        let change = change(&format!("{stated}commits: [{{ paths: [{paths}] }}]"));
        let proved = prove(&policy, &change);
        assert_eq!((&proved.plan.open, proved.plan.steps.len()), (&Vec::new(), 1), "{stated}: {proved:#?}");
        assert_eq!(proved.plan.steps[0].options[0][0].paste.as_deref(), Some(wanted.as_str()), "{stated}");
    }
}

/// Returns the fewest acts by which the change is allowed, of a push by someone else and approvals by people of the roster;
/// `None` if all of these do not do.
fn count_fewest_acts(policy: &Policy, change: &Change) -> Option<usize> {
    let people = ["ana", "ben", "cy", "dee"];
    let approve = |who: &str| Repair::Approve {
        account: None,
        trailer: Some((
            "Reviewed-by".to_owned(),
            crate::change::Person { name: who.into(), email: format!("{who}@example.com").as_str().into() },
        )),
        people: Vec::new(),
    };
    let mut fewest: Option<usize> = None;
    for pusher in std::iter::once(None).chain(people.iter().map(Some)) {
        for chosen in 0..1_u32 << people.len() {
            let mut acts = Vec::new();
            acts.extend(pusher.map(|who| Repair::PushAs { accounts: vec![format!("github:{who}")] }));
            let chosen = people.iter().enumerate().filter(|(place, _)| chosen & (1 << place) != 0);
            acts.extend(chosen.map(|(_, who)| approve(who)));
            let verdict = judge_change(policy, &apply_repairs(change, &acts), true);
            if verdict.decision() == Decision::Allow {
                fewest = Some(fewest.map_or(acts.len(), |known| known.min(acts.len())));
            }
        }
    }
    fewest
}

/// Where it is free who pushes, or one of several people has to, the plan takes as few acts as trying all of them finds.
#[test]
fn who_pushes_is_chosen_so_that_the_fewest_acts_are_needed() {
    let by = |pusher: &str, more: &str| {
        change(&format!(
            "pusher: 'github:{pusher}'\ncommits: [{{ author: Ana Ruiz <ana@example.com> }}]\n{more}"
        ))
    };
    // Ben is the only one in both teams: if he does not push, one approval is enough.
    let both = "
  security: { require: { approvals: { from: [security], trust: claimed } } }
  ops: { require: { approvals: { from: [ops], trust: claimed } } }
  pusher: { require: { pusher: ['github:ben', 'github:dee', 'github:cy'] } }";
    let policy = policy_of(both);
    let proved = prove(&policy, &by("ana", ""));
    assert_eq!((proved.acts.len(), count_fewest_acts(&policy, &by("ana", ""))), (2, Some(2)), "{proved:#?}");
    let push = proved
        .plan
        .steps
        .iter()
        .flat_map(|step| &step.options[0])
        .find(|act| act.kind == crate::verdict::PlannedActKind::PushAs);
    assert_eq!(push.unwrap().people, ["github:dee", "github:cy"]);
    // The only one who could approve pushes: an author can.
    let mine = policy_of(
        "  security: { require: { approvals: { from: [security], at-least: 2, trust: claimed } } }",
    );
    let proved = prove(&mine, &by("ben", ""));
    assert!(proved.plan.is_complete() && proved.acts.len() == 3, "{proved:#?}");
    // A push instead of one more approval is as many acts, and changes less.
    let ops = policy_of(
        "  ops: { require: { approvals: { from: [ops, security], at-least: 2, trust: claimed } } }",
    );
    assert!(!told_acts(&prove(&ops, &by("ben", ""))).iter().any(|act| act.contains("pushes it")));
}

/// Returns what the acts of a plan say.
fn told_acts(proved: &ProvedPlan) -> Vec<String> {
    let acts = proved.plan.steps.iter().flat_map(|step| &step.options[0]);
    acts.map(|act| act.what.to_plain_text()).collect()
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(96))]

    /// Against trying everything, over small policies: who pushes, who approves, which rules there are.
    #[test]
    fn a_plan_takes_as_few_acts_as_trying_everything_finds(
        pusher in 0_usize..4,
        given in 0_usize..5,
        teams in proptest::collection::vec(1_u8..16, 3),
        rules in proptest::collection::vec((0_usize..3, 1_u64..3), 1..4),
        pushers in proptest::option::of(1_u8..16),
        team_of_pusher in proptest::option::of(0_usize..3),
    ) {
        let people = ["ana", "ben", "cy", "dee"];
        let members = |set: u8, form: fn(&str) -> String| {
            let chosen = people.iter().enumerate().filter(|(place, _)| set & (1 << place) != 0);
            chosen.map(|(_, who)| form(who)).collect::<Vec<_>>().join(", ")
        };
        let mut text = HEAD.split("  teams:").next().unwrap().to_owned();
        text.push_str("  teams:\n");
        for (place, set) in teams.iter().enumerate() {
            text.push_str(&format!("    t{place}: [{}]\n", members(*set, |who| format!("{who}@example.com"))));
        }
        text.push_str("fields: { Reviewed-by: { person: true } }\nrules:\n");
        for (place, (team, count)) in rules.iter().enumerate() {
            text.push_str(&format!(
                "  r{place}: {{ require: {{ approvals: {{ from: [t{team}], at-least: {count}, trust: claimed }} }} }}\n"
            ));
        }
        if let Some(set) = pushers {
            let listed = members(set, |who| format!("'github:{who}'"));
            text.push_str(&format!("  pusher: {{ require: {{ pusher: [{listed}] }} }}\n"));
        }
        if let Some(team) = team_of_pusher {
            text.push_str(&format!("  team: {{ require: {{ not: {{ pusher: {{ team: t{team} }} }} }} }}\n"));
        }
        let policy = load_policy("policy.yml", &mut |path| {
            Ok(Some(if path == "people.yml" { ROSTER } else { text.as_str() }.as_bytes().to_vec()))
        });
        let policy = policy.unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
        let given = people.get(given).map_or(String::new(), |who| {
            format!("fields: {{ Reviewed-by: '{who} <{who}@example.com>' }}\n")
        });
        let change = change(&format!(
            "pusher: 'github:{}'\n{given}commits: [{{ author: Ana Ruiz <ana@example.com> }}]\n",
            people[pusher]
        ));
        let fewest = count_fewest_acts(&policy, &change);
        match plan_unblocking(&[&policy], &change, true) {
            None => proptest::prop_assert!(fewest == Some(0), "{fewest:?}\n{text}{given}"),
            Some(proved) if proved.plan.is_complete() => {
                proptest::prop_assert_eq!(Some(proved.acts.len()), fewest, "{:#?}\n{}{}", proved.plan, text, given);
            }
            Some(proved) => proptest::prop_assert_eq!(fewest, None, "{:#?}\n{}{}", proved.plan, text, given),
        }
    }
}
