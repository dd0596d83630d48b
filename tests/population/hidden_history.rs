//! What would take a change out of an audit, or a reason out of sight, is told.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::audited::read_lines;
use crate::simulated_year::{Year, at, emergency, normal};
use crate::unjudged::list_kind;
use crate::world::{World, bad, good};

const ANA: &str = "ana@example.com";

fn list_changes(out: &Path) -> Vec<String> {
    let rows = read_lines(out, "changes.jsonl");
    rows.iter().map(|one| one["merge_sha"].as_str().unwrap().to_owned()).collect()
}

/// The oldest step of a shallow clone cannot be judged, and nothing panics where it is the only one.
#[test]
fn the_step_at_the_cut_of_a_shallow_clone_can_be_asked_about_alone() {
    let mut year = Year::start();
    let cut = year.commit(at("03-01T10:00"), ANA, Some("a.txt"), &normal("At the cut", ""));
    year.commit(at("04-01T10:00"), ANA, Some("a.txt"), &normal("At the tip", ""));
    let world = &year.world;
    let url = format!("file://{}", world.path("work").display());
    world.git_in("", &["clone", "-q", "--depth", "2", &url, "shallow"]);
    let march = ["--from", "2026-03-01", "--to", "2026-03-31", "--as-of", "2026-12-31"];
    let (code, out) = world.audit_with_code("shallow", &march);
    assert_eq!((code, list_changes(&out)), (Some(3), vec![cut.clone()]));
    assert_eq!(list_kind(&out, "unreadable").len(), 1);
    world.changegate("shallow", &["show", "HEAD~1"]).says(&cut[..10]).does_not_say("panicked");
    world.changegate("shallow", &["evidence", "HEAD~1", "--out", "pack"]).does_not_say("panicked");
}

#[test]
fn a_range_that_is_reversed_is_refused() {
    let world = World::new();
    for number in 0..3 {
        world.write("a.txt", &number.to_string());
        world.commit(&good("Change"));
    }
    let refused = world.changegate("work", &["audit", "HEAD~1..HEAD~3", "--out", "out"]);
    refused.refused("is no step of the first-parent history of").says("OLDER..NEWER");
    assert!(!world.path("work/out").exists());
}

/// A range that begins beside the branch is refused with the ranges that say what was meant, and these work when pasted.
#[test]
fn a_range_that_begins_beside_the_branch_is_refused_with_what_to_write() {
    let world = World::new();
    let add = |file: &str| {
        world.write(file, "1");
        world.commit(&good(file))
    };
    let shared = add("a");
    world.git(&["checkout", "-q", "-b", "topic"]);
    let aside = add("b");
    let unmerged = {
        world.git(&["checkout", "-q", "-b", "gone"]);
        add("c")
    };
    world.git(&["checkout", "-q", "main"]);
    let before = add("d");
    world.git(&["merge", "-q", "--no-ff", "-m", &good("Merge the topic"), "topic"]);
    let (merge, after) = (world.head(), add("e"));
    let ask = |range: &str| world.changegate("work", &["audit", range, "--out", "out"]);
    let list = |range: &str| {
        ask(range).accepted();
        list_changes(&world.path("work/out"))
    };
    let tip = after.clone();
    let refused = ask(&format!("{aside}..HEAD"));
    refused.refused("is no step of the first-parent history of");
    let (later, all) = (format!("{merge}..{tip}"), format!("{shared}..{tip}"));
    let words = format!("write {later} for what landed after that, or {all} for every step that {aside}");
    assert!(
        refused.seen.split_whitespace().collect::<Vec<_>>().join(" ").contains(&words),
        "{}",
        refused.seen
    );
    assert_eq!((list(&later), list(&all)), (vec![after.clone()], vec![before, merge, after]));
    let refused = ask(&format!("{unmerged}..HEAD"));
    refused.refused("is no step of").says("have gone apart after");
    world.git(&["checkout", "-q", "--orphan", "other"]);
    let unrelated = add("f");
    world.git(&["checkout", "-q", "main"]);
    ask(&format!("{unrelated}..HEAD")).refused("have no step in common");
}

