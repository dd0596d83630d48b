//! `changegate show`: one change on one page, from its request to its closure.

use std::io::{self, BufWriter, Write};

use clap::ValueEnum;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::audit::inputs::merged_pulls::GivenPulls;
use crate::audit::population::judged_part::AuditPolicy;
use crate::audit::population::period::{AuditPeriod, PeriodEnd, parse_period_end};
use crate::audit::population::population_entry::EntryKind;
use crate::audit::ref_audit::RefAuditRequest;
use crate::audit::show::change_search::{ChangeQuery, FoundChange, find_changes};
use crate::audit::show::document::build_document;
use crate::audit::show::html::write_page_html;
use crate::audit::show::markdown::write_page_markdown;
use crate::audit::show::shown_change::{ShownChange, ShownStep, read_shown_change};
use crate::audit::show::terminal::write_page_terminal;
use crate::audit::show::unlanded_search::{describe_unlanded_records, find_unlanded_records};
use crate::change::{Oid, Text};
use crate::cli::audit::audited_refs::name_repository;
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::{Context, count_threads};
use crate::cli::output::ignore_broken_pipe;
use crate::cli::progress::ProgressLine;
use crate::cli::revision::{find_branch, full_ref_name};
use crate::git::{HeadState, PeeledObject, Repository};
use crate::ledger::audit::history_fold::read_ledger_history;
use crate::ledger::audit::history_index::{IndexLimits, confirm_move, read_indexed_history};
use crate::ledger::audit::ledger_history::LedgerHistory;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::escape::{escape_terminal, escape_words};
use crate::yaml::shorten_for_message;

/// How many changes are listed where a word names several.
const MAX_LISTED_CHANGES: usize = 20;

/// The form of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PageFormat {
    /// For reading here
    Terminal,
    /// One HTML file that needs nothing beside it
    Html,
    /// For an issue or a pull request
    Markdown,
    /// Every value, for programs
    Json,
}

/// Show one change on one page, from its request to its closure
///
/// Finds the change by any of its commits, by the id of the change log, by its ticket, its
/// pull request, its incident or its CVE. The page tells what was changed and why, who
/// asked for it, who approved it and what that counted, what was refused before, how it
/// landed, the verdict of every rule, what it owed, what closed it, and what is not known.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate show 4e5f607
  changegate show SEC-12                the change of a ticket or an incident
  changegate show '#12'                 the change of a pull request
  changegate show shop@4e5f6071f5e0b0a1c9d8e7f6a5b4c3d2e1f00112
  changegate show HEAD --format html > change.html

Exits with 0 if one change was found and could be read, whatever the page says of it;
with 2 if there is none or several; with 3 if it could not be read.")]
pub(crate) struct ShowArgs {
    /// Commit, change id, ticket, pull request, incident or CVE
    change: String,

    /// Branch to look on [default: HEAD's]
    #[arg(long = "ref", value_name = "REF")]
    ref_name: Option<String>,

    /// Time as of which something is open or overdue [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: PageFormat,
}

pub(crate) fn run_show(args: &ShowArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let as_of = parse_as_of(args.as_of.as_deref(), context)?;
    let open = |reading| ChangeShelf::open_shelf(args.ref_name.as_deref(), as_of, reading, context);
    let shelf = open(LedgerReading::ByIndex)?;
    let mut shown = shelf.find_change(&args.change, context)?;
    if !shelf.confirms_landing(&shown) {
        // The records decide, and not the index.
        shown = open(LedgerReading::Whole)?.find_change(&args.change, context)?;
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let document = build_document(&shown);
    let written = match args.format {
        PageFormat::Terminal => write_page_terminal(&document.page, &mut out),
        PageFormat::Html => write_page_html(&document.page, &mut out),
        PageFormat::Markdown => write_page_markdown(&document.page, &mut out),
        PageFormat::Json => {
            let bytes = document.to_json_bytes().map_err(io::Error::from)?;
            out.write_all(replace_invisible(&String::from_utf8_lossy(&bytes)).as_bytes())
        }
    };
    ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    let is_unread = shown.record.find_unread_part().is_some() || shown.record.lacks_evidence;
    Ok(if is_unread { CommandExit::Failed } else { CommandExit::Allowed })
}

/// Returns the time as of which things are open: the one that was given, or now.
pub(super) fn parse_as_of(written: Option<&str>, context: &Context) -> Result<Timestamp, CommandError> {
    match written {
        Some(written) => parse_period_end(written, PeriodEnd::Last).map_err(CommandError::Usage),
        None => Ok(context.now),
    }
}

/// How the ledger is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LedgerReading {
    /// Every record.
    Whole,
    /// By an index of it, if there is one, and the records that it names.
    ByIndex,
}

/// The changes of one ref, to look single ones up.
pub(super) struct ChangeShelf {
    pub(super) repository: Repository,
    pub(super) name: String,
    pub(super) ref_name: Text,
    pub(super) tip: Oid,
    as_of: Timestamp,
    pub(super) history: Option<LedgerHistory>,
    /// True if an index told what the ledger says.
    is_indexed: bool,
}

