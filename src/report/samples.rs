//! Reports to look at, for the tests of every format.

use std::sync::Arc;

use crate::change::{FactKind, Missing, Oid, Stage, Text};
use crate::predicates::support::condition::ConditionTrace;
use crate::report::content::*;
use crate::verdict::{
    ChangeLocation, ClassId, CommitShape, ExemptionId, FieldDisagreement, Finding, Fixer, Judgement, Message,
    MessageTemplate, Obligation, PredicateAnswer, RuleDescription, RuleId, RuleLevel, RuleOutcome,
    StatedValue, Verdict,
};

/// A message of any words, with a quotation at the end.
const ANY_WORDS: MessageTemplate = MessageTemplate { code: "sample.words", text: "{words}{quote}" };

/// Returns a message of these words, with `quote` as a quotation at its end.
pub(crate) fn sample_message(words: &str, quote: &str) -> Message {
    let words = ANY_WORDS.with("words", words);
    if quote.is_empty() { words.with("quote", "") } else { words.with("quote", Text::from(quote)) }
}

const OWN_APPROVAL: MessageTemplate = MessageTemplate {
    code: "sample.own-approval",
    text: "{person} is an author of this change and cannot approve it",
};

const TOO_FEW_APPROVALS: MessageTemplate = MessageTemplate {
    code: "sample.too-few-approvals",
    text: "needs {needed} {needed:approval|approvals} in `{field}`; {counted} {counted:counts|count}",
};

const MISSING_FIELD: MessageTemplate =
    MessageTemplate { code: "sample.missing-field", text: "`{field}` is missing" };

const LOST_HISTORY: MessageTemplate = MessageTemplate {
    code: "sample.lost-history",
    text: "the push rewrites protected history; {commits} commits would be lost",
};

const LOW_VALUE: MessageTemplate =
    MessageTemplate { code: "sample.low-value", text: "`{field}` is {value}; needs at least {needed}" };

const NO_LEVEL: MessageTemplate =
    MessageTemplate { code: "sample.no-level", text: "`{field}` is {value}, which is not a level" };

const LONG_SUBJECT: MessageTemplate = MessageTemplate {
    code: "sample.long-subject",
    text: "the subject has {found} characters; at most {most} are allowed",
};

const PATH_CHANGED: MessageTemplate =
    MessageTemplate { code: "sample.path-changed", text: "this changes {path}" };

const TEAM_APPROVAL: MessageTemplate = MessageTemplate {
    code: "sample.team-approval",
    text: "needs {needed} {needed:approval|approvals} from {teams/or}; {counted} {counted:counts|count}",
};

const LATE_FIELD: MessageTemplate =
    MessageTemplate { code: "sample.late-field", text: "`{field}` within {limit}" };

const TRAILER: MessageTemplate = MessageTemplate { code: "sample.trailer", text: "{field}: {placeholder}" };

const EXPIRED_EXEMPTION: MessageTemplate =
    MessageTemplate { code: "sample.expired-exemption", text: "the exemption of `{rule}` expired on {day}" };

const POLICY_REVIEW: MessageTemplate =
    MessageTemplate { code: "sample.policy-review", text: "the policy is due for review since {day}" };

const SOME_FAILURE: MessageTemplate = MessageTemplate { code: "sample.some-failure", text: "no" };

pub(crate) fn sample_id(digit: &str) -> Oid {
    Oid::from_hex(&digit.chars().cycle().take(40).collect::<String>()).unwrap()
}

pub(crate) fn sample_rule(id: &str, title: &str) -> Arc<RuleDescription> {
    Arc::new(RuleDescription {
        id: RuleId::new(id),
        title: title.into(),
        controls: vec!["iso27001:A.8.32".into(), "soc2:CC8.1".into()],
    })
}

pub(crate) fn sample_judgement(id: &str, title: &str, level: RuleLevel, outcome: RuleOutcome) -> Judgement {
    Judgement { rule: sample_rule(id, title), level, outcome }
}

