//! A pull request that has landed is judged as it was when it was merged, however late the run is; and what its
//! landing says is read.

use serde_json::json;

use crate::fake::{Activity, Event, Fake, Happened, How, Run, Status, Thread, World, tree_id};
use crate::judged::{denied, judge, push};
use crate::ledger::{merge, open};

const MERGED: &str = "2026-03-02T16:00:00Z";
const LATER: &str = "2026-03-02T17:00:00Z";

/// A policy with one rule.
fn asking(require: &str) -> String {
    format!(
        "changegate: 1\nname: shop\nextends: [core]\nprotects: [main]\npeople: {{ teams: {{ lead: ['github:ben'] }} }}\n\
         rules:\n  asked: {{ title: what the test asks, require: {require} }}\n"
    )
}

/// Returns the rules that deny a landing, of which `before` and `after` are done to the world before and after
/// the merge.
fn landed(
    require: &str,
    before: impl FnOnce(&mut World, u64),
    after: impl FnOnce(&mut World, u64),
) -> String {
    let mut world = World::new(&asking(require));
    let number = open(&mut world, "one", "normal");
    before(&mut world, number);
    let (old, new) = merge(&mut world, number, MERGED);
    after(&mut world, number);
    // Whatever happens later does not change when it was merged.
    world.pull(number).updated_at = MERGED.into();
    denied(&Fake::start(world), &push("refs/heads/main", &old, &new, false))
}

fn nothing(_: &mut World, _: u64) {}

fn happened(world: &mut World, number: u64, at: &str, what: Happened) {
    world.pull(number).timeline.push(Event { at: at.into(), by: Some("kim".into()), what });
}

/// Adds a check run that started and ended at these hours.
fn check(world: &mut World, number: u64, conclusion: &str, [started, completed]: [&str; 2]) {
    world.check(number, "build", "github-actions", conclusion);
    let run: &mut Run = world.runs.last_mut().unwrap();
    run.started_at = format!("2026-03-02T{started}:00Z");
    run.completed_at = format!("2026-03-02T{completed}:00Z");
}

#[test]
fn a_check_counts_as_it_was_at_the_merge() {
    let ask = "{ checks: build }";
    let runs = |runs: &[(&str, [&str; 2])]| {
        landed(ask, nothing, |world, number| {
            for (conclusion, times) in runs {
                check(world, number, conclusion, *times);
            }
        })
    };
    let (before, across, after) = (["15:00", "15:30"], ["15:50", "16:10"], ["16:30", "16:40"]);
    assert_eq!(runs(&[("success", before)]), "");
    assert_eq!(runs(&[("failure", before)]), "asked");
    assert_eq!(runs(&[("success", across)]), "asked");
    // A run that was started again afterwards proves nothing, and takes nothing away either.
    assert_eq!(runs(&[("failure", before), ("success", after)]), "asked");
    assert_eq!(runs(&[("success", before), ("failure", after)]), "");
    assert_eq!(runs(&[("success", ["14:00", "14:10"]), ("failure", before), ("success", after)]), "asked");
    // What an app has overwritten cannot be told.
    assert_eq!(runs(&[("success", after)]), "asked");
    assert_eq!(runs(&[]), "asked");
    let status = |require: &str, merged: &str| {
        let mut world = World::new(&asking(require));
        let number = open(&mut world, "one", "normal");
        let commit = world.pull(number).head_id.clone();
        let by = Some("ben".into());
        // The fake has every status reported at 15:10.
        world.statuses.push(Status { id: 7, commit, context: "build".into(), state: "success", by });
        let (old, new) = merge(&mut world, number, merged);
        denied(&Fake::start(world), &push("refs/heads/main", &old, &new, false))
    };
    assert_eq!(status(ask, MERGED), "");
    assert_eq!(status(ask, "2026-03-02T15:00:00Z"), "asked");
    assert_eq!(status("{ not: { checks: build } }", "2026-03-02T15:00:00Z"), "asked");
    assert_eq!(status("{ not: { draft: true } }", "2026-03-02T15:00:00Z"), "");
}

