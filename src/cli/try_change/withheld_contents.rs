//! What nobody knows of the files of a change that does not exist yet.

use crate::change::{Change, FactKind, PathChange};
use crate::cli::try_change::patched_paths::PatchedPath;
use crate::fixture::withhold_path_answer;

/// How to say what is in a file that is only named.
const SHOW_PATCH: &str = "show them with a patch: --diff FILE";

/// How to say what is in a file that a patch changes and does not show whole.
const COMMIT_FIRST: &str = "a patch shows the whole of new files alone; commit it, and try the range";

/// Takes away what nobody knows of files that are not shown: the lines that are added, unless a patch shows them, and the
/// digests, unless it makes the files.
pub(super) fn withhold_contents(change: &mut Change, patched: &[PatchedPath]) {
    let withhold = |paths: &mut [PathChange]| {
        for path in paths {
            let shown = patched.iter().find(|one| one.path.as_bytes() == path.path.as_bytes());
            if shown.is_none() {
                withhold_path_answer(path, FactKind::AddedLines, SHOW_PATCH);
            }
            match shown {
                Some(shown) if shown.find_content().is_some() => {}
                Some(_) => withhold_path_answer(path, FactKind::Digests, COMMIT_FIRST),
                None => withhold_path_answer(path, FactKind::Digests, SHOW_PATCH),
            }
        }
    };
    if let Ok(paths) = &mut change.commits.last_mut().paths {
        withhold(paths);
    }
    if let Ok(pull) = &mut change.pull
        && let Ok(paths) = &mut pull.paths
    {
        withhold(paths);
    }
}
