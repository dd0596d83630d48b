//! The ledger that a repository on GitHub keeps without a server: by runs for `push` and on a schedule,
//! against the fake of the API and a real git server beside it.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::fake::{Activity, Backend, Fake, How, World};

/// Nothing lands unreviewed, and an emergency may be reviewed afterwards.
pub(crate) const POLICY: &str = "\
changegate: 1
name: shop
extends: [core]
protects: [main]
rules:
  reviewed:
    title: somebody who did not make it has reviewed what lands
    for: [normal, standard, isms]
    require: { approvals: { at-least: 1, trust: verified } }
  reviewed-later:
    title: an emergency is reviewed, at the latest afterwards
    for: [emergency]
    require:
      any:
        - approvals: { at-least: 1, trust: verified }
        - field: { Post-Implementation-Review: { within: 2 business days, by: others } }
";

/// A repository, its runs, and what they say.
pub(crate) struct Scene {
    pub(crate) fake: Fake,
    pub(crate) git: Backend,
    pub(crate) folder: tempfile::TempDir,
}

/// A change by ana, which says what the policy asks for.
fn body(kind: &str) -> String {
    format!("Faster.\n\nChange-Type: {kind}\nRisk: low\n")
}

/// Opens a pull request by ana, and returns its number.
pub(crate) fn open(world: &mut World, title: &str, kind: &str) -> u64 {
    let main = world.branches["main"].clone();
    let path = format!("src/{}.rs", title.replace(' ', "-"));
    let commit = world.commit(&[&main], "ana", &format!("{title}\n"), &[(&path, title)]);
    world.open("ana", title, &body(kind), &format!("b-{}", title.replace(' ', "-")), &[commit])
}

/// Merges a pull request, as GitHub does; returns what `main` held and holds.
pub(crate) fn merge(world: &mut World, number: u64, at: &str) -> (String, String) {
    let after = world.enqueue(number);
    world.queue.clear();
    world.branches.retain(|name, _| !name.starts_with("gh-readonly-queue/"));
    let before = moved(world, &after, "pr_merge", at);
    let pull = world.pull(number);
    (pull.state, pull.merge_commit, pull.updated_at) = ("merged", Some(after.clone()), at.into());
    (before, after)
}

/// Pushes a commit to `main` past every pull request.
pub(crate) fn push_by_hand(world: &mut World, by: &str, at: &str) -> (String, String) {
    let main = world.branches["main"].clone();
    let message = format!("By hand at {at}\n\nChange-Type: normal\nRisk: low\n");
    let after = world.commit(&[&main], by, &message, &[("hand.txt", at)]);
    let before = moved(world, &after, "push", at);
    (before, after)
}

/// Moves `main` in the name of kim, and returns what it held.
pub(crate) fn moved(world: &mut World, after: &str, kind: &'static str, at: &str) -> String {
    let before = world.branches.insert("main".into(), after.into()).unwrap();
    world.activity.push(Activity {
        branch: "main".into(),
        before: before.clone(),
        after: after.into(),
        by: Some("kim".into()),
        kind,
        at: at.into(),
    });
    before
}

impl Scene {
    pub(crate) fn new(policy: &str) -> Scene {
        let (fake, git) = (Fake::start(World::new(policy)), Backend::start());
        Scene { fake, git, folder: tempfile::tempdir().unwrap() }
    }

