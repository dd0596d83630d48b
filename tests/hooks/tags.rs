//! Tags under change control: of what was reviewed, and where they are for good.

use crate::world::{World, bad, good};

const TAG: &str = "refs/tags/v1";

#[test]
fn tags_of_what_main_holds_are_accepted() {
    let world = World::new();
    let base = world.main();
    world.git(&["tag", "v1", &base]);
    world.git(&["tag", "-a", "-m", "Two", "v2", &base]);
    world.git(&["tag", "-a", "-m", "Tag of a tag", "v3", "v2"]);
    world.push(&["v1", "v2", "v3"]).accepted();
    assert_eq!(world.at(TAG).as_ref(), Some(&base));
    assert_eq!(world.at("refs/tags/v3^{commit}"), Some(base));
}

#[test]
fn tags_of_what_nobody_has_reviewed_are_refused() {
    let world = World::new();
    let new = world.commit_tree(&[&world.main()], &bad("Bad"));
    world.push(&[&format!("{new}:refs/heads/free")]).accepted();
    world.git(&["tag", "light", &new]);
    world.git(&["tag", "-a", "-m", "Annotated", "annotated", &new]);
    world.git(&["tag", "-a", "-m", "Tag of a tag", "nested", "annotated"]);
    for tag in ["light", "annotated", "nested"] {
        world.push(&[&format!("refs/tags/{tag}:{TAG}")]).refused("tag-of-reviewed");
        assert_eq!(world.at(TAG), None, "{tag}");
    }
}

#[test]
fn a_good_message_makes_no_tag_of_an_unmerged_commit_good() {
    let world = World::new();
    let new = world.commit_tree(&[&world.main()], &good("Good, and nowhere"));
    world.push(&[&format!("{new}:{TAG}")]).refused("tag-of-reviewed");
    assert_eq!(world.at(TAG), None);
}

#[test]
fn a_tag_comes_with_the_branch_or_after_it() {
    let world = World::new();
    let new = world.commit_tree(&[&world.main()], &good("Good"));
    world.push(&[&format!("{new}:refs/heads/main")]).accepted();
    world.push(&[&format!("{new}:{TAG}")]).accepted();
    assert_eq!(world.at(TAG), Some(new));
}

#[test]
fn tags_of_other_things_than_commits_are_refused() {
    let world = World::new();
    world.git(&["tag", "blob", "HEAD:README"]);
    world.git(&["tag", "tree", "HEAD^{tree}"]);
    world.git(&["tag", "-a", "-m", "Of a blob", "annotated", "HEAD:README"]);
    for tag in ["blob", "tree", "annotated"] {
        world.push(&[&format!("refs/tags/{tag}:{TAG}")]).refused("ref-object");
        assert_eq!(world.at(TAG), None, "{tag}");
    }
}

#[test]
fn a_tag_is_neither_moved_nor_deleted() {
    let world = World::new();
    let base = world.main();
    let new = world.commit_tree(&[&base], &good("Good"));
    world.push(&[&format!("{new}:refs/heads/main"), &format!("{base}:{TAG}")]).accepted();
    world.push(&[&format!("+{new}:{TAG}")]).refused("tag-moved");
    world.push(&[&format!(":{TAG}")]).refused("ref-deleted");
    assert_eq!(world.at(TAG), Some(base));
}

#[test]
fn an_annotated_tag_is_no_branch() {
    let world = World::new();
    let base = world.main();
    world.git(&["tag", "-a", "-m", "Annotated", "t", &base]);
    let tag = world.git(&["rev-parse", "refs/tags/t"]);
    world.push_raw(&[(&base, &tag, "refs/heads/main")], &[&tag]).refused("ref-object");
    assert_eq!(world.main(), base);
}

#[test]
fn other_tags_are_free() {
    let world = World::new();
    let new = world.commit_tree(&[&world.main()], &bad("Bad"));
    world.push(&[&format!("{new}:refs/tags/nightly")]).accepted();
    world.push(&[":refs/tags/nightly"]).accepted();
    assert_eq!(world.at("refs/tags/nightly"), None);
}
