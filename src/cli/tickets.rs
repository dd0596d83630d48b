//! `changegate tickets`: ask the ticket systems of the policy about some tickets.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::change::{Missing, Text, Ticket, TicketLookup};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::policy::lookup;
use crate::gate::{LoadedPolicy, UnusablePolicy, load_from_commit};
use crate::git::{PeeledObject, Repository};
use crate::http::Secret;
use crate::policy::{DEFAULT_POLICY_PATH, is_repository_name, parse_system_address};
use crate::predicates::ticket::lookup::doubt_message;
use crate::report::escape::{escape_quotation, escape_terminal};
use crate::tickets::{JiraAccess, TicketAccess, TicketExport, TicketSources};
use crate::yaml::shorten_for_message;

/// How many characters of a word are shown in the list.
const MAX_CELL_CHARS: usize = 40;

/// Look up tickets in the ticket systems of the policy
///
/// The policy at HEAD says which system holds which tickets. Addresses and
/// tokens come from the environment: JIRA_URL, JIRA_EMAIL and JIRA_TOKEN,
/// LINEAR_TOKEN, GITHUB_TOKEN, and CHANGEGATE_TICKET_EXPORT for a file. A token
/// for Jira goes to JIRA_URL and nowhere else, whatever a policy says. Proxies
/// are read from HTTPS_PROXY and NO_PROXY.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate tickets PAY-412 OPS-7
  changegate tickets '#12' --repository acme/shop
  changegate tickets CHG0012345 --export tickets.csv --format json

Exit codes: 0 every ticket exists, 1 some do not, 2 the command or the policy
is wrong, 3 a ticket system did not answer.")]
pub(crate) struct TicketsArgs {
    /// The keys of the tickets, as in PAY-412 or '#12'
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,

    /// A policy on disk instead of the one at HEAD
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The file that the policy calls `export`; JSON if it ends in .json, else CSV
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,

    /// The repository on GitHub; the default is GITHUB_REPOSITORY
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<String>,

