//! What later commits say about earlier changes: that they close what one owes, take one back, or were made necessary
//! by one.
//!
//! An earlier change cannot know this, so it is read before the changes themselves are.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::audit::change_record::field_values::TICKET;
use crate::audit::population::ref_chain::RefChain;
use crate::audit::population::step_evidence::find_claimed_pull;
use crate::audit::population::step_walk::{StepCommits, StepWalk};
use crate::change::text::decode_hex;
use crate::change::{CommitMessage, NeededFacts, Oid, Text};
use crate::gate::obligations::{parse_change_reference, parse_record_reference};
use crate::git::Repository;
use crate::policy::FOR_CHANGE_TRAILER;

/// The trailer that names the change that made this one necessary.
pub(crate) const CAUSED_BY_TRAILER: &str = "Caused-by";

/// The words of `git revert` before the id of the commit that it takes back.
const REVERT_WORDS: &[u8] = b"This reverts commit ";

/// The words of GitHub's button before the pull request that it takes back.
const REVERTED_PULL_WORDS: &[u8] = b"Reverts ";

/// The trailers that say who made a commit, and nothing of another change.
const SAYING_NOTHING: [&str; 3] = ["Co-authored-by", "Signed-off-by", "Change-Id"];

/// The fewest digits by which a file names a commit.
const MIN_REFERENCE_DIGITS: usize = 7;

/// How many digits an id has at most.
const MAX_ID_DIGITS: usize = 64;

/// How many links of one kind are kept for a change.
const MAX_LINKS_OF_A_CHANGE: usize = 100;

/// The links between the steps of a history, by the places of the earlier steps.
#[derive(Debug, Default)]
pub(crate) struct ChangeLinks {
    /// The steps that take a step back.
    pub(crate) reverted_by: BTreeMap<usize, Vec<usize>>,
    /// The steps that name a step as their cause.
    pub(crate) caused: BTreeMap<usize, Vec<usize>>,
    /// The steps that say so of a step, and whose word does not count.
    pub(crate) doubted: BTreeMap<usize, Vec<usize>>,
    /// The steps that speak for a step with `For-Change`.
    pub(crate) spoken_for_by: BTreeMap<usize, Vec<usize>>,
    /// The steps that speak for a record of the ledger, by the number of the record.
    pub(crate) spoken_for_record: BTreeMap<u64, Vec<usize>>,
    /// The steps that speak for a step or a record that is known.
    speakers: BTreeSet<usize>,
    /// The tickets that steps name which speak for others, by their places.
    pub(crate) tickets: BTreeMap<usize, Vec<Text>>,
    /// The steps that take something back or name a cause, whether that is in this history or not.
    pub(crate) repairs: BTreeSet<usize>,
    /// The steps that cannot be read as a whole, so that what they say is not known.
    pub(crate) unread: Vec<usize>,
    /// The step of each commit that a link can name, by the ids.
    steps: Vec<(Oid, usize)>,
}

/// What the messages of one step say about earlier changes, as digits of ids.
#[derive(Default)]
pub(crate) struct StepLinks {
    /// Every commit of the step.
    pub(crate) commits: Vec<Oid>,
    /// True if one of them cannot be read.
    is_unread: bool,
    reverts: Vec<String>,
    /// The pull requests that GitHub's button says it takes back.
    reverted_pulls: Vec<u64>,
    /// The pull request that a forge says the step came from.
    pub(crate) pull: Option<u64>,
    caused_by: Vec<String>,
    speaks_for: Vec<String>,
    tickets: Vec<Text>,
}

