//! `changegate evidence`: a folder about single changes that can be verified without the repository.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use clap::Subcommand;

use crate::audit::evidence::pack_check::PackCheck;
use crate::audit::evidence::pack_verifier::{PackVerification, verify_pack};
use crate::audit::evidence::pack_writer::{PackRequest, write_pack};
use crate::audit::show::shown_change::ShownChange;
use crate::cli::audit::show::{ChangeShelf, LedgerReading, parse_as_of};
use crate::cli::audit::verify_statement::{VerifyStatementArgs, read_statement_keys, run_verify_statement};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::ledger::export::{read_signer, require_uri};
use crate::cli::ledger::verify::read_signer_keys;
use crate::cli::output::{ignore_broken_pipe, wrap_text};
use crate::git::Repository;
use crate::ledger::audit::export::remote_uri;
use crate::report::escape::escape_words;
use crate::verdict::format_count;

/// Write a folder about changes that can be verified without the repository
///
/// The folder holds the page of each change, every value of it as JSON, its timeline and
/// its patch; the Git objects and the records of the ledger behind them as they are stored,
/// with the policy, the roster and the catalogue that judged; and MANIFEST.sha256, which
/// `sha256sum -c` reads. With the same repository and the same `--as-of`, it is the same,
/// byte for byte.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  changegate evidence SEC-12 --out pack
  changegate evidence 4e5f607 '#12' --out pack
  changegate evidence verify pack
  changegate evidence SEC-12 --key gate.pem --out pack     statements in signed envelopes
  changegate evidence verify pack --signers gate.allowed_signers
  changegate evidence verify-statement app.intoto.jsonl --key builder.pub")]
pub(crate) struct EvidenceArgs {
    #[command(subcommand)]
    command: Option<EvidenceCommand>,

    /// Changes, each named as for `changegate show`
    #[arg(required = true, value_name = "CHANGE")]
    changes: Vec<String>,

    /// Folder to make
    #[arg(long, value_name = "DIR", required = true)]
    out: Option<PathBuf>,

    /// Branch to look on [default: HEAD's]
    #[arg(long = "ref", value_name = "REF")]
    ref_name: Option<String>,

    /// Time as of which something is open or overdue [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,

    /// Address of the repository in in-toto statements [default: that of origin]
    #[arg(long, value_name = "URI")]
    uri: Option<String>,

