//! What a policy says about its file of code owners: whose meaning it has, and which teams its names stand for.

use std::collections::BTreeMap;

use crate::people::code_owners::owner_entry::CodeOwnersFormat;
use crate::yaml::decode::{MapReader, read_choice, read_entries, read_text};
use crate::yaml::{YamlFault, YamlNode, YamlValue, shorten_for_message};

/// The largest file of code owners that is read, as on GitHub.
pub(crate) const MAX_CODE_OWNERS_BYTES: usize = 3_000_000;

const FORMAT_WORDS: [(&str, CodeOwnersFormat); 2] =
    [("github", CodeOwnersFormat::GitHub), ("gitlab", CodeOwnersFormat::GitLab)];

/// Where GitHub looks for the file, in its order.
const GITHUB_PATHS: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// Where GitLab looks for the file, in its order.
const GITLAB_PATHS: [&str; 3] = ["CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// Where the file may be if the policy does not say whose meaning it has.
const PATHS: [&str; 4] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"];

/// The `codeowners` of the `people` of a policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct CodeOwnerSettings {
    format: Option<CodeOwnersFormat>,
    /// The teams of the policy, by the names that the file has for them, in small letters.
    teams: BTreeMap<String, String>,
}

impl CodeOwnerSettings {
    /// Reads `github`, `gitlab`, or a map with `format` and `teams`.
    pub(crate) fn read_settings(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Self {
        let mut settings = CodeOwnerSettings::default();
        if let YamlValue::Scalar { .. } = node.value {
            settings.format = read_choice(node, &FORMAT_WORDS, faults);
            return settings;
        }
        let Some(mut map) = MapReader::new(node, faults) else { return settings };
        if let Some(node) = map.find_key("format") {
            settings.format = read_choice(node, &FORMAT_WORDS, faults);
        }
        if let Some(node) = map.find_key("teams") {
            for (name, team) in read_entries(node, faults) {
                if !name.text.starts_with('@') || name.text.len() < 2 {
                    let what = format!("`{}` is no name of an owner", shorten_for_message(&name.text));
                    let help = "write it as the file of code owners does, as in `'@acme/security': security`";
                    faults.push(YamlFault::new(name.at, what).with_help(help));
                }
                if let Some(team) = read_text(team, faults) {
                    settings.teams.insert(name.text.to_ascii_lowercase(), team.to_owned());
                }
            }
        }
        map.refuse_unknown_keys(faults);
        settings
    }

    /// Adds what a later policy says.
    pub(crate) fn merge_child(&mut self, child: CodeOwnerSettings) {
        self.format = child.format.or(self.format);
        self.teams.extend(child.teams);
    }

    /// Returns where the file may be, the place that counts first.
    pub(crate) fn list_paths(&self) -> &'static [&'static str] {
        match self.format {
            Some(CodeOwnersFormat::GitHub) => &GITHUB_PATHS,
            Some(CodeOwnersFormat::GitLab) => &GITLAB_PATHS,
            None => &PATHS,
        }
    }

    /// Returns whose meaning a file at `path` has.
    pub(crate) fn format_at(&self, path: &str) -> CodeOwnersFormat {
        match self.format {
            Some(format) => format,
            None if path.starts_with(".gitlab/") => CodeOwnersFormat::GitLab,
            None => CodeOwnersFormat::GitHub,
        }
    }

    /// Returns the team that the policy says a name of the file stands for.
    pub(crate) fn find_team(&self, name: &str) -> Option<&str> {
        self.teams.get(&name.to_ascii_lowercase()).map(String::as_str)
    }
}
