//! `changegate hook prepare-commit-msg`: the trailers that can be derived, filled in beforehand, and
//! the others as comments to choose from.

use std::path::PathBuf;

use anyhow::Context as _;

use crate::change::message::trailers::{TrailerReader, read_trailers};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::gate::{UnusablePolicy, load_from_disk};
use crate::git::{HeadState, Repository};
use crate::policy::{DEFAULT_POLICY_PATH, Policy};
use crate::vocabulary::{FieldDefinition, FieldKind};

/// Prefill the trailers of a message
#[derive(Debug, clap::Args)]
pub(crate) struct PrepareCommitMsgArgs {
    /// The file with the message
    file: PathBuf,
    /// Where the message comes from: message, template, merge, squash or commit
    source: Option<String>,
    /// The commit that it was taken from
    commit: Option<String>,
}

pub(crate) fn run_prepare_commit_msg(
    args: &PrepareCommitMsgArgs,
    world: &Context,
) -> Result<CommandExit, CommandError> {
    // What somebody or something has written already is left alone.
    if !matches!(args.source.as_deref(), None | Some("template")) {
        return Ok(CommandExit::Allowed);
    }
    let loaded = match load_from_disk(&world.directory, DEFAULT_POLICY_PATH) {
        Ok(loaded) => loaded,
        // The message is the user's; a policy that cannot be used is reported when it is checked.
        Err(UnusablePolicy::Absent | UnusablePolicy::Faulty(_)) => return Ok(CommandExit::Allowed),
    };
    let path = world.resolve_path(&args.file);
    let raw =
        std::fs::read(&path).with_context(|| format!("cannot read the message in `{}`", path.display()))?;
    let branch = match Repository::discover_from(&world.directory)?.read_head() {
        Ok(HeadState::Branch(branch)) => branch.name.to_lossy().into_owned(),
        _ => String::new(),
    };
    if let Some(filled) = prefill_trailers(&raw, &loaded.policy, &branch) {
        std::fs::write(&path, filled)?;
    }
    Ok(CommandExit::Allowed)
}

/// Returns the message with what could be derived from the branch, and hints for the rest; `None`
/// if there is nothing to add.
fn prefill_trailers(raw: &[u8], policy: &Policy, branch: &str) -> Option<Vec<u8>> {
    let stated = read_trailers(raw, TrailerReader::Log);
    let mut lines = String::new();
    for field in collect_required_fields(policy) {
        if stated.trailers.iter().any(|trailer| field.matches_key(&trailer.key)) {
            continue;
        }
        let derived = match &field.kind {
            FieldKind::Matches { pattern, .. } => branch
                .split(['/', '_'])
                .flat_map(list_branch_prefixes)
                .find(|candidate| pattern.matches_value(candidate.as_bytes()) == Some(true)),
            _ => None,
        };
        lines += &match derived {
            Some(value) => format!("{}: {value}\n", field.name),
            None => format!("# {}\n", field.trailer_template()),
        };
    }
    if lines.is_empty() {
        return None;
    }
    let comments = raw.split_inclusive(|byte| *byte == b'\n').take_while(|line| !line.starts_with(b"#"));
    let at: usize = comments.map(<[u8]>::len).sum();
    let (message, comments) = raw.split_at_checked(at)?;
    let gap: &[u8] = if message.iter().all(u8::is_ascii_whitespace) { b"\n\n" } else { b"\n" };
    let message = if gap.len() == 2 { b"" } else { message };
    Some([message, gap, lines.as_bytes(), comments].concat())
}

/// Returns the fields that an ordinary change is asked to state: those of the last class, which is
/// what a change is unless something makes it another.
fn collect_required_fields(policy: &Policy) -> Vec<&FieldDefinition> {
    let ordinary = policy.classes.len().checked_sub(1);
    let mut fields: Vec<&FieldDefinition> = Vec::new();
    for rule in policy.rules.iter().filter(|rule| rule.when.is_none()) {
        let ours = rule
            .class_indexes
            .as_ref()
            .is_none_or(|classes| ordinary.is_some_and(|place| classes.contains(&place)));
        if ours {
            rule.require.add_required_fields(&mut fields);
        }
    }
    let mut seen = Vec::new();
    fields.retain(|field| {
        !seen.contains(&field.name.as_str()) && {
            seen.push(field.name.as_str());
            true
        }
    });
    fields
}

/// Returns the parts of a branch's name that a ticket could be, longest first: `PAY-412-cache` has
/// `PAY-412-cache`, `PAY-412` and `PAY`.
fn list_branch_prefixes(part: &str) -> Vec<&str> {
    let ends = part.match_indices('-').map(|(at, _)| at).chain([part.len()]);
    let mut found: Vec<&str> = ends.filter_map(|end| part.get(..end)).collect();
    found.reverse();
    found
}
