//! The fingerprints by which code scanning knows a result again, from push to push.

use sha2::{Digest, Sha256};

use crate::change::{Missing, Text, text};
use crate::report::content::{GroupScope, ReportGroup};
use crate::report::ranked_judgements::{RankedJudgement, RuleObjection};
use crate::verdict::{Finding, Message, MessageValue};

/// The hexadecimal digits of an object id in a message.
const SHORT_ID_DIGITS: usize = 10;

/// The hexadecimal digits of a fingerprint.
const FINGERPRINT_DIGITS: usize = 32;

/// Returns the fingerprint of a finding; it survives a rebase of the commit, and the next push.
///
/// An amended commit has another id and most often the same subject. A branch that is one change has the
/// subject of its last commit, which is another one after each push, so its own name goes in instead; of a
/// range no name is the same, and a reader of results tells branches apart. A finding goes in as its code and
/// values, so that a version with other wording computes the same, but without the ids of commits.
pub(super) fn compute_fingerprint(
    group: &ReportGroup,
    ranked: &RankedJudgement<'_>,
    objection: &RuleObjection<'_>,
) -> String {
    let mut fingerprint = Fingerprint(Sha256::new());
    fingerprint.add_part(ranked.judgement.rule.id.as_str().as_bytes());
    match (group.is_one_change, &group.scope) {
        (false, _) => {
            let subject = ranked.verdict.map(|verdict| verdict.subject.as_bytes());
            fingerprint.add_part(subject.unwrap_or_default());
        }
        (true, GroupScope::Ref { name, .. } | GroupScope::PullRequest(name)) => {
            fingerprint.add_part(name.as_bytes());
        }
        (true, GroupScope::Range(_) | GroupScope::Message) => {
            fingerprint.add_part(group.scope.describe_kind().as_bytes());
        }
    }
    match objection {
        RuleObjection::Finding(finding) => fingerprint.add_finding(finding),
        RuleObjection::Missing(missing) | RuleObjection::OpenExemption(_, missing) => {
            fingerprint.add_missing(missing)
        }
    }
    // Half of the digest is more than enough to tell results apart, and shorter to look at.
    let mut digits = text::encode_hex(&fingerprint.0.finalize());
    digits.truncate(FINGERPRINT_DIGITS);
    digits
}

/// A digest of parts. Each goes in with its length, so that no two lists of parts look alike.
struct Fingerprint(Sha256);

impl Fingerprint {
    fn add_part(&mut self, bytes: &[u8]) {
        self.0.update(bytes.len().to_le_bytes());
        self.0.update(bytes);
    }

    fn add_finding(&mut self, finding: &Finding) {
        self.add_part(finding.at.path.as_ref().map(Text::as_bytes).unwrap_or_default());
        let text = if finding.at.in_description { "description" } else { "message" };
        self.add_part(text.as_bytes());
        self.add_message(&finding.message);
    }

    /// Adds the fact and why it is missing; what went wrong in detail may differ from run to run.
    fn add_missing(&mut self, missing: &Missing) {
        self.add_part(format!("{:?}", missing.fact_kind()).as_bytes());
        self.add_part(match missing {
            Missing::NotAtThisStage(_) => "not-at-this-stage".as_bytes(),
            Missing::NotConfigured(_) => "not-configured".as_bytes(),
            Missing::Unavailable(..) | Missing::TooLarge(..) | Missing::NotGiven(..) => {
                "unavailable".as_bytes()
            }
        });
    }

    fn add_message(&mut self, message: &Message) {
        self.add_part(message.code().as_bytes());
        for (name, value) in message.values() {
            self.add_part(name.as_bytes());
            self.add_value(value);
        }
    }

    fn add_value(&mut self, value: &MessageValue) {
        match value {
            MessageValue::Plain(words) if is_object_id(words) => {}
            MessageValue::Plain(words) => self.add_part(words.as_bytes()),
            MessageValue::Number(number) => self.add_part(number.to_string().as_bytes()),
            MessageValue::Quoted(text) => self.add_part(text.as_bytes()),
            MessageValue::Nested(message) => self.add_message(message),
            MessageValue::List(items) => {
                self.add_part(items.len().to_string().as_bytes());
                for item in items {
                    self.add_value(item);
                }
            }
            // A fingerprint is the same with every version of what words an error.
            MessageValue::Unrecorded(_) => {}
        }
    }
}

/// Returns true for the hexadecimal digits of an object id, whole or as reports shorten it.
fn is_object_id(words: &str) -> bool {
    [SHORT_ID_DIGITS, 40, 64].contains(&words.len()) && words.bytes().all(|byte| byte.is_ascii_hexdigit())
}
