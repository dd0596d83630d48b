//! Lines that were meant to be trailers and are none: what they are, and why git did not see them.
//!
//! To git a `Reviewed-by:` in the wrong place is prose, without a word of warning, and the person
//! who wrote it cannot see the difference. This file says what the difference is. It never makes a
//! trailer of anything (what git does not see does not exist), and keys that nobody knows are left
//! alone: to git `https://...` and `fix: ...` are trailers too.

use super::ending::{Extent, as_taken_in, extent};
use super::find::{count, first};
use super::look_alike::{Known, drawn_like};
use super::person::is_invisible;
use super::text::{Text, is_space, trim};
use super::trailers::{Cut, Kind, Like, Paragraph, items, last_paragraph};

/// How many near misses of one message are reported; whoever writes more can be told the rest later.
pub const MOST: usize = 100;

/// How far into a line a key is looked for, in bytes.
const KEY_REACH: usize = 160;

/// One line that was meant to be a trailer, or a trailer that was meant to have another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The line of the message, counted from 1.
    pub line: usize,
    /// What stands in the place of the key.
    pub written: Text,
    /// The known key that it is or resembles, as the caller spells it.
    pub key: String,
    /// What is wrong.
    pub why: Why,
}

/// Why git does not see a line as the trailer that it was meant to be. Lines are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It stands in the first paragraph, which is never a trailer block.
    FirstParagraph,
    /// It stands before the last paragraph, the only one that can be a trailer block.
    EarlierParagraph {
        /// The first line of the last paragraph.
        last: usize,
    },
    /// It stands in the last paragraph, and that is not a trailer block.
    NotABlock {
        /// The first line that is no trailer, which is why.
        prose: usize,
        /// How many lines would have been trailers, and were not read.
        unread: usize,
    },
    /// It stands behind the point at which git stops reading.
    BehindTheEnd {
        /// What ends the message.
        cut: Cut,
        /// Where.
        line: usize,
    },
    /// It starts with white space, so that at best it continues a trailer.
    Indented {
        /// The line of the trailer that it has become a part of, if there is one.
        continues: Option<usize>,
    },
    /// It is a trailer, with a key that nobody knows and that is nearly one that somebody does.
    Misspelt {
        /// The number of characters to insert, delete, replace, or exchange with a neighbour.
        edits: usize,
    },
    /// Its key contains characters that cannot be seen.
    InvisibleCharacter,
    /// Its key, or its colon, is written with characters that only look the part.
    ForeignCharacter,
    /// Its key contains ASCII that a key cannot have; only letters, digits and `-` are allowed.
    NotAKey,
}

/// Returns the lines of `message` that were meant to be trailers with one of the `known` keys, in
/// order, and no more than [`MOST`] of them.
///
/// Keys are compared without regard to case; `known` holds canonical keys and aliases alike. A
/// trailer that git reads and that has a known key is never among them. Takes time linear in the
/// length of the message for a given set of keys.
pub fn near_misses(message: &[u8], like: Like, known: &[&str]) -> Vec<NearMiss> {
    let message = as_taken_in(message, like);
    let places = Places::new(&message, like);
    let known = Known(known);
    let mut found = Vec::new();
    let mut walk = Walk::default();
    let mut at = 0;
    while let Some(rest) = message.get(at..).filter(|rest| !rest.is_empty()) {
        let length = first(b'\n', rest).map_or(rest.len(), |lf| lf + 1);
        let line = rest.get(..length).unwrap_or_default();
        let kind = Kind::of(line);
        let place = places.at(at, &walk);
        walk.enter(kind);
        let miss = match kind {
            Kind::Trailer(separator) => trailer(line, separator, place, &walk, known),
            Kind::Indented => indented(line, place, &walk, known),
            Kind::Prose => prose(line, known),
            Kind::Blank | Kind::Comment | Kind::CherryPicked => None,
        };
        if let Some((written, key, why)) = miss {
            found.push(NearMiss { line: walk.line, written, key: key.to_owned(), why });
        }
        if found.len() == MOST {
            break;
        }
        walk.leave(kind, places.extent.start <= at);
        at += length;
    }
    found
}

