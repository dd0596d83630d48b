//! Reports to look at, for the tests of every format.

use std::sync::Arc;

use super::*;
use crate::change::{Missing, Need};
use crate::verdict::{Answer, Disagreement, Finding, Level, Obligation, RuleName, Spot, Stated};

pub(super) fn id(digit: &str) -> Oid {
    Oid::from_hex(&digit.chars().cycle().take(40).collect::<String>()).unwrap()
}

pub(super) fn rule(id: &str, title: &str) -> Arc<RuleName> {
    Arc::new(RuleName {
        id: id.into(),
        title: title.into(),
        controls: vec!["iso27001:A.8.32".into(), "soc2:CC8.1".into()],
    })
}

pub(super) fn judged(id: &str, title: &str, level: Level, outcome: Outcome) -> Judgement {
    Judgement { rule: rule(id, title), level, outcome }
}

pub(super) fn deny(id: &str, title: &str, outcome: Outcome) -> Judgement {
    judged(id, title, Level::Deny, outcome)
}

pub(super) fn verdict(revision: &str, subject: &[u8], judgements: Vec<Judgement>) -> Verdict {
    Verdict {
        revision: Some(id(revision)),
        commits: 1,
        subject: subject.into(),
        stage: Stage::PreReceive,
        enforced: true,
        class: Some("normal".into()),
        judgements,
        disagreements: Vec::new(),
    }
}

pub(super) fn report(groups: Vec<Group>) -> Report {
    Report {
        decision: decide(&groups, true),
        stage: Stage::PreReceive,
        enforced: true,
        seen_at: "2026-03-04T02:14:00Z".parse().unwrap(),
        policy: Some(PolicyName {
            name: "acme-change-management".into(),
            digest: "ab12cd34ef567890".repeat(4),
            source: "policies/changegate.yml at refs/heads/main (aaaaaaaaaa)".into(),
        }),
        groups,
        notes: Vec::new(),
    }
}

pub(super) fn moved(name: &str) -> Of {
    Of::Ref { name: name.into(), update: Update::Move { old: id("a"), new: id("b") } }
}

const REVIEWED: &str = "somebody who did not make the change has reviewed what lands";
const RISK: &str = "the risk of the change is stated";

fn no_review(commit: &str) -> Judgement {
    let what = Line::say("`Reviewed-by` names ")
        .quote(&"Ana Ruiz <ana@example.com>".into())
        .and(", who made the change");
    let said =
        Finding::new(what).in_commit(Some(id(commit))).on_line(7).by("somebody who did not make the change");
    let short = Finding::new(Line::say("1 approval in `Reviewed-by` is needed, and 0 count"))
        .in_commit(Some(id(commit)))
        .by("somebody who did not make the change")
        .paste("Reviewed-by: <name> <address>");
    deny("peer-review", REVIEWED, Outcome::Fail(vec![said, short]))
}

fn no_risk(commit: &str) -> Judgement {
    let missing = Finding::new(Line::say("`Risk` is missing"))
        .in_commit(Some(id(commit)))
        .paste("Risk: <low|medium|high|critical>");
    deny("risk-stated", RISK, Outcome::Fail(vec![missing]))
}

fn passed() -> Judgement {
    deny("subject-form", "the subject says what changes", Outcome::Pass)
}

pub(super) fn denied() -> Report {
    let main = Group::new(
        moved("refs/heads/main"),
        vec![
            verdict(
                "1b2c3d4e5f",
                b"Add a retry to the payment client",
                vec![no_review("1b2c3d4e5f"), no_risk("1b2c3d4e5f")],
            ),
            verdict("2c3d4e5f60", b"Say in the log which attempt it was", vec![passed()]),
            verdict("3d4e5f6071", b"Raise the limit of attempts to five", vec![no_risk("3d4e5f6071")]),
        ],
    );
    let forced =
        Finding::new(Line::say("history that was under control is rewritten; 4 commits would be lost"))
            .by("an administrator of this repository");
    let release = Group {
        refusals: vec![deny(
            "no-rewrite",
            "history under change control only grows",
            Outcome::Fail(vec![forced]),
        )],
        ..Group::new(
            Of::Ref {
                name: "refs/heads/release/2.1".into(),
                update: Update::Rewrite { old: id("c"), new: id("d") },
            },
            vec![verdict("2c3d4e5f60", b"Say in the log which attempt it was", vec![passed()])],
        )
    };
    let fine = Group::new(moved("refs/heads/docs"), vec![verdict("e", b"Fix a typo", vec![passed()])]);
    report(vec![fine, main, release])
}

pub(super) fn allowed() -> Report {
    let fine = |digit| verdict(digit, b"Say in the log which attempt it was", vec![passed()]);
    report(vec![Group::new(moved("refs/heads/main"), vec![fine("1"), fine("2"), fine("3")])])
}

