//! The statements themselves: an in-toto Statement v1 about one change.
//!
//! A commit is named by its digests, so that a statement means the same wherever the repository lies. The
//! digest of a policy is of all files that it was made of, with their names; it is called
//! `changegatePolicy`, since it is that of no single file.

use serde_json::{Value, json};

use super::Wanted;
use super::place::{encoded, of_policy};
use crate::change::Oid;
use crate::ledger::record::{Decided, RefDecided};
use crate::report::PolicyFrom;

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// Simple verification result.
const SVR: &str = "https://in-toto.io/attestation/svr/v0.2";
/// Verification summary.
const VSA: &str = "https://slsa.dev/verification_summary/v1";

/// What a statement is about.
pub(super) struct About<'s> {
    pub(super) wanted: &'s Wanted<'s>,
    /// Number and digest of the record of the decision, as `ledger verify` writes them.
    pub(super) record: &'s str,
    pub(super) decided: &'s Decided,
    pub(super) one: &'s RefDecided,
    pub(super) revision: Oid,
    /// Its tree, if the repository has it.
    pub(super) tree: Option<Oid>,
}

impl About<'_> {
    /// Returns the statement that these properties were verified.
    pub(super) fn verified(&self, properties: &[&str]) -> Value {
        let policies: Vec<Value> = self.one.policies.iter().map(|policy| self.policy(policy)).collect();
        let predicate = json!({
            "verifier": { "id": self.verifier(), "policies": policies },
            "timeCreated": self.decided.observed_at,
            "properties": properties,
        });
        self.statement(SVR, &predicate)
    }

    /// Returns the statement that it passed with these properties, or failed; `None` where there was no
    /// policy to hold it against.
    pub(super) fn summary(&self, properties: Option<&[&str]>) -> Option<Value> {
        let policy = self.policy(self.one.policies.first()?);
        let (result, levels) = match properties {
            Some(properties) => ("PASSED", properties),
            None => ("FAILED", ["FAILED"].as_slice()),
        };
        let predicate = json!({
            "verifier": { "id": self.verifier() },
            "timeVerified": self.decided.observed_at,
            "resourceUri": self.wanted.resource,
            "policy": policy,
            "verificationResult": result,
            "verifiedLevels": levels,
        });
        Some(self.statement(VSA, &predicate))
    }

    fn statement(&self, kind: &str, predicate: &Value) -> Value {
        let mut digest = json!({ "gitCommit": self.revision });
        if let (Some(tree), Some(digest)) = (self.tree, digest.as_object_mut()) {
            digest.insert("gitTree".into(), json!(tree));
        }
        json!({
            "_type": STATEMENT,
            "subject": [{
                "uri": format!("{}@{}", self.wanted.resource, self.revision),
                "digest": digest,
                "annotations": { "sourceRefs": [self.one.name.to_lossy()], "changegateRecord": self.record },
            }],
            "predicateType": kind,
            "predicate": predicate,
        })
    }

    fn policy(&self, policy: &PolicyFrom) -> Value {
        let uri = of_policy(self.wanted.resource, &policy.place);
        json!({ "uri": uri, "digest": { "changegatePolicy": policy.digest } })
    }

    /// Returns who verified: the gate that decided, in its version.
    fn verifier(&self) -> String {
        let tool = &self.decided.tool;
        let (name, version) = tool.split_once(' ').unwrap_or((tool, ""));
        let own = || format!("pkg:cargo/{}@{}", encoded(name), encoded(version));
        self.wanted.verifier.map_or_else(own, str::to_owned)
    }
}