#[test]
fn the_checks_of_the_commit_that_a_merge_queue_tried_are_those_that_count() {
    let judged_by = |kind: &'static str, group: &str, times: [&str; 2], head: &str| {
        let mut world = World::new(&asking("{ checks: build }"));
        let number = open(&mut world, "one", "normal");
        check(&mut world, number, head, ["14:00", "14:10"]);
        let (old, new) = merge(&mut world, number, MERGED);
        let last = world.activity.pop().unwrap();
        if !kind.is_empty() {
            world.activity.push(Activity { kind, ..last });
        }
        check(&mut world, number, group, times);
        world.runs.last_mut().unwrap().commit = new.clone();
        denied(&Fake::start(world), &push("refs/heads/main", &old, &new, false))
    };
    let judged =
        |group: &str, times: [&str; 2], head: &str| judged_by("merge_queue_merge", group, times, head);
    let (before, after) = (["15:00", "15:30"], ["16:30", "16:40"]);
    // Only a queue tries the commit that lands; on another one, a check run from before is invented.
    for kind in ["pr_merge", "push"] {
        assert_eq!(judged_by(kind, "success", before, "failure"), "asked");
        assert_eq!(judged_by(kind, "failure", before, "success"), "");
    }
    // Where GitHub does not tell, both have to allow it.
    assert_eq!(judged_by("", "success", before, "failure"), "asked");
    assert_eq!(judged_by("", "failure", before, "success"), "asked");
    assert_eq!(judged_by("", "success", before, "success"), "");
    // What begins with the landing did not come before it.
    assert_eq!(judged("success", ["16:00", "16:00"], "failure"), "asked");
    assert_eq!(judged("success", before, "failure"), "");
    assert_eq!(judged("failure", before, "success"), "asked");
    // What runs on the branch after the landing was no condition of it.
    assert_eq!(judged("failure", after, "success"), "");
    assert_eq!(judged("success", after, "failure"), "asked");
}

#[test]
fn a_check_run_with_times_that_cannot_be_right_proves_nothing() {
    let ask = "{ checks: build }";
    let runs = |runs: &[(&str, [&str; 2])]| {
        landed(ask, nothing, |world, number| {
            // The revision came to a branch that was there before.
            let head = world.pull(number).head_id.clone();
            for entry in world.activity.iter_mut().filter(|entry| entry.after == head) {
                (entry.kind, entry.at) = ("push", "2026-03-02T12:30:00Z".into());
            }
            for (conclusion, times) in runs {
                check(world, number, conclusion, *times);
            }
        })
    };
    let sound = ["14:00", "14:10"];
    assert_eq!(runs(&[("success", sound)]), "");
    // It ends before it begins, or begins before the revision was pushed.
    for invented in [["15:10", "15:00"], ["12:00", "12:10"], ["12:00", "15:00"]] {
        for conclusion in ["success", "neutral", "skipped"] {
            assert_eq!(runs(&[(conclusion, invented)]), "asked");
        }
        assert_eq!(runs(&[("success", sound), ("success", invented)]), "");
        assert_eq!(runs(&[("failure", sound), ("success", invented)]), "asked");
        assert_eq!(
            runs(&[("success", sound), ("failure", invented)]),
            if invented[0] == "15:10" { "asked" } else { "" }
        );
    }
    // A branch that was made at the revision says nothing of what came before.
    let reused = landed(ask, nothing, |world, number| check(world, number, "success", ["09:00", "09:10"]));
    assert_eq!(reused, "");
}

