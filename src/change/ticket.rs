//! A ticket, as the system that holds it tells of it, and whether it was made in time.
//!
//! When a ticket was made is what the system's own clock says, never a field that people fill in.
//! Even so it can be wrong: an import of tickets sets when they were made. Evidence against it is kept
//! beside it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::change::fact::Fact;
use crate::change::oid::Oid;
use crate::change::text::Text;

/// The most bytes that a key can have.
const MAX_KEY_BYTES: usize = 40;

/// A ticket, as its system tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ticket {
    /// Its key in the system; if the ticket was moved, another than the one asked for.
    pub key: Text,
    /// The project, team or repository that it is in.
    pub project: Text,
    /// When it was made, by the system's clock.
    pub created: Timestamp,
    /// Evidence against that time; `None` if there is none.
    pub backdated: Fact<Option<CreationDoubt>>,
    /// Its type, as the system calls it.
    pub kind: Text,
    /// The labels that it has.
    pub labels: Vec<Text>,
    /// Its state, as the system calls it.
    pub state: Text,
    /// True if it is done; `None` if the source does not tell.
    pub is_closed: Option<bool>,
    /// The person to whom it is assigned.
    pub assignee: Option<Text>,
    /// Its title and its description.
    pub text: Text,
    /// Its page on the web.
    pub url: Text,
    /// The source of all this: the system's address, or a file's name and digest.
    pub source: Text,
    /// The account that wrote it, if the system does not count it among those who belong to the project;
    /// `None` where it does, and where everyone who can write a ticket belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outsider: Option<Text>,
}

/// Evidence against the time at which a ticket says that it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum CreationDoubt {
    /// A ticket with a lower number was made later, so this one was imported, moved or back-dated.
    LowerKeyIsLater {
        /// The key of that ticket.
        lower: String,
        /// When that ticket was made.
        lower_created: Timestamp,
    },
    /// The export says that the ticket was imported.
    Imported,
}

/// The result of looking up one ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TicketLookup {
    /// The key that the change names.
    pub key: Text,
    /// The ticket; `None` if there is none of this key, or none that the gate can see.
    pub found: Fact<Option<Ticket>>,
}

/// The key of a ticket, read: `PAY-412`, `CHG0012345` or `#12`.
///
/// Nothing else is ever put into a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TicketKey {
    /// What stands before the number and says which system is meant: `PAY`, or `#`.
    pub prefix: String,
    /// The number, by which tickets of one prefix follow each other.
    pub number: u64,
    written: String,
}

/// How the time of a ticket relates to the time limit for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TicketTiming {
    /// It was made in time, with this much left.
    InTime {
        /// The time left; `None` if there is no limit on any calendar.
        time_left: Option<SignedDuration>,
    },
    /// It was made too late, by this much.
    Late {
        /// The time between the limit and the ticket.
        late_by: SignedDuration,
    },
    /// It is older than the change, and does not mention it.
    Unrelated,
    /// There is this evidence against its time.
    BackDated(CreationDoubt),
}

impl TicketKey {
    /// Reads a key: capital letters, digits and `_`, a hyphen and digits; or capital letters and
    /// digits; or `#` and digits. All of it is ASCII.
    pub(crate) fn parse_key(written: &Text) -> Option<TicketKey> {
        let written = written.as_utf8()?;
        if written.len() > MAX_KEY_BYTES {
            return None;
        }
        let digits = written.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (front, number) = written.split_at_checked(written.len().checked_sub(digits)?)?;
        let prefix = match front.strip_suffix('-') {
            Some(prefix) if TicketKey::is_key_prefix(prefix) => prefix,
            None if front == "#" || is_uppercase_word(front) => front,
            _ => return None,
        };
        Some(TicketKey {
            prefix: prefix.to_owned(),
            number: number.parse().ok()?,
            written: written.to_owned(),
        })
    }

