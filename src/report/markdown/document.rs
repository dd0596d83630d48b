//! Markdown in pieces, so that what is too long can be cut between them.
//!
//! A piece is a heading, a paragraph, an item of a list with its fenced lines, or a row of a table.
//! A document ends after one of them and never inside: a fence that stays open would swallow the
//! text that another writer adds below.

use std::io::{self, Write};

use crate::change::{Oid, Text};
use crate::report::escape::markdown::{MarkdownInline, build_fence};
use crate::report::style::ReportStyle;

/// The bytes that are kept for saying what was left out.
const OMISSION_NOTE_BYTES: usize = 200;

/// A Markdown document that grows piece by piece.
#[derive(Debug, Default)]
pub(crate) struct MarkdownReport {
    pieces: Vec<MarkdownPiece>,
}

#[derive(Debug)]
struct MarkdownPiece {
    text: String,
    kind: MarkdownPieceKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MarkdownPieceKind {
    /// A heading, which is worth nothing without what follows.
    Heading,
    Paragraph,
    ListItem,
    TableHead,
    TableRow,
    /// The start of a part that can be folded.
    FoldStart,
    /// The end of a part that can be folded.
    FoldEnd,
}

/// The line that ends a part that can be folded.
const FOLD_END_TAG: &str = "</details>\n";

impl MarkdownReport {
    pub(crate) fn add_heading(&mut self, level: usize, text: &str) {
        self.push_piece(MarkdownPieceKind::Heading, format!("{} {text}\n", "#".repeat(level)));
    }

    pub(crate) fn add_paragraph(&mut self, text: &str) {
        self.push_piece(MarkdownPieceKind::Paragraph, format!("{text}\n"));
    }

    /// Adds an item of a list, after `mark`, with further blocks that belong to it.
    pub(crate) fn add_list_item(&mut self, mark: &str, text: &str, blocks: &[ListItemBlock]) {
        let indent = " ".repeat(mark.len() + 1);
        let mut item = format!("{mark} {text}\n");
        for block in blocks {
            block.write_block(&indent, &mut item);
        }
        self.push_piece(MarkdownPieceKind::ListItem, item);
    }

    pub(crate) fn add_table_head(&mut self, columns: &[&str]) {
        let head = format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
        self.push_piece(MarkdownPieceKind::TableHead, head);
    }

    pub(crate) fn add_table_row(&mut self, cells: &[String]) {
        self.push_piece(MarkdownPieceKind::TableRow, format!("| {} |\n", cells.join(" | ")));
    }

    /// Starts a part that can be folded, under words of our own.
    pub(crate) fn open_fold(&mut self, summary: &str) {
        self.push_piece(MarkdownPieceKind::FoldStart, format!("<details>\n<summary>{summary}</summary>\n"));
    }

    pub(crate) fn close_fold(&mut self) {
        self.push_piece(MarkdownPieceKind::FoldEnd, FOLD_END_TAG.to_owned());
    }

    /// Adds lines as they are, in a fence.
    pub(crate) fn add_lines(&mut self, lines: Vec<String>) {
        let mut text = String::new();
        ListItemBlock::Lines(lines).write_block("", &mut text);
        self.push_piece(MarkdownPieceKind::Paragraph, text.trim_start_matches('\n').to_owned());
    }

    fn push_piece(&mut self, kind: MarkdownPieceKind, text: String) {
        self.pieces.push(MarkdownPiece { text, kind });
    }

    /// Writes as much as fits into `limit` bytes, and then how much did not.
    pub(crate) fn write_within_limit(&self, limit: usize, out: &mut dyn Write) -> io::Result<()> {
        let whole: usize = self.piece_sizes().sum();
        if whole <= limit {
            for (index, piece) in self.pieces.iter().enumerate() {
                write!(out, "{}{}", self.gap_before(index), piece.text)?;
            }
            return Ok(());
        }
        let (fits, open) = self.count_fitting_pieces(limit.saturating_sub(OMISSION_NOTE_BYTES));
        let mut text = String::new();
        for (index, piece) in self.pieces.iter().enumerate().take(fits) {
            text.push_str(self.gap_before(index));
            text.push_str(&piece.text);
        }
        let left = whole - text.len();
        if open {
            text.push('\n');
            text.push_str(FOLD_END_TAG);
        }
        let note = format!(
            "\n**Not all is shown:** {left} of {whole} bytes did not fit. The JSON of this decision has all of it.\n"
        );
        if text.len() + note.len() <= limit {
            text.push_str(&note);
        }
        write!(out, "{text}")
    }

    /// Returns the number of pieces that fit into `room` bytes, and whether they leave a fold open.
    fn count_fitting_pieces(&self, room: usize) -> (usize, bool) {
        let mut used = 0;
        let mut fits = 0;
        let mut open = false;
        for (size, piece) in self.piece_sizes().zip(&self.pieces) {
            used += size;
            let opens = (open || piece.kind == MarkdownPieceKind::FoldStart)
                && piece.kind != MarkdownPieceKind::FoldEnd;
            let end_tag = if opens { FOLD_END_TAG.len() + 1 } else { 0 };
            if used + end_tag > room {
                break;
            }
            open = opens;
            fits += 1;
        }
        // What only announces something stays away together with it; the verdict itself stays.
        while fits > 1
            && let Some(
                kind @ (MarkdownPieceKind::Heading
                | MarkdownPieceKind::TableHead
                | MarkdownPieceKind::FoldStart),
            ) = self.kind_before(fits)
        {
            open &= kind != MarkdownPieceKind::FoldStart;
            fits -= 1;
        }
        (fits, open)
    }