#[test]
fn labels_count_as_they_were_at_the_merge() {
    let (none, any) = ("{ label: { none-of: [hold] } }", "{ label: { any-of: [hold] } }");
    let set = |world: &mut World, number: u64| world.label(number, "kim", "hold");
    let unset = |at: &'static str| {
        move |world: &mut World, number: u64| {
            world.pull(number).labels.clear();
            happened(world, number, at, Happened::Unlabeled("hold".into()));
        }
    };
    let set_later = |world: &mut World, number: u64| {
        world.pull(number).labels.push("hold".into());
        happened(world, number, LATER, Happened::Labeled("hold".into()));
    };
    for (ask, is_set, is_not_set) in [(none, "asked", ""), (any, "", "asked")] {
        assert_eq!(landed(ask, set, nothing), is_set);
        assert_eq!(landed(ask, set, unset(LATER)), is_set);
        assert_eq!(landed(ask, nothing, set_later), is_not_set);
        let set_and_unset = |world: &mut World, number: u64| {
            set(world, number);
            unset("2026-03-02T13:00:00Z")(world, number);
        };
        assert_eq!(landed(ask, set_and_unset, nothing), is_not_set);
        assert_eq!(landed(ask, set_and_unset, set_later), is_not_set);
        assert_eq!(landed(ask, nothing, nothing), is_not_set);
        // Nothing is told of this one.
        let silent = |world: &mut World, number: u64| world.pull(number).labels.push("hold".into());
        assert_eq!(landed(ask, nothing, silent), "asked");
    }
}

#[test]
fn title_and_draft_count_as_they_were_at_the_merge() {
    let rename = |at: &'static str, from: &'static str, to: &'static str| {
        move |world: &mut World, number: u64| {
            world.pull(number).title = to.into();
            happened(world, number, at, Happened::Retitled { from: from.into(), to: to.into() });
        }
    };
    let ask = "{ title: { matches: '[A-Z].*' } }";
    let bad = |world: &mut World, number: u64| world.pull(number).title = "wip".into();
    let good = |world: &mut World, number: u64| world.pull(number).title = "Cache it".into();
    assert_eq!(landed(ask, bad, rename(LATER, "wip", "Cache it")), "asked");
    assert_eq!(landed(ask, good, rename(LATER, "Cache it", "wip")), "");
    let twice = |world: &mut World, number: u64| {
        rename(LATER, "wip", "Cache it")(world, number);
        rename("2026-03-02T18:00:00Z", "Cache it", "Cache that")(world, number);
    };
    assert_eq!(landed(ask, bad, twice), "asked");
    assert_eq!(landed(ask, rename("2026-03-02T13:00:00Z", "wip", "Cache it"), nothing), "");
    let ready = |world: &mut World, number: u64| happened(world, number, LATER, Happened::MadeReady);
    let draft = |world: &mut World, number: u64| {
        world.pull(number).is_draft = true;
        happened(world, number, LATER, Happened::MadeDraft);
    };
    assert_eq!(landed("{ draft: false }", nothing, ready), "asked");
    assert_eq!(landed("{ draft: false }", nothing, draft), "");
}

#[test]
fn a_description_counts_as_it_was_at_the_merge_whatever_else_is_asked() {
    // Nothing here asks for a review, which would have the edits read.
    let ask = "{ draft: false }";
    let say = |risk: &str| format!("Faster.\n\nChange-Type: normal\n{risk}");
    let unsaid = |world: &mut World, number: u64| world.pull(number).body = Some(say(""));
    let said_later = |world: &mut World, number: u64| world.edit(number, "ana", &say("Risk: low\n"), LATER);
    assert_eq!(landed(ask, unsaid, said_later), "risk");
    let unsaid_later = |world: &mut World, number: u64| world.edit(number, "ana", &say(""), LATER);
    assert_eq!(landed(ask, nothing, unsaid_later), "");
}

#[test]
fn a_conversation_has_no_time_and_decides_nothing() {
    let thread = |is_resolved: bool| {
        move |world: &mut World, number: u64| {
            let by = Some("kim".into());
            // The fake has every conversation begun at 14:30.
            world.pull(number).threads.push(Thread {
                is_resolved,
                path: "a.rs".into(),
                by,
                body: "Why?".into(),
            });
        }
    };
    let ask = "{ comments-resolved: true }";
    assert_eq!(landed(ask, nothing, nothing), "");
    for is_resolved in [true, false] {
        assert_eq!(landed(ask, thread(is_resolved), nothing), "asked");
        let mut world = World::new(&asking(ask));
        let number = open(&mut world, "one", "normal");
        let (old, new) = merge(&mut world, number, "2026-03-02T14:00:00Z");
        thread(is_resolved)(&mut world, number);
        assert_eq!(denied(&Fake::start(world), &push("refs/heads/main", &old, &new, false)), "");
    }
}

