//! Where GitHub is, and what things on it are called: a server, a repository, a pull request.

use std::fmt;

use crate::people::check_plain_path;
use crate::yaml::shorten_for_message;

/// The API of github.com.
pub const PUBLIC_API_URL: &str = "https://api.github.com";

/// A GitHub server, as requests reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubServer {
    /// Scheme, host and port; nothing is ever sent anywhere else.
    pub(crate) origin: String,
    /// What stands before every REST path: empty, or `/api/v3`.
    pub(crate) rest_prefix: String,
    /// The path of GraphQL.
    pub(crate) graphql_path: String,
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryName {
    /// Who owns it.
    pub owner: String,
    /// What it is called.
    pub name: String,
}

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PullRequestName {
    /// The repository that it is for.
    pub repo: RepositoryName,
    /// Its number.
    pub number: u64,
}

impl GitHubServer {
    /// Reads where the REST API is (`GITHUB_API_URL`) and, where somebody says so, where GraphQL is
    /// (`GITHUB_GRAPHQL_URL`).
    ///
    /// A GraphQL address on another host is not used: the token goes to one host alone. It is then
    /// derived from the REST address, as GitHub Enterprise Server has it.
    ///
    /// # Errors
    ///
    /// Refuses what is no address, and one that would carry the token in the clear over a network.
    pub fn new(api: &str, graphql: Option<&str>) -> Result<GitHubServer, String> {
        let bad = |why: &str| format!("`{}` is not where an API can be: {why}", shorten_for_message(api));
        let (origin, path) = split_url(api).ok_or_else(|| bad("it is no http address"))?;
        let loopback = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
        let is_local = loopback.iter().any(|start| {
            origin.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
        });
        if !origin.starts_with("https://") && !is_local {
            return Err(bad("without https the token could be read on the way"));
        }
        let prefix = path.trim_end_matches('/').to_owned();
        let told = graphql.and_then(split_url).filter(|(other, _)| *other == origin).map(|(_, path)| path);
        let graphql = told.map(str::to_owned).unwrap_or_else(|| match prefix.strip_suffix("/v3") {
            Some(parent) => format!("{parent}/graphql"),
            None => format!("{prefix}/graphql"),
        });
        Ok(GitHubServer { origin: origin.to_owned(), rest_prefix: prefix, graphql_path: graphql })
    }

    /// Returns where people look at it, and git fetches from: beside the API of its own, or behind it.
    pub fn web_url(&self) -> String {
        match self.origin.strip_prefix("https://api.") {
            Some(host) if self.rest_prefix.is_empty() => format!("https://{host}"),
            _ => self.origin.clone(),
        }
    }

    /// Returns the path and query of an absolute address on this server's REST API.
    pub(crate) fn path_on_server<'url>(&self, url: &'url str) -> Option<&'url str> {
        let rest = url.strip_prefix(&self.origin)?;
        let path = rest.strip_prefix(&self.rest_prefix)?;
        path.starts_with('/').then_some(path)
    }
}

/// Returns scheme, host and port of an address, and its path.
fn split_url(url: &str) -> Option<(&str, &str)> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| url.starts_with(scheme))?;
    let rest = url.get(scheme.len()..)?;
    let end = rest.find('/').unwrap_or(rest.len());
    let host = rest.get(..end)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return None;
    }
    let path = rest.get(end..)?;
    let path_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.bytes().all(path_plain).then_some((url.get(..scheme.len() + end)?, path))
}

impl RepositoryName {
    /// Reads `OWNER/NAME`.
    pub fn parse_name(written: &str) -> Option<RepositoryName> {
        let (owner, name) = written.split_once('/')?;
        let plain = |part: &str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !part.is_empty() && part.len() <= 100 && part != "." && part != ".." && part.bytes().all(known)
        };
        (plain(owner) && plain(name))
            .then(|| RepositoryName { owner: owner.to_owned(), name: name.to_owned() })
    }

    /// Returns the path of the repository in the REST API.
    pub(crate) fn rest_path(&self) -> String {
        format!("/repos/{}/{}", self.owner, self.name)
    }
}

