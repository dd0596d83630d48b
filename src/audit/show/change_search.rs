//! Finds the change that a commit, a ticket, a pull request or an incident names.
//!
//! Every step of the ref is read for what it names. A step that only closes something leads to the change that it
//! speaks for.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::population::change_links::list_spoken_references;
use crate::audit::population::recorded_reasons::RecordedReasonsReader;
use crate::audit::population::ref_chain::{ChainStep, RefChain, StepLanding};
use crate::audit::population::step_walk::{StepCommits, StepWalk};
use crate::change::{Commit, NeededFacts, Oid, Text};
use crate::gate::obligations::parse_record_reference;
use crate::git::Repository;
use crate::ledger::audit::ledger_history::LedgerHistory;
use crate::ledger::record::{RecordedActKind, RecordedReasons, RecordedTicketAnswer};
use crate::policy::FOR_CHANGE_TRAILER;

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct ChangeQuery {
    /// The commit that the words name in the repository, if they name one.
    commit: Option<Oid>,
    /// The first digits of an id, in lower case.
    digits: Option<String>,
    /// The number of a pull request.
    pull: Option<u64>,
    /// The repository of the pull request, as in `acme/shop`.
    pull_repository: Option<String>,
    /// The key of a ticket, an incident or a CVE.
    key: Option<String>,
}

/// A change that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundChange {
    /// The commit that it landed as.
    pub id: Oid,
    /// When that was committed, as it claims.
    pub committed_at: Timestamp,
    /// The first line of its message.
    pub title: Text,
}

impl ChangeQuery {
    /// Reads what the words name in a repository of this name; `commit` is the commit that they name, if any.
    pub fn parse_query(words: &str, repository_name: &str, commit: Option<Oid>) -> ChangeQuery {
        let words = words.trim();
        // A report of a fleet names the owner as well: `acme/shop@4e5f607`.
        let bare = match words.rsplit_once('@') {
            Some((named, rest)) if named.rsplit('/').next() == Some(repository_name) => rest,
            _ => words,
        };
        if let Some((repository, number)) = bare.rsplit_once('#')
            && let Ok(number) = number.parse()
        {
            let pull_repository = Some(repository.to_ascii_lowercase()).filter(|name| !name.is_empty());
            // A forge numbers issues and pull requests together, so it may be a ticket as well.
            let key = Some(bare.to_ascii_lowercase());
            return ChangeQuery { pull: Some(number), pull_repository, key, ..ChangeQuery::default() };
        }
        let is_hex = (4..=64).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
        ChangeQuery {
            commit,
            digits: is_hex.then(|| bare.to_ascii_lowercase()),
            key: Some(bare.to_ascii_lowercase()).filter(|key| !key.is_empty()),
            ..ChangeQuery::default()
        }
    }

    /// Returns true if a text holds the key as a word of its own: `SEC-1` is not in `SEC-12`.
    fn is_named_in(&self, text: &Text) -> bool {
        let Some(key) = &self.key else { return false };
        let marks: &[char] = if key.contains('#') { &['-', '_', '.', '/', '#'] } else { &['-', '_'] };
        let is_part = |character: char| character.is_alphanumeric() || marks.contains(&character);
        text.to_lossy().to_ascii_lowercase().split(|character| !is_part(character)).any(|word| word == key)
    }

    fn is_pull(&self, name: &Text) -> bool {
        let Some(number) = self.pull else { return false };
        let name = name.to_lossy().to_ascii_lowercase();
        let Some((repository, digits)) = name.rsplit_once('#') else { return false };
        digits.parse() == Ok(number)
            && self.pull_repository.as_ref().is_none_or(|wanted| wanted == repository)
    }

    pub(super) fn is_id_of(&self, id: Oid) -> bool {
        self.commit == Some(id)
            || self.digits.as_ref().is_some_and(|digits| id.to_string().starts_with(digits))
    }

    pub(super) fn is_named_by_trailers(&self, commit: &Commit) -> bool {
        commit.message.trailers().iter().any(|trailer| {
            !trailer.key.eq_ignore_ascii_case(FOR_CHANGE_TRAILER) && self.is_named_in(&trailer.value)
        })
    }

    /// Returns true if the words may be the key of a ticket as well as a revision, as in `SEC-12`.
    fn is_like_ticket(&self) -> bool {
        self.digits.is_none()
            && self.key.as_ref().is_some_and(|key| {
                key.rsplit_once('-')
                    .is_some_and(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()))
            })
    }

    pub(super) fn is_named_by_reasons(&self, reasons: &RecordedReasons) -> bool {
        reasons.pull.as_ref().is_some_and(|pull| self.is_pull(pull))
            || reasons.fields.iter().any(|field| self.is_named_in(&field.value))
            || reasons.tickets.iter().any(|lookup| {
                self.is_named_in(&lookup.key)
                    || matches!(&lookup.found, RecordedTicketAnswer::Ticket(found) if self.is_named_in(&found.key))
            })
    }
}

