//! The repositories of a fleet: found, opened and audited one after the other, so that one is on disk at a time.

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde_json::{Value, json};

use crate::audit::audit_run::{AuditRun, AuditScope, GivenFiles};
use crate::audit::fleet::audit_event::UnreadRepository;
use crate::audit::fleet::checkpoint::{FleetCheckpoint, RepositoryJournal};
use crate::audit::live_audit::RefAuditError;
use crate::audit::population::step_journal::StepJournal;
use crate::cli::audit::args::AuditArgs;
use crate::cli::audit::audit_summary::TOOL_NAME;
use crate::cli::audit::audited_refs::{AuditedRef, PolicyChoice, find_audited_ref, name_repository};
use crate::cli::audit::fleet_list::{FleetEntry, FleetPlace, read_fleet_list};
use crate::cli::audit::merged_pulls::PullSource;
use crate::cli::audit::unread_repository::report_unread;
use crate::cli::audit::written_folder::report_taken_steps;
use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::output::ignore_broken_pipe;
use crate::cli::pr::{read_github_server, read_github_token};
use crate::git::{CloneSource, Repository};
use crate::github::{GitHubSession, GitHubSource};
use crate::http::{RequestPolicy, Secret};
use crate::verdict::format_count;

/// A repository of a fleet, by the name that the report gives it, or an entry that stands for none.
struct FleetMember {
    name: String,
    entry: FleetEntry,
    /// Why it cannot be audited, if that is known already.
    why_not: Option<String>,
}

/// The repositories that this machine audits, in the order of their names.
pub(super) struct FleetPlan {
    members: Vec<FleetMember>,
    github: GitHubAccess,
}

/// How repositories on GitHub are reached.
struct GitHubAccess {
    token: Option<Secret>,
    /// The address that the names of repositories are added to.
    web_url: String,
}

/// Reads the list, asks GitHub for the repositories of owners, and picks those of the shard.
///
/// # Errors
///
/// Fails if the list cannot be used, or names two repositories alike. What cannot be listed is a member that cannot be
/// audited.
pub(super) fn plan_fleet(args: &AuditArgs, context: &Context) -> Result<FleetPlan, CommandError> {
    let Some(list) = &args.repository_list else {
        return Err(CommandError::usage("name a list with --repos"));
    };
    let entries = read_fleet_list(&context.resolve_path(list))?;
    let server = read_github_server(None, context)?;
    let token = read_github_token(&["GITHUB_TOKEN", "GH_TOKEN"], context)?;
    let web_url = context.read_text_variable("GITHUB_SERVER_URL").unwrap_or_else(|| server.web_url());
    let github = GitHubAccess { token, web_url };
    let mut members: Vec<FleetMember> = Vec::new();
    for entry in entries {
        let FleetPlace::GitHubOwner(owner) = &entry.place else {
            let name = entry.own_name().unwrap_or_else(|| name_folder(&entry));
            members.push(FleetMember { name, entry, why_not: None });
            continue;
        };
        let source = GitHubSource::Live {
            server: &server,
            token: github.token.as_ref(),
            limits: RequestPolicy::FORGE,
            record_to: None,
            now: context.now,
        };
        let listed =
            GitHubSession::open_session(source).and_then(|session| session.list_owner_repositories(owner));
        match listed {
            Ok(names) => members.extend(names.into_iter().map(|name| {
                let place = FleetPlace::GitHubRepository(name.clone());
                let entry = FleetEntry { place, ..entry.clone() };
                FleetMember { name: name.to_string(), entry, why_not: None }
            })),
            // Which repositories are missing is not known, so every machine says so.
            Err(failure) => {
                let why = format!("its repositories cannot be listed: {}", failure.why);
                members.push(FleetMember { name: entry.written.clone(), entry, why_not: Some(why) });
            }
        }
    }
    members.sort_by(|one, other| one.name.cmp(&other.name));
    // An owner and one of its repositories may both be in the list.
    members.dedup_by(|one, other| one.name == other.name && is_same_on_github(&one.entry, &other.entry));
    if let Some([one, _]) =
        members.windows(2).find(|pair| matches!(pair, [one, other] if one.name == other.name))
    {
        return Err(CommandError::Usage(format!(
            "two repositories are called `{}`; the id of a change has to name one of them, so give one of them another \
             `name` in a YAML list",
            one.name
        )));
    }
    if let Some(shard) = args.shard {
        members.retain(|one| one.why_not.is_some() || shard.holds_repository(&one.name));
    }
    Ok(FleetPlan { members, github })
}

