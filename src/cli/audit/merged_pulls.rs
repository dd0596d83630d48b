//! Where an audit takes the forge's list of merged pull requests from: a file, a folder with a file for each repository,
//! or GitHub itself.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use crate::audit::audit_run::AuditScope;
use crate::audit::inputs::merged_pulls::{GivenPulls, ListedPull, ListedPulls, read_merged_pulls};
use crate::audit::population::period::AuditPeriod;
use crate::change::Text;
use crate::cli::audit::args::AuditArgs;
use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::pr::{read_github_server, read_github_token};
use crate::git::Repository;
use crate::github::{GitHubServer, GitHubSession, GitHubSource, RepositoryName};
use crate::http::{RequestPolicy, Secret};

/// The word that stands for GitHub in place of a file.
const GITHUB_WORD: &str = "github";

/// How the names of lists in a folder end, behind that of the repository.
const LIST_ENDINGS: [&str; 3] = ["json", "jsonl", "csv"];

/// How much earlier and later than the period pull requests are read: the clocks of the forge and of a committer are not
/// one.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// Where lists of merged pull requests come from.
pub(super) enum PullSource {
    /// Nobody asked for one.
    Nothing,
    /// The list of the only repository.
    List(GivenPulls),
    /// A folder with a list for each repository.
    Folder(PathBuf),
    /// GitHub.
    GitHub(GitHubLists),
}

/// GitHub, asked for the pull requests that it merged.
pub(super) struct GitHubLists {
    server: GitHubServer,
    token: Option<Secret>,
    /// The address that the names of repositories are added to.
    web_url: String,
    now: Timestamp,
}

/// Returns where the arguments take lists from; `is_several` if more than one repository may be audited.
///
/// # Errors
///
/// Fails if a file cannot be read, or one list is given for several repositories.
pub(super) fn find_pull_source(
    args: &AuditArgs,
    is_several: bool,
    context: &Context,
) -> Result<PullSource, CommandError> {
    let Some(path) = &args.merged_pulls else { return Ok(PullSource::Nothing) };
    if path.as_os_str() == GITHUB_WORD {
        let server = read_github_server(None, context)?;
        let token = read_github_token(&["GITHUB_TOKEN", "GH_TOKEN"], context)?;
        let web_url = context.read_text_variable("GITHUB_SERVER_URL").unwrap_or_else(|| server.web_url());
        return Ok(PullSource::GitHub(GitHubLists { server, token, web_url, now: context.now }));
    }
    let path = context.resolve_path(path);
    if path.is_dir() {
        return Ok(PullSource::Folder(path));
    }
    if is_several {
        return Err(CommandError::usage(
            "a list of merged pull requests is of one repository; for several, name a folder that holds NAME.json for \
             each, or `github`",
        ));
    }
    Ok(PullSource::List(GivenPulls::Listed(read_merged_pulls(&path)?)))
}

impl PullSource {
    /// Returns what is known of the pull requests that were merged into a branch of the repository of this name. `known`
    /// is where it is on GitHub, if its entry in a list says so.
    pub(super) fn find_pulls(
        &self,
        (repository, name, ref_name): (&Repository, &str, &Text),
        known: Option<&RepositoryName>,
        scope: AuditScope,
    ) -> GivenPulls {
        match self {
            PullSource::Nothing => GivenPulls::NotAsked,
            PullSource::List(list) => list.clone(),
            PullSource::Folder(folder) => read_list_of(folder, name),
            PullSource::GitHub(github) => {
                let of_remote = || {
                    let address = repository.read_config_value("remote.origin.url").ok().flatten()?;
                    parse_remote_name(&address, &github.web_url)
                };
                match known.cloned().or_else(of_remote) {
                    Some(found) => github.list_pulls(&found, ref_name, scope),
                    None => GivenPulls::NotKept(format!(
                        "its remote `origin` is no repository on {}",
                        github.web_url
                    )),
                }
            }
        }
    }
}

impl GitHubLists {
    /// Asks for the pull requests of a branch, as far as the period needs them.
    fn list_pulls(&self, name: &RepositoryName, ref_name: &Text, scope: AuditScope) -> GivenPulls {
        let branch = ref_name.to_lossy();
        let Some(branch) = branch.strip_prefix("refs/heads/") else {
            return GivenPulls::NotKept(format!("{branch} is no branch"));
        };
        let AuditPeriod { from, until } = scope.period;
        let since = from.and_then(|from| from.checked_sub(CLOCK_MARGIN).ok());
        let source = GitHubSource::Live {
            server: &self.server,
            token: self.token.as_ref(),
            limits: RequestPolicy::FORGE,
            record_to: None,
            now: self.now,
        };
        let listed = GitHubSession::open_session(source)
            .and_then(|session| session.list_merged_pulls(name, branch, since));
        let listed = match listed {
            Ok(listed) => listed,
            Err(failure) => {
                return GivenPulls::NotRead(format!("the list of {name} cannot be read: {}", failure.why));
            }
        };
        // Later ones are left out, so that the same audit has the same list tomorrow.
        let last = until.map_or(scope.as_of, |until| until.max(scope.as_of)).checked_add(CLOCK_MARGIN);
        let mut pulls = Vec::new();
        for one in listed {
            if last.as_ref().is_ok_and(|last| one.merged_at > *last) {
                continue;
            }
            let number = one.number.to_string();
            pulls.push(ListedPull { number, commit: one.commit, base: one.base, merged_at: one.merged_at });
        }
        GivenPulls::Listed(ListedPulls::from_forge(pulls))
    }
}

