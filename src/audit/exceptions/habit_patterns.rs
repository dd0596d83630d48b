//! Habits that only many changes together show: emergencies and standard changes that are many, risks that are always low,
//! plans that are copied, work that is cut into small parts, dates that are far from the receipt.
//!
//! As with every pattern, each is told with its numbers, the threshold and the explanation that is no reason for concern.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::audit::change_record::ChangeRecord;
use crate::audit::change_record::field_values::{
    BACK_OUT_PLAN, CHANGE_TYPE, FieldNames, INCIDENT, PURPOSE, RISK, TEST_PLAN,
};
use crate::audit::exceptions::change_people::list_authors;
use crate::audit::exceptions::pattern_scope::PatternScope;
use crate::audit::exceptions::{AuditException, ExceptionKind};
use crate::audit::table::format_table_time;
use crate::change::Text;
use crate::verdict::format_count;

/// How many changes there have to be before a share of them means something.
const MIN_CHANGES: usize = 20;

/// Which share of the changes may be emergencies, and standard changes, in percent.
const MAX_EMERGENCY_PERCENT: usize = 10;
const MAX_STANDARD_PERCENT: usize = 80;

/// How many changes have to state a risk before it is asked why nearly all of them are low, and from which share.
const MIN_RISKS: usize = 50;
const MIN_LOW_PERCENT: usize = 95;

/// How many emergencies one person may write, and in how many days.
const MAX_AUTHOR_EMERGENCIES: usize = 3;
const EMERGENCY_DAYS: i64 = 30;

/// How often one text may stand in a field of which each change needs its own.
const MIN_REPEATED_TEXTS: usize = 5;

/// How many bytes of a text are shown.
const MAX_SHOWN_TEXT: usize = 120;

/// How many small changes of one file make a series, and in how many hours.
const MIN_SPLIT_CHANGES: usize = 5;
const SPLIT_HOURS: i64 = 24;

/// How many digits of a commit name it.
const SHORT_DIGITS: usize = 12;

/// How many changes of a series are named.
const MAX_NAMED_CHANGES: usize = 20;

/// How many series and texts are followed at once.
const MAX_FOLLOWED: usize = 50_000;

/// How long before its receipt a commit may have been made, and which share of the changes may be older, in percent.
const MAX_COMMIT_AGE: SignedDuration = SignedDuration::from_hours(24);
const MAX_OLD_PERCENT: usize = 10;

/// The fields of which each change needs a text of its own.
const OWN_TEXTS: [(&str, FieldNames); 3] =
    [("back-out plan", BACK_OUT_PLAN), ("test plan", TEST_PLAN), ("purpose", PURPOSE)];

