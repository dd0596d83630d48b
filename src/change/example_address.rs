//! Addresses and keys as forms and documents show them, to be replaced by those of a real ticket.

use crate::change::text::Text;
use crate::change::ticket::TicketKey;

/// Segments of addresses in front of the number of a ticket.
const ADDRESS_FRONTS: [&str; 6] = ["browse", "issue", "issues", "ticket", "tickets", "incidents"];

/// Domains that no one can own: RFC 2606 and RFC 6761.
const RESERVED_DOMAINS: [&str; 7] =
    ["example", "invalid", "test", "localhost", "example.com", "example.org", "example.net"];

/// What follows `your` in a name that a reader is to replace by their own.
const OWN_NAME_ENDS: [&str; 13] = [
    "account",
    "company",
    "domain",
    "host",
    "instance",
    "jira",
    "name",
    "org",
    "organisation",
    "organization",
    "project",
    "repo",
    "team",
];

/// Returns true for an address that names no ticket, as forms give it to be completed: with nothing, or only
/// a placeholder, where the number belongs.
pub(crate) fn is_example_address(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let Some(host) = segments.next() else { return true };
    let Some(last) = segments.next_back() else {
        // The page of a tracker is no ticket, unless a question behind it names one.
        return !rest.contains(['?', '#']) || host.contains("...");
    };
    let is_front = ADDRESS_FRONTS.iter().any(|front| front.eq_ignore_ascii_case(last));
    let has_query = rest.contains(['?', '#']) && !rest.ends_with(['=', '?', '#']);
    (is_front && !has_query) || rest.ends_with('=') || path.split('/').any(is_placeholder_segment)
}

