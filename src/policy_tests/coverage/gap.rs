//! What tests do not reach, each thing once.

use crate::policy_tests::coverage::point::{CoverageAspect, CoveragePoint, CoverageSubject};

/// Something that no test reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoverageGap<'report> {
    /// What is not reached.
    pub kind: GapKind,
    /// The first of the points that it stands for.
    pub point: &'report CoveragePoint,
}

/// What is not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapKind {
    /// No change is of the class. What it consists of is not told as well.
    Class,
    /// The rule applies to no change. What it consists of is not told as well.
    RuleNeverApplies,
    /// No change that the rule applies to keeps it.
    RuleNeverKept,
    /// No change breaks the rule.
    RuleNeverBroken,
    /// The `when` of the rule leaves out no change that its class would let it apply to.
    WhenAlwaysHolds,
    /// A part of a question never holds.
    PartNeverHolds,
    /// A part of a question always holds.
    PartAlwaysHolds,
    /// Whether a part of a question holds is known of no change that is asked it.
    PartNeverKnown,
    /// No change is let pass by this part of an `any` alone.
    WayNeverAlone,
    /// No change needs the exemption. If no change breaks its rule at all, what it consists of is not told as well.
    Exemption,
    /// The exemption covers every change that breaks its rule.
    ExemptionNeverWithheld,
}

/// Returns the gaps among these points. A rule that applies to no change is one gap, and so are a class of which there is no
/// change, and a part of which nothing is known.
pub(super) fn list_gaps(points: &[CoveragePoint]) -> Vec<CoverageGap<'_>> {
    let mut gaps: Vec<CoverageGap<'_>> = Vec::new();
    let mut rest = points.iter().peekable();
    let mut unapplied: Option<&CoverageSubject> = None;
    while let Some(point) = rest.next() {
        if point.is_reached || unapplied == Some(&point.subject) {
            continue;
        }
        let next = rest.peek().filter(|next| !next.is_reached && next.subject == point.subject);
        let kind = match (point.aspect, next.map(|next| next.aspect)) {
            (CoverageAspect::RuleApplies, _) => {
                unapplied = Some(&point.subject);
                GapKind::RuleNeverApplies
            }
            (CoverageAspect::PartHolds, Some(CoverageAspect::PartFails)) => {
                rest.next();
                GapKind::PartNeverKnown
            }
            (CoverageAspect::ClassTaken, _) => {
                unapplied = Some(&point.subject);
                GapKind::Class
            }
            (CoverageAspect::ExemptionUsed, Some(CoverageAspect::ExemptionWithheld)) => {
                unapplied = Some(&point.subject);
                GapKind::Exemption
            }
            (CoverageAspect::RuleKept, _) => GapKind::RuleNeverKept,
            (CoverageAspect::RuleBroken, _) => GapKind::RuleNeverBroken,
            (CoverageAspect::WhenFails, _) => GapKind::WhenAlwaysHolds,
            (CoverageAspect::PartHolds, _) => GapKind::PartNeverHolds,
            (CoverageAspect::PartFails, _) => GapKind::PartAlwaysHolds,
            (CoverageAspect::WayAlone, _) => GapKind::WayNeverAlone,
            (CoverageAspect::ExemptionUsed, _) => GapKind::Exemption,
            (CoverageAspect::ExemptionWithheld, _) => GapKind::ExemptionNeverWithheld,
        };
        gaps.push(CoverageGap { kind, point });
    }
    gaps
}
