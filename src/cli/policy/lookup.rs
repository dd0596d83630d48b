//! Where a command finds the policy that it is about.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::change::Oid;
use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::install::work_tree::find_work_tree_top;
use crate::cli::output::{ignore_broken_pipe, wrap_text};
use crate::cli::revision::resolve_commit;
use crate::gate::{LoadedPolicy, UnusablePolicy, load_from_commit, load_from_disk, load_from_pack};
use crate::git::{PeeledObject, Repository};
use crate::policy::{DEFAULT_POLICY_PATH, packs};
use crate::policy_tests::PACK_PREFIX;
use crate::yaml::shorten_for_message;

/// Returns the root of the work tree around the directory of the command, or the bare repository around it; where there
/// is neither, that directory.
pub(crate) fn find_work_tree(context: &Context) -> PathBuf {
    let start = std::path::absolute(&context.directory).unwrap_or_else(|_| context.directory.clone());
    for directory in start.ancestors() {
        if directory.join(".git").exists() || is_bare_directory(directory) {
            return directory.to_path_buf();
        }
    }
    context.directory.clone()
}

/// Returns true for the directory of a repository that has no work tree around it.
fn is_bare_directory(directory: &Path) -> bool {
    directory.file_name().is_none_or(|name| name != ".git")
        && directory.join("HEAD").is_file()
        && directory.join("objects").is_dir()
        && directory.join("refs").is_dir()
}

/// Returns the bare repository around the directory of the command; `None` where there is a work tree, or nothing.
pub(crate) fn find_bare_repository(context: &Context) -> Option<Repository> {
    let root = find_work_tree(context);
    if root.join(".git").exists() || !is_bare_directory(&root) {
        return None;
    }
    let repository = Repository::open_at(&root, None).ok()?;
    // A linked work tree, and one that is configured, have theirs elsewhere.
    if matches!(find_work_tree_top(&repository), Ok(None)) { Some(repository) } else { None }
}