/// A row names the step that brought the policy that judged it, whichever part of the history is asked for.
#[test]
fn a_row_names_the_commit_that_brought_its_policy() {
    let world = World::new();
    let first = world.git(&["rev-list", "--max-parents=0", "HEAD"]);
    let mut ids = Vec::new();
    for number in 0..3 {
        world.write("a.txt", &number.to_string());
        ids.push(world.commit(&good("Change")));
    }
    world.write("policies/changegate.yml", STRICT);
    let stricter = world.commit(&good("Ask more"));
    for number in 3..5 {
        world.write("a.txt", &number.to_string());
        ids.push(world.commit(&good("Change")));
    }
    for range in ["HEAD".to_owned(), format!("{}..HEAD", ids[0]), format!("{}..{}", ids[1], ids[3])] {
        let (_, out) = world.audit_with_code("work", &[&range]);
        for row in read_lines(&out, "changes.jsonl") {
            let id = row["merge_sha"].as_str().unwrap();
            let Some(place) = ids.iter().position(|one| one == id) else { continue };
            let brought = if place < 3 { &first } else { &stricter };
            let named = row["gate_version"].as_str().unwrap();
            assert!(named.contains(&brought[..10]), "{range}: {named}, and not {brought}");
        }
    }
}

const STRICT: &str = "\
changegate: 1
name: shop
extends: [core]
protects: [main]
rules:
  ticketed:
    title: it has a ticket
    require: { field: { Ticket: { present: true } } }
";

/// Each loosening belongs to the step that brought it: it is told once, also at the end of a branch, and whatever stood
/// there in between.
#[test]
fn a_loosening_is_told_in_the_period_of_its_step_and_in_no_other() {
    let loose = STRICT.split_once("rules:").unwrap().0;
    for between in [None, Some(Some("changegate: 1\nrules: [\n")), Some(None)] {
        let world = World::under(STRICT);
        if let Some(unusable) = between {
            match unusable {
                Some(text) => world.write("policies/changegate.yml", text),
                None => fs::remove_file(world.path("work/policies/changegate.yml")).unwrap(),
            }
            world.commit(&good("Break the policy"));
        }
        let before = world.head();
        world.write("policies/changegate.yml", loose);
        let loosened = world.commit(&good("Ask less"));
        let told = |range: &str| -> Vec<String> {
            let (_, out) = world.audit_with_code("work", &[range]);
            let found = list_kind(&out, "policy-loosened");
            assert!(found.iter().all(|one| one["what_happened"].as_str().unwrap().contains("ticketed")));
            found
                .iter()
                .map(|one| one["subject_id"].as_str().unwrap().rsplit('@').next().unwrap().to_owned())
                .collect()
        };
        let own = [loosened.clone()];
        assert_eq!(told("HEAD"), own, "{between:?}");
        assert_eq!(told(&format!("{before}..{loosened}")), own, "{between:?}");
        world.write("a.txt", "1");
        world.commit(&good("After"));
        assert_eq!(told(&format!("{before}..HEAD")), own, "{between:?}");
        assert_eq!(told(&format!("{loosened}..HEAD")), [] as [String; 0], "{between:?}");
        assert_eq!(told(&before), [] as [String; 0], "{between:?}");
    }
}

/// An empty commit past the hooks is no closing record because it says so.
#[test]
fn what_came_past_the_gate_is_a_change_and_closes_nothing() {
    let mut year = Year::start();
    let owing = year.land(at("03-02T03:00"), ANA, Some("c.txt"), &emergency("Stop charging twice"));
    let record = format!(
        "Look back\n\nFor-Change: {owing}\nEmergency-Ticket: SEC-78\n\
         Retrospective-Review: fine\nReviewed-by: Kim <kim@example.com>\n"
    );
    let past = year.commit(at("03-02T04:00"), ANA, None, &record);
    year.bypass(at("03-02T05:00"));
    let (_, out) = year.world.audit_with_code("server.git", &["--ref", "main", "--as-of", "2026-12-31"]);
    let told = list_kind(&out, "unauthorised-change");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0]["subject_id"].as_str().unwrap().ends_with(&past), "{told:#?}");
    let changes = read_lines(&out, "changes.jsonl");
    let row = |id: &str| changes.iter().find(|one| one["merge_sha"] == id).unwrap();
    assert_eq!((&row(&past)["bypassed"], &row(&owing)["state"]), (&"unauthorised".into(), &"overdue".into()));
    let shown = |id: &str| -> Value {
        let args = ["show", id, "--ref", "main", "--format", "json"];
        let output = year.world.command(crate::world::BINARY, "server.git").args(args).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert_eq!(shown(&past)["commit"], past.as_str());
    assert!(!shown(&owing)["page"].to_string().contains(&past[..10]));
    // Once it is regularised, it is closed by what regularises it, and has closed nothing itself.
    let number = year.unauthorised_record();
    let regularise = format!(
        "{}For-Change: ledger:{number}\nEmergency-Reason: the hook was off while the disk was replaced, and it could not wait\nIncident: INC-9\n",
        normal("Regularise what came past the hook", "")
    );
    let closer = year.land(at("03-02T10:00"), "kim@example.com", Some("f.txt"), &regularise);
    let (_, out) = year.world.audit_with_code("server.git", &["--ref", "main", "--as-of", "2026-12-31"]);
    let changes = read_lines(&out, "changes.jsonl");
    let row = |id: &str| changes.iter().find(|one| one["merge_sha"] == id).unwrap();
    assert_eq!(
        (&row(&past)["bypassed"], &row(&past)["closing_records"]),
        (&"regularised".into(), &closer.into())
    );
    let owing = row(&owing);
    assert_eq!((&owing["closing_records"], &owing["later_tickets"]), (&Value::Null, &Value::Null));
    assert_eq!(owing["state"], "overdue");
}

