//! Approvals and questions about pull requests from end to end: what the fake knows, fetched by the
//! client, judged by a policy that wants a review, checks and resolved conversations.

use serde_json::json;

use crate::check_runs::set_policy;
use crate::fake::{Commit, Edit, Event, Fake, Happened, How, Signature, Thread, World};
use crate::judged::{denied, judge, pull};

/// Somebody who had no hand in it has reviewed what lands, and a trailer is not enough.
const POLICY: &str = "\
changegate: 1
name: shop
extends: [core]
protects: [main]
people:
  teams: { security: ['github:kim'] }
rules:
  reviewed:
    title: somebody who did not make it has reviewed what lands
    require: { approvals: { at-least: 1, trust: verified } }
";

/// What only a pull request can answer.
const FORGE: &str = "\
changegate: 1
name: shop
extends: [core]
protects: [main]
rules:
  tests: { title: the tests have passed, require: { checks: { named: [test], by: github-actions } } }
  ready: { title: it is no draft, require: { draft: false } }
  resolved: { title: every conversation is resolved, require: { comments-resolved: true } }
  held: { title: nobody holds it back, require: { label: { none-of: [hold] } } }
  titled: { title: the title is short, require: { title: { longest: 40 } } }
";

/// Returns [`POLICY`] with a rule that carries approvals over these relations alone.
fn policy_that_carries(relations: &str) -> String {
    POLICY.replace("trust: verified", &format!("trust: verified, carries-over: {relations}"))
}

const BODY: &str = "Faster.\n\n| What | Which |\n|---|---|\n| Change-Type | normal |\n| Risk | medium |\n";

/// A pull request by ana, which says in a table what the policy asks for.
fn world(policy: &str) -> World {
    let mut world = World::new(policy);
    let main = world.branches["main"].clone();
    let commit = world.commit(&[&main], "ana", "Search faster\n", &[("src/a.rs", "fn a() {}\n")]);
    assert_eq!(world.open("ana", "Search faster", BODY, "search", &[commit]), 6);
    world
}

/// Returns the rules that deny after `done` was done to the pull request.
fn after(policy: &str, done: impl FnOnce(&mut World)) -> String {
    let mut world = world(policy);
    done(&mut world);
    denied(&Fake::start(world), &pull(None))
}

fn say(world: &mut World, by: &str, word: &str) {
    world.review(6, by, word);
}

fn push(world: &mut World, by: &str, message: &str) {
    let head = world.pull(6).head_id.clone();
    let commit = world.commit(&[&head], by, message, &[("src/b.rs", by)]);
    world.push(6, by, &commit);
}

fn late(what: Happened) -> Event {
    Event { at: "2026-03-02T14:30:00Z".into(), by: Some("ana".into()), what }
}

#[test]
fn a_review_by_somebody_else_is_an_approval() {
    assert_eq!(after(POLICY, |_| {}), "reviewed");
    assert_eq!(after(POLICY, |world| say(world, "kim", "APPROVED")), "");
    // Words without a decision leave an approval as it is.
    let commented = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        world.review(6, "kim", "COMMENTED");
    };
    assert_eq!(after(POLICY, commented), "");
}

#[test]
fn whoever_had_a_hand_in_it_does_not_approve() {
    assert_eq!(after(POLICY, |world| say(world, "ana", "APPROVED")), "reviewed");
    let committed = |world: &mut World| {
        push(world, "ben", "Name it\n");
        world.review(6, "ben", "APPROVED");
    };
    assert_eq!(after(POLICY, committed), "reviewed");
    let named = |world: &mut World| {
        let address = world.account("kim").unwrap().email.clone();
        push(world, "ana", &format!("Name it\n\nCo-authored-by: kim <{address}>\n"));
        world.review(6, "kim", "APPROVED");
    };
    assert_eq!(after(POLICY, named), "reviewed");
    // A commit by ana that ben has pushed.
    let pushed = |world: &mut World| {
        let head = world.pull(6).head_id.clone();
        let commit = world.commit(&[&head], "ana", "More\n", &[("src/c.rs", "c")]);
        world.push(6, "ben", &commit);
        world.review(6, "ben", "APPROVED");
    };
    assert_eq!(after(POLICY, pushed), "reviewed");
    let opened = |world: &mut World| {
        world.pull(6).author = Some("kim".into());
        world.review(6, "kim", "APPROVED");
    };
    assert_eq!(after(POLICY, opened), "reviewed");
}

