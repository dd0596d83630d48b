//! `changegate try`: judges a change that does not exist yet, as if it were made.
//!
//! What a server or a forge would know is said on the command line, so that a freeze window, an exemption for
//! bots or a template can be tried at a desk. Nothing is asked of a network, and nothing is written.

mod assumed_change;
mod patched_paths;
mod withheld_contents;

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::audit::population::period::{PeriodEnd, parse_period_end};
use crate::change::{Change, Commits, FactKind, Missing, Stage, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::{Context, count_threads};
use crate::cli::output::{self, ReportFormatArg};
use crate::cli::policy::lookup::{find_bare_repository, load_policy_or_pack};
use crate::cli::revision::{full_ref_name, resolve_commit};
use crate::cli::try_change::assumed_change::AssumedChangeDraft;
use crate::cli::try_change::patched_paths::list_patched_paths;
use crate::cli::try_change::withheld_contents::withhold_contents;
use crate::gate::given_file::refuse_waiting_file;
use crate::gate::{
    LoadedPolicy, RangeDivision, complete_repository_facts, forget_policy_effect, judge_given_changes,
    read_range_commits,
};
use crate::git::{CommitRange, Repository};
use crate::policy::ChangeUnit;
use crate::policy_tests::find_unknown_field;
use crate::report::{DeniedMessage, GroupScope, ReportStyle};
use crate::yaml::shorten_for_message;
use clap::ValueEnum;

/// The size of the largest message, description or patch.
const MAX_INPUT_BYTES: u64 = 16 << 20;

/// What is said of a range that brings nothing.
const EMPTY_RANGE: &str = "the range has no commits";

/// Judge a change that does not exist yet, as if it were made
///
/// The change is a message with the paths that it would touch, or a range of
/// commits, which a push divides into changes as the policy says; --body makes it
/// a pull request. What only a server or a forge knows is
/// said by options. The policy is that of the work tree, so a draft can be tried
/// before it is in force. Nothing is sent anywhere, and nothing is written.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate try main..topic --as push --pusher ana --approved-by 'Ben Ito <ben@example.com>'
  changegate try -m 'Patch it' --field Risk=high --path src/login.rs
  changegate try --body pr.md --approved-by ben --path src/login.rs
  changegate try --body .github/pull_request_template.md     what an untouched template lacks
  git diff main | changegate try -F message.txt --diff -
  changegate try main..topic --at 2026-12-24T18:00:00Z       inside the freeze?
  changegate try main..topic --pusher 'renovate[bot]' --policy draft.yml")]
pub(crate) struct TryArgs {
    /// Commits that are pushed or proposed, as OLD..NEW
    #[arg(conflicts_with_all = ["message", "file", "diff", "path", "author"])]
    range: Option<String>,

    #[command(flatten)]
    pub(crate) draft: DraftArgs,

    /// Policy file to judge by [default: policies/changegate.yml of this repository]
    #[arg(long, value_name = "FILE", conflicts_with = "pack")]
    policy: Option<PathBuf>,

    /// Shipped pack to judge by
    #[arg(long)]
    pack: Option<String>,

    /// Show why each rule passes or fails
    #[arg(long)]
    explain: bool,

    /// Show every rule
    #[arg(long, short)]
    verbose: bool,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ReportFormatArg,
}

/// What is assumed of a change that does not exist yet.
#[derive(Debug, clap::Args)]
pub(crate) struct DraftArgs {
    /// Message of the commit
    #[arg(short, long, value_name = "TEXT", conflicts_with = "file")]
    message: Option<String>,

    /// File with the message; `-` is standard input
    #[arg(short = 'F', long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// Field to add, to the message of each change or to the description; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_field)]
    field: Vec<(String, String)>,

    /// File with the description of a pull request; `-` is standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,

    /// Title of the pull request
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,

    /// Path that the change touches; may be repeated
    #[arg(long, value_name = "PATH")]
    path: Vec<String>,

    /// Patch that the change makes, as `git diff` writes it; `-` is standard input
    #[arg(long, value_name = "FILE")]
    diff: Option<PathBuf>,

    /// Author of the commit [default: as git is configured]
    #[arg(long, value_name = "PERSON")]
    author: Option<String>,

    /// Account that pushes, or that opens the pull request
    #[arg(long, value_name = "WHO")]
    pusher: Option<String>,

    /// Who approves: a person in a trailer, an account in a pull request; may be repeated
    #[arg(long, value_name = "WHO")]
    approved_by: Vec<String>,

    /// When the change is seen; a day is its first instant in UTC [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,

    /// Branch that the change is for [default: the first one that the policy protects]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,

    /// How the change arrives [default: push, or pull-request with --body]
    #[arg(long = "as", value_name = "HOW")]
    arrival: Option<ArrivalArg>,
}

/// How a change arrives at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ArrivalArg {
    /// A commit that is about to be made in a clone
    Commit,
    /// A push to a server
    Push,
    /// A pull request on a forge
    PullRequest,
    /// A pull request in a merge queue, which is judged as a pull request
    MergeQueue,
}

