//! The index of a ledger: with it, without it, with a damaged, an older or another one, the answer is the same.

use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use changegate::change::Text;
use changegate::git::Repository;
use changegate::ledger::audit::history_fold::read_ledger_history;
use changegate::ledger::audit::history_index::{IndexLimits, confirm_move, read_indexed_history};
use changegate::ledger::audit::ledger_history::LedgerHistory;

use crate::bench_repository::ShowLab;

const LEDGER: &str = "refs/changegate/ledger";

/// Everything that a history tells. What refusals are found by stands at its end and is no part of it.
fn describe(history: Option<LedgerHistory>) -> String {
    let told = format!("{:?}", history.unwrap());
    told.split(", refusal_keys: ").next().unwrap().to_owned()
}

fn read_all(lab: &ShowLab) -> String {
    let repository = Repository::discover_from(&lab.path).unwrap();
    describe(read_ledger_history(&repository, &"refs/heads/main".into(), &mut || {}).unwrap())
}

/// Reads by an index, and returns what is told and whether one was used.
fn read_indexed(lab: &ShowLab) -> (String, bool) {
    let repository = Repository::discover_from(&lab.path).unwrap();
    let limits = IndexLimits { min_records: 1, min_new_records: 2 };
    let main = Text::from("refs/heads/main");
    let (history, is_used) = read_indexed_history(&repository, &main, limits, &mut || {}).unwrap();
    (describe(history), is_used)
}

fn find_index(lab: &ShowLab) -> Option<PathBuf> {
    let mut found = fs::read_dir(lab.path.join(".git/changegate")).ok()?.flatten();
    found.find(|entry| entry.file_name().to_str().unwrap().starts_with("index-")).map(|entry| entry.path())
}

#[test]
fn an_index_tells_what_the_records_tell() {
    let lab = ShowLab::with_ledger();
    let all = read_all(&lab);
    assert!(all.contains("Regularised") && all.contains("obligations: {\""), "{all}");
    let show = |words: &str| lab.print(&["show", words, "--as-of", "2027-01-31", "--format", "json"]);
    let words = ["7f3ad0f", "74f4fbc", "INC-1"];
    let pages = words.map(show);
    assert!(find_index(&lab).is_none(), "a short ledger is read without an index");
    assert_eq!(read_indexed(&lab), (all.clone(), false));
    let index = find_index(&lab).unwrap();
    assert_eq!(read_indexed(&lab), (all.clone(), true));
    assert_eq!(words.map(show), pages);
    fs::write(&index, "damaged").unwrap();
    assert_eq!(words.map(show), pages);
}

#[test]
fn a_ledger_that_has_grown_is_read_from_where_the_index_ended() {
    let lab = ShowLab::with_ledger();
    let commits = lab.git(&["rev-list", "--reverse", "--first-parent", LEDGER]);
    let commits: Vec<&str> = commits.lines().collect();
    for length in 1..=commits.len() {
        lab.git(&["update-ref", LEDGER, commits[length - 1]]);
        if let Some(index) = find_index(&lab) {
            fs::remove_file(index).unwrap();
        }
        let (told, is_used) = read_indexed(&lab);
        assert_eq!((told, is_used), (read_all(&lab), false), "{length}");
        // One more record, then all of them: the index that was made for fewer is enough.
        for longer in [length + 1, commits.len()] {
            let Some(tip) = commits.get(longer - 1) else { continue };
            lab.git(&["update-ref", LEDGER, tip]);
            assert_eq!(read_indexed(&lab), (read_all(&lab), true), "{length} {longer}");
            assert_eq!(read_indexed(&lab), (read_all(&lab), true), "{length} {longer}, again");
        }
    }
}

