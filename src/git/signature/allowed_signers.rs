//! Reads an OpenSSH `allowed_signers` file: which SSH key belongs to which address, and since when.
//!
//! The format is that of ssh-keygen(1), ALLOWED SIGNERS, without the parts by which one line can
//! speak for more people than it names: patterns for principals and certificate authorities.
//! `ssh-keygen` skips a line that it cannot read. Here it is an error: a skipped `valid-before` would
//! keep a key valid after its last day.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_encoding::base64::{Base64, Encoding};
use ssh_key::PublicKey;
use ssh_key::public::KeyData;

use crate::change::Text;
use crate::change::person::canonical_address;
use crate::git::signature::bad_key::{BadKey, KeyLocation, is_exact_address};

/// The namespace in which git signs.
pub(crate) const GIT_NAMESPACE: &str = "git";

/// One line of the file: a key, the address that it stands for, its purposes and its time.
#[derive(Clone, Debug)]
pub(crate) struct AllowedSigner {
    /// The number of the line, from 1.
    pub(crate) line: usize,
    /// The address as the file spells it.
    pub(crate) principal: Text,
    /// The public key of the signer.
    pub(crate) key: KeyData,
    /// The restrictions that the line puts on the key.
    pub(crate) options: SignerOptions,
}

/// For what purposes and at what time a key counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct SignerOptions {
    /// The namespaces in which the key may sign; `None` for all.
    pub(crate) namespaces: Option<Vec<String>>,
    /// The instant from which the key counts; `None` for always.
    pub(crate) valid_after: Option<Timestamp>,
    /// The instant from which the key no longer counts; `None` for never.
    pub(crate) valid_before: Option<Timestamp>,
}

impl AllowedSigner {
    /// Returns why the key makes no signature of a commit good from `at` on, in words that follow the key;
    /// `None` if it does, or will.
    pub(crate) fn find_lasting_obstacle(&self, at: Timestamp) -> Option<String> {
        if let Some(names) = &self.options.namespaces
            && !names.iter().any(|name| name == GIT_NAMESPACE)
        {
            return Some(format!("has `namespaces` without `{GIT_NAMESPACE}`"));
        }
        let before = self.options.valid_before.filter(|before| at >= *before)?;
        Some(format!("has a `valid-before` that is over ({})", before.to_zoned(TimeZone::UTC).date()))
    }
}

/// Parses a file of allowed signers in the format of OpenSSH.
///
/// # Errors
///
/// Returns every line that is malformed, and every key that stands for two addresses.
pub(crate) fn read_allowed_signers(file: &[u8]) -> Result<Vec<AllowedSigner>, Vec<BadKey>> {
    let mut entries: Vec<AllowedSigner> = Vec::new();
    let mut errors = Vec::new();
    for (index, line) in file.split(is_line_feed).enumerate() {
        match read_signer_line(line, index + 1).and_then(|entry| check_single_principal(&entries, entry)) {
            Ok(entry) => entries.extend(entry),
            Err(reason) => errors.push(BadKey { location: KeyLocation::Line(index + 1), reason }),
        }
    }
    if errors.is_empty() { Ok(entries) } else { Err(errors) }
}

fn check_single_principal(
    entries: &[AllowedSigner],
    entry: Option<AllowedSigner>,
) -> Result<Option<AllowedSigner>, String> {
    let Some(entry) = entry else { return Ok(None) };
    let address = canonical_address(entry.principal.as_bytes());
    for other in entries {
        if other.key == entry.key && canonical_address(other.principal.as_bytes()) != address {
            return Err("this key already stands for another address; one key is one person".into());
        }
    }
    Ok(Some(entry))
}

fn is_line_feed(byte: &u8) -> bool {
    *byte == b'\n'
}

/// Reads the line with this number; `None` if it is empty or a comment.
fn read_signer_line(line: &[u8], number: usize) -> Result<Option<AllowedSigner>, String> {
    let Ok(line) = std::str::from_utf8(line) else { return Err("the line is not UTF-8".into()) };
    if line.chars().any(|character| character.is_control() && character != '\t') {
        return Err("the line has a control character (perhaps a carriage return)".into());
    }
    let line = line.trim_matches([' ', '\t']);
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (principal, rest) = split_word(line);
    if !is_exact_address(principal.as_bytes()) {
        return Err(format!(
            "`{}` is not one exact address; lists, patterns and quotes are refused",
            principal.escape_debug()
        ));
    }
    let mut options = SignerOptions::default();
    let rest = if begins_with_option(rest) { read_options(rest, &mut options)? } else { rest };
    if let (Some(after), Some(before)) = (options.valid_after, options.valid_before)
        && before <= after
    {
        return Err("`valid-before` is not later than `valid-after`".into());
    }
    Ok(Some(AllowedSigner { line: number, principal: principal.into(), key: read_key(rest)?, options }))
}

