//! Which requests go through a proxy, as the environment says in the words that curl uses.
//!
//! Plain `http` is spoken with this machine alone, and this machine is never reached through a proxy, so
//! only `HTTPS_PROXY` and `ALL_PROXY` name one; `HTTP_PROXY` is not read.

use std::ffi::OsString;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;

use crate::http::loopback::is_loopback_host;
use crate::http::secret::Secret;

/// The variables that can name the proxy, the most particular first.
const PROXY_VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// The variables that can name the hosts that are reached without one.
const BYPASS_VARIABLES: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// The proxy that requests go through, and the hosts that are reached without it.
#[derive(Clone, Default)]
pub struct ProxySettings {
    proxy: Option<Arc<ProxyRules>>,
}

struct ProxyRules {
    server: ProxyServer,
    /// Tells by `NO_PROXY` which hosts the proxy is for, whatever the port.
    matcher: Matcher,
    /// What `NO_PROXY` says of single ports.
    port_matchers: Vec<(u16, Matcher)>,
}

/// A proxy that opens tunnels by CONNECT.
pub(crate) struct ProxyServer {
    /// The variable that names it, for messages.
    pub(crate) variable: &'static str,
    /// Where it is, without a user name and a password.
    pub(crate) uri: Uri,
    /// The whole address, with what it takes to log in.
    pub(crate) address: Secret,
    /// The value of `Proxy-Authorization`, if the address has a user name.
    pub(crate) authorization: Option<HeaderValue>,
}

impl ProxySettings {
    /// Reads the settings from the variables of the environment, which `read` returns by name.
    ///
    /// # Errors
    ///
    /// Names the variable whose value cannot be used, and does not repeat the value, which may hold a
    /// password.
    pub(crate) fn from_variables(read: impl Fn(&str) -> Option<OsString>) -> Result<ProxySettings, String> {
        let Some((variable, address)) = find_variable(&PROXY_VARIABLES, &read)? else {
            return Ok(ProxySettings::default());
        };
        check_proxy_address(&address).map_err(|why| format!("{variable} {why}"))?;
        let mut everywhere = Vec::new();
        let mut port_matchers = Vec::new();
        if let Some((_, written)) = find_variable(&BYPASS_VARIABLES, &read)? {
            for entry in written.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()) {
                // `*.example.com` means what `.example.com` means.
                let entry = entry.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(entry);
                check_bypass_entry(entry)?;
                match split_port(entry) {
                    Some((host, port)) => port_matchers.push((port, build_matcher(&address, host))),
                    None => everywhere.push(entry.to_owned()),
                }
            }
        }
        let matcher = build_matcher(&address, &everywhere.join(","));
        let intercept = build_matcher(&address, "").intercept(&Uri::from_static("https://any.invalid/"));
        let intercept = intercept.ok_or_else(|| format!("{variable} {NOT_A_PROXY}"))?;
        let server = ProxyServer {
            variable,
            uri: intercept.uri().clone(),
            authorization: intercept.basic_auth().cloned(),
            address: Secret::from_value(address),
        };
        Ok(ProxySettings { proxy: Some(Arc::new(ProxyRules { server, matcher, port_matchers })) })
    }

    /// Returns the proxy that a request to `target` goes through, if it goes through one.
    pub(crate) fn proxy_for(&self, target: &Uri) -> Option<&ProxyServer> {
        let rules = self.proxy.as_deref()?;
        if target.host().is_none_or(is_loopback_host) {
            return None;
        }
        rules.matcher.intercept(target)?;
        let port = target.port_u16().unwrap_or(443);
        for (bypassed_port, matcher) in &rules.port_matchers {
            if *bypassed_port == port {
                matcher.intercept(target)?;
            }
        }
        Some(&rules.server)
    }
}

impl fmt::Debug for ProxySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variable = self.proxy.as_ref().map(|rules| rules.server.variable);
        f.debug_struct("ProxySettings").field("variable", &variable).finish_non_exhaustive()
    }
}

