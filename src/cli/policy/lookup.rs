//! Where a command finds the policy that it is about.

use std::path::{Path, PathBuf};

use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::gate::{LoadedPolicy, UnusablePolicy, load_from_disk, load_from_pack};
use crate::policy::{DEFAULT_POLICY_PATH, packs};

/// Returns the root of the work tree around the directory of the command, or else that directory.
pub(crate) fn find_work_tree(context: &Context) -> PathBuf {
    let start = std::path::absolute(&context.directory).unwrap_or_else(|_| context.directory.clone());
    for directory in start.ancestors() {
        if directory.join(".git").exists() {
            return directory.to_path_buf();
        }
    }
    context.directory.clone()
}

/// Loads a shipped pack, the policy in `file`, or the one of this repository.
pub(crate) fn load_policy_or_pack(
    pack: Option<&str>,
    file: Option<&Path>,
    context: &Context,
) -> Result<LoadedPolicy, CommandError> {
    match pack {
        Some(pack) => load_from_pack(pack).map_err(|_| unknown_pack_error(pack)),
        None => load_local_policy(file, context),
    }
}

/// Returns the directory from which [`load_local_policy`] reads.
pub(crate) fn find_policy_root(file: Option<&Path>, context: &Context) -> PathBuf {
    match file {
        None => find_work_tree(context),
        Some(file) => locate_policy_file(file, context).0,
    }
}

/// Loads the policy in `file`, or the one of this repository.
pub(crate) fn load_local_policy(
    file: Option<&Path>,
    context: &Context,
) -> Result<LoadedPolicy, CommandError> {
    let (root, name) = match file {
        None => (find_work_tree(context), DEFAULT_POLICY_PATH.to_owned()),
        Some(file) => locate_policy_file(file, context),
    };
    load_from_disk(&root, &name).map_err(|why| match why {
        UnusablePolicy::Absent if name == DEFAULT_POLICY_PATH => CommandError::Usage(format!(
            "there is no `{name}`; to write one: changegate policy init{}",
            context.program_location()
        )),
        UnusablePolicy::Absent => CommandError::Usage(format!("there is no `{name}`")),
        faulty @ UnusablePolicy::Faulty(_) => CommandError::from_unusable_policy(faulty, &name),
    })
}

/// Returns the directory from which the policy in `file` is read, and its path from there: the root of
/// the repository where there is one, so that a roster is found.
fn locate_policy_file(file: &Path, context: &Context) -> (PathBuf, String) {
    let file = std::path::absolute(context.resolve_path(file)).unwrap_or_else(|_| context.resolve_path(file));
    let root = find_work_tree(context);
    match file.strip_prefix(&root) {
        Ok(below) => (root, below.to_string_lossy().into_owned()),
        Err(_) => {
            let directory = file.parent().map_or_else(|| context.directory.clone(), Path::to_path_buf);
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (directory, name)
        }
    }
}

pub(crate) fn unknown_pack_error(name: &str) -> CommandError {
    let names: Vec<_> = packs::POLICY_PACKS.iter().map(|pack| pack.name).collect();
    CommandError::Usage(format!("there is no pack `{name}`; the packs are {}", names.join(", ")))
}
