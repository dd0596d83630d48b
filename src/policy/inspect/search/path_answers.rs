//! What the questions of a policy about paths answer together, over all sets of paths that tell them apart.
//!
//! A change touches a set of paths. `touches` holds if one of them is found, and `only-touches` if every one is
//! allowed. So a path stands for all others about which each question says the same, and the answers about a
//! set follow from those about its members. The sample paths are those of each pattern, and those that
//! patterns have in common. How many paths it takes at least to answer so tells which sizes such a change can have; a
//! size of no file but ignored ones asks for paths. What a merge within the change brings in counts as well: it is
//! in the target already.

use std::collections::{BTreeSet, VecDeque};

use crate::change::Text;
use crate::pattern::PathPattern;
use crate::policy::inspect::search::asked_rules::AskedRules;
use crate::policy::inspect::search::path_globs::PathGlob;
use crate::policy::inspect::search::question_numbers::{QuestionNumbers, measure_question};
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::predicates::Predicate;

/// How many questions about paths are known; a number of 64 bits has one for each.
const MAX_KNOWN_QUESTIONS: usize = 64;

/// How many questions about paths are weighed against each other; all combinations of their answers are tried.
const MAX_JOINED_QUESTIONS: usize = 12;

/// How many questions about the number of files are weighed with those about paths.
const MAX_COUNTED_SIZES: usize = 8;

/// How many patterns are filled in to name paths.
const MAX_SAMPLE_GLOBS: usize = 1_500;

/// How many pairs of patterns are tried for what they have in common.
const MAX_PAIRS: usize = 50_000;

/// How often a pattern is held against a path before all questions about paths are left open.
const MAX_COMPARISONS: usize = 1_000_000;

/// How many patterns are taken apart.
const MAX_READ_PATTERNS: usize = 6_000;

/// How many steps of a search take as long as one step of finding out what two patterns have in common.
const MEET_COST: usize = 3;

/// How many steps of a search take as long as it takes to hold a pattern against a path.
const COMPARISON_COST: usize = 5;

/// How many steps of a search take as long as it takes to add one answer to the known rows.
const ROW_COST: usize = 5;

/// The questions of a policy about paths, and what they say about each sample path.
pub(crate) struct PathAnswers<'policy> {
    /// Their numbers, and themselves.
    questions: Vec<(usize, &'policy Predicate)>,
    /// For each kind of path, the questions that it decides alone, by their bits.
    kinds: BTreeSet<u64>,
}

/// How the questions about paths that are asked together can be answered: a row for each set of paths.
pub(crate) struct JoinedPathAnswers {
    /// The numbers of the questions.
    pub(crate) questions: Vec<usize>,
    pub(crate) rows: BTreeSet<Vec<Option<bool>>>,
}

impl<'policy> PathAnswers<'policy> {
    /// Gathers the questions of the policy about paths. One with a pattern that is not taken apart, or with more
    /// patterns than can be tried, is left out.
    pub(crate) fn gather_answers(numbers: &QuestionNumbers<'policy>, budget: &SearchBudget) -> Self {
        let mut questions: Vec<(usize, &Predicate)> = Vec::new();
        let mut globs = BTreeSet::from([PathGlob::of_everything()]);
        let mut read = 0;
        for number in 0..numbers.count_questions() {
            let Some(predicate) = numbers.find_question(number) else { continue };
            if !matches!(predicate, Predicate::Touches(_) | Predicate::OnlyTouches(_) | Predicate::Size(_)) {
                continue;
            }
            read += measure_question(predicate);
            if questions.len() == MAX_KNOWN_QUESTIONS || read > MAX_READ_PATTERNS {
                break;
            }
            let (Some(found), Some(_)) = (list_found_globs(predicate), list_kept_globs(predicate)) else {
                continue;
            };
            let new: Vec<PathGlob> = found.into_iter().filter(|glob| !globs.contains(glob)).collect();
            if globs.len() + new.len() <= MAX_SAMPLE_GLOBS {
                globs.extend(new);
                questions.push((number, predicate));
            }
        }
        // What every path has to keep to because of a question is met by all that others find or keep to.
        let mut met_globs: BTreeSet<PathGlob> = BTreeSet::new();
        let (mut pairs, mut patterns) = (0_usize, 0_usize);
        questions.retain(|(_, predicate)| {
            let kept = list_kept_globs(predicate).unwrap_or_default();
            pairs = pairs.saturating_add(kept.len().saturating_mul(globs.len() + met_globs.len()));
            if pairs > MAX_PAIRS {
                return false;
            }
            let Some(met) = meet_all(globs.iter().chain(&met_globs), &kept, budget) else { return false };
            met_globs.extend(met);
            patterns += kept.len() + list_found_globs(predicate).unwrap_or_default().len();
            true
        });
        let mut paths: BTreeSet<Vec<u8>> = globs.iter().flat_map(PathGlob::name_paths).collect();
        paths.extend(met_globs.iter().flat_map(PathGlob::name_two_paths));
        let comparisons = paths.len().saturating_mul(patterns);
        if comparisons > MAX_COMPARISONS || !budget.spend_steps(comparisons.saturating_mul(COMPARISON_COST)) {
            questions.clear();
        }
        let mut answers = PathAnswers { questions, kinds: BTreeSet::new() };
        for path in &paths {
            let kind = answers.ask_about(&Text::from(path.as_slice()));
            answers.kinds.insert(kind);
        }
        answers
    }

