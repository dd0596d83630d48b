//! A fleet of repositories: shared among machines, put together again, and asked by engines of others.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use changegate::audit::fleet::shard::FleetShard;
use serde_json::Value;

use crate::{read_with_python, read_with_spark};

/// The names of the repositories, some of which folders and engines could misread.
pub(crate) const NAMES: [&str; 6] = ["123", "acme/shop", "api", "two words", "web", "x=1%2F"];

/// What every audit of these tests is asked.
pub(crate) const PERIOD: [&str; 6] = ["--pack", "core", "--to", "2026-06-30", "--as-of", "2026-07-01"];

/// Several small repositories, with a list of them.
pub(crate) struct Fleet {
    home: tempfile::TempDir,
}

impl Fleet {
    pub(crate) fn new() -> Fleet {
        let fleet = Fleet { home: tempfile::tempdir().unwrap() };
        let mut list = String::new();
        for (number, name) in NAMES.iter().enumerate() {
            let folder = format!("repositories/{number}.git");
            fleet.make_repository(&folder, number + 2);
            // One of them is cloned.
            let place = match number {
                1 => format!("file://{}", fleet.path(&folder).display()),
                _ => folder,
            };
            list.push_str(&format!("- repository: {place}\n  name: '{name}'\n"));
        }
        fs::write(fleet.path("fleet.yml"), list).unwrap();
        fleet
    }

    /// Makes one bare repository, `shop.git`, with so many changes.
    pub(crate) fn of_one(changes: usize) -> Fleet {
        let fleet = Fleet { home: tempfile::tempdir().unwrap() };
        fleet.make_repository("shop.git", changes);
        fleet
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.home.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1");
        for name in ["GITHUB_TOKEN", "GH_TOKEN", "GITHUB_API_URL", "GITHUB_SERVER_URL"] {
            command.env_remove(name);
        }
        command
    }

    /// Makes a bare repository with so many changes, whose months go back and forth; every third breaks a rule.
    fn make_repository(&self, folder: &str, changes: usize) {
        let mut stream = String::new();
        for number in 0..changes {
            let at = 1_767_261_600 + [0, 40, 10, 70, 12, 41, 100][number % 7] * 86_400 + number;
            let risk = if number % 3 == 0 { "" } else { "\n\nChange-Type: normal\nRisk: low\n" };
            let message = format!("Change {number}{risk}");
            stream.push_str("commit refs/heads/main\n");
            for role in ["author", "committer"] {
                stream.push_str(&format!("{role} Ana <ana@example.com> {at} +0000\n"));
            }
            stream.push_str(&format!("data {}\n{message}\n", message.len()));
            stream.push_str(&format!("M 100644 inline f\ndata 2\n{}\n\n", number % 10));
        }
        let git = |args: &[&str], input: &str| {
            let mut command = self.command("git");
            command.args(args).stdin(std::process::Stdio::piped());
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success(), "git {args:?}");
        };
        git(&["init", "-q", "--bare", "-b", "main", folder], "");
        git(&["--git-dir", folder, "fast-import", "--quiet"], &stream);
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(env!("CARGO_BIN_EXE_changegate")).arg("audit").args(args).output().unwrap()
    }

    /// Runs an audit that ends with `code`, and returns what it said on standard error.
    pub(crate) fn audit(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {err}");
        err
    }

    pub(crate) fn audit_list(&self, list: &str, out: &str, more: &[&str], code: i32) -> String {
        self.audit(&[&["--repos", list, "--out", out][..], &PERIOD, more].concat(), code)
    }

    pub(crate) fn report(&self, from: &[&str], out: &str, code: i32) -> String {
        self.audit(&[&["report", "--out", out, "--from"], from].concat(), code)
    }

    /// Audits the fleet on three machines.
    fn audit_shards(&self) {
        for number in 1..=3 {
            self.audit_list(
                "fleet.yml",
                &format!("shards/{number}"),
                &["--shard", &format!("{number}/3")],
                0,
            );
        }
    }
}

