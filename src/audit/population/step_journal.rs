//! What an audit has read and judged of the steps of a history before it was interrupted, so that the next run does not
//! read and judge them again.
//!
//! Only what takes long is kept: steps judged by a policy that compares contents. They are kept in batches; the last line
//! of each counts its steps and holds their digest, so that a batch that was cut or touched counts for nothing, and
//! neither does what follows it. A step counts for the same version, policy and ref, and if what is known of it does not
//! depend on the time of the audit. Everything else of a report is made anew, so it is that of one run.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::audit::population::step_evidence::StepEvidence;
use crate::change::Oid;
use crate::change::text::encode_hex;

/// The name of the journal in its folder.
const JOURNAL_FILE: &str = "steps.jsonl";

/// How many steps make a batch at most, and how many bytes.
const MAX_BATCH_STEPS: usize = 256;
const MAX_BATCH_BYTES: usize = 1 << 20;

/// How the last line of a batch begins; no other line does.
const END_MARK: &[u8] = b"{\"batch-end\":";

/// The steps that were judged, on disk.
pub struct StepJournal {
    path: PathBuf,
    /// Where the steps of an earlier run stand in the file.
    kept: BTreeMap<String, KeptPart>,
    file: Mutex<StepFile>,
    taken_over: AtomicUsize,
}

/// The steps of one part of a history, by their ids: where each stands, and how long its line is.
type KeptPart = HashMap<Oid, KeptStep>;

#[derive(Clone, Copy, Debug)]
struct KeptStep {
    offset: u64,
    length: usize,
    /// The time of the audit that judged it.
    as_of: Timestamp,
}

/// The file, and the batch that is not written yet.
#[derive(Default)]
struct StepFile {
    /// `None` before the first batch of a folder, and after the file could not be used.
    file: Option<File>,
    /// Where the next batch begins.
    end: u64,
    /// True once something could not be written: then nothing more is kept.
    is_given_up: bool,
    batch: Vec<u8>,
    batch_steps: usize,
    part: String,
    as_of: Option<Timestamp>,
}

/// What the steps of a part are judged by and for, which is a part of what their evidence depends on.
#[derive(Clone, Copy)]
pub(crate) struct JournalPart<'a> {
    journal: &'a StepJournal,
    key: &'a str,
    as_of: Timestamp,
}

/// One step of a batch.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct JournalStep<'a> {
    step: Oid,
    /// True if it was judged, and not only read.
    judged: bool,
    evidence: Cow<'a, StepEvidence>,
}

/// The last line of a batch.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BatchEnd {
    batch_end: BatchSummary,
}

/// What a whole batch holds.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct BatchSummary {
    /// The number of its steps.
    steps: usize,
    /// The SHA-256 of their lines.
    digest: String,
    /// The key of the part that they belong to.
    part: String,
    /// The time of the audit.
    as_of: Timestamp,
}

/// Returns the key of what the evidence of steps depends on, beside the steps themselves.
pub(crate) fn digest_part(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part.as_bytes());
    }
    encode_hex(&digest.finalize())
}

impl StepJournal {
    /// Opens the journal in a folder, which need not be there. A journal that cannot be used is an empty one.
    pub fn open_journal(folder: &Path) -> StepJournal {
        let path = folder.join(JOURNAL_FILE);
        let mut kept = BTreeMap::new();
        let mut file = StepFile::default();
        if let Ok(opened) = OpenOptions::new().read(true).write(true).open(&path) {
            file.end = read_batches(&opened, &mut kept);
            file.file = Some(opened);
        }
        StepJournal { path, kept, file: Mutex::new(file), taken_over: AtomicUsize::new(0) }
    }

    /// Returns how many steps were taken over from an earlier run.
    pub fn count_taken_over(&self) -> usize {
        self.taken_over.load(Ordering::Relaxed)
    }

    /// Removes the journal of a report that is whole, and its folder if nothing else is in it.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be removed.
    pub fn remove_journal(self) -> io::Result<()> {
        drop(self.file);
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        if let Some(folder) = self.path.parent() {
            // It is not there, or an interrupted audit of a fleet has left its own files.
            let _ = fs::remove_dir(folder);
        }
        Ok(())
    }

    /// Returns the steps that this key stands for, in an audit of this time.
    pub(crate) fn open_part<'a>(&'a self, key: &'a str, as_of: Timestamp) -> JournalPart<'a> {
        JournalPart { journal: self, key, as_of }
    }

    fn lock_file(&self) -> MutexGuard<'_, StepFile> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the line of a step.
    fn read_line(&self, step: KeptStep) -> Option<Vec<u8>> {
        let mut line = vec![0; step.length];
        let mut locked = self.lock_file();
        let file = locked.file.as_mut()?;
        file.seek(SeekFrom::Start(step.offset)).ok()?;
        file.read_exact(&mut line).ok()?;
        Some(line)
    }
}