const OPTION_NAMES: [&str; 4] = ["cert-authority", "namespaces", "valid-after", "valid-before"];

fn begins_with_option(text: &str) -> bool {
    let (word, _) = split_word(text);
    OPTION_NAMES.iter().any(|option| option.eq_ignore_ascii_case(word)) || word.contains(['=', ','])
}

/// Reads the options at the start of `text`, and returns what follows them.
fn read_options<'a>(mut text: &'a str, options: &mut SignerOptions) -> Result<&'a str, String> {
    // The name of an option decides before its value is looked at, so that `cert-authority`, which has none,
    // is refused by name.
    loop {
        let end = text.find(['=', ',', ' ', '\t']).unwrap_or(text.len());
        let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let name = name.to_ascii_lowercase();
        if name == "cert-authority" {
            return Err("`cert-authority` is refused: list each key with the address it stands for".into());
        }
        if !OPTION_NAMES.contains(&name.as_str()) {
            return Err(format!("`{}` is neither an option nor a type of key", name.escape_debug()));
        }
        let Some(value) = rest.strip_prefix("=\"") else {
            return Err(format!("`{name}` needs a value in double quotes"));
        };
        let Some((value, rest)) = value.split_once('"') else {
            return Err(format!("the value of `{name}` has no closing quote"));
        };
        let again = match name.as_str() {
            "namespaces" => options.namespaces.replace(read_namespaces(value)?).is_some(),
            "valid-after" => options.valid_after.replace(read_time(&name, value)?).is_some(),
            _ => options.valid_before.replace(read_time(&name, value)?).is_some(),
        };
        if again {
            return Err(format!("`{name}` is given twice"));
        }
        match rest.strip_prefix(',') {
            Some(next) => text = next,
            None if rest.starts_with([' ', '\t']) => return Ok(rest.trim_start_matches([' ', '\t'])),
            None => return Err(format!("something follows the value of `{name}`")),
        }
    }
}

