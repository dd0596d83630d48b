//! The ledger of a repository on a forge, kept by whoever runs there: fetched, appended to, pushed, and
//! all of it again if somebody else was first.
//!
//! No run is the only one, and none is certain to come. So a run does not record what it was started
//! for alone, but how the ref came from what the ledger says to there, move by move, and nothing that
//! is there already. Whoever comes late finds it recorded.

pub mod late_reviews;
pub mod past_decisions;
pub mod recorded_moves;
pub(crate) mod regularisation;
pub mod reviewed;
pub mod ticket_policies;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use jiff::Timestamp;

use crate::change::{FactKind, Missing, Oid, Text};
use crate::gate::LoadedPolicy;
use crate::git::{FetchDepth, GitRemote, RefPushOutcome, Repository};
use crate::github::{
    GitHubFailure, GitHubJudgeOptions, GitHubRefMove, GitHubSession, JudgedRefMove, RepositoryName,
};
use crate::ledger::LEDGER_REF;
use crate::ledger::forge::recorded_moves::AppendedMoves;
use crate::ledger::record::{LedgerBeginning, LedgerEvent};
use crate::ledger::server::decision;
use crate::ledger::state::unauthorised::MoveContributors;
use crate::ledger::state::{LedgerState, decode_ref_key, encode_ref_key};
use crate::ledger::store::LedgerWriter;
use crate::ledger::store::gate_folder;
use crate::ledger::store::gate_folder::LedgerAnchor;
use crate::ledger::store::protected_refs::{ProtectedRefs, parse_state_patterns};
use crate::pattern::RefPattern;
use crate::report::Report;

/// How often a run tries before it gives up. Whoever is overtaken is overtaken by a run that is done.
const MAX_PUSH_ATTEMPTS: u32 = 25;

/// The longest pause before the next attempt.
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(8);

/// What it takes to keep the ledger.
pub struct ForgeLedger<'a> {
    /// Whom to ask what happened.
    pub github: &'a GitHubSession,
    /// Where the ledger is.
    pub remote: &'a GitRemote,
    /// What the repository is called there.
    pub repo: &'a RepositoryName,
    /// How to judge.
    pub options: &'a GitHubJudgeOptions,
    /// Tells when it is.
    pub clock: fn() -> Timestamp,
    default_policy: OnceCell<Option<(LoadedPolicy, Text)>>,
    judged_moves: RefCell<HashMap<MoveKey, Option<JudgedRefMove>>>,
    pub(crate) move_contributors: RefCell<HashMap<MoveKey, MoveContributors>>,
    newest_anchor: RefCell<Option<LedgerAnchor>>,
}

type MoveKey = (String, Option<Oid>, Option<Oid>);

/// What keeping it came to.
#[derive(Clone, Debug, Default)]
pub struct ForgeLedgerOutcome {
    /// What was found about the move that the run is about; `None` if there is none, or the ref is not
    /// under change control.
    pub report: Option<Report>,
    /// What was appended about moves.
    pub appended: AppendedMoves,
    /// True if the ledger begins with this.
    pub has_begun: bool,
    /// How many records were appended.
    pub appended_records: u64,
    /// What could not be asked about what landed without a decision, as sentences.
    pub unanswered: Vec<String>,
}

impl<'a> ForgeLedger<'a> {
    /// Puts together what it takes.
    pub fn new(
        session: &'a GitHubSession,
        remote: &'a GitRemote,
        repo: &'a RepositoryName,
        options: &'a GitHubJudgeOptions,
        clock: fn() -> Timestamp,
    ) -> Self {
        ForgeLedger {
            github: session,
            remote,
            repo,
            options,
            clock,
            default_policy: OnceCell::new(),
            judged_moves: RefCell::default(),
            move_contributors: RefCell::default(),
            newest_anchor: RefCell::default(),
        }
    }

    /// Returns the newest record that was seen or pushed.
    pub fn newest_anchor(&self) -> Option<LedgerAnchor> {
        self.newest_anchor.borrow().clone()
    }

