//! The changes that `changegate check` would judge, for commands that look at them more closely.

use std::path::PathBuf;

use crate::change::{Change, FactKind, Missing, Stage, Text};
use crate::cli::check::args::CheckArgs;
use crate::cli::check::policies::load_check_policy;
use crate::cli::check::request::{list_approval_targets, refuse_empty_request, resolve_request};
use crate::cli::command_error::CommandError;
use crate::cli::context::{Context, count_threads};
use crate::gate::{LoadedPolicy, RangeDivision, RangePart, RangeRequest, list_range_changes};
use crate::git::{CommitRange, Repository};
use crate::policy::ChangeUnit;
use crate::report::HeldChanges;

/// Changes with the policy that judges them.
pub(crate) struct CheckedChanges {
    pub(crate) loaded: LoadedPolicy,
    /// The changes, oldest first.
    pub(crate) changes: Vec<Change>,
    /// How many further changes there are.
    pub(crate) left_out: usize,
}

/// Returns the first `limit` changes that `check` judges for this revision or range, by the policy that it finds or by the
/// file or the pack that is named.
pub(crate) fn list_checked_changes(
    revisions: Option<String>,
    (policy, pack): (Option<PathBuf>, Option<String>),
    limit: usize,
    context: &Context,
) -> Result<CheckedChanges, CommandError> {
    let mut args = CheckArgs { policy, pack, ..CheckArgs::of_revisions(revisions) };
    let repository = Repository::discover_from(&context.directory)?;
    let mut request = resolve_request(&args, &repository)?;
    if args.revisions.is_none() && request.hidden.contains(&request.new) {
        // There is always a change to look at.
        args.revisions = Some("HEAD".to_owned());
        request = resolve_request(&args, &repository)?;
    }
    refuse_empty_request(&repository, &request, args.revisions.is_some())?;
    let loaded = load_check_policy(&args, &repository, &request, context)?;
    let approval_targets = list_approval_targets(&args, &repository, &request)?;
    let range_request = RangeRequest {
        range: CommitRange { tip: request.new, hidden_tips: &request.hidden, trusted_keys: None },
        display_name: Text::from(request.range_label.as_str()),
        target: request.target.clone(),
        approval_targets: &approval_targets,
        pusher: Err(Missing::NotAtThisStage(FactKind::Pusher)),
        push_certificate: crate::change::PushCertificate::Absent,
        unauthorised: None,
        stage: Stage::Check,
        unit: ChangeUnit::Step,
        enforce: false,
        held: HeldChanges::All,
        explain: false,
        wants_reasons: false,
        wants_plans: false,
        names_unused: false,
        threads: count_threads,
        now: context.now,
        own_time: false,
    };
    let division = match request.landing {
        Some(_) if loaded.policy.change_unit == ChangeUnit::Step => RangeDivision::Whole,
        _ => loaded.policy.change_unit.into(),
    };
    let part = RangePart { loaded: &loaded, tip: request.new, hidden_tips: &request.hidden, division };
    let found = list_range_changes(&repository, part, &range_request, limit)?;
    if found.changes.is_empty()
        && let Some(refusal) = found.refusals.first()
    {
        let what = format!("the commits cannot be read: {}", refusal.rule.title);
        return Err(CommandError::Failed(anyhow::anyhow!(what)));
    }
    Ok(CheckedChanges { changes: found.changes, left_out: found.left_out, loaded })
}
