//! Whether the objects of a pack form the changes that it names, and whether its pages are about them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::audit::evidence::pack_check::PackCheck;
use crate::audit::evidence::pack_index::{INDEX_FILE, MAX_BLOB_BYTES, PackedChange, PackedFile};
use crate::audit::evidence::pack_reader::{ReadPack, read_pack_file};
use crate::audit::evidence::rendered_files::{
    DOCUMENT_FILE, PATCH_FILE, RENDERED_FILES, select_patch_files, write_rendered_files,
};
use crate::audit::evidence::value_checks::check_values;
use crate::audit::show::document::{CHANGE_SCHEMA, ChangeDocument};
use crate::change::{NeededFacts, Oid, Text};
use crate::git::evidence_objects::RawObject;
use crate::git::evidence_objects::pack_repository::MadePatch;
use crate::git::evidence_objects::tree_walk::{DifferingFile, ObjectSink};
use crate::ledger::record::readable::ReadableRecord;
use crate::ledger::record::strict_json::parse_strict_json;
use crate::ledger::record::{LedgerEvent, RecordedActKind, RecordedReasons, digest_bytes};
use crate::ledger::store::{REASONS_FILE, RECORD_FILE};
use crate::verdict::format_count;

/// Checks every change of a pack.
pub(super) fn check_changes(pack: &ReadPack) -> PackCheck {
    let mut check = PackCheck::new("changes");
    let mut files = 0;
    for change in &pack.index.changes {
        files += change.files.len();
        if let Err(error) = check_change(pack, change, &mut check) {
            check.add_problem(format!("{}: {error:#}", change.commit.short_hex()));
        }
    }
    check_left_out_files(pack, &mut check);
    if pack.index.ledger.is_none() {
        check.unchecked.push("that the repository has no ledger: the pack holds nothing of one".to_owned());
    }
    check.require(!pack.index.changes.is_empty(), || "it holds no change".to_owned());
    let changes = format_count(pack.index.changes.len(), "change");
    let files = format_count(files, "changed file");
    check.says = format!("{changes} with {files}: commits, files and patches are as told");
    check
}

/// Names every content that the pack leaves out, since nothing in the pack shows that it had to be: its size is not
/// known without it. One that is short enough to be packed may not be left out.
fn check_left_out_files(pack: &ReadPack, check: &mut PackCheck) {
    for file in &pack.index.left_out {
        let (path, id) = (file.path.to_lossy(), file.id);
        let why = match file.size {
            Some(size) => {
                check.require(size > MAX_BLOB_BYTES, || {
                    format!(
                        "{path}: its content {id} is left out, and of {size} bytes it has to be in the pack"
                    )
                });
                format!("leaves out as longer than {MAX_BLOB_BYTES} bytes")
            }
            None => "leaves out as lost".to_owned(),
        };
        check
            .unchecked
            .push(format!("{path}: its content {id}, which the pack {why}; compare it with the repository"));
    }
}

fn check_change(pack: &ReadPack, change: &PackedChange, check: &mut PackCheck) -> Result<()> {
    let id = change.commit.short_hex();
    check_commits(pack, change, check)?;
    let mut sink = MissingFiles::default();
    let found =
        pack.repository.collect_differing_objects(change.parent, change.commit, MAX_BLOB_BYTES, &mut sink);
    let found = found?;
    let named: Vec<PackedFile> = found.iter().map(PackedFile::from).collect();
    check.require(named == change.files, || format!("{id}: it changes other files than pack.json says"));
    for blob in &sink.missing {
        let is_left_out = pack.index.left_out.iter().any(|file| file.id == *blob);
        check.require(is_left_out, || format!("{id}: the blob {blob} is missing"));
    }
    check_patch(pack, change, (&found, &sink.missing), check)?;
    check_attachments(pack, change, check);
    let path = format!("{}/{DOCUMENT_FILE}", change.folder);
    let bytes = read_pack_file(&pack.folder, &path)?;
    let document = parse_strict_json(&bytes).and_then(serde_json::from_value::<ChangeDocument>);
    let document = document.with_context(|| format!("{path} cannot be understood"))?;
    check_attached_acts(change, &document, check);
    check_document(pack, change, &document, check)?;
    check_values(pack, change, &document, check)?;
    check_rendered_files(pack, change, &document, check)
}

