//! What nobody knows of the files of a change that does not exist yet.

use crate::change::{Change, FactKind, Missing, PathChange};
use crate::cli::try_change::patched_paths::PatchedPath;
use crate::fixture::withhold_path_answer;

/// How to say what is in a file that is only named.
const SHOW_PATCH: &str = "show them with a patch: --diff FILE";

/// How to say what is in a file that a patch changes and does not show whole.
const COMMIT_FIRST: &str = "a patch shows the whole of new files alone; commit it, and try the range";

/// How to say which lines are new in a file that is renamed, copied or no text.
const COMMIT_TO_SEE: &str = "a patch does not show what a file holds that is renamed, copied or no text; commit it, and try the range";

/// Takes away what nobody knows of files that are not shown: the lines that are added, unless a patch shows them all, the
/// digests, unless it makes the files, and the size of what is no text.
pub(super) fn withhold_contents(change: &mut Change, patched: &[PatchedPath]) {
    let withhold = |paths: &mut [PathChange]| {
        for path in paths {
            let shown = patched.iter().find(|one| one.path.as_bytes() == path.path.as_bytes());
            match shown {
                Some(shown) if shown.shows_added_lines() => {}
                Some(_) => withhold_path_answer(path, FactKind::AddedLines, COMMIT_TO_SEE),
                None => withhold_path_answer(path, FactKind::AddedLines, SHOW_PATCH),
            }
            match shown {
                Some(shown) if shown.find_content().is_some() => {}
                Some(_) => withhold_path_answer(path, FactKind::Digests, COMMIT_FIRST),
                None => withhold_path_answer(path, FactKind::Digests, SHOW_PATCH),
            }
            if shown.is_some_and(|shown| shown.hides_size() && !shown.is_deleted()) {
                path.blob = Err(Missing::NotGiven(FactKind::Blobs, COMMIT_TO_SEE.to_owned()));
            }
        }
    };
    // Each 80 bytes of what is no text count as a line.
    let hides_lines = patched.iter().any(PatchedPath::hides_size);
    let no_lines = || Missing::NotGiven(FactKind::Lines, COMMIT_TO_SEE.to_owned());
    let commit = change.commits.last_mut();
    if let Ok(paths) = &mut commit.paths {
        withhold(paths);
    }
    if hides_lines {
        commit.lines = Err(no_lines());
    }
    if let Ok(pull) = &mut change.pull {
        if let Ok(paths) = &mut pull.paths {
            withhold(paths);
        }
        if hides_lines {
            pull.lines = Err(no_lines());
        }
    }
}
