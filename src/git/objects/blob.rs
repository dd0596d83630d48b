//! The contents of files, as far as rules look at them.

use anyhow::{Result, bail};
use gix::ObjectId;

use crate::change::{BlobSummary, Fact, FactKind, Missing, PathEntry, PathEntryKind, Text};

use crate::git::objects::reader::ObjectReader;

impl ObjectReader {
    /// Contents of up to this many bytes are opened for a look at their beginning, and for a count
    /// of their lines.
    pub(crate) const MAX_OPENED_BLOB_BYTES: u64 = 1 << 20;

    /// Reads a blob of at most `limit` bytes; otherwise returns its size, without having opened it.
    pub(crate) fn read_blob(&mut self, id: &ObjectId, limit: u64) -> Result<Result<&[u8], u64>> {
        match self.read_object_header(id)? {
            Some((gix::objs::Kind::Blob, size)) if size <= limit => {}
            Some((gix::objs::Kind::Blob, size)) => return Ok(Err(size)),
            Some((kind, _)) => bail!("{id} is a {kind}, not the content of a file"),
            None => bail!("the content {id} is not there"),
        }
        match self.read_object(id)? {
            Some((gix::objs::Kind::Blob, content)) => Ok(Ok(content)),
            _ => bail!("the content {id} is not there"),
        }
    }

    /// Returns the size and the first bytes of what stands at a path now.
    ///
    /// What is deleted has no content, and a submodule's lies in another repository; both count as
    /// empty.
    pub(crate) fn read_blob_fact(&mut self, entry: Option<PathEntry>) -> Fact<BlobSummary> {
        let entry = match entry {
            Some(entry) if entry.kind != PathEntryKind::Submodule => entry,
            _ => return Ok(BlobSummary { size: 0, start: Some(Text::default()) }),
        };
        let blob = ObjectId::try_from(entry.id.as_bytes()).map_err(anyhow::Error::from);
        let blob = blob.and_then(|id| {
            Ok(match self.read_blob(&id, Self::MAX_OPENED_BLOB_BYTES)? {
                Ok(content) => {
                    let start = content.get(..BlobSummary::MAX_START_BYTES).unwrap_or(content);
                    BlobSummary { size: content.len() as u64, start: Some(Text::from(start)) }
                }
                Err(size) => BlobSummary { size, start: None },
            })
        });
        blob.map_err(|error| Missing::Unavailable(FactKind::Blobs, format!("{error:#}")))
    }
}
