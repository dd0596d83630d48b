//! Makes an evidence pack of changes.
//!
//! Everything is written into a folder beside the target, which gets its name when it is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::audit::evidence::manifest::write_manifest;
use crate::audit::evidence::pack_index::{
    ATTACHMENTS_FOLDER, EvidenceIndex, INDEX_FILE, LeftOutFile, MAX_BLOB_BYTES, OBJECTS_FOLDER, PACK_SCHEMA,
    PackedAttachment, PackedChange, PackedFile,
};
use crate::audit::evidence::pack_ledger::{
    RecordHolders, find_record_holders, write_attestations, write_ledger_part,
};
use crate::audit::evidence::packed_approvals::{collect_approval_objects, list_approval_records};
use crate::audit::evidence::packed_policies::PackedPolicies;
use crate::audit::evidence::packed_values::PackedValues;
use crate::audit::evidence::rendered_files::{
    DOCUMENT_FILE, PATCH_FILE, VALUES_FILE, select_patch_files, write_pack_file, write_rendered_files,
};
use crate::audit::formats::unfinished_file::create_unfinished_folder;
use crate::audit::show::document::build_document;
use crate::audit::show::shown_change::ShownChange;
use crate::change::{Oid, Text};
use crate::gate::acts::is_attachment_name;
use crate::git::evidence_objects::RawObject;
use crate::git::evidence_objects::pack_repository::{MadePatch, PackRepository};
use crate::git::evidence_objects::tree_walk::{DifferingFile, ObjectSink};
use crate::git::signature::statement_key::StatementSigner;
use crate::git::{FileAtPath, ObjectFormat, Repository};
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::record_reader::read_record_at;
use crate::ledger::audit::trace::trace_change;
use crate::ledger::record::{LedgerEvent, RecordedActKind, digest_bytes};
use crate::ledger::state::acts::name_act_ref;
use crate::verdict::format_count;

/// The file that tells people what a pack is.
pub(super) const README_FILE: &str = "README.md";

/// What that file says.
const README_TEXT: &str = include_str!("pack_readme.md");

/// What a pack is made of.
pub struct PackRequest<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// Its name.
    pub repository_name: String,
    /// The full name of the ref.
    pub ref_name: Text,
    /// What the ref holds.
    pub tip: Oid,
    /// The changes.
    pub changes: Vec<ShownChange>,
    /// The address of the repository that in-toto statements name; without one, none are made.
    pub repository_uri: Option<String>,
    /// The key that signs them, if there is one.
    pub signer: Option<StatementSigner>,
}

/// Writes a pack to `target`, which must not exist.
///
/// # Errors
///
/// Fails if something cannot be read or written; then there is nothing at `target`.
pub fn write_pack(request: &PackRequest<'_>, target: &Path) -> Result<EvidenceIndex> {
    if request.repository.object_format() != ObjectFormat::Sha1 {
        bail!("an evidence pack of a repository with SHA-256 ids cannot be made: libgit2 does not read them");
    }
    let describe = || format!("cannot write {}", target.display());
    let beside = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = create_unfinished_folder(beside, &name).with_context(describe)?;
    // The temporary folder is private; the pack inside gets the rights of any new folder.
    let folder = unfinished.path().join("pack");
    fs::create_dir(&folder).with_context(describe)?;
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let collector = PackObjects {
        folder: folder.clone(),
        copy: PackRepository::create_in(scratch.path())?,
        seen: BTreeSet::new(),
        left_out: BTreeMap::new(),
    };
    let policies = PackedPolicies::new(request.repository);
    let mut run = PackRun { request, folder: folder.clone(), collector, limits: Vec::new(), policies };
    let index = run.write_contents()?;
    let mut bytes = serde_json::to_vec_pretty(&index)?;
    bytes.push(b'\n');
    write_pack_file(&folder.join(INDEX_FILE), &bytes)?;
    write_pack_file(&folder.join(README_FILE), README_TEXT.as_bytes())?;
    write_manifest(&folder)?;
    if target.symlink_metadata().is_ok() {
        bail!("{} exists", target.display());
    }
    fs::rename(&folder, target).with_context(describe)?;
    Ok(index)
}

/// Puts objects into the pack, each once, and into a repository from which patches are made.
struct PackObjects {
    folder: PathBuf,
    copy: PackRepository,
    seen: BTreeSet<Oid>,
    left_out: BTreeMap<Oid, (Text, Option<u64>)>,
}

impl ObjectSink for PackObjects {
    fn add_object(&mut self, object: RawObject) -> Result<()> {
        if self.seen.insert(object.id) {
            let path = format!("{OBJECTS_FOLDER}/{}/{}", object.kind.name(), object.id);
            write_pack_file(&self.folder.join(path), &object.bytes)?;
            self.copy.add_object(object.kind, &object.bytes)?;
        }
        Ok(())
    }