    /// Returns true for what can stand before the number and a hyphen.
    pub(crate) fn is_key_prefix(prefix: &str) -> bool {
        let Some(first) = prefix.bytes().next() else { return false };
        prefix.len() <= MAX_KEY_BYTES && first.is_ascii_uppercase() && prefix.bytes().all(is_prefix_byte)
    }

    /// Returns the key as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// Returns the key of the same form that is `down` lower; `None` where there is none.
    pub(crate) fn lower_key(&self, down: u64) -> Option<TicketKey> {
        let number = self.number.checked_sub(down)?;
        if number == 0 {
            return None;
        }
        let digits = self.written.bytes().rev().take_while(u8::is_ascii_digit).count();
        let front = self.written.get(..self.written.len().checked_sub(digits)?)?;
        // Leading zeroes are part of a key such as CHG0012345.
        let width = if self.written.get(front.len()..)?.starts_with('0') { digits } else { 0 };
        let written = format!("{front}{number:0width$}");
        Some(TicketKey { prefix: self.prefix.clone(), number, written })
    }
}

impl Ticket {
    /// Returns how the ticket stands to a change that was first seen at `since` and had until `due`
    /// (inclusive) to get one.
    ///
    /// A ticket that is older than the change belongs to it only if it names one of `about`.
    ///
    /// # Errors
    ///
    /// Returns the missing fact, if the time of the ticket counts and it is not known whether there is
    /// evidence against it.
    pub(crate) fn check_timing(
        &self,
        since: Timestamp,
        due: Option<Timestamp>,
        about: &[&Text],
    ) -> Fact<TicketTiming> {
        let left = due.map(|due| due.duration_since(self.created));
        if let Some(left) = left
            && left.is_negative()
        {
            return Ok(TicketTiming::Late { late_by: -left });
        }
        if let Ok(Some(why)) = &self.backdated {
            return Ok(TicketTiming::BackDated(why.clone()));
        }
        if self.created < since && !about.iter().any(|named| self.mentions_word(named)) {
            return Ok(TicketTiming::Unrelated);
        }
        self.backdated.as_ref().map_err(Clone::clone)?;
        Ok(TicketTiming::InTime { time_left: left })
    }

    /// Returns true if and only if the ticket is called `named`, or its text or one of its labels has
    /// it as a word by itself: `INC-1` is not in `INC-12`.
    pub fn mentions_word(&self, named: &Text) -> bool {
        for label in &self.labels {
            if has_word(label, named) {
                return true;
            }
        }
        has_word(&self.key, named) || has_word(&self.text, named)
    }

    /// Returns true if and only if the ticket's text has all digits of the commit's id as a word by itself.
    /// A commit can be made that begins with the digits of an old ticket, so fewer name none.
    pub(crate) fn mentions_commit(&self, id: Oid) -> bool {
        let id = id.to_string();
        let text = self.text.to_lossy();
        split_words(&text).any(|word| word.eq_ignore_ascii_case(&id))
    }
}

fn is_uppercase_word(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn is_prefix_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

/// Returns the words of a text: what stands between everything but letters, digits, `-` and `_`.
fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|one: char| !is_word_character(one))
}

fn is_word_character(one: char) -> bool {
    one.is_alphanumeric() || one == '-' || one == '_'
}

