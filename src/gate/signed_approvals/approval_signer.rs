//! Tells who signed an approval, and whether they may: by the keys, the people and the clock of the server.
//!
//! Which word of a signer is their newest, the time of its receipt decides. Its date is what their machine said. It only
//! tells what was signed before another word and held back, so that nobody undoes by it what was said since.

use jiff::Timestamp;

use crate::change::{Commit, Person, SignatureStatus, SignedDecision, Text};
use crate::gate::break_glass::request::pusher_finding;
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::signed_approvals::authorised::{ReceivedApproval, ReceivedApprovals};
use crate::gate::signed_approvals::statement::ApprovalStatement;
use crate::git::signature::ObjectFormat;
use crate::people::ResolvedIdentity;
use crate::verdict::{Finding, Fixer, Message, messages};

messages! {
    NO_KEYS = "approval.no-keys":
        "the policy knows no keys, so no signature can be checked; name `signers`, or give people `keys` in the roster";
    NOT_SIGNED = "approval.not-signed":
        "the approval is not signed; set `user.signingKey`, and `gpg.format` to `ssh` for an SSH key";
    BAD_SIGNATURE = "approval.bad-signature":
        "the signature of the approval is not valid: {reason}";
    KEY_REFUSED = "approval.key-refused":
        "the policy does not take the key that signed the approval: {reason}; sign with the key that it has for you, or have this one added";
    OTHER_SIGNER = "approval.other-signer":
        "the approval is signed with the key of {signer}, and its author is {author}; set `user.email` to an address of the person whose key it is";
    UNKNOWN_SIGNER = "approval.unknown-signer":
        "the signer {signer} is not a person whom the policy knows";
    ABSENT_SIGNER = "approval.absent-signer":
        "the signer {signer} has left or has not joined yet, by `left` and `joined` of the roster";
    DATE_IN_FUTURE = "approval.date-in-future":
        "the date of the approval is in the future; set the clock of the machine that signed it, and sign again";
    APPROVAL_IS_OLD = "approval.is-old":
        "{signer} has said something else about this revision since, with a later date; fetch `refs/changegate/approvals/*`, and sign it again if it still holds";
    OLDER_THAN_DROPPED = "approval.older-than-dropped":
        "{signer} has signed so much since that it is not known any more whether they took this back; sign it again if it still holds";
    UNKNOWN_ROLE = "approval.unknown-role":
        "the policy has no team {role}";
    ROLE_NOT_HELD = "approval.role-not-held":
        "the signer {signer} is not in {role}";
}

/// How far the clock of a signer may be from the server's, in seconds.
const MAX_CLOCK_LEAD_SECONDS: i64 = 600;

/// How the reasons of bad signatures begin that only a key explains.
const KEY_REASON_STARTS: [&str; 2] = ["the key ", "the OpenPGP key "];

/// An approval whose signer is to be found.
pub(crate) struct SignerCheck<'push> {
    /// The commit that states it.
    pub(crate) commit: &'push Commit,
    /// The same commit, as it was signed.
    pub(crate) raw: &'push [u8],
    /// The form of the ids in it.
    pub(crate) format: ObjectFormat,
    /// What it says.
    pub(crate) statement: &'push ApprovalStatement,
    /// The policy whose keys and people count.
    pub(crate) loaded: &'push LoadedPolicy,
    /// What was received before; `None` where nothing can be received.
    pub(crate) received: Option<&'push ReceivedApprovals>,
    /// The time of its receipt.
    pub(crate) now: Timestamp,
}

