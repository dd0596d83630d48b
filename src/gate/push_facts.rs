//! The facts of a push as they are kept: each change as it was judged, as one line of JSON (not canonical;
//! the digest is of these bytes).
//!
//! The digest is of all of them, however many there are; their text is given up once it is too long,
//! so that memory does not grow with the push.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::change::{Change, Fact, Oid, PushCertificate, PusherIdentity, Text, text};
use crate::gate::acts::authorised::AuthorisedAct;
use crate::gate::break_glass::request::AuthorisedRequest;
use crate::gate::obligations::{ChangeObligations, ObligationClosing, RefObligations};
use crate::gate::policy_naming::find_remote_commits;
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::push_certificate::CertifiedPusher;
use crate::gate::signed_approvals::authorised::AuthorisedApproval;
use crate::policy::{ObligationPolicy, Policy};
use crate::verdict::{Verdict, VerdictReasons};

/// The most bytes of facts that are kept as text; of longer ones only the digest is kept.
const MAX_KEPT_BYTES: usize = 1 << 20;

/// About the most bytes of reasons that are held.
const MAX_REASONS_BYTES: usize = 4 << 20;

/// What a push was judged by, and what its changes owe and state for earlier ones; the ledger records it.
#[derive(Clone)]
pub struct PushFacts {
    digest: Sha256,
    change_count: usize,
    text: Option<String>,
    reasons: HeldReasons,
    obligations: Vec<(Text, RefObligations)>,
    request: Option<AuthorisedRequest>,
    act: Option<AuthorisedAct>,
    approval: Option<AuthorisedApproval>,
    /// The signed approvals that are about what is pushed, by the refs.
    used_approvals: Vec<(Text, Vec<Oid>)>,
    shared: Vec<(Text, LoadedPolicy)>,
    /// Who pushes; `None` where nothing is pushed.
    pusher: Option<CertifiedPusher>,
}

/// What the ledger keeps of one change.
#[derive(Debug)]
pub(crate) struct KeptFacts {
    /// The change as JSON.
    pub(crate) text: String,
    /// What the verdict on it rests on.
    pub(crate) reasons: Box<VerdictReasons>,
}

/// What the verdicts rest on, as long as that is not too much.
#[derive(Clone, Debug, Default)]
enum HeldReasons {
    /// Nobody wants to keep them.
    #[default]
    None,
    /// Those of every change, in their order, and about how many bytes they take.
    All(Vec<VerdictReasons>, usize),
    /// They are too long.
    TooLong,
}

/// The facts of one ref of a push: only through it can changes be added, so that each belongs to a ref.
#[derive(Debug)]
pub(crate) struct RefFacts<'facts> {
    facts: &'facts mut PushFacts,
}

impl fmt::Debug for PushFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushFacts").field("changes", &self.change_count).finish_non_exhaustive()
    }
}

impl Default for PushFacts {
    fn default() -> Self {
        PushFacts {
            digest: Sha256::new(),
            change_count: 0,
            text: Some(String::new()),
            reasons: HeldReasons::None,
            obligations: Vec::new(),
            request: None,
            act: None,
            approval: None,
            used_approvals: Vec::new(),
            shared: Vec::new(),
            pusher: None,
        }
    }
}

