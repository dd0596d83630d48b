//! `standard-change`: whether the change keeps to an entry of the catalogue of standard changes.
//!
//! The entry was approved once, so that each change of its kind needs no approval of its own. That holds
//! only as far as the entry goes: for its paths, its size, its people, and until its review.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::catalogue::{StandardCatalogue, StandardChange, StandardMakers};
use crate::change::{FactKind, Missing, NeededFacts, PathEntryKind, Text};
use crate::predicates::size::{count_changed_files, count_lines};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::field_obligation::missing_field_finding;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{is_covered_by_pattern, list_paths, quote_patterns};
use crate::predicates::support::standard_makers::is_maker;
use crate::verdict::{Finding, Fixer, Message, messages};
use crate::vocabulary::{FieldClaim, FieldDefinition, FieldKind, FieldReading};
use crate::yaml::decode::read_text;
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "standard-change.question":
        "the change keeps to the entry of the catalogue of standard changes that `{field}` names";
    NO_CATALOGUE = "standard-change.no-catalogue":
        "`{field}` is {id}; the policy has no catalogue of standard changes";
    UNKNOWN_ENTRY = "standard-change.unknown-entry":
        "`{field}` is {id}; the catalogue of standard changes has no such entry";
    NONE_COUNTS = "standard-change.none-counts":
        "`{field}` is missing, and no entry of the policy's `standard-changes` counts on {day}, so no value is right; until one does, the change has to be of another type";
    NOT_YET_APPROVED = "standard-change.not-yet-approved":
        "the standard change `{id}` counts from {day} on";
    EXPIRED = "standard-change.expired":
        "the standard change `{id}`, approved by {person}, counted until {day}; it is due for a review";
    OTHER_PATHS = "standard-change.other-paths":
        "the standard change `{id}` covers only {allowed/or}; this changes {paths}";
    OTHER_KINDS = "standard-change.other-kinds":
        "the standard change `{id}` covers the content of files; this adds or makes links, submodules or executable files: {paths}";
    NO_PATHS = "standard-change.no-paths": "the standard change `{id}` covers files; this changes none";
    TOO_MANY_FILES = "standard-change.too-many-files":
        "the standard change `{id}` covers at most {limit} {limit:file|files}; this changes {count}";
    TOO_MANY_LINES = "standard-change.too-many-lines":
        "the standard change `{id}` covers at most {limit} {limit:line|lines}; this changes {count}";
    NOT_A_MAKER = "standard-change.not-a-maker":
        "the standard change `{id}` is for {makers/or}; {role}, {name}, is none of them";
}

/// How many entries of the catalogue are offered where an unknown one is named.
const MAX_ENTRIES_OFFERED: usize = 8;

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "standard-change",
    summary: "The change names an entry of the policy's `standard-changes`, and keeps to it.",
    why: "A standard change needs no approval of its own because its kind was approved in advance: for these paths, up \
          to this size, by these people, until a day. An entry that does not exist, is over, or does not cover the \
          change approves nothing.",
    parameters: "\
- the name of the field that states the id of the entry; it has a `matches`. Every changed path of every commit has to \
match one of the entry's `paths`; a rename counts on both sides, and only a pattern with a slash at its end, or with `/**`, covers what is below a \
folder. A path that becomes a link, a submodule or executable is not covered. `size` counts files and lines as the question `size` \
does. `who` has to include every contributor: author, committer, co-author, pusher. The entry counts from \
`approved-on` to `review-by`, both included, in UTC, by the time at which the gate sees the change.",
    passing_example: "
ask: { standard-change: Standard-Change }
fields: { Standard-Change: { matches: 'STD-[A-Z-]+', example: STD-DEPS } }
standard-changes:
  STD-DEPS:
    paths: ['**/Cargo.lock']
    size: { files: { at-most: 2 } }
    approved-by: Dana Fox <dana@example.com>
    approved-on: 2026-05-04
    review-by: 2027-05-04
change:
  at: 2026-11-20T09:30:00Z
  commits:
    - message: |
        Bump serde

        Standard-Change: STD-DEPS
      paths: [Cargo.lock]
",
    failing_example: "
