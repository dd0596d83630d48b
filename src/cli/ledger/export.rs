//! Writing the ledger for machines: to standard output, into a file, or into a file for each record.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::output;
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::export::{ExportOptions, export_ledger, is_uri, remote_uri};
use crate::yaml::shorten_for_message;

/// What to write, as it was asked for.
pub(crate) struct LedgerExportArgs<'a> {
    pub(crate) since: u64,
    pub(crate) output: Option<&'a Path>,
    pub(crate) uri: Option<&'a str>,
    pub(crate) verifier: Option<&'a str>,
}

/// Where statements go.
enum ExportSink {
    StandardOutput(BufWriter<io::StdoutLock<'static>>),
    File(BufWriter<File>),
    /// Into a folder, a file for each record: the last number, and its file.
    Folder(PathBuf, Option<(u64, BufWriter<File>)>),
}

pub(crate) fn run_ledger_export(
    repository: &Repository,
    asked: &LedgerExportArgs<'_>,
    world: &Context,
) -> Result<CommandExit, CommandError> {
    if repository.resolve_ref(LEDGER_REF.as_bytes())?.id.is_none() {
        return Err(CommandError::Usage(format!("there is no ledger here: {LEDGER_REF} does not exist")));
    }
    let resource = match asked.uri {
        Some(uri) => uri.to_owned(),
        None => {
            let remote = repository.read_config_value("remote.origin.url")?;
            remote.and_then(|url| remote_uri(&url)).ok_or_else(|| {
                let what = "where this repository is for others cannot be told from its configuration";
                CommandError::Usage(format!("{what}; say it by --uri git+https://git.example.com/acme/shop"))
            })?
        }
    };
    for (option, uri) in [("--uri", Some(resource.as_str())), ("--verifier", asked.verifier)] {
        if let Some(uri) = uri.filter(|uri| !is_uri(uri)) {
            return Err(CommandError::Usage(format!(
                "{option} is `{}`, and not an address with a scheme",
                shorten_for_message(uri)
            )));
        }
    }
    let mut sink = ExportSink::open_output(asked.output, world)?;
    let wanted =
        ExportOptions { first_record: asked.since, repository_uri: &resource, verifier_id: asked.verifier };
    let exported = export_ledger(repository, &wanted, &mut |number, statement| {
        writeln!(sink.writer_for_record(number)?, "{statement}").context("cannot write what is exported")
    })?;
    sink.finish_writing().context("cannot write what is exported")?;
    let mut err = io::stderr().lock();
    for what in &exported.unavailable {
        output::ignore_broken_pipe(writeln!(err, "changegate: {}", replace_invisible(what)))?;
    }
    if asked.output.is_some() {
        let many = exported.statements;
        let noun = if many == 1 { "statement" } else { "statements" };
        output::ignore_broken_pipe(writeln!(err, "{many} {noun}, which nobody has signed"))?;
    }
    Ok(if exported.unavailable.is_empty() { CommandExit::Allowed } else { CommandExit::Failed })
}

impl ExportSink {
    fn open_output(path: Option<&Path>, world: &Context) -> anyhow::Result<ExportSink> {
        let Some(path) = path.map(|path| world.resolve_path(path)) else {
            return Ok(ExportSink::StandardOutput(BufWriter::new(io::stdout().lock())));
        };
        if path.is_dir() {
            return Ok(ExportSink::Folder(path, None));
        }
        Ok(ExportSink::File(create_file(&path)?))
    }

    /// Returns where what comes from this record goes.
    fn writer_for_record(&mut self, number: u64) -> anyhow::Result<&mut dyn Write> {
        Ok(match self {
            ExportSink::StandardOutput(out) => out,
            ExportSink::File(out) => out,
            ExportSink::Folder(folder, open) => {
                if open.as_ref().is_none_or(|(known, _)| *known != number) {
                    if let Some((_, last)) = open {
                        last.flush()?;
                    }
                    *open = None;
                }
                let make = || create_file(&folder.join(format!("record-{number:08}.intoto.jsonl")));
                let opened = match open.take() {
                    Some(opened) => opened,
                    None => (number, make()?),
                };
                &mut open.insert(opened).1
            }
        })
    }

    fn finish_writing(self) -> io::Result<()> {
        match self {
            ExportSink::StandardOutput(mut out) => output::ignore_broken_pipe(out.flush()),
            ExportSink::File(mut out) | ExportSink::Folder(_, Some((_, mut out))) => out.flush(),
            ExportSink::Folder(_, None) => Ok(()),
        }
    }
}

fn create_file(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(BufWriter::new(file))
}
