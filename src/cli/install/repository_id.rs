//! Gives the repository of a server its id, by which a signed approval of one repository is none in another.
//!
//! The id is that of an object which a ref holds, and a mirror copies both. So the configuration, which no clone copies,
//! keeps the words that the object is made of: a repository without them has the id of another one, and one that has lost
//! the ref gets it back.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::change::{NeededFacts, Oid};
use crate::cli::command_error::CommandError;
use crate::cli::install::server_settings::{read_setting, write_setting};
use crate::gate::signed_approvals::{ApprovalStatement, REPOSITORY_ID_REF, read_repository_id};
use crate::git::Repository;
use crate::ledger::server::write_ahead;
use crate::ledger::store::state_reader::LedgerStateReader;

/// The key that holds the words of the id's object.
const ID_SEED_KEY: &str = "changegate.repositoryId";

/// How the object of an id begins; the words of the configuration follow.
const ID_OBJECT_START: &str = "changegate repository ";

/// What the administrator says about the id of a repository that has one which may be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdChoice {
    /// It is the same repository in another place.
    Keep,
    /// It is another repository.
    Replace,
}

/// What is to be done about the id of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RepositoryIdStep {
    /// It has one, and the configuration says so.
    Unchanged,
    /// It gets one.
    Make,
    /// The ref is to hold the object again that these words make.
    Restore(String),
    /// The configuration is to hold the words of the object that the ref holds, or held.
    Keep(Oid, String),
}

/// Returns what is to be done about the id of a repository. `options` are those that a command has to repeat.
///
/// # Errors
///
/// Asks the administrator where the id may be that of another repository, or is lost.
pub(crate) fn plan_repository_id(
    repository: &Repository,
    choice: Option<IdChoice>,
    options: &str,
) -> Result<RepositoryIdStep, CommandError> {
    let held = read_repository_id(repository)?;
    let seed = read_setting(repository, ID_SEED_KEY)?;
    if choice == Some(IdChoice::Replace) {
        return Ok(RepositoryIdStep::Make);
    }
    match (held, seed) {
        (Some(held), Some(seed)) if find_seed_id(repository, &seed)? == held => {
            Ok(RepositoryIdStep::Unchanged)
        }
        (None, Some(seed)) => Ok(RepositoryIdStep::Restore(seed)),
        (Some(held), _) if choice == Some(IdChoice::Keep) => keep_id(repository, held),
        (Some(_), _) => Err(CommandError::Usage(format!(
            "{REPOSITORY_ID_REF} holds the id of a repository, and {ID_SEED_KEY} of this one does not name it, so it may \
             have been copied from another repository, whose approvals would count here; if this is the same repository in \
             another place:\n  changegate install --server --keep-id{options}\nif it is another one:\n  changegate install \
             --server --new-id{options}"
        ))),
        (None, None) => match (find_approved_id(repository)?, choice) {
            (None, _) => Ok(RepositoryIdStep::Make),
            (Some(lost), Some(IdChoice::Keep)) => keep_id(repository, lost),
            (Some(_), _) => Err(CommandError::Usage(format!(
                "{REPOSITORY_ID_REF} is gone, and the ledger has open approvals and rejections for the id that it held; to \
                 put it back:\n  changegate install --server --keep-id{options}\nto have another id, for which none of them \
                 counts:\n  changegate install --server --new-id{options}"
            ))),
        },
    }
}

/// Does what was planned; returns true if anything was to be done.
///
/// # Errors
///
/// Fails if git cannot write the object, the ref or the configuration.
pub(crate) fn apply_repository_id(
    repository: &Repository,
    step: RepositoryIdStep,
) -> Result<bool, CommandError> {
    let seed = match step {
        RepositoryIdStep::Unchanged => return Ok(false),
        RepositoryIdStep::Keep(id, seed) => {
            run_git_in(repository.git_dir(), &["update-ref", REPOSITORY_ID_REF, &id.to_string()], b"")?;
            write_setting(repository, ID_SEED_KEY, &seed)?;
            return Ok(true);
        }
        RepositoryIdStep::Restore(seed) => seed,
        RepositoryIdStep::Make => write_ahead::new_decision_id()?,
    };
    // The words come first: a ref without them would look like one that was copied.
    write_setting(repository, ID_SEED_KEY, &seed)?;
    let object = format!("{ID_OBJECT_START}{seed}\n");
    let id = run_git_in(repository.git_dir(), &["hash-object", "-w", "--stdin"], object.as_bytes())?;
    run_git_in(repository.git_dir(), &["update-ref", REPOSITORY_ID_REF, id.trim_end()], b"")?;
    Ok(true)
}

/// Returns the step that keeps an id whose object is still there.
fn keep_id(repository: &Repository, id: Oid) -> Result<RepositoryIdStep, CommandError> {
    let object = run_git_in(repository.git_dir(), &["cat-file", "blob", &id.to_string()], b"");
    let words = object.ok().and_then(|text| Some(text.strip_prefix(ID_OBJECT_START)?.trim_end().to_owned()));
    match words.filter(|words| !words.is_empty() && words.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        Some(words) => Ok(RepositoryIdStep::Keep(id, words)),
        None => Err(CommandError::Usage(format!(
            "the object {id} of the id is not there any more; restore it from a backup, or take another id with --new-id"
        ))),
    }
}

/// Returns the id of the object that these words make.
fn find_seed_id(repository: &Repository, seed: &str) -> Result<Oid, CommandError> {
    let object = format!("{ID_OBJECT_START}{seed}\n");
    let id = run_git_in(repository.git_dir(), &["hash-object", "--stdin"], object.as_bytes())?;
    Ok(Oid::from_hex(id.trim_end()).context("git printed no object id")?)
}

/// Returns the id for which the newest open approval was signed; `None` if none is open that can be read.
fn find_approved_id(repository: &Repository) -> Result<Option<Oid>, CommandError> {
    let Some(state) = LedgerStateReader::new(repository).read_newest()? else { return Ok(None) };
    for open in state.approvals.iter().rev() {
        let Ok(commit) = repository.read_commit(open.commit, &NeededFacts::new()) else { continue };
        if let Some(statement) = ApprovalStatement::parse_message(&commit.message) {
            return Ok(Some(statement.repository));
        }
    }
    Ok(None)
}

fn run_git_in(git_dir: &Path, args: &[&str], input: &[u8]) -> anyhow::Result<String> {
    use std::io::Write as _;
    let mut child = Command::new("git")
        .arg("--git-dir")
        .arg(git_dir)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start `git`")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input)?;
    }
    let done = child.wait_with_output()?;
    if !done.status.success() {
        bail!(
            "git cannot write the id of the repository: {}",
            String::from_utf8_lossy(&done.stderr).trim_end()
        );
    }
    String::from_utf8(done.stdout).context("git printed no object id")
}
