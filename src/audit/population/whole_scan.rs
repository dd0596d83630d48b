//! One look at a whole history: its steps, and what its messages say of earlier changes.
//!
//! An audit of everything would otherwise read each commit once for the steps, once for what it says and once to judge
//! it. Where a commit cannot be read, the careful way takes over, which tells what is missing.

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::population::change_links::{LinkIndex, StepLinks, states_link};
use crate::audit::population::ref_chain::{RefChain, WalkedStep};
use crate::change::Oid;
use crate::git::{Repository, ScannedCommit, UnreadableCommit};

/// How many bytes of messages a step may have. What has more is read with care, which has a limit of its own.
const MAX_STEP_MESSAGE_BYTES: usize = 4 << 20;

/// What a look at a whole history gives.
pub(crate) struct ScannedHistory {
    /// The steps.
    pub(crate) chain: RefChain,
    /// What they say of each other.
    pub(crate) links: LinkIndex,
}

/// What is found of one step.
#[derive(Default)]
struct ScannedStep {
    links: StepLinks,
    message_bytes: usize,
    is_unread: bool,
    /// The last commit so far, when it was committed, and its tree.
    last: Option<(Oid, i64, Oid)>,
}

impl ScannedStep {
    fn add_commit(&mut self, commit: Result<ScannedCommit<'_>, UnreadableCommit>) {
        let Ok(commit) = commit else {
            self.is_unread = true;
            return;
        };
        self.links.commits.push(commit.id);
        self.message_bytes += commit.message_length();
        self.last = Some((commit.id, commit.committed_at(), commit.root_tree()));
        match commit.read_message_if(states_link) {
            Some(message) => self.links.add_message(&message),
            None => self.links.pull = None,
        }
    }
}

/// Looks at the whole history of `tip`; `None` if a commit of it cannot be read. `progress` is called for each step.
///
/// # Errors
///
/// Fails only if the threads do.
pub(crate) fn scan_whole_history(
    repository: &Repository,
    tip: Oid,
    threads: fn() -> usize,
    progress: &mut dyn FnMut(),
) -> Result<Option<ScannedHistory>> {
    let Ok(history) = repository.find_new_history(tip, &[]) else { return Ok(None) };
    let mut steps = Vec::new();
    let mut links = LinkIndex::default();
    let mut is_whole = true;
    repository.scan_history_steps(&history, threads, ScannedStep::add_commit, |step: ScannedStep| {
        is_whole &= !step.is_unread && step.message_bytes <= MAX_STEP_MESSAGE_BYTES;
        if let Some((id, seconds, tree)) = step.last {
            let committed_at = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
            links.add_step(steps.len(), step.links);
            steps.push(WalkedStep { id, committed_at, tree });
        }
        progress();
        Ok(())
    })?;
    if !is_whole || steps.is_empty() {
        return Ok(None);
    }
    links.sort_commits();
    Ok(Some(ScannedHistory { chain: RefChain::from_walk(history, steps), links }))
}