    /// File of a private Ed25519 key that signs the in-toto statements: PKCS#8 as PEM, or as ssh-keygen writes it
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum EvidenceCommand {
    /// Verify a folder with nothing but what is in it
    ///
    /// Computes everything again: the digests of all files, the id of each Git object, by two
    /// readers, that the objects form the changes, the chain of the ledger and the digests
    /// in its records, and the verdicts, by the policy in the folder.
    #[command(after_help = "\
Exits with 0 if everything holds, and with 1 if something does not.")]
    Verify {
        /// Folder to verify
        #[arg(value_name = "DIR")]
        folder: PathBuf,

        /// File of allowed signers; each record must be signed by one of them
        #[arg(long, value_name = "FILE")]
        signers: Option<PathBuf>,

        /// File of a public Ed25519 key; each in-toto statement must be signed by one of those that are given
        #[arg(long = "key", value_name = "FILE")]
        keys: Vec<PathBuf>,
    },
    VerifyStatement(VerifyStatementArgs),
}

pub(crate) fn run_evidence(args: &EvidenceArgs, context: &Context) -> Result<CommandExit, CommandError> {
    if let Some(EvidenceCommand::VerifyStatement(args)) = &args.command {
        return run_verify_statement(args, context);
    }
    if let Some(EvidenceCommand::Verify { folder, signers, keys: statement_keys }) = &args.command {
        let statement_keys = read_statement_keys(statement_keys, context)?;
        let keys = match signers {
            Some(path) => Some(read_signer_keys(&context.resolve_path(path))?),
            None => None,
        };
        let folder = context.resolve_path(folder);
        if !folder.is_dir() {
            return Err(CommandError::Usage(format!("{} is not a folder", folder.display())));
        }
        let verified = verify_pack(&folder, keys.as_ref(), &statement_keys)?;
        let mut out = BufWriter::new(io::stdout().lock());
        ignore_broken_pipe(write_verification(&verified, &mut out).and_then(|()| out.flush()))?;
        return Ok(if verified.is_whole() { CommandExit::Allowed } else { CommandExit::Denied });
    }
    write_evidence(args, context)
}

/// Writes the folder that the arguments ask for.
fn write_evidence(args: &EvidenceArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let Some(out) = &args.out else { return Err(CommandError::usage("name a folder to make with --out")) };
    let target = context.resolve_path(out);
    if target.symlink_metadata().is_ok() {
        let why = format!("{} exists; name a folder that does not", target.display());
        return Err(CommandError::Usage(why));
    }
    let signer = read_signer(args.key.as_deref(), context)?;
    let as_of = parse_as_of(args.as_of.as_deref(), context)?;
    let shelf = ChangeShelf::open_shelf(args.ref_name.as_deref(), as_of, LedgerReading::Whole, context)?;
    let mut changes: Vec<ShownChange> = Vec::new();
    for words in &args.changes {
        let found = shelf.find_change(words, context)?;
        if !changes.iter().any(|known| known.record.id == found.record.id) {
            changes.push(found);
        }
    }
    let request = PackRequest {
        repository: &shelf.repository,
        repository_name: shelf.name.clone(),
        ref_name: shelf.ref_name.clone(),
        tip: shelf.tip,
        changes,
        repository_uri: find_statement_uri(args.uri.as_deref(), &shelf.repository)?,
        signer,
    };
    let index = write_pack(&request, &target)?;
    let mut written = BufWriter::new(io::stdout().lock());
    let records = index.ledger.as_ref().map_or(0, |ledger| ledger.records.len());
    let (changes, records) = (format_count(index.changes.len(), "change"), format_count(records, "record"));
    let counts = format!("{}: {changes}, {records}", out.display());
    let mut lines = vec![counts];
    // What the repository has lost is among the limits, one by one.
    let too_long = index.left_out.iter().filter(|file| file.size.is_some()).count();
    if too_long > 0 {
        let contents = format_count(too_long, "content");
        lines.push(format!(
            "  not in it: {contents} of more than 1 MiB; pack.json has the path, the id and the size of each"
        ));
    }
    lines.extend(index.limits.iter().map(|what| format!("  not in it: {what}")));
    if index.ledger.is_none() {
        lines.push("  not in it: records, since there is no ledger here".to_owned());
    }
    for line in lines {
        writeln!(written, "{}", escape_words(&line))?;
    }
    written.flush()?;
    Ok(CommandExit::Allowed)
}

/// Returns the address that was given, or the public one of the remote `origin`, if there is one.
fn find_statement_uri(uri: Option<&str>, repository: &Repository) -> Result<Option<String>, CommandError> {
    if let Some(uri) = uri {
        require_uri("--uri", uri)?;
        return Ok(Some(uri.to_owned()));
    }
    Ok(repository.read_config_value("remote.origin.url")?.and_then(|url| remote_uri(&url)))
}

fn write_verification(verified: &PackVerification, out: &mut dyn Write) -> io::Result<()> {
    for check in &verified.checks {
        write_check(check, out)?;
    }
    writeln!(out, "\nno pack can prove:")?;
    for what in &verified.unprovable {
        writeln!(out, "{}", wrap_text("  - ", 4, what))?;
    }
    let last = match (verified.is_whole(), verified.count_unchecked_pages()) {
        (false, _) => "verification failed".to_owned(),
        (true, 0) => "verification passed".to_owned(),
        (true, unchecked) => format!(
            "verification passed without the pages and the values of {}: not checked, another version of changegate wrote \
             them; verify with the version that pack.json names",
            format_count(unchecked, "change")
        ),
    };
    writeln!(out, "\n{}", wrap_text("", 0, &last))
}

fn write_check(check: &PackCheck, out: &mut dyn Write) -> io::Result<()> {
    let start = |word: &str| format!("{:<11} {word:<12} ", check.name);
    if check.problems.is_empty() && !check.says.is_empty() {
        writeln!(out, "{}", wrap_text(&start("holds"), 25, &escape_words(&check.says)))?;
    }
    for problem in &check.problems {
        writeln!(out, "{}", wrap_text(&start("DOES NOT HOLD"), 25, &escape_words(problem)))?;
    }
    if check.omitted_problems > 0 {
        writeln!(out, "{}and {} further problems", start(""), check.omitted_problems)?;
    }
    for what in &check.unchecked {
        writeln!(out, "{}", wrap_text(&start("not checked"), 25, &escape_words(what)))?;
    }
    Ok(())
}