/// Returns true for a part of an address that is to be replaced: `KEY-NNN`, `XXX-000`, `...`, `{id}`, `OWNER`.
fn is_placeholder_segment(segment: &str) -> bool {
    if matches!(segment, "OWNER" | "REPO" | "REPOSITORY") || is_own_name_slot(segment) {
        return true;
    }
    if segment.contains("...") || segment.contains(['{', '<', '$', '[']) || segment.starts_with(':') {
        return true;
    }
    let (key, number) = segment.rsplit_once('-').unwrap_or(("", segment));
    let is_one_of = |text: &str, letters: &[u8]| {
        text.len() > 1 && text.bytes().all(|byte| letters.contains(&byte.to_ascii_uppercase()))
    };
    let is_number_slot = is_one_of(number, b"N")
        || is_one_of(number, b"X")
        || (!number.is_empty() && number.bytes().all(|byte| byte == b'0'))
        || is_one_of(number, b"#")
        || is_one_of(number, b"_")
        || matches!(number, "NUMBER" | "ID" | "NUM")
        || (matches!(number, "N" | "X" | "n" | "x" | "#") && !key.is_empty());
    is_number_slot && (key.is_empty() || key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

/// Returns true for a name that a reader is to replace by their own: `your-company`, `YOUR_ORG`, `yourteam`.
fn is_own_name_slot(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let Some(end) = name.strip_prefix("your") else { return false };
    end.strip_prefix(['-', '_']).is_some_and(|rest| !rest.is_empty()) || OWN_NAME_ENDS.contains(&end)
}

/// Returns the host of an address in small letters, without user and port; `None` where there is none.
pub(crate) fn find_host(address: &str) -> Option<String> {
    let (_, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = match host.split_once(']') {
        // An address in brackets has colons of its own.
        Some((inner, _)) => inner.strip_prefix('[')?,
        None => host.split(':').next()?,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

/// Returns true for a host, in small letters, that holds no tickets: of a domain that is reserved for
/// examples and tests, of this machine, or one to be replaced, such as `your-company.atlassian.net`.
pub(crate) fn is_example_host(host: &str) -> bool {
    let is_reserved = RESERVED_DOMAINS.iter().any(|domain| {
        host.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.'))
    });
    let is_this_machine = host.starts_with("127.") || matches!(host, "0.0.0.0" | "::1" | "::");
    is_reserved || is_this_machine || host.split('.').any(is_own_name_slot)
}

/// Returns the front of a ticket's key, `#12` or `acme/shop#12` too, if its number is zero: numbers begin
/// at one.
pub(crate) fn find_zero_key_front(value: &str) -> Option<&str> {
    let (repository, key) = match value.split_once('#') {
        Some((repository, _)) => value.split_at_checked(repository.len())?,
        None => ("", value),
    };
    let number = TicketKey::parse_key(&Text::from(key))?.number;
    let is_numbered = number == 0 && !repository.contains(char::is_whitespace);
    is_numbered.then(|| value.trim_end_matches('0'))
}

/// Returns true for the key of a ticket in a repository that is to be replaced: `OWNER/REPO#1`.
pub(crate) fn is_example_repository(value: &str) -> bool {
    let Some((repository, _)) = value.split_once('#') else { return false };
    let Some((owner, name)) = repository.split_once('/') else { return false };
    !name.contains('/') && (is_placeholder_segment(owner) || is_placeholder_segment(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_its_number_names_no_ticket() {
        for slot in [
            "https://acme.atlassian.net/browse/KEY-NNN",
            "https://acme.atlassian.net/browse/",
            "https://acme.atlassian.net/browse",
            "https://acme.atlassian.net/browse/XXX-000",
            "https://acme.atlassian.net/issues/...",
            "https://acme.atlassian.net/issues/{id}",
            "https://acme.atlassian.net/issues/NNN",
            "https://acme.atlassian.net/issues?id=",
            "https://acme.atlassian.net/",
            "https://acme.atlassian.net",
            "https://acme.atlassian.net/browse/PAY-___",
            "https://acme.atlassian.net/browse/PAY-0",
            "https://github.com/OWNER/REPO/issues/1",
            "https://github.com/your-org/your-repo/issues/1",
            "https://",
        ] {
            assert!(is_example_address(slot), "{slot}");
        }
        for named in [
            "https://acme.atlassian.net/browse/PAY-412",
            "https://acme.atlassian.net/browse/PAY_OPS-12/",
            "https://acme.atlassian.net/c/AbCdEfGh",
            "https://acme.atlassian.net/issues/7",
            "https://acme.atlassian.net/issues?id=7",
            "https://acme.atlassian.net/?id=7",
            "PAY-412",
            "#12",
            "https://github.com/yourself/owner/issues/1",
            "https://acme.atlassian.net/browse/A-10",
        ] {
            assert!(!is_example_address(named), "{named}");
        }
    }

    #[test]
    fn a_reserved_host_holds_no_tickets() {
        let is_example = |address: &str| find_host(address).is_some_and(|host| is_example_host(&host));
        for address in [
            "https://example.com/browse/PAY-1",
            "https://EXAMPLE.org./browse/PAY-1",
            "https://user@tickets.example.net:8443/PAY-1",
            "https://acme.example/browse/PAY-1",
            "https://foo.invalid/PAY-1",
            "https://jira.test/PAY-1",
            "https://localhost/PAY-1",
            "https://localhost:8080/PAY-1",
            "https://127.0.0.1/PAY-1",
            "https://[::1]:8080/PAY-1",
            "https://your-company.atlassian.net/browse/PAY-1",
            "https://yourcompany.atlassian.net/browse/PAY-1",
            "https://YOUR_ORG.atlassian.net/browse/PAY-1",
        ] {
            assert!(is_example(address), "{address}");
        }
        for address in [
            "https://acme.atlassian.net/browse/PAY-1",
            "https://myexample.com/PAY-1",
            "https://example.com.acme.dev/PAY-1",
            "https://latest/PAY-1",
            "https://jira/PAY-1",
            "https://yours.dev/PAY-1",
            "https://acme.dev/?from=https://example.com/",
            "PAY-1",
        ] {
            assert!(!is_example(address), "{address}");
        }
    }

    #[test]
    fn tickets_are_numbered_from_one() {
        for (zero, front) in [
            ("#0", "#"),
            ("#00", "#"),
            ("PAY-000", "PAY-"),
            ("CHG0000", "CHG"),
            ("acme/shop#0", "acme/shop#"),
        ] {
            assert_eq!(find_zero_key_front(zero), Some(front), "{zero}");
        }
        for other in ["#10", "PAY-100", "A0-1", "", "0", "pay-0", "a b#0", "CVE-2026-0000", "1.0"] {
            assert_eq!(find_zero_key_front(other), None, "{other}");
        }
        assert!(is_example_repository("OWNER/REPO#1") && is_example_repository("your-org/shop#1"));
        assert!(!is_example_repository("acme/shop#1") && !is_example_repository("#1"));
    }
}
