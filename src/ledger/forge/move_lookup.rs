//! Reads ref moves from the forge and judges them, each once.

use anyhow::{Result, anyhow, ensure};

use crate::change::{FactKind, Missing, Oid, Text};
use crate::github::{DefaultBranchPolicy, GitHubFailure, GitHubRefMove, JudgedRefMove};
use crate::ledger::forge::{ForgeLedger, WantedMoves, recorded_moves, to_error};
use crate::ledger::state::LedgerState;
use crate::pattern::RefPattern;

/// In how many moves of a ref the newest one that the ledger holds is looked for.
const MAX_SEARCHED_MOVES: usize = 3900;

impl ForgeLedger<'_> {
    /// Returns the move that an event reports, with what GitHub itself knows about it.
    ///
    /// # Errors
    ///
    /// Fails if GitHub knows no such move.
    pub(crate) fn confirm_move(&self, event: &GitHubRefMove) -> Result<GitHubRefMove> {
        let is_enough = |listed: &[GitHubRefMove]| reaches_tip(listed, event.old_tip);
        for one in self.list_moves(&event.ref_name, &is_enough)? {
            if (one.old_tip, one.new_tip) == (event.old_tip, event.new_tip) {
                return Ok(one);
            }
        }
        let pattern = RefPattern::new(&event.ref_name).map_err(|why| anyhow!("{}: {why}", event.ref_name))?;
        let tips = self.github.list_ref_tips(self.repo, &[pattern]).map_err(to_error)?;
        let tip = tips.get(&Text::from(event.ref_name.as_str())).copied();
        let has_happened = match (event.new_tip, tip) {
            (Some(new), Some(tip)) => new == tip || self.is_ancestor(new, tip)?,
            (new, tip) => new == tip,
        };
        ensure!(has_happened, "GitHub does not know the move of {} that the event reports", event.ref_name);
        Ok(event.clone())
    }

    /// Returns the moves of a ref, newest first, until they are enough; none if GitHub keeps no list of them for this token or for
    /// this kind of ref.
    pub(crate) fn list_moves(
        &self,
        name: &str,
        is_enough: &dyn Fn(&[GitHubRefMove]) -> bool,
    ) -> Result<Vec<GitHubRefMove>> {
        match self.github.list_ref_moves(self.repo, name, is_enough) {
            Err(GitHubFailure { status: Some(403 | 404 | 422), .. }) => Ok(Vec::new()),
            found => found.map_err(to_error),
        }
    }

    pub(crate) fn is_ancestor(&self, from: Oid, to: Oid) -> Result<bool> {
        self.github.is_ancestor(self.repo, from, to).map_err(to_error)
    }

    /// Returns what judging a move comes to; `None` if the ref is not protected. `state` is that of the ledger,
    /// which tells whether the policy of the default branch was decided.
    pub(crate) fn judge_move(
        &self,
        moved: &GitHubRefMove,
        state: &LedgerState,
    ) -> Result<Option<JudgedRefMove>> {
        let key = (moved.ref_name.clone(), moved.old_tip, moved.new_tip);
        if let Some(known) = self.judged_moves.borrow().get(&key) {
            return Ok(known.clone());
        }
        let default = self.read_default_policy()?;
        let decided = match default {
            Some((_, name)) => self.find_decided_policy(state, name)?,
            None => None,
        };
        let base = default.map(|(loaded, branch)| DefaultBranchPolicy {
            policy: &decided.as_ref().unwrap_or(loaded).policy,
            branch,
            is_decided_earlier: decided.is_some(),
        });
        let mut judged =
            self.github.judge_ref_move(self.repo, moved, self.options, base).map_err(to_error)?;
        if let Some(judged) = &mut judged {
            judged.report.is_evaluation = self.is_evaluation;
        }
        self.judged_moves.borrow_mut().insert(key, judged.clone());
        Ok(judged)
    }

    /// Returns the moves of a ref that the ledger does not hold, oldest first, up to the target.
    ///
    /// They begin after the newest move that the ledger holds: a ref that came back to where it was, or went on
    /// from there, went a way that is recorded as well. Where GitHub lists none that the ledger holds, they are
    /// those that lead from what the ledger says to the target.
    pub(crate) fn find_unrecorded_moves(
        &self,
        state: &LedgerState,
        wanted: &WantedMoves<'_>,
    ) -> Result<Vec<GitHubRefMove>> {
        let repo = self.repo.to_string();
        let WantedMoves { name, known, target, pushed } = *wanted;
        let has_decisions = !state.recent_decisions.is_empty();
        let is_enough = |listed: &[GitHubRefMove]| {
            let is_reached = reaches_tip(listed, known);
            let is_known = || find_newest_recorded(listed, state, &repo).is_some();
            is_reached && (!has_decisions || listed.len() >= MAX_SEARCHED_MOVES || is_known())
        };
        let mut listed = self.list_moves(&name.to_lossy(), &is_enough)?;
        if let Some(pushed) = pushed
            && !listed.contains(pushed)
        {
            if is_recorded_move(pushed, state, &repo) && pushed.old_tip != known {
                return Ok(Vec::new());
            }
            listed.insert(0, pushed.clone());
        }
        let newest = find_newest_recorded(&listed, state, &repo);
        let is_continued = newest.and_then(|place| listed.get(place)).is_some_and(|one| one.new_tip == known);
        if let (Some(place), true) = (newest, is_continued) {
            listed.truncate(place);
            let end = match pushed {
                Some(pushed) => listed.iter().position(|one| one == pushed),
                None => listed.iter().position(|one| one.new_tip == target),
            };
            match end {
                Some(end) => drop(listed.drain(..end)),
                // The run for this push is late: another one has recorded it.
                None if pushed.is_some() || known == target => return Ok(Vec::new()),
                // GitHub's list is older than what the ref holds.
                None => {}
            }
            listed.reverse();
            return Ok(connect_moves(listed, wanted));
        }
        if known == target {
            return Ok(Vec::new());
        }
        if let Some(pushed) = pushed {
            if pushed.old_tip == known {
                return Ok(vec![pushed.clone()]);
            }
            if is_recorded_move(pushed, state, &repo) {
                return Ok(Vec::new());
            }
        }
        let path = trace_moves(listed, known, target);
        let from = path.first().map_or(target, |first| first.old_tip);
        if let (Some(_), Some(new), Some(known)) = (pushed, target, known)
            && from != Some(known)
            && self.is_ancestor(new, known)?
        {
            // This run is late: another one has recorded the move on its way.
            return Ok(Vec::new());
        }
        Ok(connect_moves(path, wanted))
    }
}

