//! A roster as a table for spreadsheets (CSV), and lists of people from elsewhere.
//!
//! Several values of a cell are separated by `;`. A cell that a spreadsheet would take for a formula begins with `'`, which is
//! taken off again when the table is read.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::cli::people::roster_entries::RosterText;
use crate::people::service::{DaySpan, KIND_WORDS, PersonKind, TeamDelegation};

/// The columns of a table, in their order.
const COLUMNS: [&str; 11] = [
    "key",
    "name",
    "kind",
    "addresses",
    "accounts",
    "joined",
    "left",
    "trained-until",
    "teams",
    "delegate",
    "keys",
];

/// What separates the parts of a delegation.
const DELEGATE_SEPARATORS: [char; 3] = [';', ',', ':'];

/// What lists of other programs call the same columns.
const SYNONYMS: [(&str, &str); 18] = [
    ("id", "key"),
    ("login", "accounts"),
    ("account", "accounts"),
    ("github", "accounts"),
    ("full name", "name"),
    ("display name", "name"),
    ("address", "addresses"),
    ("e-mail", "addresses"),
    ("email", "addresses"),
    ("mail", "addresses"),
    ("start date", "joined"),
    ("hire date", "joined"),
    ("start", "joined"),
    ("end date", "left"),
    ("termination date", "left"),
    ("last day", "left"),
    ("end", "left"),
    ("trained until", "trained-until"),
];

/// One row of a list of people; what is not given is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ListedPerson {
    /// The line of the list.
    pub(super) line: u64,
    pub(super) key: Option<String>,
    pub(super) name: Option<String>,
    pub(super) kind: Option<PersonKind>,
    pub(super) addresses: Vec<String>,
    pub(super) accounts: Vec<String>,
    pub(super) joined: Option<Date>,
    pub(super) left: Option<Date>,
    pub(super) trained_until: Option<Date>,
    pub(super) teams: Option<BTreeMap<String, Vec<DaySpan>>>,
    pub(super) delegations: Option<Vec<TeamDelegation>>,
    pub(super) signing_keys: Vec<String>,
}

/// A list of people, and its columns that mean nothing here.
#[derive(Clone, Debug, Default)]
pub(super) struct PeopleList {
    pub(super) people: Vec<ListedPerson>,
    pub(super) ignored_columns: Vec<String>,
}

/// Returns a roster as a table.
pub(super) fn render_csv(roster: &RosterText) -> Result<Vec<u8>, csv::Error> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    table.write_record(COLUMNS)?;
    for entry in &roster.entries {
        let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
        let cells = [
            entry.key.clone(),
            entry.name.clone().unwrap_or_default(),
            if entry.kind.is_machine() { entry.kind.word().to_owned() } else { String::new() },
            join_items(&entry.addresses),
            join_items(&entry.accounts),
            day(entry.days.from),
            day(entry.days.until),
            day(entry.trained_until),
            join_teams(&entry.teams),
            join_delegations(&entry.delegations),
            join_items(&entry.signing_keys),
        ];
        table.write_record(cells.iter().map(|cell| defuse_cell(cell)))?;
    }
    table.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// Reads a list of people.
