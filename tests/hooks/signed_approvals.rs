//! Signed approvals over a server: made with real keys, pushed, carried over merges and rebases, and never moved to
//! other content.

use crate::world::{MAIN, Pushed, World};

pub(crate) const POLICY: &str = "\
changegate: 1
name: test
protects: [main]
people: { roster: who/people.yml, teams: { security: [kim@example.com] } }
fields:
  Risk: { one-of: [low, high] }
  Reviewed-by: { person: true }
rules:
  reviewed: { require: { approvals: CARRIES } }
";

/// A server that knows Ana, Ben and Kim by the keys of the roster. `asked` are the parameters of `approvals`.
pub(crate) fn start(asked: &str) -> Option<World> {
    start_under(&POLICY.replace("CARRIES", asked))
}

/// As [`start`], under this policy.
pub(crate) fn start_under(policy: &str) -> Option<World> {
    start_prepared(policy, |_| true)
}

/// As [`start_under`]; `prepare` writes more before anything is committed, and returns false where it cannot.
pub(crate) fn start_prepared(policy: &str, prepare: impl FnOnce(&World) -> bool) -> Option<World> {
    let world = World::with(None, "sha1");
    let mut roster = String::from("people:\n");
    for who in ["ana", "ben", "kim"] {
        let mut command = world.command("ssh-keygen", "");
        command.args(["-q", "-t", "ed25519", "-N", "", "-C", who, "-f", who]);
        if !command.output().is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: there is no ssh-keygen");
            return None;
        }
        let public = std::fs::read_to_string(world.path(&format!("{who}.pub"))).unwrap();
        let key = public.trim();
        roster += &format!(
            "  {who}:\n    addresses: [{who}@example.com]\n    accounts: [{who}]\n    keys: ['{key}']\n"
        );
    }
    world.write("who/people.yml", &roster);
    world.write("policies/changegate.yml", policy);
    if !prepare(&world) {
        return None;
    }
    world.commit("Begin\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "+main:main"]);
    world.configure("changegate.pusher", "env:GL_USER");
    world.git(&["config", "gpg.format", "ssh"]);
    world.git(&["fetch", "-q", "origin"]);
    Some(world)
}

/// Runs git or changegate as this person, with their key.
pub(crate) fn run_as(world: &World, who: &str, program: &str, args: &[&str]) -> std::process::Output {
    let mut command = world.command(program, "work");
    for identity in ["GIT_AUTHOR", "GIT_COMMITTER"] {
        command.env(format!("{identity}_NAME"), who);
        command.env(format!("{identity}_EMAIL"), format!("{who}@example.com"));
    }
    command.env("GL_USER", who);
    command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_KEY_0", "user.signingKey");
    command.env("GIT_CONFIG_VALUE_0", world.path(who));
    command.args(args).output().unwrap()
}

