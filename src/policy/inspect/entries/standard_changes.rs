//! Standard changes that no change can be, and that approve less or later than they seem to.
//!
//! An entry of the catalogue stands for an approval that nobody asks for again, so a slip in it is found where it is
//! written: in the policy, or in the file that the policy names.

use crate::pattern::NamePattern;
use crate::people::PeopleDirectory;
use crate::policy::definition::Policy;
use crate::policy::inspect::entries::approvers::inspect_approver;
use crate::policy::inspect::entries::patterns::inspect_covering_patterns;
use crate::policy::inspect::entries::wide_patterns::inspect_bounds;
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::written::{find_entry, list_entries, list_items, scalar_text};
use crate::predicates::Predicate;
use crate::vocabulary::{FieldDefinition, FieldKind};
use crate::yaml::{YamlFault, YamlKey, YamlNode, shorten_for_message};

/// Looks at a map of standard changes by id.
pub(crate) fn inspect_standard_changes(entries: &YamlNode, policy: &Policy, found: &mut FileFindings) {
    let fields = list_entry_fields(policy);
    if fields.is_empty() && !list_entries(entries).is_empty() {
        let what = "nothing asks whether a change keeps to its standard change, so these count for nothing";
        let help = "ask `standard-change` in a rule, or remove them";
        found.notes.push(YamlFault::new(entries.at, what).with_help(help));
    }
    for (id, entry) in list_entries(entries) {
        found.errors.extend(find_unstatable_id(id, &fields));
        if let Some(paths) = find_entry(entry, "paths") {
            inspect_covering_patterns(paths, found);
            inspect_bounds(id, paths, found);
        }
        inspect_size(id, entry, found);
        if let Some(who) = find_entry(entry, "who") {
            inspect_makers(id, who, &policy.people, found);
        }
        if let Some(approver) = find_entry(entry, "approved-by") {
            inspect_approver(approver, &policy.people, found);
        }
    }
}

/// Returns the fields by which the questions of a policy find an entry.
fn list_entry_fields(policy: &Policy) -> Vec<&FieldDefinition> {
    let mut asked = Vec::new();
    for condition in policy.conditions() {
        condition.add_predicates(&mut asked);
    }
    let mut fields: Vec<&FieldDefinition> = Vec::new();
    for predicate in asked {
        if let Predicate::StandardChange(asked) = predicate
            && fields.iter().all(|known| known.name != asked.entry_field().name)
        {
            fields.push(asked.entry_field());
        }
    }
    fields
}

/// Returns the fault of an id that is no value of any field which names an entry.
fn find_unstatable_id(id: &YamlKey, fields: &[&FieldDefinition]) -> Option<YamlFault> {
    let first = fields.first()?;
    let refuses = |field: &&FieldDefinition| match &field.kind {
        FieldKind::Matches { pattern, .. } => pattern.matches_value(id.text.as_bytes()) == Some(false),
        _ => false,
    };
    if !fields.iter().all(refuses) {
        return None;
    }
    let FieldKind::Matches { pattern, .. } = &first.kind else { return None };
    let what = format!(
        "no change can name `{}`: a value of `{}` matches `{}`",
        shorten_for_message(&id.text),
        shorten_for_message(&first.name),
        shorten_for_message(&pattern.to_string())
    );
    Some(YamlFault::new(id.at, what).with_help("give the standard change an id of this form"))
}

fn inspect_size(id: &YamlKey, entry: &YamlNode, found: &mut FileFindings) {
    let Some(size) = find_entry(entry, "size") else { return };
    let is_zero = |key: &str| {
        let limit = find_entry(size, key).and_then(|limit| find_entry(limit, "at-most"));
        limit.filter(|limit| scalar_text(limit) == Some("0"))
    };
    let shown = shorten_for_message(&id.text);
    if let Some(limit) = is_zero("files") {
        let what = format!("no change can be `{shown}`: one without a file is no standard change");
        let help = "allow a file, or remove the entry";
        found.errors.push(YamlFault::new(limit.at, what).with_help(help));
    }
    if let Some(limit) = is_zero("lines") {
        let what = format!("`{shown}` covers only changes without a line, such as those of pictures");
        let help = "allow some lines, unless that is meant";
        found.notes.push(YamlFault::new(limit.at, what).with_help(help));
    }
}

/// Notes the teams of `who` that no member of the roster is in, and the bots that are none to the policy: nobody could
/// make the standard change by them.
fn inspect_makers(id: &YamlKey, who: &YamlNode, people: &PeopleDirectory, found: &mut FileFindings) {
    let shown = shorten_for_message(&id.text);
    for item in find_entry(who, "teams").map(list_items).unwrap_or_default() {
        let Some(team) = scalar_text(item) else { continue };
        if people.list_settled_keys(team).next().is_none() && !people.has_untold_members(team) {
            let roster = if people.has_roster() { " in the roster" } else { "" };
            let what = format!(
                "the team `{}` has no member{roster}, so nobody makes `{shown}` by it",
                shorten_for_message(team)
            );
            let help = "add its members, or name another team";
            found.notes.push(YamlFault::new(item.at, what).with_help(help));
        }
    }
    for item in find_entry(who, "bots").map(list_items).unwrap_or_default() {
        let Some(bot) = scalar_text(item) else { continue };
        // A forge tells that an account of such a name is a bot.
        let is_known = bot.contains('*')
            || bot.to_ascii_lowercase().contains("[bot]")
            || people.list_bots().iter().any(|known| names_bot(&known.to_string(), bot));
        if !is_known {
            let what = format!(
                "`{}` is none of the `bots` below `people`, so it makes `{shown}` only where a forge calls it a bot",
                shorten_for_message(bot)
            );
            let help = "list it there, by its whole name, as well";
            found.notes.push(YamlFault::new(item.at, what).with_help(help));
        }
    }
}

/// Returns true if an entry of `bots` is of this account: by its name, or by an address of it.
fn names_bot(known: &str, bot: &str) -> bool {
    let local = known.split('@').next().unwrap_or(known);
    let login = local.rsplit(['+', ':']).next().unwrap_or(local);
    let bot = bot.rsplit(':').next().unwrap_or(bot);
    [known, local, login].iter().any(|name| name.eq_ignore_ascii_case(bot))
        || NamePattern::new(known).is_ok_and(|pattern| pattern.matches_name(bot.as_bytes()))
}
