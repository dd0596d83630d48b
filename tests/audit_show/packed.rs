//! What `changegate evidence` packs, and what `changegate evidence verify` finds in a pack that somebody touched.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use changegate::audit::evidence::pack_verifier::{PackVerification, verify_pack};
use proptest::prelude::*;

use crate::bench_repository::ShowLab;
use crate::world::{World, bad, good};

/// A pack in a folder of its own; the repository that it was made from is gone.
pub(crate) struct Pack {
    pub(crate) _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

fn make_pack(lab: &ShowLab, changes: &[&str]) -> Pack {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack");
    let out = path.to_str().unwrap();
    lab.print(&[&["evidence"], changes, &["--out", out, "--as-of", "2027-01-31"]].concat());
    Pack { _folder: folder, path }
}

/// A push that is refused and comes again with an approval, packed; both changes are in one folder.
pub(crate) fn make_live_pack() -> Pack {
    let world = World::new();
    world.write("prices", "one\n");
    world.commit(&good("Add prices"));
    world.push(&["main"]).accepted();
    world.write("prices", "two\n");
    world.commit(&bad("Change prices"));
    world.push(&["main"]).refused("peer-review");
    world.git(&["commit", "-q", "--amend", "--no-verify", "-m", &good("Change prices")]);
    world.push(&["main"]).accepted();
    assert!(world.changegate("server.git", &["ledger", "reconcile"]).ok);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack");
    let packed =
        world.changegate("server.git", &["evidence", "HEAD", "HEAD^", "--out", path.to_str().unwrap()]);
    packed.accepted();
    let page = world.changegate("server.git", &["show", "HEAD"]);
    page.accepted()
        .says("denied by peer-review")
        .says("linked by the same author and subject")
        .says("counts for peer-review");
    Pack { _folder: folder, path }
}

impl Pack {
    pub(crate) fn verify(&self) -> PackVerification {
        verify_pack(&self.path, None, &[]).unwrap()
    }

    /// Returns every file with its content.
    pub(crate) fn read_files(&self) -> BTreeMap<String, Vec<u8>> {
        fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(root, &path, found);
                } else {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                    found.insert(name, fs::read(&path).unwrap());
                }
            }
        }
        let mut found = BTreeMap::new();
        walk(&self.path, &self.path, &mut found);
        found
    }

    /// Writes the manifest again, as a forger would.
    pub(crate) fn repair_manifest(&self) {
        let mut names: Vec<String> = self.read_files().into_keys().collect();
        names.retain(|name| name != "MANIFEST.sha256");
        let output = Command::new("sha256sum").args(&names).current_dir(&self.path).output().unwrap();
        assert!(output.status.success());
        fs::write(self.path.join("MANIFEST.sha256"), output.stdout).unwrap();
    }

    pub(crate) fn list_problems(&self) -> Vec<String> {
        self.verify().checks.into_iter().flat_map(|check| check.problems).collect()
    }
}

#[test]
fn a_pack_is_verified_without_its_repository() {
    let pack = make_live_pack();
    let verified = pack.verify();
    assert!(verified.is_whole(), "{verified:#?}");
    let says: Vec<&str> = verified.checks.iter().map(|check| check.says.as_str()).collect();
    assert!(says[2].starts_with("2 changes with 2 changed files"), "{says:?}");
    // The refused attempt is one of the decisions.
    assert_eq!(says[4], "judged again, 3 verdicts of 3 decisions come out the same");
    let unchecked: Vec<&String> = verified.checks.iter().flat_map(|check| &check.unchecked).collect();
    let named = |words: &str| unchecked.iter().filter(|what| what.contains(words)).count();
    assert_eq!(
        [named("no signers"), named("no other later commit"), named("what links the refusals")],
        [1, 2, 2],
        "{unchecked:?}"
    );
    // What others read of it.
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(program).args(args).current_dir(&pack.path).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    run("sha256sum", &["--strict", "--quiet", "-c", "MANIFEST.sha256"]);
    for kind in ["commit", "tree", "blob"] {
        for entry in fs::read_dir(pack.path.join("git").join(kind)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert_eq!(run("git", &["hash-object", "-t", kind, &format!("git/{kind}/{name}")]).trim(), name);
        }
    }
    let policy = pack.read_files().into_iter().filter(|(name, _)| name.starts_with("git/blob/"));
    let policies = policy.filter(|(_, content)| content.starts_with(b"changegate: 1")).count();
    assert!(policies >= 1, "the policy is not in the pack");
}

