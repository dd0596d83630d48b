//! `changegate tickets`: ask the ticket systems of the policy about some tickets.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::change::{Text, Ticket, TicketLookup};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::policy;
use crate::gate::{LoadedPolicy, UnusablePolicy, load_from_commit};
use crate::git::{PeeledObject, Repository};
use crate::policy::{DEFAULT_POLICY_PATH, is_repository_name, parse_system_address};
use crate::report::escape::{escape_quotation, escape_terminal};
use crate::tickets::{JiraAccess, TicketAccess, TicketExport, TicketSources, TicketToken};
use crate::yaml::shorten_for_message;

/// How many characters of a word in a table are shown.
const MAX_CELL_CHARS: usize = 40;

/// Ask the ticket systems of the policy about some tickets
///
/// The policy at HEAD says which system holds which tickets. What it takes to
/// ask comes from the environment: JIRA_URL, JIRA_EMAIL and JIRA_TOKEN,
/// LINEAR_TOKEN, GITHUB_TOKEN, and CHANGEGATE_TICKET_EXPORT for a file. A token
/// for Jira goes to JIRA_URL and nowhere else, whatever a policy says.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate tickets PAY-412 OPS-7
  changegate tickets '#12' --repository acme/shop
  changegate tickets CHG0012345 --export tickets.csv --format json

Exit codes: 0 all are there, 1 some are not, 2 the command or the policy is
wrong, 3 somebody could not be asked.")]
pub(crate) struct TicketsArgs {
    /// The keys of the tickets, as in PAY-412 or '#12'
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,

    /// A policy on disk instead of that at HEAD
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The file that the policy calls `export`; CSV, or JSON if it is called so
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,

    /// The repository on GitHub; GITHUB_REPOSITORY if it is left out
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<String>,

