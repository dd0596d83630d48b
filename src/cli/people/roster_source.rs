//! Which file is the roster, and what is wrong with it.

use crate::cli::command_error::CommandError;
use crate::gate::LoadedPolicy;
use crate::yaml::{YamlFault, shorten_for_message};

/// Returns the path of the roster that the policy names, from the root of the repository.
pub(super) fn find_roster_name(loaded: &LoadedPolicy) -> Result<String, CommandError> {
    loaded.policy.people.roster.clone().ok_or_else(|| {
        let source = shorten_for_message(&loaded.source);
        CommandError::Usage(format!(
            "{source} names no roster; to make one from a list, run `changegate people import LIST.csv --out policies/people.yml`, and name it in the policy: `people: {{ roster: policies/people.yml }}`"
        ))
    })
}

/// Returns the faults of a roster as one error, each with its line.
pub(super) fn describe_faults(name: &str, faults: &[YamlFault]) -> CommandError {
    let lines: Vec<String> =
        faults.iter().map(|fault| format!("{name}:{}: {}", fault.at.line, fault.what)).collect();
    CommandError::Usage(lines.join("\n"))
}
