//! Which tickets are in which system, by the front of their keys.
//!
//! The policy names the systems and holds no secret. Tokens belong to whoever runs the gate, who also
//! says for which address each of them is: so no policy can have a token sent somewhere else. An
//! export that stood in the repository could be edited by those whom it is to prove something of;
//! so the policy says that there is one, and whoever runs the gate says where.

use crate::change::ticket::TicketKey;
use crate::yaml::decode::{MapReader, read_choice, read_entries, read_text};
use crate::yaml::{YamlFault, YamlNode, YamlValue, shorten_for_message};

/// What stands for every prefix that has no entry of its own.
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

/// A ticket system.
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
    /// Linear.
    Linear,
    /// A file with tickets, which whoever runs the gate brings.
    Export,
}

impl TicketSystems {
    /// Reads the `tickets` of a policy and adds them, each replacing one for the same keys.
    pub fn read_systems(&mut self, node: &YamlNode, faults: &mut Vec<YamlFault>) {
        for (key, node) in read_entries(node, faults) {
            if key.text != "#" && key.text != ANY_PREFIX && !TicketKey::is_key_prefix(&key.text) {
                let what = format!("`{}` is not the front of a ticket's key", shorten_for_message(&key.text));
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

    /// Returns true if there is none.
    pub fn is_empty(&self) -> bool {
        self.by_prefix.is_empty()
    }

    /// Returns every system once, with the fronts of the keys that it holds.
    pub fn group_by_system(&self) -> Vec<(TicketSystem, Vec<String>)> {
        let mut found: Vec<(TicketSystem, Vec<String>)> = Vec::new();
        for (prefix, system) in &self.by_prefix {
            match found.iter_mut().find(|(known, _)| known == system) {
                Some((_, fronts)) => fronts.push(prefix.clone()),
                None => found.push((system.clone(), vec![prefix.clone()])),
            }
        }
        found
    }

    /// Returns the system that holds the ticket of this key.
    pub fn find_system(&self, key: &TicketKey) -> Option<&TicketSystem> {
        let entry = |prefix: &str| self.by_prefix.iter().find(|(known, _)| known == prefix);
        entry(&key.prefix)
            .or_else(|| entry(ANY_PREFIX).filter(|_| key.prefix != "#"))
            .map(|(_, system)| system)
    }
}

impl TicketSystem {
    /// Reads a system: a word, or a map with its address.
    pub(crate) fn read_system(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<Self> {
        if !matches!(node.value, YamlValue::Map(_)) {
            let before = faults.len();
            let system = read_choice(node, &SYSTEM_WORDS, faults);
            // Jira is nothing without its address.
            if let Some(fault) = faults.get_mut(before..).and_then(|new| new.first_mut())
                && matches!(&node.value, YamlValue::Scalar { text, .. } if text.starts_with("jira"))
            {
                fault.help =
                    Some("its address is needed, as in `{ jira: https://acme.atlassian.net }`".into());
            }
            return system;
        }
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let (cloud, data_center) = (map.find_key("jira"), map.find_key("jira-data-center"));
        let repository = map.find_key("github");
        let mut address = |node: &YamlNode| {
            let read = parse_system_address(read_text(node, faults)?);
            read.map_err(|what| faults.push(YamlFault::new(node.at, what))).ok()
        };
        let cloud = cloud.map(|node| address(node).map(TicketSystem::JiraCloud));
        let data_center = data_center.map(|node| address(node).map(TicketSystem::JiraDataCenter));
        let repository = repository.map(|node| {
            let written = read_text(node, faults)?;
            if is_repository_name(written) {
                return Some(TicketSystem::GitHub { repository: Some(written.to_owned()) });
            }
            let what = format!("`{}` is not a repository such as acme/shop", shorten_for_message(written));
            faults.push(YamlFault::new(node.at, what));
            None
        });
        map.refuse_unknown_keys(faults);
        let mut found = cloud.into_iter().chain(data_center).chain(repository);
        let first = found.next();
        if before == faults.len() && (first.is_none() || found.next().is_some()) {
            faults.push(YamlFault::new(node.at, "expected one of github, jira, jira-data-center"));
        }
        first.flatten()
    }
}

/// Returns true for the name of a repository as GitHub has it, with its owner in front.
pub fn is_repository_name(written: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let part = |part: &str| {
        !part.is_empty()
            && part.len() <= 100
            && part.bytes().all(plain)
            && !part.bytes().all(|byte| byte == b'.')
    };
    written.split_once('/').is_some_and(|(owner, name)| part(owner) && part(name))
}

/// Reads the address of a system: `https`, a host, perhaps a port and a path; without a slash at its
/// end, so that two spellings of one address are equal.
///
/// # Errors
///
/// Refuses everything else. `http` is for a server on this machine alone: a token would travel
/// through it in the open.
pub fn parse_system_address(written: &str) -> Result<String, String> {
    let refuse = |why: &str| Err(format!("`{}` {why}", shorten_for_message(written)));
    let Some((scheme, rest)) = written.split_once("://") else {
        return refuse("is not an address such as https://jira.example.com");
    };
    let rest = rest.trim_end_matches('/');
    let (authority, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    let plain = |extra: &'static [u8]| move |byte: u8| byte.is_ascii_alphanumeric() || extra.contains(&byte);
    let whole = !host.is_empty()
        && host.bytes().all(plain(b"-."))
        && port
            .is_none_or(|port| port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit()))
        && path.is_none_or(|path| {
            path.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(plain(b"-._~")))
        });
    match scheme {
        _ if !whole => refuse("is not an address such as https://jira.example.com"),
        "https" => Ok(format!("https://{}", lowercase_host(rest))),
        "http" if matches!(host, "127.0.0.1" | "localhost") => Ok(format!("http://{rest}")),
        _ => refuse("does not start with https://, and a token would travel in the open"),
    }
}

/// Returns host and path with the host in lower case: hosts compare in any case, and paths do not.
fn lowercase_host(rest: &str) -> String {
    let (host, path) = rest.find('/').and_then(|slash| rest.split_at_checked(slash)).unwrap_or((rest, ""));
    format!("{}{path}", host.to_ascii_lowercase())
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
    fn a_key_finds_its_system_by_its_front() {
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
    fn what_is_no_system_is_a_fault() {
        for (policy, what) in [
            ("PAY: jira", "unknown word `jira`"),
            ("PAY: {}", "expected one of github, jira, jira-data-center"),
            (
                "PAY: { jira: https://a.example, github: a/b }",
                "expected one of github, jira, jira-data-center",
            ),
            ("PAY: { jirra: https://a.example }", "unknown key `jirra`"),
            ("pay: linear", "`pay` is not the front of a ticket's key"),
            ("PAY-1: linear", "`PAY-1` is not the front of a ticket's key"),
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