impl JournalPart<'_> {
    /// Returns what an earlier run found out about a step; `is_judged` if it has to be judged, and not only read.
    pub(crate) fn find_evidence(&self, id: Oid, is_judged: bool) -> Option<StepEvidence> {
        let kept = *self.journal.kept.get(self.key)?.get(&id)?;
        // What is older than an earlier audit is older than this one.
        if kept.as_of > self.as_of {
            return None;
        }
        let line = self.journal.read_line(kept)?;
        let step: JournalStep<'_> = serde_json::from_slice(&line).ok()?;
        if step.step != id || step.judged != is_judged {
            return None;
        }
        self.journal.taken_over.fetch_add(1, Ordering::Relaxed);
        Some(step.evidence.into_owned())
    }

    /// Keeps what was found out about a step, unless it is kept already, has a hole, or depends on the time of the
    /// audit. Where nothing can be written, nothing is kept.
    pub(crate) fn add_evidence(&self, id: Oid, is_judged: bool, evidence: &StepEvidence) {
        let is_whole = evidence.facts.as_ref().is_ok_and(|facts| facts.unread.is_none());
        let is_known = self.journal.kept.get(self.key).is_some_and(|part| part.contains_key(&id));
        if !is_whole || !evidence.is_older_than_audit || is_known {
            return;
        }
        let step = JournalStep { step: id, judged: is_judged, evidence: Cow::Borrowed(evidence) };
        let mut file = self.journal.lock_file();
        if file.is_given_up {
            return;
        }
        if file.part != self.key || file.as_of != Some(self.as_of) {
            file.batch.clear();
            file.batch_steps = 0;
            file.part = self.key.to_owned();
            file.as_of = Some(self.as_of);
        }
        let length = file.batch.len();
        if serde_json::to_writer(&mut file.batch, &step).is_err() {
            file.batch.truncate(length);
            return;
        }
        file.batch.push(b'\n');
        file.batch_steps += 1;
        if file.batch_steps >= MAX_BATCH_STEPS || file.batch.len() >= MAX_BATCH_BYTES {
            file.is_given_up = file.write_batch(&self.journal.path, self.as_of).is_err();
        }
    }
}

impl StepFile {
    /// Writes the batch behind the last one.
    fn write_batch(&mut self, path: &Path, as_of: Timestamp) -> io::Result<()> {
        let digest = encode_hex(&Sha256::digest(&self.batch));
        let summary = BatchSummary { steps: self.batch_steps, digest, part: self.part.clone(), as_of };
        serde_json::to_writer(&mut self.batch, &BatchEnd { batch_end: summary })?;
        self.batch.push(b'\n');
        if self.file.is_none() {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut options = OpenOptions::new();
            self.file = Some(options.create(true).truncate(false).read(true).write(true).open(path)?);
        }
        if let Some(file) = &mut self.file {
            file.seek(SeekFrom::Start(self.end))?;
            file.write_all(&self.batch)?;
            self.end += self.batch.len() as u64;
            // Behind it may stand what an earlier run did not finish.
            file.set_len(self.end)?;
        }
        self.batch.clear();
        self.batch_steps = 0;
        Ok(())
    }
}

/// Notes where the steps of whole batches stand, up to the first batch that is not whole; returns where that begins.
fn read_batches(file: &File, kept: &mut BTreeMap<String, KeptPart>) -> u64 {
    let mut lines = BufReader::new(file);
    let (mut end, mut offset) = (0, 0);
    let (mut digest, mut steps) = (Sha256::new(), Vec::new());
    let mut line = Vec::new();
    loop {
        line.clear();
        if !lines.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) || line.last() != Some(&b'\n') {
            return end;
        }
        if line.starts_with(END_MARK) {
            let found = encode_hex(&std::mem::take(&mut digest).finalize());
            let Ok(BatchEnd { batch_end: told }) = serde_json::from_slice(&line) else { return end };
            if told.steps != steps.len() || told.digest != found {
                return end;
            }
            let part = kept.entry(told.part).or_default();
            for (id, offset, length) in steps.drain(..) {
                part.insert(id, KeptStep { offset, length, as_of: told.as_of });
            }
            end = offset + line.len() as u64;
        } else {
            let Some(id) = find_step_id(&line) else { return end };
            steps.push((id, offset, line.len()));
            digest.update(&line);
        }
        offset += line.len() as u64;
    }
}

