//! `changegate check`: judge commits on request.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::change::{Fact, FactKind, Missing, NeededFacts, Oid, Stage, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::{Context, count_threads};
use crate::cli::output::{self, ReportFormatArg};
use crate::cli::policy_files;
use crate::cli::progress::ProgressLine;
use crate::cli::revision::{full_ref_name, resolve_commit};
use crate::gate::{
    LoadedPolicy, RangeRequest, UnusablePolicy, judge_range, load_from_commit, load_from_pack,
};
use crate::git::{CommitRange, HeadState, Repository};
use crate::policy::{ChangeUnit, DEFAULT_POLICY_PATH, packs};
use crate::report::{Report, ReportStyle};
use crate::verdict::MessageTemplate;

/// The note on a range with its ends in the wrong order. No record holds it, since `check` writes none.
static REVERSED_RANGE: MessageTemplate = MessageTemplate {
    code: "check.range-reversed",
    text: "the first end of this range contains the second; are they the right way round?",
};

/// Judge what HEAD adds, or a range of commits
///
/// Without arguments, judges what HEAD adds to its upstream, or the newest change
/// of HEAD if there is no upstream. The policy is the one from before the change:
/// at the upstream, or at the start of the range; else the one at HEAD; else the
/// pack iso27001. A denial names the policy, and so does --verbose.
///
/// What only a server or a forge knows is listed as checked later; with --enforce
/// it denies.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate check                          what HEAD adds to its upstream
  changegate check main..topic --explain    why each rule passes or fails
  changegate check v1.0..HEAD --unit commit --format json
  changegate check main..topic --format markdown
  changegate check --history --pack core    the whole history of HEAD")]
pub(crate) struct CheckArgs {
    /// OLD..NEW, or one revision for its newest change
    revisions: Option<String>,

    /// Judge the whole history of the revision
    #[arg(long)]
    history: bool,

    /// Policy file to judge by
    #[arg(long, value_name = "FILE", conflicts_with = "pack")]
    policy: Option<PathBuf>,

    /// Shipped pack to judge by
    #[arg(long)]
    pack: Option<String>,

    /// What counts as one change [default: as the policy says]
    #[arg(long, value_name = "UNIT")]
    unit: Option<ChangeUnitArg>,

    /// Branch that the change is for [default: the upstream's]
    #[arg(long, value_name = "REF")]
    target: Option<String>,

    /// Deny if a needed fact cannot be known here
    #[arg(long)]
    enforce: bool,

    /// Show why each rule passes or fails
    #[arg(long)]
    explain: bool,

    /// Show every change and every rule
    #[arg(long, short)]
    verbose: bool,