pub(crate) fn denying_judgement(id: &str, title: &str, outcome: RuleOutcome) -> Judgement {
    sample_judgement(id, title, RuleLevel::Deny, outcome)
}

pub(crate) fn sample_verdict(revision: &str, subject: &[u8], judgements: Vec<Judgement>) -> Verdict {
    Verdict {
        revision: Some(sample_id(revision)),
        commits: 1,
        commit_shapes: vec![CommitShape {
            id: sample_id(revision),
            parents: 1,
            is_made_by_forge: false,
            may_be_empty: false,
        }],
        subject: subject.into(),
        stage: Stage::PreReceive,
        enforced: true,
        class: Some(ClassId::new("normal")),
        judgements,
        disagreements: Vec::new(),
        reasons: None,
        plan: None,
    }
}

pub(crate) fn sample_report(groups: Vec<ReportGroup>) -> Report {
    Report {
        decision: decide_groups(&groups, true),
        stage: Stage::PreReceive,
        enforced: true,
        seen_at: "2026-03-04T02:14:00Z".parse().unwrap(),
        policy: Some(PolicyDescription {
            name: "acme-change-management".into(),
            digest: "ab12cd34ef567890".repeat(4),
            source: "policies/changegate.yml at refs/heads/main (aaaaaaaaaa)".into(),
        }),
        groups,
        notes: Vec::new(),
        is_evaluation: false,
    }
}

pub(crate) fn moved_ref(name: &str) -> GroupScope {
    GroupScope::Ref {
        name: name.into(),
        update: RefUpdateKind::Move { old: sample_id("a"), new: sample_id("3d4e5f6071") },
    }
}

const REVIEW_TITLE: &str = "reviewed by someone other than its authors";
const RISK_TITLE: &str = "the risk of the change is stated";

fn missing_review(commit: &str) -> Judgement {
    let count = TOO_FEW_APPROVALS.with("needed", 1_u64).with("field", "Reviewed-by").with("counted", 0_u64);
    let short = Finding::new(count)
        .in_commit(Some(sample_id(commit)))
        .fixed_by(Fixer::Reviewer)
        .with_paste("Reviewed-by: <name> <address>");
    let own = Finding::new(OWN_APPROVAL.with("person", Text::from("Ana Ruiz <ana@example.com>")))
        .in_commit(Some(sample_id(commit)))
        .on_message_line(7)
        .fixed_by(Fixer::Reviewer);
    denying_judgement("peer-review", REVIEW_TITLE, RuleOutcome::Fail(vec![short, own]))
}

fn missing_risk(commit: &str) -> Judgement {
    let missing = Finding::new(MISSING_FIELD.with("field", "Risk"))
        .in_commit(Some(sample_id(commit)))
        .with_paste("Risk: <low|medium|high|critical>");
    denying_judgement("risk-stated", RISK_TITLE, RuleOutcome::Fail(vec![missing]))
}

pub(crate) fn passed_judgement() -> Judgement {
    denying_judgement("subject-form", "the subject says what changes", RuleOutcome::Pass)
}

pub(crate) fn denied() -> Report {
    let main = ReportGroup::new(
        moved_ref("refs/heads/main"),
        vec![
            sample_verdict(
                "1b2c3d4e5f",
                b"Add a retry to the payment client",
                vec![missing_review("1b2c3d4e5f"), missing_risk("1b2c3d4e5f")],
            ),
            sample_verdict("2c3d4e5f60", b"Say in the log which attempt it was", vec![passed_judgement()]),
            sample_verdict(
                "3d4e5f6071",
                b"Raise the limit of attempts to five",
                vec![missing_risk("3d4e5f6071")],
            ),
        ],
    );
    let forced = Finding::new(LOST_HISTORY.with("commits", 4_u64)).fixed_by(Fixer::ServerAdministrator);
    let release = ReportGroup {
        refusals: vec![denying_judgement(
            "no-rewrite",
            "protected history only grows",
            RuleOutcome::Fail(vec![forced]),
        )],
        ..ReportGroup::new(
            GroupScope::Ref {
                name: "refs/heads/release/2.1".into(),
                update: RefUpdateKind::Rewrite { old: sample_id("c"), new: sample_id("d") },
            },
            vec![sample_verdict(
                "2c3d4e5f60",
                b"Say in the log which attempt it was",
                vec![passed_judgement()],
            )],
        )
    };
    let fine = ReportGroup::new(
        moved_ref("refs/heads/docs"),
        vec![sample_verdict("e", b"Fix a typo", vec![passed_judgement()])],
    );
    sample_report(vec![fine, main, release])
}

