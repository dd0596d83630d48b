//! Faults that follow from others, and faults of packs that policies cause: each is told once, in the file
//! and at the place that has to change.

use crate::policy::faults::FaultyFile;
use crate::policy::load::loader::{PolicyLoader, SourcedNode};
use crate::policy::packs::find_pack;
use crate::yaml::decode::offer_word;
use crate::yaml::{ExpectedValue, YamlFault, YamlNode, YamlPlace, YamlValue};

/// The keys that define what other parts of a policy name.
const DEFINING_KEYS: [&str; 5] = ["extends", "people", "fields", "classes", "rules"];

/// A key that only the top of a policy has.
const TOP_KEY: &str = "changegate";

/// Returns true if a key that defines names is misspelt at the top of a file, so that the names it defines
/// are not known: its fault already offers the right key.
pub(crate) fn hides_names(loader: &PolicyLoader<'_>) -> bool {
    let offers = DEFINING_KEYS.map(offer_word);
    loader.list_faults().any(|fault| {
        let is_top_key =
            matches!(&fault.expected, ExpectedValue::Keys(keys) if keys.iter().any(|key| key == TOP_KEY));
        is_top_key && fault.help.as_ref().is_some_and(|help| offers.contains(help))
    })
}

/// Removes the faults that tell of a missing name: the part of the policy that defines it could not be read.
pub(crate) fn drop_missing_names(files: &mut Vec<FaultyFile>) {
    for file in files.iter_mut() {
        file.faults.retain(|fault| fault.expected != ExpectedValue::DefinedName);
    }
    files.retain(|file| !file.faults.is_empty());
}

/// Moves the faults of packs to the policy that causes them, each told once; a pack by itself keeps its own.
pub(crate) fn adopt_pack_faults(loader: &mut PolicyLoader<'_>) {
    let Some(user) = PackUser::find_user(loader) else { return };
    for file in 0..loader.nodes().len() {
        let name = loader.file_name(file);
        if find_pack(name).is_none() {
            continue;
        }
        for fault in loader.take_faults(file) {
            let (file, adopted) = user.adopt_fault(name, &fault);
            let faults = loader.faults_of(file);
            if faults.iter().all(|known| known.at != adopted.at || !known.what.ends_with(&fault.what)) {
                faults.push(adopted);
            }
        }
    }
}

/// Where a policy of the user takes up packs: the index of its file, what it extends, and the fields that it
/// defines in its own way.
struct PackUser<'nodes> {
    file: usize,
    extends_at: YamlPlace,
    fields: Vec<(usize, &'nodes str, YamlPlace)>,
}

impl<'nodes> PackUser<'nodes> {
    /// Finds the file that was asked for; `None` if that is a pack itself.
    fn find_user(loader: &PolicyLoader<'nodes>) -> Option<Self> {
        let file = loader.nodes().len().checked_sub(1)?;
        if find_pack(loader.file_name(file)).is_some() {
            return None;
        }
        let extends_at = loader.find_last_node("extends").map_or(YamlPlace::default(), |found| found.node.at);
        let mut fields = Vec::new();
        for SourcedNode { file, node } in loader.find_nodes("fields") {
            if find_pack(loader.file_name(file)).is_none() {
                fields.extend(list_keys(node).map(|(name, at)| (file, name, at)));
            }
        }
        Some(PackUser { file, extends_at, fields })
    }

    /// Returns a fault of a shipped pack as one of the policy that uses it, with the index of its file: a pack
    /// has faults only if a policy defines a field in another way than the rules of the pack ask for it.
    fn adopt_fault(&self, pack: &str, fault: &YamlFault) -> (usize, YamlFault) {
        let is_named = |name: &str| fault.what.contains(&format!("`{name}`"));
        let field = self.fields.iter().rev().find(|(_, name, _)| is_named(name));
        let (file, at) = field.map_or((self.file, self.extends_at), |(file, _, at)| (*file, *at));
        let what = format!("line {} of `{pack}` cannot be read with this: {}", fault.at.line, fault.what);
        let help = match field {
            Some((_, name, _)) => {
                format!(
                    "define `{name}` as `{pack}` does, or under another name; or change the rules that ask for it"
                )
            }
            None => format!("to see its rules: changegate policy show --pack {pack}"),
        };
        (file, YamlFault::new(at, what).with_help(help))
    }
}

/// Returns the keys of a map with their places.
fn list_keys(node: &YamlNode) -> impl Iterator<Item = (&str, YamlPlace)> {
    let entries = match &node.value {
        YamlValue::Map(entries) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|(key, _)| (key.text.as_str(), key.at))
}
