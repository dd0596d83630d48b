//! `changegate hook commit-msg`: early help for whoever writes a message.
//!
//! What is missing is said before the commit is made, and what will be asked later is named. This is
//! never the last word: the server asks again. The policy is that of the work tree, and no
//! repository is opened unless the message cannot be understood without its configuration.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::super::output::{self, FormatName};
use super::super::{Exit, Stop, World};
use crate::change::cleanup::{Cleanup, before_scissors, cleanup};
use crate::change::{Person, Text};
use crate::gate::{Unusable, from_disk, judge_message};
use crate::git::Repository;
use crate::policy::PATH;
use crate::report::Style;
use crate::verdict::Decision;

/// Say what a commit message lacks
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// Say it, and let the commit through
    #[arg(long)]
    warn: bool,

    /// In which form
    #[arg(long, value_name = "FORM", default_value = "terminal")]
    format: FormatName,

    /// The file with the message
    file: PathBuf,
}

/// Where the message of a refused commit is kept.
const KEPT: &str = "CHANGEGATE_EDITMSG";

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let path = world.at(&args.file);
    let raw = std::fs::read(&path).map_err(|error| {
        Stop::Failed(anyhow::anyhow!("cannot read the message in `{}`: {error}", path.display()))
    })?;
    let loaded = match from_disk(&world.directory, PATH) {
        Ok(loaded) => loaded,
        // Nothing is asked in a repository without a policy.
        Err(Unusable::Absent) => return Ok(Exit::Allowed),
        Err(Unusable::Faulty(errors)) => return Err(Stop::Policy(errors, None)),
    };
    let message = recorded(&raw, world);
    if message.is_empty() {
        // Git itself refuses an empty message, and in better words.
        return Ok(Exit::Allowed);
    }
    let report = judge_message(
        &loaded,
        Text::new(message),
        ident(world, "AUTHOR"),
        ident(world, "COMMITTER"),
        world.now,
    );
    let denied = report.decision == Decision::Deny;
    let style = Style { colour: output::stderr_colour(world.colour), quiet: !denied, ..Style::default() };
    let mut out = std::io::stderr().lock();
    output::said(crate::report::write(args.format.into(), &report, &style, &mut out))?;
    if !denied || args.warn {
        return Ok(Exit::Allowed);
    }
    if let Some(kept) = keep(&path, &raw) {
        output::said(writeln!(out, "changegate: your message is kept in {} as well", kept.display()))?;
    }
    Ok(Exit::Denied)
}

/// Returns the message as git will record it: without comments, and without what follows the
/// scissors.
fn recorded(raw: &[u8], world: &World) -> Vec<u8> {
    // `git commit -m` leaves nothing to clean up. Only where a line starts with something that a
    // comment could start with does it matter what the configuration says.
    let may_hold_comments = raw
        .split(|byte| *byte == b'\n')
        .any(|line| line.first().is_some_and(|first| first.is_ascii_punctuation()));
    let (mode, comment) =
        if may_hold_comments { configured(raw, world) } else { (Cleanup::Strip, b"#".to_vec()) };
    cleanup(before_scissors(raw, &comment), mode, &comment)
}

/// Returns how the repository tidies messages, and what starts a comment.
fn configured(raw: &[u8], world: &World) -> (Cleanup, Vec<u8>) {
    let repository = Repository::discover(&world.directory).ok();
    let get =
        |key: &str| repository.as_ref().and_then(|repository| repository.config_string(key).ok().flatten());
    let mode = match get("commit.cleanup").as_deref() {
        Some("whitespace") => Cleanup::Whitespace,
        Some("verbatim") => Cleanup::Verbatim,
        Some("scissors") => Cleanup::Scissors,
        _ => Cleanup::Strip,
    };
    let comment = match get("core.commentString").or_else(|| get("core.commentChar")) {
        Some(comment) if comment == "auto" => automatic_comment(raw),
        Some(comment) => comment.into_bytes(),
        None => b"#".to_vec(),
    };
    (mode, comment)
}

/// Returns the comment character that git chose for this message: the one that starts the last
/// line, which is git's own.
fn automatic_comment(raw: &[u8]) -> Vec<u8> {
    let candidates = b"#;@!$%^&|:";
    let last = raw.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty());
    match last.and_then(<[u8]>::first) {
        Some(first) if candidates.contains(first) => vec![*first],
        _ => b"#".to_vec(),
    }
}

/// Returns who git says the author or committer is; git sets the author for this hook, and the
/// committer only if the user has.
fn ident(world: &World, whose: &str) -> Person {
    let text = |what: &str| {
        let value = world
            .variable(&format!("GIT_{whose}_{what}"))
            .or_else(|| world.variable(&format!("GIT_AUTHOR_{what}")))
            .unwrap_or_default();
        Text::new(value.into_encoded_bytes())
    };
    Person { name: text("NAME"), email: text("EMAIL") }
}

/// Keeps the message beside the file that git will overwrite, and says where.
fn keep(path: &Path, raw: &[u8]) -> Option<PathBuf> {
    let kept = path.with_file_name(KEPT);
    std::fs::write(&kept, raw).ok()?;
    Some(kept.strip_prefix(".").map(Path::to_path_buf).unwrap_or(kept))
}
