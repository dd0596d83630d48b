//! Expressions that nothing can match, and lists of words that are all placeholders: nobody could fill them in.

use crate::change::placeholder::is_unfilled;
use crate::pattern::{LinePattern, ValuePattern};
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::written::{
    find_entry, list_entries, list_items, list_predicates, list_texts, scalar_text,
};
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// Refuses fields without a value that counts, and expressions in questions that match nothing.
pub(crate) fn inspect_unfillable_parts(file: &YamlNode, found: &mut FileFindings) {
    for (name, field) in find_entry(file, "fields").map(list_entries).unwrap_or_default() {
        let shown = shorten_for_message(&name.text);
        let nothing = format!("no value of `{shown}` can match this");
        found.errors.extend(find_entry(field, "matches").and_then(|node| find_idle_value(node, &nothing)));
        for kind in ["one-of", "ordered"] {
            let Some(words) = find_entry(field, kind) else { continue };
            let listed = list_texts(words);
            if !listed.is_empty() && listed.iter().all(|word| is_unfilled(word)) {
                let what = format!("`{shown}` has only placeholders for words, which state nothing");
                let help = "list the words that people state, as in `[low, high]`";
                found.errors.push(YamlFault::new(words.at, what).with_help(help));
            }
        }
    }
    for (key, value) in list_predicates(file) {
        match key.text.as_str() {
            line @ ("subject" | "title") => {
                let nothing = format!("no {line} can match this");
                found
                    .errors
                    .extend(find_entry(value, "matches").and_then(|node| find_idle_value(node, &nothing)));
            }
            "adds-lines" => {
                for item in find_entry(value, "matching").map(list_items).unwrap_or_default() {
                    found.errors.extend(find_idle_line(item));
                }
            }
            _ => {}
        }
    }
}

/// Returns the fault of an expression that no value matches.
fn find_idle_value(node: &YamlNode, nothing: &str) -> Option<YamlFault> {
    let pattern = ValuePattern::new(scalar_text(node)?).ok()?;
    (!pattern.can_match_value()).then(|| {
        let what = format!("{nothing}: it is one line, and the expression needs more, or excludes itself");
        YamlFault::new(node.at, what).with_help("correct the expression; a `$` belongs to its end only")
    })
}

/// Returns the fault of an expression that is in no line.
fn find_idle_line(node: &YamlNode) -> Option<YamlFault> {
    let pattern = LinePattern::new(scalar_text(node)?).ok()?;
    (!pattern.can_be_in_line()).then(|| {
        let what = "no line can match this: the expression needs more than one line, or excludes itself";
        YamlFault::new(node.at, what).with_help("correct the expression; a `$` belongs to its end only")
    })
}
