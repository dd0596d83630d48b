//! From acts that are proved to steps that are told: what each is for, who can take it, and what would do as well.

use crate::unblock::approval_search::list_excluded_people;
use crate::unblock::court::AskedApprovals;
use crate::unblock::needs::Need;
use crate::unblock::planned_acts::plan_act;
use crate::unblock::proved_people::keep_proved_people;
use crate::unblock::realised_needs::{RealisedNeeds, realise_needs};
use crate::unblock::repair::Repair;
use crate::unblock::trial::{Trial, TrialResult};
use crate::verdict::{ExcludedPerson, PlanStep, PlannedAct, PlannedActKind, RuleId};

/// How many other ways of all rules are tried.
const MAX_OTHER_WAYS: usize = 12;

/// How many options a step has at most.
const MAX_OPTIONS: usize = 4;

/// An act with the rules that it serves.
struct ServingAct {
    act: Repair,
    /// The same, with nobody who cannot take it.
    told: Repair,
    rules: Vec<RuleId>,
}

/// Another way that takes as many acts: it has these in the place of those.
struct OtherWay {
    instead_of: Vec<Repair>,
    acts: Vec<Repair>,
    /// The same acts, with nobody who cannot take them.
    told: Vec<Repair>,
}

/// Returns the steps, in the order in which they are taken; `proved` are the acts of the result, each with those people
/// alone who can take it.
pub(super) fn build_steps(trial: &Trial<'_>, result: &TrialResult<'_>, proved: &[Repair]) -> Vec<PlanStep> {
    let others = find_other_ways(trial, result);
    let mut serving: Vec<ServingAct> = Vec::new();
    for (place, (act, told)) in result.acts.iter().zip(proved).enumerate() {
        let rules = trial.list_rules_needing(result, place);
        serving.push(ServingAct { act: act.clone(), told: told.clone(), rules });
    }
    serving.sort_by_key(|one| one.act.act_turn());
    let mut steps: Vec<PlanStep> = Vec::new();
    let mut told: Vec<Repair> = Vec::new();
    for one in &serving {
        if told.contains(&one.act) {
            continue;
        }
        let alternatives: Vec<&OtherWay> =
            others.iter().filter(|other| other.instead_of.contains(&one.act)).collect();
        let mut together: Vec<&ServingAct> = vec![one];
        if let Some(first) = alternatives.first() {
            together = serving.iter().filter(|other| first.instead_of.contains(&other.act)).collect();
        }
        let mut rules: Vec<RuleId> = Vec::new();
        for part in &together {
            told.push(part.act.clone());
            for rule in &part.rules {
                if !rules.contains(rule) {
                    rules.push(rule.clone());
                }
            }
        }
        let acts: Vec<&Repair> = together.iter().map(|part| &part.told).collect();
        let mut options = vec![plan_acts(trial, result, &acts, &rules)];
        for other in alternatives.iter().take(MAX_OPTIONS - 1) {
            if other.instead_of.len() == together.len() {
                let acts: Vec<&Repair> = other.told.iter().collect();
                options.push(plan_acts(trial, result, &acts, &rules));
            }
        }
        steps.push(PlanStep { rules, options });
    }
    merge_approvals(steps)
}

fn plan_acts(
    trial: &Trial<'_>,
    result: &TrialResult<'_>,
    acts: &[&Repair],
    rules: &[RuleId],
) -> Vec<PlannedAct> {
    let mut planned: Vec<PlannedAct> = Vec::new();
    for act in acts {
        let is_approval = matches!(act, Repair::Approve { .. });
        let questions = if is_approval { list_questions(result, rules) } else { Vec::new() };
        let excluded: Vec<ExcludedPerson> = match is_approval {
            true => list_excluded_people(trial.policies_in_force(), trial.denied_change(), &questions),
            false => Vec::new(),
        };
        let one = plan_act(act, &questions, excluded);
        match planned.iter_mut().find(|known| is_same_approval(known, &one)) {
            Some(known) => known.count += 1,
            None => planned.push(one),
        }
    }
    planned
}

