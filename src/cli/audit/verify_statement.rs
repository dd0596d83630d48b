//! `changegate evidence verify-statement`: signed in-toto statements, of this program or of others.

use std::fs;
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{ignore_broken_pipe, wrap_text};
use crate::git::signature::statement_key::StatementKey;
use crate::ledger::audit::export::envelope::open_envelope;
use crate::ledger::audit::export::statement_check::{StatementSummary, summarise_statement};
use crate::report::escape::escape_words;
use crate::verdict::format_count;

/// The most bytes of a file with statements.
const MAX_STATEMENT_BYTES: u64 = 256 << 20;

/// Verify signed in-toto statements, whoever made them
///
/// FILE holds one envelope (DSSE), or one on each line. Each has to be signed by one of
/// the keys over a statement of in-toto v1. Verified results (SVR 0.1 and 0.2), SLSA
/// verification summaries (VSA 1) and the statements of this program have to be what
/// their types ask for; of other types, the signature and the subject are told.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate evidence verify-statement decisions.intoto.jsonl --key gate.pub
  changegate evidence verify-statement app.json --key builder.pem --subject 0f3a...

Exits with 0 if all of them are signed and none says that something failed; with 1 if
one is not signed, is damaged, is about something else, or says so.")]
pub(super) struct VerifyStatementArgs {
    /// File with envelopes
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// File of a public Ed25519 key, as PEM or as the line of OpenSSH; may be given several times
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,

    /// Digest that each statement has to be about, such as the id of a commit
    #[arg(long, value_name = "DIGEST")]
    subject: Option<String>,
}

pub(super) fn run_verify_statement(
    args: &VerifyStatementArgs,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let keys = read_statement_keys(&args.keys, context)?;
    let text = read_statement_file(&context.resolve_path(&args.file))?;
    let envelopes = divide_envelopes(&text);
    if envelopes.is_empty() {
        return Err(CommandError::Usage(format!("{} holds no envelope", args.file.display())));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut refused = 0;
    for (number, envelope) in envelopes.iter().enumerate() {
        let place = format!("{:<4} ", number + 1);
        let told = verify_one(envelope, &keys, args.subject.as_deref());
        refused += usize::from(!told.as_ref().is_ok_and(|(summary, _)| !summary.is_failure));
        ignore_broken_pipe(write_told(&place, &told, &mut out))?;
    }
    let count = format_count(envelopes.len(), "statement");
    let last = if refused == 0 {
        format!("{count}, verified")
    } else {
        format!("{count}, {refused} of them not good")
    };
    ignore_broken_pipe(writeln!(out, "{last}").and_then(|()| out.flush()))?;
    Ok(if refused == 0 { CommandExit::Allowed } else { CommandExit::Denied })
}

/// Reads public keys of statements from files.
pub(super) fn read_statement_keys(
    paths: &[PathBuf],
    context: &Context,
) -> Result<Vec<StatementKey>, CommandError> {
    let mut keys = Vec::new();
    for path in paths {
        let read = StatementKey::read_key(&context.resolve_path(path));
        keys.push(read.map_err(|error| CommandError::Usage(format!("--key: {error:#}")))?);
    }
    Ok(keys)
}

fn read_statement_file(path: &Path) -> Result<Vec<u8>> {
    let describe = || format!("cannot read {}", path.display());
    let file = fs::File::open(path).with_context(describe)?;
    let mut text = Vec::new();
    file.take(MAX_STATEMENT_BYTES + 1).read_to_end(&mut text).with_context(describe)?;
    if text.len() as u64 > MAX_STATEMENT_BYTES {
        bail!("{} is longer than {MAX_STATEMENT_BYTES} bytes", path.display());
    }
    Ok(text)
}

/// Returns the parts of a file: the whole of it if it is one JSON value, else its lines.
fn divide_envelopes(text: &[u8]) -> Vec<&[u8]> {
    if serde_json::from_slice::<serde::de::IgnoredAny>(text).is_ok() {
        return vec![text];
    }
    text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect()
}

fn verify_one(
    envelope: &[u8],
    keys: &[StatementKey],
    subject: Option<&str>,
) -> Result<(StatementSummary, String)> {
    let opened = open_envelope(envelope, keys)?;
    let summary = summarise_statement(&opened.statement)?;
    if let Some(digest) = subject
        && !summary.digests.iter().any(|one| one.eq_ignore_ascii_case(digest))
    {
        bail!("it is about something else: {}", summary.subjects.join(", "));
    }
    Ok((summary, opened.signed_by.unwrap_or_default()))
}

fn write_told(place: &str, told: &Result<(StatementSummary, String)>, out: &mut dyn Write) -> io::Result<()> {
    match told {
        Ok((summary, signed_by)) => {
            let word = if summary.is_failure { "signed, and says that it failed" } else { "signed" };
            let first = format!("{word}: {}, {}", summary.kind, summary.says);
            writeln!(out, "{}", wrap_text(place, 5, &escape_words(&first)))?;
            writeln!(out, "{}", wrap_text("     about ", 11, &escape_words(&summary.subjects.join(", "))))?;
            if let Some(verifier) = &summary.verifier {
                writeln!(out, "{}", wrap_text("     by ", 8, &escape_words(verifier)))?;
            }
            writeln!(out, "     key {}", escape_words(signed_by))
        }
        Err(error) => {
            let why = format!("NOT GOOD: {error:#}");
            writeln!(out, "{}", wrap_text(place, 5, &escape_words(&why)))
        }
    }
}
