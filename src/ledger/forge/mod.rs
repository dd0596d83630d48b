//! The ledger of a repository on a forge, kept by workflow runs: each run fetches it, appends, pushes, and
//! starts again if another run was first.
//!
//! Runs overlap, and a run may never start. So a run does not record only the move that started it, but how
//! each ref came from what the ledger says to what it holds now, move by move, without what is recorded
//! already. A run that comes late finds its move recorded.

pub(crate) mod late_reviews;
pub(crate) mod ledger_copy;
pub(crate) mod move_lookup;
pub(crate) mod past_decisions;
pub(crate) mod pull_verdicts;
pub mod recorded_moves;
pub(crate) mod regularisation;
pub(crate) mod ticket_policies;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use jiff::Timestamp;

use crate::change::{Oid, Text};
use crate::gate::LoadedPolicy;
use crate::git::{FetchDepth, GitRemote, RefPush, RefPushOutcome, Repository};
use crate::github::{
    GitHubFailure, GitHubJudgeOptions, GitHubRefMove, GitHubSession, JudgedRefMove, PullRequestName,
    RepositoryName,
};
use crate::ledger::LEDGER_REF;
use crate::ledger::forge::ledger_copy::{LEDGER_COPY_REF, LedgerTips, describe_beginning, describe_damage};
use crate::ledger::forge::recorded_moves::AppendedMoves;
use crate::ledger::record::{LedgerBeginning, LedgerEvent, RefTip};
use crate::ledger::server::decision;
use crate::ledger::state::unauthorised::MoveContributors;
use crate::ledger::state::{LedgerState, TrackedObligation, decode_ref_key, encode_ref_key};
use crate::ledger::store::LedgerWriter;
use crate::ledger::store::gate_folder;
use crate::ledger::store::gate_folder::LedgerAnchor;
use crate::ledger::store::protected_refs::{ProtectedRefs, parse_state_patterns};
use crate::pattern::RefPattern;
use crate::report::Report;
use crate::verdict::Message;

/// The number of times that a run tries to push. Each time it fails, another run has succeeded.
const MAX_PUSH_ATTEMPTS: u32 = 25;

/// The longest pause before the next attempt.
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(8);

/// The ledger of one repository on a forge, for the time of one run.
pub struct ForgeLedger<'a> {
    /// The connection to GitHub.
    pub github: &'a GitHubSession,
    /// The Git remote that holds the ledger.
    pub remote: &'a GitRemote,
    /// The name of the repository on GitHub.
    pub repo: &'a RepositoryName,
    /// The options for judging.
    pub options: &'a GitHubJudgeOptions,
    /// Returns the current time.
    pub clock: fn() -> Timestamp,
    /// True if the ledger may begin with this run.
    pub may_begin: bool,
    /// True in evaluate mode: what the policy denies is recorded as not enforced, and not as unauthorised.
    pub is_evaluation: bool,
    default_policy: OnceCell<Option<(LoadedPolicy, Text)>>,
    judged_moves: RefCell<HashMap<MoveKey, Option<JudgedRefMove>>>,
    move_contributors: RefCell<HashMap<MoveKey, MoveContributors>>,
    newest_anchor: RefCell<Option<LedgerAnchor>>,
}

/// The moves of one ref that are looked for.
#[derive(Clone, Copy)]
pub(crate) struct WantedMoves<'a> {
    pub(crate) name: &'a Text,
    /// What the ref holds as the ledger says.
    pub(crate) known: Option<Oid>,
    /// What it holds after the last of them.
    pub(crate) target: Option<Oid>,
    /// The last of them, if a push started the run.
    pub(crate) pushed: Option<&'a GitHubRefMove>,
}

type MoveKey = (String, Option<Oid>, Option<Oid>);