    fn command(&self, args: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_changegate"));
        command.args(args).current_dir(self.folder.path()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.folder.path());
        command.env("GITHUB_API_URL", self.fake.url()).env("GITHUB_TOKEN", "a-plain-token");
        command.env("GITHUB_SERVER_URL", self.git.url()).env("GITHUB_REPOSITORY", "acme/shop");
        command.envs(variables.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Told {
        Told::of(self.command(args, variables).output().unwrap())
    }

    /// Writes an event down, and returns the variables of a run for it.
    fn event(&self, name: &str, json: &Value) -> [(&'static str, String); 2] {
        let path = self.folder.path().join(format!("{}.json", self.fake.world(World::fresh)));
        std::fs::write(&path, json.to_string()).unwrap();
        [("GITHUB_EVENT_NAME", name.into()), ("GITHUB_EVENT_PATH", path.to_str().unwrap().into())]
    }

    fn push_event(&self, (before, after): &(String, String)) -> [(&'static str, String); 2] {
        let event = json!({
            "ref": "refs/heads/main", "before": before, "after": after, "forced": false,
            "repository": { "full_name": "acme/shop" },
        });
        self.event("push", &event)
    }

    /// Runs the action for a push to `main`; the first time, it begins the ledger.
    pub(crate) fn record(&self, push: &(String, String)) -> Told {
        if self.has_ledger() { self.keep(push) } else { self.begin(push) }
    }

    /// Runs the action for a push to `main`, with a ledger that has begun.
    pub(crate) fn keep(&self, push: &(String, String)) -> Told {
        self.run_for_push(push, &["--ledger"])
    }

    /// Does the same with a deadline of so many seconds.
    pub(crate) fn keep_within(&self, seconds: &str, push: &(String, String)) -> Told {
        self.run_for_push(push, &["--ledger", "--deadline", seconds])
    }

    /// Runs the action for a push to `main`, and lets the ledger begin.
    pub(crate) fn begin(&self, push: &(String, String)) -> Told {
        self.run_for_push(push, &["--ledger=begin"])
    }

    pub(crate) fn run_for_push(&self, push: &(String, String), how: &[&str]) -> Told {
        let event = self.push_event(push);
        let variables: Vec<(&str, &str)> =
            event.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.run(&[&["action"], how].concat(), &variables)
    }

    /// Returns whether the ledger has begun.
    pub(crate) fn has_ledger(&self) -> bool {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.git.path()).args([
            "rev-parse",
            "-q",
            "--verify",
            "refs/changegate/ledger",
        ]);
        command.output().unwrap().status.success()
    }

    /// Runs the action as a schedule does.
    pub(crate) fn scheduled(&self, more: &[&str]) -> Told {
        let event = self.event("schedule", &json!({ "schedule": "17 * * * *" }));
        let variables: Vec<(&str, &str)> =
            event.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let how = if self.has_ledger() { "--ledger" } else { "--ledger=begin" };
        self.run(&[&["action", how], more].concat(), &variables)
    }

    pub(crate) fn sweep(&self) -> Told {
        self.run(&["sweep", "--github", "acme/shop"], &[])
    }

    /// Returns the records, oldest first.
    pub(crate) fn records(&self) -> Vec<Value> {
        let git = |args: &[&str]| {
            let told = Command::new("git").arg("-C").arg(self.git.path()).args(args).output().unwrap();
            assert!(told.status.success(), "{told:?}");
            String::from_utf8(told.stdout).unwrap()
        };
        let ids = git(&["rev-list", "--reverse", "refs/changegate/ledger"]);
        ids.lines()
            .map(|id| serde_json::from_str(&git(&["show", &format!("{id}:record.json")])).unwrap())
            .collect()
    }

    /// Returns a file of the newest record but `back`.
    pub(crate) fn file(&self, back: usize, name: &str) -> Vec<u8> {
        let of = format!("refs/changegate/ledger~{back}:{name}");
        let told = Command::new("git").arg("-C").arg(self.git.path()).args(["show", &of]).output().unwrap();
        assert!(told.status.success(), "{told:?}");
        told.stdout
    }

    /// Returns the names of the events, oldest first.
    pub(crate) fn events(&self) -> Vec<String> {
        let name = |record: &Value| record["event"].as_object().unwrap().keys().next().unwrap().clone();
        self.records().iter().map(name).collect()
    }

    /// Verifies the ledger, in a copy.
    pub(crate) fn verify(&self) -> Told {
        self.run(&["ledger", "verify", "--no-refs", "-C", self.git.path().to_str().unwrap()], &[])
    }
}

/// How a run ended.
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) text: String,
}

impl Told {
    fn of(output: Output) -> Told {
        let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        for secret in ["a-plain-token", "eC1hY2Nlc3MtdG9rZW46YS1wbGFpbi10b2tlbg"] {
            assert!(!text.contains(secret), "the token is shown: {text}");
        }
        Told { code: output.status.code().unwrap(), text }
    }

    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}", self.text);
        self.text
    }
}

/// A reviewed pull request is merged.
pub(crate) fn land(scene: &Scene, title: &str) -> (String, String) {
    scene.fake.world(|world| {
        let number = open(world, title, "normal");
        world.review(number, "kim", "APPROVED");
        merge(world, number, "2026-03-02T16:00:00Z")
    })
}

