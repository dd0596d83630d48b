//! Answers what a policy asks about new contents: which lines match before and after, and digests.

use anyhow::Result;
use gix::ObjectId;

use crate::change::content::{digest_content, find_matching_lines};
use crate::change::content_answer::{ContentAnswer, MarkedLine, MatchedLines};
use crate::change::content_question::ContentQuestion;
use crate::change::{Fact, FactKind, Missing, NeededFacts, PathChange, PathEntry, PathEntryKind};

use crate::git::diff::made_blobs::MadeBlobs;
use crate::git::diff::renames::{MovedFile, RenameBudget};
use crate::git::objects::commit::unavailable_fact;
use crate::git::objects::reader::ObjectReader;

/// The largest content whose digest is computed.
const MAX_DIGESTED_BYTES: u64 = 64 << 20;

/// How many bytes of contents are read for the questions about one commit.
const MAX_READ_BYTES: u64 = 256 << 20;

/// Contents that are read for one commit, up to a limit.
struct ContentReader<'reader> {
    reader: &'reader mut ObjectReader,
    bytes_left: u64,
}

impl ObjectReader {
    /// Adds to `paths` the answers to the questions of a policy.
    ///
    /// Contents are bytes: what is no text is searched as well, line by line. One that is too large leaves a gap.
    pub(crate) fn answer_content_questions(&mut self, paths: &mut [PathChange], needs: &NeededFacts) {
        let mut contents = ContentReader { reader: self, bytes_left: MAX_READ_BYTES };
        for question in needs.content_questions() {
            let question = question.as_ref();
            let is_about_lines = question.matches_line(b"").is_some();
            for index in 0..paths.len() {
                let Some(change) = paths.get(index).filter(|one| question.covers_path(one.path.as_bytes()))
                else {
                    continue;
                };
                let answer = match is_about_lines {
                    true => contents.find_lines(question, change, paths),
                    false => contents.find_digest(change),
                };
                if let (Some(answer), Some(change)) = (answer.transpose(), paths.get_mut(index)) {
                    add_answer(change, answer);
                }
            }
        }
    }
}

/// Adds an answer; a gap takes the place of all of them.
fn add_answer(change: &mut PathChange, answer: Fact<ContentAnswer>) {
    let known = change.content.get_or_insert_with(|| Box::new(Ok(Vec::new())));
    match (known.as_mut(), answer) {
        (Ok(answers), Ok(answer)) if !answers.contains(&answer) => answers.push(answer),
        (Ok(_), Err(missing)) => **known = Err(missing),
        _ => {}
    }
}

impl ContentReader<'_> {
    /// Returns the lines of a path that match, before and after.
    fn find_lines(
        &mut self,
        question: &dyn ContentQuestion,
        change: &PathChange,
        all: &[PathChange],
    ) -> Fact<Option<ContentAnswer>> {
        let after = self.match_entry(question, change.after)?;
        let mut lines =
            MatchedLines { question: question.id().to_owned(), before: Vec::new(), after, moved_from: None };
        let mut before = change.before;
        // Where a file comes from matters only if there is something that may have come with it.
        if before.is_none() && !lines.after.is_empty() {
            let found = self.find_origin(question, change, all);
            let found = found.map_err(|error| unavailable_fact(FactKind::AddedLines, &error))?;
            if let Some(origin) = found {
                before = origin.before;
                lines.moved_from = Some(origin.path.clone());
            }
        }
        let found = self.match_entry(question, before)?;
        lines.before = found.into_iter().map(|line| line.mark).collect();
        Ok(Some(ContentAnswer::Lines(lines)))
    }

    /// Returns the deleted path that a new one has its content from, among those that the question is about: what
    /// comes from elsewhere is new there.
    fn find_origin<'all>(
        &mut self,
        question: &dyn ContentQuestion,
        change: &PathChange,
        all: &'all [PathChange],
    ) -> Result<Option<&'all PathChange>> {
        let Some(entry) = change.after else { return Ok(None) };
        let is_source = |one: &&PathChange| one.after.is_none() && question.covers_path(one.path.as_bytes());
        let sources: Vec<&PathChange> = all.iter().filter(is_source).collect();
        let added = [MovedFile { path: &change.path, entry, is_wanted: true }];
        let mut deleted = Vec::new();
        for source in &sources {
            deleted.extend(source.before.map(|entry| MovedFile {
                path: &source.path,
                entry,
                is_wanted: true,
            }));
        }
        let made = MadeBlobs::default();
        let pairs = self.reader.find_renames(&deleted, &added, &made, &mut RenameBudget::new())?;
        Ok(pairs.first().and_then(|(source, _)| sources.get(*source)).copied())
    }

    fn match_entry(
        &mut self,
        question: &dyn ContentQuestion,
        entry: Option<PathEntry>,
    ) -> Fact<Vec<MarkedLine>> {
        let Some(entry) = entry.filter(|entry| entry.kind != PathEntryKind::Submodule) else {
            return Ok(Vec::new());
        };
        let content = self.read_content(entry, ObjectReader::MAX_OPENED_BLOB_BYTES, FactKind::AddedLines)?;
        Ok(find_matching_lines(question, content))
    }

    /// Returns the digest of the new content of a path; `None` if it has none.
    fn find_digest(&mut self, change: &PathChange) -> Fact<Option<ContentAnswer>> {
        let Some(entry) = change.after.filter(|entry| entry.kind != PathEntryKind::Submodule) else {
            return Ok(None);
        };
        let content = self.read_content(entry, MAX_DIGESTED_BYTES, FactKind::Digests)?;
        Ok(Some(ContentAnswer::Sha256(digest_content(content))))
    }

    fn read_content(&mut self, entry: PathEntry, limit: u64, kind: FactKind) -> Fact<&[u8]> {
        let limit = limit.min(self.bytes_left);
        let Ok(id) = ObjectId::try_from(entry.id.as_bytes()) else {
            return Err(Missing::Unavailable(kind, "its id is none of this repository".to_owned()));
        };
        match self.reader.read_blob(&id, limit) {
            Ok(Ok(content)) => {
                self.bytes_left = self.bytes_left.saturating_sub(content.len() as u64);
                Ok(content)
            }
            Ok(Err(size)) => {
                let why = format!("a content has {size} bytes, and at most {limit} are read here");
                Err(Missing::TooLarge(kind, why))
            }
            Err(error) => Err(unavailable_fact(kind, &error)),
        }
    }
}
