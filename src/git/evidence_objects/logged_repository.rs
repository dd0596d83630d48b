//! A repository that notes which objects are read from it.

use std::sync::{Arc, PoisonError};

use anyhow::Result;

use crate::change::Oid;
use crate::git::layout::RepositoryLayout;
use crate::git::objects::ObjectStores;
use crate::git::objects::ReadLog;
use crate::git::objects::reader::{SharedRepository, to_oid};
use crate::git::repository::{Repository, RepositorySource};

/// A repository, with the objects that were read from it since it was opened.
pub(crate) struct LoggedRepository {
    /// The repository, which reads nothing but objects: no commit-graph tells it what a commit says.
    pub(crate) repository: Repository,
    log: ReadLog,
}

impl LoggedRepository {
    /// Opens a repository once more, without the quarantine of a push.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be opened.
    pub(crate) fn open_beside(repository: &Repository) -> Result<LoggedRepository> {
        let layout = RepositoryLayout::read_at(repository.git_dir())?;
        let log = ReadLog::default();
        let stores =
            ObjectStores::open_stores(&layout.common_dir.join("objects"), None, layout.object_format)?;
        let shared = SharedRepository::new(layout, stores.with_read_log(Arc::clone(&log)));
        let repository = RepositorySource::from_shared(shared.without_commit_graph()).open();
        Ok(LoggedRepository { repository, log })
    }

    /// Returns the ids of the objects that were read or looked for so far, each once.
    pub(crate) fn list_read_objects(&self) -> Vec<Oid> {
        let read = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        read.iter().map(|id| to_oid(id)).collect()
    }
}
