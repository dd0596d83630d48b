//! Incidents and deployments, by the steps that they are about.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::audit::inputs::deployments::{Deployment, counts_in_figures};
use crate::audit::inputs::incidents::Incident;
use crate::audit::inputs::known_inputs::KnownInputs;
use crate::audit::population::change_links::{ChangeLinks, parse_reference_digits};
use crate::audit::population::ref_chain::RefChain;

/// What files told of the steps of a history.
#[derive(Debug, Default)]
pub(crate) struct GivenFacts<'a> {
    incidents: BTreeMap<usize, Vec<&'a Incident>>,
    /// The first deployment that brought each run of steps, by the last of them.
    deployments: BTreeMap<usize, (usize, &'a Deployment)>,
    /// The deployments that ran before their change had landed, with the places of the changes.
    pub(crate) early: Vec<(usize, &'a Deployment)>,
    /// Which lines of the files this history knows.
    pub(crate) known: KnownInputs,
    /// How many incidents name a cause that is no change of this history.
    pub(crate) unmatched_incidents: usize,
    /// How many deployments name a commit that is not in this history.
    pub(crate) unmatched_deployments: usize,
}

impl<'a> GivenFacts<'a> {
    /// Finds the steps that incidents and deployments are about; `landed_at` says when a step landed. Of several
    /// environments, the one counts in which a change was deployed first, and production alone where one is called so.
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
            if let Some(place) = place {
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
        let mut next = 0;
        for (number, deployment) in deployments.iter().enumerate() {
            let place = chain
                .find_place(deployment.commit)
                .or_else(|| links.find_step_of(&deployment.commit.to_string()));
            let Some(place) = place else {
                facts.unmatched_deployments += 1;
                continue;
            };
            facts.known.deployments.insert(number);
            if !counts(deployment) {
                continue;
            }
            if landed_at(place).is_some_and(|landed| deployment.at < landed) {
                facts.known.early_deployments.insert(number);
                facts.early.push((place, deployment));
                continue;
            }
            // What was deployed before is not deployed again by going back to it.
            if !deployment.is_failed && place >= next {
                facts.deployments.insert(place, (next, deployment));
                next = place + 1;
            }
        }
        facts
    }

    /// Returns the incidents that a step caused.
    pub(crate) fn list_incidents(&self, place: usize) -> Vec<Incident> {
        self.incidents.get(&place).into_iter().flatten().map(|one| (*one).clone()).collect()
    }

    /// Returns the first deployment of a step.
    pub(crate) fn find_deployment(&self, place: usize) -> Option<Deployment> {
        let (_, (first, deployment)) = self.deployments.range(place..).next()?;
        if *first <= place { Some((*deployment).clone()) } else { None }
    }
}

/// Returns true if these are the first digits of a step of the history.
fn is_in_history(chain: &RefChain, reference: &str) -> bool {
    let Some(digits) = parse_reference_digits(reference) else { return false };
    chain.steps.iter().any(|step| step.id.to_string().starts_with(&digits))
}
