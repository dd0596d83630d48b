//! `changegate people import` and `sync`: bring a roster up to date by a list, or by an organisation on GitHub.
//!
//! People are never taken out: who is gone gets a last day.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::people::roster_csv::{ListedPerson, PeopleList, read_csv};
use crate::cli::people::roster_entries::{RosterEntry, RosterText};
use crate::cli::people::roster_merge::RosterChanges;
use crate::cli::people::roster_source::{describe_faults, find_roster_name};
use crate::cli::policy::lookup::{find_work_tree, load_local_policy, refuse_bare_repository};
use crate::cli::pr::{read_github_server, read_github_token};
use crate::cli::progress::ProgressLine;
use crate::github::{GitHubSession, GitHubSource};
use crate::http::RequestPolicy;
use crate::people::account_numbers::split_account_number;
use crate::people::service::find_day;

/// The start of a source that is an organisation on GitHub.
const GITHUB_START: &str = "github:";

/// How large a list of people may be.
const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;

/// Make a roster of a table, or bring one up to date by it
///
/// A row with a key is about the entry of that key, and its cells that are not
/// empty replace what is written. A row without one is about whoever has one of
/// its addresses or accounts, and adds to them. What the table does not say is
/// kept, and so are the lines and comments of entries that do not change. What
/// changes goes to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate people import people.csv > policies/people.yml
  changegate people import people.csv --out policies/people.yml
  changegate people import staff.csv --out policies/people.yml --complete

Exit codes: 0 done, 2 the command or the table is wrong, 3 something could not
be read or written.")]
pub(super) struct ImportArgs {
    /// Table in CSV, with a header line
    #[arg(value_name = "FILE.csv")]
    list: PathBuf,

    /// Roster to bring up to date, or to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Give everybody whom the table does not have today as their last day
    #[arg(long)]
    complete: bool,
}

/// Bring the roster up to date by an organisation on GitHub, or by lists of people
///
/// Who is in the organisation and not in the roster joins, with the address that
/// GitHub gives the account. Who has an account of GitHub in the roster and is not
/// in the organisation gets today as their last day. Outside collaborators are not
/// in the organisation. The token is read from GITHUB_TOKEN or GH_TOKEN.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate people sync github:acme
  changegate people sync github:acme --write
  changegate people sync leavers.csv --write

Exit codes: 0 done, 2 the command, the list or the roster is wrong, 3 GitHub did
not answer, or something could not be read or written.")]
pub(super) struct SyncArgs {
    /// github:ORG, or a table in CSV
    #[arg(value_name = "SOURCE", required = true)]
    sources: Vec<String>,

    /// Write the roster [default: print it]
    #[arg(long)]
    write: bool,

    /// Policy file whose roster is meant [default: policies/changegate.yml]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// API of another GitHub server
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
}

pub(super) fn import_list(args: &ImportArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let list = read_list(&context.resolve_path(&args.list), &args.list.to_string_lossy())?;
    let target = args.out.as_ref().map(|path| context.resolve_path(path));
    let mut roster = RosterText::default();
    if let (Some(path), Some(name)) = (&target, &args.out)
        && path.exists()
    {
        roster = read_roster_file(path, &name.to_string_lossy())?;
    }
    let mut changes = RosterChanges::of_roster(&roster);
    apply_rows(&mut changes, &mut roster, &list.people, &args.list.to_string_lossy())?;
    if args.complete {
        if list.people.is_empty() {
            let what = "the list has no people, so with --complete everybody would leave; nothing is written";
            return Err(CommandError::Usage(format!("{}: {what}", args.list.to_string_lossy())));
        }
        changes.mark_leavers(&mut roster, find_day(context.now), |_| true);
    }
    changes.tell_returned(&roster, find_day(context.now));
    finish_update(&roster, &changes.lines, target.as_deref())
}

pub(super) fn sync_roster(args: &SyncArgs, context: &Context) -> Result<CommandExit, CommandError> {
    refuse_bare_repository("people sync", context)?;
    let loaded = load_local_policy(args.policy.as_deref(), context)?;
    let name = find_roster_name(&loaded)?;
    let path = find_work_tree(context).join(&name);
    let mut roster = read_roster_file(&path, &name)?;
    let today = find_day(context.now);
    let mut lines = Vec::new();
    for source in &args.sources {
        let mut changes = RosterChanges::of_roster(&roster);
        match source.strip_prefix(GITHUB_START) {
            Some(organisation) => {
                let members = ask_github(organisation, args, context)?;
                let rows: Vec<ListedPerson> =
                    members.iter().enumerate().map(|(place, member)| list_member(place, member)).collect();
                apply_rows(&mut changes, &mut roster, &rows, source)?;
                changes.mark_leavers(&mut roster, today, has_github_account);
            }
            None => {
                let list = read_list(&context.resolve_path(source), source)?;
                apply_rows(&mut changes, &mut roster, &list.people, source)?;
            }
        }
        changes.tell_returned(&roster, today);
        lines.append(&mut changes.lines);
    }
    finish_update(&roster, &lines, args.write.then_some(path.as_path()))
}

