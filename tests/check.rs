//! What `check` judges: which commits, by which policy, of which time; and where its reports go.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[path = "cli/scene.rs"]
#[allow(dead_code, reason = "shared with another test")]
mod scene;

use scene::Scene;

const POLICY: &str = "\
changegate: 1
name: acme
protects: [main]
people: { roster: policies/people.yml }
fields:
  Risk: { ordered: [low, medium, high] }
  Reviewed-by: { person: true }
rules:
  risk:
    title: the risk is stated
    require: { field: { Risk: present } }
  review:
    title: someone else has reviewed
    when: { not: { field: { Risk: low } } }
    require: { approvals: { trust: claimed } }
";

const ROSTER: &str =
    "people:\n  ana: { addresses: [ana@example.com] }\n  ben: { addresses: [ben@example.com] }\n";

const REVIEWED: &str = "Risk: medium\nReviewed-by: Ben <ben@example.com>\n";

/// Runs the binary; returns the exit code and all that it says, on one line.
fn run(scene: &Scene, args: &[&str]) -> (i32, String) {
    let output = scene.command(args).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    (output.status.code().unwrap(), said.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[track_caller]
fn ends(scene: &Scene, args: &[&str], code: i32, pieces: &[&str]) {
    let (found, said) = run(scene, args);
    assert_eq!(found, code, "{args:?}: {said}");
    for piece in pieces {
        assert!(said.contains(piece), "{args:?}: no {piece:?} in {said}");
    }
}

fn acme() -> Scene {
    let mut scene = Scene::repository();
    scene.write("policies/changegate.yml", POLICY);
    scene.write("policies/people.yml", ROSTER);
    scene.commit("Start\n\nRisk: low\n");
    scene.commit(&format!("Go on\n\n{REVIEWED}"));
    scene
}

/// Adds a remote whose default branch is main, at the commit `main`.
fn add_remote(scene: &mut Scene) {
    scene.git(&["config", "remote.origin.url", "../nowhere"]);
    scene.git(&["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]);
    scene.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    scene.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main"]);
}

#[test]
fn nothing_to_judge_is_no_pass() {
    let mut scene = acme();
    for (range, pieces) in [
        ("..HEAD", ["empty end", "`origin/main..HEAD`"]),
        ("HEAD^..", ["empty end", "`HEAD^..HEAD`"]),
        ("HEAD..", ["empty end", "`HEAD~1..HEAD`"]),
        ("..", ["empty end", "`origin/main..HEAD`"]),
        ("HEAD..HEAD", ["the same commit", "--allow-empty"]),
        ("HEAD..HEAD^", ["the right way round", "`HEAD^..HEAD`"]),
    ] {
        ends(&scene, &["check", range], 2, &pieces);
    }
    for range in ["HEAD..HEAD", "HEAD..HEAD^"] {
        let (code, said) = run(&scene, &["check", range, "--allow-empty"]);
        assert!(code == 0 && said.contains("no change to judge"), "{said}");
        // The policy that both ends hold is from before the range.
        assert!(!said.contains("no policy was there"), "{said}");
    }
    ends(&scene, &["check", "..HEAD", "--allow-empty"], 2, &["empty end"]);
    add_remote(&mut scene);
    scene.git(&["switch", "-q", "-c", "topic", "main^"]);
    scene.git(&["config", "branch.topic.remote", "origin"]);
    scene.git(&["config", "branch.topic.merge", "refs/heads/main"]);
    let (code, said) = run(&scene, &["check", "--enforce"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("HEAD is behind `refs/remotes/origin/main`"), "{said}");
    assert!(!said.contains("the right way round"), "{said}");
}

#[test]
fn a_target_without_a_name_is_an_error_of_the_command() {
    let scene = acme();
    for onto in ["a b", "main^{tree}", "nowhere"] {
        ends(&scene, &["check", "HEAD", "--onto", onto], 2, &[]);
    }
    for onto in ["origin/", "", "refs/heads/"] {
        let pieces = ["is a variable not set?", "`--onto origin/main`"];
        ends(&scene, &["check", "HEAD", "--onto", onto], 2, &pieces);
    }
    ends(&scene, &["check", "HEAD", "--onto", "main~1"], 0, &["1 change"]);
    for range in ["", " "] {
        let pieces = ["is a variable not set?", "`origin/main..HEAD`"];
        ends(&scene, &["check", range], 2, &pieces);
        ends(&scene, &["check", "--history", range], 2, &pieces);
    }
}

#[test]
fn a_branch_is_judged_as_it_lands_by_the_policy_of_the_target() {
    let mut scene = acme();
    scene.git(&["switch", "-q", "-c", "topic"]);
    scene.write(
        "policies/changegate.yml",
        POLICY.replace("require: { field: { Risk: present } }", "require: { branch: main }"),
    );
    scene.commit("Ask for less\n");
    scene.commit(&format!("Say what it is\n\n{REVIEWED}"));
    // The first commit states nothing, and the two are one change if they are merged or squashed.
    for how in ["merge", "squash"] {
        ends(
            &scene,
            &["check", "--as", how, "--onto", "main", "-v"],
            0,
            &["1 change under the policy acme", "at main ("],
        );
    }
    ends(&scene, &["check", "--as", "squash", "--onto", "main"], 0, &["has to state again"]);
    ends(&scene, &["check", "--as", "rebase", "--onto", "main"], 1, &["1 of 2 changes"]);
    ends(&scene, &["check", "--onto", "main"], 0, &["1 change"]);
    ends(&scene, &["check", "--as", "merge"], 2, &["--onto"]);
    // A merge on the branch is not what a rebase leaves.
    scene.git(&["switch", "-q", "main"]);
    scene.commit(&format!("Go on elsewhere\n\n{REVIEWED}"));
    scene.git(&["switch", "-q", "topic"]);
    scene.git(&["merge", "-q", "--no-ff", "-m", "Merge main again", "main"]);
    ends(&scene, &["check", "--as", "rebase", "--onto", "main"], 1, &["1 of 2 changes"]);
    let tip = scene.git(&["commit-tree", "topic^{tree}", "-p", "topic^1", "-p", "main", "-m", "Merge main"]);
    ends(&scene, &["check", "--as", "rebase", "--onto", &tip], 2, &["nothing but merges"]);
    ends(&scene, &["check", "--as", "rebase", "--onto", &tip, "--allow-empty"], 0, &["no change to judge"]);
    scene.git(&["switch", "-q", "main"]);
    ends(&scene, &["check", "--as", "merge", "--onto", "topic"], 2, &["nothing to judge"]);
}

/// What has landed is nobody's to correct here.
#[test]
fn a_branch_that_adds_nothing_to_its_upstream_is_not_judged() {
    let mut scene = acme();
    scene.commit("Land somehow\n");
    scene.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    scene.git(&["config", "branch.main.remote", "origin"]);
    scene.git(&["config", "branch.main.merge", "refs/heads/main"]);
    scene.git(&["config", "remote.origin.url", "file:///nowhere"]);
    scene.git(&["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]);
    let idle =
        ["nothing to judge: HEAD is what `refs/remotes/origin/main` holds", "changegate check HEAD~1..HEAD"];
    ends(&scene, &["check"], 0, &idle);
    ends(&scene, &["check", "-v"], 0, &["changegate check --history"]);
    assert_eq!(run(&scene, &["check", "--quiet"]), (0, String::new()));
    ends(&scene, &["check", "--allow-empty"], 0, &["no change to judge"]);
    // The commands that it names judge what has landed.
    ends(&scene, &["check", "HEAD~1..HEAD"], 1, &["risk"]);
    ends(&scene, &["check", "--history"], 1, &["risk"]);
    // A pipeline that reads the answer takes nothing for a pass.
    for asked in [&["--enforce"][..], &["--format", "json"], &["--output", "junit=report.xml"]] {
        ends(&scene, &[&["check"], asked].concat(), 2, &["nothing to judge", "--allow-empty"]);
    }
    // Another policy is tried on the newest change.
    ends(&scene, &["check", "--pack", "core"], 1, &["change-type"]);
    scene.git(&["reset", "-q", "--hard", "HEAD~1"]);
    ends(&scene, &["check"], 0, &["HEAD is behind `refs/remotes/origin/main`"]);
    scene.commit("Add more\n");
    ends(&scene, &["check"], 1, &["risk"]);
}

/// Those who propose a change would choose what it is judged by.
#[test]
fn a_policy_that_the_change_brings_does_not_judge_it() {
    let mut scene = Scene::repository();
    scene.write("a", "1");
    scene.commit("Start\n");
    scene.git(&["switch", "-q", "-c", "topic"]);
    scene.write("policies/changegate.yml", POLICY);
    scene.write("policies/people.yml", ROSTER);
    scene.commit("Bring a policy\n\nRisk: low\n");
    let brought = ["`main` holds no policy", "`HEAD` brings", "--pack NAME"];
    for how in ["merge", "squash", "rebase"] {
        ends(&scene, &["check", "HEAD", "--as", how, "--onto", "main", "--enforce"], 2, &brought);
        ends(&scene, &["check", "HEAD", "--as", how, "--onto", "main"], 2, &brought);
    }
    ends(&scene, &["check", "main..topic", "--enforce"], 2, &["`main` holds no policy"]);
    ends(&scene, &["check", "HEAD", "--enforce"], 2, &["`HEAD^` holds no policy"]);
    // As advice it is judged, and the report says by what.
    for args in [&["check", "main..topic"][..], &["check"]] {
        ends(&scene, args, 0, &["by the one that it brings (`policies/changegate.yml at"]);
    }
    ends(&scene, &["check", "--onto", "main", "--pack", "core"], 1, &["the pack core in this binary"]);
    // The next change has a policy before it.
    scene.commit("Go on\n\nRisk: low\n");
    let (code, said) = run(&scene, &["check", "HEAD", "--enforce"]);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("that it brings"), "{said}");
}

#[test]
fn without_arguments_a_topic_branch_is_judged_for_the_protected_default() {
    let mut scene = acme();
    add_remote(&mut scene);
    scene.git(&["switch", "-q", "-c", "topic"]);
    scene.commit("State nothing\n");
    scene.commit(&format!("Go on\n\n{REVIEWED}"));
    ends(&scene, &["check", "-v"], 0, &["refs/remotes/origin/main..HEAD", "1 change under"]);
    scene.git(&["update-ref", "refs/remotes/origin/topic", "topic"]);
    scene.git(&["config", "branch.topic.remote", "origin"]);
    scene.git(&["config", "branch.topic.merge", "refs/heads/topic"]);
    ends(&scene, &["check", "-v"], 0, &["refs/remotes/origin/main..HEAD"]);
    // A push to a branch that is protected itself is judged step by step.
    scene.git(&["config", "branch.topic.merge", "refs/heads/main"]);
    ends(&scene, &["check"], 1, &["1 of 2 changes"]);
}

#[test]
fn without_a_remote_a_topic_branch_is_judged_for_the_local_default() {
    let mut scene = acme();
    scene.git(&["switch", "-q", "-c", "topic"]);
    scene.commit("State nothing\n");
    scene.commit("Nor here\n");
    ends(&scene, &["check", "-v"], 1, &["refs/heads/main..HEAD", "Nor here"]);
    scene.commit(&format!("Go on\n\n{REVIEWED}"));
    ends(&scene, &["check", "-v"], 0, &["refs/heads/main..HEAD", "1 change under"]);
    // On the default branch itself, there is the newest change.
    scene.git(&["switch", "-q", "main"]);
    ends(&scene, &["check", "-v"], 0, &["HEAD^..HEAD"]);
}

#[test]
fn each_report_has_a_file_of_its_own() {
    let scene = acme();
    let two = ["check", "--output", "json=report", "--output", "sarif=./report"];
    ends(&scene, &two, 2, &["two reports", "`./report`"]);
    ends(&scene, &["check", "--output", "json=-"], 2, &["use --format"]);
    ends(&scene, &["check", "--output", "json=one", "--output", "sarif=two"], 0, &[]);
}

#[test]
fn history_is_judged_by_the_policy_and_the_clock_of_its_time() {
    let mut scene = acme();
    let strict = POLICY.replace("{ not: { field: { Risk: low } } }", "{ field: { Risk: present } }");
    // A freeze that was over when the first changes were made, and an exemption that has ended since.
    let exemptions = "exemptions: [{ rule: risk, when: { subject: { refuse: [Release] } }, reason: a, approved-by: b, \
                      until: 2026-05-30 }]\n";
    scene.write(
        "policies/people.yml",
        "people:\n  ana: { addresses: [ana@example.com] }\n  eva: { addresses: [eva@example.com] }\n",
    );
    scene.commit(&format!("Ben leaves\n\n{REVIEWED}"));
    scene.write("policies/changegate.yml", format!("{strict}{exemptions}"));
    scene.commit("Ask more\n\nRisk: low\n");
    scene.commit("Follow\n\nRisk: low\nReviewed-by: Eva <eva@example.com>\n");
    // The clock of the scene is in May 2026.
    scene.commit("State nothing, as the exemption allows\n");
    ends(
        &scene,
        &["check", "--history"],
        0,
        &["held before it (3 policies), at the time of its last commit"],
    );
    ends(&scene, &["check", "--history", "--unit", "commit"], 0, &["3 policies"]);
    ends(&scene, &["check", "--history", "--as-of", "now"], 1, &["every change was judged by"]);
    let (_, said) = run(&scene, &["check", "--history", "--as-of", "now"]);
    let (source, _) = said.split_once("`, at 20").unwrap();
    assert!(source.ends_with(&scene.git(&["rev-parse", "--short=10", "HEAD"])), "{said}");
    ends(&scene, &["check", "--history", "--as-of", "2020-01-01"], 2, &["no commit that was made by"]);
    ends(&scene, &["check", "--history", "--as-of", "soon"], 2, &["--as-of takes"]);
    ends(&scene, &["check", "--history", "--as-of", "2026-11-20 18:00"], 2, &["write 2026-11-20T18:00:00Z"]);
    ends(
        &scene,
        &["check", "--history", "--pack", "core"],
        1,
        &["every change was judged by `the pack core"],
    );
    ends(&scene, &["check", "HEAD", "--as-of", "now"], 2, &["--history"]);
}

/// Adds changes to main, of which every other one states nothing.
fn add_changes(scene: &Scene, count: usize) {
    let mut stream = Vec::new();
    for number in 0..count {
        let message = format!("Change {number}\n{}", if number % 2 == 0 { "" } else { "\nRisk: low\n" });
        let from = if number == 0 { "from refs/heads/main^0\n" } else { "" };
        let made = 1_790_000_000 + number * 60;
        let who = format!("committer Ana Lang <ana@example.com> {made} +0000");
        let head = format!("commit refs/heads/main\n{who}\ndata {}\n{message}\n{from}", message.len());
        stream.extend(head.into_bytes());
        stream.extend(format!("M 100644 inline a\ndata <<END\n{number}\nEND\n\n").into_bytes());
    }
    let mut import = std::process::Command::new("git");
    import.args(["fast-import", "--quiet", "--force"]).current_dir(&scene.directory);
    assert!(Scene::feed(import, &stream).status.success());
}

#[test]
fn a_long_range_is_counted_whole_and_held_in_part() {
    use changegate::gate::{RangeDivision, RangePart, RangeRequest, judge_parts, load_from_commit};

    const CHANGES: usize = 4_400;
    let mut scene = acme();
    let start = scene.git(&["rev-parse", "main"]);
    add_changes(&scene, CHANGES);
    let repository = changegate::git::Repository::discover_from(&scene.directory).unwrap();
    let resolve = |name: &str| repository.resolve_revision(name).unwrap();
    let (base, tip) = ([resolve(&start)], resolve("main"));
    let loaded = load_from_commit(&repository, base[0], "policies/changegate.yml", "main").unwrap();
    let mut request = RangeRequest {
        wants_plans: true,
        range: changegate::git::CommitRange { tip, hidden_tips: &base, trusted_keys: None },
        display_name: "all".into(),
        target: Ok("refs/heads/main".into()),
        approval_targets: &[],
        pusher: Err(changegate::change::Missing::NotAtThisStage(changegate::change::FactKind::Pusher)),
        push_certificate: changegate::change::PushCertificate::Absent,
        unauthorised: None,
        stage: changegate::change::Stage::Check,
        unit: changegate::policy::ChangeUnit::Step,
        enforce: false,
        held: changegate::report::HeldChanges::Sample { first: 0, objections: 0 },
        explain: false,
        wants_reasons: false,
        names_unused: false,
        threads: || 1,
        now: "2026-12-01T00:00:00Z".parse().unwrap(),
        own_time: false,
    };
    for (division, unit) in [
        (RangeDivision::Steps, changegate::policy::ChangeUnit::Step),
        (RangeDivision::Commits, changegate::policy::ChangeUnit::Commit),
    ] {
        request.unit = unit;
        let part = RangePart { loaded: &loaded, tip, hidden_tips: &base, division };
        let mut subjects = Vec::new();
        let report = judge_parts(&repository, &[part], &request, &mut |verdict, _| {
            subjects.push(verdict.subject.to_lossy().into_owned());
            Ok(())
        })
        .unwrap();
        let in_order: Vec<String> = (0..CHANGES).map(|number| format!("Change {number}")).collect();
        assert_eq!(subjects, in_order);
        let group = &report.groups[0];
        assert_eq!((group.verdicts.len(), group.omitted_passes), (1_000, CHANGES / 2));
        assert_eq!(group.verdicts[1].subject.to_lossy(), "Change 2");
    }
    let range = format!("{start}..main");
    let files = ["--output", "json=x.json", "--output", "junit=x.xml"];
    let pieces = ["risk: 2200 changes", "and 2190 more changes denied", "2200 of 4400 changes"];
    ends(&scene, &[&["check", &range][..], &files].concat(), 1, &pieces);
    let json = std::fs::read(scene.directory.join("x.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["counts"]["changes"], CHANGES);
    assert_eq!(json["groups"][0]["changes"].as_array().unwrap().len(), CHANGES);
    let junit = std::fs::read_to_string(scene.directory.join("x.xml")).unwrap();
    assert_eq!(junit.matches("<testsuite ").count(), CHANGES);
    assert!(
        junit.contains(r#"skipped="2200" failures="4400" errors="0""#),
        "{}",
        junit.lines().take(3).collect::<String>()
    );
}

#[test]
fn a_file_is_replaced_as_a_whole_and_keeps_what_it_is() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let scene = acme();
    let path = scene.directory.join("kept.json");
    std::fs::write(&path, "old").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("kept.json", scene.directory.join("link.json")).unwrap();
    let before = std::fs::File::open(&path).unwrap();
    ends(&scene, &["check", "--output", "json=link.json"], 0, &[]);
    assert!(std::fs::symlink_metadata(scene.directory.join("link.json")).unwrap().is_symlink());
    assert!(std::fs::read_to_string(&path).unwrap().contains("verdict/v1"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    // Who had the file open reads what it was.
    assert_eq!(std::io::read_to_string(before).unwrap(), "old");
    // A run without a decision leaves no report of another one.
    ends(&scene, &["check", "nowhere..main", "--output", "json=kept.json"], 2, &[]);
    assert!(!path.exists());
    std::fs::write(&path, "old").unwrap();
    // A device takes what is written to it, and stays one.
    ends(&scene, &["check", "-q", "--output", "junit=/dev/stderr"], 0, &["<testsuites"]);
    // A file that others cannot read helps no pipeline.
    ends(&scene, &["check", "--output", "json=new.json"], 0, &[]);
    let made = std::fs::metadata(scene.directory.join("new.json")).unwrap().permissions().mode();
    assert_eq!(made & 0o444, 0o444 & !0o077 | made & 0o077 & 0o444);
    let names: Vec<_> =
        std::fs::read_dir(&scene.directory).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert_eq!(names.len(), 5, "{names:?}");
}

#[test]
fn a_branch_that_lands_whole_keeps_its_tests_when_it_grows() {
    let mut scene = acme();
    scene.git(&["switch", "-q", "-c", "topic"]);
    let mut before = String::new();
    for (number, how) in [(1, "merge"), (2, "merge"), (3, "squash")] {
        scene.commit(&format!("Commit {number}\n"));
        let args = ["check", "HEAD", "--as", how, "--onto", "main", "--output", "junit=x.xml"];
        assert_eq!(run(&scene, &args).0, 1);
        let junit = std::fs::read_to_string(scene.directory.join("x.xml")).unwrap();
        assert!(junit.contains(&format!("Commit {number}\" tests=")), "{junit}");
        let tests: Vec<&str> = junit.lines().filter(|line| line.contains("<testcase ")).collect();
        let tests = tests.join("\n");
        assert!(before.is_empty() || tests == before, "{tests}");
        before = tests;
    }
    assert!(before.contains("name=\"risk\" classname=\"changegate\""), "{before}");
}

#[test]
fn history_before_the_first_policy_is_not_judged() {
    let mut scene = Scene::repository();
    scene.commit("Start without a policy\n");
    scene.commit("Go on\n");
    ends(&scene, &["check", "--history"], 1, &["2 of 2 changes", "the branch held no policy"]);
    scene.write("policies/changegate.yml", POLICY);
    scene.write("policies/people.yml", ROSTER);
    scene.commit("Have a policy\n");
    // Nothing was judged by it yet, so it judges what led to it.
    ends(&scene, &["check", "--history"], 1, &["3 of 3 changes", "the branch held no policy"]);
    scene.commit("Go on\n\nRisk: low\n");
    let pieces = ["1 change under", "3 steps at the start of the history", "were not judged"];
    ends(&scene, &["check", "--history", "-v"], 0, &pieces);
    ends(&scene, &["check", "--history", "--as-of", "now"], 1, &["3 of 4 changes"]);
    // A branch cannot get rid of its past by losing its policy.
    scene.git(&["rm", "-q", "policies/changegate.yml"]);
    scene.commit("Lose the policy\n\nRisk: low\n");
    scene.commit("State nothing\n");
    scene.write("policies/changegate.yml", POLICY);
    scene.commit("Have it again\n\nRisk: low\n");
    scene.commit("Go on again\n\nRisk: low\n");
    let pieces = ["1 of 5 changes", "State nothing", "3 steps at the start", "can be used before 1 part"];
    ends(&scene, &["check", "--history"], 1, &pieces);
}

#[test]
fn each_span_of_history_has_the_policy_before_each_of_its_changes() {
    use changegate::gate::{find_history_spans, load_from_commit};

    let path = "policies/changegate.yml";
    let mut scene = Scene::repository();
    let roster = |name: &str| format!("people:\n  {name}: {{ addresses: [{name}@example.com] }}\n");
    let based = format!("{POLICY}extends: [../rules/base]\n");
    let mut commits = vec![scene.commit("Start")];
    let steps: [(&str, Option<String>); 13] = [
        ("src/a", Some("1".into())),
        (path, Some(POLICY.into())),
        ("policies/people.yml", Some(roster("ana"))),
        ("policies/notes.txt", Some("1".into())),
        ("src/a", Some("2".into())),
        ("policies/people.yml", Some(roster("ben"))),
        (path, Some(based)),
        ("rules/base.yml", Some("changegate: 1\n".into())),
        ("rules/base", Some("changegate: 1\n".into())),
        (path, Some("changegate: [".into())),
        ("src/a", Some("3".into())),
        (path, None),
        (path, Some(POLICY.into())),
    ];
    for (path, content) in steps {
        match content {
            Some(content) => scene.write(path, content),
            None => std::fs::remove_file(scene.directory.join(path)).unwrap(),
        }
        commits.push(scene.commit("Go on"));
        commits.push(scene.commit("Change nothing"));
    }
    let repository = changegate::git::Repository::discover_from(&scene.directory).unwrap();
    let resolve = |id: &str| repository.resolve_revision(id).unwrap();
    let spans = find_history_spans(&repository, resolve("main"), path).unwrap();
    let digest = |policy: &Result<changegate::gate::LoadedPolicy, _>| match policy {
        Ok(loaded) => loaded.policy.digest.clone(),
        Err(why) => format!("{why:?}"),
    };
    // The first commit has no base, and is a step.
    let mut found = Vec::new();
    for span in &spans {
        found.extend(std::iter::repeat_n(digest(&span.policy), span.steps));
    }
    let mut expected = vec![digest(&Err(changegate::gate::UnusablePolicy::Absent))];
    for commit in &commits[..commits.len() - 1] {
        expected.push(digest(&load_from_commit(
            &repository,
            resolve(commit),
            path,
            "a commit of the history",
        )));
    }
    assert_eq!(found, expected);
    // Neighbours differ in some file that the policy was read from: what else changes makes no span.
    assert!(spans.len() <= 10, "{}", spans.len());
}

#[test]
fn one_run_writes_several_reports() {
    let mut scene = acme();
    for number in 0..6 {
        scene.commit(&format!("State nothing {}\n", number % 2));
    }
    let files =
        ["--output", "junit=report.xml", "--output", "sarif=report.sarif", "--output", "json=report.json"];
    let range = "main~6..main";
    let pieces = ["denied by:", "risk: 6 changes", "6 of 6 changes"];
    ends(&scene, &[&["check", range][..], &files].concat(), 1, &pieces);
    let read = |name: &str| std::fs::read_to_string(scene.directory.join(name)).unwrap();
    assert!(read("report.sarif").contains("\"2.1.0\""));
    assert!(read("report.json").contains("changegate/verdict/v1"));
    let classes = |text: &str| {
        let found = text.split("classname=\"").skip(1).filter_map(|rest| rest.split('"').next());
        let mut found: Vec<String> = found.map(str::to_owned).collect();
        found.dedup();
        found
    };
    let before = classes(&read("report.xml"));
    assert_eq!(
        before[..3],
        ["changegate: State nothing 0", "changegate: State nothing 1", "changegate: State nothing 0 (2)"]
    );
    // The ids change, and the tests stay the same.
    scene.git(&["rebase", "-q", "--force-rebase", "main~6"]);
    assert_eq!(run(&scene, &["check", range, "--output", "junit=report.xml", "-q"]).0, 1);
    let after = std::fs::read_to_string(scene.directory.join("report.xml")).unwrap();
    assert_eq!(classes(&after), before);
    ends(&scene, &["check", range, "--output", "html=x"], 2, &["FORMAT=FILE"]);
    for path in ["nowhere/x.xml", "."] {
        let (code, text) = run(&scene, &["check", range, "--output", &format!("junit={path}")]);
        assert_eq!(code, 3, "{text}");
        assert!(text.contains("cannot write") && !text.contains("denied by"), "{text}");
    }
}

/// A server refuses such a policy, so it is said where it is written.
#[test]
fn policy_check_names_the_branch_that_is_left_out() {
    let mut scene = acme();
    let said = "leaves out the branch `main`";
    let policy_check = |scene: &Scene| run(scene, &["policy", "check"]);
    let (code, text) = policy_check(&scene);
    assert!(code == 0 && !text.contains("leaves out"), "{text}");
    scene.write("policies/changegate.yml", POLICY.replace("[main]", "[mian, 'release/*']"));
    for args in [&["policy", "check"][..], &["policy", "check", "--server"]] {
        let (code, text) = run(&scene, args);
        assert!(code == 2 && text.contains(said) && text.contains("add `main` to `protects`"), "{text}");
    }
    // The branch that is checked out is not the one that counts.
    scene.git(&["switch", "-q", "-c", "mian"]);
    assert!(policy_check(&scene).1.contains(said));
    scene.git(&["update-ref", "refs/remotes/origin/develop", "main"]);
    scene.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/develop"]);
    assert!(policy_check(&scene).1.contains("leaves out the branch `develop`"));
    scene.write("policies/changegate.yml", POLICY.replace("[main]", "['dev*']"));
    assert!(!policy_check(&scene).1.contains("leaves out"));
    // One that only happens to be the only one is noted.
    scene.git(&["symbolic-ref", "--delete", "refs/remotes/origin/HEAD"]);
    scene.git(&["branch", "-q", "-D", "main"]);
    let (code, text) = policy_check(&scene);
    assert!(code == 0 && text.contains("leaves out the branch `mian`; a server"), "{text}");
}

#[test]
fn policy_check_looks_at_head_and_at_what_the_policy_extends() {
    let mut scene = Scene::repository();
    ends(&scene, &["policy", "init", "--pack", "startup"], 0, &["policies/changegate.schema.json"]);
    let written = std::fs::read_to_string(scene.directory.join("policies/changegate.yml")).unwrap();
    assert!(written.starts_with("# yaml-language-server: $schema=changegate.schema.json\n"), "{written}");
    let schema = std::fs::read_to_string(scene.directory.join("policies/changegate.schema.json")).unwrap();
    assert_eq!(schema, changegate::policy::schema::render_schema());
    ends(&scene, &["policy", "check", "--against-pack"], 0, &["it weakens nothing"]);
    let rules = "rules:\n  models: { when: { touches: ['models/**', 'policies/'] }, require: { branch: main } }\n  \
                 more: { when: { touches: ['models/**'] }, require: { branch: main } }\n  \
                 risk: { for: [normal], reason: a trial }\n";
    scene.write("policies/changegate.yml", format!("{written}{rules}"));
    scene.commit("Start\n");
    let pieces =
        ["`models/**` matches no file at HEAD", "weakens core: rule `risk`: `for`", "reason: a trial"];
    ends(&scene, &["policy", "check", "--against-pack"], 0, &pieces);
    let said = run(&scene, &["policy", "check"]).1;
    assert!(!said.contains("`policies/` matches"), "{said}");
    // A pattern is told once, with its other place.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(said.matches("`models/**` matches no file at HEAD, nor does it on line").count(), 1, "{said}");
    assert_eq!(said.matches("matches no file").count(), 1, "{said}");
    scene.write("models/a", "x");
    scene.commit("Add a model\n");
    assert!(!run(&scene, &["policy", "check"]).1.contains("matches no file"));
    // The name of a folder covers nothing in it, where paths have to be covered.
    let rules = "standard-changes:\n  STD-A: { paths: [models, models/, gone/], approved-by: Ana, approved-on: 2026-01-01, \
                 review-by: 2027-06-30 }\nrules:\n  x: { when: { only-touches: models }, require: { branch: main } }\n  \
                 y: { when: { touches: models }, require: { branch: main } }\n";
    scene.write("policies/changegate.yml", format!("{written}{rules}"));
    let said = run(&scene, &["policy", "check"]).1.split_whitespace().collect::<Vec<_>>().join(" ");
    let folder = "`models` is a folder at HEAD, and its name covers nothing in it; write `models/`";
    assert_eq!(said.matches(folder).count(), 1, "{said}");
    assert_eq!(said.matches("`gone/` matches no file at HEAD").count(), 1, "{said}");
    assert_eq!(said.matches("at HEAD").count(), 2, "{said}");
}

/// Returns the commands of a document that a pipeline runs, as its shell sees them.
fn pipeline_commands(document: &str) -> Vec<Vec<String>> {
    let mut sections = Vec::new();
    for section in document.split("\n## ") {
        let mut commands = Vec::new();
        for line in section.lines() {
            let line = line.trim().trim_start_matches("- ").trim_start_matches("run: ");
            let line = line.strip_prefix("sh '").and_then(|rest| rest.strip_suffix('\'')).unwrap_or(line);
            if line.starts_with("changegate check ")
                || line.starts_with("git fetch ")
                || line.starts_with("TARGET=")
            {
                commands.push(line.replace("$$", "$"));
            }
        }
        if commands.iter().any(|line| line.starts_with("changegate")) {
            sections.push(commands);
        }
    }
    sections
}

#[test]
fn the_pipelines_of_the_documents_judge_what_would_land() {
    let document = std::fs::read_to_string("docs/ci.md").unwrap();
    let pipelines = pipeline_commands(&document);
    assert_eq!(pipelines.len(), 5, "{pipelines:#?}");
    let mut scene = acme();
    scene.git(&["clone", "-q", "--bare", ".", "../origin.git"]);
    scene.git(&["remote", "add", "origin", "../origin.git"]);
    scene.git(&["fetch", "-q", "origin"]);
    scene.git(&["switch", "-q", "-c", "topic"]);
    let runs = |scene: &Scene, commands: &[String], target: Option<&str>| {
        let binary = std::path::Path::new(env!("CARGO_BIN_EXE_changegate")).parent().unwrap().to_owned();
        let path = std::env::var_os("PATH").unwrap();
        let paths = std::iter::once(binary).chain(std::env::split_paths(&path));
        let mut shell = std::process::Command::new("bash");
        shell.current_dir(&scene.directory).args(["-ec", &commands.join("\n")]);
        shell.env("PATH", std::env::join_paths(paths).unwrap()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        for name in [
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
            "CHANGE_TARGET",
            "GITHUB_BASE_REF",
            "BUILDKITE_PULL_REQUEST_BASE_BRANCH",
        ] {
            match target {
                Some(target) => shell.env(name, target),
                None => shell.env_remove(name),
            };
        }
        let output = shell.output().unwrap();
        (output.status.code().unwrap(), [output.stdout, output.stderr].concat())
    };
    for (message, code) in [(format!("Go further\n\n{REVIEWED}"), 0), ("State nothing\n".to_owned(), 1)] {
        scene.git(&["reset", "-q", "--hard", "main"]);
        scene.commit(&message);
        for commands in &pipelines {
            let (found, said) = runs(&scene, commands, Some("main"));
            assert_eq!(found, code, "{commands:#?}: {}", String::from_utf8_lossy(&said));
            assert!(scene.directory.join("changegate.xml").exists());
            std::fs::remove_file(scene.directory.join("changegate.xml")).unwrap();
        }
    }
    // A variable that is not set is never a pass.
    for commands in &pipelines[..4] {
        assert_ne!(runs(&scene, commands, None).0, 0, "{commands:#?}");
    }
    ends(&scene, &["check", "0000000000000000000000000000000000000000..HEAD"], 2, &["the null id"]);
}

/// Only GitHub knows who is in a team of its own, and `check` asks nobody.
#[test]
fn teams_that_were_not_asked_for_are_named() {
    let mut scene = acme();
    let teams =
        format!("{POLICY}  secure: {{ require: {{ approvals: {{ from: [security], trust: claimed }} }} }}\n")
            .replace("people: {", "people: { teams: { security: ['github:acme/security'] },");
    let note = "GitHub was not asked who is in `github:acme/security`, so whether their members approved is unknown here";
    ends(&scene, &["check", "HEAD~1..HEAD"], 0, &[]);
    assert!(!run(&scene, &["check", "HEAD~1..HEAD"]).1.contains("GitHub was not asked"));
    scene.write("policies/changegate.yml", &teams);
    scene.commit("Ask security\n\nRisk: low\n");
    scene.commit(&format!("Go further\n\n{REVIEWED}"));
    let (_, said) = run(&scene, &["check", "HEAD~1..HEAD"]);
    assert!(said.contains(note), "{said}");
    // A team that only the code owners name, too.
    let owned =
        format!("{POLICY}  owned: {{ require: {{ approvals: {{ from: codeowners, trust: claimed }} }} }}\n");
    scene.write("policies/changegate.yml", &owned);
    scene.write("CODEOWNERS", "* @acme/security\n");
    scene.commit("Ask the owners\n\nRisk: low\n");
    scene.commit(&format!("Go on again\n\n{REVIEWED}"));
    let (_, said) = run(&scene, &["check", "HEAD~1..HEAD"]);
    assert!(said.contains(note), "{said}");
    let (code, said) = run(&scene, &["policy", "check"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("who is in `@acme/security` is asked of GitHub in each run there"), "{said}");
}

/// A name that no ref has, and that is another way to write one that is meant, is told where it is written.
#[test]
fn policy_check_notes_names_under_protects_that_cannot_be_meant() {
    let mut scene = acme();
    scene.git(&["branch", "develop"]);
    scene.git(&["update-ref", "refs/remotes/origin/release/1", "main"]);
    for (written, meant) in [
        ("tags/v*", Some("`refs/tags/v*`")),
        ("refs/tag/v*", Some("`refs/tags/v*`")),
        ("refs/heads/tags/v*", Some("`refs/tags/v*`")),
        ("refs/Tags/v*", Some("`refs/tags/v*`")),
        ("ref/tags/v*", Some("`refs/tags/v*`")),
        ("refs/head/hotfix/*", Some("`hotfix/*`")),
        ("heads/*", Some("`*`")),
        ("DEVELOP", Some("`develop`")),
        ("Release/*", Some("`release/*`")),
        ("HEAD", Some("`main`")),
        ("develop,release/*", Some("`develop` and `release/*`")),
        // What is to come, and what is there.
        ("hotfix/*", None),
        ("refs/tags/v*", None),
        ("refs/heads/hotfix/*", None),
        ("refs/meta/config", None),
        ("tag/*", None),
        ("develop", None),
        ("release/*", None),
    ] {
        let protects = format!("[main, '{written}']");
        scene.write("policies/changegate.yml", POLICY.replace("[main]", &protects));
        let (code, text) = run(&scene, &["policy", "check"]);
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(code, 0, "{written}: {text}");
        match meant {
            Some(meant) => {
                let said = format!("`{written}` matches no ref here; did you mean {meant}?");
                assert!(flat.contains(&said) && flat.contains("changegate.yml:"), "{written}: {text}");
            }
            None => assert!(!flat.contains("matches no ref"), "{written}: {text}"),
        }
    }
    // A branch of such a name is meant.
    scene.git(&["branch", "heads/x"]);
    scene.write("policies/changegate.yml", POLICY.replace("[main]", "[main, 'heads/*']"));
    assert!(!run(&scene, &["policy", "check"]).1.contains("matches no ref"));
}
