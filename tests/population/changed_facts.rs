//! What an audit makes of a ledger whose facts were changed.

use crate::unjudged::list_kind;
use crate::world::{World, good};

/// Facts beside a record that are not those of the decision are no evidence, as reasons are not.
#[test]
fn changed_facts_beside_a_record_end_an_audit_as_changed_reasons_do() {
    let world = World::new();
    world.write("a.txt", "1");
    let id = world.commit(&good("Add a file"));
    world.push(&["main"]).accepted();
    for file in ["facts.jsonl", "reasons.jsonl"] {
        world.git_in("", &["clone", "-q", "--mirror", &world.url(), file]);
        let holders = world.git_in(file, &["rev-list", "--reverse", "refs/changegate/ledger"]);
        let mut parent: Option<String> = None;
        for holder in holders.lines() {
            let tree = world.git_in(file, &["ls-tree", holder]);
            let mut lines: Vec<String> = tree.lines().map(str::to_owned).collect();
            for line in &mut lines {
                if line.ends_with(&format!("\t{file}")) {
                    let blob = line.split_whitespace().nth(2).unwrap().to_owned();
                    let content = world.git_in(file, &["cat-file", "blob", &blob]);
                    let changed = content.replace("Ben", "Dan").replace("ben@", "dan@") + "\n";
                    assert_ne!(changed.trim_end(), content.trim_end(), "{content}");
                    let new = world.git_fed(file, &["hash-object", "-w", "--stdin"], changed.as_bytes());
                    *line = line.replace(&blob, String::from_utf8(new).unwrap().trim());
                }
            }
            let new = world.git_fed(file, &["mktree"], (lines.join("\n") + "\n").as_bytes());
            let new = String::from_utf8(new).unwrap().trim().to_owned();
            let mut raw = world.git_in(file, &["cat-file", "commit", holder]);
            let old_tree = world.git_in(file, &["rev-parse", &format!("{holder}^{{tree}}")]);
            raw = raw.replace(&old_tree, &new);
            if let Some(parent) = &parent {
                let old = world.git_in(file, &["rev-parse", &format!("{holder}^")]);
                raw = raw.replace(&old, parent);
            }
            let commit = world.git_fed(
                file,
                &["hash-object", "-t", "commit", "-w", "--stdin"],
                (raw + "\n").as_bytes(),
            );
            parent = Some(String::from_utf8(commit).unwrap().trim().to_owned());
        }
        world.git_in(file, &["update-ref", "refs/changegate/ledger", &parent.unwrap()]);
        let (code, out) = world.audit_with_code(file, &["--ref", "main"]);
        assert_eq!(code, Some(3), "{file}");
        let told = list_kind(&out, "not-judged");
        assert!(
            told.iter().any(|one| one["what_happened"].as_str().unwrap().contains(file)),
            "{file}: {told:#?}"
        );
        let shown = world.changegate(file, &["show", &id, "--ref", "main"]);
        assert!(!shown.ok && shown.seen.contains(file), "{}", shown.seen);
    }
}
