//! Exemptions that never apply, and those that leave nothing of a rule, found by what they mean.
//!
//! If each change that a rule applies to has one of the exemptions from it, nothing is left of the rule; if none
//! has, the exemption does nothing. Both are notes, as in `rule_scopes`.

use std::collections::HashMap;

use crate::policy::definition::{Rule, RuleExemption};
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::samples::aspect_samples::list_pushers;
use crate::policy::inspect::samples::known_bots::PushingBots;
use crate::policy::inspect::samples::sample_changes::evaluate_sample;
use crate::policy::inspect::samples::usual_changes::assume_usual_change;
use crate::policy::inspect::scopes::rule_scopes::{
    RuleScope, ScopeInspection, asks_beyond_samples, inspect_rule_scopes,
};
use crate::policy::inspect::search::asked_rules::WantedCondition;
use crate::policy::inspect::search::rule_core::reduce_to_core;
use crate::policy::inspect::written::{find_entry, list_items, scalar_text};
use crate::policy::load::files::PolicyFile;
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// How many exemptions from one rule are weighed together.
const MAX_EXEMPTIONS: usize = 32;

/// Finds rules of a file that never apply, and exemptions of it that never do, or that leave nothing of a rule.
pub(crate) fn inspect_scopes(inspection: &ScopeInspection<'_>, file: &PolicyFile, found: &mut FileFindings) {
    inspect_rule_scopes(inspection, file, found);
    let policy = inspection.policy;
    let written = index_written(file);
    for (index, rule) in policy.rules.iter().enumerate() {
        let of_rule = inspection.rules.list_exemptions(index).iter();
        let of_rule = of_rule.filter_map(|place| policy.exemptions.get(*place));
        let granted: Vec<&RuleExemption> =
            of_rule.filter(|exemption| exemption.until >= inspection.today).take(MAX_EXEMPTIONS).collect();
        // What several leave nothing of is told once, where the last of them stands.
        let find_own = |granted: &&RuleExemption| find_written(&written, granted, rule);
        let Some(last) = granted.iter().rev().find_map(find_own) else { continue };
        let scope = RuleScope { inspection, rule };
        let idle = scope.note_idle_exemptions(&granted, &written, found);
        if idle == granted.len() {
            continue;
        }
        let tell = |part| {
            scope.find_exempting_core(&granted, part).map(|core| describe_exempting_core(&core, rule, part))
        };
        let told = tell(ExemptedPart::All)
            .or_else(|| tell(ExemptedPart::RightOtherwise))
            .or_else(|| find_usual_core(inspection, &granted, rule));
        if let Some(what) = told {
            let help = "exempt fewer changes, or switch the rule off with a reason";
            found.notes.push(YamlFault::new(last.at, what).with_help(help));
        }
    }
}

/// The exemptions of a file, by the ids that they have and the rules that they are from.
type WrittenExemptions<'file> = HashMap<(String, &'file str), &'file YamlNode>;

fn index_written(file: &PolicyFile) -> WrittenExemptions<'_> {
    let mut written = HashMap::new();
    for item in find_entry(&file.node, "exemptions").map(list_items).unwrap_or_default() {
        if let Some(rule) = find_entry(item, "rule").and_then(scalar_text) {
            written.entry((format!("{}:{}", file.name, item.at.line), rule)).or_insert(item);
        }
    }
    written
}

/// Returns an exemption from the rule as the file writes it; `None` for one of another file.
fn find_written<'one>(
    written: &'one WrittenExemptions<'_>,
    exemption: &RuleExemption,
    rule: &'one Rule,
) -> Option<&'one YamlNode> {
    let key = (exemption.id.as_str().to_owned(), rule.description.id.as_str());
    written.get(&key).copied()
}

/// Returns what is told of exemptions that leave nothing of a rule as far as usual changes go.
fn find_usual_core(
    inspection: &ScopeInspection<'_>,
    granted: &[&RuleExemption],
    rule: &Rule,
) -> Option<String> {
    let assume = |condition: &Condition, until| {
        assume_usual_change(condition, inspection.policy, inspection.today, until, inspection.budget)
    };
    let mut usual: Vec<RuleExemption> = Vec::new();
    for exemption in granted {
        // After its own end, it does not matter any more when it would hold.
        let when = assume(&exemption.when, Some(exemption.until));
        usual.push(RuleExemption { when, ..(*exemption).clone() });
    }
    if usual.iter().zip(granted).all(|(usual, granted)| usual.when == granted.when) {
        return None;
    }
    let usual: Vec<&RuleExemption> = usual.iter().collect();
    let rule = Rule { when: rule.when.as_ref().map(|when| assume(when, None)), ..rule.clone() };
    let scope = RuleScope { inspection, rule: &rule };
    let core = scope.find_exempting_core(&usual, ExemptedPart::All)?;
    Some(describe_exempting_core(&core, &rule, ExemptedPart::Usual))
}

/// The part of what a rule applies to of which exemptions leave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExemptedPart {
    All,
    /// What keeps the other rules.
    RightOtherwise,
    /// What is of a usual time, size and wording.
    Usual,
}