fn is_same_on_github(one: &FleetEntry, other: &FleetEntry) -> bool {
    matches!((&one.place, &other.place), (FleetPlace::GitHubRepository(one), FleetPlace::GitHubRepository(other)) if one == other)
        && one.ref_name == other.ref_name
}

/// Returns the name of a repository in a folder, by its configuration where that can be read.
fn name_folder(entry: &FleetEntry) -> String {
    let FleetPlace::Folder(folder) = &entry.place else { return entry.written.clone() };
    if let Ok(repository) = Repository::discover_from(folder) {
        return name_repository(&repository);
    }
    let last = folder.file_name().unwrap_or_default().to_string_lossy();
    last.strip_suffix(".git").unwrap_or(&last).to_owned()
}

impl FleetPlan {
    /// Returns how many repositories this machine audits.
    pub(super) fn count_members(&self) -> usize {
        self.members.len()
    }

    /// Audits the repositories one after the other. One that cannot be audited is named in the report and on standard
    /// error; one that an earlier run with the same inputs has audited before it was interrupted, and that has not
    /// changed since, is taken over. Returns what is kept for the next run, which is removed when the report is whole.
    ///
    /// # Errors
    ///
    /// Fails if the report cannot be written.
    pub(super) fn audit_fleet(
        &self,
        run: &mut AuditRun<'_>,
        (args, given, scope): (&AuditArgs, &GivenFiles, AuditScope),
        (policy, pulls): (&PolicyChoice, &PullSource),
        (out, context): (&Path, &Context),
    ) -> Result<FleetCheckpoint, CommandError> {
        let inputs = self.describe_inputs((args, given, scope), policy);
        let checkpoint = FleetCheckpoint::open_checkpoint(out, &inputs)?;
        let steps = checkpoint.open_step_journal();
        let mut taken_over: Vec<&str> = Vec::new();
        for member in &self.members {
            run.begin_repository(&member.name)?;
            let kept = (&checkpoint, &steps, policy, pulls);
            let why = match self.audit_member(member, run, (args, given, scope), kept, context) {
                Ok(is_taken_over) => {
                    if is_taken_over {
                        taken_over.push(&member.name);
                    }
                    continue;
                }
                Err(RefAuditError::Unwritable(error)) => return Err(CommandError::Failed(error)),
                Err(RefAuditError::Unreadable(error)) => format!("{error:#}"),
            };
            let source = hide_password(&member.entry.written);
            let why = why.replace(&member.entry.written, &source);
            report_unread(run, UnreadRepository { name: member.name.clone(), source, why })?;
        }
        if !taken_over.is_empty() {
            let count = format_count(taken_over.len(), "repository");
            let names = taken_over.join(", ");
            let line = format!(
                "changegate: taken over from an earlier run, which was interrupted: {count} ({names})"
            );
            ignore_broken_pipe(writeln!(io::stderr().lock(), "{line}"))?;
        }
        report_taken_steps(&steps)?;
        Ok(checkpoint)
    }