fn apply_rows(
    changes: &mut RosterChanges,
    roster: &mut RosterText,
    rows: &[ListedPerson],
    name: &str,
) -> Result<(), CommandError> {
    let mut faults = Vec::new();
    for row in rows {
        if let Err(what) = changes.apply_row(roster, row) {
            faults.push(format!("{name}: {what}"));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(CommandError::Usage(faults.join("\n"))) }
}

/// Says what changes, and writes the roster if it can be read again.
fn finish_update(
    roster: &RosterText,
    changes: &[String],
    target: Option<&Path>,
) -> Result<CommandExit, CommandError> {
    let text = roster.render_update();
    if let Err(faults) = RosterText::read_roster(text.as_bytes()) {
        let what: Vec<&str> = faults.iter().map(|fault| fault.what.as_str()).collect();
        return Err(CommandError::Usage(format!("this would be no roster: {}", what.join("; "))));
    }
    let mut said = io::stderr().lock();
    for line in changes {
        writeln!(said, "{}", output::fold_for_terminal(line))?;
    }
    if changes.is_empty() {
        writeln!(said, "nothing changes")?;
    }
    match target {
        // A file that says all of it already is not touched.
        Some(path) if roster.is_as_read() && path.exists() => {}
        Some(path) => write_roster(path, &text)?,
        None => output::ignore_broken_pipe(io::stdout().lock().write_all(text.as_bytes()))?,
    }
    Ok(CommandExit::Allowed)
}

/// Writes a roster, and makes the folder that it stands in.
fn write_roster(path: &Path, text: &str) -> Result<(), CommandError> {
    let failed = |error: io::Error| anyhow::anyhow!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)?;
    Ok(())
}

fn read_roster_file(path: &Path, name: &str) -> Result<RosterText, CommandError> {
    let source = std::fs::read(path).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    RosterText::read_roster(&source).map_err(|faults| describe_faults(name, &faults))
}

fn read_list(path: &Path, name: &str) -> Result<PeopleList, CommandError> {
    let size = std::fs::metadata(path).map_err(|error| anyhow::anyhow!("{name}: {error}"))?.len();
    if size > MAX_LIST_BYTES {
        return Err(CommandError::Usage(format!(
            "{name} has {size} bytes, and at most {MAX_LIST_BYTES} are read"
        )));
    }
    let source = std::fs::read(path).map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    let list = read_csv(&source).map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(|what| format!("{name}: {what}")).collect();
        CommandError::Usage(faults.join("\n"))
    })?;
    if !list.ignored_columns.is_empty() {
        let columns = list.ignored_columns.join(", ");
        let said = format!("{name}: columns that are not read: {columns}");
        writeln!(io::stderr().lock(), "{}", output::fold_for_terminal(&said))?;
    }
    Ok(list)
}

fn ask_github(organisation: &str, args: &SyncArgs, context: &Context) -> Result<Vec<String>, CommandError> {
    let server = read_github_server(args.api_url.as_deref(), context)?;
    let token = read_github_token(&["GITHUB_TOKEN", "GH_TOKEN"], context)?;
    let source = GitHubSource::Live {
        server: &server,
        token: token.as_ref(),
        limits: RequestPolicy::FORGE,
        record_to: None,
        now: context.now,
    };
    let progress = ProgressLine::show_activity(format!("asking GitHub about {organisation}"), context);
    let members = GitHubSession::open_session(source)?.list_organisation_members(organisation);
    drop(progress);
    let members = match (members, &token) {
        (Err(failure), None) if failure.status.is_some_and(|status| [401, 403, 404].contains(&status)) => {
            return Err(CommandError::Failed(anyhow::anyhow!(
                "GitHub does not show the members of `{organisation}` without a token; set GITHUB_TOKEN or GH_TOKEN \
                 to one with the permission `Members: read` of the organisation"
            )));
        }
        (members, _) => members?,
    };
    if members.is_empty() {
        let what = format!("GitHub shows no members of `{organisation}` to this token");
        return Err(CommandError::Usage(format!(
            "{what}; it needs the permission `Members: read` of the organisation"
        )));
    }
    Ok(members)
}

/// Returns a member of an organisation as a row of a list: the account, and the address that GitHub gives it.
fn list_member(place: usize, account: &str) -> ListedPerson {
    let (login, number) = split_account_number(account);
    let name = login.strip_prefix(GITHUB_START).unwrap_or(login);
    let number = number.map_or_else(String::new, |number| format!("{number}+"));
    ListedPerson {
        line: u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1),
        accounts: vec![account.to_owned()],
        addresses: vec![format!("{number}{name}@users.noreply.github.com")],
        ..ListedPerson::default()
    }
}

fn has_github_account(entry: &RosterEntry) -> bool {
    entry.accounts.iter().any(|account| account.starts_with(GITHUB_START))
}