#[test]
fn a_push_is_recorded_with_what_landed() {
    let scene = Scene::new(POLICY);
    let push = land(&scene, "one");
    let said = scene.record(&push).ends(0);
    assert!(said.contains("started the ledger"), "{said}");
    assert_eq!(scene.events(), ["begin", "decision", "outcome"]);
    let records = scene.records();
    assert_eq!(records[0]["event"]["begin"]["tips"][0]["id"], push.0);
    let decision = &records[1]["event"]["decision"];
    assert_eq!((&decision["stage"], &decision["decision"]), (&json!("landed"), &json!("allow")));
    assert_eq!(decision["pusher"]["account"], "github:kim", "{decision:#}");
    assert_eq!(decision["observed-at"], "2026-03-02T16:00:00Z");
    let of_ref = &decision["refs"][0];
    assert_eq!((&of_ref["old"], &of_ref["new"]), (&json!(push.0), &json!(push.1)));
    assert!(of_ref["tree"].is_string() && decision["facts"]["kept"] == true);
    assert_eq!(of_ref["pull-landings"][0]["landed-as"], push.1);
    assert_eq!(records[2]["event"]["outcome"]["found-late"], false);
    let newest = scene.verify().ends(0);
    let newest = newest.split("newest ").nth(1).unwrap().lines().next().unwrap();
    assert!(said.contains(&format!("the newest record is {newest}")), "{said}");
    // The next one goes on from there.
    scene.record(&land(&scene, "two")).ends(0);
    assert_eq!(scene.events()[3..], ["decision", "outcome"]);
    // A run that is started again records nothing.
    let said = scene.record(&push).ends(0);
    assert!(!said.contains("late"), "{said}");
    assert_eq!(scene.events().len(), 5);
    scene.verify().ends(0);
}

