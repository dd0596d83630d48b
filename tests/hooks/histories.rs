//! Histories that try to bring in more than they show.

use std::time::{Duration, Instant};

use crate::world::{BY_COMMIT, MAIN, World, bad, good};

const MERGES: &str = "\
changegate: 1
name: test
extends: [iso27001]
protects: [main]
unit: commit
rules:
  change-type: { level: off, reason: this is about merges }
  risk: { level: off, reason: this is about merges }
  ticket: { level: off, reason: this is about merges }
  security-impact: { level: off, reason: this is about merges }
  back-out-plan: { level: off, reason: this is about merges }
  test-plan: { level: off, reason: this is about merges }
  peer-review:
    title: what is no merge has been reviewed
    controls: [iso27001:A.8.32]
    when: { subject: { refuse: [Merge] } }
    require: { approvals: { trust: claimed } }
";

#[test]
fn a_merge_of_reviewed_work_is_accepted() {
    let world = World::new();
    let base = world.main();
    let topic = world.commit_tree(&[&base], &good("Topic"));
    let merge = world.commit_tree(&[&base, &topic], &good("Merge topic"));
    world.push(&[&format!("{merge}:{MAIN}")]).accepted();
    assert_eq!(world.main(), merge);
}

#[test]
fn a_merge_that_nobody_has_reviewed_is_refused() {
    for policy in [crate::world::POLICY, BY_COMMIT] {
        let world = World::under(policy);
        let base = world.main();
        let topic = world.commit_tree(&[&base], &bad("Topic"));
        let merge = world.commit_tree(&[&base, &topic], &bad("Merge topic"));
        world.push(&[&format!("{merge}:{MAIN}")]).refused("peer-review");
        assert_eq!(world.main(), base);
    }
}

#[test]
fn whoever_wrote_the_work_does_not_approve_it_by_merging_it() {
    let mut world = World::new();
    let base = world.main();
    let topic = world.commit_tree(&[&base], &bad("Topic"));
    world.environment.push(("GIT_AUTHOR_NAME".into(), "Kim".into()));
    world.environment.push(("GIT_AUTHOR_EMAIL".into(), "kim@example.com".into()));
    let message = "Merge topic\n\nChange-Type: normal\nRisk: low\nReviewed-by: Ana <ana@example.com>\n";
    let merge = world.commit_tree(&[&base, &topic], message);
    world.environment.clear();
    world.push(&[&format!("{merge}:{MAIN}")]).refused("peer-review").says("ana@example.com");
    assert_eq!(world.main(), base);
}

#[test]
fn what_is_typed_into_a_merge_is_found() {
    let world = World::under(MERGES);
    let base = world.main();
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.write("topic", "reviewed\n");
    world.commit(&good("Topic"));
    world.git(&["checkout", "-q", "main"]);
    world.git(&["merge", "-q", "--no-ff", "--no-commit", "topic"]);
    world.git(&["commit", "-q", "-m", "Merge topic"]);
    let clean = world.head();
    world.write("README", "slipped in\n");
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "--amend", "--no-edit"]);
    world.push(&["main"]).refused("merges-add-nothing");
    assert_eq!(world.main(), base);
    world.push(&[&format!("{clean}:{MAIN}")]).accepted();
    assert_eq!(world.main(), clean);
}

#[test]
fn nothing_hides_behind_a_second_or_a_third_parent() {
    let world = World::under(BY_COMMIT);
    let base = world.main();
    let hidden = world.commit_tree(&[&base], &bad("Hidden"));
    let one = world.commit_tree(&[&base], &good("One"));
    let two = world.commit_tree(&[&base], &good("Two"));
    for parents in
        [vec![&base, &hidden], vec![&hidden, &base], vec![&one, &two, &hidden], vec![&one, &hidden, &two]]
    {
        let parents: Vec<&str> = parents.into_iter().map(String::as_str).collect();
        let merge = world.commit_tree(&parents, &good("Merge"));
        world.push(&[&format!("{merge}:{MAIN}")]).refused("peer-review").says("Hidden");
        assert_eq!(world.main(), base);
    }
    let octopus = world.commit_tree(&[&base, &one, &two], &good("Merge"));
    world.push(&[&format!("{octopus}:{MAIN}")]).accepted();
    assert_eq!(world.main(), octopus);
}