/// The ledger of a version that kept less is packed and verified as well.
#[test]
fn a_pack_of_an_older_ledger_says_what_it_does_not_keep() {
    let pack = make_pack(&ShowLab::with_ledger(), &["7f3ad0f", "74f4fbc"]);
    let verified = pack.verify();
    assert!(verified.is_whole(), "{verified:#?}");
    let unchecked = &verified.checks[2].unchecked;
    let why = "what its verdict rests on, which record 6 does not keep";
    assert_eq!(unchecked.iter().filter(|what| what.ends_with(why)).count(), 1, "{unchecked:?}");
}

#[test]
fn the_same_repository_and_time_make_the_same_pack() {
    let lab = ShowLab::with_ledger();
    let (first, second) = (make_pack(&lab, &["INC-1"]), make_pack(&lab, &["7f3ad0f"]));
    assert_eq!(first.read_files(), second.read_files());
    let complaint = lab.complain(&["evidence", "INC-1", "--out", first.path.to_str().unwrap()]);
    assert!(complaint.contains("exists"), "{complaint}");
}

#[test]
fn a_flipped_byte_is_found_at_the_ends_of_every_file() {
    let pack = make_live_pack();
    for (name, content) in pack.read_files() {
        assert!(!content.is_empty(), "{name}");
        for place in [0, content.len() / 2, content.len() - 1] {
            let mut touched = content.clone();
            touched[place] ^= 1;
            fs::write(pack.path.join(&name), &touched).unwrap();
            assert!(!pack.verify().is_whole(), "byte {place} of {name}");
        }
        fs::write(pack.path.join(&name), &content).unwrap();
    }
    assert!(pack.verify().is_whole());
}

/// A manifest that was written again hides nothing of what others vouch for or what follows from it.
#[test]
fn a_forger_who_writes_the_manifest_again_is_found() {
    let pack = make_live_pack();
    for (name, content) in pack.read_files() {
        if matches!(name.as_str(), "README.md" | "MANIFEST.sha256" | "pack.json") {
            continue;
        }
        let mut touched = content.clone();
        let middle = touched.len() / 2;
        touched[middle] ^= 1;
        fs::write(pack.path.join(&name), &touched).unwrap();
        pack.repair_manifest();
        let verified = pack.verify();
        assert!(!verified.is_whole(), "{name}");
        assert!(verified.checks[0].problems.is_empty(), "{name}: {:?}", verified.checks[0]);
        fs::write(pack.path.join(&name), &content).unwrap();
        pack.repair_manifest();
    }
    assert!(pack.verify().is_whole());
}

/// A file that nothing in the pack accounts for could be taken for a part of it.
#[test]
fn a_file_that_the_index_does_not_name_is_found_although_the_manifest_lists_it() {
    let pack = make_live_pack();
    let files = pack.read_files();
    let page = files.keys().find(|name| name.ends_with("/page.html")).unwrap().clone();
    let record =
        files.keys().find(|name| name.ends_with("/record.json") && name.starts_with("ledger")).unwrap();
    let signed = page.replace("page.html", "page-signed.html");
    for (extra, like) in [
        (signed.as_str(), page.as_str()),
        ("changes/0123456789/page.html", &page),
        ("ledger/00000998/record.json", record),
        ("attestations.intoto.jsonl", "README.md"),
        ("git/note", "README.md"),
    ] {
        let path = pack.path.join(extra);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &files[like]).unwrap();
        pack.repair_manifest();
        let problems = pack.list_problems();
        assert!(problems.iter().any(|what| what.starts_with(extra)), "{extra}: {problems:?}");
        fs::remove_file(&path).unwrap();
        pack.repair_manifest();
    }
    assert!(pack.verify().is_whole());
}

