//! Whole histories: commits are read and judged on several threads, and handed over in order.

use anyhow::Result;
use gix::ObjectId;

use crate::change::{Commit, FactKind, Missing, NeededFacts, Oid};

use crate::git::history::backlog::CommitBacklog;
use crate::git::history::date_order::NewestFirstWalk;
use crate::git::history::pipeline::{self, PipelineJob, WeighedItem, WeighedResult};
use crate::git::history::{NewHistory, divide_into_steps};
use crate::git::objects::ObjectBytes;
use crate::git::objects::commit::UnreadableCommit;
use crate::git::objects::reader::{CommitHints, ObjectReader, to_oid, unreadable_commit};
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

/// How many times the work on a commit the work on a merge is, if it is merged again.
const WORK_PER_MERGE: usize = 64;

/// The same for a commit of which it is not known whether it is a merge.
const WORK_PER_UNKNOWN_COMMIT: usize = 16;

/// The most paths that the commits of one change touch together.
const MAX_CHANGE_PATHS: usize = 200_000;

/// The most bytes that the messages of the commits of one change hold together.
const MAX_CHANGE_MESSAGE_BYTES: usize = 32 << 20;

/// About how many bytes of commits are kept for as long as a walk goes on whose commits are judged after it.
const MAX_BACKLOG_BYTES: usize = 64 << 20;

/// About how many bytes the facts about one path take.
const BYTES_PER_PATH: usize = 512;

/// About how many bytes the result of a step takes that is known already.
const BYTES_PER_KNOWN_STEP: usize = 16 << 10;

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
        let work = weigh_unread_commit(needs);
        let next = move || {
            let next = newest.next_commit(&mut walker).transpose()?;
            Some(next.map(|value| WeighedItem { value, work }))
        };
        let work = |reader: &mut ObjectReader, found| read_and_judge(reader, found, range, needs, &judge);
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
        let new = self.to_object_id(range.tip)?;
        let hidden = self.to_object_ids(range.hidden_tips)?;
        let mut walker = self.shared.create_reader(0);
        let mut newest = NewestFirstWalk::start_walk(&mut walker, new, &hidden)?;
        let mut backlog = CommitBacklog::new(MAX_BACKLOG_BYTES);
        while let Some((id, raw)) = newest.next_commit(&mut walker)? {
            backlog.add_commit(id, raw);
        }
        drop((newest, walker));
        let work = weigh_unread_commit(needs);
        let next = move || Some(Ok(WeighedItem { value: backlog.take_commit()?, work }));
        let work = |reader: &mut ObjectReader, found| read_and_judge(reader, found, range, needs, &judge);
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
        collect: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        self.for_each_unknown_step((history, &|_| None), (trusted, needs), threads, judge, collect)
    }

    /// As [`Repository::for_each_history_step`]; a step for which `known` has the result, by its last commit, is not read.
    ///
    /// # Errors
    ///
    /// As [`Repository::for_each_commit`].
    pub(crate) fn for_each_unknown_step<T: Send>(
        &self,
        (history, known): (&NewHistory, &(impl Fn(Oid) -> Option<T> + Sync)),
        (trusted, needs): (Option<TrustedKeys<'_>>, &NeededFacts),
        threads: fn() -> usize,
        judge: impl Fn(Vec<CommitReadResult>) -> T + Sync,
        mut collect: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let mut steps = divide_into_steps(&history.painted).into_iter();
        let next = move || {
            let value = steps.next()?;
            let work = count_step_work(history, &value, needs);
            Some(Ok(WeighedItem { value, work }))
        };
        let work = |reader: &mut ObjectReader, step: Vec<usize>| {
            let tip = step.last().and_then(|place| history.painted.id_at(*place));
            if let Some(value) = tip.and_then(|id| known(to_oid(id))) {
                return WeighedResult { value, bytes: BYTES_PER_KNOWN_STEP };
            }
            let commits = read_step(reader, history, step, needs, trusted);
            let bytes = commits.iter().map(weigh_commit).sum();
            WeighedResult { value: judge(commits), bytes }
        };
        self.with_reader(|reader| {
            pipeline::run_pipeline(&self.create_job(needs, threads), reader, next, work, &mut collect)
        })
    }

    pub(super) fn create_job(&self, needs: &NeededFacts, threads: fn() -> usize) -> PipelineJob {
        // Messages are hardly ever deltas, so only the work on trees is worth a cache.
        let trees = needs.iter().any(|need| {
            matches!(need, FactKind::Paths | FactKind::Lines | FactKind::Blobs | FactKind::EvilMerges)
        });
        let pack_cache = if trees { ObjectReader::TREE_PACK_CACHE_BYTES } else { 0 };
        PipelineJob { shared: self.shared.clone(), thread_count: threads, pack_cache_bytes: pack_cache }
    }
}

