//! The checks that the gate itself writes: they count for no rule, and a policy that asks for one is told so.

use std::process::Command;

use crate::check_runs::set_policy;
use crate::fake::{Fake, Status, World};
use crate::published::{action, code, event, run};
use crate::scene::{POLICY, plain};

fn asking(checks: &str) -> World {
    let mut world = plain();
    let rule = format!("rules:\n  built: {{ title: it builds, require: {{ checks: {checks} }} }}\n");
    set_policy(&mut world, &format!("{POLICY}{rule}"));
    world
}

/// Returns the exit code of the action, and all that it says.
fn judge(fake: &Fake, more: &[&str]) -> (i32, String) {
    let (output, _, summary) = action(fake, "pull_request", &event(fake), more);
    (code(&output), format!("{}{summary}", String::from_utf8_lossy(&output.stdout)))
}

#[test]
fn a_pattern_does_not_wait_for_the_gate_itself() {
    let fake = Fake::start(asking("['change-*']"));
    fake.world(|world| world.check(6, "change-log", "github-actions", "success"));
    for _ in 0..2 {
        let (code, said) = judge(&fake, &["--check-run", "change-gate"]);
        assert_eq!(code, 0, "{said}");
    }
    // Nor for another one of its check runs, nor for a status of its name.
    fake.world(|world| {
        world.check(6, "change-old", "github-actions", "failure");
        world.runs.last_mut().unwrap().external_id = Some(format!("changegate:{}", "0123".repeat(8)));
        let commit = world.pull(6).head_id.clone();
        let context = "CHANGE-GATE".into();
        world.statuses.push(Status { id: 88, commit, context, state: "pending", by: Some("kim".into()) });
    });
    let (code, said) = judge(&fake, &["--check-run", "change-gate"]);
    assert_eq!(code, 0, "{said}");
    // What only looks like it counts.
    fake.world(|world| world.check(6, "change-gate-2", "an-app", "failure"));
    assert_eq!(judge(&fake, &["--check-run", "change-gate"]).0, 1);
}

#[test]
fn a_mark_of_the_gate_hides_no_check_that_the_gate_cannot_write() {
    let mark = format!("changegate:{}", "0123".repeat(8));
    for (app, mark) in [("an-app", mark.as_str()), ("github-actions", "changegate:x")] {
        let fake = Fake::start(asking("['build*']"));
        fake.world(|world| {
            world.check(6, "build (mac)", "github-actions", "success");
            world.check(6, "build (linux)", app, "failure");
            world.runs.last_mut().unwrap().external_id = Some(mark.into());
        });
        let (code, said) = judge(&fake, &["--check-run", "change-gate"]);
        assert!(code == 1 && said.contains("build (linux)"), "{app} {mark}: {said}");
    }
}

#[test]
fn a_pattern_does_not_wait_for_the_job_of_the_gate() {
    let fake = Fake::start(asking("['change*']"));
    let job = fake.world(|world| {
        world.check(6, "change-log", "github-actions", "success");
        // The run for an earlier event, and the one for this event.
        world.check(6, "changegate", "github-actions", "failure");
        world.check(6, "changegate", "github-actions", "");
        let job = world.runs.last_mut().unwrap();
        (job.status, job.conclusion) = ("in_progress".into(), None);
        job.id
    });
    let path = std::env::temp_dir();
    let folder = tempfile::tempdir_in(path).unwrap();
    let file = folder.path().join("event.json");
    std::fs::write(&file, event(&fake).to_string()).unwrap();
    let judged = |number: String| {
        let variables = [
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_EVENT_PATH", file.to_str().unwrap()),
            ("CHANGEGATE_JOB_CHECK_RUN", number.as_str()),
        ];
        code(&run(&fake, folder.path(), &["action"], &variables))
    };
    assert_eq!(judged(job.to_string()), 0);
    // Where the runner does not tell it, and for the job of another name, everything counts.
    assert_eq!(judged(String::new()), 1);
    assert_eq!(judged("1".into()), 1);
    // A check of that name by another app is not the job.
    fake.world(|world| world.check(6, "changegate", "another-app", "failure"));
    assert_eq!(judged(job.to_string()), 1);
}