/// Two periods in a row have every step once, whatever its committer wrote.
#[test]
fn the_date_of_a_committer_takes_no_change_out_of_an_audit() {
    let mut year = Year::start();
    let mut commit = |when: &str| year.commit(at(when), ANA, Some("a.txt"), &normal(when, ""));
    let june: Vec<String> =
        ["06-05T10:00", "12-25T10:00", "06-10T10:00", "01-03T10:00", "06-20T10:00"].map(&mut commit).into();
    let july: Vec<String> = ["07-05T10:00", "07-10T10:00"].map(&mut commit).into();
    let world = &year.world;
    let audit = |from: &str, to: &str| {
        world.audit_with_code("work", &["--from", from, "--to", to, "--as-of", "2026-12-31"]).1
    };
    let out = audit("2026-06-01", "2026-06-30");
    // The first commit of the repository has the date of today.
    let first = world.git(&["rev-list", "--max-parents=0", "HEAD"]);
    let changes = list_changes(&out);
    assert!(changes.ends_with(&june) && changes.iter().all(|id| june.contains(id) || *id == first));
    assert_eq!(list_kind(&out, "contradiction"), [] as [Value; 0]);
    let told = list_kind(&out, "misdated-step");
    let mut told: Vec<&str> =
        told.iter().map(|one| one["subject_id"].as_str().unwrap().rsplit('@').next().unwrap()).collect();
    told.retain(|id| *id != first);
    assert_eq!(told, [june[1].as_str(), &june[3]]);
    let sheet = fs::read_to_string(out.join("completeness.csv")).unwrap();
    assert!(!sheet.contains("whose own time is outside it\",0,0,true"), "{sheet}");
    assert_eq!(list_changes(&audit("2026-07-01", "2026-07-31")), july);
}

