//! The entries of a roster, as they are written: read from its YAML, and written as YAML again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::civil::Date;

use crate::cli::people::roster_layout::RosterLayout;
use crate::people::PeopleDirectory;
use crate::people::service::{DaySpan, PersonKind, TeamDelegation};
use crate::yaml::{ExpectedValue, YamlFault, YamlNode, YamlValue, read_list_document};

/// One entry of a roster.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RosterEntry {
    /// The key that stands for the person.
    pub(super) key: String,
    /// What the person is called.
    pub(super) name: Option<String>,
    pub(super) kind: PersonKind,
    pub(super) addresses: Vec<String>,
    pub(super) accounts: Vec<String>,
    /// The days from `joined` to `left`.
    pub(super) days: DaySpan,
    pub(super) trained_until: Option<Date>,
    pub(super) teams: BTreeMap<String, Vec<DaySpan>>,
    pub(super) delegations: Vec<TeamDelegation>,
    pub(super) signing_keys: Vec<String>,
}

/// A roster with the comment that it begins with.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RosterText {
    /// The lines of comment before everything else.
    pub(super) head: String,
    pub(super) entries: Vec<RosterEntry>,
    /// The entries as they were read.
    written: Vec<RosterEntry>,
    /// How they were written; `None` where that cannot be kept.
    layout: Option<RosterLayout>,
}

impl RosterText {
    /// Reads a roster.
    ///
    /// # Errors
    ///
    /// Returns every fault. Whether a team is one of the policy, is not asked here.
    pub(super) fn read_roster(source: &[u8]) -> Result<RosterText, Vec<YamlFault>> {
        let node = read_list_document(source)?;
        let mut faults = Vec::new();
        let mut people = PeopleDirectory::default();
        people.read_roster(&node, &mut faults);
        faults.retain(|fault| fault.expected != ExpectedValue::DefinedName);
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut entries = Vec::new();
        let mut places = Vec::new();
        for (key, node) in list_map(find_value(&node, "people")) {
            places.push((key.at.line, key.at.column));
            let record = people.find_service_record(&key.text).unwrap_or_default().into_owned();
            entries.push(RosterEntry {
                key: key.text.clone(),
                name: list_texts(find_value(node, "name")).pop(),
                kind: record.kind,
                addresses: list_texts(find_value(node, "addresses")),
                accounts: list_texts(find_value(node, "accounts")),
                days: record.days,
                trained_until: record.trained_until,
                teams: record.teams,
                delegations: record.delegations,
                signing_keys: list_texts(find_value(node, "keys")),
            });
        }
        let text = String::from_utf8_lossy(source);
        let is_head = |line: &&str| line.starts_with('#') || line.trim().is_empty();
        let head: String = text.split_inclusive('\n').take_while(is_head).collect();
        let layout = RosterLayout::divide_text(text.strip_prefix('\u{feff}').unwrap_or(&text), &places);
        Ok(RosterText { head, written: entries.clone(), entries, layout })
    }

    /// Returns true if no entry is another one than was read, and none is new.
    pub(super) fn is_as_read(&self) -> bool {
        self.entries == self.written
    }

    /// Returns the roster as YAML in which the entries that do not change stay as they were written, with their comments,
    /// as far as what comes of it is read as the same entries.
    pub(super) fn render_update(&self) -> String {
        if let Some(layout) = &self.layout {
            let mut changed = Vec::new();
            for (place, entry) in self.entries.iter().enumerate() {
                changed.push((self.written.get(place) != Some(entry)).then(|| entry.render_lines()));
            }
            let text = layout.render_layout(&changed);
            let read = RosterText::read_roster(text.as_bytes());
            if read.is_ok_and(|read| read.entries == self.entries) {
                return text;
            }
        }
        self.render_roster()
    }

    /// Returns the roster as YAML.
    pub(super) fn render_roster(&self) -> String {
        let mut text = self.head.clone();
        text.push_str("people:\n");
        for entry in &self.entries {
            for line in entry.render_lines().lines() {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "  {line}");
            }
        }
        text
    }

    /// Returns a key that no entry has, made of a name or a login.
    pub(super) fn choose_key(&self, wanted: &str) -> String {
        let mut plain = String::new();
        for character in wanted.chars().flat_map(char::to_lowercase) {
            match character {
                one if one.is_ascii_alphanumeric() => plain.push(one),
                _ if plain.ends_with('-') || plain.is_empty() => {}
                _ => plain.push('-'),
            }
        }
        let plain = plain.trim_end_matches('-');
        let plain = if plain.is_empty() { "person" } else { plain };
        let known: BTreeSet<&str> = self.entries.iter().map(|entry| entry.key.as_str()).collect();
        if !known.contains(plain) {
            return plain.to_owned();
        }
        let numbered = (2_u32..).map(|number| format!("{plain}-{number}"));
        numbered.into_iter().find(|key| !known.contains(key.as_str())).unwrap_or_default()
    }
}

