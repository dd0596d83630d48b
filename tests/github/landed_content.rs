//! What lands is held against what was judged: the clean merge of the final revision, recomputed.

use serde_json::json;

use crate::fake::{Commit, Fake, Files, How, Signature, World, tree_id};
use crate::judged::{denied, judge, push};
use crate::ledger::{moved, open, push_by_hand};
use crate::scene::POLICY;

const AT: &str = "2026-03-02T16:00:00Z";
const RULE: &str = "landed-content";

/// Makes a commit as GitHub does, with these files.
fn made(world: &mut World, parents: &[&str], files: Files) -> String {
    let message = format!("Land it, {} parents\n", parents.len());
    made_with_message(world, parents, files, message)
}

fn made_with_message(world: &mut World, parents: &[&str], files: Files, message: String) -> String {
    let by = world.account("kim").unwrap().clone();
    let committer = Signature {
        name: "GitHub".into(),
        email: "noreply@github.com".into(),
        at: AT.into(),
        login: Some("web-flow".into()),
    };
    world.record(Commit {
        id: String::new(),
        tree: tree_id(&files, ""),
        parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
        message,
        author: Signature::of(&by, AT),
        others: Vec::new(),
        committer,
        files,
    })
}

/// Has a pull request land as these commits, the last of which GitHub takes for its merge; returns the rules that
/// deny it, and what is said.
fn land(world: World, number: u64, commits: &[String]) -> (String, String) {
    land_by(world, number, commits, "push")
}

/// Does that by a move of the branch that GitHub records as this kind.
fn land_by(mut world: World, number: u64, commits: &[String], kind: &'static str) -> (String, String) {
    let tip = commits.last().unwrap();
    let before = moved(&mut world, tip, kind, AT);
    let pull = world.pull(number);
    (pull.state, pull.merge_commit, pull.updated_at) = ("merged", Some(tip.clone()), AT.into());
    pull.listed_for = commits.to_vec();
    let (fake, subject) = (Fake::start(world), push("refs/heads/main", &before, tip, false));
    let said =
        format!("{:?}", judge(&fake, &subject).unwrap_or_else(|failure| panic!("{}", failure.why)).report);
    (denied(&fake, &subject), said)
}

/// Writes files over those of a merge; one without content is taken away.
fn write_over(mut files: Files, edits: &[(&str, &str)]) -> Files {
    for (path, text) in edits {
        match text.is_empty() {
            true => drop(files.remove(*path)),
            false => drop(files.insert((*path).into(), (0o100_644, text.as_bytes().into()))),
        }
    }
    files
}

/// Has a pull request that changes `theirs` land after `ours` was pushed to main, both made from `before`; the merge
/// has `edits` of its own. `parents` says whether it is a merge or a squash.
fn merged(
    [before, ours, theirs]: [&[(&str, &str)]; 3],
    edits: &[(&str, &str)],
    is_squash: bool,
) -> (String, String) {
    let mut world = World::new(POLICY);
    let said = "Said\n\nWhy.\n\nChange-Type: normal\nRisk: low\n";
    let root = world.branches["main"].clone();
    let root = world.commit(&[&root], "kim", said, before);
    world.branches.insert("main".into(), root.clone());
    let head = world.commit(&[&root], "ana", said, theirs);
    let number = world.open("ana", "Better", said, "better", std::slice::from_ref(&head));
    let base = match ours.is_empty() {
        true => root,
        false => world.commit(&[&root], "kim", said, ours),
    };
    world.branches.insert("main".into(), base.clone());
    let files = write_over(world.merged_files(&base, &head), edits);
    let parents = if is_squash { vec![base.as_str()] } else { vec![base.as_str(), head.as_str()] };
    let after = made(&mut world, &parents, files);
    land(world, number, &[after])
}

#[test]
fn a_merge_with_a_tree_of_its_own_is_denied_and_its_files_are_named() {
    let (before, theirs): (&[_], &[_]) = (&[("src/lib.rs", "one\n")], &[("src/a.rs", "a\n")]);
    let ours: &[_] = &[("docs/x.md", "x\n")];
    for is_squash in [false, true] {
        for ours in [&[], ours] {
            let lands = |edits: &[(&str, &str)]| merged([before, ours, theirs], edits, is_squash);
            assert_eq!(lands(&[]).0, "");
            // More than was reviewed, other than was reviewed, less than was reviewed, and other people's work undone.
            for (path, text) in
                [("src/evil.rs", "evil"), ("src/a.rs", "b\n"), ("src/a.rs", ""), ("src/lib.rs", "")]
            {
                let (rules, said) = lands(&[(path, text)]);
                assert!(rules == RULE && said.contains(path), "{path}: {rules}: {said}");
            }
        }
    }
}

