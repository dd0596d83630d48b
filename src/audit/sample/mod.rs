//! A sample that everybody can draw again: from a seed and a list of ids, with nothing but SHA-256.
//!
//! The rank of a change is the digest of the seed, a zero byte and its id, and the smallest ranks are taken. So
//! neither the order of the list nor the version of this program has a say, and a seed that the auditor gives
//! after the list is fixed leaves nobody a choice.

pub mod population;
pub mod stratum;
pub mod work_sheet;

use sha2::{Digest as _, Sha256};

use crate::audit::sample::population::{Population, PopulationItem};
use crate::audit::sample::stratum::Stratum;
use crate::change::text::encode_hex;

/// How many digits of a rank people are shown.
const SHOWN_RANK_DIGITS: usize = 16;

/// Which sample is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleRequest {
    /// The auditor's seed.
    pub seed: String,
    /// How many changes are drawn at random.
    pub size: usize,
    /// The kinds of changes that are listed apart.
    pub strata: Vec<Stratum>,
    /// How many changes of each stratum are listed at most.
    pub stratum_size: usize,
}

/// A change with its rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankedChange {
    /// The change.
    pub item: PopulationItem,
    /// SHA-256 of the seed, a zero byte and the id, in hexadecimal digits.
    pub digest: String,
}

impl RankedChange {
    /// Returns the first digits of the rank, as people are shown it.
    pub fn shown_rank(&self) -> String {
        format!("{}...", self.digest.get(..SHOWN_RANK_DIGITS).unwrap_or(&self.digest))
    }
}

/// A part of a population, and what was taken from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamplePart {
    /// The stratum; `None` for the random sample of all that is in none.
    pub stratum: Option<Stratum>,
    /// How many changes there are.
    pub population: usize,
    /// Those that were taken, by rank.
    pub taken: Vec<RankedChange>,
}

impl SamplePart {
    /// Returns the name for people.
    pub fn title(&self) -> &'static str {
        self.stratum.map_or("random sample", Stratum::title)
    }
}

/// A sample: strata that are listed for what they are, and a random sample of the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeSample {
    /// What was asked for.
    pub request: SampleRequest,
    /// How many changes the population has.
    pub population: usize,
    /// SHA-256 of the sorted ids of the population.
    pub digest: String,
    /// The strata that were asked for and that the population does not tell.
    pub unknown_strata: Vec<Stratum>,
    /// The strata that were asked for and that the population tells.
    pub strata: Vec<SamplePart>,
    /// The random sample of the changes that are in none of the strata.
    pub random: SamplePart,
}

impl ChangeSample {
    /// Draws a sample.
    pub fn draw_sample(population: &Population, request: SampleRequest) -> ChangeSample {
        let mut rest = Vec::new();
        let mut members: Vec<(Stratum, Vec<RankedChange>)> =
            Stratum::ALL.into_iter().map(|stratum| (stratum, Vec::new())).collect();
        let unknown = &population.unknown_strata;
        members.retain(|(stratum, _)| request.strata.contains(stratum) && !unknown.contains(stratum));
        for item in &population.items {
            let ranked = RankedChange { item: item.clone(), digest: compute_rank(&request.seed, item) };
            match members.iter_mut().find(|(stratum, _)| item.strata.contains(stratum)) {
                Some((_, changes)) => changes.push(ranked),
                None => rest.push(ranked),
            }
        }
        let mut strata = Vec::new();
        for (stratum, changes) in members {
            strata.push(take_smallest(Some(stratum), changes, request.stratum_size));
        }
        ChangeSample {
            population: population.items.len(),
            digest: population.digest(),
            unknown_strata: unknown.iter().copied().filter(|one| request.strata.contains(one)).collect(),
            strata,
            random: take_smallest(None, rest, request.size),
            request,
        }
    }

    /// Returns the strata and then the random sample.
    pub fn parts(&self) -> impl Iterator<Item = &SamplePart> {
        self.strata.iter().chain([&self.random])
    }

    /// Returns the method in plain words, a sentence each.
    pub fn describe_method(&self) -> Vec<String> {
        let mut sentences = vec![
            "The population is the list of change ids; its digest is SHA-256 of the ids, sorted by their bytes, \
             each followed by a line feed."
                .to_owned(),
            "The rank of a change is SHA-256 of the seed, a zero byte and its id, in hexadecimal digits.".to_owned(),
        ];
        if !self.strata.is_empty() {
            let titles: Vec<&str> = self.strata.iter().map(SamplePart::title).collect();
            sentences.push(format!(
                "Listed apart, and no part of the random sample: {}. A change is in the first of them that it fits, \
                 and of each the {} with the smallest ranks are taken.",
                titles.join(", "),
                self.request.stratum_size
            ));
        }
        let among = if self.strata.is_empty() { "all changes" } else { "all other changes" };
        sentences.push(match self.request.size {
            1 => format!("The random sample is the change with the smallest rank among {among}."),
            size => format!("The random sample is the {size} with the smallest ranks among {among}."),
        });
        if self.random.population <= self.request.size {
            sentences.push(format!(
                "Those are {}, so all of them were taken, and nothing was left to chance.",
                self.random.population
            ));
        }
        if !self.unknown_strata.is_empty() {
            let unknown: Vec<String> = self
                .unknown_strata
                .iter()
                .map(|stratum| format!("{} (no column `{}`)", stratum.title(), stratum.column()))
                .collect();
            sentences.push(format!("Not known of this population: {}.", unknown.join(", ")));
        }
        sentences
    }
}

fn compute_rank(seed: &str, item: &PopulationItem) -> String {
    let mut digest = Sha256::new();
    digest.update(seed.as_bytes());
    digest.update([0]);
    digest.update(item.id.as_bytes());
    encode_hex(&digest.finalize())
}

fn take_smallest(stratum: Option<Stratum>, mut changes: Vec<RankedChange>, size: usize) -> SamplePart {
    let population = changes.len();
    changes.sort_by(|one, other| one.digest.cmp(&other.digest));
    changes.truncate(size);
    SamplePart { stratum, population, taken: changes }
}

#[cfg(test)]
mod tests;