impl RosterEntry {
    /// Returns the lines of the entry, without what they are indented by.
    fn render_lines(&self) -> String {
        let mut text = format!("{}:\n", quote_scalar(&self.key));
        let mut add = |key: &str, value: String| {
            let _ = writeln!(text, "  {key}: {value}");
        };
        if let Some(name) = &self.name {
            add("name", quote_scalar(name));
        }
        if self.kind.is_machine() {
            add("kind", self.kind.word().to_owned());
        }
        add("addresses", render_list(&self.addresses));
        if !self.accounts.is_empty() {
            add("accounts", render_list(&self.accounts));
        }
        for (key, day) in
            [("joined", self.days.from), ("left", self.days.until), ("trained-until", self.trained_until)]
        {
            if let Some(day) = day {
                add(key, day.to_string());
            }
        }
        if !self.teams.is_empty() {
            let teams: Vec<String> = self
                .teams
                .iter()
                .map(|(team, spans)| format!("{}: {}", quote_scalar(team), render_spans(spans)))
                .collect();
            add("teams", format!("{{ {} }}", teams.join(", ")));
        }
        if !self.delegations.is_empty() {
            let delegations: Vec<String> = self.delegations.iter().map(render_delegation).collect();
            add("delegate", format!("[{}]", delegations.join(", ")));
        }
        if !self.signing_keys.is_empty() {
            add("keys", render_list(&self.signing_keys));
        }
        text
    }
}

fn render_delegation(delegation: &TeamDelegation) -> String {
    let days = render_days(delegation.days);
    let days = if days.is_empty() { String::new() } else { format!(", {days}") };
    format!("{{ to: {}, for: {}{days} }}", quote_scalar(&delegation.to), render_list(&delegation.teams))
}

fn render_spans(spans: &[DaySpan]) -> String {
    let rendered: Vec<String> = spans
        .iter()
        .map(|span| if span.is_open() { "null".to_owned() } else { format!("{{ {} }}", render_days(*span)) })
        .collect();
    match rendered.as_slice() {
        [only] => only.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

fn render_days(span: DaySpan) -> String {
    let from = span.from.map(|day| format!("from: {day}"));
    let until = span.until.map(|day| format!("until: {day}"));
    from.into_iter().chain(until).collect::<Vec<String>>().join(", ")
}

fn render_list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quote_scalar(item)).collect();
    format!("[{}]", items.join(", "))
}

/// Returns a text as YAML has it: in quotation marks, unless it is a plain word in every reader of YAML.
fn quote_scalar(text: &str) -> String {
    let mut bytes = text.bytes();
    let is_plain = bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.@".contains(&byte))
        && text.len() > 1
        && !["null", "true", "false", "yes", "no", "on", "off"].contains(&text);
    if is_plain {
        return text.to_owned();
    }
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(character);
            }
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            one if is_escaped(one) => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(one));
            }
            one => quoted.push(one),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns true for a character that YAML does not allow as it is, or that nobody sees.
fn is_escaped(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn find_value<'node>(node: &'node YamlNode, key: &str) -> Option<&'node YamlNode> {
    list_map(Some(node)).iter().find(|(given, _)| given.text == key).map(|(_, value)| value)
}

fn list_map(node: Option<&YamlNode>) -> &[(crate::yaml::YamlKey, YamlNode)] {
    match node.map(|node| &node.value) {
        Some(YamlValue::Map(entries)) => entries,
        _ => &[],
    }
}

fn list_texts(node: Option<&YamlNode>) -> Vec<String> {
    match node.map(|node| &node.value) {
        Some(YamlValue::Scalar { text, .. }) => vec![text.clone()],
        Some(YamlValue::List(items)) => items.iter().flat_map(|item| list_texts(Some(item))).collect(),
        _ => Vec::new(),
    }
}
