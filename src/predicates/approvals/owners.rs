//! Approvals by code owners: each touched path that has owners is approved by one of them.

use crate::change::{Missing, Text};
use crate::people::ResolvedIdentity;
use crate::people::code_owners::OwnerName;
use crate::people::contributors::ResolvedContributor;
use crate::people::owned_paths::{OwnedPaths, PathOwners};
use crate::predicates::approvals::approvers::CountedApprover;
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::support::parameters::list_paths;
use crate::verdict::{Finding, Fixer, Message, MessageValue, messages};

messages! {
    OWNER_MISSING = "approvals.owner-missing":
        "{paths}: needs {needed} {needed:approval|approvals} from {needed:an owner|owners} ({owners/or}, line {line} of `{file}`{section}); {count} {count:counts|count}";
    IN_SECTION = "approvals.owner-section": ", section {section}";
    OWNERS_UNKNOWN = "approvals.owners-unknown":
        "line {line} of `{file}`: {owners/and} {count:is|are} not known here; list accounts in the roster, and name the team of a group under `codeowners` in `people`";
    OWNER_ROLES = "approvals.owner-roles":
        "line {line} of `{file}`: who has the role {owners/or} is not known here";
    OWNERS_CONTRIBUTED = "approvals.owners-contributed":
        "{paths}: every owner who is known here made this change, and cannot approve it (line {line} of `{file}`)";
    UNOWNED = "approvals.unowned": "{paths} {count:has|have} no owner in `{file}`";
    NOT_AN_OWNER = "approvals.not-an-owner": "the approver owns none of the files that need an owner's approval";
}

/// What happens to touched paths that have no owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnownedPaths {
    /// Anyone who is independent of the change can approve them.
    ByAnyone,
    /// They need no approval.
    ByNobody,
    /// They are refused.
    Refused,
}

pub(super) const UNOWNED_WORDS: [(&str, UnownedPaths); 3] = [
    ("anyone", UnownedPaths::ByAnyone),
    ("nobody", UnownedPaths::ByNobody),
    ("refuse", UnownedPaths::Refused),
];

impl UnownedPaths {
    /// Returns true if the approval of the person with this key counts; `holds_team` tells the teams that they are in.
    pub(super) fn accepts_approver(
        self,
        key: &str,
        holds_team: &dyn Fn(&str) -> bool,
        context: &EvaluationContext<'_>,
    ) -> bool {
        // Where owners are not known, the question has no answer, and this is not asked.
        context.owned_paths().is_ok_and(|owned| {
            (owned.has_free_path && self == UnownedPaths::ByAnyone) || owned.includes_person(key, holds_team)
        })
    }

    /// Returns how many people have to approve of those who may, where `asked` is what the policy says.
    pub(super) fn count_needed(self, asked: u64, context: &EvaluationContext<'_>) -> u64 {
        let needs_nobody = |owned: &OwnedPaths| owned.required.is_empty() && self == UnownedPaths::ByNobody;
        if context.owned_paths().is_ok_and(needs_nobody) { 0 } else { asked }
    }

    /// Returns what the approvals lack, one finding for each entry of the file whose owners have to approve.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing to know the owners.
    pub(super) fn find_shortfalls(
        self,
        approvers: &[CountedApprover],
        context: &EvaluationContext<'_>,
    ) -> Result<Vec<Finding>, Missing> {
        let owned = context.owned_paths()?;
        let mut findings = Vec::new();
        if self == UnownedPaths::Refused && !owned.unowned.is_empty() {
            findings.push(Finding::new(unowned_message(owned)).fixed_by(Fixer::PolicyOwner));
        }
        for entry in &owned.required {
            let is_owner = |one: &&CountedApprover| {
                entry.includes_person(&one.key, &|team| one.holds_team(team, context))
            };
            let count = approvers.iter().filter(is_owner).count();
            if u64::try_from(count).unwrap_or(u64::MAX) < entry.needed {
                add_missing_owner(entry, owned, count, context, &mut findings);
            }
        }
        Ok(findings)
    }
}

/// Returns the message that paths have no owner.
pub(super) fn unowned_message(owned: &OwnedPaths) -> Message {
    UNOWNED
        .with("paths", show_paths(&owned.unowned))
        .with("count", owned.unowned.len())
        .with("file", owned.file.as_str())
}

