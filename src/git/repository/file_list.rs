//! Lists the paths of a commit.

use anyhow::Result;

use crate::change::Oid;
use crate::git::objects::reader::ObjectReader;
use crate::git::repository::Repository;

/// How deep folders may nest. Each level is a call, and the trees come from others.
const MAX_FOLDER_DEPTH: usize = 512;

impl Repository {
    /// Calls `visit` with the path of every file, link and submodule of `commit`, in the order of trees.
    ///
    /// # Errors
    ///
    /// Fails if a tree cannot be read, or if folders nest deeper than 512.
    pub(crate) fn for_each_path(&self, commit: Oid, visit: &mut dyn FnMut(&[u8])) -> Result<()> {
        let commit = self.to_object_id(commit)?;
        let mut reader = self.borrow_reader();
        let root = reader.find_root_tree(&commit)?;
        visit_tree(&mut reader, root, &mut Vec::new(), 0, visit)
    }
}

fn visit_tree(
    reader: &mut ObjectReader,
    id: gix::ObjectId,
    path: &mut Vec<u8>,
    depth: usize,
    visit: &mut dyn FnMut(&[u8]),
) -> Result<()> {
    anyhow::ensure!(depth <= MAX_FOLDER_DEPTH, "folders nest deeper than {MAX_FOLDER_DEPTH}");
    let format = reader.object_format();
    let tree = reader.read_tree(&id)?;
    for index in 0..tree.len() {
        let Some(entry) = tree.entry_at(index, format) else { continue };
        let length = path.len();
        path.extend_from_slice(entry.name);
        match (entry.is_tree(), entry.object_id()) {
            (true, Some(id)) => {
                path.push(b'/');
                visit_tree(reader, id, path, depth + 1, visit)?;
            }
            _ => visit(path),
        }
        path.truncate(length);
    }
    Ok(())
}