#[test]
fn a_conversation_was_resolved_if_a_green_check_run_of_the_gate_from_before_the_merge_says_so() {
    const SAYS_SO: &str = "<!-- changegate: conversations resolved -->\n\nIt is good.";
    // The fake has every conversation begun at 14:30.
    let judged = |is_resolved: bool, change: fn(&mut Run)| {
        let talk = |world: &mut World, number: u64| {
            let (path, by, body) = ("a.rs".into(), Some("kim".into()), "Why?".into());
            world.pull(number).threads.push(Thread { is_resolved, path, by, body });
            check(world, number, "success", ["15:00", "15:01"]);
            let run = world.runs.last_mut().unwrap();
            run.name = "change-gate".into();
            run.external_id = Some(format!("changegate:{}", "0123".repeat(8)));
            run.summary = Some(SAYS_SO.into());
            change(run);
        };
        landed("{ comments-resolved: true }", talk, nothing)
    };
    assert_eq!(judged(true, |_| {}), "");
    // It is open now, and nobody can tell since when.
    assert_eq!(judged(false, |_| {}), "asked");
    let changes: [fn(&mut Run); 8] = [
        |run| run.summary = Some("It is good.".into()),
        |run| run.summary = Some(format!("He said {SAYS_SO}")),
        |run| run.conclusion = Some("failure".into()),
        |run| run.external_id = None,
        |run| run.external_id = Some("changegate:x".into()),
        |run| run.app = "another-app".into(),
        // It was judged before the conversation began, or written after the merge.
        |run| run.started_at = "2026-03-02T14:00:00Z".into(),
        |run| run.completed_at = LATER.into(),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert_eq!(judged(true, change), "asked", "{index}");
    }
}

#[test]
fn a_review_and_the_right_to_give_it_count_as_they_were_at_the_merge() {
    let ask = "{ approvals: { at-least: 1, trust: verified } }";
    let approve = |by: &'static str| {
        move |world: &mut World, number: u64| {
            world.review(number, by, "APPROVED");
            world.pull(number).merged_by = Some("kim".into());
        }
    };
    let leave = |who: &'static str| {
        move |world: &mut World, _: u64| {
            world.users.iter_mut().find(|user| user.login == who).unwrap().role = "none";
        }
    };
    assert_eq!(landed(ask, approve("kim"), nothing), "");
    // Who merged it could write then; the policy vouches for the members of its teams; of others nothing is known.
    assert_eq!(landed(ask, approve("kim"), leave("kim")), "");
    assert_eq!(landed(ask, approve("ben"), leave("ben")), "");
    let other = |world: &mut World, number: u64| {
        world.user("lea", "User", "write");
        approve("lea")(world, number);
    };
    assert_eq!(landed(ask, other, nothing), "");
    assert_eq!(landed(ask, other, leave("lea")), "asked");
    let dismissed = |at: &'static str| {
        move |world: &mut World, number: u64| {
            let review = &mut world.pull(number).reviews[0];
            review.state = "DISMISSED".into();
            let (review, message) = (review.id, "outdated".into());
            happened(world, number, at, Happened::Dismissed { review, was: "APPROVED", message });
        }
    };
    assert_eq!(landed(ask, approve("kim"), dismissed(LATER)), "");
    assert_eq!(landed(ask, approve("kim"), dismissed("2026-03-02T15:00:00Z")), "asked");
    // Nothing is told of this dismissal.
    let silent = |world: &mut World, number: u64| world.pull(number).reviews[0].state = "DISMISSED".into();
    assert_eq!(landed(ask, approve("kim"), silent), "asked");
}

