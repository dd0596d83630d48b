//! The catalogue of standard changes: what was approved once, for every change that keeps to it.
//!
//! An entry says which paths such a change may touch, how large it may be, who may make it, and who
//! approved that until when. The policy holds the catalogue, or names the file that does; both are read
//! from the target as it was before the change. Whether a change keeps to its entry is asked by the
//! predicate `standard-change`.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::pattern::{NamePattern, PathPattern};
use crate::people::PeopleDirectory;
use crate::yaml::decode::{
    MapReader, parse_each, read_at_most, read_day, read_entries, read_items, read_text, unknown_word_fault,
};
use crate::yaml::{YamlFault, YamlKey, YamlNode, shorten_for_message};

/// How many bytes the id of an entry may have.
const MAX_ID_BYTES: usize = 64;

/// How many days may lie between the approval of an entry and its review: two years.
const MAX_APPROVED_DAYS: i32 = 2 * 366;

/// The standard changes that a policy knows, by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StandardCatalogue {
    entries: BTreeMap<String, StandardChange>,
}

/// A kind of change that was approved in advance.
#[derive(Clone, Debug, PartialEq)]
pub struct StandardChange {
    /// What it is called, for people; it decides nothing.
    pub title: Option<String>,
    /// The paths that it may touch; never empty.
    pub paths: Vec<PathPattern>,
    /// How many files it may change; `None` for any number.
    pub max_files: Option<u64>,
    /// How many lines it may add and remove; `None` for any number.
    pub max_lines: Option<u64>,
    /// Who may make it; `None` for every contributor.
    pub makers: Option<StandardMakers>,
    /// Who approved the entry, as the catalogue names them.
    pub approved_by: String,
    /// The day of the approval, which is the first on which the entry counts.
    pub approved_on: Date,
    /// The last day on which the entry counts.
    pub review_by: Date,
}

/// Who may make a standard change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StandardMakers {
    /// The teams, by name, whose members may.
    pub teams: Vec<String>,
    /// The bots that may, by account or address.
    pub bots: Vec<NamePattern>,
}

impl StandardMakers {
    /// Returns true if one of the bots has this name, account or address.
    pub(crate) fn includes_bot(&self, name: &[u8]) -> bool {
        self.bots.iter().any(|bot| bot.matches_name(name))
    }
}

impl StandardCatalogue {
    /// Reads the entries of a catalogue, a map by id. An entry replaces an earlier one of the same id.
    pub fn read_entries(&mut self, node: &YamlNode, people: &PeopleDirectory, faults: &mut Vec<YamlFault>) {
        for (key, node) in read_entries(node, faults) {
            if !is_entry_id(&key.text) {
                let id = shorten_for_message(&key.text);
                let what =
                    format!("`{id}` cannot be the id of a standard change: only letters, digits and `-`");
                faults.push(YamlFault::new(key.at, what));
            }
            if let Some(entry) = StandardChange::read_entry(node, people, faults) {
                self.entries.insert(key.text.clone(), entry);
            }
        }
    }

    /// Reads a catalogue that is a file of its own: a map with `standard-changes`.
    pub fn read_file(&mut self, node: &YamlNode, people: &PeopleDirectory, faults: &mut Vec<YamlFault>) {
        let Some(mut map) = MapReader::new(node, faults) else { return };
        if let Some(entries) = map.require_key("standard-changes", faults) {
            self.read_entries(entries, people, faults);
            if read_entries(entries, &mut Vec::new()).is_empty() {
                faults.push(YamlFault::new(entries.at, "the catalogue has no entries"));
            }
        }
        map.refuse_unknown_keys(faults);
    }

    /// Returns the entry with this id.
    pub fn find_entry(&self, id: &str) -> Option<&StandardChange> {
        self.entries.get(id)
    }

    /// Returns the ids and the entries, in the order of the ids.
    pub fn list_entries(&self) -> impl Iterator<Item = (&str, &StandardChange)> {
        self.entries.iter().map(|(id, entry)| (id.as_str(), entry))
    }

    /// Returns true if both hold the same entries, whatever those are called.
    pub(crate) fn has_same_entries(&self, other: &StandardCatalogue) -> bool {
        self.entries.len() == other.entries.len()
            && self.entries.iter().zip(&other.entries).all(|((id, one), (other_id, other))| {
                id == other_id && *one == StandardChange { title: one.title.clone(), ..other.clone() }
            })
    }

    /// Returns true if the catalogue has no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl StandardChange {
    /// Returns true on a day from its approval to its review, both included, in UTC.
    pub(crate) fn counts_on(&self, day: Date) -> bool {
        self.approved_on <= day && day <= self.review_by
    }

    /// Returns true if such a change may touch this path.
    pub(crate) fn allows_path(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| pattern.matches_path(path.as_bytes()))
    }

    /// Reads one entry; `None` if it has a fault. Every key is read first, so that all faults are
    /// reported together.
    pub(crate) fn read_entry(
        node: &YamlNode,
        people: &PeopleDirectory,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let title = map.find_key("title").and_then(|node| read_text(node, faults)).map(str::to_owned);
        let mut paths = Vec::new();
        if let Some(node) = map.require_key("paths", faults) {
            paths = parse_each(node, faults, parse_bounded_pattern);
        }
        let (mut max_files, mut max_lines) = (None, None);
        if let Some(node) = map.find_key("size")
            && let Some(mut size) = MapReader::new(node, faults)
        {
            max_files = size.find_key("files").and_then(|node| read_at_most(node, faults));
            max_lines = size.find_key("lines").and_then(|node| read_at_most(node, faults));
            size.refuse_unknown_keys(faults);
            if before == faults.len() && max_files.or(max_lines).is_none() {
                faults.push(YamlFault::new(node.at, "expected one of files, lines"));
            }
        }
        let makers = map.find_key("who").and_then(|node| StandardMakers::read_makers(node, people, faults));
        let approved_by = map
            .require_key("approved-by", faults)
            .and_then(|node| read_text(node, faults))
            .map(str::to_owned);
        let approved_on = map.require_key("approved-on", faults).and_then(|node| read_day(node, faults));
        let review = map.require_key("review-by", faults);
        let review_by = review.and_then(|node| read_day(node, faults));
        if let (Some(node), Some(from), Some(until)) = (review, approved_on, review_by) {
            check_review_day(node, from, until, faults);
        }
        map.refuse_unknown_keys(faults);
        if faults.len() > before {
            return None;
        }
        Some(StandardChange {
            title,
            paths,
            max_files,
            max_lines,
            makers,
            approved_by: approved_by?,
            approved_on: approved_on?,
            review_by: review_by?,
        })
    }
}

