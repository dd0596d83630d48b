//! Tells of a shared policy that moved since the decision before: no push here brought that, so no other record would.

use crate::change::Text;
use crate::gate::policy_repositories::read_earlier_policy;
use crate::gate::shared_base::{
    BASE_NOT_SEARCHED, find_brought_bases, find_moved_bases, has_moving_base, list_base_moves,
    note_unknown_bases,
};
use crate::gate::{LoadedPolicy, PushFacts};
use crate::git::Repository;
use crate::ledger::record::DecisionRecord;
use crate::ledger::store::{DecisionSearch, find_newest_decision};
use crate::report::Report;
use crate::verdict::Message;

/// How many records are looked at, from the newest on: a push does not wait for longer, and is told so.
const MAX_RECORDS: usize = 50_000;

/// Adds to the report of a push what became of the shared policies of its refs since the last decision that let something
/// onto the same ref, or that this cannot be told.
pub(crate) fn add_base_moves(report: &mut Report, facts: &PushFacts, repository: &Repository) {
    for (name, loaded) in facts.shared_policies() {
        if has_moving_base(loaded) {
            report.notes.extend(list_ref_moves(repository, (name, loaded), MAX_RECORDS));
        }
    }
}

/// Returns what became of the shared policies of one ref, looking at so many records.
fn list_ref_moves(
    repository: &Repository,
    (name, loaded): (&Text, &LoadedPolicy),
    most: usize,
) -> Vec<Message> {
    let is_wanted = |decided: &DecisionRecord| {
        decided.is_allowed() && decided.refs.iter().any(|one| one.protected && one.name == *name)
    };
    let decided = match find_newest_decision(repository, most, is_wanted) {
        Ok(DecisionSearch::Found(decided)) => decided,
        Ok(DecisionSearch::Absent) => return Vec::new(),
        Ok(DecisionSearch::Stopped) => {
            return vec![BASE_NOT_SEARCHED.with("place", name).with("count", most)];
        }
        Err(error) => return vec![note_unknown_bases(name, format!("{error:#}"))],
    };
    let Some(policy) = &decided.policy else { return Vec::new() };
    // That decision was judged by the policy before it, if it brought another one.
    let notes: Vec<Message> = decided.notes.iter().map(Message::from).collect();
    let earlier = find_moved_bases(loaded, &policy.source, find_brought_bases(&notes, name));
    let mut read = |file: &str, commit| read_earlier_policy(repository, file, commit);
    list_base_moves(loaded, &earlier, name, &mut read)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::gate::load_from_pack;

    /// A search that stops is told, and none that has seen the whole ledger.
    #[test]
    fn a_search_that_stops_is_no_answer() {
        let folder = tempfile::tempdir().unwrap();
        let git = |args: &[&str]| {
            let mut command = Command::new("git");
            command.arg("-C").arg(folder.path()).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null");
            for who in ["AUTHOR", "COMMITTER"] {
                command
                    .env(format!("GIT_{who}_NAME"), "Ana")
                    .env(format!("GIT_{who}_EMAIL"), "ana@example.com");
            }
            assert!(command.status().unwrap().success(), "git {args:?}");
        };
        git(&["init", "-q", "-b", "main"]);
        for number in 0..3 {
            std::fs::write(folder.path().join("record.json"), format!("{{ \"number\": {number} }}")).unwrap();
            git(&["add", "record.json"]);
            git(&["commit", "-q", "-m", "x"]);
        }
        git(&["update-ref", "refs/changegate/ledger", "main"]);
        let repository = Repository::discover_from(folder.path()).unwrap();
        let (name, loaded) = (Text::from("refs/heads/main"), load_from_pack("core").unwrap());
        let codes = |most| -> Vec<String> {
            list_ref_moves(&repository, (&name, &loaded), most)
                .iter()
                .map(|note| note.code().to_owned())
                .collect()
        };
        assert_eq!(codes(2), [BASE_NOT_SEARCHED.code]);
        assert_eq!(codes(3), [""; 0]);
    }
}
