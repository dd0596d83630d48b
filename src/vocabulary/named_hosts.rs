//! The hosts that a policy names: those of its ticket systems, and those in the patterns of its fields.

/// The texts of a policy that name hosts, in small letters.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct NamedHosts {
    texts: Vec<String>,
}

impl NamedHosts {
    /// Adds an address, or a pattern of addresses.
    pub(crate) fn add_text(&mut self, text: &str) {
        // A pattern writes `example\.com`.
        self.texts.push(text.replace('\\', "").to_ascii_lowercase());
    }

    /// Returns whether a text names the host, in small letters, or every host of a domain that it is in.
    pub(crate) fn names_host(&self, host: &str) -> bool {
        self.texts.iter().any(|text| has_host(text, host))
    }
}

fn has_host(text: &str, host: &str) -> bool {
    let mut domain = host;
    loop {
        for (at, _) in text.match_indices(domain) {
            let front = text.get(..at).unwrap_or_default();
            let rest = text.get(at.saturating_add(domain.len())..).unwrap_or_default();
            // Before a domain stands the pattern of the names in it: `[a-z]+.example.com`.
            let front = if domain.len() == host.len() { Some(front) } else { front.strip_suffix('.') };
            let is_whole = front.is_some_and(|front| !front.ends_with(is_host_character));
            if is_whole && !rest.starts_with(is_host_character) {
                return true;
            }
        }
        let Some((_, wider)) = domain.split_once('.') else { return false };
        domain = wider;
    }
}

fn is_host_character(one: char) -> bool {
    one.is_alphanumeric() || matches!(one, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_by_its_whole_name_or_with_its_domain() {
        let mut hosts = NamedHosts::default();
        for text in [
            "https://Jira.example.com:8443/jira",
            r"https://[a-z]+\.acme\.example/[0-9]+",
            r"#\d|http://localhost/.*",
        ] {
            hosts.add_text(text);
        }
        for named in ["jira.example.com", "a.acme.example", "a.b.acme.example", "localhost"] {
            assert!(hosts.names_host(named), "{named}");
        }
        for other in
            ["example.com", "ira.example.com", "other.example.com", "example", "com", "acme.example.com"]
        {
            assert!(!hosts.names_host(other), "{other}");
        }
    }
}