pub(crate) fn git_as(world: &World, who: &str, args: &[&str]) -> String {
    let output = run_as(world, who, "git", args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    world.head()
}

/// Commits a file as this person.
pub(crate) fn commit_as(world: &World, who: &str, file: &str, content: &str, message: &str) -> String {
    world.write(file, content);
    world.git(&["add", "-A"]);
    git_as(world, who, &["commit", "-q", "--no-verify", "-m", message])
}

/// Signs an approval and pushes it; returns what was printed, and whether it was accepted.
pub(crate) fn approve_as(world: &World, who: &str, args: &[&str]) -> (bool, String) {
    let program = env!("CARGO_BIN_EXE_changegate");
    let all: Vec<&str> = ["approve"].iter().chain(args).copied().collect();
    let output = run_as(world, who, program, &all);
    let text = [output.stderr, output.stdout].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

pub(crate) fn approved_by(world: &World, who: &str, args: &[&str]) -> String {
    let (accepted, said) = approve_as(world, who, args);
    assert!(accepted, "{said}");
    said.split_whitespace().last().unwrap().to_owned()
}

pub(crate) fn push_as(world: &mut World, who: &str, refspec: &str) -> Pushed {
    world.environment.retain(|(name, _)| name != "GL_USER");
    world.environment.push(("GL_USER".into(), who.into()));
    world.push(&[refspec])
}

#[test]
fn what_was_approved_with_a_key_lands() {
    let Some(mut world) = start("{}") else { return };
    let tip = commit_as(&world, "ana", "a", "1", "Cache it");
    push_as(&mut world, "ana", "main")
        .refused("needs 1 signed approval of the final revision; 0 count")
        .says(&format!("changegate approve {tip}"));
    // The author's own signature is worth nothing.
    let (accepted, said) = approve_as(&world, "ana", &[]);
    assert!(accepted && said.contains("note: you wrote this"), "{said}");
    push_as(&mut world, "ana", "main").refused("the signed approval of `ana@example.com` does not count");
    let approval = approved_by(&world, "ben", &["-m", "read it"]);
    push_as(&mut world, "ana", "main").accepted();
    assert_eq!(world.at(MAIN).unwrap(), tip);
    // Git verifies the signature without this program.
    world.write(
        "../signers",
        &format!("ben@example.com {}", std::fs::read_to_string(world.path("ben.pub")).unwrap()),
    );
    let signers = world.path("signers");
    world.git(&[
        "-c",
        &format!("gpg.ssh.allowedSignersFile={}", signers.display()),
        "verify-commit",
        &approval,
    ]);
    // The ledger keeps who approved, and by what; a landed approval is used up.
    world
        .changegate("server.git", &["ledger", "trace", &tip])
        .says("ben@example.com, by their own signature");
    world.changegate("server.git", &["ledger", "verify"]).accepted();
    let log = world.changegate("server.git", &["ledger", "log"]).seen;
    let allowed = log.lines().find(|line| line.contains("Allow main")).unwrap();
    world
        .changegate("server.git", &["ledger", "replay", allowed.split_whitespace().next().unwrap()])
        .accepted();
}

#[test]
fn an_approval_is_carried_over_a_clean_merge_and_nothing_else() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "a", "1", "One");
    commit_as(&world, "ana", "b", "1", "Two");
    approved_by(&world, "ben", &[]);
    // One half of it was not approved to land alone.
    push_as(&mut world, "ana", "topic~1:main").refused("needs 1 signed approval");
    world.git(&["checkout", "-q", "main"]);
    git_as(&world, "ana", &["merge", "-q", "--no-ff", "--no-verify", "-m", "Merge it", "topic"]);
    let clean = world.head();
    // A line that is slipped into the merge is seen.
    world.write("b", "1\nbackdoor\n");
    world.git(&["add", "-A"]);
    git_as(&world, "ana", &["commit", "-q", "--amend", "--no-verify", "-m", "Merge it"]);
    push_as(&mut world, "ana", "main").refused("is no part of that");
    world.git(&["reset", "-q", "--hard", &clean]);
    push_as(&mut world, "ana", "main").accepted();
}

#[test]
fn content_that_was_changed_after_the_approval_is_named() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "if x:\n  run( )\n", "Run it\n\nRisk: low");
    approved_by(&world, "ben", &[]);
    // Whitespace inside a line is content.
    world.write("a", "if x:\n  r un()\n");
    world.git(&["add", "-A"]);
    let date = world.git(&["log", "-1", "--format=%ad", "--date=raw"]);
    git_as(&world, "ana", &["commit", "-q", "--amend", "--no-edit", "--no-verify", "--date", date.trim()]);
    push_as(&mut world, "ana", "main").refused("differs from it in `a`");
    // The message may change, but not what it states.
    world.write("a", "if x:\n  run( )\n");
    world.git(&["add", "-A"]);
    git_as(&world, "ana", &["commit", "-q", "--amend", "--no-verify", "-m", "Run it\n\nRisk: high"]);
    push_as(&mut world, "ana", "main").refused("whose messages state something else in `Risk`");
    git_as(&world, "ana", &["commit", "-q", "--amend", "--no-verify", "-m", "Run it, at last\n\nRisk: low"]);
    push_as(&mut world, "ana", "main").accepted();
}

#[test]
fn a_rebase_counts_where_the_policy_says_so() {
    for (asked, is_accepted) in [("{}", false), ("{ carries-over: [clean-rebase] }", true)] {
        let Some(mut world) = start(asked) else { return };
        world.git(&["checkout", "-q", "-b", "topic"]);
        commit_as(&world, "ana", "a", "1", "One");
        commit_as(&world, "ana", "b", "1", "Two");
        approved_by(&world, "ben", &[]);
        world.git(&["checkout", "-q", "-b", "other", "main"]);
        commit_as(&world, "kim", "c", "1", "Another");
        approved_by(&world, "ben", &[]);
        push_as(&mut world, "kim", "other:main").accepted();
        world.git(&["fetch", "-q", "origin"]);
        world.git(&["checkout", "-q", "topic"]);
        git_as(&world, "ana", &["rebase", "-q", "origin/main"]);
        let pushed = push_as(&mut world, "ana", "topic:main");
        if !is_accepted {
            pushed.refused("what lands is a clean rebase of it, which this rule does not accept");
            continue;
        }
        pushed.accepted();
    }
}