pub(crate) fn allowed() -> Report {
    let fine =
        |digit| sample_verdict(digit, b"Say in the log which attempt it was", vec![passed_judgement()]);
    sample_report(vec![ReportGroup::new(moved_ref("refs/heads/main"), vec![fine("1"), fine("2"), fine("3")])])
}

pub(crate) fn owed() -> Report {
    let ticket = Obligation {
        what: LATE_FIELD.with("field", "Emergency-Ticket").with("limit", "24h"),
        owner: Fixer::Author,
        due: Some("2026-03-05T02:14:00Z".parse().unwrap()),
        evidence: TRAILER.with("field", "Emergency-Ticket").with("placeholder", "<ticket>"),
        field: None,
        by_others: false,
    };
    let review = Obligation {
        what: LATE_FIELD.with("field", "Post-Implementation-Review").with("limit", "5 business days"),
        owner: Fixer::TeamMember(vec!["on-call".into()]),
        due: Some("2026-03-11T23:59:59Z".parse().unwrap()),
        evidence: TRAILER.with("field", "Post-Implementation-Review").with("placeholder", "<link>"),
        field: None,
        by_others: false,
    };
    let mut one = sample_verdict(
        "4e5f607182",
        b"Stop charging cards twice",
        vec![
            denying_judgement(
                "emergency-ticket",
                "an emergency has a ticket within a day",
                RuleOutcome::Owed(vec![ticket]),
            ),
            denying_judgement(
                "post-implementation-review",
                "an emergency is reviewed afterwards",
                RuleOutcome::Owed(vec![review]),
            ),
        ],
    );
    one.class = Some(ClassId::new("emergency"));
    sample_report(vec![ReportGroup::new(moved_ref("refs/heads/main"), vec![one])])
}

pub(crate) fn message_report(judgements: Vec<Judgement>) -> Report {
    let mut one = sample_verdict("1", b"Add a retry to the payment client", judgements);
    one.revision = None;
    one.commit_shapes = Vec::new();
    one.stage = Stage::CommitMsg;
    one.enforced = false;
    let mut report = sample_report(vec![ReportGroup::new(GroupScope::Message, vec![one])]);
    report.stage = Stage::CommitMsg;
    report.enforced = false;
    report.decision = decide_groups(&report.groups, false);
    report
}

pub(crate) fn deferred() -> Report {
    message_report(vec![
        passed_judgement(),
        denying_judgement(
            "peer-review",
            REVIEW_TITLE,
            RuleOutcome::Deferred(vec![Missing::NotAtThisStage(FactKind::Reviews)]),
        ),
        denying_judgement(
            "own-pushes",
            "no pushes of changes by others",
            RuleOutcome::Deferred(vec![Missing::NotAtThisStage(FactKind::Pusher)]),
        ),
        denying_judgement(
            "high-risk-needs-security",
            "security has approved risky changes",
            RuleOutcome::Deferred(vec![Missing::NotAtThisStage(FactKind::Reviews)]),
        ),
        denying_judgement(
            "ticket-open",
            "the ticket is open",
            RuleOutcome::Deferred(vec![Missing::NotConfigured(FactKind::Tickets)]),
        ),
    ])
}

