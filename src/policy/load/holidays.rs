//! The calendars of holidays, read beside the policy.

use crate::people::PeopleDirectory;
use crate::policy::faults::FaultyFile;
use crate::policy::load::files::{FetchedFile, name_root, unreadable_file_fault};
use crate::policy::load::loader::{PolicyLoader, SourcedNode};
use crate::yaml::{YamlFault, YamlPlace, shorten_for_message};

/// Reads the calendars that the policy names; returns them with what is wrong with them.
///
/// A calendar that is missing or broken is a fault of the policy: without it a day of rest would be one like any other.
pub(super) fn fetch_holidays(
    loader: &mut PolicyLoader<'_>,
    people: &mut PeopleDirectory,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
) -> Vec<FaultyFile> {
    let Some(SourcedNode { file, node }) = loader.find_last_node("people") else { return Vec::new() };
    let root = name_root(loader.file_name(file));
    let mut read: Vec<FaultyFile> = Vec::new();
    for name in people.holiday_files().to_vec() {
        if read.iter().any(|known| known.name == name) {
            continue;
        }
        let mut calendar = FaultyFile { name: name.clone(), ..FaultyFile::default() };
        match fetch(&name) {
            Ok(Some(source)) => {
                for fault in people.read_calendar(&name, &source).err().unwrap_or_default() {
                    let at = YamlPlace { line: fault.line, column: 1, length: 1 };
                    calendar.faults.push(YamlFault::new(at, fault.what));
                }
                calendar.source = source;
            }
            Ok(None) => {
                let what = format!("there is no calendar `{}`", shorten_for_message(&name));
                let help = format!("write it, or correct `holidays`, whose paths start from {root}");
                loader.faults_of(file).push(YamlFault::new(node.at, what).with_help(help));
            }
            Err(why) => loader.faults_of(file).push(unreadable_file_fault(&name, node.at, &why)),
        }
        read.push(calendar);
    }
    read
}
