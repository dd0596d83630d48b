//! `changegate policy init` in repositories of several kinds: what it writes is valid at once, its tests pass, it takes over
//! what the repository tells, and it never overwrites anything.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "test code"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use changegate::policy::packs::POLICY_PACKS;

#[path = "cli/scene.rs"]
#[allow(dead_code, reason = "each suite uses a part of it")]
mod scene;

use scene::Scene;

/// Runs a command; returns its exit code and what it says.
fn run(scene: &Scene, args: &[&str]) -> (i32, String) {
    let output = scene.command(args).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

fn succeeds(scene: &Scene, args: &[&str]) -> String {
    let (code, said) = run(scene, args);
    assert_eq!(code, 0, "{args:?}: {said}");
    said
}

fn read(scene: &Scene, path: &str) -> String {
    fs::read_to_string(scene.directory.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns every file of the work tree with its content.
/// Returns what a command said, in one line.
fn told(said: &str) -> String {
    said.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn snapshot(scene: &Scene) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![scene.directory.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&scene.directory).unwrap().to_str().unwrap().to_owned();
            match path.is_dir() {
                true if name == ".git" => {}
                true => folders.push(path),
                false => drop(found.insert(name, fs::read(&path).unwrap())),
            }
        }
    }
    found
}

fn commit_by(scene: &mut Scene, author: &str, message: &str) {
    scene.git(&["add", "-A"]);
    scene.git(&["commit", "-q", "--allow-empty", "--author", author, "-m", message]);
}

/// Returns the paths that are to be added, as the commands say.
fn list_added(said: &str) -> Vec<String> {
    let commands = said.lines().filter_map(|line| line.trim().strip_prefix("git ")?.split_once("add "));
    let commands = commands.map(|(_, paths)| paths);
    commands.flat_map(|paths| paths.split(' ')).map(str::to_owned).collect()
}

/// Writes the policy, and holds everything that it wrote against what is promised of it.
fn init(scene: &Scene, args: &[&str]) -> String {
    let before = snapshot(scene);
    let all = [&["policy", "init"], args].concat();
    // What would be written is said, and nothing is.
    let planned = succeeds(scene, &[all.as_slice(), &["--dry-run"]].concat());
    assert_eq!(snapshot(scene), before);
    let said = succeeds(scene, &all);
    let list = |text: &str, word: &str| -> Vec<String> {
        let names = text.lines().filter_map(|line| line.strip_prefix(word)?.split(',').next());
        names.map(str::to_owned).collect()
    };
    assert_eq!(list(&planned, "would write "), list(&said, "wrote "));
    let after = snapshot(scene);
    let written: Vec<String> = after.keys().filter(|name| !before.contains_key(*name)).cloned().collect();
    let mut told = list(&said, "wrote ");
    told.sort();
    assert_eq!(told, written);
    for (name, content) in &before {
        assert_eq!(after[name], *content, "{name} was there");
    }
    succeeds(scene, &["policy", "check"]);
    succeeds(scene, &["policy", "check", "--server"]);
    let tested = succeeds(scene, &["policy", "test"]);
    assert!(tested.contains("passed") && !tested.contains(" 0 passed"), "{tested}");
    // Once more changes nothing.
    let again = succeeds(scene, &all);
    assert_eq!(list(&again, "wrote "), [""; 0], "{again}");
    assert_eq!(snapshot(scene), after);
    // What is to be committed is what there is.
    let added = list_added(&said);
    assert!(added.iter().all(|path| scene.directory.join(path).is_file()), "{added:?}");
    assert!(written.iter().all(|path| added.contains(path)), "{added:?}");
    said
}

#[test]
fn an_empty_repository_gets_a_policy_that_can_be_committed_at_once() {
    let mut scene = Scene::repository();
    let said = init(&scene, &[]);
    assert!(!scene.directory.join("policies/people.yml").exists());
    assert!(
        read(&scene, "policies/changegate.yml").contains("\nprotects: [main, 'release/*', 'refs/tags/v*']\n")
    );
    // As it says.
    let added = list_added(&said);
    scene.git(&[vec!["add"], added.iter().map(String::as_str).collect()].concat());
    scene.git(&["config", "commit.template", ".gitmessage"]);
    succeeds(&scene, &["policy", "check"]);
    assert!(
        said.contains("wrote .github/workflows/changegate.yml") && said.contains("docs/server.md"),
        "{said}"
    );
    // The editor shows each line once, whether the hook adds it or the template.
    succeeds(&scene, &["install"]);
    let seen = scene.directory.join("../seen");
    let mut commit = Command::new("git");
    commit.current_dir(&scene.directory).arg("commit").env("HOME", &scene.directory).env("LC_ALL", "C");
    commit.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    commit.env("GIT_EDITOR", format!("sh -c 'cp \"$0\" {}; exit 1'", seen.display()));
    for who in ["AUTHOR", "COMMITTER"] {
        commit.env(format!("GIT_{who}_NAME"), "Ana Lang").env(format!("GIT_{who}_EMAIL"), "ana@example.com");
    }
    assert!(!commit.output().unwrap().status.success());
    let message = fs::read_to_string(&seen).unwrap();
    assert_eq!(message.matches("# Risk: <low|medium|high|critical>").count(), 1, "{message}");
    assert!(message.contains("# Above: one line"), "{message}");
}

#[test]
fn one_author_is_no_roster_yet() {
    let mut scene = Scene::repository();
    scene.write("a", "1");
    scene.commit("Begin\n");
    let said = init(&scene, &["--pack", "startup"]);
    assert!(said.contains("not in force yet"), "{said}");
    let policy = read(&scene, "policies/changegate.yml");
    assert!(policy.contains("\n#   roster: policies/people.yml\n"), "{policy}");
    // Uncommenting it is all that it takes, once there is another person.
    let roster =
        format!("{}  ben: {{ addresses: [ben@example.com] }}\n", read(&scene, "policies/people.yml"));
    scene.write("policies/people.yml", roster);
    scene.write(
        "policies/changegate.yml",
        policy.replace("# people:\n#   roster: policies", "people:\n  roster: policies"),
    );
    succeeds(&scene, &["policy", "check"]);
}

const PEOPLE: [&str; 12] = [
    "Ada Bell <ada@example.com>",
    "Bo Cruz <bo@example.com>",
    "Cy Dane <cy@example.com>",
    "Di Engel <di@example.com>",
    "Ed Fry <ed@example.com>",
    "Flo Garn <flo@example.com>",
    "Gus Hall <gus@example.com>",
    "Hana Iwata <hana@example.com>",
    "Ivo Jung <7+ivo-j@users.noreply.github.com>",
    "Joe Klein <8+joe-k@users.noreply.github.com>",
    "Kay O'Lind: \"x\" <kay@example.com>",
    "Lü Mo, the <lu@example.com>",
];

/// Owners of whom the roster knows two each; the last line means nothing to GitHub.
const KNOWN_OWNERS: &str =
    "# who\n*        ada@example.com bo@example.com\n/docs/   @ivo-j @joe-k\n/gen/\n!/x/  @ivo-j\n";

/// Owners of whom the roster does not know two each.
const OPEN_OWNERS: &str = "/web/    @acme/web\n/db/     cy@example.com\n";

/// A repository of twelve people, with these owners.
fn owned_repository(owners: &str) -> Scene {
    let mut scene = Scene::repository();
    scene.write(".github/CODEOWNERS", owners);
    for path in
        ["src/lib.rs", "docs/guide.md", "web/app.ts", "gen/out.rs", "db/migrations/1.sql", "Cargo.lock"]
    {
        scene.write(path, "x");
    }
    scene.git(&["remote", "add", "origin", "git@github.com:acme/shop.git"]);
    for (index, person) in PEOPLE.iter().enumerate() {
        scene.write("log", format!("{index}"));
        commit_by(&mut scene, person, "Go on");
    }
    commit_by(&mut scene, "jenkins <jenkins@example.com>", "Build");
    commit_by(&mut scene, "renovate[bot] <29139614+renovate[bot]@users.noreply.github.com>", "Update");
    scene.git(&["branch", "production"]);
    scene.git(&["branch", "develop"]);
    scene.git(&["branch", "hotfix/1.0.1"]);
    scene.git(&["tag", "release-1.0"]);
    scene
}

#[test]
fn twelve_authors_with_owners_have_a_rule_that_asks_them() {
    let scene = owned_repository(KNOWN_OWNERS);
    let said = init(&scene, &[]);
    let policy = read(&scene, "policies/changegate.yml");
    for wanted in [
        "protects: [main, production, 'release/*', 'refs/tags/v*', 'refs/tags/release-*']\n# There too, and free so far; add those from which you release: develop, 'hotfix/*'\n",
        "\n  roster: policies/people.yml\n#   teams:\n#     duty-managers: [kim@example.com]\n",
        "  bots: ['jenkins@example.com', 'renovate[bot]@users.noreply.github.com']\n",
        "  # The owners that `.github/CODEOWNERS` names, by the meaning of its forge.\n  code-owners:\n",
        "    require: { approvals: { from: codeowners, unowned: nobody, trust: claimed } }\n",
        "#     paths: ['**/Cargo.lock']\n",
        "#     when: { touches: [migrations/] }\n",
    ] {
        assert!(policy.contains(wanted), "{wanted}\n{policy}");
    }
    assert!(
        said.contains("doctor --github acme/shop") && said.contains("wrote .github/workflows/changegate.yml")
    );
    assert!(
        told(&said)
            .contains("asks the owners that `.github/CODEOWNERS` names, and is in force; 1 line of it mean")
    );
    // The files are committed before hooks ask for what the template of messages does not have.
    assert!(said.find("git commit\n") < said.find("changegate install"), "{said}");
    let suite = read(&scene, "policies/changegate.test.yml");
    assert!(
        suite.contains("code-owners asks the owners of a path") && !suite.contains("Ana Ruiz"),
        "{suite}"
    );
    assert!(suite.contains("a change with all that is asked"), "{suite}");
    // The rules hold people to what the file says.
    let approved = |by: &str, path: &str| {
        let fields = ["Change-Type=normal", "Risk=low", "Ticket=PAY-1", "Security-Impact=none"];
        let mut args = vec![
            "try",
            "-m",
            "Do it",
            "--as",
            "push",
            "--author",
            PEOPLE[6],
            "--approved-by",
            by,
            "--path",
            path,
        ];
        for field in fields {
            args.extend(["--field", field]);
        }
        args.extend([
            "--field",
            "Back-out-Plan=revert this commit and redeploy",
            "--field",
            "Test-Plan=the tests of the module",
        ]);
        run(&scene, &args)
    };
    assert_eq!(approved(PEOPLE[0], "src/new.rs").0, 0);
    let (code, said) = approved(PEOPLE[3], "src/new.rs");
    assert!(code == 1 && said.contains("code-owners"), "{said}");
    assert_eq!(approved(PEOPLE[8], "docs/a.md").0, 0);
    assert!(approved(PEOPLE[0], "docs/a.md").1.contains("code-owners"));
    assert_eq!(approved(PEOPLE[3], "gen/new.rs").0, 0);
}

#[test]
fn owners_whom_the_roster_does_not_know_lock_nobody_out() {
    let scene = owned_repository(&format!("{KNOWN_OWNERS}{OPEN_OWNERS}"));
    let said = init(&scene, &[]);
    let policy = read(&scene, "policies/changegate.yml");
    for wanted in [
        "#   code-owners:\n",
        "# Missing there: `@acme/web` (line 6), a further owner (line 7)\n",
        "# A team of the forge needs a name here: `people: { codeowners: { teams: {",
    ] {
        assert!(policy.contains(wanted), "{wanted}\n{policy}");
    }
    assert!(told(&said).contains("it is a comment until the roster knows two people of each line"), "{said}");
    succeeds(&scene, &["policy", "check"]);
}

#[test]
fn what_stands_there_as_a_comment_can_be_taken_in() {
    for pack in POLICY_PACKS {
        let mut scene = Scene::repository();
        scene.write(".gitattributes", "*.safetensors filter=lfs diff=lfs merge=lfs -text\n");
        scene.write("db/migrations/1.sql", "x");
        commit_by(&mut scene, PEOPLE[0], "Begin");
        succeeds(&scene, &["policy", "init", "--pack", pack.name]);
        let mut policy = read(&scene, "policies/changegate.yml").replacen("\n# rules:\n", "\nrules:\n", 1);
        for id in ["lfs-pointers", "careful-folders"] {
            let start = policy.find(&format!("#   {id}:")).unwrap();
            let written: String = policy[start..]
                .lines()
                .take_while(|line| line.starts_with("#   "))
                .map(|line| format!("{line}\n"))
                .collect();
            policy = policy.replacen(&written, &written.replace("#   ", "  ").replace("\n#", "\n"), 1);
        }
        scene.write("policies/changegate.yml", &policy);
        assert!(policy.contains("\n  lfs-pointers:\n    title: "), "{policy}");
        succeeds(&scene, &["policy", "check"]);
    }
}

#[test]
fn a_folder_that_is_no_repository_is_made_one_first() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::repository();
    let said = succeeds(&scene, &["-C", folder.path().to_str().unwrap(), "policy", "init"]);
    let command = format!("git -C {} init", folder.path().display());
    assert!(told(&said).contains(&format!("1. make this folder a repository {command} 2.")), "{said}");
}

