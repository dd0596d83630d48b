//! Refuses a policy that no change of a person could keep, or that could never be changed again.
//!
//! Two changes are assumed, at their best: any change of a file, and one that takes back what this policy says. If
//! every choice of branch, people, time, wording, labels, merges, sizes, paths and fields breaks a rule, the fewest
//! rules that exclude all changes together are named. A class that is left without changes is only noted, as a policy
//! may well forbid it; so is a policy that shuts everyone out from some later day on.

use std::collections::BTreeSet;
use std::rc::Rc;

use jiff::ToSpan as _;
use jiff::civil::Date;

use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{InspectionFacts, JudgingPlace};
use crate::policy::inspect::search::asked_rules::AskedRules;
use crate::policy::inspect::search::assumed_change::{ChangeSearch, WantedChanges};
use crate::policy::inspect::search::path_answers::PathAnswers;
use crate::policy::inspect::search::people_answers::{JoinedPeopleAnswers, join_people_answers};
use crate::policy::inspect::search::possible_changes::AssumedChanges;
use crate::policy::inspect::search::question_numbers::QuestionNumbers;
use crate::policy::inspect::search::rule_core::reduce_to_core;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::staff::staffing::join_rule_ids;
use crate::predicates::Predicate;
use crate::yaml::shorten_for_message;

/// How many rules are named.
const MAX_NAMED_RULES: usize = 4;

/// How many later days are looked at.
const MAX_LATER_DAYS: usize = 6;

/// How many days ahead a day is looked at.
const MAX_DAYS_AHEAD: i32 = 400;

/// How many classes are looked at that no rule may be for.
const MAX_UNRULED_CLASSES: usize = 32;

/// What is told where rules exclude the changes that they apply to.
const NO_RULE_FOR_OTHERS: &str = "no rule that denies applies to others (`no-rule-applies`)";

/// What is told where no rule applies.
const NO_RULE_FOR_ANY: &str = "no rule that denies ever applies to a change of a person (`no-rule-applies`)";

/// How it is put right that no rule applies.
const APPLYING_HELP: &str =
    "add a rule for every change, without `when`, or correct the `when` or the classes of one";

/// Rules of which no change keeps all.
pub(crate) struct ExcludingRules {
    /// Their indexes in the policy; none where no rule applies to any change.
    pub(crate) rules: Vec<usize>,
    /// What is wrong with them.
    pub(crate) what: String,
    /// How it is put right.
    pub(crate) help: &'static str,
}

/// The search of a change that a policy allows.
pub(crate) struct LockoutSearch<'policy> {
    policy: &'policy Policy,
    /// The file of the policy.
    entry: &'policy str,
    place: JudgingPlace,
    /// The rules of the policy that deny.
    denying: Vec<usize>,
    /// What denies: these rules, and that none of them applies.
    all_denials: Vec<usize>,
    /// What the changes of any file and any place are asked.
    assumed: AssumedChanges<'policy>,
    /// Among the changes of people that change a file.
    of_any_file: ChangeSearch<'policy>,
    /// Among those that change the policy.
    of_policy: ChangeSearch<'policy>,
    budget: &'policy SearchBudget,
}

impl<'policy> LockoutSearch<'policy> {
    /// Prepares the search among the rules of the policy in the file `entry`. `facts` tell the branches that it is read
    /// from; `paths` and `people` are what its questions about these answer together.
    pub(crate) fn new(
        asked: Rc<AskedRules<'policy>>,
        entry: &'policy str,
        facts: &InspectionFacts<'_>,
        paths: &PathAnswers<'_>,
        people: Option<&JoinedPeopleAnswers>,
        budget: &'policy SearchBudget,
    ) -> Self {
        let policy = asked.policy;
        let assumed = AssumedChanges::new(asked, facts, budget);
        let place = JudgingPlace::Anywhere;
        LockoutSearch::from_assumed(assumed, (policy, entry), facts, place, (paths, people), budget)
    }

    /// Returns the search at another place.
    pub(crate) fn move_search(
        &self,
        facts: &InspectionFacts<'_>,
        place: JudgingPlace,
        paths: &PathAnswers<'_>,
        people: Option<&JoinedPeopleAnswers>,
    ) -> Self {
        let assumed = self.assumed.derive_changes(None, facts, JudgingPlace::Anywhere, self.budget);
        let of = (self.policy, self.entry);
        LockoutSearch::from_assumed(assumed, of, facts, place, (paths, people), self.budget)
    }

