//! The teams and the rules that a CODEOWNERS file amounts to.
//!
//! The last line that matches a path says who owns it, so each rule leaves out what later lines are about. A rule is in
//! force only if the roster knows two of the owners: one alone could never have their own change approved.

use std::collections::BTreeSet;

use crate::change::Person;
use crate::cli::policy::init::code_owners::{CodeOwner, OwnerLine};
use crate::pattern::PathPattern;
use crate::people::{PeopleDirectory, ResolvedIdentity};

/// How many rules are drafted; a file of more lines is better brought over by hand.
const MAX_OWNER_RULES: usize = 30;

/// What a CODEOWNERS file amounts to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OwnerDraft {
    /// The rules, in the order of the lines.
    pub(super) rules: Vec<OwnerRule>,
    /// The patterns that have another meaning in a policy, or none.
    pub(super) unread_patterns: Vec<String>,
    /// True if there were more lines than rules are drafted for.
    pub(super) is_cut: bool,
}

/// The rule for what some owners own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnerRule {
    /// The id of the rule.
    pub(super) id: String,
    /// The team, which is called like the owner or like the paths.
    pub(super) team: String,
    /// The patterns of what they own.
    pub(super) paths: Vec<String>,
    /// The patterns of what belongs to others.
    pub(super) ignored: Vec<String>,
    /// The members as a policy writes them; empty for a team whose members only the forge knows.
    pub(super) members: Vec<String>,
    /// The owners as the file has them.
    pub(super) owners: Vec<CodeOwner>,
    /// The keys, in the roster, of the people among them.
    pub(super) known_people: BTreeSet<String>,
}

impl OwnerRule {
    /// Returns true if the rule can be in force: every owner is known, and they can approve each other's work.
    pub(super) fn is_staffed(&self) -> bool {
        self.members.len() == self.owners.len() && self.known_people.len() > 1
    }

    /// Returns the first of these paths that the rule is about.
    pub(super) fn find_owned_path<'path>(&self, paths: &'path [String]) -> Option<&'path str> {
        let read = |patterns: &[String]| -> Vec<PathPattern> {
            patterns.iter().filter_map(|pattern| PathPattern::new(pattern).ok()).collect()
        };
        let (owned, ignored) = (read(&self.paths), read(&self.ignored));
        let matches = |patterns: &[PathPattern], path: &str| {
            patterns.iter().any(|pattern| pattern.matches_path(path.as_bytes()))
        };
        let mut found = paths.iter().filter(|path| matches(&owned, path) && !matches(&ignored, path));
        found.next().map(String::as_str)
    }
}

/// Returns the rules for what the lines say, with the people of this roster.
pub(super) fn draft_owner_rules(lines: &[OwnerLine], roster: &PeopleDirectory) -> OwnerDraft {
    let mut draft = OwnerDraft::default();
    let mut lines = lines.to_vec();
    lines.retain(|line| {
        let is_usable = is_usable_pattern(&line.pattern);
        if !is_usable {
            draft.unread_patterns.push(line.pattern.clone());
        }
        is_usable
    });
    let mut index = 0;
    while let Some(first) = lines.get(index) {
        // Lines of the same owners, one after the other, are one rule.
        let is_alike = |line: &&OwnerLine| line.section == first.section && line.owners == first.owners;
        let count = lines.iter().skip(index).take_while(is_alike).count();
        let (own, later) = (lines.iter().skip(index).take(count), lines.iter().skip(index + count));
        if !first.owners.is_empty() {
            if draft.rules.len() == MAX_OWNER_RULES {
                draft.is_cut = true;
                break;
            }
            let paths: Vec<String> = own.map(|line| line.pattern.clone()).collect();
            let others = later.filter(|line| line.section == first.section && line.owners != first.owners);
            let mut ignored: Vec<String> = Vec::new();
            for line in others {
                if !ignored.contains(&line.pattern) {
                    ignored.push(line.pattern.clone());
                }
            }
            let rule = build_rule(first, paths, ignored, roster, &draft.rules);
            draft.rules.push(rule);
        }
        index += count;
    }
    draft
}

fn build_rule(
    line: &OwnerLine,
    paths: Vec<String>,
    ignored: Vec<String>,
    roster: &PeopleDirectory,
    earlier: &[OwnerRule],
) -> OwnerRule {
    let slug = to_slug(paths.first().map_or("", String::as_str), "everything");
    let id = find_free_name(&format!("owners-of-{slug}"), |name| earlier.iter().any(|rule| rule.id == name));
    let team = match earlier.iter().find(|rule| rule.owners == line.owners) {
        Some(same) => same.team.clone(),
        None => {
            let name = match line.owners.as_slice() {
                [CodeOwner::Team(path)] => to_slug(path.rsplit('/').next().unwrap_or(path), "owners"),
                [CodeOwner::Account(login)] => to_slug(login, "owner"),
                _ => format!("{slug}-owners"),
            };
            // `duty-managers` belongs to the packs.
            find_free_name(&name, |name| {
                name == "duty-managers" || earlier.iter().any(|rule| rule.team == name)
            })
        }
    };
    let mut members = Vec::new();
    let mut known_people = BTreeSet::new();
    for owner in &line.owners {
        let (member, identity) = match owner {
            CodeOwner::Team(_) => continue,
            CodeOwner::Account(login) => {
                let account = format!("github:{login}");
                let identity = roster.identify_account(&account.as_str().into());
                (account, identity)
            }
            CodeOwner::Address(address) => {
                let person = Person { name: "".into(), email: address.as_str().into() };
                (address.clone(), roster.identify_person(&person))
            }
        };
        // A member whom the roster does not know could approve nothing.
        if let ResolvedIdentity::Human(key) = identity {
            members.push(member);
            known_people.insert(key);
        }
    }
    OwnerRule { id, team, paths, ignored, members, owners: line.owners.clone(), known_people }
}

