//! Who pushes, by the account that the server names and by the certificate of the push.
//!
//! A certificate counts if a key of the policy has signed it for this push: with the nonce that the server gave out for
//! it, and over exactly its updates. One that does not count changes nothing but what is asked of certificates.

use jiff::Timestamp;

use crate::change::{
    CertificateFault, Fact, Missing, Oid, PushCertificate, PusherIdentity, SignatureStatus, Text,
};
use crate::gate::given_certificate::GivenCertificate;
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::settings::GateSettings;
use crate::git::{MAX_CERTIFICATE_BYTES, RefUpdate, Repository, TrustedKeys, parse_push_certificate};
use crate::people::{PeopleDirectory, ResolvedIdentity};
use crate::predicates::approvals::push_signature::describe_certificate_fault;
use crate::push::{GateRule, refuse_by_rule};
use crate::verdict::{Finding, Fixer, Judgement, Message, messages};

messages! {
    CERTIFICATE_IGNORED = "push.certificate-ignored": "the certificate of this push does not count: {reason}";
    CERTIFICATE_OF_OTHER = "push.certificate-of-other":
        "the push is signed with the key of {signer}, and the account {account}, by which the server knows the pusher, is not theirs; push by the account of that person, sign with a key of the pusher (`user.signingKey`), or push without a signature (`--no-signed`)";
}

/// How long ago the server can have given out a nonce, in seconds. Git compares it for each connection; this holds also
/// where the variables of git come from elsewhere.
const MAX_NONCE_AGE_SECONDS: i64 = 24 * 60 * 60;

/// Who pushes, and what the certificate of the push says of that.
#[derive(Clone, Debug)]
pub(crate) struct CertifiedPusher {
    /// The account that pushes; the address of the signer where the server or the roster tells no person.
    pub(crate) pusher: Fact<PusherIdentity>,
    /// What is known of the certificate.
    pub(crate) certificate: PushCertificate,
}

impl CertifiedPusher {
    /// Returns who pushes by the settings alone, where no certificate can be verified.
    pub(crate) fn from_settings(settings: &GateSettings) -> CertifiedPusher {
        CertifiedPusher { pusher: settings.pusher.clone(), certificate: PushCertificate::Absent }
    }

    /// Returns who pushes these updates, by the keys and people of the policy `loaded` and at the time `now`.
    pub(crate) fn find_pusher(
        repository: &Repository,
        updates: &[RefUpdate],
        settings: &GateSettings,
        loaded: &LoadedPolicy,
        now: Timestamp,
    ) -> CertifiedPusher {
        let transport = CertifiedPusher::from_settings(settings);
        let Some(given) = &settings.push_certificate else { return transport };
        let people = &loaded.policy.people;
        let keys = loaded.trusted_keys(now);
        let verified = read_certificate(repository, given)
            .and_then(|(id, raw)| verify_certificate(&raw, given, updates, keys).map(|signed| (id, signed)));
        let (id, (signer, key)) = match verified {
            Ok(verified) => verified,
            Err(fault) => return CertifiedPusher { certificate: PushCertificate::Bad(fault), ..transport },
        };
        let identity = people.identify_pusher(&signer);
        let fault = match &identity {
            ResolvedIdentity::Unknown => Some(CertificateFault::UnknownSigner(signer.clone())),
            ResolvedIdentity::Human(person) if people.find_absence(person, now).is_some() => {
                Some(CertificateFault::AbsentSigner(signer.clone()))
            }
            _ => None,
        };
        if let Some(fault) = fault {
            return CertifiedPusher { certificate: PushCertificate::Bad(fault), ..transport };
        }
        let pusher = match &transport.pusher {
            Ok(PusherIdentity::Account(account)) => match compare_account(account, &identity, people) {
                AccountMatch::Same => transport.pusher,
                AccountMatch::Unlisted => Ok(PusherIdentity::Account(signer.clone())),
                AccountMatch::Other => {
                    let fault = CertificateFault::OtherAccount { account: account.clone(), signer };
                    return CertifiedPusher { certificate: PushCertificate::Bad(fault), ..transport };
                }
            },
            Ok(PusherIdentity::Unidentified) | Err(Missing::NotConfigured(_)) => {
                Ok(PusherIdentity::Account(signer.clone()))
            }
            // A server that is to name the account, and does not, is not set up as it should be.
            Err(_) => transport.pusher,
        };
        CertifiedPusher { pusher, certificate: PushCertificate::Good { id, signer, key } }
    }