impl ChangeShelf {
    /// Opens the repository of the context; the ref is that of HEAD if none is named.
    pub(super) fn open_shelf(
        ref_name: Option<&str>,
        as_of: Timestamp,
        reading: LedgerReading,
        context: &Context,
    ) -> Result<ChangeShelf, CommandError> {
        let repository = Repository::discover_from(&context.directory)?;
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
        let name = name_repository(&repository);
        let tip = held.ok_or_else(|| {
            CommandError::Usage(format!("{name} has no {}; name a branch with --ref", ref_name.to_lossy()))
        })?;
        let mut progress = ProgressLine::start_counting("records read", context);
        let mut count = || progress.count_step();
        let (history, is_indexed) = match reading {
            LedgerReading::Whole => (read_ledger_history(&repository, &ref_name, &mut count)?, false),
            LedgerReading::ByIndex => {
                read_indexed_history(&repository, &ref_name, IndexLimits::default(), &mut count)?
            }
        };
        Ok(ChangeShelf { repository, name, ref_name, tip, as_of, history, is_indexed })
    }

    /// Returns true if the records themselves say how a change landed, and not only an index of them.
    fn confirms_landing(&self, shown: &ShownChange) -> bool {
        // What landed on another ref first, no record of this one can confirm.
        if self.is_indexed && shown.record.landing.first_ref.is_some() {
            return false;
        }
        let record = shown.record.landing.record;
        let moves = self.history.iter().flat_map(|history| &history.moves);
        let told = moves.filter(|one| Some(one.record) == record);
        let mut told = told.map(|one| confirm_move(&self.repository, &self.ref_name, one));
        !self.is_indexed || told.all(|is_confirmed| is_confirmed)
    }

    /// Returns the one change that the words name.
    pub(super) fn find_change(&self, words: &str, context: &Context) -> Result<ShownChange, CommandError> {
        let query = ChangeQuery::parse_query(words, &self.name, self.resolve_words(words));
        let mut progress = ProgressLine::start_counting("steps read", context);
        let mut count = || progress.count_step();
        let history = self.history.as_ref();
        let found = find_changes(&self.repository, self.tip, history, &query, count_threads, &mut count)?;
        drop(progress);
        if let (true, Some(history)) = (found.is_empty(), history) {
            let records = find_unlanded_records(&self.repository, history, &query);
            if !records.is_empty() {
                let newest =
                    records.get(records.len().saturating_sub(MAX_LISTED_CHANGES)..).unwrap_or_default();
                let told = describe_unlanded_records(newest, &self.ref_name);
                return Err(CommandError::Usage(format!("`{}`: {told}", shorten_for_message(words))));
            }
        }
        let [only] = found.as_slice() else {
            return Err(CommandError::Usage(self.describe_candidates(words, &found)));
        };
        let request = RefAuditRequest {
            repository_name: self.name.clone(),
            ref_name: self.ref_name.clone(),
            tip: self.tip,
            is_ref_tip: true,
            period: AuditPeriod::default(),
            after: None,
            until: None,
            only: None,
            policy: AuditPolicy::OfItsTime(DEFAULT_POLICY_PATH),
            incidents: &[],
            deployments: &[],
            merged_pulls: &GivenPulls::NotAsked,
            now: self.as_of,
            threads: count_threads,
            journal: None,
        };
        let id = only.id.short_hex();
        match read_shown_change(&self.repository, &request, history, only.id)? {
            ShownStep::Change(shown) => Ok(shown),
            ShownStep::Other(EntryKind::JudgedElsewhere, what) => Err(CommandError::Usage(format!(
                "{id} is no change of {}: {}; name that branch with --ref",
                escape_terminal(self.ref_name.as_bytes(), 60),
                escape_terminal(what.as_bytes(), 200)
            ))),
            ShownStep::Other(..) | ShownStep::Unknown => Err(CommandError::Usage(format!(
                "{id} closes something and is no change; `changegate ledger trace {id}` shows what the ledger says of it"
            ))),
        }
    }

    /// Returns the commit that the words name as a revision, if they do.
    fn resolve_words(&self, words: &str) -> Option<Oid> {
        let id = self.repository.resolve_revision(words).ok()?;
        match self.repository.peel_tags(id).ok()? {
            PeeledObject::Commit(commit) => Some(commit),
            PeeledObject::Missing | PeeledObject::Other(_) => None,
        }
    }

    fn describe_candidates(&self, words: &str, found: &[FoundChange]) -> String {
        let words = shorten_for_message(words);
        let ref_name = escape_terminal(self.ref_name.as_bytes(), 60);
        if found.is_empty() {
            return format!(
                "no change of {ref_name} is called `{words}`: give a commit, a ticket, a pull request or an \
                 incident that it names; another branch with --ref"
            );
        }
        let mut text =
            format!("`{words}` names {} changes of {ref_name}; give the commit of one:", found.len());
        for one in found.iter().take(MAX_LISTED_CHANGES) {
            let day = one.committed_at.to_zoned(TimeZone::UTC).date();
            let title = escape_terminal(one.title.as_bytes(), 48);
            text.push_str(&format!("\n  {}  {day}  {}", one.id.short_hex(), escape_words(&title)));
        }
        if found.len() > MAX_LISTED_CHANGES {
            text.push_str(&format!("\n  and {} older ones", found.len() - MAX_LISTED_CHANGES));
        }
        text
    }
}
