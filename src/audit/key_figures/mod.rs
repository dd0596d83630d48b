//! Key figures of a period, each with its formula, its numerator and denominator, and what was not known.
//!
//! A figure without a denominator is not told as 100 % or as 0 %, and a small one says that it is small. Records that
//! close something are no changes, so they flatter no rate. Nobody is ranked.

mod approval_speed;
mod approval_spread;
mod change_figures;
mod counted_changes;
pub mod figure;
mod given_files;
mod team_approvals;

pub(crate) use crate::audit::key_figures::counted_changes::KeyFigureCounter;
pub use crate::audit::key_figures::figure::{FigureValue, KEY_FIGURE_SHEET, KeyFigure};
pub(crate) use crate::audit::key_figures::given_files::{build_deployment_figures, build_incident_figures};
