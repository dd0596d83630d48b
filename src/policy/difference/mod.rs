//! What a change of a policy means: each difference between two policies is stricter, looser, or different.
//!
//! The effective policies are compared, after all files are joined. *Stricter* is a promise: no change that the
//! old policy denies is allowed by the new one because of it. Where the wording does not show that, a
//! difference is *looser* if one can say in which way, and else *different*; both count as loosening.

mod effective_policy;
mod exemption_comparison;
mod policy_comparison;
mod policy_difference;
mod rule_comparison;
pub(crate) mod wording;
mod written_parts;

use crate::policy::definition::Policy;
use crate::policy::difference::effective_policy::EffectivePolicy;
use crate::policy::difference::policy_comparison::compare_policies;
use crate::policy::faults::PolicyErrors;
use crate::policy::load::files::{FetchedFile, PolicyFiles};

pub use crate::policy::difference::policy_difference::{PolicyDifference, PolicyDirection};

/// A valid policy and where its files are found.
pub struct PolicySource<'source> {
    /// The policy.
    pub policy: &'source Policy,
    /// The name of its file, or of its pack.
    pub entry: &'source str,
    /// Finds its files.
    pub fetch: &'source mut dyn FnMut(&str) -> FetchedFile,
}

/// Returns what is different between two policies, part by part; nothing if they ask the same.
///
/// Names, titles, reasons and other words that decide nothing are not compared.
///
/// # Errors
///
/// Returns the files that cannot be read again.
pub fn find_policy_differences(
    old: PolicySource<'_>,
    new: PolicySource<'_>,
) -> Result<Vec<PolicyDifference>, PolicyErrors> {
    let (old_policy, new_policy) = (old.policy, new.policy);
    let (old_files, old_roster) = gather_source(old)?;
    let (new_files, new_roster) = gather_source(new)?;
    let old = EffectivePolicy::join_files(&old_files.files, old_roster);
    let new = EffectivePolicy::join_files(&new_files.files, new_roster);
    Ok(compare_policies((&old, old_policy), (&new, new_policy)))
}

fn gather_source(source: PolicySource<'_>) -> Result<(PolicyFiles, Option<Vec<u8>>), PolicyErrors> {
    let files = PolicyFiles::gather_files(source.entry, source.fetch)?;
    let roster = source.policy.people.roster.as_deref().and_then(|path| (source.fetch)(path).ok().flatten());
    Ok((files, roster))
}