impl ChangeLinks {
    /// Reads the links that the steps from the place `first` on state, to each other and to earlier ones. `progress` is called for each step.
    ///
    /// # Errors
    ///
    /// Fails only if `progress` could.
    pub(crate) fn read_links(
        repository: &Repository,
        chain: &RefChain,
        first: usize,
        threads: fn() -> usize,
        progress: &mut dyn FnMut(),
    ) -> Result<ChangeLinks> {
        let Some(last) = chain.steps.len().checked_sub(1) else { return Ok(ChangeLinks::default()) };
        let (needs, trusted_keys) = (NeededFacts::new(), None);
        let walk = StepWalk { repository, chain, needs: &needs, trusted_keys, threads };
        let mut index = LinkIndex::default();
        let mut unread = Vec::new();
        // What earlier steps say is not asked, but later ones speak of them.
        for (place, step) in chain.steps.iter().enumerate().take(first) {
            index.steps.push((step.id, place));
        }
        let read = |commits: StepCommits| {
            let mut links = StepLinks::default();
            for commit in commits {
                match commit {
                    Ok(commit) => {
                        links.commits.extend(commit.id);
                        links.add_message(&commit.message);
                    }
                    Err(_) => links.is_unread = true,
                }
            }
            links
        };
        walk.read_places((first, last), &read, &mut |place, links| {
            if !links.as_ref().is_ok_and(|links| !links.is_unread) {
                unread.push(place);
            }
            index.add_step(place, links.unwrap_or_default());
            progress();
            Ok(())
        })?;
        index.sort_commits();
        if let Some(before) = first.checked_sub(1).filter(|_| index.names_unknown_commit()) {
            // It may be one inside an earlier step.
            let read = |commits: StepCommits| -> Vec<Oid> {
                commits.iter().flatten().filter_map(|commit| commit.id).collect()
            };
            walk.read_places((0, before), &read, &mut |place, commits| {
                for id in commits.unwrap_or_default() {
                    index.steps.push((id, place));
                }
                progress();
                Ok(())
            })?;
            index.sort_commits();
        }
        let mut found = index.resolve_links();
        found.unread = unread;
        Ok(found)
    }

    /// Returns the steps that speak for the step at this place, which the record of this number tells of, each once.
    pub(crate) fn list_speakers(&self, place: usize, record: Option<u64>) -> Vec<usize> {
        let of_record = record.and_then(|number| self.spoken_for_record.get(&number));
        let by = self.spoken_for_by.get(&place).into_iter().chain(of_record).flatten();
        // No step speaks for itself.
        let mut speakers: Vec<usize> = by.copied().filter(|by| *by != place).collect();
        speakers.sort_unstable();
        speakers.dedup();
        speakers
    }

    /// Returns the step that brought a commit, if one of those that were read did.
    pub(crate) fn find_step_with(&self, commit: Oid) -> Option<usize> {
        let place = self.steps.binary_search_by_key(&commit, |(id, _)| *id).ok()?;
        self.steps.get(place).map(|(_, step)| *step)
    }

    /// Forgets what steps state for records that the ledger does not have.
    pub(crate) fn keep_known_records(&mut self, is_known: impl Fn(u64) -> bool) {
        self.spoken_for_record.retain(|number, _| is_known(*number));
        let places = self.spoken_for_by.values().chain(self.spoken_for_record.values()).flatten();
        self.speakers = places.copied().collect();
    }

    /// Returns true if the step at this place says something of an earlier step, or of a record.
    pub(crate) fn speaks_for_known(&self, place: usize) -> bool {
        self.speakers.contains(&place)
    }

    /// Returns the step that holds the only commit whose id begins with these digits, of which there are at least
    /// seven; a repository's name and `@` may stand before them.
    pub(crate) fn find_step_of(&self, reference: &str) -> Option<usize> {
        find_only_step(&self.steps, &parse_reference_digits(reference)?)
    }
}

/// Returns the digits by which a file names a commit, of which there are at least seven; a repository's name and `@`
/// may stand before them.
pub(crate) fn parse_reference_digits(reference: &str) -> Option<String> {
    let digits = reference.rsplit('@').next()?.trim().to_ascii_lowercase();
    let is_id = digits.len() >= MIN_REFERENCE_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { Some(digits) } else { None }
}

