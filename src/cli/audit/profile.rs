//! Which tables a report has.

use clap::ValueEnum;

use crate::audit::dataset::AuditProfile;

/// The tables of a report, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ProfileArg {
    /// All of them
    Full,
    /// The change log one page wide, without the table of all columns
    Auditor,
}

impl ProfileArg {
    /// Returns the tables that are written.
    pub(super) fn to_profile(self) -> AuditProfile {
        match self {
            ProfileArg::Full => AuditProfile::Full,
            ProfileArg::Auditor => AuditProfile::Auditor,
        }
    }
}