#[test]
fn a_squash_counts_where_the_policy_says_so() {
    let Some(mut world) = start("{ carries-over: [squash] }") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "a", "1", "One");
    commit_as(&world, "ana", "b", "1", "Two");
    approved_by(&world, "ben", &[]);
    world.git(&["checkout", "-q", "-b", "other", "main"]);
    commit_as(&world, "kim", "c", "1", "Another");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "kim", "other:main").accepted();
    world.git(&["checkout", "-q", "other"]);
    world.git(&["merge", "-q", "--squash", "topic"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Both"]);
    let clean = world.head();
    world.write("b", "1 \n");
    world.git(&["add", "-A"]);
    git_as(&world, "ana", &["commit", "-q", "--amend", "--no-edit", "--no-verify"]);
    push_as(&mut world, "ana", "other:main").refused("needs 1 signed approval");
    world.git(&["reset", "-q", "--hard", &clean]);
    push_as(&mut world, "ana", "other:main").accepted();
}

#[test]
fn a_rejection_stands_until_its_signer_takes_it_back() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "ben", &[]);
    approved_by(&world, "kim", &["--reject", "-m", "not so"]);
    push_as(&mut world, "ana", "main").refused("`kim@example.com` rejects revision");
    approved_by(&world, "kim", &["--revoke"]);
    approved_by(&world, "ben", &["--revoke"]);
    push_as(&mut world, "ana", "main").refused("the signer has revoked it");
    approved_by(&world, "kim", &[]);
    push_as(&mut world, "ana", "main").accepted();
}

#[test]
fn a_role_counts_for_its_team_alone() {
    let Some(mut world) = start("{ from: [security] }") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").refused("the approver is not a member of security");
    let (accepted, said) = approve_as(&world, "ben", &["--role", "security"]);
    assert!(!accepted && said.contains("`ben@example.com` is not in `security`"), "{said}");
    approved_by(&world, "kim", &["--role", "security"]);
    push_as(&mut world, "ana", "main").accepted();
}