#[test]
fn what_is_written_holds_for_every_pack() {
    for pack in POLICY_PACKS {
        let scene = owned_repository(KNOWN_OWNERS);
        succeeds(&scene, &["policy", "init", "--pack", pack.name]);
        succeeds(&scene, &["policy", "check"]);
        let tested = succeeds(&scene, &["policy", "test"]);
        assert!(tested.contains(" passed"), "{}: {tested}", pack.name);
        let policy = read(&scene, "policies/changegate.yml");
        assert!(policy.contains("\n  code-owners:\n"), "{}: {policy}", pack.name);
    }
}

#[test]
fn a_monorepo_with_large_files_is_told_of_the_pack_for_models() {
    let mut scene = Scene::repository();
    scene.write(".gitattributes", "*.safetensors filter=lfs diff=lfs merge=lfs -text\n*.psd filter=lfs\n");
    for folder in ["payments", "shop", "infra/net"] {
        scene.write(&format!("{folder}/package-lock.json"), "{}");
    }
    scene.write("CODEOWNERS", "[Payments]\n/payments/ @acme/payments\n^[Docs]\n*.md @acme/docs\n");
    scene.write(".gitlab-ci.yml", "test: {}\n");
    commit_by(&mut scene, PEOPLE[0], "Begin");
    commit_by(&mut scene, PEOPLE[1], "Go on");
    let said = init(&scene, &[]);
    assert!(told(&said).contains("policy packs ai-company"), "{said}");
    let policy = read(&scene, "policies/changegate.yml");
    for wanted in [
        "The pack `ai-company`",
        "lfs: ['*.safetensors', '*.psd']",
        "#     when: { touches: [infra/] }",
        "'**/package-lock.json'",
        "#   code-owners:",
        "# Missing there: `@acme/payments` (line 2)\n",
    ] {
        assert!(policy.contains(wanted), "{wanted}\n{policy}");
    }
    assert!(!policy.contains("@acme/docs"), "{policy}");
    // Another forge has no use for GitHub's files.
    assert!(!scene.directory.join(".github").exists());
    let asked = succeeds(&scene, &["policy", "init", "--github"]);
    assert!(
        asked.contains("wrote .github/workflows/changegate.yml") && asked.contains("--github OWNER/NAME")
    );
    // What is suggested can be taken over as it stands.
    let taken = policy.replace("# rules:\n", "rules:\n");
    let mut uncommented = String::new();
    let mut is_suggestion = false;
    for line in taken.lines() {
        is_suggestion = line.starts_with("#   pointers")
            || line.starts_with("#   careful")
            || (is_suggestion && line.starts_with("#     "));
        uncommented += &format!(
            "{}\n",
            if is_suggestion { line.replacen("# ", "  ", 1).replacen("  ", "", 1) } else { line.to_owned() }
        );
    }
    scene.write("policies/changegate.yml", &uncommented);
    let (code, said) = run(&scene, &["policy", "check"]);
    assert_eq!(code, 0, "{said}\n{uncommented}");
    assert!(succeeds(&scene, &["policy", "show"]).contains("careful-folders"));
}

