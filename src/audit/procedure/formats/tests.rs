//! What every format does with text that wants to be more than text, and that it always gives the same bytes.

use std::io::{Cursor, Read as _};

use super::*;
use crate::audit::procedure::document::{DocumentSection, DocumentTable, RichText, TextCell};

const HOSTILE: &str =
    "<script>alert(1)</script> ]]> &lt; \" ' | `a|b` [x](javascript:1) @team #12 \u{202e}\u{1b}[2J\u{0} =1+1";

fn hostile_document() -> ProcedureDocument {
    let mut section = DocumentSection::new(HOSTILE);
    section.add_subheading(HOSTILE);
    section.add_paragraph(HOSTILE);
    section.add_list(&[HOSTILE]);
    section.add_steps(&[HOSTILE, "two"]);
    section.add_steps(&["one again"]);
    let mut table = DocumentTable::new(&[("First", 50), ("Second", 50)]);
    table.add_row(vec![TextCell::from_lines(&[HOSTILE, "second"]), TextCell::empty()]);
    table.add_row(vec![
        TextCell { lines: vec![RichText::from_quote(HOSTILE.as_bytes())] },
        TextCell::from_strong(HOSTILE),
    ]);
    section.add_table(table);
    ProcedureDocument::new(HOSTILE, HOSTILE, vec![section])
}

fn part(archive: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut text = String::new();
    archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    for format in ProcedureFormat::ALL {
        let first = render_procedure(&hostile_document(), format).unwrap();
        assert!(!first.is_empty());
        assert_eq!(first, render_procedure(&hostile_document(), format).unwrap(), "{format:?}");
    }
}

#[test]
fn a_page_holds_no_markup_but_its_own() {
    let page =
        String::from_utf8(render_procedure(&hostile_document(), ProcedureFormat::Html).unwrap()).unwrap();
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    assert!(!page.contains("http-equiv=\"refresh\"") && !page.contains("src=") && !page.contains("url("));
    assert!(!page.contains('\u{202e}') && !page.contains('\u{1b}') && !page.contains('\0'));
    assert!(page.contains("<td></td>"), "an empty cell is there to write in");
    let known = [
        "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "p", "nav", "ol", "ul",
        "li", "a", "main", "section", "div", "table", "colgroup", "col", "thead", "tbody", "tr", "th", "td",
        "code", "strong", "br",
    ];
    for tag in page.split('<').skip(2) {
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        assert!(known.contains(&name.as_str()), "{name}: {tag}");
    }
}

/// Returns Markdown without its code, which ends at as many backticks as it begins with.
#[expect(clippy::string_slice, reason = "backticks are single bytes, so every cut is between characters")]
fn without_code(markdown: &str) -> String {
    let (mut prose, mut rest) = (String::new(), markdown);
    while let Some(at) = rest.find('`') {
        prose.push_str(&rest[..at]);
        let fence = rest[at..].chars().take_while(|one| *one == '`').count();
        rest = &rest[at + fence..];
        let mut end = rest.len();
        for (start, _) in rest.match_indices('`') {
            let run = rest[start..].chars().take_while(|one| *one == '`').count();
            if run == fence && !rest[..start].ends_with('`') {
                end = start + fence;
                break;
            }
        }
        rest = &rest[end..];
    }
    prose + rest
}

#[test]
fn markdown_keeps_hostile_words_in_code_and_in_their_cells() {
    let text =
        String::from_utf8(render_procedure(&hostile_document(), ProcedureFormat::Markdown).unwrap()).unwrap();
    for line in text.lines() {
        let is_row = line.starts_with('|') && !line.contains("---");
        assert!(!is_row || line.replace("\\|", "").matches('|').count() == 3, "{line}");
    }
    // Outside of code, nothing is left that Markdown acts on.
    let prose = without_code(&text);
    assert!(!prose.contains("<script") && !prose.contains("[x](") && !prose.contains("@team"), "{prose}");
    assert!(prose.contains("two"), "{prose}");
    assert!(!text.contains('\u{202e}') && !text.contains('\u{1b}'));
}

#[test]
fn a_docx_is_well_formed_and_has_the_parts_that_it_names() {
    let bytes = render_procedure(&hostile_document(), ProcedureFormat::Docx).unwrap();
    let main = part(&bytes, "word/document.xml");
    assert!(!main.contains("<script") && main.contains("&lt;script&gt;"), "{main}");
    for style in ["Title", "Heading1", "Heading2", "ListBullet", "ListNumber", "TableText"] {
        assert!(main.contains(&format!("<w:pStyle w:val=\"{style}\"/>")), "{style}");
        assert!(part(&bytes, "word/styles.xml").contains(&format!("w:styleId=\"{style}\"")), "{style}");
    }
    assert!(main.contains("<w:tblHeader/>") && main.contains("w:w=\"11906\" w:h=\"16838\""));
    // Bullets, and two lists of steps that both begin with 1.
    let numbering = part(&bytes, "word/numbering.xml");
    assert_eq!(numbering.matches("<w:num ").count(), 3);
    assert!(main.contains("<w:numId w:val=\"3\"/>"));
    let footer = part(&bytes, "word/footer1.xml");
    assert!(footer.contains(" PAGE ") && footer.contains(" NUMPAGES "));
    let types = part(&bytes, "[Content_Types].xml");
    let archive = zip::ZipArchive::new(Cursor::new(&bytes)).unwrap();
    for name in types.split("PartName=\"/").skip(1) {
        let name = name.split('"').next().unwrap();
        assert!(archive.index_for_name(name).is_some(), "{name}");
    }
}
