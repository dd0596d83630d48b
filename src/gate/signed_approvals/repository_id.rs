//! The id of a repository, by which an approval of one repository is none in another.
//!
//! It is the id of the object that a ref of the server holds. A clone asks for it as for any ref, and a clone or a fork
//! on another server has another one or none, unless somebody copies the ref.

use anyhow::Result;

use crate::change::Oid;
use crate::git::Repository;

/// The ref that holds the object whose id is that of the repository; `install --server` makes it.
pub const REPOSITORY_ID_REF: &str = "refs/changegate/repository";

/// Returns the id of a repository; `None` if it has none.
///
/// # Errors
///
/// Fails if the ref cannot be read.
pub fn read_repository_id(repository: &Repository) -> Result<Option<Oid>> {
    Ok(repository.resolve_ref(REPOSITORY_ID_REF.as_bytes())?.id)
}
