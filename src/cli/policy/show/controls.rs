//! Control by control: the rules that serve it, and the controls that the packs know and no rule names.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::policy::show::content::ShownControl;
use crate::gate::load_from_pack;
use crate::policy::{Policy, packs};

/// The framework whose controls come first.
const FIRST_FRAMEWORK: &str = "iso27001";

/// Returns every control that the policy or a pack names, those of ISO 27001 first.
pub(super) fn list_controls(policy: &Policy) -> Vec<ShownControl> {
    let mut known: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for control in list_pack_controls() {
        known.entry(control).or_default();
    }
    for rule in &policy.rules {
        for control in &rule.description.controls {
            let named = (rule.description.id.to_string(), rule.description.title.clone());
            known.entry(control.clone()).or_default().push(named);
        }
    }
    let mut controls: Vec<ShownControl> =
        known.into_iter().map(|(id, rules)| ShownControl { id, rules }).collect();
    controls.sort_by_cached_key(|control| {
        (
            framework_of(&control.id) != FIRST_FRAMEWORK,
            framework_of(&control.id).to_owned(),
            number_parts(&control.id),
        )
    });
    controls
}

/// Returns the framework that a control is of.
pub(super) fn framework_of(control: &str) -> &str {
    control.split(':').next().unwrap_or(control)
}

/// Returns the controls that the rules of shipped packs name.
fn list_pack_controls() -> BTreeSet<String> {
    let mut controls = BTreeSet::new();
    for pack in packs::POLICY_PACKS {
        let Ok(loaded) = load_from_pack(pack.name) else { continue };
        for rule in &loaded.policy.rules {
            controls.extend(rule.description.controls.iter().cloned());
        }
    }
    controls
}

/// Returns the parts of an id so that A.8.4 comes before A.8.32.
fn number_parts(id: &str) -> Vec<(u64, String)> {
    let (_, id) = id.split_once(':').unwrap_or(("", id));
    let parts = id.split(['.', '-', '(']);
    parts.map(|part| (part.trim_end_matches(')').parse().unwrap_or(0), part.to_owned())).collect()
}