#[test]
fn what_landed_past_the_policy_is_shown_and_stays_shown() {
    let scene = Scene::new(POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    let push = scene.fake.world(|world| push_by_hand(world, "kim", "2026-03-02T17:00:00Z"));
    let said = scene.record(&push).ends(1);
    assert!(said.contains("recorded as an unauthorised change"), "{said}");
    assert_eq!(scene.events()[3..], ["decision", "unauthorised"]);
    assert_eq!(scene.records()[3]["event"]["decision"]["decision"], "deny");
    scene.record(&land(&scene, "two")).ends(0);
    let said = scene.verify().ends(1);
    assert!(said.contains("unauthorised"), "{said}");
    // A review that came only after the landing does not make it a reviewed one.
    let push = scene.fake.world(|world| {
        let number = open(world, "three", "normal");
        let push = merge(world, number, "2026-03-02T13:00:00Z");
        world.review(number, "kim", "APPROVED");
        push
    });
    scene.record(&push).ends(1);
}

#[test]
fn what_is_mended_after_the_landing_was_not_there_before() {
    let scene = Scene::new(POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    let push = scene.fake.world(|world| {
        let number = open(world, "two", "normal");
        world.pull(number).body = Some("Faster.\n\nChange-Type: normal\n".into());
        world.review(number, "kim", "APPROVED");
        let push = merge(world, number, "2026-03-02T16:00:00Z");
        world.edit(number, "ana", &body("normal"), "2026-03-02T16:00:01Z");
        // When it was merged stays what it was.
        world.pull(number).updated_at = "2026-03-02T16:00:00Z".into();
        push
    });
    let said = scene.record(&push).ends(1);
    assert!(said.contains("`Risk` is missing"), "{said}");
    // A label from afterwards authorises nothing.
    let labelled =
        "rules:\n  held: { title: somebody lets it go, require: { label: { any-of: [go], by: duty } } }\n";
    let people = "people: { teams: { duty: ['github:kim'] } }\n";
    let scene =
        Scene::new(&format!("changegate: 1\nname: x\nextends: [core]\nprotects: [main]\n{people}{labelled}"));
    let landing = |at: &str| {
        scene.fake.world(|world| {
            let number = open(world, &format!("at {at}"), "normal");
            world.label(number, "kim", "go");
            merge(world, number, at)
        })
    };
    scene.record(&landing("2026-03-02T12:31:00Z")).ends(0);
    scene.record(&landing("2026-03-02T12:29:00Z")).ends(1);
}

#[test]
fn a_push_that_no_run_told_of_is_found_late_and_judged() {
    let scene = Scene::new(POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    let (missed, third) = (land(&scene, "two"), land(&scene, "three"));
    let said = scene.record(&third).ends(0);
    assert!(said.contains("found late"), "{said}");
    assert_eq!(scene.events()[3..], ["decision", "outcome", "decision", "outcome"]);
    let late: Vec<_> = scene.records()[3..]
        .iter()
        .filter_map(|record| record["event"]["outcome"]["found-late"].as_bool())
        .collect();
    assert_eq!(late, [true, false]);
    // Its run comes after all.
    scene.record(&missed).ends(0);
    assert_eq!(scene.events().len(), 7);
    // The scheduled sweep finds the same, without any event, and what was pushed by hand.
    land(&scene, "four");
    scene.fake.world(|world| push_by_hand(world, "kim", "2026-03-02T18:00:00Z"));
    let said = scene.sweep().ends(1);
    assert!(said.contains("found late") && said.contains("unauthorised"), "{said}");
    assert_eq!(scene.events()[7..], ["decision", "outcome", "decision", "unauthorised"]);
    // It is recorded once, and nobody has answered for it.
    scene.sweep().ends(1);
    assert_eq!(scene.events().len(), 11);
    assert!(!scene.verify().ends(1).contains("tampered"));
}

#[test]
fn without_the_record_of_moves_the_history_tells() {
    let scene = Scene::new(POLICY);
    scene.record(&land(&scene, "one")).ends(0);
    land(&scene, "two");
    let third = land(&scene, "three");
    scene
        .fake
        .spoil("/activity?ref=refs/heads/main", How::Status(403, Vec::new(), json!({ "message": "no" })));
    scene.record(&third).ends(0);
    let records = scene.records();
    let decision = &records[3]["event"]["decision"];
    assert!(decision["pusher"]["unknown"].is_string(), "{decision:#}");
    assert_eq!(decision["refs"][0]["pull-landings"].as_array().unwrap().len(), 1);
    assert_eq!(scene.events()[3..], ["decision", "outcome", "decision", "outcome"]);
    scene.verify().ends(0);
}

#[test]
fn a_ref_that_is_rewritten_or_deleted_is_unauthorised() {
    let scene = Scene::new(POLICY);
    let first = land(&scene, "one");
    scene.record(&first).ends(0);
    let push = scene.fake.world(|world| {
        let other =
            world.commit(&[&first.0], "kim", "Another\n\nChange-Type: normal\nRisk: low\n", &[("x", "y")]);
        (moved(world, &other, "force_push", "2026-03-02T17:00:00Z"), other)
    });
    let said = scene.record(&push).ends(1);
    assert!(said.contains("ref-rewritten"), "{said}");
    assert_eq!(scene.events()[3..], ["decision", "unauthorised"]);
    scene.sweep().ends(1);
    assert_eq!(scene.events().len(), 5);
}

#[test]
fn ten_runs_at_once_record_each_push_once() {
    let scene = Scene::new(POLICY);
    scene.record(&land(&scene, "the first")).ends(0);
    let pushes: Vec<_> = (0..10).map(|at| land(&scene, &format!("change {at}"))).collect();
    let runs: Vec<_> = pushes
        .iter()
        .rev()
        .map(|push| {
            let event = scene.push_event(push);
            let variables: Vec<(&str, &str)> =
                event.iter().map(|(name, value)| (*name, value.as_str())).collect();
            scene.command(&["action", "--ledger"], &variables).spawn().unwrap()
        })
        .collect();
    for run in runs {
        Told::of(run.wait_with_output().unwrap()).ends(0);
    }
    let records = scene.records();
    let decisions = records.iter().filter_map(|record| record["event"]["decision"]["refs"][0].as_object());
    let ends = |one: &serde_json::Map<String, Value>| {
        (one["old"].as_str().unwrap().to_owned(), one["new"].as_str().unwrap().to_owned())
    };
    let moves: Vec<_> = decisions.map(ends).collect();
    assert_eq!(moves[1..], pushes);
    assert_eq!(scene.events().iter().filter(|event| *event == "outcome").count(), 11);
    scene.verify().ends(0);
}

#[test]
fn whoever_is_overtaken_begins_anew() {
    for on in ["service=git-receive-pack", "POST /acme/shop.git/git-receive-pack"] {
        let scene = Scene::new(POLICY);
        scene.record(&land(&scene, "one")).ends(0);
        let (second, third) = (land(&scene, "two"), land(&scene, "three"));
        let event = scene.push_event(&second);
        let variables: Vec<(&str, &str)> =
            event.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut other = scene.command(&["action", "--ledger"], &variables);
        scene.git.before(on, move || assert!(other.status().unwrap().success()));
        scene.record(&third).ends(0);
        assert_eq!(scene.events()[3..], ["decision", "outcome", "decision", "outcome"], "{on}");
        scene.verify().ends(0);
    }
}

#[test]
fn what_is_not_allowed_or_not_there_is_said_and_ends_with_3() {
    let scene = Scene::new(POLICY);
    let push = land(&scene, "one");
    scene.git.read_only(true);
    let said = scene.record(&push).ends(3);
    assert!(said.contains("contents: write"), "{said}");
    scene.git.read_only(false);
    scene.record(&push).ends(0);
    // A rule of the repository keeps everybody from the ref.
    let hook = scene.git.path().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho GH013: rule violations >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let second = land(&scene, "two");
    let said = scene.record(&second).ends(3);
    assert!(said.contains("GH013"), "{said}");
    std::fs::remove_file(&hook).unwrap();
    scene.fake.spoil_some("/compare/", 0, 9, How::Status(500, Vec::new(), json!({})));
    scene.fake.spoil_some("query Branch", 0, 9, How::Status(500, Vec::new(), json!({})));
    scene.record(&second).ends(3);
    assert_eq!(scene.events().len(), 3);
    let event = scene.push_event(&second);
    let variables: Vec<(&str, &str)> = event.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let wrong = [variables.as_slice(), &[("GITHUB_SERVER_URL", "http://git.example.com")]].concat();
    scene.run(&["action", "--ledger"], &wrong).ends(2);
    // What an event makes up did not happen.
    let made_up = (second.1.clone(), second.0.clone());
    let scene = Scene::new(POLICY);
    land(&scene, "one");
    scene.record(&made_up).ends(3);
    // What is said of a pull request is not recorded, and nobody shall think so.
    let number = scene.fake.world(|world| open(world, "two", "normal"));
    let head = scene.fake.world(|world| world.pull(number).head_id.clone());
    let json = json!({ "pull_request": { "number": number, "head": { "sha": head } }, "repository": { "full_name": "acme/shop" } });
    let event = scene.event("pull_request", &json);
    let variables: Vec<(&str, &str)> = event.iter().map(|(name, value)| (*name, value.as_str())).collect();
    scene.run(&["action", "--ledger"], &variables).ends(2);
}

/// Puts a `git` first on the PATH that writes down how it is called.
fn listening(folder: &Path) -> (String, std::path::PathBuf) {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let path = std::env::var("PATH").unwrap();
    let real =
        std::env::split_paths(&path).map(|folder| folder.join("git")).find(|file| file.is_file()).unwrap();
    let log = folder.join("calls");
    let script =
        format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >>{}\nexec {} \"$@\"\n", log.display(), real.display());
    std::fs::write(bin.join("git"), script).unwrap();
    std::fs::set_permissions(bin.join("git"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    (format!("{}:{path}", bin.display()), log)
}

#[test]
fn the_token_is_in_no_argument_and_in_no_trace() {
    let scene = Scene::new(POLICY);
    let (path, log) = listening(scene.folder.path());
    let push = land(&scene, "one");
    let event = scene.push_event(&push);
    let trace = scene.folder.path().join("trace");
    let mut variables: Vec<(&str, &str)> =
        event.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend([("PATH", path.as_str()), ("GIT_TRACE_CURL", trace.to_str().unwrap())]);
    variables.extend([("GIT_TRACE_REDACT", "0"), ("GIT_TRACE", trace.to_str().unwrap())]);
    scene.run(&["action", "--ledger=begin"], &variables).ends(0);
    let calls = std::fs::read_to_string(&log).unwrap();
    assert!(calls.contains(" fetch ") || calls.contains(" ls-remote "), "{calls}");
    assert!(calls.contains(" push "), "{calls}");
    for secret in ["a-plain-token", "eC1hY2Nlc3MtdG9rZW46YS1wbGFpbi10b2tlbg", "xtraHeader"] {
        assert!(!calls.contains(secret), "{calls}");
    }
    assert!(!trace.exists());
    assert!(scene.git.seen().iter().all(|request| request.header("authorization").is_some()));
}