#[test]
fn a_rule_that_names_the_gate_is_never_met_and_told() {
    let fake = Fake::start(asking("[change-gate]"));
    let (code, said) = judge(&fake, &["--check-run", "change-gate"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the gate itself writes it"), "{said}");
    assert!(said.contains("policy owner"), "{said}");
    let title = fake.world(|world| world.runs.last().unwrap().title.clone().unwrap());
    assert!(title.starts_with("denied: "), "{title}");
}

#[test]
fn the_doctor_and_the_policy_check_find_a_rule_that_names_the_gate() {
    let mut world = asking("[build, gate]");
    let main = world.branches["main"].clone();
    let workflow = "on: pull_request_target\njobs:\n  gate:\n    steps:\n      - uses: acme/changegate@v1\n        \
                    with: { check-run: \"gate\", fail-on: never }\n";
    let files = [(".github/workflows/gate.yml", workflow)];
    let commit = world.commit(&[&main], "kim", "Run the gate\n", &files);
    world.branches.insert("main".into(), commit);
    let fake = Fake::start(world);
    let folder = tempfile::tempdir().unwrap();
    let told = run(&fake, folder.path(), &["doctor", "--github", "acme/shop", "--color", "never"], &[]);
    let said = String::from_utf8_lossy(&told.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("the rule `built` asks for the check `gate`, which the gate itself writes"),
        "{said}"
    );
    assert!(!said.contains("asks for the check `build`"), "{said}");

    let work = folder.path().join("work");
    std::fs::create_dir_all(work.join(".github/workflows")).unwrap();
    std::fs::create_dir_all(work.join("policies")).unwrap();
    std::fs::write(work.join(".github/workflows/gate.yml"), workflow).unwrap();
    let policy = format!(
        "{POLICY}rules:\n  built: {{ title: it builds, require: {{ any: [{{ checks: GATE }}, {{ checks: b }}] }} }}\n"
    );
    std::fs::write(work.join("policies/changegate.yml"), policy).unwrap();
    let made = Command::new("git").args(["init", "-q"]).current_dir(&work).output().unwrap();
    assert!(made.status.success());
    let told = run(&fake, &work, &["policy", "check"], &[]);
    let said = String::from_utf8_lossy(&told.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(code(&told), 0, "{said}");
    assert!(
        said.contains("the rule `built` asks for the check `gate`, which the gate itself writes"),
        "{said}"
    );
}

#[test]
fn the_doctor_tells_the_numbers_of_accounts_that_the_roster_lists_by_login() {
    let mut world = plain();
    let main = world.branches["main"].clone();
    let rule = "people: { roster: policies/people.yml }\nrules:\n  reviewed: { title: reviewed, require: \
                { approvals: { at-least: 1, trust: verified } } }\n";
    let kim = world.account("kim").unwrap().id;
    let people = format!(
        "people:\n  kim: {{ addresses: [kim@example.com], accounts: ['github:KIM'] }}\n  \
         ben: {{ addresses: [ben@example.com], accounts: ['github:ben#{}'] }}\n  \
         ana: {{ addresses: [ana@example.com], accounts: ['github:nobody-at-all'] }}\n",
        world.account("ben").unwrap().id
    );
    let policy = format!("{POLICY}{rule}");
    let files = [("policies/changegate.yml", policy.as_str()), ("policies/people.yml", people.as_str())];
    let commit = world.commit(&[&main], "kim", "Who is whom\n", &files);
    world.branches.insert("main".into(), commit);
    let fake = Fake::start(world);
    let folder = tempfile::tempdir().unwrap();
    let told = run(&fake, folder.path(), &["doctor", "--github", "acme/shop", "--color", "never"], &[]);
    let said = String::from_utf8_lossy(&told.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("the roster lists 2 accounts by login alone"), "{said}");
    assert!(said.contains(&format!("write: github:kim#{kim}; GitHub does not tell")), "{said}");
    assert!(said.contains("`github:nobody-at-all`") && !said.contains("github:ben"), "{said}");
}
