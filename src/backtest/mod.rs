//! A proposed policy over real history, beside the one in force: what would newly be denied or allowed.
//!
//! Each change is judged by both policies, at the time of its last commit and by what a repository tells; where the
//! repository has a ledger, at the time and by what the gate recorded when the change landed. What only a server or a
//! forge knew then (who pushed, reviews, checks, tickets) cannot be known otherwise; a change whose outcome by either
//! policy rests on that is neither newly denied nor newly allowed, and what the other policy denies for certain is told.

mod backtest_report;
mod comparison;
mod history_run;
mod json;
mod outcome_shift;
mod page;
mod recorded_landings;
mod terminal;

pub use crate::backtest::backtest_report::BacktestReport;
pub use crate::backtest::comparison::{BacktestTotals, ChangeShift, OddRuleKind, RuleTotals, ShiftedChange};
pub use crate::backtest::history_run::{BacktestInputs, run_backtest};
pub use crate::backtest::json::write_backtest_json;
pub use crate::backtest::outcome_shift::{OutcomeShift, ShiftTotals};
pub use crate::backtest::page::write_backtest_page;
pub use crate::backtest::terminal::write_backtest_terminal;
