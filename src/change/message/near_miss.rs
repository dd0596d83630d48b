//! Lines that were meant to be trailers and are not, and why git does not read them.
//!
//! To git a `Reviewed-by:` in the wrong place is prose, without any warning, and its author cannot see
//! the difference. This file says what the difference is. It never makes a trailer of anything (what
//! git does not see does not exist), and unknown keys are left alone: to git `https://...` and
//! `fix: ...` are trailers too.

use crate::change::message::byte_search::{count_bytes, find_line_length};
use crate::change::message::known_keys::{KnownKeys, fold_homoglyph};
use crate::change::message::trailer_extent::{TrailerExtent, complete_last_line, find_trailer_extent};
use crate::change::message::trailers::{
    LastParagraph, MessageCut, MessageLineKind, TrailerReader, find_last_paragraph, read_block_trailers,
};
use crate::change::person::is_invisible;
use crate::change::text::{Text, count_leading_space, trim_git_space};

/// The most near misses of one message that are reported.
pub(crate) const MAX_NEAR_MISSES: usize = 100;

/// How many bytes of a line are searched for a key.
const KEY_SEARCH_BYTES: usize = 160;

/// One line that was meant to be a trailer, or a trailer that was meant to have another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The line of the message, counted from 1.
    pub line: usize,
    /// What stands in the place of the key.
    pub written: Text,
    /// The known key that it is or resembles, as the caller spells it.
    pub key: String,
    /// Why git does not read it.
    pub reason: NearMissReason,
}

/// Why git does not see a line as the trailer that it was meant to be. Lines are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NearMissReason {
    /// It stands in the first paragraph, which is never a trailer block.
    FirstParagraph,
    /// It stands before the last paragraph, the only one that can be a trailer block.
    EarlierParagraph {
        /// The first line of the last paragraph.
        last_paragraph_line: usize,
    },
    /// It stands in the last paragraph, and that is not a trailer block.
    NotTrailerBlock {
        /// The first line that is no trailer, which is why.
        prose_line: usize,
        /// How many lines would have been trailers, and were not read.
        unread_trailers: usize,
    },
    /// It stands behind the point at which git stops reading.
    AfterEnd {
        /// What ends the message.
        cut: MessageCut,
        /// The line that ends it.
        line: usize,
    },
    /// It starts with white space, so that at best it continues a trailer.
    Indented {
        /// The line of the trailer that it has become a part of, if there is one.
        continued_line: Option<usize>,
    },
    /// It is a trailer, and its key is unknown but close to a known one.
    Misspelt {
        /// The number of characters to insert, delete, replace, or exchange with a neighbour.
        edits: usize,
    },
    /// Its key contains characters that cannot be seen.
    InvisibleCharacter,
    /// Its key, or its colon, is written with characters that only look the part.
    LookAlikeCharacter,
    /// Its key contains ASCII that a key cannot have; only letters, digits and `-` are allowed.
    InvalidKeyCharacter,
}

/// Returns the lines of `message` that were meant to be trailers with one of the `known` keys, in
/// order, and no more than `MAX_NEAR_MISSES` of them.
///
/// Keys are compared without regard to case; `known` holds canonical keys and aliases alike. A
/// trailer that git reads and that has a known key is never among them. Takes time linear in the
/// length of the message for a given set of keys.
pub fn find_near_misses(message: &[u8], like: TrailerReader, known: &[&str]) -> Vec<NearMiss> {
    let message = complete_last_line(message, like);
    let places = LinePlaces::new(&message, like);
    let known = KnownKeys(known);
    let mut found = Vec::new();
    let mut walk = LineContext::default();
    let mut at = 0;
    while at < message.len() {
        let rest = message.get(at..).unwrap_or_default();
        let length = find_line_length(rest);
        let line = rest.get(..length).unwrap_or_default();
        let kind = MessageLineKind::classify_line(line);
        let place = places.place_at(at, &walk);
        walk.enter_line(kind);
        let miss = match kind {
            MessageLineKind::Trailer(separator) => check_trailer_line(line, separator, place, &walk, known),
            MessageLineKind::Indented => check_indented_line(line, place, &walk, known),
            MessageLineKind::Prose => check_prose_line(line, known),
            MessageLineKind::Blank | MessageLineKind::Comment | MessageLineKind::CherryPicked => None,
        };
        if let Some((written, key, why)) = miss {
            found.push(NearMiss { line: walk.line_number, written, key: key.to_owned(), reason: why });
        }
        // A hostile message must not make a report without end.
        if found.len() == MAX_NEAR_MISSES {
            break;
        }
        walk.leave_line(kind, places.extent.start <= at);
        at += length;
    }
    found
}

