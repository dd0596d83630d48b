//! Where the policy of a work tree is, and what to say about a pack that is not there.

use std::path::PathBuf;

use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::policy::packs;

/// Returns the root of the work tree around the directory of the command, or else that directory.
pub(super) fn find_work_tree(context: &Context) -> PathBuf {
    let start = std::path::absolute(&context.directory).unwrap_or_else(|_| context.directory.clone());
    for directory in start.ancestors() {
        if directory.join(".git").exists() {
            return directory.to_path_buf();
        }
    }
    context.directory.clone()
}

/// Returns the error that no shipped pack has this name.
pub(crate) fn unknown_pack_error(name: &str) -> CommandError {
    let names: Vec<_> = packs::POLICY_PACKS.iter().map(|pack| pack.name).collect();
    CommandError::Usage(format!("there is no pack `{name}`; the packs are {}", names.join(", ")))
}
