//! Exemptions that never apply, and those that leave nothing of a rule, found by what they mean.
//!
//! If each change that a rule applies to has one of the exemptions from it, nothing is left of the rule; if none
//! has, the exemption does nothing. Both are notes, as in `rule_scopes`.

use crate::policy::definition::{Policy, Rule, RuleExemption};
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::samples::aspect_samples::list_pushers;
use crate::policy::inspect::samples::sample_changes::evaluate_sample;
use crate::policy::inspect::samples::usual_changes::assume_usual_change;
use crate::policy::inspect::scopes::rule_scopes::{
    RuleScope, ScopeInspection, asks_beyond_samples, build_probe, inspect_rule_scopes,
};
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
    for (index, rule) in policy.rules.iter().enumerate() {
        let of_rule = policy.exemptions.iter().filter(|exemption| exemption.rule_index == index);
        let granted: Vec<&RuleExemption> =
            of_rule.filter(|exemption| exemption.until >= inspection.today).take(MAX_EXEMPTIONS).collect();
        // What several leave nothing of is told once, where the last of them stands.
        let Some(last) = granted.iter().rev().find_map(|granted| find_written(file, granted, rule)) else {
            continue;
        };
        let scope = RuleScope { inspection, rule };
        let idle = scope.note_idle_exemptions(&granted, file, found);
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

/// Returns an exemption from the rule as the file writes it; `None` for one of another file.
fn find_written<'file>(
    file: &'file PolicyFile,
    exemption: &RuleExemption,
    rule: &Rule,
) -> Option<&'file YamlNode> {
    list_items(find_entry(&file.node, "exemptions")?).iter().find(|item| {
        exemption.id.as_str() == format!("{}:{}", file.name, item.at.line)
            && find_entry(item, "rule").and_then(scalar_text) == Some(rule.description.id.as_str())
    })
}

/// Returns what is told of exemptions that leave nothing of a rule as far as usual changes go.
fn find_usual_core(
    inspection: &ScopeInspection<'_>,
    granted: &[&RuleExemption],
    rule: &Rule,
) -> Option<String> {
    let assume = |condition: &Condition, until| {
        assume_usual_change(condition, inspection.policy, inspection.today, until)
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

impl RuleScope<'_> {
    /// Notes the exemptions of the file that no change has, and returns how many there are.
    fn note_idle_exemptions(
        &self,
        granted: &[&RuleExemption],
        file: &PolicyFile,
        found: &mut FileFindings,
    ) -> usize {
        let mut count = 0;
        for exemption in granted {
            let Some(written) = find_written(file, exemption, self.rule) else { continue };
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
        let mut core = granted.to_vec();
        for exemption in granted {
            let without: Vec<&RuleExemption> =
                core.iter().copied().filter(|known| known != exemption).collect();
            if !leaves_something(&without) {
                core = without;
            }
        }
        Some(core)
    }

    /// Returns true unless no change that the rule applies to has the exemption.
    fn is_ever_exempt(&self, exemption: &RuleExemption) -> bool {
        let mut parts: Vec<Condition> = self.rule.when.iter().cloned().collect();
        parts.push(exemption.when.clone());
        if asks_unknown_pusher(self.inspection.policy, &exemption.when) {
            return false;
        }
        let asked = Condition::All(parts);
        let classes = self.list_classes();
        classes.is_empty() || classes.iter().any(|class| self.has_change(&asked, *class))
    }

    /// Returns true unless every change that the rule applies to has one of the exemptions, or breaks another
    /// rule, or states what the policy does not allow, where it has to stand `beside_others`.
    fn has_change_beside(&self, exemptions: &[&RuleExemption], beside_others: bool) -> bool {
        let mut parts: Vec<Condition> = self.rule.when.iter().cloned().collect();
        for exemption in exemptions {
            parts.push(Condition::Not(Box::new(exemption.when.clone())));
        }
        let asked = Condition::All(parts);
        self.list_classes().iter().any(|class| {
            // That a change without a file is not exempt leaves little of a rule, unless its class has no others.
            let with_empty =
                class.is_some() && !self.finds_sample(&Condition::All(Vec::new()), *class, false);
            if !self.has_change_with(&asked, *class, with_empty) {
                return false;
            }
            if !beside_others || asks_beyond_samples(&asked) {
                return true;
            }
            let mut probe = build_probe(self.inspection.policy, self.rule, asked.clone(), *class);
            add_other_rules(&mut probe, self.inspection.policy, self.rule);
            self.finds_sample_of(&probe, with_empty, false)
        })
    }
}

/// Returns true if a condition asks for a pusher who is none of the accounts that the roster lists, and no bot.
fn asks_unknown_pusher(policy: &Policy, condition: &Condition) -> bool {
    policy.people.has_roster()
        && condition.list_required().into_iter().any(|predicate| {
            let Predicate::Pusher(_) = predicate else { return false };
            let pushers = list_pushers(policy, &[predicate]);
            pushers.iter().all(|change| evaluate_sample(policy, predicate, change) == Some(false))
        })
}

/// Adds the rules of the policy beside this one, with the exemptions from them.
fn add_other_rules(probe: &mut Policy, policy: &Policy, rule: &Rule) {
    for (index, other) in policy.rules.iter().enumerate() {
        if other.description.id == rule.description.id {
            continue;
        }
        for exemption in policy.exemptions.iter().filter(|exemption| exemption.rule_index == index) {
            probe.exemptions.push(RuleExemption { rule_index: probe.rules.len(), ..exemption.clone() });
        }
        probe.rules.push(other.clone());
    }
}