/// Reads the list of a repository out of a folder.
fn read_list_of(folder: &Path, name: &str) -> GivenPulls {
    let is_plain = name.split('/').all(|part| !matches!(part, "" | "." | "..")) && !name.contains('\\');
    let named = |ending: &str| folder.join(format!("{name}.{ending}"));
    let found: Vec<PathBuf> =
        LIST_ENDINGS.iter().map(|ending| named(ending)).filter(|path| is_plain && path.is_file()).collect();
    match found.as_slice() {
        [one] => match read_merged_pulls(one) {
            Ok(list) => GivenPulls::Listed(list),
            Err(error) => GivenPulls::NotRead(format!("{error:#}")),
        },
        [] => GivenPulls::NotRead(format!(
            "there is no {name}.json, {name}.jsonl or {name}.csv in {}",
            folder.display()
        )),
        [one, other, ..] => GivenPulls::NotRead(format!(
            "there are {} and {}, and only one can be its list",
            one.display(),
            other.display()
        )),
    }
}

/// Returns the repository that a remote names, if it is on the server at this address: over HTTPS or SSH.
fn parse_remote_name(remote: &str, web_url: &str) -> Option<RepositoryName> {
    let host = web_url.trim_end_matches('/').split_once("://")?.1;
    let path = match remote.split_once("://") {
        Some((_, rest)) => {
            let (place, path) = match rest.strip_prefix(host) {
                Some(path) => (host, path.strip_prefix('/')?),
                None => rest.split_once('/')?,
            };
            let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
            if !is_same_host(place, host) {
                return None;
            }
            path
        }
        None => {
            let (place, path) = remote.split_once(':')?;
            let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
            if !is_same_host(place, host) {
                return None;
            }
            path
        }
    };
    let path = path.trim_matches('/');
    RepositoryName::parse_name(path.strip_suffix(".git").unwrap_or(path))
}

/// Returns true if a remote's host is that of a server, whatever the port of SSH; GitHub takes SSH at port 443 of
/// another name.
fn is_same_host(place: &str, host: &str) -> bool {
    let name = place.split_once(':').map_or(place, |(name, _)| name);
    let name = name.strip_prefix("ssh.").unwrap_or(name);
    place.eq_ignore_ascii_case(host) || name.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_on_the_server_names_its_repository() {
        let named =
            |remote: &str, web_url: &str| parse_remote_name(remote, web_url).map(|name| name.to_string());
        for remote in [
            "https://github.com/acme/shop.git",
            "https://github.com/acme/shop/",
            "https://x-access-token:secret@github.com/acme/shop",
            "git@github.com:acme/shop.git",
            "ssh://git@github.com/acme/shop.git",
            "ssh://git@ssh.github.com:443/acme/shop.git",
        ] {
            assert_eq!(named(remote, "https://github.com").as_deref(), Some("acme/shop"), "{remote}");
        }
        for remote in [
            "https://github.com.evil.example/acme/shop.git",
            "https://evil.example/github.com/acme/shop.git",
            "git@evil.example:acme/shop.git",
            "https://github.com/acme",
            "https://github.com/acme/shop/pulls",
            "/srv/git/shop.git",
        ] {
            assert_eq!(named(remote, "https://github.com"), None, "{remote}");
        }
        assert_eq!(
            named("http://127.0.0.1:4040/acme/shop.git", "http://127.0.0.1:4040").as_deref(),
            Some("acme/shop")
        );
        assert_eq!(
            named("file:///srv/forge/acme/shop.git", "file:///srv/forge").as_deref(),
            Some("acme/shop")
        );
    }

    #[test]
    fn a_name_leads_out_of_no_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("in/acme")).unwrap();
        std::fs::write(folder.path().join("out.json"), "[]").unwrap();
        std::fs::write(folder.path().join("in/acme/shop.json"), "[]").unwrap();
        let inner = folder.path().join("in");
        assert!(matches!(read_list_of(&inner, "acme/shop"), GivenPulls::Listed(_)));
        std::fs::write(folder.path().join("in/acme/shop.csv"), "number,commit,base,merged_at\n").unwrap();
        for (name, why) in
            [("acme/shop", "only one can be"), ("../out", "there is no"), ("api", "there is no")]
        {
            match read_list_of(&inner, name) {
                GivenPulls::NotRead(told) => assert!(told.contains(why), "{told}"),
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}
