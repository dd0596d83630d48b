//! The refused attempts that became a change: pushes that were denied and came again, amended, as another commit.
//!
//! A denied commit has another id than the one that landed, and is often in no repository any more. So attempts
//! are found by what the ledger kept of them, and each says by what it is linked: an auditor judges whether it is the
//! same change.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Result, bail};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::change::person::canonical_address;
use crate::change::{Change, Commit, Commits, FactKind, NeededFacts, Oid, Text};
use crate::git::Repository;
pub use crate::ledger::audit::refused_attempt::{AttemptLink, RefusedAttempt};
use crate::ledger::audit::refusing_rules::{list_denying_rules, list_refusing_rules};
use crate::ledger::forge::pull_verdicts::is_ticket_key;
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::{LedgerEvent, PullVerdict, digest_bytes};
use crate::ledger::store::{FACTS_FILE, REASONS_FILE, RECORD_FILE, read_ledger_file};
use crate::policy::FOR_CHANGE_TRAILER;

/// How long before a landing an attempt can have been refused.
const MAX_ATTEMPT_AGE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// How many denials are looked at, the newest first.
const MAX_DENIALS: usize = 2_000;

/// How many denials an index holds, the newest.
pub(super) const MAX_INDEXED_DENIALS: usize = 20_000;

/// How many attempts are returned, the newest.
pub(super) const MAX_ATTEMPTS: usize = 50;

/// What a change is recognised by.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ChangeMarks {
    pub(super) pull: Option<Text>,
    pub(super) authors: BTreeSet<String>,
    pub(super) subject: Text,
    pub(super) change_ids: BTreeSet<Text>,
    pub(super) tickets: BTreeSet<Text>,
    pub(super) paths: BTreeSet<Text>,
    /// What it speaks for, as its trailers name that.
    #[serde(default)]
    pub(super) earlier_changes: BTreeSet<Text>,
}

impl ChangeMarks {
    fn add_commit(&mut self, commit: &Commit) {
        self.authors.extend(canonical_address(commit.author.email.as_bytes()));
        self.subject = commit.message.subject();
        for trailer in commit.message.trailers() {
            if trailer.key.eq_ignore_ascii_case("Change-Id") {
                self.change_ids.insert(trailer.value.clone());
            } else if is_ticket_key(&trailer.key) {
                self.tickets.insert(trailer.value.clone());
            } else if trailer.key.eq_ignore_ascii_case(FOR_CHANGE_TRAILER) {
                self.earlier_changes.insert(trailer.value.clone());
            }
        }
        for changed in commit.paths.iter().flatten() {
            self.paths.insert(changed.path.clone());
        }
    }

    /// Returns what the change that these commits are is recognised by.
    pub(crate) fn from_commits(commits: &Commits) -> ChangeMarks {
        let mut marks = ChangeMarks::default();
        for commit in commits {
            marks.add_commit(commit);
        }
        marks
    }

    fn from_change(change: &Change) -> ChangeMarks {
        let mut marks = ChangeMarks::from_commits(&change.commits);
        marks.pull = change.pull.as_ref().ok().map(|pull| pull.name.clone());
        marks
    }

    /// Adds the pull request that brought the change, if one did.
    pub(crate) fn with_pull(mut self, pull: Option<&Text>) -> ChangeMarks {
        self.pull = self.pull.or(pull.cloned());
        self
    }

    /// Adds the other addresses of its authors, which `find_aliases` knows.
    pub(crate) fn with_aliases(mut self, find_aliases: &dyn Fn(&str) -> Vec<String>) -> ChangeMarks {
        let aliases: Vec<String> = self.authors.iter().flat_map(|author| find_aliases(author)).collect();
        let addresses = aliases.iter().filter_map(|alias| canonical_address(alias.as_bytes()));
        self.authors.extend(addresses);
        self
    }

    /// Returns the surest link between both; `None` if they have nothing in common that counts.
    fn find_link(&self, other: &ChangeMarks) -> Option<AttemptLink> {
        if self.pull.is_some() && self.pull == other.pull {
            return Some(AttemptLink::PullRequest);
        }
        if !self.change_ids.is_disjoint(&other.change_ids) {
            return Some(AttemptLink::ChangeId);
        }
        if self.authors.is_disjoint(&other.authors) {
            return None;
        }
        if self.subject == other.subject && !self.subject.as_bytes().is_empty() {
            return Some(AttemptLink::Subject);
        }
        if self.paths == other.paths && !self.paths.is_empty() {
            return Some(AttemptLink::Paths);
        }
        if !self.earlier_changes.is_disjoint(&other.earlier_changes) {
            return Some(AttemptLink::EarlierChange);
        }
        (!self.tickets.is_disjoint(&other.tickets)).then_some(AttemptLink::Ticket)
    }
}