/// Returns true for a pattern that means in a policy what it means in a CODEOWNERS file.
fn is_usable_pattern(pattern: &str) -> bool {
    let is_odd = |part: &str| matches!(part, "." | "..");
    PathPattern::new(pattern).is_ok()
        && pattern.chars().all(|one| one.is_ascii_graphic() && !"\\{}[]^$'\"".contains(one))
        && !pattern.starts_with('~')
        && !pattern.contains("//")
        && !pattern.split('/').any(is_odd)
        && pattern != "/"
}

/// Returns the letters and digits of a text, in small letters, with `-` between words; `otherwise` if there are none.
fn to_slug(text: &str, otherwise: &str) -> String {
    let mut words = Vec::new();
    for word in text.split(|one: char| !one.is_ascii_alphanumeric()) {
        if !word.is_empty() {
            words.push(word.to_ascii_lowercase());
        }
    }
    let slug: String = words.join("-").chars().take(40).collect();
    if slug.is_empty() { otherwise.to_owned() } else { slug }
}

fn find_free_name(wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut name = wanted.to_owned();
    let mut number = 1_u32;
    while is_taken(&name) {
        number = number.saturating_add(1);
        name = format!("{wanted}-{number}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::policy::init::code_owners::parse_code_owners;
    use crate::yaml::read_document;

    fn roster() -> PeopleDirectory {
        let text = "people:\n  ana: { addresses: [ana@example.com], accounts: ['github:ana'] }\n  \
                    ben: { addresses: [ben@example.com] }\n  kim: { addresses: [kim@example.com] }\n";
        let mut people = PeopleDirectory::default();
        people.read_roster(&read_document(text.as_bytes()).unwrap(), &mut Vec::new());
        people
    }

    fn draft(text: &str) -> OwnerDraft {
        draft_owner_rules(&parse_code_owners(text), &roster())
    }

    #[test]
    fn the_last_line_that_matches_says_who_owns_a_path() {
        let drafted = draft(
            "* ana@example.com ben@example.com\n/docs/ kim@example.com @ana\n/guide/ @ana kim@example.com\n/gen/\n\
             *.sql @acme/data\n",
        );
        let shown: Vec<String> = drafted
            .rules
            .iter()
            .map(|rule| {
                format!("{} {} {:?} {:?} {}", rule.id, rule.team, rule.paths, rule.ignored, rule.is_staffed())
            })
            .collect();
        assert_eq!(
            shown,
            [
                "owners-of-everything everything-owners [\"*\"] [\"/docs/\", \"/guide/\", \"/gen/\", \"*.sql\"] true",
                "owners-of-docs docs-owners [\"/docs/\", \"/guide/\"] [\"/gen/\", \"*.sql\"] true",
                "owners-of-sql data [\"*.sql\"] [] false",
            ]
        );
        let paths = ["gen/a.rs", "docs/a.md", "src/a.rs", "src/a.sql"].map(str::to_owned);
        let owned = |index: usize| drafted.rules[index].find_owned_path(&paths);
        assert_eq!((owned(0), owned(1), owned(2)), (Some("src/a.rs"), Some("docs/a.md"), Some("src/a.sql")));
    }

    #[test]
    fn a_rule_that_could_lock_its_owners_out_is_not_in_force() {
        for (owners, is_staffed) in [
            ("@ana", false),
            ("@ana ana@example.com", false),
            ("@ana ben@example.com", true),
            ("@ana ben@example.com @stranger", false),
            ("@ana ben@example.com @acme/team", false),
        ] {
            assert_eq!(draft(&format!("* {owners}\n")).rules[0].is_staffed(), is_staffed, "{owners}");
        }
    }

    #[test]
    fn patterns_that_mean_something_else_are_named_and_left_out() {
        let drafted = draft("/a//b @ana\n./c @ana\na\\ b @ana\n{a,b} @ana\n/ok/ @ana\n!x @ana\n");
        assert_eq!(drafted.rules.len(), 1);
        assert_eq!(drafted.unread_patterns, ["/a//b", "./c", "a\\ b", "{a,b}", "!x"]);
        let many: String = (0..40).map(|number| format!("/{number}/ @ana{number}\n")).collect();
        let drafted = draft(&many);
        assert!(drafted.is_cut && drafted.rules.len() == MAX_OWNER_RULES);
        let names: BTreeSet<&String> = drafted.rules.iter().map(|rule| &rule.id).collect();
        assert_eq!(names.len(), MAX_OWNER_RULES);
        assert_eq!(
            draft("/a @x\n/b @y\n/a @x\n").rules.iter().map(|rule| rule.team.as_str()).collect::<Vec<_>>(),
            ["x", "y", "x"]
        );
    }
}
