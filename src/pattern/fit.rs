//! Whether anything can match a regular expression within one line.
//!
//! `a$b` asks for text behind the end, and `[a&&b]` for a letter that is two at once: both are sound, and match nothing.
//! The steps of the expression are walked, each with what stands before and behind it, until the end is reached.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// What stands beside a place in a line, as far as an expression can ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Neighbour {
    /// The line begins or ends here.
    Edge,
    /// A letter, a digit or `_`.
    Word,
    /// Any other character.
    Other,
}

const NEIGHBOURS: [Neighbour; 3] = [Neighbour::Edge, Neighbour::Word, Neighbour::Other];

/// A step of an expression, with the numbers of those that may follow it.
enum PatternStep {
    /// Takes one of some characters: those of words, or others.
    Take {
        words: bool,
        others: bool,
        next: usize,
    },
    Look(Look, usize),
    Either(Vec<usize>),
    End,
}

/// Returns false if the expression matches no value as a whole. A value is a line without control characters but the tab.
pub(super) fn can_match_value(pattern: &Hir) -> bool {
    let mut walk = PatternWalk { steps: vec![PatternStep::End], is_value: true };
    let first = walk.add_steps(pattern, 0);
    walk.reaches_end(first)
}

/// Returns false if the expression matches no part of a line.
pub(super) fn can_match_in_line(pattern: &Hir) -> bool {
    let mut walk = PatternWalk { steps: vec![PatternStep::End], is_value: false };
    let first = walk.add_steps(pattern, 0);
    walk.reaches_end(first)
}

struct PatternWalk {
    steps: Vec<PatternStep>,
    is_value: bool,
}

impl PatternWalk {
    fn add_step(&mut self, step: PatternStep) -> usize {
        self.steps.push(step);
        self.steps.len() - 1
    }

    /// Adds the steps of an expression before the step `next`, and returns the first of them.
    fn add_steps(&mut self, pattern: &Hir, next: usize) -> usize {
        match pattern.kind() {
            HirKind::Empty => next,
            HirKind::Look(look) => self.add_step(PatternStep::Look(*look, next)),
            HirKind::Literal(literal) => {
                literal.0.iter().rev().fold(next, |next, byte| self.add_bytes(&[(*byte, *byte)], next))
            }
            HirKind::Class(Class::Bytes(class)) => {
                let ranges: Vec<(u8, u8)> =
                    class.ranges().iter().map(|range| (range.start(), range.end())).collect();
                self.add_bytes(&ranges, next)
            }
            HirKind::Class(Class::Unicode(class)) => {
                // Beyond ASCII, a character may be one of a word or not.
                let mut ranges = Vec::new();
                for range in class.ranges() {
                    let end = u8::try_from(range.end()).unwrap_or(u8::MAX);
                    match u8::try_from(range.start()) {
                        Ok(start) if start.is_ascii() => ranges.push((start, end)),
                        _ => return self.add_step(PatternStep::Take { words: true, others: true, next }),
                    }
                    if !range.end().is_ascii() {
                        return self.add_step(PatternStep::Take { words: true, others: true, next });
                    }
                }
                self.add_bytes(&ranges, next)
            }
            HirKind::Capture(capture) => self.add_steps(&capture.sub, next),
            HirKind::Concat(parts) => parts.iter().rev().fold(next, |next, part| self.add_steps(part, next)),
            HirKind::Alternation(parts) => {
                let starts = parts.iter().map(|part| self.add_steps(part, next)).collect();
                self.add_step(PatternStep::Either(starts))
            }
            HirKind::Repetition(repetition) => {
                let mut first = next;
                match repetition.max {
                    Some(max) => {
                        for _ in repetition.min..max {
                            let start = self.add_steps(&repetition.sub, first);
                            first = self.add_step(PatternStep::Either(vec![start, next]));
                        }
                    }
                    None => {
                        first = self.add_step(PatternStep::Either(vec![next]));
                        let start = self.add_steps(&repetition.sub, first);
                        if let Some(PatternStep::Either(ways)) = self.steps.get_mut(first) {
                            ways.push(start);
                        }
                    }
                }
                (0..repetition.min).fold(first, |next, _| self.add_steps(&repetition.sub, next))
            }
        }
    }

    /// Adds a step that takes a byte of these ranges, as far as a line can have it.
    fn add_bytes(&mut self, ranges: &[(u8, u8)], next: usize) -> usize {
        let (mut words, mut others) = (false, false);
        for byte in ranges.iter().flat_map(|(start, end)| *start..=*end) {
            match byte {
                b'\n' => {}
                _ if self.is_value && byte.is_ascii_control() && byte != b'\t' => {}
                _ if is_word_byte(byte) => words = true,
                _ => others = true,
            }
        }
        self.add_step(PatternStep::Take { words, others, next })
    }

    fn reaches_end(&self, first: usize) -> bool {
        let mut seen = vec![0_u16; self.steps.len()];
        let mut open: Vec<(usize, Neighbour, Neighbour)> = Vec::new();
        for after in NEIGHBOURS {
            let before = NEIGHBOURS.into_iter().filter(|before| !self.is_value || *before == Neighbour::Edge);
            open.extend(before.map(|before| (first, before, after)));
        }
        while let Some((place, before, after)) = open.pop() {
            let bit = 1 << (3 * before as u16 + after as u16);
            let Some(known) = seen.get_mut(place).filter(|known| **known & bit == 0) else { continue };
            *known |= bit;
            match self.steps.get(place) {
                Some(PatternStep::End) if !self.is_value || after == Neighbour::Edge => return true,
                Some(PatternStep::Take { words, others, next }) => {
                    let is_taken = match after {
                        Neighbour::Word => *words,
                        Neighbour::Other => *others,
                        Neighbour::Edge => false,
                    };
                    if is_taken {
                        open.extend(NEIGHBOURS.map(|behind| (*next, after, behind)));
                    }
                }
                Some(PatternStep::Look(look, next)) if can_hold_look(*look, before, after) => {
                    open.push((*next, before, after));
                }
                Some(PatternStep::Either(ways)) => open.extend(ways.iter().map(|way| (*way, before, after))),
                Some(PatternStep::End | PatternStep::Look(..)) | None => {}
            }
        }
        false
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns false if nothing of this kind stands between such neighbours. What words are beyond ASCII, and which returns end
/// a line, is left open.
fn can_hold_look(look: Look, before: Neighbour, after: Neighbour) -> bool {
    let (in_word, goes_on) = (before == Neighbour::Word, after == Neighbour::Word);
    match look {
        Look::Start | Look::StartLF => before == Neighbour::Edge,
        Look::End | Look::EndLF => after == Neighbour::Edge,
        Look::WordAscii => in_word != goes_on,
        Look::WordAsciiNegate => in_word == goes_on,
        Look::WordStartAscii => !in_word && goes_on,
        Look::WordEndAscii => in_word && !goes_on,
        Look::WordStartHalfAscii => !in_word,
        Look::WordEndHalfAscii => !goes_on,
        Look::StartCRLF
        | Look::EndCRLF
        | Look::WordUnicode
        | Look::WordUnicodeNegate
        | Look::WordStartUnicode
        | Look::WordEndUnicode
        | Look::WordStartHalfUnicode
        | Look::WordEndHalfUnicode => true,
    }
}