///
/// # Errors
///
/// Returns every fault, each with its line.
pub(super) fn read_csv(source: &[u8]) -> Result<PeopleList, Vec<String>> {
    let source = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    if let Err(error) = std::str::from_utf8(source) {
        return Err(vec![format!("not UTF-8 at byte {}; save it as CSV in UTF-8", error.valid_up_to())]);
    }
    let first_line = source.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let delimiter = find_delimiter(first_line);
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(source);
    let mut columns: Vec<Option<&str>> = Vec::new();
    let mut list = PeopleList::default();
    let mut faults = Vec::new();
    match reader.headers() {
        Ok(headers) => {
            for header in headers {
                let column = find_column(header);
                if column.is_none() {
                    list.ignored_columns.push(header.trim().to_owned());
                } else if columns.contains(&column) {
                    faults.push(format!("line 1: the column `{}` stands there twice", header.trim()));
                }
                columns.push(column);
            }
        }
        Err(error) => return Err(vec![describe_csv_error(&error, source)]),
    }
    if !["key", "addresses", "accounts"].iter().any(|asked| columns.contains(&Some(asked))) {
        faults.push(format!(
            "line 1: there is no column `key`, `addresses` or `accounts`; the columns are {}",
            COLUMNS.join(", ")
        ));
        return Err(faults);
    }
    for row in reader.records() {
        match row {
            Ok(row) => {
                // A spreadsheet leaves rows of empty cells behind.
                if row.iter().all(|cell| cell.trim().is_empty()) {
                    continue;
                }
                let line = find_row_line(row.position(), source);
                let mut person = ListedPerson { line, ..ListedPerson::default() };
                for (column, cell) in columns.iter().zip(&row) {
                    let cell = restore_cell(cell);
                    let Some(column) = column.filter(|_| !cell.trim().is_empty()) else { continue };
                    if let Err(what) = person.read_cell(column, cell) {
                        faults.push(format!("line {line}: `{column}`: {what}"));
                    }
                }
                list.people.push(person);
            }
            Err(error) => faults.push(describe_csv_error(&error, source)),
        }
    }
    if faults.is_empty() { Ok(list) } else { Err(faults) }
}

impl ListedPerson {
    fn read_cell(&mut self, column: &str, cell: &str) -> Result<(), String> {
        match column {
            "key" => self.key = Some(cell.to_owned()),
            "name" => self.name = Some(cell.to_owned()),
            "kind" => {
                let kind = KIND_WORDS.iter().find(|(word, _)| *word == cell.trim()).map(|(_, kind)| *kind);
                self.kind = Some(kind.ok_or("expected `human`, `bot` or `agent`")?);
            }
            "addresses" => self.addresses = split_items(cell),
            "accounts" => self.accounts = split_items(cell),
            "joined" => self.joined = Some(parse_day(cell)?),
            "left" => self.left = Some(parse_day(cell)?),
            "trained-until" => self.trained_until = Some(parse_day(cell)?),
            "teams" => {
                let mut teams: BTreeMap<String, Vec<DaySpan>> = BTreeMap::new();
                for item in split_escaped(cell, ';') {
                    let (name, days) = split_days(&item)?;
                    teams.entry(unescape_item(name)).or_default().push(days);
                }
                self.teams = Some(teams);
            }
            "delegate" => {
                let items = split_escaped(cell, ';');
                let read: Result<Vec<TeamDelegation>, String> =
                    items.iter().map(|item| parse_delegation(item)).collect();
                self.delegations = Some(read?);
            }
            _ => self.signing_keys = split_items(cell),
        }
        Ok(())
    }
}

fn find_column(header: &str) -> Option<&'static str> {
    let header = header.trim().to_lowercase().replace('_', "-");
    let spaced = header.replace('-', " ");
    COLUMNS.into_iter().find(|column| *column == header).or_else(|| {
        SYNONYMS.iter().find(|(other, _)| *other == header || *other == spaced).map(|(_, column)| *column)
    })
}

/// Returns what separates the cells: the one of comma, semicolon and tab that the header has.
fn find_delimiter(header: &[u8]) -> u8 {
    let has = |byte: u8| header.contains(&byte);
    match (has(b','), has(b';'), has(b'\t')) {
        (true, ..) | (false, false, false) => b',',
        (false, true, _) => b';',
        (false, false, true) => b'\t',
    }
}

/// Returns the line on which a row begins, counted from 1.
///
/// A reader of tables is past the first byte of a line end, and not past empty lines, when it says where a row begins.
fn find_row_line(position: Option<&csv::Position>, source: &[u8]) -> u64 {
    let Some(position) = position else { return 0 };
    let mut start = usize::try_from(position.byte()).unwrap_or(usize::MAX).min(source.len());
    while source.get(start).is_some_and(|byte| b"\r\n".contains(byte)) {
        start += 1;
    }
    let before = source.get(..start).unwrap_or_default();
    let ends = before
        .iter()
        .enumerate()
        .filter(|(at, byte)| **byte == b'\n' || **byte == b'\r' && source.get(at + 1) != Some(&b'\n'));
    u64::try_from(ends.count()).unwrap_or(u64::MAX).saturating_add(1)
}