/// Pages that another version wrote are not checked, and the last line says so.
#[test]
fn pages_of_another_version_are_not_passed_in_silence() {
    let pack = make_live_pack();
    let verify = || {
        let mut command = Command::new(crate::world::BINARY);
        let output = command.args(["evidence", "verify"]).arg(&pack.path).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(verify().ends_with("\nverification passed\n"));
    let tool = concat!("\"tool\": \"changegate ", env!("CARGO_PKG_VERSION"), "\"");
    for (name, content) in pack.read_files() {
        let is_page = name.starts_with("changes/") && !name.ends_with("values.json");
        if let (true, Ok(text)) = (is_page || name == "pack.json", String::from_utf8(content)) {
            let text = text.replacen(tool, "\"tool\": \"changegate 0.0.9\"", 1);
            let text = if name.ends_with("page.html") { text.replace("Ben", "Bob") } else { text };
            fs::write(pack.path.join(&name), text).unwrap();
        }
    }
    pack.repair_manifest();
    assert_eq!(pack.verify().count_unchecked_pages(), 2);
    let told = verify();
    let last = told.trim_end().rsplit("\n\n").next().unwrap();
    assert!(last.starts_with("verification passed without the pages and the values of 2 changes"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
}

/// The document that pages are made of is held against the commits and the ledger.
#[test]
fn a_forged_document_is_found_although_its_pages_agree() {
    let pack = make_live_pack();
    let folder = pack.path.join("changes");
    let mut forged = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path().join("record.json");
        let document = fs::read_to_string(&path).unwrap();
        let lies = [
            ("\"email\": \"ana@example.com\"", "\"email\": \"ben@example.com\""),
            ("\"title\": \"", "\"title\": \"Not "),
            ("\"by\": \"Ben <ben@example.com>\"", "\"by\": \"Cleo <cleo@example.com>\""),
        ];
        for (from, to) in lies {
            assert!(document.contains(from), "{document}");
            fs::write(&path, document.replacen(from, to, 1)).unwrap();
            pack.repair_manifest();
            assert!(!pack.verify().is_whole(), "{from}");
            forged += 1;
        }
        fs::write(&path, document).unwrap();
    }
    assert_eq!(forged, 6);
}

/// A change past the gate, and what was reported of it, packed.
fn make_bypass_pack() -> Pack {
    let world = World::new();
    world.write("prices", "one\n");
    world.commit(&good("Add prices"));
    world.push(&["main"]).accepted();
    world.write("prices", "two\n");
    world.commit("Past the gate\n");
    world.git_in("server.git", &["fetch", "-q", "../work", "main:main"]);
    // It ends with 1, since there is such a change.
    world.changegate("server.git", &["ledger", "reconcile"]).says("unauthorised");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack");
    world.changegate("server.git", &["evidence", "HEAD", "--out", path.to_str().unwrap()]).accepted();
    world.changegate("server.git", &["show", "HEAD"]).accepted().says("WITHOUT A DECISION");
    Pack { _folder: folder, path }
}

/// Whatever a forger makes agree in the files of a change, the records say how it landed.
#[test]
fn a_forger_who_makes_a_bypass_a_decision_is_found() {
    let pack = make_bypass_pack();
    assert!(pack.verify().is_whole(), "{:#?}", pack.verify());
    let files = pack.read_files();
    let restore = || {
        for (name, content) in &files {
            let path = pack.path.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    };
    let change = files.keys().find(|name| name.ends_with("values.json")).unwrap();
    let change = change.strip_suffix("values.json").unwrap().to_owned();
    let edit = |name: &str, lies: &[(&str, &str)]| {
        let path = pack.path.join(format!("{change}{name}"));
        let mut text = fs::read_to_string(&path).unwrap();
        for (from, to) in lies {
            text = text.replace(from, to);
        }
        fs::write(path, text).unwrap();
    };
    let page = [
        ("it came WITHOUT A DECISION", "a decision allowed it"),
        ("UNAUTHORISED: it came without a decision and is not regularised", "closed: it owes nothing"),
        ("\"bypassed\": \"unauthorised\"", "\"bypassed\": \"none\""),
        ("\"state\": \"unauthorised\"", "\"state\": \"closed\""),
    ];
    for name in ["record.json", "page.html", "page.md"] {
        edit(name, &page);
    }
    pack.repair_manifest();
    let problems = pack.list_problems();
    assert!(
        problems.iter().any(|what| what.contains("record.json is not what its values make")),
        "{problems:?}"
    );
    // The values as well.
    edit("values.json", &[("\"origin\": \"unauthorised\"", "\"origin\": \"decided\"")]);
    pack.repair_manifest();
    let problems = pack.list_problems();
    assert!(problems.iter().any(|what| what.contains("whether a decision brought it")), "{problems:?}");
    restore();
    // The record is taken out, and nothing names it any more.
    let index: serde_json::Value = serde_json::from_slice(&files["pack.json"]).unwrap();
    let number = index["changes"][0]["records"][0].as_u64().unwrap();
    let mut forged = index.clone();
    for list in ["/changes/0/records", "/ledger/records"] {
        let list = forged.pointer_mut(list).unwrap().as_array_mut().unwrap();
        list.retain(|one| *one != number && one["number"] != number);
    }
    fs::write(pack.path.join("pack.json"), serde_json::to_vec_pretty(&forged).unwrap()).unwrap();
    fs::remove_dir_all(pack.path.join(format!("ledger/{number:08}"))).unwrap();
    pack.repair_manifest();
    let problems = pack.list_problems();
    let named = format!("record {number} is about it and is not in the pack: unauthorised refs/heads/main");
    assert!(problems.iter().any(|what| what.contains(&named)), "{problems:?}");
    restore();
    pack.repair_manifest();
    assert!(pack.verify().is_whole());
}

#[test]
fn files_that_are_cut_replaced_gone_or_added_are_named() {
    let pack = make_live_pack();
    let files = pack.read_files();
    for (name, content) in &files {
        let path = pack.path.join(name);
        let is_named = |problems: &[String]| problems.iter().any(|problem| problem.contains(name.as_str()));
        for cut in [content.len() / 2, content.len() - 1] {
            fs::write(&path, &content[..cut]).unwrap();
            let problems = pack.list_problems();
            assert!(is_named(&problems) || name == "MANIFEST.sha256", "{name} cut to {cut}: {problems:?}");
            assert!(!problems.is_empty(), "{name} cut to {cut}");
        }
        let other = files.iter().find(|(other, text)| *other != name && *text != content).unwrap();
        fs::write(&path, other.1).unwrap();
        assert!(!pack.verify().is_whole(), "{name} replaced by {}", other.0);
        fs::remove_file(&path).unwrap();
        let problems = pack.list_problems();
        assert!(is_named(&problems), "{name} removed: {problems:?}");
        fs::create_dir(&path).unwrap();
        let problems = pack.list_problems();
        assert!(is_named(&problems), "{name} as a folder: {problems:?}");
        fs::remove_dir(&path).unwrap();
        fs::write(&path, content).unwrap();
    }
    fs::write(pack.path.join("git/blob/extra"), "x").unwrap();
    assert!(pack.list_problems().iter().any(|problem| problem.contains("git/blob/extra")));
    fs::remove_file(pack.path.join("git/blob/extra")).unwrap();
    assert!(pack.verify().is_whole());
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_pack_is_not_followed() {
    let pack = make_live_pack();
    let path = pack.path.join("README.md");
    let outside = pack.path.parent().unwrap().join("outside");
    fs::rename(&path, &outside).unwrap();
    std::os::unix::fs::symlink(&outside, &path).unwrap();
    assert!(
        pack.list_problems()
            .iter()
            .any(|problem| problem.contains("README.md is neither a file nor a folder"))
    );
}

#[test]
fn a_folder_that_is_no_pack_is_refused_without_a_panic() {
    let lab = ShowLab::with_policy();
    let output = lab.run(&["evidence", "verify", "policies"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("MANIFEST.sha256") && text.ends_with("verification failed\n"), "{text}");
    assert!(lab.complain(&["evidence", "verify", "nowhere"]).contains("is not a folder"));
}

#[test]
fn a_pack_without_a_ledger_holds_and_says_so() {
    let mut lab = ShowLab::with_policy();
    lab.commit("Add carts\n\nRisk: low\nTicket: SEC-1\n", "Ana", Some(("a", "1")));
    lab.commit("Add a film\n\nRisk: low\nTicket: SEC-2\n", "Ana", Some(("film", &"x".repeat(2 << 20))));
    let pack = make_pack(&lab, &["SEC-1"]);
    let verified = pack.verify();
    assert!(verified.is_whole(), "{verified:#?}");
    assert!(verified.index.unwrap().ledger.is_none());
    let patch =
        fs::read_dir(pack.path.join("changes")).unwrap().next().unwrap().unwrap().path().join("change.patch");
    assert!(fs::read_to_string(patch).unwrap().contains("+1"), "the patch does not show the file");
    // Of a file that is too long, the id and the size are packed.
    let pack = make_pack(&lab, &["SEC-2"]);
    let verified = pack.verify();
    assert!(verified.is_whole(), "{verified:#?}");
    let left_out = verified.index.unwrap().left_out;
    assert_eq!(left_out.len(), 1);
    assert_eq!(left_out[0].size, Some(2 << 20));
    assert!(verified.checks[2].unchecked[0].contains("it has no patch"), "{:?}", verified.checks[2]);
}

/// A tree with directories that a change leaves alone gets its patch all the same: it leads from the tree before to the
/// tree that landed, for every kind of change.
#[cfg(unix)]
#[test]
fn the_patch_of_any_change_leads_from_one_tree_to_the_next() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let mut lab = ShowLab::with_policy();
    for folder in ["kept/deep/er", "a/b", "a.b", "a-b"] {
        fs::create_dir_all(lab.path.join(folder)).unwrap();
        fs::write(lab.path.join(folder).join("one"), format!("{folder}\n")).unwrap();
    }
    let mut landed = vec![lab.commit("Add folders\n\nRisk: low\n", "Ana", Some(("a/b/two", "1\n2\n3\n")))];
    let path = lab.path.clone();
    let change_tree: [(&str, &dyn Fn()); 8] = [
        ("deep", &|| fs::write(path.join("a/b/two"), "1\n2\nthree\n").unwrap()),
        ("mode", &|| fs::set_permissions(path.join("a.b/one"), fs::Permissions::from_mode(0o755)).unwrap()),
        ("link", &|| symlink("one", path.join("a-b/link")).unwrap()),
        ("no line end", &|| fs::write(path.join("a-b/one"), "x").unwrap()),
        ("to a folder", &|| {
            fs::remove_file(path.join("a.b/one")).unwrap();
            fs::create_dir(path.join("a.b/one")).unwrap();
            fs::write(path.join("a.b/one/two"), "2\n").unwrap();
        }),
        ("to a file", &|| {
            fs::remove_dir_all(path.join("a.b/one")).unwrap();
            fs::write(path.join("a.b/one"), "1\n").unwrap();
        }),
        ("moved", &|| fs::rename(path.join("a/b"), path.join("a-b/c")).unwrap()),
        ("gone", &|| fs::remove_dir_all(path.join("kept/deep")).unwrap()),
    ];
    for (name, change) in change_tree {
        change();
        landed.push(lab.commit(&format!("Change: {name}\n\nRisk: low\n"), "Ana", None));
    }
    let names: Vec<&str> = landed.iter().map(String::as_str).collect();
    let pack = make_pack(&lab, &names);
    let verified = pack.verify();
    assert!(verified.is_whole(), "{verified:#?}");
    assert!(!verified.checks[2].unchecked.iter().any(|what| what.contains("patch")), "{verified:#?}");
    for change in verified.index.unwrap().changes {
        assert_eq!(change.without_patch, None);
        let patch = pack.path.join(&change.folder).join("change.patch");
        lab.git(&["read-tree", &change.parent.unwrap().to_string()]);
        lab.git(&["apply", "--cached", patch.to_str().unwrap()]);
        let wanted = lab.git(&["rev-parse", &format!("{}^{{tree}}", change.commit)]);
        assert_eq!(lab.git(&["write-tree"]), wanted, "{}", fs::read_to_string(&patch).unwrap());
    }
    // Whoever takes a patch away has to say so in pack.json, and that is no reason.
    let index = fs::read_to_string(pack.path.join("pack.json")).unwrap();
    fs::write(
        pack.path.join("pack.json"),
        index.replacen("\"without-patch\": null", "\"without-patch\": \"the disk was full\"", 1),
    )
    .unwrap();
    pack.repair_manifest();
    let problems = pack.list_problems();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].ends_with("change.patch is no file that pack.json accounts for"), "{problems:?}");
    assert!(problems[1].ends_with("it has no patch, and one can be made of its objects"), "{problems:?}");
}

/// One content that is too long for a pack takes nothing from the patch of the others.
#[test]
fn a_patch_leaves_out_what_is_too_long_and_shows_the_rest() {
    let mut lab = ShowLab::with_policy();
    fs::write(lab.path.join("film"), "x".repeat(2 << 20)).unwrap();
    lab.commit("Add a film\n\nRisk: low\nTicket: SEC-2\n", "Ana", Some(("a", "shown\n")));
    let pack = make_pack(&lab, &["SEC-2"]);
    let verified = pack.verify();
    assert!(verified.is_whole(), "{verified:#?}");
    let index = verified.index.unwrap();
    assert!(
        index.limits.iter().any(|limit| limit.contains("leaves out 1 file longer")),
        "{:?}",
        index.limits
    );
    let patch = fs::read_to_string(pack.path.join(&index.changes[0].folder).join("change.patch")).unwrap();
    assert!(patch.contains("+shown") && !patch.contains("film"), "{patch}");
    // Nothing in the pack shows how long it is, so it is told.
    let unchecked = &verified.checks[2].unchecked;
    assert!(unchecked.iter().any(|one| one.starts_with("film: its content ")), "{unchecked:?}");
    // What is short enough is not left out.
    let path = pack.path.join("pack.json");
    let written = fs::read_to_string(&path).unwrap();
    fs::write(&path, written.replace("\"size\": 2097152", "\"size\": 6")).unwrap();
    pack.repair_manifest();
    let problems = pack.list_problems();
    assert!(problems.len() == 1 && problems[0].contains("6 bytes it has to be in the pack"), "{problems:?}");
}

/// One content that the repository has lost takes nothing from the rest of a pack.
#[test]
fn a_lost_content_is_named_and_the_rest_is_packed() {
    let mut lab = ShowLab::with_policy();
    fs::write(lab.path.join("b"), "lost\n").unwrap();
    lab.commit("Add two files\n\nRisk: low\nTicket: SEC-2\n", "Ana", Some(("a", "shown\n")));
    // The id of a file that holds `lost`.
    let lost = "a50bcb6003fee24cd0dcb7d7da23c9150cd95457";
    let stored = lab.path.join(".git/objects").join(&lost[..2]).join(&lost[2..]);
    fs::remove_file(&stored).unwrap();
    let pack = make_pack(&lab, &["SEC-2"]);
    let verified = pack.verify();
    assert!(verified.is_whole(), "{verified:#?}");
    assert!(verified.checks[2].unchecked.iter().any(|one| one.contains(lost)), "{verified:#?}");
    let index = verified.index.unwrap();
    assert!(index.limits.iter().any(|limit| limit.contains(lost)), "{:?}", index.limits);
    let patch = fs::read_to_string(pack.path.join(&index.changes[0].folder).join("change.patch")).unwrap();
    assert!(patch.contains("+shown"), "{patch}");
}

/// The folder of attached files holds those that the pack lists and no other.
#[test]
fn a_file_among_the_attached_ones_that_no_record_tells_of_is_named() {
    let pack = make_live_pack();
    let folder = pack.verify().index.unwrap().changes[0].folder.clone();
    let attached = pack.path.join(folder).join("attachments");
    fs::create_dir_all(&attached).unwrap();
    fs::write(attached.join("9-minutes.txt"), "agreed").unwrap();
    pack.repair_manifest();
    let problems = pack.list_problems();
    assert!(
        problems.len() == 1 && problems[0].ends_with("9-minutes.txt is no file that pack.json accounts for"),
        "{problems:?}"
    );
}

/// A refusal by an earlier policy is judged again too.
#[test]
fn the_policy_of_a_refusal_is_packed_beside_that_of_the_landing() {
    let world = World::new();
    world.write("prices", "two\n");
    world.commit(&bad("Change prices"));
    world.push(&["main"]).refused("peer-review");
    world.git(&["reset", "-q", "--hard", "origin/main"]);
    let policy = fs::read_to_string(world.path("work/policies/changegate.yml")).unwrap();
    world.write("policies/changegate.yml", &policy.replace("name: test", "name: renamed"));
    world.commit(&good("Rename the policy"));
    world.push(&["main"]).accepted();
    world.write("prices", "two\n");
    world.commit(&good("Change prices"));
    world.push(&["main"]).accepted();
    assert!(world.changegate("server.git", &["ledger", "reconcile"]).ok);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack");
    world.changegate("server.git", &["evidence", "HEAD", "--out", path.to_str().unwrap()]).accepted();
    let verified = Pack { _folder: folder, path }.verify();
    assert!(verified.is_whole(), "{verified:#?}");
    assert_eq!(verified.checks[4].says, "judged again, 2 verdicts of 2 decisions come out the same");
    assert_eq!(verified.checks[4].unchecked, [] as [String; 0]);
}

/// What a killed run left behind is gone after the next one for the same folder.
#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    let lab = ShowLab::with_policy();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in [".unfinished-pack-Ab12cD", ".unfinished-other-Ab12cD"] {
        fs::create_dir_all(at(name).join("pack/git")).unwrap();
    }
    lab.print(&["evidence", "HEAD", "--out", at("pack").to_str().unwrap()]);
    assert!(at("pack").is_dir() && !at(".unfinished-pack-Ab12cD").exists());
    // Another folder may be in the making.
    assert!(at(".unfinished-other-Ab12cD").exists());
    fs::create_dir_all(at("audit/.unfinished-dataset-x")).unwrap();
    fs::write(at("audit/.unfinished-y"), "half").unwrap();
    lab.print(&["audit", "--out", at("audit").to_str().unwrap()]);
    let names = fs::read_dir(at("audit")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with('.')).collect();
    assert_eq!(left, Vec::<std::ffi::OsString>::new());
}

