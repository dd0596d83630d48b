//! What changes that come from another branch close here: what was owed for a change on both is answered for on both.

use std::collections::HashSet;

use anyhow::Result;

use crate::change::{Commit, NeededFacts, Oid};
use crate::gate::obligations::{ObligationClosing, find_closing};
use crate::gate::push::change_judge::{ChangeJudge, PromotedWalk};
use crate::gate::push::ref_judge::RefJudge;
use crate::gate::settings::LedgerMode;
use crate::git::UnreadableCommit;
use crate::policy::ChangeUnit;
use crate::push::ProposedRefUpdate;

impl RefJudge<'_> {
    /// Adds what is stated for earlier changes by those that come to the ref and were judged elsewhere. Who promotes them
    /// answers for nothing by that.
    pub(crate) fn add_promoted_closings(
        &mut self,
        judge: &ChangeJudge<'_>,
        (asked, tip): (&ProposedRefUpdate<'_>, Oid),
        walk: &PromotedWalk<'_>,
    ) -> Result<()> {
        let Some(old) = asked.actual_old.filter(|_| self.settings.ledger_mode != LedgerMode::Off) else {
            return Ok(());
        };
        let judged: HashSet<Oid> = walk.new.list_ids().into_iter().collect();
        let history = self.repository.find_new_history(tip, &[old])?;
        let is_judged = |id: &Oid| judged.contains(id);
        if history.count_commits() > self.settings.max_commits || history.list_ids().iter().all(is_judged) {
            return Ok(());
        }
        let base = judge.base.unwrap_or(judge.loaded);
        let read_step = |commits: Vec<Result<Commit, UnreadableCommit>>| {
            let changes = match walk.unit {
                ChangeUnit::Step => vec![commits],
                ChangeUnit::Commit => commits.into_iter().map(|one| vec![one]).collect(),
            };
            let mut closings: Vec<ObligationClosing> = Vec::new();
            for commits in changes {
                // What is new was judged with the push, and what cannot be read closes nothing.
                let ids: Vec<Oid> = commits.iter().flatten().filter_map(|commit| commit.id).collect();
                if !ids.iter().all(is_judged)
                    && let Ok(change) = judge.build_change(commits)
                {
                    closings.extend(find_closing(&change, &judge.loaded.policy, Some(&base.policy)));
                }
            }
            closings
        };
        let mut found = Vec::new();
        let collect = |closings: Vec<ObligationClosing>| {
            found.extend(closings);
            Ok(())
        };
        let threads = self.settings.threads;
        self.repository.for_each_history_step(
            &history,
            None,
            &NeededFacts::new(),
            threads,
            read_step,
            collect,
        )?;
        self.facts.add_closings(asked.name, found);
        Ok(())
    }
}