#[test]
fn what_github_does_not_list_did_not_bring_nothing() {
    let mut world = World::new(&asking("{ draft: false }"));
    let number = open(&mut world, "one", "normal");
    let (old, new) = merge(&mut world, number, MERGED);
    let fake = Fake::start(world);
    let subject = push("refs/heads/main", &old, &new, false);
    assert_eq!(denied(&fake, &subject), "");
    let nothing = json!({ "status": "identical", "total_commits": 0, "commits": [] });
    fake.spoil("/compare/", How::Status(200, Vec::new(), nothing));
    let failure = judge(&fake, &subject).unwrap_err();
    assert!(failure.why.contains(&new) && failure.why.contains("identical"), "{}", failure.why);
}

/// Returns the rules that deny a pull request with `body` that landed with this message.
fn landed_with(body: &str, commit: &str, message: &str, is_squash: bool) -> String {
    let mut world = World::new(&asking("{ draft: false }"));
    let main = world.branches["main"].clone();
    let head = world.commit(&[&main], "ana", commit, &[("src/a.rs", "a")]);
    let number = world.open("ana", "One", body, "topic", &[head]);
    let (old, merged) = merge(&mut world, number, MERGED);
    let mut landing = world.commits[&merged].clone();
    landing.message = message.into();
    if is_squash {
        landing.parents.truncate(1);
    }
    let new = world.record(landing);
    world.branches.insert("main".into(), new.clone());
    world.pull(number).merge_commit = Some(new.clone());
    denied(&Fake::start(world), &push("refs/heads/main", &old, &new, false))
}

#[test]
fn the_message_that_lands_says_nothing_else_than_the_pull_request() {
    let body = "Faster.\n\nChange-Type: normal\nRisk: high\n";
    let silent = "Keep an index\n\nIt was a scan.\n";
    for is_squash in [true, false] {
        let says = |message: &str| landed_with(body, silent, message, is_squash);
        assert_eq!(says("One (#1)\n\nIt was a scan.\n"), "");
        assert_eq!(says("One (#1)\n\nFaster.\n\nChange-Type: normal\nRisk: high\n"), "");
        assert_eq!(says("One (#1)\n\nFaster.\n\nChange-Type: Normal\nRISK: High\n"), "");
        assert_eq!(says("One (#1)\n\nFaster.\n\nRisk: low\n"), "landing-message");
        assert_eq!(says("One (#1)\n\nFaster.\n\nChange-Type: emergency\n"), "landing-message");
        // A field that was never stated; and a trailer that is none of the policy's.
        assert_eq!(says("One (#1)\n\nFaster.\n\nReviewed-by: Kim <kim@example.com>\n"), "landing-message");
        assert_eq!(says("One (#1)\n\nFaster.\n\nCo-authored-by: Ana <ana@example.com>\n"), "");
        // GitHub adds co-authors below, so that git takes what stands above for no trailer; a reader does.
        let followed = |said: &str| {
            says(&format!("One (#1)\n\nFaster.\n\n{said}\n\nCo-authored-by: Ana <ana@example.com>\n"))
        };
        assert_eq!(followed("Change-Type: normal\nRisk: high"), "");
        assert_eq!(followed("Change-Type: normal\nRisk: low"), "landing-message");
    }
    // What a commit of the pull request states, it states as well; and marks of the description are no part of it.
    let stated = "Keep an index\n\nIt was a scan.\n\nReviewed-by: Kim <kim@example.com>\n";
    let landing = "One (#1)\n\nFaster.\n\nReviewed-by: Kim <kim@example.com>\n";
    assert!(!landed_with(body, stated, landing, true).contains("landing-message"));
    let marked = "Faster.\n\nChange-Type: normal\nRisk: low <!-- one of low, medium, high -->\n";
    assert_eq!(landed_with(marked, silent, &format!("One (#1)\n\n{marked}"), true), "");
}

