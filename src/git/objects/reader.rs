//! Reads objects for one thread: its handles, its buffers and its cache of trees.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail};
use gix::ObjectId;
use gix::commitgraph::Graph;
use gix::hash::Kind;

use crate::change::Oid;

use crate::git::layout::RepositoryLayout;
use crate::git::objects::alternates::follow_alternates;
use crate::git::objects::commit::{CommitWalkData, UnreadableCommit, has_walk_headers, parse_walk_data};
use crate::git::objects::link_cache::{CommitLinkCache, KnownLinks};
use crate::git::objects::tree::{self, DecodedTree, TreeCache};
use crate::git::objects::{ObjectBytes, ObjectHandle, ObjectStores};

/// How many bytes of a commit a walk reads at first; all of it if they do not hold the headers.
const COMMIT_START_BYTES: usize = 64 << 10;

/// The parts of an open repository that all threads share.
pub(crate) struct SharedRepository {
    pub(crate) layout: RepositoryLayout,
    pub(crate) stores: ObjectStores,
    commit_graph: OnceLock<Option<Arc<Graph>>>,
    /// In an evidence pack, the commits of other repositories whose objects it holds, by the names of their files.
    pub(crate) packed_files: OnceLock<PackedFiles>,
}

/// The commits at which files of other repositories are held, by the names of the files.
pub(crate) type PackedFiles = BTreeMap<String, BTreeSet<Oid>>;

impl SharedRepository {
    pub(crate) fn new(layout: RepositoryLayout, stores: ObjectStores) -> Self {
        SharedRepository { layout, stores, commit_graph: OnceLock::new(), packed_files: OnceLock::new() }
    }

    /// Returns the same without the commit-graph, so that every commit that is needed is read as an object.
    pub(crate) fn without_commit_graph(self) -> Self {
        SharedRepository { commit_graph: OnceLock::from(None), ..self }
    }

    /// Returns the commit-graph, which is opened for the first reader.
    fn commit_graph(&self) -> Option<Arc<Graph>> {
        self.commit_graph.get_or_init(|| open_commit_graph(&self.layout)).clone()
    }

    /// Returns a reader for one thread.
    pub(crate) fn create_reader(self: &Arc<Self>, pack_cache: usize) -> ObjectReader {
        ObjectReader {
            objects: self.stores.create_handle(pack_cache),
            shared: self.clone(),
            commit_graph: self.commit_graph(),
            tree_cache: tree::create_tree_cache(),
            link_cache: CommitLinkCache::default(),
            buffer: Vec::new(),
        }
    }
}

/// Opens the commit-graph, the repository's own or that of one that it borrows from, if there is one that can be
/// read.
///
/// A shallow repository gets none: the graph would show parents that are cut off.
fn open_commit_graph(layout: &RepositoryLayout) -> Option<Arc<Graph>> {
    if layout.common_dir.join("shallow").exists() {
        return None;
    }
    let own = layout.common_dir.join("objects");
    // A damaged graph is ignored, as git does: everything in it is in the objects too.
    let open = |objects: &Path| Graph::at(&objects.join("info"), layout.object_format, None).ok();
    let graph = open(&own).or_else(|| follow_alternates(&[own]).iter().skip(1).find_map(|other| open(other)));
    graph.map(Arc::new)
}

/// What is known about a commit before it is read.
#[derive(Clone, Copy, Default)]
pub(crate) struct CommitHints<'a> {
    /// The bytes of the commit object.
    pub(crate) raw_commit: Option<&'a [u8]>,
    /// The root tree of its first parent.
    pub(crate) parent_tree: Option<ObjectId>,
}

/// The order in which walks go on: commits in no commit-graph first, then by generation, then by
/// date, then in the order of arrival, so that the same question always has the same answer.
pub(crate) type WalkPriority = (u32, i64, Reverse<usize>);

