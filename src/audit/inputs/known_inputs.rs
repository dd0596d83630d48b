//! Which lines of the files of incidents and deployments an audited history knows: the others count in no figure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The lines of the given files that histories know, by their numbers from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KnownInputs {
    /// The incidents whose cause is in a history.
    pub incidents: BTreeSet<usize>,
    /// The deployments whose commit is in a history.
    pub deployments: BTreeSet<usize>,
    /// Those of them that ran before their change had landed.
    pub early_deployments: BTreeSet<usize>,
}

impl KnownInputs {
    /// Adds what another history knows.
    pub(crate) fn add_inputs(&mut self, others: &KnownInputs) {
        self.incidents.extend(&others.incidents);
        self.deployments.extend(&others.deployments);
        self.early_deployments.extend(&others.early_deployments);
    }
}
