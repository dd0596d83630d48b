//! What a backtest ends with.

use crate::backtest::comparison::BacktestTotals;

/// A backtest that is done.
#[derive(Clone, Debug)]
pub struct BacktestReport {
    /// The policy that is proposed, as a person would look for it.
    pub proposed: String,
    /// The policy that it is compared with.
    pub current: String,
    /// The history that was judged.
    pub range: String,
    /// What came out.
    pub totals: BacktestTotals,
}