pub(super) fn owed() -> Report {
    let ticket = Obligation {
        what: "`Emergency-Ticket` within 24h".into(),
        owner: "the author".into(),
        due: Some("2026-03-05T02:14:00Z".parse().unwrap()),
        evidence: "Emergency-Ticket: <ticket>".into(),
        field: None,
        by_others: false,
    };
    let review = Obligation {
        what: "`Post-Implementation-Review` within 5 business days".into(),
        owner: "kim@example.com".into(),
        due: Some("2026-03-11T23:59:59Z".parse().unwrap()),
        evidence: "Post-Implementation-Review: <link>".into(),
        field: None,
        by_others: false,
    };
    let mut one = verdict(
        "4e5f607182",
        b"Stop charging cards twice",
        vec![
            deny("emergency-ticket", "an emergency has a ticket within a day", Outcome::Owed(vec![ticket])),
            deny("post-implementation-review", "an emergency is looked back at", Outcome::Owed(vec![review])),
        ],
    );
    one.class = Some("emergency".into());
    report(vec![Group::new(moved("refs/heads/main"), vec![one])])
}

pub(super) fn message(judgements: Vec<Judgement>) -> Report {
    let mut one = verdict("1", b"Add a retry to the payment client", judgements);
    (one.revision, one.stage, one.enforced) = (None, Stage::CommitMsg, false);
    let mut report = report(vec![Group::new(Of::Message, vec![one])]);
    (report.stage, report.enforced) = (Stage::CommitMsg, false);
    report.decision = decide(&report.groups, false);
    report
}

pub(super) fn deferred() -> Report {
    message(vec![
        passed(),
        deny("peer-review", REVIEWED, Outcome::Deferred(vec![Missing::NotAtThisStage(Need::Reviews)])),
        deny(
            "own-pushes",
            "people push what they made",
            Outcome::Deferred(vec![Missing::NotAtThisStage(Need::Pusher)]),
        ),
        deny(
            "high-risk-needs-security",
            "security has approved what is risky",
            Outcome::Deferred(vec![Missing::NotAtThisStage(Need::Reviews)]),
        ),
        deny(
            "ticket-open",
            "the ticket is open",
            Outcome::Deferred(vec![Missing::NotConfigured(Need::Tickets)]),
        ),
    ])
}

pub(super) fn refused_message() -> Report {
    let what = Line::say("`Risk` is ").quote(&"hgih".into()).and(", and is asked to be at least medium");
    let wrong = Finding::new(what).on_line(5).paste("Risk: <medium|high|critical>");
    message(vec![
        deny(
            "risk-floor-infra",
            "what touches infrastructure is at least of medium risk",
            Outcome::Fail(vec![wrong]),
        ),
        deny("peer-review", REVIEWED, Outcome::Deferred(vec![Missing::NotAtThisStage(Need::Reviews)])),
    ])
}

pub(super) fn undecided() -> Report {
    let missing = vec![
        Missing::Unavailable(Need::Reviews, "the forge answered 503".into()),
        Missing::NotConfigured(Need::Pusher),
        Missing::NotAtThisStage(Need::Tickets),
    ];
    let one = verdict(
        "5",
        b"Rotate the keys of the signer",
        vec![deny("peer-review", REVIEWED, Outcome::Undecided(missing))],
    );
    report(vec![Group::new(moved("refs/heads/main"), vec![one])])
}

pub(super) fn remarked() -> Report {
    let exempted = Outcome::Exempted {
        reason: "lock-file bumps are covered by STD-DEPS-PATCH".into(),
        approved_by: "dana@example.com".into(),
        until: "2026-12-31".into(),
        place: "policies/changegate.yml:40".into(),
    };
    let long = Finding::new(Line::say("the subject has 91 characters, and at most 72 are asked for"))
        .in_commit(Some(id("6")))
        .on_line(1);
    let unknown = vec![Missing::NotConfigured(Need::Tickets)];
    let one = verdict(
        "6",
        b"Bump serde from 1.0.228 to 1.0.229",
        vec![
            deny("peer-review", REVIEWED, exempted),
            judged("subject-length", "a subject fits a line", Level::Warn, Outcome::Fail(vec![long])),
            judged("ticket-open", "the ticket is open", Level::Warn, Outcome::Undecided(unknown)),
        ],
    );
    let mut report = report(vec![Group::new(moved("refs/heads/main"), vec![one])]);
    report.notes = vec![
        Line::say("the exemption of `four-pillars` expired on 2026-02-28"),
        Line::say("this policy asked to be reviewed by 2026-01-31"),
    ];
    report
}

