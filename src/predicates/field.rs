//! `field`: what the change says in a field.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Doc, Known, Reply, Seen};
use crate::calendar::Within;
use crate::change::{Missing, Needs};
use crate::verdict::{Finding, Line, Obligation};
use crate::vocabulary::{Claim, Field, Kind, Reading};
use crate::yaml::decode::{Map, choice, each, entries, one, text, truth};
use crate::yaml::{Fault, Node, Value, shown};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "field",
    asks: "The change says something in a field, and it is what the policy's vocabulary and this question accept.",
    why: "Risk, type, ticket and back-out plan are the record of a change; a field that is empty, a placeholder \
          or contradicts itself is none.",
    parameters: "\
- a map from field names to what is asked of each:
  - `present`: it is stated, and valid;
  - `absent`: it is not stated at all;
  - a word, or `one-of: [words]`: that is what counts;
  - `at-least: WORD`, `at-most: WORD`: for a field of ordered words;
  - `present: true` with `within: 24h` or `within: 5 business days`: it may still be missing, and is owed until then;
  - `until: FIELD` instead of `within`: owed until the day or instant that the change states in that field; a change \
that states none owes nothing;
  - `by: others`, beside either: what is owed is closed only by somebody who did not make the change.",
    passes: "
ask: { field: { Risk: { at-least: medium } } }
fields: { Risk: { ordered: [low, medium, high], on-conflict: highest } }
change:
  commits:
    - message: |
        Cache the tenant lookup

        Risk: High; touches the token check
",
    fails: "
ask: { field: { Back-out-Plan: present } }
fields: { Back-out-Plan: { text: { min-length: 20 } } }
change:
  commits:
    - message: |
        Cache the tenant lookup

        Back-out-Plan: n/a
",
};

/// The question about each field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldHolds {
    asked: Vec<(Arc<Field>, Asked)>,
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq)]
enum Asked {
    Present { owed: Option<Owed>, by_others: bool },
    Absent,
    OneOf(Vec<usize>),
    AtLeast(usize),
    AtMost(usize),
}

/// Until when a field may be missing.
#[derive(Clone, Debug, PartialEq)]
enum Owed {
    Within(Within),
    /// Until what the change states in this field.
    Until(Arc<Field>),
}

impl Owed {
    fn words(&self) -> String {
        match self {
            Owed::Within(within) => format!("within {within}"),
            Owed::Until(field) => format!("until what `{}` says", field.name),
        }
    }

    /// Returns the obligation to state `field`, if the change owes it, or what is wrong.
    fn ask(&self, field: &Field, seen: &Seen<'_>) -> Result<Option<Obligation>, Vec<Finding>> {
        let until = match self {
            Owed::Within(within) => return Ok(Some(owes(field, *within, seen))),
            Owed::Until(until) => until,
        };
        let claims = match until.reading(seen.change) {
            Reading::Absent => return Ok(None),
            Reading::Invalid(reasons) => return Err(reasons),
            Reading::Stated { claims, .. } => claims,
        };
        let mut first = Timestamp::MAX;
        for claim in claims {
            let wrong = |why: &str| {
                let what = Line::say(format!("`{}` is ", until.name)).quote(claim.value).and(why);
                vec![claim.place(Finding::new(what), seen.change)]
            };
            let why = ", which is neither a day such as 2026-12-31 nor an instant in RFC 3339";
            let due = end_of(&claim.value.to_lossy()).ok_or_else(|| wrong(why))?;
            if due < seen.change.seen_at {
                return Err(wrong(", which is over"));
            }
            first = first.min(due);
        }
        Ok(Some(Obligation {
            what: format!("`{}` until {}", field.name, first.strftime("%F %R UTC")),
            owner: "the author".into(),
            due: Some(first),
            evidence: field.template(),
            field: Some(field.name.clone()),
            by_others: false,
        }))
    }
}