#[test]
fn a_signed_ledger_holds_for_its_signer_only() {
    let world = World::new();
    let make_key = |name: &str| {
        let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", "server", "-f", name];
        let made = world.command("ssh-keygen", "").args(arguments).output();
        if made.is_err() {
            return false;
        }
        let key = fs::read_to_string(world.path(&format!("{name}.pub"))).unwrap();
        let signers = format!("changegate@localhost namespaces=\"git\" {key}");
        fs::write(world.path(&format!("{name}.signers")), signers).unwrap();
        true
    };
    if !make_key("key") || !make_key("other") {
        eprintln!("skipped: `ssh-keygen` is not installed");
        return;
    }
    world.configure("changegate.ledgerKey", world.path("key").to_str().unwrap());
    world.write("prices", "one\n");
    world.commit(&good("Add prices"));
    world.push(&["main"]).accepted();
    let uri = "git+https://git.example.com/acme/shop";
    world.changegate("server.git", &["evidence", "HEAD", "--out", "../pack", "--uri", uri]).accepted();
    let verify = |signers: &str| world.changegate("", &["evidence", "verify", "pack", "--signers", signers]);
    verify("key.signers")
        .accepted()
        .says("2 records signed by a signer")
        .says("4 in-toto statements of records");
    verify("other.signers").refused("signatures DOES NOT HOLD record 2");
    // A statement of a record that is not there.
    let path = world.path("pack").join("attestations.intoto.jsonl");
    let statements = fs::read_to_string(&path).unwrap();
    fs::write(&path, statements.replacen("\"changegateRecord\":\"2:", "\"changegateRecord\":\"7:", 1))
        .unwrap();
    verify("key.signers").refused("statement 1 is of no record in the pack");
}