/// One thread's reader of all objects of a repository.
pub(crate) struct ObjectReader {
    shared: Arc<SharedRepository>,
    objects: ObjectHandle,
    commit_graph: Option<Arc<Graph>>,
    tree_cache: TreeCache,
    /// The commits that the searches for merge bases have met.
    pub(crate) link_cache: CommitLinkCache,
    buffer: Vec<u8>,
}

impl ObjectReader {
    /// Bytes of delta bases that are kept for work on trees.
    pub(crate) const TREE_PACK_CACHE_BYTES: usize = 16 << 20;

    pub(crate) fn object_format(&self) -> Kind {
        self.shared.layout.object_format
    }

    /// Returns true if a tree is in the cache, so that it need not be read again.
    pub(crate) fn has_cached_tree(&self, id: &ObjectId) -> bool {
        self.tree_cache.contains_key(id)
    }

    /// Reads a whole object, with its kind; `None` if it is not there.
    pub(crate) fn read_object(&mut self, id: &ObjectId) -> Result<Option<(gix::objs::Kind, &[u8])>> {
        let found = self.objects.read_into(id, &mut self.buffer);
        let found = found.with_context(|| format!("cannot read the object {id}"))?;
        Ok(found.map(|kind| (kind, self.buffer.as_slice())))
    }

    /// Reads the kind and the size of an object, without its content; `None` if it is not there.
    pub(crate) fn read_object_header(&mut self, id: &ObjectId) -> Result<Option<(gix::objs::Kind, u64)>> {
        self.objects.read_object_header(id).with_context(|| format!("cannot read the object {id}"))
    }

    /// Reads the bytes of a commit object without copying them, if it is in a pack.
    pub(crate) fn read_packed_commit(&mut self, id: &ObjectId) -> Option<ObjectBytes> {
        self.objects.read_shared(id, gix::objs::Kind::Commit)
    }

    /// Reads the bytes of a commit object, headers and all.
    pub(crate) fn read_raw_commit(&mut self, id: &ObjectId) -> Result<&[u8]> {
        match self.objects.read_into(id, &mut self.buffer) {
            Ok(Some(gix::objs::Kind::Commit)) => Ok(&self.buffer),
            Ok(Some(kind)) => bail!("{id} is a {kind}, not a commit"),
            Ok(None) if self.shared.layout.common_dir.join("shallow").exists() => {
                bail!(
                    "the commit {id} is missing, because the repository is shallow; fetch all of its history"
                )
            }
            Ok(None) => bail!("the commit {id} is missing"),
            Err(error) => Err(error).with_context(|| format!("cannot read the commit {id}")),
        }
    }