impl SignerCheck<'_> {
    /// Returns the address and the key of the person who signed the approval.
    ///
    /// # Errors
    ///
    /// Says why it is not taken from them.
    pub(crate) fn find_signer(&self) -> Result<(Text, String), Box<Finding>> {
        let Some(keys) = self.loaded.trusted_keys(self.now) else {
            return Err(Box::new(Finding::new(Message::from(&NO_KEYS)).fixed_by(Fixer::PolicyOwner)));
        };
        let (signer, key) = match keys.verify_commit(self.raw, self.format) {
            SignatureStatus::Good { signer, key } => (signer, key),
            SignatureStatus::None => return Err(pusher_finding(&NOT_SIGNED)),
            SignatureStatus::Bad(reason) => return Err(refuse_signature(&reason)),
        };
        let by_roster = |message: Message| Box::new(Finding::new(message).fixed_by(Fixer::RosterOwner));
        let people = &self.loaded.policy.people;
        let identity = people.identify_person(&Person { name: Text::default(), email: signer.clone() });
        if people.identify_person(&self.commit.author) != identity || identity == ResolvedIdentity::Unknown {
            return Err(match identity {
                ResolvedIdentity::Unknown => by_roster(UNKNOWN_SIGNER.with("signer", &signer)),
                _ => {
                    let message = OTHER_SIGNER.with("signer", &signer);
                    pusher_finding(message.with("author", &self.commit.author.email))
                }
            });
        }
        if let ResolvedIdentity::Human(person) = &identity {
            if people.find_absence(person, self.now).is_some() {
                return Err(by_roster(ABSENT_SIGNER.with("signer", &signer)));
            }
            self.check_role(person, &signer)?;
            self.check_date(person)?;
        }
        Ok((signer, key))
    }

    /// Checks that the signer is in the team for which the approval is given.
    fn check_role(&self, person: &str, signer: &Text) -> Result<(), Box<Finding>> {
        let Some(role) = &self.statement.role else { return Ok(()) };
        let people = &self.loaded.policy.people;
        let Some(team) = people.team_names().find(|team| team.as_bytes() == role.as_bytes()) else {
            return Err(pusher_finding(UNKNOWN_ROLE.with("role", role)));
        };
        if people.is_member(person, team, self.now) {
            return Ok(());
        }
        Err(pusher_finding(ROLE_NOT_HELD.with("signer", signer).with("role", role)))
    }

    /// Checks that the approval was not held back, while its signer has said something else about the revision, and that
    /// its date is not in the future, from where it would hold back all others.
    fn check_date(&self, person: &str) -> Result<(), Box<Finding>> {
        let dated = self.commit.authored_at;
        if dated > self.now.as_second().saturating_add(MAX_CLOCK_LEAD_SECONDS) {
            return Err(pusher_finding(&DATE_IN_FUTURE));
        }
        let Some(received) = self.received else { return Ok(()) };
        let people = &self.loaded.policy.people;
        let is_theirs = |signer: &Text| {
            let signer = Person { name: Text::default(), email: signer.clone() };
            matches!(people.identify_person(&signer), ResolvedIdentity::Human(key) if key == person)
        };
        for one in &received.open {
            let is_same = one.revision == self.statement.revision && one.target == self.statement.target;
            if is_same && one.signed_at > dated && !self.only_takes_away(one) && is_theirs(&one.signer) {
                return Err(pusher_finding(APPROVAL_IS_OLD.with("signer", &one.signer)));
            }
        }
        // A rejection lets nothing through, whenever it was signed.
        if self.statement.decision == SignedDecision::Rejected {
            return Ok(());
        }
        for (signer, newest) in &received.dropped {
            if *newest >= dated && is_theirs(signer) {
                return Err(pusher_finding(OLDER_THAN_DROPPED.with("signer", signer)));
            }
        }
        Ok(())
    }

    /// Returns true if the approval, which is dated before the `earlier` word that was received, lets nothing more through
    /// than that, and may have been signed after it by another clock.
    ///
    /// A machine whose clock was ahead must not keep its owner from objecting. So a rejection passes, and a revocation of
    /// what is no rejection, if they are dated at most as long before the receipt of the earlier word as clocks may differ.
    /// Nobody gains by one that was held back for less: it only takes away what its signer can give again.
    fn only_takes_away(&self, earlier: &ReceivedApproval) -> bool {
        let takes_away = match self.statement.decision {
            SignedDecision::Rejected => true,
            SignedDecision::Revoked => earlier.decision != SignedDecision::Rejected,
            SignedDecision::Approved => false,
        };
        let received_at = earlier.received_at.as_second();
        takes_away && self.commit.authored_at.saturating_add(MAX_CLOCK_LEAD_SECONDS) >= received_at
    }
}

/// Returns the refusal of a bad signature. Those who keep the roster can take another key; what was signed wrong, only its
/// signer can sign again.
fn refuse_signature(reason: &str) -> Box<Finding> {
    if !KEY_REASON_STARTS.iter().any(|start| reason.starts_with(start)) {
        return pusher_finding(BAD_SIGNATURE.with("reason", Text::from(reason)));
    }
    let finding = Finding::new(KEY_REFUSED.with("reason", Text::from(reason)));
    Box::new(finding.fixed_by(Fixer::RosterOwner).or_by(Fixer::Pusher))
}
