//! Repositories, read; and written in one way only, which is [`Link`] after link under one ref.
//!
//! This is the only place that names a Git library. It fills in the values of [`crate::change`] and
//! knows nothing of policies, verdicts or reports. Objects are read as they are stored: replace
//! refs, grafts, mailmaps, attributes and filters have no effect here, whatever the configuration
//! says, because each of them lets whoever may write it show a different history than the one that
//! lands. Alternates are followed, since objects do live there.
//!
//! What comes out of a repository is hostile. Nothing in here panics on it, and what cannot be read
//! is an error that names it, or a [`Missing`](crate::change::Missing) in the place of the fact.

mod ancestor;
mod bare;
mod chain;
mod commit;
mod config;
mod content;
mod delta;
mod files;
mod layout;
mod lines;
mod merge;
mod merge_base;
mod newest;
mod objects;
mod own;
mod pack_index;
mod packs;
mod paint;
mod paths;
mod pieces;
mod pipeline;
mod reader;
mod receive;
mod recent;
mod refs;
mod remote;
mod repository;
mod revision;
pub mod signature;
mod steps;
mod stream;
mod tree;

pub use chain::{ChainLink, StoredChainLink, WrittenChainLink};
pub use commit::{UnreadableCommit, parse_commit};
pub use files::FileAtPath;
pub use newest::NewCommits;
pub use objects::ObjectQuarantine;
pub use receive::{MalformedHookLine, PushedRef, RefUpdate, parse_pre_push, parse_pre_receive};
pub use refs::{HeadState, ReflogEntry, ResolvedRef};
pub use remote::{FetchDepth, GitRemote, RefPushOutcome};
pub use repository::{PeeledObject, Repository};
pub use signature::ObjectFormat;
pub use steps::NewHistory;
pub use stream::{CommitRange, TrustedKeys};
