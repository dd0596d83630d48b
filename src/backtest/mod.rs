//! A proposed policy over real history, beside the one in force: what would newly be denied or allowed.
//!
//! Each change is judged by both policies, at the time of its last commit and by what a repository tells. What
//! only a server or a forge knew then (who pushed, reviews, checks, tickets) cannot be known afterwards; a
//! change whose outcome rests on that is counted as open and is neither newly denied nor newly allowed.

mod backtest_report;
mod comparison;
mod history_run;
mod json;
mod page;
mod terminal;

pub use crate::backtest::backtest_report::BacktestReport;
pub use crate::backtest::comparison::{
    BacktestTotals, ChangeShift, OddRuleKind, OutcomeShift, RuleTotals, ShiftTotals, ShiftedChange,
};
pub use crate::backtest::history_run::{BacktestInputs, run_backtest};
pub use crate::backtest::json::write_backtest_json;
pub use crate::backtest::page::write_backtest_page;
pub use crate::backtest::terminal::write_backtest_terminal;
