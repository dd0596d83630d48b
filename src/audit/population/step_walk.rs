//! Reads the steps of a history on several threads, and goes on where one of them cannot be read.
//!
//! A walk needs every commit that it meets. Where one is missing, the range is halved until the step is found that
//! cannot be read, so that one lost object hides one step and no other.

use anyhow::Result;

use crate::audit::population::ref_chain::{ChainRun, RefChain};
use crate::change::{Commit, NeededFacts};
use crate::git::{Repository, TrustedKeys, UnreadableCommit};

/// The commits of a step, as far as they can be read.
pub(crate) type StepCommits = Vec<Result<Commit, UnreadableCommit>>;

/// How steps are read.
pub(crate) struct StepWalk<'a> {
    /// The repository.
    pub(crate) repository: &'a Repository,
    /// The history whose steps are read.
    pub(crate) chain: &'a RefChain,
    /// The facts that are read of each commit.
    pub(crate) needs: &'a NeededFacts,
    /// The keys whose signatures count.
    pub(crate) trusted_keys: Option<TrustedKeys<'a>>,
    /// How many threads can work.
    pub(crate) threads: fn() -> usize,
}

impl StepWalk<'_> {
    /// Reads the steps from the place `first` to `last`, and hands on what `read` makes of each with its place, oldest
    /// first; of a step that cannot be read, the reason.
    ///
    /// # Errors
    ///
    /// Fails with the first error of `collect`.
    pub(crate) fn read_places<T: Send>(
        &self,
        (first, last): (usize, usize),
        read: &(impl Fn(StepCommits) -> T + Sync),
        collect: &mut dyn FnMut(usize, Result<T, String>) -> Result<()>,
    ) -> Result<()> {
        if first > last {
            return Ok(());
        }
        for run in self.chain.runs.iter().filter(|run| run.first <= last && run.last >= first) {
            self.read_run(run, (first.max(run.first), last.min(run.last)), read, collect)?;
        }
        Ok(())
    }

    /// Reads steps of one run.
    fn read_run<T: Send>(
        &self,
        run: &ChainRun,
        (first, last): (usize, usize),
        read: &(impl Fn(StepCommits) -> T + Sync),
        collect: &mut dyn FnMut(usize, Result<T, String>) -> Result<()>,
    ) -> Result<()> {
        let Some(tip) = self.chain.steps.get(last).filter(|_| first <= last) else { return Ok(()) };
        let hidden = self.chain.list_hidden_before(run, first);
        let why = match self.repository.find_new_history(tip.id, &hidden) {
            Ok(history) => {
                let mut place = first;
                let keys = self.trusted_keys;
                return self.repository.for_each_history_step(
                    &history,
                    keys,
                    self.needs,
                    self.threads,
                    read,
                    |value| {
                        let step = place;
                        place += 1;
                        collect(step, Ok(value))
                    },
                );
            }
            Err(error) => format!("its commits cannot be read: {error:#}"),
        };
        if first == last {
            return collect(first, Err(why));
        }
        let middle = first + (last - first) / 2;
        self.read_run(run, (first, middle), read, collect)?;
        self.read_run(run, (middle + 1, last), read, collect)
    }
}
