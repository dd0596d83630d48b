//! `changegate check`: judge commits on request.

use std::path::PathBuf;

use clap::ValueEnum;

use super::output::{self, FormatName};
use super::progress::Progress;
use super::{Exit, Stop, World, policy};
use crate::change::{Fact, Missing, Need, Oid, Stage, Text};
use crate::gate::{Asked, Loaded, Unusable, at_commit, from_pack, judge_range};
use crate::git::{Head, Peeled, Range, Repository};
use crate::policy::{PATH, Unit, packs};
use crate::report::{Report, Style};
use crate::verdict::Line;
use crate::yaml::shown;

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
pub(super) struct Args {
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
    unit: Option<UnitName>,

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
    format: FormatName,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum UnitName {
    /// A step of the first-parent history, with all that it brings in
    Step,
    /// Every commit by itself
    Commit,
}

/// What is to be judged.
struct Question {
    new: Oid,
    hidden: Vec<Oid>,
    called: String,
    /// Whose policy it is judged by, and how reports call it.
    policy_at: Vec<(Oid, String)>,
    /// Whether it may be about more than one piece of work.
    is_long: bool,
    target: Fact<Text>,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let repository = Repository::discover(&world.directory)?;
    let question = question(args, &repository)?;
    let loaded = load(args, &repository, &question, world)?;
    let unit = match args.unit {
        Some(UnitName::Step) => Unit::Step,
        Some(UnitName::Commit) => Unit::Commit,
        None => loaded.policy.unit,
    };
    let asked = Asked {
        range: Range { new: question.new, hidden: &question.hidden, trusted: None },
        called: Text::from(question.called.as_str()),
        target: question.target.clone(),
        pusher: Err(Missing::NotAtThisStage(Need::Pusher)),
        stage: Stage::Check,
        unit,
        enforce: args.enforce,
        keep_all: args.verbose || args.explain || args.format.lists_all(),
        explain: args.explain,
        // Of one change it would be noise.
        unused: question.is_long,
        threads: crate::cli::threads,
        now: world.now,
    };
    let mut progress = Progress::of("changes judged", world);
    let report = judge_range(&repository, &loaded, &asked, &mut || progress.step());
    drop(progress);
    let mut report = report?;
    add_context(&mut report, &repository, &question);
    let style = Style {
        colour: output::stdout_colour(world.colour),
        width: 78,
        most: if args.verbose { usize::MAX } else { Style::default().most },
        verbose: args.verbose,
        quiet: args.quiet,
        web: output::web(world),
        ..Style::default()
    };
    output::report(&report, args.format, &style)?;
    Ok(report.decision.into())
}

/// Adds what depends on where the user stands.
fn add_context(report: &mut Report, repository: &Repository, question: &Question) {
    let at_head = repository.rev_parse("HEAD").is_ok_and(|head| head == question.new);
    for group in &mut report.groups {
        group.amendable = at_head;
        let empty = group.passed == 0 && group.verdicts.is_empty() && group.refusals.is_empty();
        if empty && !question.hidden.contains(&question.new) {
            let what =
                "the first end of this range has all that the second has; are they the right way round?";
            report.notes.push(Line::say(what));
        }
    }
}

fn question(args: &Args, repository: &Repository) -> Result<Question, Stop> {
    let parse = |spec: &str| parse(spec, repository);
    let target = match &args.target {
        Some(name) if name.starts_with("refs/") => Ok(Text::from(name.as_str())),
        Some(name) => Ok(Text::from(format!("refs/heads/{name}").as_str())),
        None => Err(Missing::NotAtThisStage(Need::Target)),
    };
    let range = args.revisions.as_deref().is_some_and(|revisions| revisions.contains(".."));
    if args.history && range {
        return Err(Stop::Wrong("--history takes one revision, and judges all that it leads to".into()));
    }
    if let Some((old, new)) = args.revisions.as_deref().and_then(|revisions| revisions.split_once("..")) {
        if new.starts_with('.') {
            return Err(Stop::Wrong("OLD...NEW is not a range of changes; write OLD..NEW".into()));
        }
        let name = |name: &str| if name.is_empty() { "HEAD".to_owned() } else { name.to_owned() };
        let (old, new) = (name(old), name(new));
        let (old_id, new_id) = (parse(&old)?, parse(&new)?);
        return Ok(Question {
            new: new_id,
            hidden: vec![old_id],
            called: format!("{old}..{new}"),
            policy_at: vec![(old_id, old), (new_id, new)],
            is_long: true,
            target,
        });
    }
    let spec = args.revisions.clone().unwrap_or_else(|| "HEAD".into());
    let new = parse(&spec)?;
    if args.history {
        return Ok(Question {
            new,
            hidden: Vec::new(),
            called: spec.clone(),
            policy_at: vec![(new, spec)],
            is_long: true,
            target,
        });
    }
    if args.revisions.is_none()
        && let Some(upstream) = repository.upstream_of_head()?
        && let Some(id) = repository.resolve_ref(upstream.as_bytes())?.id
        && id != new
    {
        let called = upstream.to_lossy().into_owned();
        let target = target.or_else(|_| upstream_target(&upstream));
        return Ok(Question {
            new,
            hidden: vec![id],
            called: format!("{called}..HEAD"),
            policy_at: vec![(id, called), (new, "HEAD".into())],
            is_long: false,
            target,
        });
    }
    let target = target.or_else(|missing| match repository.head() {
        Ok(Head::Branch(branch)) if args.revisions.is_none() => Ok(branch.name),
        _ => Err(missing),
    });
    // The newest change: what the revision has and its first parent has not.
    let hidden: Vec<Oid> = repository
        .commit(new, &crate::change::Needs::new())
        .map_err(|unreadable| Stop::Failed(unreadable.into()))?
        .parents
        .first()
        .copied()
        .into_iter()
        .collect();
    let called = if hidden.is_empty() { spec.clone() } else { format!("{spec}^..{spec}") };
    let before = hidden.first().map(|parent| (*parent, format!("{spec}^")));
    let policy_at = before.into_iter().chain([(new, spec.clone())]).collect();
    Ok(Question { new, hidden, called, policy_at, is_long: false, target })
}

/// Returns the commit that somebody has named.
fn parse(spec: &str, repository: &Repository) -> Result<Oid, Stop> {
    let name = shown(spec);
    let id = repository.rev_parse(spec).map_err(|_| {
        let unborn = matches!(repository.head(), Ok(Head::Branch(branch)) if branch.id.is_none());
        Stop::Wrong(if spec == "HEAD" && unborn {
            "there is nothing to judge: HEAD has no commit yet".into()
        } else {
            format!("`{name}` does not name a commit; `git rev-parse` with it may say more")
        })
    })?;
    match repository.peel(id)? {
        Peeled::Commit(commit) => Ok(commit),
        Peeled::Missing => Err(Stop::Wrong(format!("`{name}` names an object that is not here"))),
        Peeled::Other(kind) => {
            Err(Stop::Wrong(format!("`{name}` names a {kind}, and only commits can be judged")))
        }
    }
}

/// Returns the branch that a remote-tracking ref stands for.
fn upstream_target(upstream: &Text) -> Fact<Text> {
    let branch = upstream
        .as_bytes()
        .strip_prefix(b"refs/remotes/")
        .and_then(|rest| rest.iter().position(|byte| *byte == b'/').and_then(|slash| rest.get(slash + 1..)));
    match branch {
        Some(branch) => Ok(Text::new([b"refs/heads/".as_slice(), branch].concat())),
        None => Ok(upstream.clone()),
    }
}

fn load(args: &Args, repository: &Repository, question: &Question, world: &World) -> Result<Loaded, Stop> {
    if let Some(file) = &args.policy {
        return policy::load(Some(file), world);
    }
    if let Some(pack) = &args.pack {
        return from_pack(pack).map_err(|_| policy::no_pack(pack));
    }
    for (commit, called) in &question.policy_at {
        match at_commit(repository, *commit, PATH, called) {
            Ok(loaded) => return Ok(loaded),
            Err(Unusable::Absent) => {}
            Err(why) => return Err(Stop::unusable(why, PATH).of_commit(called)),
        }
    }
    from_pack(packs::DEFAULT).map_err(|why| Stop::unusable(why, packs::DEFAULT))
}