/// Returns the last instant of a day in UTC, or an instant as it is written.
fn end_of(written: &str) -> Option<Timestamp> {
    if let Ok(instant) = written.parse::<Timestamp>() {
        return Some(instant);
    }
    // A day with a time but without an offset is no instant.
    let day: Date = written.parse().ok().filter(|_| written.len() == 10)?;
    day.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).ok().map(|end| end.timestamp())
}

impl FieldHolds {
    pub(super) fn read(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let before = faults.len();
        let mut asked = Vec::new();
        for (key, node) in entries(node, faults) {
            let place = Node { at: key.at, value: Value::List(Vec::new()) };
            let Some(field) = known.vocabulary.find(&place, &key.text, faults) else { continue };
            if let Some(question) = Asked::read(node, field, known, faults) {
                asked.push((field.clone(), question));
            }
        }
        if asked.is_empty() && before == faults.len() {
            faults.push(Fault::new(node.at, "no field is named").help("as in `field: { Risk: present }`"));
        }
        (before == faults.len()).then_some(FieldHolds { asked })
    }

    pub(super) fn needs(&self, _: &mut Needs) {}

    /// Returns the fields that must be stated now.
    pub(super) fn stated(&self) -> Vec<&Field> {
        let now = self
            .asked
            .iter()
            .filter(|(_, asked)| !matches!(asked, Asked::Absent | Asked::Present { owed: Some(_), .. }));
        now.map(|(field, _)| field.as_ref()).collect()
    }

    pub(super) fn words(&self) -> String {
        let parts = self.asked.iter().map(|(field, asked)| {
            let name = &field.name;
            let word =
                |level: &usize| field.words().and_then(|words| words.get(*level)).map_or("?", String::as_str);
            match asked {
                Asked::Present { owed: None, .. } => format!("`{name}` is stated"),
                Asked::Present { owed: Some(owed), by_others: false } => {
                    format!("`{name}` is stated {}", owed.words())
                }
                Asked::Present { owed: Some(owed), by_others: true } => {
                    let within = owed.words();
                    format!("`{name}` is stated {within} by somebody who did not make the change")
                }
                Asked::Absent => format!("`{name}` is not stated"),
                Asked::OneOf(levels) => {
                    format!("`{name}` is {}", levels.iter().map(word).collect::<Vec<_>>().join(" or "))
                }
                Asked::AtLeast(level) => format!("`{name}` is at least {}", word(level)),
                Asked::AtMost(level) => format!("`{name}` is at most {}", word(level)),
            }
        });
        parts.collect::<Vec<_>>().join(", and ")
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        let mut findings = Vec::new();
        let mut owed = Vec::new();
        for (field, asked) in &self.asked {
            match (field.reading(seen.change), asked) {
                (Reading::Absent, Asked::Absent) => {}
                (Reading::Absent, Asked::Present { owed: Some(until), by_others }) => {
                    match until.ask(field, seen) {
                        Ok(one) => owed.extend(one.map(|one| Obligation { by_others: *by_others, ..one })),
                        Err(wrong) => findings.extend(wrong),
                    }
                }
                (Reading::Absent, _) => {
                    findings.push(seen.because(|| {
                        let paste = asked.paste(field).unwrap_or_else(|| field.template());
                        absent(field, paste, seen)
                    }));
                }
                (Reading::Invalid(reasons), Asked::Absent) => {
                    findings
                        .push(Finding::new(Line::say(format!("`{}` is stated and must not be", field.name))));
                    findings.extend(reasons);
                }
                (Reading::Invalid(reasons), _) => findings.extend(reasons),
                (Reading::Stated { claims, level }, asked) => {
                    let holds = match (asked, level) {
                        (Asked::Present { .. }, _) => true,
                        (Asked::OneOf(accepted), Some(level)) => accepted.contains(&level),
                        (Asked::AtLeast(least), Some(level)) => *least <= level,
                        (Asked::AtMost(most), Some(level)) => level <= *most,
                        (Asked::Absent | Asked::OneOf(_) | Asked::AtLeast(_) | Asked::AtMost(_), _) => false,
                    };
                    if !holds {
                        findings.push(seen.because(|| asked.contrary(field, &claims, level, seen)));
                    }
                }
            }
        }
        Ok(match (findings.is_empty(), owed.is_empty()) {
            (false, _) => Reply::Fails(findings),
            (true, false) => Reply::Owed(owed),
            (true, true) => Reply::Holds,
        })
    }
}