ask: { standard-change: Standard-Change }
fields: { Standard-Change: { matches: 'STD-[A-Z-]+', example: STD-DEPS } }
standard-changes:
  STD-DEPS:
    paths: ['**/Cargo.lock']
    approved-by: Dana Fox <dana@example.com>
    approved-on: 2026-05-04
    review-by: 2027-05-04
change:
  at: 2026-11-20T09:30:00Z
  commits:
    - message: |
        Bump serde

        Standard-Change: STD-DEPS
      paths: [Cargo.lock, build.rs]
",
};

/// The parameters of `standard-change`.
#[derive(Clone, Debug, PartialEq)]
pub struct StandardChangePredicate {
    pub(super) field: Arc<FieldDefinition>,
    pub(super) catalogue: Arc<StandardCatalogue>,
}

impl StandardChangePredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let name = read_text(node, faults)?;
        let field = scope.vocabulary.resolve_field(node, name, faults)?;
        if !matches!(field.kind, FieldKind::Matches { .. }) {
            let what = format!("`{}` has no `matches`, so it cannot name a standard change", field.name);
            faults.push(YamlFault::new(node.at, what));
            return None;
        }
        Some(StandardChangePredicate { field: field.clone(), catalogue: Arc::clone(scope.catalogue) })
    }

    /// Returns the field that names the entry.
    pub(crate) fn entry_field(&self) -> &FieldDefinition {
        &self.field
    }

    /// Returns true if there is an entry that counts on `day` or the day after and covers `path`; without a path, if
    /// there is any.
    pub(crate) fn has_entry_for(&self, path: Option<&str>, day: Date) -> bool {
        // Where the policy is written, it may be tomorrow already.
        let next_day = day.tomorrow().unwrap_or(day);
        self.catalogue.list_entries().any(|(_, entry)| {
            entry.approved_on <= next_day
                && entry.review_by >= day
                && path.is_none_or(|path| is_covered_by_pattern(&entry.paths, &Text::from(path)))
        })
    }

    /// Returns the last day on which an entry counts; `None` without one.
    pub(crate) fn find_last_day(&self) -> Option<Date> {
        self.catalogue.list_entries().map(|(_, entry)| entry.review_by).max()
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        for (_, entry) in self.catalogue.list_entries() {
            needs.insert(FactKind::Paths);
            needs.insert(FactKind::FileKinds);
            if entry.max_lines.is_some() {
                needs.insert(FactKind::Lines);
            }
            if entry.makers.is_some() {
                needs.insert(FactKind::Pusher);
            }
        }
    }

    pub(crate) fn describe(&self) -> Message {
        QUESTION.with("field", self.field.name.as_str())
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let claims = match self.field.read_from_change(context.change) {
            FieldReading::Absent => {
                return Ok(PredicateOutcome::Fails(vec![self.missing_entry_finding(context)]));
            }
            FieldReading::Invalid(reasons) => return Ok(PredicateOutcome::Fails(reasons)),
            FieldReading::Unknown(missing) => return Err(missing),
            FieldReading::Stated { claims, .. } => claims,
        };
        let mut findings = Vec::new();
        let mut missing = None;
        for claim in &claims {
            let id = claim.value.to_lossy();
            match self.catalogue.find_entry(&id) {
                Some(entry) => {
                    let check = EntryCheck { id: &id, entry, claim, context };
                    missing = check.add_findings(&mut findings).or(missing);
                }
                None => findings.push(self.unknown_entry_finding(claim, context)),
            }
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    /// Returns the finding that no entry is named, with the ids to choose from.
    fn missing_entry_finding(&self, context: &EvaluationContext<'_>) -> Finding {
        if let Some(trailer) = self.suggest_trailer(context) {
            return missing_field_finding(&self.field, trailer, context);
        }
        let day = find_day(context);
        let message = NONE_COUNTS.with("field", self.field.name.as_str()).with("day", day.to_string());
        Finding::new(message).fixed_by(Fixer::PolicyOwner)
    }

    fn unknown_entry_finding(&self, claim: &FieldClaim<'_>, context: &EvaluationContext<'_>) -> Finding {
        let template = if self.catalogue.is_empty() { &NO_CATALOGUE } else { &UNKNOWN_ENTRY };
        let message = template.with("field", self.field.name.as_str()).with("id", claim.value.as_ref());
        let finding = claim.locate_finding(Finding::new(message), context.change);
        match self.suggest_trailer(context) {
            None => finding.fixed_by(Fixer::PolicyOwner),
            Some(trailer) => finding.with_paste(trailer),
        }
    }

    /// Returns the trailer to paste, with the ids of the catalogue that count when the gate sees the change; `None` if
    /// none does.
    fn suggest_trailer(&self, context: &EvaluationContext<'_>) -> Option<String> {
        let day = find_day(context);
        let counting = self.catalogue.list_entries().filter(|(_, entry)| entry.counts_on(day));
        let ids: Vec<&str> = counting.map(|(id, _)| id).take(MAX_ENTRIES_OFFERED).collect();
        match ids.as_slice() {
            [] => None,
            [id] => Some(format!("{}: {id}", self.field.name)),
            ids => Some(format!("{}: <{}>", self.field.name, ids.join("|"))),
        }
    }
}

/// Returns the day in UTC on which the gate sees the change.
fn find_day(context: &EvaluationContext<'_>) -> Date {
    context.change.seen_at.to_zoned(TimeZone::UTC).date()
}

/// One entry, and the change that names it.
struct EntryCheck<'check> {
    id: &'check str,
    entry: &'check StandardChange,
    claim: &'check FieldClaim<'check>,
    context: &'check EvaluationContext<'check>,
}