    /// In which form
    #[arg(long, value_name = "FORM", default_value = "terminal")]
    format: TicketFormatArg,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TicketFormatArg {
    /// For people
    Terminal,
    /// For programs; see docs/tickets.md
    Json,
}

pub(crate) fn run_tickets(args: &TicketsArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let loaded = load_head_policy(args.policy.as_deref(), world)?;
    if loaded.policy.ticket_systems.is_empty() {
        let what = format!("`tickets` in {} names no ticket system", shorten_for_message(&loaded.source));
        return Err(CommandError::Usage(format!("{what}; docs/tickets.md says how it can")));
    }
    let access = read_ticket_access(world, args.export.as_deref(), args.repository.as_deref())?;
    if let Some(Ok(export)) = &access.export {
        for (line, what) in &export.faults {
            let what = escape_terminal(what.as_bytes(), usize::MAX);
            writeln!(std::io::stderr().lock(), "{}:{line}: {what}", shorten_for_message(&export.name))?;
        }
    }
    let keys: Vec<Text> = args.keys.iter().map(|key| key.as_str().into()).collect();
    let looked_up = TicketSources::new(loaded.policy.ticket_systems.clone(), access).look_up_tickets(&keys);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match args.format {
        TicketFormatArg::Terminal => write_ticket_table(&looked_up, &mut out)?,
        TicketFormatArg::Json => {
            let tickets: Vec<Value> = looked_up.iter().map(lookup_to_json).collect();
            writeln!(out, "{:#}", json!({ "tickets": tickets }))?;
        }
    }
    out.flush()?;
    let is = |wanted: fn(&TicketLookup) -> bool| looked_up.iter().any(wanted);
    Ok(match (is(|one| one.found.is_err()), is(|one| matches!(one.found, Ok(None)))) {
        (true, _) => CommandExit::Failed,
        (false, true) => CommandExit::Denied,
        (false, false) => CommandExit::Allowed,
    })
}

/// Loads the policy that stands at HEAD, or on disk if that is asked for.
fn load_head_policy(file: Option<&Path>, world: &Context) -> Result<LoadedPolicy, CommandError> {
    if file.is_some() {
        return policy::load_local_policy(file, world);
    }
    let repository = Repository::discover_from(&world.directory)?;
    let none = || {
        CommandError::Usage(format!("there is no `{DEFAULT_POLICY_PATH}` at HEAD; name a policy by --policy"))
    };
    let head = repository.resolve_revision("HEAD").map_err(|_| none())?;
    let PeeledObject::Commit(head) = repository.peel_tags(head)? else { return Err(none()) };
    load_from_commit(&repository, head, DEFAULT_POLICY_PATH, "HEAD").map_err(|why| match why {
        UnusablePolicy::Absent => none(),
        faulty @ UnusablePolicy::Faulty(_) => {
            CommandError::from_unusable_policy(faulty, DEFAULT_POLICY_PATH).with_policy_commit("HEAD")
        }
    })
}

/// Returns what the environment brings for asking ticket systems; what is named on the command line
/// comes first.
pub(crate) fn read_ticket_access(
    world: &Context,
    export: Option<&Path>,
    repository: Option<&str>,
) -> Result<TicketAccess, CommandError> {
    let variable = |name: &str| -> Result<Option<String>, CommandError> {
        let Some(value) = world.read_variable(name) else { return Ok(None) };
        value.into_string().map(Some).map_err(|_| CommandError::Usage(format!("{name} is not UTF-8")))
    };
    let secret = |name: &str| -> Result<Option<TicketToken>, CommandError> {
        let Some(token) = variable(name)? else { return Ok(None) };
        TicketToken::new(&token).map(Some).map_err(|why| CommandError::Usage(format!("{name} {why}")))
    };
    let at = |name: &str| -> Result<Option<String>, CommandError> {
        let Some(url) = variable(name)? else { return Ok(None) };
        parse_system_address(&url).map(Some).map_err(|why| CommandError::Usage(format!("{name}: {why}")))
    };
    let github: Vec<Option<TicketToken>> =
        ["CHANGEGATE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"].into_iter().map(secret).collect::<Result<_, _>>()?;
    let usual = TicketAccess::default();
    let jira = match (at("JIRA_URL")?, secret("JIRA_TOKEN")?) {
        (Some(url), Some(token)) => Some(JiraAccess { url, email: variable("JIRA_EMAIL")?, token }),
        (None, Some(_)) => {
            let what = "JIRA_TOKEN is set and JIRA_URL is not; the address says where the token may go";
            return Err(CommandError::Usage(what.into()));
        }
        (_, None) => None,
    };
    let repository = match repository {
        Some(named) if is_repository_name(named) => Some(named.to_owned()),
        Some(other) => {
            let what = format!(
                "--repository is `{}`, and not a repository such as acme/shop",
                shorten_for_message(other)
            );
            return Err(CommandError::Usage(what));
        }
        None => variable("GITHUB_REPOSITORY")?.filter(|named| is_repository_name(named)),
    };
    let export = match export {
        Some(file) => Some(world.resolve_path(file)),
        None => variable("CHANGEGATE_TICKET_EXPORT")?.map(|file| world.resolve_path(file)),
    };
    Ok(TicketAccess {
        jira,
        linear: secret("LINEAR_TOKEN")?,
        github: github.into_iter().flatten().next(),
        github_url: at("GITHUB_API_URL")?.unwrap_or(usual.github_url),
        linear_url: at("LINEAR_API_URL")?.unwrap_or(usual.linear_url),
        repository,
        export: export.map(|file| TicketExport::open_export(&file)),
        timeout: usual.timeout,
    })
}

/// Writes what was found, one ticket after the other.
fn write_ticket_table(looked_up: &[TicketLookup], out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let word = |text: &Text| escape_terminal(text.as_bytes(), MAX_CELL_CHARS);
    for TicketLookup { key, found } in looked_up {
        let key = escape_terminal(key.as_bytes(), MAX_CELL_CHARS);
        match found {
            Ok(None) => writeln!(out, "{key}  is not there, or may not be seen")?,
            Err(why) => writeln!(out, "{key}  {}", escape_terminal(why.to_string().as_bytes(), usize::MAX))?,
            Ok(Some(ticket)) => {
                let closed = match ticket.is_closed {
                    Some(true) => "closed",
                    Some(false) => "open",
                    None => "open or closed",
                };
                let kind = word(&ticket.kind);
                let kind = if kind.is_empty() { "ticket".to_owned() } else { kind };
                writeln!(
                    out,
                    "{key}  {kind} in {}, {}",
                    word(&ticket.project),
                    describe_ticket_state(ticket, closed)
                )?;
                writeln!(out, "  made      {}", ticket.created)?;
                match &ticket.backdated {
                    Ok(None) => {}
                    Ok(Some(why)) => {
                        writeln!(out, "  doubtful  {}", escape_terminal(why.as_bytes(), usize::MAX))?
                    }
                    Err(why) => {
                        let why = escape_terminal(why.to_string().as_bytes(), usize::MAX);
                        writeln!(out, "  doubtful  nobody can say: {why}")?;
                    }
                }
                if ticket.key.as_bytes() != key.as_bytes() {
                    writeln!(out, "  called    {}", escape_quotation(ticket.key.as_bytes()))?;
                }
                if !ticket.labels.is_empty() {
                    let labels: Vec<String> = ticket.labels.iter().map(&word).collect();
                    writeln!(out, "  labels    {}", labels.join(", "))?;
                }
                if let Some(assignee) = &ticket.assignee {
                    writeln!(out, "  assignee  {}", word(assignee))?;
                }
                writeln!(out, "  source    {}", escape_terminal(ticket.source.as_bytes(), usize::MAX))?;
            }
        }
    }
    Ok(())
}

/// Returns whether a ticket is open, with what its system calls that.
fn describe_ticket_state(ticket: &Ticket, closed: &str) -> String {
    match ticket.state.as_bytes() {
        [] => closed.to_owned(),
        state => format!("{closed} ({})", escape_terminal(state, MAX_CELL_CHARS)),
    }
}

/// Returns what was found for programs: `found` is true, false, or null where nobody knows.
fn lookup_to_json(one: &TicketLookup) -> Value {
    let key = one.key.to_lossy();
    match &one.found {
        Ok(None) => json!({ "key": key, "found": false }),
        Err(why) => json!({ "key": key, "found": null, "reason": why.to_string() }),
        Ok(Some(ticket)) => {
            let labels: Vec<_> = ticket.labels.iter().map(Text::to_lossy).collect();
            json!({
                "key": key,
                "found": true,
                "ticket": {
                    "key": ticket.key.to_lossy(),
                    "project": ticket.project.to_lossy(),
                    "created": ticket.created.to_string(),
                    "doubt": ticket.backdated.as_ref().ok(),
                    "doubt-unknown": ticket.backdated.as_ref().err().map(ToString::to_string),
                    "type": ticket.kind.to_lossy(),
                    "labels": labels,
                    "state": ticket.state.to_lossy(),
                    "closed": ticket.is_closed,
                    "assignee": ticket.assignee.as_ref().map(Text::to_lossy),
                    "url": ticket.url.to_lossy(),
                    "source": ticket.source.to_lossy(),
                },
            })
        }
    }
}
