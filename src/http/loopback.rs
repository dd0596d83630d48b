//! Which addresses lead to this machine alone.

/// Returns true if the address is plain `http` and leads to this machine alone, so that nothing that is
/// sent there can be read on the way.
pub(crate) fn is_loopback_url(url: &str) -> bool {
    let Ok(uri) = url.parse::<http::Uri>() else { return false };
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    uri.scheme_str() == Some("http") && !has_user && uri.host().is_some_and(is_loopback_host)
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
