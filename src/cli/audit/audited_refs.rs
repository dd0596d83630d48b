//! Which repositories and refs an audit is about, and what judges them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;

use crate::audit::inputs::deployments::Deployment;
use crate::audit::inputs::incidents::Incident;
use crate::audit::population::judged_part::AuditPolicy;
use crate::audit::population::period::AuditPeriod;
use crate::audit::ref_audit::RefAuditRequest;
use crate::change::{Oid, Text};
use crate::cli::audit::args::AuditArgs;
use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::policy::lookup::{load_local_policy, unknown_pack_error};
use crate::cli::revision::{full_ref_name, resolve_commit};
use crate::gate::{LoadedPolicy, load_from_pack};
use crate::git::{HeadState, Repository};
use crate::ledger::LEDGER_REF;
use crate::policy::DEFAULT_POLICY_PATH;

/// The most bytes of a list of repositories.
const MAX_LIST_BYTES: u64 = 1 << 20;

/// One ref of one repository.
pub(super) struct AuditedRef {
    pub(super) repository: Repository,
    name: String,
    ref_name: Text,
    tip: Oid,
    after: Option<Oid>,
    /// The policy that judges all of it; `None` for that of its time.
    policy: Option<LoadedPolicy>,
}

impl AuditedRef {
    /// Returns true if the repository has a ledger.
    pub(super) fn has_ledger(&self) -> bool {
        self.repository.resolve_ref(LEDGER_REF.as_bytes()).is_ok_and(|found| found.id.is_some())
    }

    pub(super) fn build_request<'a>(
        &'a self,
        (incidents, deployments): (&'a [Incident], &'a [Deployment]),
        period: AuditPeriod,
        now: Timestamp,
        threads: fn() -> usize,
    ) -> RefAuditRequest<'a> {
        RefAuditRequest {
            repository_name: self.name.clone(),
            ref_name: self.ref_name.clone(),
            tip: self.tip,
            period,
            after: self.after,
            only: None,
            policy: match &self.policy {
                Some(loaded) => AuditPolicy::One(loaded),
                None => AuditPolicy::OfItsTime(DEFAULT_POLICY_PATH),
            },
            incidents,
            deployments,
            now,
            threads,
        }
    }
}

/// Returns the refs that the arguments name.
pub(super) fn find_audited_refs(
    args: &AuditArgs,
    context: &Context,
) -> Result<Vec<AuditedRef>, CommandError> {
    let mut folders = args.repositories.clone();
    if let Some(list) = &args.repository_list {
        folders.extend(read_repository_list(&context.resolve_path(list))?);
    }
    if folders.is_empty() {
        let repository = Repository::discover_from(&context.directory)?;
        return Ok(vec![find_audited_ref(repository, args, context)?]);
    }
    let mut found: Vec<AuditedRef> = Vec::new();
    for folder in &folders {
        let repository = Repository::discover_from(&context.resolve_path(folder))?;
        let one = find_audited_ref(repository, args, context)?;
        if found.iter().any(|known| known.name == one.name) {
            return Err(CommandError::Usage(format!(
                "two repositories are called `{}`; the id of a change has to name one of them",
                one.name
            )));
        }
        found.push(one);
    }
    Ok(found)
}

/// Reads a list of folders, one a line.
fn read_repository_list(path: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let describe = || format!("cannot read {}", path.display());
    let size = fs::metadata(path).with_context(describe)?.len();
    if size > MAX_LIST_BYTES {
        return Err(CommandError::Usage(format!("{} is longer than {MAX_LIST_BYTES} bytes", path.display())));
    }
    let text = fs::read_to_string(path).with_context(describe)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        found.push(folder.join(line));
    }
    if found.is_empty() {
        return Err(CommandError::Usage(format!("{} names no repository", path.display())));
    }
    Ok(found)
}

fn find_audited_ref(
    repository: Repository,
    args: &AuditArgs,
    context: &Context,
) -> Result<AuditedRef, CommandError> {
    let ref_name = match &args.ref_name {
        Some(name) => full_ref_name(name),
        None => match repository.read_head()? {
            HeadState::Branch(branch) => branch.name,
            HeadState::Detached(_) => {
                return Err(CommandError::usage("HEAD is not on a branch; name one with --ref"));
            }
        },
    };
    let name = name_repository(&repository);
    let (after, new) = match args.revisions.as_deref().map(|range| range.split_once("..").ok_or(range)) {
        None => (None, None),
        Some(Ok((old, new))) => (Some(resolve_commit(&repository, old)?), Some(new)),
        Some(Err(new)) => (None, Some(new)),
    };
    let tip = match new {
        Some("") => resolve_commit(&repository, "HEAD")?,
        Some(new) => resolve_commit(&repository, new)?,
        None => repository.resolve_ref(ref_name.as_bytes())?.id.ok_or_else(|| {
            CommandError::Usage(format!("{name} has no {}; name a branch with --ref", ref_name.to_lossy()))
        })?,
    };
    let policy = match (&args.policy, &args.pack) {
        (Some(file), _) => Some(load_local_policy(Some(file), context)?),
        (None, Some(pack)) => match load_from_pack(pack) {
            Ok(loaded) => Some(loaded),
            Err(_) => return Err(unknown_pack_error(pack)),
        },
        (None, None) => None,
    };
    Ok(AuditedRef { repository, name, ref_name, tip, after, policy })
}

/// Returns the name of a repository: the last part of the address of `origin`, or that of its folder, without `.git`.
pub(super) fn name_repository(repository: &Repository) -> String {
    if let Ok(Some(address)) = repository.read_config_value("remote.origin.url")
        && let Some(name) = address.trim_end_matches('/').rsplit(['/', ':']).next()
        && !name.trim_end_matches(".git").is_empty()
    {
        return name.strip_suffix(".git").unwrap_or(name).to_owned();
    }
    let folder = repository.common_dir();
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    let named = if folder.ends_with(".git") { folder.parent().unwrap_or(&folder) } else { &folder };
    let name = named.file_name().unwrap_or_default().to_string_lossy();
    name.strip_suffix(".git").unwrap_or(&name).to_owned()
}