#[test]
fn an_unsigned_ledger_does_not_hold_where_signers_are_given() {
    let lab = ShowLab::with_ledger();
    let pack = make_pack(&lab, &["INC-1"]);
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    fs::write(lab.path.join("signers"), format!("gate@example.com {key}\n")).unwrap();
    let output = lab.run(&["evidence", "verify", pack.path.to_str().unwrap(), "--signers", "signers"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("is not signed"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Any bit of any file, several at once.
    #[test]
    fn flipped_bits_are_found(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..8_u8), 1..4)) {
        let pack = make_live_pack();
        let files: Vec<(String, Vec<u8>)> = pack.read_files().into_iter().collect();
        let mut touched: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (file, place, bit) in flips {
            let (name, content) = file.get(&files);
            let now = touched.entry(name.clone()).or_insert_with(|| content.clone());
            let place = place.index(now.len());
            now[place] ^= 1 << bit;
        }
        let is_changed = touched.iter().any(|(name, now)| files.iter().any(|(known, was)| known == name && was != now));
        for (name, now) in &touched {
            fs::write(pack.path.join(name), now).unwrap();
        }
        prop_assert_eq!(pack.verify().is_whole(), !is_changed);
    }
}

#[test]
fn a_repository_that_libgit2_does_not_read_gets_no_pack_and_is_told_why() {
    let policy = "changegate: 1\nname: shop\nextends: [core]\nprotects: [main]\nrules:\n  risk:\n    title: it states its risk\n    require: { field: { Risk: { present: true } } }\n";
    let world = World::with(Some(policy), "sha256");
    let out = world.path("pack");
    let told = world.changegate("work", &["evidence", "HEAD", "--out", out.to_str().unwrap()]);
    told.refused("a repository with SHA-256 ids cannot be made");
    assert!(!out.exists());
}

/// The statements of a pack are signed by a key of one's own, and a statement of nobody's is found.
#[test]
fn statements_of_a_pack_are_signed() {
    let world = World::new();
    world.commit(&good("Add prices"));
    world.push(&["main"]).accepted();
    assert!(world.changegate("server.git", &["ledger", "reconcile"]).ok);
    let key = world.path("gate");
    let mut keygen = Command::new("ssh-keygen");
    let Ok(made) = keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status() else {
        eprintln!("skipped: `ssh-keygen` is not installed");
        return;
    };
    assert!(made.success());
    let (key, public) = (key.to_str().unwrap().to_owned(), world.path("gate.pub"));
    let public = public.to_str().unwrap();
    let uri = ["--uri", "git+https://git.example.com/acme/shop"];
    let make = |name: &str, more: &[&str]| {
        let out = world.path(name).to_str().unwrap().to_owned();
        world
            .changegate("server.git", &[&["evidence", "HEAD", "--out", &out], &uri[..], more].concat())
            .accepted();
        out
    };
    let (signed, unsigned) = (make("signed", &["--key", &key]), make("unsigned", &[]));
    let verify = |folder: &str, more: &[&str]| {
        world.changegate("work", &[&["evidence", "verify", folder], more].concat())
    };
    verify(&signed, &["--key", public])
        .accepted()
        .says("4 in-toto statements of records in the pack, signed by a key");
    verify(&signed, &[]).accepted().says("who signed them: name a file of a public key with --key");
    verify(&unsigned, &[]).accepted().says("in the pack, unsigned");
    verify(&unsigned, &["--key", public]).refused("without an envelope, so nobody has signed it");
    let lines = world.path("signed").join("attestations.intoto.jsonl");
    let told =
        world.changegate("work", &["evidence", "verify-statement", lines.to_str().unwrap(), "--key", public]);
    told.accepted().says("4 statements, verified");
}