/// What is searched for.
pub(crate) struct AttemptSearch<'a> {
    pub(crate) repository: &'a Repository,
    /// The change, as it landed.
    pub(crate) change: Oid,
    /// Its pull request, if its landing names one.
    pub(crate) pull: Option<Text>,
    /// When it landed, or now if it has not.
    pub(crate) landed_at: Timestamp,
    /// The ids that decisions allowed: an attempt that landed as it was is no refused one.
    pub(crate) allowed: &'a BTreeSet<Oid>,
    /// The commits of the ledger that hold denials, oldest first.
    pub(crate) denials: &'a [Oid],
}

impl AttemptSearch<'_> {
    /// Returns the refused attempts, oldest first.
    ///
    /// # Errors
    ///
    /// Fails if the change or a denial cannot be read.
    pub(crate) fn find_attempts(&self) -> Result<Vec<RefusedAttempt>> {
        let mut needs = NeededFacts::new();
        needs.insert(FactKind::Paths);
        let mut marks = ChangeMarks { pull: self.pull.clone(), ..ChangeMarks::default() };
        match self.repository.read_commit(self.change, &needs) {
            Ok(commit) => marks.add_commit(&commit),
            // A change that is gone from the repository is recognised by its pull request at most.
            Err(_) if marks.pull.is_some() => {}
            Err(_) => return Ok(Vec::new()),
        }
        let mut found = Vec::new();
        for holder in self.denials.iter().rev().take(MAX_DENIALS) {
            self.add_attempts(*holder, &marks, &mut found)?;
            if found.len() >= MAX_ATTEMPTS {
                break;
            }
        }
        found.reverse();
        Ok(found)
    }

    fn add_attempts(&self, holder: Oid, marks: &ChangeMarks, found: &mut Vec<RefusedAttempt>) -> Result<()> {
        for denied in read_denied_changes(self.repository, holder)? {
            if denied.revision == self.change || self.allowed.contains(&denied.revision) {
                continue;
            }
            // The denial of the change itself names it, and is among its records.
            found.extend(denied.link_to(marks, &[], self.landed_at));
        }
        Ok(())
    }
}

/// A change that a decision denied.
pub(super) struct DeniedChange {
    record: u64,
    at: Timestamp,
    pub(super) revision: Oid,
    subject: Text,
    rules: Vec<String>,
    /// True if only something else in the same push was denied: it becomes no other change for that reason.
    pub(super) is_denied_with_push: bool,
    pub(super) marks: ChangeMarks,
}

impl DeniedChange {
    /// Returns the change that a verdict on a pull request denied.
    fn from_verdict(record: u64, verdict: &PullVerdict) -> DeniedChange {
        let mut marks = ChangeMarks { pull: Some(verdict.pull.clone()), ..ChangeMarks::default() };
        if let Some(known) = &verdict.marks {
            marks
                .authors
                .extend(known.author.iter().filter_map(|author| canonical_address(author.as_bytes())));
            marks.subject.clone_from(&known.subject);
            marks.change_ids.extend(known.change_ids.iter().cloned());
            marks.tickets.extend(known.tickets.iter().cloned());
            marks.paths.extend(known.paths.iter().cloned());
        }
        DeniedChange {
            record,
            at: verdict.judged_at,
            revision: verdict.revision,
            subject: marks.subject.clone(),
            rules: verdict.rules.clone(),
            is_denied_with_push: false,
            marks,
        }
    }

    /// Returns the attempt, if it may have become the change that these are the marks and the commits of, and that
    /// landed then.
    pub(super) fn link_to(
        &self,
        marks: &ChangeMarks,
        commits: &[Oid],
        landed_at: Timestamp,
    ) -> Option<RefusedAttempt> {
        if !is_in_time(self.at, landed_at) {
            return None;
        }
        let link = match (commits.contains(&self.revision), self.is_denied_with_push) {
            (true, _) => AttemptLink::Commit,
            (false, true) => return None,
            (false, false) => marks.find_link(&self.marks)?,
        };
        Some(RefusedAttempt {
            record: self.record,
            at: self.at,
            revision: self.revision,
            subject: self.subject.clone(),
            rules: self.rules.clone(),
            link,
        })
    }
}

