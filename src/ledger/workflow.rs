//! The ledger of a repository on a forge, kept by whoever runs there: fetched, appended to, pushed, and
//! all of it again if somebody else was first.
//!
//! No run is the only one, and none is certain to come. So a run does not record what it was started
//! for alone, but how the ref came from what the ledger says to there, move by move, and nothing that
//! is there already. Whoever comes late finds it recorded.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use jiff::Timestamp;

use super::landing::{self, Appended};
use super::place::Anchor;
use super::record::{Begin, Event};
use super::refs::{Refs, patterns};
use super::state::{State, key, name};
use super::store::Ledger;
use super::stray::Makers;
use super::{REF, deciding, place};
use crate::change::{Missing, Need, Oid, Text};
use crate::gate::Loaded;
use crate::git::{Pushed, Reach, Remote, Repository};
use crate::github::{Failure, JudgedMove, Move, Options, RepoName, Session};
use crate::pattern::RefPattern;
use crate::report::Report;

/// How often a run tries before it gives up. Whoever is overtaken is overtaken by a run that is done.
const ATTEMPTS: u32 = 25;

/// The longest pause before the next attempt.
const LONGEST: Duration = Duration::from_secs(8);

/// What it takes to keep the ledger.
pub struct Keeping<'a> {
    /// Whom to ask what happened.
    pub session: &'a Session,
    /// Where the ledger is.
    pub remote: &'a Remote,
    /// What the repository is called there.
    pub repo: &'a RepoName,
    /// How to judge.
    pub options: &'a Options,
    /// Tells when it is.
    pub clock: fn() -> Timestamp,
    base: OnceCell<Option<(Loaded, Text)>>,
    judged: RefCell<HashMap<Key, Option<JudgedMove>>>,
    pub(super) made: RefCell<HashMap<Key, Makers>>,
    newest: RefCell<Option<Anchor>>,
}

type Key = (String, Option<Oid>, Option<Oid>);

/// What keeping it came to.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// What was found about the move that the run is about; `None` if there is none, or the ref is not
    /// under change control.
    pub report: Option<Report>,
    /// What was appended about moves.
    pub appended: Appended,
    /// True if the ledger begins with this.
    pub has_begun: bool,
    /// How many records were appended.
    pub records: u64,
    /// What could not be asked about what landed without a decision, as sentences.
    pub unasked: Vec<String>,
}

impl<'a> Keeping<'a> {
    /// Puts together what it takes.
    pub fn new(
        session: &'a Session,
        remote: &'a Remote,
        repo: &'a RepoName,
        options: &'a Options,
        clock: fn() -> Timestamp,
    ) -> Self {
        Keeping {
            session,
            remote,
            repo,
            options,
            clock,
            base: OnceCell::new(),
            judged: RefCell::default(),
            made: RefCell::default(),
            newest: RefCell::default(),
        }
    }

    /// Returns the newest record that was seen or pushed.
    pub fn newest(&self) -> Option<Anchor> {
        self.newest.borrow().clone()
    }