    /// Returns the bits of the questions that a path decides alone.
    fn ask_about(&self, path: &Text) -> u64 {
        let mut bits = 0;
        for (place, (_, predicate)) in self.questions.iter().enumerate() {
            if decides_alone(predicate, path) {
                bits |= 1 << place;
            }
        }
        bits
    }

    /// Returns what these questions can answer together, as many as can be weighed, the first ones first: about
    /// every set of paths that holds `start`, or about every set; no path at all is a set of them `with_empty`.
    pub(crate) fn join_answers(
        &self,
        asked: &AskedRules<'_>,
        start: Option<&str>,
        with_empty: bool,
        budget: &SearchBudget,
    ) -> JoinedPathAnswers {
        let mut questions: Vec<(usize, &Predicate)> = Vec::new();
        let mut places = Vec::new();
        for number in &asked.asked_questions {
            if let Ok(place) = self.questions.binary_search_by_key(number, |(known, _)| *known)
                && !places.contains(&place)
                && places.len() < MAX_JOINED_QUESTIONS
                && let Some(known) = self.questions.get(place)
            {
                places.push(place);
                questions.push(*known);
            }
        }
        let project = |kind: u64| {
            let mut bits = 0_usize;
            for (bit, place) in places.iter().enumerate() {
                if kind >> place & 1 == 1 {
                    bits |= 1 << bit;
                }
            }
            bits
        };
        // Whether the file is of a kind that is asked for is open.
        let mut open = 0_usize;
        for (bit, (_, predicate)) in questions.iter().enumerate() {
            if matches!(predicate, Predicate::Touches(touches) if touches.asks_kinds()) {
                open |= 1 << bit;
            }
        }
        let kinds: BTreeSet<usize> =
            self.kinds.iter().flat_map(|kind| list_choices(project(*kind), open)).collect();
        let starts: Vec<usize> = match start {
            Some(path) => list_choices(project(self.ask_about(&Text::from(path))), open),
            None => kinds.iter().copied().collect(),
        };
        let counted = list_counted_sizes(asked);
        // All kinds are tried with all sets, and each set with each number of files.
        let sets = 1 << questions.len();
        let row_cost = questions.len().saturating_mul(counted.len() + 1).saturating_mul(ROW_COST);
        let cost = sets * (kinds.len() + row_cost);
        if !budget.spend_steps(cost) {
            return JoinedPathAnswers { questions: Vec::new(), rows: BTreeSet::new() };
        }
        let fewest = count_fewest_paths(&kinds, starts, sets);
        let mut rows: BTreeSet<Vec<Option<bool>>> = BTreeSet::new();
        for (bits, fewest) in fewest.iter().enumerate().filter(|(_, fewest)| **fewest > 0) {
            let answer = |(bit, (_, predicate)): (usize, &(usize, &Predicate))| {
                Some((bits >> bit & 1 == 1) == matches!(predicate, Predicate::Touches(_)))
            };
            let row: Vec<Option<bool>> = questions.iter().enumerate().map(answer).collect();
            let limits = counted.iter().map(|(_, limit)| limit.saturating_add(1));
            let numbers: BTreeSet<u64> = limits.chain([*fewest]).filter(|number| number >= fewest).collect();
            for number in numbers {
                let kept = counted.iter().map(|(_, limit)| Some(number <= *limit));
                rows.insert(row.iter().copied().chain(kept).collect());
            }
        }
        if with_empty {
            let answer = |(_, predicate): &(usize, &Predicate)| Some(matches!(predicate, Predicate::Size(_)));
            let row = questions.iter().map(answer).chain(counted.iter().map(|_| Some(true)));
            rows.insert(row.collect());
        }
        let mut asked: Vec<usize> = questions.iter().map(|(number, _)| *number).collect();
        asked.extend(counted.iter().map(|(number, _)| *number));
        JoinedPathAnswers { questions: asked, rows }
    }
}