/// What is known of the lines above the one that is looked at.
#[derive(Default)]
struct Walk {
    /// The number of lines that have been started.
    line: usize,
    /// Whether the first paragraph is over.
    is_past_first: bool,
    /// The first line of the subject, once it has been met.
    subject: Option<usize>,
    /// The line of the trailer that an indented line would continue.
    continues: Option<usize>,
}

impl Walk {
    fn enter(&mut self, kind: Kind) {
        self.line += 1;
        if !matches!(kind, Kind::Blank | Kind::Comment) {
            self.subject.get_or_insert(self.line);
        }
    }

    fn leave(&mut self, kind: Kind, is_in_message: bool) {
        self.is_past_first |= is_in_message && kind == Kind::Blank;
        match kind {
            Kind::Trailer(_) => self.continues = Some(self.line),
            Kind::Comment | Kind::CherryPicked | Kind::Prose => self.continues = None,
            Kind::Indented | Kind::Blank => {}
        }
    }
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Ignored,
    Block,
    LastParagraph(Why),
    Elsewhere(Why),
}

/// The places of one message.
struct Places {
    extent: Extent,
    /// The last paragraph, and its first line.
    last: Option<(Paragraph, usize)>,
    /// Why the last paragraph is not a block.
    last_is_no_block: Why,
    /// The offset from which on nothing is read, and why.
    cut: Option<(usize, Why)>,
}

impl Places {
    fn new(message: &[u8], like: Like) -> Self {
        let extent = extent(message, like);
        let line_of = |at: usize| 1 + count(b'\n', message.get(..at).unwrap_or_default());
        let mut last = last_paragraph(extent.of(message)).map(|last| (last, 0));
        if let Some((last, line)) = &mut last {
            last.start += extent.start;
            *line = line_of(last.start);
        }
        let cut = extent.cut.map(|(cut, at)| (at, Why::BehindTheEnd { cut, line: line_of(at) }));
        let last_is_no_block = match last {
            Some((last, _)) if !last.is_first && !last.is_block() => {
                let prose = items(message, last.start, extent.end).mixed_at;
                prose.map_or(Why::NotAKey, |prose| Why::NotABlock { prose, unread: last.trailers })
            }
            _ => Why::FirstParagraph,
        };
        Places { extent, last, last_is_no_block, cut }
    }

    fn at(&self, at: usize, walk: &Walk) -> Place {
        if let Some((cut, why)) = self.cut
            && cut <= at
        {
            return Place::Elsewhere(why);
        }
        match self.last {
            // Comments and conflicts at the end, which say nothing about the change.
            _ if self.extent.end <= at => Place::Ignored,
            Some((last, _)) if last.start <= at && !last.is_first => {
                if last.is_block() {
                    Place::Block
                } else {
                    Place::LastParagraph(self.last_is_no_block)
                }
            }
            Some((_, last)) if walk.is_past_first => Place::Elsewhere(Why::EarlierParagraph { last }),
            _ => Place::Elsewhere(Why::FirstParagraph),
        }
    }
}

/// What stands in the place of the key, the known key that it resembles, and what is wrong.
type Miss<'a> = (Text, &'a str, Why);

/// Judges a line that would be a trailer in a trailer block.
fn trailer<'a>(
    line: &[u8],
    separator: usize,
    place: Place,
    walk: &Walk,
    known: Known<'_, 'a>,
) -> Option<Miss<'a>> {
    let written = trim(line.get(..separator)?);
    let why = match place {
        Place::Ignored => return None,
        Place::Block => {
            let (key, edits) = known.misspelt(std::str::from_utf8(written).ok()?)?;
            return Some((written.into(), key, Why::Misspelt { edits }));
        }
        Place::LastParagraph(why) | Place::Elsewhere(why) => why,
    };
    let key = known.same(written)?;
    // Many a subject starts with the name of a part, as in `ticket: sort by date`.
    if walk.subject == Some(walk.line) && written != key.as_bytes() {
        return None;
    }
    Some((written.into(), key, why))
}

