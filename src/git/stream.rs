//! Whole histories: commits are read and judged on several threads, and handed over in order.

use anyhow::Result;
use gix::ObjectId;
use jiff::Timestamp;

use crate::change::{Commit, Need, Needs, Oid};

use super::commit::Unreadable;
use super::newest::Newest;
use super::objects::Bytes;
use super::pipeline::{self, Job};
use super::reader::{Known, Reader};
use super::repository::Repository;
use super::signature::Keys;
use super::steps::{NewHistory, divide};

/// The commits that are asked about: what `new` leads to and none of `hidden` does.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> {
    /// The commit at the new end.
    pub new: Oid,
    /// Commits whose history is not asked about.
    pub hidden: &'a [Oid],
    /// What signatures are held against, if anybody asks for them.
    pub trusted: Option<Trusted<'a>>,
}

/// What signatures are held against.
#[derive(Clone, Copy, Debug)]
pub struct Trusted<'a> {
    /// The keys that count.
    pub keys: &'a Keys,
    /// When the signatures were seen, by the clock of whoever judges. Never a date out of a commit.
    pub at: Timestamp,
}

/// A commit, as far as it could be read.
type Read = Result<Commit, Unreadable>;

impl Repository {
    /// Reads every commit of `range`, newest first (the order of [`Repository::new_commits`]), and
    /// passes it to `judge`, on up to `threads` threads at once, which is asked where there is enough to
    /// do; what `judge` returns goes to `collect`, on this thread and in order.
    ///
    /// A commit whose object is malformed is passed on as such, so that the rest can go on. Memory
    /// does not grow with the length of history, beyond the ids that the walk has to remember.
    ///
    /// # Errors
    ///
    /// Fails if the walk cannot go on, because a commit is missing or its parents cannot be read,
    /// and with the first error of `collect`. What was collected before is then incomplete.
    pub fn for_each_commit<T: Send>(
        &self,
        range: Range<'_>,
        needs: &Needs,
        threads: fn() -> usize,
        judge: impl Fn(Read) -> T + Sync,
        mut collect: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let (new, hidden) = (self.object_id(range.new)?, self.object_ids(range.hidden)?);
        let mut walker = self.shared.reader(0);
        let mut newest = Newest::start(&mut walker, new, &hidden)?;
        let next = move || newest.next(&mut walker).transpose();
        let work = |reader: &mut Reader, (id, raw): (ObjectId, Option<Bytes>)| {
            let known = Known { raw: raw.as_ref().map(|raw| raw.as_slice()), tree_before: None };
            judge(reader.commit(&id, known, needs, range.trusted))
        };
        self.with_reader(|reader| pipeline::run(&self.job(needs, threads), reader, next, work, &mut collect))
    }

    /// As [`Repository::for_each_commit`], with the commits of one step (see
    /// [`Repository::steps`]) at a time, oldest step first.
    ///
    /// # Errors
    ///
    /// As [`Repository::for_each_commit`].
    pub fn for_each_step<T: Send>(
        &self,
        range: Range<'_>,
        needs: &Needs,
        threads: fn() -> usize,
        judge: impl Fn(Vec<Read>) -> T + Sync,
        collect: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let history = self.new_history(range.new, range.hidden)?;
        self.for_each_step_of(&history, range.trusted, needs, threads, judge, collect)
    }

    /// As [`Repository::for_each_step`], for a history that has been found already.
    ///
    /// # Errors
    ///
    /// As [`Repository::for_each_commit`].
    pub fn for_each_step_of<T: Send>(
        &self,
        history: &NewHistory,
        trusted: Option<Trusted<'_>>,
        needs: &Needs,
        threads: fn() -> usize,
        judge: impl Fn(Vec<Read>) -> T + Sync,
        mut collect: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let mut steps = divide(&history.painted).into_iter();
        let next = move || steps.next().map(Ok);
        let work = |reader: &mut Reader, step: Vec<usize>| {
            let read = step.into_iter().filter_map(|index| {
                let id = history.painted.get(index)?.id?;
                Some(reader.commit(&id, history.painted.known(index), needs, trusted))
            });
            judge(read.collect())
        };
        self.with_reader(|reader| pipeline::run(&self.job(needs, threads), reader, next, work, &mut collect))
    }

    fn job(&self, needs: &Needs, threads: fn() -> usize) -> Job {
        // Messages are hardly ever deltas, so only the work on trees is worth a cache.
        let trees = needs
            .iter()
            .any(|need| matches!(need, Need::Paths | Need::Lines | Need::Blobs | Need::OwnContent));
        let pack_cache = if trees { Reader::TREE_PACK_CACHE } else { 0 };
        Job { shared: self.shared.clone(), threads, pack_cache }
    }
}
