//! Markdown in pieces, so that what is too long can be cut between them.
//!
//! A piece is a heading, a paragraph, an item of a list with its fenced lines, or a row of a table.
//! A document ends after one of them and never inside: a fence that stays open would swallow
//! whatever somebody else writes below.

use std::io::{self, Write};

use crate::report::escape::markdown::build_fence;

/// How many bytes are kept for saying what was left out.
const OMISSION_NOTE_BYTES: usize = 200;

/// A document, as it grows.
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
    /// It is worth nothing without what follows.
    Heading,
    Paragraph,
    ListItem,
    TableHead,
    TableRow,
    /// It opens what can be folded.
    FoldStart,
    /// It closes that.
    FoldEnd,
}

/// What closes what can be folded.
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

    /// Opens what can be folded, under words of our own.
    pub(crate) fn open_fold(&mut self, summary: &str) {
        self.push_piece(MarkdownPieceKind::FoldStart, format!("<details>\n<summary>{summary}</summary>\n"));
    }

    pub(crate) fn close_fold(&mut self) {
        self.push_piece(MarkdownPieceKind::FoldEnd, FOLD_END_TAG.to_owned());
    }

    /// Adds lines as they are.
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
            return self
                .pieces
                .iter()
                .enumerate()
                .try_for_each(|(index, piece)| write!(out, "{}{}", self.gap_before(index), piece.text));
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

    /// Returns how many pieces take at most `room` bytes, and whether they leave something open.
    fn count_fitting_pieces(&self, room: usize) -> (usize, bool) {
        let (mut used, mut fits, mut open) = (0, 0_usize, false);
        for (size, piece) in self.piece_sizes().zip(&self.pieces) {
            used += size;
            let opens = (open || piece.kind == MarkdownPieceKind::FoldStart)
                && piece.kind != MarkdownPieceKind::FoldEnd;
            if room < used + if opens { FOLD_END_TAG.len() + 1 } else { 0 } {
                break;
            }
            open = opens;
            fits += 1;
        }
        // What only announces something stays away together with it; the verdict itself stays.
        let last =
            |fits: usize| fits.checked_sub(1).and_then(|last| self.pieces.get(last)).map(|one| one.kind);
        while let Some(
            kind @ (MarkdownPieceKind::Heading | MarkdownPieceKind::TableHead | MarkdownPieceKind::FoldStart),
        ) = last(fits)
            && 1 < fits
        {
            open &= kind != MarkdownPieceKind::FoldStart;
            fits -= 1;
        }
        (fits, open)
    }

    /// Returns how many bytes each piece takes, with the empty line before it.
    fn piece_sizes(&self) -> impl Iterator<Item = usize> {
        self.pieces.iter().enumerate().map(|(index, piece)| self.gap_before(index).len() + piece.text.len())
    }

    /// Returns what stands between a piece and the one before it.
    fn gap_before(&self, index: usize) -> &'static str {
        let before = index.checked_sub(1).and_then(|before| self.pieces.get(before)).map(|piece| piece.kind);
        let kind = self.pieces.get(index).map(|piece| piece.kind);
        match (before, kind) {
            (None, _)
            | (Some(MarkdownPieceKind::ListItem), Some(MarkdownPieceKind::ListItem))
            | (
                Some(MarkdownPieceKind::TableHead | MarkdownPieceKind::TableRow),
                Some(MarkdownPieceKind::TableRow),
            ) => "",
            _ => "\n",
        }
    }
}

/// What belongs to an item.
#[derive(Debug)]
pub(crate) enum ListItemBlock {
    /// Lines as they are, printable; each is one line.
    Lines(Vec<String>),
    /// A paragraph.
    Paragraph(String),
    /// Items of a list.
    Items(Vec<String>),
}

impl ListItemBlock {
    fn write_block(&self, indent: &str, text: &mut String) {
        text.push('\n');
        match self {
            ListItemBlock::Lines(lines) => {
                let fence = build_fence(lines);
                text.push_str(&format!("{indent}{fence}text\n"));
                lines.iter().for_each(|line| text.push_str(&format!("{indent}{line}\n")));
                text.push_str(&format!("{indent}{fence}\n"));
            }
            ListItemBlock::Paragraph(words) => text.push_str(&format!("{indent}{words}\n")),
            ListItemBlock::Items(items) => {
                items.iter().for_each(|item| text.push_str(&format!("{indent}- {item}\n")));
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
