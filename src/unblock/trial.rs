//! Trying acts on a change until the judge allows it.

use std::cell::Cell;

use crate::change::Change;
use crate::judge::judge_change;
use crate::policy::Policy;
use crate::predicates::EvaluationContext;
use crate::unblock::applied::apply_repairs;
use crate::unblock::court::Court;
use crate::unblock::needs::{AskedChange, Need, WaysToMeet};
use crate::unblock::realised_needs::{RealisedNeeds, realise_needs};
use crate::unblock::repair::Repair;
use crate::unblock::ways::{find_ways, list_exempting_ways};
use crate::verdict::{ObstacleReason, PlanObstacle, RuleId};

/// How often the judge is asked for one plan.
const MAX_JUDGEMENTS: usize = 120;

/// How often acts are looked for against what is denied after others.
const MAX_ROUNDS: usize = 6;

/// How many combinations of ways are compared.
const MAX_COMBINATIONS: usize = 64;

/// How many words of a field are tried in the place of the first one.
const MAX_OTHER_WORDS: usize = 6;

/// A change, and the policies that deny it.
pub(super) struct Trial<'trial> {
    policies: &'trial [&'trial Policy],
    change: &'trial Change,
    enforce: bool,
    judgements: Cell<usize>,
    tries: Cell<usize>,
}

/// What a trial comes to.
pub(super) struct TrialResult<'trial> {
    /// The acts, none of which can be left out.
    pub(super) acts: Vec<Repair>,
    pub(super) obstacles: Vec<PlanObstacle>,
    pub(super) open: Vec<RuleId>,
    /// The rules that the acts are against, each with the ways to meet it and the one that was taken.
    pub(super) goals: Vec<TriedGoal<'trial>>,
}

/// How many acts change what is stated, and how many there are; the acts; and the way that each goal takes.
type TriedActs = ((usize, usize), Vec<Repair>, Vec<usize>);

/// A denying rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct DenyingRule {
    /// The index of the policy, and of the rule in it; `None` for what the judge itself denies.
    place: Option<(usize, usize)>,
    id: RuleId,
}

/// A rule with the ways to meet it.
pub(super) struct TriedGoal<'trial> {
    pub(super) rule: RuleId,
    ways: Vec<Vec<Need<'trial>>>,
    /// The ways into an exemption, which are taken only where no other way can be.
    exempting: Vec<Vec<Need<'trial>>>,
    /// The place of the way that was taken.
    chosen: usize,
    /// The change that the ways are of: the one before the acts of the round.
    pub(super) is_first_round: bool,
}

