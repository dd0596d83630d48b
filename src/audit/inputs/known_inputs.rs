//! Which lines of the files of incidents and deployments an audited history knows: the others count in no figure; and
//! the deployments that its ledger tells of.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::audit::inputs::deployments::Deployment;

/// The lines of the given files that histories know, by their numbers from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KnownInputs {
    /// The incidents whose cause is in a history.
    pub incidents: BTreeSet<usize>,
    /// Those of them that began before the change had landed that they name.
    #[serde(default)]
    pub early_incidents: BTreeSet<usize>,
    /// The deployments whose commit is in a history.
    pub deployments: BTreeSet<usize>,
    /// Those of them that ran before their change had landed.
    pub early_deployments: BTreeSet<usize>,
    /// The deployments that ledgers tell of.
    #[serde(default)]
    pub recorded_deployments: Vec<Deployment>,
}

impl KnownInputs {
    /// Adds what another history knows.
    pub(crate) fn add_inputs(&mut self, others: &KnownInputs) {
        self.incidents.extend(&others.incidents);
        self.early_incidents.extend(&others.early_incidents);
        self.deployments.extend(&others.deployments);
        self.early_deployments.extend(&others.early_deployments);
        self.recorded_deployments.extend_from_slice(&others.recorded_deployments);
    }
}
