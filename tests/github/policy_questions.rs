//! Questions of a policy about code owners, about the policy itself and about contents, asked of pull requests.

use serde_json::{Value, json};

use crate::fake::{Fake, How, World};
use crate::judged::{denied, judge, pull};
use crate::scene::{POLICY, plain};

/// What is done to the list of files that GitHub answers.
type Edit = fn(&mut Value);

const PATH: &str = "policies/changegate.yml";

/// Returns a world whose main branch has this policy and these files beside it.
fn with_policy(policy: &str, files: &[(&str, &str)]) -> World {
    let mut world = plain();
    let main = world.branches["main"].clone();
    let mut all = vec![(PATH, policy)];
    all.extend(files);
    let commit = world.commit(&[&main], "kim", "Change the policy\n", &all);
    world.branches.insert("main".into(), commit);
    world
}

/// Adds a commit to pull request 6.
fn propose(world: &mut World, files: &[(&str, &str)]) {
    let head = world.pull(6).head_id.clone();
    let message = "Change it\n\nWhy not.\n\nChange-Type: normal\nRisk: low\n";
    let commit = world.commit(&[&head], "ana", message, files);
    world.push(6, "ana", &commit);
}

#[test]
fn an_owner_reviews_what_they_own() {
    let policy =
        format!("{POLICY}rules:\n  owners: {{ require: {{ approvals: {{ from: codeowners }} }} }}\n");
    for (owners, is_enough) in [
        (&[("CODEOWNERS", "*.rs @kim\n")][..], true),
        (&[("CODEOWNERS", "*.rs @rea\n")], false),
        (&[("CODEOWNERS", "*.rs @rea\n"), (".github/CODEOWNERS", "*.rs @kim\n")], true),
        (&[("docs/CODEOWNERS", "*.rs @kim\n")], true),
        (&[], false),
    ] {
        let mut world = with_policy(&policy, owners);
        world.review(6, "kim", "APPROVED");
        let found = denied(&Fake::start(world), &pull(None));
        assert_eq!(found, if is_enough { "" } else { "owners" }, "{owners:?}");
    }
    // What the pull request itself says about owners counts for nothing.
    let mut world = with_policy(&policy, &[("CODEOWNERS", "*.rs @rea\n")]);
    propose(&mut world, &[("CODEOWNERS", "*.rs @kim\n")]);
    world.review(6, "kim", "APPROVED");
    assert!(denied(&Fake::start(world), &pull(None)).contains("owners"));
}

#[test]
fn what_a_pull_request_makes_of_the_policy_is_asked_and_told() {
    let guard =
        "  policy-loosened: { when: { policy-loosened: true }, require: { approvals: { at-least: 2 } } }\n";
    let policy = format!("{POLICY}rules:\n  extra: {{ require: {{ draft: false }} }}\n{guard}");
    let loose = policy.replace("  extra: { require", "  extra: { level: off, reason: no, require");
    let strict = format!("{policy}  more: {{ require: {{ draft: false }} }}\n");
    for (new, approvals, denies, direction) in [
        (&loose, &[][..], "policy-loosened", "looser"),
        (&loose, &["kim"], "policy-loosened", "looser"),
        (&loose, &["kim", "ben"], "", "looser"),
        (&strict, &[], "", "stricter"),
    ] {
        let mut world = with_policy(&policy, &[]);
        propose(&mut world, &[(PATH, new)]);
        for reviewer in approvals {
            world.review(6, reviewer, "APPROVED");
        }
        let fake = Fake::start(world);
        assert_eq!(denied(&fake, &pull(None)), denies, "{direction} {approvals:?}");
        let notes = judge(&fake, &pull(None)).unwrap().report.notes;
        let told: Vec<String> = notes.iter().map(|note| note.to_plain_text()).collect();
        let expected = format!("what acme/shop#6 asks of later changes is {direction}: rule `");
        assert!(told.iter().any(|note| note.starts_with(&expected)), "{told:?}");
    }
    let fake = Fake::start(with_policy(&policy, &[]));
    assert_eq!(denied(&fake, &pull(None)), "");
    assert!(judge(&fake, &pull(None)).unwrap().report.notes.is_empty());
}

#[test]
fn added_lines_are_those_of_the_patch() {
    let rule = "rules:\n  open: { require: { not: { adds-lines: { matching: '0[.]0[.]0[.]0/0', in: ['*.rs'] } } } }\n";
    let policy = format!("{POLICY}{rule}");
    let edits: [(Edit, &str); 5] = [
        (|files| show_patch(files, "@@ -0,0 +1,2 @@\n+a\n+allow 0.0.0.0/0", 2), "open"),
        (|files| show_patch(files, "@@ -1,2 +1,2 @@\n-allow 0.0.0.0/0\n+b\n+allow 0.0.0.0/0", 3), ""),
        (|files| show_patch(files, "@@ -0,0 +1 @@\n+a\n\\ No newline at end of file", 1), ""),
        // A patch that is cut off, or is not shown, leaves it open.
        (|files| show_patch(files, "@@ -0,0 +1 @@\n+a", 2), "open"),
        (|files| files[0]["changes"] = json!(1), "open"),
    ];
    for (place, (edit, denies)) in edits.into_iter().enumerate() {
        let fake = Fake::start(with_policy(&policy, &[]));
        fake.spoil("/pulls/6/files", How::Edit(edit));
        assert_eq!(denied(&fake, &pull(None)), denies, "{place}");
    }
}

/// Has the first file show this patch of so many lines.
fn show_patch(files: &mut Value, patch: &str, changes: u64) {
    files[0]["changes"] = json!(changes);
    files[0]["patch"] = json!(patch);
}