/// Returns whether the ref pointed at `tip` before or after one of its moves.
pub(crate) fn reaches_tip(listed: &[GitHubRefMove], tip: Option<Oid>) -> bool {
    tip.is_some() && listed.iter().any(|one| one.old_tip == tip || one.new_tip == tip)
}

/// Returns the place of the newest move in the list, newest first, that the ledger holds.
///
/// A move that was made again has the same ends, so of equal ones the oldest count as recorded.
fn find_newest_recorded(listed: &[GitHubRefMove], state: &LedgerState, repo: &str) -> Option<usize> {
    for (place, one) in listed.iter().enumerate() {
        let recorded = count_recorded(one, state, repo);
        let older = listed.iter().skip(place + 1).filter(|other| has_same_ends(one, other)).count();
        if older < recorded {
            return Some(place);
        }
    }
    None
}

/// Returns how often the ledger holds a move with these ends, among its newest decisions.
fn count_recorded(moved: &GitHubRefMove, state: &LedgerState, repo: &str) -> usize {
    let is_known = |attempt: &u32| {
        let id = recorded_moves::move_decision_id(repo, moved, *attempt);
        state.recent_decisions.contains(&id)
    };
    (0..u32::MAX).take_while(is_known).count()
}

fn is_recorded_move(moved: &GitHubRefMove, state: &LedgerState, repo: &str) -> bool {
    count_recorded(moved, state, repo) > 0
}

fn has_same_ends(one: &GitHubRefMove, other: &GitHubRefMove) -> bool {
    (one.old_tip, one.new_tip) == (other.old_tip, other.new_tip)
}

/// Returns the moves, newest first in `listed`, that led from `known` to `target`, oldest first, or as far back as
/// they are listed.
fn trace_moves(
    mut listed: Vec<GitHubRefMove>,
    known: Option<Oid>,
    target: Option<Oid>,
) -> Vec<GitHubRefMove> {
    let mut path = Vec::new();
    let mut at = target;
    while at != known {
        // The list begins with the newest, and each move was made once.
        let Some(place) = listed.iter().position(|one| one.new_tip == at) else { break };
        let one = listed.remove(place);
        at = one.old_tip;
        path.push(one);
    }
    path.reverse();
    path
}

/// Returns the moves, oldest first, with one for each gap between them, of which only the history tells.
fn connect_moves(moves: Vec<GitHubRefMove>, wanted: &WantedMoves<'_>) -> Vec<GitHubRefMove> {
    let mut connected = Vec::with_capacity(moves.len());
    let mut at = wanted.known;
    for one in moves {
        if one.old_tip != at {
            connected.push(build_unattributed_move(wanted.name, at, one.old_tip));
        }
        at = one.new_tip;
        connected.push(one);
    }
    if at != wanted.target {
        connected.push(build_unattributed_move(wanted.name, at, wanted.target));
    }
    connected
}

/// Returns a move of which only the ends are known.
fn build_unattributed_move(name: &Text, old: Option<Oid>, new: Option<Oid>) -> GitHubRefMove {
    let why = "GitHub does not tell who moved the ref".to_owned();
    GitHubRefMove {
        ref_name: name.to_lossy().into_owned(),
        old_tip: old,
        new_tip: new,
        moved_by: Err(Missing::Unavailable(FactKind::Pusher, why)),
        moved_at: None,
        recorded_as: None,
    }
}