    fn from_assumed(
        assumed: AssumedChanges<'policy>,
        (policy, entry): (&'policy Policy, &'policy str),
        facts: &InspectionFacts<'_>,
        place: JudgingPlace,
        (paths, people): (&PathAnswers<'_>, Option<&JoinedPeopleAnswers>),
        budget: &'policy SearchBudget,
    ) -> Self {
        let prepare = |path| {
            let mut changes = assumed.derive_changes(path, facts, place, budget);
            changes.add_people_aspect(people);
            // A change without a file changes nothing that a policy is there for.
            changes.add_path_aspect(paths, false, budget);
            changes.add_open_aspects(budget);
            let mut search = changes.prepare_search(budget);
            // People do not state what a field does not accept in order to get past a rule.
            search.leave_out_invalid_fields();
            search
        };
        let (of_any_file, of_policy) = (prepare(None), prepare(Some(entry)));
        let all_denials = assumed.list_rules();
        let is_stated = |index: &usize| *index < policy.rules.len();
        let denying = all_denials.iter().copied().filter(is_stated).collect();
        LockoutSearch { policy, entry, place, denying, all_denials, assumed, of_any_file, of_policy, budget }
    }

    /// Returns the indexes of the rules that deny.
    pub(crate) fn denying_rules(&self) -> &[usize] {
        &self.denying
    }

    /// Returns the indexes of everything that denies, also that no rule applies.
    pub(crate) fn all_denials(&self) -> &[usize] {
        &self.all_denials
    }

    /// Returns true if these rules let no change of a person through.
    pub(crate) fn excludes_all(&self, rules: &[usize]) -> bool {
        !self.of_any_file.is_change_possible(WantedChanges::All, rules, self.budget)
    }

    /// Returns true if these rules let no change of the policy through.
    pub(crate) fn excludes_policy(&self, rules: &[usize]) -> bool {
        !self.of_policy.is_change_possible(WantedChanges::All, rules, self.budget)
    }

    /// Finds rules that exclude every change of a person, or every change of the policy.
    pub(crate) fn find_excluding_rules(&self) -> Option<ExcludingRules> {
        if let Some(rules) = self.find_core(&self.of_any_file, WantedChanges::All) {
            let start = self.start_sentence(&rules);
            let (what, help) = match (self.name_rules(&rules), self.needs_application(&rules)) {
                (Some(named), false) => (
                    format!("{start}no change of a person could keep {named}"),
                    "change what is required, or give the rules a `when` or different classes",
                ),
                (Some(named), true) => (
                    format!("{start}no change of a person could keep {named}, and {NO_RULE_FOR_OTHERS}"),
                    APPLYING_HELP,
                ),
                (None, _) => (format!("{start}{NO_RULE_FOR_ANY}, so each is refused"), APPLYING_HELP),
            };
            return Some(self.tell_rules(rules, what, help));
        }
        let rules = self.find_core(&self.of_policy, WantedChanges::All)?;
        let start = self.start_sentence(&rules);
        let entry = shorten_for_message(self.entry);
        let (what, help) = match (self.name_rules(&rules), self.needs_application(&rules)) {
            (Some(named), false) => (
                format!("{start}no change of `{entry}` could keep {named}"),
                "change what is required, or leave changes of the policy out, with `when` or `not-for`",
            ),
            (Some(named), true) => (
                format!("{start}no change of `{entry}` could keep {named}, and {NO_RULE_FOR_OTHERS}"),
                APPLYING_HELP,
            ),
            (None, _) => (
                format!(
                    "{start}no rule that denies ever applies to a change of `{entry}` (`no-rule-applies`)"
                ),
                APPLYING_HELP,
            ),
        };
        Some(self.tell_rules(rules, format!("{what}, so the policy could never be changed again"), help))
    }

    /// Finds rules that exclude every change of the class that takes all that is left.
    pub(crate) fn find_class_exclusion(&self) -> Option<ExcludingRules> {
        let rest = self.policy.classes.iter().position(|class| class.when.is_empty())?;
        let rules = self.find_core(&self.of_any_file, WantedChanges::OfClass(rest))?;
        let class = self.policy.classes.get(rest)?;
        // That no rule applies to a class is told of each class.
        let named = self.name_rules(&rules)?;
        let others = match self.needs_application(&rules) {
            true => format!(", and {NO_RULE_FOR_OTHERS}"),
            false => String::new(),
        };
        let what = format!(
            "no change of the class `{}` is allowed: none could keep {named}{others}",
            shorten_for_message(class.id.as_str()),
        );
        let help = "change what is required, or give the rules other classes, unless this is meant";
        Some(self.tell_rules(rules, what, help))
    }

    /// Returns the indexes of the classes to whose changes no rule applies, although there are such changes.
    pub(crate) fn list_unruled_classes(&self) -> Vec<usize> {
        let mut unruled = Vec::new();
        for coverage in self.all_denials.iter().filter(|rule| **rule >= self.policy.rules.len()) {
            for class in 0..self.policy.classes.len().min(MAX_UNRULED_CLASSES) {
                let search = |rules: &[usize]| {
                    self.of_any_file.is_change_possible(WantedChanges::OfClass(class), rules, self.budget)
                };
                if !search(&[*coverage]) && search(&[]) {
                    unruled.push(class);
                }
            }
        }
        unruled
    }

    /// Returns the fewest rules that exclude every change that is wanted, with those of packs left out first; `None` if
    /// there is a change that they allow.
    fn find_core(&self, search: &ChangeSearch<'_>, wanted: WantedChanges) -> Option<Vec<usize>> {
        let excludes = |rules: &[usize]| !search.is_change_possible(wanted, rules, self.budget);
        // What rules exclude is told better without the changes that no rule applies to.
        let denials = match excludes(&self.denying) {
            true => &self.denying,
            false if self.denying.len() < self.all_denials.len() && excludes(&self.all_denials) => {
                &self.all_denials
            }
            false => return None,
        };
        let core = reduce_to_core(denials, |rules| (!self.budget.is_empty()).then(|| excludes(rules)));
        // Without a rule, it is the classes that leave no such change.
        (!core.is_empty()).then_some(core)
    }

    /// Returns true if rules exclude every change only because no rule applies to some.
    fn needs_application(&self, rules: &[usize]) -> bool {
        rules.iter().any(|rule| *rule >= self.policy.rules.len())
    }

    fn tell_rules(&self, mut rules: Vec<usize>, what: String, help: &'static str) -> ExcludingRules {
        rules.retain(|rule| *rule < self.policy.rules.len());
        ExcludingRules { rules, what, help }
    }

    /// Returns where the sentence about these rules is true.
    fn start_sentence(&self, rules: &[usize]) -> &'static str {
        let asks_approvals = |is_verified: bool| {
            rules.iter().filter_map(|index| self.policy.rules.get(*index)).any(|rule| {
                let mut asked = Vec::new();
                rule.require.add_predicates(&mut asked);
                asked.iter().any(|predicate| {
                    matches!(predicate, Predicate::Approvals(asked) if asked.requires_verified() == is_verified)
                })
            })
        };
        match self.place {
            JudgingPlace::Anywhere => "",
            JudgingPlace::ServerHook if asks_approvals(true) => {
                "on a server, where approvals are signed with keys that the policy lists, "
            }
            JudgingPlace::ServerHook if asks_approvals(false) => {
                "on a server, where approvals are what trailers say, "
            }
            JudgingPlace::ServerHook => "on a server, which does not know the accounts of a forge, ",
            JudgingPlace::OwnCommits => "unless someone who has a key commits it for its author, ",
        }
    }