    /// Output format
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

pub(crate) fn run_tickets(args: &TicketsArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let loaded = load_head_policy(args.policy.as_deref(), context)?;
    if loaded.policy.ticket_systems.is_empty() {
        let what = format!("`tickets` in {} names no ticket system", shorten_for_message(&loaded.source));
        return Err(CommandError::Usage(format!("{what}; see docs/tickets.md")));
    }
    let access = read_ticket_access(context, args.export.as_deref(), args.repository.as_deref())?;
    if let Some(Ok(export)) = &access.export {
        write_export_faults(export, &mut std::io::stderr().lock())?;
    }
    let keys: Vec<Text> = args.keys.iter().map(|key| key.as_str().into()).collect();
    let looked_up = TicketSources::new(loaded.policy.ticket_systems.clone(), access).look_up_tickets(&keys);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match args.format {
        TicketFormatArg::Terminal => write_ticket_list(&looked_up, &mut out)?,
        TicketFormatArg::Json => {
            let tickets: Vec<Value> = looked_up.iter().map(lookup_to_json).collect();
            writeln!(out, "{:#}", json!({ "tickets": tickets }))?;
        }
    }
    out.flush()?;
    // A system that does not answer outweighs a ticket that does not exist: the answer is not known.
    let mut exit = CommandExit::Allowed;
    for lookup in &looked_up {
        match lookup.found {
            Err(_) => return Ok(CommandExit::Failed),
            Ok(None) => exit = CommandExit::Denied,
            Ok(Some(_)) => {}
        }
    }
    Ok(exit)
}

/// Writes which rows of an export cannot be read.
fn write_export_faults(export: &TicketExport, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let name = shorten_for_message(&export.name);
    for (line, what) in &export.faults {
        writeln!(out, "{name}:{line}: {}", escape_terminal(what.as_bytes(), usize::MAX))?;
    }
    if export.omitted_faults > 0 {
        writeln!(out, "{name}: and {} more rows that cannot be read", export.omitted_faults)?;
    }
    if let Some(line) = export.unread_from {
        writeln!(out, "{name}:{line}: too many rows before this one cannot be read; the rest is not read")?;
    }
    Ok(())
}

/// Loads the policy at HEAD, or the one on disk if that is asked for.
fn load_head_policy(file: Option<&Path>, context: &Context) -> Result<LoadedPolicy, CommandError> {
    if file.is_some() {
        return lookup::load_local_policy(file, context);
    }
    let repository = Repository::discover_from(&context.directory)?;
    let Ok(head) = repository.resolve_revision("HEAD") else { return Err(no_policy_error()) };
    let PeeledObject::Commit(head) = repository.peel_tags(head)? else { return Err(no_policy_error()) };
    match load_from_commit(&repository, head, DEFAULT_POLICY_PATH, "HEAD") {
        Ok(loaded) => Ok(loaded),
        Err(UnusablePolicy::Absent) => Err(no_policy_error()),
        Err(faulty @ UnusablePolicy::Faulty(_)) => {
            Err(CommandError::from_unusable_policy(faulty, DEFAULT_POLICY_PATH).with_policy_commit("HEAD"))
        }
    }
}

fn no_policy_error() -> CommandError {
    CommandError::Usage(format!("there is no `{DEFAULT_POLICY_PATH}` at HEAD; name a policy with --policy"))
}

/// Returns what it takes to ask ticket systems, from the environment; what the command line names comes
/// first.
pub(crate) fn read_ticket_access(
    context: &Context,
    export: Option<&Path>,
    repository: Option<&str>,
) -> Result<TicketAccess, CommandError> {
    let usual = TicketAccess::default();
    let mut github = None;
    for name in ["CHANGEGATE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"] {
        let token = read_secret(context, name)?;
        github = github.or(token);
    }
    let export = match export {
        Some(file) => Some(context.resolve_path(file)),
        None => read_text(context, "CHANGEGATE_TICKET_EXPORT")?.map(|file| context.resolve_path(file)),
    };
    Ok(TicketAccess {
        jira: read_jira_access(context)?,
        linear: read_secret(context, "LINEAR_TOKEN")?,
        github,
        github_url: read_address(context, "GITHUB_API_URL")?.unwrap_or(usual.github_url),
        linear_url: read_address(context, "LINEAR_API_URL")?.unwrap_or(usual.linear_url),
        repository: choose_repository(context, repository)?,
        export: export.map(|file| TicketExport::open_export(&file)),
        timeout: usual.timeout,
        proxies: context.read_proxies()?,
    })
}

fn read_jira_access(context: &Context) -> Result<Option<JiraAccess>, CommandError> {
    let url = read_address(context, "JIRA_URL")?;
    let Some(token) = read_secret(context, "JIRA_TOKEN")? else { return Ok(None) };
    let Some(url) = url else {
        let what = "JIRA_TOKEN is set and JIRA_URL is not; the address says where the token may be sent";
        return Err(CommandError::Usage(what.into()));
    };
    Ok(Some(JiraAccess { url, email: read_text(context, "JIRA_EMAIL")?, token }))
}

/// Returns the repository on GitHub whose issues are meant by a number alone.
fn choose_repository(context: &Context, named: Option<&str>) -> Result<Option<String>, CommandError> {
    match named {
        Some(named) if is_repository_name(named) => Ok(Some(named.to_owned())),
        Some(other) => {
            let what = format!(
                "--repository is `{}`, and not a repository such as acme/shop",
                shorten_for_message(other)
            );
            Err(CommandError::Usage(what))
        }
        None => Ok(read_text(context, "GITHUB_REPOSITORY")?.filter(|named| is_repository_name(named))),
    }
}

fn read_text(context: &Context, name: &str) -> Result<Option<String>, CommandError> {
    let Some(value) = context.read_variable(name) else { return Ok(None) };
    match value.into_string() {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(CommandError::Usage(format!("{name} is not UTF-8"))),
    }
}

fn read_secret(context: &Context, name: &str) -> Result<Option<Secret>, CommandError> {
    let Some(token) = read_text(context, name)? else { return Ok(None) };
    match Secret::parse_token(&token) {
        Ok(secret) => Ok(Some(secret)),
        Err(why) => Err(CommandError::Usage(format!("{name} {why}"))),
    }
}

fn read_address(context: &Context, name: &str) -> Result<Option<String>, CommandError> {
    let Some(url) = read_text(context, name)? else { return Ok(None) };
    match parse_system_address(&url) {
        Ok(address) => Ok(Some(address)),
        Err(why) => Err(CommandError::Usage(format!("{name}: {why}"))),
    }
}

/// Writes what was found, one ticket after the other.
fn write_ticket_list(looked_up: &[TicketLookup], out: &mut dyn std::io::Write) -> std::io::Result<()> {
    for TicketLookup { key, found } in looked_up {
        let key = escape_cell(key);
        match found {
            Ok(None) => writeln!(out, "{key}  does not exist, or this token cannot see it")?,
            Err(why) => {
                let why = escape_terminal(describe_lookup_failure(why).as_bytes(), usize::MAX);
                writeln!(out, "{key}  {why}")?;
            }
            Ok(Some(ticket)) => write_ticket(&key, ticket, out)?,
        }
    }
    Ok(())
}

fn write_ticket(key: &str, ticket: &Ticket, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let mut kind = escape_cell(&ticket.kind);
    if kind.is_empty() {
        kind.push_str("ticket");
    }
    writeln!(out, "{key}  {kind} in {}, {}", escape_cell(&ticket.project), describe_ticket_state(ticket))?;
    writeln!(out, "  created   {}", ticket.created)?;
    match &ticket.backdated {
        Ok(None) => {}
        Ok(Some(why)) => writeln!(
            out,
            "  doubtful  {}",
            escape_terminal(doubt_message(why).to_plain_text().as_bytes(), usize::MAX)
        )?,
        Err(why) => {
            let why = escape_terminal(why.to_string().as_bytes(), usize::MAX);
            writeln!(out, "  doubtful  cannot be checked: {why}")?;
        }
    }
    if ticket.key.as_bytes() != key.as_bytes() {
        writeln!(out, "  key now   {}", escape_quotation(ticket.key.as_bytes()))?;
    }
    if !ticket.labels.is_empty() {
        let labels: Vec<String> = ticket.labels.iter().map(escape_cell).collect();
        writeln!(out, "  labels    {}", labels.join(", "))?;
    }
    if let Some(assignee) = &ticket.assignee {
        writeln!(out, "  assignee  {}", escape_cell(assignee))?;
    }
    writeln!(out, "  source    {}", escape_terminal(ticket.source.as_bytes(), usize::MAX))
}

fn escape_cell(text: &Text) -> String {
    escape_terminal(text.as_bytes(), MAX_CELL_CHARS)
}

/// Returns why a ticket was not found. That the fact is a ticket goes without saying here.
fn describe_lookup_failure(why: &Missing) -> String {
    match why {
        Missing::Unavailable(_, reason) => reason.clone(),
        other => other.to_string(),
    }
}

/// Returns whether a ticket is open, with its system's word for that.
fn describe_ticket_state(ticket: &Ticket) -> String {
    let state = escape_terminal(ticket.state.as_bytes(), MAX_CELL_CHARS);
    let closed = match ticket.is_closed {
        Some(true) => "closed",
        Some(false) => "open",
        None if state.is_empty() => return "not known whether it is closed".to_owned(),
        None => return format!("state `{state}`; not known whether that is closed"),
    };
    if state.is_empty() { closed.to_owned() } else { format!("{closed} ({state})") }
}

/// Returns what was found for programs: `found` is true, false, or null where it is unknown.
fn lookup_to_json(lookup: &TicketLookup) -> Value {
    let key = lookup.key.to_lossy();
    match &lookup.found {
        Ok(None) => json!({ "key": key, "found": false }),
        Err(why) => json!({ "key": key, "found": null, "reason": describe_lookup_failure(why) }),
        Ok(Some(ticket)) => {
            let labels: Vec<_> = ticket.labels.iter().map(Text::to_lossy).collect();
            json!({
                "key": key,
                "found": true,
                "ticket": {
                    "key": ticket.key.to_lossy(),
                    "project": ticket.project.to_lossy(),
                    "created": ticket.created.to_string(),
                    "doubt": ticket.backdated.as_ref().ok().map(|doubt| doubt.as_ref().map(|doubt| doubt_message(doubt).to_plain_text())),
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