/// Says that exemptions leave nothing of a rule, or nothing of a part of it.
fn describe_exempting_core(core: &[&RuleExemption], rule: &Rule, part: ExemptedPart) -> String {
    let id = shorten_for_message(rule.description.id.as_str());
    let names: Vec<String> =
        core.iter().map(|one| format!("`{}`", shorten_for_message(one.id.as_str()))).collect();
    let (which, verb) = match names.as_slice() {
        [one] => (format!("exemption {one}"), "leaves"),
        _ => (format!("exemptions {} together", names.join(" and ")), "leave"),
    };
    match (names.len(), part) {
        (1, ExemptedPart::All) => {
            format!("the {which} {verb} nothing of the rule `{id}`: all that it applies to is exempt")
        }
        (1, ExemptedPart::RightOtherwise) => format!(
            "the {which} {verb} nothing of the rule `{id}`: all that it applies to and that is right otherwise is exempt"
        ),
        (_, ExemptedPart::All) => format!("the {which} {verb} nothing of the rule `{id}`"),
        (_, ExemptedPart::RightOtherwise) => {
            format!("the {which} {verb} nothing of the rule `{id}` in what is right otherwise")
        }
        (_, ExemptedPart::Usual) => format!(
            "the {which} {verb} next to nothing of the rule `{id}`: every change of a usual time, size and wording is exempt"
        ),
    }
}

impl RuleScope<'_, '_> {
    /// Notes the exemptions of the file that no change has, and returns how many there are.
    fn note_idle_exemptions(
        &self,
        granted: &[&RuleExemption],
        written: &WrittenExemptions<'_>,
        found: &mut FileFindings,
    ) -> usize {
        let mut count = 0;
        for exemption in granted {
            let Some(written) = find_written(written, exemption, self.rule) else { continue };
            if self.is_ever_exempt(exemption) {
                continue;
            }
            count += 1;
            let what = format!(
                "the exemption `{}` never applies: no change that `{}` applies to fulfils its `when`",
                shorten_for_message(exemption.id.as_str()),
                shorten_for_message(self.rule.description.id.as_str())
            );
            found.notes.push(YamlFault::new(written.at, what).with_help("change its `when`, or remove it"));
        }
        count
    }

    /// Returns the fewest of these exemptions that leave nothing of the rule; `None` if something is left, or
    /// there was nothing before. Of what is right otherwise, what breaks another rule is no part.
    fn find_exempting_core<'one>(
        &self,
        granted: &[&'one RuleExemption],
        part: ExemptedPart,
    ) -> Option<Vec<&'one RuleExemption>> {
        let beside_others = part == ExemptedPart::RightOtherwise;
        let leaves_something =
            |exemptions: &[&RuleExemption]| self.has_change_beside(exemptions, beside_others);
        if !leaves_something(&[]) || leaves_something(granted) {
            return None;
        }
        Some(reduce_to_core(granted, |exemptions| Some(!leaves_something(exemptions))))
    }

    /// Returns true unless no change that the rule applies to has the exemption.
    fn is_ever_exempt(&self, exemption: &RuleExemption) -> bool {
        if asks_unknown_pusher(self.inspection, &exemption.when) {
            return false;
        }
        let conditions = self.rule.when.iter().chain([&exemption.when]);
        let wanted: Vec<WantedCondition<'_>> =
            conditions.map(|condition| WantedCondition { condition, is_refused: false }).collect();
        let classes = self.list_classes();
        classes.is_empty() || classes.iter().any(|class| self.has_change_with(&wanted, *class, true))
    }

    /// Returns true unless every change that the rule applies to has one of the exemptions, or breaks another
    /// rule, or states what the policy does not allow, where it has to stand `beside_others`.
    fn has_change_beside(&self, exemptions: &[&RuleExemption], beside_others: bool) -> bool {
        let mut wanted: Vec<WantedCondition<'_>> = Vec::new();
        wanted
            .extend(self.rule.when.iter().map(|condition| WantedCondition { condition, is_refused: false }));
        for exemption in exemptions {
            wanted.push(WantedCondition { condition: &exemption.when, is_refused: true });
        }
        self.list_classes().iter().any(|class| {
            // That a change without a file is not exempt leaves little of a rule, unless its class has no others.
            let with_empty = class.is_some() && !self.finds_sample(&[], *class, false);
            if !self.has_change_with(&wanted, *class, with_empty) {
                return false;
            }
            if !beside_others || asks_beyond_samples(&wanted) {
                return true;
            }
            self.finds_right_sample(&wanted, *class, with_empty)
        })
    }
}

/// Returns true if a condition asks for a pusher who is none of the accounts that the roster lists, and no bot.
fn asks_unknown_pusher(inspection: &ScopeInspection<'_>, condition: &Condition) -> bool {
    let (policy, budget) = (inspection.policy, inspection.budget);
    policy.people.has_roster()
        && condition.list_required().into_iter().any(|predicate| {
            let Predicate::Pusher(_) = predicate else { return false };
            let pushers = list_pushers(policy, &[predicate], PushingBots::Any, budget);
            !pushers.is_empty()
                && pushers.iter().all(|change| evaluate_sample(policy, predicate, change) == Some(false))
        })
}