#[test]
fn an_approval_is_of_what_lands_by_somebody_who_may_give_it() {
    let stale = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        push(world, "ana", "More\n");
    };
    assert_eq!(after(POLICY, stale), "reviewed");
    assert_eq!(after(POLICY, |world| say(world, "rea", "APPROVED")), "reviewed");
    assert_eq!(after(POLICY, |world| say(world, "helper[bot]", "APPROVED")), "reviewed");
    for word in ["DISMISSED", "PENDING", "SOMETHING_NEW"] {
        assert_eq!(after(POLICY, |world| say(world, "kim", word)), "reviewed", "{word}");
    }
    let taken_back = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        world.review(6, "kim", "DISMISSED");
    };
    assert_eq!(after(POLICY, taken_back), "reviewed");
    let gone = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        world.pull(6).reviews[0].by = None;
    };
    assert_eq!(after(POLICY, gone), "reviewed");
    let lost = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        world.pull(6).reviews[0].commit = None;
    };
    assert_eq!(after(POLICY, lost), "reviewed");
}

#[test]
fn every_change_of_the_base_ends_earlier_approvals() {
    let moves = [
        Happened::Retargeted { from: "next".into(), to: "main".into() },
        Happened::AutoRetargeted { from: "next".into(), to: "main".into() },
        Happened::BaseForcePushed { from: None, to: None },
        Happened::BaseDeleted("main".into()),
    ];
    for what in moves {
        let event = late(what);
        let approved = |world: &mut World| {
            world.review(6, "kim", "APPROVED");
            world.pull(6).timeline.push(event.clone());
        };
        assert_eq!(after(POLICY, approved), "reviewed");
        // An approval that comes later counts.
        let approved_later = |world: &mut World| {
            approved(world);
            world.review(6, "kim", "APPROVED");
            world.pull(6).reviews[1].at = Some("2026-03-02T14:31:00Z".into());
        };
        assert_eq!(after(POLICY, approved_later), "");
    }
}

#[test]
fn an_objection_is_not_withdrawn_by_another_account() {
    let dismissed_by = |who: &'static str, from: &str| {
        let policy = POLICY.replace("trust: verified", &format!("trust: verified{from}"));
        after(&policy, |world| {
            world.review(6, "kim", "APPROVED");
            let objection = world.review(6, "ben", "CHANGES_REQUESTED");
            world.dismiss(6, who, objection);
        })
    };
    for (who, from, denied) in [
        ("ben", "", ""),
        ("ana", "", "reviewed"),
        ("kim", "", "reviewed"),
        ("kim", ", from: [security]", "reviewed"),
        ("ana", ", from: [security]", "reviewed"),
    ] {
        assert_eq!(dismissed_by(who, from), denied, "{who}{from}");
    }
    // Nor by one of whom GitHub says nothing.
    let unknown = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        world.review(6, "ben", "DISMISSED");
    };
    assert_eq!(after(POLICY, unknown), "reviewed");
    // A dismissed approval is none, and objects to nothing.
    let approval = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        let approval = world.review(6, "ben", "APPROVED");
        world.dismiss(6, "ana", approval);
    };
    assert_eq!(after(POLICY, approval), "");
}

#[test]
fn an_amended_commit_of_another_author_needs_another_approval() {
    let amended = |author: &'static str, message: &'static str| {
        move |world: &mut World| {
            world.review(6, "kim", "APPROVED");
            let head = world.pull(6).head_id.clone();
            let old = world.commits[&head].clone();
            let who = world.account(author).unwrap().clone();
            let mut commit = Commit { message: message.into(), ..old.clone() };
            commit.author = Signature::of(&who, &old.author.at);
            commit.author.at = "2026-03-02T09:00:00Z".into();
            let amended = world.record(commit);
            world.push(6, "ana", &amended);
            world.pull(6).commits = vec![amended];
        }
    };
    assert_eq!(after(POLICY, amended("ana", "Search much faster\n")), "");
    assert_eq!(after(POLICY, amended("ben", "Search faster\n")), "reviewed");
    for (relations, denied) in [("[message-only]", ""), ("[clean-merge, same-tree]", "reviewed")] {
        let policy = policy_that_carries(relations);
        assert_eq!(after(&policy, amended("ana", "Search much faster\n")), denied, "{relations}");
    }
}

