//! Addresses: which lead to this machine alone, and how one is shown.

use std::borrow::Cow;

/// Returns true if the address is plain `http` and leads to this machine alone, so that nothing that is
/// sent there can be read on the way.
pub(crate) fn is_loopback_url(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    uri.scheme_str() == Some("http") && !has_user && uri.host().is_some_and(is_loopback_host)
}

/// Returns an address for a message, without the user name and password that it may hold.
pub(crate) fn hide_login(url: &str) -> Cow<'_, str> {
    let Some((before, after)) = url.rsplit_once('@') else { return Cow::Borrowed(url) };
    match before.split_once("://") {
        Some((scheme, _)) => Cow::Owned(format!("{scheme}://***@{after}")),
        None => Cow::Owned(format!("***@{after}")),
    }
}

/// Returns true if a host is this machine by its name alone.
pub(crate) fn is_loopback_host(host: &str) -> bool {
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_not_shown() {
        for (url, shown) in [
            ("https://example.com/x", "https://example.com/x"),
            ("https://user:hunter2@example.com/x", "https://***@example.com/x"),
            ("https://us@er:hunter2@example.com", "https://***@example.com"),
            ("user:hunter2@example.com", "***@example.com"),
        ] {
            assert_eq!(hide_login(url), shown);
        }
    }

    #[test]
    fn only_this_machine_is_reached_without_encryption() {
        for url in ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]:1/", "http://127.0.0.2/"] {
            assert!(is_loopback_url(url), "{url}");
        }
        for url in [
            "http://example.com/",
            "http://127.0.0.1.example.com/",
            "http://127.0.0.1@example.com/",
            "http://user@localhost/",
            "ftp://localhost/",
            "http://localhost:x@example.com/",
            "https://localhost/",
            "",
        ] {
            assert!(!is_loopback_url(url), "{url}");
        }
    }
}
