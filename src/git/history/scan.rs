//! A first look at every commit of a history: on several threads, in order, and without copying what is not asked for.

use anyhow::Result;
use gix::ObjectId;

use crate::change::{CommitMessage, NeededFacts, Oid};

use crate::git::history::pipeline::{self, WeighedItem, WeighedResult};
use crate::git::history::{NewHistory, divide_into_steps};
use crate::git::objects::commit::{CommitParts, UnreadableCommit, parse_commit_parts};
use crate::git::objects::reader::{ObjectReader, to_oid, unreadable_commit};
use crate::git::repository::Repository;

/// About how many bytes the result of one commit takes.
const BYTES_PER_COMMIT: usize = 256;

/// A commit that is looked at, and found to be well-formed.
pub(crate) struct ScannedCommit<'a> {
    /// Its id.
    pub(crate) id: Oid,
    parts: CommitParts<'a>,
}

impl ScannedCommit<'_> {
    /// Returns when it was committed, in seconds since 1970 UTC, as it claims.
    pub(crate) fn committed_at(&self) -> i64 {
        self.parts.committed_at()
    }

    /// Returns the id of its root tree.
    pub(crate) fn root_tree(&self) -> Oid {
        to_oid(&self.parts.tree)
    }

    /// Returns how many bytes its message has as it is stored.
    pub(crate) fn message_length(&self) -> usize {
        self.parts.stored_message().len()
    }

    /// Returns the message if `is_wanted` says so of its bytes; one that is not in UTF-8 always.
    pub(crate) fn read_message_if(&self, is_wanted: impl Fn(&[u8]) -> bool) -> Option<CommitMessage> {
        let is_read = !self.parts.is_in_utf8() || is_wanted(self.parts.stored_message());
        is_read.then(|| self.parts.read_message())
    }
}

impl Repository {
    /// Looks at the commits of each step of a history, oldest step first: `scan` adds each of them to what is known of
    /// its step, and `collect` gets that in order.
    ///
    /// # Errors
    ///
    /// Fails with the first error of `collect`.
    pub(crate) fn scan_history_steps<T: Default + Send>(
        &self,
        history: &NewHistory,
        threads: fn() -> usize,
        scan: impl Fn(&mut T, Result<ScannedCommit<'_>, UnreadableCommit>) + Sync,
        mut collect: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let mut steps = divide_into_steps(&history.painted).into_iter();
        let next = move || {
            let value = steps.next()?;
            let work = value.len();
            Some(Ok(WeighedItem { value, work }))
        };
        let work = |reader: &mut ObjectReader, step: Vec<usize>| {
            let mut value = T::default();
            let bytes = step.len() * BYTES_PER_COMMIT;
            for place in step {
                let Some(id) = history.painted.id_at(place) else { continue };
                let known = history.painted.commit_hints(place).raw_commit;
                scan_commit(reader, id, known, |commit| scan(&mut value, commit));
            }
            WeighedResult { value, bytes }
        };
        self.with_reader(|reader| {
            let job = self.create_job(&NeededFacts::new(), threads);
            pipeline::run_pipeline(&job, reader, next, work, &mut collect)
        })
    }
}

/// Reads a commit, of which the bytes may be known, and shows it to `scan`.
fn scan_commit(
    reader: &mut ObjectReader,
    id: &ObjectId,
    known: Option<&[u8]>,
    scan: impl FnOnce(Result<ScannedCommit<'_>, UnreadableCommit>),
) {
    let format = reader.object_format();
    let packed = if known.is_none() { reader.read_packed_commit(id) } else { None };
    let raw = match (known, &packed) {
        (Some(raw), _) => Ok(raw),
        (None, Some(packed)) => Ok(packed.as_slice()),
        (None, None) => reader.read_raw_commit(id),
    };
    let parts = match raw {
        Ok(raw) => parse_commit_parts(raw, format).map_err(|reason| unreadable_commit(id, reason)),
        Err(error) => Err(unreadable_commit(id, format!("{error:#}"))),
    };
    scan(parts.map(|parts| ScannedCommit { id: to_oid(id), parts }));
}
