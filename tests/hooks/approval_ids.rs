//! The id of a repository: a copy has to get another one, and one that was lost comes back.

use crate::signed_approvals::{approved_by, commit_as, push_as, start};

const ID: &str = "refs/changegate/repository";

#[test]
fn a_mirror_is_asked_whether_it_is_another_repository() {
    let Some(world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "ben", &[]);
    world.git_in("", &["clone", "-q", "--mirror", "server.git", "second.git"]);
    let id = world.git_in("server.git", &["rev-parse", ID]);
    let install = ["install", "--server", "--pusher", "env:GL_USER"];
    world
        .changegate("second.git", &install)
        .refused("it may have been copied from another repository")
        .says("install --server --keep-id --pusher env:GL_USER")
        .says("install --server --new-id --pusher env:GL_USER");
    // Nothing was set up.
    assert!(!world.path("second.git/hooks/pre-receive").exists());
    world.changegate("second.git", &[&install[..], &["--keep-id"]].concat()).accepted();
    assert_eq!(world.git_in("second.git", &["rev-parse", ID]), id);
    world.changegate("second.git", &install).accepted().says("already installed");
    world.changegate("second.git", &[&install[..], &["--new-id"]].concat()).accepted();
    let other = world.git_in("second.git", &["rev-parse", ID]);
    assert_ne!(other, id);
    world.changegate("second.git", &install).accepted().says("already installed");
    assert_eq!(world.git_in("second.git", &["rev-parse", ID]), other);
}

#[test]
fn an_id_that_was_lost_comes_back_with_its_rejections() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    approved_by(&world, "kim", &["--reject"]);
    let id = world.git_in("server.git", &["rev-parse", ID]);
    let install = ["install", "--server"];
    world.git_in("server.git", &["update-ref", "-d", ID]);
    world.changegate("server.git", &install).accepted();
    assert_eq!(world.git_in("server.git", &["rev-parse", ID]), id);
    approved_by(&world, "ben", &[]);
    push_as(&mut world, "ana", "main").refused("`kim@example.com` rejects revision");
    // Without what the configuration knows, the administrator decides.
    world.git_in("server.git", &["update-ref", "-d", ID]);
    world.git_in("server.git", &["config", "--unset", "changegate.repositoryId"]);
    world.changegate("server.git", &install).refused("has open approvals and rejections for the id");
    world.changegate("server.git", &[install[0], install[1], "--keep-id"]).accepted();
    assert_eq!(world.git_in("server.git", &["rev-parse", ID]), id);
    push_as(&mut world, "ana", "main").refused("`kim@example.com` rejects revision");
}

#[test]
fn a_server_without_a_ledger_says_that_signed_approvals_need_one() {
    let Some(mut world) = start("{}") else { return };
    commit_as(&world, "ana", "a", "1", "Cache it");
    world.configure("changegate.ledger", "off");
    push_as(&mut world, "ana", "main").refused("not configured here: reviews").says("`changegate.ledger`");
    world.git_in("server.git", &["config", "changegate.ledger", "require"]);
    world.git_in("server.git", &["update-ref", "-d", ID]);
    push_as(&mut world, "ana", "main")
        .refused("not configured here: reviews")
        .says("whose repository has an id");
}
