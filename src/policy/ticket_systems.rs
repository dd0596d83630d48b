//! Ticket systems: which tickets are in which system, by the prefix of their keys.
//!
//! The policy names the systems and holds no secret. Tokens belong to the gate administrator, who also
//! says for which address each of them is; so no policy can have a token sent somewhere else. An export
//! in the repository could be edited by the people it is evidence about; so the policy says that there
//! is one, and the gate administrator says where.

use crate::change::ticket::TicketKey;
use crate::yaml::decode::{MapReader, read_choice, read_entries, read_text};
use crate::yaml::{YamlFault, YamlNode, YamlValue, shorten_for_message};

/// Stands for every prefix that has no entry of its own.
const ANY_PREFIX: &str = "*";

/// The systems that can be named by a word alone.
const SYSTEM_WORDS: [(&str, TicketSystem); 3] = [
    ("github", TicketSystem::GitHub { repository: None }),
    ("linear", TicketSystem::Linear),
    ("export", TicketSystem::Export),
];

/// The ticket systems of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TicketSystems {
    by_prefix: Vec<(String, TicketSystem)>,
}

/// A system that tickets are looked up in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TicketSystem {
    /// Issues of a repository on GitHub.
    GitHub {
        /// The repository, as in `acme/shop`; `None` for the one that is judged.
        repository: Option<String>,
    },
    /// Jira in Atlassian's cloud, at this address.
    JiraCloud(String),
    /// Jira Data Center, at this address.
    JiraDataCenter(String),
    /// Linear, which has one address for all.
    Linear,
    /// A file with tickets, which the gate administrator provides.
    Export,
}

impl TicketSystems {
    /// Reads the `tickets` of a policy and adds them, each replacing one for the same prefix.
    pub fn read_systems(&mut self, node: &YamlNode, faults: &mut Vec<YamlFault>) {
        for (key, node) in read_entries(node, faults) {
            if key.text != "#" && key.text != ANY_PREFIX && !TicketKey::is_key_prefix(&key.text) {
                let what =
                    format!("`{}` is not the prefix of a ticket's key", shorten_for_message(&key.text));
                faults.push(
                    YamlFault::new(key.at, what)
                        .with_help("as in `PAY` for PAY-412, `'#'` for #12, or `'*'` for all others"),
                );
            }
            if let Some(system) = TicketSystem::read_system(node, faults) {
                self.by_prefix.retain(|(prefix, _)| *prefix != key.text);
                self.by_prefix.push((key.text.clone(), system));
            }
        }
    }

    /// Returns true if the policy names no system.
    pub fn is_empty(&self) -> bool {
        self.by_prefix.is_empty()
    }

    /// Returns the addresses of the systems that have one of their own.
    pub(crate) fn list_addresses(&self) -> impl Iterator<Item = &str> {
        self.by_prefix.iter().filter_map(|(_, system)| match system {
            TicketSystem::JiraCloud(address) | TicketSystem::JiraDataCenter(address) => {
                Some(address.as_str())
            }
            TicketSystem::GitHub { .. } | TicketSystem::Linear | TicketSystem::Export => None,
        })
    }

    /// Returns every system once, with the prefixes of the keys that it holds.
    pub(crate) fn group_by_system(&self) -> Vec<(TicketSystem, Vec<String>)> {
        let mut found: Vec<(TicketSystem, Vec<String>)> = Vec::new();
        for (prefix, system) in &self.by_prefix {
            match found.iter_mut().find(|(known, _)| known == system) {
                Some((_, prefixes)) => prefixes.push(prefix.clone()),
                None => found.push((system.clone(), vec![prefix.clone()])),
            }
        }
        found
    }

    /// Returns the system that holds the ticket of this key.
    pub(crate) fn find_system(&self, key: &TicketKey) -> Option<&TicketSystem> {
        match self.find_by_prefix(&key.prefix) {
            // Every system has a number 12, so `*` does not stand for `#12`.
            None if key.prefix != "#" => self.find_by_prefix(ANY_PREFIX),
            found => found,
        }
    }

    fn find_by_prefix(&self, prefix: &str) -> Option<&TicketSystem> {
        self.by_prefix.iter().find(|(known, _)| known == prefix).map(|(_, system)| system)
    }
}

impl TicketSystem {
    /// Returns what the system is and where it stands, in words.
    pub(crate) fn describe_system(&self) -> String {
        match self {
            TicketSystem::GitHub { repository: Some(name) } => format!("issues of {name} on GitHub"),
            TicketSystem::GitHub { repository: None } => "issues of this repository on GitHub".to_owned(),
            TicketSystem::JiraCloud(address) => format!("Jira at {address}"),
            TicketSystem::JiraDataCenter(address) => format!("Jira Data Center at {address}"),
            TicketSystem::Linear => "Linear".to_owned(),
            TicketSystem::Export => "an export that the gate administrator provides".to_owned(),
        }
    }