    /// Returns the ids of rules of the policy, as in `a`, `b` and `c`; `None` if there is none.
    fn name_rules(&self, rules: &[usize]) -> Option<String> {
        let known = rules.iter().filter_map(|index| self.policy.rules.get(*index));
        let ids: Vec<&str> = known.map(|rule| rule.description.id.as_str()).take(MAX_NAMED_RULES).collect();
        (!ids.is_empty()).then(|| join_rule_ids(&ids))
    }
}

/// Finds the first later day from which on rules exclude every change, although there are some until then: a rule that
/// only warns begins to deny, an exemption ends, a window closes or a freeze begins.
pub(crate) fn find_later_exclusion<'policy>(
    numbers: &'policy QuestionNumbers<'policy>,
    policy: &'policy Policy,
    entry: &'policy str,
    facts: &InspectionFacts<'_>,
    paths: &PathAnswers<'_>,
    budget: &'policy SearchBudget,
) -> Option<ExcludingRules> {
    for day in list_later_days(policy, facts.today) {
        // Another day takes as long as the one before.
        if budget.is_empty() {
            break;
        }
        let facts = InspectionFacts { today: day, ..*facts };
        let asked = Rc::new(AskedRules::of_policy(policy, numbers, day));
        let people = join_people_answers(&asked, &facts, JudgingPlace::Anywhere, false, budget);
        let search = LockoutSearch::new(asked, entry, &facts, paths, people.as_ref(), budget);
        // A change of the policy is a change as well.
        if search.excludes_policy(search.all_denials())
            && let Some(found) = search.find_excluding_rules()
        {
            return Some(ExcludingRules { what: format!("from {day} on, {}", found.what), ..found });
        }
    }
    None
}

/// Returns the next days after today on which what the policy asks may change.
fn list_later_days(policy: &Policy, today: Date) -> Vec<Date> {
    let mut days: BTreeSet<Date> = BTreeSet::new();
    let mut add_day_after = |last: Date| days.extend(last.tomorrow().ok());
    for rule in &policy.rules {
        rule.warn_until.into_iter().for_each(&mut add_day_after);
    }
    for exemption in &policy.exemptions {
        add_day_after(exemption.until);
    }
    let mut asked = Vec::new();
    for condition in policy.conditions() {
        condition.add_predicates(&mut asked);
    }
    for predicate in asked {
        if let Predicate::StandardChange(asked) = predicate {
            days.extend(asked.find_last_day().and_then(|last| last.tomorrow().ok()));
        }
        let Predicate::Window(window) = predicate else { continue };
        for (from, until) in window.list_days().into_iter().flatten().flatten() {
            days.extend([Some(from), until.tomorrow().ok()].into_iter().flatten());
        }
    }
    let last = today.checked_add(MAX_DAYS_AHEAD.days()).unwrap_or(today);
    days.into_iter().filter(|day| *day > today && *day <= last).take(MAX_LATER_DAYS).collect()
}
