//! Contents that a merge makes on the way and that no repository holds.

use std::collections::HashMap;

use anyhow::{Result, bail};
use gix::ObjectId;

use crate::change::Oid;

use crate::git::objects::reader::{ObjectReader, to_oid};

/// The most bytes of contents that one merge makes.
const MAX_MADE_BYTES: usize = 64 << 20;

/// Contents by the ids that they would have.
#[derive(Default)]
pub(crate) struct MadeBlobs {
    contents: HashMap<Oid, Vec<u8>>,
    bytes: usize,
}

impl MadeBlobs {
    /// Keeps a content, and returns its id.
    ///
    /// # Errors
    ///
    /// Fails if all of them are too large.
    pub(crate) fn add_blob(&mut self, reader: &ObjectReader, content: Vec<u8>) -> Result<Oid> {
        let id = gix::objs::compute_hash(reader.object_format(), gix::objs::Kind::Blob, &content)?;
        let id = to_oid(&id);
        self.bytes += content.len();
        if self.bytes > MAX_MADE_BYTES {
            bail!("merging the merge bases takes more than {MAX_MADE_BYTES} bytes");
        }
        self.contents.insert(id, content);
        Ok(id)
    }

    /// Returns a content that was made or that the repository holds, or its size if it is too large to be
    /// opened.
    ///
    /// # Errors
    ///
    /// Fails if it is in neither.
    pub(crate) fn read_blob<'a>(
        &'a self,
        reader: &'a mut ObjectReader,
        id: Oid,
    ) -> Result<Result<&'a [u8], u64>> {
        if let Some(content) = self.contents.get(&id) {
            return Ok(Ok(content));
        }
        reader.read_blob(&ObjectId::try_from(id.as_bytes())?, ObjectReader::MAX_OPENED_BLOB_BYTES)
    }
}