impl StepLinks {
    /// Adds what a message of the step says.
    ///
    /// The messages come oldest first, and the last says which pull request the step came from.
    pub(crate) fn add_message(&mut self, message: &CommitMessage) {
        self.pull = find_claimed_pull(message);
        self.reverts.extend(list_reverted_commits(message.body()));
        self.reverted_pulls.extend(list_reverted_pulls(message.body()));
        self.speaks_for.extend(list_spoken_references(message));
        for trailer in message.trailers() {
            if trailer.key.eq_ignore_ascii_case(CAUSED_BY_TRAILER) {
                self.caused_by.extend(parse_cause(&trailer.value));
            } else if TICKET.iter().any(|name| name.eq_ignore_ascii_case(&trailer.key)) {
                self.tickets.push(trailer.value.clone());
            }
        }
    }
}

/// Returns false for a message that says nothing of earlier changes, whatever else it says.
pub(crate) fn states_link(message: &[u8]) -> bool {
    let mut hyphens = memchr::memchr_iter(b'-', message);
    let stands_at = |hyphen: usize, trailer: &str| {
        let start = trailer.find('-').and_then(|before| hyphen.checked_sub(before));
        let written = start.and_then(|start| message.get(start..start + trailer.len()));
        written.is_some_and(|written| written.eq_ignore_ascii_case(trailer.as_bytes()))
    };
    let first_line = message.split(|byte| *byte == b'\n').next().unwrap_or_default();
    memchr::memmem::find(message, REVERT_WORDS).is_some()
        || memchr::memmem::find(message, REVERTED_PULL_WORDS).is_some()
        || memchr::memchr(b'#', first_line).is_some()
        || hyphens.any(|at| stands_at(at, FOR_CHANGE_TRAILER) || stands_at(at, CAUSED_BY_TRAILER))
}

/// Returns the earlier changes and records of which a message says something; none if it names them and says nothing.
pub(crate) fn list_spoken_references(message: &CommitMessage) -> Vec<String> {
    let is_reference = |key: &str| key.eq_ignore_ascii_case(FOR_CHANGE_TRAILER);
    let is_signature = |key: &str| SAYING_NOTHING.iter().any(|known| known.eq_ignore_ascii_case(key));
    let trailers = message.trailers();
    if !trailers.iter().any(|trailer| !is_reference(&trailer.key) && !is_signature(&trailer.key)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for trailer in trailers.iter().filter(|trailer| is_reference(&trailer.key)) {
        found.extend(parse_change_reference(&trailer.value));
    }
    found
}

/// Returns the change that one `Caused-by` names. It says something against a change and closes nothing, so that the
/// digits by which people name a commit are enough.
fn parse_cause(value: &Text) -> Option<String> {
    let digits = value.as_utf8()?.trim().to_ascii_lowercase();
    let is_id = (MIN_REFERENCE_DIGITS..=MAX_ID_DIGITS).contains(&digits.len());
    if is_id && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) { Some(digits) } else { None }
}

/// Returns the pull requests that a message says it takes back, in the words of GitHub's button.
fn list_reverted_pulls(body: &[u8]) -> Vec<u64> {
    let mut found = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        let Some(rest) = line.trim_ascii_end().strip_prefix(REVERTED_PULL_WORDS) else { continue };
        let Some((name, number)) = std::str::from_utf8(rest).ok().and_then(|rest| rest.split_once('#'))
        else {
            continue;
        };
        let is_name = name.split('/').count() == 2 && !name.contains(char::is_whitespace);
        if let (true, Ok(number)) = (is_name, number.parse()) {
            found.push(number);
        }
    }
    found
}

/// Returns the commits that a message says it reverts, in the words of `git revert`: their ids, or the first digits.
fn list_reverted_commits(body: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        let Some(rest) = line.strip_prefix(REVERT_WORDS) else { continue };
        let length = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let digits = rest.get(..length).unwrap_or_default();
        // `git revert` writes a merge as "commit A, reversing changes made to B", and with `revert.reference` the first
        // digits, the subject and the date.
        if (MIN_REFERENCE_DIGITS..=MAX_ID_DIGITS).contains(&length) {
            found.extend(std::str::from_utf8(digits).map(str::to_ascii_lowercase));
        }
    }
    found
}

