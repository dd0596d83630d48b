//! What a policy asks about the new contents of a pull request: lines, from the patches that GitHub shows, and
//! digests, from the contents.
//!
//! GitHub leaves out the patch of a file that is large or no text, and what it does not show is not known. A patch
//! is compared with the count of its lines, so that one that is cut off is noticed.

use crate::change::content::{digest_content, mark_line};
use crate::change::content_answer::{ContentAnswer, MarkedLine, MatchedLines};
use crate::change::content_question::ContentQuestion;
use crate::change::{Fact, FactKind, Missing, NeededFacts, PathChange};
use crate::github::api::GitHubClient;
use crate::github::api::names::RepositoryName;
use crate::github::api::objects::fetch_blob;
use crate::github::api::rest::RestChangedFile;
use crate::predicates::blob::find_lfs_digest;

/// How many contents are fetched for their digests.
const MAX_FETCHED_CONTENTS: usize = 20;

/// The largest content that is fetched for its digest.
const MAX_FETCHED_BYTES: u64 = 16 << 20;

/// Adds to the new path of a file the lines of its patch that match.
pub(super) fn add_line_answers(file: &RestChangedFile, change: &mut PathChange, needs: &NeededFacts) {
    for question in needs.content_questions() {
        let question = question.as_ref();
        if question.matches_line(b"").is_none() || !question.covers_path(change.path.as_bytes()) {
            continue;
        }
        add_answer(change, find_lines(file, question).map(ContentAnswer::Lines));
    }
}

/// Returns the lines of a file that match.
fn find_lines(file: &RestChangedFile, question: &dyn ContentQuestion) -> Fact<MatchedLines> {
    let unknown = |why: &str| Missing::Unavailable(FactKind::AddedLines, why.to_owned());
    let mut lines = MatchedLines {
        question: question.id().to_owned(),
        before: Vec::new(),
        after: Vec::new(),
        moved_from: None,
    };
    if matches!(file.status.as_str(), "renamed" | "copied") {
        let source = file.previous_filename.as_deref();
        // What comes from elsewhere is new here, and GitHub shows only what differs.
        if file.status == "copied" || !source.is_some_and(|path| question.covers_path(path.as_bytes())) {
            return Err(unknown("GitHub does not show all lines of a file that comes from another path"));
        }
    }
    let Some(patch) = file.patch.as_deref() else {
        let is_same_content =
            file.changes == Some(0) && matches!(file.status.as_str(), "renamed" | "changed");
        // Git's id of the empty content.
        let is_empty =
            file.sha.is_some_and(|id| id.to_string() == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        return match is_same_content || is_empty {
            true => Ok(lines),
            false => Err(unknown("GitHub shows no patch of a file, because it is large or no text")),
        };
    };
    let mut number: u64 = 0;
    let mut changes: u64 = 0;
    for line in patch.split('\n') {
        let Some((sign, text)) = line.split_at_checked(1) else { continue };
        let bytes = text.strip_suffix('\r').unwrap_or(text).as_bytes();
        let is_match = || question.matches_line(bytes) == Some(true);
        match sign {
            "@" => {
                let start = parse_hunk_start(line).ok_or_else(|| unknown("GitHub's patch cannot be read"))?;
                number = start.saturating_sub(1);
            }
            "+" => {
                number = number.saturating_add(1);
                changes += 1;
                if is_match() {
                    lines.after.push(MarkedLine { line: number, mark: mark_line(bytes) });
                }
            }
            "-" => {
                changes += 1;
                if is_match() {
                    lines.before.push(mark_line(bytes));
                }
            }
            " " => number = number.saturating_add(1),
            // `\ No newline at end of file`
            _ => {}
        }
    }
    if file.changes != Some(changes) {
        return Err(unknown("GitHub shows a part of a patch only"));
    }
    Ok(lines)
}

/// Returns the number of the first new line of a hunk: `@@ -1,2 +3,4 @@`.
fn parse_hunk_start(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once(" +")?;
    let end = rest.find([',', ' '])?;
    rest.get(..end)?.parse().ok()
}

/// Adds the digests of the new contents that are asked for, apart from pointers, which name their own.
pub(super) async fn add_digest_answers(
    client: &GitHubClient,
    repo: &RepositoryName,
    changes: &mut [PathChange],
    needs: &NeededFacts,
) {
    let mut fetched = 0;
    for change in changes {
        let asks = |question: &dyn ContentQuestion| {
            question.matches_line(b"").is_none() && question.covers_path(change.path.as_bytes())
        };
        if !needs.content_questions().any(|question| asks(question.as_ref())) {
            continue;
        }
        let (Some(after), Ok(blob)) = (change.after, &change.blob) else { continue };
        if find_lfs_digest(blob).is_some() {
            continue;
        }
        let too_large = |why: String| Err(Missing::TooLarge(FactKind::Digests, why));
        let answer = if blob.size > MAX_FETCHED_BYTES {
            too_large(format!(
                "a content has {} bytes, and at most {MAX_FETCHED_BYTES} are fetched",
                blob.size
            ))
        } else if fetched >= MAX_FETCHED_CONTENTS {
            too_large(format!("more than {MAX_FETCHED_CONTENTS} contents would have to be fetched"))
        } else {
            fetched += 1;
            match fetch_blob(client, repo, after.id).await {
                Ok(content) => Ok(ContentAnswer::Sha256(digest_content(&content))),
                Err(failure) => Err(Missing::Unavailable(FactKind::Digests, failure.why)),
            }
        };
        add_answer(change, answer);
    }
}

/// Adds an answer; a gap takes the place of all of them.
fn add_answer(change: &mut PathChange, answer: Fact<ContentAnswer>) {
    let known = change.content.get_or_insert_with(|| Box::new(Ok(Vec::new())));
    match (known.as_mut(), answer) {
        (Ok(answers), Ok(answer)) => answers.push(answer),
        (Ok(_), Err(missing)) => **known = Err(missing),
        (Err(_), _) => {}
    }
}
