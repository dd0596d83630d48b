//! Exports the ledger: to standard output, to a file, or to one file for each record.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::audit::formats::unfinished_file::UnfinishedFile;
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::output;
use crate::git::Repository;
use crate::git::signature::statement_key::StatementSigner;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::export::envelope::sign_statement;
use crate::ledger::audit::export::{ExportOptions, export_ledger, is_uri, remote_uri};
use crate::verdict::format_count;
use crate::yaml::shorten_for_message;

/// The arguments of `ledger export`.
pub(crate) struct LedgerExportArgs<'a> {
    pub(crate) since: u64,
    pub(crate) output: Option<&'a Path>,
    pub(crate) uri: Option<&'a str>,
    pub(crate) verifier: Option<&'a str>,
    /// The file of the private key that signs; `None` for statements without a signature.
    pub(crate) key: Option<&'a Path>,
}

/// The output that statements are written to.
enum ExportSink {
    StandardOutput(BufWriter<io::StdoutLock<'static>>),
    File(ExportFile),
    /// A directory with a file for each record; with the last number and its file.
    Directory(PathBuf, Option<(u64, ExportFile)>),
}

/// A file that statements are written to.
enum ExportFile {
    /// It gets its name when it is whole: one that was cut off at the end of a line would look like one.
    Whole(UnfinishedFile),
    /// A device or a pipe, which nothing may replace.
    Stream(BufWriter<File>),
}

pub(crate) fn run_ledger_export(
    repository: &Repository,
    args: &LedgerExportArgs<'_>,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    if repository.resolve_ref(LEDGER_REF.as_bytes())?.id.is_none() {
        return Err(CommandError::no_ledger(repository));
    }
    // Addresses are checked before the output file is created.
    let resource = find_repository_uri(args.uri, repository)?;
    require_uri("--uri", &resource)?;
    if let Some(verifier) = args.verifier {
        require_uri("--verifier", verifier)?;
    }
    let signer = read_signer(args.key, context)?;
    let mut sink = ExportSink::open_output(args.output, context)?;
    let options =
        ExportOptions { first_record: args.since, repository_uri: &resource, verifier_id: args.verifier };
    let exported = export_ledger(repository, &options, &mut |number, statement| {
        let out = sink.writer_for_record(number)?;
        let written = match &signer {
            Some(signer) => writeln!(out, "{}", sign_statement(statement, signer)?),
            None => writeln!(out, "{statement}"),
        };
        written.context("cannot write the export")
    })?;
    sink.finish_writing().context("cannot write the export")?;
    let mut err = io::stderr().lock();
    for what in &exported.unavailable {
        output::ignore_broken_pipe(writeln!(err, "changegate: {}", replace_invisible(what)))?;
    }
    if exported.not_enforced > 0 {
        let count = format_count(exported.not_enforced, "decision");
        let written = writeln!(err, "changegate: {count} of evaluate mode left out; nothing was enforced");
        output::ignore_broken_pipe(written)?;
    }
    if args.output.is_some() {
        let signed = if signer.is_some() { "signed" } else { "unsigned" };
        let count = format_count(exported.statements, &format!("{signed} statement"));
        let written = writeln!(err, "wrote {count}");
        output::ignore_broken_pipe(written)?;
    }
    Ok(if exported.unavailable.is_empty() { CommandExit::Allowed } else { CommandExit::Failed })
}

/// Returns `uri`, or the public address that follows from the remote `origin`.
fn find_repository_uri(uri: Option<&str>, repository: &Repository) -> Result<String, CommandError> {
    if let Some(uri) = uri {
        return Ok(uri.to_owned());
    }
    if let Some(url) = repository.read_config_value("remote.origin.url")?
        && let Some(uri) = remote_uri(&url)
    {
        return Ok(uri);
    }
    let why = "the git configuration has no public address of this repository; set it with \
               --uri git+https://git.example.com/acme/shop";
    Err(CommandError::usage(why))
}

/// Reads the key that signs statements, if one is named.
pub(crate) fn read_signer(
    path: Option<&Path>,
    context: &Context,
) -> Result<Option<StatementSigner>, CommandError> {
    let Some(path) = path else { return Ok(None) };
    let read = StatementSigner::read_key(&context.resolve_path(path));
    Ok(Some(read.map_err(|error| CommandError::Usage(format!("--key: {error:#}")))?))
}

/// Checks that the value of an option is an address with a scheme.
pub(crate) fn require_uri(option: &str, uri: &str) -> Result<(), CommandError> {
    if is_uri(uri) {
        return Ok(());
    }
    let name = shorten_for_message(uri);
    Err(CommandError::Usage(format!("{option}: `{name}` is not a URI with a scheme")))
}

impl ExportSink {
    fn open_output(path: Option<&Path>, context: &Context) -> anyhow::Result<ExportSink> {
        let Some(path) = path.map(|path| context.resolve_path(path)) else {
            return Ok(ExportSink::StandardOutput(BufWriter::new(io::stdout().lock())));
        };
        if path.is_dir() {
            return Ok(ExportSink::Directory(path, None));
        }
        Ok(ExportSink::File(ExportFile::create_file(&path)?))
    }

    /// Returns the writer for statements about this record.
    fn writer_for_record(&mut self, number: u64) -> anyhow::Result<&mut dyn Write> {
        Ok(match self {
            ExportSink::StandardOutput(out) => out,
            ExportSink::File(out) => out,
            ExportSink::Directory(directory, open) => {
                if open.as_ref().is_some_and(|(known, _)| *known != number)
                    && let Some((_, last)) = open.take()
                {
                    last.finish_file()?;
                }
                let opened = match open.take() {
                    Some(opened) => opened,
                    None => {
                        let name = format!("record-{number:08}.intoto.jsonl");
                        (number, ExportFile::create_file(&directory.join(name))?)
                    }
                };
                &mut open.insert(opened).1
            }
        })
    }

    fn finish_writing(self) -> anyhow::Result<()> {
        match self {
            ExportSink::StandardOutput(mut out) => Ok(output::ignore_broken_pipe(out.flush())?),
            ExportSink::File(file) | ExportSink::Directory(_, Some((_, file))) => file.finish_file(),
            ExportSink::Directory(_, None) => Ok(()),
        }
    }
}

impl ExportFile {
    fn create_file(path: &Path) -> anyhow::Result<ExportFile> {
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            return Ok(ExportFile::Stream(BufWriter::new(file)));
        }
        Ok(ExportFile::Whole(UnfinishedFile::create(path)?))
    }

    fn finish_file(self) -> anyhow::Result<()> {
        match self {
            ExportFile::Whole(file) => file.finish(),
            ExportFile::Stream(mut out) => Ok(out.flush()?),
        }
    }
}

impl Write for ExportFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            ExportFile::Whole(file) => file.write(bytes),
            ExportFile::Stream(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            ExportFile::Whole(file) => file.flush(),
            ExportFile::Stream(out) => out.flush(),
        }
    }
}
