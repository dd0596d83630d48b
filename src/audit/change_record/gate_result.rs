//! What the gate made of a change, with the words of a table for it.

/// What the gate made of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GateResult {
    /// Every rule that denies was met.
    Pass,
    /// Every rule that denies was met, some of them against something that is owed.
    PassOwing,
    /// A rule that denies was broken, and an exemption of the policy allowed that.
    Waived,
    /// A rule that denies was broken.
    Fail,
    /// No rule was broken, and what some of them ask could not be known.
    Undecided,
    /// Nothing judged the change.
    NotEvaluated,
}

impl GateResult {
    /// Returns the word of a table.
    pub fn code(self) -> &'static str {
        match self {
            GateResult::Pass => "pass",
            GateResult::PassOwing => "pass-owing",
            GateResult::Waived => "waived",
            GateResult::Fail => "fail",
            GateResult::Undecided => "undecided",
            GateResult::NotEvaluated => "not-evaluated",
        }
    }

    /// Returns the word of a table for a result that no gate reached at the time.
    pub fn code_afterwards(self) -> &'static str {
        match self {
            GateResult::Pass => "afterwards-pass",
            GateResult::PassOwing => "afterwards-pass-owing",
            GateResult::Waived => "afterwards-waived",
            GateResult::Fail => "afterwards-fail",
            GateResult::Undecided => "afterwards-undecided",
            GateResult::NotEvaluated => "not-evaluated",
        }
    }

    /// Returns the word of a table for a result in evaluate mode, which let the change land whatever it was.
    pub fn code_not_enforced(self) -> &'static str {
        match self {
            GateResult::Pass => "not-enforced-pass",
            GateResult::PassOwing => "not-enforced-pass-owing",
            GateResult::Waived => "not-enforced-waived",
            GateResult::Fail => "not-enforced-fail",
            GateResult::Undecided => "not-enforced-undecided",
            GateResult::NotEvaluated => "not-evaluated",
        }
    }

    /// Returns true if the change was judged at all.
    pub fn is_evaluated(self) -> bool {
        self != GateResult::NotEvaluated
    }
}
