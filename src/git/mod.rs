//! Reads repositories. Writes to them in one way only: it adds a commit to the end of a chain under one ref.
//!
//! This is the only module that names a Git library. It fills in the values of [`crate::change`] and
//! knows nothing about policies, verdicts or reports. Objects are read as they are stored: replace
//! refs, grafts, mailmaps, attributes and filters have no effect here, whatever the configuration
//! says, because each of them lets its author show a different history than the one that is pushed.
//! Alternates are followed, because objects are stored there.
//!
//! The content of a repository is hostile. Nothing in here panics on it, and what cannot be read
//! is an error that names it, or a [`Missing`](crate::change::Missing) in the place of the fact.

pub(crate) mod commit_chain;
pub(crate) mod diff;
pub(crate) mod evidence_objects;
pub(crate) mod history;
pub(crate) mod hook_input;
mod layout;
mod objects;
pub(crate) mod push_certificate;
mod remote;
mod repository;
mod repository_clone;
pub mod second_reader;
pub mod signature;

pub(crate) use crate::git::commit_chain::StoredChainLink;
pub(crate) use crate::git::commit_chain::writer::{ChainLink, ChainWriter, REF_LOCK_TIMEOUT};
pub(crate) use crate::git::diff::line_counts::BYTES_PER_LINE;
pub(crate) use crate::git::history::NewHistory;
pub use crate::git::history::date_order::NewCommits;
pub(crate) use crate::git::history::scan::ScannedCommit;
pub use crate::git::history::stream::CommitRange;
pub use crate::git::hook_input::{
    MalformedHookLine, PushedRef, RefUpdate, parse_pre_push, parse_pre_receive,
};
pub(crate) use crate::git::objects::CHAIN_TOO_LONG;
pub use crate::git::objects::ObjectQuarantine;
pub use crate::git::objects::commit::{UnreadableCommit, parse_commit};
pub(crate) use crate::git::push_certificate::MAX_CERTIFICATE_BYTES;
pub use crate::git::push_certificate::{PushCertificateText, parse_push_certificate};
pub use crate::git::remote::GitRemote;
pub(crate) use crate::git::remote::{FetchDepth, RefPush, RefPushOutcome};
pub(crate) use crate::git::repository::RepositorySource;
pub use crate::git::repository::file_at_path::FileAtPath;
pub(crate) use crate::git::repository::file_at_path::TreePathEntry;
pub(crate) use crate::git::repository::message_only_commit::{LoneCommit, MessageOnlyFault, OnlyEntry};
pub(crate) use crate::git::repository::refs::ReflogEntry;
pub use crate::git::repository::refs::{HeadState, ResolvedRef};
pub use crate::git::repository::{PeeledObject, Repository};
pub(crate) use crate::git::repository_clone::CloneSource;
pub use crate::git::signature::{ObjectFormat, TrustedKeys};
