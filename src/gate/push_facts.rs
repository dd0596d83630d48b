//! The facts of a push as they are kept: each change as it was judged, one canonical JSON to a line.
//!
//! The digest is of all of them, however many there are; their text is given up once it is too long,
//! so that memory does not grow with the push.

use sha2::{Digest as _, Sha256};

use crate::change::{Change, Fact, PusherIdentity, Text, text};
use crate::gate::break_glass::AuthorisedRequest;
use crate::gate::obligations::{ChangeObligations, RefObligations};
use crate::policy::{ObligationPolicy, Policy};
use crate::verdict::Verdict;

/// Facts of more bytes than this are not kept: their digest is.
const MAX_KEPT_BYTES: usize = 1 << 20;

/// The facts of a push.
#[derive(Clone)]
pub struct PushFacts {
    digest: Sha256,
    change_count: usize,
    text: Option<String>,
    obligations: Vec<(Text, RefObligations)>,
    request: Option<AuthorisedRequest>,
}

impl std::fmt::Debug for PushFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").field("changes", &self.change_count).finish_non_exhaustive()
    }
}

impl Default for PushFacts {
    fn default() -> Self {
        PushFacts {
            digest: Sha256::new(),
            change_count: 0,
            text: Some(String::new()),
            obligations: Vec::new(),
            request: None,
        }
    }
}

impl PushFacts {
    /// Adds a change.
    pub(crate) fn add_change_text(&mut self, change: &str) {
        self.digest.update(change);
        self.digest.update("\n");
        self.change_count += 1;
        match &mut self.text {
            Some(text) if text.len().saturating_add(change.len()) < MAX_KEPT_BYTES => {
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
    pub fn add_change(
        &mut self,
        change: &Change,
        policy: &Policy,
        by: Option<(&Policy, &Fact<PusherIdentity>)>,
        verdict: &Verdict,
    ) -> Result<(), String> {
        self.add_change_text(&serde_json::to_string(change).map_err(|error| error.to_string())?);
        self.add_obligations(ChangeObligations::from_landed_change(change, policy, by, verdict));
        Ok(())
    }

    /// Notes that the changes of a ref follow, and what its policies ask about what is owed.
    pub fn begin_ref(&mut self, name: &Text, asks: ObligationPolicy) {
        self.obligations
            .push((name.clone(), RefObligations { requirements: asks, ..RefObligations::default() }));
    }

    /// Notes what a change of that ref has to do with what is owed.
    pub(crate) fn add_obligations(&mut self, due: ChangeObligations) {
        self.obligations.last_mut().into_iter().for_each(|(_, dues)| dues.add_change(due.clone()));
    }

    /// Notes what a push asks for beside changes.
    pub(crate) fn set_request(&mut self, act: AuthorisedRequest) {
        self.request = Some(act);
    }

    /// Returns which break-glass session is to be opened or closed, if the push asks for that.
    pub fn request(&self) -> Option<&AuthorisedRequest> {
        self.request.as_ref()
    }

    /// Returns what the changes of each ref have to do with what is owed.
    pub fn obligations(&self) -> &[(Text, RefObligations)] {
        &self.obligations
    }

    /// Returns `sha256:` and the digest of all of them.
    pub fn digest(&self) -> String {
        format!("sha256:{}", text::encode_hex(&self.digest.clone().finalize()))
    }

    /// Returns how many changes there are.
    pub fn change_count(&self) -> usize {
        self.change_count
    }

    /// Returns their text; `None` if it is too long to be kept.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}
