//! One thread's way into a repository: its handles, its buffers and its cache of trees.

use std::cmp::Reverse;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail};
use gix::ObjectId;
use gix::commitgraph::Graph;
use gix::hash::Kind;

use crate::change::{Commit, FactKind, Missing, NeededFacts, Oid};

use crate::git::history::stream::TrustedKeys;
use crate::git::layout::RepositoryLayout;
use crate::git::objects::commit::{self, UnreadableCommit};
use crate::git::objects::tree::{self, DecodedTree, TreeCache};
use crate::git::objects::{ObjectBytes, ObjectHandle, ObjectStores};
use crate::git::repository::to_object_format;
use crate::git::signature;

/// What all threads share.
pub(crate) struct SharedRepository {
    pub(crate) layout: RepositoryLayout,
    pub(crate) stores: ObjectStores,
    commit_graph: OnceLock<Option<Arc<Graph>>>,
}

impl SharedRepository {
    pub(crate) fn new(layout: RepositoryLayout, stores: ObjectStores) -> Self {
        SharedRepository { layout, stores, commit_graph: OnceLock::new() }
    }

    /// Returns the commit-graph, if there is one that can be read.
    ///
    /// A shallow repository gets none: the graph would show parents that are cut off.
    fn open_commit_graph(&self) -> Option<Arc<Graph>> {
        let open = || {
            if self.layout.common_dir.join("shallow").exists() {
                return None;
            }
            let directory = self.layout.common_dir.join("objects").join("info");
            // A damaged graph is left aside, as git does: everything in it is in the objects too.
            Graph::at(&directory, self.layout.object_format, None).ok().map(Arc::new)
        };
        self.commit_graph.get_or_init(open).clone()
    }

    /// Returns a reader for one thread.
    pub(crate) fn create_reader(self: &Arc<Self>, pack_cache: usize) -> ObjectReader {
        ObjectReader {
            objects: self.stores.create_handle(pack_cache),
            shared: self.clone(),
            commit_graph: self.open_commit_graph(),
            tree_cache: tree::create_tree_cache(),
            buffer: Vec::new(),
        }
    }
}

/// What a walk needs to know of a commit.
pub(crate) struct CommitWalkData {
    pub(crate) parents: Vec<ObjectId>,
    /// The root tree.
    pub(crate) tree: ObjectId,
    /// The committer's date, in seconds since 1970 UTC. A claim: it orders, and decides nothing.
    pub(crate) date: i64,
    /// Greater than that of every ancestor; [`Links::NO_GENERATION`] outside of the commit-graph.
    pub(crate) generation: u32,
}

impl CommitWalkData {
    /// The generation of commits that are not in the commit-graph. None of those in it can reach
    /// one of these, so it is the greatest.
    pub(crate) const NO_GENERATION: u32 = u32::MAX;
}

/// What is known of a commit before it is read.
#[derive(Clone, Copy, Default)]
pub(crate) struct CommitHints<'a> {
    /// Its bytes.
    pub(crate) raw_commit: Option<&'a [u8]>,
    /// The root tree of its first parent.
    pub(crate) parent_tree: Option<ObjectId>,
}

/// The order in which walks go on: what is in no commit-graph first, then by generation, then by
/// date, then in the order of arrival, so that the same question always has the same answer.
pub(crate) type WalkPriority = (u32, i64, Reverse<usize>);

pub(crate) struct ObjectReader {
    shared: Arc<SharedRepository>,
    objects: ObjectHandle,
    commit_graph: Option<Arc<Graph>>,
    tree_cache: TreeCache,
    buffer: Vec<u8>,
}

impl ObjectReader {
    /// Bytes of delta bases that are kept for work on trees.
    pub(crate) const TREE_PACK_CACHE_BYTES: usize = 16 << 20;

    pub(crate) fn object_format(&self) -> Kind {
        self.shared.layout.object_format
    }

    /// Returns true if a tree need not be read again.
    pub(crate) fn has_cached_tree(&self, id: &ObjectId) -> bool {
        self.tree_cache.contains_key(id)
    }

    /// Reads an object whole, with its kind; `None` if it is not there.
    pub(crate) fn read_object(&mut self, id: &ObjectId) -> Result<Option<(gix::objs::Kind, &[u8])>> {
        let found = self.objects.read_into(id, &mut self.buffer);
        let found = found.with_context(|| format!("cannot read the object {id}"))?;
        Ok(found.map(|kind| (kind, self.buffer.as_slice())))
    }

    /// Reads the kind and the size of an object, without its content; `None` if it is not there.
    pub(crate) fn read_object_header(&mut self, id: &ObjectId) -> Result<Option<(gix::objs::Kind, u64)>> {
        self.objects.read_object_header(id).with_context(|| format!("cannot read the object {id}"))
    }