#[test]
fn a_template_that_is_there_is_read_and_kept() {
    let mut scene = Scene::repository();
    let template = "## Description\n\n## Type of change\n\n- [ ] Bug fix (breaks nothing)\n- [ ] New feature\n\n## Change type\n\n\
                    - [ ] normal\n- [ ] standard\n- [ ] emergency\n\n## Risk level\n\n- [ ] low\n- [ ] medium\n- [ ] high\n\n\
                    ## How has this been tested?\n\n**Jira:** \n";
    scene.write("docs/PULL_REQUEST_TEMPLATE.md", template);
    commit_by(&mut scene, PEOPLE[0], "Begin");
    commit_by(&mut scene, PEOPLE[1], "Go on");
    let said = init(&scene, &[]);
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("has no place for `Security impact`, `Back-out plan`"), "{said}");
    assert!(!scene.directory.join(".github/pull_request_template.md").exists());
    let policy = read(&scene, "policies/changegate.yml");
    for wanted in [
        "  Risk: { ordered: ['low', 'medium', 'high', 'critical'], aliases: [Risk-level], on-conflict: highest }\n",
        "  Test-Plan: { text: { min-length: 15 }, aliases: [How-has-this-been-tested] }\n",
        "  Type-of-change: { one-of: ['Bug fix', 'New feature'], many: true }\n",
        "  fields.Test-Plan: the template",
        "# `docs/PULL_REQUEST_TEMPLATE.md` also has these, which no field reads: `Description`\n",
    ] {
        assert!(policy.contains(wanted), "{wanted}\n{policy}");
    }
    // Filled in as people do, it states the fields.
    let filled = template
        .replace("[ ] Bug", "[x] Bug")
        .replace("[ ] normal", "[x] normal")
        .replace("[ ] low", "[x] low")
        .replace("tested?\n", "tested?\n\nWith the tests of the module, and by hand.\n")
        .replace("**Jira:** ", "**Jira:** PAY-412");
    scene.write("../body.md", &filled);
    let (code, said) = run(
        &scene,
        &[
            "try",
            "--body",
            "../body.md",
            "--path",
            "a.rs",
            "--author",
            PEOPLE[0],
            "--approved-by",
            "bo",
            "-v",
        ],
    );
    assert_eq!(code, 1, "{said}");
    for rule in ["change-type", "risk", "test-plan", "ticket"] {
        let line = said.lines().find(|line| line.contains(rule)).unwrap_or_else(|| panic!("{rule}: {said}"));
        assert!(line.contains("pass"), "{rule}: {said}");
    }
    assert!(said.contains("security-impact") && said.contains("back-out-plan"), "{said}");
}