    /// Has `work` append to the ledger, until what it appended is there. It begins anew each time that
    /// somebody else was first.
    ///
    /// # Errors
    ///
    /// Fails if the ledger cannot be fetched, appended to or pushed, or if others are always first.
    pub fn append_with_retry<T>(
        &self,
        work: &mut dyn FnMut(&mut LedgerWriter<'_>, Timestamp) -> Result<T>,
    ) -> Result<(T, LedgerState)> {
        for attempt in 0..MAX_PUSH_ATTEMPTS {
            let folder = tempfile::tempdir().context("there is no room for a copy of the ledger")?;
            self.remote.init_repository(folder.path())?;
            self.remote.fetch_ref(folder.path(), LEDGER_REF, FetchDepth::Newest)?;
            let repository = Repository::open_at(folder.path(), None)?;
            let tip = repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
            let mut lock = gate_folder::acquire_lock(repository.common_dir())
                .context("cannot lock the copy of the ledger")?;
            let mut ledger = LedgerWriter::open_ledger(&repository, None)?;
            let before = ledger.state().number;
            let now = (self.clock)();
            let done = work(&mut ledger, now)?;
            let (state, newest) = (ledger.state().clone(), ledger.newest_anchor());
            if state.number == before {
                self.newest_anchor.replace(newest);
                return Ok((done, state));
            }
            ledger.commit_records(&mut lock, now)?;
            match self.remote.push_ref(folder.path(), LEDGER_REF, tip)? {
                RefPushOutcome::Updated => {
                    self.newest_anchor.replace(newest);
                    return Ok((done, state));
                }
                RefPushOutcome::Overtaken => std::thread::sleep(choose_retry_pause(attempt)?),
            }
        }
        bail!(
            "{MAX_PUSH_ATTEMPTS} times somebody else has appended to {LEDGER_REF} first; nothing of this run is recorded"
        )
    }

    /// Records how the ref of `pushed` came to what that push made of it.
    ///
    /// # Errors
    ///
    /// Fails as [`Keeping::append`] does, and if GitHub cannot be asked.
    pub fn record_landing(&self, pushed: &GitHubRefMove) -> Result<ForgeLedgerOutcome> {
        let scope = self.read_scope()?;
        let pushed = self.confirm_move(pushed)?;
        let (mut told, _) = self.append_with_retry(&mut |ledger, now| {
            self.record_moves(ledger, now, scope.as_deref(), Some(&pushed))
        })?;
        if told.report.is_none() {
            // Somebody else has recorded it; what there is to say of it stays the same.
            told.report = self.judge_move(&pushed)?.map(|judged| judged.report);
        }
        Ok(told)
    }

    /// Records how every ref under change control came to what it holds.
    ///
    /// # Errors
    ///
    /// As [`Keeping::landing`].
    pub fn record_all_refs(&self) -> Result<(ForgeLedgerOutcome, LedgerState)> {
        let scope = self.read_scope()?;
        self.append_with_retry(&mut |ledger, now| self.record_moves(ledger, now, scope.as_deref(), None))
    }

    fn read_scope(&self) -> Result<Option<Vec<RefPattern>>> {
        Ok(self.read_default_policy()?.map(|(loaded, _)| loaded.policy.protected_refs.clone()))
    }

    /// Returns the policy of the default branch, and the name of that; `None` if there is none that can
    /// be used.
    pub(crate) fn read_default_policy(&self) -> Result<Option<&(LoadedPolicy, Text)>> {
        if let Some(known) = self.default_policy.get() {
            return Ok(known.as_ref());
        }
        let found = self.github.load_default_policy(self.repo, self.options).map_err(to_error)?;
        Ok(self.default_policy.get_or_init(|| found).as_ref())
    }

    /// Returns a move that an event tells of, with what GitHub itself knows about it.
    ///
    /// # Errors
    ///
    /// Fails if nothing of the kind happened.
    fn confirm_move(&self, event: &GitHubRefMove) -> Result<GitHubRefMove> {
        let all = self.list_moves(&event.ref_name, event.old_tip)?;
        let same = |one: &&GitHubRefMove| (one.old_tip, one.new_tip) == (event.old_tip, event.new_tip);
        if let Some(found) = all.iter().find(same) {
            return Ok(found.clone());
        }
        let pattern = RefPattern::new(&event.ref_name).map_err(|why| anyhow!("{}: {why}", event.ref_name))?;
        let holds = self.github.list_ref_tips(self.repo, &[pattern]).map_err(to_error)?;
        let holds = holds.get(&Text::from(event.ref_name.as_str())).copied();
        let happened = holds == event.new_tip
            || matches!((event.new_tip, holds), (Some(new), Some(holds)) if self.is_ancestor(new, holds)?);
        ensure!(happened, "GitHub tells of no such move of {} as the event does", event.ref_name);
        Ok(event.clone())
    }

    /// Returns the moves of a ref, newest first; none if this token, or this kind of ref, has no record
    /// of them.
    pub(crate) fn list_moves(&self, name: &str, known: Option<Oid>) -> Result<Vec<GitHubRefMove>> {
        match self.github.list_ref_moves(self.repo, name, known) {
            Err(GitHubFailure { status: Some(403 | 404 | 422), .. }) => Ok(Vec::new()),
            found => found.map_err(to_error),
        }
    }

    fn is_ancestor(&self, from: Oid, to: Oid) -> Result<bool> {
        self.github.is_ancestor(self.repo, from, to).map_err(to_error)
    }

    fn judge_move(&self, moved: &GitHubRefMove) -> Result<Option<JudgedRefMove>> {
        let key = (moved.ref_name.clone(), moved.old_tip, moved.new_tip);
        if let Some(known) = self.judged_moves.borrow().get(&key) {
            return Ok(known.clone());
        }
        let base = self.read_default_policy()?.map(|(loaded, name)| (&loaded.policy, name));
        let judged = self.github.judge_ref_move(self.repo, moved, self.options, base).map_err(to_error)?;
        self.judged_moves.borrow_mut().insert(key, judged.clone());
        Ok(judged)
    }

    /// Appends what the ledger does not know yet: of the ref of one push, or of all refs.
    fn record_moves(
        &self,
        ledger: &mut LedgerWriter<'_>,
        now: Timestamp,
        scope: Option<&[RefPattern]>,
        pushed: Option<&GitHubRefMove>,
    ) -> Result<ForgeLedgerOutcome> {
        let before = ledger.state().number;
        let mut told = ForgeLedgerOutcome { has_begun: !ledger.has_begun(), ..ForgeLedgerOutcome::default() };
        let refs = self.begin_or_rescope(ledger, now, scope, pushed)?;
        let is_protected = |name: &Text| {
            parse_state_patterns(ledger.state()).iter().any(|one| one.matches_ref(name.as_bytes()))
        };
        let known = ledger.state().tips.keys().map(|key| decode_ref_key(key));
        let mut names: BTreeSet<Text> = known.collect();
        match (pushed, &refs) {
            (Some(pushed), _) => names = BTreeSet::from([Text::from(pushed.ref_name.as_str())]),
            (None, Some(refs)) => names.extend(refs.ref_names().cloned()),
            (None, None) => {}
        }
        names.retain(is_protected);
        told.unanswered = self.record_regularisation_terms(ledger, now)?;
        for name in names {
            let holds = refs.as_ref().and_then(|refs| refs.ref_tip(&name)).flatten();
            self.record_ref(ledger, now, &name, pushed, holds, &mut told)?;
        }
        told.appended_records = ledger.state().number.saturating_sub(before);
        Ok(told)
    }

    /// Begins the ledger, or notes that other refs are under change control than before; returns what
    /// the refs hold, if that was asked for.
    fn begin_or_rescope(
        &self,
        ledger: &mut LedgerWriter<'_>,
        now: Timestamp,
        scope: Option<&[RefPattern]>,
        pushed: Option<&GitHubRefMove>,
    ) -> Result<Option<ProtectedRefs>> {
        let written: Vec<String> = scope.unwrap_or_default().iter().map(ToString::to_string).collect();
        let is_same = scope.is_none() || written == ledger.state().protects;
        if ledger.has_begun() && is_same && pushed.is_some() {
            return Ok(None);
        }
        let Some(protects) = scope.map(<[_]>::to_vec).or_else(|| {
            // What is not known by now goes on as it was.
            ledger.has_begun().then(|| parse_state_patterns(ledger.state()))
        }) else {
            bail!(
                "the default branch has no policy that can be used, so there is nothing to begin a ledger with"
            );
        };
        let holds = self.github.list_ref_tips(self.repo, &protects).map_err(to_error)?;
        let refs = ProtectedRefs::from_forge(protects, holds);
        if !ledger.has_begun() {
            let first = pushed.map(|pushed| self.judge_move(pushed)).transpose()?.flatten();
            // A push that brings the first policy is what the ledger begins with.
            let is_judged = first.is_some_and(|judged| judged.policy_source.is_some());
            let before = |name: &Text, id: Oid| match pushed.filter(|_| is_judged) {
                Some(pushed) if name.as_bytes() == pushed.ref_name.as_bytes() => pushed.old_tip,
                _ => Some(id),
            };
            let tips = refs.select_tips(&before, &|_| true);
            let begin = LedgerBeginning {
                protects: refs.pattern_texts(),
                tips,
                tool: decision::TOOL_VERSION.to_owned(),
            };
            ledger.append_event(LedgerEvent::Begin(begin), None, now)?;
        } else if let Some(scope) = refs.find_scope_change(ledger.state(), &|_, id| Some(id)) {
            ledger.append_event(LedgerEvent::Scope(scope), None, now)?;
        }
        Ok(Some(refs))
    }

    /// Appends what the ledger does not know yet of one ref.
    fn record_ref(
        &self,
        ledger: &mut LedgerWriter<'_>,
        now: Timestamp,
        name: &Text,
        pushed: Option<&GitHubRefMove>,
        holds: Option<Oid>,
        told: &mut ForgeLedgerOutcome,
    ) -> Result<()> {
        let known = ledger.state().tips.get(&encode_ref_key(name)).copied();
        let target = pushed.map_or(holds, |pushed| pushed.new_tip);
        if known == target {
            return Ok(());
        }
        let id = |pushed: &GitHubRefMove| recorded_moves::move_decision_id(&self.repo.to_string(), pushed, 0);
        let mut moves = match pushed {
            Some(pushed) if pushed.old_tip == known => vec![pushed.clone()],
            Some(pushed) if ledger.state().recent_decisions.contains(&id(pushed)) => return Ok(()),
            pushed => self.find_move_path(name, known, target, pushed)?,
        };
        let from = moves.first().map_or(target, |first| first.old_tip);
        if from != known {
            if let (Some(_), Some(new), Some(known)) = (pushed, target, known)
                && self.is_ancestor(new, known)?
            {
                // A run that comes late: others have recorded this on their way.
                return Ok(());
            }
            // Of what lies between nobody tells but the history itself.
            moves.insert(0, build_unattributed_move(name, known, from));
        }
        for one in &moves {
            let is_ours = pushed == Some(one);
            let appended = match self.judge_move(one)? {
                Some(judged) => {
                    if is_ours {
                        told.report = Some(judged.report.clone());
                    }
                    let repo = self.repo.to_string();
                    recorded_moves::append_move(ledger, &repo, one, &judged, !is_ours, now)?
                }
                None => {
                    let moved = recorded_moves::to_recorded_move(one);
                    ledger.append_event(LedgerEvent::Unauthorised(moved.clone()), None, now)?;
                    AppendedMoves { unauthorised: vec![moved], ..AppendedMoves::default() }
                }
            };
            if !appended.unauthorised.is_empty() {
                told.unanswered = self.record_regularisation_terms(ledger, now)?;
            }
            told.appended.unauthorised.extend(appended.unauthorised);
            told.appended.found_late.extend(appended.found_late);
            told.appended.closing_notes.extend(appended.closing_notes);
        }
        Ok(())
    }

    /// Returns the moves that led a ref to `target`, oldest first, back to `known` or as far as GitHub
    /// tells.
    fn find_move_path(
        &self,
        name: &Text,
        known: Option<Oid>,
        target: Option<Oid>,
        pushed: Option<&GitHubRefMove>,
    ) -> Result<Vec<GitHubRefMove>> {
        let mut left = self.list_moves(&name.to_lossy(), known)?;
        if let Some(pushed) = pushed.filter(|pushed| !left.contains(pushed)) {
            left.insert(0, pushed.clone());
        }
        let mut found = Vec::new();
        let mut at = target;
        while at != known {
            // The newest comes first, and each was made once.
            let Some(place) = left.iter().position(|one| one.new_tip == at) else { break };
            let one = left.remove(place);
            at = one.old_tip;
            found.push(one);
        }
        found.reverse();
        Ok(found)
    }
}

/// Returns a move of which nothing is known but its ends.
fn build_unattributed_move(name: &Text, old: Option<Oid>, new: Option<Oid>) -> GitHubRefMove {
    let why = "GitHub does not tell who moved the ref".to_owned();
    let by = Err(Missing::Unavailable(FactKind::Pusher, why));
    GitHubRefMove {
        ref_name: name.to_lossy().into_owned(),
        old_tip: old,
        new_tip: new,
        moved_by: by,
        moved_at: None,
    }
}

pub(crate) fn to_error(failure: GitHubFailure) -> anyhow::Error {
    anyhow!(failure.why)
}

/// Returns how long to wait before the next attempt: longer each time, and never the same, so that those
/// who wait do not come together again.
fn choose_retry_pause(attempt: u32) -> Result<Duration> {
    let mut bytes = [0u8; 2];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("there are no random bytes: {error}"))?;
    let longest = Duration::from_millis(200).saturating_mul(1 << attempt.min(6)).min(MAX_RETRY_PAUSE);
    Ok(longest.mul_f64(f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX)))
}
