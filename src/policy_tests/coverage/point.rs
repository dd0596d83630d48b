//! One thing that a test can reach.

use crate::policy::origins::ValueOrigins;
use crate::verdict::{ClassId, ExemptionId, RuleId};

/// One thing that a test can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoveragePoint {
    /// What has to happen for it.
    pub aspect: CoverageAspect,
    /// The class, rule or exemption that it is about.
    pub subject: CoverageSubject,
    /// The question in the policy's words, for a part of what the subject asks.
    pub question: Option<String>,
    /// Where it stands; `None` where no file says it.
    pub place: Option<CoveragePlace>,
    /// True if a test reaches it.
    pub is_reached: bool,
}

/// What has to happen in a test for something to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoverageAspect {
    /// A change is of the class.
    ClassTaken,
    /// The rule applies to a change.
    RuleApplies,
    /// A change keeps the rule.
    RuleKept,
    /// A change breaks the rule.
    RuleBroken,
    /// The rule is for a change by its class, and its `when` leaves the change out.
    WhenFails,
    /// A part of a question holds.
    PartHolds,
    /// A part of a question does not hold.
    PartFails,
    /// Of the parts of an `any` that a rule requires, this one alone lets a change pass.
    WayAlone,
    /// A change breaks the rule, and the exemption covers it.
    ExemptionUsed,
    /// A change breaks the rule, and the exemption does not cover it.
    ExemptionWithheld,
}

/// What aspects are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoverageGroup {
    /// Classes.
    Classes,
    /// Outcomes of rules.
    Outcomes,
    /// Branches of questions: that a part holds, and that it does not.
    Branches,
    /// Ways to meet what a rule asks.
    Ways,
    /// Exemptions, used and withheld.
    Exemptions,
}

/// What of a policy a point is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoverageSubject {
    /// A class.
    Class(ClassId),
    /// A rule.
    Rule(RuleId),
    /// An exemption from a rule.
    Exemption {
        /// Where it stands, which is what names it.
        id: ExemptionId,
        /// The rule.
        rule: RuleId,
    },
}

/// A line of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoveragePlace {
    /// The file, or the name of a pack.
    pub file: String,
    /// True if the file is a pack that is shipped.
    pub is_pack: bool,
    /// The line, counted from 1.
    pub line: usize,
}

impl CoverageGroup {
    /// All groups, in the order in which they are told.
    pub const ALL: [CoverageGroup; 5] = [
        CoverageGroup::Classes,
        CoverageGroup::Outcomes,
        CoverageGroup::Branches,
        CoverageGroup::Ways,
        CoverageGroup::Exemptions,
    ];
}

impl CoverageAspect {
    /// Returns what the aspect is counted with.
    pub fn group(self) -> CoverageGroup {
        match self {
            CoverageAspect::ClassTaken => CoverageGroup::Classes,
            CoverageAspect::RuleApplies | CoverageAspect::RuleKept | CoverageAspect::RuleBroken => {
                CoverageGroup::Outcomes
            }
            CoverageAspect::WhenFails | CoverageAspect::PartHolds | CoverageAspect::PartFails => {
                CoverageGroup::Branches
            }
            CoverageAspect::WayAlone => CoverageGroup::Ways,
            CoverageAspect::ExemptionUsed | CoverageAspect::ExemptionWithheld => CoverageGroup::Exemptions,
        }
    }
}

impl CoverageSubject {
    /// Returns the name of the class, the rule or the exemption.
    pub fn name(&self) -> &str {
        match self {
            CoverageSubject::Class(class) => class.as_str(),
            CoverageSubject::Rule(rule) => rule.as_str(),
            CoverageSubject::Exemption { id, .. } => id.as_str(),
        }
    }
}

impl CoveragePlace {
    /// Returns the line of the statement that counts.
    pub(super) fn find_place(origins: &ValueOrigins, path: &[&str]) -> Option<Self> {
        let statement = origins.find_statements(path).last()?;
        Some(CoveragePlace { file: statement.file.clone(), is_pack: statement.is_pack, line: statement.line })
    }
}