/// Returns true if and only if `word` stands in `text` with neither letters, digits, `-` nor `_`
/// beside it, in any case of its ASCII letters.
fn has_word(text: &Text, word: &Text) -> bool {
    let (text, word) = (text.to_lossy().to_ascii_lowercase(), word.to_lossy().to_ascii_lowercase());
    if word.is_empty() {
        return false;
    }
    for (at, _) in text.match_indices(&word) {
        let front = text.get(..at).unwrap_or_default();
        let rest = text.get(at.saturating_add(word.len())..).unwrap_or_default();
        if !front.ends_with(is_word_character) && !rest.starts_with(is_word_character) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::change::fact::{FactKind, Missing};

    const T0: &str = "2026-03-01T10:00:00Z";

    fn ticket(created: &str, text: &str) -> Ticket {
        Ticket {
            key: "OPS-7".into(),
            project: "OPS".into(),
            created: created.parse().unwrap(),
            backdated: Ok(None),
            kind: "Incident".into(),
            labels: vec!["inc-9".into()],
            state: "Open".into(),
            is_closed: Some(false),
            assignee: None,
            text: text.into(),
            url: "https://tickets.example.com/OPS-7".into(),
            outsider: None,
            source: "the test".into(),
        }
    }

    fn timing(t0: &str, ticket: &Ticket) -> Fact<TicketTiming> {
        let t0: Timestamp = t0.parse().unwrap();
        let due = t0.checked_add(SignedDuration::from_hours(24)).unwrap();
        ticket.check_timing(t0, Some(due), &[&"INC-1".into()])
    }

    #[test]
    fn the_limit_is_inclusive_and_counts_elapsed_time() {
        let in_time =
            |seconds| Ok(TicketTiming::InTime { time_left: Some(SignedDuration::from_secs(seconds)) });
        let late = |seconds| Ok(TicketTiming::Late { late_by: SignedDuration::from_secs(seconds) });
        for (t0, created, expected) in [
            (T0, "2026-03-02T10:00:00Z", in_time(0)),
            (T0, "2026-03-02T10:00:01Z", late(1)),
            (T0, T0, in_time(24 * 3600)),
            ("2026-03-28T23:30:00+01:00", "2026-03-29T23:29:00+02:00", in_time(24 * 3600 - 82_740)),
            ("2028-02-28T12:00:00Z", "2028-02-29T12:00:00Z", in_time(0)),
            (T0, "2026-03-05T10:00:00Z", late(3 * 24 * 3600)),
        ] {
            assert_eq!(timing(t0, &ticket(created, "")), expected, "{created}");
        }
        // The night on which clocks go forward: 22 hours and 59 minutes have passed.
        assert_eq!(82_740, 22 * 3600 + 59 * 60);
    }

    #[test]
    fn an_older_ticket_counts_only_if_it_names_the_incident() {
        let older = "2026-02-26T10:00:00Z";
        assert_eq!(timing(T0, &ticket(older, "Disk full (INC-12)")), Ok(TicketTiming::Unrelated));
        let related = timing(T0, &ticket(older, "Token check, see inc-1."));
        assert!(matches!(related, Ok(TicketTiming::InTime { .. })), "{related:?}");
        assert_eq!(
            ticket(older, "").check_timing(T0.parse().unwrap(), None, &[]),
            Ok(TicketTiming::Unrelated)
        );
    }

    #[test]
    fn a_time_that_is_in_doubt_is_not_believed() {
        let doubt = |created, doubt| timing(T0, &Ticket { backdated: doubt, ..ticket(created, "INC-1") });
        let lower =
            || CreationDoubt::LowerKeyIsLater { lower: "OPS-6".into(), lower_created: Timestamp::MAX };
        let why = || Ok(Some(lower()));
        for created in ["2026-02-26T10:00:00Z", T0, "2026-03-01T20:00:00Z"] {
            assert_eq!(doubt(created, why()), Ok(TicketTiming::BackDated(lower())));
        }
        // One that says itself that it is late is late.
        assert!(matches!(doubt("2026-03-09T10:00:00Z", why()), Ok(TicketTiming::Late { .. })));
        let missing = Missing::NotConfigured(FactKind::Tickets);
        assert_eq!(doubt(T0, Err(missing.clone())), Err(missing));
    }

    #[test]
    fn a_ticket_names_whole_words() {
        let says = |text: &str, word: &str| ticket(T0, text).mentions_word(&word.into());
        for text in ["INC-1", "see INC-1.", "(inc-1)", "INC-12 and INC-1", "a\nINC-1\nb"] {
            assert!(says(text, "INC-1"), "{text}");
        }
        for text in ["INC-12", "XINC-1", "PRE-INC-1", "INC-1-2", "INC 1", "\u{418}NC-1", "INC-1\u{e9}"] {
            assert!(!says(text, "INC-1"), "{text}");
        }
        assert!(says("", "OPS-7") && says("", "INC-9") && !says("anything", ""));
    }

    #[test]
    fn a_ticket_names_a_change_by_all_digits() {
        let id = Oid::from_hex("1f0c3a9be27d66aa0123456789abcdef01234567").unwrap();
        let names = |text: &str| ticket(T0, text).mentions_commit(id);
        for text in [
            "1f0c3a9be27d66aa0123456789abcdef01234567",
            "1F0C3A9BE27D66AA0123456789ABCDEF01234567",
            "see https://git.example.com/shop/commit/1f0c3a9be27d66aa0123456789abcdef01234567.",
            "1f0c (1f0c3a9be27d66aa0123456789abcdef01234567)",
        ] {
            assert!(names(text), "{text}");
        }
        for text in [
            "",
            "1f0c3a9be27d",
            "1f0c3a9be27d66aa0123456789abcdef0123456",
            "1f0c3a9be27",
            "1f0c3a9be27e",
            "0c3a9be27d66aa",
            "v1-g1f0c3a9be27d",
            "x1f0c3a9be27d",
            "1f0c3a9be27d_",
            "1f0c3a9be27d66aa0123456789abcdef012345678",
            "1f0c3a9b e27d",
        ] {
            assert!(!names(text), "{text}");
        }
    }

    #[test]
    fn a_key_is_a_prefix_and_a_number_and_nothing_else() {
        let read = |written: &str| TicketKey::parse_key(&written.into()).map(|key| (key.prefix, key.number));
        assert_eq!(read("PAY-412"), Some(("PAY".into(), 412)));
        assert_eq!(read("A1_B-2"), Some(("A1_B".into(), 2)));
        assert_eq!(read("CHG0012345"), Some(("CHG".into(), 12345)));
        assert_eq!(read("#12"), Some(("#".into(), 12)));
        for none in [
            "",
            "#",
            "12",
            "PAY",
            "PAY-",
            "-1",
            "pay-1",
            "PAY-1/../2",
            "PAY-1?x=1",
            "PAY 1",
            "PAY-1 ",
            "PAY-\u{661}",
            "http://169.254.169.254/1",
            "../1",
            "PAY--1",
            "1A-1",
            "#-1",
            "##1",
            "PAY-99999999999999999999",
            "A1B2",
            "PAY%2F-1",
            "PAY-1\n",
            "\u{420}AY-1",
        ] {
            assert_eq!(read(none), None, "{none:?}");
        }
    }

    #[test]
    fn lower_keys_have_the_same_form() {
        let lower = |written: &str, down| {
            TicketKey::parse_key(&written.into()).unwrap().lower_key(down).map(|key| key.as_str().to_owned())
        };
        assert_eq!(lower("PAY-412", 1).as_deref(), Some("PAY-411"));
        assert_eq!(lower("PAY-100", 1).as_deref(), Some("PAY-99"));
        assert_eq!(lower("CHG0012345", 6).as_deref(), Some("CHG0012339"));
        assert_eq!(lower("#12", 3).as_deref(), Some("#9"));
        assert_eq!(lower("PAY-1", 1), None);
        assert_eq!(lower("PAY-1", 2), None);
    }

    proptest! {
        #[test]
        fn what_is_read_as_a_key_is_harmless_in_an_address(written in ".{0,50}|[A-Z#/?%.&-]{1,5}[0-9]{0,3}") {
            if let Some(key) = TicketKey::parse_key(&written.as_str().into()) {
                let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_#".contains(&byte);
                prop_assert!(key.as_str().bytes().all(plain) && key.as_str() == written);
                prop_assert!(!key.as_str().contains('#') || key.prefix == "#");
                if let Some(lower) = key.lower_key(1) {
                    prop_assert_eq!(TicketKey::parse_key(&lower.as_str().into()), Some(lower));
                }
            }
        }
    }
}
