//! Which repositories and refs an audit is about, and what judges them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::audit::audit_run::{AuditScope, GivenFiles};
use crate::audit::inputs::merged_pulls::GivenPulls;
use crate::audit::population::judged_part::AuditPolicy;
use crate::audit::population::landed_chain::is_landed_step;
use crate::audit::population::period::AuditPeriod;
use crate::audit::population::step_journal::StepJournal;
use crate::audit::ref_audit::RefAuditRequest;
use crate::change::{Oid, Text};
use crate::cli::audit::args::AuditArgs;
use crate::cli::audit::merged_pulls::PullSource;
use crate::cli::command_error::CommandError;
use crate::cli::context::{Context, count_threads};
use crate::cli::policy::lookup::{load_local_policy, unknown_pack_error};
use crate::cli::revision::{find_branch, full_ref_name, resolve_commit};
use crate::gate::{LoadedPolicy, load_from_pack};
use crate::git::{HeadState, Repository};
use crate::github::RepositoryName;
use crate::ledger::LEDGER_REF;
use crate::policy::DEFAULT_POLICY_PATH;

/// One ref of one repository.
pub(super) struct AuditedRef<'a> {
    pub(super) repository: Repository,
    name: String,
    ref_name: Text,
    tip: Oid,
    is_ref_tip: bool,
    after: Option<Oid>,
    until: Option<Oid>,
    policy: &'a PolicyChoice,
    merged_pulls: GivenPulls,
}

impl AuditedRef<'_> {
    /// Finds the forge's list of merged pull requests; `known` is where the repository is on GitHub, if that is known.
    pub(super) fn find_pulls(
        &mut self,
        source: &PullSource,
        known: Option<&RepositoryName>,
        scope: AuditScope,
    ) -> &GivenPulls {
        let of = (&self.repository, self.name.as_str(), &self.ref_name);
        self.merged_pulls = source.find_pulls(of, known, scope);
        &self.merged_pulls
    }

    /// Returns what the audit is made from: what the ref, the ledger and the forge's list hold.
    ///
    /// # Errors
    ///
    /// Fails if the ref of the ledger cannot be read.
    pub(super) fn describe_state(&self) -> anyhow::Result<Value> {
        let ledger = self.repository.resolve_ref(LEDGER_REF.as_bytes())?.id;
        let text = |id: Oid| id.to_string();
        let pulls = match &self.merged_pulls {
            GivenPulls::NotAsked => None,
            GivenPulls::Listed(list) => Some(&list.digest),
            GivenPulls::NotKept(why) | GivenPulls::NotRead(why) => Some(why),
        };
        Ok(json!({
            "tip": text(self.tip),
            "after": self.after.map(text),
            "until": self.until.map(text),
            "ledger": ledger.map(text),
            "merged-pulls": pulls,
        }))
    }

    /// Returns the request to audit it.
    pub(super) fn build_request<'a>(
        &'a self,
        given: &'a GivenFiles,
        period: AuditPeriod,
        now: Timestamp,
        journal: Option<&'a StepJournal>,
    ) -> RefAuditRequest<'a> {
        RefAuditRequest {
            repository_name: self.name.clone(),
            ref_name: self.ref_name.clone(),
            tip: self.tip,
            is_ref_tip: self.is_ref_tip,
            period,
            after: self.after,
            until: self.until,
            only: None,
            policy: match self.policy {
                PolicyChoice::One(loaded) => AuditPolicy::One(loaded),
                PolicyChoice::OfItsTime => AuditPolicy::OfItsTime(DEFAULT_POLICY_PATH),
            },
            incidents: given.list_incidents(),
            deployments: given.list_deployments(),
            merged_pulls: &self.merged_pulls,
            now,
            threads: count_threads,
            journal,
        }
    }
}

/// What judges the changes of every repository that no record holds the verdict of.
#[expect(clippy::large_enum_variant, reason = "a command makes one of it")]
pub(super) enum PolicyChoice {
    /// The policy that each branch held at the time.
    OfItsTime,
    /// This one, from a file or a shipped pack.
    One(LoadedPolicy),
}

/// Returns the policy that the arguments name.
pub(super) fn find_judging_policy(args: &AuditArgs, context: &Context) -> Result<PolicyChoice, CommandError> {
    Ok(match (&args.policy, &args.pack) {
        (Some(file), _) => PolicyChoice::One(load_local_policy(Some(file), context)?),
        (None, Some(pack)) => match load_from_pack(pack) {
            Ok(loaded) => PolicyChoice::One(loaded),
            Err(_) => return Err(unknown_pack_error(pack)),
        },
        (None, None) => PolicyChoice::OfItsTime,
    })
}

/// Returns the refs that the arguments name.
pub(super) fn find_audited_refs<'a>(
    args: &AuditArgs,
    policy: &'a PolicyChoice,
    context: &Context,
) -> Result<Vec<AuditedRef<'a>>, CommandError> {
    let ref_name = args.ref_name.as_ref();
    if args.repositories.is_empty() {
        let repository = Repository::discover_from(&context.directory)?;
        let name = name_repository(&repository);
        return Ok(vec![find_audited_ref(repository, (name, ref_name), args, policy)?]);
    }
    let mut found: Vec<AuditedRef<'a>> = Vec::new();
    for folder in &args.repositories {
        let repository = Repository::discover_from(&context.resolve_path(folder))?;
        let name = name_repository(&repository);
        if found.iter().any(|known| known.name == name) {
            return Err(CommandError::Usage(format!(
                "two repositories are called `{name}`; the id of a change has to name one of them"
            )));
        }
        found.push(find_audited_ref(repository, (name, ref_name), args, policy)?);
    }
    Ok(found)
}

