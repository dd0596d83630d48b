//! What a run of the Action is about, as the event and the environment of the run say.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::gate::MissingPolicyAction;
use crate::github::RepositoryName;
use crate::github::event::{self, EventSubject, MAX_EVENT_BYTES};
use crate::policy::packs::find_pack;
use crate::policy_tests::PACK_PREFIX;

/// Reads what happens without a policy: `fail`, `skip`, or `pack:NAME`.
pub(super) fn parse_missing_policy(written: &str) -> Result<MissingPolicyAction, String> {
    match written {
        "fail" => Ok(MissingPolicyAction::Deny),
        "skip" => Ok(MissingPolicyAction::Allow),
        other => match other.strip_prefix(PACK_PREFIX) {
            Some(pack) if find_pack(pack).is_some() => Ok(MissingPolicyAction::Pack(pack.to_owned())),
            _ => Err("use fail, skip, or pack:NAME; `changegate policy packs` lists the packs".to_owned()),
        },
    }
}

/// Refuses an option that a pull request may have set: the workflow is then the one that it proposes.
pub(super) fn refuse_proposed_option(option: &str, context: &Context) -> Result<(), CommandError> {
    let event = context.read_text_variable("GITHUB_EVENT_NAME").unwrap_or_default();
    let is_proposed = match context.read_text_variable("GITHUB_WORKFLOW_REF") {
        // A merge queue runs the workflow of the commit that it has made of the pull requests.
        Some(workflow) => {
            workflow.contains("@refs/pull/") || workflow.contains("@refs/heads/gh-readonly-queue/")
        }
        None => event == "merge_group" || event.starts_with("pull_request") && event != "pull_request_target",
    };
    if !is_proposed {
        return Ok(());
    }
    let instead = match event.as_str() {
        "merge_group" => {
            "leave it out there, or set it in a workflow of another repository that a ruleset requires"
        }
        _ => "run the workflow of the base branch: `on: pull_request_target`",
    };
    Err(CommandError::Usage(format!(
        "{option} not taken from a workflow that the pull request itself can change (`on: {event}`); {instead}"
    )))
}

/// Refuses an event of another repository than that of the run, whose policy and token are meant for it alone.
pub(super) fn check_event_repository(
    subject: &EventSubject,
    own: Option<&RepositoryName>,
) -> Result<(), CommandError> {
    let found = subject.repository();
    match own {
        Some(own) if !own.to_string().eq_ignore_ascii_case(&found.to_string()) => Err(CommandError::Failed(
            anyhow::anyhow!("the event is about {found}, but this run belongs to {own} (GITHUB_REPOSITORY)"),
        )),
        _ => Ok(()),
    }
}

/// Returns what the event of this run is about.
pub(super) fn read_event_subject(
    repo: Option<&RepositoryName>,
    context: &Context,
) -> Result<EventSubject, CommandError> {
    let name = require_variable("GITHUB_EVENT_NAME", context)?;
    let path = context.resolve_path(PathBuf::from(require_variable("GITHUB_EVENT_PATH", context)?));
    let unreadable = || format!("cannot read the event from {}", path.display());
    let size = std::fs::metadata(&path).with_context(unreadable)?.len();
    if u64::try_from(MAX_EVENT_BYTES).is_ok_and(|limit| size > limit) {
        return Err(CommandError::Usage(format!(
            "the event has {size} bytes; the limit is {MAX_EVENT_BYTES}"
        )));
    }
    let json = std::fs::read(&path).with_context(unreadable)?;
    event::parse_event(&name.to_string_lossy(), &json, repo).map_err(CommandError::Usage)
}

fn require_variable(name: &str, context: &Context) -> Result<OsString, CommandError> {
    context.read_variable(name).ok_or_else(|| {
        CommandError::Usage(format!(
            "{name} is not set; this command runs in a GitHub workflow; elsewhere, use `changegate pr`"
        ))
    })
}
