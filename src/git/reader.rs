//! One thread's way into a repository: its handles, its buffers and its cache of trees.

use std::cmp::Reverse;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail};
use gix::ObjectId;
use gix::commitgraph::Graph;
use gix::hash::Kind;

use crate::change::{Commit, Missing, Need, Needs, Oid};

use super::commit::{self, Unreadable};
use super::layout::Layout;
use super::objects::{Bytes, Objects, Stores};
use super::repository::object_format;
use super::signature;
use super::stream::Trusted;
use super::tree::{self, Tree, TreeCache};

/// What all threads share.
pub(super) struct Shared {
    pub(super) layout: Layout,
    pub(super) stores: Stores,
    graph: OnceLock<Option<Arc<Graph>>>,
}

impl Shared {
    pub(super) fn new(layout: Layout, stores: Stores) -> Self {
        Shared { layout, stores, graph: OnceLock::new() }
    }

    /// Returns the commit-graph, if there is one that can be read.
    ///
    /// A shallow repository gets none: the graph would show parents that are cut off.
    fn graph(&self) -> Option<Arc<Graph>> {
        let open = || {
            if self.layout.common_dir.join("shallow").exists() {
                return None;
            }
            let directory = self.layout.common_dir.join("objects").join("info");
            // A damaged graph is left aside, as git does: everything in it is in the objects too.
            Graph::at(&directory, self.layout.format, None).ok().map(Arc::new)
        };
        self.graph.get_or_init(open).clone()
    }

    /// Returns a reader for one thread.
    pub(super) fn reader(self: &Arc<Self>, pack_cache: usize) -> Reader {
        Reader {
            objects: self.stores.handle(pack_cache),
            shared: self.clone(),
            graph: self.graph(),
            trees: tree::cache(),
            buffer: Vec::new(),
        }
    }
}

/// What a walk needs to know of a commit.
pub(super) struct Links {
    pub(super) parents: Vec<ObjectId>,
    /// The root tree.
    pub(super) tree: ObjectId,
    /// The committer's date, in seconds since 1970 UTC. A claim: it orders, and decides nothing.
    pub(super) date: i64,
    /// Greater than that of every ancestor; [`Links::NO_GENERATION`] outside of the commit-graph.
    pub(super) generation: u32,
}

impl Links {
    /// The generation of commits that are not in the commit-graph. None of those in it can reach
    /// one of these, so it is the greatest.
    pub(super) const NO_GENERATION: u32 = u32::MAX;
}

/// What is known of a commit before it is read.
#[derive(Clone, Copy, Default)]
pub(super) struct Known<'a> {
    /// Its bytes.
    pub(super) raw: Option<&'a [u8]>,
    /// The root tree of its first parent.
    pub(super) tree_before: Option<ObjectId>,
}

/// The order in which walks go on: what is in no commit-graph first, then by generation, then by
/// date, then in the order of arrival, so that the same question always has the same answer.
pub(super) type Priority = (u32, i64, Reverse<usize>);

pub(super) struct Reader {
    shared: Arc<Shared>,
    objects: Objects,
    graph: Option<Arc<Graph>>,
    trees: TreeCache,
    buffer: Vec<u8>,
}

impl Reader {
    /// Bytes of delta bases that are kept for work on trees.
    pub(super) const TREE_PACK_CACHE: usize = 16 << 20;

    pub(super) fn format(&self) -> Kind {
        self.shared.layout.format
    }

    /// Returns true if a tree need not be read again.
    pub(super) fn has_tree(&self, id: &ObjectId) -> bool {
        self.trees.contains(id)
    }

    /// Reads an object whole, with its kind; `None` if it is not there.
    pub(super) fn object(&mut self, id: &ObjectId) -> Result<Option<(gix::objs::Kind, &[u8])>> {
        let found = self.objects.read(id, &mut self.buffer);
        let found = found.with_context(|| format!("cannot read the object {id}"))?;
        Ok(found.map(|kind| (kind, self.buffer.as_slice())))
    }

    /// Reads the kind and the size of an object, without its content; `None` if it is not there.
    pub(super) fn header(&mut self, id: &ObjectId) -> Result<Option<(gix::objs::Kind, u64)>> {
        self.objects.header(id).with_context(|| format!("cannot read the object {id}"))
    }