/// What is known of the lines above the current one.
#[derive(Default)]
struct LineContext {
    /// The number of lines that have been started.
    line_number: usize,
    /// True once the first paragraph has ended.
    is_past_first_paragraph: bool,
    /// The first line of the subject, once it has been met.
    subject_line: Option<usize>,
    /// The line of the trailer that an indented line would continue.
    continued_line: Option<usize>,
}

impl LineContext {
    fn enter_line(&mut self, kind: MessageLineKind) {
        self.line_number += 1;
        if !matches!(kind, MessageLineKind::Blank | MessageLineKind::Comment) {
            self.subject_line.get_or_insert(self.line_number);
        }
    }

    fn leave_line(&mut self, kind: MessageLineKind, is_in_message: bool) {
        self.is_past_first_paragraph |= is_in_message && kind == MessageLineKind::Blank;
        match kind {
            MessageLineKind::Trailer(_) => self.continued_line = Some(self.line_number),
            MessageLineKind::Comment | MessageLineKind::CherryPicked | MessageLineKind::Prose => {
                self.continued_line = None
            }
            MessageLineKind::Indented | MessageLineKind::Blank => {}
        }
    }
}

/// The part of a message that a line is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LinePlace {
    Ignored,
    Block,
    LastParagraph(NearMissReason),
    Elsewhere(NearMissReason),
}

/// The parts of one message.
struct LinePlaces {
    extent: TrailerExtent,
    /// The last paragraph, and its first line.
    last_paragraph: Option<(LastParagraph, usize)>,
    /// Why the last paragraph is not a block.
    no_block_reason: NearMissReason,
    /// The offset from which on nothing is read, and why.
    cut: Option<(usize, NearMissReason)>,
}

impl LinePlaces {
    fn new(message: &[u8], like: TrailerReader) -> Self {
        let extent = find_trailer_extent(message, like);
        let cut = extent.cut.map(|(cut, at)| {
            let line = find_line_number(message, at);
            (at, NearMissReason::AfterEnd { cut, line })
        });
        let mut places =
            LinePlaces { extent, last_paragraph: None, no_block_reason: NearMissReason::FirstParagraph, cut };
        if let Some(mut last) = find_last_paragraph(extent.slice_message(message)) {
            last.start += extent.start;
            if !last.is_first && !last.is_trailer_block() {
                let unread_trailers = last.trailer_lines;
                places.no_block_reason = match read_block_trailers(message, last.start, extent.end).mixed_line
                {
                    Some(prose_line) => NearMissReason::NotTrailerBlock { prose_line, unread_trailers },
                    None => NearMissReason::InvalidKeyCharacter,
                };
            }
            places.last_paragraph = Some((last, find_line_number(message, last.start)));
        }
        places
    }

    fn place_at(&self, at: usize, walk: &LineContext) -> LinePlace {
        if let Some((cut, why)) = self.cut
            && cut <= at
        {
            return LinePlace::Elsewhere(why);
        }
        match self.last_paragraph {
            // Comments and conflicts at the end, which say nothing about the change.
            _ if self.extent.end <= at => LinePlace::Ignored,
            Some((last, _)) if last.start <= at && !last.is_first => {
                if last.is_trailer_block() {
                    LinePlace::Block
                } else {
                    LinePlace::LastParagraph(self.no_block_reason)
                }
            }
            Some((_, last)) if walk.is_past_first_paragraph => {
                LinePlace::Elsewhere(NearMissReason::EarlierParagraph { last_paragraph_line: last })
            }
            _ => LinePlace::Elsewhere(NearMissReason::FirstParagraph),
        }
    }
}