#[test]
fn an_approval_is_taken_only_as_it_was_signed() {
    let Some(mut world) = start("{}") else { return };
    let tip = commit_as(&world, "ana", "a", "1", "Cache it");
    let approval = approved_by(&world, "ben", &[]);
    let name = format!("refs/changegate/approvals/{approval}");
    // Neither deleted, nor moved, nor under another name.
    push_as(&mut world, "ben", &format!(":{name}")).refused("cannot be changed or deleted");
    push_as(&mut world, "ana", &format!("+{tip}:{name}")).refused("cannot be changed or deleted");
    let other = "refs/changegate/approvals/1f0c3a9be27d";
    push_as(&mut world, "ana", &format!("{approval}:{other}")).refused("ends in the id of the commit");
    let message = world.git(&["log", "-1", "--format=%B", &approval]);
    let tree = world.git(&["rev-parse", &format!("{tip}^{{tree}}")]);
    let written = |who: &str, signs: &str, parent: &str, message: &str| {
        let tree = tree.trim();
        let args = ["commit-tree", tree, "-p", parent, signs, "-m", message.trim()];
        let output = run_as(&world, who, "git", &args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let main = world.at(MAIN).unwrap();
    let repository = world.git_in("server.git", &["rev-parse", "refs/changegate/repository"]);
    let cases = [
        (written("ben", "--no-gpg-sign", &tip, &message), "the approval is not signed"),
        (written("ben", "-S", &main, &message), "is not the revision that it names"),
        (
            written("ben", "-S", &tip, &message.replace(repository.trim(), &"0".repeat(40))),
            "the approval is for another repository",
        ),
        (
            written("ben", "-S", &tip, &message.replace("refs/heads/main", "refs/heads/topic")),
            "is not under change control",
        ),
        (written("ben", "-S", &tip, &format!("{}\nMore: x", message.trim())), "is not in the form"),
        (
            written("ben", "-S", &tip, &message.replace("Statements: sha256:", "Statements: sha256:0")),
            "the digest of what the messages state",
        ),
    ];
    for (commit, reason) in cases {
        let refspec = format!("{commit}:refs/changegate/approvals/{commit}");
        push_as(&mut world, "ben", &refspec).refused(reason);
    }
}

#[test]
fn an_openpgp_key_of_the_policy_approves() {
    let Some(mut world) = start("{}") else { return };
    let home = world.path("gnupg");
    std::fs::create_dir_all(&home).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let gpg = |args: &[&str]| world.command("gpg", "").env("GNUPGHOME", &home).args(args).output();
    let quick =
        ["--batch", "--passphrase", "", "--quick-generate-key", "Ben <ben@example.com>", "ed25519", "sign"];
    if !gpg(&quick).is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: there is no gpg");
        return;
    }
    let keyring = gpg(&["--armor", "--export", "ben@example.com"]).unwrap().stdout;
    let policy = POLICY.replace("CARRIES", "{}") + "signers: { openpgp: who/keys.asc }\n";
    world.write("who/keys.asc", &String::from_utf8(keyring).unwrap());
    world.write("policies/changegate.yml", &policy);
    world.git(&["add", "-A"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Know keys of OpenPGP"]);
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").accepted();
    commit_as(&world, "ana", "a", "1", "Cache it");
    let mut command = world.command(crate::world::BINARY, "work");
    command.env("GNUPGHOME", &home).env("GL_USER", "ben");
    command.env("GIT_COMMITTER_NAME", "Ben").env("GIT_COMMITTER_EMAIL", "ben@example.com");
    command.env("GIT_CONFIG_COUNT", "2").env("GIT_CONFIG_KEY_0", "gpg.format");
    command.env("GIT_CONFIG_VALUE_0", "openpgp").env("GIT_CONFIG_KEY_1", "user.signingKey");
    command.env("GIT_CONFIG_VALUE_1", "ben@example.com");
    Pushed::from(command.arg("approve").output().unwrap()).accepted();
    push_as(&mut world, "ana", "main").accepted();
    let _ = world.command("gpgconf", "").env("GNUPGHOME", &home).args(["--kill", "all"]).output();
}

#[test]
fn a_rejection_holds_for_the_same_content_in_another_form() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "kim", &["--reject"]);
    git_as(&world, "ana", &["commit", "-q", "--amend", "--no-verify", "-m", "Cache it, at last"]);
    // Another approval of the new form does not hide it.
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").refused("`kim@example.com` rejects revision");
    // Nor does leaving out a part of what was rejected.
    world.git(&["reset", "-q", "--hard", "origin/main"]);
    let one = commit_as(&world, "ana", "b", "1", "One");
    commit_as(&world, "ana", "c", "1", "Two");
    approved_by(&world, "kim", &["--reject"]);
    world.git(&["reset", "-q", "--hard", &one]);
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").refused("`kim@example.com` rejects revision");
    approved_by(&world, "kim", &[]);
    push_as(&mut world, "ana", "main").accepted();
}

#[test]
fn approvals_of_two_forms_of_one_content_count_together() {
    let Some(mut world) = start("{ at-least: 2 }") else { return };
    let first = commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "ben", &[]);
    git_as(&world, "ana", &["commit", "-q", "--amend", "--no-verify", "-m", "Cache it, at last"]);
    approved_by(&world, "kim", &[]);
    // The latest word of each person counts, of whichever form it is.
    approved_by(&world, "ben", &["--revoke"]);
    push_as(&mut world, "ana", &format!("{first}:main")).refused("the signer has revoked it");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").accepted();
}

#[test]
fn a_part_of_a_series_does_not_count_after_a_rebase_either() {
    let Some(mut world) = start("{ carries-over: [clean-merge, clean-rebase, same-tree, squash] }") else {
        return;
    };
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "guard", "1", "Guard");
    commit_as(&world, "ana", "door", "1", "Open the door");
    approved_by(&world, "ben", &[]);
    world.git(&["checkout", "-q", "main"]);
    git_as(&world, "ana", &["cherry-pick", "topic"]);
    push_as(&mut world, "ana", "main").refused("needs 1 signed approval");
    // What comes and goes in between was not approved.
    world.git(&["reset", "-q", "--hard", "origin/main"]);
    world.git(&["checkout", "-q", "-b", "short"]);
    commit_as(&world, "ana", "a", "1", "All of it");
    approved_by(&world, "ben", &[]);
    world.git(&["checkout", "-q", "-b", "long", "main"]);
    commit_as(&world, "ana", "secret", "1", "Slip it in");
    std::fs::remove_file(world.path("work/secret")).unwrap();
    commit_as(&world, "ana", "a", "1", "And out");
    world.git(&["checkout", "-q", "main"]);
    git_as(&world, "ana", &["merge", "-q", "--no-ff", "--no-verify", "-m", "Merge it", "long"]);
    push_as(&mut world, "ana", "main").refused("needs 1 signed approval");
}

