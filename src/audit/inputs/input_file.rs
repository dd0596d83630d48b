//! A file of entries, as CSV with a header, as a JSON array, or as JSON Lines.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use jiff::Timestamp;
use serde_json::Value;

use crate::calendar::written_time::WrittenTime;
use crate::gate::given_file::refuse_waiting_file;
use crate::ledger::record::digest_bytes;

/// The most bytes of such a file.
const MAX_INPUT_BYTES: u64 = 256 << 20;

/// The most entries of such a file.
const MAX_ENTRIES: usize = 1_000_000;

/// One entry: its values by their names in lower case, without `_` and `-`.
pub(crate) struct InputEntry {
    /// Where it stands, as in `line 3` or `entry 3`.
    pub(crate) place: String,
    values: BTreeMap<String, String>,
}

/// A file of entries, and its digest.
pub(crate) struct InputFile {
    pub(crate) entries: Vec<InputEntry>,
    pub(crate) digest: String,
}

impl InputFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be read, is longer than 256 MiB, has more than a million entries, or is no such file.
    pub(crate) fn read_file(path: &Path) -> Result<InputFile> {
        let describe = || format!("cannot read {}", path.display());
        let size = refuse_waiting_file(path).with_context(describe)?.len();
        if size > MAX_INPUT_BYTES {
            bail!("{} has {size} bytes; at most {MAX_INPUT_BYTES} are read", path.display());
        }
        let bytes = std::fs::read(path).with_context(describe)?;
        let entries = parse_entries(&bytes).with_context(describe)?;
        if entries.len() > MAX_ENTRIES {
            bail!("{} has more than {MAX_ENTRIES} entries", path.display());
        }
        Ok(InputFile { entries, digest: digest_bytes(&bytes) })
    }
}

/// Reads entries from bytes.
///
/// # Errors
///
/// Says what is wrong, and where.
pub(crate) fn parse_entries(bytes: &[u8]) -> Result<Vec<InputEntry>> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => bail!("it is empty; a list without entries is `[]`, or a line with the names of the columns"),
        Some(b'[') => parse_json_list(&serde_json::from_slice(bytes)?),
        Some(b'{') => parse_json_objects(bytes),
        Some(_) => parse_csv(bytes),
    }
}

fn parse_json_list(list: &Value) -> Result<Vec<InputEntry>> {
    let mut entries = Vec::new();
    for (number, value) in (1..).zip(list.as_array().into_iter().flatten()) {
        entries.push(read_json_entry(value, format!("entry {number}"))?);
    }
    Ok(entries)
}

/// Reads JSON Lines, or one answer of Jira's search, whose entries stand under `issues`.
fn parse_json_objects(bytes: &[u8]) -> Result<Vec<InputEntry>> {
    let mut entries = Vec::new();
    for (number, value) in (1..).zip(serde_json::Deserializer::from_slice(bytes).into_iter::<Value>()) {
        let value = value.with_context(|| format!("entry {number}"))?;
        match value.get("issues").filter(|issues| issues.is_array()) {
            Some(issues) => entries.extend(parse_json_list(issues)?),
            None => entries.push(read_json_entry(&value, format!("entry {number}"))?),
        }
    }
    Ok(entries)
}

fn read_json_entry(value: &Value, place: String) -> Result<InputEntry> {
    let Some(object) = value.as_object() else { bail!("{place} is no JSON object") };
    let mut values = BTreeMap::new();
    let fields = object.get("fields").and_then(Value::as_object);
    for (key, value) in fields.into_iter().flatten().chain(object) {
        let written = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            // A person, a state, a commit or a branch, as GitHub and Jira write them.
            Value::Object(inner) => {
                let name = ["login", "displayName", "name", "oid", "ref"]
                    .iter()
                    .find_map(|key| inner.get(*key)?.as_str());
                name.unwrap_or_default().to_owned()
            }
            Value::Null | Value::Array(_) => continue,
        };
        values.insert(fold_name(key), written);
    }
    Ok(InputEntry { place, values })
}

fn parse_csv(bytes: &[u8]) -> Result<Vec<InputEntry>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let header: Vec<String> = reader.headers()?.iter().map(fold_name).collect();
    let mut entries = Vec::new();
    for record in reader.records() {
        let record = record?;
        let line = record.position().map_or(0, csv::Position::line);
        let mut values = BTreeMap::new();
        for (name, value) in header.iter().zip(record.iter()) {
            if !value.is_empty() {
                values.insert(name.clone(), value.to_owned());
            }
        }
        entries.push(InputEntry { place: format!("line {line}"), values });
    }
    Ok(entries)
}

/// Returns a name in the form in which names are compared.
fn fold_name(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

impl InputEntry {
    /// Returns the first of these values that is there; names are in lower case, without `_` and `-`.
    pub(crate) fn find_text(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.values.get(*name)).map(String::as_str)
    }

    /// Returns the first of these times that is there.
    ///
    /// # Errors
    ///
    /// Fails if it is no time.
    pub(crate) fn find_time(&self, names: &[&str]) -> Result<Option<Timestamp>> {
        let Some(written) = self.find_text(names) else { return Ok(None) };
        match parse_time(written) {
            Some(time) => Ok(Some(time)),
            None => bail!("{}: `{}` is no time such as 2026-06-30T12:00:00Z", self.place, written),
        }
    }
}

/// Reads an instant with an offset, as `Z`, `+01:00` or `+0100`, or a day, which is one in UTC.
fn parse_time(written: &str) -> Option<Timestamp> {
    // Jira writes the offset without a colon.
    if let Some((rest, minutes)) = written.split_at_checked(written.len().checked_sub(2)?)
        && let Ok(instant) = format!("{rest}:{minutes}").parse::<Timestamp>()
    {
        return Some(instant);
    }
    WrittenTime::parse_time(written).ok()?.first_instant()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_entries_are_read_from_every_form() {
        for written in [
            "id,Started_At,caused-by\nINC-1,2026-06-01T10:00:00Z,abc\n",
            "[{\"id\": \"INC-1\", \"startedAt\": \"2026-06-01T10:00:00Z\", \"causedBy\": \"abc\"}]",
            "{\"id\": \"INC-1\", \"started_at\": \"2026-06-01T10:00:00Z\", \"caused_by\": \"abc\"}\n",
            "{\"issues\": [{\"id\": \"INC-1\", \"fields\": {\"startedAt\": \"2026-06-01T12:00:00.000+0200\", \"causedBy\": \"abc\"}}]}",
        ] {
            let entries = parse_entries(written.as_bytes()).unwrap();
            assert_eq!(entries.len(), 1, "{written}");
            let one = &entries[0];
            assert_eq!(one.find_text(&["id"]), Some("INC-1"), "{written}");
            assert_eq!(one.find_text(&["causedby"]), Some("abc"), "{written}");
            let at = one.find_time(&["startedat"]).unwrap().unwrap();
            assert_eq!(at, "2026-06-01T10:00:00Z".parse().unwrap(), "{written}");
        }
        assert!(parse_entries(b"[1]").is_err());
        assert!(parse_entries(b"{\"a\": ").is_err());
        // A time of day without an offset is not the beginning of that day.
        let entries = parse_entries(b"id,at\nINC-1,2026-06-01T10:00:00\n").unwrap();
        assert!(entries[0].find_time(&["at"]).is_err());
        // An export that failed is no list without entries.
        assert!(parse_entries(b" \n").is_err());
        assert!(
            parse_entries(b"id,started\n").unwrap().is_empty() && parse_entries(b"[]").unwrap().is_empty()
        );
    }
}