const NOT_A_PROXY: &str = "is not the address of a proxy, such as http://proxy.example.com:3128";

/// Returns the first of these variables that is set to something.
fn find_variable(
    names: &[&'static str],
    read: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<(&'static str, String)>, String> {
    for name in names {
        let Some(value) = read(name) else { continue };
        let value = value.into_string().map_err(|_| format!("{name} is not UTF-8"))?;
        if !value.trim().is_empty() {
            return Ok(Some((name, value.trim().to_owned())));
        }
    }
    Ok(None)
}

/// Says why an address is not that of a proxy that can be used, without repeating it.
fn check_proxy_address(address: &str) -> Result<(), String> {
    if let Some((scheme, _)) = address.split_once("://")
        && !scheme.eq_ignore_ascii_case("http")
    {
        return Err("has to start with http://; other kinds of proxies are not supported".into());
    }
    // Both clients have to understand it in the same way.
    if ureq::Proxy::new(address).is_err() || !names_host_and_port(address) {
        return Err(format!(
            "{NOT_A_PROXY}; in a user name or a password, characters such as `@` and `/` are written as %40 and %2F"
        ));
    }
    Ok(())
}

/// Returns true if an address holds a host, and beside it at most a port and one user name with a
/// password.
fn names_host_and_port(address: &str) -> bool {
    let Ok(uri) = address.parse::<Uri>() else { return false };
    let Some(authority) = uri.authority() else { return false };
    let whole = authority.as_str();
    let host_and_port = whole.rsplit_once('@').map_or(whole, |(_, rest)| rest);
    let port = host_and_port.strip_prefix(authority.host()).unwrap_or("?");
    let has_good_port = port.is_empty() || authority.port_u16().is_some();
    // A slash in a password would end the address there, and leave the rest as a path.
    let is_alone = matches!(uri.path(), "" | "/") && uri.query().is_none();
    !authority.host().is_empty() && has_good_port && is_alone && address.matches('@').count() <= 1
}

/// Returns what tells whether a host is reached through the proxy; `bypass` lists those that are not.
fn build_matcher(address: &str, bypass: &str) -> Matcher {
    Matcher::builder().https(address).no(bypass).build()
}

/// Says what is wrong with an entry of `NO_PROXY`; the library would leave it out without a word.
fn check_bypass_entry(entry: &str) -> Result<(), String> {
    if let Some((address, bits)) = entry.split_once('/') {
        let most = match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => 32,
            Ok(IpAddr::V6(_)) => 128,
            Err(_) => return Err(format!("NO_PROXY: `{}` is not a network", entry.escape_debug())),
        };
        return match bits.parse::<u8>() {
            Ok(bits) if bits <= most => Ok(()),
            _ => Err(format!("NO_PROXY: `{}` is not a network", entry.escape_debug())),
        };
    }
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]*".contains(&byte) || !byte.is_ascii();
    if entry.bytes().all(is_host) {
        return Ok(());
    }
    Err(format!("NO_PROXY: `{}` is not a host, a domain, an address or a network", entry.escape_debug()))
}

