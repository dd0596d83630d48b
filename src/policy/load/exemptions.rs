//! Exemptions: which changes may break a rule, and until when.

use std::collections::{HashMap, HashSet};

use crate::policy::definition::{Rule, RuleExemption};
use crate::policy::load::loader::{PolicyLoader, SourcedNode};
use crate::predicates::PolicyScope;
use crate::predicates::support::condition::Condition;
use crate::verdict::ExemptionId;
use crate::yaml::decode::{MapReader, read_day, read_items, read_text, unknown_word_fault};
use crate::yaml::{YamlFault, YamlKey, YamlNode};

/// The rules that exemptions may name.
#[derive(Default)]
pub(crate) struct ExemptibleRules<'rules> {
    /// The ids of all rules, in their order.
    ids: Vec<&'rules str>,
    known: HashSet<&'rules str>,
    /// The indexes of the rules that are switched on.
    places: HashMap<&'rules str, usize>,
}

impl<'rules> ExemptibleRules<'rules> {
    fn index_rules(ids: &[&'rules str], rules: &'rules [Rule]) -> Self {
        let mut places = HashMap::new();
        for (place, rule) in rules.iter().enumerate() {
            places.entry(rule.description.id.as_str()).or_insert(place);
        }
        ExemptibleRules { ids: ids.to_vec(), known: ids.iter().copied().collect(), places }
    }
}

/// Reads the exemptions of all files. `ids` has every rule, and `rules` those that are switched on.
pub(crate) fn read_exemptions(
    loader: &mut PolicyLoader<'_>,
    ids: &[&str],
    rules: &[Rule],
    scope: &PolicyScope<'_>,
) -> Vec<RuleExemption> {
    let mut exemptions = Vec::new();
    let known = ExemptibleRules::index_rules(ids, rules);
    for SourcedNode { file, node } in loader.find_nodes("exemptions") {
        let name = loader.file_name(file);
        let faults = loader.faults_of(file);
        for item in read_items(node, faults) {
            exemptions.extend(read_exemption(item, name, &known, scope, faults));
        }
    }
    exemptions
}

/// Reads an exemption; `None` if it has a fault, or if its rule is switched off and it has no effect.
pub(crate) fn read_exemption(
    node: &YamlNode,
    file: &str,
    rules: &ExemptibleRules<'_>,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Option<RuleExemption> {
    let mut map = MapReader::new(node, faults)?;
    let rule_index = read_exempted_rule(&mut map, rules, faults);
    let when = read_exempted_changes(&mut map, scope, faults);
    let reason = read_required_text(&mut map, "reason", faults);
    let approved_by = read_required_text(&mut map, "approved-by", faults);
    let mut until = None;
    if let Some(node) = map.require_key("until", faults) {
        until = read_day(node, faults);
    }
    map.refuse_unknown_keys(faults);
    Some(RuleExemption {
        rule_index: rule_index?,
        when: when?,
        reason: reason?,
        approved_by: approved_by?,
        until: until?,
        id: ExemptionId::new(format!("{file}:{}", node.at.line)),
    })
}

/// Returns the index of the rule that an exemption names; `None` if the rule is switched off.
fn read_exempted_rule(
    map: &mut MapReader<'_>,
    rules: &ExemptibleRules<'_>,
    faults: &mut Vec<YamlFault>,
) -> Option<usize> {
    let node = map.require_key("rule", faults)?;
    let id = read_text(node, faults)?;
    if !rules.known.contains(id) {
        let key = YamlKey { at: node.at, text: id.to_owned() };
        faults.push(unknown_word_fault("rule", &key, rules.ids.iter().copied()));
    }
    rules.places.get(id).copied()
}

fn read_exempted_changes(
    map: &mut MapReader<'_>,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Option<Condition> {
    let node = map.require_key("when", faults)?;
    let condition = Condition::read_condition(node, scope, faults)?;
    if condition.is_empty() {
        let fault = YamlFault::new(node.at, "this exempts every change");
        faults.push(fault.with_help("switch the rule off instead, with a reason"));
    }
    Some(condition)
}

fn read_required_text(
    map: &mut MapReader<'_>,
    key: &'static str,
    faults: &mut Vec<YamlFault>,
) -> Option<String> {
    read_text(map.require_key(key, faults)?, faults).map(str::to_owned)
}