/// What is read of one step.
struct ReadStep {
    commits: Vec<Oid>,
    /// True if the words name one of its commits.
    has_id: bool,
    /// True if one of its trailers holds the words, or its message the number of the pull request.
    is_mentioned: bool,
    title: Text,
    committed_at: i64,
    parent: Option<Oid>,
    speaks_for: Vec<String>,
}

impl ReadStep {
    /// Returns what is known of a step whose commits cannot be read.
    fn unreadable(step: &ChainStep, query: &ChangeQuery) -> ReadStep {
        ReadStep {
            commits: vec![step.id],
            has_id: query.is_id_of(step.id),
            is_mentioned: false,
            title: Text::default(),
            committed_at: step.committed_at.as_second(),
            parent: None,
            speaks_for: Vec::new(),
        }
    }
}

/// Returns the changes of the history of `tip` that the query names, newest first. `progress` is called for each step.
///
/// # Errors
///
/// Fails if the tip cannot be read.
pub fn find_changes(
    repository: &Repository,
    tip: Oid,
    history: Option<&LedgerHistory>,
    query: &ChangeQuery,
    threads: fn() -> usize,
    progress: &mut dyn FnMut(),
) -> Result<Vec<FoundChange>> {
    let no_ledger = LedgerHistory::default();
    let mut chain = RefChain::read_landed_chain(repository, tip, history.unwrap_or(&no_ledger), &mut || {})?;
    chain.add_landings(repository, history.unwrap_or(&no_ledger));
    let Some(last) = chain.steps.len().checked_sub(1) else { return Ok(Vec::new()) };
    let (needs, trusted_keys) = (NeededFacts::new(), None);
    let walk = StepWalk { repository, chain: &chain, needs: &needs, trusted_keys, threads };
    let mut index = StepIndex::default();
    let pulls = history.map(|history| list_pull_landings(history, query)).unwrap_or_default();
    let read = |commits: StepCommits| read_step(&commits.into_iter().flatten().collect::<Vec<_>>(), query);
    walk.read_places((0, last), &read, &mut |place, step| {
        let step = match (step, chain.steps.get(place)) {
            (Ok(step), _) => step,
            // It can still be named by its id.
            (Err(_), Some(unread)) => ReadStep::unreadable(unread, query),
            (Err(_), None) => return Ok(()),
        };
        index.add_step(step);
        progress();
        Ok(())
    })?;
    let list_places = |is_named: &dyn Fn(&ReadStep) -> bool| -> BTreeSet<usize> {
        index.steps.iter().enumerate().filter(|(_, step)| is_named(step)).map(|(place, _)| place).collect()
    };
    let is_landing = |step: &ReadStep| step.commits.iter().any(|id| pulls.contains(id));
    let mut named = list_places(&|step| step.has_id || is_landing(step));
    // The id of a commit also stands in the trailers of other changes, which are not meant by it.
    if named.is_empty() || query.is_like_ticket() || query.pull.is_some() {
        named.extend(list_places(&|step| step.is_mentioned));
        if let Some(history) = history {
            named.extend(find_by_reasons(repository, history, query, &index));
            named.extend(find_by_acts(history, query, &index));
            named.extend(find_by_sessions(history, query, &chain));
        }
    }
    let mut places: BTreeSet<usize> = BTreeSet::new();
    for place in named {
        let spoken_for = index.list_changes_spoken_for(place, history);
        // What came past the gate speaks for nothing, and is a change.
        let came_past_gate =
            chain.steps.get(place).is_some_and(|step| step.came_past_gate(history.unwrap_or(&no_ledger)));
        if spoken_for.is_empty() || came_past_gate || !index.changes_nothing(repository, place) {
            places.insert(place);
        } else {
            places.extend(spoken_for);
        }
    }
    Ok(places.into_iter().rev().filter_map(|place| index.describe_step(place)).collect())
}

fn read_step(commits: &[Commit], query: &ChangeQuery) -> ReadStep {
    let last = commits.last();
    let mut speaks_for = Vec::new();
    for commit in commits {
        speaks_for.extend(list_spoken_references(&commit.message));
    }
    let subject = last.map(|commit| commit.message.subject()).unwrap_or_default();
    let number = query.pull.filter(|_| query.pull_repository.is_none());
    let claimed_pull = number.is_some_and(|number| {
        let subject = subject.to_lossy();
        let merged = subject.strip_prefix("Merge pull request #").and_then(|rest| rest.split(' ').next());
        let squashed = || subject.trim_end().strip_suffix(')')?.rsplit_once("(#").map(|(_, digits)| digits);
        merged.or_else(squashed).is_some_and(|digits| digits.parse() == Ok(number))
    });
    ReadStep {
        has_id: commits.iter().filter_map(|commit| commit.id).any(|id| query.is_id_of(id)),
        is_mentioned: claimed_pull || commits.iter().any(|commit| query.is_named_by_trailers(commit)),
        title: subject,
        committed_at: last.map_or(0, |commit| commit.committed_at),
        parent: last.and_then(|commit| commit.parents.first().copied()),
        commits: commits.iter().filter_map(|commit| commit.id).collect(),
        speaks_for,
    }
}