/// Returns the numbers of the questions about sizes that count every file, each once, with how many they accept.
fn list_counted_sizes(asked: &AskedRules<'_>) -> Vec<(usize, u64)> {
    let mut counted: Vec<(usize, u64)> = Vec::new();
    for number in &asked.asked_questions {
        let Some(Predicate::Size(size)) = asked.numbers.find_question(*number) else { continue };
        if let [Some(limit), ..] = size.list_limits()
            && size.ignored_patterns().is_empty()
            && counted.len() < MAX_COUNTED_SIZES
            && !counted.iter().any(|(known, _)| known == number)
        {
            counted.push((*number, limit));
        }
    }
    counted
}

/// Returns for each set of answers how many paths it takes at least, of these kinds and with one of those that it
/// `starts` with; nothing for a set that no paths give.
fn count_fewest_paths(kinds: &BTreeSet<usize>, starts: Vec<usize>, sets: usize) -> Vec<u64> {
    let mut fewest = vec![0; sets];
    let mut waiting = VecDeque::new();
    let mut reach = |bits: usize, count: u64, waiting: &mut VecDeque<(usize, u64)>| {
        if let Some(known) = fewest.get_mut(bits)
            && *known == 0
        {
            *known = count;
            waiting.push_back((bits, count));
        }
    };
    for bits in starts {
        reach(bits, 1, &mut waiting);
    }
    while let Some((known, count)) = waiting.pop_front() {
        for kind in kinds {
            reach(known | kind, count + 1, &mut waiting);
        }
    }
    fewest
}

/// Returns `bits` with each choice of those that are `open`.
fn list_choices(bits: usize, open: usize) -> Vec<usize> {
    let mut choices = vec![bits];
    let mut left = bits & open;
    while left != 0 {
        let bit = left & left.wrapping_neg();
        left &= !bit;
        choices.extend(choices.clone().iter().map(|choice| choice & !bit));
    }
    choices
}

/// Returns true if one such path is enough for `touches` to hold, or for a question to fail that every path has
/// to keep to, such as one about a size that accepts only ignored paths.
fn decides_alone(predicate: &Predicate, path: &Text) -> bool {
    match predicate {
        Predicate::Touches(touches) => touches.names_path(path),
        Predicate::OnlyTouches(only) => !only.allows_path(path),
        Predicate::Size(size) => !size.ignores_path(path),
        _ => false,
    }
}

/// Returns what a question finds in a path; `None` for one that is not about paths alone, or has a pattern that is
/// not taken apart.
fn list_found_globs(predicate: &Predicate) -> Option<BTreeSet<PathGlob>> {
    match predicate {
        Predicate::Touches(touches) => read_all(touches.listed_patterns(), PathGlob::list_found),
        Predicate::OnlyTouches(_) => Some(BTreeSet::new()),
        Predicate::Size(size) if size.accepts_ignored_only() => Some(BTreeSet::new()),
        _ => None,
    }
}

/// Returns what every path of a change may have to keep to because of the question: allowed and ignored paths.
fn list_kept_globs(predicate: &Predicate) -> Option<BTreeSet<PathGlob>> {
    match predicate {
        Predicate::Touches(touches) => read_all(touches.ignored_patterns(), PathGlob::list_matched),
        Predicate::OnlyTouches(only) => read_all(only.allowed_patterns(), PathGlob::list_covered),
        Predicate::Size(size) => read_all(size.ignored_patterns(), PathGlob::list_matched),
        _ => None,
    }
}

