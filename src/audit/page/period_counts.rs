//! Counts by month, kept while changes come, and put together into columns that a plot has room for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How many columns a plot has at most.
const MAX_COLUMNS: usize = 36;

/// How many kinds a plot tells apart; the smaller ones are put together.
pub(crate) const MAX_SERIES: usize = 7;

/// What the smaller kinds are called together.
const OTHERS: &str = "others";

/// Counts of kinds of things by month.
#[derive(Clone, Debug, Default)]
pub(crate) struct MonthCounts {
    /// By the number of months since the year 0, and by the name of the kind.
    counts: BTreeMap<i32, BTreeMap<String, u64>>,
}

/// Counts as a plot shows them: a column for each time, of the same kinds in the same order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ColumnCounts {
    /// How long a column is: `month`, `quarter` or `year`.
    pub(crate) step: &'static str,
    /// The kinds, the first at the bottom.
    pub(crate) series: Vec<String>,
    /// The times with the counts of each kind.
    pub(crate) columns: Vec<(String, Vec<u64>)>,
}

impl MonthCounts {
    /// Counts one thing.
    pub(crate) fn add_one(&mut self, at: Timestamp, kind: &str) {
        let day = at.to_zoned(TimeZone::UTC);
        let month = i32::from(day.year()) * 12 + i32::from(day.month()) - 1;
        let kinds = self.counts.entry(month).or_default();
        match kinds.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                kinds.insert(kind.to_owned(), 1);
            }
        }
    }

    /// Returns the months that have a count, the oldest first, with the counts of each kind.
    pub(crate) fn list_months(&self) -> impl Iterator<Item = (String, &BTreeMap<String, u64>)> {
        self.counts.iter().map(|(month, kinds)| (name_column(*month, "month"), kinds))
    }

    /// Returns the counts for a plot. `order` are the kinds that come first, in this order, whether there are any of
    /// them or not, so that they look alike in every report; others follow, the most frequent first.
    pub(crate) fn build_columns(&self, order: &[&str]) -> ColumnCounts {
        let (Some((first, _)), Some((last, _))) =
            (self.counts.first_key_value(), self.counts.last_key_value())
        else {
            return ColumnCounts { step: "month", ..ColumnCounts::default() };
        };
        let months = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
        let (step, length) = match months {
            0..=MAX_COLUMNS => ("month", 1),
            _ if months <= MAX_COLUMNS * 3 => ("quarter", 3),
            _ => ("year", 12),
        };
        let series = self.list_series(order);
        let mut columns = Vec::new();
        for start in first.div_euclid(length)..=last.div_euclid(length) {
            let mut counts = vec![0; series.len()];
            for (_, kinds) in self.counts.range(start * length..(start + 1) * length) {
                for (kind, count) in kinds {
                    let known = series.iter().position(|name| name == kind);
                    let place = known.or_else(|| series.len().checked_sub(1)).unwrap_or_default();
                    if let Some(sum) = counts.get_mut(place) {
                        *sum += count;
                    }
                }
            }
            columns.push((name_column(start, step), counts));
        }
        ColumnCounts { step, series, columns }
    }

    fn list_series(&self, order: &[&str]) -> Vec<String> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for (kind, count) in self.counts.values().flatten() {
            *sums.entry(kind).or_default() += count;
        }
        let mut series: Vec<&str> = order.to_vec();
        let mut others: Vec<(&str, u64)> =
            sums.into_iter().filter(|(kind, _)| !order.contains(kind)).collect();
        others.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        series.extend(others.into_iter().map(|(kind, _)| kind));
        let mut series: Vec<String> = series.into_iter().map(str::to_owned).collect();
        if series.len() > MAX_SERIES {
            series.truncate(MAX_SERIES - 1);
            series.push(OTHERS.to_owned());
        }
        series
    }
}

impl ColumnCounts {
    /// Returns the highest sum of a column.
    pub(crate) fn highest_sum(&self) -> u64 {
        self.columns.iter().map(|(_, counts)| counts.iter().sum()).max().unwrap_or_default()
    }

    /// Returns the sum of each kind over all columns.
    pub(crate) fn sum_series(&self) -> Vec<u64> {
        let mut sums = vec![0; self.series.len()];
        for (_, counts) in &self.columns {
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        sums
    }
}

fn name_column(start: i32, step: &str) -> String {
    match step {
        "month" => format!("{}-{:02}", start.div_euclid(12), start.rem_euclid(12) + 1),
        "quarter" => format!("{} Q{}", start.div_euclid(4), start.rem_euclid(4) + 1),
        _ => start.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_times(times: &[(&str, &str)]) -> MonthCounts {
        let mut counts = MonthCounts::default();
        for (at, kind) in times {
            counts.add_one(at.parse().unwrap(), kind);
        }
        counts
    }

    #[test]
    fn months_without_anything_are_columns_too() {
        let counts = count_times(&[
            ("2026-01-31T23:59:59Z", "pass"),
            ("2026-03-01T00:00:00Z", "fail"),
            ("2026-03-02T00:00:00Z", "pass"),
        ]);
        let built = counts.build_columns(&["pass", "waived", "fail"]);
        assert_eq!(built.series, ["pass", "waived", "fail"]);
        assert_eq!(built.step, "month");
        let expected = [("2026-01", [1, 0, 0]), ("2026-02", [0; 3]), ("2026-03", [1, 0, 1])];
        let expected = expected.map(|(name, counts)| (name.to_owned(), counts.to_vec()));
        assert_eq!(built.columns, expected);
        assert_eq!((built.highest_sum(), built.sum_series()), (2, vec![2, 0, 1]));
    }

    #[test]
    fn long_times_have_longer_columns_and_nothing_is_lost() {
        let counts = count_times(&[("2020-01-01T00:00:00Z", "a"), ("2025-12-31T00:00:00Z", "a")]);
        let built = counts.build_columns(&[]);
        assert_eq!((built.step, built.columns.len()), ("quarter", 24));
        assert_eq!(built.columns.first().map(|(name, _)| name.as_str()), Some("2020 Q1"));
        let counts = count_times(&[("1999-01-01T00:00:00Z", "a"), ("2025-12-31T00:00:00Z", "b")]);
        let built = counts.build_columns(&[]);
        assert_eq!((built.step, built.columns.len(), built.sum_series()), ("year", 27, vec![1, 1]));
    }

    #[test]
    fn many_kinds_are_put_together() {
        let mut counts = MonthCounts::default();
        for number in 0..20 {
            counts.add_one(Timestamp::UNIX_EPOCH, &format!("k{number:02}"));
        }
        let built = counts.build_columns(&[]);
        assert_eq!(built.series.len(), MAX_SERIES);
        assert_eq!(built.series.last().map(String::as_str), Some(OTHERS));
        assert_eq!(built.sum_series().iter().sum::<u64>(), 20);
    }
}
