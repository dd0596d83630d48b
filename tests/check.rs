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
        ("..", ["empty end", "`origin/main..HEAD`"]),
        ("HEAD..HEAD", ["the same commit", "--allow-empty"]),
        ("HEAD..HEAD^", ["the right way round", "`HEAD^..HEAD`"]),
    ] {
        ends(&scene, &["check", range], 2, &pieces);
    }
    for range in ["HEAD..HEAD", "HEAD..HEAD^"] {
        ends(&scene, &["check", range, "--allow-empty"], 0, &["no change to judge"]);
    }
    ends(&scene, &["check", "..HEAD", "--allow-empty"], 2, &["empty end"]);
    add_remote(&mut scene);
    scene.git(&["switch", "-q", "-c", "topic", "main^"]);
    scene.git(&["config", "branch.topic.remote", "origin"]);
    scene.git(&["config", "branch.topic.merge", "refs/heads/main"]);
    let (code, said) = run(&scene, &["check"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("HEAD is behind `refs/remotes/origin/main`"), "{said}");
    assert!(!said.contains("the right way round"), "{said}");
}

#[test]
fn a_target_without_a_name_is_an_error_of_the_command() {
    let scene = acme();
    for onto in ["origin/", "", "refs/heads/", "a b", "main^{tree}", "nowhere"] {
        ends(&scene, &["check", "HEAD", "--onto", onto], 2, &[]);
    }
    ends(&scene, &["check", "HEAD", "--onto", "main~1"], 0, &["1 change"]);
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
    scene.git(&["merge", "-q", "--no-ff", "-m", "Merge main again", "main"]);
    ends(&scene, &["check", "--as", "rebase", "--onto", "main"], 1, &["1 of 2 changes"]);
    scene.git(&["switch", "-q", "main"]);
    ends(&scene, &["check", "--as", "merge", "--onto", "topic"], 2, &["nothing to judge"]);
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
    ends(
        &scene,
        &["check", "--history", "--pack", "core"],
        1,
        &["every change was judged by `the pack core"],
    );
    ends(&scene, &["check", "HEAD", "--as-of", "now"], 2, &["--history"]);
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
    ends(&scene, &["check", range, "--output", "junit=nowhere/x.xml"], 3, &["cannot write"]);
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
                 risk: { for: [normal], reason: a trial }\n";
    scene.write("policies/changegate.yml", format!("{written}{rules}"));
    scene.commit("Start\n");
    let pieces =
        ["`models/**` matches no file at HEAD", "weakens core: rule `risk`: `for`", "reason: a trial"];
    ends(&scene, &["policy", "check", "--against-pack"], 0, &pieces);
    assert!(!run(&scene, &["policy", "check"]).1.contains("`policies/` matches"));
    scene.write("models/a", "x");
    scene.commit("Add a model\n");
    assert!(!run(&scene, &["policy", "check"]).1.contains("matches no file"));
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