impl ArrivalArg {
    fn stage_name(self) -> &'static str {
        match self {
            ArrivalArg::Commit => "commit-msg",
            ArrivalArg::Push => "pre-receive",
            ArrivalArg::PullRequest | ArrivalArg::MergeQueue => "pull-request",
        }
    }

    /// Returns how a range of commits is divided into changes where it arrives.
    fn divide_range(self, unit: ChangeUnit) -> RangeDivision {
        match self {
            ArrivalArg::Commit => RangeDivision::Commits,
            ArrivalArg::Push => unit.into(),
            ArrivalArg::PullRequest | ArrivalArg::MergeQueue => RangeDivision::Whole,
        }
    }

    fn is_pull_request(self) -> bool {
        matches!(self, ArrivalArg::PullRequest | ArrivalArg::MergeQueue)
    }
}

fn parse_field(written: &str) -> Result<(String, String), String> {
    match written.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE, as in Risk=low".to_owned()),
    }
}

impl DraftArgs {
    /// Returns true if the time is assumed.
    pub(crate) fn names_time(&self) -> bool {
        self.at.is_some()
    }

    /// Returns true if anything is assumed.
    pub(crate) fn is_given(&self) -> bool {
        let texts = [&self.message, &self.title, &self.author, &self.pusher, &self.at, &self.branch];
        let files = [&self.file, &self.body, &self.diff];
        let lists = [&self.path, &self.approved_by];
        texts.iter().any(|text| text.is_some())
            || files.iter().any(|file| file.is_some())
            || lists.iter().any(|list| !list.is_empty())
            || !self.field.is_empty()
            || self.arrival.is_some()
    }
}

pub(crate) fn try_change(args: &TryArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let loaded = load_policy_or_pack(args.pack.as_deref(), args.policy.as_deref(), context)?;
    let changes = build_draft_changes(args.range.as_deref(), &args.draft, &loaded, context)?;
    warn_about_unknown_fields(&args.draft, &loaded)?;
    let is_pull_request = changes.iter().any(|change| change.stage == Stage::PullRequest);
    let scope = match &args.range {
        _ if is_pull_request => GroupScope::PullRequest(Text::from("the pull request that is tried")),
        Some(range) => GroupScope::Range(Text::from(range.as_str())),
        None => GroupScope::Message,
    };
    let Some(report) = judge_given_changes(&loaded, &changes, scope, args.explain) else {
        return Err(CommandError::usage(EMPTY_RANGE));
    };
    let style = ReportStyle {
        colour: output::stdout_colour(context.colour),
        width: 78,
        verbose: args.verbose,
        git_location: context.git_location(),
        has_work_tree: find_bare_repository(context).is_none(),
        denied_message: if args.range.is_some() { DeniedMessage::Refused } else { DeniedMessage::Tried },
        ..ReportStyle::default()
    };
    output::print_report(&report, args.format, &style)?;
    Ok(report.decision.into())
}

/// Writes which `--field` names no field of the policy, so that it states nothing.
fn warn_about_unknown_fields(args: &DraftArgs, loaded: &LoadedPolicy) -> Result<(), CommandError> {
    let mut told: Vec<&str> = Vec::new();
    for (name, _) in &args.field {
        let Some(unknown) = find_unknown_field(name, &loaded.policy) else { continue };
        if told.contains(&name.as_str()) {
            continue;
        }
        told.push(name);
        let shown = shorten_for_message(name);
        let note = match unknown.nearest {
            Some(near) => {
                format!("the policy has no field `{shown}`, so it states nothing; did you mean `{near}`?")
            }
            None => format!("the policy has no field `{shown}`, so it states nothing"),
        };
        writeln!(io::stderr().lock(), "{}", output::wrap_text("warning: ", 2, &note))?;
    }
    Ok(())
}