impl EntryCheck<'_> {
    /// Adds what the entry does not cover; returns the fact that is missing to know the rest.
    fn add_findings(&self, findings: &mut Vec<Finding>) -> Option<Missing> {
        self.check_days(findings);
        let mut missing = self.check_paths(findings);
        missing = self.check_kinds(findings).or(missing);
        if let Some(limit) = self.entry.max_files {
            match count_changed_files(self.context.change, &[]) {
                Ok(count) if count > limit => {
                    findings.push(Finding::new(
                        TOO_MANY_FILES.with("id", self.id).with("limit", limit).with("count", count),
                    ));
                }
                Ok(_) => {}
                Err(gap) => missing = Some(gap),
            }
        }
        if let Some(limit) = self.entry.max_lines {
            match count_lines(self.context.change) {
                Ok(count) if count > limit => {
                    findings.push(Finding::new(
                        TOO_MANY_LINES.with("id", self.id).with("limit", limit).with("count", count),
                    ));
                }
                Ok(_) => {}
                Err(gap) => missing = Some(gap),
            }
        }
        if let Some(makers) = &self.entry.makers {
            missing = self.check_makers(makers, findings).or(missing);
        }
        missing
    }

    /// Checks that the entry counts on the day on which the gate sees the change.
    fn check_days(&self, findings: &mut Vec<Finding>) {
        let today = find_day(self.context);
        let message = if today < self.entry.approved_on {
            NOT_YET_APPROVED.with("id", self.id).with("day", self.entry.approved_on.to_string())
        } else if today > self.entry.review_by {
            EXPIRED
                .with("id", self.id)
                .with("person", Text::from(self.entry.approved_by.as_str()))
                .with("day", self.entry.review_by.to_string())
        } else {
            return;
        };
        let finding = self.claim.locate_finding(Finding::new(message), self.context.change);
        findings.push(finding.fixed_by(Fixer::PolicyOwner));
    }

    /// Checks that nothing becomes a link, a submodule or executable: an entry is about the content of files.
    fn check_kinds(&self, findings: &mut Vec<Finding>) -> Option<Missing> {
        let mut others: Vec<&Text> = Vec::new();
        let mut missing = None;
        for diff in self.context.change.list_diffs() {
            for change in diff.paths.iter().flatten() {
                let Some(after) = change.after else { continue };
                match after.kind {
                    PathEntryKind::File => {}
                    PathEntryKind::Unknown => {
                        let why = "the list of changed files does not say of which kind they are";
                        missing = Some(Missing::Unavailable(FactKind::FileKinds, why.into()));
                    }
                    kind if change.before.is_some_and(|before| before.kind == kind) => {}
                    _ => others.push(&change.path),
                }
            }
        }
        others.sort_unstable();
        others.dedup();
        if let Some(first) = others.first() {
            let message = OTHER_KINDS.with("id", self.id).with("paths", list_paths(&others));
            findings.push(Finding::new(message).at_path(first));
        }
        missing
    }

    fn check_paths(&self, findings: &mut Vec<Finding>) -> Option<Missing> {
        let mut others: Vec<&Text> = Vec::new();
        let mut is_empty = true;
        let mut missing = None;
        for diff in self.context.change.list_diffs() {
            match diff.paths {
                Ok(paths) => {
                    is_empty &= paths.is_empty();
                    for change in paths {
                        if !is_covered_by_pattern(&self.entry.paths, &change.path) {
                            others.push(&change.path);
                        }
                    }
                }
                Err(gap) => missing = Some(gap.clone()),
            }
        }
        others.sort_unstable();
        others.dedup();
        if let Some(first) = others.first() {
            let message = OTHER_PATHS
                .with("id", self.id)
                .with("paths", list_paths(&others))
                .with("allowed", quote_patterns(&self.entry.paths));
            findings.push(Finding::new(message).at_path(first));
        } else if is_empty && missing.is_none() {
            findings.push(Finding::new(NO_PATHS.with("id", self.id)));
        }
        missing
    }

    /// Checks that every contributor may make this standard change.
    fn check_makers(&self, makers: &StandardMakers, findings: &mut Vec<Finding>) -> Option<Missing> {
        let (participants, missing) = self.context.participants();
        for participant in participants {
            if !is_maker(participant, makers, self.context) {
                let mut named = makers.teams.clone();
                named.extend(quote_patterns(&makers.bots));
                let message = NOT_A_MAKER
                    .with("id", self.id)
                    .with("makers", named)
                    .with("role", participant.role)
                    .with("name", &participant.name);
                findings.push(Finding::new(message));
            }
        }
        missing.cloned()
    }
}

