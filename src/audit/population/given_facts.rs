//! Incidents and deployments, by the steps that they are about.

use std::collections::BTreeMap;

use crate::audit::inputs::deployments::Deployment;
use crate::audit::inputs::incidents::Incident;
use crate::audit::population::change_links::ChangeLinks;
use crate::audit::population::ref_chain::RefChain;

/// What files told of the steps of a history.
#[derive(Debug, Default)]
pub(crate) struct GivenFacts<'a> {
    incidents: BTreeMap<usize, Vec<&'a Incident>>,
    /// The first deployment that brought each run of steps, by the last of them.
    deployments: BTreeMap<usize, (usize, &'a Deployment)>,
    /// How many incidents name a cause that is no change of this history.
    pub(crate) unmatched_incidents: usize,
    /// How many deployments name a commit that is not in this history.
    pub(crate) unmatched_deployments: usize,
}

impl<'a> GivenFacts<'a> {
    /// Finds the steps that incidents and deployments are about. Of several environments, the one counts in which a
    /// change was deployed first.
    pub(crate) fn match_steps(
        chain: &RefChain,
        links: &ChangeLinks,
        incidents: &'a [Incident],
        deployments: &'a [Deployment],
    ) -> GivenFacts<'a> {
        let mut facts = GivenFacts::default();
        for incident in incidents {
            let Some(cause) = &incident.caused_by else { continue };
            match links.find_step_of(cause) {
                Some(place) => facts.incidents.entry(place).or_default().push(incident),
                None => facts.unmatched_incidents += 1,
            }
        }
        let mut next = 0;
        for deployment in deployments.iter().filter(|one| !one.is_failed) {
            let place = chain
                .find_place(deployment.commit)
                .or_else(|| links.find_step_of(&deployment.commit.to_string()));
            let Some(place) = place else {
                facts.unmatched_deployments += 1;
                continue;
            };
            // What was deployed before is not deployed again by going back to it.
            if place >= next {
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