fn describe_csv_error(error: &csv::Error, source: &[u8]) -> String {
    match error.position() {
        Some(at) => {
            let line = find_row_line(Some(at), source);
            format!("line {line}: this row has another number of cells than line 1")
        }
        None => format!("not a CSV file: {error}"),
    }
}

fn parse_day(cell: &str) -> Result<Date, String> {
    let cell = cell.trim();
    let is_plain = cell.len() == 10 && cell.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let day = if is_plain { cell.parse().ok() } else { None };
    day.ok_or_else(|| "expected a day such as 2027-06-30".to_owned())
}

fn join_items(items: &[String]) -> String {
    items.iter().map(|item| escape_item(item, &[';'])).collect::<Vec<String>>().join("; ")
}

fn split_items(cell: &str) -> Vec<String> {
    split_escaped(cell, ';').iter().map(|item| unescape_item(item)).collect()
}

fn join_teams(teams: &BTreeMap<String, Vec<DaySpan>>) -> String {
    let mut items = Vec::new();
    for (team, spans) in teams {
        for span in spans {
            items.push(format!("{} {}", escape_item(team, &[';']), render_span(*span)));
        }
    }
    items.join("; ")
}

fn join_delegations(delegations: &[TeamDelegation]) -> String {
    let mut items = Vec::new();
    for one in delegations {
        let teams: Vec<String> =
            one.teams.iter().map(|team| escape_item(team, &DELEGATE_SEPARATORS)).collect();
        items.push(format!(
            "{}: {} {}",
            escape_item(&one.to, &DELEGATE_SEPARATORS),
            teams.join(", "),
            render_span(one.days)
        ));
    }
    items.join("; ")
}

fn parse_delegation(item: &str) -> Result<TeamDelegation, String> {
    let form = || "expected `PERSON: TEAM, TEAM 2026-12-20..2027-01-06`".to_owned();
    let parts = split_escaped(item, ':');
    let [to, rest] = parts.as_slice() else { return Err(form()) };
    let (teams, days) = split_days(rest)?;
    let teams: Vec<String> = split_escaped(teams, ',').iter().map(|team| unescape_item(team)).collect();
    if to.is_empty() || teams.is_empty() {
        return Err(form());
    }
    Ok(TeamDelegation { to: unescape_item(to), teams, days })
}

/// Returns days as `2026-01-01..2026-12-31`, with nothing for an open end.
fn render_span(span: DaySpan) -> String {
    let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    format!("{}..{}", day(span.from), day(span.until))
}

/// Splits the days off that a name can end in; without them, all days are meant.
fn split_days(item: &str) -> Result<(&str, DaySpan), String> {
    let Some((name, last)) = item.rsplit_once(' ') else { return Ok((item, DaySpan::default())) };
    let Some((from, until)) = last.split_once("..") else { return Ok((item, DaySpan::default())) };
    let day = |text: &str| if text.is_empty() { Ok(None) } else { parse_day(text).map(Some) };
    Ok((trim_unescaped(name), DaySpan { from: day(from)?, until: day(until)? }))
}

