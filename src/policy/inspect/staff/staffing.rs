//! Rules that leave nobody to make a change and enough others to approve it, taken together.
//!
//! Each rule may be one that people can keep, and all of them one that nobody can: whoever may author or push a change
//! is no approver of it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::civil::Date;

use crate::policy::definition::{Policy, Rule};
use crate::policy::inspect::entries::lockouts::{find_rest_class, is_ordinary};
use crate::policy::inspect::findings::{FileFindings, SuspectedLockout};
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::search::rule_core::reduce_to_core;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::staff::team_people::{PeopleSet, TeamPeople};
use crate::policy::inspect::written::find_entry;
use crate::predicates::Predicate;
use crate::verdict::RuleLevel;
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// How many steps of a search take as long as it takes to join what a rule asks with the rest.
const RULE_COST: usize = 20;

/// What one rule asks of people.
enum StaffRequirement<'policy> {
    /// The author is one of these.
    Author(PeopleSet<'policy>),
    /// The pusher is one of these.
    Pusher(PeopleSet<'policy>),
    /// So many of these approve.
    Approvals(PeopleSet<'policy>, usize),
}

/// Returns what a rule asks of people that the policy names; `None` where there are too many to look at.
fn list_requirements<'policy>(
    rule: &Rule,
    people: &TeamPeople<'policy>,
) -> Option<Vec<StaffRequirement<'policy>>> {
    let mut requirements = Vec::new();
    for predicate in rule.require.list_required() {
        if people.has_untold_members(predicate.asked_teams()) {
            continue;
        }
        match predicate {
            Predicate::Author(author) if !author.asked_teams().is_empty() => {
                let named = people.list_members(author.asked_teams())?;
                requirements.push(StaffRequirement::Author(named));
            }
            Predicate::Pusher(pusher) if !pusher.asked_teams().is_empty() => {
                let named = people.list_members(pusher.asked_teams())?;
                requirements.push(StaffRequirement::Pusher(named));
            }
            Predicate::Approvals(approvals) if approvals.is_of_listed_people() => {
                let named = match approvals.asked_teams() {
                    [] => people.list_rostered(),
                    teams => Some(people.list_members(teams)?),
                };
                let named = named.map(|all| people.keep_trained(all, approvals));
                let count = usize::try_from(approvals.asked_count()).unwrap_or(usize::MAX);
                // A team without members is told by itself, or left for a policy to fill.
                let named = named.filter(|named| !named.is_empty());
                requirements.extend(named.map(|named| StaffRequirement::Approvals(named, count)));
            }
            _ => {}
        }
    }
    Some(requirements)
}

/// The people whom the rules for ordinary changes ask for.
struct AskedPeople<'policy> {
    /// Who may author a change; `None` for anyone.
    authors: Option<PeopleSet<'policy>>,
    /// Who may push it; `None` for anyone.
    pushers: Option<PeopleSet<'policy>>,
    /// Who may approve it and how many have to, each set with the largest number.
    approvers: Vec<(PeopleSet<'policy>, usize)>,
}

/// People by the sets of approvers in which they are and which can spare one; `None` stands for anyone.
type SortedPeople<'policy> = BTreeMap<BTreeSet<usize>, Vec<Option<&'policy str>>>;

impl<'policy> AskedPeople<'policy> {
    fn from_requirements<'one>(
        rostered: Option<PeopleSet<'policy>>,
        requirements: impl Iterator<Item = &'one StaffRequirement<'policy>>,
        budget: &SearchBudget,
    ) -> Option<Self>
    where
        'policy: 'one,
    {
        let mut asked = AskedPeople { authors: rostered, pushers: None, approvers: Vec::new() };
        // Lists of teams that were looked up once are the same set.
        let mut places: BTreeMap<usize, usize> = BTreeMap::new();
        for requirement in requirements {
            match requirement {
                StaffRequirement::Author(named) => narrow_people(&mut asked.authors, named, budget)?,
                StaffRequirement::Pusher(named) => narrow_people(&mut asked.pushers, named, budget)?,
                StaffRequirement::Approvals(named, count) => {
                    let place = *places.entry(Rc::as_ptr(named).addr()).or_insert(asked.approvers.len());
                    match asked.approvers.get_mut(place) {
                        Some((_, known)) => *known = (*known).max(*count),
                        None => asked.approvers.push((named.clone(), *count)),
                    }
                }
            }
        }
        Some(asked)
    }

    /// Returns whether some author, and some pusher who may be the same person, leave enough people to approve; true
    /// where there are too many to look at.
    fn can_be_kept(&self, budget: &SearchBudget) -> bool {
        let mut scarce = Vec::new();
        for (approvers, count) in &self.approvers {
            match approvers.len().checked_sub(*count) {
                None => return false,
                // Two people make a change at most.
                Some(spare) if spare < 2 => scarce.push((approvers, spare)),
                Some(_) => {}
            }
        }
        let sort = |people: &Option<PeopleSet<'policy>>| sort_people(people.as_ref(), &scarce, budget);
        let (Some(authors), Some(pushers)) = (sort(&self.authors), sort(&self.pushers)) else { return true };
        for (of_author, one) in &authors {
            for (of_pusher, other) in &pushers {
                if !budget.spend_steps(of_author.len() + one.len() + 1) {
                    return true;
                }
                let is_same_possible = of_author == of_pusher
                    && one.iter().any(|person| person.is_some() && other.binary_search(person).is_ok());
                if is_same_possible || of_author.is_disjoint(of_pusher) {
                    return true;
                }
            }
        }
        false
    }
}

