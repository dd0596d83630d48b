//! The faults of a policy, each with the line that it is about.
//!
//! The drawing is a library's. What this file adds is distrust: a policy under review can hold
//! control characters and marks that turn the direction of text, so a line is escaped, and cut
//! around the fault if it is long, before the library sees it.

use std::io::{self, Write};

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use crate::report::escape;
use crate::report::style::ReportStyle;
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};
use crate::yaml::YamlFault;

/// The characters of a line that are shown on either side of where the fault starts.
const CONTEXT_CHARACTERS: usize = 60;

/// Writes the faults of a run, sorted by file and place, and how many there are.
///
/// Each file is its name, its bytes and its faults. A fault whose place is not in the file (an empty
/// one, say) is shown without a line. Without a fault, nothing is written.
///
/// # Errors
///
/// Passes on what the writer says; the faults may then be written in part.
pub fn write_faults(
    files: &[(&str, &[u8], Vec<YamlFault>)],
    style: &ReportStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    let renderer = if style.colour { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(2 * CONTEXT_CHARACTERS + 20);
    let mut files: Vec<_> = files.iter().filter(|(.., faults)| !faults.is_empty()).collect();
    files.sort_by_key(|(name, ..)| *name);
    let mut count = 0;
    for (name, source, faults) in &files {
        let mut faults: Vec<_> = faults.iter().collect();
        faults.sort_by_key(|fault| fault.at);
        // The reader drops a byte order mark, so columns are counted without it.
        let source = source.strip_prefix("\u{feff}".as_bytes()).unwrap_or(source);
        let lines: Vec<_> = source.split(|byte| *byte == b'\n').collect();
        for fault in faults {
            count += 1;
            writeln!(out, "{}\n", draw_fault(&renderer, name, &lines, fault))?;
        }
    }
    if count == 0 {
        return Ok(());
    }
    let faults = if count == 1 { "1 fault".to_owned() } else { format!("{count} faults") };
    let place = match files.as_slice() {
        [(name, ..)] => escape::escape_terminal(name.as_bytes(), escape::MAX_QUOTE_COLUMNS),
        several => format!("{} files", several.len()),
    };
    let last = [
        plain_text("changegate: "),
        styled_text(TextStyle::Denied, faults),
        plain_text(format!(" in {place}")),
    ];
    TerminalPage::new(out, style).write_paragraph(0, &last)
}

fn draw_fault(renderer: &Renderer, name: &str, lines: &[&[u8]], fault: &YamlFault) -> String {
    let name = escape::escape_terminal(name.as_bytes(), escape::MAX_QUOTE_COLUMNS);
    let what = escape::escape_words(&fault.what);
    let place = format!("{name}:{}:", fault.at.line);
    let title = Level::ERROR.primary_title(what);
    let mut group = match excerpt_fault_line(lines, fault) {
        Some(line) => {
            let span = AnnotationKind::Primary.span(line.start..line.end);
            title.element(Snippet::source(line.text).line_start(fault.at.line).path(name).annotation(span))
        }
        None => title.element(Origin::path(name).line(fault.at.line).char_column(fault.at.column)),
    };
    if let Some(help) = &fault.help {
        group = group.element(Level::HELP.message(escape::escape_words(help)));
    }
    restore_file_column(&renderer.render(&[group]), &place, fault.at.column)
}

/// Puts right the column that follows `place`: the library counts those of the line as it is shown,
/// where an escape takes several columns and the start may have been cut.
fn restore_file_column(drawn: &str, place: &str, column: usize) -> String {
    // The first line is the title, in which `place` is a text like any other.
    let from = drawn.find('\n').unwrap_or(drawn.len());
    let (title, rest) = drawn.split_at_checked(from).unwrap_or((drawn, ""));
    match rest.split_once(place) {
        Some((before, after)) => {
            let after = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
            format!("{title}{before}{place}{column}{after}")
        }
        None => drawn.to_owned(),
    }
}

/// A line as it may be shown, and the bytes of it that are at fault.
struct FaultExcerpt {
    text: String,
    start: usize,
    end: usize,
}

fn excerpt_fault_line(lines: &[&[u8]], fault: &YamlFault) -> Option<FaultExcerpt> {
    let line = lines.get(fault.at.line.checked_sub(1)?)?;
    let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
    let column = fault.at.column.saturating_sub(1);
    if line.chars().count() < column || line.trim().is_empty() {
        return None;
    }
    let first = column.saturating_sub(CONTEXT_CHARACTERS);
    let until = column + fault.at.length.max(1);
    let mut shown = FaultExcerpt { text: String::new(), start: 0, end: 0 };
    if first > 0 {
        shown.text.push_str("...");
    }
    let mut reader = escape::TerminalEscaper::default();
    for (index, character) in line.chars().enumerate().skip(first) {
        if index == column {
            shown.start = shown.text.len();
        }
        if index > column + CONTEXT_CHARACTERS {
            shown.text.push_str("...");
            break;
        }
        shown.text.push_str(&reader.escape_character(character));
        if column <= index && index < until {
            shown.end = shown.text.len();
        }
    }
    if shown.end == 0 {
        // The fault is at the end of the line: something is missing there.
        shown.start = shown.text.len();
        shown.end = shown.start;
    }
    Some(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::YamlPlace;
    use proptest::prelude::*;

    fn written(files: &[(&str, &[u8], Vec<YamlFault>)], style: &ReportStyle) -> String {
        let mut out = Vec::new();
        write_faults(files, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn at(line: usize, column: usize, length: usize) -> YamlPlace {
        YamlPlace { line, column, length }
    }

    const POLICY: &str =
        "changegate: 1\nrules:\n  peer-review:\n    requires: { aprovals: { at-least: 1 } }\n";

    #[test]
    fn every_fault_shows_its_line_in_the_order_of_the_files() {
        let faults = vec![
            YamlFault::new(at(4, 17, 8), "unknown question `aprovals`")
                .with_help("did you mean `approvals`?"),
            YamlFault::new(at(4, 5, 8), "unknown key `requires`").with_help("did you mean `require`?"),
            YamlFault::new(at(9, 1, 1), "a rule is missing"),
        ];
        let people = vec![YamlFault::new(at(1, 7, 14), "this is not an address")];
        let files = [
            ("policies/people.yml", &b"ana: [ana at example]\n"[..], people),
            ("policies/changegate.yml", POLICY.as_bytes(), faults),
            ("policies/fine.yml", b"", Vec::new()),
        ];
        insta::assert_snapshot!("faults", written(&files, &ReportStyle::default()));
    }

    #[test]
    fn a_hostile_line_is_shown_and_does_nothing() {
        let source = "name: \u{1b}[2J\u{202e}x\tb ##[error] 'end'\n".as_bytes();
        let fault = YamlFault::new(at(1, 25, 5), "bad \u{1b}[31m name\n::error::x").with_help("\u{202e}no\r");
        insta::assert_snapshot!(
            "faults_hostile",
            written(&[("a\u{1b}\n.yml", source, vec![fault])], &ReportStyle::default())
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_fault() {
        let source = format!("{}wrong{}\n", "a".repeat(5000), "b".repeat(5000));
        let fault = YamlFault::new(at(1, 5001, 5), "this is wrong");
        insta::assert_snapshot!(
            "faults_long",
            written(&[("long.yml", source.as_bytes(), vec![fault])], &ReportStyle::default())
        );
    }

    #[test]
    fn colour_adds_nothing_but_colour() {
        let faults = || {
            vec![YamlFault::new(at(4, 5, 8), "unknown key `requires`").with_help("did you mean `require`?")]
        };
        let coloured = written(
            &[("p.yml", POLICY.as_bytes(), faults())],
            &ReportStyle { colour: true, ..ReportStyle::default() },
        );
        assert!(coloured.contains("\u{1b}["));
        let plain = written(&[("p.yml", POLICY.as_bytes(), faults())], &ReportStyle::default());
        assert_eq!(without_colour(&coloured), plain);
    }

    #[test]
    fn without_a_fault_nothing_is_written() {
        assert_eq!(written(&[("fine.yml", b"a: 1\n", Vec::new())], &ReportStyle::default()), "");
    }

    fn without_colour(text: &str) -> String {
        let mut pieces = text.split("\u{1b}[");
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |plain, piece| plain + piece.split_once('m').unwrap().1)
    }

    proptest! {
        #[test]
        fn whatever_the_file_holds_only_what_can_be_seen_gets_out(
            source in proptest::collection::vec(any::<u8>(), 0..200),
            text in "(\\n|::error::|##\\[x|.){0,20}",
            line in 0usize..6, column in 0usize..100, length in 0usize..100,
        ) {
            let both = [&source[..], text.as_bytes()].concat();
            let fault = YamlFault::new(at(line, column, length), text.clone()).with_help(text.clone());
            let shown = written(&[(&text, &both, vec![fault])], &ReportStyle::default());
            for line in shown.lines() {
                prop_assert!(line.chars().all(escape::is_visible), "{line:?}");
                prop_assert!(!line.trim_start().starts_with("::"), "{line:?}");
                prop_assert!(!line.contains("##["), "{line:?}");
            }
        }
    }
}