    fn add_large_file(&mut self, id: Oid, path: &Text, size: u64) -> Result<()> {
        self.left_out.entry(id).or_insert_with(|| (path.clone(), Some(size)));
        Ok(())
    }

    fn add_missing_file(&mut self, id: Oid, path: &Text) -> Result<()> {
        // One lost content takes nothing from the rest of the pack.
        self.left_out.entry(id).or_insert_with(|| (path.clone(), None));
        Ok(())
    }
}

/// A pack that is being made.
struct PackRun<'a> {
    request: &'a PackRequest<'a>,
    folder: PathBuf,
    collector: PackObjects,
    limits: Vec<String>,
    policies: PackedPolicies<'a>,
}

impl PackRun<'_> {
    fn write_contents(&mut self) -> Result<EvidenceIndex> {
        let request = self.request;
        let mut changes = Vec::new();
        let mut numbers: BTreeSet<u64> = BTreeSet::new();
        for shown in &request.changes {
            let records = self.list_records(shown)?;
            numbers.extend(&records);
            changes.push(self.write_change(shown, records)?);
        }
        let holders = find_record_holders(request.repository, &numbers)?;
        for change in &mut changes {
            change.records.retain(|number| holders.contains_key(number));
        }
        self.add_attempt_policies(&holders)?;
        let ledger = write_ledger_part(request.repository, &self.folder, &holders, &mut self.collector)?;
        let attestations = match (&ledger, &request.repository_uri) {
            (Some(ledger), Some(uri)) => {
                let signer = request.signer.as_ref();
                write_attestations(request.repository, &self.folder, ledger, (uri, signer))?
            }
            (Some(_), None) => {
                self.add_limit("in-toto statements: no address of the repository was given".to_owned());
                0
            }
            (None, _) => 0,
        };
        let lost: Vec<_> = self.collector.left_out.iter().filter(|(_, (_, size))| size.is_none()).collect();
        let lost: Vec<String> = lost
            .into_iter()
            .map(|(id, (path, _))| {
                format!("the content {id} of {} is not in this repository", path.to_lossy())
            })
            .collect();
        for what in lost {
            self.add_limit(what);
        }
        for what in self.policies.take_limits() {
            self.add_limit(what);
        }
        let left_out = &self.collector.left_out;
        let left_out = left_out.iter().map(|(id, (path, size))| LeftOutFile {
            id: *id,
            path: path.clone(),
            size: *size,
        });
        Ok(EvidenceIndex {
            schema: PACK_SCHEMA.to_owned(),
            tool: concat!("changegate ", env!("CARGO_PKG_VERSION")).to_owned(),
            repository: request.repository_name.clone(),
            ref_name: request.ref_name.clone(),
            tip: request.tip,
            changes,
            attestations,
            bases: self.policies.list_bases(),
            ledger,
            left_out: left_out.collect(),
            limits: self.limits.clone(),
        })
    }

    /// Returns the numbers of the records about a change: its own, and those of refused attempts.
    fn list_records(&mut self, shown: &ShownChange) -> Result<Vec<u64>> {
        let repository = self.request.repository;
        if repository.resolve_ref(LEDGER_REF.as_bytes())?.id.is_none() {
            return Ok(Vec::new());
        }
        let mut numbers: BTreeSet<u64> = shown.record.attempts.iter().map(|attempt| attempt.record).collect();
        numbers.extend(shown.record.refused_approvals.iter().map(|refused| refused.record));
        numbers.extend(shown.record.landing.record);
        numbers.extend(shown.decision.as_ref().map(|decided| decided.record));
        // What somebody signed counts only beside the decision that took it.
        numbers.extend(list_approval_records(repository, &shown.record.signed_approvals)?);
        let trace = trace_change(repository, shown.record.id)?;
        // An act counts only beside the decision that allowed it.
        numbers.extend(&trace.act_decisions);
        for traced in trace.records {
            numbers.insert(traced.record.number);
            if let LedgerEvent::Decision(decided) = &traced.record.event {
                self.policies.add_policies(decided, &mut self.collector);
            }
        }
        Ok(numbers.into_iter().collect())
    }

    /// Adds the policies that refused earlier attempts and took signed approvals, so that these can be judged again too.
    fn add_attempt_policies(&mut self, holders: &RecordHolders) -> Result<()> {
        let attempts = self.request.changes.iter().flat_map(|shown| &shown.record.attempts);
        let mut records: BTreeSet<u64> = attempts.map(|attempt| attempt.record).collect();
        for shown in &self.request.changes {
            let approvals = &shown.record.signed_approvals;
            records.extend(list_approval_records(self.request.repository, approvals)?);
        }
        for holder in records.iter().filter_map(|number| holders.get(number)) {
            let Ok((_, record)) = read_record_at(self.request.repository, *holder) else { continue };
            if let LedgerEvent::Decision(decided) = &record.event {
                self.policies.add_policies(decided, &mut self.collector);
            }
        }
        Ok(())
    }

    fn add_limit(&mut self, what: String) {
        if !self.limits.contains(&what) {
            self.limits.push(what);
        }
    }

    fn write_change(&mut self, shown: &ShownChange, records: Vec<u64>) -> Result<PackedChange> {
        let repository = self.request.repository;
        let commit = shown.record.id;
        let parent = repository.find_tree_and_parent(commit)?.first_parent;
        // Where the branch was merged into the change and that was pushed, its first parent does not lead to what the
        // branch held, and tells nothing of what came with it.
        let commits = match shown.record.commits.as_slice() {
            [] => vec![commit],
            known => known.to_vec(),
        };
        for id in &commits {
            let stored = repository.read_stored_object(*id)?;
            self.collector.add_object(stored.with_context(|| format!("the commit {id} is missing"))?)?;
        }
        let found =
            repository.collect_differing_objects(parent, commit, MAX_BLOB_BYTES, &mut self.collector)?;
        // A change that no record holds the verdict of was judged by the policy before it.
        if let (None, Some(parent)) = (&shown.decision, parent) {
            self.policies.add_current_policy(parent, &mut self.collector);
        }
        let name = format!("changes/{}", commit.short_hex());
        let folder = self.folder.join(&name);
        fs::create_dir_all(&folder).with_context(|| format!("cannot write {}", folder.display()))?;
        let document = build_document(shown);
        write_pack_file(&folder.join(DOCUMENT_FILE), &document.to_json_bytes()?)?;
        write_rendered_files(&document, &folder)?;
        write_pack_file(&folder.join(VALUES_FILE), &PackedValues::from(shown).to_json_bytes()?)?;
        for closing in &shown.record.closing_records {
            // One that the repository has lost is told on the page.
            if let Some(stored) = repository.read_stored_object(closing.id)? {
                self.collector.add_object(stored)?;
            }
        }
        let limits = collect_approval_objects(repository, shown, &commits, &mut self.collector)?;
        limits.into_iter().for_each(|what| self.add_limit(what));
        let without_patch = self.write_patch_file(&found, commit, &folder)?;
        let attachments = self.write_attachments(shown, &name)?;
        Ok(PackedChange {
            folder: name,
            commit,
            parent,
            commits,
            files: found.iter().map(PackedFile::from).collect(),
            records,
            without_patch,
            attachments,
        })
    }

    /// Writes the patch of a change, and returns why there is none if there is none.
    fn write_patch_file(
        &mut self,
        found: &[DifferingFile],
        commit: Oid,
        folder: &Path,
    ) -> Result<Option<String>> {
        let id = commit.short_hex();
        let left_out = &self.collector.left_out;
        let Some(shown) = select_patch_files(found, |blob| left_out.contains_key(&blob)) else {
            let why =
                format!("its contents are longer than {MAX_BLOB_BYTES} bytes or lost, and not in the pack");
            self.add_limit(format!("no patch of {id}: {why}"));
            return Ok(Some(why));
        };
        let hidden = found.len() - shown.len();
        match self
            .collector
            .copy
            .write_patch(&shown)
            .with_context(|| format!("cannot make the patch of {id}"))?
        {
            MadePatch::Whole(patch) => write_pack_file(&folder.join(PATCH_FILE), &patch)?,
            MadePatch::TooLong => {
                let why = "it would be longer than 32 MiB".to_owned();
                self.add_limit(format!("no patch of {id}: {why}"));
                return Ok(Some(why));
            }
        }
        if hidden > 0 {
            let files = format_count(hidden, "file");
            self.add_limit(format!(
                "the patch of {id} leaves out {files} longer than {MAX_BLOB_BYTES} bytes or lost"
            ));
        }
        Ok(None)
    }

    /// Writes the files that were attached to a change; what the repository does not hold as the ledger says is named.
    fn write_attachments(&mut self, shown: &ShownChange, name: &str) -> Result<Vec<PackedAttachment>> {
        let mut written = Vec::new();
        for act in &shown.record.acts {
            let RecordedActKind::Attachment { name: file, bytes, digest, commit } = &act.event.act.says
            else {
                continue;
            };
            let content = match self.request.repository.read_file_at(*commit, file, *bytes) {
                Ok(FileAtPath::Found(content))
                    if digest_bytes(&content) == *digest && is_attachment_name(file) =>
                {
                    content
                }
                _ => {
                    let kept = name_act_ref(&act.event.act);
                    self.add_limit(format!(
                        "the attached file {file} of record {} is not in this repository; {} keeps it",
                        act.record,
                        kept.to_lossy()
                    ));
                    continue;
                }
            };
            let path = format!("{name}/{ATTACHMENTS_FOLDER}/{}-{file}", act.record);
            write_pack_file(&self.folder.join(&path), &content)?;
            written.push(PackedAttachment { path, record: act.record, digest: digest.clone() });
        }
        Ok(written)
    }
}
