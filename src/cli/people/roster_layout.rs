//! The lines of a roster as they are written, so that an entry that does not change stays as it is, with its comments.

/// The lines of a roster whose entries each begin on a line of their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RosterLayout {
    /// What stands before the first entry, and the comments right before it.
    head: String,
    blocks: Vec<EntryBlock>,
    /// The comments and empty lines behind the last entry.
    tail: String,
    /// How many spaces stand before the key of an entry.
    indent: usize,
    line_end: &'static str,
}

/// The lines of one entry.
#[derive(Clone, Debug, Default, PartialEq)]
struct EntryBlock {
    /// The comments and empty lines right before it.
    lead: String,
    body: String,
}

impl RosterLayout {
    /// Divides a roster whose keys begin at these places, each a line and a column that are counted from 1; `None` where
    /// entries do not each begin on a line of their own, one below the other.
    pub(super) fn divide_text(text: &str, keys: &[(usize, usize)]) -> Option<RosterLayout> {
        // A carriage return alone ends a line for YAML, and for nothing else here.
        if text.replace("\r\n", "\n").contains('\r') {
            return None;
        }
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let (_, column) = *keys.first()?;
        let indent = column.checked_sub(1)?;
        let starts: Vec<usize> = keys.iter().map(|(line, _)| line.saturating_sub(1)).collect();
        let is_alone = |(line, at): (&usize, &(usize, usize))| {
            let before = lines.get(*line).and_then(|line| line.get(..indent));
            at.1 == column && before.is_some_and(|before| before.bytes().all(|byte| byte == b' '))
        };
        if indent == 0
            || !starts.is_sorted_by(|one, next| one < next)
            || !starts.iter().zip(keys).all(is_alone)
        {
            return None;
        }
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let mut layout = RosterLayout { indent, line_end, ..RosterLayout::default() };
        let first = *starts.first()?;
        let lead = find_lead(&lines, 0, first);
        layout.head = lines.get(..lead)?.concat();
        let mut begin = lead;
        for (place, start) in starts.iter().enumerate() {
            let next = starts.get(place + 1).copied().unwrap_or(lines.len());
            let end = find_lead(&lines, start + 1, next);
            layout.blocks.push(EntryBlock {
                lead: lines.get(begin..*start)?.concat(),
                body: end_line(lines.get(*start..end)?.concat(), line_end),
            });
            begin = end;
        }
        layout.tail = lines.get(begin..)?.concat();
        Some(layout)
    }

    /// Returns the roster with these entries: `None` for one that stays as it is written, and the new lines of one that
    /// changes. What comes behind the last entry that was there is new.
    pub(super) fn render_layout(&self, entries: &[Option<String>]) -> String {
        let mut text = self.head.clone();
        for (place, entry) in entries.iter().enumerate() {
            let block = self.blocks.get(place);
            if let Some(block) = block {
                text.push_str(&block.lead);
            }
            match (entry, block) {
                (Some(lines), _) => {
                    for line in lines.lines() {
                        text.push_str(&" ".repeat(self.indent));
                        text.push_str(line);
                        text.push_str(self.line_end);
                    }
                }
                (None, Some(block)) => text.push_str(&block.body),
                (None, None) => {}
            }
        }
        text.push_str(&self.tail);
        text
    }
}

/// Returns where the comments and empty lines begin that stand right before the line `end`, and not before `start`.
fn find_lead(lines: &[&str], start: usize, end: usize) -> usize {
    let mut lead = end;
    while lead > start
        && lines
            .get(lead - 1)
            .is_some_and(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    {
        lead -= 1;
    }
    lead
}

fn end_line(mut lines: String, line_end: &str) -> String {
    if !lines.ends_with('\n') {
        lines.push_str(line_end);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Who is whom.\npeople:\n    # The first.\n    ana: { addresses: [a@example.com] } # here\n\n    # The second.\n    ben:\n        # since long\n        addresses: [b@example.com]\n# The end.\n";

    #[test]
    fn what_does_not_change_stays_as_it_is() {
        let layout = RosterLayout::divide_text(TEXT, &[(4, 5), (7, 5)]).unwrap();
        assert_eq!(layout.render_layout(&[None, None]), TEXT);
        let new = Some("cy:\n  addresses: [c@example.com]\n".to_owned());
        let text = layout.render_layout(&[new.clone(), None, new]);
        let block = "    cy:\n      addresses: [c@example.com]\n";
        assert_eq!(
            text,
            format!(
                "# Who is whom.\npeople:\n    # The first.\n{block}\n    # The second.\n    ben:\n        # since long\n        addresses: [b@example.com]\n{block}# The end.\n"
            )
        );
    }

    #[test]
    fn a_file_of_windows_keeps_its_line_ends_and_one_without_a_last_end_gets_it() {
        let text = "people:\r\n  ana: { addresses: [a@example.com] }";
        let layout = RosterLayout::divide_text(text, &[(2, 3)]).unwrap();
        let text = layout.render_layout(&[None, Some("ben: {}\n".into())]);
        assert_eq!(text, "people:\r\n  ana: { addresses: [a@example.com] }\r\n  ben: {}\r\n");
    }

    #[test]
    fn entries_that_share_a_line_are_not_divided() {
        for (text, keys) in [
            ("people: { ana: {}, ben: {} }\n", [(1, 11), (1, 20)]),
            ("people:\n  ana: {}\n   ben: {}\n", [(2, 3), (3, 4)]),
            ("people:\r  ana: {}\r  ben: {}\n", [(2, 3), (3, 3)]),
        ] {
            assert_eq!(RosterLayout::divide_text(text, &keys), None, "{text}");
        }
        assert_eq!(RosterLayout::divide_text("people:\n", &[]), None);
    }
}