fn read_all(
    patterns: &[PathPattern],
    read: fn(&PathPattern) -> Option<Vec<PathGlob>>,
) -> Option<BTreeSet<PathGlob>> {
    let mut globs = BTreeSet::new();
    for pattern in patterns {
        globs.extend(read(pattern)?);
    }
    Some(globs)
}

/// Returns what each of the one has in common with each of the others; `None` if that is too much.
fn meet_all<'one>(
    globs: impl Iterator<Item = &'one PathGlob>,
    kept: &BTreeSet<PathGlob>,
    budget: &SearchBudget,
) -> Option<BTreeSet<PathGlob>> {
    let mut met = BTreeSet::new();
    for glob in globs {
        let mut steps = kept.len();
        for known in kept {
            met.extend(glob.meet_glob(known, &mut steps)?);
        }
        if !budget.charge_steps(steps.saturating_mul(MEET_COST)) {
            return None;
        }
        if met.len() > MAX_SAMPLE_GLOBS {
            return None;
        }
    }
    Some(met)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use std::rc::Rc;

    use crate::policy::inspect::findings::InspectionFacts;
    use crate::policy::inspect::search::excluding_rules::LockoutSearch;
    use crate::policy::inspect::search::search_budget::InspectionPart;
    use crate::policy::load_policy;

    const PATTERNS: [&str; 8] =
        ["CHANGELOG.md", "*.md", "src/", "src/a.rs", "*.rs", "docs/**", "**", "/p.yml"];

    /// The parts of the paths that are tried, in up to three folders.
    const NAMES: [&str; 7] = ["CHANGELOG.md", "q.md", "a.rs", "src", "docs", "q", "p.yml"];

    /// Sets of paths are tried up to this many members.
    const MAX_KINDS: usize = 13;

    /// A question about paths, by the numbers of its patterns.
    #[derive(Clone, Debug)]
    enum PathQuestion {
        Touches(usize),
        OnlyTouches(Vec<usize>),
        Not(Box<PathQuestion>),
        All(Vec<PathQuestion>),
        Any(Vec<PathQuestion>),
    }

    impl PathQuestion {
        fn write_yaml(&self) -> String {
            let join = |parts: &[PathQuestion]| {
                parts.iter().map(PathQuestion::write_yaml).collect::<Vec<_>>().join(", ")
            };
            match self {
                PathQuestion::Touches(pattern) => format!("{{ touches: '{}' }}", PATTERNS[*pattern]),
                PathQuestion::OnlyTouches(patterns) => {
                    let patterns: Vec<String> =
                        patterns.iter().map(|pattern| format!("'{}'", PATTERNS[*pattern])).collect();
                    format!("{{ only-touches: [{}] }}", patterns.join(", "))
                }
                PathQuestion::Not(part) => format!("{{ not: {} }}", part.write_yaml()),
                PathQuestion::All(parts) => format!("{{ all: [{}] }}", join(parts)),
                PathQuestion::Any(parts) => format!("{{ any: [{}] }}", join(parts)),
            }
        }

        /// Answers the question about a change of these paths: of each, which patterns find and which cover it.
        fn answer_for(&self, paths: &[(u32, u32)]) -> bool {
            match self {
                PathQuestion::Touches(pattern) => paths.iter().any(|(found, _)| found >> pattern & 1 == 1),
                PathQuestion::OnlyTouches(patterns) => {
                    let is_covered =
                        |covered: u32| patterns.iter().any(|pattern| covered >> pattern & 1 == 1);
                    !paths.is_empty() && paths.iter().all(|(_, covered)| is_covered(*covered))
                }
                PathQuestion::Not(part) => !part.answer_for(paths),
                PathQuestion::All(parts) => parts.iter().all(|part| part.answer_for(paths)),
                PathQuestion::Any(parts) => parts.iter().any(|part| part.answer_for(paths)),
            }
        }

        fn add_patterns(&self, found: &mut u32, covered: &mut u32) {
            match self {
                PathQuestion::Touches(pattern) => *found |= 1 << pattern,
                PathQuestion::OnlyTouches(patterns) => {
                    for pattern in patterns {
                        *covered |= 1 << pattern;
                    }
                }
                PathQuestion::Not(part) => part.add_patterns(found, covered),
                PathQuestion::All(parts) | PathQuestion::Any(parts) => {
                    for part in parts {
                        part.add_patterns(found, covered);
                    }
                }
            }
        }
    }

    fn any_question() -> impl Strategy<Value = PathQuestion> {
        let leaf = prop_oneof![
            (0..PATTERNS.len()).prop_map(PathQuestion::Touches),
            prop::collection::vec(0..PATTERNS.len(), 1..3).prop_map(PathQuestion::OnlyTouches),
        ];
        leaf.prop_recursive(3, 6, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|part| PathQuestion::Not(Box::new(part))),
                prop::collection::vec(inner.clone(), 1..3).prop_map(PathQuestion::All),
                prop::collection::vec(inner, 1..3).prop_map(PathQuestion::Any),
            ]
        })
    }

    /// Returns which patterns find a path, and which cover it.
    fn ask_patterns(path: &str) -> (u32, u32) {
        let (mut found, mut covered) = (0, 0);
        for (number, pattern) in PATTERNS.iter().enumerate() {
            let pattern = PathPattern::new(pattern).unwrap();
            let is_found = pattern.matches_path(path.as_bytes()) || pattern.looks_below(path.as_bytes());
            found |= u32::from(is_found) << number;
            covered |= u32::from(pattern.covers_path(path.as_bytes())) << number;
        }
        (found, covered)
    }

    fn list_universe() -> BTreeSet<(u32, u32)> {
        let mut paths: Vec<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
        let mut deeper = paths.clone();
        for _ in 0..2 {
            deeper = deeper
                .iter()
                .flat_map(|folder| NAMES.iter().map(move |name| format!("{folder}/{name}")))
                .collect();
            paths.extend(deeper.iter().cloned());
        }
        paths.iter().map(|path| ask_patterns(path)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn rules_are_told_to_exclude_every_change_if_and_only_if_no_set_of_paths_keeps_them(
            first in any_question(), when in any_question(), second in any_question(),
        ) {
            let (mut found, mut covered) = (0, 0);
            for question in [&first, &when, &second] {
                question.add_patterns(&mut found, &mut covered);
            }
            let project = |(is_found, is_covered): (u32, u32)| (is_found & found, is_covered & covered);
            let kinds: Vec<(u32, u32)> =
                list_universe().into_iter().map(project).collect::<BTreeSet<_>>().into_iter().collect();
            prop_assume!(kinds.len() <= MAX_KINDS);
            let own = project(ask_patterns("p.yml"));
            let (mut is_any_kept, mut is_own_kept) = (false, false);
            for choice in 1_u32..1 << kinds.len() {
                let paths: Vec<(u32, u32)> =
                    (0..kinds.len()).filter(|kind| choice >> kind & 1 == 1).map(|kind| kinds[kind]).collect();
                if first.answer_for(&paths) && (!when.answer_for(&paths) || second.answer_for(&paths)) {
                    is_any_kept = true;
                    is_own_kept |= paths.contains(&own);
                }
            }
            let text = format!(
                "changegate: 1\nprotects: [main]\nrules:\n  a: {{ require: {} }}\n  b: {{ when: {}, require: {} }}\n",
                first.write_yaml(), when.write_yaml(), second.write_yaml()
            );
            let policy = load_policy("p.yml", &mut |name| {
                Ok((name == "p.yml").then(|| text.as_bytes().to_vec()))
            }).unwrap();
            let (numbers, budget) = (QuestionNumbers::number_questions(&policy), SearchBudget::default());
            budget.begin_part(InspectionPart::Lockouts);
            let answers = PathAnswers::gather_answers(&numbers, &budget);
            let facts = InspectionFacts {
                read_from: &[],
                today: "2026-11-20".parse().unwrap(),
                signing_keys: &[],
                later_keys: &[],
                pusher: None,
            };
            let asked = Rc::new(AskedRules::of_policy(&policy, &numbers, facts.today));
            let told = LockoutSearch::new(asked, "p.yml", &facts, &answers, None, &budget).find_excluding_rules();
            prop_assert_eq!(told.is_none(), is_any_kept && is_own_kept, "{}", text);
        }
    }
}