fn read_namespaces(value: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for name in value.split(',') {
        if name.is_empty() || !name.bytes().all(is_plain_name_byte) {
            return Err("`namespaces` takes names separated by commas; patterns are refused".into());
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

fn is_plain_name_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"*?!\\".contains(&byte)
}

/// Reads `YYYYMMDDZ`, `YYYYMMDDHHMMZ` or `YYYYMMDDHHMMSSZ`.
///
/// Without the `Z`, ssh-keygen(1) takes the time zone of the machine that verifies, and the same file
/// would mean different times in different places.
fn read_time(name: &str, value: &str) -> Result<Timestamp, String> {
    let Some(digits) = value.strip_suffix('Z') else {
        return Err(format!("`{name}` must be in UTC: add a `Z`, as in `20270131Z`"));
    };
    match parse_utc_digits(digits) {
        Some(instant) => Ok(instant),
        None => Err(format!("`{name}` is not of the form `YYYYMMDD[HHMM[SS]]Z`")),
    }
}

/// Parses `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`; `None` if it is no such time.
fn parse_utc_digits(digits: &str) -> Option<Timestamp> {
    if ![8, 12, 14].contains(&digits.len()) || !digits.bytes().all(is_digit) {
        return None;
    }
    let year = digits.get(..4)?.parse().ok()?;
    let mut parts: [i8; 5] = [0; 5];
    for (index, part) in parts.iter_mut().enumerate() {
        if let Some(digits) = digits.get(4 + 2 * index..6 + 2 * index) {
            *part = digits.parse().ok()?;
        }
    }
    let [month, day, hour, minute, second] = parts;
    let date = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// Parses a public key as OpenSSH writes it: `TYPE BASE64 [COMMENT]`.
fn read_key(text: &str) -> Result<KeyData, String> {
    let (kind, rest) = split_word(text);
    let (base64, _comment) = split_word(rest);
    if kind.is_empty() || base64.is_empty() {
        return Err("the line has no key".into());
    }
    if !ACCEPTED_KEY_TYPES.contains(&kind) {
        return Err(format!(
            "keys of type `{}` are not accepted; use ssh-ed25519, ecdsa-sha2-nistp256, \
             ecdsa-sha2-nistp384, ssh-rsa or their security-key kinds",
            kind.escape_debug()
        ));
    }
    let Ok(bytes) = Base64::decode_vec(base64) else { return Err("the key is not base64".into()) };
    let Ok(key) = PublicKey::from_bytes(&bytes) else { return Err("the key is malformed".into()) };
    if key.algorithm().as_str() != kind {
        return Err("the key is of another type than the line says".into());
    }
    let key = key.key_data().clone();
    if let KeyData::Rsa(rsa) = &key {
        let modulus = rsa.n.as_positive_bytes().ok_or("the key is malformed")?;
        let Some(first) = modulus.first() else { return Err("the key is malformed".into()) };
        let bits = modulus.len() * 8 - first.leading_zeros() as usize;
        if !(2048..=4096).contains(&bits) {
            return Err(format!("the RSA key has {bits} bits; 2048 to 4096 are accepted"));
        }
    }
    Ok(key)
}

/// The types of keys that are accepted. DSA depends on SHA-1; P-521 has no verifier here.
const ACCEPTED_KEY_TYPES: [&str; 6] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// Splits after the first word, without the white space that follows it.
fn split_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    (word, rest.trim_start_matches([' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    fn reason(line: &str) -> String {
        let errors = read_allowed_signers(line.as_bytes()).unwrap_err();
        assert_eq!(errors.len(), 1, "{line}");
        errors[0].reason.clone()
    }

    #[test]
    fn a_line_gives_a_key_its_address_its_purposes_and_its_time() {
        let file = format!(
            "# keys\n\nana@x.example namespaces=\"git,file\",Valid-After=\"20260101Z\",valid-before=\"20270131235959Z\" {KEY} a comment\n\tbob@x.example\t{}\n",
            KEY.replace("FSqti", "FSqtj")
        );
        let entries = read_allowed_signers(file.as_bytes()).unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].principal, "ana@x.example".into());
        assert_eq!(entries[0].options.namespaces.as_deref().unwrap(), ["git", "file"]);
        assert_eq!(entries[0].options.valid_after.unwrap().to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(entries[0].options.valid_before.unwrap().to_string(), "2027-01-31T23:59:59Z");
        assert_eq!(entries[1].options.namespaces, None);
    }

    #[test]
    fn what_speaks_for_more_than_one_person_is_refused() {
        for principal in ["*", "*@corp", "a?b@x", "!ana@x", "ana@x,bob@x", "\"ana@x\"", "ana", "ana@"] {
            assert!(reason(&format!("{principal} {KEY}")).contains("exact address"), "{principal}");
        }
        assert!(reason(&format!("ana@x cert-authority {KEY}")).contains("cert-authority"));
        assert!(reason(&format!("ana@x namespaces=\"git\",CERT-AUTHORITY {KEY}")).contains("cert-authority"));
        let twice = format!("ana@x {KEY}\nANA+git@x {KEY}\nbob@x {KEY}\n");
        let errors = read_allowed_signers(twice.as_bytes()).unwrap_err();
        assert_eq!((errors.len(), errors[0].location), (1, KeyLocation::Line(3)));
    }

    #[test]
    fn every_malformed_line_is_named() {
        let file =
            format!("ana@x {KEY}\nana@x ssh-ed25519 AAAA\nana@x\nana@x valid-before=20260101Z {KEY}\n");
        let lines: Vec<KeyLocation> =
            read_allowed_signers(file.as_bytes()).unwrap_err().iter().map(|error| error.location).collect();
        assert_eq!(lines, [KeyLocation::Line(2), KeyLocation::Line(3), KeyLocation::Line(4)]);
    }

    #[test]
    fn options_are_read_to_the_letter() {
        for options in [
            "valid-before=\"20260101\"",
            "valid-before=\"2026010112Z\"",
            "valid-before=\"20261301Z\"",
            "valid-before=\"20260230Z\"",
            "valid-before=\"202601012560Z\"",
            "valid-before=\"20260101ZZ\"",
            "valid-before=\"\u{0661}\u{0662}\u{0663}\u{0664}Z\"",
            "valid-before=\"20260101Z\",valid-before=\"20270101Z\"",
            "valid-before=\"20260101Z\",valid-after=\"20260101Z\"",
            "namespaces=\"g*\"",
            "namespaces=\"!file\"",
            "namespaces=\"\"",
            "namespaces=\"git,\"",
            "namespaces=\"git",
            "namespaces=git",
            "namespaces",
            "namespaces=\"git\"x",
            "namespaces=\"git\",",
            "no-touch-required",
            "namespace=\"git\"",
        ] {
            reason(&format!("ana@x {options} {KEY}"));
        }
    }

    #[test]
    fn weak_and_mislabelled_keys_are_refused() {
        assert!(reason(&format!("ana@x {}", KEY.replace("ssh-ed25519", "ssh-rsa"))).contains("another type"));
        assert!(reason("ana@x ssh-dss AAAA").contains("not accepted"));
        assert!(reason(&format!("ana@x {KEY}AAAA")).contains("malformed"));
        assert!(reason(&format!("ana@x {KEY}*")).contains("base64"));
        assert!(reason(&format!("ana@x {KEY}\r")).contains("control"));
    }
}