/// Has GitHub merge the base into the branch, for `by`; `evil` is written beside what the base brings.
fn update_branch(world: &mut World, by: &str, brought: &[(&str, &str)], evil: &[(&str, &str)]) {
    let main = world.branches["main"].clone();
    let base = world.commit(&[&main], "kim", "Move on\n", brought);
    world.branches.insert("main".into(), base.clone());
    let head = world.pull(6).head_id.clone();
    let both: Vec<(&str, &str)> = brought.iter().chain(evil).copied().collect();
    let id = world.commit(&[&head, &base], by, "Merge branch 'main' into search\n", &both);
    let mut merge = world.commits[&id].clone();
    merge.committer = Signature {
        name: "GitHub".into(),
        email: "noreply@github.com".into(),
        at: "2026-03-02T13:20:00Z".into(),
        login: Some("web-flow".into()),
    };
    let merge = world.record(merge);
    world.push(6, by, &merge);
    world.pull(6).base_id = base;
}

#[test]
fn an_update_of_the_branch_that_brings_nothing_keeps_approvals_and_makes_no_author() {
    let brought = [("docs/a.md", "a\n"), ("README.md", "")];
    let kept = |by: &'static str, evil: &'static [(&str, &str)]| {
        move |world: &mut World| {
            world.review(6, "kim", "APPROVED");
            update_branch(world, by, &brought, evil);
        }
    };
    assert_eq!(after(POLICY, kept("ana", &[])), "");
    assert_eq!(after(POLICY, kept("kim", &[])), "");
    for (relations, denied) in
        [("[clean-merge]", ""), ("[message-only, same-tree]", "reviewed"), ("[]", "reviewed")]
    {
        assert_eq!(after(&policy_that_carries(relations), kept("ana", &[])), denied, "{relations}");
    }
    assert_eq!(after(POLICY, kept("ana", &[("docs/b.md", "b\n")])), "reviewed");
    assert_eq!(after(POLICY, kept("ana", &[("src/a.rs", "")])), "reviewed");
    assert_eq!(after(POLICY, kept("ana", &[("docs/a.md", "other\n")])), "reviewed");
    // Whoever updates the branch and then approves is no author either.
    let updated = |evil: &'static [(&str, &str)]| {
        move |world: &mut World| {
            update_branch(world, "ben", &brought, evil);
            world.review(6, "ben", "APPROVED");
        }
    };
    assert_eq!(after(POLICY, updated(&[])), "");
    assert_eq!(after(POLICY, updated(&[("docs/b.md", "b\n")])), "reviewed");
    // A file that both sides change is not proved.
    let both_sides = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        update_branch(world, "ana", &[("src/a.rs", "fn b() {}\n")], &[]);
    };
    assert_eq!(after(POLICY, both_sides), "reviewed");
}

#[test]
fn an_approval_does_not_end_because_github_does_not_answer() {
    let mut world = world(POLICY);
    world.review(6, "kim", "APPROVED");
    update_branch(&mut world, "ana", &[("docs/a.md", "a\n")], &[]);
    let fake = Fake::start(world);
    let outage = || How::Status(502, Vec::new(), json!({ "message": "no" }));
    fake.spoil("/compare/", outage());
    let failed = judge(&fake, &pull(None)).unwrap_err();
    assert!(failed.why.contains("502"), "{failed:?}");
    // That GitHub does not know a comparison proves nothing, and is an answer.
    fake.heal();
    let said = judge_without_comparisons(&fake);
    for code in ["approvals.uncompared-revision", "approvals.uncompared-merge"] {
        assert!(said.contains(code), "no {code} in {said}");
    }
}

/// Returns the report of a run to which GitHub gives no comparison.
fn judge_without_comparisons(fake: &Fake) -> String {
    fake.spoil("/compare/", How::Status(404, Vec::new(), json!({ "message": "Not Found" })));
    let outcome = judge(fake, &pull(None)).unwrap_or_else(|failure| panic!("{}", failure.why));
    format!("{:?}", outcome.report)
}

