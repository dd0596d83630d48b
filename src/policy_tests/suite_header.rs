//! Which policy a suite tests.

use crate::yaml::decode::{MapReader, read_text};
use crate::yaml::{YamlFault, YamlNode};

/// The ending of the names of suites.
pub(crate) const SUITE_ENDING: &str = ".test.yml";

/// What stands before the name of a shipped pack.
pub(crate) const PACK_PREFIX: &str = "pack:";

/// The keys of a suite.
pub(crate) const SUITE_KEYS: [&str; 4] = ["policy", "change", "forge-teams", "tests"];

/// The policy that a suite tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuitePolicy {
    /// A shipped pack, by its name.
    Pack(String),
    /// A file, by its path from the folder of the suite.
    Beside(String),
}

/// Returns the policy that a suite tests: the one that it names, or else the file of the same name without
/// `.test`.
///
/// `file_name` is the name of the suite's file, without folders. `None` if the suite is not a map or its
/// `policy` is no text, which the faults say.
pub fn read_suite_policy(
    node: &YamlNode,
    file_name: &str,
    faults: &mut Vec<YamlFault>,
) -> Option<SuitePolicy> {
    let mut map = MapReader::new(node, faults)?;
    map.allow_keys(&SUITE_KEYS);
    let Some(node) = map.find_key("policy") else {
        let stem = file_name.strip_suffix(SUITE_ENDING).unwrap_or("changegate");
        return Some(SuitePolicy::Beside(format!("{stem}.yml")));
    };
    let written = read_text(node, faults)?;
    Some(match written.strip_prefix(PACK_PREFIX) {
        Some(name) => SuitePolicy::Pack(name.trim().to_owned()),
        None => SuitePolicy::Beside(written.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read_document;

    fn find(text: &str, name: &str) -> Option<SuitePolicy> {
        read_suite_policy(&read_document(text.as_bytes()).unwrap(), name, &mut Vec::new())
    }

    #[test]
    fn a_suite_tests_the_policy_beside_it_unless_it_names_another() {
        let beside = |name: &str| Some(SuitePolicy::Beside(name.to_owned()));
        assert_eq!(find("tests: []", "changegate.test.yml"), beside("changegate.yml"));
        assert_eq!(find("tests: []", "iso27001.test.yml"), beside("iso27001.yml"));
        assert_eq!(find("tests: []", "bots.yml"), beside("changegate.yml"));
        assert_eq!(find("policy: ../a.yml", "x.test.yml"), beside("../a.yml"));
        assert_eq!(find("policy: pack:core", "x.test.yml"), Some(SuitePolicy::Pack("core".into())));
        assert_eq!(find("policy: [a]", "x.test.yml"), None);
        assert_eq!(find("[]", "x.test.yml"), None);
    }
}