    /// Returns why an object may be missing that should be there, as the end of a sentence; empty if nothing is known.
    pub(crate) fn explain_absence(&self) -> &'static str {
        if self.shared.layout.has_promised_objects() { ", because the clone is partial" } else { "" }
    }

    /// Reads what a walk needs, from the commit-graph if that has it. Otherwise the bytes of the commit
    /// are returned as well, so that they need not be read again.
    pub(crate) fn read_walk_data(&mut self, id: &ObjectId) -> Result<(CommitWalkData, Option<ObjectBytes>)> {
        if let Some(graph) = &self.commit_graph
            && let Some(links) = read_graph_data(graph, id)
        {
            return Ok((links, None));
        }
        let start = self.objects.read_start(id, gix::objs::Kind::Commit, COMMIT_START_BYTES);
        let raw = match start {
            // More follows, which a walk does not need.
            Some(start) if start.len() == COMMIT_START_BYTES && has_walk_headers(&start) => {
                let data = parse_walk_data(&start, self.object_format());
                return Ok((data.map_err(|reason| unreadable_commit(id, reason))?, None));
            }
            Some(whole) if whole.len() != COMMIT_START_BYTES => whole,
            _ => Arc::new(self.read_raw_commit(id)?.to_vec()),
        };
        match parse_walk_data(&raw, self.object_format()) {
            Ok(data) => Ok((data, Some(raw))),
            Err(reason) => Err(unreadable_commit(id, reason).into()),
        }
    }

    /// Returns what is known about the commit at a place of the cache, and reads it if need be.
    pub(crate) fn read_links_at(&mut self, place: usize) -> Result<KnownLinks> {
        if let Some(links) = self.link_cache.links_at(place) {
            return Ok(links);
        }
        let id = self.link_cache.id_at(place).context("a walk has lost a commit")?;
        let (data, _) = self.read_walk_data(&id)?;
        Ok(self.link_cache.insert_links(place, &data))
    }

    /// Returns the root tree of a commit.
    pub(crate) fn find_root_tree(&mut self, id: &ObjectId) -> Result<ObjectId> {
        if let Some(links) = self.link_cache.find_links(id) {
            return Ok(links.tree);
        }
        if let Some(graph) = &self.commit_graph
            && let Some(commit) = graph.commit_by_id(id)
        {
            return Ok(commit.root_tree_id().to_owned());
        }
        let format = self.object_format();
        let raw = self.read_raw_commit(id)?;
        match parse_walk_data(raw, format) {
            Ok(data) => Ok(data.tree),
            Err(reason) => Err(unreadable_commit(id, reason).into()),
        }
    }

    /// Reads a tree, or takes it from the cache.
    pub(crate) fn read_tree(&mut self, id: &ObjectId) -> Result<Arc<DecodedTree>> {
        self.read_tree_like(id, None)
    }

    /// Reads a tree that resembles `sibling`, which makes decoding it faster.
    pub(crate) fn read_tree_like(
        &mut self,
        id: &ObjectId,
        sibling: Option<(ObjectId, &DecodedTree)>,
    ) -> Result<Arc<DecodedTree>> {
        if let Some(tree) = self.tree_cache.find_value(id) {
            return Ok(tree);
        }
        let format = self.object_format();
        if *id == ObjectId::empty_tree(format) {
            // It need not be stored anywhere.
            return Ok(Arc::default());
        }
        let raw = match self.objects.read_shared(id, gix::objs::Kind::Tree) {
            Some(raw) => raw,
            None => match self.read_object(id)? {
                Some((gix::objs::Kind::Tree, raw)) => Arc::new(raw.to_vec()),
                Some((kind, _)) => bail!("{id} is a {kind}, not a tree"),
                None => bail!("the tree {id} is missing{}", self.explain_absence()),
            },
        };
        let tree = match DecodedTree::decode_object(raw, sibling, format) {
            Ok(tree) => Arc::new(tree),
            Err(reason) => bail!("cannot read the tree {id}: {reason}"),
        };
        self.tree_cache.insert_value(*id, tree.clone(), tree.weight());
        Ok(tree)
    }
}

fn read_graph_data(graph: &Graph, id: &ObjectId) -> Option<CommitWalkData> {
    let commit = graph.commit_by_id(id)?;
    let mut parents = Vec::new();
    for position in commit.iter_parents() {
        parents.push(graph.id_at(position.ok()?).to_owned());
    }
    let generation = match commit.generation() {
        // The graph was written by a git that did not count generations yet.
        0 => CommitWalkData::NO_GENERATION,
        generation => generation,
    };
    let date = i64::try_from(commit.committer_timestamp()).ok()?;
    Some(CommitWalkData { parents, tree: commit.root_tree_id().to_owned(), date, generation })
}

/// Converts a library id into ours.
#[expect(clippy::expect_used, reason = "both know exactly the lengths of SHA-1 and SHA-256")]
pub(crate) fn to_oid(id: &gix::oid) -> Oid {
    Oid::from_bytes(id.as_bytes()).expect("an id of 20 or 32 bytes")
}

pub(crate) fn unreadable_commit(id: &ObjectId, why: impl Into<String>) -> UnreadableCommit {
    UnreadableCommit { id: to_oid(id), reason: why.into() }
}