#[test]
fn a_squash_to_the_same_tree_on_the_same_base_keeps_approvals() {
    let squashed = |by: &'static str, base: bool, message: &'static str| {
        move |world: &mut World| {
            push(world, "ana", "More\n");
            world.review(6, "kim", "APPROVED");
            let tip = {
                let head = world.pull(6).head_id.clone();
                world.commits[&head].clone()
            };
            let mut parent = world.branches["main"].clone();
            if base {
                parent = world.commit(&[&parent], "kim", "Move on\n", &[("docs/a.md", "a\n")]);
            }
            let who = world.account(by).unwrap().clone();
            let whole = Commit {
                parents: vec![parent],
                message: message.into(),
                author: Signature::of(&who, "2026-03-02T13:30:00Z"),
                committer: Signature::of(&who, "2026-03-02T13:30:00Z"),
                ..tip
            };
            let whole = world.record(whole);
            world.push(6, by, &whole);
            world.activity.last_mut().unwrap().kind = "force_push";
            world.pull(6).commits = vec![whole];
        }
    };
    assert_eq!(after(POLICY, squashed("ana", false, "Search faster\n")), "");
    assert_eq!(after(POLICY, squashed("ana", true, "Search faster\n")), "reviewed");
    for (relations, denied) in [("[same-tree]", ""), ("[message-only, clean-merge]", "reviewed")] {
        let policy = policy_that_carries(relations);
        assert_eq!(after(&policy, squashed("ana", false, "Search faster\n")), denied, "{relations}");
    }
    assert_eq!(after(POLICY, squashed("ben", false, "Search faster\n")), "reviewed");
    assert_eq!(after(POLICY, squashed("ana", false, "Search faster\n\nRisk: low\n")), "reviewed");
    let mut unproved = world(POLICY);
    squashed("ana", false, "Search faster\n")(&mut unproved);
    let said = judge_without_comparisons(&Fake::start(unproved));
    assert!(said.contains("approvals.uncompared-revision"), "{said}");
    // Who made what was replaced stays a contributor.
    let made = |world: &mut World| {
        push(world, "ben", "More\n");
        let ben = world.account("ben").unwrap().clone();
        squashed("ana", false, "Search faster\n")(world);
        let head = world.pull(6).head_id.clone();
        world.commits.get_mut(&head).unwrap().author = Signature::of(&ben, "2026-03-02T13:30:00Z");
        world.review(6, "ben", "APPROVED");
        world.pull(6).reviews.remove(0);
    };
    assert_eq!(after(POLICY, made), "reviewed");
}

#[test]
fn what_a_rebase_replaced_was_pushed_all_the_same() {
    // Ben pushes a commit in the name of ana, and she rebases it on the web page.
    let laundered = |by: &'static str| {
        move |world: &mut World| {
            let head = world.pull(6).head_id.clone();
            let bens = world.commit(&[&head], "ana", "Tune\n", &[("src/b.rs", "b")]);
            world.push(6, by, &bens);
            let main = world.branches["main"].clone();
            let mut rebased = Vec::new();
            for (message, file) in [("Search faster\n", "src/a.rs"), ("Tune\n", "src/b.rs")] {
                let parent = rebased.last().cloned().unwrap_or_else(|| main.clone());
                let mut commit = {
                    let id = world.commit(&[&parent], "ana", message, &[(file, "x")]);
                    world.commits[&id].clone()
                };
                commit.committer = Signature {
                    name: "GitHub".into(),
                    email: "noreply@github.com".into(),
                    at: "2026-03-02T13:10:00Z".into(),
                    login: Some("web-flow".into()),
                };
                rebased.push(world.record(commit));
            }
            world.push(6, "ana", &rebased[1].clone());
            world.activity.last_mut().unwrap().kind = "force_push";
            world.pull(6).commits = rebased;
            world.review(6, "ben", "APPROVED");
        }
    };
    assert_eq!(after(POLICY, laundered("ben")), "reviewed");
    assert_eq!(after(POLICY, laundered("ana")), "");
}

