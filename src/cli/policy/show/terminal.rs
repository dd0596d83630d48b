//! An effective policy for people, within 80 columns.
//!
//! Where a value came from stands behind it in brackets; a value without one came from where its item did. What it took
//! the place of stands below it.

use std::io::{self, Write};

use crate::cli::output::wrap_text;
use crate::cli::policy::show::content::{
    AppliedChange, ShownControl, ShownItem, ShownPolicy, ShownSection, ShownValue,
};
use crate::policy::origins::WrittenValue;

/// Writes the policy.
pub(super) fn write_terminal(shown: &ShownPolicy, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", wrap_text("", 2, &format!("{} ({})", shown.name, shown.source)))?;
    if let Some(stage) = shown.stage {
        writeln!(out, "{}", wrap_text("", 2, &format!("what is asked at the stage {stage}")))?;
    }
    for change in &shown.changes {
        write_change(change, out)?;
    }
    if shown.left_out > 0 {
        writeln!(out, "\nand {} more changes; name fewer to have them shown", shown.left_out)?;
    }
    for section in &shown.sections {
        write_section(section, out)?;
    }
    if !shown.elsewhere.is_empty() {
        writeln!(out, "\n# Not asked at this stage")?;
        for (rule, fact) in &shown.elsewhere {
            writeln!(out, "{}", wrap_text("", 2, &format!("{rule}: {fact} cannot be known here")))?;
        }
    }
    write_controls(shown, out)
}

fn write_change(change: &AppliedChange, out: &mut dyn Write) -> io::Result<()> {
    let revision = change.revision.as_deref().unwrap_or("this change");
    let revision = revision.get(..10).unwrap_or(revision);
    writeln!(out, "\n{}", wrap_text("", 2, &format!("{revision} \"{}\"", change.subject)))?;
    let class = match &change.class {
        Some(class) => format!("is of the class {class}"),
        None => "is of no certain class".to_owned(),
    };
    writeln!(out, "{}", wrap_text("  ", 4, &class))?;
    for line in &change.because {
        writeln!(out, "{}", wrap_text("  - ", 6, line))?;
    }
    for section in &change.sections {
        write_section(section, out)?;
    }
    Ok(())
}

fn write_section(section: &ShownSection, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n# {}", section.title)?;
    for item in &section.items {
        write_item(item, out)?;
    }
    Ok(())
}

fn write_item(item: &ShownItem, out: &mut dyn Write) -> io::Result<()> {
    let place = item.statements.last().map(name_place);
    // A single value without a word of its own stands beside the name.
    if let [value] = item.values.as_slice()
        && value.label == "is"
    {
        let origin = place.map(|place| format!(" [{place}]")).unwrap_or_default();
        writeln!(out, "{}", wrap_text("", 4, &format!("{}: {}{origin}", item.name, value.text)))?;
        return write_overrides(&item.statements, out);
    }
    let origin = place.as_ref().map(|place| format!(" [{place}]")).unwrap_or_default();
    writeln!(out, "\n{}", wrap_text("", 4, &format!("{}{origin}", item.name)))?;
    let file = item.statements.last().map(|statement| statement.file.as_str());
    for value in &item.values {
        write_value(value, file, out)?;
    }
    Ok(())
}

fn write_value(value: &ShownValue, item_file: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let last = value.statements.last();
    let origin = match last {
        Some(statement) if Some(statement.file.as_str()) != item_file || value.statements.len() > 1 => {
            format!(" [{}]", name_place(statement))
        }
        _ => String::new(),
    };
    let text = format!("{}{origin}", value.text);
    // The title of a rule needs no word before it.
    let line = match value.label {
        "title" => wrap_text("  ", 2, &text),
        label => wrap_text(&format!("  {label:<8} "), 11, &text),
    };
    writeln!(out, "{line}")?;
    write_overrides(&value.statements, out)
}

/// Writes what a value took the place of.
fn write_overrides(statements: &[WrittenValue], out: &mut dyn Write) -> io::Result<()> {
    let earlier = statements.len().saturating_sub(1);
    for statement in statements.iter().take(earlier) {
        let text = format!("{} [{}]", statement.text, name_place(statement));
        writeln!(out, "{}", wrap_text("           was ", 15, &text))?;
    }
    Ok(())
}

/// Returns the file and the line of a statement.
fn name_place(statement: &WrittenValue) -> String {
    let pack = if statement.is_pack { "pack " } else { "" };
    format!("{pack}{}:{}", statement.file, statement.line)
}

fn write_controls(shown: &ShownPolicy, out: &mut dyn Write) -> io::Result<()> {
    let controls = &shown.controls;
    if controls.is_empty() {
        return Ok(());
    }
    let no_rule = if shown.changes.is_empty() { "no rule names it" } else { "no rule that applies names it" };
    writeln!(out, "\n# Controls and the rules that name them")?;
    // A list of the reader's own is told in its order, with what no rule names in its place.
    for control in controls.iter().filter(|control| shown.has_own_controls || is_named(control)) {
        if !is_named(control) {
            writeln!(out, "\n{}", wrap_text("", 2, &format!("{}: {no_rule}", control.id)))?;
            continue;
        }
        writeln!(out, "\n{}", wrap_text("", 2, &control.id))?;
        for rule in control.rules.iter().chain(&control.switched_off) {
            let words =
                if rule.title.is_empty() { rule.id.clone() } else { format!("{}: {}", rule.id, rule.title) };
            writeln!(out, "{}", wrap_text("  ", 4, &words))?;
            if let Some(effect) = &rule.effect {
                writeln!(out, "{}", wrap_text("    ", 4, effect))?;
            }
        }
    }
    if shown.has_own_controls {
        return Ok(());
    }
    writeln!(out, "\n# Controls that shipped packs name")?;
    for control in controls.iter().filter(|control| !is_named(control)) {
        writeln!(out, "{}: {no_rule}", control.id)?;
    }
    Ok(())
}

/// Returns true if a rule names the control, be it one that is off.
fn is_named(control: &ShownControl) -> bool {
    !control.rules.is_empty() || !control.switched_off.is_empty()
}