/// Counts over the changes of an audit, in the order in which they come.
#[derive(Debug, Default)]
pub(crate) struct HabitPatterns {
    changes: usize,
    emergencies: usize,
    emergencies_without_incident: usize,
    standard: usize,
    risks: usize,
    low_risks: usize,
    /// The emergencies of each person, and the longest series so far.
    by_author: BTreeMap<String, ChangeSeries>,
    /// The texts of fields, by the field and the text.
    texts: BTreeMap<(&'static str, String), TextUse>,
    /// The small changes of each person and file.
    by_file: BTreeMap<(String, Text), ChangeSeries>,
    received: usize,
    old: usize,
    /// The change whose commit is the oldest against its receipt.
    oldest: Option<(SignedDuration, String)>,
    scope: PatternScope,
}

/// The changes with one text in a field.
#[derive(Debug)]
struct TextUse {
    count: usize,
    last_change: String,
    last: Timestamp,
}

/// Changes that follow one another within a time.
#[derive(Debug, Default)]
struct ChangeSeries {
    recent: VecDeque<SeriesEntry>,
    longest: Option<LongestSeries>,
}

#[derive(Clone, Debug)]
struct SeriesEntry {
    at: Timestamp,
    id: String,
    lines: Option<u64>,
}

/// The most changes within the time, with the lines of all of them where they are known.
#[derive(Debug)]
struct LongestSeries {
    count: usize,
    from: Timestamp,
    last_change: String,
    /// The first of the changes.
    named: Vec<String>,
    lines: Option<u64>,
}

impl LongestSeries {
    /// Returns the changes by their names.
    fn name_changes(&self) -> String {
        let more = self.count.saturating_sub(self.named.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}", self.named.join(", "))
    }
}

impl ChangeSeries {
    fn add_entry(&mut self, entry: SeriesEntry, within: SignedDuration) {
        // Steps of a history need not come in the order of their times.
        let is_near = |other: &SeriesEntry| entry.at.duration_since(other.at).abs() <= within;
        self.recent.retain(is_near);
        let (at, id) = (entry.at, entry.id.clone());
        self.recent.push_back(entry);
        if self.longest.as_ref().is_none_or(|known| self.recent.len() > known.count) {
            self.longest = Some(LongestSeries {
                count: self.recent.len(),
                from: self.recent.iter().map(|one| one.at).min().unwrap_or(at),
                last_change: id,
                named: self
                    .recent
                    .iter()
                    .take(MAX_NAMED_CHANGES)
                    .map(|one| shorten_change_id(&one.id))
                    .collect(),
                lines: self.recent.iter().map(|one| one.lines).sum(),
            });
        }
    }
}

impl HabitPatterns {
    /// Counts a change.
    pub(crate) fn add_change(&mut self, change: &ChangeRecord) {
        let (id, at) = (change.change_id(), change.landing.at);
        self.scope.add_change(change);
        self.add_commit_age(change, &id);
        if !change.gate_result().is_evaluated() {
            return;
        }
        self.changes += 1;
        let is_standard =
            change.find_word(CHANGE_TYPE).is_some_and(|word| word.eq_ignore_ascii_case("standard"));
        self.standard += usize::from(is_standard);
        let risk = change.find_word(RISK);
        let is_low = risk.as_deref().is_some_and(|word| word.eq_ignore_ascii_case("low"));
        self.risks += usize::from(risk.is_some());
        self.low_risks += usize::from(is_low);
        let authors = list_authors(change);
        if change.is_emergency() {
            self.emergencies += 1;
            self.emergencies_without_incident += usize::from(change.find_value(INCIDENT).is_none());
            for author in &authors {
                let entry = SeriesEntry { at, id: id.clone(), lines: None };
                let of_author = self.by_author.entry(author.clone()).or_default();
                of_author.add_entry(entry, SignedDuration::from_hours(EMERGENCY_DAYS * 24));
            }
        }
        // A standard change is one that was described once, and what a machine does it does again.
        if !is_standard && !change.is_made_with_machine() {
            self.add_texts(change, (&id, at));
        }
        if is_standard || is_low {
            self.add_small_change(change, authors.iter(), (&id, at));
        }
    }

    fn add_commit_age(&mut self, change: &ChangeRecord, id: &str) {
        let committed = change.facts.as_ref().ok().and_then(|facts| facts.committed_at);
        let Some(committed) = committed.filter(|_| change.has_trusted_time()) else { return };
        self.received += 1;
        let age = change.landing.at.duration_since(committed);
        if age > MAX_COMMIT_AGE {
            self.old += 1;
            if self.oldest.as_ref().is_none_or(|(oldest, _)| age > *oldest) {
                self.oldest = Some((age, id.to_owned()));
            }
        }
    }

    fn add_texts(&mut self, change: &ChangeRecord, (id, at): (&str, Timestamp)) {
        for (name, fields) in OWN_TEXTS {
            // One change may state a text in several commits.
            let Some(text) =
                change.list_statements(fields).first().map(|stated| stated.value.to_lossy().into_owned())
            else {
                continue;
            };
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
            if self.texts.len() >= MAX_FOLLOWED && !self.texts.contains_key(&(name, words.clone())) {
                self.texts.retain(|_, use_of| use_of.count > 1);
            }
            let of_text = self.texts.entry((name, words)).or_insert_with(|| TextUse {
                count: 0,
                last_change: id.to_owned(),
                last: at,
            });
            of_text.count += 1;
            if at >= of_text.last {
                (of_text.last, of_text.last_change) = (at, id.to_owned());
            }
        }
    }

    fn add_small_change<'a>(
        &mut self,
        change: &ChangeRecord,
        authors: impl Iterator<Item = &'a String>,
        (id, at): (&str, Timestamp),
    ) {
        let Ok(facts) = &change.facts else { return };
        let within = SignedDuration::from_hours(SPLIT_HOURS);
        for author in authors {
            for path in &facts.paths {
                if self.by_file.len() >= MAX_FOLLOWED {
                    let is_series = |series: &LongestSeries| {
                        series.count >= MIN_SPLIT_CHANGES || at.duration_since(series.from).abs() <= within
                    };
                    self.by_file.retain(|_, series| series.longest.as_ref().is_some_and(is_series));
                }
                let entry = SeriesEntry { at, id: id.to_owned(), lines: facts.lines };
                self.by_file.entry((author.clone(), path.clone())).or_default().add_entry(entry, within);
            }
        }
    }

    /// Returns what the changes show together.
    pub(crate) fn list_exceptions(&self) -> Vec<AuditException> {
        let mut found = Vec::new();
        found.extend(self.build_emergency_share());
        for (author, series) in &self.by_author {
            found.extend(self.build_emergency_series(author, series));
        }
        found.extend(self.build_standard_share());
        found.extend(self.build_low_risks());
        for ((field, text), use_of) in &self.texts {
            found.extend(build_repeated_text((field, text), use_of));
        }
        for ((_, path), series) in &self.by_file {
            found.extend(build_split_change(path, series));
        }
        found.extend(self.build_old_commits());
        found
    }