    /// Returns the bytes that each piece takes, with the empty line before it.
    fn piece_sizes(&self) -> impl Iterator<Item = usize> {
        self.pieces.iter().enumerate().map(|(index, piece)| self.gap_before(index).len() + piece.text.len())
    }

    /// Returns what stands between a piece and the one before it.
    fn gap_before(&self, index: usize) -> &'static str {
        match (self.kind_before(index), self.kind_before(index + 1)) {
            (None, _)
            | (Some(MarkdownPieceKind::ListItem), Some(MarkdownPieceKind::ListItem))
            | (
                Some(MarkdownPieceKind::TableHead | MarkdownPieceKind::TableRow),
                Some(MarkdownPieceKind::TableRow),
            ) => "",
            _ => "\n",
        }
    }

    /// Returns the kind of the piece before this index; `None` at the start.
    fn kind_before(&self, index: usize) -> Option<MarkdownPieceKind> {
        let piece = self.pieces.get(index.checked_sub(1)?)?;
        Some(piece.kind)
    }
}

/// Returns the name of a pull request, with a link to it where there is one.
pub(crate) fn link_pull(name: &Text, style: &ReportStyle) -> String {
    let text = MarkdownInline::new().with_quote(name.as_bytes()).into_markdown();
    match style.repository_url.as_ref().and_then(|url| url.pull_request_url(name)) {
        Some(link) => format!("[{text}]({link})"),
        None => text,
    }
}

/// Returns a commit, as a link where the address of its repository is known.
pub(crate) fn link_commit(id: Oid, style: &ReportStyle) -> String {
    let short = id.short_hex();
    match &style.repository_url {
        Some(url) => format!("[`{short}`]({})", url.commit_url(id)),
        None => format!("`{short}`"),
    }
}

/// A block that belongs to an item of a list.
#[derive(Debug)]
pub(crate) enum ListItemBlock {
    /// Lines as they are, printable; each is one line.
    Lines(Vec<String>),
    /// A paragraph of Markdown.
    Paragraph(String),
    /// The items of a list within the item.
    Items(Vec<String>),
}

impl ListItemBlock {
    fn write_block(&self, indent: &str, text: &mut String) {
        text.push('\n');
        match self {
            ListItemBlock::Lines(lines) => {
                let fence = build_fence(&lines.join("\n"));
                text.push_str(&format!("{indent}{fence}text\n"));
                for line in lines {
                    text.push_str(&format!("{indent}{line}\n"));
                }
                text.push_str(&format!("{indent}{fence}\n"));
            }
            ListItemBlock::Paragraph(words) => text.push_str(&format!("{indent}{words}\n")),
            ListItemBlock::Items(items) => {
                for item in items {
                    text.push_str(&format!("{indent}- {item}\n"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long() -> MarkdownReport {
        let mut document = MarkdownReport::default();
        document.add_heading(2, "denied");
        document.add_paragraph("in a word");
        document.add_list_item("1.", "first", &[ListItemBlock::Lines(vec!["a ``` b".into(), "c".into()])]);
        document.add_list_item(
            "2.",
            "second",
            &[ListItemBlock::Paragraph("x".into()), ListItemBlock::Items(vec!["y".into()])],
        );
        document.add_heading(3, "rules");
        document.add_table_head(&["one", "two"]);
        (0..20).for_each(|row| document.add_table_row(&[row.to_string(), "x".repeat(20)]));
        document.open_fold("more");
        (0..20).for_each(|row| document.add_list_item("-", &format!("item {row} {}", "é".repeat(10)), &[]));
        document.close_fold();
        document
    }

    fn written(limit: usize) -> String {
        let mut out = Vec::new();
        long().write_within_limit(limit, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_fits_is_whole() {
        insta::assert_snapshot!(written(usize::MAX).lines().take(24).collect::<Vec<_>>().join("\n"));
        assert_eq!(written(usize::MAX), written(written(usize::MAX).len()));
    }

    #[test]
    fn what_does_not_fit_is_cut_between_pieces_and_counted() {
        let whole = written(usize::MAX);
        for limit in 0..whole.len() {
            let text = written(limit);
            assert!(text.len() <= limit, "{limit}: {text}");
            assert_eq!(text.matches("<details>").count(), text.matches("</details>").count(), "{text}");
            assert!(text.lines().filter(|line| line.contains("````")).count().is_multiple_of(2), "{text}");
            assert!(limit < 230 || text.contains("**Not all is shown:**"), "{limit}: {text}");
            let end = text.split("\n**Not all").next().unwrap().trim_end();
            assert!(!end.ends_with("|---|---|") && !end.ends_with("rules"), "{text}");
        }
    }
}
