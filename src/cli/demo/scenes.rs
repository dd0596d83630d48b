//! The scenes: what is pushed, what is told about it, and how it has to end.
//!
//! A scene only says what is to happen. That it does happen is found out by a push.

/// How a push has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SceneEnding {
    /// It is accepted, and this is among what the pusher is told.
    Accepted(&'static str),
    /// It is refused by this rule.
    Refused(&'static str),
}

/// What is pushed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScenePush {
    /// A commit that writes `content` to `file`, by Ana, with this message.
    Commit { file: &'static str, content: &'static str, message: &'static str },
    /// One that does so after another, which takes the rule `peer-review` out of the policy.
    WeakenThenCommit { file: &'static str, content: &'static str, message: &'static str },
    /// The deletion of main.
    Deletion,
}

/// One push, and its story.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DemoScene {
    pub(crate) title: &'static str,
    pub(crate) story: &'static str,
    pub(crate) push: ScenePush,
    pub(crate) ending: SceneEnding,
}

/// Stands in a message for the commit that was the emergency, of which nobody knows the name before.
pub(crate) const EMERGENCY_PLACEHOLDER: &str = "{emergency}";

/// What the commit says that weakens the policy: all that is asked of such a change, but for a
/// review and the authority.
pub(crate) const WEAKENING_MESSAGE: &str = "\
Reviews are optional from now on

Change-Type: normal
Risk: low
Security-Impact: low
Ticket: PAY-104
Back-out-Plan: revert this commit
Test-Plan: the next push goes through
Isms-Purpose: changes land faster when nobody has to wait for a review
Isms-Integrity: whoever wrote a change knows best whether it is any good
Isms-Resources: none, it even saves some time
";

/// What is put into the policy by it.
pub(crate) const WEAKENING_RULE: &str = "  peer-review: { level: off, reason: we trust each other }\n";

pub(crate) const DEMO_SCENES: [DemoScene; 9] = [
    DemoScene {
        title: "A change as it should be",
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
        title: "Nobody has looked at it",
        story: "The same care, but no review.",
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
        title: "Ana approves of herself",
        story: "A review is named this time, and it is her own.",
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
        title: "How risky is it?",
        story: "Reviewed by Ben, but nobody says what could go wrong.",
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
        title: "High risk, and security was not asked",
        story: "Ben and Kim have reviewed it. The policy wants security as well.",
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
        title: "Something is on fire",
        story: "Payments are down. It goes through at once; what was skipped is owed.",
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
        title: "First the rule goes, then the review",
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
        title: "If the branch is gone, so is its history",
        story: "Somebody tries to delete main.",
        push: ScenePush::Deletion,
        ending: SceneEnding::Refused("ref-deleted"),
    },
    DemoScene {
        title: "The fire is out",
        story: "Ana brings the ticket that she owes. Two reviews are still to come.",
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
Test-Plan: none needed, this is a note for people
For-Change: {emergency}
Emergency-Ticket: SEC-12
Reviewed-by: Ben Ode <ben@example.com>
",
        },
        ending: SceneEnding::Accepted("emergency-ticket"),
    },
];
