//! A file with tickets, exported from a system that is not asked itself.
//!
//! The file proves as much as its writer can be trusted: the gate's administrator brings it, and each
//! ticket carries the file's digest, so that it can be shown later which one was meant. A row that
//! cannot be read is a fault with its line; the others count. Where a fault may hide a ticket, the ticket
//! is unknown, not absent.

pub(crate) mod csv_rows;
pub(crate) mod json;
pub(crate) mod row;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::change::text::encode_hex;
use crate::change::ticket::{CreationDoubt, TicketKey};
use crate::change::{Text, Ticket};
use crate::tickets::api::parse_instant;
use crate::tickets::export::row::{ExportColumn, ExportRow, find_column};
use crate::tickets::key_order::explain_backdating;

pub use crate::tickets::export::row::EXPORT_COLUMNS;

/// How many bytes an export may have.
const MAX_EXPORT_BYTES: u64 = 64 << 20;

/// How many faults of an export are listed; further ones are counted only.
const MAX_LISTED_FAULTS: usize = 100;

/// Why no ticket is found without an export.
pub(crate) const NO_EXPORT: &str = "no export is given (CHANGEGATE_TICKET_EXPORT)";

/// The tickets of one file.
#[derive(Clone, Debug)]
pub struct TicketExport {
    /// The file's name, without the folders that lead to it.
    pub name: String,
    /// SHA-256 of its content, in hexadecimal.
    pub digest: String,
    /// The rows that cannot be read: the line, and why; at most 100 of them.
    pub faults: Vec<(usize, String)>,
    /// How many further rows cannot be read.
    pub omitted_faults: usize,
    /// The line from which on the file was not read, since too many rows before it cannot be.
    pub unread_from: Option<usize>,
    tickets: BTreeMap<String, Result<Ticket, String>>,
    /// By prefix and number: the last created of the tickets up to there, for the order of keys.
    latest_up_to: BTreeMap<(String, u64), (String, Timestamp)>,
    /// The first row that does not say which ticket it is about: its line, and what is wrong.
    hiding_fault: Option<(usize, String)>,
}