    /// Reads the bytes of a commit object.
    pub(crate) fn read_raw_commit(&mut self, id: &ObjectId) -> Result<&[u8]> {
        match self.objects.read_into(id, &mut self.buffer) {
            Ok(Some(gix::objs::Kind::Commit)) => Ok(&self.buffer),
            Ok(Some(kind)) => bail!("{id} is a {kind}, not a commit"),
            Ok(None) if self.shared.layout.common_dir.join("shallow").exists() => {
                bail!(
                    "the commit {id} is not there, because the repository is shallow; fetch all of its history"
                )
            }
            Ok(None) => bail!("the commit {id} is not there"),
            Err(error) => Err(error).with_context(|| format!("cannot read the commit {id}")),
        }
    }

    /// Reads what a walk needs, from the commit-graph where that has it; otherwise the bytes of the
    /// commit come along, so that nobody has to read them again.
    pub(crate) fn read_walk_data(&mut self, id: &ObjectId) -> Result<(CommitWalkData, Option<ObjectBytes>)> {
        if let Some(links) = self.commit_graph.as_ref().and_then(|graph| read_graph_data(graph, id)) {
            return Ok((links, None));
        }
        let raw = match self.objects.read_shared(id, gix::objs::Kind::Commit) {
            Some(raw) => raw,
            None => Arc::new(self.read_raw_commit(id)?.to_vec()),
        };
        let (tree, parents, date) =
            commit::parse_walk_data(&raw, self.object_format()).map_err(|why| unreadable_commit(id, why))?;
        Ok((CommitWalkData { parents, tree, date, generation: CommitWalkData::NO_GENERATION }, Some(raw)))
    }

    /// Returns the root tree of a commit.
    pub(crate) fn find_root_tree(&mut self, id: &ObjectId) -> Result<ObjectId> {
        if let Some(commit) = self.commit_graph.as_ref().and_then(|graph| graph.commit_by_id(id)) {
            return Ok(commit.root_tree_id().to_owned());
        }
        let format = self.object_format();
        let raw = self.read_raw_commit(id)?;
        let (tree, _, _) = commit::parse_walk_data(raw, format).map_err(|why| unreadable_commit(id, why))?;
        Ok(tree)
    }

    /// Reads a tree.
    pub(crate) fn read_tree(&mut self, id: &ObjectId) -> Result<Arc<DecodedTree>> {
        self.read_tree_like(id, None)
    }

    /// Reads a tree that resembles `sibling`.
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
                None => bail!("the tree {id} is not there"),
            },
        };
        let tree = DecodedTree::decode_object(raw, sibling, format)
            .map_err(|why| anyhow::anyhow!("cannot read the tree {id}: {why}"))?;
        let tree = Arc::new(tree);
        self.tree_cache.insert_value(*id, tree.clone(), tree.weight());
        Ok(tree)
    }

    /// Reads a commit and gathers the facts that `needs` asks for. What the caller has already, which
    /// is `known`, is not read again.
    pub(crate) fn read_commit(
        &mut self,
        id: &ObjectId,
        known: CommitHints<'_>,
        needs: &NeededFacts,
        trusted: Option<TrustedKeys<'_>>,
    ) -> Result<Commit, UnreadableCommit> {
        let format = self.object_format();
        let read;
        let raw = match known.raw_commit {
            Some(raw) => raw,
            None => {
                read =
                    self.read_raw_commit(id).map_err(|error| unreadable_commit(id, format!("{error:#}")))?;
                read
            }
        };
        let parts = commit::parse_commit_parts(raw, format).map_err(|why| unreadable_commit(id, why))?;
        let mut commit = parts.to_commit(to_oid(id));
        if needs.contains(&FactKind::Signatures) {
            commit.signature = match trusted {
                Some(TrustedKeys { registry: keys, received_at: at }) => {
                    Ok(signature::verify_commit_signature(keys, raw, to_object_format(format), at))
                }
                None => Err(Missing::NotConfigured(FactKind::Signatures)),
            };
        }
        let (tree, parents) = (parts.tree, parts.parents);
        if needs.contains(&FactKind::Paths)
            || needs.contains(&FactKind::Lines)
            || needs.contains(&FactKind::Blobs)
        {
            self.add_path_facts(&mut commit, &tree, parents.first(), known.parent_tree, needs);
        }
        if needs.contains(&FactKind::EvilMerges) {
            commit.evil_merge_paths = self.find_evil_merge_paths(&tree, &parents);
        }
        Ok(commit)
    }
}

fn read_graph_data(graph: &Graph, id: &ObjectId) -> Option<CommitWalkData> {
    let commit = graph.commit_by_id(id)?;
    let parents = commit.iter_parents().map(|parent| parent.map(|at| graph.id_at(at).to_owned()));
    let parents = parents.collect::<gix::Result<Vec<_>>>().ok()?;
    let generation = match commit.generation() {
        // Written by a git that did not count generations yet.
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