/// The commits of all steps, and what the steps state, until the digits of ids can be resolved.
#[derive(Default)]
pub(crate) struct LinkIndex {
    /// The step of each commit that a link can name.
    steps: Vec<(Oid, usize)>,
    /// The steps that came from each pull request, as a forge wrote into their first lines.
    pulls: BTreeMap<u64, Vec<usize>>,
    stated: Vec<(usize, StepLinks)>,
}

impl LinkIndex {
    /// Adds the step at this place.
    pub(crate) fn add_step(&mut self, place: usize, links: StepLinks) {
        for id in &links.commits {
            self.steps.push((*id, place));
        }
        if let Some(number) = links.pull {
            self.pulls.entry(number).or_default().push(place);
        }
        let is_revert = !links.reverts.is_empty() || !links.reverted_pulls.is_empty();
        if is_revert || !links.caused_by.is_empty() || !links.speaks_for.is_empty() {
            self.stated.push((place, links));
        }
    }

    /// Puts the commits in order, once all steps are there.
    pub(crate) fn sort_commits(&mut self) {
        self.steps.sort_unstable();
        self.steps.dedup_by(|later, earlier| {
            let is_same = later.0 == earlier.0;
            if is_same {
                earlier.1 = later.1;
            }
            is_same
        });
    }

    fn find_step(&self, digits: &str) -> Option<usize> {
        find_only_step(&self.steps, digits)
    }

    /// Returns true if a step names a commit that is in none of the steps so far.
    fn names_unknown_commit(&self) -> bool {
        self.stated.iter().any(|(_, links)| {
            let digits = links.caused_by.iter().chain(&links.speaks_for);
            let mut commits = digits.filter(|digits| parse_record_reference(digits).is_none());
            links.reverts.iter().any(|digits| self.find_step(digits).is_none())
                || commits.any(|digits| self.find_step(digits).is_none())
        })
    }

    /// Returns the links, by the steps that they are about.
    pub(crate) fn resolve_links(self) -> ChangeLinks {
        let mut found = ChangeLinks::default();
        for (place, links) in &self.stated {
            let mut reverted: BTreeSet<usize> =
                links.reverts.iter().filter_map(|digits| self.find_step(digits)).collect();
            reverted
                .extend(links.reverted_pulls.iter().filter_map(|number| self.pulls.get(number)).flatten());
            if !links.reverts.is_empty() || !links.reverted_pulls.is_empty() || !links.caused_by.is_empty() {
                found.repairs.insert(*place);
            }
            let causes: BTreeSet<usize> =
                links.caused_by.iter().filter_map(|digits| self.find_step(digits)).collect();
            let spoken_for: BTreeSet<usize> =
                links.speaks_for.iter().filter_map(|digits| self.find_step(digits)).collect();
            add_links(&mut found.reverted_by, &reverted, *place);
            add_links(&mut found.caused, &causes, *place);
            add_links(&mut found.spoken_for_by, &spoken_for, *place);
            if !links.speaks_for.is_empty() && !links.tickets.is_empty() {
                found.tickets.insert(*place, links.tickets.clone());
            }
            for reference in &links.speaks_for {
                if let Some(number) = parse_record_reference(reference) {
                    found.spoken_for_record.entry(number).or_default().push(*place);
                }
            }
        }
        found.steps = self.steps;
        found
    }
}