#[test]
fn a_step_is_judged_with_all_that_it_brings_in() {
    // Ben's review of the merge is of the whole step, an octopus with another root among it; Ben's
    // own work in there is what he cannot review.
    let mut world = World::new();
    let base = world.main();
    world.environment.push(("GIT_AUTHOR_NAME".into(), "Ben".into()));
    world.environment.push(("GIT_AUTHOR_EMAIL".into(), "ben@example.com".into()));
    let bens = world.commit_tree(&[], &bad("By Ben"));
    world.environment.clear();
    let one = world.commit_tree(&[&base], &bad("One"));
    let merge = world.commit_tree(&[&base, &one, &bens], &good("Merge"));
    world.push(&[&format!("{merge}:{MAIN}")]).refused("peer-review").says("ben@example.com");
    assert_eq!(world.main(), base);
}

#[test]
fn another_root_is_judged_like_any_commit() {
    let world = World::under(BY_COMMIT);
    let base = world.main();
    let root = world.commit_tree(&[], &bad("Another beginning"));
    let merge = world.commit_tree(&[&base, &root], &good("Merge it"));
    world.push(&[&format!("{merge}:{MAIN}")]).refused("Another beginning");
    assert_eq!(world.main(), base);
}

#[test]
fn swapped_parents_do_not_make_old_of_new() {
    // First-parent history runs through the topic; what main held is still below, so git calls it a
    // fast-forward, and every step of the topic is a change.
    let world = World::new();
    let base = world.main();
    let topic = world.commit_tree(&[&base], &bad("Topic"));
    let held = world.commit_tree(&[&base], &good("Held"));
    world.push(&[&format!("{held}:{MAIN}")]).accepted();
    let swapped = world.commit_tree(&[&topic, &held], &good("Swapped"));
    world.push(&[&format!("{swapped}:{MAIN}")]).refused("peer-review").says("Topic");
    assert_eq!(world.main(), held);
}

#[test]
fn long_pushes_are_judged_to_their_first_commit() {
    let world = World::new();
    let base = world.main();
    // These commits are dated years before the one that they follow.
    let history = |first: String| {
        let mut stream = format!("reset refs/heads/long\nfrom {base}\n\n");
        for number in 0..300 {
            let message = if number == 0 { first.clone() } else { good(&format!("Number {number}")) };
            stream += &format!(
                "commit refs/heads/long\nauthor Ana <ana@example.com> {time} +0000\n\
                 committer Ana <ana@example.com> {time} +0000\ndata {length}\n{message}\n\
                 M 100644 inline file\ndata <<.\n{number}\n.\n\n",
                time = 1_700_000_000 + number,
                length = message.len(),
            );
        }
        stream
    };
    world.git_fed("work", &["fast-import", "--quiet", "--force"], history(bad("The first")).as_bytes());
    world.push(&[&format!("long:{MAIN}")]).refused("The first").says("1 of 300");
    assert_eq!(world.main(), base);
    world.git_fed("work", &["fast-import", "--quiet", "--force"], history(good("The first")).as_bytes());
    let start = Instant::now();
    world.push(&[&format!("long:{MAIN}")]).accepted();
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!(world.main(), world.git(&["rev-parse", "long"]));
}

#[test]
fn a_push_of_more_commits_than_allowed_is_refused() {
    let world = World::new();
    let base = world.main();
    world.configure("changegate.maxCommits", "2");
    let mut tip = base.clone();
    for number in 0..3 {
        tip = world.commit_tree(&[&tip], &good(&format!("Number {number}")));
    }
    world.push(&[&format!("{tip}:{MAIN}")]).refused("push-size").says("changegate.maxCommits");
    assert_eq!(world.main(), base);
    world.push(&[&format!("{tip}^:{MAIN}")]).accepted();
    world.push(&[&format!("{tip}:{MAIN}")]).accepted();
    assert_eq!(world.main(), tip);
}