/// What a run has recorded.
#[derive(Clone, Debug, Default)]
pub struct ForgeLedgerOutcome {
    /// The report on the move that started the run; `None` if no move did, or the ref is not protected.
    pub report: Option<Report>,
    /// The moves that were appended.
    pub appended: AppendedMoves,
    /// True if the ledger begins with this run.
    pub has_begun: bool,
    /// The number of records that were appended.
    pub appended_records: u64,
    /// What the forge could not be asked about unauthorised changes.
    pub unanswered: Vec<Message>,
}

impl<'a> ForgeLedger<'a> {
    /// Returns the ledger of `repo`, which is fetched when it is first needed, and has to have begun.
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
            may_begin: false,
            is_evaluation: false,
            default_policy: OnceCell::new(),
            judged_moves: RefCell::default(),
            move_contributors: RefCell::default(),
            newest_anchor: RefCell::default(),
        }
    }

    /// Returns the newest record that was seen or pushed.
    pub(crate) fn newest_anchor(&self) -> Option<LedgerAnchor> {
        self.newest_anchor.borrow().clone()
    }

    /// Calls `work` to append to the ledger, and pushes what it appended. If another run was first, it
    /// fetches the ledger and calls `work` again.
    ///
    /// # Errors
    ///
    /// Fails if the ledger cannot be fetched, appended to or pushed, or if others are always first.
    pub(crate) fn append_with_retry<T>(
        &self,
        work: &mut dyn FnMut(&mut LedgerWriter<'_>, Timestamp) -> Result<T>,
    ) -> Result<(T, LedgerState)> {
        for attempt in 0..MAX_PUSH_ATTEMPTS {
            let folder = tempfile::tempdir().context("cannot create a folder for a copy of the ledger")?;
            self.remote.init_repository(folder.path())?;
            let refs = [LEDGER_REF, LEDGER_COPY_REF];
            self.remote.fetch_refs(folder.path(), &refs, FetchDepth::Newest)?;
            let repository = Repository::open_at(folder.path(), None)?;
            let tips = LedgerTips {
                ledger: repository.resolve_ref(LEDGER_REF.as_bytes())?.id,
                copy: repository.resolve_ref(LEDGER_COPY_REF.as_bytes())?.id,
            };
            tips.check_copy(self.remote, folder.path())?;
            if tips.ledger.is_none() && !self.may_begin {
                bail!(describe_beginning());
            }
            let mut lock = gate_folder::acquire_lock(repository.common_dir())
                .context("cannot lock the copy of the ledger")?;
            let mut ledger = LedgerWriter::open_ledger(&repository, None).with_context(describe_damage)?;
            let before = ledger.state().number;
            let now = (self.clock)();
            let done = work(&mut ledger, now)?;
            let state = ledger.state().clone();
            let newest = ledger.newest_anchor();
            // Without a new record there is nothing to push, and no other run to lose against.
            if state.number == before {
                self.newest_anchor.replace(newest);
                return Ok((done, state));
            }
            ledger.commit_records(&mut lock, now)?;
            let pushed = [
                RefPush { from: LEDGER_REF, name: LEDGER_REF, expected: tips.ledger },
                RefPush { from: LEDGER_REF, name: LEDGER_COPY_REF, expected: tips.copy },
            ];
            match self.remote.push_refs(folder.path(), &pushed)? {
                RefPushOutcome::Updated => {
                    self.newest_anchor.replace(newest);
                    return Ok((done, state));
                }
                RefPushOutcome::Overtaken => std::thread::sleep(choose_retry_pause(attempt)?),
            }
        }
        bail!(
            "another run appended to {LEDGER_REF} first, {MAX_PUSH_ATTEMPTS} times; nothing of this run is recorded"
        )
    }

    /// Records how the ref of `pushed` came to what that push made of it.
    ///
    /// # Errors
    ///
    /// Fails as [`ForgeLedger::append_with_retry`] does, and if GitHub cannot be asked.
    pub(crate) fn record_landing(&self, pushed: &GitHubRefMove) -> Result<ForgeLedgerOutcome> {
        let scope = self.read_scope()?;
        let pushed = self.confirm_move(pushed)?;
        let (mut outcome, state) = self.append_with_retry(&mut |ledger, now| {
            self.record_moves(ledger, now, scope.as_deref(), Some(&pushed))
        })?;
        if outcome.report.is_none() {
            // Another run has recorded the move; the report on it is the same.
            outcome.report = self.judge_move(&pushed, &state)?.map(|judged| judged.report);
        }
        Ok(outcome)
    }

    /// Records how every protected ref came to what it holds.
    ///
    /// # Errors
    ///
    /// Fails as [`ForgeLedger::record_landing`] does.
    pub(crate) fn record_all_refs(&self) -> Result<(ForgeLedgerOutcome, LedgerState)> {
        let scope = self.read_scope()?;
        self.append_with_retry(&mut |ledger, now| self.record_moves(ledger, now, scope.as_deref(), None))
    }

    fn read_scope(&self) -> Result<Option<Vec<RefPattern>>> {
        Ok(self.read_default_policy()?.map(|(loaded, _)| loaded.policy.protected_refs.clone()))
    }

    /// Returns the policy of the default branch, and the name of that branch; `None` if it has no valid
    /// policy.
    pub(crate) fn read_default_policy(&self) -> Result<Option<&(LoadedPolicy, Text)>> {
        if let Some(known) = self.default_policy.get() {
            return Ok(known.as_ref());
        }
        let found = self.github.load_default_policy(self.repo, self.options).map_err(to_error)?;
        Ok(self.default_policy.get_or_init(|| found).as_ref())
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
        let mut outcome =
            ForgeLedgerOutcome { has_begun: !ledger.has_begun(), ..ForgeLedgerOutcome::default() };
        let refs = self.begin_or_rescope(ledger, now, scope, pushed)?;
        let mut names: BTreeSet<Text> = BTreeSet::new();
        if let Some(pushed) = pushed {
            names.insert(Text::from(pushed.ref_name.as_str()));
        } else {
            for key in ledger.state().tips.keys() {
                names.insert(decode_ref_key(key));
            }
            if let Some(refs) = &refs {
                names.extend(refs.ref_names().cloned());
            }
        }
        let patterns = parse_state_patterns(ledger.state());
        // A ref that is no longer under change control keeps its tip in the state, and is not followed.
        names.retain(|name| patterns.iter().any(|one| one.matches_ref(name.as_bytes())));
        outcome.unanswered = self.record_regularisation_terms(ledger, now)?;
        for name in names {
            let tip = refs.as_ref().and_then(|refs| refs.ref_tip(&name)).flatten();
            self.record_ref(ledger, now, &name, pushed, tip, &mut outcome)?;
        }
        outcome.appended_records = ledger.state().number.saturating_sub(before);
        Ok(outcome)
    }

    /// Begins the ledger, or records that other refs are protected than before; returns what the refs
    /// hold, if that was read.
    fn begin_or_rescope(
        &self,
        ledger: &mut LedgerWriter<'_>,
        now: Timestamp,
        scope: Option<&[RefPattern]>,
        pushed: Option<&GitHubRefMove>,
    ) -> Result<Option<ProtectedRefs>> {
        let protects = match scope {
            Some(scope) => scope.to_vec(),
            // Without a policy the refs that the ledger names stay protected.
            None if ledger.has_begun() => parse_state_patterns(ledger.state()),
            None => bail!("cannot begin the ledger: the default branch has no valid policy"),
        };
        let texts: Vec<String> = protects.iter().map(ToString::to_string).collect();
        let is_same = scope.is_none() || texts == ledger.state().protects;
        if ledger.has_begun() && is_same && pushed.is_some() {
            return Ok(None);
        }
        let tips = self.github.list_ref_tips(self.repo, &protects).map_err(to_error)?;
        let refs = ProtectedRefs::from_tips(protects, tips);
        if !ledger.has_begun() {
            let tips = self.find_first_tips(&refs, pushed)?;
            let tool = decision::TOOL_VERSION.to_owned();
            let begin = LedgerBeginning { protects: refs.pattern_texts(), tips, tool };
            ledger.append_event(LedgerEvent::Begin(begin), now)?;
        } else if let Some(scope) = refs.find_scope_change(ledger.state(), &|_, id| Some(id)) {
            ledger.append_event(LedgerEvent::Scope(scope), now)?;
        }
        Ok(Some(refs))
    }

    /// Returns what the refs hold when the ledger begins. A push that brings the first policy is part of
    /// that; any other push is recorded after it, so its ref begins with what it held before.
    fn find_first_tips(&self, refs: &ProtectedRefs, pushed: Option<&GitHubRefMove>) -> Result<Vec<RefTip>> {
        if let Some(pushed) = pushed
            && let Some(judged) = self.judge_move(pushed, &LedgerState::default())?
            && !judged.policy_sources.is_empty()
        {
            let name = Text::from(pushed.ref_name.as_str());
            let before = |one: &Text, id: Oid| if *one == name { pushed.old_tip } else { Some(id) };
            return Ok(refs.select_tips(&before, &|_| true));
        }
        Ok(refs.select_tips(&|_, id| Some(id), &|_| true))
    }

    /// Appends what the ledger does not know yet of one ref.
    fn record_ref(
        &self,
        ledger: &mut LedgerWriter<'_>,
        now: Timestamp,
        name: &Text,
        pushed: Option<&GitHubRefMove>,
        tip: Option<Oid>,
        outcome: &mut ForgeLedgerOutcome,
    ) -> Result<()> {
        let known = ledger.state().tips.get(&encode_ref_key(name)).copied();
        let target = pushed.map_or(tip, |pushed| pushed.new_tip);
        let repo = self.repo.to_string();
        let wanted = WantedMoves { name, known, target, pushed };
        let moves = self.find_unrecorded_moves(ledger.state(), &wanted)?;
        for one in &moves {
            let is_ours = pushed == Some(one);
            let appended = match self.judge_move(one, ledger.state())? {
                Some(judged) => {
                    if is_ours {
                        outcome.report = Some(judged.report.clone());
                    }
                    let inner = |owed: &TrackedObligation| self.list_inner_commits(owed);
                    recorded_moves::append_move(ledger, &repo, one, &judged, !is_ours, (now, &inner))?
                }
                None => {
                    let moved = recorded_moves::to_recorded_move(one);
                    ledger.append_event(LedgerEvent::Unauthorised(moved.clone()), now)?;
                    AppendedMoves { unauthorised: vec![moved], ..AppendedMoves::default() }
                }
            };
            if !appended.unauthorised.is_empty() {
                outcome.unanswered = self.record_regularisation_terms(ledger, now)?;
            }
            outcome.appended.unauthorised.extend(appended.unauthorised);
            outcome.appended.found_late.extend(appended.found_late);
            outcome.appended.closing_notes.extend(appended.closing_notes);
        }
        Ok(())
    }
}

impl ForgeLedger<'_> {
    /// Returns the commits that landed with a change that owes something; none if GitHub does not tell, since
    /// only a note depends on it.
    fn list_inner_commits(&self, owed: &TrackedObligation) -> Vec<Oid> {
        let Some(change) = owed.change else { return Vec::new() };
        let pull = owed.pull.as_ref();
        let pull = pull.and_then(|pull| PullRequestName::parse_name(&pull.to_lossy(), None).ok());
        self.github.list_inner_commits(self.repo, change, pull.as_ref()).unwrap_or_default()
    }
}

pub(crate) fn to_error(failure: GitHubFailure) -> anyhow::Error {
    anyhow!(failure.why)
}

/// Returns the pause before the next attempt: longer each time, and random, so that runs that wait do not
/// meet again.
fn choose_retry_pause(attempt: u32) -> Result<Duration> {
    let mut bytes = [0u8; 2];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gives no random bytes: {error}"))?;
    let longest = Duration::from_millis(200).saturating_mul(1 << attempt.min(6)).min(MAX_RETRY_PAUSE);
    Ok(longest.mul_f64(f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX)))
}
