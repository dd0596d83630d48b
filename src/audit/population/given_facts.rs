//! Incidents and deployments, by the steps that they are about.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::audit::inputs::deployments::{Deployment, counts_in_figures};
use crate::audit::inputs::incidents::Incident;
use crate::audit::inputs::known_inputs::KnownInputs;
use crate::audit::population::change_links::{ChangeLinks, parse_reference_digits};
use crate::audit::population::ref_chain::RefChain;
use crate::change::Oid;

/// What files told of the steps of a history.
#[derive(Debug, Default)]
pub(crate) struct GivenFacts<'a> {
    incidents: BTreeMap<usize, Vec<&'a Incident>>,
    /// What was deployed to each environment.
    deployments: BTreeMap<&'a str, DeploymentRuns<'a>>,
    /// The deployments that ran before their change had landed, with the places of the changes.
    pub(crate) early: Vec<(usize, &'a Deployment)>,
    /// The incidents that began before the change had landed that they name, with the places of the changes.
    pub(crate) early_incidents: Vec<(usize, &'a Incident)>,
    /// Which lines of the files this history knows.
    pub(crate) known: KnownInputs,
    /// How many incidents name a cause that is no change of this history.
    pub(crate) unmatched_incidents: usize,
    /// How many deployments name a commit that is not in this history.
    pub(crate) unmatched_deployments: usize,
}

/// What was deployed to one environment.
#[derive(Debug, Default)]
struct DeploymentRuns<'a> {
    /// The place after everything that was deployed so far.
    next: usize,
    /// The first deployment that brought each run of steps, by the last of them.
    runs: BTreeMap<usize, (usize, &'a Deployment)>,
}

impl<'a> DeploymentRuns<'a> {
    /// Adds a deployment of the step at this place, in place of the step `before`, if that is known.
    fn add_deployment(&mut self, place: usize, before: Option<usize>, deployment: &'a Deployment) {
        // What was deployed before is not deployed again by going back to it.
        if deployment.is_failed || place < self.next {
            return;
        }
        let first = before.map_or(self.next, |before| self.next.max(before + 1));
        if first <= place {
            self.runs.insert(place, (first, deployment));
        }
        self.next = place + 1;
    }

    /// Returns the first deployment of a step.
    fn find_deployment(&self, place: usize) -> Option<&'a Deployment> {
        let (_, (first, deployment)) = self.runs.range(place..).next()?;
        if *first <= place { Some(deployment) } else { None }
    }
}

impl<'a> GivenFacts<'a> {
    /// Finds the steps that incidents and deployments are about; `landed_at` says when a step landed.
    pub(crate) fn match_steps(
        (chain, links): (&RefChain, &ChangeLinks),
        incidents: &'a [Incident],
        deployments: &'a [Deployment],
        landed_at: &dyn Fn(usize) -> Option<Timestamp>,
    ) -> GivenFacts<'a> {
        let mut facts = GivenFacts::default();
        for (number, incident) in incidents.iter().enumerate() {
            let Some(cause) = &incident.caused_by else { continue };
            let place = links.find_step_of(cause);
            if let Some(place) = place
                && landed_at(place).is_some_and(|landed| incident.started < landed)
            {
                facts.known.early_incidents.insert(number);
                facts.early_incidents.push((place, incident));
            } else if let Some(place) = place {
                let of_step = facts.incidents.entry(place).or_default();
                if !of_step.iter().any(|known| known.id == incident.id) {
                    of_step.push(incident);
                }
            }
            if place.is_some() || is_in_history(chain, cause) {
                facts.known.incidents.insert(number);
            } else {
                facts.unmatched_incidents += 1;
            }
        }
        let counts = counts_in_figures(deployments);
        for (number, deployment) in deployments.iter().enumerate() {
            let find_place = |id: Oid| chain.find_place(id).or_else(|| links.find_step_of(&id.to_string()));
            let Some(place) = find_place(deployment.commit) else {
                facts.unmatched_deployments += 1;
                continue;
            };
            facts.known.deployments.insert(number);
            if landed_at(place).is_some_and(|landed| deployment.at < landed) {
                if counts(deployment) {
                    facts.known.early_deployments.insert(number);
                    facts.early.push((place, deployment));
                }
                continue;
            }
            let runs = facts.deployments.entry(&deployment.environment).or_default();
            runs.add_deployment(place, deployment.before.and_then(find_place), deployment);
        }
        facts
    }

    /// Returns the incidents that a step caused.
    pub(crate) fn list_incidents(&self, place: usize) -> Vec<Incident> {
        self.incidents.get(&place).into_iter().flatten().map(|one| (*one).clone()).collect()
    }

    /// Returns the first deployment of a step to each environment.
    pub(crate) fn list_deployments(&self, place: usize) -> impl Iterator<Item = &'a Deployment> {
        self.deployments.values().filter_map(move |runs| runs.find_deployment(place))
    }
}

/// Returns true if these are the first digits of a step of the history.
fn is_in_history(chain: &RefChain, reference: &str) -> bool {
    let Some(digits) = parse_reference_digits(reference) else { return false };
    chain.steps.iter().any(|step| step.id.to_string().starts_with(&digits))
}