#[test]
fn a_typed_address_makes_nothing_a_bot() {
    let typed = |email: &'static str, login: Option<&'static str>| {
        move |world: &mut World| {
            let head = world.pull(6).head_id.clone();
            let commit = world.commits.get_mut(&head).unwrap();
            commit.author.email = email.into();
            commit.author.login = login.map(str::to_owned);
            world.review(6, "kim", "APPROVED");
        }
    };
    for email in ["noreply@evil.example", "x[bot]@evil.example", "github-actions@github.com"] {
        assert_eq!(after(POLICY, typed(email, None)), "reviewed", "{email}");
    }
    assert_eq!(after(POLICY, typed("helper@example.com", Some("helper[bot]"))), "");
    // A committer who only types the address of GitHub is a contributor like any other.
    let forged = |login: Option<&'static str>| {
        move |world: &mut World| {
            let head = world.pull(6).head_id.clone();
            let commit = world.commits.get_mut(&head).unwrap();
            commit.committer.email = "noreply@github.com".into();
            commit.committer.login = login.map(str::to_owned);
            world.review(6, "kim", "APPROVED");
        }
    };
    assert_eq!(after(POLICY, forged(None)), "reviewed");
    // The fake signs what is the web page's.
    assert_eq!(after(POLICY, forged(Some("web-flow"))), "");
}

#[test]
fn a_login_that_has_changed_hands_approves_nothing() {
    let listed = |number: u64| {
        let policy = POLICY.replace("'github:kim'", &format!("'github:kim#{number}'"));
        let policy = policy.replace("trust: verified", "trust: verified, from: [security]");
        let mut world = world(&policy);
        world.review(6, "kim", "APPROVED");
        world
    };
    let number = listed(1).account("kim").unwrap().id;
    let judged = |world: World| denied(&Fake::start(world), &pull(None));
    assert_eq!(judged(listed(number)), "");
    assert_eq!(judged(listed(number + 1)), "reviewed");
    // The account with the number is meant, whatever it is called now.
    let mut renamed = listed(number);
    for user in renamed.users.iter_mut().filter(|user| user.login == "kim") {
        user.login = "kim-fox".into();
    }
    renamed.pull(6).reviews[0].by = Some("kim-fox".into());
    assert_eq!(judged(renamed), "");
    let said = judge(&Fake::start(listed(number + 1)), &pull(None))
        .unwrap_or_else(|failure| panic!("{}", failure.why));
    let said = format!("{:?}", said.report.groups[0].verdicts[0]);
    assert!(said.contains("login-changed-hands"), "{said}");
}

#[test]
fn an_account_that_was_renamed_meanwhile_does_not_approve_its_own_change() {
    let approved_by = |number: fn(&World) -> u64| {
        let mut world = world(POLICY);
        world.user("anna", "User", "write");
        let id = number(&world);
        world.users.iter_mut().find(|user| user.login == "anna").unwrap().id = id;
        world.review(6, "anna", "APPROVED");
        Fake::start(world)
    };
    // Two names of one account come from two states, and nothing is judged by them.
    let shared = approved_by(|world| world.account("ana").unwrap().id);
    let failure = judge(&shared, &pull(None)).unwrap_err();
    assert!(failure.why.contains("the accounts ana and anna the same number"), "{}", failure.why);
    assert_eq!(denied(&approved_by(|_| 77), &pull(None)), "");
}

#[test]
fn an_account_is_one_person_wherever_it_speaks() {
    let policy = POLICY
        .replace("at-least: 1, trust: verified", "at-least: 2, trust: verified, commands: ['/approve']");
    let spoken = |number: fn(&World) -> u64, speak: fn(&mut World)| {
        let mut world = world(&policy);
        world.user("kimberly", "User", "write");
        let id = number(&world);
        world.users.iter_mut().find(|user| user.login == "kimberly").unwrap().id = id;
        world.review(6, "kim", "APPROVED");
        speak(&mut world);
        Fake::start(world)
    };
    let command: fn(&mut World) = |world| {
        let head = world.pull(6).head_id.clone();
        world.comment(6, "kimberly", &format!("/approve {head}"));
        world.comments[0].at = "2026-03-02T15:00:00Z".into();
    };
    assert_eq!(denied(&spoken(|_| 77, command), &pull(None)), "");
    let dismiss: fn(&mut World) = |world| {
        let objection = world.review(6, "rea", "CHANGES_REQUESTED");
        world.dismiss(6, "kimberly", objection);
    };
    for speak in [command, dismiss, |world| world.label(6, "kimberly", "ready")] {
        let shared = spoken(|world| world.account("kim").unwrap().id, speak);
        let failure = judge(&shared, &pull(None)).unwrap_err();
        assert!(failure.why.contains("the same number"), "{}", failure.why);
    }
    // One login cannot have two numbers either.
    let fake = spoken(|_| 77, command);
    fake.spoil(
        "query Details",
        How::Edit(|value| {
            value["data"]["repository"]["pullRequest"]["comments"]["nodes"][0]["author"]["login"] =
                json!("kim");
        }),
    );
    assert!(judge(&fake, &pull(None)).unwrap_err().why.contains("two numbers"));
}