    /// Has `work` append to the ledger, until what it appended is there. It begins anew each time that
    /// somebody else was first.
    ///
    /// # Errors
    ///
    /// Fails if the ledger cannot be fetched, appended to or pushed, or if others are always first.
    pub fn append<T>(
        &self,
        work: &mut dyn FnMut(&mut Ledger<'_>, Timestamp) -> Result<T>,
    ) -> Result<(T, State)> {
        for attempt in 0..ATTEMPTS {
            let folder = tempfile::tempdir().context("there is no room for a copy of the ledger")?;
            self.remote.begin(folder.path())?;
            self.remote.fetch(folder.path(), REF, Reach::Newest)?;
            let repository = Repository::open(folder.path(), None)?;
            let tip = repository.resolve_ref(REF.as_bytes())?.id;
            let mut lock =
                place::lock(repository.common_dir()).context("cannot lock the copy of the ledger")?;
            let mut ledger = Ledger::open(&repository, None)?;
            let before = ledger.state().number;
            let now = (self.clock)();
            let done = work(&mut ledger, now)?;
            let (state, newest) = (ledger.state().clone(), ledger.newest());
            if state.number == before {
                self.newest.replace(newest);
                return Ok((done, state));
            }
            ledger.commit(&mut lock, now)?;
            match self.remote.push(folder.path(), REF, tip)? {
                Pushed::Done => {
                    self.newest.replace(newest);
                    return Ok((done, state));
                }
                Pushed::Overtaken => std::thread::sleep(pause(attempt)?),
            }
        }
        bail!("{ATTEMPTS} times somebody else has appended to {REF} first; nothing of this run is recorded")
    }

    /// Records how the ref of `pushed` came to what that push made of it.
    ///
    /// # Errors
    ///
    /// Fails as [`Keeping::append`] does, and if GitHub cannot be asked.
    pub fn landing(&self, pushed: &Move) -> Result<Told> {
        let scope = self.scope()?;
        let pushed = self.as_told(pushed)?;
        let (mut told, _) =
            self.append(&mut |ledger, now| self.record(ledger, now, scope.as_deref(), Some(&pushed)))?;
        if told.report.is_none() {
            // Somebody else has recorded it; what there is to say of it stays the same.
            told.report = self.judge(&pushed)?.map(|judged| judged.report);
        }
        Ok(told)
    }

    /// Records how every ref under change control came to what it holds.
    ///
    /// # Errors
    ///
    /// As [`Keeping::landing`].
    pub fn catch_up(&self) -> Result<(Told, State)> {
        let scope = self.scope()?;
        self.append(&mut |ledger, now| self.record(ledger, now, scope.as_deref(), None))
    }

    fn scope(&self) -> Result<Option<Vec<RefPattern>>> {
        Ok(self.base()?.map(|(loaded, _)| loaded.policy.protects.clone()))
    }

    /// Returns the policy of the default branch, and the name of that; `None` if there is none that can
    /// be used.
    pub(super) fn base(&self) -> Result<Option<&(Loaded, Text)>> {
        if let Some(known) = self.base.get() {
            return Ok(known.as_ref());
        }
        let found = self.session.base(self.repo, self.options).map_err(failed)?;
        Ok(self.base.get_or_init(|| found).as_ref())
    }

    /// Returns a move that an event tells of, with what GitHub itself knows about it.
    ///
    /// # Errors
    ///
    /// Fails if nothing of the kind happened.
    fn as_told(&self, event: &Move) -> Result<Move> {
        let all = self.moves(&event.name, event.old)?;
        let same = |one: &&Move| (one.old, one.new) == (event.old, event.new);
        if let Some(found) = all.iter().find(same) {
            return Ok(found.clone());
        }
        let pattern = RefPattern::new(&event.name).map_err(|why| anyhow!("{}: {why}", event.name))?;
        let holds = self.session.tips(self.repo, &[pattern]).map_err(failed)?;
        let holds = holds.get(&Text::from(event.name.as_str())).copied();
        let happened = holds == event.new
            || matches!((event.new, holds), (Some(new), Some(holds)) if self.leads(new, holds)?);
        ensure!(happened, "GitHub tells of no such move of {} as the event does", event.name);
        Ok(event.clone())
    }

    /// Returns the moves of a ref, newest first; none if this token, or this kind of ref, has no record
    /// of them.
    pub(super) fn moves(&self, name: &str, known: Option<Oid>) -> Result<Vec<Move>> {
        match self.session.moves(self.repo, name, known) {
            Err(Failure { status: Some(403 | 404 | 422), .. }) => Ok(Vec::new()),
            found => found.map_err(failed),
        }
    }

    fn leads(&self, from: Oid, to: Oid) -> Result<bool> {
        self.session.leads(self.repo, from, to).map_err(failed)
    }

    fn judge(&self, moved: &Move) -> Result<Option<JudgedMove>> {
        let key = (moved.name.clone(), moved.old, moved.new);
        if let Some(known) = self.judged.borrow().get(&key) {
            return Ok(known.clone());
        }
        let base = self.base()?.map(|(loaded, name)| (&loaded.policy, name));
        let judged = self.session.judge_move(self.repo, moved, self.options, base).map_err(failed)?;
        self.judged.borrow_mut().insert(key, judged.clone());
        Ok(judged)
    }

    /// Appends what the ledger does not know yet: of the ref of one push, or of all refs.
    fn record(
        &self,
        ledger: &mut Ledger<'_>,
        now: Timestamp,
        scope: Option<&[RefPattern]>,
        pushed: Option<&Move>,
    ) -> Result<Told> {
        let before = ledger.state().number;
        let mut told = Told { has_begun: !ledger.has_begun(), ..Told::default() };
        let refs = self.begin_or_rescope(ledger, now, scope, pushed)?;
        let is_protected =
            |name: &Text| patterns(ledger.state()).iter().any(|one| one.matches(name.as_bytes()));
        let known = ledger.state().tips.keys().map(|key| name(key));
        let mut names: BTreeSet<Text> = known.collect();
        match (pushed, &refs) {
            (Some(pushed), _) => names = BTreeSet::from([Text::from(pushed.name.as_str())]),
            (None, Some(refs)) => names.extend(refs.names().cloned()),
            (None, None) => {}
        }
        names.retain(is_protected);
        told.unasked = self.flag(ledger, now)?;
        for name in names {
            let holds = refs.as_ref().and_then(|refs| refs.holds(&name)).flatten();
            self.record_ref(ledger, now, &name, pushed, holds, &mut told)?;
        }
        told.records = ledger.state().number.saturating_sub(before);
        Ok(told)
    }

    /// Begins the ledger, or notes that other refs are under change control than before; returns what
    /// the refs hold, if that was asked for.
    fn begin_or_rescope(
        &self,
        ledger: &mut Ledger<'_>,
        now: Timestamp,
        scope: Option<&[RefPattern]>,
        pushed: Option<&Move>,
    ) -> Result<Option<Refs>> {
        let written: Vec<String> = scope.unwrap_or_default().iter().map(ToString::to_string).collect();
        let is_same = scope.is_none() || written == ledger.state().protects;
        if ledger.has_begun() && is_same && pushed.is_some() {
            return Ok(None);
        }
        let Some(protects) = scope.map(<[_]>::to_vec).or_else(|| {
            // What is not known by now goes on as it was.
            ledger.has_begun().then(|| patterns(ledger.state()))
        }) else {
            bail!(
                "the default branch has no policy that can be used, so there is nothing to begin a ledger with"
            );
        };
        let holds = self.session.tips(self.repo, &protects).map_err(failed)?;
        let refs = Refs::told(protects, holds);
        if !ledger.has_begun() {
            let first = pushed.map(|pushed| self.judge(pushed)).transpose()?.flatten();
            // A push that brings the first policy is what the ledger begins with.
            let is_judged = first.is_some_and(|judged| judged.policy.is_some());
            let before = |name: &Text, id: Oid| match pushed.filter(|_| is_judged) {
                Some(pushed) if name.as_bytes() == pushed.name.as_bytes() => pushed.old,
                _ => Some(id),
            };
            let tips = refs.tips(&before, &|_| true);
            let begin = Begin { protects: refs.patterns(), tips, tool: deciding::TOOL.to_owned() };
            ledger.append(Event::Begin(begin), None, now)?;
        } else if let Some(scope) = refs.rescoped(ledger.state(), &|_, id| Some(id)) {
            ledger.append(Event::Scope(scope), None, now)?;
        }
        Ok(Some(refs))
    }

    /// Appends what the ledger does not know yet of one ref.
    fn record_ref(
        &self,
        ledger: &mut Ledger<'_>,
        now: Timestamp,
        name: &Text,
        pushed: Option<&Move>,
        holds: Option<Oid>,
        told: &mut Told,
    ) -> Result<()> {
        let known = ledger.state().tips.get(&key(name)).copied();
        let target = pushed.map_or(holds, |pushed| pushed.new);
        if known == target {
            return Ok(());
        }
        let id = |pushed: &Move| landing::id(&self.repo.to_string(), pushed, 0);
        let mut moves = match pushed {
            Some(pushed) if pushed.old == known => vec![pushed.clone()],
            Some(pushed) if ledger.state().recent.contains(&id(pushed)) => return Ok(()),
            pushed => self.way(name, known, target, pushed)?,
        };
        let from = moves.first().map_or(target, |first| first.old);
        if from != known {
            if let (Some(_), Some(new), Some(known)) = (pushed, target, known)
                && self.leads(new, known)?
            {
                // A run that comes late: others have recorded this on their way.
                return Ok(());
            }
            // Of what lies between nobody tells but the history itself.
            moves.insert(0, untold(name, known, from));
        }
        for one in &moves {
            let is_ours = pushed == Some(one);
            let appended = match self.judge(one)? {
                Some(judged) => {
                    if is_ours {
                        told.report = Some(judged.report.clone());
                    }
                    let repo = self.repo.to_string();
                    landing::append(ledger, &repo, one, &judged, !is_ours, now)?
                }
                None => {
                    let moved = landing::moved(one);
                    ledger.append(Event::Unauthorised(moved.clone()), None, now)?;
                    Appended { unauthorised: vec![moved], ..Appended::default() }
                }
            };
            if !appended.unauthorised.is_empty() {
                told.unasked = self.flag(ledger, now)?;
            }
            told.appended.unauthorised.extend(appended.unauthorised);
            told.appended.late.extend(appended.late);
            told.appended.closed.extend(appended.closed);
        }
        Ok(())
    }

    /// Returns the moves that led a ref to `target`, oldest first, back to `known` or as far as GitHub
    /// tells.
    fn way(
        &self,
        name: &Text,
        known: Option<Oid>,
        target: Option<Oid>,
        pushed: Option<&Move>,
    ) -> Result<Vec<Move>> {
        let mut left = self.moves(&name.to_lossy(), known)?;
        if let Some(pushed) = pushed.filter(|pushed| !left.contains(pushed)) {
            left.insert(0, pushed.clone());
        }
        let mut found = Vec::new();
        let mut at = target;
        while at != known {
            // The newest comes first, and each was made once.
            let Some(place) = left.iter().position(|one| one.new == at) else { break };
            let one = left.remove(place);
            at = one.old;
            found.push(one);
        }
        found.reverse();
        Ok(found)
    }
}

/// Returns a move of which nothing is known but its ends.
fn untold(name: &Text, old: Option<Oid>, new: Option<Oid>) -> Move {
    let why = "GitHub does not tell who moved the ref".to_owned();
    let by = Err(Missing::Unavailable(Need::Pusher, why));
    Move { name: name.to_lossy().into_owned(), old, new, by, at: None }
}

pub(super) fn failed(failure: Failure) -> anyhow::Error {
    anyhow!(failure.why)
}

/// Returns how long to wait before the next attempt: longer each time, and never the same, so that those
/// who wait do not come together again.
fn pause(attempt: u32) -> Result<Duration> {
    let mut bytes = [0u8; 2];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("there are no random bytes: {error}"))?;
    let longest = Duration::from_millis(200).saturating_mul(1 << attempt.min(6)).min(LONGEST);
    Ok(longest.mul_f64(f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX)))
}
