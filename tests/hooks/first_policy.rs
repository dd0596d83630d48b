//! The first policy, as `policy init` writes it: it works from its first day, or what is missing is said.

use crate::world::{BINARY, MAIN, Pushed, World, good};

const ROSTER: &str = "policies/people.yml";
const TWO_PEOPLE: &str =
    "people:\n  ana: { addresses: [ana@example.com] }\n  ben: { addresses: [ben@example.com] }\n";

/// A server that names the pusher, without a policy.
fn bare_server() -> World {
    let mut world = World::with(None, "sha1");
    world.configure("changegate.pusher", "env:WHO");
    world.environment.push(("WHO".into(), "ana".into()));
    world
}

fn fetch_past_hook(world: &World) {
    world.commit("First policy\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "+main:main"]);
}

#[test]
fn a_policy_of_a_history_with_one_person_takes_pushes() {
    let world = bare_server();
    let written = world.changegate("work", &["policy", "init", "--pack", "startup"]);
    written.accepted().says("not in force yet").says("`accounts`");
    world.changegate("work", &["policy", "check"]).accepted();
    fetch_past_hook(&world);
    world.changegate("server.git", &["install", "--server"]).accepted().does_not_say("accounts");
    world.commit(&good("Go on"));
    world.push(&["main"]).accepted();
}

#[test]
fn a_policy_at_another_path_is_written_by_the_command_that_is_printed() {
    let world = bare_server();
    world.configure("changegate.policyPath", "gate/p.yml");
    let command = "changegate policy init && mkdir -p gate && mv policies/changegate.yml gate/p.yml";
    world.changegate("server.git", &["install", "--server"]).accepted().says(command);
    world.commit(&good("One"));
    world.push(&["main"]).refused("gate/p.yml").says(command);
    let pasted = command.replacen("changegate", BINARY, 1);
    let made: Pushed = world.command("sh", "work").args(["-c", &pasted]).output().unwrap().into();
    made.accepted();
    fetch_past_hook(&world);
    world.commit(&good("Two"));
    world.push(&["main"]).does_not_say("gate/p.yml is missing").does_not_say("policy-present");
}

#[test]
fn a_roster_without_accounts_is_noted_before_it_locks_anyone_out() {
    let world = bare_server();
    world.write(ROSTER, TWO_PEOPLE);
    world.changegate("work", &["policy", "init", "--pack", "startup"]).accepted();
    world.changegate("work", &["policy", "check"]).accepted().says("lists no `accounts`");
    fetch_past_hook(&world);
    // The ledger has the policy before the roster is right, and no change past the hook is in it.
    world.changegate("server.git", &["ledger", "reconcile"]).accepted();
    let installed = world.changegate("server.git", &["install", "--server"]);
    installed
        .accepted()
        .says("lists no `accounts`")
        .says("git config changegate.pusher none")
        .says("git config changegate.pusher env:WHO")
        .does_not_say("acceptedPolicy");
    world.commit(&good("Go on"));
    let line = "add `ana` to the `accounts` of `ana` in `policies/people.yml`";
    let refused = world.push(&["main"]);
    refused.refused("peer-review").says(line).does_not_say("the maintainers of the roster");
    refused
        .says("fix: the server administrator")
        .says("this server cannot tell who pushes, and refuses also the push");
    refused.says("to fix, the server administrator runs: git config changegate.pusher none");
    refused.says("and push; then here again: git config changegate.pusher env:WHO");
    // As `install` and the refusal say.
    world.configure("changegate.pusher", "none");
    world.write(ROSTER, &TWO_PEOPLE.replace("[ana@example.com]", "[ana@example.com], accounts: [ana]"));
    world.commit(&good("Add the accounts"));
    world.push(&["main"]).accepted();
    world.configure("changegate.pusher", "env:WHO");
    world.commit(&good("Go on"));
    world.push(&["main"]).accepted();
    world.changegate("server.git", &["ledger", "verify"]).accepted().says("verification passed");
    world.changegate("work", &["policy", "check"]).accepted().does_not_say("`accounts`");
}

/// A rule that asks who pushes leaves only the way past the hook.
#[test]
fn a_roster_without_accounts_under_a_rule_about_pushers_is_corrected_past_the_hook() {
    let world = bare_server();
    world.write(ROSTER, TWO_PEOPLE);
    world.changegate("work", &["policy", "init", "--pack", "startup"]).accepted();
    let path = "policies/changegate.yml";
    let policy = std::fs::read_to_string(world.path("work").join(path)).unwrap();
    world.write(path, &(policy + "\nrules: { mine: { require: { pusher: { bot: false } } } }\n"));
    fetch_past_hook(&world);
    let installed = world.changegate("server.git", &["install", "--server"]);
    installed
        .accepted()
        .says("lists no `accounts`")
        .says("changegate.acceptedPolicy")
        .says("unauthorised until")
        .does_not_say("changegate.pusher none");
    world.commit(&good("Go on"));
    let refused = world.push(&["main"]);
    refused.refused("refuses also the push that would list them").does_not_say("changegate.pusher none");
    let accept = "git config changegate.acceptedPolicy \"$(git rev-parse refs/heads/main)\"";
    refused.says("git fetch CLONE main:main").says(accept);
    // As it says.
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let accounts = TWO_PEOPLE.replace("[ana@example.com]", "[ana@example.com], accounts: [ana]");
    world.write(ROSTER, &accounts);
    world.commit("Add the accounts\n");
    let pasted = format!("git fetch ../work main:main\n{accept}");
    let done: Pushed = world.command("sh", "server.git").args(["-c", &pasted]).output().unwrap().into();
    done.accepted();
    world.commit(&good("Go on"));
    world.push(&["main"]).accepted();
}

/// One of several people is known by their account, so the others are for the roster's maintainers.
#[test]
fn one_unknown_pusher_is_no_matter_of_the_server() {
    let world = bare_server();
    let accounts = TWO_PEOPLE.replace("[ben@example.com]", "[ben@example.com], accounts: [ben]");
    world.write(ROSTER, &accounts);
    world.changegate("work", &["policy", "init", "--pack", "startup"]).accepted();
    fetch_past_hook(&world);
    world.commit(&good("Go on"));
    let mut by_ben = world.command("git", "work");
    by_ben.args(["push", "origin", "main"]).env("WHO", "ben");
    let refused: Pushed = by_ben.output().unwrap().into();
    refused.refused("peer-review").does_not_say("refuses also the push");
    let refused = world.push(&["main"]);
    refused.refused("the maintainers of the roster").does_not_say("refuses also the push");
}

/// The hook has not seen the first roster, so nothing has said that the accounts are not those of the server.
#[test]
fn a_first_roster_with_wrong_accounts_locks_no_one_out() {
    for asks_pusher in [false, true] {
        let world = bare_server();
        let roster = |ana: &str, ben: &str| {
            let one =
                TWO_PEOPLE.replace("[ana@example.com]", &format!("[ana@example.com], accounts: [{ana}]"));
            one.replace("[ben@example.com]", &format!("[ben@example.com], accounts: [{ben}]"))
        };
        world.write(ROSTER, &roster("anna", "bben"));
        world.changegate("work", &["policy", "init", "--pack", "startup"]).accepted();
        if asks_pusher {
            let path = "policies/changegate.yml";
            let policy = std::fs::read_to_string(world.path("work").join(path)).unwrap();
            world.write(path, &(policy + "\nrules: { mine: { require: { pusher: { bot: false } } } }\n"));
        }
        fetch_past_hook(&world);
        world.changegate("server.git", &["install", "--server"]).accepted();
        world.write(ROSTER, &roster("ana", "ben"));
        world.commit(&good("Correct the accounts"));
        let refused = world.push(&["main"]);
        refused
            .refused("peer-review")
            .says("no account that it lists has pushed here yet")
            .says("to fix, the server administrator runs:");
        if asks_pusher {
            let accept = "git config changegate.acceptedPolicy \"$(git rev-parse refs/heads/main)\"";
            refused.says("git fetch CLONE main:main").says(accept);
            let pasted = format!("git fetch ../work main:main\n{accept}");
            let done: Pushed =
                world.command("sh", "server.git").args(["-c", &pasted]).output().unwrap().into();
            done.accepted();
        } else {
            refused.says("git config changegate.pusher none").says("git config changegate.pusher env:WHO");
            world.configure("changegate.pusher", "none");
            world.push(&["main"]).accepted();
            world.configure("changegate.pusher", "env:WHO");
        }
        world.commit(&good("Go on"));
        world.push(&["main"]).accepted();
    }
}

/// `git init --bare` and gitolite name the branch of HEAD, and developers may use another.
#[test]
fn a_policy_on_another_branch_than_that_of_head_comes_into_force() {
    let world = World::with(None, "sha1");
    world.git_in("", &["init", "-q", "--bare", "-b", "master", "other.git"]);
    let installed = world.changegate("other.git", &["install", "--server", "--pusher", "none"]);
    installed.accepted().says("changegate install --server --policy-ref refs/heads/main");
    world.changegate("work", &["policy", "init", "--pack", "startup"]).accepted();
    world.commit("Policy\n");
    let push = || -> Pushed {
        world.command("git", "work").args(["push", "../other.git", "main"]).output().unwrap().into()
    };
    let refused = push();
    refused
        .refused("`refs/heads/main`, which is pushed, holds one")
        .says("git fetch CLONE main:main git config changegate.policyRef refs/heads/main")
        .does_not_say("master:master");
    let pasted = "git fetch -q ../work main:main && git config changegate.policyRef refs/heads/main";
    let done: Pushed = world.command("sh", "other.git").args(["-c", pasted]).output().unwrap().into();
    done.accepted();
    world.commit(&good("Go on"));
    push().accepted();
    world.commit("Without a word\n");
    push().refused("`Risk` is missing");
}

/// A policy that is there and cannot be read is not one that is missing.
#[test]
fn a_first_policy_that_is_a_link_is_not_called_absent() {
    let world = bare_server();
    world.changegate("work", &["policy", "init", "--pack", "startup"]).accepted();
    world.git(&["mv", "-f", "README", "real.yml"]);
    let path = world.path("work/policies/changegate.yml");
    std::fs::rename(&path, world.path("work/real.yml")).unwrap();
    std::os::unix::fs::symlink("../real.yml", &path).unwrap();
    fetch_past_hook(&world);
    let installed = world.changegate("server.git", &["install", "--server"]);
    installed.accepted().says("has mistakes").does_not_say("has no policies/changegate.yml");
}

#[test]
fn a_push_does_not_rename_the_accounts_away_that_the_server_knows() {
    let world = bare_server();
    let roster = |ana: &str, ben: &str| {
        let one = TWO_PEOPLE.replace("[ana@example.com]", &format!("[ana@example.com], accounts: {ana}"));
        one.replace("[ben@example.com]", &format!("[ben@example.com], accounts: {ben}"))
    };
    world.write(ROSTER, &roster("[ana]", "[ben]"));
    world.changegate("work", &["policy", "init", "--pack", "startup"]).accepted();
    fetch_past_hook(&world);
    world.write(ROSTER, &roster("[ana.ruiz]", "[ben.berg]"));
    world.commit(&good("Rename the accounts"));
    let refused = world.push(&["main"]);
    refused
        .refused("policy-valid")
        .says("would list `ana`, who pushes, under no person")
        .says("keep the accounts");
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    // What leaves others who can go on is told, and lands.
    world.write(ROSTER, &roster("[ana.ruiz]", "[ben]"));
    world.commit(&good("Rename one account"));
    world.push(&["main"]).accepted().says("lists `ana`, who pushes, under no person, so that later pushes");
    world.commit(&good("Go on"));
    world.push(&["main"]).refused("`ana`, is not in the roster");
}

#[test]
fn a_ledger_begins_with_a_roster_that_the_server_can_use() {
    let world = bare_server();
    let accounts =
        |ana: &str| TWO_PEOPLE.replace("[ana@example.com]", &format!("[ana@example.com], accounts: [{ana}]"));
    world.write(ROSTER, &accounts("'github:ana'"));
    world.changegate("work", &["policy", "init", "--pack", "startup"]).accepted();
    world.commit("First policy\n");
    world.git_in("work", &["clone", "-q", "--bare", ".", "../fresh.git"]);
    let installed = world.changegate("fresh.git", &["install", "--server", "--pusher", "gitolite"]);
    let printed = "git fetch CLONE main:main\n    changegate install --server";
    installed.accepted().says("lists only accounts of a forge").says(printed).does_not_say("ledger started");
    // As it says.
    world.write(ROSTER, &accounts("'github:ana', ana"));
    world.commit("Add the accounts\n");
    world.git_in("fresh.git", &["fetch", "-q", "../work", "main:main"]);
    world
        .changegate("fresh.git", &["install", "--server"])
        .accepted()
        .says("ledger started")
        .says("next: push");
    world.changegate("fresh.git", &["ledger", "verify"]).accepted().says("verification passed");
}

#[test]
fn an_account_that_could_be_of_two_people_is_nobody_in_particular() {
    let world = bare_server();
    world.write(ROSTER, &TWO_PEOPLE.replace("[ben@example.com]", "[ben@example.com, ana@mail.example]"));
    world.changegate("work", &["policy", "init", "--pack", "startup"]).accepted();
    fetch_past_hook(&world);
    world.commit(&good("Go on"));
    world.push(&["main"]).refused("add `ana` to `policies/people.yml`").does_not_say("the `accounts` of");
}

#[test]
fn an_installation_names_the_branch_that_holds_the_policy() {
    let world = World::new();
    world.git_in("server.git", &["symbolic-ref", "HEAD", "refs/heads/master"]);
    world.git_in("server.git", &["config", "--unset-all", "changegate.policyRef"]);
    let line = "changegate install --server --policy-ref refs/heads/main";
    world
        .changegate("server.git", &["install", "--server"])
        .accepted()
        .says(line)
        .does_not_say("policy init");
    let installed = world.changegate("server.git", &line.split(' ').skip(1).collect::<Vec<_>>());
    installed.accepted().says("next: push");
    let new = world.commit_tree(&[&world.main()], &good("Good"));
    world.push(&[&format!("{new}:{MAIN}")]).accepted();
}

#[test]
fn a_push_does_not_take_the_accounts_away_that_the_server_needs() {
    let world = bare_server();
    let accounts = TWO_PEOPLE.replace("[ana@example.com]", "[ana@example.com], accounts: [ana]");
    world.write(ROSTER, &accounts);
    world.changegate("work", &["policy", "init", "--pack", "startup"]).accepted();
    fetch_past_hook(&world);
    world.write(ROSTER, TWO_PEOPLE);
    world.commit(&good("Without accounts"));
    world.push(&["main"]).refused("policy-valid").says("would list no accounts").does_not_say("``");
    world.write(ROSTER, &accounts.replace("accounts: [ana]", "accounts: [ana, ana2]"));
    world.commit(&good("With accounts again"));
    let left = world.push(&["main"]);
    left.accepted();
    // Those of a forge are none by which this server knows anyone.
    world.write(ROSTER, &accounts.replace("accounts: [ana]", "accounts: ['github:ana']"));
    world.commit(&good("With accounts of a forge"));
    world.push(&["main"]).refused("policy-valid").says("would list no account such as `ana`");
    let checked = world.changegate("work", &["policy", "check", "--server"]);
    checked.accepted().says("all accounts in `policies/people.yml` are of a forge, such as `github:ana`");
    world.changegate("work", &["policy", "check"]).accepted().does_not_say("of a forge");
}
