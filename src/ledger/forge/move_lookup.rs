//! Reads ref moves from the forge and judges them, each once.

use anyhow::{Result, anyhow, ensure};

use crate::change::{Oid, Text};

use crate::github::{DefaultBranchPolicy, GitHubFailure, GitHubRefMove, JudgedRefMove};
use crate::ledger::forge::{ForgeLedger, to_error};
use crate::ledger::state::LedgerState;
use crate::pattern::RefPattern;

impl ForgeLedger<'_> {
    /// Returns the move that an event reports, with what GitHub itself knows about it.
    ///
    /// # Errors
    ///
    /// Fails if GitHub knows no such move.
    pub(crate) fn confirm_move(&self, event: &GitHubRefMove) -> Result<GitHubRefMove> {
        for one in self.list_moves(&event.ref_name, event.old_tip)? {
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

    /// Returns the moves of a ref, newest first; none if GitHub keeps no list of them for this token or for
    /// this kind of ref.
    pub(crate) fn list_moves(&self, name: &str, known: Option<Oid>) -> Result<Vec<GitHubRefMove>> {
        match self.github.list_ref_moves(self.repo, name, known) {
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
        let judged = self.github.judge_ref_move(self.repo, moved, self.options, base).map_err(to_error)?;
        self.judged_moves.borrow_mut().insert(key, judged.clone());
        Ok(judged)
    }

    /// Returns the moves that led a ref to `target`, oldest first, back to `known` or as far as GitHub
    /// lists them.
    pub(crate) fn find_move_path(
        &self,
        name: &Text,
        known: Option<Oid>,
        target: Option<Oid>,
        pushed: Option<&GitHubRefMove>,
    ) -> Result<Vec<GitHubRefMove>> {
        let mut left = self.list_moves(&name.to_lossy(), known)?;
        if let Some(pushed) = pushed
            && !left.contains(pushed)
        {
            left.insert(0, pushed.clone());
        }
        let mut path = Vec::new();
        let mut at = target;
        while at != known {
            // The list begins with the newest, and each move was made once.
            let Some(place) = left.iter().position(|one| one.new_tip == at) else { break };
            let one = left.remove(place);
            at = one.old_tip;
            path.push(one);
        }
        path.reverse();
        Ok(path)
    }
}
