//! What a change of a policy means: each difference between two policies is stricter, looser, or different.
//!
//! The effective policies are compared, after all files are joined. *Stricter* is a promise: no change that the
//! old policy denies is allowed by the new one because of it. Where the wording does not show that, a
//! difference is *looser* if one can say in which way, and else *different*; both count as loosening.

mod alternative_changes;
mod base_comparison;
mod beside_comparison;
mod catalogue_changes;
mod effective_policy;
mod exemption_comparison;
mod people_comparison;
mod policy_comparison;
mod policy_difference;
mod rule_comparison;
mod value_changes;
pub(crate) mod wording;
mod written_parts;

use std::collections::BTreeSet;

use crate::policy::definition::Policy;
use crate::policy::difference::effective_policy::{EffectivePolicy, OtherFile};
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
    let (old_files, old_beside) = gather_source(old)?;
    let (new_files, new_beside) = gather_source(new)?;
    let old = EffectivePolicy::join_files(&old_files.files, old_beside);
    let new = EffectivePolicy::join_files(&new_files.files, new_beside);
    Ok(compare_policies((&old, old_policy), (&new, new_policy)))
}

/// The bytes of the roster, and the files that a policy is made of.
type BesideFiles = (Option<Vec<u8>>, BTreeSet<OtherFile>);

fn gather_source(source: PolicySource<'_>) -> Result<(PolicyFiles, BesideFiles), PolicyErrors> {
    let files = PolicyFiles::gather_files(source.entry, source.fetch)?;
    let roster = source.policy.people.roster.as_deref().and_then(|path| (source.fetch)(path).ok().flatten());
    let others = list_other_files(source.entry, &files, source.policy);
    Ok((files, (roster, others)))
}

/// Returns the files of a policy beside the one that was asked for, whatever this one is called and wherever it stands.
fn list_other_files(entry: &str, files: &PolicyFiles, policy: &Policy) -> BTreeSet<OtherFile> {
    let folder = entry.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let mut others = BTreeSet::new();
    for path in policy.gate_files.iter().filter(|path| path.as_str() != entry) {
        let is_extended = files.files.iter().any(|file| file.name == *path);
        let below = if is_extended { path.strip_prefix(&folder).unwrap_or(path) } else { path };
        others.insert(OtherFile { is_extended, path: below.to_owned() });
    }
    others
}