/// Whatever was done to the chain of the ledger, an audit is no whole one.
#[test]
fn a_ledger_that_was_touched_is_a_hole() {
    let mut year = Year::start();
    for number in 1..4 {
        year.land(at(&format!("01-1{number}T10:00")), ANA, Some("a.txt"), &normal("Change", ""));
    }
    let world = &year.world;
    let ledger = "refs/changegate/ledger";
    let audit = |folder: &str| -> (Option<i32>, Vec<String>) {
        let (code, out) = world.audit_with_code(folder, &["--ref", "main", "--as-of", "2026-01-14"]);
        assert_eq!(list_kind(&out, "unreadable"), [] as [Value; 0]);
        let told = list_kind(&out, "broken-ledger");
        (code, told.iter().map(|one| one["what_happened"].as_str().unwrap().to_owned()).collect())
    };
    assert_eq!(audit("server.git"), (Some(0), Vec::new()));
    let tip = world.git_in("server.git", &["rev-parse", ledger]);
    // Without the newest record, without the one before it, with another one in its place, without any.
    let put_after = |tree: &str, parent: &str, message_of: &str| {
        let message = world.git_in("server.git", &["log", "-1", "--format=%B", message_of]);
        world.git_in("server.git", &["commit-tree", tree, "-p", parent, "-m", &message])
    };
    let tree = |commit: &str| format!("{commit}^{{tree}}");
    let shortened = put_after(&tree(&tip), &format!("{tip}~2"), &tip);
    let entries = world.git_in("server.git", &["ls-tree", &format!("{tip}~1")]);
    let record = world.git_in("server.git", &["show", &format!("{tip}~1:record.json")]);
    let edited = record.replace("2026-01-13T10", "2026-01-13T09");
    assert_ne!(edited, record);
    let blob = world.git_fed("server.git", &["hash-object", "-w", "--stdin"], edited.as_bytes());
    let blob = String::from_utf8(blob).unwrap();
    let old = world.git_in("server.git", &["rev-parse", &format!("{tip}~1:record.json")]);
    let made = world.git_fed(
        "server.git",
        &["mktree"],
        format!("{}\n", entries.replace(&old, blob.trim())).as_bytes(),
    );
    let made = String::from_utf8(made).unwrap();
    let middle = put_after(made.trim(), &format!("{tip}~2"), &format!("{tip}~1"));
    let replaced = put_after(&tree(&tip), &middle, &tip);
    for (name, held, why) in [
        ("truncated", Some(format!("{tip}~1")), "there were"),
        ("shortened", Some(shortened.clone()), "in the place of"),
        ("replaced", Some(replaced.clone()), "does not follow the record before it"),
        ("gone", None, "there were"),
    ] {
        match held {
            Some(id) => world.git_in("server.git", &["update-ref", ledger, &id]),
            None => world.git_in("server.git", &["update-ref", "-d", ledger]),
        };
        let (code, told) = audit("server.git");
        assert_eq!(code, Some(3), "{name}: {told:?}");
        assert!(told.iter().any(|one| one.contains(why)), "{name}: {told:?}");
    }
    // A clone has never seen the ledger before, and finds what the records themselves show.
    world.git_in("", &["clone", "-q", "server.git", "copy"]);
    for id in [shortened, replaced] {
        world.git_in("server.git", &["update-ref", ledger, &id]);
        world.git_in("copy", &["fetch", "-q", "origin", &format!("+{ledger}:{ledger}")]);
        let (code, told) = audit("copy");
        assert_eq!((code, told.is_empty()), (Some(3), false), "{told:?}");
    }
}

/// What landed while the policy did not protect a branch is not what was there before the gate.
#[test]
fn a_time_without_protection_is_told_with_what_landed_in_it() {
    let world = World::new();
    world.configure("changegate.pusher", "none");
    let policy = fs::read_to_string(world.path("work/policies/changegate.yml")).unwrap();
    world.git(&["checkout", "-q", "-b", "release/1"]);
    world.write("a.txt", "1");
    world.commit(&good("Judged"));
    world.push(&["release/1"]).accepted();
    let set_policy = |text: &str| {
        world.git(&["checkout", "-q", "main"]);
        world.write("policies/changegate.yml", text);
        world.commit(&good("Change the policy"));
        world.push(&["main"]).accepted();
        assert!(world.changegate("server.git", &["ledger", "reconcile"]).ok);
        world.git(&["checkout", "-q", "release/1"]);
    };
    set_policy(&policy.replace(", 'release/*'", ""));
    world.write("a.txt", "2");
    let unjudged = world.commit(&bad("Nobody looks"));
    world.push(&["release/1"]).accepted();
    set_policy(&policy);
    world.write("a.txt", "3");
    world.commit(&good("Judged again"));
    world.push(&["release/1"]).accepted();
    let (code, out) = world.audit_with_code("server.git", &["--ref", "release/1"]);
    let found = list_kind(&out, "gate-gap");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0]["what_happened"].as_str().unwrap().contains("did not protect the ref until"),
        "{found:#?}"
    );
    let told = list_kind(&out, "unrecorded-change");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0]["subject_id"].as_str().unwrap().ends_with(&unjudged), "{told:#?}");
    let gaps = read_lines(&out, "population.jsonl").into_iter().filter(|one| one["kind"] == "gap").count();
    assert_eq!((code, gaps), (Some(3), 1));
}