#[test]
fn without_its_number_a_listed_account_approves_nothing() {
    let policy = POLICY.replace("trust: verified", "trust: verified, from: [security]");
    let number = world(&policy).account("kim").unwrap().id;
    for (listed, rules) in [(String::new(), ""), (format!("#{number}"), "reviewed")] {
        let mut world = world(&policy);
        world.review(6, "kim", "APPROVED");
        set_policy(&mut world, &policy.replace("'github:kim'", &format!("'github:kim{listed}'")));
        let fake = Fake::start(world);
        assert_eq!(denied(&fake, &pull(None)), "");
        fake.spoil("/reviews", How::Edit(|value| value[0]["user"]["id"] = json!(null)));
        assert_eq!(denied(&fake, &pull(None)), rules, "{listed}");
    }
    // Nor does it set a label that counts.
    let labelled =
        "  labelled: { title: it is ready, require: { label: { any-of: [ready], by: security } } }\n";
    for (listed, rules) in [(String::new(), ""), (format!("#{number}"), "labelled")] {
        let policy = policy.replace("'github:kim'", &format!("'github:kim{listed}'"));
        let mut world = world(&format!("{policy}{labelled}"));
        world.label(6, "kim", "ready");
        world.review(6, "kim", "APPROVED");
        let fake = Fake::start(world);
        assert_eq!(denied(&fake, &pull(None)), "");
        let unnumbered: fn(&mut serde_json::Value) = |value| {
            let items = &mut value["data"]["repository"]["pullRequest"]["timelineItems"]["nodes"];
            for item in items.as_array_mut().unwrap() {
                item["actor"]["databaseId"] = json!(null);
            }
        };
        fake.spoil("query Details", How::Edit(unnumbered));
        assert_eq!(denied(&fake, &pull(None)), rules, "{listed}");
    }
}

#[test]
fn a_command_names_all_digits_after_the_push() {
    let policy = POLICY.replace("trust: verified", "trust: verified, commands: ['/approve']");
    let commanded = |digits: usize, at: &'static str| {
        after(&policy, |world| {
            let head = world.pull(6).head_id.clone();
            world.comment(6, "kim", &format!("/approve {}", &head[..digits]));
            world.comments[0].at = at.into();
        })
    };
    assert_eq!(commanded(40, "2026-03-02T15:00:00Z"), "");
    assert_eq!(commanded(40, "2026-03-02T11:00:00Z"), "reviewed");
    // In the second of the push, either can have been first.
    assert_eq!(commanded(40, "2026-03-02T12:00:00Z"), "reviewed");
    for digits in [12, 39] {
        assert_eq!(commanded(digits, "2026-03-02T15:00:00Z"), "reviewed", "{digits}");
    }
}

#[test]
fn an_objection_stands_until_it_is_taken_back() {
    let objected = |world: &mut World| {
        world.review(6, "kim", "APPROVED");
        world.review(6, "ben", "CHANGES_REQUESTED");
    };
    assert_eq!(after(POLICY, objected), "reviewed");
    let lifted = |world: &mut World| {
        world.review(6, "ben", "CHANGES_REQUESTED");
        world.review(6, "ben", "APPROVED");
    };
    assert_eq!(after(POLICY, lifted), "");
}

#[test]
fn what_was_approved_is_what_the_description_said() {
    let edited = |text: &str| {
        let text = text.to_owned();
        move |world: &mut World| {
            let opened = Edit { at: "2026-03-02T12:00:00Z".into(), by: None, text: Some(BODY.into()) };
            world.pull(6).edits.push(opened);
            world.review(6, "kim", "APPROVED");
            world.edit(6, "ana", &text, "2026-03-02T14:30:00Z");
        }
    };
    assert_eq!(after(POLICY, edited(&BODY.replace("medium", "low"))), "reviewed");
    assert_eq!(after(POLICY, edited(&BODY.replace("Faster.", "Much faster."))), "");
}

