//! Transcripts of every command, as a user sees it at 80 columns.
//!
//! `INSTA_UPDATE=always cargo test --test cli` writes them anew; read the difference as a user would.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

#[path = "cli/scene.rs"]
mod scene;

use scene::Scene;

const POLICY: &str = "\
changegate: 1
name: acme
protects: [main]
fields:
  Risk: { ordered: [low, medium, high], on-conflict: highest }
  Ticket: { matches: '[A-Z]+-[0-9]+', example: PAY-412 }
  Reviewed-by: { person: true }
rules:
  risk:
    title: the risk is stated
    controls: [iso27001:A.8.32]
    require: { field: { Risk: present } }
  ticket:
    title: a change of high risk has a ticket
    when: { field: { Risk: { at-least: high } } }
    require: { ticket: { field: Ticket, within: 24h } }
  pushed-by-people:
    title: only people push
    require: { not: { pusher: { bot: true } } }
";

/// A repository with a policy, two changes on main, and a branch on which two more are wrong.
fn acme() -> Scene {
    let mut scene = Scene::repository();
    scene.write("policies/changegate.yml", POLICY);
    scene.commit("Start\n\nRisk: low\n");
    scene.write("src/cache.rs", "// cache\n");
    scene.commit("Cache the tenant lookup\n\nRisk: low\nTicket: PAY-1\n");
    scene.git(&["switch", "-q", "-c", "topic"]);
    scene.write("src/cache.rs", "// cache of tenants\n");
    scene.commit("Rename the cache\n\nRisk: enormous\n");
    scene.write("src/token.rs", "// token\n");
    scene.commit("Check the token first\n\nRisk: high\n");
    scene
}

#[test]
fn help() {
    let mut scene = Scene::new();
    for args in [
        &["--version"][..],
        &["--help"],
        &["check", "--help"],
        &["check", "-h"],
        &["attach", "--help"],
        &["outcome", "--help"],
        &["record", "--help"],
        &["verified", "--help"],
        &["breakglass", "--help"],
        &["breakglass", "open", "--help"],
        &["breakglass", "close", "--help"],
        &["breakglass", "list", "--help"],
        &["completions", "--help"],
        &["man", "--help"],
        &["hook", "--help"],
        &["hook", "commit-msg", "--help"],
        &["hook", "prepare-commit-msg", "--help"],
        &["hook", "pre-push", "--help"],
        &["hook", "pre-receive", "--help"],
        &["hook", "update", "--help"],
        &["hook", "post-receive", "--help"],
        &["policy", "--help"],
        &["policy", "init", "--help"],
        &["policy", "check", "--help"],
        &["policy", "show", "--help"],
        &["policy", "status", "--help"],
        &["policy", "docs", "--help"],
        &["policy", "packs", "--help"],
        &["policy", "explain", "--help"],
        &["policy", "schema", "--help"],
        &["tickets", "--help"],
        &["trailers", "--help"],
        &["install", "--help"],
        &["uninstall", "--help"],
        &["demo", "--help"],
        &["action", "--help"],
        &["deploy-check", "--help"],
        &["doctor", "--help"],
        &["explain", "--help"],
        &["ledger", "--help"],
        &["ledger", "log", "--help"],
        &["ledger", "show", "--help"],
        &["ledger", "trace", "--help"],
        &["ledger", "verify", "--help"],
        &["ledger", "export", "--help"],
        &["ledger", "reconcile", "--help"],
        &["ledger", "replay", "--help"],
        &["obligations", "--help"],
        &["pr", "--help"],
        &["sample", "--help"],
        &["sweep", "--help"],
    ] {
        assert_eq!(scene.run(args), 0, "{args:?}");
    }
    scene.is("help");
}

#[test]
fn a_command_that_was_called_wrongly() {
    let mut scene = Scene::new();
    for args in [
        &[][..],
        &["chek"],
        &["check", "--frobnicate"],
        &["check", "a", "b"],
        &["check", "-q", "-v"],
        &["check", "--policy", "x.yml", "--pack", "core"],
        &["check", "--format", "yaml"],
        &["check", "--unit", "pull"],
        &["policy"],
        &["policy", "explain", "a", "b"],
        &["completions"],
        &["completions", "tcsh"],
        &["man", "chek"],
        &["tickets"],
        &["trailers", "--like", "parsed"],
        &["--color", "sometimes", "check"],
        &["hook"],
        &["hook", "pre-comit"],
        &["hook", "commit-msg"],
        &["hook", "update", "refs/heads/main"],
        &["hook", "pre-push"],
        &["-C"],
    ] {
        assert_eq!(scene.run(args), 2, "{args:?}");
    }
    scene.is("wrong");
}

