//! What a `.mailmap` says: which names and addresses are those of one person.

use crate::change::{Person, Text};

/// What a `.mailmap` says, as in gitmailmap(5).
#[derive(Clone, Debug, Default)]
pub(super) struct Mailmap {
    entries: Vec<MailmapEntry>,
}

#[derive(Clone, Debug, PartialEq)]
struct MailmapEntry {
    proper_name: Option<Text>,
    proper_address: Option<Text>,
    commit_name: Option<Text>,
    commit_address: Text,
}

impl Mailmap {
    /// Reads a `.mailmap`; lines that say nothing are left out, as git does.
    pub(super) fn parse_mailmap(text: &[u8]) -> Self {
        let mut entries = Vec::new();
        for line in text.split(|byte| *byte == b'\n') {
            if !line.starts_with(b"#") {
                entries.extend(parse_mailmap_line(line));
            }
        }
        Mailmap { entries }
    }

    /// Returns the proper name and address of a person.
    pub(super) fn find_proper_person(&self, person: &Person) -> Person {
        // The last entry of an address counts; one that names the person as well goes first.
        for with_name in [true, false] {
            for entry in self.entries.iter().rev() {
                if entry.matches_person(person) && entry.commit_name.is_some() == with_name {
                    return Person {
                        name: entry.proper_name.clone().unwrap_or_else(|| person.name.clone()),
                        email: entry.proper_address.clone().unwrap_or_else(|| person.email.clone()),
                    };
                }
            }
        }
        person.clone()
    }
}

impl MailmapEntry {
    fn matches_person(&self, person: &Person) -> bool {
        let is_same = |one: &Text, other: &Text| one.as_bytes().eq_ignore_ascii_case(other.as_bytes());
        is_same(&self.commit_address, &person.email)
            && self.commit_name.as_ref().is_none_or(|name| is_same(name, &person.name))
    }
}

/// Reads `Proper Name <proper@address> Commit Name <commit@address>`, of which most may be left out.
fn parse_mailmap_line(line: &[u8]) -> Option<MailmapEntry> {
    let (first_name, first_address, rest) = split_person(line)?;
    let Some((second_name, second_address, _)) = split_person(rest) else {
        return Some(MailmapEntry {
            proper_name: Some(first_name?),
            proper_address: None,
            commit_name: None,
            commit_address: first_address,
        });
    };
    Some(MailmapEntry {
        proper_name: first_name,
        proper_address: Some(first_address),
        commit_name: second_name,
        commit_address: second_address,
    })
}

/// Splits `Name <address>` and what follows; the name may be left out.
fn split_person(line: &[u8]) -> Option<(Option<Text>, Text, &[u8])> {
    let open = line.iter().position(|byte| *byte == b'<')?;
    let (name, rest) = line.split_at_checked(open)?;
    let rest = rest.strip_prefix(b"<")?;
    let close = rest.iter().position(|byte| *byte == b'>')?;
    let (address, rest) = rest.split_at_checked(close)?;
    let name = name.trim_ascii();
    Some(((!name.is_empty()).then(|| Text::from(name)), Text::from(address), rest.strip_prefix(b">")?))
}