/// Returns the number of the line that begins at `at`, counted from 1.
fn find_line_number(message: &[u8], at: usize) -> usize {
    1 + count_bytes(b'\n', message.get(..at).unwrap_or_default())
}

/// What stands in the place of the key, the known key that it resembles, and the reason.
type NearMissParts<'a> = (Text, &'a str, NearMissReason);

/// Checks a line that would be a trailer in a trailer block.
fn check_trailer_line<'a>(
    line: &[u8],
    separator: usize,
    place: LinePlace,
    walk: &LineContext,
    known: KnownKeys<'_, 'a>,
) -> Option<NearMissParts<'a>> {
    let written = trim_git_space(line.get(..separator)?);
    let why = match place {
        LinePlace::Ignored => return None,
        LinePlace::Block => {
            let (key, edits) = known.find_misspelt_key(std::str::from_utf8(written).ok()?)?;
            return Some((written.into(), key, NearMissReason::Misspelt { edits }));
        }
        LinePlace::LastParagraph(why) | LinePlace::Elsewhere(why) => why,
    };
    let key = known.find_exact_key(written)?;
    // Many a subject starts with the name of a part, as in `ticket: sort by date`.
    if walk.subject_line == Some(walk.line_number) && written != key.as_bytes() {
        return None;
    }
    Some((written.into(), key, why))
}

/// Checks a line that starts with white space.
fn check_indented_line<'a>(
    line: &[u8],
    place: LinePlace,
    walk: &LineContext,
    known: KnownKeys<'_, 'a>,
) -> Option<NearMissParts<'a>> {
    // Where it is no part of a trailer or of a block it is a quotation, or part of a list.
    match place {
        LinePlace::Block => {}
        LinePlace::LastParagraph(_) if walk.continued_line.is_some() => {}
        _ => return None,
    }
    let line = line.get(count_leading_space(line)..)?;
    let MessageLineKind::Trailer(separator) = MessageLineKind::classify_line(line) else { return None };
    let written = trim_git_space(line.get(..separator)?);
    Some((
        written.into(),
        known.find_exact_key(written)?,
        NearMissReason::Indented { continued_line: walk.continued_line },
    ))
}