#[test]
fn what_both_sides_changed_in_one_file_is_merged_as_text() {
    let lines = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n{last}\n");
    let (before, ours, theirs) = (lines("1", "7"), lines("one", "7"), lines("1", "seven"));
    let (clean, evil) = (lines("one", "seven"), lines("one", "SEVEN"));
    let lands = |result: &str| {
        let path = "src/deep/lib.rs";
        merged([&[(path, &before)], &[(path, &ours)], &[(path, &theirs)]], &[(path, result)], false)
    };
    assert_eq!(lands(&clean).0, "");
    for other in [&evil, &theirs, &ours] {
        let (rules, said) = lands(other);
        assert!(rules == RULE && said.contains("src/deep/lib.rs"), "{rules}: {said}");
    }
    // One side moves the file, and the other one edits it.
    let moves = |result: &str| {
        let theirs: &[(&str, &str)] = &[("lib.rs", ""), ("new.rs", &before)];
        merged(
            [&[("lib.rs", &before)], &[("lib.rs", &ours)], theirs],
            &[("lib.rs", ""), ("new.rs", result)],
            false,
        )
    };
    assert_eq!(moves(&ours).0, "");
    assert_eq!(moves(&evil).0, RULE);
    // It moves it into a folder of the name that the file had.
    let moves_within = |result: &[(&str, &str)]| {
        let theirs: &[(&str, &str)] = &[("lib", ""), ("lib/new.rs", &before)];
        merged([&[("lib", &before)], &[("lib", &ours)], theirs], result, false)
    };
    assert_eq!(moves_within(&[("lib", ""), ("lib/new.rs", &ours)]).0, "");
    for result in [[("lib", ""), ("lib/new.rs", evil.as_str())], [("lib/new.rs", ""), ("lib", ours.as_str())]]
    {
        assert_eq!(moves_within(&result).0, RULE);
    }
}

#[test]
fn a_squash_and_a_rebase_by_github_are_proved_by_the_record_of_exactly_that_move() {
    // The fake lets GitHub make a tree that the real one never would, in the place of one that cannot be recomputed.
    let lands = |commits: usize, kind| {
        let mut world = World::new(POLICY);
        let number = open(&mut world, "one", "normal");
        let head = world.pull(number).head_id.clone();
        let second = world.commit(&[&head], "ana", "Two\n", &[("src/two.rs", "two")]);
        world.push(number, "ana", &second);
        push_by_hand(&mut world, "kim", "2026-03-02T15:00:00Z");
        let mut landed = Vec::new();
        let mut tip = world.branches["main"].clone();
        for step in 0..commits {
            let name = format!("src/evil{step}.rs");
            let files = write_over(world.merged_files(&tip, &second), &[(name.as_str(), "evil")]);
            tip = made(&mut world, &[&tip], files);
            landed.push(tip.clone());
        }
        land_by(world, number, &landed, kind).0
    };
    for (commits, kind, rules) in [
        (1, "pr_merge", ""),
        (2, "pr_merge", ""),
        (1, "merge_queue_merge", ""),
        (2, "merge_queue_merge", ""),
        (1, "push", RULE),
        (2, "push", RULE),
        // GitHub never makes more of a pull request than it has.
        (3, "pr_merge", RULE),
    ] {
        assert_eq!(lands(commits, kind), rules, "{commits} {kind}");
    }
}

#[test]
fn further_commits_in_the_push_are_not_taken_for_the_pull_request() {
    let rebased = |is_followed: bool, edit: Option<(&str, &str)>| {
        let mut world = World::new(POLICY);
        let number = open(&mut world, "one", "normal");
        let head = world.pull(number).head_id.clone();
        let second = world.commit(&[&head], "ana", "Two\n", &[("src/two.rs", "two")]);
        world.push(number, "ana", &second);
        push_by_hand(&mut world, "kim", "2026-03-02T15:00:00Z");
        let mut commits = Vec::new();
        let mut tip = world.branches["main"].clone();
        for id in world.pull(number).commits.clone() {
            let files = world.merged_files(&tip, &id);
            tip = made(&mut world, &[&tip], files);
            commits.push(tip.clone());
        }
        if is_followed {
            let files = write_over(world.commits[&tip].files.clone(), edit.as_slice());
            commits.push(made(&mut world, &[&tip], files));
        }
        land(world, number, &commits).0
    };
    assert_eq!(rebased(false, None), "");
    assert_eq!(rebased(true, Some(("src/evil.rs", "evil"))), RULE);
    // Not even one that changes nothing in the end.
    assert_eq!(rebased(true, None), RULE);
}