    /// Returns what the report is made from, apart from what the repositories hold.
    fn describe_inputs(
        &self,
        (args, given, scope): (&AuditArgs, &GivenFiles, AuditScope),
        policy: &PolicyChoice,
    ) -> Value {
        let members = self.members.iter();
        let entry = |one: &FleetMember| json!([one.name, one.entry.written, one.entry.ref_name]);
        json!({
            "tool": TOOL_NAME,
            "from": scope.period.from,
            "until": scope.period.until,
            "as-of": scope.as_of,
            "incidents": given.incidents.as_ref().map(|list| list.digest.as_str()),
            "deployments": given.deployments.as_ref().map(|list| list.digest.as_str()),
            "policy": match policy {
                PolicyChoice::One(loaded) => Some(loaded.policy.digest.as_str()),
                PolicyChoice::OfItsTime => None,
            },
            "ref": args.ref_name,
            "repositories": members.map(entry).collect::<Vec<_>>(),
        })
    }

    /// Audits a repository, or takes over what the checkpoint has of it; returns true for the latter.
    fn audit_member(
        &self,
        member: &FleetMember,
        run: &mut AuditRun<'_>,
        (args, given, scope): (&AuditArgs, &GivenFiles, AuditScope),
        (checkpoint, steps, policy, pulls): (&FleetCheckpoint, &StepJournal, &PolicyChoice, &PullSource),
        context: &Context,
    ) -> Result<bool, RefAuditError> {
        let unreadable = |error: CommandError| match error {
            CommandError::Failed(error) => RefAuditError::Unreadable(error),
            CommandError::Usage(why) => RefAuditError::Unreadable(anyhow!(why)),
            CommandError::InvalidPolicy(..) => {
                RefAuditError::Unreadable(anyhow!("its policy cannot be used"))
            }
        };
        if let Some(why) = &member.why_not {
            return Err(RefAuditError::Unreadable(anyhow!(why.clone())));
        }
        let work = tempfile::Builder::new().prefix("changegate-clone-").tempdir();
        let work = work.context("cannot make a folder to clone into").map_err(RefAuditError::Unwritable)?;
        let copy = work.path().join("clone.git");
        let clone = |url: &str, token: Option<&str>| CloneSource { url, token }.clone_into(&copy);
        let folder = match &member.entry.place {
            FleetPlace::Folder(folder) => context.resolve_path(folder),
            FleetPlace::Address(address) => {
                clone(address, None).map_err(RefAuditError::Unreadable)?;
                copy
            }
            FleetPlace::GitHubRepository(name) => {
                let url = format!("{}/{name}.git", self.github.web_url.trim_end_matches('/'));
                let token = self.github.token.as_ref().map(Secret::expose);
                clone(&url, token).map_err(RefAuditError::Unreadable)?;
                copy
            }
            FleetPlace::GitHubOwner(_) => {
                return Err(RefAuditError::Unreadable(anyhow!("it is no repository")));
            }
        };
        let repository = Repository::discover_from(&folder).map_err(RefAuditError::Unreadable)?;
        let ref_name = member.entry.ref_name.as_ref().or(args.ref_name.as_ref());
        let mut one: AuditedRef = find_audited_ref(repository, (member.name.clone(), ref_name), args, policy)
            .map_err(unreadable)?;
        let on_github = match &member.entry.place {
            FleetPlace::GitHubRepository(name) => Some(name),
            FleetPlace::Folder(_) | FleetPlace::Address(_) | FleetPlace::GitHubOwner(_) => None,
        };
        one.find_pulls(pulls, on_github, scope);
        let state = one.describe_state().map_err(RefAuditError::Unreadable)?;
        let kept = (member.name.as_str(), &state);
        if checkpoint
            .replay_repository(kept, &mut |event| run.take_event(event))
            .map_err(RefAuditError::Unwritable)?
        {
            return Ok(true);
        }
        let journal = checkpoint.begin_repository(&member.name, state).map_err(RefAuditError::Unwritable)?;
        run.start_journal(journal);
        let request = one.build_request(given, scope.period, scope.as_of, Some(steps));
        let audited = run.audit_ref(&one.repository, &request);
        let journal = run.end_journal();
        audited?;
        journal.map_or(Ok(()), RepositoryJournal::finish_repository).map_err(RefAuditError::Unwritable)?;
        Ok(false)
    }
}

/// Returns an address without the password that it may hold.
fn hide_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    match host.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}/{path}"),
        None => address.to_owned(),
    }
}
