//! What is shown of a policy: plain values, complete before a byte is printed.

use crate::policy::origins::WrittenValue;

/// What is shown of a policy.
pub(super) struct ShownPolicy {
    pub(super) name: String,
    pub(super) source: String,
    pub(super) digest: String,
    /// The stage whose rules are shown; `None` for all.
    pub(super) stage: Option<&'static str>,
    pub(super) sections: Vec<ShownSection>,
    /// The rules that are not asked at the stage, each with the fact that it needs.
    pub(super) elsewhere: Vec<(String, String)>,
    /// The changes that are asked about, each with what applies to it.
    pub(super) changes: Vec<AppliedChange>,
    /// How many further changes there are.
    pub(super) left_out: usize,
    pub(super) controls: Vec<ShownControl>,
    /// True if the controls that no rule names are those of a list of the reader's own.
    pub(super) has_own_controls: bool,
}

/// A change, and what of a policy applies to it.
pub(super) struct AppliedChange {
    pub(super) revision: Option<String>,
    pub(super) subject: String,
    pub(super) class: Option<String>,
    /// Why it is of its class.
    pub(super) because: Vec<String>,
    pub(super) sections: Vec<ShownSection>,
}

/// A part of a policy, such as its teams.
#[derive(Clone, Debug)]
pub(super) struct ShownSection {
    /// The word for it, as JSON has it.
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) title: &'static str,
    pub(super) items: Vec<ShownItem>,
}

/// One thing in a part, such as a team.
#[derive(Clone, Debug)]
pub(super) struct ShownItem {
    /// Its name.
    pub(super) name: String,
    /// The statements of the whole of it, the one that counts last.
    pub(super) statements: Vec<WrittenValue>,
    pub(super) values: Vec<ShownValue>,
}

/// One value.
#[derive(Clone, Debug)]
pub(super) struct ShownValue {
    /// The word before it.
    pub(super) label: &'static str,
    /// What it says, in words.
    pub(super) text: String,
    /// The statements of it, the one that counts last; none where the item says it, and for a default.
    pub(super) statements: Vec<WrittenValue>,
}

/// A control, and the rules that name it.
#[derive(Clone, Debug)]
pub(super) struct ShownControl {
    /// The id, such as `iso27001:A.8.32`.
    pub(super) id: String,
    /// The rules that judge; none where no rule names the control.
    pub(super) rules: Vec<ControlRule>,
    /// The rules that name the control and are switched off.
    pub(super) switched_off: Vec<ControlRule>,
}

/// A rule that names a control.
#[derive(Clone, Debug)]
pub(super) struct ControlRule {
    pub(super) id: String,
    pub(super) title: String,
    /// What it does, where it does not deny: that it only warns, or why it is off.
    pub(super) effect: Option<String>,
}
