//! Whole histories: commits are read and judged on several threads, and handed over in order.

use anyhow::Result;
use gix::ObjectId;

use crate::change::{Commit, FactKind, NeededFacts, Oid};

use crate::git::history::date_order::NewestFirstWalk;
use crate::git::history::pipeline::{self, PipelineJob};
use crate::git::history::{NewHistory, divide_into_steps};
use crate::git::objects::ObjectBytes;
use crate::git::objects::commit::UnreadableCommit;
use crate::git::objects::reader::{CommitHints, ObjectReader};
use crate::git::repository::Repository;
use crate::git::signature::TrustedKeys;

/// The commits that are asked about: what `new` leads to and none of `hidden` does.
#[derive(Clone, Copy, Debug)]
pub struct CommitRange<'a> {
    /// The commit at the new end.
    pub tip: Oid,
    /// The commits whose history is left out.
    pub hidden_tips: &'a [Oid],
    /// The keys that signatures are verified with, if the signatures are asked for.
    pub trusted_keys: Option<TrustedKeys<'a>>,
}

/// A commit, or why it cannot be read.
type CommitReadResult = Result<Commit, UnreadableCommit>;

impl Repository {
    /// Reads every commit of `range`, newest first (the order of [`Repository::list_new_commits`]), and
    /// passes it to `judge`, on up to `threads` threads at once (called only if there is enough to do).
    /// What `judge` returns goes to `collect`, on this thread and in order.
    ///
    /// A commit whose object is malformed is passed on as such, so that the rest can go on. Memory
    /// does not grow with the length of history, except for the ids that the walk has to remember.
    ///
    /// # Errors
    ///
    /// Fails if the walk cannot go on, because a commit is missing or its parents cannot be read,
    /// and with the first error of `collect`. What was collected before is then incomplete.
    pub fn for_each_commit<T: Send>(
        &self,
        range: CommitRange<'_>,
        needs: &NeededFacts,
        threads: fn() -> usize,
        judge: impl Fn(CommitReadResult) -> T + Sync,
        mut collect: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let new = self.to_object_id(range.tip)?;
        let hidden = self.to_object_ids(range.hidden_tips)?;
        let mut walker = self.shared.create_reader(0);
        let mut newest = NewestFirstWalk::start_walk(&mut walker, new, &hidden)?;
        let next = move || newest.next_commit(&mut walker).transpose();
        let work = |reader: &mut ObjectReader, (id, raw): (ObjectId, Option<ObjectBytes>)| {
            let known = CommitHints { raw_commit: raw.as_deref().map(Vec::as_slice), parent_tree: None };
            judge(reader.read_commit(&id, known, needs, range.trusted_keys))
        };
        self.with_reader(|reader| {
            pipeline::run_pipeline(&self.create_job(needs, threads), reader, next, work, &mut collect)
        })
    }

    /// As [`Repository::for_each_commit`], in the opposite order, oldest first.
    ///
    /// # Errors
    ///
    /// As [`Repository::for_each_commit`].
    pub fn for_each_commit_oldest_first<T: Send>(
        &self,
        range: CommitRange<'_>,
        needs: &NeededFacts,
        threads: fn() -> usize,
        judge: impl Fn(CommitReadResult) -> T + Sync,
        mut collect: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let mut ids = Vec::new();
        for id in self.list_new_commits(range.tip, range.hidden_tips)? {
            ids.push(self.to_object_id(id?)?);
        }
        let next = move || ids.pop().map(Ok);
        let work = |reader: &mut ObjectReader, id: ObjectId| {
            judge(reader.read_commit(&id, CommitHints::default(), needs, range.trusted_keys))
        };
        self.with_reader(|reader| {
            pipeline::run_pipeline(&self.create_job(needs, threads), reader, next, work, &mut collect)
        })
    }

    /// As [`Repository::for_each_commit`], with the commits of one step (see
    /// [`Repository::list_steps`]) at a time, oldest step first.
    ///
    /// # Errors
    ///
    /// As [`Repository::for_each_commit`].
    pub fn for_each_step<T: Send>(
        &self,
        range: CommitRange<'_>,
        needs: &NeededFacts,
        threads: fn() -> usize,
        judge: impl Fn(Vec<CommitReadResult>) -> T + Sync,
        collect: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let history = self.find_new_history(range.tip, range.hidden_tips)?;
        self.for_each_history_step(&history, range.trusted_keys, needs, threads, judge, collect)
    }

    /// As [`Repository::for_each_step`], for a history that has been found already.
    ///
    /// # Errors
    ///
    /// As [`Repository::for_each_commit`].
    pub(crate) fn for_each_history_step<T: Send>(
        &self,
        history: &NewHistory,
        trusted: Option<TrustedKeys<'_>>,
        needs: &NeededFacts,
        threads: fn() -> usize,
        judge: impl Fn(Vec<CommitReadResult>) -> T + Sync,
        mut collect: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let mut steps = divide_into_steps(&history.painted).into_iter();
        let next = move || steps.next().map(Ok);
        let work = |reader: &mut ObjectReader, step: Vec<usize>| {
            let mut commits = Vec::with_capacity(step.len());
            for index in step {
                if let Some(id) = history.painted.id_at(index) {
                    let known = history.painted.commit_hints(index);
                    commits.push(reader.read_commit(id, known, needs, trusted));
                }
            }
            judge(commits)
        };
        self.with_reader(|reader| {
            pipeline::run_pipeline(&self.create_job(needs, threads), reader, next, work, &mut collect)
        })
    }

    fn create_job(&self, needs: &NeededFacts, threads: fn() -> usize) -> PipelineJob {
        // Messages are hardly ever deltas, so only the work on trees is worth a cache.
        let trees = needs.iter().any(|need| {
            matches!(need, FactKind::Paths | FactKind::Lines | FactKind::Blobs | FactKind::EvilMerges)
        });
        let pack_cache = if trees { ObjectReader::TREE_PACK_CACHE_BYTES } else { 0 };
        PipelineJob { shared: self.shared.clone(), thread_count: threads, pack_cache_bytes: pack_cache }
    }
}