#[test]
fn check_where_there_is_little_to_check() {
    let mut scene = Scene::new();
    assert_eq!(scene.run(&["check"]), 3);
    assert_eq!(scene.run(&["-C", "nowhere", "check"]), 2);
    scene.git(&["init", "-q", "-b", "main", "."]);
    assert_eq!(scene.run(&["check"]), 2);
    scene.write("a", "a");
    scene.commit("Start\n");
    assert_eq!(scene.run(&["check", "--pack", "core"]), 1);
    assert_eq!(scene.run(&["check", "HEAD..HEAD"]), 2);
    assert_eq!(scene.run(&["check", "HEAD..HEAD", "--allow-empty"]), 0);
    scene.git(&["checkout", "-q", "--detach"]);
    assert_eq!(scene.run(&["check", "--pack", "core"]), 1);
    scene.is("check-little");
}

#[test]
fn check() {
    let mut scene = acme();
    for (args, code) in [
        (&["check"][..], 1),
        (&["check", "HEAD^"], 1),
        (&["check", "main..topic"], 1),
        (&["check", "main.."], 2),
        (&["check", "..main"], 2),
        (&["check", "topic..main"], 2),
        (&["check", "topic..main", "--allow-empty"], 0),
        (&["check", "main...topic"], 2),
        (&["check", "nowhere"], 2),
        (&["check", "main..nowhere"], 2),
        (&["check", "HEAD:src/cache.rs"], 2),
        (&["check", "HEAD~9"], 2),
        (&["check", ""], 2),
        (&["check", "--history", "main"], 0),
        (&["check", "--history", "main..topic"], 2),
        (&["check", "main", "-v"], 0),
        (&["check", "main", "-q"], 0),
        (&["check", "main..topic", "-q"], 1),
        (&["check", "main", "--enforce"], 1),
        (&["check", "main", "--explain"], 0),
        (&["check", "topic", "--target", "release/1"], 0),
        (&["check", "main", "--pack", "core"], 1),
        (&["check", "main", "--pack", "cor"], 2),
        (&["check", "main", "--policy", "policies/changegate.yml"], 0),
        (&["check", "main", "--policy", "nowhere.yml"], 2),
        (&["check", "main", "--policy", "src/cache.rs"], 2),
    ] {
        assert_eq!(scene.run(args), code, "{args:?}");
    }
    scene.is("check");
}

#[test]
fn check_as_json() {
    let mut scene = acme();
    assert_eq!(scene.run(&["check", "HEAD^", "--format", "json"]), 1);
    assert_eq!(scene.run(&["check", "main", "--format", "json"]), 0);
    scene.is("check-json");
}

#[test]
fn no_format_changes_the_exit_code() {
    let mut scene = acme();
    for form in ["terminal", "json", "github", "sarif", "junit", "markdown"] {
        assert_eq!(scene.run(&["check", "HEAD^", "--format", form]), 1, "{form}");
        assert_eq!(scene.run(&["check", "main", "--format", form]), 0, "{form}");
    }
}

#[test]
fn a_caller_can_choose_the_code_of_every_refusal() {
    let mut scene = acme();
    for (code, args) in [
        (0, &["check", "main", "--deny-exit", "7"][..]),
        (7, &["check", "HEAD^", "--deny-exit", "7"]),
        (7, &["check", "nowhere", "--deny-exit=7"]),
        (7, &["check", "--deny-exit", "7", "--no-such-option"]),
        (7, &["hook", "--deny-exit", "7", "no-such-hook"]),
        (7, &["hook", "--deny-exit", "7", "pre-receive", "too", "many"]),
        (7, &["-C", "/nowhere", "hook", "--deny-exit", "7", "commit-msg", "x"]),
        (0, &["hook", "--deny-exit", "7", "--help"]),
        (2, &["check", "--deny-exit", "0"]),
        (2, &["check", "--deny-exit", "256"]),
    ] {
        assert_eq!(scene.run(args), code, "{args:?}");
    }
    // A wrong policy, which is 2 otherwise.
    scene.write("policies/changegate.yml", "changegate: 2\n");
    scene.commit("Break it\n");
    assert_eq!(scene.run(&["check", "--policy", "policies/changegate.yml", "--deny-exit", "1"]), 1);
}