    /// Reads a system: a word, or a map with its address.
    pub(crate) fn read_system(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<Self> {
        let before = faults.len();
        let YamlValue::Map(entries) = &node.value else {
            let system = read_choice(node, &SYSTEM_WORDS, faults);
            // Jira by its name alone has no address, which is likelier than another word being meant.
            if let Some(fault) = faults.get_mut(before)
                && matches!(&node.value, YamlValue::Scalar { text, .. } if text.starts_with("jira"))
            {
                fault.help =
                    Some("its address is needed, as in `{ jira: https://acme.atlassian.net }`".into());
            }
            return system;
        };
        let mut map = MapReader::new(node, faults)?;
        let mut system = None;
        if let Some(node) = map.find_key("jira") {
            system = read_address(node, faults).map(TicketSystem::JiraCloud);
        }
        if let Some(node) = map.find_key("jira-data-center") {
            system = read_address(node, faults).map(TicketSystem::JiraDataCenter);
        }
        if let Some(node) = map.find_key("github") {
            system = read_repository(node, faults);
        }
        map.refuse_unknown_keys(faults);
        if before == faults.len() && entries.len() != 1 {
            faults.push(YamlFault::new(node.at, "expected one of github, jira, jira-data-center"));
        }
        system
    }
}

fn read_address(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<String> {
    match parse_system_address(read_text(node, faults)?) {
        Ok(address) => Some(address),
        Err(what) => {
            faults.push(YamlFault::new(node.at, what));
            None
        }
    }
}

fn read_repository(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<TicketSystem> {
    let written = read_text(node, faults)?;
    if !is_repository_name(written) {
        let what = format!("`{}` is not a repository such as acme/shop", shorten_for_message(written));
        faults.push(YamlFault::new(node.at, what));
        return None;
    }
    Some(TicketSystem::GitHub { repository: Some(written.to_owned()) })
}

/// Returns true for the name of a repository as GitHub has it: `owner/name`.
pub(crate) fn is_repository_name(written: &str) -> bool {
    match written.split_once('/') {
        Some((owner, name)) => is_name_part(owner) && is_name_part(name),
        None => false,
    }
}

fn is_name_part(part: &str) -> bool {
    !part.is_empty()
        && part.len() <= 100
        && part.bytes().all(|byte| is_plain_byte(byte, b"-_."))
        && part.bytes().any(|byte| byte != b'.')
}

/// Reads the address of a system: `https`, a host, an optional port and path; without a slash at its
/// end, so that two spellings of one address are equal.
///
/// # Errors
///
/// Refuses everything else. `http` is only for a server on this machine: over a network, a token would
/// be sent in the clear.
pub(crate) fn parse_system_address(written: &str) -> Result<String, String> {
    if written.contains('@') {
        // Not repeated: what stands before the `@` may be a password.
        return Err("an address has no user name and no password; tokens have settings of their own".into());
    }
    let shown = shorten_for_message(written);
    let malformed = format!("`{shown}` is not an address such as https://jira.example.com");
    let Some((scheme, rest)) = written.split_once("://") else { return Err(malformed) };
    let rest = rest.trim_end_matches('/');
    let (authority, path) = match rest.split_once('/') {
        Some((authority, path)) => (authority, Some(path)),
        None => (rest, None),
    };
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    if !is_host(host) || !port.is_none_or(is_port) || !path.is_none_or(is_plain_url_path) {
        return Err(malformed);
    }
    match scheme {
        "https" => Ok(format!("https://{}", lowercase_host(rest))),
        "http" if matches!(host, "127.0.0.1" | "localhost") => Ok(format!("http://{rest}")),
        _ => Err(format!("`{shown}` does not start with https://, so a token would be sent in the clear")),
    }
}

fn is_plain_byte(byte: u8, extra: &[u8]) -> bool {
    byte.is_ascii_alphanumeric() || extra.contains(&byte)
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| is_plain_byte(byte, b"-."))
}

fn is_port(port: &str) -> bool {
    port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_plain_url_path(path: &str) -> bool {
    for part in path.split('/') {
        if matches!(part, "" | "." | "..") || !part.bytes().all(|byte| is_plain_byte(byte, b"-._~")) {
            return false;
        }
    }
    true
}

/// Returns host and path with the host in lower case: hosts compare in any case, and paths do not.
fn lowercase_host(rest: &str) -> String {
    match rest.split_once('/') {
        Some((host, path)) => format!("{}/{path}", host.to_ascii_lowercase()),
        None => rest.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn read(policy: &str) -> (TicketSystems, Vec<String>) {
        let mut systems = TicketSystems::default();
        let mut faults = Vec::new();
        systems.read_systems(&yaml::read_document(policy.as_bytes()).unwrap(), &mut faults);
        (systems, faults.into_iter().map(|fault| fault.what).collect())
    }

    fn system(systems: &TicketSystems, key: &str) -> Option<TicketSystem> {
        systems.find_system(&TicketKey::parse_key(&key.into()).unwrap()).cloned()
    }

    #[test]
    fn a_key_finds_its_system_by_its_prefix() {
        let (systems, faults) = read(
            "PAY: { jira: https://ACME.example/ }\nOPS: { jira-data-center: 'https://jira.example.com:8443/Jira' }\n\
             ENG: linear\n'#': github\nINFRA: { github: acme/infra }\n'*': export\n",
        );
        assert_eq!(faults, [""; 0]);
        assert_eq!(system(&systems, "PAY-1"), Some(TicketSystem::JiraCloud("https://acme.example".into())));
        let data_center = TicketSystem::JiraDataCenter("https://jira.example.com:8443/Jira".into());
        assert_eq!(system(&systems, "OPS-1"), Some(data_center));
        assert_eq!(system(&systems, "ENG-1"), Some(TicketSystem::Linear));
        assert_eq!(system(&systems, "#1"), Some(TicketSystem::GitHub { repository: None }));
        assert_eq!(
            system(&systems, "INFRA-1"),
            Some(TicketSystem::GitHub { repository: Some("acme/infra".into()) })
        );
        assert_eq!(system(&systems, "CHG0001"), Some(TicketSystem::Export));
        let (only_others, _) = read("'*': linear");
        assert_eq!(system(&only_others, "#1"), None);
    }

    #[test]
    fn an_unknown_system_is_a_fault() {
        for (policy, what) in [
            ("PAY: jira", "unknown word `jira`"),
            ("PAY: {}", "expected one of github, jira, jira-data-center"),
            (
                "PAY: { jira: https://a.example, github: a/b }",
                "expected one of github, jira, jira-data-center",
            ),
            ("PAY: { jirra: https://a.example }", "unknown key `jirra`"),
            ("pay: linear", "`pay` is not the prefix of a ticket's key"),
            ("PAY-1: linear", "`PAY-1` is not the prefix of a ticket's key"),
            ("'#': { github: acme }", "`acme` is not a repository such as acme/shop"),
            ("'#': { github: ../.. }", "`../..` is not a repository such as acme/shop"),
            ("'#': { github: a/b/c }", "`a/b/c` is not a repository such as acme/shop"),
        ] {
            assert_eq!(read(policy).1, [what], "{policy}");
        }
    }

    #[test]
    fn an_address_is_a_host_and_nothing_clever() {
        for good in [
            "https://a.example",
            "https://a.example:8443/jira",
            "http://127.0.0.1:8080",
            "http://localhost:1",
        ] {
            assert_eq!(parse_system_address(good), Ok(good.to_owned()));
            assert_eq!(parse_system_address(&format!("{good}/")), Ok(good.to_owned()));
        }
        for bad in [
            "a.example",
            "http://a.example",
            "ftp://a.example",
            "https://",
            "https://user:word@a.example",
            "https://a.example?x=1",
            "https://a.example/#x",
            "https://a.example/../b",
            "https://a.example//b",
            "https://a.example:99999",
            "https://a.example:+1",
            "https://a b.example",
            "https://127.0.0.1.evil.example@b.example",
            "http://127.0.0.1.evil.example",
            "http://localhost@evil.example",
            "https://\u{430}.example",
            "https://a.example/%2e%2e",
        ] {
            assert!(parse_system_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_policy_that_asks_about_tickets_says_where_they_are_and_which_it_means() {
        let text = "changegate: 1\nextends: [iso27001]\nprotects: [main]\nrules:\n  ticket: { require: { ticket: { field: \
                    Ticket, exists: true } } }\n";
        let load =
            |text: &str| crate::policy::load_policy("p.yml", &mut |_| Ok(Some(text.as_bytes().to_vec())));
        let errors = load(text).unwrap_err();
        let what: Vec<&str> = errors
            .faulty_files
            .iter()
            .flat_map(|file| &file.faults)
            .map(|fault| fault.what.as_str())
            .collect();
        assert_eq!(what, ["a rule asks what a ticket system says, and `tickets` names none"]);
        let policy = load(&format!("{text}tickets: {{ '*': linear }}\n")).unwrap();
        let change = "commits: [{ message: \"x\\n\\nTicket: PAY-1\\nEmergency-Ticket: PAY-9\\n\" }, { message: \
                      \"x\\n\\nTicket: PAY-2\\nTicket: PAY-1\\n\" }]";
        let change =
            crate::fixture::read_change(&yaml::read_document(change.as_bytes()).unwrap(), &mut Vec::new())
                .unwrap();
        assert_eq!(policy.find_ticket_keys(&change), ["PAY-1", "PAY-2"].map(crate::change::Text::from));
    }
}