impl PushFacts {
    /// Begins a ref, and returns the handle that adds its changes; `requirements` is what its policies
    /// ask about obligations.
    pub(crate) fn begin_ref(&mut self, name: &Text, requirements: ObligationPolicy) -> RefFacts<'_> {
        let obligations = RefObligations { requirements, ..RefObligations::default() };
        self.obligations.push((name.clone(), obligations));
        RefFacts { facts: self }
    }

    /// Adds what changes that were judged elsewhere state for earlier ones of a ref that was begun.
    pub(crate) fn add_closings(&mut self, name: &Text, closings: Vec<ObligationClosing>) {
        if let Some((_, of_ref)) = self.obligations.iter_mut().rev().find(|(known, _)| known == name) {
            of_ref.closings.extend(closings);
        }
    }

    /// Sets who pushes.
    pub(crate) fn set_pusher(&mut self, pusher: CertifiedPusher) {
        self.pusher = Some(pusher);
    }

    /// Returns the account that pushes, or the signer of the push where the account tells no person; `None` where nothing is
    /// pushed.
    pub(crate) fn find_pusher(&self) -> Option<Fact<PusherIdentity>> {
        self.pusher.as_ref().map(|pusher| pusher.pusher.clone())
    }

    /// Returns what is known of the certificate of the push.
    pub(crate) fn push_certificate(&self) -> PushCertificate {
        self.pusher.as_ref().map_or(PushCertificate::Absent, |pusher| pusher.certificate.clone())
    }

    /// Sets the break-glass session that the push asks to open or close.
    pub(crate) fn set_request(&mut self, request: AuthorisedRequest) {
        self.request = Some(request);
    }

    /// Returns the break-glass session that is to be opened or closed, if the push asks for that.
    pub fn request(&self) -> Option<&AuthorisedRequest> {
        self.request.as_ref()
    }

    /// Sets the act that the push records.
    pub(crate) fn set_act(&mut self, act: AuthorisedAct) {
        self.act = Some(act);
    }

    /// Returns the act that is to be recorded, if the push is one.
    pub fn act(&self) -> Option<&AuthorisedAct> {
        self.act.as_ref()
    }

    /// Sets the signed approval that the push brings.
    pub(crate) fn set_approval(&mut self, approval: AuthorisedApproval) {
        self.approval = Some(approval);
    }

    /// Returns the signed approval that is to be recorded, if the push brings one.
    pub fn approval(&self) -> Option<&AuthorisedApproval> {
        self.approval.as_ref()
    }

    /// Notes the signed approvals that are about what is pushed to a ref: once that has landed, they are used up.
    pub(crate) fn add_used_approvals(&mut self, name: &Text, ids: Vec<Oid>) {
        if !ids.is_empty() {
            self.used_approvals.push((name.clone(), ids));
        }
    }

    /// Returns the signed approvals that are about what is pushed, by the refs.
    pub(crate) fn used_approvals(&self) -> &[(Text, Vec<Oid>)] {
        &self.used_approvals
    }

    /// Notes which policy judges a ref, if it builds on a branch or a tag of another repository: it moves without a push here.
    pub(crate) fn add_shared_policy(&mut self, name: &Text, loaded: &LoadedPolicy) {
        if !find_remote_commits(&loaded.source).is_empty() {
            self.shared.push((name.clone(), loaded.clone()));
        }
    }

    /// Returns the policies that build on files of other repositories, by the refs that they judge.
    pub(crate) fn shared_policies(&self) -> &[(Text, LoadedPolicy)] {
        &self.shared
    }

    /// Returns true for a push that means something only if it is recorded.
    pub(crate) fn must_be_recorded(&self) -> bool {
        self.request.is_some() || self.act.is_some() || self.approval.is_some()
    }

    /// Returns what the changes of each ref have to do with obligations.
    pub fn obligations(&self) -> &[(Text, RefObligations)] {
        &self.obligations
    }

    /// Returns `sha256:` and the digest of all facts.
    pub fn digest(&self) -> String {
        format!("sha256:{}", text::encode_hex(&self.digest.clone().finalize()))
    }

    /// Returns how many changes there are.
    pub(crate) fn change_count(&self) -> usize {
        self.change_count
    }

    /// Returns what the verdicts rest on, in the order of the changes; `None` if it is too long to be kept, or
    /// nobody asked for it.
    pub fn reasons(&self) -> Option<&[VerdictReasons]> {
        match &self.reasons {
            HeldReasons::All(reasons, _) if reasons.len() == self.change_count => Some(reasons),
            HeldReasons::All(..) | HeldReasons::TooLong | HeldReasons::None => None,
        }
    }

    /// Returns the text of the facts; `None` if it is too long to be kept.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }
}

impl RefFacts<'_> {
    /// Adds a change that was judged by this policy alone; `by` is the policy of the policy ref and who
    /// landed the change, as far as that is known.
    ///
    /// # Errors
    ///
    /// Fails if the change cannot be written as JSON.
    pub(crate) fn add_change(
        &mut self,
        change: &Change,
        policy: &Policy,
        by: Option<(&Policy, &Fact<PusherIdentity>)>,
        verdict: &Verdict,
    ) -> Result<(), String> {
        self.add_change_text(&serde_json::to_string(change).map_err(|error| error.to_string())?);
        if let Some(reasons) = &verdict.reasons {
            self.add_reasons((**reasons).clone());
        }
        self.add_obligations(ChangeObligations::from_landed_change(change, policy, by, verdict));
        Ok(())
    }

    /// Adds what is kept of a change.
    pub(crate) fn add_kept_facts(&mut self, kept: KeptFacts) {
        self.add_change_text(&kept.text);
        self.add_reasons(*kept.reasons);
    }

    /// Adds a change that was written as JSON.
    fn add_change_text(&mut self, change: &str) {
        let facts = &mut *self.facts;
        facts.digest.update(change);
        facts.digest.update("\n");
        facts.change_count += 1;
        match &mut facts.text {
            Some(text) if text.len().saturating_add(change.len()) < MAX_KEPT_BYTES => {
                text.push_str(change);
                text.push('\n');
            }
            text => *text = None,
        }
    }

    /// Adds what the verdict on the change that was added last rests on.
    fn add_reasons(&mut self, reasons: VerdictReasons) {
        let held = &mut self.facts.reasons;
        if let HeldReasons::None = held {
            *held = HeldReasons::All(Vec::new(), 0);
        }
        let HeldReasons::All(all, bytes) = held else { return };
        *bytes += reasons.estimate_bytes();
        all.push(reasons);
        if *bytes > MAX_REASONS_BYTES {
            *held = HeldReasons::TooLong;
        }
    }

    /// Adds what a change has to do with obligations.
    pub(crate) fn add_obligations(&mut self, obligations: ChangeObligations) {
        // The handle was made with an entry of its own, and while it lives no other can be begun.
        if let Some((_, of_ref)) = self.facts.obligations.last_mut() {
            of_ref.add_change(obligations);
        }
    }
}