#[test]
fn check_against_the_upstream() {
    let mut scene = acme();
    scene.git(&["config", "branch.topic.remote", "origin"]);
    scene.git(&["config", "branch.topic.merge", "refs/heads/main"]);
    scene.git(&["config", "remote.origin.url", "../nowhere"]);
    scene.git(&["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]);
    assert_eq!(scene.run(&["check"]), 0);
    scene.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    assert_eq!(scene.run(&["check"]), 1);
    scene.is("check-upstream");
}

#[test]
fn check_merges_by_step_and_by_commit() {
    let mut scene = acme();
    scene.git(&["switch", "-q", "main"]);
    scene.git(&["merge", "-q", "--no-ff", "-m", "Merge topic\n\nRisk: medium\n", "topic"]);
    assert_eq!(scene.run(&["check"]), 1);
    assert_eq!(scene.run(&["check", "--unit", "commit"]), 1);
    assert_eq!(scene.run(&["check", "--unit", "commit", "-v"]), 1);
    scene.is("check-merge");
}

#[test]
fn check_with_a_policy_that_is_wrong() {
    let mut scene = acme();
    scene.write(
        "policies/changegate.yml",
        POLICY.replace("protects:", "protect:").replace("require: { not", "requires: { not"),
    );
    scene.commit("Break the policy\n\nRisk: low\n");
    scene.commit("Go on\n\nRisk: low\n");
    assert_eq!(scene.run(&["check", "HEAD"]), 2);
    assert_eq!(scene.run(&["policy", "check"]), 2);
    scene.git(&["rm", "-q", "-r", "policies"]);
    scene.commit("Remove the policy\n\nRisk: low\n");
    // It would judge: the default branch holds one.
    scene.git(&["branch", "-q", "-D", "main"]);
    scene.commit("Go on\n\nRisk: low\n");
    assert_eq!(scene.run(&["check", "HEAD"]), 1);
    scene.is("check-policy-wrong");
}

#[test]
fn exemptions_that_nothing_used_are_named() {
    let mut scene = Scene::repository();
    let exemption = |rule: &str, when: &str, until: &str| {
        format!(
            "  - {{ rule: {rule}, when: {{ {when} }}, reason: a test, approved-by: dana@example.com, until: {until} }}\n"
        )
    };
    let exemptions = [
        exemption("risk", "author: { address: ana@example.com }", "2999-12-31"),
        exemption("risk", "author: { address: bob@example.com }", "2999-12-31"),
        exemption("risk", "author: { address: cyd@example.com }", "2020-12-31"),
        exemption("pushed-by-people", "branch: elsewhere", "2999-12-31"),
    ];
    scene.write("policies/changegate.yml", format!("{POLICY}exemptions:\n{}", exemptions.concat()));
    scene.commit("Start\n\nRisk: low\n");
    scene.commit("Go on\n");
    assert_eq!(scene.run(&["check"]), 0);
    assert_eq!(scene.run(&["check", "HEAD^..HEAD"]), 0);
    assert_eq!(scene.run(&["policy", "check"]), 0);
    scene.is("exemptions");
}

#[test]
fn a_new_policy_comes_with_a_draft_of_its_roster() {
    let mut scene = Scene::repository();
    scene.write(".mailmap", "Ben Ito <ben@example.com> <benny@home.example>\n");
    scene.commit("Start\n\nCo-authored-by: benny <benny@home.example>\n");
    scene.commit(
        "Go on\n\nCo-authored-by: Copilot <198982749+Copilot@users.noreply.github.com>\n\
         Co-authored-by: Kim <7+kim-d@users.noreply.github.com>\n",
    );
    assert_eq!(scene.run(&["policy", "init", "--pack", "startup"]), 0);
    assert_eq!(scene.run(&["policy", "check"]), 0);
    let roster = std::fs::read_to_string(scene.directory.join("policies/people.yml")).unwrap();
    let people = roster.split_once("people:\n").unwrap().1;
    assert_eq!(
        people,
        "  ana-lang:\n    name: 'Ana Lang'\n    addresses: ['ana@example.com']\n    # accounts: [the \
         name by which they push]\n  ben-ito:\n    name: 'Ben Ito'\n    addresses: ['ben@example.com', \
         'benny@home.example']\n    # accounts: [the name by which they push]\n  kim:\n    name: 'Kim'\n    addresses: \
         ['kim-d@users.noreply.github.com']\n    accounts: ['github:kim-d']\n\n# Bots, which never approve and \
         stand in no roster (`bots` in the policy):\n#   copilot@users.noreply.github.com\n"
    );
    // A roster that is there is kept.
    std::fs::remove_file(scene.directory.join("policies/changegate.yml")).unwrap();
    scene.write("policies/people.yml", "people: { eva: { addresses: [eva@example.com] } }\n");
    assert_eq!(scene.run(&["policy", "init", "--pack", "startup"]), 0);
    let kept = std::fs::read_to_string(scene.directory.join("policies/people.yml")).unwrap();
    assert!(kept.contains("eva@example.com"));
    scene.is("policy-init");
}

#[test]
fn what_a_policy_most_likely_does_not_mean_is_noted() {
    let mut scene = Scene::repository();
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nextends: [startup]\nprotects: [main]\nclasses:\n  urgent: { all: [{ field: { Change-Type: emergency } }, { not: { label: calm } }] }\n  \
         isms: { touches: [CODEOWNERS] }\n  emergency: { field: { Change-Type: emergency } }\n  standard: { field: { \
         Change-Type: standard } }\n  normal: {}\nstandard-changes:\n  STD-OLD: { paths: [ops/], approved-by: Dana, \
         approved-on: 2024-01-01, review-by: 2025-01-01 }\nreasons: { classes: a word of our own for what is \
         urgent }\n",
    );
    assert_eq!(scene.run(&["policy", "check"]), 0);
    let shown = scene.command(&["policy", "show"]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("counts   from 2024-01-01 to 2025-01-01, approved by Dana"), "{shown}");
    // What a server refuses is refused by the check for one.
    let text = std::fs::read_to_string(scene.directory.join("policies/changegate.yml")).unwrap();
    scene.write(
        "policies/changegate.yml",
        format!("{text}rules:\n  labelled: {{ require: {{ label: reviewed }} }}\n"),
    );
    assert_eq!(scene.run(&["policy", "check"]), 0);
    assert_eq!(scene.run(&["policy", "check", "--server"]), 2);
    scene.is("policy-notes");
}

#[test]
fn policy() {
    let mut scene = Scene::repository();
    for (args, code) in [
        (&["policy", "check"][..], 2),
        (&["policy", "show"], 2),
        (&["policy", "init", "--pack", "cor"], 2),
        (&["policy", "init", "--pack", "core"], 0),
        (&["policy", "init"], 0),
        (&["policy", "check"], 0),
        (&["policy", "show"], 0),
        (&["policy", "check", "nowhere.yml"], 2),
        (&["policy", "check", "policies"], 2),
        (&["policy", "show", "--pack", "cor"], 2),
        (&["policy", "show", "--pack", "core", "policies/changegate.yml"], 2),
        (&["policy", "packs"], 0),
        (&["policy", "packs", "cor"], 2),
        (&["policy", "explain"], 0),
        (&["policy", "explain", "approvals"], 0),
        (&["policy", "explain", "aproval"], 2),
        (&["policy", "explain", "zebra"], 2),
        (&["-C", "policies", "policy", "check"], 0),
        (&["-C", "policies", "policy", "check", "changegate.yml"], 0),
        (&["-C", "nowhere", "policy", "check"], 2),
    ] {
        assert_eq!(scene.run(args), code, "{args:?}");
    }
    scene.is("policy");
}

#[test]
fn policy_show_names_all_that_a_policy_accepts() {
    let scene = Scene::repository();
    scene.write(
        "policies/two.yml",
        "changegate: 1\npeople:\n  bots:\n    - b1@x.example\n    - b2@x.example\n",
    );
    scene.write(
        "policies/base.yml",
        "changegate: 1\npeople:\n  teams: { a: ['github:a'] }\n  bots: [b1@x.example]\n  codeowners: { format: gitlab }\n",
    );
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nextends: [base.yml, two.yml]\nprotects: [main]\npeople:\n  bots: [b3@x.example]\nfields:\n  Reviewed-by: { \
         person: true }\n  Ticket: { matches: '[A-Z]+-[0-9]+', example: PAY-1 }\n  Digest: { matches: '[0-9a-f]{64}' }\n\
         tickets: { PAY: { jira: https://acme.atlassian.net } }\nacts: { attach: { from: [a], largest: 2MB } }\n\
         standard-changes:\n  STD-1: { title: Renew a certificate, paths: [certs/], size: { files: { at-most: 2 } }, who: { teams: \
         [a] }, approved-by: Dana, approved-on: 2026-01-01, review-by: 2026-12-31 }\nrules:\n  reviewed: { require: { approvals: { \
         of: any-commit, trust: claimed, commands: [/ok] } } }\n  owned: { require: { approvals: { from: codeowners, unowned: nobody \
         } } }\n  checked: { require: { checks: { named: [test], allow: [skipped] } } }\n  labelled: { require: { label: { any-of: [x], \
         by: [a], of: any-revision } } }\n  small: { require: { size: { files: { at-most: 3 }, ignore: ['*.lock'] } } }\n  ticket: { \
         require: { ticket: { field: Ticket, within: 24h, exists: true, unseen: owe } } }\n  digest: { require: { digest-of: { field: \
         Digest, path: [a], dvc: md5 } } }\n  one-way: { require: { any: [{ field: { Ticket: present } }] } }\n",
    );
    let output = scene.command(&["policy", "show"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let flat = text.split_whitespace().collect::<Vec<&str>>().join(" ");
    for told in [
        "also an approval that a trailer claims counts",
        "also an approval of an earlier revision counts",
        "also a comment that says `/ok` counts as an approval",
        "also paths without an owner need no approval",
        "also a check that was skipped counts as a success",
        "also a label that was added before the last push counts",
        "also `*.lock` does not count as files",
        "also a ticket that no system can be asked about is owed until then",
        "also of a `.dvc` file, the MD5 of its output counts",
        "requires `Ticket` is stated",
        "a may attach a file to it, of at most 2000000 bytes",
        "codeowners: { format: gitlab } [policies/base.yml:5]",
        "Renew a certificate",
        "size at most 2 files",
        "who a",
        // Each file names its own.
        "bots [policies/base.yml:4] are b1@x.example",
        "bots [policies/two.yml:4] are b1@x.example, b2@x.example",
        "bots [policies/changegate.yml:5] are b3@x.example",
    ] {
        assert!(flat.contains(told), "{told}:\n{text}{errors}");
    }
    assert_eq!(text.matches("b1@x.example").count(), 2, "{text}");
}

#[test]
fn controls_are_those_of_a_change_and_of_a_list_of_one_s_own() {
    let mut scene = Scene::repository();
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nprotects: [main]\nfields: { Risk: { one-of: [low, high] } }\nrules:\n  src: { when: { touches: src/ }, \
         controls: ['iso27001:A.8.4'], require: { field: { Risk: present } } }\n  all: { controls: ['iso27001:A.8.32'], require: { \
         field: { Risk: present } } }\n",
    );
    scene.write("soa.txt", "# ours\niso27001:A.8.4   Access to source code\n\nacme:7.1\n");
    scene.write("wrong.txt", "A.8.4\n");
    scene.commit("Start\n\nRisk: low\n");
    scene.write("docs/a.md", "1\n");
    scene.commit("Document it\n\nRisk: low\n");
    let show = |scene: &Scene, args: &[&str]| {
        let output = scene.command(&[&["policy", "show", "--controls"], args].concat()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let of_list = show(&scene, &["--control-list", "soa.txt"]);
    // Those of the list and no others, in its order.
    let words = "\niso27001:A.8.4\n  src: src\n\nacme:7.1: no rule names it\n";
    assert!(of_list.ends_with(words) && !of_list.contains("A.8.32"), "{of_list}");
    let of_change = show(&scene, &["--control-list", "soa.txt", "--for", "HEAD"]);
    assert!(of_change.contains("iso27001:A.8.4: no rule that applies names it"), "{of_change}");
    assert!(!of_change.contains("iso27001:A.8.32") && of_change.contains("Document it"), "{of_change}");
    assert!(show(&scene, &["--for", "HEAD"]).contains("# Controls that shipped packs name"));
    for wrong in [&["--control-list", "wrong.txt"][..], &["--control-list", "nowhere.txt"]] {
        assert_eq!(scene.run(&[&["policy", "show", "--controls"], wrong].concat()), 2, "{wrong:?}");
    }
    assert_eq!(scene.run(&["policy", "show", "--control-list", "soa.txt"]), 2);
}

#[test]
fn policy_show_of_a_pack() {
    let mut scene = Scene::new();
    assert_eq!(scene.run(&["policy", "show", "--pack", "iso27001"]), 0);
    scene.is("policy-show");
}

#[test]
fn trailers() {
    let mut scene = Scene::new();
    let message = b"Subject\n\nRisk: low\nticket : PAY-1\n  folded\n---\nAfter: the line\n";
    scene.write("message", message);
    for like in ["log", "parse", "parse-no-divider"] {
        assert_eq!(scene.run_with(&["trailers", "--like", like], message, |_| {}), 0);
    }
    assert_eq!(scene.run(&["trailers", "message"]), 0);
    assert_eq!(scene.run_with(&["trailers"], b"Subject\n\nRisk: l\xffw\nA: \x1b[2J\n", |_| {}), 0);
    assert_eq!(scene.run_with(&["trailers"], b"", |_| {}), 0);
    assert_eq!(scene.run(&["trailers", "nowhere"]), 3);
    assert_eq!(scene.run(&["trailers", "."]), 3);
    assert_eq!(scene.run(&["-C", "nowhere", "trailers", "message"]), 2);
    scene.is("trailers");
}

#[test]
fn hooks_called_wrongly() {
    let mut scene = acme();
    for (args, input, code) in [
        (&["-C", "src", "hook", "pre-receive"][..], "", 3),
        (&["-C", ".git", "hook", "pre-receive"], "nonsense\n", 2),
        (&["-C", ".git", "hook", "pre-receive"], "0 1 refs/heads/main", 2),
        (&["-C", ".git", "hook", "pre-receive"], "", 2),
        (&["-C", ".git", "hook", "post-receive"], "nonsense\n", 2),
        (&["-C", ".git", "hook", "update", "refs/heads/main", "x", "y"], "", 2),
        (&["hook", "pre-push", "origin"], "nonsense\n", 0),
        (&["hook", "pre-push", "origin", "url"], "", 0),
        (&["hook", "commit-msg", "nowhere"], "", 3),
        (&["hook", "prepare-commit-msg", "nowhere"], "", 0),
        (&["-C", "nowhere", "hook", "commit-msg", "message"], "", 2),
    ] {
        assert_eq!(scene.run_with(args, input.as_bytes(), |_| {}), code, "{args:?} {input:?}");
    }
    scene.is("hooks-wrong");
}

#[test]
fn commit_msg_says_what_to_type() {
    let mut scene = acme();
    scene.git(&["checkout", "-q", "main"]);
    scene.write("message", "Change it\n\nRisk: enormous\nTicket: soon\n");
    assert_eq!(scene.run(&["hook", "commit-msg", "message"]), 1);
    scene.write("message", "Change it\n\nRisk: low\n# a comment\n");
    assert_eq!(scene.run(&["hook", "commit-msg", "message"]), 0);
    scene.write("policies/changegate.yml", "changegate: 1\nprotect: [main]\n");
    assert_eq!(scene.run(&["hook", "commit-msg", "message"]), 0);
    scene.is("commit-msg");
}

#[test]
fn colours() {
    let mut scene = acme();
    assert_eq!(scene.run(&["--color", "always", "check", "HEAD^"]), 1);
    let coloured = |scene: &Scene, args: &[&str], name: &str, value: &str| {
        let mut command = scene.command(args);
        command.env(name, value);
        Scene::feed(command, b"").stdout.contains(&0x1b)
    };
    assert!(!coloured(&scene, &["check", "HEAD^"], "NO_COLOR", ""));
    assert!(!coloured(&scene, &["check", "HEAD^"], "NO_COLOR", "1"));
    assert!(coloured(&scene, &["check", "HEAD^"], "CLICOLOR_FORCE", "1"));
    assert!(!coloured(&scene, &["--color", "never", "check", "HEAD^"], "CLICOLOR_FORCE", "1"));
    assert!(coloured(&scene, &["--color", "always", "check", "HEAD^"], "NO_COLOR", "1"));
    assert!(!coloured(
        &scene,
        &["--color", "always", "check", "HEAD^", "--format", "json"],
        "CLICOLOR_FORCE",
        "1"
    ));
    assert!(!coloured(&scene, &["check", "HEAD^"], "TERM", "dumb"));
    scene.is("colours");
}

#[test]
fn completions_and_the_manual_are_written_for_every_shell_and_command() {
    let scene = Scene::new();
    let printed = |args: &[&str]| {
        let output = Scene::feed(scene.command(args), b"");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(output.stderr.is_empty());
        String::from_utf8(output.stdout).unwrap()
    };
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = printed(&["completions", shell]);
        assert!(script.contains("pre-receive") && script.contains("explain"), "{shell}");
    }
    assert!(printed(&["man"]).contains(".SH"));
    for command in ["check", "policy", "trailers", "hook", "install", "uninstall", "completions", "man"] {
        assert!(printed(&["man", command]).contains(&format!("changegate\\-{command}")), "{command}");
    }
    assert_eq!(printed(&["policy", "schema"]), changegate::policy::schema::render_schema());
    for pack in changegate::policy::packs::POLICY_PACKS {
        assert_eq!(printed(&["policy", "packs", pack.name]), pack.source);
    }
}

#[test]
fn every_line_fits_into_80_columns() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        // What programs read is not wrapped.
        let is_for_programs = ["check-json.snap", "policy-test.json.snap", "policy-test.xml.snap"]
            .iter()
            .any(|name| path.ends_with(name));
        if path.extension().is_none_or(|extension| extension != "snap") || is_for_programs {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        // Lines to copy are not wrapped: commands, paths, and one-line errors that name them.
        let starts = ["$ ", "changegate: ", "error: ", "  tip: ", "[{"];
        let free = |line: &&str| {
            !starts.iter().any(|start| line.starts_with(start))
                && !line.contains("[HOME]")
                && !line.contains("<ESC>")
                && !line.trim().starts_with("[possible values: ")
                // A pattern is one word, and is shown whole.
                && (!line.trim().starts_with('`') || line.trim().contains(' '))
        };
        for line in text.lines().filter(free) {
            assert!(line.chars().count() <= 80, "{}: {line}", path.display());
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let scene = acme();
    for args in [
        &["policy", "schema"][..],
        &["policy", "packs", "iso27001"],
        &["policy", "show", "--pack", "iso27001"],
        &["policy", "explain"],
        &["explain", "main"],
        &["policy", "packs"],
        &["completions", "bash"],
        &["man", "check"],
        &["--help"],
        &["check", "--help"],
        &["check", "main", "-v"],
        &["check", "main", "--format", "json"],
    ] {
        let mut command = scene.command(args);
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.stdout(writer).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let output = output.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn a_denial_stays_one_when_no_reader_is_left() {
    let mut scene = acme();
    scene.git(&["checkout", "-q", "main"]);
    scene.git(&["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]);
    scene.write("message", "Change it\n");
    let (old, new) = (scene.git(&["rev-parse", "main"]), scene.git(&["rev-parse", "topic"]));
    let push = format!("{old} {new} refs/heads/main\n");
    scene.git(&["update-ref", "refs/remotes/origin/main", "main"]);
    let offer = format!("refs/heads/topic {new} refs/heads/main {old}\n");
    for (args, input) in [
        (&["check", "topic^"][..], ""),
        (&["hook", "commit-msg", "message"], ""),
        (&["-C", ".git", "hook", "pre-receive"], push.as_str()),
        (&["-C", ".git", "hook", "update", "refs/heads/main", &old, &new], ""),
        (&["hook", "pre-push", "origin"], offer.as_str()),
    ] {
        scene.write("input", input);
        let mut command = scene.command(args);
        let closed = || {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            writer
        };
        let input = std::fs::File::open(scene.directory.join("input")).unwrap();
        let status = command.stdin(input).stdout(closed()).stderr(closed()).status().unwrap();
        assert_eq!(status.code(), Some(1), "{args:?}");
    }
}

#[test]
fn a_backtrace_changes_no_denial() {
    let scene = acme();
    for args in [&["check", "HEAD^"][..], &["check", "nowhere"], &["-C", "/nowhere", "check"]] {
        let plain = Scene::feed(scene.command(args), b"");
        let mut command = scene.command(args);
        command.env("RUST_BACKTRACE", "full");
        let traced = Scene::feed(command, b"");
        let scrub = |bytes: &[u8]| scene_times(bytes);
        assert_eq!(scrub(&plain.stdout), scrub(&traced.stdout), "{args:?}");
        assert_eq!(scrub(&plain.stderr), scrub(&traced.stderr), "{args:?}");
        assert_eq!(plain.status.code(), traced.status.code(), "{args:?}");
    }
}

fn scene_times(bytes: &[u8]) -> String {
    let time = regex::Regex::new(r"20\d\d-\d\d-\d\d[T ][0-9:.]+").unwrap();
    time.replace_all(&String::from_utf8_lossy(bytes), "[TIME]").into_owned()
}

/// A repository whose policy extends a pack, names three people, and has a change of two authors.
fn explained_scene() -> Scene {
    let mut scene = Scene::repository();
    scene.write(
        "policies/people.yml",
        "people:\n  ana: { name: Ana Lang, addresses: [ana@example.com], accounts: ['github:ana'] }\n  \
         ben: { name: Ben Ito, addresses: [ben@example.com], accounts: ['github:ben'] }\n  \
         cy: { name: Cy Dow, addresses: [cy@example.com], accounts: ['github:cy'] }\n",
    );
    scene.write(
        "policies/changegate.yml",
        "changegate: 1\nname: acme\nextends: [startup]\nprotects: [main]\npeople:\n  roster: policies/people.yml\n  \
         teams: { security: [ben@example.com, cy@example.com] }\nrules:\n  peer-review:\n    title: reviewed by a colleague\n  \
         security-review:\n    title: security has looked at logins\n    when: { touches: ['src/login/**'] }\n    \
         require: { approvals: { from: [security], trust: claimed } }\n    controls: ['iso27001:A.8.28']\n",
    );
    scene.git(&["add", "."]);
    scene.git(&["commit", "-q", "-m", "Add the policy\n\nRisk: low\nChange-Type: normal"]);
    scene.git(&["switch", "-q", "-c", "topic"]);
    scene.write("src/login/form.rs", "new\n");
    scene.git(&["add", "."]);
    let message = "Ask for the second factor\n\nRisk: low\nChange-Type: normal\nCo-authored-by: Cy Dow <cy@example.com>";
    scene.git(&["commit", "-q", "-m", message]);
    scene
}

#[test]
fn explain() {
    let mut scene = explained_scene();
    for (args, code) in [
        (&["explain", "topic"][..], 0),
        (&["explain", "topic", "--rule", "risk"], 0),
        (&["explain", "topic", "--rule", "rsk"], 2),
        (&["explain", "topic", "--rule", "no-such-thing"], 2),
        (
            &[
                "explain",
                "-m",
                "Try it",
                "--rule",
                "risk",
                "--author",
                "Ana <ana@example.com>",
                "--at",
                "2026-01-05",
            ],
            0,
        ),
        (&["explain", "topic", "--pusher", "ana@example.com", "--rule", "peer-review"], 0),
        (&["explain", "main..nowhere"], 2),
        (&["explain", "topic", "-m", "x"], 2),
    ] {
        assert_eq!(scene.run(args), code, "{args:?}");
    }
    let output = scene.command(&["explain", "topic", "--format", "json"]).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], "changegate/explanation/v1");
    let change = &document["changes"][0];
    let rule = change["rules"]
        .as_array()
        .unwrap()
        .iter()
        .find(|rule| rule["rule"]["id"] == "security-review")
        .unwrap();
    assert_eq!((&rule["applies"], &rule["because"]), (&"yes".into(), &"when-holds".into()));
    assert_eq!(rule["require"]["predicate"], "approvals");
    assert_eq!(rule["require"]["answer"], "no");
    let facts = rule["require"]["facts"].as_array().unwrap();
    assert!(facts.iter().any(|fact| fact["source"] == "trailer" && fact["trust"] == "claimed"));
    let acts = &change["plan"]["steps"][0]["options"][0]["acts"];
    assert_eq!(acts[0]["people"], serde_json::json!(["Ben Ito"]));
    assert_eq!(acts[0]["excluded"][0]["name"], "Cy Dow");
    scene.is("explain");
}

#[test]
fn policy_show_of_parts() {
    let mut scene = explained_scene();
    for args in [
        &["policy", "show"][..],
        &["policy", "show", "--stage", "commit-msg"],
        &["policy", "show", "--for", "topic"],
        &["policy", "show", "--controls"],
    ] {
        assert_eq!(scene.run(args), 0, "{args:?}");
    }
    assert_eq!(scene.run(&["policy", "show", "--stage", "nowhere"]), 2);
    let output = scene.command(&["policy", "show", "--format", "json"]).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], "changegate/policy-show/v1");
    let sections = document["sections"].as_array().unwrap();
    let find =
        |id: &str| sections.iter().find(|section| section["id"] == id).unwrap()["items"].as_array().unwrap();
    let team = find("teams").iter().find(|item| item["name"] == "security").unwrap();
    assert_eq!(team["values"][0]["text"], "Ben Ito (ben@example.com), Cy Dow (cy@example.com)");
    assert_eq!(
        (&team["origin"]["file"], &team["origin"]["line"]),
        (&"policies/changegate.yml".into(), &7.into())
    );
    let review = find("rules").iter().find(|item| item["name"] == "peer-review").unwrap();
    assert_eq!(review["origin"]["kind"], "pack");
    // Every effective rule is there, and each of its values with a place.
    for item in find("rules") {
        assert!(item["values"].as_array().unwrap().iter().all(|value| !value["origin"].is_null()), "{item}");
    }
    scene.is("policy-show-parts");
}

/// The repository of the pages, with a draft of its policy in the work tree, and with tests beside it.
fn drafting_scene() -> Scene {
    let scene = explained_scene();
    let path = scene.directory.join("policies/changegate.yml");
    let draft =
        std::fs::read_to_string(&path).unwrap().replace("ben@example.com, cy@example.com", "ben@example.com");
    let rule = "  ticket:\n    title: names a ticket\n    require: { field: { Ticket: present } }\n    level: warn\n    \
                reason: the team is new to it\n    until: 2099-12-31\n";
    scene.write("policies/changegate.yml", format!("{draft}{rule}"));
    scene.write(
        "policies/changegate.test.yml",
        "policy: changegate.yml\ntests:\n  - name: a login that only a colleague has reviewed is denied\n    change:\n      \
         commits:\n        - message: |\n            Log in\n\n            Risk: low\n            Change-Type: normal\n            \
         Reviewed-by: Ana Lang <ana@example.com>\n          author: Cy Dow <cy@example.com>\n          \
         paths: [src/login/form.rs]\n    expect: { denied-by: [security-review] }\n",
    );
    scene
}

/// Returns a transcript without the days on which it is taken.
fn without_today(said: &str) -> String {
    let day = regex::Regex::new(r"(?m)^on \d{4}-\d\d-\d\d|\(in \d+ days\)|until \d{4}-\d\d-\d\d$").unwrap();
    day.replace_all(said, "[DAY]").into_owned()
}

/// Fails unless each transcript of a page is what the program says; with `CHANGEGATE_BLESS`, writes it.
fn check_page(scene: &Scene, name: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let page = std::fs::read_to_string(&path).unwrap();
    let mut shown = String::new();
    let mut rest = page.as_str();
    while let Some((before, after)) = rest.split_once("```text\n$ changegate ") {
        let (block, after) = after.split_once("```").unwrap();
        let line = block.lines().next().unwrap();
        let args: Vec<&str> = line.split(' ').collect();
        let output = scene.command(&args).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
        let said = format!("{line}\n{said}");
        // Another day is no other transcript.
        let block = if without_today(block) == without_today(&said) { block } else { &said };
        shown.push_str(&format!("{before}```text\n$ changegate {block}```"));
        rest = after;
    }
    shown.push_str(rest);
    if std::env::var_os("CHANGEGATE_BLESS").is_some() {
        std::fs::write(&path, shown).unwrap();
    } else {
        assert!(page == shown, "{name} is not current; run `CHANGEGATE_BLESS=1 cargo test --test cli page`");
    }
}

#[test]
fn the_page_on_explaining_shows_what_the_program_says() {
    check_page(&explained_scene(), "docs/explain.md");
}

#[test]
fn the_page_on_policies_shows_what_the_program_says() {
    check_page(&drafting_scene(), "docs/policy.md");
}