/// Returns every file below a folder with its content.
pub(crate) fn read_files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What was audited before an interruption is not audited again, and the report is the same.
#[cfg(unix)]
#[test]
fn an_audit_that_was_interrupted_goes_on_where_it_was() {
    use std::os::unix::fs::PermissionsExt as _;
    let fleet = Fleet::new();
    // The second repository is cloned by a program that waits until it is told to fail.
    let (hold, bin) = (fleet.path("hold"), fleet.path("bin"));
    fs::create_dir(&bin).unwrap();
    fs::write(&hold, "").unwrap();
    fs::write(bin.join("git"), "#!/bin/sh\nwhile [ -e hold ]; do /bin/sleep 0.1; done\nexit 1\n").unwrap();
    fs::set_permissions(bin.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
    let asked = ["audit", "--repos", "fleet.yml", "--out", "out"];
    let mut command = fleet.command(env!("CARGO_BIN_EXE_changegate"));
    command.args(asked).args(PERIOD).env("PATH", &bin).stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let journal = fleet.path("out/.audited/repository=123.jsonl");
    for _ in 0..600 {
        if journal.exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_file(hold).unwrap();
    assert!(journal.exists() && !fleet.path("out/audit.json").exists());
    let told = fleet.audit_list("fleet.yml", "out", &[], 0);
    let line = "taken over from an earlier run, which was interrupted: 1 repository (123)";
    assert!(told.contains(line), "{told}");
    let told = fleet.audit_list("fleet.yml", "fresh", &[], 0);
    assert!(!told.contains("taken over"), "{told}");
    let (resumed, fresh) = (read_files(&fleet.path("out")), read_files(&fleet.path("fresh")));
    assert_eq!(resumed.keys().collect::<Vec<_>>(), fresh.keys().collect::<Vec<_>>());
    for (name, content) in fresh {
        assert!(resumed[&name] == content, "{name}");
    }
}

/// A journal of other inputs, of another state, or one that is damaged in any way, is audited anew.
#[test]
fn what_was_interrupted_counts_for_the_same_inputs_only() {
    use changegate::audit::fleet::audit_event::AuditEvent;
    use changegate::audit::fleet::checkpoint::FleetCheckpoint;
    let folder = tempfile::tempdir().unwrap();
    let open = |inputs: Value| FleetCheckpoint::open_checkpoint(folder.path(), &inputs).unwrap();
    let count_at = |checkpoint: &FleetCheckpoint, tip: u8| {
        let mut events = 0;
        let is_known =
            checkpoint.replay_repository(("acme/shop", &serde_json::json!({ "tip": tip })), &mut |event| {
                assert!(matches!(event, AuditEvent::RefBegun(_)));
                events += 1;
                Ok(())
            });
        is_known.unwrap().then_some(events)
    };
    let count = |checkpoint: &FleetCheckpoint| count_at(checkpoint, 1);
    let begin = |checkpoint: &FleetCheckpoint| {
        checkpoint.begin_repository("acme/shop", serde_json::json!({ "tip": 1 })).unwrap()
    };
    let checkpoint = open(serde_json::json!({ "as-of": 1 }));
    assert_eq!(count(&checkpoint), None);
    drop(begin(&checkpoint));
    assert_eq!(count(&checkpoint), None);
    begin(&checkpoint).finish_repository().unwrap();
    assert_eq!(count(&checkpoint), Some(0));
    let mut written = begin(&checkpoint);
    for has_ledger in [true, false, true] {
        written.add_event(&AuditEvent::RefBegun(has_ledger)).unwrap();
    }
    written.finish_repository().unwrap();
    assert_eq!(count(&open(serde_json::json!({ "as-of": 1 }))), Some(3));
    // The branch or the ledger holds something else now.
    assert_eq!(count_at(&checkpoint, 2), None);
    let journal = folder.path().join(".audited/repository=acme%2Fshop.jsonl");
    let whole = fs::read_to_string(&journal).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    assert_eq!(lines.len(), 4);
    let mut damaged = vec![whole.replacen("false", "true", 1), format!("{whole}{}", lines[0])];
    damaged.extend((0..whole.len() - 1).map(|length| whole[..length].to_owned()));
    for gone in 0..lines.len() {
        let kept = lines.iter().enumerate().filter(|(place, _)| *place != gone);
        damaged.push(kept.map(|(_, line)| *line).collect());
    }
    for content in damaged {
        fs::write(&journal, &content).unwrap();
        assert_eq!(count(&checkpoint), None, "{content}");
    }
    fs::write(&journal, &whole).unwrap();
    assert_eq!(count(&checkpoint), Some(3));
    assert_eq!(count(&open(serde_json::json!({ "as-of": 2 }))), None);
    assert!(!journal.exists());
    open(serde_json::json!({ "as-of": 2 })).remove_checkpoint().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn shards_are_together_what_one_machine_makes_of_all() {
    let fleet = Fleet::new();
    fleet.audit_list("fleet.yml", "whole", &[], 0);
    fleet.audit_shards();
    // Each table of a repository is byte for byte in one of the shards, and in no other.
    let mut joined = BTreeMap::new();
    for number in 1..=3 {
        let dataset = fleet.path(&format!("shards/{number}/dataset"));
        for repository in read_json(&dataset.join("dataset.json"))["repositories"].as_array().unwrap() {
            let shard = FleetShard { number, of: 3 };
            assert!(shard.holds_repository(repository["name"].as_str().unwrap()), "{repository}");
        }
        for (name, content) in read_files(&dataset) {
            if name.contains("repository=") {
                assert!(joined.insert(name, content).is_none(), "a file is in two shards");
            }
        }
    }
    let whole = read_files(&fleet.path("whole/dataset"));
    let of_repositories: BTreeMap<String, Vec<u8>> =
        whole.into_iter().filter(|(name, _)| name.contains("repository=")).collect();
    assert!(joined == of_repositories, "{:?}", joined.keys());
    assert!(
        joined.contains_key("changes/repository=x%3D1%252F/month=2026-03/part-0.parquet"),
        "{:?}",
        joined.keys()
    );

    fleet.report(&["shards/**/*.parquet"], "report", 0);
    fleet.report(&["whole"], "same", 0);
    let (report, same, whole) = ["report", "same", "whole"].map(|name| read_files(&fleet.path(name))).into();
    assert!(report == same);
    for (name, content) in &report {
        if !matches!(name.as_str(), "audit.json" | "changes.parquet" | "exceptions.parquet") {
            assert!(whole.get(name) == Some(content), "{name} is another one");
        }
    }
    let changes: usize = (0..NAMES.len()).map(|number| number + 2).sum();
    assert_eq!(read_json(&fleet.path("report/audit.json"))["population"]["changes"], changes);
}

#[test]
fn a_report_is_made_of_whole_data_sets_of_one_audit() {
    let fleet = Fleet::new();
    fleet.audit_shards();
    let damage = |change: &dyn Fn(&Path)| {
        let copy = fleet.path("copy");
        drop(fs::remove_dir_all(&copy));
        for (name, content) in read_files(&fleet.path("shards/1")) {
            let path = copy.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        change(&copy.join("dataset"));
        fleet.report(&["copy/**/*.parquet"], "refused", 2)
    };
    let one_file = |root: &Path| {
        let name = read_files(root).into_keys().find(|name| name.starts_with("changes/")).unwrap();
        root.join(name)
    };
    let manifest = |root: &Path| root.join("dataset.json");
    let edit = |root: &Path, from: &str, to: &str| {
        let text = fs::read_to_string(manifest(root)).unwrap();
        assert!(text.contains(from));
        fs::write(manifest(root), text.replacen(from, to, 1)).unwrap();
    };
    type Damage<'a> = (&'a str, Box<dyn Fn(&Path) + 'a>);
    let damages: Vec<Damage<'_>> = vec![
        ("is in no whole data set", Box::new(|root| fs::remove_file(manifest(root)).unwrap())),
        (
            "is no whole manifest",
            Box::new(|root| {
                let text = fs::read(manifest(root)).unwrap();
                fs::write(manifest(root), &text[..text.len() / 2]).unwrap();
            }),
        ),
        ("of the schema `changegate/dataset/v2`", Box::new(|root| edit(root, "dataset/v1", "dataset/v2"))),
        ("is missing", Box::new(|root| fs::remove_file(one_file(root)).unwrap())),
        (
            "is not the file that the manifest names",
            Box::new(|root| {
                let path = one_file(root);
                let mut content = fs::read(&path).unwrap();
                *content.last_mut().unwrap() ^= 1;
                fs::write(path, content).unwrap();
            }),
        ),
        ("is in no manifest", Box::new(|root| fs::write(root.join("more.parquet"), "x").unwrap())),
        ("is not below it", Box::new(|root| edit(root, "\"name\": \"changes/", "\"name\": \"../changes/"))),
    ];
    for (why, change) in damages {
        let said = damage(&*change);
        assert!(said.contains(why), "{why}: {said}");
    }
    assert!(!fleet.path("refused").exists(), "nothing is written before all of it is read");
    // Of another audit, or twice.
    fleet.audit(&["--repos", "fleet.yml", "--pack", "core", "--out", "other", "--as-of", "2026-08-01"], 0);
    assert!(fleet.report(&["shards/1", "other"], "refused", 2).contains("differ in the period"));
    fleet.audit_list("fleet.yml", "whole", &[], 0);
    fleet.audit_list("fleet.yml", "half", &["--shard", "1/2"], 0);
    assert!(fleet.report(&["shards/2", "half"], "refused", 2).contains("differ in the number of shards"));
    assert!(fleet.report(&["shards/1", "copy"], "refused", 2).contains("copy"));
    fleet.audit_list("fleet.yml", "again", &["--shard", "1/3"], 0);
    assert!(fleet.report(&["shards/1", "again"], "refused", 2).contains("are both shard 1/3"));
    fs::create_dir(fleet.path("empty")).unwrap();
    assert!(fleet.report(&["empty/**/*.parquet"], "refused", 2).contains("names no file of a data set"));
    // A shard that is missing is a hole, and the rest is told.
    let said = fleet.report(&["shards/1", "shards/3"], "partial", 3);
    assert!(said.contains("shard 2/3 is missing"), "{said}");
    let page = fs::read_to_string(fleet.path("partial/report.html")).unwrap();
    assert!(page.contains("shard 2/3 is missing, and so are its repositories"));
}

#[test]
fn a_repository_that_cannot_be_read_is_named_and_the_others_are_audited() {
    let fleet = Fleet::new();
    // A commit in the middle of the history is gone.
    let broken = fleet.path("repositories/5.git");
    let id = |rev: &str| {
        let output =
            fleet.command("git").args(["--git-dir", broken.to_str().unwrap(), "rev-parse", rev]).output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
    };
    let gone = id("main~3");
    let unpack = |args: &[&str], input: Vec<u8>| {
        let mut command = fleet.command("git");
        command.arg("--git-dir").arg(&broken).args(args).stdin(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(&input).unwrap();
        assert!(child.wait().unwrap().success());
    };
    for entry in fs::read_dir(broken.join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "pack") {
            let content = fs::read(&path).unwrap();
            fs::remove_dir_all(broken.join("objects/pack")).unwrap();
            unpack(&["unpack-objects", "-q"], content);
            break;
        }
    }
    drop(fs::remove_file(broken.join("objects").join(&gone[..2]).join(&gone[2..])));
    fs::write(
        fleet.path("list"),
        "# with holes\nrepositories/0.git\nnowhere\nfile:///no/such/repository.git\nrepositories/5.git\ngithub:acme/*\n",
    )
    .unwrap();
    let mut command = fleet.command(env!("CARGO_BIN_EXE_changegate"));
    let args = [&["audit", "--repos", "list", "--out", "out"][..], &PERIOD].concat();
    let output = command.args(args).env("GITHUB_API_URL", "http://127.0.0.1:9").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{said}");
    for name in ["nowhere", "repository", "github:acme/*"] {
        assert!(said.contains(&format!("changegate: {name}: could not be audited: ")), "{name}: {said}");
    }
    let completeness = fs::read_to_string(fleet.path("out/completeness.csv")).unwrap();
    assert!(completeness.contains("nowhere: could not be audited,audited,"), "{completeness}");
    let manifest = read_json(&fleet.path("out/dataset/dataset.json"));
    let holes =
        manifest["repositories"].as_array().unwrap().iter().filter(|one| !one["not-audited"].is_null());
    assert!(holes.count() >= 3, "{manifest:#}");
    // A report that is made of it has the same holes.
    fleet.report(&["out"], "report", 3);
    assert_eq!(fs::read_to_string(fleet.path("report/completeness.csv")).unwrap(), completeness);
    assert!(fs::read_to_string(fleet.path("report/report.html")).unwrap().contains("github:acme/*"));

    for (list, why) in [
        ("repositories/0.git\nrepositories/0.git\n", "two repositories are called `0`"),
        ("# nothing\n", "names no repository"),
        ("github:acme\n", "is neither `github:OWNER/REPO` nor `github:OWNER/*`"),
    ] {
        fs::write(fleet.path("list"), list).unwrap();
        assert!(fleet.audit_list("list", "refused", &[], 2).contains(why), "{why}");
    }
    let early = fleet.audit(&["--repos", "fleet.yml", "--shard", "1/2", "--out", "refused"], 2);
    assert!(early.contains("with --shard, give --as-of"), "{early}");
    assert!(!fleet.path("refused").exists());
    // What is no data set is not replaced.
    fs::create_dir_all(fleet.path("taken/dataset")).unwrap();
    assert!(fleet.audit_list("fleet.yml", "taken", &[], 3).contains("is no data set"));
    assert!(!fleet.path("taken/audit.json").exists());
}

#[test]
fn the_repositories_of_an_owner_are_listed_by_the_forge_and_cloned() {
    let fleet = Fleet::new();
    fs::create_dir_all(fleet.path("forge/acme")).unwrap();
    for (number, name) in ["shop", "api"].iter().enumerate() {
        fs::rename(
            fleet.path(&format!("repositories/{number}.git")),
            fleet.path(&format!("forge/acme/{name}.git")),
        )
        .unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let answers = std::thread::spawn(move || {
        // The owner is a user: the list of organisations does not have it.
        let mut asked = Vec::new();
        for (status, body) in
            [("404 Not Found", "{}"), ("200 OK", r#"[{"full_name":"acme/shop"},{"full_name":"acme/api"}]"#)]
        {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
                request.push(byte[0]);
            }
            asked.push(String::from_utf8(request).unwrap());
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close");
            write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
        asked
    });
    fs::write(fleet.path("list"), "github:acme/*\ngithub:acme/api\n").unwrap();
    let mut command = fleet.command(env!("CARGO_BIN_EXE_changegate"));
    command.args([&["audit", "--repos", "list", "--out", "out"][..], &PERIOD].concat());
    command.env("GITHUB_API_URL", &server).env("GITHUB_TOKEN", "ghp_secret");
    command.env("GITHUB_SERVER_URL", format!("file://{}", fleet.path("forge").display()));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let asked = answers.join().unwrap();
    assert!(asked[0].starts_with("GET /orgs/acme/repos?"), "{asked:?}");
    assert!(asked[1].starts_with("GET /users/acme/repos?") && asked[1].contains("ghp_secret"), "{asked:?}");
    let manifest = read_json(&fleet.path("out/dataset/dataset.json"));
    let names: Vec<&str> = manifest["repositories"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["acme/api", "acme/shop"]);
}

/// The documented queries give the same in both engines, and the totals are those of the report.
#[test]
fn engines_of_others_count_what_the_report_counts() {
    let fleet = Fleet::new();
    fleet.audit_shards();
    fleet.report(&["shards/**/*.parquet"], "report", 0);
    let rows = |name: &str| -> Vec<Value> {
        let text = fs::read_to_string(fleet.path(&format!("report/{name}"))).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let changes = rows("changes.jsonl");
    let mut months: BTreeMap<(String, String), [u64; 3]> = BTreeMap::new();
    for one in &changes {
        let month = one["implemented_at"].as_str().unwrap()[..7].to_owned();
        let counts = months.entry((one["repository"].as_str().unwrap().to_owned(), month)).or_default();
        counts[0] += 1;
        counts[1] += u64::from(one["gate_result"].as_str().unwrap().ends_with("fail"));
        counts[2] += u64::from(one["bypassed"] == "unauthorised");
    }
    let expected: Vec<Value> = months
        .into_iter()
        .map(|((repository, month), [all, broken, past])| {
            serde_json::json!([repository, month, all, broken, past])
        })
        .collect();
    fs::write(fleet.path("engine"), "duckdb").unwrap();
    let script = "tests/audit/read_dataset.py";
    let duck = read_with_python(script, "duckdb", fleet.home.path());
    fs::write(fleet.path("engine"), "spark").unwrap();
    let spark = read_with_spark(script, fleet.home.path());
    for told in duck.iter().chain(&spark) {
        assert_eq!(told["answers"][0].as_array().unwrap(), &expected);
        let all = &told["answers"][1][0];
        assert_eq!((&all[0], &all[2]), (&changes.len().into(), &NAMES.len().into()));
        for table in ["exceptions", "population"] {
            let count = rows(&format!("{table}.jsonl")).len();
            assert_eq!(told["counts"][table][0], count, "{table}");
        }
    }
    if let (Some(duck), Some(spark)) = (duck, spark) {
        assert_eq!(duck, spark);
    }
}

/// The files that the documents hand out are what those who read them take.
#[test]
fn the_manifests_for_several_machines_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tools = root.join("target/workflow-tools/bin");
    for (tool, file) in [("actionlint", "workflow.yml"), ("kubernetes-validate", "job.yml")] {
        let program = tools.join(tool);
        if !program.is_file() {
            eprintln!("skipped: {tool} is not installed");
            continue;
        }
        let mut command = Command::new(program);
        if tool == "kubernetes-validate" {
            command.arg("--strict");
        }
        let output = command.arg(root.join("docs/fleet").join(file)).output().unwrap();
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stdout));
    }
    // Each of them shares the fleet among as many machines as it starts.
    let workflow = fs::read_to_string(root.join("docs/fleet/workflow.yml")).unwrap();
    assert!(workflow.contains("shard: [1, 2, 3, 4]") && workflow.contains("\"$SHARD/4\""));
    let job: Value =
        serde_yaml::from_str(&fs::read_to_string(root.join("docs/fleet/job.yml")).unwrap()).unwrap();
    assert_eq!(job["spec"]["completionMode"], "Indexed");
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let shards = &container["env"][0];
    assert_eq!(
        (&shards["name"], shards["value"].as_str().unwrap().parse().ok()),
        (&"FLEET_SHARDS".into(), job["spec"]["completions"].as_u64())
    );
}