    /// Reads the bytes of a commit object.
    pub(super) fn raw_commit(&mut self, id: &ObjectId) -> Result<&[u8]> {
        match self.objects.read(id, &mut self.buffer) {
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
    pub(super) fn links(&mut self, id: &ObjectId) -> Result<(Links, Option<Bytes>)> {
        if let Some(links) = self.graph.as_ref().and_then(|graph| links_in_graph(graph, id)) {
            return Ok((links, None));
        }
        let raw = match self.objects.shared(id, gix::objs::Kind::Commit) {
            Some(raw) => raw,
            None => Arc::new(self.raw_commit(id)?.to_vec()),
        };
        let (tree, parents, date) = commit::links(&raw, self.format()).map_err(|why| unreadable(id, why))?;
        Ok((Links { parents, tree, date, generation: Links::NO_GENERATION }, Some(raw)))
    }

    /// Returns the root tree of a commit.
    pub(super) fn tree_of(&mut self, id: &ObjectId) -> Result<ObjectId> {
        if let Some(commit) = self.graph.as_ref().and_then(|graph| graph.commit_by_id(id)) {
            return Ok(commit.root_tree_id().to_owned());
        }
        let format = self.format();
        let raw = self.raw_commit(id)?;
        let (tree, _, _) = commit::links(raw, format).map_err(|why| unreadable(id, why))?;
        Ok(tree)
    }

    /// Reads a tree.
    pub(super) fn tree(&mut self, id: &ObjectId) -> Result<Arc<Tree>> {
        self.tree_like(id, None)
    }

    /// Reads a tree that resembles `sibling`.
    pub(super) fn tree_like(
        &mut self,
        id: &ObjectId,
        sibling: Option<(ObjectId, &Tree)>,
    ) -> Result<Arc<Tree>> {
        if let Some(tree) = self.trees.get(id) {
            return Ok(tree);
        }
        let format = self.format();
        if *id == ObjectId::empty_tree(format) {
            // It need not be stored anywhere.
            return Ok(Arc::default());
        }
        let raw = match self.objects.shared(id, gix::objs::Kind::Tree) {
            Some(raw) => raw,
            None => match self.object(id)? {
                Some((gix::objs::Kind::Tree, raw)) => Arc::new(raw.to_vec()),
                Some((kind, _)) => bail!("{id} is a {kind}, not a tree"),
                None => bail!("the tree {id} is not there"),
            },
        };
        let tree = Tree::decode(raw, sibling, format)
            .map_err(|why| anyhow::anyhow!("cannot read the tree {id}: {why}"))?;
        let tree = Arc::new(tree);
        self.trees.put(*id, tree.clone(), tree.weight());
        Ok(tree)
    }

    /// Reads a commit and gathers the facts that `needs` asks for. What the caller has already, which
    /// is `known`, is not read again.
    pub(super) fn commit(
        &mut self,
        id: &ObjectId,
        known: Known<'_>,
        needs: &Needs,
        trusted: Option<Trusted<'_>>,
    ) -> Result<Commit, Unreadable> {
        let format = self.format();
        let read;
        let raw = match known.raw {
            Some(raw) => raw,
            None => {
                read = self.raw_commit(id).map_err(|error| unreadable(id, format!("{error:#}")))?;
                read
            }
        };
        let parts = commit::parse(raw, format).map_err(|why| unreadable(id, why))?;
        let mut commit = parts.commit(oid(id));
        if needs.contains(&Need::Signatures) {
            commit.signature = match trusted {
                Some(Trusted { keys, at }) => Ok(signature::verify(keys, raw, object_format(format), at)),
                None => Err(Missing::NotConfigured(Need::Signatures)),
            };
        }
        let (tree, parents) = (parts.tree, parts.parents);
        if needs.contains(&Need::Paths) || needs.contains(&Need::Lines) || needs.contains(&Need::Blobs) {
            self.add_paths(&mut commit, &tree, parents.first(), known.tree_before, needs);
        }
        if needs.contains(&Need::OwnContent) {
            commit.own_content = self.own_content(&tree, &parents);
        }
        Ok(commit)
    }
}

fn links_in_graph(graph: &Graph, id: &ObjectId) -> Option<Links> {
    let commit = graph.commit_by_id(id)?;
    let parents = commit.iter_parents().map(|parent| parent.map(|at| graph.id_at(at).to_owned()));
    let parents = parents.collect::<gix::Result<Vec<_>>>().ok()?;
    let generation = match commit.generation() {
        // Written by a git that did not count generations yet.
        0 => Links::NO_GENERATION,
        generation => generation,
    };
    let date = i64::try_from(commit.committer_timestamp()).ok()?;
    Some(Links { parents, tree: commit.root_tree_id().to_owned(), date, generation })
}

/// Converts a library id into ours.
#[expect(clippy::expect_used, reason = "both know exactly the lengths of SHA-1 and SHA-256")]
pub(super) fn oid(id: &gix::oid) -> Oid {
    Oid::from_bytes(id.as_bytes()).expect("an id of 20 or 32 bytes")
}

pub(super) fn unreadable(id: &ObjectId, why: impl Into<String>) -> Unreadable {
    Unreadable { id: oid(id), why: why.into() }
}