#[cfg(test)]
mod tests {
    use crate::change::{FactKind, Missing};
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };
    use crate::verdict::PredicateAnswer;

    const ENTRY: &str = "paths: ['**/Cargo.lock', 'vendor/'], size: { files: { at-most: 2 }, lines: { at-most: \
                         10 } }, who: { teams: [platform], bots: ['renovate[bot]'] }, approved-by: Dana, \
                         approved-on: 2026-05-04, review-by: 2027-05-04";

    fn text(change: &str) -> String {
        format!(
            "ask: {{ standard-change: Std }}\nfields: {{ Std: {{ matches: '.+' }} }}\n\
             people: {{ teams: {{ platform: [ana@example.com] }}, bots: ['*[bot]'] }}\n\
             standard-changes: {{ STD-A: {{ {ENTRY} }} }}\nchange: {{ at: 2026-11-20T09:00:00Z, {change} }}"
        )
    }

    fn says(change: &str) -> Vec<String> {
        finding_texts(&answer_example(&text(change)))
    }

    fn commit(id: &str, rest: &str) -> String {
        format!("commits: [{{ message: \"x\\n\\nStd: {id}\\n\", {rest} }}]")
    }

    #[test]
    fn a_maker_is_in_the_team_by_account_or_by_address() {
        let says = |team: &str, pusher: &str| {
            let entry = "paths: [Cargo.lock], who: { teams: [platform] }, approved-by: Dana, approved-on: \
                         2026-05-04, review-by: 2027-05-04";
            let commit = "{ author: Ana Ruiz <ana@example.com>, message: \"x\\n\\nStd: STD-A\\n\", paths: [Cargo.lock] }";
            finding_texts(&answer_example(&format!(
                "ask: {{ standard-change: Std }}\nfields: {{ Std: {{ matches: '.+' }} }}\n\
                 people: {{ teams: {{ platform: [{team}] }} }}\n\
                 standard-changes: {{ STD-A: {{ {entry} }} }}\n\
                 change: {{ at: 2026-11-20T09:00:00Z, pusher: '{pusher}', commits: [{commit}], pull: {{ opener: ana }} }}"
            )))
        };
        for team in ["'github:ana'", "ana@example.com", "'github:ana', ana@example.com"] {
            assert_eq!(says(team, "github:ana"), [""; 0], "{team}");
            assert!(says(team, "github:mal")[0].contains("`github:mal`"), "{team}");
        }
        assert!(!says("kim@example.com", "github:ana").is_empty());
    }

    #[test]
    fn an_entry_covers_its_paths_its_size_and_its_people() {
        assert_eq!(says(&commit("STD-A", "paths: [Cargo.lock, vendor/a], lines: 10")), [""; 0]);
        assert_eq!(
            says(&commit("STD-A", "paths: [a, Cargo.lock, vendor/b], lines: 11")),
            [
                "the standard change `STD-A` covers only `**/Cargo.lock` or `vendor/`; this changes `a`",
                "the standard change `STD-A` covers at most 2 files; this changes 3",
                "the standard change `STD-A` covers at most 10 lines; this changes 11",
            ]
        );
        assert_eq!(
            says(&commit("STD-A", "lines: 1")),
            ["the standard change `STD-A` covers files; this changes none"]
        );
        assert_eq!(says("commits: [{ paths: [Cargo.lock] }]"), ["`Std` is missing"]);
        // What the change brings in by a merge counts too.
        let merged = "commits: [{ message: \"x\\n\\nStd: STD-A\\n\", paths: [Cargo.lock] }, { merge: true, paths: [a] }]";
        assert_eq!(says(merged).len(), 1);
    }

    #[test]
    fn an_entry_covers_the_content_of_files() {
        for path in ["Cargo.lock/build.rs", "x/Cargo.lock/a", "vendor"] {
            assert_eq!(says(&commit("STD-A", &format!("paths: ['{path}']"))).len(), 1, "{path}");
        }
        for kind in ["symlink", "submodule", "executable"] {
            let path = |rest: &str| commit("STD-A", &format!("paths: [{{ path: vendor/a, {rest} }}]"));
            let found = says(&path(&format!("now: {kind}")));
            assert!(found.len() == 1 && found[0].ends_with("executable files: `vendor/a`"), "{found:?}");
            assert_eq!(says(&path(&format!("was: {kind}, now: {kind}"))), [""; 0]);
            assert_eq!(says(&path(&format!("was: {kind}, now: nothing"))), [""; 0]);
        }
    }

    #[test]
    fn every_contributor_has_to_be_one_of_its_people() {
        let lock = "paths: [Cargo.lock], author: 'renovate[bot] <2+renovate[bot]@users.noreply.github.com>'";
        // A name that only looks like that of the bot may nothing; its account has to push.
        assert_eq!(says(&commit("STD-A", lock)).len(), 1);
        assert_eq!(says(&format!("pusher: 'github:renovate[bot]', {}", commit("STD-A", lock))), [""; 0]);
        // A bot that the entry does not name, and a person behind the name of one.
        let other = lock.replace("renovate", "copilot");
        assert_eq!(
            says(&format!("pusher: 'copilot[bot]', {}", commit("STD-A", &other)))[..1],
            [
                "the standard change `STD-A` is for platform or `renovate[bot]`; the author, `copilot[bot]`, is none \
              of them"
            ]
        );
        assert_eq!(
            says(&format!("pusher: mal, {}", commit("STD-A", lock))),
            [
                "the standard change `STD-A` is for platform or `renovate[bot]`; the author, `renovate[bot]`, is none \
              of them",
                "the standard change `STD-A` is for platform or `renovate[bot]`; the pusher, `mal`, is none of them"
            ]
        );
    }

    #[test]
    fn a_bot_is_a_maker_by_its_address_and_not_by_its_name() {
        let says = |author: &str, pusher: &str| {
            let entry = "paths: [Cargo.lock], who: { bots: [ci, 'renovate[bot]', 'build@example.com'] }, \
                         approved-by: Dana, approved-on: 2026-05-04, review-by: 2027-05-04";
            let commit = format!(
                "{{ author: '{author}', committer: '{author}', message: \"x\\n\\nStd: STD-A\\n\", paths: [Cargo.lock] }}"
            );
            finding_texts(&answer_example(&format!(
                "ask: {{ standard-change: Std }}\nfields: {{ Std: {{ matches: '.+' }} }}\n\
                 people: {{ bots: [ci, 'build@example.com', '*[bot]'] }}\n\
                 standard-changes: {{ STD-A: {{ {entry} }} }}\n\
                 change: {{ at: 2026-11-20T09:00:00Z, {pusher} commits: [{commit}] }}"
            )))
            .len()
        };
        for (author, pusher, wrong) in [
            ("Build <build@example.com>", "pusher: ci,", 0),
            ("Build <build@example.com>", "pusher: build@example.com,", 0),
            ("CI Bot <ci@example.com>", "pusher: ci,", 0),
            ("R <29139614+renovate[bot]@users.noreply.github.com>", "pusher: 'renovate[bot]',", 0),
            // The name is typed, and so is an address that no bot pushes.
            ("ci <other@example.com>", "pusher: ci,", 1),
            ("renovate[bot] <other@example.com>", "pusher: ci,", 1),
            ("Build <build@example.com>", "pusher: mal,", 2),
        ] {
            assert_eq!(says(author, pusher), wrong, "{author} {pusher}");
        }
    }

    #[test]
    fn an_entry_counts_from_its_approval_to_its_review() {
        let lock = commit("STD-A", "paths: [Cargo.lock]");
        for (day, expected) in [
            ("2026-05-03T23:59:59Z", 1),
            ("2026-05-04T00:00:00Z", 0),
            ("2027-05-04T23:59:59Z", 0),
            ("2027-05-05T00:00:00Z", 1),
        ] {
            let text = text(&lock).replace("2026-11-20T09:00:00Z", day);
            let found = finding_texts(&answer_example(&text));
            assert_eq!(found.len(), expected, "{day}: {found:?}");
        }
        let late = finding_texts(&answer_example(&text(&lock).replace("2026-11-20", "2028-01-01")));
        assert_eq!(
            late,
            [
                "the standard change `STD-A`, approved by `Dana`, counted until 2027-05-04; it is due for a review"
            ]
        );
    }

    #[test]
    fn where_no_entry_counts_no_value_is_asked_for() {
        for day in ["2026-05-03", "2027-05-05"] {
            let change = "commits: [{ message: x, paths: [Cargo.lock] }]";
            let at = |change: &str| answer_example(&text(change).replace("2026-11-20", day));
            let found = finding_texts(&at(change));
            let wanted =
                format!("no entry of the policy's `standard-changes` counts on {day}, so no value is right");
            assert!(found[0].contains(&wanted), "{found:?}");
            for change in [change, &commit("STD-B", "paths: [Cargo.lock]")] {
                let PredicateAnswer::Fails(findings) = at(change) else { panic!("{change}") };
                assert_eq!(findings[0].fixers, [crate::verdict::Fixer::PolicyOwner]);
                assert_eq!(findings[0].paste, None);
            }
        }
    }

    #[test]
    fn an_unknown_entry_approves_nothing() {
        for id in ["STD-B", "std-a", "STD-A STD-A", "STD-A2"] {
            let found = says(&commit(id, "paths: [Cargo.lock]"));
            let wanted = format!("`Std` is `{id}`; the catalogue of standard changes has no such entry");
            assert_eq!(found, [wanted]);
        }
        let none =
            text(&commit("STD-A", "paths: [a]")).replace("standard-changes: {", "standard-changes: {}\nx: {");
        assert!(question_faults(&none).iter().any(|fault| fault.contains("unknown key `x`")));
    }

    #[test]
    fn what_is_not_known_is_not_covered() {
        let lock = text(&commit("STD-A", "paths: [Cargo.lock]"));
        for (fact, forget) in
            [("paths", FactKind::Paths), ("lines", FactKind::Lines), ("pusher", FactKind::Pusher)]
        {
            let answer = answer_edited(&lock, |change| {
                let gap = Missing::NotConfigured(forget);
                match forget {
                    FactKind::Paths => change.commits[0].paths = Err(gap),
                    FactKind::Lines => change.commits[0].lines = Err(gap),
                    _ => change.pusher = Err(gap),
                }
            });
            assert!(finding_texts(&answer)[0].starts_with("unknown: "), "{fact}: {answer:?}");
        }
    }

    #[test]
    fn a_field_without_a_form_names_no_entry() {
        let faults = question_faults("ask: { standard-change: Why }\nfields: { Why: { text: {} } }");
        assert_eq!(faults, ["`Why` has no `matches`, so it cannot name a standard change"]);
        assert_eq!(question_faults("ask: { standard-change: Nothing }").len(), 1);
    }
}
