//! The first bytes of loose objects: a commit can have a message of many megabytes, and a walk needs its headers.

use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;

use gix::ObjectId;
use gix::odb::loose::Store;
use gix::zlib::{Inflate, Status};

/// The most bytes that the header of a loose object takes.
const MAX_LOOSE_HEADER_BYTES: usize = 64;

/// Returns the kind of a loose object and its first `length` bytes, or all of it if it is shorter; `None` if the
/// library is to read it.
pub(crate) fn read_loose_start(
    store: &Store,
    id: &ObjectId,
    length: usize,
) -> Option<(gix::objs::Kind, Arc<Vec<u8>>)> {
    let file = File::open(store.object_path(id)).ok()?;
    let mut packed = Vec::new();
    // Deflating can make bytes that do not repeat a little longer.
    file.take((length + length / 8) as u64).read_to_end(&mut packed).ok()?;
    let mut start = vec![0; length + MAX_LOOSE_HEADER_BYTES];
    let (status, _, written) = Inflate::default().once(&packed, &mut start).ok()?;
    start.truncate(written);
    let (kind, size, header) = gix::objs::decode::loose_header(&start).ok()?;
    start.drain(..header);
    let is_whole = status == Status::StreamEnd && start.len() as u64 == size;
    if size > length as u64 && start.len() >= length {
        start.truncate(length);
    } else if !is_whole {
        return None;
    }
    Some((kind, Arc::new(start)))
}
