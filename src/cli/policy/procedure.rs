//! `changegate policy docs`: writes the change-management procedure of a policy.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;

use crate::audit::formats::unfinished_file::UnfinishedFile;
use crate::audit::procedure::{
    PolicyHistory, ProcedureFacts, ProcedureFormat, build_procedure, find_policy_history, render_procedure,
};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::ignore_broken_pipe;
use crate::cli::policy::lookup::{find_policy_root, load_policy_or_pack};
use crate::gate::LoadedPolicy;
use crate::git::{HeadState, Repository};

/// The parameters of `policy docs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The document is made from the policy, and has a place for its own approval.

Examples:
  changegate policy docs --out procedure.docx
  changegate policy docs --format html --out procedure.html
  changegate policy docs --pack iso27001")]
pub(crate) struct PolicyDocsArgs {
    /// Output format [default: by the ending of --out, or else md]
    #[arg(long, value_name = "FORMAT")]
    format: Option<ProcedureFormatArg>,

    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Shipped pack instead of this repository's policy
    #[arg(long, conflicts_with = "file")]
    pack: Option<String>,

    /// Policy file [default: policies/changegate.yml of this repository]
    file: Option<PathBuf>,
}

/// The output formats of a procedure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProcedureFormatArg {
    /// For word processors; needs --out
    Docx,
    /// One file for a browser and for paper
    Html,
    /// Markdown
    Md,
}

impl From<ProcedureFormatArg> for ProcedureFormat {
    fn from(name: ProcedureFormatArg) -> ProcedureFormat {
        match name {
            ProcedureFormatArg::Docx => ProcedureFormat::Docx,
            ProcedureFormatArg::Html => ProcedureFormat::Html,
            ProcedureFormatArg::Md => ProcedureFormat::Markdown,
        }
    }
}

pub(crate) fn write_policy_docs(
    args: &PolicyDocsArgs,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let format = choose_format(args)?;
    let loaded = load_policy_or_pack(args.pack.as_deref(), args.file.as_deref(), context)?;
    let history = match args.pack {
        Some(_) => None,
        None => read_history(&loaded, &find_policy_root(args.file.as_deref(), context))?,
    };
    let facts = ProcedureFacts { policy: &loaded.policy, source: &loaded.source, history: history.as_ref() };
    let bytes = render_procedure(&build_procedure(facts), format)?;
    match &args.out {
        Some(out) => write_whole_file(&context.resolve_path(out), &bytes)
            .with_context(|| format!("cannot write {}", out.display()))?,
        None => {
            let mut out = io::stdout().lock();
            ignore_broken_pipe(out.write_all(&bytes).and_then(|()| out.flush()))?;
        }
    }
    Ok(CommandExit::Allowed)
}

/// Returns the format that is asked for, or the one that the name of the file ends with.
fn choose_format(args: &PolicyDocsArgs) -> Result<ProcedureFormat, CommandError> {
    let ending = args.out.as_deref().and_then(Path::extension).map(|ending| ending.to_ascii_lowercase());
    let named = ProcedureFormat::ALL
        .into_iter()
        .find(|format| ending.as_deref().is_some_and(|ending| ending == format.file_extension()));
    match (args.format.map(ProcedureFormat::from), named, &args.out) {
        (Some(ProcedureFormat::Docx), _, None) => {
            Err(CommandError::usage("DOCX is no text for a terminal; add `--out procedure.docx`"))
        }
        (Some(asked), _, _) => Ok(asked),
        (None, Some(named), _) => Ok(named),
        (None, None, None) => Ok(ProcedureFormat::Markdown),
        (None, None, Some(_)) => {
            Err(CommandError::usage("the name of the file does not say the format; add `--format`"))
        }
    }
}

/// Returns the history of the policy's files; `None` where no repository holds them.
fn read_history(loaded: &LoadedPolicy, root: &Path) -> Result<Option<PolicyHistory>, CommandError> {
    let Ok(repository) = Repository::open_at(root, None) else { return Ok(None) };
    let tip = match repository.read_head()? {
        HeadState::Branch(branch) => branch.id,
        HeadState::Detached(id) => Some(id),
    };
    let Some(tip) = tip else { return Ok(None) };
    let paths: Vec<&str> = loaded.file_paths().collect();
    let is_committed = loaded.is_same_at(&repository, tip);
    let history = find_policy_history(&repository, tip, &paths, is_committed);
    Ok(Some(history.context("cannot read the history of the policy")?))
}

/// Writes a file that has its name only when it is whole.
fn write_whole_file(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = UnfinishedFile::create(path)?;
    file.write_all(bytes)?;
    file.finish()
}