/// Makes a pull request change files, of which GitHub counts `lines` each.
fn change_files(world: &mut World, number: u64, files: &[(&str, &[u8])], lines: u64) {
    let head = world.pull(number).head_id.clone();
    let mut commit = world.commits[&head].clone();
    for (path, bytes) in files {
        commit.files.insert((*path).into(), (0o100_644, (*bytes).into()));
    }
    commit.tree = tree_id(&commit.files, "");
    let new = world.record(commit);
    world.pull(number).head_id = new.clone();
    world.pull(number).commits = vec![new];
    let pull = world.pull(number).clone();
    let mut changed = world.files_of(&pull);
    for file in &mut changed {
        (file.additions, file.deletions) = (lines, 0);
    }
    world.pull(number).files = Some(changed);
}

#[test]
fn what_is_no_text_counts_by_its_size() {
    let ask = "{ size: { lines: { at-most: 100 } } }";
    let binary = |size: usize| {
        let bytes = vec![0xff_u8; size];
        landed(ask, |world, number| change_files(world, number, &[("tool.bin", &bytes)], 0), nothing)
    };
    assert_eq!(binary(8000), "");
    assert_eq!(binary(8001), "asked");
    // Text of which no line is counted has not changed.
    let text = vec![b'a'; 9000];
    assert_eq!(landed(ask, |world, number| change_files(world, number, &[("a.txt", &text)], 0), nothing), "");
    let long = |world: &mut World, number: u64| change_files(world, number, &[("a.txt", &text)], 60);
    assert_eq!(landed(ask, long, nothing), "asked");
}

#[test]
fn a_file_that_the_policy_comes_to_name_is_changed_as_a_file_of_the_gate() {
    let policy = "changegate: 1\nname: shop\nextends: [core]\nprotects: [main]\n\
        rules:\n  reviewed: { title: reviewed, for: [isms], require: { approvals: { at-least: 1, trust: verified } } }\n";
    let with_roster = format!("{policy}people: {{ roster: staff/people.yml }}\n");
    let roster = "people:\n  kim: { addresses: [kim@example.com], accounts: ['github:kim'] }\n  \
        ana: { addresses: [ana@example.com], accounts: ['github:ana'] }\n";
    let longer = format!("{roster}  ben: {{ addresses: [ben@example.com], accounts: ['github:ben'] }}\n");
    let naming = [("policies/changegate.yml", with_roster.as_str()), ("staff/people.yml", roster)];
    for (first, second, is_refused) in [
        (&naming[..], [("staff/people.yml", longer.as_str())], true),
        (&naming[..], [("src/a.rs", "a")], false),
        (&[("src/b.rs", "b")], [("staff/people.yml", roster)], false),
    ] {
        let mut world = World::new(policy);
        let mut land = |files: &[(&str, &str)], branch: &str| {
            let main = world.branches["main"].clone();
            let commit = world.commit(&[&main], "ana", &format!("Change {branch}\n"), files);
            let body = "Faster.\n\nChange-Type: normal\nRisk: low\n";
            let number = world.open("ana", "Change it", body, branch, &[commit]);
            if branch == "first" {
                world.review(number, "kim", "APPROVED");
            }
            merge(&mut world, number, MERGED)
        };
        let (old, _) = land(first, "first");
        let (_, new) = land(&second, "second");
        let fake = Fake::start(world);
        let found = denied(&fake, &push("refs/heads/main", &old, &new, false));
        assert_eq!(found, if is_refused { "gate-files" } else { "" }, "{first:?} {second:?}");
        if is_refused {
            let outcome = judge(&fake, &push("refs/heads/main", &old, &new, false)).unwrap();
            let refused: Vec<_> =
                outcome.report.groups.iter().filter(|group| !group.refusals.is_empty()).collect();
            // It names the pull request that changed the file.
            assert!(format!("{:?}", refused[0].scope).contains("acme/shop#"), "{:?}", refused[0].scope);
            assert_eq!(refused.len(), 1);
        }
    }
}
