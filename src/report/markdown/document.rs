//! Markdown in pieces, so that what is too long can be cut between them.
//!
//! A piece is a heading, a paragraph, an item of a list with its fenced lines, or a row of a table.
//! A document ends after one of them and never inside: a fence that stays open would swallow
//! whatever somebody else writes below.

use std::io::{self, Write};

use crate::report::escape::markdown::fence;

/// How many bytes are kept for saying what was left out.
const NOTE: usize = 200;

/// A document, as it grows.
#[derive(Debug, Default)]
pub(super) struct Document {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
struct Piece {
    text: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It is worth nothing without what follows.
    Heading,
    Paragraph,
    Item,
    TableHead,
    Row,
    /// It opens what can be folded.
    Open,
    /// It closes that.
    Close,
}

/// What closes what can be folded.
const CLOSE: &str = "</details>\n";

impl Document {
    pub(super) fn heading(&mut self, level: usize, text: &str) {
        self.push(Kind::Heading, format!("{} {text}\n", "#".repeat(level)));
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.push(Kind::Paragraph, format!("{text}\n"));
    }

    /// Adds an item of a list, after `mark`, with further blocks that belong to it.
    pub(super) fn item(&mut self, mark: &str, text: &str, blocks: &[Block]) {
        let indent = " ".repeat(mark.len() + 1);
        let mut item = format!("{mark} {text}\n");
        for block in blocks {
            block.write(&indent, &mut item);
        }
        self.push(Kind::Item, item);
    }

    pub(super) fn table(&mut self, columns: &[&str]) {
        let head = format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
        self.push(Kind::TableHead, head);
    }

    pub(super) fn row(&mut self, cells: &[String]) {
        self.push(Kind::Row, format!("| {} |\n", cells.join(" | ")));
    }

    /// Opens what can be folded, under words of our own.
    pub(super) fn open(&mut self, summary: &str) {
        self.push(Kind::Open, format!("<details>\n<summary>{summary}</summary>\n"));
    }

    pub(super) fn close(&mut self) {
        self.push(Kind::Close, CLOSE.to_owned());
    }

    /// Adds lines as they are.
    pub(super) fn lines(&mut self, lines: Vec<String>) {
        let mut text = String::new();
        Block::Lines(lines).write("", &mut text);
        self.push(Kind::Paragraph, text.trim_start_matches('\n').to_owned());
    }

    fn push(&mut self, kind: Kind, text: String) {
        self.pieces.push(Piece { text, kind });
    }

    /// Writes as much as fits into `limit` bytes, and then how much did not.
    pub(super) fn write(&self, limit: usize, out: &mut dyn Write) -> io::Result<()> {
        let whole: usize = self.sizes().sum();
        if whole <= limit {
            return self
                .pieces
                .iter()
                .enumerate()
                .try_for_each(|(index, piece)| write!(out, "{}{}", self.gap(index), piece.text));
        }
        let (fits, open) = self.fitting(limit.saturating_sub(NOTE));
        let mut text = String::new();
        for (index, piece) in self.pieces.iter().enumerate().take(fits) {
            text.push_str(self.gap(index));
            text.push_str(&piece.text);
        }
        let left = whole - text.len();
        if open {
            text.push('\n');
            text.push_str(CLOSE);
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
    fn fitting(&self, room: usize) -> (usize, bool) {
        let (mut used, mut fits, mut open) = (0, 0_usize, false);
        for (size, piece) in self.sizes().zip(&self.pieces) {
            used += size;
            let opens = (open || piece.kind == Kind::Open) && piece.kind != Kind::Close;
            if room < used + if opens { CLOSE.len() + 1 } else { 0 } {
                break;
            }
            open = opens;
            fits += 1;
        }
        // What only announces something stays away together with it; the verdict itself stays.
        let last =
            |fits: usize| fits.checked_sub(1).and_then(|last| self.pieces.get(last)).map(|one| one.kind);
        while let Some(kind @ (Kind::Heading | Kind::TableHead | Kind::Open)) = last(fits)
            && 1 < fits
        {
            open &= kind != Kind::Open;
            fits -= 1;
        }
        (fits, open)
    }

    /// Returns how many bytes each piece takes, with the empty line before it.
    fn sizes(&self) -> impl Iterator<Item = usize> {
        self.pieces.iter().enumerate().map(|(index, piece)| self.gap(index).len() + piece.text.len())
    }

    /// Returns what stands between a piece and the one before it.
    fn gap(&self, index: usize) -> &'static str {
        let before = index.checked_sub(1).and_then(|before| self.pieces.get(before)).map(|piece| piece.kind);
        let kind = self.pieces.get(index).map(|piece| piece.kind);
        match (before, kind) {
            (None, _)
            | (Some(Kind::Item), Some(Kind::Item))
            | (Some(Kind::TableHead | Kind::Row), Some(Kind::Row)) => "",
            _ => "\n",
        }
    }
}

/// What belongs to an item.
#[derive(Debug)]
pub(super) enum Block {
    /// Lines as they are, printable; each is one line.
    Lines(Vec<String>),
    /// A paragraph.
    Paragraph(String),
    /// Items of a list.
    Items(Vec<String>),
}

impl Block {
    fn write(&self, indent: &str, text: &mut String) {
        text.push('\n');
        match self {
            Block::Lines(lines) => {
                let fence = fence(lines);
                text.push_str(&format!("{indent}{fence}text\n"));
                lines.iter().for_each(|line| text.push_str(&format!("{indent}{line}\n")));
                text.push_str(&format!("{indent}{fence}\n"));
            }
            Block::Paragraph(words) => text.push_str(&format!("{indent}{words}\n")),
            Block::Items(items) => {
                items.iter().for_each(|item| text.push_str(&format!("{indent}- {item}\n")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long() -> Document {
        let mut document = Document::default();
        document.heading(2, "denied");
        document.paragraph("in a word");
        document.item("1.", "first", &[Block::Lines(vec!["a ``` b".into(), "c".into()])]);
        document.item("2.", "second", &[Block::Paragraph("x".into()), Block::Items(vec!["y".into()])]);
        document.heading(3, "rules");
        document.table(&["one", "two"]);
        (0..20).for_each(|row| document.row(&[row.to_string(), "x".repeat(20)]));
        document.open("more");
        (0..20).for_each(|row| document.item("-", &format!("item {row} {}", "é".repeat(10)), &[]));
        document.close();
        document
    }

    fn written(limit: usize) -> String {
        let mut out = Vec::new();
        long().write(limit, &mut out).unwrap();
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