impl<'trial> Trial<'trial> {
    pub(super) fn new(policies: &'trial [&'trial Policy], change: &'trial Change, enforce: bool) -> Self {
        Trial { policies, change, enforce, judgements: Cell::new(0), tries: Cell::new(0) }
    }

    /// Returns who judges.
    pub(super) fn share_court(&self) -> Court<'_> {
        Court { policies: self.policies, enforce: self.enforce, tries: &self.tries }
    }

    pub(super) fn policies_in_force(&self) -> &'trial [&'trial Policy] {
        self.policies
    }

    pub(super) fn denied_change(&self) -> &'trial Change {
        self.change
    }

    /// Returns the rules that deny a change, each once; `None` if the judge was asked too often.
    fn list_denials(&self, change: &Change) -> Option<Vec<DenyingRule>> {
        let asked = self.judgements.get() + 1;
        self.judgements.set(asked);
        if asked > MAX_JUDGEMENTS {
            return None;
        }
        Some(self.judge_trial(change))
    }

    /// Returns the rules that deny a change.
    fn judge_trial(&self, change: &Change) -> Vec<DenyingRule> {
        let mut denials: Vec<DenyingRule> = Vec::new();
        for (index, policy) in self.policies.iter().enumerate() {
            let verdict = judge_change(policy, change, self.enforce);
            for (place, judgement) in verdict.judgements.iter().enumerate() {
                if judgement.is_denying(self.enforce) {
                    let place = (place < policy.rules.len()).then_some((index, place));
                    denials.push(DenyingRule { place, id: judgement.rule.id.clone() });
                }
            }
        }
        denials
    }

    /// Returns true if no other rule denies the change with these acts than those that are left; it counts towards no
    /// limit.
    pub(super) fn is_judged_allowed(&self, acts: &[Repair], left: &[RuleId]) -> bool {
        let denials = self.judge_trial(&apply_repairs(self.change, acts));
        denials.iter().all(|denial| left.contains(&denial.id))
    }

    /// Returns true if no other rule denies the change with these acts than those that are left.
    pub(super) fn is_allowed_with(&self, acts: &[Repair], left: &[RuleId]) -> bool {
        let after = apply_repairs(self.change, acts);
        self.list_denials(&after)
            .is_some_and(|denials| denials.iter().all(|denial| left.contains(&denial.id)))
    }

    /// Returns the rules that deny the change without the act at this place, in the order of the policies.
    pub(super) fn list_rules_needing(&self, result: &TrialResult<'_>, place: usize) -> Vec<RuleId> {
        let mut fewer = result.acts.clone();
        if place < fewer.len() {
            fewer.remove(place);
        }
        let mut rules: Vec<RuleId> = Vec::new();
        for denial in self.list_denials(&apply_repairs(self.change, &fewer)).unwrap_or_default() {
            if !result.is_left(&denial.id) && !rules.contains(&denial.id) {
                rules.push(denial.id);
            }
        }
        rules
    }

    /// Looks for the acts; `None` if the change is allowed, or the search was too long.
    pub(super) fn find_acts(&self) -> Option<TrialResult<'trial>> {
        let mut result =
            TrialResult { acts: Vec::new(), obstacles: Vec::new(), open: Vec::new(), goals: Vec::new() };
        let mut denials = self.list_denials(self.change)?;
        if denials.is_empty() {
            return None;
        }
        for round in 0..MAX_ROUNDS {
            let current = apply_repairs(self.change, &result.acts);
            let goals = self.list_goals(&current, &denials, round == 0, &mut result);
            let acts = self.choose_acts(&current, goals, &mut result);
            if acts.is_empty() {
                break;
            }
            add_acts(&mut result.acts, acts);
            let after = apply_repairs(self.change, &result.acts);
            denials = self.list_denials(&after)?;
            denials.retain(|denial| !result.is_left(&denial.id));
            if denials.is_empty() {
                break;
            }
        }
        let after = apply_repairs(self.change, &result.acts);
        for denial in self.list_denials(&after)? {
            if !result.is_left(&denial.id) {
                result.open.push(denial.id);
            }
        }
        self.drop_needless_acts(&mut result);
        Some(result)
    }

    /// Returns the rules that deny with their ways, and adds those without any to the result.
    fn list_goals(
        &self,
        current: &Change,
        denials: &[DenyingRule],
        is_first_round: bool,
        result: &mut TrialResult<'trial>,
    ) -> Vec<TriedGoal<'trial>> {
        let mut goals = Vec::new();
        for denial in denials {
            let rule = denial.place.and_then(|(policy, rule)| {
                let policy_index = policy;
                let policy: &'trial Policy = self.policies.get(policy)?;
                Some((policy_index, policy, policy.rules.get(rule)?))
            });
            let Some((index, policy, rule)) = rule else {
                result.add_open(&denial.id);
                continue;
            };
            let context = EvaluationContext::new(current, &policy.people, &policy.vocabulary);
            let asked = AskedChange {
                policy: index,
                people: &policy.people,
                vocabulary: &policy.vocabulary,
                context: &context,
                enforce: self.enforce,
            };
            let exempting = list_exempting_ways(policy, denial.place, &asked);
            let (ways, exempting) = match find_ways(&rule.require, true, &asked) {
                WaysToMeet::Known(mut ways) => {
                    ways.retain(|way| !self.breaks_other_rule(way, current, denials));
                    (ways, exempting)
                }
                _ if !exempting.is_empty() => (exempting, Vec::new()),
                WaysToMeet::Blocked(reason) => {
                    result.add_obstacle(&denial.id, reason);
                    continue;
                }
                WaysToMeet::Open => {
                    result.add_open(&denial.id);
                    continue;
                }
            };
            goals.push(TriedGoal { rule: denial.id.clone(), ways, exempting, chosen: 0, is_first_round });
        }
        goals
    }

    /// Returns true if another person who pushes breaks a rule that is kept now, where that is asked for beside approvals: an
    /// approval alone does not.
    fn breaks_other_rule(&self, way: &[Need<'_>], current: &Change, denials: &[DenyingRule]) -> bool {
        let [Need::Act(push @ Repair::PushAs { .. }), Need::Approvals { .. }] = way else { return false };
        let after = self.judge_trial(&apply_repairs(current, std::slice::from_ref(push)));
        after.iter().any(|denial| !denials.contains(denial))
    }

    /// Returns the fewest acts that meet all goals, and takes those that cannot be met out of them.
    fn choose_acts(
        &self,
        current: &Change,
        mut goals: Vec<TriedGoal<'trial>>,
        result: &mut TrialResult<'trial>,
    ) -> Vec<Repair> {
        // A rule that cannot be met by itself would hide what the others need.
        goals.retain_mut(|goal| {
            let mut blocked = None;
            loop {
                for way in &goal.ways {
                    match realise_needs(self.share_court(), current, way) {
                        RealisedNeeds::Acts(_) => return true,
                        RealisedNeeds::Blocked(reason) => blocked = blocked.or(Some(reason)),
                        RealisedNeeds::Open => {}
                    }
                }
                if goal.exempting.is_empty() {
                    break;
                }
                goal.ways = std::mem::take(&mut goal.exempting);
            }
            match blocked {
                Some(reason) => result.add_obstacle(&goal.rule, reason),
                None => result.add_open(&goal.rule),
            }
            false
        });
        let mut best: Option<TriedActs> = None;
        for combination in list_combinations(&goals) {
            let mut needs = Vec::new();
            for (goal, way) in goals.iter().zip(&combination) {
                needs.extend(goal.ways.get(*way).into_iter().flatten().cloned());
            }
            let RealisedNeeds::Acts(acts) = realise_needs(self.share_court(), current, &needs) else {
                continue;
            };
            // What the author has stated is not changed where another act helps.
            let cost = (acts.iter().filter(|act| act.contradicts_statement(current)).count(), acts.len());
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, acts, combination));
            }
        }
        let Some((_, acts, combination)) = best else {
            for goal in &goals {
                result.add_open(&goal.rule);
            }
            return Vec::new();
        };
        for (goal, way) in goals.iter_mut().zip(combination) {
            goal.chosen = way;
        }
        result.goals.extend(goals);
        acts
    }

    /// Takes out every act without which the change is allowed as well.
    fn drop_needless_acts(&self, result: &mut TrialResult<'trial>) {
        let left = result.list_left();
        let mut place = 0;
        while place < result.acts.len() {
            let mut fewer = result.acts.clone();
            fewer.remove(place);
            if self.is_allowed_with(&fewer, &left) {
                result.acts = fewer;
            } else {
                place += 1;
            }
        }
    }

    /// Returns true if another word of a field that the author chooses leaves the change denied.
    pub(super) fn depends_on_values(&self, acts: &[Repair]) -> bool {
        let left: Vec<RuleId> = match self.list_denials(&apply_repairs(self.change, acts)) {
            Some(denials) => denials.into_iter().map(|denial| denial.id).collect(),
            None => return false,
        };
        for (place, act) in acts.iter().enumerate() {
            let Repair::StateField { field, value, paste, .. } = act else { continue };
            let Some(words) = field.allowed_words() else { continue };
            let offered: Vec<&String> =
                words.iter().filter(|word| *word != value && offers_word(paste, word)).collect();
            for word in offered.into_iter().take(MAX_OTHER_WORDS) {
                let mut others = acts.to_vec();
                if let Some(Repair::StateField { value, .. }) = others.get_mut(place) {
                    value.clone_from(word);
                }
                if !self.is_allowed_with(&others, &left) {
                    return true;
                }
            }
        }
        false
    }
}

