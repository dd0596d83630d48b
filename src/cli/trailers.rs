//! `changegate trailers`: prints the trailers of a message as the gate reads them.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use clap::ValueEnum;

use crate::change::message::trailers::{TrailerReader, read_trailers};
use crate::change::text::encode_hex;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::gate::given_file::refuse_waiting_file;

/// Print the trailers of a message as JSON
///
/// Reads FILE, or standard input, and prints an array of {"key", "value"} in
/// the order of the message. In a value that is not UTF-8, U+FFFD replaces each
/// malformed part, and "value_hex" holds the bytes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  git log -1 --format=%B | changegate trailers
  changegate trailers --like parse .git/COMMIT_EDITMSG")]
pub(crate) struct TrailersArgs {
    /// Reader of git to follow
    #[arg(long, value_name = "READER", default_value = "log")]
    like: TrailerReaderArg,

    /// File with the message [default: standard input]
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

/// One trailer as it is printed.
#[derive(serde::Serialize)]
struct PrintedTrailer<'message> {
    key: &'message str,
    value: std::borrow::Cow<'message, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_hex: Option<String>,
}

pub(crate) fn run_trailers(args: &TrailersArgs, context: &Context) -> Result<CommandExit, CommandError> {
    // The message is read as bytes, since git does not require UTF-8.
    let mut message = Vec::new();
    match &args.file {
        Some(file) => {
            let path = context.resolve_path(file);
            let read = refuse_waiting_file(&path).and_then(|_| std::fs::read(&path));
            message = read.map_err(|error| {
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
    let mut printed = Vec::new();
    for trailer in &block.trailers {
        let is_utf8 = trailer.value.as_utf8().is_some();
        printed.push(PrintedTrailer {
            key: &trailer.key,
            value: trailer.value.to_lossy(),
            value_hex: if is_utf8 { None } else { Some(encode_hex(trailer.value.as_bytes())) },
        });
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer(&mut out, &printed).map_err(std::io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(CommandExit::Allowed)
}