/// Returns the host and the port of an entry of `NO_PROXY`, if it has a port.
fn split_port(entry: &str) -> Option<(&str, u16)> {
    let (host, port) = entry.rsplit_once(':')?;
    // Without brackets, more than one colon makes an IPv6 address.
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if bare == host && host.contains(':') {
        return None;
    }
    Some((bare, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<ProxySettings, String> {
        ProxySettings::from_variables(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    fn variable_for(settings: &ProxySettings, url: &str) -> Option<&'static str> {
        settings.proxy_for(&url.parse().unwrap()).map(|proxy| proxy.variable)
    }

    const URL: &str = "https://api.github.com/x";

    #[test]
    fn the_most_particular_variable_names_the_proxy() {
        let chosen = |variables: &[(&str, &str)]| variable_for(&read(variables).unwrap(), URL);
        let proxy = "http://proxy.example.com:3128";
        assert_eq!(chosen(&[]), None);
        assert_eq!(chosen(&[("HTTP_PROXY", proxy)]), None);
        assert_eq!(chosen(&[("HTTPS_PROXY", "")]), None);
        assert_eq!(chosen(&[("https_proxy", proxy), ("ALL_PROXY", "socks5://x")]), Some("https_proxy"));
        assert_eq!(chosen(&[("https_proxy", proxy), ("HTTPS_PROXY", proxy)]), Some("HTTPS_PROXY"));
        assert_eq!(chosen(&[("all_proxy", proxy)]), Some("all_proxy"));
    }

    #[test]
    fn no_proxy_lists_hosts_domains_networks_and_ports() {
        let settings = read(&[
            ("HTTPS_PROXY", "proxy.example.com:3128"),
            (
                "no_proxy",
                "internal.example, .corp.example,*.lab.example 10.0.0.0/8,ghes.example:8443,[fd00::1]",
            ),
        ]);
        let settings = settings.unwrap();
        for direct in [
            "https://internal.example/",
            "https://a.INTERNAL.example/",
            "https://a.corp.example/",
            "https://a.lab.example/",
            "https://10.1.2.3/",
            "https://ghes.example:8443/",
            "https://localhost/",
            "https://127.0.0.1:1/",
            "https://[::1]/",
        ] {
            assert_eq!(variable_for(&settings, direct), None, "{direct}");
        }
        for proxied in [
            "https://notinternal.example/",
            "https://11.1.2.3/",
            "https://ghes.example/",
            "https://a.example/",
        ] {
            assert_eq!(variable_for(&settings, proxied), Some("HTTPS_PROXY"), "{proxied}");
        }
        let nowhere = read(&[("HTTPS_PROXY", "http://proxy.example.com"), ("NO_PROXY", "*")]).unwrap();
        assert_eq!(variable_for(&nowhere, URL), None);
    }

    #[test]
    fn an_entry_that_names_no_host_is_refused() {
        for bad in ["10.0.0.0/99", "foo/bar", "10.0.0.0/", "http://a.example", "a@b", "fd00::/129"] {
            let Err(why) = read(&[("HTTPS_PROXY", "proxy.example.com"), ("NO_PROXY", bad)]) else {
                panic!("{bad}")
            };
            assert!(why.starts_with("NO_PROXY: ") && why.contains(bad), "{bad}: {why}");
        }
        for good in
            ["a_b.example", "10.0.0.0/8", "fd00::/8", "[::1]:8443", "*", "*.a.example", "bücher.example"]
        {
            assert!(read(&[("HTTPS_PROXY", "proxy.example.com"), ("NO_PROXY", good)]).is_ok(), "{good}");
        }
    }

    #[test]
    fn a_user_name_and_a_password_are_decoded_once() {
        let settings = read(&[("HTTPS_PROXY", "http://user:p%40ss@proxy.example.com:3128/")]).unwrap();
        let proxy = settings.proxy_for(&URL.parse().unwrap()).unwrap();
        assert_eq!(proxy.uri, "http://proxy.example.com:3128/");
        assert_eq!(proxy.authorization.as_ref().unwrap(), "Basic dXNlcjpwQHNz");
        assert!(!format!("{settings:?}").contains("p%40ss"));
    }

    #[test]
    fn a_bad_setting_is_named_and_not_repeated() {
        for bad in [
            "http://",
            "http://user:hunter2@",
            "http://us@er:hunter2@proxy.example.com",
            "http://user:hunter2/x@proxy.example.com",
            "socks5://user:hunter2@proxy.example.com",
            "https://user:hunter2@proxy.example.com",
            "http://user:hunter2@proxy.example.com:port",
            "http://user:%FFhunter2@proxy.example.com",
            "hunter2 hunter2",
        ] {
            let Err(why) = read(&[("HTTPS_PROXY", bad)]) else { panic!("{bad}") };
            assert!(why.starts_with("HTTPS_PROXY ") && !why.contains("hunter2"), "{bad}: {why}");
        }
    }
}