    fn build_emergency_share(&self) -> Option<AuditException> {
        if self.changes < MIN_CHANGES || self.emergencies * 100 <= self.changes * MAX_EMERGENCY_PERCENT {
            return None;
        }
        let what = format!(
            "{} of {} changes are emergencies, {} of them without an incident or a vulnerability (asked from more than \
             {MAX_EMERGENCY_PERCENT} % of {MIN_CHANGES} or more); in a month of outages that is usual",
            self.emergencies, self.changes, self.emergencies_without_incident
        );
        self.scope.build_pattern(ExceptionKind::EmergencyShare, None, what, "column change_type of changes")
    }

    fn build_emergency_series(&self, author: &str, series: &ChangeSeries) -> Option<AuditException> {
        let longest = series.longest.as_ref().filter(|longest| longest.count > MAX_AUTHOR_EMERGENCIES)?;
        let what = format!(
            "{} emergencies within {EMERGENCY_DAYS} days from {}: {} (asked from more than {MAX_AUTHOR_EMERGENCIES}); who is on \
             duty in an outage writes several",
            longest.count,
            format_table_time(longest.from),
            longest.name_changes()
        );
        Some(AuditException::open_exception(
            ExceptionKind::EmergencySeries,
            (longest.last_change.clone(), Text::from(author)),
            (what, longest.from),
            "columns change_type and author of changes",
        ))
    }

    fn build_standard_share(&self) -> Option<AuditException> {
        if self.changes < MIN_CHANGES || self.standard * 100 <= self.changes * MAX_STANDARD_PERCENT {
            return None;
        }
        let what = format!(
            "{} of {} changes are standard changes (asked from more than {MAX_STANDARD_PERCENT} % of {MIN_CHANGES} or \
             more); where machines keep dependencies or documents up to date, that is usual",
            self.standard, self.changes
        );
        let evidence = "columns change_type and standard_template of changes";
        self.scope.build_pattern(ExceptionKind::StandardShare, None, what, evidence)
    }

    fn build_low_risks(&self) -> Option<AuditException> {
        if self.risks < MIN_RISKS || self.low_risks * 100 < self.risks * MIN_LOW_PERCENT {
            return None;
        }
        let what = format!(
            "{} of {} changes that state a risk state that it is low (asked from {MIN_LOW_PERCENT} % of {MIN_RISKS} or \
             more); small steps are of low risk, and some of them are not",
            self.low_risks, self.risks
        );
        self.scope.build_pattern(ExceptionKind::LowRiskShare, None, what, "column risk_declared of changes")
    }

    fn build_old_commits(&self) -> Option<AuditException> {
        let (oldest, id) = self.oldest.as_ref()?;
        if self.received < MIN_CHANGES || self.old * 100 <= self.received * MAX_OLD_PERCENT {
            return None;
        }
        let days = oldest.as_hours() / 24;
        let what = format!(
            "{} of {} changes say that they were committed more than {} hours before the gate saw them, {id} by {} \
             (asked from more than {MAX_OLD_PERCENT} % of {MIN_CHANGES} or more); work that waits for its review is older \
             than its landing",
            self.old,
            self.received,
            MAX_COMMIT_AGE.as_hours(),
            format_count(usize::try_from(days).unwrap_or(0), "day"),
        );
        self.scope.build_pattern(ExceptionKind::DoubtfulDate, None, what, "column implemented_at of changes")
    }
}

/// Returns the id of a change with the digits by which people name a commit.
fn shorten_change_id(id: &str) -> String {
    let digits = id.rsplit_once('@').map_or(0, |(name, _)| name.len() + 1);
    id.chars().take(digits + SHORT_DIGITS).collect()
}

fn build_repeated_text((field, text): (&str, &str), use_of: &TextUse) -> Option<AuditException> {
    if use_of.count < MIN_REPEATED_TEXTS {
        return None;
    }
    let what = format!(
        "{} changes have the same {field} (asked from {MIN_REPEATED_TEXTS}); for changes of one kind that is usual, and then \
         they may be standard changes",
        use_of.count
    );
    let subject = (use_of.last_change.clone(), Text::from(text).cut_to(MAX_SHOWN_TEXT));
    let evidence = "columns back_out_plan, test_plan and purpose of changes";
    Some(AuditException::open_exception(ExceptionKind::RepeatedText, subject, (what, use_of.last), evidence))
}