#[test]
fn a_merge_of_more_than_the_final_revision_is_denied() {
    let mut world = World::new(POLICY);
    let number = open(&mut world, "one", "normal");
    let (base, head) = (world.branches["main"].clone(), world.pull(number).head_id.clone());
    let more = world.commit(&[&head], "ana", "Nothing reviewed\n", &[]);
    let files = world.merged_files(&base, &more);
    let after = made(&mut world, &[&base, &more], files);
    assert_eq!(land(world, number, &[after]).0, RULE);
}

#[test]
fn a_merge_that_cannot_be_recomputed_is_not_allowed() {
    let mut world = World::new(POLICY);
    let number = open(&mut world, "one", "normal");
    push_by_hand(&mut world, "kim", "2026-03-02T15:00:00Z");
    let (base, head) = (world.branches["main"].clone(), world.pull(number).head_id.clone());
    let files = world.merged_files(&base, &head);
    let tip = made(&mut world, &[&base, &head], files);
    let old = moved(&mut world, &tip, "push", AT);
    let pull = world.pull(number);
    (pull.state, pull.merge_commit, pull.updated_at) = ("merged", Some(tip.clone()), AT.into());
    pull.listed_for = vec![tip.clone()];
    let fake = Fake::start(world);
    let subject = push("refs/heads/main", &old, &tip, false);
    assert_eq!(denied(&fake, &subject), "");
    fake.spoil("query Folders", How::Status(403, Vec::new(), json!({ "message": "no" })));
    assert_eq!(denied(&fake, &subject), "pull-complete");
}

const SAID: &str = "Said\n\nWhy.\n\nChange-Type: normal\nRisk: low\n";

/// Returns a world in which a merge stands for a pull request, with this first line and an edit of its own, and the
/// number of that.
fn merged_with_line(words: &str, edit: Option<(&str, &str)>) -> (World, u64, String) {
    let mut world = World::new(POLICY);
    let root = world.branches["main"].clone();
    let head = world.commit(&[&root], "ana", SAID, &[("src/a.rs", "a\n")]);
    let number = world.open("ana", "Better", SAID, "better", std::slice::from_ref(&head));
    let files = write_over(world.merged_files(&root, &head), edit.as_slice());
    let message = format!("{}\n\nBetter\n", words.replace("NUMBER", &number.to_string()));
    let after = made_with_message(&mut world, &[&root, &head], files, message);
    (world, number, after)
}

#[test]
fn a_merge_by_github_is_proved_by_the_record_and_not_by_its_looks() {
    let (button, other) = ("Merge pull request #NUMBER from x/y", "Merge branch 'better'");
    let evil = Some(("src/evil.rs", "evil"));
    // The fake lets the button make a tree that the real one never would.
    for (words, kind, edit, rules) in [
        (button, "pr_merge", evil, ""),
        (button, "merge_queue_merge", evil, ""),
        (button, "push", evil, RULE),
        (button, "force_push", evil, RULE),
        (button, "a_word_of_tomorrow", evil, RULE),
        (button, "push", None, ""),
        (other, "pr_merge", evil, ""),
        (other, "push", None, ""),
    ] {
        let (world, number, after) = merged_with_line(words, edit);
        assert_eq!(land_by(world, number, &[after], kind).0, rules, "{words} {kind} {edit:?}");
    }
}

/// Returns what denies a merge that looks like the button's, and what is said of it, with answers that hold these words
/// spoilt.
fn judged_with_spoilt(
    edit: Option<(&str, &str)>,
    spoilt: &[(&str, u16)],
) -> Result<(String, String), String> {
    let (mut world, number, after) = merged_with_line("Merge pull request #NUMBER from x/y", edit);
    let before = moved(&mut world, &after, "push", AT);
    let pull = world.pull(number);
    (pull.state, pull.merge_commit, pull.updated_at) = ("merged", Some(after.clone()), AT.into());
    pull.listed_for = vec![after.clone()];
    let fake = Fake::start(world);
    for (on, status) in spoilt {
        fake.spoil(on, How::Status(*status, Vec::new(), json!({ "message": "no" })));
    }
    let subject = push("refs/heads/main", &before, &after, false);
    let outcome = judge(&fake, &subject).map_err(|failure| failure.why)?;
    if let Some(failure) = outcome.failures.first() {
        return Err(failure.why.clone());
    }
    let said = format!("{:?}", outcome.report);
    Ok((changegate::github::step_outputs::list_denied_rules(&outcome.report), said))
}