/// Returns the step that holds the only commit whose id begins with these digits, in lower case.
fn find_only_step(steps: &[(Oid, usize)], digits: &str) -> Option<usize> {
    if !digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    // The least id that begins so has zeroes behind the digits.
    let whole = if digits.len().is_multiple_of(2) { digits.to_owned() } else { format!("{digits}0") };
    let least = decode_hex(&whole)?;
    let start = steps.partition_point(|(id, _)| id.as_bytes() < least.as_slice());
    let mut named = steps.iter().skip(start).take_while(|(id, _)| id.to_string().starts_with(digits));
    let (_, place) = named.next()?;
    if named.next().is_some() { None } else { Some(*place) }
}

/// Adds the step `by` to the links of each earlier step; a step says nothing about itself or about later ones.
fn add_links(links: &mut BTreeMap<usize, Vec<usize>>, earlier: &BTreeSet<usize>, by: usize) {
    for place in earlier {
        let known = links.entry(*place).or_default();
        if *place < by && known.len() < MAX_LINKS_OF_A_CHANGE {
            known.push(by);
        }
    }
    links.retain(|_, known| !known.is_empty());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverted_commits_are_those_that_git_names() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        let body =
            format!("Sorry.\n\nThis reverts commit {id}.\nThis reverts commit {id}, reversing\nchanges\n");
        assert_eq!(list_reverted_commits(body.as_bytes()), vec![id.to_owned(); 2]);
        let short = "This reverts commit 0123456 (Cache the lookup, 2026-03-01).\n";
        assert_eq!(list_reverted_commits(short.as_bytes()), ["0123456"]);
        assert!(list_reverted_commits(b"This reverts commit 012345.\n").is_empty());
        assert!(list_reverted_commits(b"> This reverts commit x\n").is_empty());
    }

    #[test]
    fn only_a_message_that_may_state_a_link_is_read() {
        for (message, is_read) in [
            ("Fix it\n\nFor-Change: 0123456\n", true),
            ("Fix it\n\nfoR-cHange : 0123456\n", true),
            ("caused-BY: 1", true),
            ("x\n\nThis reverts commit 0123.\n", true),
            ("x\n\nSigned-off-by: A <a@b>\nCaused by: -\n", false),
            ("-", false),
            ("for-chang", false),
            ("", false),
        ] {
            assert_eq!(states_link(message.as_bytes()), is_read, "{message}");
        }
    }

    #[test]
    fn digits_name_a_step_only_if_no_other_commit_begins_so() {
        let id = |digits: &str| Oid::from_hex(&format!("{digits:0<40}")).unwrap();
        let mut index = LinkIndex::default();
        for (place, digits) in ["abcd1", "abcd2", "ffff", "0"].into_iter().enumerate() {
            index.add_step(place, StepLinks { commits: vec![id(digits)], ..StepLinks::default() });
        }
        index.sort_commits();
        let whole = id("abcd1").to_string();
        for (digits, place) in [
            ("abcd1", Some(0)),
            ("abcd2", Some(1)),
            ("abcd", None),
            ("abcd3", None),
            ("f", Some(2)),
            ("ff", Some(2)),
            ("ffff0", Some(2)),
            ("FFFF", None),
            ("ledger:1", None),
            ("0", Some(3)),
            (whole.as_str(), Some(0)),
            (&format!("{whole}0"), None),
            ("", None),
        ] {
            assert_eq!(index.find_step(digits), place, "{digits}");
        }
    }

    #[test]
    fn reverted_pull_requests_are_those_that_github_names() {
        let body =
            b"Reverts acme/shop#12\nReverts acme/shop#13 and more\n> Reverts acme/shop#14\nReverts #15\n";
        assert_eq!(list_reverted_pulls(body), [12]);
        assert_eq!(list_reverted_pulls(b"Reverts acme/shop#12\r\n\nIt failed.\n"), [12]);
    }

    #[test]
    fn a_cause_is_named_by_the_digits_that_people_use() {
        assert_eq!(parse_cause(&" 1F0C3A9 ".into()).as_deref(), Some("1f0c3a9"));
        for other in ["1f0c3a", "the cache", "ledger:12"] {
            assert_eq!(parse_cause(&other.into()), None, "{other}");
        }
    }
}