pub(crate) fn refused_message() -> Report {
    let what = LOW_VALUE.with("field", "Risk").with("value", Text::from("hgih")).with("needed", "medium");
    let wrong = Finding::new(what).on_message_line(5).with_paste("Risk: <medium|high|critical>");
    message_report(vec![
        denying_judgement(
            "risk-floor-infra",
            "infrastructure changes have at least medium risk",
            RuleOutcome::Fail(vec![wrong]),
        ),
        denying_judgement(
            "peer-review",
            REVIEW_TITLE,
            RuleOutcome::Deferred(vec![Missing::NotAtThisStage(FactKind::Reviews)]),
        ),
    ])
}

pub(crate) fn undecided() -> Report {
    let missing = vec![
        Missing::Unavailable(FactKind::Reviews, "the forge answered 503".into()),
        Missing::NotConfigured(FactKind::Pusher),
        Missing::NotAtThisStage(FactKind::Tickets),
    ];
    let one = sample_verdict(
        "5",
        b"Rotate the keys of the signer",
        vec![denying_judgement("peer-review", REVIEW_TITLE, RuleOutcome::Undecided(missing))],
    );
    sample_report(vec![ReportGroup::new(moved_ref("refs/heads/main"), vec![one])])
}

pub(crate) fn remarked() -> Report {
    let exempted = RuleOutcome::Exempted {
        reason: "lock-file bumps are covered by STD-DEPS-PATCH".into(),
        approved_by: "dana@example.com".into(),
        until: "2026-12-31".into(),
        exemption: ExemptionId::new("policies/changegate.yml:40"),
    };
    let long = Finding::new(LONG_SUBJECT.with("found", 91_u64).with("most", 72_u64))
        .in_commit(Some(sample_id("6")))
        .on_message_line(1);
    let unknown = vec![Missing::NotConfigured(FactKind::Tickets)];
    let one = sample_verdict(
        "6",
        b"Bump serde from 1.0.228 to 1.0.229",
        vec![
            denying_judgement("peer-review", REVIEW_TITLE, exempted),
            sample_judgement(
                "subject-length",
                "a subject fits a line",
                RuleLevel::Warn,
                RuleOutcome::Fail(vec![long]),
            ),
            sample_judgement(
                "ticket-open",
                "the ticket is open",
                RuleLevel::Warn,
                RuleOutcome::Undecided(unknown),
            ),
        ],
    );
    let mut report = sample_report(vec![ReportGroup::new(moved_ref("refs/heads/main"), vec![one])]);
    report.notes = vec![
        EXPIRED_EXEMPTION.with("rule", "four-pillars").with("day", "2026-02-28"),
        POLICY_REVIEW.with("day", "2026-01-31"),
    ];
    report
}

pub(crate) fn disagreeing() -> Report {
    let described = ChangeLocation { line: Some(12), in_description: true, ..ChangeLocation::default() };
    let said = |digit: &str, line: usize| ChangeLocation {
        commit: Some(sample_id(digit)),
        line: Some(line),
        ..ChangeLocation::default()
    };
    let disagreement = |field: &str, stated: [(&[u8], ChangeLocation); 2], counts: &str| FieldDisagreement {
        field: field.into(),
        stated: stated.into_iter().map(|(value, at)| StatedValue { value: value.into(), at }).collect(),
        counts: counts.into(),
    };
    let mut one = sample_verdict("9", b"Cache the tenant lookup", vec![passed_judgement()]);
    one.stage = Stage::PullRequest;
    one.commits = 2;
    one.disagreements = vec![
        disagreement("Risk", [(b"high; the token check", said("8a", 5)), (b"low", described)], "high"),
        disagreement(
            "Change-Type",
            [(b"normal", said("8a", 6)), (b"emergency; \x1b[2J", said("9", 7))],
            "emergency",
        ),
    ];
    sample_report(vec![ReportGroup::new(GroupScope::PullRequest("acme/shop#12".into()), vec![one])])
}