/// Returns how much work a commit is that has not been read yet.
fn weigh_unread_commit(needs: &NeededFacts) -> usize {
    if needs.contains(&FactKind::EvilMerges) { WORK_PER_UNKNOWN_COMMIT } else { 1 }
}

/// Reads a commit that a walk has found, and judges it.
fn read_and_judge<T>(
    reader: &mut ObjectReader,
    (id, raw): (ObjectId, Option<ObjectBytes>),
    range: CommitRange<'_>,
    needs: &NeededFacts,
    judge: &impl Fn(CommitReadResult) -> T,
) -> WeighedResult<T> {
    let known = CommitHints { raw_commit: raw.as_deref().map(Vec::as_slice), parent_tree: None };
    let commit = reader.read_commit(&id, known, needs, range.trusted_keys);
    let bytes = weigh_commit(&commit);
    WeighedResult { value: judge(commit), bytes }
}

/// Returns how much work the commits of a step are.
fn count_step_work(history: &NewHistory, step: &[usize], needs: &NeededFacts) -> usize {
    let mut work = step.len();
    if needs.contains(&FactKind::EvilMerges) {
        for index in step {
            if history.painted.commit_at(*index).is_some_and(|commit| commit.parents.len() > 1) {
                work += WORK_PER_MERGE;
            }
        }
    }
    work
}

/// Reads the commits of a step.
///
/// All commits of a change are judged together, so they are in memory together. A push of a few kilobytes
/// can hold a change whose commits list millions of paths; then these are not known. If their messages are
/// too long, the change cannot be read.
fn read_step(
    reader: &mut ObjectReader,
    history: &NewHistory,
    step: Vec<usize>,
    needs: &NeededFacts,
    trusted: Option<TrustedKeys<'_>>,
) -> Vec<CommitReadResult> {
    let mut commits = Vec::with_capacity(step.len());
    let mut path_count = 0;
    let mut message_bytes = 0;
    let mut needs_now = needs.clone();
    for index in step {
        let Some(id) = history.painted.id_at(index) else { continue };
        let known = history.painted.commit_hints(index);
        let mut commit = reader.read_commit(id, known, &needs_now, trusted);
        if path_count > MAX_CHANGE_PATHS {
            if let Ok(commit) = &mut commit {
                leave_out_paths(commit, needs);
            }
        } else if let Ok(Commit { paths: Ok(paths), .. }) = &commit {
            path_count += paths.len();
            if path_count > MAX_CHANGE_PATHS {
                for kind in [FactKind::Paths, FactKind::Lines, FactKind::Blobs] {
                    needs_now.remove(&kind);
                }
                commits
                    .iter_mut()
                    .chain([&mut commit])
                    .flatten()
                    .for_each(|commit| leave_out_paths(commit, needs));
            }
        }
        if let Ok(Commit { message, .. }) = &commit {
            message_bytes += message.raw().as_bytes().len();
        }
        if message_bytes > MAX_CHANGE_MESSAGE_BYTES {
            let reason = format!(
                "with it, the messages of the change have more than {} MiB",
                MAX_CHANGE_MESSAGE_BYTES >> 20
            );
            return vec![Err(unreadable_commit(id, reason))];
        }
        commits.push(commit);
    }
    commits
}

/// Replaces the facts about the paths of a commit by the reason why they are not known.
fn leave_out_paths(commit: &mut Commit, needs: &NeededFacts) {
    let why = || {
        format!(
            "the commits of the change touch more than {MAX_CHANGE_PATHS} paths; push them as several changes"
        )
    };
    commit.paths = Err(Missing::TooLarge(FactKind::Paths, why()));
    if needs.contains(&FactKind::Lines) {
        commit.lines = Err(Missing::TooLarge(FactKind::Lines, why()));
    }
}

/// Returns about how many bytes the facts about a commit take.
fn weigh_commit(commit: &CommitReadResult) -> usize {
    let Ok(commit) = commit else { return 0 };
    let paths = commit.paths.as_ref().map_or(0, Vec::len) * BYTES_PER_PATH;
    2 * commit.message.raw().as_bytes().len() + paths
}