/// Returns true if the text to paste leaves this word to choose.
fn offers_word(paste: &str, word: &str) -> bool {
    let choices = paste.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>')).unwrap_or_default();
    choices.split('|').any(|choice| choice == word)
}

impl<'trial> TriedGoal<'trial> {
    /// Returns the needs of the way that was taken.
    pub(super) fn chosen_needs(&self) -> &[Need<'trial>] {
        self.ways.get(self.chosen).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the needs of the other ways.
    pub(super) fn other_ways(&self) -> impl Iterator<Item = &[Need<'trial>]> {
        let others = self.ways.iter().enumerate().filter(|(place, _)| *place != self.chosen);
        others.map(|(_, way)| way.as_slice())
    }
}

impl TrialResult<'_> {
    fn add_open(&mut self, rule: &RuleId) {
        if !self.is_left(rule) {
            self.open.push(rule.clone());
        }
    }

    fn add_obstacle(&mut self, rule: &RuleId, reason: ObstacleReason) {
        if !self.is_left(rule) {
            self.obstacles.push(PlanObstacle { rule: rule.clone(), reason });
        }
    }

    fn is_left(&self, rule: &RuleId) -> bool {
        self.open.contains(rule) || self.obstacles.iter().any(|obstacle| obstacle.rule == *rule)
    }

    /// Returns the rules that the acts leave denied.
    pub(super) fn list_left(&self) -> Vec<RuleId> {
        self.open.iter().cloned().chain(self.obstacles.iter().map(|obstacle| obstacle.rule.clone())).collect()
    }
}

/// Adds acts to those of earlier rounds; what is decided anew takes the place of what was.
fn add_acts(acts: &mut Vec<Repair>, more: Vec<Repair>) {
    for act in more {
        acts.retain(|known| !known.is_same_act(&act));
        acts.push(act);
    }
}

/// Returns one place of a way for each goal, in every combination up to a limit; the first ways first.
fn list_combinations(goals: &[TriedGoal<'_>]) -> Vec<Vec<usize>> {
    let mut combinations: Vec<Vec<usize>> = vec![Vec::new()];
    for goal in goals {
        let mut longer = Vec::new();
        for way in 0..goal.ways.len() {
            for before in &combinations {
                let mut one = before.clone();
                one.push(way);
                longer.push(one);
            }
        }
        longer.truncate(MAX_COMBINATIONS);
        combinations = longer;
    }
    combinations
}