#[test]
fn an_update_merge_of_an_approved_topic_lands() {
    for unit in ["", "unit: commit\n"] {
        let Some(mut world) = start("{}") else { return };
        let policy = POLICY.replace("CARRIES", "{}") + unit;
        if !unit.is_empty() {
            world.write("policies/changegate.yml", &policy);
            world.git(&["add", "-A"]);
            git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Judge each commit"]);
            approved_by(&world, "ben", &[]);
            push_as(&mut world, "ana", "main").accepted();
            world.git(&["fetch", "-q", "origin"]);
        }
        world.git(&["checkout", "-q", "-b", "topic"]);
        commit_as(&world, "ana", "a", "1", "One");
        approved_by(&world, "ben", &[]);
        world.git(&["checkout", "-q", "-b", "other", "main"]);
        commit_as(&world, "kim", "b", "1", "Another");
        approved_by(&world, "ben", &[]);
        push_as(&mut world, "kim", "other:main").accepted();
        world.git(&["fetch", "-q", "origin"]);
        world.git(&["checkout", "-q", "topic"]);
        git_as(&world, "ana", &["merge", "-q", "--no-verify", "-m", "Update", "origin/main"]);
        push_as(&mut world, "ana", "topic:main").accepted();
    }
}

#[test]
fn what_others_said_is_not_used_up_by_other_content() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    commit_as(&world, "ana", "a", "1", "One");
    let date = world.git(&["log", "-1", "--format=%ad", "--date=raw"]);
    approved_by(&world, "kim", &["--reject"]);
    // Another commit of the same author at the same second.
    world.git(&["checkout", "-q", "-b", "docs", "main"]);
    world.write("README", "more\n");
    world.git(&["add", "-A"]);
    git_as(&world, "ana", &["commit", "-q", "--no-verify", "-m", "Docs", "--date", date.trim()]);
    approved_by(&world, "ben", &[]);
    approved_by(&world, "kim", &[]);
    world.git(&["checkout", "-q", "topic"]);
    approved_by(&world, "kim", &["--reject"]);
    push_as(&mut world, "ana", "docs:main").accepted();
    approved_by(&world, "ben", &[]);
    world.git(&["fetch", "-q", "origin"]);
    world.git(&["checkout", "-q", "-B", "main", "origin/main"]);
    git_as(&world, "ana", &["merge", "-q", "--no-ff", "--no-verify", "-m", "Merge it", "topic"]);
    push_as(&mut world, "ana", "main").refused("`kim@example.com` rejects revision");
}

#[test]
fn a_signature_that_was_held_back_undoes_nothing() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    let (signed, said) = approve_as(&world, "ben", &["--no-push"]);
    assert!(signed, "{said}");
    let name = said.split_whitespace().last().unwrap().to_owned();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    approved_by(&world, "ben", &["--reject"]);
    push_as(&mut world, "ana", &format!("{name}:{name}"))
        .refused("has said something else about this revision since");
    push_as(&mut world, "ana", "main").refused("`ben@example.com` rejects revision");
}

#[test]
fn a_word_about_a_part_takes_back_nothing_about_the_whole() {
    let Some(mut world) = start("{}") else { return };
    world.git(&["checkout", "-q", "-b", "topic"]);
    let part = commit_as(&world, "ana", "part", "1", "Part");
    let whole = commit_as(&world, "ana", "change", "1", "Change");
    approved_by(&world, "kim", &["--reject"]);
    approved_by(&world, "kim", &[&part]);
    approved_by(&world, "ben", &[]);
    world.git(&["checkout", "-q", "main"]);
    git_as(&world, "ana", &["merge", "-q", "--no-ff", "--no-verify", "-m", "Merge it", "topic"]);
    push_as(&mut world, "ana", "main").refused("`kim@example.com` rejects revision");
    // The whole lands when they take the rejection back.
    approved_by(&world, "kim", &[&whole, "--revoke"]);
    push_as(&mut world, "ana", "main").accepted();
}

#[test]
fn a_stack_is_approved_change_by_change() {
    let Some(mut world) = start("{}") else { return };
    let first = commit_as(&world, "ana", "a", "1", "First");
    approved_by(&world, "ben", &[]);
    let second = commit_as(&world, "ana", "b", "1", "Second");
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", &format!("{first}:main")).accepted();
    push_as(&mut world, "ana", &format!("{second}:main")).accepted();
}

#[test]
fn what_was_rejected_and_changed_needs_a_new_word() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "One");
    approved_by(&world, "kim", &["--reject"]);
    world.write("a", "2");
    world.git(&["add", "-A"]);
    git_as(&world, "ana", &["commit", "-q", "--amend", "--no-edit", "--no-verify"]);
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").accepted();
}
