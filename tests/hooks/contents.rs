//! Questions about contents, asked of real pushes: lines that a change adds, and digests that it states.

use sha2::{Digest as _, Sha256};

use crate::world::{MAIN, POLICY, World, good};

/// The test policy, which refuses networks that are open to everyone.
fn closed() -> String {
    format!(
        "{POLICY}rules:\n  open: {{ require: {{ not: {{ adds-lines: {{ matching: '0\\.0\\.0\\.0/0', in: 'infra/**' }} }} }} }}\n"
    )
}

const OPEN: &str = "a\nallow 0.0.0.0/0\n";

/// A world in which `infra/old.tf` and `docs/x.tf` have such a line before there is a policy.
fn world() -> World {
    let world = World::with(None, "sha1");
    world.write("infra/old.tf", OPEN);
    world.write("docs/x.tf", OPEN);
    world.write("policies/changegate.yml", &closed());
    world.commit("Begin\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    world
}

#[test]
fn a_line_that_is_added_is_found_with_its_place() {
    let world = world();
    world.write("infra/net.tf", "first\r\nsecond\r\nallow 0.0.0.0/0\r\n");
    world.commit(&good("Open it"));
    world.push(&["main"]).refused("`infra/net.tf`, line 3, is new and has `0\\.0\\.0\\.0/0`");
    world.write("infra/net.tf", "allow 10.0.0.0/8\n");
    world.git(&["add", "-A"]);
    world.git(&["commit", "-q", "--amend", "--no-edit"]);
    world.push(&["main"]).accepted();
    // Elsewhere, such a line is nobody's business; in a file that is no text, it is.
    world.write("src/net.tf", OPEN);
    world.commit(&good("Elsewhere"));
    world.push(&["main"]).accepted();
    world.write("infra/net.bin", "\0\0\n0.0.0.0/0");
    world.commit(&good("In a file that is no text"));
    world.push(&["main"]).refused("`infra/net.bin`, line 2");
}

#[test]
fn a_line_that_was_there_is_not_added_by_moving_it() {
    let world = world();
    world.write("infra/old.tf", "allow 0.0.0.0/0\nb\na\nc\n");
    world.commit(&good("Move it within the file"));
    world.push(&["main"]).accepted();
    world.git(&["mv", "infra/old.tf", "infra/new.tf"]);
    world.commit(&good("Move the file"));
    world.push(&["main"]).accepted();
    // A second one is new, and so is one that comes from where nobody asks.
    world.write("infra/new.tf", "allow 0.0.0.0/0\nallow 0.0.0.0/0\nb\na\nc\n");
    world.commit(&good("Once more"));
    world.push(&["main"]).refused("`infra/new.tf`, line 2");
    world.git(&["reset", "-q", "--hard", "HEAD~1"]);
    world.git(&["mv", "docs/x.tf", "infra/x.tf"]);
    world.commit(&good("Move it in"));
    world.push(&["main"]).refused("`infra/x.tf`, line 2");
}

#[test]
fn what_lands_counts_and_not_what_was_on_the_way() {
    let world = world();
    let base = world.main();
    // A branch adds a line, moves its file, and takes the line away again; a merge brings all of it.
    world.git(&["checkout", "-q", "-b", "topic"]);
    world.write("infra/a.tf", "1\n2\n3\n4\n5\nallow 0.0.0.0/0\n");
    world.commit(&good("Add"));
    world.git(&["mv", "infra/a.tf", "infra/b.tf"]);
    let open = world.commit(&good("Move"));
    world.write("infra/b.tf", "1\n2\n3\n4\n5\n");
    let closed = world.commit(&good("Take away"));
    for (tip, lands) in [(&open, false), (&closed, true)] {
        world.git(&["checkout", "-q", "-B", "main", &base]);
        let message = good("Merge the topic");
        world.git(&["merge", "-q", "--no-ff", "-m", &message, tip]);
        let merge = world.head();
        let pushed = world.push(&[&format!("{merge}:{MAIN}")]);
        match lands {
            true => pushed.accepted(),
            false => pushed.refused("`infra/b.tf`, line 6"),
        };
    }
}

#[test]
fn the_digest_of_what_lands_is_stated() {
    let policy = format!(
        "{POLICY}fields: {{ Model-Digest: {{ text: {{ min-length: 10 }} }} }}\nrules:\n  digest: {{ require: {{ digest-of: {{ \
         field: Model-Digest, path: 'models/**' }} }} }}\n"
    );
    let world = World::under(&policy);
    let digest = |content: &str| -> String {
        Sha256::digest(content.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let stated = |digest: &str| format!("{}Model-Digest: sha256:{digest}\n", good("Add a model"));
    let object = digest("weights");
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{object}\nsize 7\n");
    let base = world.main();
    for (content, right) in
        [("weights", digest("weights")), (pointer.as_str(), object.clone()), ("", digest(""))]
    {
        world.git(&["reset", "-q", "--hard", &base]);
        world.write("models/a", content);
        world.commit(&stated(&digest("other weights")));
        world
            .push(&["main"])
            .refused(&format!("`models/a` has the digest {right}, which `Model-Digest` does not state"));
        world.git(&["commit", "-q", "--amend", "-m", &stated(&right)]);
        world.push(&["main"]).accepted();
        world.git(&["push", "-q", "--no-verify", "origin", "main"]);
        world.git_in("server.git", &["update-ref", MAIN, &base]);
    }
    // What stays as it is has not to be stated again.
    world.git_in("server.git", &["update-ref", MAIN, &world.head()]);
    world.write("b", "1");
    world.commit(&good("Add a file"));
    world.push(&["main"]).accepted();
}

#[test]
fn a_question_that_comes_with_the_policy_is_asked_from_then_on() {
    let world = World::new();
    world.write("policies/changegate.yml", &closed());
    world.write("infra/net.tf", OPEN);
    world.commit(&good("Ask"));
    world.push(&["main"]).accepted();
    world.write("infra/other.tf", OPEN);
    world.commit(&good("Open it"));
    world.push(&["main"]).refused("open");
    world.changegate("work", &["check", "origin/main..HEAD"]).refused("`infra/other.tf`, line 2");
}
