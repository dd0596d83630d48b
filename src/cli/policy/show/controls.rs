//! Control by control: the rules that serve it, and the controls that the packs know and no rule names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::audit::procedure::words::describe_effect;
use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::policy::show::content::{ControlRule, ShownControl};
use crate::gate::given_file::refuse_waiting_file;
use crate::gate::load_from_pack;
use crate::policy::{Policy, Rule, packs};
use crate::verdict::{RuleDescription, RuleLevel};
use crate::yaml::shorten_for_message;

/// The framework whose controls come first.
const FIRST_FRAMEWORK: &str = "iso27001";

/// How many bytes a list of controls can have.
const MAX_LIST_BYTES: u64 = 1_000_000;

/// Returns the controls of the list `wanted`, in its order; without it every control that the policy or a pack names, those
/// of ISO 27001 first. Of the rules, only those count that are among `applying`; all of them without it.
pub(super) fn list_controls(
    policy: &Policy,
    applying: Option<&BTreeSet<String>>,
    wanted: Option<&[String]>,
) -> Vec<ShownControl> {
    let mut known: BTreeMap<String, [Vec<ControlRule>; 2]> = BTreeMap::new();
    if wanted.is_none() {
        known.extend(list_pack_controls().into_iter().map(|control| (control, Default::default())));
    }
    let applies = |rule: &&Rule| applying.is_none_or(|ids| ids.contains(rule.description.id.as_str()));
    for rule in policy.rules.iter().filter(applies) {
        for control in &rule.description.controls {
            let effect = (rule.level == RuleLevel::Warn).then(|| describe_effect(rule));
            let [judging, _] = known.entry(control.clone()).or_default();
            judging.push(name_control_rule(&rule.description, effect));
        }
    }
    for rule in policy.switched_off.iter().filter(|_| applying.is_none()) {
        for control in &rule.description.controls {
            let effect = Some(format!("Off: {}", rule.reason));
            let [_, switched_off] = known.entry(control.clone()).or_default();
            switched_off.push(name_control_rule(&rule.description, effect));
        }
    }
    let build =
        |id: String, [rules, switched_off]: [Vec<ControlRule>; 2]| ShownControl { id, rules, switched_off };
    if let Some(wanted) = wanted {
        let take = |id: &String| build(id.clone(), known.remove(id).unwrap_or_default());
        return wanted.iter().map(take).collect();
    }
    let mut controls: Vec<ShownControl> = known.into_iter().map(|(id, rules)| build(id, rules)).collect();
    controls.sort_by_cached_key(|control| {
        (
            framework_of(&control.id) != FIRST_FRAMEWORK,
            framework_of(&control.id).to_owned(),
            number_parts(&control.id),
        )
    });
    controls
}

fn name_control_rule(rule: &RuleDescription, effect: Option<String>) -> ControlRule {
    ControlRule { id: rule.id.to_string(), title: rule.title.clone(), effect }
}

/// Reads a list of controls, each once: the first word of each line, such as `iso27001:A.8.32`. Empty lines, and what stands behind
/// `#`, count for nothing.
///
/// # Errors
///
/// Fails if the file cannot be read, is too large, names no control, or has a line that is none.
pub(super) fn read_control_list(file: &Path, context: &Context) -> Result<Vec<String>, CommandError> {
    let named = shorten_for_message(&file.to_string_lossy());
    let path = context.resolve_path(file);
    let fail = |why: String| CommandError::Usage(format!("`{named}` cannot be read: {why}"));
    let length = refuse_waiting_file(&path).map_err(|error| fail(error.to_string()))?.len();
    if length > MAX_LIST_BYTES {
        return Err(fail(format!("it is larger than {MAX_LIST_BYTES} bytes")));
    }
    let text = fs::read_to_string(&path).map_err(|error| fail(error.to_string()))?;
    let mut controls: Vec<String> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let Some(id) = line.split_whitespace().next() else { continue };
        if !matches!(id.split_once(':'), Some((framework, id)) if !framework.is_empty() && !id.is_empty()) {
            return Err(CommandError::Usage(format!(
                "line {} of `{named}`: `{}` is no control, as `iso27001:A.8.32` is",
                number + 1,
                shorten_for_message(id)
            )));
        }
        if !controls.iter().any(|known| known == id) {
            controls.push(id.to_owned());
        }
    }
    if controls.is_empty() {
        return Err(CommandError::Usage(format!("`{named}` names no control")));
    }
    Ok(controls)
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
