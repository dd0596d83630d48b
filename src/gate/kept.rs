//! The facts of a push as they are kept: each change as it was judged, one canonical JSON to a line.
//!
//! The digest is of all of them, however many there are; their text is given up once it is too long,
//! so that memory does not grow with the push.

use sha2::{Digest as _, Sha256};

use super::break_glass::Act;
use super::dues::{Due, Dues};
use crate::change::{Change, Fact, Pusher, Text, text};
use crate::policy::{Obligations, Policy};
use crate::verdict::Verdict;

/// Facts of more bytes than this are not kept: their digest is.
const MOST: usize = 1 << 20;

/// The facts of a push.
#[derive(Clone)]
pub struct Kept {
    digest: Sha256,
    changes: usize,
    text: Option<String>,
    dues: Vec<(Text, Dues)>,
    act: Option<Act>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("changes", &self.changes).finish_non_exhaustive()
    }
}

impl Default for Kept {
    fn default() -> Self {
        Kept { digest: Sha256::new(), changes: 0, text: Some(String::new()), dues: Vec::new(), act: None }
    }
}

impl Kept {
    /// Adds a change.
    pub(super) fn add(&mut self, change: &str) {
        self.digest.update(change);
        self.digest.update("\n");
        self.changes += 1;
        match &mut self.text {
            Some(text) if text.len().saturating_add(change.len()) < MOST => {
                text.push_str(change);
                text.push('\n');
            }
            text => *text = None,
        }
    }

    /// Adds a change that was judged by this policy alone, of the ref that was begun last; `by` says who
    /// landed it, and what the policy ref says of him, as far as that is known.
    ///
    /// # Errors
    ///
    /// Fails if the change cannot be written down.
    pub fn take(
        &mut self,
        change: &Change,
        policy: &Policy,
        by: Option<(&Policy, &Fact<Pusher>)>,
        verdict: &Verdict,
    ) -> Result<(), String> {
        self.add(&serde_json::to_string(change).map_err(|error| error.to_string())?);
        self.note(Due::by(change, policy, by, verdict));
        Ok(())
    }

    /// Notes that the changes of a ref follow, and what its policies ask about what is owed.
    pub fn begin(&mut self, name: &Text, asks: Obligations) {
        self.dues.push((name.clone(), Dues { asks, ..Dues::default() }));
    }

    /// Notes what a change of that ref has to do with what is owed.
    pub(super) fn note(&mut self, due: Due) {
        self.dues.last_mut().into_iter().for_each(|(_, dues)| dues.add(due.clone()));
    }

    /// Notes what a push asks for beside changes.
    pub(super) fn ask(&mut self, act: Act) {
        self.act = Some(act);
    }

    /// Returns which break-glass session is to be opened or closed, if the push asks for that.
    pub fn act(&self) -> Option<&Act> {
        self.act.as_ref()
    }

    /// Returns what the changes of each ref have to do with what is owed.
    pub fn dues(&self) -> &[(Text, Dues)] {
        &self.dues
    }

    /// Returns `sha256:` and the digest of all of them.
    pub fn digest(&self) -> String {
        format!("sha256:{}", text::hex(&self.digest.clone().finalize()))
    }

    /// Returns how many changes there are.
    pub fn changes(&self) -> usize {
        self.changes
    }

    /// Returns their text; `None` if it is too long to be kept.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}
