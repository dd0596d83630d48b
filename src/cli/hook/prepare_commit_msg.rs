//! `changegate hook prepare-commit-msg`: the trailers that can be derived, filled in beforehand, and
//! the others as comments to choose from.

use std::path::PathBuf;

use anyhow::Context as _;

use super::super::{Exit, Stop, World};
use crate::change::trailers::{Like, read};
use crate::gate::{Unusable, from_disk};
use crate::git::{Head, Repository};
use crate::policy::{PATH, Policy};
use crate::vocabulary::{Field, Kind};

/// Prefill the trailers of a message
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// The file with the message
    file: PathBuf,
    /// Where the message comes from: message, template, merge, squash or commit
    source: Option<String>,
    /// The commit that it was taken from
    commit: Option<String>,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    // What somebody or something has written already is left alone.
    if !matches!(args.source.as_deref(), None | Some("template")) {
        return Ok(Exit::Allowed);
    }
    let loaded = match from_disk(&world.directory, PATH) {
        Ok(loaded) => loaded,
        // The message is the user's; a policy that cannot be used is reported when it is checked.
        Err(Unusable::Absent | Unusable::Faulty(_)) => return Ok(Exit::Allowed),
    };
    let path = world.at(&args.file);
    let raw =
        std::fs::read(&path).with_context(|| format!("cannot read the message in `{}`", path.display()))?;
    let branch = match Repository::discover(&world.directory)?.head() {
        Ok(Head::Branch(branch)) => branch.name.to_lossy().into_owned(),
        _ => String::new(),
    };
    if let Some(filled) = fill(&raw, &loaded.policy, &branch) {
        std::fs::write(&path, filled)?;
    }
    Ok(Exit::Allowed)
}

/// Returns the message with what could be derived from the branch, and hints for the rest; `None`
/// if there is nothing to add.
fn fill(raw: &[u8], policy: &Policy, branch: &str) -> Option<Vec<u8>> {
    let stated = read(raw, Like::Log);
    let mut lines = String::new();
    for field in asked(policy) {
        if stated.trailers.iter().any(|trailer| field.answers_to(&trailer.key)) {
            continue;
        }
        let derived = match &field.kind {
            Kind::Matches { pattern, .. } => branch
                .split(['/', '_'])
                .flat_map(prefixes)
                .find(|candidate| pattern.matches(candidate.as_bytes()) == Some(true)),
            _ => None,
        };
        lines += &match derived {
            Some(value) => format!("{}: {value}\n", field.name),
            None => format!("# {}\n", field.template()),
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
fn asked(policy: &Policy) -> Vec<&Field> {
    let ordinary = policy.classes.len().checked_sub(1);
    let mut fields: Vec<&Field> = Vec::new();
    for rule in policy.rules.iter().filter(|rule| rule.when.is_none()) {
        let ours = rule
            .classes
            .as_ref()
            .is_none_or(|classes| ordinary.is_some_and(|place| classes.contains(&place)));
        if ours {
            rule.require.fields(&mut fields);
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
fn prefixes(part: &str) -> Vec<&str> {
    let ends = part.match_indices('-').map(|(at, _)| at).chain([part.len()]);
    let mut found: Vec<&str> = ends.filter_map(|end| part.get(..end)).collect();
    found.reverse();
    found
}