impl TicketExport {
    /// Reads the file at `path`: JSON if its name ends so, and CSV otherwise.
    ///
    /// # Errors
    ///
    /// Says why nothing of it can be read. Single rows that cannot are its `faults`.
    pub(crate) fn open_export(path: &Path) -> Result<Self, String> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(MAX_EXPORT_BYTES.saturating_add(1)).read_to_end(&mut bytes));
        match read {
            Err(error) => Err(format!("the export {name} cannot be read: {error}")),
            Ok(length) if length as u64 > MAX_EXPORT_BYTES => {
                Err(format!("the export {name} has more than {MAX_EXPORT_BYTES} bytes"))
            }
            Ok(_) => TicketExport::parse_export(&name, &bytes),
        }
    }

    /// Reads an export that is called `name`.
    ///
    /// # Errors
    ///
    /// Says why nothing of it can be read.
    pub fn parse_export(name: &str, bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = json::count_lines(before) + 1;
            format!("{name}:{line}: this is not UTF-8")
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.starts_with('\u{feff}') {
            return Err(format!("{name}:1: the file starts with two byte order marks"));
        }
        let mut export = TicketExport {
            name: name.to_owned(),
            digest: encode_hex(&Sha256::digest(bytes)),
            faults: Vec::new(),
            omitted_faults: 0,
            unread_from: None,
            tickets: BTreeMap::new(),
            latest_up_to: BTreeMap::new(),
            hiding_fault: None,
        };
        if Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) {
            export.read_json(text)?;
        } else {
            export.read_csv(text)?;
        }
        export.record_latest();
        Ok(export)
    }

    fn read_json(&mut self, text: &str) -> Result<(), String> {
        let objects = match json::parse_objects(text) {
            Ok(objects) => objects,
            Err((line, what)) => return Err(format!("{}:{line}: {what}", self.name)),
        };
        for object in objects {
            self.add_row(object.line, object.members.map(ExportRow::read_members));
        }
        Ok(())
    }

    fn read_csv(&mut self, text: &str) -> Result<(), String> {
        let name = &self.name;
        let csv_rows::CsvRows { rows, unread_from } = csv_rows::parse_rows(text);
        let mut rows = rows.into_iter();
        let Some(head) = rows.next() else { return Err(format!("{name}:1: the file is empty")) };
        let names = head.fields.map_err(|why| format!("{name}:{}: {why}", head.line))?;
        let columns: Vec<Option<ExportColumn>> = names.iter().map(|name| find_column(name)).collect();
        for needed in 0..2 {
            if !columns.iter().flatten().any(|column| column.place == needed) {
                let called = EXPORT_COLUMNS.get(needed).and_then(|(names, _)| names.first()).unwrap_or(&"");
                return Err(format!("{name}:{}: no column is called `{called}`", head.line));
            }
        }
        for row in rows {
            let fields = match row.fields {
                Ok(fields) if fields.len() == columns.len() => {
                    let mut read = ExportRow::default();
                    for (column, value) in columns.iter().zip(fields) {
                        read.add_value(*column, value);
                    }
                    Ok(read)
                }
                Ok(fields) => {
                    Err(format!("the row has {} fields, and the first line {}", fields.len(), columns.len()))
                }
                Err(why) => Err(why.to_owned()),
            };
            self.add_row(row.line, fields);
        }
        // The rows before it may hide any ticket already.
        self.unread_from = unread_from;
        Ok(())
    }

    /// Adds the ticket of a row, or what is wrong with the row.
    fn add_row(&mut self, line: usize, row: Result<ExportRow, String>) {
        let row = match row {
            Ok(row) => row,
            Err(what) => return self.add_unknown_row(line, what),
        };
        let key = match row.read_value(0) {
            Ok(key) => TicketKey::parse_key(&key.into()),
            Err(what) => return self.add_unknown_row(line, what),
        };
        let Some(key) = key else {
            return self.add_unknown_row(line, "this is not the key of a ticket".to_owned());
        };
        let mut ticket = self.build_ticket(&key, &row);
        if let Err(what) = &mut ticket {
            self.add_fault(line, what.clone());
            *what = format!("{}:{line}: {what}", self.name);
        }
        // A row that cannot be read has its fault already.
        if ticket.is_ok() && self.tickets.get(key.as_str()).is_some_and(|known| *known != ticket) {
            let what = format!("{} stands here twice, and differs", key.as_str());
            ticket = Err(format!("{}:{line}: {what}", self.name));
            self.add_fault(line, what);
        }
        self.tickets.insert(key.as_str().to_owned(), ticket);
    }

    /// Notes a row that does not say which ticket it is about.
    fn add_unknown_row(&mut self, line: usize, what: String) {
        if self.hiding_fault.is_none() {
            self.hiding_fault = Some((line, what.clone()));
        }
        self.add_fault(line, what);
    }

    fn add_fault(&mut self, line: usize, what: String) {
        if self.faults.len() < MAX_LISTED_FAULTS {
            self.faults.push((line, what));
        } else {
            self.omitted_faults += 1;
        }
    }

    fn build_ticket(&self, key: &TicketKey, row: &ExportRow) -> Result<Ticket, String> {
        let text = |place: usize| -> Result<Text, String> { Ok(row.read_value(place)?.into()) };
        let written = row.read_value(1)?;
        let created = written.parse().ok().or_else(|| parse_instant(written));
        let created =
            created.ok_or("`created` is not an instant with a zone, such as 2026-10-14T14:00:00Z")?;
        // Labels and titles may stand in several columns, and add up.
        row.check_column(4)?;
        row.check_column(8)?;
        let mut labels: Vec<Text> = Vec::new();
        for label in row.list_values(4).into_iter().flat_map(|labels| labels.split([' ', ',', ';'])) {
            if !label.is_empty() {
                labels.push(label.into());
            }
        }
        let is_imported = parse_bool(row.read_value(10)?, "imported")?.unwrap_or(false);
        // An importer sets the creation time, so nothing proves it.
        let backdated = is_imported.then_some(CreationDoubt::Imported);
        let project = text(2)?;
        let assignee = text(7)?;
        Ok(Ticket {
            key: key.as_str().into(),
            project: if project.as_bytes().is_empty() { key.prefix.as_str().into() } else { project },
            created,
            backdated: Ok(backdated),
            kind: text(3)?,
            labels,
            state: text(5)?,
            is_closed: parse_bool(row.read_value(6)?, "closed")?,
            assignee: if assignee.as_bytes().is_empty() { None } else { Some(assignee) },
            text: row.list_values(8).join("\n").into(),
            url: text(9)?,
            outsider: None,
            source: format!("{} (sha256:{})", self.name, self.digest).into(),
        })
    }

    /// Notes for every ticket which one up to it was created last.
    fn record_latest(&mut self) {
        let mut in_order: Vec<(TicketKey, Timestamp)> = Vec::new();
        for (key, ticket) in &self.tickets {
            if let (Some(key), Ok(ticket)) = (TicketKey::parse_key(&key.as_str().into()), ticket) {
                in_order.push((key, ticket.created));
            }
        }
        in_order
            .sort_by(|(one, _), (other, _)| (&one.prefix, one.number).cmp(&(&other.prefix, other.number)));
        let mut latest: Option<(TicketKey, Timestamp)> = None;
        for (key, created) in in_order {
            let place = (key.prefix.clone(), key.number);
            let last = match latest.take() {
                Some((last, at)) if last.prefix == key.prefix && at >= created => (last, at),
                _ => (key, created),
            };
            self.latest_up_to.insert(place, (last.0.as_str().to_owned(), last.1));
            latest = Some(last);
        }
    }

    /// Returns the ticket with this key.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read, or may stand where something cannot.
    pub(crate) fn find_ticket(&self, key: &TicketKey) -> Result<Option<Ticket>, String> {
        let mut ticket = match self.tickets.get(key.as_str()) {
            Some(Ok(ticket)) => ticket.clone(),
            Some(Err(why)) => return Err(why.clone()),
            None => return self.fail_for_fault(self.hiding_fault.as_ref(), None),
        };
        if let Ok(None) = ticket.backdated
            && let Some((lower, at)) = self.latest_up_to.get(&(key.prefix.clone(), key.number))
        {
            ticket.backdated = Ok(explain_backdating(ticket.created, lower, *at));
        }
        Ok(Some(ticket))
    }

    /// Returns the keys of the tickets whose text has these digits.
    ///
    /// # Errors
    ///
    /// Fails if there is none, and one may stand where something cannot be read.
    pub(crate) fn find_mentions(&self, digits: &str) -> Result<Vec<String>, String> {
        let mut found: Vec<(Timestamp, &String)> = Vec::new();
        for (key, ticket) in &self.tickets {
            let Ok(ticket) = ticket else { continue };
            if ticket.text.to_lossy().to_ascii_lowercase().contains(digits) {
                found.push((ticket.created, key));
            }
        }
        if found.is_empty() {
            return self.fail_for_fault(self.faults.first(), Vec::new());
        }
        found.sort();
        Ok(found.into_iter().map(|(_, key)| key.clone()).collect())
    }

    /// Returns `absent` without a fault; a row that cannot be read may hold what is missing.
    fn fail_for_fault<T>(&self, fault: Option<&(usize, String)>, absent: T) -> Result<T, String> {
        match fault {
            Some((line, what)) => Err(format!("{}:{line}: {what}; the ticket may stand there", self.name)),
            None => Ok(absent),
        }
    }
}

