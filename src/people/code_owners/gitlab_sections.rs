//! A file of code owners by the meaning of GitLab: sections, each of which counts by itself.
//!
//! A pattern without a slash at its start matches at any depth, one without a slash at its end no more than a
//! file of that name. Words that name nobody are left out of their line.

use crate::pattern::PathPattern;
use crate::people::code_owners::owner_entry::{
    IgnoredLine, OwnerEntry, OwnerName, OwnerSection, split_numbered_lines, split_pattern,
};
use crate::yaml::shorten_for_message;

/// Returns the sections of a file, in the order in which they begin; what stands before the first heading is one
/// without a name.
pub(super) fn read_gitlab_sections(source: &[u8], ignored: &mut Vec<IgnoredLine>) -> Vec<OwnerSection> {
    let unnamed = OwnerSection { min_approvals: 1, ..OwnerSection::default() };
    let mut sections = vec![unnamed];
    let mut current = 0;
    let mut default_owners: Vec<OwnerName> = Vec::new();
    for (line, bytes) in split_numbered_lines(source) {
        let mut ignore = |why: String| ignored.push(IgnoredLine { line, why });
        let Ok(text) = std::str::from_utf8(bytes) else {
            ignore("it is not UTF-8".into());
            continue;
        };
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if let Some(heading) = SectionHeading::parse_heading(text) {
            default_owners = read_owners(heading.owners, &mut ignore);
            current = add_heading(&mut sections, &heading);
            continue;
        }
        match read_entry(line, text, &default_owners, &mut ignore) {
            Ok(entry) => {
                if let Some(section) = sections.get_mut(current) {
                    section.entries.push(entry);
                }
            }
            Err(why) => ignore(why),
        }
    }
    sections
}

/// A line that begins a section: `^[Name][2] @default`.
struct SectionHeading<'line> {
    name: &'line str,
    is_optional: bool,
    min_approvals: u64,
    owners: &'line str,
}

impl<'line> SectionHeading<'line> {
    fn parse_heading(text: &'line str) -> Option<Self> {
        let (is_optional, rest) = match text.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (name, rest) = rest.strip_prefix('[')?.split_once(']')?;
        let name = name.trim();
        if name.is_empty() {
            return None;
        }
        let (count, owners) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((count, owners)) => (count, owners),
            None => ("", rest),
        };
        // What is no number, and zero, is one.
        let min_approvals = count.trim().parse::<u64>().unwrap_or(1).clamp(1, 100);
        Some(SectionHeading { name, is_optional, min_approvals, owners })
    }
}

/// Begins a section, or goes on with the one of the same name, and returns its place.
fn add_heading(sections: &mut Vec<OwnerSection>, heading: &SectionHeading<'_>) -> usize {
    let is_same = |section: &OwnerSection| section.name.to_lowercase() == heading.name.to_lowercase();
    let known = sections.iter().skip(1).position(is_same).map(|place| place + 1);
    if let Some(place) = known
        && let Some(section) = sections.get_mut(place)
    {
        section.is_optional &= heading.is_optional;
        section.min_approvals = section.min_approvals.max(heading.min_approvals);
        return place;
    }
    sections.push(OwnerSection {
        name: heading.name.to_owned(),
        is_optional: heading.is_optional,
        min_approvals: heading.min_approvals,
        entries: Vec::new(),
    });
    sections.len() - 1
}

fn read_entry(
    line: usize,
    text: &str,
    default_owners: &[OwnerName],
    ignore: &mut dyn FnMut(String),
) -> Result<OwnerEntry, String> {
    if text.starts_with('[') || text.starts_with("^[") {
        ignore("a heading of a section is written as in `[Name]`, so this is an entry".into());
    }
    let (is_exclusion, text) = match text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (written, rest) = split_pattern(text);
    let pattern = PathPattern::new(&anchor_pattern(written))?;
    let mut owners = if is_exclusion { Vec::new() } else { read_owners(rest, ignore) };
    if owners.is_empty() && !is_exclusion {
        owners = default_owners.to_vec();
        if owners.is_empty() {
            ignore("it names no owner, so nobody has to approve".into());
        }
    }
    Ok(OwnerEntry { line, pattern, is_exact: true, is_exclusion, owners })
}

/// Returns the pattern of gitignore that matches what a pattern of GitLab matches.
fn anchor_pattern(written: &str) -> String {
    let written = match written.strip_prefix("\\#") {
        Some(rest) => format!("#{rest}"),
        None => written.to_owned(),
    };
    if written == "*" {
        return "/**".into();
    }
    let anchored = if written.starts_with('/') { written } else { format!("/**/{written}") };
    if anchored.ends_with('/') { format!("{anchored}**") } else { anchored }
}

/// Returns the owners that a line names. In a comment behind a line, those are owners too, and other words are not.
fn read_owners(words: &str, ignore: &mut dyn FnMut(String)) -> Vec<OwnerName> {
    let mut owners = Vec::new();
    let mut is_comment = false;
    for word in words.split_whitespace() {
        is_comment |= word.starts_with('#');
        match OwnerName::parse_owner(word) {
            Some(owner) if !owners.contains(&owner) => owners.push(owner),
            Some(_) => {}
            None if is_comment => {}
            None => {
                ignore(format!("`{}` is no account, group or address of an owner", shorten_for_message(word)))
            }
        }
    }
    owners
}