/// Returns those of these people whom no set has to spare, by the sets that can spare one of them; one nobody for
/// anyone. `None` where there are too many to look at.
fn sort_people<'policy>(
    people: Option<&PeopleSet<'policy>>,
    scarce: &[(&PeopleSet<'policy>, usize)],
    budget: &SearchBudget,
) -> Option<SortedPeople<'policy>> {
    let mut sorted: SortedPeople<'policy> = BTreeMap::new();
    let Some(people) = people else {
        sorted.insert(BTreeSet::new(), vec![None]);
        return Some(sorted);
    };
    if !budget.spend_steps(people.len().saturating_mul(scarce.len() + 1).saturating_mul(4)) {
        return None;
    }
    for person in people.iter() {
        let sets: Vec<usize> = (0..scarce.len())
            .filter(|set| scarce.get(*set).is_some_and(|(set, _)| set.contains(person)))
            .collect();
        let is_needed = sets.iter().any(|set| scarce.get(*set).is_some_and(|(_, spare)| *spare == 0));
        if !is_needed {
            sorted.entry(sets.into_iter().collect()).or_default().push(Some(*person));
        }
    }
    Some(sorted)
}

/// Keeps of those who were asked for so far the ones who are asked for as well; `None` where there are too many.
fn narrow_people<'policy>(
    so_far: &mut Option<PeopleSet<'policy>>,
    asked: &PeopleSet<'policy>,
    budget: &SearchBudget,
) -> Option<()> {
    if let Some(known) = so_far.as_ref().filter(|known| !Rc::ptr_eq(known, asked)) {
        if !budget.spend_steps(known.len().saturating_mul(4)) {
            return None;
        }
        let common: BTreeSet<&str> = known.intersection(asked).copied().collect();
        *so_far = Some(if common.len() == known.len() { known.clone() } else { Rc::new(common) });
    } else {
        *so_far = Some(asked.clone());
    }
    Some(())
}

/// Finds rules that no author and no pusher leave enough people to keep.
pub(crate) fn inspect_joint_staffing(
    (file, file_index): (&YamlNode, usize),
    policy: &Policy,
    (index, people): (&RuleIndex<'_>, &TeamPeople<'_>),
    today: Date,
    budget: &SearchBudget,
    found: &mut FileFindings,
) {
    let mut binding = Vec::new();
    for (place, rule) in policy.rules.iter().enumerate() {
        if rule.level_on(today) == RuleLevel::Deny && is_ordinary(rule, policy) {
            let Some(requirements) = list_requirements(rule, people) else { return };
            binding.push((place, requirements));
        }
    }
    let gather = |places: &[usize]| {
        let requirements = places.iter().filter_map(|place| binding.get(*place));
        let requirements = requirements.flat_map(|(_, requirements)| requirements);
        AskedPeople::from_requirements(people.list_rostered(), requirements, budget)
    };
    let all: Vec<usize> = (0..binding.len()).collect();
    let Some(asked) = gather(&all) else { return };
    let lacks_makers = [&asked.authors, &asked.pushers].into_iter().flatten().any(|people| people.is_empty());
    if asked.approvers.is_empty() || lacks_makers || asked.can_be_kept(budget) {
        return;
    }
    // Only the rules that it takes are named.
    let core = reduce_to_core(&all, |places| {
        budget.spend_steps(places.len().saturating_mul(RULE_COST)).then_some(())?;
        Some(!gather(places)?.can_be_kept(budget))
    });
    let Some(asked) = gather(&core) else { return };
    let core: Vec<usize> =
        core.iter().filter_map(|place| binding.get(*place)).map(|(place, _)| *place).collect();
    let rules = find_entry(file, "rules");
    let ids = core.iter().filter_map(|place| policy.rules.get(*place));
    let ids: Vec<&str> = ids.map(|rule| rule.description.id.as_str()).collect();
    let own = ids.iter().find_map(|id| index.find_written(file_index, id));
    let people = find_entry(file, "people");
    let Some(place) = own.or(people).or(rules) else { return };
    let makers = match (&asked.authors, &asked.pushers) {
        (_, Some(_)) => "author and push",
        _ => "author",
    };
    let what = format!(
        "no change could keep {}: whoever may {makers} it leaves too few people to approve it",
        join_rule_ids(&ids)
    );
    let help = "add people to the teams or the roster, or let others author, push or approve";
    let fault = YamlFault::new(place.at, what).with_help(help);
    let class = find_rest_class(policy);
    found.suspicions.push(SuspectedLockout { rules: core, class, fault, note: None, is_always_noted: false });
}

/// Returns the ids of rules, as in `a`, `b` and `c` together.
pub(crate) fn join_rule_ids(ids: &[&str]) -> String {
    let mut names: Vec<String> = ids.iter().map(|id| format!("`{}`", shorten_for_message(id))).collect();
    let Some(last) = names.pop() else { return String::new() };
    if names.is_empty() { last } else { format!("{} and {last} together", names.join(", ")) }
}