/// Returns an item with a backslash before what would separate it, or be trimmed off it.
fn escape_item(item: &str, separators: &[char]) -> String {
    let mut escaped = String::new();
    let last = item.chars().count().saturating_sub(1);
    for (index, character) in item.chars().enumerate() {
        let is_edge = (index == 0 || index == last) && character.is_whitespace();
        if character == '\\' || separators.contains(&character) || is_edge {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn unescape_item(item: &str) -> String {
    let mut plain = String::new();
    let mut characters = item.chars();
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    plain
}

/// Splits a cell at a separator without a backslash before it; the parts are trimmed, and empty ones left out.
fn split_escaped(cell: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = cell.chars();
    while let Some(character) = characters.next() {
        if character == separator {
            parts.push(String::new());
            continue;
        }
        let Some(part) = parts.last_mut() else { continue };
        part.push(character);
        if character == '\\' {
            part.extend(characters.next());
        }
    }
    let trimmed = parts.iter().map(|part| trim_unescaped(part).to_owned());
    trimmed.filter(|part| !part.is_empty()).collect()
}

/// Returns a part without the spaces around it; one behind a backslash is part of it.
fn trim_unescaped(part: &str) -> &str {
    let start = part.trim_start();
    let end = start.trim_end();
    let backslashes = end.bytes().rev().take_while(|byte| *byte == b'\\').count();
    if backslashes % 2 == 0 {
        return end;
    }
    let kept = start.get(end.len()..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    start.get(..end.len() + kept).unwrap_or(end)
}

/// Returns true for what a spreadsheet takes for a formula.
fn starts_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n'])
}

/// Returns a cell that no spreadsheet takes for a formula.
fn defuse_cell(cell: &str) -> String {
    let is_marked =
        cell.strip_prefix('\'').is_some_and(|rest| starts_formula(rest) || rest.starts_with('\''));
    if starts_formula(cell) || is_marked { format!("'{cell}") } else { cell.to_owned() }
}

/// Returns a cell without the mark of [`defuse_cell`].
fn restore_cell(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if starts_formula(rest) || rest.starts_with('\'') => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cli::people::roster_entries::RosterEntry;
    use crate::cli::people::roster_merge::RosterChanges;

    /// Returns the roster that a table makes where there was none.
    fn import(table: &[u8]) -> RosterText {
        let mut roster = RosterText::default();
        let mut changes = RosterChanges::of_roster(&roster);
        for row in read_csv(table).unwrap().people {
            changes.apply_row(&mut roster, &row).unwrap();
        }
        roster
    }

    fn days() -> impl Strategy<Value = DaySpan> {
        let day = || proptest::option::of((1_i8..13).prop_map(|month| jiff::civil::date(2026, month, 7)));
        (day(), day()).prop_map(|(one, other)| match (one, other) {
            (Some(from), Some(until)) if until < from => DaySpan { from: Some(until), until: Some(from) },
            (from, until) => DaySpan { from, until },
        })
    }

    fn word() -> impl Strategy<Value = String> {
        "[ a-z;:,'=+@#.0-9\\\\\u{e9}-]{0,9}[a-z.]".prop_filter("blank", |text| !text.trim().is_empty())
    }

    fn entry() -> impl Strategy<Value = RosterEntry> {
        let teams = proptest::collection::btree_map(word(), proptest::collection::vec(days(), 1..3), 0..3);
        let delegations = proptest::collection::vec(
            (proptest::collection::vec(word(), 1..3), days()).prop_map(|(teams, days)| TeamDelegation {
                to: "k0".into(),
                teams,
                days,
            }),
            0..3,
        );
        let kind = prop_oneof![Just(PersonKind::Human), Just(PersonKind::Bot), Just(PersonKind::Agent)];
        (proptest::option::of(word()), kind, days(), days(), teams, delegations).prop_map(
            |(name, kind, days, trained, teams, delegations)| RosterEntry {
                name,
                kind,
                days,
                trained_until: trained.until,
                teams,
                delegations,
                ..RosterEntry::default()
            },
        )
    }

    proptest! {
        #[test]
        fn a_table_makes_the_roster_that_it_was_made_of(entries in proptest::collection::vec(entry(), 1..5)) {
            let mut roster = RosterText::default();
            for (number, mut entry) in entries.into_iter().enumerate() {
                entry.key = format!("k{number}");
                entry.addresses = vec![format!("p{number}@example.com"), format!("p{number}@home.example")];
                entry.accounts = vec![format!("github:u{number}#{}", number + 1), format!("p{number}")];
                if number == 0 {
                    entry.delegations.clear();
                }
                roster.entries.push(entry);
            }
            let text = roster.render_roster();
            let read = RosterText::read_roster(text.as_bytes());
            prop_assert_eq!(read.as_ref().map(|read| &read.entries), Ok(&roster.entries), "{}", text);
            let table = render_csv(&roster).unwrap();
            for line in String::from_utf8(table.clone()).unwrap().lines() {
                prop_assert!(!starts_formula(line.trim_start_matches('"')), "{}", line);
            }
            prop_assert_eq!(import(&table).entries, roster.entries);
        }
    }

    #[test]
    fn a_list_of_a_personnel_office_is_read() {
        let list = read_csv(b"\xef\xbb\xbfFull Name;E-Mail;Hire Date;Termination Date;Room\r\nAna Ruiz;ana@example.com;2026-01-01;;12\r\nBen;ben@example.com;;2026-11-30;\r\n").unwrap();
        assert_eq!(list.ignored_columns, ["Room"]);
        assert_eq!(list.people[0].joined.unwrap().to_string(), "2026-01-01");
        assert_eq!(list.people[1].left.unwrap().to_string(), "2026-11-30");
    }

    #[test]
    fn every_fault_of_a_table_has_its_line() {
        for (table, said) in [
            ("name\nAna\n", "line 1: there is no column `key`, `addresses` or `accounts`"),
            ("key,left\nana,soon\n", "line 2: `left`: expected a day such as 2027-06-30"),
            ("key,kind\nana,robot\n", "line 2: `kind`: expected `human`, `bot` or `agent`"),
            ("key,key\nana,b\n", "line 1: the column `key` stands there twice"),
            ("key,name\nana\n", "line 2: this row has another number of cells"),
            ("key,delegate\nana,ben\n", "line 2: `delegate`: expected `PERSON: TEAM"),
            ("key,teams\nana,ops 2026-1-1..\n", "line 2: `teams`: expected a day"),
        ] {
            let faults = read_csv(table.as_bytes()).unwrap_err();
            assert!(faults.len() == 1 && faults[0].contains(said), "{table}: {faults:?}");
        }
        assert!(read_csv(b"key\n\xff\n").unwrap_err()[0].contains("not UTF-8 at byte 4"));
    }

    #[test]
    fn lines_are_counted_in_files_of_windows_and_past_empty_ones() {
        for end in ["\n", "\r\n", "\r"] {
            for (rows, line) in [
                ("key,left|ana,soon|", 2),
                ("key,left|ana,|||ben,soon|", 5),
                ("key,left|\"a\nb\",|c,soon", 4),
            ] {
                let table = rows.replace('|', end);
                let faults = read_csv(table.as_bytes()).unwrap_err();
                assert_eq!(
                    faults,
                    [format!("line {line}: `left`: expected a day such as 2027-06-30")],
                    "{table:?}"
                );
            }
            let short = read_csv(format!("key,name{end}ana,Ana{end}{end}ben{end}").as_bytes()).unwrap_err();
            assert!(short[0].starts_with("line 4: this row has another number"), "{short:?}");
        }
    }

    #[test]
    fn empty_rows_are_left_out_and_tabs_separate() {
        let list = read_csv(b"key,name\n,\n  , \nana,Ana\n,\n").unwrap();
        assert_eq!(list.people.len(), 1);
        assert_eq!(list.people[0].line, 4);
        let list = read_csv(b"Full Name\tE-Mail\nRuiz, Ana\tana@example.com\n").unwrap();
        assert_eq!(list.people[0].name.as_deref(), Some("Ruiz, Ana"));
    }

    #[test]
    fn a_cell_is_no_formula_and_comes_back_as_it_was() {
        for name in ["=1+1", "+49", "-x", "@ana", "'t Hooft", "'=1", "''x", "'", "\tx"] {
            let defused = defuse_cell(name);
            assert!(!starts_formula(&defused), "{name}");
            assert_eq!(restore_cell(&defused), name);
        }
        assert_eq!(defuse_cell("'t Hooft"), "'t Hooft");
    }
}
