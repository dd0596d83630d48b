//! Builds the statements of an export: an in-toto Statement v1 about one change.
//!
//! A commit is named by its digests, so that a statement means the same for every copy of the repository. The
//! digest of a policy covers all its files with their names; it is called `changegatePolicy`, since it is not
//! the digest of a single file.

use serde_json::{Value, json};

use crate::change::Oid;
use crate::ledger::audit::export::uri::{percent_encode, policy_uri};
use crate::ledger::record::{DecisionRecord, RecordedPolicySource, RefDecision};
use crate::report::PolicyReference;

pub(crate) const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The type of a simple verification result.
pub(crate) const SVR_PREDICATE_TYPE: &str = "https://in-toto.io/attestation/svr/v0.2";
/// The type of a verification summary.
pub(crate) const VSA_PREDICATE_TYPE: &str = "https://slsa.dev/verification_summary/v1";

/// The type of a statement of what a verdict rests on, which is a type of our own: no published one tells who counted.
pub(crate) const REASONS_PREDICATE_TYPE: &str = "urn:changegate:reasons:v1";

/// What to export, and how the statements name the repository and the verifier.
#[derive(Clone, Copy, Debug)]
pub struct ExportOptions<'a> {
    /// The number of the first record.
    pub first_record: u64,
    /// The URI of the repository, as in `git+https://git.example.com/acme/shop`.
    pub repository_uri: &'a str,
    /// The id of the verifier; `None` for the gate that decided, as the records name it.
    pub verifier_id: Option<&'a str>,
}

/// The subject of a statement, with the decision about it.
pub(crate) struct StatementSubject<'s> {
    pub(crate) options: &'s ExportOptions<'s>,
    /// The number and digest of the record of the decision, as `ledger verify` writes them.
    pub(crate) record_id: &'s str,
    pub(crate) decision: &'s DecisionRecord,
    pub(crate) ref_decision: &'s RefDecision,
    pub(crate) revision: Oid,
    /// The tree of the revision, if the repository has it.
    pub(crate) tree: Option<Oid>,
}

impl StatementSubject<'_> {
    /// Returns the statement that these properties were verified.
    pub(crate) fn build_verification(&self, properties: &[&str]) -> Value {
        let mut policies: Vec<Value> = Vec::new();
        for source in &self.ref_decision.policies {
            policies.push(self.describe_policy(source));
        }
        let predicate = json!({
            "verifier": { "id": self.verifier_id(), "policies": policies },
            "timeCreated": self.decision.observed_at,
            "properties": properties,
        });
        self.build_statement(SVR_PREDICATE_TYPE, &predicate)
    }

    /// Returns the statement that the change passed with these properties, or failed; `None` if no policy
    /// judged it.
    pub(crate) fn build_summary(&self, properties: Option<&[&str]>) -> Option<Value> {
        let policy = self.describe_policy(self.ref_decision.policies.first()?);
        let (result, levels) = match properties {
            Some(properties) => ("PASSED", properties),
            None => ("FAILED", ["FAILED"].as_slice()),
        };
        let predicate = json!({
            "verifier": { "id": self.verifier_id() },
            "timeVerified": self.decision.observed_at,
            "resourceUri": self.options.repository_uri,
            "policy": policy,
            "verificationResult": result,
            "verifiedLevels": levels,
        });
        Some(self.build_statement(VSA_PREDICATE_TYPE, &predicate))
    }

    /// Returns the statement of what the verdict rests on, as the ledger keeps it.
    pub(crate) fn build_reasons(&self, reasons: &Value) -> Value {
        let predicate = json!({
            "verifier": { "id": self.verifier_id() },
            "timeVerified": self.decision.observed_at,
            "reasons": reasons,
        });
        self.build_statement(REASONS_PREDICATE_TYPE, &predicate)
    }

    /// Returns the statement of this type about the change.
    pub(crate) fn build_statement(&self, kind: &str, predicate: &Value) -> Value {
        let mut digest = json!({ "gitCommit": self.revision });
        if let (Some(tree), Some(digest)) = (self.tree, digest.as_object_mut()) {
            digest.insert("gitTree".into(), json!(tree));
        }
        json!({
            "_type": STATEMENT_TYPE,
            "subject": [{
                "uri": format!("{}@{}", self.options.repository_uri, self.revision),
                "digest": digest,
                "annotations": { "sourceRefs": [self.ref_decision.name.to_lossy()], "changegateRecord": self.record_id },
            }],
            "predicateType": kind,
            "predicate": predicate,
        })
    }

    fn describe_policy(&self, source: &RecordedPolicySource) -> Value {
        let policy = PolicyReference::from(source);
        let uri = policy_uri(self.options.repository_uri, &policy.place);
        json!({ "uri": uri, "digest": { "changegatePolicy": policy.digest } })
    }

    /// Returns the id of the verifier; without one in the options, the gate that decided, with its version.
    fn verifier_id(&self) -> String {
        if let Some(id) = self.options.verifier_id {
            return id.to_owned();
        }
        let tool = &self.decision.tool;
        let (name, version) = tool.split_once(' ').unwrap_or((tool, ""));
        format!("pkg:cargo/{}@{}", percent_encode(name), percent_encode(version))
    }
}
