//! The classes of changes, and their names.

use std::collections::HashMap;

use crate::policy::definition::ChangeClass;
use crate::policy::load::loader::{PolicyLoader, SourcedNode};
use crate::predicates::PolicyScope;
use crate::predicates::support::condition::Condition;
use crate::verdict::ClassId;
use crate::yaml::decode::read_entries;
use crate::yaml::{YamlFault, shorten_for_message};

/// The classes that rules may name.
pub(crate) struct ClassIndex<'classes> {
    pub(crate) classes: &'classes [ChangeClass],
    pub(crate) places: HashMap<&'classes str, usize>,
}

impl<'classes> ClassIndex<'classes> {
    /// Looks at the names of the classes.
    pub(crate) fn index_classes(classes: &'classes [ChangeClass]) -> Self {
        let mut places = HashMap::new();
        for (place, class) in classes.iter().enumerate() {
            places.entry(class.id.as_str()).or_insert(place);
        }
        ClassIndex { classes, places }
    }
}

/// Reads the classes of the last file that has any.
pub(crate) fn read_classes(loader: &mut PolicyLoader<'_>, scope: &PolicyScope<'_>) -> Vec<ChangeClass> {
    let Some(SourcedNode { file, node }) = loader.find_last_node("classes") else { return Vec::new() };
    let faults = loader.faults_of(file);
    let mut classes: Vec<ChangeClass> = Vec::new();
    for (key, node) in read_entries(node, faults) {
        if let Some(when) = Condition::read_condition(node, scope, faults) {
            classes.push(ChangeClass { id: ClassId::new(&key.text), when });
        }
    }
    let Some((_, earlier)) = classes.split_last() else { return classes };
    if let Some(first) = earlier.iter().find(|class| class.when.is_empty()) {
        let name = shorten_for_message(first.id.as_str());
        let what = format!("every change is of the class `{name}`, so no later one is reached");
        faults.push(YamlFault::new(node.at, what).with_help("move it to the end"));
    }
    classes
}
