//! What a policy asks about the new content of a path, and the answers: which lines match, and the digest.
//!
//! The lines themselves are not kept: a line that must not be added may hold what must not be told. A mark
//! stands for each, so that a line that was there before is known again.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::change::content_answer::{ContentAnswer, MarkedLine, MatchedLines};
use crate::change::content_question::ContentQuestion;
use crate::change::fact::{Fact, FactKind, Missing};
use crate::change::path_change::PathChange;
use crate::change::text::{Text, encode_hex};
use crate::change::{Change, ChangeDiff};

/// How many bytes of the digest of a line are its mark.
const MARK_BYTES: usize = 12;

/// Returns the mark of a line.
pub(crate) fn mark_line(line: &[u8]) -> String {
    let digest = Sha256::digest(line);
    encode_hex(digest.get(..MARK_BYTES).unwrap_or_default())
}

/// Returns the SHA-256 of a content, in hexadecimal digits.
pub(crate) fn digest_content(content: &[u8]) -> String {
    encode_hex(&Sha256::digest(content))
}

/// Returns the lines of a content with their numbers, without their ends.
pub(crate) fn split_content_lines(content: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    let lines = content.split(|byte| *byte == b'\n');
    (1..).zip(lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line)))
}

/// Returns the lines of a content that match, with their marks.
pub(crate) fn find_matching_lines(question: &dyn ContentQuestion, content: &[u8]) -> Vec<MarkedLine> {
    let mut found = Vec::new();
    for (line, bytes) in split_content_lines(content) {
        if question.matches_line(bytes) == Some(true) {
            found.push(MarkedLine { line, mark: mark_line(bytes) });
        }
    }
    found
}

/// A line that a change adds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AddedLine {
    pub(crate) path: Text,
    pub(crate) line: u64,
}

/// The lines of the files of a change that match, as commit after commit tells of them.
#[derive(Default)]
struct LineHistory<'change> {
    /// For each path, the marks that it had before the change, and the lines that it has now.
    files: HashMap<&'change Text, FileLines<'change>>,
}

#[derive(Clone, Default)]
struct FileLines<'change> {
    before: Vec<&'change str>,
    after: Vec<(u64, &'change str)>,
}

impl Change {
    /// Returns the lines that the change adds as it lands and that match, in the order of paths and lines.
    ///
    /// A line that only moves within its file, or with its file to another name, is not added.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing, also where the question was not asked when the contents were read.
    pub(crate) fn find_added_lines(&self, question: &dyn ContentQuestion) -> Fact<Vec<AddedLine>> {
        let mut history = LineHistory::default();
        let mut added = Vec::new();
        let mut missing = None;
        for diff in self.list_landing_diffs() {
            let ChangeDiff { paths, .. } = diff;
            match paths {
                Ok(paths) => {
                    if let Err(gap) = history.add_paths(paths, question, &mut added) {
                        missing = Some(gap);
                    }
                }
                Err(gap) => missing = Some(gap.clone().for_fact_kind(FactKind::AddedLines)),
            }
        }
        history.list_added(&mut added);
        added.sort();
        // One line is enough to know that there is one.
        match missing {
            Some(gap) if added.is_empty() => Err(gap),
            _ => Ok(added),
        }
    }
}

impl<'change> LineHistory<'change> {
    /// Adds what one difference says.
    fn add_paths(
        &mut self,
        paths: &'change [PathChange],
        question: &dyn ContentQuestion,
        added: &mut Vec<AddedLine>,
    ) -> Result<(), Missing> {
        let mut missing = None;
        let mut found = Vec::new();
        for change in paths {
            if !question.covers_path(change.path.as_bytes()) {
                continue;
            }
            match find_lines(change, question, added) {
                Ok(lines) => found.push((&change.path, lines)),
                // What is gone has no lines, whatever it had.
                Err(_) if change.after.is_none() => found.push((&change.path, None)),
                Err(gap) => missing = Some(gap),
            }
        }
        // What a file had before is looked up before any file is another one.
        let mut updates = Vec::new();
        for (path, lines) in &found {
            let Some(lines) = lines else {
                if let Some(known) = self.files.get(path) {
                    updates.push((*path, FileLines { after: Vec::new(), ..known.clone() }));
                }
                continue;
            };
            let origin = lines.moved_from.as_ref().unwrap_or(path);
            let before = match self.files.get(origin) {
                Some(known) => known.before.clone(),
                None => lines.before.iter().map(String::as_str).collect(),
            };
            let after = lines.after.iter().map(|line| (line.line, line.mark.as_str())).collect();
            updates.push((*path, FileLines { before, after }));
        }
        self.files.extend(updates);
        missing.map_or(Ok(()), Err)
    }

    /// Adds the lines that are there now and were not before, as often as they are more.
    fn list_added(self, added: &mut Vec<AddedLine>) {
        for (path, lines) in self.files {
            let mut known: HashMap<&str, usize> = HashMap::new();
            for mark in lines.before {
                *known.entry(mark).or_default() += 1;
            }
            for (line, mark) in lines.after {
                match known.get_mut(mark) {
                    Some(count) if *count > 0 => *count -= 1,
                    _ => added.push(AddedLine { path: path.clone(), line }),
                }
            }
        }
    }
}

/// Returns the lines of a path that match; `None` if all that are added are known, which are in `added` then.
fn find_lines<'change>(
    change: &'change PathChange,
    question: &dyn ContentQuestion,
    added: &mut Vec<AddedLine>,
) -> Result<Option<&'change MatchedLines>, Missing> {
    for answer in change.list_answers()? {
        match answer {
            ContentAnswer::Lines(lines) if lines.question == question.id() => return Ok(Some(lines)),
            ContentAnswer::Added(lines) => {
                for (line, bytes) in (1..).zip(lines) {
                    if question.matches_line(bytes.as_bytes()) == Some(true) {
                        added.push(AddedLine { path: change.path.clone(), line });
                    }
                }
                return Ok(None);
            }
            ContentAnswer::Withheld(missing) if missing.fact_kind() == FactKind::AddedLines => {
                return Err(missing.clone());
            }
            ContentAnswer::Lines(_) | ContentAnswer::Sha256(_) | ContentAnswer::Withheld(_) => {}
        }
    }
    Err(Missing::Unavailable(FactKind::AddedLines, "they were not looked for".to_owned()))
}

impl PathChange {
    /// Returns what is known of the new content.
    ///
    /// # Errors
    ///
    /// Returns the reason why it is not known.
    pub(crate) fn list_answers(&self) -> Fact<&[ContentAnswer]> {
        match &self.content {
            Some(content) => content.as_ref().as_ref().map(Vec::as_slice).map_err(Missing::clone),
            None => Ok(&[]),
        }
    }

    /// Returns the SHA-256 of the new content, in hexadecimal digits.
    ///
    /// # Errors
    ///
    /// Returns the reason why it is not known.
    pub(crate) fn find_sha256(&self) -> Fact<&str> {
        for answer in self.list_answers()? {
            match answer {
                ContentAnswer::Sha256(digest) => return Ok(digest),
                ContentAnswer::Withheld(missing) if missing.fact_kind() == FactKind::Digests => {
                    return Err(missing.clone());
                }
                _ => {}
            }
        }
        Err(Missing::Unavailable(FactKind::Digests, "it was not computed".to_owned()))
    }
}