/// Judges a line that starts with white space.
fn indented<'a>(line: &[u8], place: Place, walk: &Walk, known: Known<'_, 'a>) -> Option<Miss<'a>> {
    // Where it is no part of a trailer or of a block it is a quotation, or part of a list.
    match place {
        Place::Block => {}
        Place::LastParagraph(_) if walk.continues.is_some() => {}
        _ => return None,
    }
    let first = line.iter().position(|byte| !is_space(*byte))?;
    let line = line.get(first..)?;
    let Kind::Trailer(separator) = Kind::of(line) else { return None };
    let written = trim(line.get(..separator)?);
    Some((written.into(), known.same(written)?, Why::Indented { continues: walk.continues }))
}

/// Judges a line that could not be a trailer anywhere.
fn prose<'a>(line: &[u8], known: Known<'_, 'a>) -> Option<Miss<'a>> {
    let reach = line.get(..line.len().min(KEY_REACH))?;
    if reach.is_ascii() && !reach.contains(&b':') {
        // Most lines of prose; the same, without looking at what each character is drawn like.
        return None;
    }
    let reach = String::from_utf8_lossy(reach);
    let (end, colon) = reach.char_indices().find(|(_, character)| drawn_like(*character) == ':')?;
    let written = reach.get(..end)?;
    let key = known.meant(written)?;
    let why = if written.chars().any(|character| is_invisible(character) && character != '\t') {
        Why::InvisibleCharacter
    } else if colon != ':' || !written.is_ascii() {
        Why::ForeignCharacter
    } else {
        Why::NotAKey
    };
    Some((written.into(), key, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[&str] = &["Reviewed-by", "Approved-by", "Risk", "Change-Type"];

    fn found(message: &str) -> Vec<(usize, String, Why)> {
        near_misses(message.as_bytes(), Like::Log, KEYS)
            .into_iter()
            .map(|miss| (miss.line, miss.key, miss.why))
            .collect()
    }

    fn one(message: &str) -> (usize, String, Why) {
        let mut found = found(message);
        assert_eq!(found.len(), 1, "{message:?}: {found:?}");
        found.pop().unwrap()
    }

    #[test]
    fn what_git_reads_is_not_a_near_miss_and_unknown_keys_are_nobodys_business() {
        for message in [
            "s\n\nReviewed-by: A <a@b.example>\nRISK: low\nhttps://x\nfix: y\n",
            "s\n\nSigned-off-by: x\nprose\nRisk: low\n",
            "s\n\nhttps://x: y\n\nfix: words\n",
            "s\n\n    Risk: quoted\n\nA: b\n",
            "s\n\n# Risk: low\n",
            "risk: sort by it\n\nA: b\n",
            "Merge\n\n* a/b:\n  prose\n  risk: sort by it\n",
            "s\n\nThe risk of this: none\n\nwhat we approved: all of it\n",
            "",
        ] {
            assert_eq!(found(message), [], "{message:?}");
        }
    }

    #[test]
    fn one_line_of_prose_in_the_last_paragraph_is_named_with_what_it_cost() {
        let message = "s\n\nbody\n\nReviewed-by: A\nA: b\nFixes it\nRisk: low\n";
        let why = Why::NotABlock { prose: 7, unread: 3 };
        assert_eq!(found(message), [(5, "Reviewed-by".into(), why), (8, "Risk".into(), why)]);
    }

    #[test]
    fn a_line_in_another_paragraph_is_told_where_the_last_one_starts() {
        assert_eq!(one("s\nRisk: low\n"), (2, "Risk".into(), Why::FirstParagraph));
        assert_eq!(one("Risk: low\n\nA: b\n"), (1, "Risk".into(), Why::FirstParagraph));
        assert_eq!(one("\n\ns\nrisk: low\n"), (4, "Risk".into(), Why::FirstParagraph));
        let why = Why::EarlierParagraph { last: 5 };
        assert_eq!(one("s\n\nRisk: low\n\nA: b\n"), (3, "Risk".into(), why));
        assert_eq!(one("s\n\nRisk: low\n\nprose\n\n\n"), (3, "Risk".into(), why));
    }

    #[test]
    fn a_line_behind_the_end_is_told_what_the_end_is() {
        let cut = "# ------------------------ >8 ------------------------";
        let why = Why::BehindTheEnd { cut: Cut::Scissors, line: 4 };
        assert_eq!(one(&format!("s\n\nA: b\n{cut}\nRisk: low\n")), (5, "Risk".into(), why));
        let why = Why::BehindTheEnd { cut: Cut::Nul, line: 3 };
        assert_eq!(one("s\n\nA: b\0\nRisk: low\n"), (4, "Risk".into(), why));
        let divided = near_misses(b"s\n\nA: b\n---\nRisk: low\n", Like::Parse, KEYS);
        let why = Why::BehindTheEnd { cut: Cut::Divider, line: 4 };
        assert_eq!(divided.iter().map(|miss| miss.why).collect::<Vec<_>>(), [why]);
    }

    #[test]
    fn an_indented_line_is_told_what_it_continues() {
        let why = Why::Indented { continues: Some(3) };
        assert_eq!(one("s\n\nA: b\n c\n Risk: low\n"), (5, "Risk".into(), why));
        let why = Why::Indented { continues: None };
        assert_eq!(one("s\n\nA: b\n# c\n Risk: low\nSigned-off-by: x\n"), (5, "Risk".into(), why));
    }

    #[test]
    fn a_misspelt_key_is_noticed_where_it_is_a_trailer() {
        assert_eq!(one("s\n\nAproved-by: x\n"), (3, "Approved-by".into(), Why::Misspelt { edits: 1 }));
        assert_eq!(found("s\n\nAproved-by: x\n\nA: b\n"), []);
    }

    #[test]
    fn a_key_that_only_looks_right_is_noticed_wherever_it_stands() {
        for (line, why) in [
            ("\u{410}pproved-by: x", Why::ForeignCharacter),
            ("Approved-by\u{ff1a} x", Why::ForeignCharacter),
            ("Appr\u{200b}oved-by: x", Why::InvisibleCharacter),
            ("\u{feff}Approved-by: x", Why::InvisibleCharacter),
            ("Approved by: x", Why::NotAKey),
            ("**Approved-by:** x", Why::NotAKey),
            ("- Approved-by: x", Why::NotAKey),
        ] {
            for message in
                [format!("{line}\n"), format!("s\n\nA: b\n{line}\n"), format!("s\n\n{line}\n\nA: b\n")]
            {
                let (_, key, found) = one(&message);
                assert_eq!((key.as_str(), found), ("Approved-by", why), "{message:?}");
            }
        }
        let miss = near_misses("s\n\n\u{410}pproved-by: x".as_bytes(), Like::Log, KEYS).remove(0);
        assert_eq!(miss.written, "\u{410}pproved-by".into());
    }

    #[test]
    fn there_is_an_end_to_what_is_reported_and_to_what_it_costs() {
        assert_eq!(found(&"Risk: low\n".repeat(100_000)).len(), MOST);
        assert_eq!(found(&format!("s\n\n{}", "by-Reviewed: x\n".repeat(50_000))), []);
        assert_eq!(found(&format!("s\n\n{}", "\u{410}".repeat(500_000))), []);
        assert_eq!(found(&format!("s\n\n{}: x", "A".repeat(1 << 20))), []);
    }
}
