//! AI agents: the entries that the roster calls so, and the names that the usual agents write commits with.
//!
//! A name is a claim. That an agent took part only asks for more, so a claim is enough, and where none is made nothing
//! tells.

use std::sync::LazyLock;

use crate::change::person::canonical_address;
use crate::change::pull_request::ForgeAccount;
use crate::change::{Person, Text};
use crate::pattern::NamePattern;
use crate::people::service::PersonKind;
use crate::people::{PeopleDirectory, normalise_identity};

/// The end of the addresses that GitHub gives to accounts.
const GITHUB_DOMAIN: &str = "users.noreply.github.com";

/// The end of the names of apps.
const APP_SUFFIX: &str = "[bot]";

/// The names and addresses that AI agents commit, or are named as co-authors, with; the pack `core` has them under `bots`.
const KNOWN_AGENTS: [&str; 66] = [
    "Copilot",
    "github:Copilot",
    "copilot@github.com",
    "copilot@users.noreply.github.com",
    "*+Copilot@users.noreply.github.com",
    "198982749+Copilot@users.noreply.github.com",
    "223556219+Copilot@users.noreply.github.com",
    "198982749+copilot-swe-agent[bot]@users.noreply.github.com",
    "copilot-swe-agent*@*",
    "*+copilot-swe-agent@users.noreply.github.com",
    "github:copilot-swe-agent",
    "github-copilot@github.com",
    "claude*@anthropic.com",
    "noreply@anthropic.com",
    "209825114+claude[bot]@users.noreply.github.com",
    "claude@users.noreply.github.com",
    "*+claude@users.noreply.github.com",
    "github:claude",
    "devin@cognition.ai",
    "devin@cognition-labs.com",
    "devin@devin.ai",
    "devin-ai-integration@users.noreply.github.com",
    "devin-ai-integration[bot]@users.noreply.github.com",
    "158243242+devin-ai-integration[bot]@users.noreply.github.com",
    "*+devin-ai-integration@users.noreply.github.com",
    "github:devin-ai-integration",
    "cursoragent@cursor.com",
    "cursor@cursor.com",
    "agent@cursor.com",
    "background-agent@cursor.com",
    "cursoragent@users.noreply.github.com",
    "*+cursoragent@users.noreply.github.com",
    "*+cursor@users.noreply.github.com",
    "206951365+cursor[bot]@users.noreply.github.com",
    "github:cursoragent",
    "codex@openai.com",
    "codex-cli@openai.com",
    "codex@users.noreply.github.com",
    "*+codex@users.noreply.github.com",
    "*+chatgpt-codex-connector@users.noreply.github.com",
    "199175422+chatgpt-codex-connector[bot]@users.noreply.github.com",
    "gemini-cli*@google.com",
    "gemini-code-assist@google.com",
    "gemini-code-assist@users.noreply.github.com",
    "*+gemini-code-assist@users.noreply.github.com",
    "176961590+gemini-code-assist[bot]@users.noreply.github.com",
    "*+gemini-cli@users.noreply.github.com",
    "*@aider.chat",
    "amazon-q*@amazon.com",
    "*+amazon-q-developer@users.noreply.github.com",
    "jules@google.com",
    "*+google-labs-jules@users.noreply.github.com",
    "161369871+google-labs-jules[bot]@users.noreply.github.com",
    "openhands@all-hands.dev",
    "*+openhands-agent@users.noreply.github.com",
    "coderabbitai@users.noreply.github.com",
    "*+coderabbitai@users.noreply.github.com",
    "136622811+coderabbitai[bot]@users.noreply.github.com",
    "github:coderabbitai",
    "amp@ampcode.com",
    "crush@charm.land",
    "agent@warp.dev",
    "agent@replit.com",
    "*@cline.bot",
    "junie@jetbrains.com",
    "qwen-coder@alibabacloud.com",
];

static AGENT_PATTERNS: LazyLock<Vec<NamePattern>> =
    LazyLock::new(|| KNOWN_AGENTS.iter().filter_map(|name| NamePattern::new(name).ok()).collect());

impl PeopleDirectory {
    /// Returns true if a name and address, as a commit has them, are those of an AI agent.
    pub(crate) fn names_agent(&self, person: &Person) -> bool {
        let email = person.email.to_lossy();
        let local = email.split('@').next().unwrap_or_default();
        let bare = email.replace(&format!("{APP_SUFFIX}@"), "@");
        let is_known =
            [email.as_ref(), local, bare.as_str(), &person.name.to_lossy()].into_iter().any(is_known_agent);
        is_known || canonical_address(person.email.as_bytes()).is_some_and(|id| self.is_agent_identity(&id))
    }

