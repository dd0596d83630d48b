//! The blocks of a description that can state something.

use pulldown_cmark::HeadingLevel;

use crate::change::description::line::DescriptionLine;
use crate::change::description::tick::split_boxes;

/// A block that can state something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DescriptionBlock {
    /// A heading with its level.
    Heading(HeadingLevel, Vec<DescriptionLine>),
    /// A paragraph, or the text of a list item.
    Paragraph(Vec<DescriptionLine>),
    /// A list of either kind.
    List(Vec<OutlineItem>),
    /// A table: its rows, the header first, each of cells.
    Table(Vec<Vec<Vec<DescriptionLine>>>),
    /// The lines of a block of code that is called `change`.
    ChangeBlock(Vec<DescriptionLine>),
    /// The lines of any other block of code, which only prose takes for an answer.
    Code(Vec<DescriptionLine>),
    /// A line from side to side.
    ThematicBreak,
}

/// An item of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutlineItem {
    /// Whether its box is ticked; `None` if it has none.
    pub(crate) is_ticked: Option<bool>,
    /// The blocks that it holds.
    pub(crate) blocks: Vec<DescriptionBlock>,
}

impl DescriptionBlock {
    /// Returns true for a heading of any level.
    pub(crate) fn is_heading(&self) -> bool {
        matches!(self, DescriptionBlock::Heading(..))
    }

    /// Returns true for a list of either kind.
    pub(crate) fn is_list(&self) -> bool {
        matches!(self, DescriptionBlock::List(_))
    }
}

/// Returns a list as it was meant. Where the text of a box is followed by a line with a label of its own, and no
/// empty line between, Markdown takes that line, and the items behind it, for more of the list.
pub(crate) fn split_list_at_labels(items: Vec<OutlineItem>) -> Vec<DescriptionBlock> {
    let mut blocks = Vec::new();
    let mut kept = Vec::new();
    for mut item in items {
        let rest = item.split_off_labels();
        kept.push(item);
        if !rest.is_empty() {
            blocks.push(DescriptionBlock::List(std::mem::take(&mut kept)));
            blocks.extend(rest);
        }
    }
    if !kept.is_empty() || blocks.is_empty() {
        blocks.push(DescriptionBlock::List(kept));
    }
    blocks
}

impl OutlineItem {
    /// Takes away, from an item with a box, the first line with a label of its own and everything behind it.
    fn split_off_labels(&mut self) -> Vec<DescriptionBlock> {
        if self.is_ticked.is_none() {
            return Vec::new();
        }
        let Some(DescriptionBlock::Paragraph(lines)) = self.blocks.first_mut() else { return Vec::new() };
        let mut is_below_text = false;
        let is_label = |line: &DescriptionLine| {
            let begins = is_below_text && line.begins_label();
            is_below_text |= !line.is_blank();
            begins
        };
        let Some(at) = lines.iter().position(is_label) else { return Vec::new() };
        let mut rest = vec![DescriptionBlock::Paragraph(lines.split_off(at))];
        rest.extend(self.blocks.drain(1..));
        rest
    }

    /// Reads a box that Markdown does not know: `[ x ]`, or a single character.
    pub(crate) fn read_typed_box(&mut self) {
        if self.is_ticked.is_some() {
            return;
        }
        let Some(DescriptionBlock::Paragraph(lines)) = self.blocks.first_mut() else { return };
        let Some(line) = lines.iter_mut().find(|line| !line.is_blank()) else { return };
        if let [boxed] = split_boxes(&line.text).as_slice() {
            self.is_ticked = Some(boxed.is_ticked);
            let length = line.text.trim_end().len() - boxed.text.len();
            line.remove_start(length);
        }
    }
}