/// Returns the changes that the arguments describe, oldest first, and never none: one, or those of the commits of a range,
/// divided as they would be where they arrive.
pub(crate) fn build_draft_changes(
    range: Option<&str>,
    args: &DraftArgs,
    loaded: &LoadedPolicy,
    context: &Context,
) -> Result<Vec<Change>, CommandError> {
    let usual = if args.body.is_some() { ArrivalArg::PullRequest } else { ArrivalArg::Push };
    let arrival = args.arrival.unwrap_or(usual);
    if args.body.is_some() && !arrival.is_pull_request() {
        return Err(CommandError::usage(
            "--body is the description of a pull request; leave out --as, or --body",
        ));
    }
    let readers = [&args.file, &args.body, &args.diff];
    if readers.iter().filter(|file| file.as_deref() == Some(Path::new("-"))).count() > 1 {
        return Err(CommandError::usage("only one of -F, --body and --diff can be read from standard input"));
    }
    let division = arrival.divide_range(loaded.policy.change_unit);
    let ranges = range.map(|range| read_commits(range, division, loaded, context)).transpose()?;
    let message = match (&args.message, &args.file) {
        (Some(message), _) => Some(message.clone()),
        (None, Some(file)) => Some(read_text_file(file, context)?),
        (None, None) => None,
    };
    if ranges.is_none() && message.is_none() && args.body.is_none() {
        return Err(CommandError::usage(
            "there is nothing to try: name commits as in main..HEAD, a message with -m or -F, or a description \
             with --body",
        ));
    }
    if args.title.is_some() && !arrival.is_pull_request() {
        return Err(CommandError::usage(
            "--title is that of a pull request; add --as pull-request, or put it into the message with -m",
        ));
    }
    let at = match &args.at {
        Some(written) => parse_period_end(written, PeriodEnd::First).map_err(CommandError::Usage)?,
        None => context.now,
    };
    let target = args.branch.clone().unwrap_or_else(|| find_protected_branch(loaded));
    if arrival != ArrivalArg::Commit && !loaded.policy.protects_ref(full_ref_name(&target).as_bytes()) {
        return Err(CommandError::Usage(format!(
            "the policy does not protect `{}`, so nothing is judged there; it protects {}",
            shorten_for_message(&target),
            loaded.policy.protected_refs.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        )));
    }
    let patched = match &args.diff {
        Some(file) => list_patched_paths(read_text_file(file, context)?.as_bytes(), context)?,
        None => Vec::new(),
    };
    let draft = AssumedChangeDraft {
        stage: arrival.stage_name(),
        is_pull_request: arrival.is_pull_request(),
        at,
        target,
        pusher: args.pusher.as_deref(),
        message: message.as_deref(),
        author: args.author.as_deref(),
        paths: &args.path,
        patched: &patched,
        fields: &args.field,
        approved_by: &args.approved_by,
        title: args.title.as_deref(),
        people: &loaded.policy.people,
        body: args.body.as_deref().map(|file| read_text_file(file, context)).transpose()?,
    };
    let mut changes = Vec::new();
    match ranges {
        Some(ranges) => {
            let repository = Repository::discover_from(&context.directory)?;
            for commits in ranges {
                let mut change = draft.build_change(Some(commits), context)?;
                complete_repository_facts(&mut change, &repository, loaded);
                changes.push(change);
            }
        }
        None => {
            let mut change = draft.build_change(None, context)?;
            forget_policy_effect(&mut change, loaded);
            withhold_contents(&mut change, &patched);
            // A commit that nobody has made has no id that advice could name.
            change.commits.last_mut().id = None;
            changes.push(change);
        }
    }
    if arrival == ArrivalArg::Commit && args.pusher.is_none() {
        for change in &mut changes {
            change.pusher = Err(Missing::at_stage(change.stage, FactKind::Pusher));
        }
    }
    if arrival.is_pull_request() && loaded.policy.change_unit == ChangeUnit::Commit {
        changes = changes.into_iter().flat_map(Change::split_commits).collect();
    }
    Ok(changes)
}

/// Returns the first branch that the policy protects by its whole name.
fn find_protected_branch(loaded: &LoadedPolicy) -> String {
    let names = loaded.policy.protected_refs.iter().map(ToString::to_string);
    let mut plain = names.filter(|name| !name.contains(['*', '?', '[']) && !name.starts_with("refs/tags/"));
    plain.next().unwrap_or_else(|| "main".to_owned())
}

/// Returns the commits of a range, those of each change by themselves; never none.
fn read_commits(
    range: &str,
    division: RangeDivision,
    loaded: &LoadedPolicy,
    context: &Context,
) -> Result<Vec<Commits>, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    let Some((old, new)) = range.split_once("..").filter(|(old, new)| !old.is_empty() && !new.is_empty())
    else {
        let what = format!("`{}` is not a range of commits such as main..HEAD", shorten_for_message(range));
        return Err(CommandError::Usage(what));
    };
    let (old, new) = (resolve_commit(&repository, old)?, resolve_commit(&repository, new)?);
    let range = CommitRange { tip: new, hidden_tips: &[old], trusted_keys: loaded.trusted_keys(context.now) };
    let changes = read_range_commits(&repository, loaded, (range, division), count_threads)?;
    if changes.is_empty() { Err(CommandError::usage(EMPTY_RANGE)) } else { Ok(changes) }
}

/// Reads a file of text, or standard input for `-`.
fn read_text_file(file: &Path, context: &Context) -> Result<String, CommandError> {
    let shown = file.display();
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().lock().take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes)
    } else {
        let path = context.resolve_path(file);
        refuse_waiting_file(&path)
            .and_then(|_| std::fs::File::open(&path))
            .and_then(|file| file.take(MAX_INPUT_BYTES + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| CommandError::Usage(format!("cannot read `{shown}`: {error}")))?;
    if bytes.len() as u64 > MAX_INPUT_BYTES {
        return Err(CommandError::Usage(format!("`{shown}` is larger than {} MiB", MAX_INPUT_BYTES >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| CommandError::Usage(format!("`{shown}` is not UTF-8")))
}