impl StandardMakers {
    fn read_makers(node: &YamlNode, people: &PeopleDirectory, faults: &mut Vec<YamlFault>) -> Option<Self> {
        let before = faults.len();
        let mut makers = StandardMakers::default();
        let mut map = MapReader::new(node, faults)?;
        if let Some(node) = map.find_key("teams") {
            for item in read_items(node, faults) {
                let Some(name) = read_text(item, faults) else { continue };
                if !people.team_names().any(|team| team == name) {
                    let key = YamlKey { at: item.at, text: name.to_owned() };
                    faults.push(unknown_word_fault("team", &key, people.team_names()));
                }
                makers.teams.push(name.to_owned());
            }
        }
        if let Some(node) = map.find_key("bots") {
            makers.bots = parse_each(node, faults, NamePattern::new);
        }
        map.refuse_unknown_keys(faults);
        if before == faults.len() && makers.teams.is_empty() && makers.bots.is_empty() {
            faults.push(YamlFault::new(node.at, "expected one of bots, teams"));
        }
        (before == faults.len()).then_some(makers)
    }
}

/// Leaves a fault where an entry could never count, or would count for too long.
fn check_review_day(node: &YamlNode, from: Date, until: Date, faults: &mut Vec<YamlFault>) {
    let days = from.until(until).map_or(i32::MAX, |span| span.get_days());
    if days < 0 {
        faults.push(YamlFault::new(node.at, "this entry is due for a review before it was approved"));
    } else if days > MAX_APPROVED_DAYS {
        let fault = YamlFault::new(node.at, "an approval in advance counts for at most two years");
        faults.push(fault.with_help("name an earlier day, and approve the entry anew on it"));
    }
}

/// Reads a pattern of paths; one that matches every path bounds nothing.
fn parse_bounded_pattern(written: &str) -> Result<PathPattern, String> {
    let pattern = PathPattern::new(written)?;
    if written.bytes().all(|byte| matches!(byte, b'*' | b'/' | b'?')) {
        return Err(
            "this matches every path, and a standard change is bounded; expected one such as `docs/**`"
                .into(),
        );
    }
    Ok(pattern)
}

fn is_entry_id(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !id.is_empty() && id.len() <= MAX_ID_BYTES && id.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    fn faults_of(entry: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let people = read_document(b"teams: { platform: [ana@example.com] }").unwrap();
        let people = PeopleDirectory::read_people(&people, &mut faults);
        let node = read_document(format!("standard-changes: {{ {entry} }}").as_bytes()).unwrap();
        StandardCatalogue::default().read_file(&node, &people, &mut faults);
        faults.into_iter().map(|fault| fault.what).collect()
    }

    #[test]
    fn an_entry_says_what_is_allowed_who_allowed_it_and_until_when() {
        let good = "paths: ['**/Cargo.lock'], size: { files: { at-most: 3 } }, who: { teams: [platform], \
                    bots: ['renovate[bot]'] }, approved-by: Dana Fox, approved-on: 2026-05-04, review-by: \
                    2027-05-04";
        assert_eq!(faults_of(&format!("STD-DEPS: {{ {good} }}")), [""; 0]);
        for (was, is, wanted) in [
            ("paths: ['**/Cargo.lock'], ", "", "`paths` is missing here"),
            ("'**/Cargo.lock'", "'**'", "this matches every path"),
            ("'**/Cargo.lock'", "'*/**'", "this matches every path"),
            ("approved-by: Dana Fox, ", "", "`approved-by` is missing here"),
            ("approved-on: 2026-05-04, ", "", "`approved-on` is missing here"),
            (", review-by: 2027-05-04", "", "`review-by` is missing here"),
            ("2027-05-04", "2026-05-03", "before it was approved"),
            ("2027-05-04", "2029-05-04", "at most two years"),
            ("[platform]", "[platfrom]", "unknown team `platfrom`"),
            ("teams: [platform], bots: ['renovate[bot]']", "", "expected one of bots, teams"),
            ("files: { at-most: 3 }", "", "expected one of files, lines"),
            ("files:", "filse:", "unknown key `filse`"),
            ("approved-by", "aproved-by", "`approved-by` is missing here"),
        ] {
            let edited = good.replace(was, is);
            assert_ne!(edited, good, "{was}");
            let faults = faults_of(&format!("STD-DEPS: {{ {edited} }}"));
            assert!(faults.iter().any(|fault| fault.contains(wanted)), "{edited}: {faults:?}");
        }
        assert!(faults_of(&format!("'STD DEPS': {{ {good} }}"))[0].contains("cannot be the id"));
        assert_eq!(faults_of(""), ["the catalogue has no entries"]);
    }
}