fn build_split_change(path: &Text, series: &ChangeSeries) -> Option<AuditException> {
    let longest = series.longest.as_ref().filter(|longest| longest.count >= MIN_SPLIT_CHANGES)?;
    let lines = longest.lines.map(|lines| format!(", {lines} lines together")).unwrap_or_default();
    let what = format!(
        "{} standard or low-risk changes by one author touch it within {SPLIT_HOURS} hours from {}{lines}: {} (asked from \
         {MIN_SPLIT_CHANGES}); corrections that follow one another look the same",
        longest.count,
        format_table_time(longest.from),
        longest.name_changes()
    );
    let subject = (longest.last_change.clone(), path.clone());
    let evidence = "columns author, risk_declared and implemented_at of changes";
    Some(AuditException::open_exception(ExceptionKind::SplitChange, subject, (what, longest.from), evidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn scope() -> PatternScope {
        PatternScope::of_ref(("shop", &"refs/heads/main".into()), at(0))
    }

    fn kinds(habits: &HabitPatterns) -> Vec<ExceptionKind> {
        let found = habits.list_exceptions();
        assert!(found.iter().all(|one| one.actor.is_none() && one.kind.severity() == "low"));
        found.iter().map(|one| one.kind).collect()
    }

    #[test]
    fn shares_are_asked_about_only_beyond_their_thresholds() {
        let mut habits =
            HabitPatterns { scope: scope(), changes: 20, emergencies: 2, standard: 16, ..Default::default() };
        (habits.risks, habits.low_risks) = (49, 49);
        assert_eq!(kinds(&habits), []);
        (habits.emergencies, habits.standard, habits.risks, habits.low_risks) = (3, 17, 100, 95);
        let all = [ExceptionKind::EmergencyShare, ExceptionKind::StandardShare, ExceptionKind::LowRiskShare];
        assert_eq!(kinds(&habits), all);
        // None of the changes alone shows a share of all of them.
        assert!(habits.list_exceptions().iter().all(|one| {
            (one.subject_id.as_str(), one.subject.to_lossy().as_ref()) == ("shop", "refs/heads/main")
        }));
        (habits.changes, habits.low_risks) = (19, 94);
        assert_eq!(kinds(&habits), []);
    }

    #[test]
    fn a_series_counts_what_is_within_its_time_whatever_the_order() {
        let hour = 3_600;
        let mut habits = HabitPatterns { scope: scope(), ..Default::default() };
        let key = ("ana".to_owned(), Text::from("src/a.rs"));
        for (number, hours) in [0, 30, 31, 29, 32, 60, 33].into_iter().enumerate() {
            let entry = SeriesEntry { at: at(hours * hour), id: format!("shop@{number}"), lines: Some(10) };
            let within = SignedDuration::from_hours(SPLIT_HOURS);
            habits.by_file.entry(key.clone()).or_default().add_entry(entry, within);
        }
        let series = habits.by_file[&key].longest.as_ref().unwrap();
        assert_eq!((series.count, series.lines), (4, Some(40)), "what is 27 hours away ends the series");
        assert_eq!(kinds(&habits), []);
        let entry = SeriesEntry { at: at(34 * hour), id: "shop@7".to_owned(), lines: None };
        let series = habits.by_file.get_mut(&key).unwrap();
        series.recent.extend((0..4).map(|_| SeriesEntry { at: at(33 * hour), ..entry.clone() }));
        series.add_entry(entry, SignedDuration::from_hours(SPLIT_HOURS));
        assert_eq!(kinds(&habits), [ExceptionKind::SplitChange]);
        let what = habits.list_exceptions()[0].what.to_lossy().into_owned();
        assert!(what.contains("shop@1, shop@2, shop@3, shop@4") || what.contains("shop@7"), "{what}");
    }

    #[test]
    fn old_commits_are_told_with_the_oldest() {
        let oldest = Some((SignedDuration::from_hours(24 * 40), "shop@2".to_owned()));
        let mut habits = HabitPatterns { scope: scope(), received: 20, old: 2, oldest, ..Default::default() };
        assert_eq!(kinds(&habits), []);
        habits.old = 3;
        assert_eq!(kinds(&habits), [ExceptionKind::DoubtfulDate]);
        assert!(habits.list_exceptions()[0].what.to_lossy().contains("shop@2 by 40 days"));
    }

    #[test]
    fn one_text_is_asked_about_from_the_fifth_change_on() {
        let used = |count| TextUse { count, last_change: "shop@1".to_owned(), last: at(0) };
        assert_eq!(build_repeated_text(("test plan", "run the tests"), &used(4)), None);
        let told = build_repeated_text(("test plan", "run the tests"), &used(5)).unwrap();
        assert!(told.what.to_lossy().starts_with("5 changes have the same test plan"));
    }
}
