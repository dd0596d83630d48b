//! The object directories that a repository borrows from: those of `objects/info/alternates`.
//!
//! A fork on a server and a `git clone --shared` have next to no objects of their own. If only the library
//! knew where the others are, it would map their packs, and memory would grow with the size of them.

use std::path::{Path, PathBuf};

/// How many directories may borrow from one another in a row, as in git.
const MAX_ALTERNATE_DEPTH: usize = 5;

/// The most directories that are followed; what is in none of them is left to the library.
const MAX_ALTERNATES: usize = 64;

/// Returns `directories`, each followed by those that it borrows from, directly or not; each directory once.
///
/// A list that cannot be read, and a directory that is not there, are left out: this is where objects are
/// looked for first, and the library says what is wrong with the rest.
pub(crate) fn follow_alternates(directories: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = directories.to_vec();
    for directory in directories {
        let mut nearest = vec![directory.clone()];
        for _ in 0..MAX_ALTERNATE_DEPTH {
            let mut next = Vec::new();
            for borrower in &nearest {
                for alternate in read_alternates(borrower) {
                    if found.len() < MAX_ALTERNATES && !found.contains(&alternate) {
                        found.push(alternate.clone());
                        next.push(alternate);
                    }
                }
            }
            nearest = next;
        }
    }
    found
}

/// Returns the real paths of the directories in the list of one directory.
fn read_alternates(directory: &Path) -> Vec<PathBuf> {
    let Ok(list) = std::fs::read(directory.join("info").join("alternates")) else { return Vec::new() };
    let Ok(paths) = gix::odb::alternate::parse(&list) else { return Vec::new() };
    // A relative path starts at the directory whose list it is in.
    paths.into_iter().filter_map(|path| directory.join(path).canonicalize().ok()).collect()
}

#[cfg(test)]
mod tests {
    use gix::hash::Kind;
    use gix::objs::Write as _;

    use crate::git::objects::ObjectStores;

    use super::*;

    /// Makes a directory that borrows from the paths in `list`.
    fn make_store(folder: &Path, name: &str, list: &str) -> PathBuf {
        let directory = folder.join(name);
        std::fs::create_dir_all(directory.join("info")).unwrap();
        std::fs::write(directory.join("info/alternates"), list).unwrap();
        directory.canonicalize().unwrap()
    }

    #[test]
    fn what_is_borrowed_from_is_followed_as_far_as_git_follows_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        // Each borrows from the next one, and the last from the first.
        let mut chain = Vec::new();
        for number in 0..8 {
            chain.push(make_store(folder, &format!("{number}"), &format!("../{}\n", (number + 1) % 8)));
        }
        assert_eq!(follow_alternates(&chain[..1]), chain[..1 + MAX_ALTERNATE_DEPTH]);
        let quoted = make_store(folder, "with\ttab", "");
        let list = format!(
            "# a comment\n\n{}\n\"../with\\ttab\"\n../absent\n{}\n",
            quoted.display(),
            chain[7].display()
        );
        let borrower = make_store(folder, "borrower", &list);
        let found = follow_alternates(&[borrower.clone(), chain[7].clone()]);
        assert_eq!(found[..3], [borrower, chain[7].clone(), quoted]);
        assert!(found.contains(&chain[0]));
    }

    #[test]
    fn what_is_borrowed_is_read_without_the_library() {
        let folder = tempfile::tempdir().unwrap();
        let lender = make_store(folder.path(), "lender", "");
        let middle = make_store(folder.path(), "middle", "../lender\n");
        let borrower = make_store(folder.path(), "borrower", &format!("{}\n", middle.display()));
        let store = gix::odb::loose::Store::at_opts(lender, Kind::Sha1, gix::odb::loose::Options::default());
        let id = store.write_buf(gix::objs::Kind::Blob, b"content").unwrap();
        let stores = ObjectStores::open_stores(&borrower, None, Kind::Sha1).unwrap();
        let content = stores.create_handle(0).read_start(&id, gix::objs::Kind::Blob, 100);
        assert_eq!(content.as_deref().map(Vec::as_slice), Some(b"content".as_slice()));
    }

    #[test]
    fn a_long_list_ends_somewhere() {
        let folder = tempfile::tempdir().unwrap();
        let mut list = String::new();
        for number in 0..200 {
            make_store(folder.path(), &number.to_string(), "");
            list.push_str(&format!("../{number}\n"));
        }
        let borrower = make_store(folder.path(), "borrower", &list);
        assert_eq!(follow_alternates(&[borrower]).len(), MAX_ALTERNATES);
    }
}