/// What git shows in place of a stored object, or leaves out of a history, hides nothing.
#[test]
fn replaced_grafted_and_shallow_history_is_told_as_it_is_stored() {
    let world = World::new();
    let mut ids: Vec<String> =
        world.git(&["rev-list", "--reverse", "HEAD"]).lines().map(str::to_owned).collect();
    for number in 0..4 {
        world.write("a.txt", &number.to_string());
        ids.push(world.commit(&bad(&format!("Change {number}"))));
    }
    let told = || list_changes(&world.audit_with_code("work", &["--pack", "core"]).1);
    assert_eq!(told(), ids);
    let hidden = &ids[ids.len() - 2];
    let tree = world.git(&["rev-parse", &format!("{hidden}^{{tree}}")]);
    let innocent = world.git(&["commit-tree", &tree, "-p", &ids[0], "-m", &good("Tidy up")]);
    world.git(&["replace", hidden, &innocent]);
    assert_eq!(world.git(&["rev-list", "--count", "HEAD"]), "3");
    assert_eq!(told(), ids);
    world.git(&["replace", "-d", hidden]);
    world.write(".git/info/grafts", &format!("{} {}\n", ids.last().unwrap(), ids[0]));
    assert_eq!(told(), ids);
    fs::remove_file(world.path("work/.git/info/grafts")).unwrap();
    world.write(".git/shallow", &format!("{hidden}\n"));
    assert_eq!(told(), ids);
}

/// A merge whose first parent is another history takes every earlier step out of the branch, and none out of the audit.
#[test]
fn a_history_that_is_put_beside_an_unrelated_one_is_told_step_by_step() {
    let mut year = Year::start();
    let mut landed = Vec::new();
    for number in 1..4 {
        landed.push(year.land(at(&format!("01-1{number}T10:00")), ANA, Some("a.txt"), &normal("Change", "")));
    }
    let world = &year.world;
    let tree = world.git(&["rev-parse", "HEAD^{tree}"]);
    let root = world.git(&["commit-tree", &tree, "-m", &normal("Begin", "")]);
    let merge = world.git(&["commit-tree", &tree, "-p", &root, "-p", "HEAD", "-m", &normal("Tidy up", "")]);
    world.git(&["reset", "-q", "--hard", &merge]);
    year.bypass(at("01-20T10:00"));
    let (code, out) = year.world.audit_with_code("server.git", &["--ref", "main", "--as-of", "2026-01-21"]);
    let told = list_changes(&out);
    assert!(landed.iter().all(|id| told.contains(id)), "{told:#?}");
    assert!(told.contains(&root) && told.contains(&merge), "{told:#?}");
    assert_eq!((code, list_kind(&out, "ref-moved").len()), (Some(0), 0));
    let past = ["unrecorded-change", "unauthorised-change"].map(|kind| list_kind(&out, kind).len());
    assert!(past.iter().sum::<usize>() >= 2, "{past:?}");
}

/// However a later change says that an earlier one is taken back, that one has failed.
#[test]
fn a_failure_is_found_however_it_is_named() {
    let world = World::new();
    let change = |subject: &str, body: &str| {
        world.write("a.txt", subject);
        world.commit(&format!("{subject}\n\n{body}Change-Type: normal\nRisk: low\n"))
    };
    let [first, second, third] =
        ["Cache it (#12)", "Round it", "Widen it"].map(|subject| change(subject, "It helps.\n\n"));
    let kept = change("Keep it (#14)", "It helps.\n\n");
    change("Revert \"Cache it\" (#13)", "Reverts acme/shop#12\n\n");
    change("Take it back", &format!("This reverts commit {} (Round it, 2026-03-01).\n\n", &second[..8]));
    change("Narrow it", &format!("It was too wide.\n\nCaused-by: {}\n", &third[..8]));
    let (_, out) = world.audit_with_code("work", &["--pack", "core"]);
    let rows = read_lines(&out, "changes.jsonl");
    let outcome = |id: &str| rows.iter().find(|one| one["merge_sha"] == id).unwrap()["outcome"].clone();
    assert_eq!([outcome(&first), outcome(&second)], ["backed-out", "backed-out"]);
    assert_eq!([outcome(&third), outcome(&kept)], ["failed", "none-reported"]);
    // Without a record nothing tells what a change owes, so none is closed.
    assert!(rows.iter().all(|row| row["state"] == "not-known" && row["closed_at"] == Value::Null));
    assert!(rows.iter().all(|row| row["obligations_open"] == Value::Null));
    let figures = read_lines(&out, "key-figures.jsonl");
    let figure = |key: &str| figures.iter().find(|one| one["key"] == key).unwrap();
    for key in ["coverage", "verified_changes", "refused_first"] {
        assert_eq!(figure(key)["value"], Value::Null, "{key}");
    }
}
