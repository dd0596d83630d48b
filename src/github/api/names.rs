//! Names of what is on GitHub: a server, a repository, a pull request.

use std::fmt;

use crate::http::{ProxySettings, hide_login, is_loopback_url};
use crate::people::check_plain_path;
use crate::yaml::shorten_for_message;

/// The address of github.com's REST API.
pub const PUBLIC_API_URL: &str = "https://api.github.com";

/// A GitHub server, as requests reach it.
#[derive(Clone, Debug)]
pub struct GitHubServer {
    /// Scheme, host and port; nothing is ever sent anywhere else.
    pub(crate) origin: String,
    /// What stands before every REST path: empty, or `/api/v3`.
    pub(crate) rest_prefix: String,
    /// The path of GraphQL.
    pub(crate) graphql_path: String,
    /// The proxy that it is reached through.
    pub(crate) proxies: ProxySettings,
}

/// The name of a repository on GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryName {
    /// The user or organisation that owns it.
    pub owner: String,
    /// Its name, without the owner.
    pub name: String,
}

/// The name of a pull request on GitHub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PullRequestName {
    /// The repository that it is for.
    pub repo: RepositoryName,
    /// Its number in that repository.
    pub number: u64,
}

impl GitHubServer {
    /// Reads the address of the REST API (`GITHUB_API_URL`) and, if it is given, of the GraphQL API
    /// (`GITHUB_GRAPHQL_URL`).
    ///
    /// A GraphQL address on another host is not used: the token goes to one host alone. Without one, it is
    /// derived from the REST address, as on GitHub Enterprise Server.
    ///
    /// # Errors
    ///
    /// Refuses an address over which the token would travel unencrypted, and anything that is no address.
    pub fn new(api: &str, graphql: Option<&str>) -> Result<GitHubServer, String> {
        let Some((origin, path)) = split_url(api) else {
            let shown = hide_login(api);
            return Err(format!(
                "`{}` is not the address of an API, such as https://ghes.example.com/api/v3; it has no user name and no password",
                shorten_for_message(&shown)
            ));
        };
        if !origin.starts_with("https://") && !is_loopback_url(origin) {
            let shown = shorten_for_message(api);
            return Err(format!(
                "`{shown}` does not start with https://, and the token could be read on the way"
            ));
        }
        let rest_prefix = path.trim_end_matches('/').to_owned();
        let graphql_path = match graphql.and_then(split_url) {
            Some((other, path)) if other == origin => path.to_owned(),
            _ => format!("{}/graphql", rest_prefix.strip_suffix("/v3").unwrap_or(&rest_prefix)),
        };
        Ok(GitHubServer {
            origin: origin.to_owned(),
            rest_prefix,
            graphql_path,
            proxies: ProxySettings::default(),
        })
    }

    /// Returns the same server, reached through the proxy of these settings.
    #[must_use]
    pub(crate) fn with_proxies(self, proxies: ProxySettings) -> GitHubServer {
        GitHubServer { proxies, ..self }
    }

    /// Returns the address that people open and git fetches from: beside the API, or in front of its path.
    pub(crate) fn web_url(&self) -> String {
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
    let scheme = if url.starts_with("https://") { "https://" } else { "http://" };
    let rest = url.strip_prefix(scheme)?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at_checked(end)?;
    let is_plain = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    if is_plain { Some((url.get(..scheme.len() + end)?, path)) } else { None }
}

impl RepositoryName {
    /// Parses the name of a repository, written `OWNER/NAME`.
    pub fn parse_name(written: &str) -> Option<RepositoryName> {
        let (owner, name) = written.split_once('/')?;
        if !is_plain_name(owner) || !is_plain_name(name) {
            return None;
        }
        Some(RepositoryName { owner: owner.to_owned(), name: name.to_owned() })
    }

    /// Returns the path of the repository in the REST API.
    pub(crate) fn rest_path(&self) -> String {
        format!("/repos/{}/{}", self.owner, self.name)
    }
}

fn is_plain_name(part: &str) -> bool {
    let is_short = !part.is_empty() && part.len() <= 100 && part != "." && part != "..";
    is_short && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl PullRequestName {
    /// Reads `OWNER/NAME#NUMBER`, the address of a pull request, or a number in `repo`.
    ///
    /// # Errors
    ///
    /// Says how a pull request is named.
    pub fn parse_name(written: &str, repo: Option<&RepositoryName>) -> Result<PullRequestName, String> {
        if let Some(number) = parse_number(written.strip_prefix('#').unwrap_or(written)) {
            let repo = repo.ok_or("a number alone needs `--repo OWNER/REPO`")?;
            return Ok(PullRequestName { repo: repo.clone(), number });
        }
        let found = match written.split_once("://") {
            Some((_, path)) => parse_pull_request_path(path),
            None => parse_qualified_number(written),
        };
        found.ok_or_else(|| {
            let shown = shorten_for_message(written);
            format!("`{shown}` is not a pull request; write OWNER/REPO#N, or its address")
        })
    }
}

fn parse_number(digits: &str) -> Option<u64> {
    digits.parse::<u64>().ok().filter(|number| *number > 0)
}

/// Reads `HOST/OWNER/NAME/pull/NUMBER`, whatever follows it.
fn parse_pull_request_path(path: &str) -> Option<PullRequestName> {
    let mut parts = path.split('/').skip(1);
    let repo = format!("{}/{}", parts.next()?, parts.next()?);
    if parts.next()? != "pull" {
        return None;
    }
    let number = parts.next()?.split(['?', '#']).next().and_then(parse_number)?;
    Some(PullRequestName { repo: RepositoryName::parse_name(&repo)?, number })
}

/// Parses the name of a pull request, written `OWNER/NAME#NUMBER`.
fn parse_qualified_number(written: &str) -> Option<PullRequestName> {
    let (repo, digits) = written.split_once('#')?;
    Some(PullRequestName { repo: RepositoryName::parse_name(repo)?, number: parse_number(digits)? })
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
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
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
