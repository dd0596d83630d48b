//! What later commits say about earlier changes: that they close what one owes, take one back, or were made necessary
//! by one.
//!
//! An earlier change cannot know this, so it is read before the changes themselves are.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::audit::change_record::field_values::TICKET;
use crate::audit::population::ref_chain::RefChain;
use crate::audit::population::step_walk::{StepCommits, StepWalk};
use crate::change::{CommitMessage, NeededFacts, Oid, Text};
use crate::gate::obligations::{parse_change_reference, parse_record_reference};
use crate::git::Repository;
use crate::policy::FOR_CHANGE_TRAILER;

/// The trailer that names the change that made this one necessary.
pub(crate) const CAUSED_BY_TRAILER: &str = "Caused-by";

/// The trailers that say who made a commit, and nothing of another change.
const SAYING_NOTHING: [&str; 3] = ["Co-authored-by", "Signed-off-by", "Change-Id"];

/// The fewest digits by which a file names a commit.
const MIN_REFERENCE_DIGITS: usize = 7;

/// How many links of one kind are kept for a change.
const MAX_LINKS_OF_A_CHANGE: usize = 100;

/// The links between the steps of a history, by the places of the earlier steps.
#[derive(Debug, Default)]
pub(crate) struct ChangeLinks {
    /// The steps that take a step back.
    pub(crate) reverted_by: BTreeMap<usize, Vec<usize>>,
    /// The steps that name a step as their cause.
    pub(crate) caused: BTreeMap<usize, Vec<usize>>,
    /// The steps that speak for a step with `For-Change`.
    pub(crate) spoken_for_by: BTreeMap<usize, Vec<usize>>,
    /// The steps that speak for a record of the ledger, by the number of the record.
    pub(crate) spoken_for_record: BTreeMap<u64, Vec<usize>>,
    /// The steps that speak for a step or a record that is known.
    speakers: BTreeSet<usize>,
    /// The tickets that steps name which speak for others, by their places.
    pub(crate) tickets: BTreeMap<usize, Vec<Text>>,
    /// The steps that cannot be read as a whole, so that what they say is not known.
    pub(crate) unread: Vec<usize>,
    /// The step of each commit that a link can name.
    steps: BTreeMap<String, usize>,
}

/// What the messages of one step say about earlier changes, as digits of ids.
#[derive(Default)]
struct StepLinks {
    /// Every commit of the step.
    commits: Vec<Oid>,
    /// True if one of them cannot be read.
    is_unread: bool,
    reverts: Vec<Oid>,
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
            index.steps.insert(step.id.to_string(), place);
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
        if let Some(before) = first.checked_sub(1).filter(|_| index.names_unknown_commit()) {
            // It may be one inside an earlier step.
            let read = |commits: StepCommits| -> Vec<Oid> {
                commits.iter().flatten().filter_map(|commit| commit.id).collect()
            };
            walk.read_places((0, before), &read, &mut |place, commits| {
                for id in commits.unwrap_or_default() {
                    index.steps.insert(id.to_string(), place);
                }
                progress();
                Ok(())
            })?;
        }
        let mut found = index.resolve_links();
        found.steps = index.steps;
        found.unread = unread;
        Ok(found)
    }

    /// Forgets what some steps state for earlier ones.
    pub(crate) fn drop_speakers(&mut self, is_dropped: impl Fn(usize) -> bool) {
        for by in self.spoken_for_by.values_mut().chain(self.spoken_for_record.values_mut()) {
            by.retain(|place| !is_dropped(*place));
        }
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
        let digits = reference.rsplit('@').next()?.trim().to_ascii_lowercase();
        let is_id =
            digits.len() >= MIN_REFERENCE_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id { find_only_step(&self.steps, &digits) } else { None }
    }
}

impl StepLinks {
    fn add_message(&mut self, message: &CommitMessage) {
        self.reverts.extend(list_reverted_commits(message.body()));
        self.speaks_for.extend(list_spoken_references(message));
        for trailer in message.trailers() {
            if trailer.key.eq_ignore_ascii_case(CAUSED_BY_TRAILER) {
                self.caused_by.extend(parse_change_reference(&trailer.value));
            } else if TICKET.iter().any(|name| name.eq_ignore_ascii_case(&trailer.key)) {
                self.tickets.push(trailer.value.clone());
            }
        }
    }
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

/// Returns the commits that a message says it reverts, in the words of `git revert`.
fn list_reverted_commits(body: &[u8]) -> Vec<Oid> {
    const WORDS: &[u8] = b"This reverts commit ";
    let mut found = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        let Some(rest) = line.strip_prefix(WORDS) else { continue };
        let length = rest.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let digits = rest.get(..length).unwrap_or_default();
        // `git revert` writes the whole id, and a merge as "commit A, reversing changes made to B".
        found.extend(std::str::from_utf8(digits).ok().and_then(Oid::from_hex));
    }
    found
}

/// The commits of all steps, and what the steps state, until the digits of ids can be resolved.
#[derive(Default)]
struct LinkIndex {
    /// The step of each commit that a link can name.
    steps: BTreeMap<String, usize>,
    stated: Vec<(usize, StepLinks)>,
}

impl LinkIndex {
    fn add_step(&mut self, place: usize, links: StepLinks) {
        for id in &links.commits {
            self.steps.insert(id.to_string(), place);
        }
        if !links.reverts.is_empty() || !links.caused_by.is_empty() || !links.speaks_for.is_empty() {
            self.stated.push((place, links));
        }
    }

    fn find_step(&self, digits: &str) -> Option<usize> {
        find_only_step(&self.steps, digits)
    }

    /// Returns true if a step names a commit that is in none of the steps so far.
    fn names_unknown_commit(&self) -> bool {
        self.stated.iter().any(|(_, links)| {
            let digits = links.caused_by.iter().chain(&links.speaks_for);
            let mut commits = digits.filter(|digits| parse_record_reference(digits).is_none());
            links.reverts.iter().any(|id| self.find_step(&id.to_string()).is_none())
                || commits.any(|digits| self.find_step(digits).is_none())
        })
    }

    fn resolve_links(&self) -> ChangeLinks {
        let mut found = ChangeLinks::default();
        for (place, links) in &self.stated {
            let reverted: BTreeSet<usize> =
                links.reverts.iter().filter_map(|id| self.find_step(&id.to_string())).collect();
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
        found
    }
}

/// Returns the step that holds the only commit whose id begins with these digits.
fn find_only_step(steps: &BTreeMap<String, usize>, digits: &str) -> Option<usize> {
    let mut from = steps.range(digits.to_owned()..).take_while(|(id, _)| id.starts_with(digits));
    let (_, place) = from.next()?;
    if from.next().is_some() { None } else { Some(*place) }
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
        assert_eq!(list_reverted_commits(body.as_bytes()), vec![Oid::from_hex(id).unwrap(); 2]);
        assert!(list_reverted_commits(b"This reverts commit 0123456.\n").is_empty());
        assert!(list_reverted_commits(b"> This reverts commit x\n").is_empty());
    }
}