pub(crate) fn hostile() -> Report {
    let text = |bytes: &[u8]| Text::new(bytes);
    let risk = text(b"low\x1b[2J`\r\nREFUSED ::error::x \xff\xe2\x80\xae");
    let what = NO_LEVEL.with("field", "Risk").with("value", risk);
    let finding = Finding::new(what).at_path(&text(b"src/\x1b]8;;http://x\x07a/##[error]b"));
    let one = sample_verdict(
        "7",
        b"\x1b[2J\rallowed \xe2\x80\xae ::error:: ##[group] and far more of it than a line could ever take in",
        vec![denying_judgement("risk-stated", RISK_TITLE, RuleOutcome::Fail(vec![finding]))],
    );
    let name = text(b"refs/heads/%0A::error::x\xe2\x80\x8b<img>\x1b[31m");
    sample_report(vec![ReportGroup::new(
        GroupScope::Ref { name, update: RefUpdateKind::Delete { old: sample_id("8") } },
        vec![one],
    )])
}

pub(crate) fn explained() -> Report {
    let no = || PredicateAnswer::Fails(vec![Finding::new(&SOME_FAILURE)]);
    let leaf =
        |question: &str, answer| ConditionTrace { question: question.into(), answer, parts: Vec::new() };
    let unknown = PredicateAnswer::Unknown(vec![Missing::NotConfigured(FactKind::Reviews)]);
    let any = ConditionTrace {
        question: "one of these:".into(),
        answer: unknown.clone(),
        parts: vec![
            leaf("`Change-Type` is standard", no()),
            leaf(
                "at least 1 approval of the final revision comes from security, by someone other than the authors",
                unknown,
            ),
        ],
    };
    let all = ConditionTrace {
        question: "all of these:".into(),
        answer: no(),
        parts: vec![
            leaf("`Risk` is present", no()),
            leaf("`Change-Type` is present", PredicateAnswer::Holds(Vec::new())),
            any,
        ],
    };
    let mut report = denied();
    report.groups.remove(0);
    report.groups.truncate(1);
    report.groups[0].verdicts.truncate(1);
    report.groups[0].traces =
        vec![RuleTrace { verdict_index: 0, rule_id: RuleId::new("risk-stated"), trace: all }];
    report
}

pub(crate) fn pulled() -> Report {
    let wrong = LOW_VALUE.with("field", "Risk").with("value", Text::from("hgih")).with("needed", "medium");
    let mut risk = Finding::new(wrong).with_paste("Risk: <medium|high|critical>");
    risk.at = ChangeLocation { line: Some(5), in_description: true, ..ChangeLocation::default() };
    let path = Text::from("infra/prod.tf");
    let scope = Finding::new(PATH_CHANGED.with("path", &path))
        .at_path(&path)
        .fixed_by(Fixer::TeamMember(vec!["infrastructure".into()]));
    let count = TEAM_APPROVAL.with("needed", 1_u64).with("teams", vec!["security", "audit"]);
    let review = Finding::new(count.with("counted", 0_u64))
        .fixed_by(Fixer::TeamMember(vec!["security".into(), "audit".into()]))
        .or_by(Fixer::PolicyOwner);
    let gap = vec![Missing::Unavailable(FactKind::Checks, "the forge answered 503".into())];
    let mut one = sample_verdict(
        "6a5b4c3d2e",
        b"Let the signer use the new keys (#11)",
        vec![
            denying_judgement(
                "risk-floor-infra",
                "infrastructure changes have at least medium risk",
                RuleOutcome::Fail(vec![risk]),
            ),
            denying_judgement(
                "infra-owners",
                "the owners of infrastructure have agreed",
                RuleOutcome::Fail(vec![scope]),
            ),
            denying_judgement(
                "security-review",
                "security has approved risky changes",
                RuleOutcome::Fail(vec![review]),
            ),
            denying_judgement("tests-passed", "the tests have passed", RuleOutcome::Undecided(gap)),
            passed_judgement(),
            denying_judgement(
                "emergency-ticket",
                "an emergency has a ticket within a day",
                RuleOutcome::NotApplicable,
            ),
        ],
    );
    one.stage = Stage::PullRequest;
    one.commits = 3;
    let mut report =
        sample_report(vec![ReportGroup::new(GroupScope::PullRequest("acme/shop#12".into()), vec![one])]);
    report.stage = Stage::PullRequest;
    report
}
