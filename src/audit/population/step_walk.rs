//! Reads the steps of a history on several threads, and goes on where one of them cannot be read.
//!
//! A walk needs every commit that it meets. Where one is missing, the range is halved until the step is found that
//! cannot be read, so that one lost object hides one step and no other.

use anyhow::Result;

use crate::audit::population::ref_chain::{ChainRun, RefChain};
use crate::change::{Commit, NeededFacts, Oid};
use crate::git::{NewHistory, Repository, TrustedKeys, UnreadableCommit};

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
        places: (usize, usize),
        read: &(impl Fn(StepCommits) -> T + Sync),
        collect: &mut dyn FnMut(usize, Result<T, String>) -> Result<()>,
    ) -> Result<()> {
        self.read_unknown_places(places, (&|_| None, read), collect)
    }

    /// As [`StepWalk::read_places`]; a step for which `known` has the result, by its last commit, is not read.
    ///
    /// # Errors
    ///
    /// As [`StepWalk::read_places`].
    pub(crate) fn read_unknown_places<T: Send>(
        &self,
        (first, last): (usize, usize),
        (known, read): (&(impl Fn(Oid) -> Option<T> + Sync), &(impl Fn(StepCommits) -> T + Sync)),
        collect: &mut dyn FnMut(usize, Result<T, String>) -> Result<()>,
    ) -> Result<()> {
        if first > last {
            return Ok(());
        }
        if let Some(history) = self.chain.find_walk_of((first, last)) {
            return self.read_history((history, first), (known, read), collect);
        }
        for run in self.chain.runs.iter().filter(|run| run.first <= last && run.last >= first) {
            self.read_run((run, first.max(run.first), last.min(run.last)), (known, read), collect)?;
        }
        Ok(())
    }

    /// Reads the steps of one run from the place `first` to `last`.
    fn read_run<T: Send>(
        &self,
        (run, first, last): (&ChainRun, usize, usize),
        (known, read): (&(impl Fn(Oid) -> Option<T> + Sync), &(impl Fn(StepCommits) -> T + Sync)),
        collect: &mut dyn FnMut(usize, Result<T, String>) -> Result<()>,
    ) -> Result<()> {
        let Some(tip) = self.chain.steps.get(last).filter(|_| first <= last) else { return Ok(()) };
        let hidden = self.chain.list_hidden_before(run, first);
        let why = match self.repository.find_new_history(tip.id, &hidden) {
            Ok(history) => return self.read_history((&history, first), (known, read), collect),
            Err(error) => format!("its commits cannot be read: {error:#}"),
        };
        if first == last {
            return collect(first, Err(why));
        }
        let middle = first + (last - first) / 2;
        self.read_run((run, first, middle), (known, read), collect)?;
        self.read_run((run, middle + 1, last), (known, read), collect)
    }

    /// Reads the steps of a history, the first of which is at the place `first`.
    fn read_history<T: Send>(
        &self,
        (history, first): (&NewHistory, usize),
        (known, read): (&(impl Fn(Oid) -> Option<T> + Sync), &(impl Fn(StepCommits) -> T + Sync)),
        collect: &mut dyn FnMut(usize, Result<T, String>) -> Result<()>,
    ) -> Result<()> {
        let mut place = first;
        let reading = (self.trusted_keys, self.needs);
        self.repository.for_each_unknown_step((history, known), reading, self.threads, read, |value| {
            let step = place;
            place += 1;
            collect(step, Ok(value))
        })
    }
}