/// Returns the message that an approval counts for none of the paths.
pub(super) fn not_an_owner_message() -> Message {
    Message::from(&NOT_AN_OWNER)
}

fn add_missing_owner(
    entry: &PathOwners,
    owned: &OwnedPaths,
    count: usize,
    context: &EvaluationContext<'_>,
    findings: &mut Vec<Finding>,
) {
    let section = match entry.section.as_str() {
        "" => MessageValue::empty(),
        name => IN_SECTION.with("section", Text::from(name)).into(),
    };
    let names = |owners: &[&OwnerName]| -> Vec<Text> {
        owners.iter().map(|owner| Text::from(owner.as_str())).collect()
    };
    let all: Vec<&OwnerName> = entry.owners.iter().map(|(owner, _)| owner).collect();
    let line = u64::try_from(entry.line).unwrap_or(u64::MAX);
    let message = OWNER_MISSING
        .with("paths", show_paths(&entry.paths))
        .with("needed", entry.needed)
        .with("owners", names(&all))
        .with("line", line)
        .with("file", owned.file.as_str())
        .with("section", section)
        .with("count", count);
    let finding = Finding::new(message).fixed_by(Fixer::Reviewer);
    findings.push(match entry.paths.as_slice() {
        [path] => finding.at_path(path),
        _ => finding,
    });
    let unknown = entry.owners.iter().filter(|(_, members)| members.is_unknown()).map(|(owner, _)| owner);
    let (roles, unknown): (Vec<&OwnerName>, Vec<&OwnerName>) =
        unknown.partition(|owner| matches!(owner, OwnerName::Role(_)));
    let about_line = |message: Message| message.with("line", line).with("file", owned.file.as_str());
    if !unknown.is_empty() {
        let message = OWNERS_UNKNOWN.with("owners", names(&unknown)).with("count", unknown.len());
        findings.push(Finding::new(about_line(message)).fixed_by(Fixer::RosterOwner));
    }
    if !roles.is_empty() {
        let message = OWNER_ROLES.with("owners", names(&roles));
        findings.push(Finding::new(about_line(message)).fixed_by(Fixer::PolicyOwner));
    }
    if is_made_by_all_owners(entry, context) {
        let message = OWNERS_CONTRIBUTED.with("paths", show_paths(&entry.paths));
        findings.push(Finding::new(about_line(message)).fixed_by(Fixer::PolicyOwner));
    }
}

/// Returns true if there are known owners, and each of them took part in the change.
fn is_made_by_all_owners(entry: &PathOwners, context: &EvaluationContext<'_>) -> bool {
    let (participants, _) = context.participants();
    let took_part = |key: &str| {
        let is_same = |one: &ResolvedContributor| matches!(&one.identity, ResolvedIdentity::Human(known) if known == key);
        participants.iter().any(is_same)
    };
    let mut keys = entry
        .owners
        .iter()
        .flat_map(|(_, members)| members.list_keys(context.people, context.change.seen_at))
        .peekable();
    keys.peek().is_some() && keys.all(took_part)
}