/// Returns true if what was refused at this time can have become what landed at that one.
pub(super) fn is_in_time(refused_at: Timestamp, landed_at: Timestamp) -> bool {
    let age = landed_at.duration_since(refused_at);
    age >= SignedDuration::ZERO && age <= MAX_ATTEMPT_AGE
}

/// Returns the changes that the decision in `holder` denied; none if it is no denial.
///
/// # Errors
///
/// Fails if a file cannot be read, or is not the one that the record names: it is no evidence of what was refused.
pub(super) fn read_denied_changes(repository: &Repository, holder: Oid) -> Result<Vec<DeniedChange>> {
    let bytes = read_ledger_file(repository, holder, RECORD_FILE)?.unwrap_or_default();
    let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes) else { return Ok(Vec::new()) };
    let decided = match &record.event {
        LedgerEvent::Decision(decided) => decided,
        LedgerEvent::PullVerdict(verdict) => {
            return Ok(vec![DeniedChange::from_verdict(record.number, verdict)]);
        }
        _ => return Ok(Vec::new()),
    };
    let facts = read_ledger_file(repository, holder, FACTS_FILE)?;
    let reasons = read_ledger_file(repository, holder, REASONS_FILE)?;
    let named = [
        (FACTS_FILE, &facts, decided.facts.kept.then_some(&decided.facts.digest)),
        (REASONS_FILE, &reasons, decided.reasons.as_ref().map(|kept| &kept.digest)),
    ];
    for (name, file, digest) in named {
        let is_named = |digest: &String| file.as_ref().is_some_and(|file| digest_bytes(file) == *digest);
        if !digest.is_none_or(is_named) {
            bail!("{name} beside record {} is missing, or another one than it names", record.number);
        }
    }
    let facts = facts.unwrap_or_default();
    let mut lines = facts.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut found = Vec::new();
    for one in &decided.refs {
        for line in lines.by_ref().take(one.count_changes()) {
            // Facts of another version are evidence of something, and of no attempt that can be told.
            let Ok(change) = serde_json::from_slice::<Change>(line) else { continue };
            let Some(revision) = change.tip().id else { continue };
            let mut rules = list_denying_rules(decided, one, revision);
            let is_denied_with_push = rules.is_empty();
            if is_denied_with_push && !decided.is_allowed() {
                rules = list_refusing_rules(decided);
            }
            if !rules.is_empty() {
                found.push(DeniedChange {
                    record: record.number,
                    at: decided.observed_at,
                    revision,
                    subject: change.tip().message.subject(),
                    rules,
                    is_denied_with_push,
                    marks: ChangeMarks::from_change(&change),
                });
            }
        }
    }
    Ok(found)
}

/// The denied changes of a ledger, by what they are recognised by, so that those of many changes are found quickly.
#[derive(Default)]
pub(crate) struct AttemptIndex {
    denied: Vec<DeniedChange>,
    by_pull: HashMap<Text, Vec<usize>>,
    by_change_id: HashMap<Text, Vec<usize>>,
    by_author: HashMap<String, Vec<usize>>,
    by_revision: HashMap<Oid, Vec<usize>>,
}

impl AttemptIndex {
    /// Reads the denied changes of the newest of these commits of the ledger, which hold denials. Returns those that
    /// cannot be read as well, each with the reason.
    pub(crate) fn read_denials(
        repository: &Repository,
        holders: &[Oid],
    ) -> (AttemptIndex, Vec<(Oid, String)>) {
        let mut index = AttemptIndex::default();
        let mut unread = Vec::new();
        let newest = holders.len().saturating_sub(MAX_INDEXED_DENIALS);
        for holder in holders.iter().skip(newest) {
            match read_denied_changes(repository, *holder) {
                Ok(found) => found.into_iter().for_each(|denied| index.add_denied(denied)),
                Err(error) => unread.push((*holder, format!("{error:#}"))),
            }
        }
        (index, unread)
    }

    /// Returns the subject of the newest change that the refusal of this record was about, if there is one.
    pub(crate) fn find_subject(&self, record: u64) -> Option<&Text> {
        // They were read by the order of their records.
        let after = self.denied.partition_point(|denied| denied.record <= record);
        let of_record = self.denied.get(..after)?.iter().rev().take_while(|denied| denied.record == record);
        // What was denied for itself says more than what came with it.
        let last = of_record.min_by_key(|denied| denied.is_denied_with_push)?;
        (!last.subject.as_bytes().is_empty()).then_some(&last.subject)
    }