#[test]
fn a_trailer_that_nobody_stands_behind_is_refused() {
    let claimed = |world: &mut World| {
        push(world, "ana", "More\n\nReviewed-by: Ben <ben@example.com>\n");
        world.review(6, "kim", "APPROVED");
    };
    assert_eq!(after(POLICY, claimed), "reviewed");
}

#[test]
fn whoever_nobody_can_identify_leaves_it_open_who_else_there_is() {
    let stranger = |world: &mut World| {
        push(world, "ana", "More\n");
        let head = world.pull(6).head_id.clone();
        let commit = world.commits.get_mut(&head).unwrap();
        commit.author.login = None;
        commit.author.email = "nobody@elsewhere.example".into();
        world.review(6, "kim", "APPROVED");
    };
    assert_eq!(after(POLICY, stranger), "reviewed");
}

#[test]
fn what_a_pull_request_is_like_can_be_asked() {
    let good = |world: &mut World| world.check(6, "test", "github-actions", "success");
    assert_eq!(after(FORGE, good), "");
    assert_eq!(after(FORGE, |_| {}), "tests");
    for conclusion in ["failure", "neutral", "skipped", "cancelled", "stale", "something_new"] {
        let done = |world: &mut World| world.check(6, "test", "github-actions", conclusion);
        assert_eq!(after(FORGE, done), "tests", "{conclusion}");
    }
    assert_eq!(after(FORGE, |world| world.check(6, "test", "another-app", "success")), "tests");
    let earlier = |world: &mut World| {
        good(world);
        push(world, "ana", "More\n");
    };
    assert_eq!(after(FORGE, earlier), "tests");
    let draft = |world: &mut World| {
        good(world);
        world.pull(6).is_draft = true;
    };
    assert_eq!(after(FORGE, draft), "ready");
    let open = |world: &mut World| {
        good(world);
        let thread = Thread {
            is_resolved: false,
            path: "src/a.rs".into(),
            by: Some("kim".into()),
            body: "Why?".into(),
        };
        world.pull(6).threads.push(thread);
    };
    assert_eq!(after(FORGE, open), "resolved");
    let held = |world: &mut World| {
        good(world);
        world.label(6, "kim", "hold");
    };
    assert_eq!(after(FORGE, held), "held");
    let titled = |world: &mut World| {
        good(world);
        world.pull(6).title = "far ".repeat(20);
    };
    assert_eq!(after(FORGE, titled), "titled");
}

#[test]
fn a_policy_that_wants_reviews_files_commits_and_checks_takes_ten_requests() {
    let policy = format!(
        "{POLICY}  tests: {{ title: tests, require: {{ checks: [test] }} }}\n  \
         infra: {{ title: infra, when: {{ touches: ['infra/**'] }}, require: {{ approvals: {{ from: [security] }} }} }}\n"
    );
    let mut world = world(&policy);
    for at in 0..29 {
        let head = world.pull(6).head_id.clone();
        let names: Vec<String> = (0..4).map(|file| format!("src/{at}-{file}.rs")).collect();
        let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x\n")).collect();
        let commit = world.commit(&[&head], "ana", "Step\n", &files[..if at < 12 { 4 } else { 3 }]);
        world.push(6, "ana", &commit);
    }
    (0..20).for_each(|at| say(&mut world, if at % 2 == 0 { "kim" } else { "ben" }, "APPROVED"));
    world.check(6, "test", "github-actions", "success");
    let fake = Fake::start(world);
    let outcome = judge(&fake, &pull(None)).unwrap_or_else(|failure| panic!("{}", failure.why));
    assert_eq!(json!(outcome.report.decision), json!("allow"));
    assert_eq!(outcome.report.groups[0].verdicts[0].commits, 30);
    let asked: Vec<String> = fake.seen().iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    // One is for the kinds of the files, which the class of prose asks for, and one for the second look.
    assert_eq!(asked.len(), 10, "{asked:#?}");
}