fn show_paths(paths: &[Text]) -> MessageValue {
    list_paths(&paths.iter().collect::<Vec<&Text>>())
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{answer_example, finding_texts, question_faults};

    const PEOPLE: &str = "
fields: { Reviewed-by: { person: true } }
people:
  teams: { security: [sam@example.com, 'github:sec'] }
  bots: ['*[bot]']
";
    const ROSTER: &str = "
roster:
  people:
    ana: { addresses: [ana@example.com], accounts: ['github:ana'] }
    bob: { addresses: [bob@example.com], accounts: ['github:bob'] }
    kim: { addresses: [kim@example.com], accounts: ['github:kim'] }
    sam: { addresses: [sam@example.com], accounts: ['github:sec'] }
";
    const OWNERS: &str = "*.rs @bob\n*.tf @acme/security\n*.md kim@example.com @zoe\n/free\n/mine @ana\n";

    fn ask(question: &str, owners: &str, people: &str, change: &str) -> Vec<String> {
        let owners = serde_json::to_string(owners).unwrap();
        let text = format!("ask: {{ approvals: {question} }}{people}codeowners: {owners}\nchange:\n{change}");
        finding_texts(&answer_example(&text))
    }

    /// Asks about a push of these paths, approved by these people.
    fn pushed(question: &str, paths: &str, approvers: &[&str]) -> Vec<String> {
        let question = format!("{{ from: codeowners, trust: claimed{question} }}");
        let mut message = String::from("x\\n\\n");
        for name in approvers {
            message += &format!("Reviewed-by: {name} <{name}@example.com>\\n");
        }
        let change = format!("  commits: [{{ message: \"{message}\", paths: [{paths}] }}]");
        ask(&question, OWNERS, &format!("{PEOPLE}{ROSTER}"), &change)
    }

    #[test]
    fn each_path_is_approved_by_one_of_its_owners() {
        for (paths, approvers, is_enough) in [
            ("a.rs", &["bob"][..], true),
            ("a.rs", &["kim"], false),
            ("a.rs", &[], false),
            ("a.rs, b.tf", &["bob"], false),
            ("a.rs, b.tf", &["bob", "sam"], true),
            ("x.md", &["kim"], true),
            // Of what nobody owns, anyone's approval counts.
            ("free", &["kim"], true),
            ("free", &[], false),
            ("a.rs, free", &["kim"], false),
            ("a.rs, free", &["bob"], true),
        ] {
            let found = pushed("", paths, approvers);
            assert_eq!(found.is_empty(), is_enough, "{paths} {approvers:?}: {found:?}");
        }
    }

    #[test]
    fn a_finding_names_the_path_the_line_and_the_owners() {
        let found = pushed("", "a.rs, src/b.rs", &["kim"]);
        assert_eq!(
            found[0],
            "`a.rs`, `src/b.rs`: needs 1 approval from an owner (`@bob`, line 1 of `CODEOWNERS`); 0 count"
        );
        assert!(found[1].ends_with("the approver owns none of the files that need an owner's approval"));
        let found = pushed("", "x.md", &["bob"]);
        assert!(found[0].contains("(`kim@example.com` or `@zoe`, line 3 of `CODEOWNERS`)"), "{found:?}");
        assert!(found[1].contains("`@zoe` is not known here"), "{found:?}");
        let found = pushed("", "mine", &["bob"]);
        assert!(found[1].contains("every owner who is known here made this change"), "{found:?}");
    }

    #[test]
    fn the_policy_says_what_becomes_of_paths_without_an_owner() {
        for (unowned, paths, approvers, is_enough) in [
            ("nobody", "free", &[][..], true),
            ("nobody", "free, a.rs", &["bob"], true),
            ("nobody", "free, a.rs", &[], false),
            ("refuse", "free", &["bob"], false),
            ("refuse", "a.rs", &["bob"], true),
        ] {
            let found = pushed(&format!(", unowned: {unowned}"), paths, approvers);
            assert_eq!(found.is_empty(), is_enough, "{unowned} {paths}: {found:?}");
        }
        assert_eq!(pushed(", at-least: 2", "a.rs", &["bob", "kim"]).len(), 2);
        assert_eq!(pushed(", at-least: 2", "a.rs, free", &["bob", "kim"]), [""; 0]);
        assert_eq!(pushed(", at-least: 2", "a.rs, b.tf", &["bob", "sam"]), [""; 0]);
    }

    #[test]
    fn a_rename_touches_both_names() {
        let renamed = "{ path: a.rs, now: nothing }, { path: b.tf, was: nothing }";
        assert_eq!(pushed("", renamed, &["bob"]).len(), 1);
        assert_eq!(pushed("", renamed, &["bob", "sam"]), [""; 0]);
    }

    #[test]
    fn owners_approve_by_reviews_too() {
        let reviewed = |people: &str, reviews: &str, paths: &str| {
            let change = format!(
                "  stage: pull-request\n  commits: [{{ paths: [{paths}] }}]\n  pull: {{ reviews: [{reviews}] }}"
            );
            ask("{ from: codeowners }", OWNERS, people, &change)
        };
        let known = format!("{PEOPLE}{ROSTER}");
        for people in [PEOPLE, &known] {
            assert_eq!(reviewed(people, "{ by: bob }", "a.rs"), [""; 0]);
            assert_eq!(reviewed(people, "{ by: BOB }", "a.rs"), [""; 0]);
            assert_eq!(reviewed(people, "{ by: kim }", "a.rs").len(), 2);
            assert_eq!(reviewed(people, "{ by: sec }", "a.tf"), [""; 0]);
            assert_eq!(reviewed(people, "{ by: bob, may-approve: false }", "a.rs").len(), 2);
        }
        assert_eq!(reviewed(PEOPLE, "{ by: bob }, { by: kim, state: changes-requested }", "a.rs").len(), 1);
    }

    #[test]
    fn sections_of_gitlab_ask_each_for_their_own() {
        let owners =
            "* @bob\n[Infra][2] @acme/security @kim\n*.tf\n^[Docs]\n*.md @zoe\n[Roles]\n*.c @@maintainer\n";
        let people = PEOPLE.replace("people:", "people:\n  codeowners: gitlab");
        let roster = ROSTER.replace("github:", "gitlab:");
        let asked = |paths: &str, approvers: &[&str]| {
            let mut message = String::from("x\\n\\n");
            for name in approvers {
                message += &format!("Reviewed-by: {name} <{name}@example.com>\\n");
            }
            let change = format!("  commits: [{{ message: \"{message}\", paths: [{paths}] }}]");
            ask("{ from: codeowners, trust: claimed }", owners, &format!("{people}{roster}"), &change)
        };
        assert_eq!(asked("a.tf", &["bob", "kim", "sam"]), [""; 0]);
        let found = asked("a.tf", &["bob", "kim"]);
        assert!(
            found[0].contains("needs 2 approvals from owners")
                && found[0].contains("line 3 of `CODEOWNERS`, section `Infra`); 1 counts"),
            "{found:?}"
        );
        assert_eq!(asked("a.tf", &["kim", "sam"]).len(), 1);
        assert_eq!(asked("a.md", &["bob"]), [""; 0]);
        let found = asked("a.c", &["bob"]);
        assert!(found[1].contains("who has the role `@@maintainer` is not known here"), "{found:?}");
    }

    #[test]
    fn the_name_of_a_group_stands_for_the_team_that_the_policy_says() {
        let people = PEOPLE.replace(
            "people:",
            "people:\n  codeowners: { teams: { '@acme/Infra': security, '@other/security': security } }",
        );
        for (owners, is_known) in [
            ("* @acme/infra\n", true),
            ("* @other/security\n", true),
            ("* @acme/security\n", true),
            ("* @acme/unknown\n", false),
        ] {
            let change =
                "  commits: [{ message: \"x\\n\\nReviewed-by: S <sam@example.com>\\n\", paths: [a] }]";
            let people = format!("{people}{ROSTER}");
            let found = ask("{ from: codeowners, trust: claimed }", owners, &people, change);
            assert_eq!(found.is_empty(), is_known, "{owners}: {found:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_passed_over() {
        let change = "  unknown: [paths]\n  commits: [{ paths: [a.rs] }]";
        let people = format!("{PEOPLE}{ROSTER}");
        let found = ask("{ from: codeowners, trust: claimed }", OWNERS, &people, change);
        assert!(found[0].starts_with("unknown: "), "{found:?}");
        let text =
            format!("ask: {{ approvals: {{ from: codeowners, trust: claimed }} }}{PEOPLE}change: {{}}");
        assert!(
            finding_texts(&answer_example(&text))[0]
                .starts_with("unknown: the code owners could not be read")
        );
    }

    #[test]
    fn owners_and_teams_are_asked_apart() {
        for question in [
            "{ from: [codeowners, security] }",
            "{ unowned: refuse }",
            "{ from: security, unowned: refuse }",
            "{ from: codeowners, unowned: allow }",
            "{ from: codeowners, distinct-teams: true }",
        ] {
            let text = format!("ask: {{ approvals: {question} }}{PEOPLE}");
            assert_eq!(question_faults(&text).len(), 1, "{question}");
        }
        let text = format!("ask: {{ approvals: {{ from: codeowners }} }}{PEOPLE}")
            .replace("security:", "codeowners:");
        assert_eq!(question_faults(&text).len(), 1);
    }
}
