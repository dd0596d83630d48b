//! Classes that no change can reach, and exemptions that leave nothing of their rule.

use crate::policy::inspect::covered_questions::covers_conjuncts;
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::rule_index::RuleIndex;
use crate::policy::inspect::samples::exempted_samples::ExemptedSamples;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::written::{
    WrittenPredicate, find_entry, list_conjuncts, list_entries, list_items, list_texts, measure_node,
    scalar_text,
};
use crate::policy::load::files::PolicyFile;
use crate::yaml::{YamlFault, YamlKey, YamlNode, shorten_for_message};

/// Looks at the classes and the exemptions of a file.
pub(crate) fn inspect_reach(
    rules: &RuleIndex<'_>,
    samples: &ExemptedSamples<'_>,
    file: &PolicyFile,
    budget: &SearchBudget,
    found: &mut FileFindings,
) {
    if let Some(classes) = find_entry(&file.node, "classes") {
        inspect_classes(list_entries(classes), budget, found);
    }
    if let Some(exemptions) = find_entry(&file.node, "exemptions") {
        for exemption in list_items(exemptions) {
            let errors = found.errors.len();
            inspect_exemption(rules, exemption, budget, found);
            if found.errors.len() == errors {
                samples.inspect_exemption(&file.name, exemption, budget, found);
            }
        }
    }
}

/// A change is of the first class that holds, so one that asks more than an earlier one is never reached.
fn inspect_classes(classes: &[(YamlKey, YamlNode)], budget: &SearchBudget, found: &mut FileFindings) {
    let mut earlier: Vec<(&YamlKey, Vec<WrittenPredicate<'_>>, usize)> = Vec::new();
    for (name, when) in classes {
        let (asked, size) = (list_conjuncts(when), measure_node(when));
        for (wider, wide, wide_size) in &earlier {
            if !budget.spend_steps(size.saturating_mul(*wide_size)) {
                return;
            }
            if !wide.is_empty() && covers_conjuncts(wide, &asked) {
                let what = format!(
                    "no change is of the class `{}`: all that could be are of `{}`",
                    shorten_for_message(&name.text),
                    shorten_for_message(&wider.text)
                );
                found.errors.push(YamlFault::new(name.at, what).with_help("move it up, or remove it"));
                break;
            }
        }
        earlier.push((name, asked, size));
    }
}

/// An exemption that asks no more than its rule exempts everything that the rule is about.
fn inspect_exemption(
    rules: &RuleIndex<'_>,
    exemption: &YamlNode,
    budget: &SearchBudget,
    found: &mut FileFindings,
) {
    let (Some(id), Some(when)) =
        (find_entry(exemption, "rule").and_then(scalar_text), find_entry(exemption, "when"))
    else {
        return;
    };
    let exempted = list_conjuncts(when);
    let asked = rules.find_value(id, "when").map(|(_, node)| node);
    let asked_size = asked.map_or(1, measure_node);
    let asked = asked.map(list_conjuncts).unwrap_or_default();
    let size = measure_node(when);
    // What a change has to fulfil for the rule to apply: for each class that it is for.
    let covers_scope = |class: Option<&YamlNode>| {
        let scope_size = asked_size + class.map_or(0, measure_node);
        if !budget.spend_steps(size.saturating_mul(scope_size)) {
            return false;
        }
        let mut scope = asked.clone();
        scope.extend(class.map(list_conjuncts).unwrap_or_default());
        covers_conjuncts(&exempted, &scope)
    };
    let covers_all = match rules.find_value(id, "for") {
        None => covers_scope(None),
        Some((_, names)) => {
            let names = list_texts(names);
            !names.is_empty() && names.iter().all(|name| covers_scope(rules.find_class(name)))
        }
    };
    if covers_all {
        let what = format!("this exempts every change that `{}` applies to", shorten_for_message(id));
        let help = "exempt fewer changes, or switch the rule off with a reason";
        found.errors.push(YamlFault::new(when.at, what).with_help(help));
    }
}
