//! The scenes: what is pushed, the narration, and the expected ending.
//!
//! A scene only states what is expected; a real push shows what happens.

/// The expected ending of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SceneEnding {
    /// The push is accepted, and the pusher sees this text.
    Accepted(&'static str),
    /// The push is refused by this rule.
    Refused(&'static str),
}

/// The content of a push.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScenePush {
    /// A commit that writes `content` to `file`, by Ana, with this message.
    Commit { file: &'static str, content: &'static str, message: &'static str },
    /// Such a commit after another one, which turns the rule `peer-review` off.
    WeakenThenCommit { file: &'static str, content: &'static str, message: &'static str },
    /// A deletion of the branch main.
    Deletion,
}

/// One push with its narration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DemoScene {
    pub(crate) title: &'static str,
    pub(crate) story: &'static str,
    pub(crate) push: ScenePush,
    pub(crate) ending: SceneEnding,
}

/// The placeholder for the commit of the emergency, whose id is known only after its push.
pub(crate) const EMERGENCY_PLACEHOLDER: &str = "{emergency}";

/// The message of the commit that weakens the policy: complete except for a review and the authority.
pub(crate) const WEAKENING_MESSAGE: &str = "\
Reviews are optional from now on

Change-Type: normal
Risk: low
Security-Impact: low
Ticket: PAY-104
Back-out-Plan: revert this commit
Test-Plan: the next push goes through
Isms-Purpose: changes land faster without waiting for a review
Isms-Integrity: the author of a change knows best whether it is right
Isms-Resources: none, it even saves some time
";

/// The rule that this commit adds to the policy.
pub(crate) const WEAKENING_RULE: &str = "  peer-review: { level: off, reason: we trust each other }\n";

pub(crate) const DEMO_SCENES: [DemoScene; 9] = [
    DemoScene {
        title: "A complete change",
        story: "Ana has changed how totals are rounded, and Ben has reviewed it.",
        push: ScenePush::Commit {
            file: "totals.txt",
            content: "round half to even\n",
            message: "\
Round totals half to even

Change-Type: normal
Risk: low
Security-Impact: none
Ticket: PAY-101
Back-out-Plan: revert this commit and redeploy
Test-Plan: totals of last month computed both ways
Reviewed-by: Ben Ode <ben@example.com>
",
        },
        ending: SceneEnding::Accepted("main -> main"),
    },
    DemoScene {
        title: "A change without a review",
        story: "All fields are there, but no review.",
        push: ScenePush::Commit {
            file: "limits.txt",
            content: "daily limit 500\n",
            message: "\
Raise the daily limit

Change-Type: normal
Risk: medium
Security-Impact: low
Ticket: PAY-102
Back-out-Plan: set the limit back to 300
Test-Plan: a transfer of 400 goes through on staging
",
        },
        ending: SceneEnding::Refused("peer-review"),
    },
    DemoScene {
        title: "A self-review",
        story: "The only review is Ana's own.",
        push: ScenePush::Commit {
            file: "limits.txt",
            content: "daily limit 500\n",
            message: "\
Raise the daily limit

Change-Type: normal
Risk: medium
Security-Impact: low
Ticket: PAY-102
Back-out-Plan: set the limit back to 300
Test-Plan: a transfer of 400 goes through on staging
Reviewed-by: Ana Lind <ana@example.com>
",
        },
        ending: SceneEnding::Refused("peer-review"),
    },
    DemoScene {
        title: "A change without a risk",
        story: "Ben has reviewed it, but the message does not state the risk.",
        push: ScenePush::Commit {
            file: "limits.txt",
            content: "daily limit 500\n",
            message: "\
Raise the daily limit

Change-Type: normal
Security-Impact: low
Ticket: PAY-102
Back-out-Plan: set the limit back to 300
Test-Plan: a transfer of 400 goes through on staging
Reviewed-by: Ben Ode <ben@example.com>
",
        },
        ending: SceneEnding::Refused("risk"),
    },
    DemoScene {
        title: "High risk without security",
        story: "Ben and Kim have reviewed it. The policy also needs a review by security.",
        push: ScenePush::Commit {
            file: "login.txt",
            content: "sessions last 30 days\n",
            message: "\
Keep people logged in for 30 days

Change-Type: normal
Risk: high
Security-Impact: high
Ticket: PAY-103
Back-out-Plan: set the lifetime back to one day
Test-Plan: sessions on staging followed for a week
Reviewed-by: Ben Ode <ben@example.com>
Reviewed-by: Kim Aro <kim@example.com>
",
        },
        ending: SceneEnding::Refused("high-risk-needs-security"),
    },
    DemoScene {
        title: "An emergency",
        story: "Payments are down. The change lands at once, and owes what it has skipped.",
        push: ScenePush::Commit {
            file: "totals.txt",
            content: "round half up\n",
            message: "\
Go back to rounding half up

Change-Type: emergency
Risk: medium
Security-Impact: none
Incident: INC-7
Emergency-Reason: the bank refuses every transfer that is off by a cent
Back-out-Plan: revert this commit and redeploy
Authorized-by: Kim Aro <kim@example.com>
",
        },
        ending: SceneEnding::Accepted("emergency-ticket"),
    },
    DemoScene {
        title: "A weakened policy",
        story: "One push, two commits: the first turns reviews off, the second has none.",
        push: ScenePush::WeakenThenCommit {
            file: "limits.txt",
            content: "no daily limit\n",
            message: "\
Drop the daily limit

Change-Type: normal
Risk: low
Security-Impact: none
Ticket: PAY-104
Back-out-Plan: set the limit back to 300
Test-Plan: a transfer of 40000 goes through
",
        },
        ending: SceneEnding::Refused("peer-review"),
    },
    DemoScene {
        title: "A deleted branch",
        story: "A push that deletes main.",
        push: ScenePush::Deletion,
        ending: SceneEnding::Refused("ref-deleted"),
    },
    DemoScene {
        title: "The emergency is over",
        story: "Ana adds the ticket that she owes. Two reviews are still open.",
        push: ScenePush::Commit {
            file: "incidents.txt",
            content: "INC-7: rounding, see SEC-12\n",
            message: "\
Write down what INC-7 was

Change-Type: normal
Risk: low
Security-Impact: none
Ticket: SEC-12
Back-out-Plan: revert this commit
Test-Plan: none needed, this is only a note
For-Change: {emergency}
Emergency-Ticket: SEC-12
Reviewed-by: Ben Ode <ben@example.com>
",
        },
        ending: SceneEnding::Accepted("emergency-ticket"),
    },
];