#[test]
fn without_a_record_the_content_tells_and_without_any_object_the_looks_do() {
    let evil = Some(("src/evil.rs", "evil"));
    let record = ("/activity?ref=refs/heads/main", 404);
    assert_eq!(judged_with_spoilt(evil, &[record]).unwrap().0, RULE);
    assert_eq!(judged_with_spoilt(None, &[record]).unwrap().0, "");
    // What cannot be read is no proof, as long as GitHub shows objects at all.
    let trees = ("query Folders", 403);
    assert_ne!(judged_with_spoilt(evil, &[record, trees]).map(|judged| judged.0), Ok(String::new()));
    let objects = ("/git/commits/", 404);
    let (rules, said) = judged_with_spoilt(evil, &[record, trees, objects]).unwrap();
    assert!(rules.is_empty() && said.contains("landed-content.unproved"), "{rules}: {said}");
    assert!(!judged_with_spoilt(None, &[]).unwrap().1.contains("landed-content.unproved"));
}

#[test]
fn an_outage_of_the_record_is_not_the_lack_of_one() {
    let (trees, objects) = (("query Folders", 403), ("/git/commits/", 404));
    for status in [403, 429, 500] {
        let record = ("/activity?ref=refs/heads/main", status);
        let judged = judged_with_spoilt(Some(("src/evil.rs", "evil")), &[record, trees, objects]);
        assert_ne!(judged.as_ref().map(|judged| judged.0.as_str()), Ok(""), "{status}: {judged:?}");
    }
}

#[test]
fn another_file_under_a_new_name_is_no_move() {
    let lines = |first: &str| format!("{first}\n2\n3\n4\n5\n6\n7\n8\n");
    // The base removes a file and adds another one, of which few lines are the same; the pull request edits the old one.
    let other = "1\nx\ny\nz\nsomething else altogether\nand more of that\nwhich nobody would take for it\n";
    let edited = other.replacen("1\n", "one\n", 1);
    let lands = |result: &str| {
        let ours: &[(&str, &str)] = &[("lib.rs", ""), ("new.rs", other)];
        merged(
            [&[("lib.rs", &lines("1"))], ours, &[("lib.rs", &lines("one"))]],
            &[("lib.rs", ""), ("new.rs", result)],
            false,
        )
    };
    assert_eq!(lands(&edited).0, RULE);
}

#[test]
fn an_edit_is_not_taken_for_one_of_a_file_that_is_only_alike() {
    let lines = |first: &str, last: &str| format!("{first}\n2\n3\n4\n5\n6\n7\n8\n{last}\n");
    let (text, edited) = (lines("1", "9"), lines("one", "9"));
    let (decoy, edited_decoy) = (lines("1", "nine"), lines("one", "nine"));
    // The base moves a file to a folder that nothing else changes, and adds one that is alike to another.
    let ours: &[(&str, &str)] = &[("lib.rs", ""), ("deep/er/lib.rs", &text), ("tests/lib.rs", &decoy)];
    let lands = |moved: &str, alike: &str| {
        let merged_files = [("lib.rs", ""), ("deep/er/lib.rs", moved), ("tests/lib.rs", alike)];
        merged([&[("lib.rs", &text)], ours, &[("lib.rs", &edited)]], &merged_files, true).0
    };
    assert_eq!(lands(&edited, &decoy), "");
    assert_eq!(lands(&text, &edited_decoy), RULE);
    assert_eq!(lands(&text, &decoy), RULE);
}

#[test]
fn a_record_that_tells_of_a_push_is_not_outweighed_by_hidden_objects() {
    let spoilt = [("query Folders", 403), ("/git/commits/", 404), ("/git/blobs/", 404)];
    for edit in [Some(("src/evil.rs", "evil")), None] {
        let judged = judged_with_spoilt(edit, &spoilt).map(|judged| judged.0);
        assert!(edit.is_none() || judged != Ok(String::new()), "{judged:?}");
    }
}