#[test]
fn an_index_of_another_ledger_or_a_damaged_one_is_made_again() {
    let lab = ShowLab::with_ledger();
    let all = read_all(&lab);
    read_indexed(&lab);
    let path = find_index(&lab).unwrap();
    let whole = fs::read(&path).unwrap();
    let step = whole.len() / 40 + 1;
    for place in (0..whole.len()).step_by(step) {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        for content in [damaged.as_slice(), &whole[..place]] {
            fs::write(&path, content).unwrap();
            assert_eq!(read_indexed(&lab), (all.clone(), false), "{place}");
            assert!(fs::read(&path).unwrap() == whole, "{place}");
        }
    }
    // The ledger was cut back, and then another record follows.
    let newest = lab.git(&["rev-parse", LEDGER]);
    lab.git(&["update-ref", LEDGER, &format!("{LEDGER}~2")]);
    let shorter = read_all(&lab);
    assert_eq!(read_indexed(&lab), (shorter.clone(), false));
    let other = lab.git(&["commit-tree", &format!("{newest}^{{tree}}"), "-p", LEDGER, "-m", "other"]);
    lab.git(&["update-ref", LEDGER, &other]);
    fs::write(&path, &whole).unwrap();
    assert_eq!(read_indexed(&lab), (read_all(&lab), false));
    // A ledger with a fault has no index at all.
    assert_eq!(read_indexed(&lab), (read_all(&lab), false));
    lab.git(&["update-ref", "-d", LEDGER]);
    let repository = Repository::discover_from(&lab.path).unwrap();
    let main = Text::from("refs/heads/main");
    let (gone, is_used) =
        read_indexed_history(&repository, &main, IndexLimits::default(), &mut || {}).unwrap();
    assert!(gone.is_none() && !is_used);
}

#[test]
fn a_server_that_has_seen_more_records_than_there_are_is_believed() {
    let lab = ShowLab::with_ledger();
    read_indexed(&lab);
    let seen = lab.path.join(".git/changegate/newest");
    for (written, is_used) in [("1:sha256:00\n", false), ("999:sha256:00\n", false)] {
        fs::write(&seen, written).unwrap();
        let told = read_all(&lab);
        assert!(told.contains("chain_breaks: [ChainBreak"), "{told}");
        assert_eq!(read_indexed(&lab), (told, is_used), "{written}");
    }
    fs::remove_file(seen).unwrap();
    assert_eq!(read_indexed(&lab), (read_all(&lab), true));
}

#[test]
fn where_no_index_can_be_written_the_records_are_read() {
    let lab = ShowLab::with_ledger();
    // A file stands where the folder would.
    fs::write(lab.path.join(".git/changegate"), "").unwrap();
    let repository = Repository::discover_from(&lab.path).unwrap();
    let main = Text::from("refs/heads/main");
    let read = || {
        read_indexed_history(
            &repository,
            &main,
            IndexLimits { min_records: 1, min_new_records: 1 },
            &mut || {},
        )
    };
    match read_ledger_history(&repository, &main, &mut || {}) {
        Ok(all) => {
            let all = describe(all);
            for _ in 0..2 {
                let (history, is_used) = read().unwrap();
                assert_eq!((describe(history), is_used), (all.clone(), false));
            }
        }
        // Then the file that tells the newest record cannot be read, with an index or without.
        Err(error) => assert_eq!(read().unwrap_err().to_string(), error.to_string()),
    }
}

#[test]
fn what_an_index_says_of_a_landing_is_compared_with_the_records() {
    let lab = ShowLab::with_ledger();
    let repository = Repository::discover_from(&lab.path).unwrap();
    let main = Text::from("refs/heads/main");
    let history = read_ledger_history(&repository, &main, &mut || {}).unwrap().unwrap();
    assert!(history.moves.len() > 3);
    for told in &history.moves {
        assert!(confirm_move(&repository, &main, told), "{told:?}");
        let mut others = vec![told.clone(); 4];
        others[0].record += 1;
        others[1].moved.old = others[1].moved.new;
        others[2].holder = history.tip.unwrap();
        if let Some(decision) = &told.decision {
            let mut other = (**decision).clone();
            other.has_reasons = !other.has_reasons;
            others[3].decision = Some(Rc::new(other));
        } else {
            others.pop();
        }
        for other in others {
            let is_same =
                other.holder == told.holder && other.record == told.record && other.moved == told.moved;
            let is_same = is_same && other.decision == told.decision;
            assert!(is_same || !confirm_move(&repository, &main, &other), "{other:?}");
        }
        assert!(!confirm_move(&repository, &"refs/heads/other".into(), told));
    }
}