/// Refuses a command that reads or writes the files of a work tree in a bare repository, which has none.
pub(crate) fn refuse_bare_repository(command: &str, context: &Context) -> Result<(), CommandError> {
    match find_bare_repository(context) {
        None => Ok(()),
        Some(_) => Err(CommandError::Usage(format!(
            "this is a bare repository, which has no work tree; run `changegate {command}` in a clone"
        ))),
    }
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
    if file.is_none()
        && let Some(repository) = find_bare_repository(context)
    {
        return load_bare_policy(&repository, context);
    }
    if let Some(written) = file.and_then(Path::to_str)
        && let Some(repository) = find_bare_repository(context)
        && let Some(loaded) = load_bare_word(written, &repository, context)?
    {
        return Ok(loaded);
    }
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

/// Loads the policy that a word means in a bare repository, where `HEAD` is a file of Git's own and `config` no policy;
/// `None` for the path of a file.
fn load_bare_word(
    written: &str,
    repository: &Repository,
    context: &Context,
) -> Result<Option<LoadedPolicy>, CommandError> {
    let is_of_git = is_file_of_git(written, Some(repository), context);
    let is_file = context.resolve_path(written).is_file();
    if is_written_as_file(written) || (is_file && !is_of_git) {
        return Ok(None);
    }
    let shown = shorten_for_message(written);
    match resolve_commit(repository, written) {
        Ok(commit) => {
            if is_file {
                note_choice(&format!(
                    "`{shown}` is a revision and a file of Git; taken as the revision (the file: ./{shown})"
                ))?;
            }
            load_revision_policy(repository, commit, written).map(Some)
        }
        Err(CommandError::Usage(_)) if is_file => Err(CommandError::Usage(format!(
            "`{shown}` is no revision, and beside it stand Git's own files; to read the file as a policy: ./{shown}"
        ))),
        Err(CommandError::Usage(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Loads the policy of a bare repository, from where a push to it finds one: the policy ref, or a file on the server.
fn load_bare_policy(repository: &Repository, context: &Context) -> Result<LoadedPolicy, CommandError> {
    let settings = context.read_gate_settings(repository).map_err(CommandError::Usage)?;
    if let Some(file) = &settings.policy_file {
        return load_local_policy(Some(file), context);
    }
    let (name, path) = (settings.policy_ref.to_lossy(), settings.policy_path.as_str());
    let called = shorten_for_message(name.strip_prefix("refs/heads/").unwrap_or(&name));
    let tip = repository.resolve_ref(settings.policy_ref.as_bytes())?.id;
    let Some(tip) = tip.map(|id| repository.peel_tags(id)).transpose()? else {
        return Err(CommandError::Usage(format!("`{called}` has no commit yet, so there is no policy")));
    };
    let PeeledObject::Commit(commit) = tip else {
        return Err(CommandError::Usage(format!("`{called}` is no commit, so there is no policy")));
    };
    load_from_commit(repository, commit, path, &called).map_err(|why| match why {
        UnusablePolicy::Absent => CommandError::Usage(format!(
            "there is no `{path}` at `{called}`, where a push to this repository looks for the policy \
             (`changegate.policyRef`)"
        )),
        why => CommandError::from_unusable_policy(why, path).with_policy_commit(&called),
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

/// Loads the policy that `written` names: a pack, a revision, or a file. A revision counts before a file, unless the word
/// is written as that of a file: with a `/`, or with the ending of YAML.
pub(crate) fn load_compared_policy(
    written: &str,
    repository: Option<&Repository>,
    context: &Context,
) -> Result<LoadedPolicy, CommandError> {
    if let Some(pack) = written.strip_prefix(PACK_PREFIX) {
        return load_policy_or_pack(Some(pack), None, context);
    }
    let commit = match repository.map(|repository| (repository, resolve_commit(repository, written))) {
        Some((repository, Ok(commit))) => Some((repository, commit)),
        Some((_, Err(CommandError::Usage(_)))) | None => None,
        Some((_, Err(error))) => return Err(error),
    };
    let is_file = context.resolve_path(written).is_file() && !is_file_of_git(written, repository, context);
    let shown = shorten_for_message(written);
    match commit {
        Some((repository, commit)) if !(is_file && is_written_as_file(written)) => {
            if is_file {
                note_choice(&format!(
                    "`{shown}` is a revision and a file; taken as the revision (the file: ./{shown})"
                ))?;
            }
            load_revision_policy(repository, commit, written)
        }
        Some((_, commit)) => {
            let id = commit.short_hex();
            note_choice(&format!(
                "`{shown}` is a file and a revision; taken as the file (the revision: {id})"
            ))?;
            load_local_policy(Some(Path::new(written)), context)
        }
        None if is_file => load_local_policy(Some(Path::new(written)), context),
        None => Err(CommandError::Usage(format!(
            "`{shown}` is neither a file nor a revision of this repository, nor pack:NAME"
        ))),
    }
}

fn load_revision_policy(
    repository: &Repository,
    commit: Oid,
    written: &str,
) -> Result<LoadedPolicy, CommandError> {
    load_from_commit(repository, commit, DEFAULT_POLICY_PATH, written).map_err(|why| match why {
        UnusablePolicy::Absent => CommandError::Usage(format!(
            "there is no `{DEFAULT_POLICY_PATH}` at `{}`; name another policy, as in pack:iso27001",
            shorten_for_message(written)
        )),
        why => CommandError::from_unusable_policy(why, DEFAULT_POLICY_PATH).with_policy_commit(written),
    })
}

/// Returns true if a word is written as a file is: no revision of one part has a `/`.
fn is_written_as_file(written: &str) -> bool {
    written.contains(['/', '\\']) || written.ends_with(".yml") || written.ends_with(".yaml")
}

/// Returns true for a file that Git keeps beside the objects of a bare repository, such as `HEAD`.
fn is_file_of_git(written: &str, repository: Option<&Repository>, context: &Context) -> bool {
    let (Some(repository), false) = (repository, is_written_as_file(written)) else { return false };
    let folder = |path: &Path| path.canonicalize().ok();
    folder(repository.git_dir()).is_some_and(|git_dir| folder(&context.directory) == Some(git_dir))
}

/// Says on the error stream which of two things a word was taken for.
fn note_choice(what: &str) -> Result<(), CommandError> {
    let mut out = io::stderr().lock();
    Ok(ignore_broken_pipe(writeln!(out, "{}", wrap_text("changegate: ", 2, what)))?)
}