/// Checks that the patch is what the objects of the pack make, and that none is left out that can be made of them.
fn check_patch(
    pack: &ReadPack,
    change: &PackedChange,
    (found, missing): (&[DifferingFile], &[Oid]),
    check: &mut PackCheck,
) -> Result<()> {
    let id = change.commit.short_hex();
    let made = match select_patch_files(found, |blob| missing.contains(&blob)) {
        Some(shown) => Some(pack.objects.write_patch(&shown)?),
        None => None,
    };
    match (&change.without_patch, made) {
        (Some(why), None | Some(MadePatch::TooLong)) => {
            check.unchecked.push(format!("{id}: it has no patch: {why}"));
        }
        (Some(_), Some(MadePatch::Whole(_))) => {
            check.add_problem(format!("{id}: it has no patch, and one can be made of its objects"));
        }
        (None, Some(MadePatch::Whole(made))) => {
            let patch = format!("{}/{PATCH_FILE}", change.folder);
            let packed = read_pack_file(&pack.folder, &patch)?;
            check.require(made == packed, || format!("{patch} is not what libgit2 makes of the objects"));
        }
        (None, None | Some(MadePatch::TooLong)) => {
            check.add_problem(format!("{id}: its patch cannot be made of the objects in the pack"));
        }
    }
    Ok(())
}

/// Checks that the attached files are those whose digests the records hold, and that none is left out in silence; that there
/// are no others, is checked with all files.
fn check_attachments(pack: &ReadPack, change: &PackedChange, check: &mut PackCheck) {
    let id = change.commit.short_hex();
    let mut recorded: BTreeMap<u64, String> = BTreeMap::new();
    for number in &change.records {
        let Ok(bytes) = pack.read_record_file(*number, RECORD_FILE) else { continue };
        if let ReadableRecord::Known(record) = ReadableRecord::parse_record(&bytes)
            && let LedgerEvent::Act(event) = record.event
            && let RecordedActKind::Attachment { digest, .. } = event.act.says
        {
            recorded.insert(*number, digest);
        }
    }
    for file in &change.attachments {
        let is_recorded = recorded.remove(&file.record).is_some_and(|digest| digest == file.digest);
        check.require(is_recorded, || format!("{}: record {} does not tell of it", file.path, file.record));
        match read_pack_file(&pack.folder, &file.path) {
            Ok(content) => check.require(digest_bytes(&content) == file.digest, || {
                format!("{} is not the file that was attached", file.path)
            }),
            Err(error) => check.add_problem(format!("{error:#}")),
        }
    }
    for number in recorded.keys() {
        check.unchecked.push(format!("{id}: the file that record {number} tells of is not in the pack"));
    }
}

/// Checks that the pack has the record of every attachment that the document tells of.
fn check_attached_acts(change: &PackedChange, document: &ChangeDocument, check: &mut PackCheck) {
    let id = change.commit.short_hex();
    for act in document.acts.as_array().into_iter().flatten() {
        let is_attachment = act.pointer("/event/act/says/attachment").is_some();
        let number = act.get("record").and_then(serde_json::Value::as_u64);
        if let Some(number) = number.filter(|_| is_attachment) {
            check.require(change.records.contains(&number), || {
                format!("{id}: record {number}, which tells of an attached file, is not in the pack")
            });
        }
    }
}

/// Checks that the commits lead from the step before to the one that landed.
fn check_commits(pack: &ReadPack, change: &PackedChange, check: &mut PackCheck) -> Result<()> {
    let id = change.commit.short_hex();
    let own: BTreeSet<Oid> = change.commits.iter().copied().collect();
    check.require(change.commits.last() == Some(&change.commit), || {
        format!("{id}: its last commit is another one")
    });
    let mut reached: BTreeSet<Oid> = BTreeSet::new();
    let mut next = vec![change.commit];
    while let Some(commit) = next.pop() {
        if !reached.insert(commit) {
            continue;
        }
        let read = pack.repository.read_commit(commit, &NeededFacts::new()).map_err(anyhow::Error::from)?;
        if commit == change.commit {
            let parent = read.parents.first().copied();
            check.require(parent == change.parent, || {
                format!("{id}: it does not follow the commit that is named")
            });
        }
        next.extend(read.parents.into_iter().filter(|parent| own.contains(parent)));
    }
    check.require(reached == own, || format!("{id}: some of its commits are no part of it"));
    Ok(())
}