/// Returns true if both are approvals that the same people can give.
fn is_same_approval(one: &PlannedAct, other: &PlannedAct) -> bool {
    one.kind == PlannedActKind::Approve
        && other.kind == PlannedActKind::Approve
        && one.people == other.people
        && one.paste == other.paste
}

/// Makes one step of approvals that the same people can give to the same rules.
fn merge_approvals(steps: Vec<PlanStep>) -> Vec<PlanStep> {
    let mut merged: Vec<PlanStep> = Vec::new();
    for step in steps {
        let same = merged.iter_mut().find_map(|known| {
            let [one] = known.options.as_mut_slice() else { return None };
            let [act] = one.as_mut_slice() else { return None };
            let is_same = known.rules == step.rules
                && matches!(step.options.as_slice(), [other] if matches!(other.as_slice(), [other] if is_same_approval(act, other)));
            is_same.then_some(act)
        });
        match same {
            Some(act) => act.count += 1,
            None => merged.push(step),
        }
    }
    for step in &mut merged {
        for act in step.options.iter_mut().flatten() {
            act.describe_approval();
            // Each of several people adds a line of their own.
            act.paste = act.paste.take().map(|line| vec![line; act.count].join("\n"));
        }
    }
    merged
}

/// Returns the questions about approvals of these rules.
fn list_questions<'trial>(result: &TrialResult<'trial>, rules: &[RuleId]) -> AskedApprovals<'trial> {
    let mut questions: AskedApprovals<'trial> = Vec::new();
    for goal in &result.goals {
        if rules.contains(&goal.rule) {
            for need in goal.chosen_needs().iter().chain(goal.other_ways().flatten()) {
                if let Need::Approvals { policy, asked } = need {
                    questions.push((*policy, *asked));
                }
            }
        }
    }
    questions
}

/// Returns other ways of the rules that take as many acts and are proved as well.
///
/// Where acts were needed against what was denied after others, another first way may lead elsewhere, and none is told.
fn find_other_ways(trial: &Trial<'_>, result: &TrialResult<'_>) -> Vec<OtherWay> {
    let mut found: Vec<OtherWay> = Vec::new();
    if result.goals.iter().any(|goal| !goal.is_first_round) {
        return found;
    }
    let count_contradictions =
        |acts: &[Repair]| acts.iter().filter(|act| act.contradicts_statement(trial.denied_change())).count();
    let left = result.list_left();
    let mut tried = 0;
    for (place, goal) in result.goals.iter().enumerate() {
        for way in goal.other_ways() {
            tried += 1;
            if tried > MAX_OTHER_WAYS {
                return found;
            }
            let mut needs: Vec<Need<'_>> = way.to_vec();
            for (other, goal) in result.goals.iter().enumerate() {
                if other != place {
                    needs.extend(goal.chosen_needs().iter().cloned());
                }
            }
            let RealisedNeeds::Acts(acts) = realise_needs(trial.share_court(), trial.denied_change(), &needs)
            else {
                continue;
            };
            if acts.len() != result.acts.len()
                || count_contradictions(&acts) > count_contradictions(&result.acts)
                || !trial.is_allowed_with(&acts, &left)
            {
                continue;
            }
            let instead_of: Vec<Repair> =
                result.acts.iter().filter(|act| !acts.contains(act)).cloned().collect();
            let proved = keep_proved_people(&acts, |acts| trial.is_judged_allowed(acts, &left));
            let others = acts.into_iter().zip(proved).filter(|(act, _)| !result.acts.contains(act));
            let (acts, told): (Vec<Repair>, Vec<Repair>) = others.unzip();
            let is_told = found.iter().any(|other| other.acts == acts && other.instead_of == instead_of);
            if !instead_of.is_empty() && !is_told {
                found.push(OtherWay { instead_of, acts, told });
            }
        }
    }
    found
}
