//! `changegate check`: judge commits on request.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::change::{Fact, FactKind, Missing, Oid, Stage, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{self, ReportFormatArg};
use crate::cli::policy;
use crate::cli::progress::ProgressLine;
use crate::gate::{
    LoadedPolicy, RangeRequest, UnusablePolicy, judge_range, load_from_commit, load_from_pack,
};
use crate::git::{CommitRange, HeadState, PeeledObject, Repository};
use crate::policy::{ChangeUnit, DEFAULT_POLICY_PATH, packs};
use crate::report::{Report, ReportStyle};
use crate::verdict::Sentence;
use crate::yaml::shorten_for_message;

/// Judge what HEAD adds, or a range of commits
///
/// Without arguments it judges what HEAD adds over its upstream, or HEAD's own
/// newest change where there is no upstream. The policy is the one that stood
/// before: at the upstream, or at the commit before the range; then HEAD's own;
/// then the pack iso27001. A denial says which it was, and so does --verbose.
///
/// What only a server or a forge can know is listed as asked later; with
/// --enforce it denies.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate check                          what HEAD adds over its upstream
  changegate check main..topic --explain    how each rule came to its answer
  changegate check v1.0..HEAD --unit commit --format json
  changegate check main..topic --format markdown    for people to read elsewhere
  changegate check --history --pack core    everything that HEAD leads to")]
pub(crate) struct CheckArgs {
    /// OLD..NEW, or one revision, whose newest change is meant
    revisions: Option<String>,

    /// Judge everything that the revision leads to
    #[arg(long)]
    history: bool,

    /// A policy on disk
    #[arg(long, value_name = "FILE", conflicts_with = "pack")]
    policy: Option<PathBuf>,

    /// A shipped pack
    #[arg(long)]
    pack: Option<String>,

    /// What counts as one change; what the policy says if it is left out
    #[arg(long, value_name = "UNIT")]
    unit: Option<ChangeUnitArg>,

    /// The branch that it is for; the upstream's if it is left out
    #[arg(long, value_name = "REF")]
    target: Option<String>,

    /// Deny what cannot be known here
    #[arg(long)]
    enforce: bool,

    /// Show how each rule came to its answer
    #[arg(long)]
    explain: bool,

    /// Show every change and every rule
    #[arg(long, short)]
    verbose: bool,

    /// Say nothing about what is allowed
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,

    /// In which form
    #[arg(long, value_name = "FORM", default_value = "terminal")]
    format: ReportFormatArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ChangeUnitArg {
    /// A step of the first-parent history, with all that it brings in
    Step,
    /// Every commit by itself
    Commit,
}

/// What is to be judged.
struct CheckRequest {
    new: Oid,
    hidden: Vec<Oid>,
    range_label: String,
    /// Whose policy it is judged by, and how reports call it.
    policy_sources: Vec<(Oid, String)>,
    /// Whether it may be about more than one piece of work.
    covers_many_changes: bool,
    target: Fact<Text>,
}

pub(crate) fn run_check(args: &CheckArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&world.directory)?;
    let question = resolve_request(args, &repository)?;
    let loaded = load_check_policy(args, &repository, &question, world)?;
    let unit = match args.unit {
        Some(ChangeUnitArg::Step) => ChangeUnit::Step,
        Some(ChangeUnitArg::Commit) => ChangeUnit::Commit,
        None => loaded.policy.change_unit,
    };
    let asked = RangeRequest {
        range: CommitRange { tip: question.new, hidden_tips: &question.hidden, trusted_keys: None },
        display_name: Text::from(question.range_label.as_str()),
        target: question.target.clone(),
        pusher: Err(Missing::NotAtThisStage(FactKind::Pusher)),
        stage: Stage::Check,
        unit,
        enforce: args.enforce,
        keep_all: args.verbose || args.explain || args.format.lists_passed_changes(),
        explain: args.explain,
        // Of one change it would be noise.
        names_unused: question.covers_many_changes,
        threads: crate::cli::context::count_threads,
        now: world.now,
    };
    let mut progress = ProgressLine::start_counting("changes judged", world);
    let report = judge_range(&repository, &loaded, &asked, &mut || progress.count_step());
    drop(progress);
    let mut report = report?;
    add_head_notes(&mut report, &repository, &question);
    let style = ReportStyle {
        colour: output::stdout_colour(world.colour),
        width: 78,
        max_changes: if args.verbose { usize::MAX } else { ReportStyle::default().max_changes },
        verbose: args.verbose,
        quiet: args.quiet,
        repository_url: output::read_repository_url(world),
        ..ReportStyle::default()
    };
    output::print_report(&report, args.format, &style)?;
    Ok(report.decision.into())
}

/// Adds what depends on where the user stands.
fn add_head_notes(report: &mut Report, repository: &Repository, question: &CheckRequest) {
    let at_head = repository.resolve_revision("HEAD").is_ok_and(|head| head == question.new);
    for group in &mut report.groups {
        group.is_amendable = at_head;
        let empty = group.omitted_passes == 0 && group.verdicts.is_empty() && group.refusals.is_empty();
        if empty && !question.hidden.contains(&question.new) {
            let what =
                "the first end of this range has all that the second has; are they the right way round?";
            report.notes.push(Sentence::from_words(what).into());
        }
    }
}