    /// Returns the refusal of a push that is signed by another person than the server names.
    pub(crate) fn refuse_other_signer(&self) -> Option<Judgement> {
        let PushCertificate::Bad(CertificateFault::OtherAccount { account, signer }) = &self.certificate
        else {
            return None;
        };
        let message = CERTIFICATE_OF_OTHER.with("signer", signer).with("account", account);
        Some(refuse_by_rule(GateRule::PushCertificate, Finding::new(message).fixed_by(Fixer::Pusher)))
    }

    /// Returns the note that the certificate does not count. None where no key could make one count, and where the push is
    /// refused for it.
    pub(crate) fn describe_fault(&self) -> Option<Message> {
        match &self.certificate {
            PushCertificate::Bad(CertificateFault::NoKeys | CertificateFault::OtherAccount { .. }) => None,
            PushCertificate::Bad(fault) => {
                Some(CERTIFICATE_IGNORED.with("reason", describe_certificate_fault(fault)))
            }
            _ => None,
        }
    }
}

/// Whether the server's account is that of the signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AccountMatch {
    /// It is, or nothing tells.
    Same,
    /// The roster lists it under no person.
    Unlisted,
    /// It is that of another person.
    Other,
}

/// Compares the account that the server names with the signer of the push.
fn compare_account(account: &Text, signer: &ResolvedIdentity, people: &PeopleDirectory) -> AccountMatch {
    match people.identify_pusher(account) {
        ResolvedIdentity::Unknown => AccountMatch::Unlisted,
        identity if identity == *signer => AccountMatch::Same,
        // Without a roster, nothing ties an account to an address.
        ResolvedIdentity::Human(_) if !people.has_roster() && !account.as_bytes().contains(&b'@') => {
            AccountMatch::Same
        }
        _ => AccountMatch::Other,
    }
}

/// Returns the id and the text of the certificate, which lies among the objects of the push.
fn read_certificate(
    repository: &Repository,
    given: &GivenCertificate,
) -> Result<(Oid, Vec<u8>), CertificateFault> {
    let Some(id) = Oid::from_hex(&given.id).filter(|id| !id.is_null()) else {
        return Err(CertificateFault::Unreadable("git did not keep it".into()));
    };
    match repository.read_blob(id, MAX_CERTIFICATE_BYTES) {
        Ok(raw) => Ok((id, raw)),
        Err(error) => Err(CertificateFault::Unreadable(format!("{error:#}"))),
    }
}

/// Returns the address and the key of the signer of a certificate, if it is of exactly these updates and of this push.
fn verify_certificate(
    raw: &[u8],
    given: &GivenCertificate,
    updates: &[RefUpdate],
    keys: Option<TrustedKeys<'_>>,
) -> Result<(Text, String), CertificateFault> {
    let Some(keys) = keys else { return Err(CertificateFault::NoKeys) };
    let text = parse_push_certificate(raw).map_err(|why| CertificateFault::Malformed(why.to_owned()))?;
    check_nonce(text.nonce, given, keys.received_at)?;
    if text.updates != updates {
        return Err(CertificateFault::OtherUpdates);
    }
    match keys.verify_payload(text.payload, text.armor) {
        SignatureStatus::Good { signer, key } => Ok((signer, key)),
        SignatureStatus::Bad(reason) => Err(CertificateFault::BadSignature(reason)),
        SignatureStatus::None => Err(CertificateFault::BadSignature("it is not signed".to_owned())),
    }
}

/// Checks that the nonce of a certificate is the one that git gave out for this push, or before within the time that the
/// server accepts (`receive.certNonceSlop`), which git says is `OK` too.
fn check_nonce(
    signed: Option<&[u8]>,
    given: &GivenCertificate,
    now: Timestamp,
) -> Result<(), CertificateFault> {
    match given.nonce_status.as_deref() {
        Some("OK") => {}
        Some("BAD") => return Err(CertificateFault::OtherNonce),
        Some("SLOP") => return Err(CertificateFault::StaleNonce { seconds: given.nonce_age.clone() }),
        _ => return Err(CertificateFault::NoNonce),
    }
    let (Some(signed), Some(nonce)) = (signed, given.nonce.as_deref()) else {
        return Err(CertificateFault::NoNonce);
    };
    if signed != nonce.as_bytes() {
        return Err(CertificateFault::OtherNonce);
    }
    // It begins with the time at which it was given out.
    let given_at = nonce.split('-').next().and_then(|stamp| stamp.parse::<i64>().ok());
    let age = given_at.map(|given_at| now.as_second().saturating_sub(given_at).saturating_abs());
    match age {
        Some(age) if age <= MAX_NONCE_AGE_SECONDS => Ok(()),
        _ => Err(CertificateFault::StaleNonce { seconds: age.map(|age| age.to_string()) }),
    }
}