    fn add_denied(&mut self, denied: DeniedChange) {
        let place = self.denied.len();
        self.by_revision.entry(denied.revision).or_default().push(place);
        if let Some(pull) = &denied.marks.pull {
            self.by_pull.entry(pull.clone()).or_default().push(place);
        }
        for id in &denied.marks.change_ids {
            self.by_change_id.entry(id.clone()).or_default().push(place);
        }
        for author in &denied.marks.authors {
            self.by_author.entry(author.clone()).or_default().push(place);
        }
        self.denied.push(denied);
    }

    /// Returns the refused attempts that may have become the change with these marks and commits, which landed at
    /// `landed_at`; oldest first.
    pub(crate) fn find_attempts(
        &self,
        marks: &ChangeMarks,
        commits: &[Oid],
        landed_at: Timestamp,
    ) -> Vec<RefusedAttempt> {
        let mut places: BTreeSet<&usize> = BTreeSet::new();
        places.extend(commits.iter().filter_map(|id| self.by_revision.get(id)).flatten());
        places.extend(marks.pull.iter().filter_map(|pull| self.by_pull.get(pull)).flatten());
        places.extend(marks.change_ids.iter().filter_map(|id| self.by_change_id.get(id)).flatten());
        places.extend(marks.authors.iter().filter_map(|author| self.by_author.get(author)).flatten());
        let mut found = Vec::new();
        for place in places.into_iter().rev() {
            let Some(denied) = self.denied.get(*place) else { continue };
            found.extend(denied.link_to(marks, commits, landed_at));
            if found.len() >= MAX_ATTEMPTS {
                break;
            }
        }
        found.reverse();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::record::{RecordedCheckRun, RecordedMarks, RecordedStanding};

    fn denied(pull: &str, marks: Option<RecordedMarks>) -> DeniedChange {
        let verdict = PullVerdict {
            pull: pull.into(),
            target: "refs/heads/main".into(),
            revision: Oid::from_bytes(&[1; 20]).unwrap(),
            standing: RecordedStanding::Denied,
            rules: vec!["risk".into()],
            policy: None,
            judged_at: Timestamp::UNIX_EPOCH,
            check_run: RecordedCheckRun { id: 1, name: "gate".into(), app: None, completed_at: None },
            marks,
            observed_at: Timestamp::UNIX_EPOCH,
            tool: "t".into(),
        };
        DeniedChange::from_verdict(7, &verdict)
    }

    fn link(denied: DeniedChange, marks: &ChangeMarks) -> Option<AttemptLink> {
        let mut index = AttemptIndex::default();
        index.add_denied(denied);
        let landed_at = Timestamp::from_second(60).unwrap();
        let found = index.find_attempts(marks, &[], landed_at);
        let unchanged = index.find_attempts(marks, &[Oid::from_bytes(&[1; 20]).unwrap()], landed_at);
        assert_eq!(unchanged.first().map(|attempt| attempt.link), Some(AttemptLink::Commit));
        found.first().map(|attempt| attempt.link)
    }

    #[test]
    fn a_denied_pull_request_is_linked_to_what_became_of_it() {
        let recorded = || RecordedMarks {
            subject: "Search faster".into(),
            author: Some("Ana@example.com".into()),
            change_ids: vec!["I1".into()],
            tickets: vec!["OPS-1".into()],
            paths: vec!["src/a.rs".into()],
        };
        let by = |pull: Option<&str>| ChangeMarks::default().with_pull(pull.map(Text::from).as_ref());
        assert_eq!(link(denied("a/b#1", None), &by(Some("a/b#1"))), Some(AttemptLink::PullRequest));
        assert_eq!(link(denied("a/b#1", None), &by(Some("a/b#2"))), None);
        let with_author = || {
            let mut marks = by(None);
            marks.authors.extend(canonical_address(b"ana@example.com"));
            marks
        };
        let mut same_id = by(None);
        same_id.change_ids.insert("I1".into());
        let mut same_ticket = with_author();
        same_ticket.tickets.insert("OPS-1".into());
        let mut same_paths = with_author();
        same_paths.paths.insert("src/a.rs".into());
        for (marks, expected) in [
            (same_id, Some(AttemptLink::ChangeId)),
            (same_paths, Some(AttemptLink::Paths)),
            (same_ticket, Some(AttemptLink::Ticket)),
            (with_author(), None),
        ] {
            assert_eq!(link(denied("a/b#1", Some(recorded())), &marks), expected);
        }
    }
}