fn resolve_request(args: &CheckArgs, repository: &Repository) -> Result<CheckRequest, CommandError> {
    let parse = |spec: &str| resolve_commit(spec, repository);
    let target = match &args.target {
        Some(name) if name.starts_with("refs/") => Ok(Text::from(name.as_str())),
        Some(name) => Ok(Text::from(format!("refs/heads/{name}").as_str())),
        None => Err(Missing::NotAtThisStage(FactKind::Target)),
    };
    let range = args.revisions.as_deref().is_some_and(|revisions| revisions.contains(".."));
    if args.history && range {
        return Err(CommandError::Usage(
            "--history takes one revision, and judges all that it leads to".into(),
        ));
    }
    if let Some((old, new)) = args.revisions.as_deref().and_then(|revisions| revisions.split_once("..")) {
        if new.starts_with('.') {
            return Err(CommandError::Usage("OLD...NEW is not a range of changes; write OLD..NEW".into()));
        }
        let name = |name: &str| if name.is_empty() { "HEAD".to_owned() } else { name.to_owned() };
        let (old, new) = (name(old), name(new));
        let (old_id, new_id) = (parse(&old)?, parse(&new)?);
        return Ok(CheckRequest {
            new: new_id,
            hidden: vec![old_id],
            range_label: format!("{old}..{new}"),
            policy_sources: vec![(old_id, old), (new_id, new)],
            covers_many_changes: true,
            target,
        });
    }
    let spec = args.revisions.clone().unwrap_or_else(|| "HEAD".into());
    let new = parse(&spec)?;
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
    if args.revisions.is_none()
        && let Some(upstream) = repository.find_upstream_ref()?
        && let Some(id) = repository.resolve_ref(upstream.as_bytes())?.id
        && id != new
    {
        let called = upstream.to_lossy().into_owned();
        let target = target.or_else(|_| find_upstream_target(&upstream));
        return Ok(CheckRequest {
            new,
            hidden: vec![id],
            range_label: format!("{called}..HEAD"),
            policy_sources: vec![(id, called), (new, "HEAD".into())],
            covers_many_changes: false,
            target,
        });
    }
    let target = target.or_else(|missing| match repository.read_head() {
        Ok(HeadState::Branch(branch)) if args.revisions.is_none() => Ok(branch.name),
        _ => Err(missing),
    });
    // The newest change: what the revision has and its first parent has not.
    let hidden: Vec<Oid> = repository
        .read_commit(new, &crate::change::NeededFacts::new())
        .map_err(|unreadable| CommandError::Failed(unreadable.into()))?
        .parents
        .first()
        .copied()
        .into_iter()
        .collect();
    let called = if hidden.is_empty() { spec.clone() } else { format!("{spec}^..{spec}") };
    let before = hidden.first().map(|parent| (*parent, format!("{spec}^")));
    let policy_at = before.into_iter().chain([(new, spec.clone())]).collect();
    Ok(CheckRequest {
        new,
        hidden,
        range_label: called,
        policy_sources: policy_at,
        covers_many_changes: false,
        target,
    })
}

/// Returns the commit that somebody has named.
fn resolve_commit(spec: &str, repository: &Repository) -> Result<Oid, CommandError> {
    let name = shorten_for_message(spec);
    let id = repository.resolve_revision(spec).map_err(|_| {
        let unborn = matches!(repository.read_head(), Ok(HeadState::Branch(branch)) if branch.id.is_none());
        CommandError::Usage(if spec == "HEAD" && unborn {
            "there is nothing to judge: HEAD has no commit yet".into()
        } else {
            format!("`{name}` does not name a commit; `git rev-parse` with it may say more")
        })
    })?;
    match repository.peel_tags(id)? {
        PeeledObject::Commit(commit) => Ok(commit),
        PeeledObject::Missing => {
            Err(CommandError::Usage(format!("`{name}` names an object that is not here")))
        }
        PeeledObject::Other(kind) => {
            Err(CommandError::Usage(format!("`{name}` names a {kind}, and only commits can be judged")))
        }
    }
}

/// Returns the branch that a remote-tracking ref stands for.
fn find_upstream_target(upstream: &Text) -> Fact<Text> {
    let branch = upstream
        .as_bytes()
        .strip_prefix(b"refs/remotes/")
        .and_then(|rest| rest.iter().position(|byte| *byte == b'/').and_then(|slash| rest.get(slash + 1..)));
    match branch {
        Some(branch) => Ok(Text::new([b"refs/heads/".as_slice(), branch].concat())),
        None => Ok(upstream.clone()),
    }
}

fn load_check_policy(
    args: &CheckArgs,
    repository: &Repository,
    question: &CheckRequest,
    world: &Context,
) -> Result<LoadedPolicy, CommandError> {
    if let Some(file) = &args.policy {
        return policy::load_local_policy(Some(file), world);
    }
    if let Some(pack) = &args.pack {
        return load_from_pack(pack).map_err(|_| policy::unknown_pack_error(pack));
    }
    for (commit, called) in &question.policy_sources {
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