/// Returns the ref of a repository that is audited: the one of this name, or the branch of HEAD.
pub(super) fn find_audited_ref<'a>(
    repository: Repository,
    (name, ref_name): (String, Option<&String>),
    args: &AuditArgs,
    policy: &'a PolicyChoice,
) -> Result<AuditedRef<'a>, CommandError> {
    let (ref_name, held) = match ref_name {
        Some(written) => match find_branch(&repository, written)? {
            Some((name, id)) => (name, Some(id)),
            None => (full_ref_name(written), None),
        },
        None => match repository.read_head()? {
            HeadState::Branch(branch) => (branch.name, branch.id),
            HeadState::Detached(_) => {
                return Err(CommandError::usage("HEAD is not on a branch; name one with --ref"));
            }
        },
    };
    let (after, new) = match args.revisions.as_deref().map(|range| range.split_once("..").ok_or(range)) {
        None => (None, None),
        Some(Ok((old, new))) => (Some(resolve_commit(&repository, old)?), Some(new)),
        Some(Err(new)) => (None, Some(new)),
    };
    let new = match new {
        Some("") => Some(resolve_commit(&repository, "HEAD")?),
        Some(new) => Some(resolve_commit(&repository, new)?),
        None => None,
    };
    // What the ref holds tells more than the last commit of a range: how the commit landed, and what was said of it later.
    let (tip, is_ref_tip) = match (held, new) {
        (Some(held), None) => (held, true),
        (Some(held), Some(new)) if is_step_of(&repository, &ref_name, new, held) => (held, true),
        (_, Some(new)) => (new, false),
        (None, None) => {
            let why = format!("{name} has no {}; name a branch with --ref", ref_name.to_lossy());
            return Err(CommandError::Usage(why));
        }
    };
    let until = new.filter(|new| *new != tip);
    if let Some(after) = after
        && !is_step_of(&repository, &ref_name, after, new.unwrap_or(tip))
    {
        return Err(CommandError::Usage(describe_wrong_start(&repository, after, new.unwrap_or(tip))));
    }
    let merged_pulls = GivenPulls::NotAsked;
    Ok(AuditedRef { repository, name, ref_name, tip, is_ref_tip, after, until, policy, merged_pulls })
}

/// Returns the steps that a range of revisions stands for, in words.
pub(super) fn describe_range(revisions: &str) -> String {
    match revisions.split_once("..") {
        Some((old, "")) => format!("the steps after {old} until HEAD"),
        Some((old, new)) => format!("the steps after {old} until {new}"),
        None => format!("the steps until {revisions}"),
    }
}

/// Returns true if the first-parent history of `tip` has this step, or the ledger knows it as one.
fn is_step_of(repository: &Repository, ref_name: &Text, step: Oid, tip: Oid) -> bool {
    is_first_parent_of(repository, step, tip)
        || is_landed_step(repository, ref_name, step, tip).unwrap_or(false)
}

fn is_first_parent_of(repository: &Repository, step: Oid, tip: Oid) -> bool {
    let mut next = Some(tip);
    while let Some(id) = next.filter(|id| *id != step) {
        // Behind what cannot be read, no step is part of the audit.
        next = repository.find_tree_and_parent(id).ok().and_then(|read| read.first_parent);
    }
    next.is_some()
}

/// Returns why the steps after `after` are no part of the history of `tip`, and which range to ask for instead.
fn describe_wrong_start(repository: &Repository, after: Oid, tip: Oid) -> String {
    let no_step = format!("{after} is no step of the first-parent history of {tip}");
    let in_history =
        |id, of| repository.find_new_history(of, &[id]).is_ok_and(|found| found.leads_back_to(id));
    if in_history(tip, after) {
        return format!("{no_step}: write the older commit of the branch first, as in OLDER..NEWER");
    }
    let Ok(apart) = repository.find_new_history(tip, &[after]) else { return no_step };
    let apart: BTreeSet<Oid> = apart.list_ids().into_iter().collect();
    // The steps that the other commit does not have, newest first, and the newest one that it has.
    let (mut steps, mut next) = (Vec::new(), Some(tip));
    while let Some(id) = next.filter(|id| apart.contains(id)) {
        steps.push(id);
        next = repository.find_tree_and_parent(id).ok().and_then(|read| read.first_parent);
    }
    let Some(shared) = next else {
        return format!(
            "{no_step}, and the two have no step in common: give no beginning, or one of this branch"
        );
    };
    match steps.into_iter().rev().find(|step| in_history(after, *step)) {
        Some(merge) => format!(
            "{no_step}: it came in with the step {merge}; write {merge}..{tip} for what landed after that, or \
             {shared}..{tip} for every step that {after} does not have"
        ),
        None => format!(
            "{no_step}: the two have gone apart after {shared}; write {shared}..{tip} for what landed here since"
        ),
    }
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