impl Asked {
    fn read(node: &Node, field: &Field, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        match &node.value {
            Value::Map(_) => Asked::read_map(node, field, known, faults),
            Value::Scalar { text, .. } if text == "present" => {
                Some(Asked::Present { owed: None, by_others: false })
            }
            Value::Scalar { text, .. } if text == "absent" => Some(Asked::Absent),
            _ => one(node, faults, |word| level(field, word)).map(|level| Asked::OneOf(vec![level])),
        }
    }

    fn read_map(node: &Node, field: &Field, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let mut map = Map::new(node, faults)?;
        let asked = if let Some(node) = map.get("at-least") {
            one(node, faults, |word| ordered_level(field, word)).map(Asked::AtLeast)
        } else if let Some(node) = map.get("at-most") {
            one(node, faults, |word| ordered_level(field, word)).map(Asked::AtMost)
        } else if let Some(node) = map.get("one-of") {
            let before = faults.len();
            let levels = each(node, faults, |word| level(field, word));
            (before == faults.len()).then_some(Asked::OneOf(levels))
        } else {
            let (within, until) = (map.get("within"), map.get("until"));
            match map.get("present") {
                Some(node) if truth(node, faults) == Some(false) => faults.push(
                    Fault::new(node.at, "`present` can only be `true`")
                        .help("write `absent` for the contrary"),
                ),
                None if within.is_none() && until.is_none() => {
                    let what = "expected one of at-least, at-most, one-of, present, until, within";
                    faults.push(Fault::new(node.at, what));
                }
                _ => {}
            }
            let by = map.get("by");
            if let (Some(_), Some(node)) = (within, until) {
                faults.push(Fault::new(node.at, "either `within` or `until`, not both"));
            }
            if let (Some(node), None) = (by, within.or(until)) {
                faults.push(Fault::new(
                    node.at,
                    "`by` is about what is owed, and takes a `within` or an `until`",
                ));
            }
            let by_others = by.and_then(|node| choice(node, &[("others", true)], faults)).unwrap_or(false);
            let within = within.and_then(|node| read_within(node, known, faults));
            let owed = within.map(Owed::Within).or_else(|| read_until(until?, known, faults));
            Some(Asked::Present { owed, by_others })
        };
        map.finish(faults);
        asked
    }