/// Checks the values of the document against the commits and the records.
fn check_document(
    pack: &ReadPack,
    change: &PackedChange,
    document: &ChangeDocument,
    check: &mut PackCheck,
) -> Result<()> {
    let id = change.commit.short_hex();
    let index = &pack.index;
    check.require(document.schema == CHANGE_SCHEMA, || format!("{id}: its document is of an unknown schema"));
    check.require(document.tool == index.tool, || {
        format!("{id}: its document names another version of changegate than {INDEX_FILE}")
    });
    check.require(document.commit == change.commit, || format!("{id}: its document is about another commit"));
    let is_named = document.change_id == format!("{}@{}", index.repository, change.commit);
    check.require(is_named && document.ref_name == index.ref_name, || {
        format!("{id}: its document is about another repository or branch")
    });
    let commit =
        pack.repository.read_commit(change.commit, &NeededFacts::new()).map_err(anyhow::Error::from)?;
    let author = serde_json::json!({ "name": commit.author.name, "email": commit.author.email });
    check.require(document.commits.get("author") == Some(&author), || {
        format!("{id}: its document names another author than its commit")
    });
    let is_quoted = |text: &Text| {
        let raw = commit.message.raw();
        memchr::memmem::find(raw.as_bytes(), text.as_bytes()).is_some()
    };
    check.require(is_quoted(&document.title), || format!("{id}: its title is not in its message"));
    check_recorded_reasons(pack, change, document, check)
}

/// Checks that what a recorded verdict rests on is in the ledger, line by line.
fn check_recorded_reasons(
    pack: &ReadPack,
    change: &PackedChange,
    document: &ChangeDocument,
    check: &mut PackCheck,
) -> Result<()> {
    let Some(number) = document.judged.get("record").and_then(serde_json::Value::as_u64) else {
        return Ok(());
    };
    let id = change.commit.short_hex();
    let records = pack.index.ledger.iter().flat_map(|ledger| &ledger.records);
    let Some(record) = records.into_iter().find(|record| record.number == number) else {
        check.add_problem(format!("{id}: record {number}, which judged it, is not in the pack"));
        return Ok(());
    };
    if !record.files.iter().any(|name| name == REASONS_FILE) {
        check.unchecked.push(format!("{id}: what its verdict rests on, which record {number} does not keep"));
        return Ok(());
    }
    let mut kept: Vec<RecordedReasons> = Vec::new();
    let file = pack.read_record_file(number, REASONS_FILE)?;
    for line in file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        kept.extend(serde_json::from_slice::<RecordedReasons>(line));
    }
    let is_kept = document.reasons.iter().all(|reasons| kept.contains(reasons));
    check.require(is_kept, || {
        format!("{id}: its verdict rests on something that record {number} does not hold")
    });
    Ok(())
}

/// Checks that pages and timeline are what the document makes.
fn check_rendered_files(
    pack: &ReadPack,
    change: &PackedChange,
    document: &ChangeDocument,
    check: &mut PackCheck,
) -> Result<()> {
    if !pack.is_of_this_version() {
        let id = change.commit.short_hex();
        check.unchecked.push(format!("{id}: its pages, which another version of changegate wrote"));
        check.unchecked_pages += 1;
        return Ok(());
    }
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    write_rendered_files(document, scratch.path())?;
    for name in RENDERED_FILES {
        let path = format!("{}/{name}", change.folder);
        let made = std::fs::read(scratch.path().join(name)).with_context(|| format!("cannot make {name}"))?;
        let packed = read_pack_file(Path::new(&pack.folder), &path)?;
        check.require(made == packed, || format!("{path} is not what {DOCUMENT_FILE} says"));
    }
    Ok(())
}

/// Takes objects and keeps those that are missing.
#[derive(Default)]
struct MissingFiles {
    missing: Vec<Oid>,
}

impl ObjectSink for MissingFiles {
    fn add_object(&mut self, _: RawObject) -> Result<()> {
        Ok(())
    }

    fn add_large_file(&mut self, _: Oid, _: &Text, _: u64) -> Result<()> {
        Ok(())
    }

    fn add_missing_file(&mut self, id: Oid, _: &Text) -> Result<()> {
        self.missing.push(id);
        Ok(())
    }
}
