//! Writing the ledger for machines: to standard output, into a file, or into a file for each record.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::super::{Exit, Stop, World, visible};
use crate::cli::output;
use crate::git::Repository;
use crate::ledger::REF;
use crate::ledger::export::{Wanted, export, is_uri, of_remote};
use crate::yaml::shown;

/// What to write, as it was asked for.
pub(super) struct Asked<'a> {
    pub(super) since: u64,
    pub(super) output: Option<&'a Path>,
    pub(super) uri: Option<&'a str>,
    pub(super) verifier: Option<&'a str>,
}

/// Where statements go.
enum Sink {
    Standard(BufWriter<io::StdoutLock<'static>>),
    File(BufWriter<File>),
    /// Into a folder, a file for each record: the last number, and its file.
    Folder(PathBuf, Option<(u64, BufWriter<File>)>),
}

pub(super) fn run_export(repository: &Repository, asked: &Asked<'_>, world: &World) -> Result<Exit, Stop> {
    if repository.resolve_ref(REF.as_bytes())?.id.is_none() {
        return Err(Stop::Wrong(format!("there is no ledger here: {REF} does not exist")));
    }
    let resource = match asked.uri {
        Some(uri) => uri.to_owned(),
        None => {
            let remote = repository.config_string("remote.origin.url")?;
            remote.and_then(|url| of_remote(&url)).ok_or_else(|| {
                let what = "where this repository is for others cannot be told from its configuration";
                Stop::Wrong(format!("{what}; say it by --uri git+https://git.example.com/acme/shop"))
            })?
        }
    };
    for (option, uri) in [("--uri", Some(resource.as_str())), ("--verifier", asked.verifier)] {
        if let Some(uri) = uri.filter(|uri| !is_uri(uri)) {
            return Err(Stop::Wrong(format!(
                "{option} is `{}`, and not an address with a scheme",
                shown(uri)
            )));
        }
    }
    let mut sink = Sink::open(asked.output, world)?;
    let wanted = Wanted { since: asked.since, resource: &resource, verifier: asked.verifier };
    let exported = export(repository, &wanted, &mut |number, statement| {
        writeln!(sink.at(number)?, "{statement}").context("cannot write what is exported")
    })?;
    sink.done().context("cannot write what is exported")?;
    let mut err = io::stderr().lock();
    for what in &exported.cannot {
        output::said(writeln!(err, "changegate: {}", visible(what)))?;
    }
    if asked.output.is_some() {
        let many = exported.statements;
        let noun = if many == 1 { "statement" } else { "statements" };
        output::said(writeln!(err, "{many} {noun}, which nobody has signed"))?;
    }
    Ok(if exported.cannot.is_empty() { Exit::Allowed } else { Exit::Failed })
}

impl Sink {
    fn open(path: Option<&Path>, world: &World) -> anyhow::Result<Sink> {
        let Some(path) = path.map(|path| world.at(path)) else {
            return Ok(Sink::Standard(BufWriter::new(io::stdout().lock())));
        };
        if path.is_dir() {
            return Ok(Sink::Folder(path, None));
        }
        Ok(Sink::File(create(&path)?))
    }

    /// Returns where what comes from this record goes.
    fn at(&mut self, number: u64) -> anyhow::Result<&mut dyn Write> {
        Ok(match self {
            Sink::Standard(out) => out,
            Sink::File(out) => out,
            Sink::Folder(folder, open) => {
                if open.as_ref().is_none_or(|(known, _)| *known != number) {
                    if let Some((_, last)) = open {
                        last.flush()?;
                    }
                    *open = None;
                }
                let make = || create(&folder.join(format!("record-{number:08}.intoto.jsonl")));
                let opened = match open.take() {
                    Some(opened) => opened,
                    None => (number, make()?),
                };
                &mut open.insert(opened).1
            }
        })
    }

    fn done(self) -> io::Result<()> {
        match self {
            Sink::Standard(mut out) => output::said(out.flush()),
            Sink::File(mut out) | Sink::Folder(_, Some((_, mut out))) => out.flush(),
            Sink::Folder(_, None) => Ok(()),
        }
    }
}

fn create(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(BufWriter::new(file))
}