    /// Returns the finding that what counts, `level`, is not what is asked.
    fn contrary(
        &self,
        field: &Field,
        claims: &[Claim<'_>],
        level: Option<usize>,
        seen: &Seen<'_>,
    ) -> Finding {
        let deciding = claims.iter().find(|claim| {
            level.is_none() || field.level_of(word_of(claim.value.to_lossy().as_ref())) == level
        });
        let finding = match deciding {
            Some(claim) => {
                let what = Line::say(format!("`{}` is ", field.name))
                    .quote(claim.value)
                    .and(format!(", and is asked to be {}", self.wanted(field)));
                claim.place(Finding::new(what), seen.change)
            }
            None => Finding::new(Line::say(format!("`{}` is not what is asked", field.name))),
        };
        match self.paste(field) {
            Some(paste) => finding.paste(paste),
            None => finding,
        }
    }

    fn wanted(&self, field: &Field) -> String {
        let word =
            |level: &usize| field.words().and_then(|words| words.get(*level)).cloned().unwrap_or_default();
        match self {
            Asked::Present { .. } => "stated".into(),
            Asked::Absent => "left out".into(),
            Asked::OneOf(levels) => levels.iter().map(word).collect::<Vec<_>>().join(" or "),
            Asked::AtLeast(level) => format!("at least {}", word(level)),
            Asked::AtMost(level) => format!("at most {}", word(level)),
        }
    }

    fn paste(&self, field: &Field) -> Option<String> {
        let words = field.words()?;
        let accepted: Vec<_> = words
            .iter()
            .enumerate()
            .filter(|(level, _)| match self {
                Asked::OneOf(levels) => levels.contains(level),
                Asked::AtLeast(least) => least <= level,
                Asked::AtMost(most) => level <= most,
                Asked::Present { .. } => true,
                Asked::Absent => false,
            })
            .map(|(_, word)| word.as_str())
            .collect();
        match accepted.as_slice() {
            [] => None,
            [word] => Some(format!("{}: {word}", field.name)),
            words => Some(format!("{}: <{}>", field.name, words.join("|"))),
        }
    }
}

fn level(field: &Field, word: &str) -> Result<usize, String> {
    let words = field.words().ok_or_else(|| format!("`{}` is not a field of words", field.name))?;
    field.level_of(word).ok_or_else(|| {
        format!("`{}` cannot be `{}`; it is one of {}", field.name, shown(word), words.join(", "))
    })
}

fn ordered_level(field: &Field, word: &str) -> Result<usize, String> {
    match &field.kind {
        // The words of `one-of` stand strictest first, so "at least" would mean its contrary.
        Kind::OneOf(_) => Err(format!("the words of `{}` have no order; write `one-of` here", field.name)),
        _ => level(field, word),
    }
}

fn word_of(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

fn read_until(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Owed> {
    may_owe(node, known, faults);
    let name = text(node, faults)?;
    known.vocabulary.find(node, name, faults).cloned().map(Owed::Until)
}

fn may_owe(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) {
    if !known.may_owe {
        let what = "only a `require` can leave something owed, and not under `not`";
        faults.push(Fault::new(node.at, what));
    }
}

/// Reads for how long something may be missing; leaves a fault where nothing may be owed.
pub(super) fn read_within(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Within> {
    may_owe(node, known, faults);
    one(node, faults, Within::new)
}

/// Returns the finding that a field is not stated, with the text to paste.
pub(super) fn absent(field: &Field, paste: String, seen: &Seen<'_>) -> Finding {
    let tip = seen.change.tip().and_then(|commit| commit.id);
    Finding::new(Line::say(format!("`{}` is missing", field.name))).in_commit(tip).paste(paste)
}

/// Returns the obligation to state a field in time, counted from when the change is seen.
pub(super) fn owes(field: &Field, within: Within, seen: &Seen<'_>) -> Obligation {
    Obligation {
        what: format!("`{}` within {within}", field.name),
        owner: "the author".into(),
        due: within.due(seen.change.seen_at),
        evidence: field.template(),
        field: Some(field.name.clone()),
        by_others: false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{answer, faults, findings};
    use crate::verdict::Answer;

    const FIELDS: &str = "
fields:
  Risk: { ordered: [low, medium, high], on-conflict: highest }
  Change-Type: { one-of: [normal, standard, emergency], on-conflict: strictest }
  Owner: { one-of: [a, b] }
  Plan: { text: { min-length: 10, refuse: [revert the commit] } }
  Ticket: { matches: '[A-Z]+-[0-9]+', aliases: [Refs], many: true }
";

    fn says(question: &str, messages: &[&str]) -> Vec<String> {
        findings(&format!("ask: {{ field: {question} }}{FIELDS}"), messages)
    }

    #[test]
    fn the_highest_of_several_statements_counts() {
        assert_eq!(says("{ Risk: high }", &["a\n\nRisk: low\n", "b\n\nrisk: HIGH; new cache\n"]), [""; 0]);
        assert_eq!(
            says("{ Risk: { at-most: medium } }", &["a\n\nRisk: low\n", "b\n\nRisk: high\n"]).len(),
            1
        );
        assert_eq!(
            says("{ Change-Type: normal }", &["a\n\nChange-Type: emergency\n", "b\n\nChange-Type: normal\n"]),
            [""; 0]
        );
    }

    #[test]
    fn a_disagreement_that_nothing_settles_is_a_finding() {
        let found = says("{ Owner: present }", &["a\n\nOwner: a\nOwner: b\n"]);
        assert_eq!(found, ["`Owner` says `b` here and `a` elsewhere in the same change"]);
    }

    #[test]
    fn text_that_says_nothing_does_not_count() {
        for nothing in [
            "TODO",
            "n/a",
            "...",
            "xxx",
            "<in your own words>",
            "-",
            "\u{200b}",
            "Revert the commit!",
            "too short",
            "The subject",
        ] {
            assert_eq!(
                says("{ Plan: present }", &[&format!("The subject\n\nPlan: {nothing}\n")]).len(),
                1,
                "{nothing}"
            );
        }
        assert_eq!(says("{ Plan: present }", &["x\n\nPlan: set CACHE=off and redeploy\n"]), [""; 0]);
    }

    #[test]
    fn an_alias_and_several_values_count_where_the_policy_says_so() {
        assert_eq!(says("{ Ticket: present }", &["x\n\nRefs: PAY-1\nTicket: PAY-2\n"]), [""; 0]);
        assert_eq!(says("{ Ticket: present }", &["x\n\nTicket: PAY-1\nTicket: soon\n"]).len(), 1);
    }

    #[test]
    fn what_is_owed_holds_with_a_due_time() {
        let owed = answer(&format!("ask: {{ field: {{ Ticket: {{ within: 24h }} }} }}{FIELDS}"), &["x\n"]);
        let Answer::Holds(owed) = owed else { panic!("{owed:?}") };
        assert_eq!(owed[0].due.unwrap().to_string(), "2026-01-02T00:00:00Z");
    }

    #[test]
    fn what_is_temporary_is_owed_until_it_says() {
        let until = |message: &str| {
            let fields = "
fields:
  Temporary-Until: { matches: '[0-9TZ:+-]+' }
  Taken-Back: { text: { min-length: 5 } }
";
            answer(
                &format!("ask: {{ field: {{ Taken-Back: {{ until: Temporary-Until }} }} }}{fields}"),
                &[message],
            )
        };
        for (said, due) in [
            ("2026-03-01", "2026-03-01T23:59:59Z"),
            ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
            ("2026-03-01T10:00:00+02:00", "2026-03-01T08:00:00Z"),
        ] {
            let Answer::Holds(owed) = until(&format!("x\n\nTemporary-Until: {said}\n")) else {
                panic!("{said}")
            };
            assert_eq!(owed[0].due.unwrap().to_string(), due);
        }
        for wrong in ["2026-02-30", "2026-03-01T10:00:00", "2025-12-30", "20260301"] {
            let answer = until(&format!("x\n\nTemporary-Until: {wrong}\n"));
            assert!(matches!(answer, Answer::Fails(_)), "{wrong} {answer:?}");
        }
        assert_eq!(until("x\n"), Answer::Holds(Vec::new()));
        let both = "x\n\nTemporary-Until: 2026-03-01\nTaken-Back: with this commit\n";
        assert_eq!(until(both), Answer::Holds(Vec::new()));
    }

    #[test]
    fn a_question_that_would_mean_something_else_is_refused() {
        let faults = |question: &str| faults(&format!("ask: {{ field: {question} }}{FIELDS}"));
        assert_eq!(faults("{ Risk: { present: false } }"), ["`present` can only be `true`"]);
        assert_eq!(faults("{ Risk: { present: soon } }"), ["expected `true` or `false`"]);
        assert_eq!(
            faults("{ Change-Type: { at-least: standard } }"),
            ["the words of `Change-Type` have no order; write `one-of` here"]
        );
        assert_eq!(faults("{ Risk: { at-least: low, within: 24h } }"), ["unknown key `within`"]);
        assert_eq!(faults("{ Risk: {} }").len(), 1);
        assert_eq!(
            self::faults(&format!("ask: {{ not: {{ field: {{ Ticket: {{ within: 24h }} }} }} }}{FIELDS}")),
            ["only a `require` can leave something owed, and not under `not`"]
        );
    }
}