#[test]
fn the_templates_that_are_written_are_read_by_the_policy() {
    let scene = Scene::repository();
    init(&scene, &[]);
    let template = read(&scene, ".github/pull_request_template.md");
    let own = ".github/pull_request_template.md";
    let (code, said) = run(&scene, &["try", "--body", own, "--path", "a.rs", "--author", PEOPLE[0]]);
    assert!(code == 1 && said.contains("`Risk` is not stated"), "{said}");
    let filled = template
        .replace("- [ ] normal", "- [x] normal")
        .replacen("- [ ] low", "- [x] low", 1)
        .replace("- [ ] none", "- [x] none")
        .replace("## Back-out plan\n", "## Back-out plan\n\nRevert this commit and redeploy.\n")
        .replace("## Test plan\n", "## Test plan\n\nThe tests of the module, and by hand.\n")
        .replace("**Ticket:** ", "**Ticket:** PAY-412 ");
    scene.write("../body.md", &filled);
    let author = "Ana Lang <ana@example.com>";
    let tried = ["try", "--body", "../body.md", "--path", "a.rs", "--author", author, "--approved-by", "ben"];
    let (code, said) = run(&scene, &tried);
    assert_eq!(code, 0, "{said}\n{filled}");
}

#[test]
fn a_folder_of_the_work_tree_will_do() {
    let mut scene = Scene::repository();
    scene.write("deep/er/a", "1");
    scene.commit("Begin\n");
    let root = scene.directory.clone();
    let output = scene.command(&["policy", "init", "-C", "deep/er"]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(root.join("policies/changegate.yml").exists() && !root.join("deep/er/policies").exists());
    // Git takes the paths from there.
    let added = list_added(&said);
    scene.directory = root.join("deep/er");
    scene.git(&[vec!["add"], added.iter().map(String::as_str).collect()].concat());
    scene.directory = root;
    assert!(scene.git(&["status", "--short"]).lines().all(|line| line.starts_with("A  ")));
}

#[test]
fn a_policy_that_is_there_is_kept_and_gets_the_rest() {
    let scene = Scene::repository();
    let policy = "changegate: 1\nname: ours\nextends: [startup]\nprotects: [trunk]\n";
    scene.write("policies/changegate.yml", policy);
    let said = succeeds(&scene, &["policy", "init"]);
    assert_eq!(read(&scene, "policies/changegate.yml"), policy);
    assert!(
        said.contains("kept policies/changegate.yml") && said.contains("wrote policies/changegate.test.yml"),
        "{said}"
    );
    succeeds(&scene, &["policy", "test"]);
    assert!(!scene.directory.join("policies/people.yml").exists());
    // One that cannot be used is to be fixed first, and nothing is written.
    let scene = Scene::repository();
    scene.write("policies/changegate.yml", "changegate: 1\nextends: [startpu]\n");
    let before = snapshot(&scene);
    let (code, said) = run(&scene, &["policy", "init"]);
    assert!(code == 2 && said.contains("startup"), "{said}");
    assert_eq!(snapshot(&scene), before);
}

/// A roster that the policy names and that nobody has written yet is drafted from the history, beside a policy that stays
/// as it is.
#[test]
fn a_roster_that_the_policy_names_is_drafted_where_it_is_missing() {
    for (policy, base, roster) in [
        ("people: { roster: policies/people.yml }\n", "", "policies/people.yml"),
        ("people: { roster: who/is-who.yml }\n", "", "who/is-who.yml"),
        ("extends: [base.yml]\n", "people: { roster: policies/people.yml }\n", "policies/people.yml"),
    ] {
        let mut scene = Scene::repository();
        let policy = format!(
            "changegate: 1\nname: ours\nprotects: [main]\n{policy}fields: {{ Reviewed-by: {{ person: true }} }}\n\
             rules: {{ review: {{ require: {{ approvals: {{ trust: claimed }} }} }} }}\n"
        );
        scene.write("policies/changegate.yml", &policy);
        if !base.is_empty() {
            scene.write("policies/base.yml", format!("changegate: 1\n{base}"));
        }
        let policy_alone = run(&scene, &["policy", "check"]);
        assert_eq!(policy_alone.0, 2, "{}", policy_alone.1);
        // With no history there is no one to list, and it says what is missing.
        let (code, said) = run(&scene, &["policy", "init"]);
        assert!(code == 2 && said.contains(roster), "{said}");
        for author in ["Ben Ito <ben@example.com>", "Cy Low <cy@example.com>", "ci <ci@example.com>"] {
            commit_by(&mut scene, author, "Begin");
        }
        let before = snapshot(&scene);
        let said = succeeds(&scene, &["policy", "init", "--dry-run"]);
        assert!(
            told(&said).contains(&format!("would write {roster}, a draft of the roster, with 3 people")),
            "{said}"
        );
        assert_eq!(snapshot(&scene), before);
        let said = told(&succeeds(&scene, &["policy", "init"]));
        assert!(said.contains(&format!("wrote {roster}, a draft of the roster, with 3 people")), "{said}");
        assert!(said.contains(&format!("read {roster}, which is only a draft")), "{said}");
        let text = read(&scene, roster);
        assert!(text.contains("'ben@example.com'") && !text.contains("'ci@example.com'"), "{text}");
        assert_eq!(read(&scene, "policies/changegate.yml"), policy);
        succeeds(&scene, &["policy", "check"]);
        // The schema that its first line names stands beside it.
        let folder = roster.rsplit_once('/').unwrap().0;
        assert!(scene.directory.join(folder).join("people.schema.json").is_file());
        // What a person has written since is kept.
        scene.write(roster, text.replace("cy@example.com", "cyrus@example.com"));
        let again = succeeds(&scene, &["policy", "init"]);
        assert!(!again.contains("wrote "), "{again}");
        assert!(read(&scene, roster).contains("cyrus@example.com"));
    }
}

#[test]
fn hostile_names_stay_what_they_are() {
    let mut scene = Scene::repository();
    for (index, person) in [
        "x\u{202e}y: # [z] <a@example.com>",
        "' }\nbad: 1 <b'c@example.com>",
        "&anchor *alias !tag <d@example.com>",
        "--- <e@example.com>",
        "null <f@example.com>",
    ]
    .iter()
    .enumerate()
    {
        scene.write("log", format!("{index}"));
        commit_by(&mut scene, &person.replace('\n', " "), "Go on");
    }
    scene.write(
        ".github/CODEOWNERS",
        "* @a'b\n'x' a@example.com d@example.com\n\"y\" @x\n/z/ a@example.com d@example.com\n",
    );
    scene.write(".gitattributes", "*.a'b filter=lfs\n*.{c} filter=lfs\n");
    scene.write(
        ".github/pull_request_template.md",
        "## A: 'b' }\n\n- [ ] x', y: [z]\n- [ ] w\n\n## Type\n\n- [ ] yes\n- [ ] no\n",
    );
    scene.git(&["branch", "release-1'x"]);
    let said = init(&scene, &[]);
    assert!(!said.contains('\u{202e}'), "{said}");
}

/// Nothing is written through a link that leads nowhere, nor over a file that cannot be read.
#[test]
fn links_are_kept() {
    let scene = Scene::repository();
    fs::create_dir(scene.directory.join("policies")).unwrap();
    let target = scene.directory.join("../elsewhere.yml");
    std::os::unix::fs::symlink(&target, scene.directory.join("policies/changegate.test.yml")).unwrap();
    let said = succeeds(&scene, &["policy", "init"]);
    assert!(said.contains("kept policies/changegate.test.yml"), "{said}");
    assert!(!Path::new(&target).exists());
}

/// A proposal is a line behind `# `; all of them together are a policy, and each with its key.
#[test]
fn a_proposal_is_taken_by_taking_its_mark_away() {
    let scene = owned_repository(KNOWN_OWNERS);
    init(&scene, &[]);
    let policy = read(&scene, "policies/changegate.yml");
    assert!(policy.contains("take `# ` away, the sign and the space"), "{policy}");
    let taken = policy.replace("#   teams:\n#     duty", "  teams:\n    duty");
    assert_ne!(taken, policy);
    scene.write("policies/changegate.yml", taken);
    let (code, said) = run(&scene, &["policy", "check"]);
    assert_eq!(code, 0, "{said}");
}

/// What a policy has by its base is not advised.
#[test]
fn the_pack_for_models_is_not_advised_to_who_has_it() {
    let scene = Scene::repository();
    scene.write("models/m.safetensors", "version https://git-lfs.github.com/spec/v1\n");
    scene.write(".gitattributes", "*.safetensors filter=lfs diff=lfs merge=lfs -text\n");
    scene.write("policies/base.yml", "changegate: 1\nname: base\nextends: [ai-company]\n");
    let policy = "changegate: 1\nname: own\nextends: [base.yml]\nprotects: [main]\n";
    scene.write("policies/changegate.yml", policy);
    let (_, said) = run(&scene, &["policy", "init", "--dry-run"]);
    assert!(!said.contains("look at `changegate policy packs"), "{said}");
    scene.write("policies/base.yml", "changegate: 1\nname: base\nextends: [iso27001]\n");
    let (_, said) = run(&scene, &["policy", "init", "--dry-run"]);
    assert!(told(&said).contains("look at `changegate policy packs ai-company`"), "{said}");
}