    /// Returns true if an account of a forge is that of an AI agent.
    pub(crate) fn is_agent_account(&self, account: &ForgeAccount) -> bool {
        if self.is_agent_pusher(&account.id) {
            return true;
        }
        let id = account.id.to_lossy();
        let Some(("github", login)) = id.split_once(':') else { return false };
        let bare = login.strip_suffix(APP_SUFFIX).unwrap_or(login);
        let number = account.number.unwrap_or_default();
        [
            login.to_owned(),
            format!("github:{bare}"),
            format!("{bare}@{GITHUB_DOMAIN}"),
            format!("{number}+{login}@{GITHUB_DOMAIN}"),
            format!("{number}+{bare}@{GITHUB_DOMAIN}"),
        ]
        .iter()
        .any(|name| is_known_agent(name))
    }

    /// Returns true if an account, on a server or with its forge, is that of an AI agent.
    pub(crate) fn is_agent_pusher(&self, account: &Text) -> bool {
        let name = account.to_lossy();
        is_known_agent(&name) || normalise_identity(&name).is_some_and(|id| self.is_agent_identity(&id))
    }

    /// Returns true if the roster calls the entry with this address or account an agent.
    fn is_agent_identity(&self, id: &str) -> bool {
        let record = self.rostered.find_key(id).and_then(|key| self.rostered.find_record(key));
        record.is_some_and(|record| record.kind == PersonKind::Agent)
    }
}

fn is_known_agent(name: &str) -> bool {
    AGENT_PATTERNS.iter().any(|pattern| pattern.matches_name(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    fn person(text: &str) -> Person {
        Person::parse_person(text.as_bytes()).unwrap()
    }

    fn account(id: &str, number: Option<u64>) -> ForgeAccount {
        ForgeAccount { id: id.into(), is_person: false, number }
    }

    #[test]
    fn the_pack_and_the_program_know_the_same_agents() {
        let core = include_str!("../../policies/core.yml");
        let (_, rest) = core.split_once("# AI agents").unwrap();
        let (listed, _) = rest.split_once("\nfields:").unwrap();
        let listed: Vec<&str> =
            listed.lines().filter_map(|line| line.trim().strip_prefix("- '")?.split('\'').next()).collect();
        assert_eq!(listed, KNOWN_AGENTS);
        assert_eq!(AGENT_PATTERNS.len(), KNOWN_AGENTS.len());
    }

    #[test]
    fn the_usual_agents_are_known_by_what_they_write() {
        let people = PeopleDirectory::default();
        for name in [
            "Claude <noreply@anthropic.com>",
            "Copilot <198982749+Copilot@users.noreply.github.com>",
            "Cursor Agent <cursoragent@cursor.com>",
            "claude[bot] <209825114+claude[bot]@users.noreply.github.com>",
            "aider (model) <aider@aider.chat>",
            "x <1+google-labs-jules[bot]@users.noreply.github.com>",
        ] {
            assert!(people.names_agent(&person(name)), "{name}");
        }
        for name in [
            "Claude Monet <claude@example.com>",
            "Ana <ana@example.com>",
            "renovate[bot] <bot@renovateapp.com>",
        ] {
            assert!(!people.names_agent(&person(name)), "{name}");
        }
        for (id, number) in [
            ("github:copilot-swe-agent[bot]", None),
            ("github:claude[bot]", Some(209825114)),
            ("github:Copilot", None),
            ("github:devin-ai-integration[bot]", None),
        ] {
            assert!(people.is_agent_account(&account(id, number)), "{id}");
        }
        for id in ["github:ana", "github:renovate[bot]", "gitlab:claude"] {
            assert!(!people.is_agent_account(&account(id, Some(5))), "{id}");
        }
    }

    #[test]
    fn the_roster_says_which_other_entries_are_agents() {
        let mut people = PeopleDirectory::default();
        let roster = "people:\n  helper: { kind: agent, addresses: [helper@example.com], accounts: ['github:acme-helper#9', builder] }\n  ci: { kind: bot, addresses: [ci@example.com] }\n";
        people.read_roster(&read_document(roster.as_bytes()).unwrap(), &mut Vec::new());
        assert!(people.names_agent(&person("H <Helper+1@example.com>")));
        assert!(people.is_agent_account(&account("github:acme-helper", Some(9))));
        assert!(people.is_agent_pusher(&"builder".into()));
        assert!(!people.names_agent(&person("CI <ci@example.com>")));
    }
}
