//! Whether a hook judges pushes here, for the sign that the gate stood.

use crate::cli::install::hook_file::is_executable;
use crate::cli::install::hook_folder::HookFolder;
use crate::cli::install::hook_script::{GitHook, HookOwner, identify_hook_owner};
use crate::git::Repository;
use crate::ledger::record::RecordedHookState;

/// Returns what judges pushes in a repository: the hook in the folder that git uses, or in one of those in which
/// GitLab and Gitea look.
pub(crate) fn find_hook_state(repository: &Repository) -> RecordedHookState {
    let Ok(folders) = HookFolder::list_server_folders(repository) else { return RecordedHookState::Unknown };
    let mut found = RecordedHookState::Missing;
    for folder in folders {
        let file = folder.hook_path(GitHook::PreReceive);
        if !is_executable(&file) {
            continue;
        }
        match std::fs::read(&file).map(|text| identify_hook_owner(GitHook::PreReceive, &text)) {
            Ok(HookOwner::Ours) => return RecordedHookState::Installed,
            Ok(HookOwner::Edited | HookOwner::Foreign) => found = RecordedHookState::Foreign,
            Err(_) => found = RecordedHookState::Unknown,
        }
    }
    found
}