/// Returns the id that the line of a step begins with.
fn find_step_id(line: &[u8]) -> Option<Oid> {
    let rest = line.strip_prefix(b"{\"step\":\"")?;
    let length = rest.iter().position(|byte| *byte == b'"')?;
    Oid::from_hex(std::str::from_utf8(rest.get(..length)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> Oid {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        Oid::from_bytes(&bytes).unwrap()
    }

    fn evidence(number: usize) -> StepEvidence {
        let facts = serde_json::json!({
            "commits": 1, "title": format!("Change {number}"), "purpose": "", "author": { "name": "A", "email": "a@b" },
            "authored-at": "2026-01-01T00:00:00Z", "committer": { "name": "A", "email": "a@b" }, "people": [],
            "files": 1, "lines": null, "claimed-pull": null, "trailers": {},
        });
        StepEvidence {
            facts: Ok(serde_json::from_value(facts).unwrap()),
            is_older_than_audit: true,
            ..StepEvidence::unreadable(id(number), String::new())
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn title(found: Option<StepEvidence>) -> Option<String> {
        found.map(|found| found.facts.unwrap().title.to_lossy().into_owned())
    }

    #[test]
    fn whole_batches_are_kept_whatever_happens_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join(".audited");
        let journal = StepJournal::open_journal(&kept);
        let part = journal.open_part("key", at(10));
        for number in 0..MAX_BATCH_STEPS * 2 + 7 {
            part.add_evidence(id(number), true, &evidence(number));
        }
        drop(journal);
        let path = kept.join(JOURNAL_FILE);
        let whole = fs::read(&path).unwrap();
        let first = whole.windows(END_MARK.len()).position(|bytes| bytes == END_MARK).unwrap();
        let first_end = first + whole[first..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let count = |journal: &StepJournal| {
            let part = journal.open_part("key", at(10));
            (0..MAX_BATCH_STEPS * 3).filter(|number| part.find_evidence(id(*number), true).is_some()).count()
        };
        let (step, ends) = (whole.len() / 61, [first, first_end - 1, first_end, whole.len()]);
        for length in (0..whole.len()).step_by(step).chain(ends) {
            fs::write(&path, &whole[..length]).unwrap();
            let expected = match length {
                _ if length == whole.len() => 2,
                _ if length >= first_end => 1,
                _ => 0,
            };
            assert_eq!(count(&StepJournal::open_journal(&kept)), expected * MAX_BATCH_STEPS, "{length}");
        }
        // What is damaged counts for nothing, and neither does what follows it; then it is written again.
        for place in [0, first / 2, first + 20, first_end + 40] {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            fs::write(&path, &damaged).unwrap();
            let journal = StepJournal::open_journal(&kept);
            let left = if place < first_end { 0 } else { MAX_BATCH_STEPS };
            assert_eq!(count(&journal), left, "{place}");
            let part = journal.open_part("key", at(10));
            for number in 0..MAX_BATCH_STEPS * 2 {
                part.add_evidence(id(number), true, &evidence(number));
            }
            drop(journal);
            assert_eq!(fs::read(&path).unwrap(), whole, "{place}");
        }
        StepJournal::open_journal(&kept).remove_journal().unwrap();
        assert!(!kept.exists());
    }

    #[test]
    fn a_step_counts_for_the_same_part_and_never_for_an_earlier_time() {
        let folder = tempfile::tempdir().unwrap();
        let journal = StepJournal::open_journal(folder.path());
        let part = journal.open_part("key", at(10));
        let young = StepEvidence { is_older_than_audit: false, ..evidence(1) };
        part.add_evidence(id(1), true, &young);
        part.add_evidence(id(2), true, &StepEvidence::unreadable(id(2), "gone".to_owned()));
        for number in 3..MAX_BATCH_STEPS + 3 {
            part.add_evidence(id(number), number != 4, &evidence(number));
        }
        let journal = StepJournal::open_journal(folder.path());
        let find = |key, second, number, is_judged| {
            title(journal.open_part(key, at(second)).find_evidence(id(number), is_judged))
        };
        assert_eq!(find("key", 10, 3, true).as_deref(), Some("Change 3"));
        assert_eq!(find("key", 11, 3, true).as_deref(), Some("Change 3"));
        assert_eq!(find("key", 10, 4, false).as_deref(), Some("Change 4"));
        assert_eq!(journal.count_taken_over(), 3);
        for (key, second, number, is_judged) in [
            ("key", 9, 3, true),
            ("other", 10, 3, true),
            ("key", 10, 3, false),
            ("key", 10, 1, true),
            ("key", 10, 2, true),
        ] {
            assert_eq!(find(key, second, number, is_judged), None, "{key} {second} {number}");
        }
        assert_ne!(digest_part(&["a", "bc"]), digest_part(&["ab", "c"]));
    }
}
