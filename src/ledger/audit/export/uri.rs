//! URIs in statements: of the repository, of a commit in it, and of policies.

use crate::report::PolicyLocation;

/// Returns whether a text is a URI with a scheme, in printable ASCII.
pub fn is_uri(written: &str) -> bool {
    let Some((scheme, rest)) = written.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && !rest.is_empty() && rest.bytes().all(is_uri_byte)
}

fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)
}

/// Returns the URI of a repository for the URL that git fetches it from; `None` for a local folder, which
/// means nothing on another machine. A password in the URL is left out.
pub fn remote_uri(url: &str) -> Option<String> {
    let found = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let (user, host) = host.rsplit_once('@').unwrap_or(("", host));
            let account = user.split(':').next().unwrap_or_default();
            // The account of an SSH URL is part of the address; in an HTTP URL it names a person.
            if scheme == "ssh" && !account.is_empty() {
                format!("git+{scheme}://{account}@{host}/{path}")
            } else {
                format!("git+{scheme}://{host}/{path}")
            }
        }
        None => {
            let (host, path) = url.split_once(':')?;
            // A host of one letter is a drive of Windows.
            if host.contains('/') || host.len() <= 1 {
                return None;
            }
            format!("git+ssh://{host}/{}", path.trim_start_matches('/'))
        }
    };
    if is_uri(&found) { Some(found) } else { None }
}

/// Returns the URI of a policy; `resource` is that of the repository, for a policy in one of its commits.
pub(crate) fn policy_uri(resource: &str, place: &PolicyLocation) -> String {
    match place {
        PolicyLocation::Commit { id, path } => format!("{resource}@{id}#{}", percent_encode(path)),
        PolicyLocation::Disk(path) => format!("file://{}", percent_encode(path)),
        PolicyLocation::Pack(name) => format!("changegate:pack/{}", percent_encode(name)),
        PolicyLocation::Elsewhere(place) => format!("changegate:policy/{}", percent_encode(place)),
    }
}

/// Returns text as part of the path of a URI.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_the_repository_and_nobody() {
        for (url, expected) in [
            ("https://git.example.com/acme/shop.git", Some("git+https://git.example.com/acme/shop.git")),
            ("https://ana:secret@git.example.com/acme/shop", Some("git+https://git.example.com/acme/shop")),
            ("ssh://git:x@git.example.com:22/acme/shop", Some("git+ssh://git@git.example.com:22/acme/shop")),
            ("git@git.example.com:acme/shop.git", Some("git+ssh://git@git.example.com/acme/shop.git")),
            ("/srv/git/shop.git", None),
            ("../shop.git", None),
            ("C:/shop.git", None),
            ("file:///srv/git/shop.git", None),
            ("https://git.example.com/a b", None),
            ("", None),
        ] {
            assert_eq!(remote_uri(url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn an_address_has_a_scheme_and_no_white_space() {
        for uri in ["git+https://git.example.com/x", "urn:example:gate", "pkg:cargo/changegate@0.1.0"] {
            assert!(is_uri(uri), "{uri}");
        }
        for other in ["", "x", "x:", ":x", "1x:y", "https://a b", "https://\u{e9}", "x:\"y\""] {
            assert!(!is_uri(other), "{other}");
        }
        assert_eq!(percent_encode("a b/\u{e9}.yml#"), "a%20b/%C3%A9.yml%23");
    }
}
