//! `changegate trailers`: the trailers of a message, as the gate sees them.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use clap::ValueEnum;

use crate::change::message::trailers::{TrailerReader, read_trailers};
use crate::change::text::encode_hex;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;

/// Print the trailers of a message as JSON
///
/// Reads FILE, or standard input, and prints an array of {"key", "value"} in
/// the order of the message. A value that is not UTF-8 has U+FFFD in the place
/// of each malformed part, and its bytes beside it as "value_hex".
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  git log -1 --format=%B | changegate trailers
  changegate trailers --like parse .git/COMMIT_EDITMSG")]
pub(crate) struct TrailersArgs {
    /// Which of git's readers to follow
    #[arg(long, value_name = "READER", default_value = "log")]
    like: TrailerReaderArg,

    /// The message; standard input if it is left out
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TrailerReaderArg {
    /// git log --format=%(trailers:only,unfold)
    Log,
    /// git interpret-trailers --parse
    Parse,
    /// git interpret-trailers --parse --no-divider
    ParseNoDivider,
}

/// One trailer, as it is printed.
#[derive(serde::Serialize)]
struct PrintedTrailer<'message> {
    key: &'message str,
    value: std::borrow::Cow<'message, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_hex: Option<String>,
}

pub(crate) fn run_trailers(args: &TrailersArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let mut message = Vec::new();
    match &args.file {
        Some(file) => {
            let path = world.resolve_path(file);
            message = std::fs::read(&path).map_err(|error| {
                CommandError::Failed(anyhow::anyhow!("cannot read `{}`: {error}", path.display()))
            })?;
        }
        None => {
            std::io::stdin().lock().read_to_end(&mut message)?;
        }
    }
    let like = match args.like {
        TrailerReaderArg::Log => TrailerReader::Log,
        TrailerReaderArg::Parse => TrailerReader::Parse,
        TrailerReaderArg::ParseNoDivider => TrailerReader::ParseNoDivider,
    };
    let block = read_trailers(&message, like);
    let printed: Vec<PrintedTrailer<'_>> = block
        .trailers
        .iter()
        .map(|trailer| PrintedTrailer {
            key: &trailer.key,
            value: trailer.value.to_lossy(),
            value_hex: trailer.value.as_utf8().is_none().then(|| encode_hex(trailer.value.as_bytes())),
        })
        .collect();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer(&mut out, &printed).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(CommandExit::Allowed)
}