/// Checks a line that cannot be a trailer anywhere.
fn check_prose_line<'a>(line: &[u8], known: KnownKeys<'_, 'a>) -> Option<NearMissParts<'a>> {
    let reach = line.get(..line.len().min(KEY_SEARCH_BYTES))?;
    if reach.is_ascii() && !reach.contains(&b':') {
        // This holds for most prose, and saves looking at each character.
        return None;
    }
    let reach = String::from_utf8_lossy(reach);
    let (end, colon) = reach.char_indices().find(|(_, character)| fold_homoglyph(*character) == ':')?;
    let written = reach.get(..end)?;
    let key = known.find_intended_key(written)?;
    let why = if written.chars().any(|character| is_invisible(character) && character != '\t') {
        NearMissReason::InvisibleCharacter
    } else if colon != ':' || !written.is_ascii() {
        NearMissReason::LookAlikeCharacter
    } else {
        NearMissReason::InvalidKeyCharacter
    };
    Some((written.into(), key, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[&str] = &["Reviewed-by", "Approved-by", "Risk", "Change-Type"];

    fn found(message: &str) -> Vec<(usize, String, NearMissReason)> {
        find_near_misses(message.as_bytes(), TrailerReader::Log, KEYS)
            .into_iter()
            .map(|miss| (miss.line, miss.key, miss.reason))
            .collect()
    }

    fn one(message: &str) -> (usize, String, NearMissReason) {
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
        let why = NearMissReason::NotTrailerBlock { prose_line: 7, unread_trailers: 3 };
        assert_eq!(found(message), [(5, "Reviewed-by".into(), why), (8, "Risk".into(), why)]);
    }

    #[test]
    fn a_line_in_another_paragraph_is_told_where_the_last_one_starts() {
        assert_eq!(one("s\nRisk: low\n"), (2, "Risk".into(), NearMissReason::FirstParagraph));
        assert_eq!(one("Risk: low\n\nA: b\n"), (1, "Risk".into(), NearMissReason::FirstParagraph));
        assert_eq!(one("\n\ns\nrisk: low\n"), (4, "Risk".into(), NearMissReason::FirstParagraph));
        let why = NearMissReason::EarlierParagraph { last_paragraph_line: 5 };
        assert_eq!(one("s\n\nRisk: low\n\nA: b\n"), (3, "Risk".into(), why));
        assert_eq!(one("s\n\nRisk: low\n\nprose\n\n\n"), (3, "Risk".into(), why));
    }

    #[test]
    fn a_line_behind_the_end_is_told_what_the_end_is() {
        let cut = "# ------------------------ >8 ------------------------";
        let why = NearMissReason::AfterEnd { cut: MessageCut::Scissors, line: 4 };
        assert_eq!(one(&format!("s\n\nA: b\n{cut}\nRisk: low\n")), (5, "Risk".into(), why));
        let why = NearMissReason::AfterEnd { cut: MessageCut::Nul, line: 3 };
        assert_eq!(one("s\n\nA: b\0\nRisk: low\n"), (4, "Risk".into(), why));
        let divided = find_near_misses(b"s\n\nA: b\n---\nRisk: low\n", TrailerReader::Parse, KEYS);
        let why = NearMissReason::AfterEnd { cut: MessageCut::Divider, line: 4 };
        assert_eq!(divided.iter().map(|miss| miss.reason).collect::<Vec<_>>(), [why]);
    }

    #[test]
    fn an_indented_line_is_told_what_it_continues() {
        let why = NearMissReason::Indented { continued_line: Some(3) };
        assert_eq!(one("s\n\nA: b\n c\n Risk: low\n"), (5, "Risk".into(), why));
        let why = NearMissReason::Indented { continued_line: None };
        assert_eq!(one("s\n\nA: b\n# c\n Risk: low\nSigned-off-by: x\n"), (5, "Risk".into(), why));
    }

    #[test]
    fn a_misspelt_key_is_noticed_where_it_is_a_trailer() {
        assert_eq!(
            one("s\n\nAproved-by: x\n"),
            (3, "Approved-by".into(), NearMissReason::Misspelt { edits: 1 })
        );
        assert_eq!(found("s\n\nAproved-by: x\n\nA: b\n"), []);
    }

    #[test]
    fn a_key_that_only_looks_right_is_noticed_wherever_it_stands() {
        for (line, why) in [
            ("\u{410}pproved-by: x", NearMissReason::LookAlikeCharacter),
            ("Approved-by\u{ff1a} x", NearMissReason::LookAlikeCharacter),
            ("Appr\u{200b}oved-by: x", NearMissReason::InvisibleCharacter),
            ("\u{feff}Approved-by: x", NearMissReason::InvisibleCharacter),
            ("Approved by: x", NearMissReason::InvalidKeyCharacter),
            ("**Approved-by:** x", NearMissReason::InvalidKeyCharacter),
            ("- Approved-by: x", NearMissReason::InvalidKeyCharacter),
        ] {
            for message in
                [format!("{line}\n"), format!("s\n\nA: b\n{line}\n"), format!("s\n\n{line}\n\nA: b\n")]
            {
                let (_, key, found) = one(&message);
                assert_eq!((key.as_str(), found), ("Approved-by", why), "{message:?}");
            }
        }
        let miss =
            find_near_misses("s\n\n\u{410}pproved-by: x".as_bytes(), TrailerReader::Log, KEYS).remove(0);
        assert_eq!(miss.written, "\u{410}pproved-by".into());
    }

    #[test]
    fn there_is_an_end_to_what_is_reported_and_to_what_it_costs() {
        assert_eq!(found(&"Risk: low\n".repeat(100_000)).len(), MAX_NEAR_MISSES);
        assert_eq!(found(&format!("s\n\n{}", "by-Reviewed: x\n".repeat(50_000))), []);
        assert_eq!(found(&format!("s\n\n{}", "\u{410}".repeat(500_000))), []);
        assert_eq!(found(&format!("s\n\n{}: x", "A".repeat(1 << 20))), []);
    }
}