pub(super) fn disagreeing() -> Report {
    let described = Spot { line: Some(12), in_description: true, ..Spot::default() };
    let said =
        |digit: &str, line: usize| Spot { commit: Some(id(digit)), line: Some(line), ..Spot::default() };
    let disagreement = |field: &str, stated: [(&[u8], Spot); 2], counts: &str| Disagreement {
        field: field.into(),
        stated: stated.into_iter().map(|(value, at)| Stated { value: value.into(), at }).collect(),
        counts: counts.into(),
    };
    let mut one = verdict("9", b"Cache the tenant lookup", vec![passed()]);
    (one.stage, one.commits) = (Stage::PullRequest, 2);
    one.disagreements = vec![
        disagreement("Risk", [(b"high; the token check", said("8a", 5)), (b"low", described)], "high"),
        disagreement(
            "Change-Type",
            [(b"normal", said("8a", 6)), (b"emergency; \x1b[2J", said("9", 7))],
            "emergency",
        ),
    ];
    report(vec![Group::new(Of::Pull("acme/shop#12".into()), vec![one])])
}

pub(super) fn hostile() -> Report {
    let text = |bytes: &[u8]| Text::new(bytes);
    let what = Line::say("`Risk` is ")
        .quote(&text(b"low\x1b[2J`\r\nREFUSED ::error::x \xff\xe2\x80\xae"))
        .and(", which is not a level");
    let finding = Finding::new(what).at_path(&text(b"src/\x1b]8;;http://x\x07a/##[error]b"));
    let one = verdict(
        "7",
        b"\x1b[2J\rallowed \xe2\x80\xae ::error:: ##[group] and far more of it than a line could ever take in",
        vec![deny("risk-stated", RISK, Outcome::Fail(vec![finding]))],
    );
    let name = text(b"refs/heads/%0A::error::x\xe2\x80\x8b<img>\x1b[31m");
    report(vec![Group::new(Of::Ref { name, update: Update::Delete { old: id("8") } }, vec![one])])
}

pub(super) fn explained() -> Report {
    let no = || Answer::Fails(vec![Finding::new(Line::say("no"))]);
    let leaf = |question: &str, answer| Trace { question: question.into(), answer, parts: Vec::new() };
    let unknown = Answer::Unknown(vec![Missing::NotConfigured(Need::Reviews)]);
    let any = Trace {
        question: "one of these holds".into(),
        answer: unknown.clone(),
        parts: vec![
            leaf("`Change-Type` is standard", no()),
            leaf(
                "at least 1 approval of the final revision comes from security, by somebody who did not make the change",
                unknown,
            ),
        ],
    };
    let all = Trace {
        question: "all of these hold".into(),
        answer: no(),
        parts: vec![
            leaf("`Risk` is present", no()),
            leaf("`Change-Type` is present", Answer::Holds(Vec::new())),
            any,
        ],
    };
    let mut report = denied();
    report.groups.remove(0);
    report.groups.truncate(1);
    report.groups[0].verdicts.truncate(1);
    report.groups[0].traces = vec![RuleTrace { verdict: 0, rule: "risk-stated".into(), trace: all }];
    report
}

pub(super) fn pulled() -> Report {
    let wrong = Line::say("`Risk` is ").quote(&"hgih".into()).and(", and is asked to be at least medium");
    let risk = Finding::new(wrong).in_description(5).paste("Risk: <medium|high|critical>");
    let scope = Finding::new(Line::say("this changes ").quote(&"infra/prod.tf".into()))
        .at_path(&"infra/prod.tf".into())
        .by("kim@example.com, sam@example.com");
    let review =
        Finding::new(Line::say("1 approval from security is needed, and 0 count")).by("ana@example.com");
    let gap = vec![Missing::Unavailable(Need::Checks, "the forge answered 503".into())];
    let mut one = verdict(
        "6a5b4c3d2e",
        b"Let the signer use the new keys (#11)",
        vec![
            deny(
                "risk-floor-infra",
                "what touches infrastructure is at least of medium risk",
                Outcome::Fail(vec![risk]),
            ),
            deny("infra-owners", "who answers for infrastructure has agreed", Outcome::Fail(vec![scope])),
            deny("security-review", "security has approved what is risky", Outcome::Fail(vec![review])),
            deny("tests-passed", "the tests have passed", Outcome::Undecided(gap)),
            passed(),
            deny("emergency-ticket", "an emergency has a ticket within a day", Outcome::NotApplicable),
        ],
    );
    (one.stage, one.commits) = (Stage::PullRequest, 3);
    let mut report = report(vec![Group::new(Of::Pull("acme/shop#12".into()), vec![one])]);
    report.stage = Stage::PullRequest;
    report
}