    /// Print nothing if the change is allowed
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ReportFormatArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ChangeUnitArg {
    /// A step of the first-parent history, with all commits it brings in
    Step,
    /// Each commit
    Commit,
}

/// The commits to judge, and what they are judged by.
struct CheckRequest {
    new: Oid,
    hidden: Vec<Oid>,
    range_label: String,
    /// The commits to look for a policy in, in this order, with the names that reports use.
    policy_sources: Vec<(Oid, String)>,
    /// True if the range may hold more than one piece of work.
    covers_many_changes: bool,
    target: Fact<Text>,
}

pub(crate) fn run_check(args: &CheckArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    let request = resolve_request(args, &repository)?;
    let loaded = load_check_policy(args, &repository, &request, context)?;
    let unit = match args.unit {
        Some(ChangeUnitArg::Step) => ChangeUnit::Step,
        Some(ChangeUnitArg::Commit) => ChangeUnit::Commit,
        None => loaded.policy.change_unit,
    };
    let range_request = RangeRequest {
        range: CommitRange { tip: request.new, hidden_tips: &request.hidden, trusted_keys: None },
        display_name: Text::from(request.range_label.as_str()),
        target: request.target.clone(),
        pusher: Err(Missing::NotAtThisStage(FactKind::Pusher)),
        stage: Stage::Check,
        unit,
        enforce: args.enforce,
        keep_all: args.verbose || args.explain || args.format.lists_passed_changes(),
        explain: args.explain,
        // For one change it would be noise.
        names_unused: request.covers_many_changes,
        threads: count_threads,
        now: context.now,
    };
    let mut progress = ProgressLine::start_counting("changes judged", context);
    let report = judge_range(&repository, &loaded, &range_request, &mut || progress.count_step());
    drop(progress);
    let mut report = report?;
    add_head_notes(&mut report, &repository, &request);
    let style = ReportStyle {
        colour: output::stdout_colour(context.colour),
        width: 78,
        max_changes: if args.verbose { usize::MAX } else { ReportStyle::default().max_changes },
        verbose: args.verbose,
        quiet: args.quiet,
        repository_url: output::read_repository_url(context),
        ..ReportStyle::default()
    };
    output::print_report(&report, args.format, &style)?;
    Ok(report.decision.into())
}

/// Adds to the report what depends on what HEAD is.
fn add_head_notes(report: &mut Report, repository: &Repository, request: &CheckRequest) {
    let at_head = repository.resolve_revision("HEAD").is_ok_and(|head| head == request.new);
    for group in &mut report.groups {
        group.amendable = at_head.then_some(request.new);
        let is_empty = group.omitted_passes == 0 && group.verdicts.is_empty() && group.refusals.is_empty();
        if is_empty && !request.hidden.contains(&request.new) {
            report.notes.push((&REVERSED_RANGE).into());
        }
    }
}

/// Returns the commits and the policy sources that the arguments name.
fn resolve_request(args: &CheckArgs, repository: &Repository) -> Result<CheckRequest, CommandError> {
    let target = match &args.target {
        Some(name) => Ok(full_ref_name(name)),
        None => Err(Missing::NotAtThisStage(FactKind::Target)),
    };
    if let Some((old, new)) = args.revisions.as_deref().and_then(|revisions| revisions.split_once("..")) {
        if args.history {
            return Err(CommandError::usage("--history takes one revision, not a range"));
        }
        if new.starts_with('.') {
            return Err(CommandError::usage("OLD...NEW is not a range of changes; use OLD..NEW"));
        }
        let old = if old.is_empty() { "HEAD" } else { old };
        let new = if new.is_empty() { "HEAD" } else { new };
        let (old_id, new_id) = (resolve_commit(repository, old)?, resolve_commit(repository, new)?);
        return Ok(CheckRequest {
            new: new_id,
            hidden: vec![old_id],
            range_label: format!("{old}..{new}"),
            policy_sources: vec![(old_id, old.to_owned()), (new_id, new.to_owned())],
            covers_many_changes: true,
            target,
        });
    }
    let spec = args.revisions.clone().unwrap_or_else(|| "HEAD".into());
    let new = resolve_commit(repository, &spec)?;
    if args.history {
        return Ok(CheckRequest {
            new,
            hidden: Vec::new(),
            range_label: spec.clone(),
            policy_sources: vec![(new, spec)],
            covers_many_changes: true,
            target,
        });
    }
    // A push of this branch would be judged against its upstream.
    if args.revisions.is_none()
        && let Some(upstream) = repository.find_upstream_ref()?
        && let Some(id) = repository.resolve_ref(upstream.as_bytes())?.id
        && id != new
    {
        let called = upstream.to_lossy().into_owned();
        return Ok(CheckRequest {
            new,
            hidden: vec![id],
            range_label: format!("{called}..HEAD"),
            policy_sources: vec![(id, called), (new, "HEAD".into())],
            covers_many_changes: false,
            target: target.or_else(|_| find_upstream_target(&upstream)),
        });
    }
    resolve_newest_change(args, repository, spec, new, target)
}

/// Returns the newest change of a revision: what it has and its first parent has not.
fn resolve_newest_change(
    args: &CheckArgs,
    repository: &Repository,
    spec: String,
    new: Oid,
    mut target: Fact<Text>,
) -> Result<CheckRequest, CommandError> {
    if target.is_err()
        && args.revisions.is_none()
        && let Ok(HeadState::Branch(branch)) = repository.read_head()
    {
        target = Ok(branch.name);
    }
    let commit = repository
        .read_commit(new, &NeededFacts::new())
        .map_err(|unreadable| CommandError::Failed(unreadable.into()))?;
    let (hidden, range_label, policy_sources) = match commit.parents.first() {
        Some(parent) => {
            (vec![*parent], format!("{spec}^..{spec}"), vec![(*parent, format!("{spec}^")), (new, spec)])
        }
        None => (Vec::new(), spec.clone(), vec![(new, spec)]),
    };
    Ok(CheckRequest { new, hidden, range_label, policy_sources, covers_many_changes: false, target })
}

/// Returns the branch that a remote-tracking ref tracks.
fn find_upstream_target(upstream: &Text) -> Fact<Text> {
    if let Some(rest) = upstream.as_bytes().strip_prefix(b"refs/remotes/")
        && let Some(slash) = rest.iter().position(|byte| *byte == b'/')
        && let Some(branch) = rest.get(slash + 1..)
    {
        return Ok(Text::new([b"refs/heads/".as_slice(), branch].concat()));
    }
    Ok(upstream.clone())
}

fn load_check_policy(
    args: &CheckArgs,
    repository: &Repository,
    request: &CheckRequest,
    context: &Context,
) -> Result<LoadedPolicy, CommandError> {
    if let Some(file) = &args.policy {
        return policy_files::load_local_policy(Some(file), context);
    }
    if let Some(pack) = &args.pack {
        return load_from_pack(pack).map_err(|_| policy_files::unknown_pack_error(pack));
    }
    for (commit, called) in &request.policy_sources {
        match load_from_commit(repository, *commit, DEFAULT_POLICY_PATH, called) {
            Ok(loaded) => return Ok(loaded),
            Err(UnusablePolicy::Absent) => {}
            Err(why) => {
                return Err(
                    CommandError::from_unusable_policy(why, DEFAULT_POLICY_PATH).with_policy_commit(called)
                );
            }
        }
    }
    load_from_pack(packs::DEFAULT_PACK)
        .map_err(|why| CommandError::from_unusable_policy(why, packs::DEFAULT_PACK))
}
