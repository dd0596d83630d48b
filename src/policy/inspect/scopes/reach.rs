//! Classes that no change can reach, and exemptions that leave nothing of their rule.

use crate::policy::definition::Policy;
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::samples::sample_changes::inspect_exempted_samples;
use crate::policy::inspect::written::{
    WrittenPredicate, covers_conjuncts, find_entry, list_conjuncts, list_entries, list_items, list_texts,
    scalar_text,
};
use crate::policy::load::files::PolicyFile;
use crate::yaml::{YamlFault, YamlKey, YamlNode, shorten_for_message};

/// Looks at the classes and the exemptions of the file at `index`.
pub(crate) fn inspect_reach(policy: &Policy, files: &[PolicyFile], index: usize, found: &mut FileFindings) {
    let Some(file) = files.get(index) else { return };
    if let Some(classes) = find_entry(&file.node, "classes") {
        inspect_classes(list_entries(classes), found);
    }
    if let Some(exemptions) = find_entry(&file.node, "exemptions") {
        for exemption in list_items(exemptions) {
            let errors = found.errors.len();
            inspect_exemption(files, exemption, found);
            if found.errors.len() == errors {
                inspect_exempted_samples(policy, &file.name, exemption, found);
            }
        }
    }
}

/// A change is of the first class that holds, so one that asks more than an earlier one is never reached.
fn inspect_classes(classes: &[(YamlKey, YamlNode)], found: &mut FileFindings) {
    for (index, (name, when)) in classes.iter().enumerate() {
        let asked = list_conjuncts(when);
        for (earlier, wide) in classes.get(..index).unwrap_or_default() {
            let wide = list_conjuncts(wide);
            if !wide.is_empty() && covers_conjuncts(&wide, &asked) {
                let what = format!(
                    "no change is of the class `{}`: all that could be are of `{}`",
                    shorten_for_message(&name.text),
                    shorten_for_message(&earlier.text)
                );
                found.errors.push(YamlFault::new(name.at, what).with_help("move it up, or remove it"));
                break;
            }
        }
    }
}

/// An exemption that asks no more than its rule exempts everything that the rule is about.
fn inspect_exemption(files: &[PolicyFile], exemption: &YamlNode, found: &mut FileFindings) {
    let (Some(id), Some(when)) =
        (find_entry(exemption, "rule").and_then(scalar_text), find_entry(exemption, "when"))
    else {
        return;
    };
    let exempted = list_conjuncts(when);
    let scopes = list_rule_scopes(files, id);
    if !scopes.is_empty() && scopes.iter().all(|scope| covers_conjuncts(&exempted, scope)) {
        let what = format!("this exempts every change that `{}` applies to", shorten_for_message(id));
        let help = "exempt fewer changes, or switch the rule off with a reason";
        found.errors.push(YamlFault::new(when.at, what).with_help(help));
    }
}

/// Returns what a change has to fulfil for the rule to apply: one list for each class that it is for.
fn list_rule_scopes<'files>(files: &'files [PolicyFile], id: &str) -> Vec<Vec<WrittenPredicate<'files>>> {
    let when = find_rule_value(files, id, "when").map(list_conjuncts).unwrap_or_default();
    let Some(names) = find_rule_value(files, id, "for") else { return vec![when] };
    let classes = files.iter().rev().find_map(|file| find_entry(&file.node, "classes"));
    let mut scopes = Vec::new();
    for name in list_texts(names) {
        let mut scope = when.clone();
        if let Some(class) = classes.and_then(|classes| find_entry(classes, name)) {
            scope.extend(list_conjuncts(class));
        }
        scopes.push(scope);
    }
    scopes
}

/// Returns the value of a rule's key, from the last file that states it.
fn find_rule_value<'files>(files: &'files [PolicyFile], id: &str, key: &str) -> Option<&'files YamlNode> {
    files.iter().rev().find_map(|file| {
        find_entry(&file.node, "rules")
            .and_then(|rules| find_entry(rules, id))
            .and_then(|rule| find_entry(rule, key))
    })
}