impl PullRequestName {
    /// Reads `OWNER/NAME#NUMBER`, the address of a pull request, or a number in `repo`.
    ///
    /// # Errors
    ///
    /// Says how a pull request is named.
    pub fn parse_name(written: &str, repo: Option<&RepositoryName>) -> Result<PullRequestName, String> {
        let number = |digits: &str| digits.parse::<u64>().ok().filter(|number| 0 < *number);
        let how = || {
            format!(
                "`{}` names no pull request; write OWNER/REPO#N, or its address",
                shorten_for_message(written)
            )
        };
        let found = if let Some(number) = number(written.strip_prefix('#').unwrap_or(written)) {
            let repo = repo.ok_or("a number alone needs `--repo OWNER/REPO`")?;
            Some(PullRequestName { repo: repo.clone(), number })
        } else if let Some((_, path)) = written.split_once("://") {
            let mut parts = path.split('/').skip(1);
            let repo = parts.next().zip(parts.next()).map(|(owner, name)| format!("{owner}/{name}"));
            let word = parts.next();
            let digits = parts.next().map(|last| last.split(['?', '#']).next().unwrap_or_default());
            repo.filter(|_| word == Some("pull"))
                .and_then(|repo| RepositoryName::parse_name(&repo))
                .zip(digits.and_then(number))
                .map(|(repo, number)| PullRequestName { repo, number })
        } else {
            written.split_once('#').and_then(|(repo, digits)| {
                Some(PullRequestName { repo: RepositoryName::parse_name(repo)?, number: number(digits)? })
            })
        };
        found.ok_or_else(how)
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl fmt::Display for PullRequestName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.repo, self.number)
    }
}

/// Returns `text` as one part of a path or as a value of a query, with everything escaped that could
/// mean something there; `/` stays, as paths and branches have it.
pub(crate) fn escape_path(text: &str) -> String {
    use fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Returns the folder of a file in a repository and the file's name in it, if its path is plain.
pub(crate) fn split_folder_and_name(path: &str) -> Option<(&str, &str)> {
    check_plain_path(path).ok()?;
    Some(path.rsplit_once('/').unwrap_or(("", path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graphql_stands_beside_rest_and_never_on_another_host() {
        let paths = |api: &str, graphql: Option<&str>| {
            GitHubServer::new(api, graphql).map(|server| (server.rest_prefix, server.graphql_path)).unwrap()
        };
        let (rest, graphql) = paths("https://api.github.com", None);
        assert_eq!((rest.as_str(), graphql.as_str()), ("", "/graphql"));
        let (rest, graphql) = paths("https://ghes.example.com/api/v3/", None);
        assert_eq!((rest.as_str(), graphql.as_str()), ("/api/v3", "/api/graphql"));
        let told = Some("https://ghes.example.com/elsewhere");
        assert_eq!(paths("https://ghes.example.com/api/v3", told).1, "/elsewhere");
        let other = Some("https://api.github.com/graphql");
        assert_eq!(paths("http://127.0.0.1:4040", other).1, "/graphql");
        for bad in [
            "",
            "ftp://x",
            "http://ghes.example.com",
            "https://",
            "https://a@b",
            "http://localhost.evil.example",
        ] {
            assert!(GitHubServer::new(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn git_fetches_from_beside_the_api() {
        for (api, web) in [
            ("https://api.github.com", "https://github.com"),
            ("https://api.acme.ghe.com", "https://acme.ghe.com"),
            ("https://ghes.example.com/api/v3", "https://ghes.example.com"),
            ("https://api.example.com/api/v3", "https://api.example.com"),
            ("http://127.0.0.1:4040", "http://127.0.0.1:4040"),
        ] {
            assert_eq!(GitHubServer::new(api, None).unwrap().web_url(), web);
        }
    }

    #[test]
    fn links_lead_nowhere_else() {
        let server = GitHubServer::new("https://ghes.example.com/api/v3", None).unwrap();
        assert_eq!(
            server.path_on_server("https://ghes.example.com/api/v3/repos/a/b?page=2"),
            Some("/repos/a/b?page=2")
        );
        for other in
            ["https://ghes.example.com.evil.example/api/v3/x", "https://evil.example/api/v3/x", "/repos", ""]
        {
            assert_eq!(server.path_on_server(other), None, "{other}");
        }
    }

    #[test]
    fn a_pull_request_has_three_names() {
        let repo = RepositoryName::parse_name("acme/shop").unwrap();
        for written in [
            "acme/shop#12",
            "https://github.com/acme/shop/pull/12/files",
            "12",
            "#12",
            "https://ghes.example.com/acme/shop/pull/12#discussion_r1",
        ] {
            let pull = PullRequestName::parse_name(written, Some(&repo)).unwrap();
            assert_eq!(pull.to_string(), "acme/shop#12", "{written}");
        }
        for written in
            ["", "acme/shop", "acme/shop#0", "acme/../x#1", "https://github.com/acme/shop/issues/12", "#-1"]
        {
            assert!(PullRequestName::parse_name(written, Some(&repo)).is_err(), "{written}");
        }
        assert!(PullRequestName::parse_name("12", None).is_err());
        assert_eq!(escape_path("refs/heads/a b&c#d"), "refs/heads/a%20b%26c%23d");
    }
}