/// Returns the commits that the pull request landed as, and those whose judged revision the digits name.
fn list_pull_landings(history: &LedgerHistory, query: &ChangeQuery) -> BTreeSet<Oid> {
    let mut found = BTreeSet::new();
    for landing in history
        .moves
        .iter()
        .filter_map(|one| one.decision.as_ref())
        .flat_map(|decided| &decided.pull_landings)
    {
        let is_revision =
            query.digits.as_ref().is_some_and(|digits| landing.change.to_string().starts_with(digits));
        if query.is_pull(&landing.pull) || is_revision || query.commit == Some(landing.change) {
            found.insert(landing.landed_as);
        }
    }
    found
}

/// Returns the steps whose verdict rests on a statement that names the key. Statements of commits are found in the
/// commits, so only decisions on pull requests, whose descriptions are nowhere else, are read.
fn find_by_reasons(
    repository: &Repository,
    history: &LedgerHistory,
    query: &ChangeQuery,
    index: &StepIndex,
) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut reader = RecordedReasonsReader::new(repository);
    for decided in history.moves.iter().filter_map(|one| one.decision.as_ref()) {
        for landing in decided.pull_landings.iter().filter(|_| decided.has_reasons) {
            // What cannot be read names nothing; the page of the change says so.
            let reasons = reader.find_reasons(decided, &[landing.landed_as]).unwrap_or_default();
            if reasons.iter().any(|one| query.is_named_by_reasons(one)) {
                found.extend(index.places.get(&landing.landed_as.to_string()));
            }
        }
    }
    found
}

/// Returns the steps of which somebody reported an incident that the key names.
fn find_by_acts(history: &LedgerHistory, query: &ChangeQuery, index: &StepIndex) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for act in history.acts.iter().map(|one| &one.event.act) {
        if let RecordedActKind::Outcome { incident: Some(incident), .. } = &act.says
            && query.is_named_in(incident)
        {
            found.extend(index.places.get(&act.change.to_string()));
        }
    }
    found
}

/// Returns the steps that landed while a break-glass session was open for an incident that the key names.
fn find_by_sessions(history: &LedgerHistory, query: &ChangeQuery, chain: &RefChain) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for session in &history.sessions {
        let (Some(first), Some(last)) = (session.openings.first(), session.openings.last()) else { continue };
        if !session.openings.iter().any(|opened| query.is_named_in(&opened.incident)) {
            continue;
        }
        let end = session.closure.as_ref().map_or(last.until, |closed| closed.closed_at);
        for (place, step) in chain.steps.iter().enumerate() {
            if let StepLanding::Moved(number) = step.landing
                && let Some(landed) = history.moves.get(number)
                && (first.opened_at..=end).contains(&landed.observed_at)
            {
                found.insert(place);
            }
        }
    }
    found
}

/// Every step, by its commits.
#[derive(Default)]
struct StepIndex {
    steps: Vec<ReadStep>,
    /// The place of the step of each commit, by all its digits.
    places: BTreeMap<String, usize>,
}

impl StepIndex {
    fn add_step(&mut self, step: ReadStep) {
        for id in &step.commits {
            self.places.insert(id.to_string(), self.steps.len());
        }
        self.steps.push(step);
    }

    /// Returns the places of the earlier steps that the step at this place speaks for.
    fn list_changes_spoken_for(&self, place: usize, history: Option<&LedgerHistory>) -> Vec<usize> {
        let mut found = Vec::new();
        let references = self.steps.get(place).map(|step| step.speaks_for.as_slice()).unwrap_or_default();
        for reference in references {
            if let Some(number) = parse_record_reference(reference) {
                let moved = history.and_then(|history| history.moves.iter().find(|one| one.record == number));
                let landed = moved.and_then(|one| one.moved.new);
                found.extend(landed.and_then(|id| self.places.get(&id.to_string())));
                continue;
            }
            let mut named = self
                .places
                .range(reference.clone()..)
                .take_while(|(id, _)| id.starts_with(reference.as_str()));
            // Digits that two commits share name none.
            if let (Some((_, earlier)), None) = (named.next(), named.next()) {
                found.push(*earlier);
            }
        }
        found.retain(|earlier| *earlier < place);
        found
    }

    /// Returns true if a step leaves all files as they were.
    fn changes_nothing(&self, repository: &Repository, place: usize) -> bool {
        let Some(step) = self.steps.get(place) else { return false };
        let (Some(id), Some(parent)) = (step.commits.last(), step.parent) else { return false };
        match (repository.find_root_tree(*id), repository.find_root_tree(parent)) {
            (Ok(tree), Ok(before)) => tree == before,
            _ => false,
        }
    }

    fn describe_step(&self, place: usize) -> Option<FoundChange> {
        let step = self.steps.get(place)?;
        Some(FoundChange {
            id: *step.commits.last()?,
            committed_at: Timestamp::from_second(step.committed_at).unwrap_or(Timestamp::UNIX_EPOCH),
            title: step.title.clone(),
        })
    }
}
