//! The contents of files, up to a limit.

use anyhow::{Result, bail};
use gix::ObjectId;

use crate::git::objects::reader::ObjectReader;

impl ObjectReader {
    /// The largest content, in bytes, of which the beginning is shown and the lines are counted.
    pub(crate) const MAX_OPENED_BLOB_BYTES: u64 = 1 << 20;

    /// Reads a blob of at most `limit` bytes; otherwise returns its size, without opening it.
    pub(crate) fn read_blob(&mut self, id: &ObjectId, limit: u64) -> Result<Result<&[u8], u64>> {
        match self.read_object_header(id)? {
            Some((gix::objs::Kind::Blob, size)) if size <= limit => {}
            Some((gix::objs::Kind::Blob, size)) => return Ok(Err(size)),
            Some((kind, _)) => bail!("{id} is a {kind}, not the content of a file"),
            None => bail!("the content {id} is missing{}", self.explain_absence()),
        }
        match self.read_object(id)? {
            Some((gix::objs::Kind::Blob, content)) => Ok(Ok(content)),
            _ => bail!("the content {id} is missing"),
        }
    }
}
