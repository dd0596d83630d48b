//! The kinds of changes that a sample lists apart, and the columns of a population that tell of them.

use crate::policy::is_emergency_class;

/// The columns that put a change into a stratum, in the order of `PopulationRow::facts`.
pub(super) const FACT_COLUMNS: [&str; FACTS] =
    ["change_type", "isms_change", "bypassed", "outcome", "change_class"];

/// How many these are.
pub(super) const FACTS: usize = 5;

/// What an auditor wants to see of every kind, and not by chance alone. A change is in the first that it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stratum {
    /// Landed past the gate, or without a record where there is a ledger.
    Unauthorised,
    /// Landed although the gate denied it, as nothing was enforced.
    Denied,
    /// Failed, or was backed out.
    Failed,
    /// Was let through as an emergency.
    Emergency,
    /// Changes the management system itself.
    Isms,
}

impl Stratum {
    /// All strata, in the order in which a change is put into them.
    pub const ALL: [Stratum; 5] =
        [Stratum::Unauthorised, Stratum::Denied, Stratum::Failed, Stratum::Emergency, Stratum::Isms];

    /// Returns the name for people.
    pub fn title(self) -> &'static str {
        match self {
            Stratum::Unauthorised => "unauthorised and unrecorded changes",
            Stratum::Denied => "changes that landed although denied",
            Stratum::Failed => "failed changes",
            Stratum::Emergency => "emergency changes",
            Stratum::Isms => "ISMS changes",
        }
    }

    /// Returns the column of the population that tells.
    pub fn column(self) -> &'static str {
        let [change_type, isms_change, bypassed, outcome, _] = FACT_COLUMNS;
        match self {
            Stratum::Unauthorised | Stratum::Denied => bypassed,
            Stratum::Failed => outcome,
            Stratum::Emergency => change_type,
            Stratum::Isms => isms_change,
        }
    }
}

/// Returns true if the cells of a row put its change into a stratum.
pub(super) fn fits_stratum(stratum: Stratum, facts: &[Option<String>; FACTS]) -> bool {
    let [change_type, isms_change, bypassed, outcome, change_class] =
        facts.each_ref().map(|fact| fact.as_deref().unwrap_or_default().trim().to_ascii_lowercase());
    match stratum {
        // What landed before there was a gate, or without a ledger that tells, went past nothing that is known; what a
        // ledger does not tell of is added when all rows are known.
        // Nor did what a decision of evaluate mode let through: it was judged, and that it was denied is told apart.
        Stratum::Unauthorised => !matches!(
            bypassed.as_str(),
            "" | "none"
                | "no"
                | "false"
                | "before-gate"
                | "not-known"
                | "not-enforced"
                | "denied-not-enforced"
        ),
        Stratum::Denied => bypassed == "denied-not-enforced",
        Stratum::Failed => matches!(outcome.as_str(), "failed" | "backed-out"),
        // A policy may sort a change among the emergencies that does not call itself one.
        Stratum::Emergency => {
            change_type == "emergency"
                || change_class.split(';').any(|class| is_emergency_class(class.trim()))
        }
        Stratum::Isms => !matches!(isms_change.as_str(), "" | "none" | "no" | "false"),
    }
}