/// Reads `true` or `false`; an empty field is neither.
fn parse_bool(written: &str, name: &str) -> Result<Option<bool>, String> {
    match written.trim().to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "true" | "yes" | "1" => Ok(Some(true)),
        "false" | "no" | "0" => Ok(Some(false)),
        _ => Err(format!("`{name}` is neither `true` nor `false`")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn export(name: &str, text: &str) -> TicketExport {
        TicketExport::parse_export(name, text.as_bytes()).unwrap()
    }

    fn found(export: &TicketExport, key: &str) -> Result<Option<Ticket>, String> {
        export.find_ticket(&TicketKey::parse_key(&key.into()).unwrap())
    }

    const TABLE: &str = "\u{feff}Issue key,Created,Issue Type,Status,Closed,Labels,Labels,Summary,Description,Cost\r\n\
        OPS-7,2026-03-01T12:00:00Z,Incident,Done,true,p1 sev,token,\"Token check, open\",\"See \"\"INC-1\"\"\r\nand more\",12\r\n\
        OPS-8,2026-10-14T14:00:00.000+0000,Bug,=cmd|' /C calc'!A0,no,,,@SUM(1+1),-2+3,\r\n";

    #[test]
    fn a_table_is_read_by_the_names_of_its_columns() {
        let export = export("tickets.csv", TABLE);
        assert_eq!(export.faults, []);
        let ticket = found(&export, "OPS-7").unwrap().unwrap();
        assert_eq!(ticket.created.to_string(), "2026-03-01T12:00:00Z");
        assert_eq!(ticket.text.as_utf8(), Some("Token check, open\nSee \"INC-1\"\r\nand more"));
        assert_eq!(ticket.labels, ["p1", "sev", "token"].map(Text::from));
        assert_eq!(
            (ticket.is_closed, ticket.project, ticket.kind),
            (Some(true), "OPS".into(), "Incident".into())
        );
        assert_eq!(ticket.source, format!("tickets.csv (sha256:{})", export.digest).into());
        assert_eq!(export.digest, encode_hex(&Sha256::digest(TABLE)));
        // What a spreadsheet would run stays the text that it is.
        let ticket = found(&export, "OPS-8").unwrap().unwrap();
        assert_eq!((ticket.state, ticket.is_closed), ("=cmd|' /C calc'!A0".into(), Some(false)));
        assert_eq!(found(&export, "OPS-9"), Ok(None));
    }

    #[test]
    fn json_says_the_same() {
        let text = r#"[{"key": "OPS-7", "created": "2026-03-01T12:00:00Z", "labels": ["p1", "sev"], "closed": true,
            "title": "Token", "assignee": null, "more": {"deep": 1}}]"#;
        let ticket = found(&export("tickets.JSON", text), "OPS-7").unwrap().unwrap();
        assert_eq!((ticket.labels.len(), ticket.is_closed, ticket.assignee), (2, Some(true), None));
    }

    #[test]
    fn a_bad_row_is_told_and_the_next_ones_count() {
        let text = "key,created,closed\nOPS-1,2026-03-01T10:00:00Z,\nOPS-2,yesterday,\nOPS-3,2026-03-01 10:00:00,\n\
                    OPS-4,2026-03-01T11:00:00Z,maybe\nOPS-5,2026-03-01T12:00:00Z,\n";
        let export = export("t.csv", text);
        let lines: Vec<usize> = export.faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 4, 5]);
        assert!(found(&export, "OPS-1").unwrap().is_some() && found(&export, "OPS-5").unwrap().is_some());
        let why = "t.csv:3: `created` is not an instant with a zone, such as 2026-10-14T14:00:00Z";
        assert_eq!(found(&export, "OPS-2"), Err(why.into()));
        // Every row says whose it is, so that nothing else is hidden.
        assert_eq!(found(&export, "OPS-6"), Ok(None));
    }

    #[test]
    fn a_row_without_a_key_may_hide_any_ticket() {
        let export = export(
            "t.csv",
            "key,created\nOPS-1,2026-03-01T10:00:00Z,x\n../2,2026-03-01T10:00:00Z\nOPS-3,2026-03-01T10:00:00Z\n",
        );
        assert_eq!(export.faults.len(), 2);
        assert!(found(&export, "OPS-3").unwrap().is_some());
        let why = "t.csv:2: the row has 3 fields, and the first line 2; the ticket may stand there";
        assert_eq!(found(&export, "OPS-1"), Err(why.into()));
    }

    #[test]
    fn the_row_that_may_hide_a_ticket_is_named_and_not_another_bad_one() {
        let text = "key,created\nOPS-2,yesterday\nOPS-3,2026-03-01T10:00:00Z\n,2026-03-01T10:00:00Z\n";
        let export = export("t.csv", text);
        let why = "t.csv:4: this is not the key of a ticket; the ticket may stand there";
        assert_eq!(found(&export, "OPS-9"), Err(why.into()));
    }

    #[test]
    fn two_columns_for_one_fact_have_to_agree() {
        let fault = |head: &str, row: &str| {
            let export = export("t.csv", &format!("{head}\n{row}\n"));
            assert!(export.faults.len() <= 1);
            export.faults.first().map(|(line, what)| format!("{line}: {what}"))
        };
        let [old, new] = ["2026-03-01T10:00:00Z", "2026-10-14T14:00:00Z"];
        let twice = |name: &str| Some(format!("2: `{name}` is stated twice, with different values"));
        let both = |one: &str, other: &str| Some(format!("2: `{one}` and `{other}` state different values"));
        assert_eq!(fault("key,created,created", &format!("A-1,{old},{new}")), twice("created"));
        assert_eq!(
            fault("key,sys_created_on,Created", &format!("A-1,{old},{new}")),
            both("sys_created_on", "created")
        );
        assert_eq!(
            fault("key,created,state,status", &format!("A-1,{old},Open,Done")),
            both("state", "status")
        );
        assert_eq!(fault("key,created,closed,closed", &format!("A-1,{old},true,false")), twice("closed"));
        assert_eq!(fault("key,number,created", &format!("A-1,A-2,{old}")), both("key", "number"));
        for (head, row) in [
            ("key,created,created", format!("A-1,{old}, {old}")),
            ("key,created,created", format!("A-1,,{old}")),
            ("key,created,state,status", format!("A-1,{old},Open,")),
            ("key,created,title,summary", format!("A-1,{old},x,y")),
        ] {
            assert_eq!(fault(head, &row), None, "{head}");
        }
        let export = export("t.csv", &format!("key,number,created\nA-1,A-2,{old}\n"));
        assert!(found(&export, "A-1").is_err() && found(&export, "A-2").is_err());
    }

    #[test]
    fn a_json_value_that_is_none_is_a_fault_of_its_ticket() {
        let deep = format!("{}1{}", "[".repeat(500), "]".repeat(500));
        for (members, why) in [
            (
                r#""imported": {"x": true}"#,
                "`imported` is an object; write a text, a number or a truth value",
            ),
            (r#""closed": {"v": true}"#, "`closed` is an object; write a text, a number or a truth value"),
            (
                r#""state": {"name": "Closed"}"#,
                "`state` is an object; write a text, a number or a truth value",
            ),
            (r#""closed": true, "closed": false"#, "`closed` occurs twice in this object"),
            (r#""closed": true, "closed": true"#, "`closed` occurs twice in this object"),
            (r#""state": "Open", "status": "Closed""#, "`state` and `status` state different values"),
            (r#""state": ["Open", "Closed"]"#, "`state` is stated twice, with different values"),
            (r#""title": "\ud800""#, "`title` cannot be read: "),
            (&format!(r#""title": {deep}"#), "`title` is a list inside a list"),
        ] {
            let text = format!(
                r#"[{{"key": "A-1", "created": "2026-03-01T10:00:00Z",
                {members}}}, {{"key": "A-2", "created": "2026-03-01T10:00:00Z"}}]"#
            );
            let export = export("t.json", &text);
            let said = found(&export, "A-1").unwrap_err();
            assert!(said.starts_with(&format!("t.json:1: {why}")), "{members}: {said}");
            assert!(found(&export, "A-2").unwrap().is_some());
            assert_eq!(found(&export, "A-3"), Ok(None));
        }
        // What is not read cannot be wrong, and a number is its digits.
        let text = format!(
            r#"[{{"key": "A-1", "created": "2026-03-01T10:00:00Z", "cost": 1e400, "x": "\ud800", "y": {deep},
            "title": 1e400}}, {{"key": {{"v": "A-2"}}, "created": "2026-03-01T10:00:00Z"}}]"#
        );
        let export = export("t.json", &text);
        assert_eq!(found(&export, "A-1").unwrap().unwrap().text, "1e400".into());
        let said = found(&export, "A-2").unwrap_err();
        assert!(said.starts_with("t.json:2: `key` is an object"), "{said}");
    }

    #[test]
    fn faults_are_listed_up_to_a_limit() {
        let text = format!("key,created\n{}A-1,2026-03-01T10:00:00Z\n", "B-1,soon\n".repeat(250));
        let export = export("t.csv", &text);
        assert_eq!((export.faults.len(), export.omitted_faults, export.unread_from), (100, 150, None));
        assert!(found(&export, "A-1").unwrap().is_some());
    }

    #[test]
    fn a_file_with_too_many_bad_rows_is_not_read_to_its_end() {
        let text = format!("key,created\n{}A-1,2026-03-01T10:00:00Z\n", "x\"y,\"b\n".repeat(250));
        let export = export("t.csv", &text);
        assert_eq!(export.unread_from, Some(102));
        assert!(found(&export, "A-1").unwrap_err().starts_with("t.csv:2: "));
    }

    #[test]
    fn one_ticket_with_two_stories_is_none() {
        let export = export(
            "t.csv",
            "key,created\nA-1,2026-03-01T10:00:00Z\nA-1,2026-01-01T10:00:00Z\nA-2,2026-03-01T10:00:00Z\nA-2,2026-03-01T10:00:00Z\n",
        );
        assert_eq!(found(&export, "A-1"), Err("t.csv:3: A-1 stands here twice, and differs".into()));
        assert!(found(&export, "A-2").unwrap().is_some());
    }

    #[test]
    fn a_ticket_that_is_older_than_a_lower_number_is_doubted() {
        let text = "key,created,imported\nA-1,2026-03-01T10:00:00Z,\nA-2,2026-03-05T10:00:00Z,\n\
                    A-9,2026-02-01T10:00:00Z,\nA-10,2026-03-04T10:00:00Z,\nA-11,2026-03-05T09:59:30Z,\n\
                    B-3,2026-01-01T10:00:00Z,\nB-4,2026-01-02T10:00:00Z,true\n";
        let export = export("t.csv", text);
        let doubt = |key: &str| found(&export, key).unwrap().unwrap().backdated.unwrap();
        for fine in ["A-1", "A-2", "A-11", "B-3"] {
            assert_eq!(doubt(fine), None, "{fine}");
        }
        for back_dated in ["A-9", "A-10"] {
            assert!(
                doubt(back_dated).is_some_and(
                    |doubt| matches!(doubt, CreationDoubt::LowerKeyIsLater { lower, .. } if lower == "A-2")
                ),
                "{back_dated}"
            );
        }
        assert_eq!(doubt("B-4"), Some(CreationDoubt::Imported));
    }

    #[test]
    fn what_is_no_export_at_all_says_why() {
        let why = |name: &str, bytes: &[u8]| TicketExport::parse_export(name, bytes).unwrap_err();
        assert_eq!(why("t.csv", b""), "t.csv:1: the file is empty");
        assert_eq!(why("t.csv", b"key,date\n"), "t.csv:1: no column is called `created`");
        assert_eq!(why("t.csv", b"key,created\n\xff"), "t.csv:2: this is not UTF-8");
        assert_eq!(why("t.json", b"{}"), "t.json:1: this is not a list of tickets");
        for name in ["t.csv", "t.json"] {
            let said = why(name, "\u{feff}\u{feff}key,created\n".as_bytes());
            assert_eq!(said, format!("{name}:1: the file starts with two byte order marks"));
        }
        let said = why("t.csv", b"key,created\rA-1,2026-03-01T10:00:00Z\r");
        assert!(said.starts_with("t.csv:1: this line ends in a carriage return alone"), "{said}");
        let missing = TicketExport::open_export(Path::new("nowhere/t.csv")).unwrap_err();
        assert!(missing.starts_with("the export t.csv cannot be read"), "{missing}");
    }

    proptest! {
        #[test]
        fn nothing_makes_reading_fail_badly(text in "(key,created|[A-Z#]-?[0-9]{1,3}|2026-03-01T10:00:00Z|[,\"\r\n{}:\\[\\]])*") {
            for name in ["t.csv", "t.json"] {
                let _ = TicketExport::parse_export(name, text.as_bytes()).map(|export| found(&export, "A-1"));
            }
        }
    }
}
