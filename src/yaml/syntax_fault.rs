//! What the parser says about text that is not YAML, in words for the author of a policy.

use crate::yaml::tree::{YamlFault, YamlPlace};
use crate::yaml::words::shorten_for_message;

/// What the parser's message holds, what to say instead, and what to do.
const SYNTAX_FAULTS: [(&[&str], &str, &str); 9] = [
    (&["tab"], "a tab stands here, where YAML wants spaces", "indent with spaces"),
    (
        &["mapping values are not allowed", "illegal placement of ':'"],
        "a second `: ` stands in one value",
        "put the value in quotes, or start a new line",
    ),
    (
        &["simple key expect", "mapping keys are not allowed"],
        "this line is no `key: value`",
        "write `key: value`, or indent it as a part of the line above",
    ),
    (
        &[
            "indentation",
            "indented",
            "expected key",
            "block collection",
            "sequence entries",
            "document start",
        ],
        "this line does not fit the lines above it",
        "indent it as far as its neighbours",
    ),
    (
        &["escape", "hexadecimal"],
        "this escape does not exist in double quotes",
        "use single quotes, in which a back-slash stands for itself",
    ),
    (&["expected ',' or"], "a comma or the closing bracket is missing here", "part the items with commas"),
    (
        &["trailing content"],
        "something follows the closing quotation mark",
        "put all of the value in one pair of quotes",
    ),
    (
        &["unexpected character", "cannot start", "expected next token", "directive"],
        "a value cannot start with this character",
        "put the value in quotes",
    ),
    (&["end of stream", "unexpected eof"], "the file ends too early", "complete the last line"),
];

/// Returns the fault for text that the parser gave up on at `at`, saying `info`.
pub(crate) fn describe_syntax_fault(text: &str, at: YamlPlace, info: &str) -> YamlFault {
    if info.contains("alias") || info.contains("unknown anchor") {
        let word = read_word_at(text, at);
        let what =
            format!("`{}` starts like an alias, and aliases are not accepted", shorten_for_message(word));
        return YamlFault::new(at, what)
            .with_help(format!("put it in quotes if it is a pattern: `'{}'`", shorten_for_message(word)));
    }
    if let Some(fault) = find_indenting_tab(text, at, info).or_else(|| find_plain_slip(text, at, info)) {
        return fault;
    }
    if !info.contains("tab")
        && let Some((open_at, open)) = find_open_delimiter(text, at.line)
    {
        return match open {
            '[' | '{' => {
                let close = if open == '[' { ']' } else { '}' };
                if let Some(fault) = find_swallowing_comment(text, open_at, close) {
                    return fault;
                }
                YamlFault::new(open_at, format!("this `{open}` is not closed"))
                    .with_help(format!("add `{close}`"))
            }
            quote => YamlFault::new(open_at, format!("this quotation mark {quote} is not closed"))
                .with_help("add the closing one, or remove it"),
        };
    }
    // The parser notices a line without a colon only at the line after it.
    let at = if info.contains("simple key expect") { find_last_line(text, at).unwrap_or(at) } else { at };
    let at = if info.contains("tab") { find_tab(text, at).unwrap_or(at) } else { at };
    for (pieces, what, help) in SYNTAX_FAULTS {
        if pieces.iter().any(|piece| info.contains(piece)) {
            return YamlFault::new(at, what).with_help(help);
        }
    }
    YamlFault::new(at, "this is not YAML")
        .with_help("look at the quotes, brackets and indentation of this line")
}

/// Returns the fault of a ` #` behind an open bracket that makes a comment of the closing one.
fn find_swallowing_comment(text: &str, open_at: YamlPlace, close: char) -> Option<YamlFault> {
    let line = text.lines().nth(open_at.line.checked_sub(1)?)?;
    let start = line.char_indices().nth(open_at.column)?.0;
    let (before, comment) = line.get(start..)?.split_once(" #")?;
    if !comment.contains(close) {
        return None;
    }
    let column = open_at.column + before.chars().count() + 2;
    let what = format!("` #` begins a comment here, so the `{close}` behind it does not count");
    let fault = YamlFault::new(YamlPlace { column, length: 1, ..open_at }, what);
    Some(fault.with_help("remove the space in front of `#`, or put the value in quotes"))
}

/// Returns the fault of a slip that the line shows better than the parser's message: a tab behind a colon, no
/// space in front of `#` or behind a colon, a line that is indented into the value above it.
fn find_plain_slip(text: &str, at: YamlPlace, info: &str) -> Option<YamlFault> {
    let line = text.lines().nth(at.line.checked_sub(1)?)?;
    let mut characters = line.chars().skip(at.column.saturating_sub(2));
    let (before, here) = (characters.next(), characters.next());
    if before == Some('\t') && line.split('\t').next().is_some_and(|start| start.ends_with([':', '-'])) {
        let at = YamlPlace { column: at.column.saturating_sub(1).max(1), ..at };
        return Some(
            YamlFault::new(at, "a tab stands here, where YAML wants spaces").with_help("write a space"),
        );
    }
    if here == Some('#') && before.is_some_and(|before| matches!(before, '}' | ']' | '"' | '\'')) {
        let fault = YamlFault::new(at, "a comment begins with ` #`, and the space is missing here");
        return Some(fault.with_help("put a space in front of `#`"));
    }
    if let Some(fault) = find_joined_key(line, at).or_else(|| find_missing_item(line, at)) {
        return Some(fault);
    }
    if !info.contains("mapping values are not allowed") {
        return None;
    }
    let indentation = line.chars().take_while(|character| *character == ' ').count();
    let above_at = find_last_line(text, YamlPlace { column: 1, ..at })?;
    let above = text.lines().nth(above_at.line - 1)?;
    let (key, value) = above.trim().split_once(':').filter(|(key, _)| is_plain_key(key))?;
    if !value.is_empty() && !value.starts_with(' ') && !value.starts_with("//") {
        let column = above_at.column + key.chars().count();
        let fault = YamlFault::new(
            YamlPlace { column, length: 1, ..above_at },
            "a space is missing behind this colon",
        );
        let (key, value) = (shorten_for_message(key), shorten_for_message(value));
        return Some(fault.with_help(format!("write `{key}: {value}`")));
    }
    let has_key = line.trim().split_once(':').is_some_and(|(key, _)| is_plain_key(key));
    if has_key && indentation + 1 > above_at.column && !value.trim().is_empty() {
        let what = format!("this line is indented further than `{}` above it", shorten_for_message(key));
        let at = YamlPlace { column: indentation + 1, length: 1, ..at };
        return Some(YamlFault::new(at, what).with_help("indent it as far as its neighbours"));
    }
    None
}

/// Returns the fault of the first key of a line that has a bracket right behind its colon, as in `require:{`.
fn find_joined_key(line: &str, at: YamlPlace) -> Option<YamlFault> {
    let mut quote: Option<char> = None;
    let mut key_start = 0;
    for (offset, character) in line.char_indices() {
        match (quote, character) {
            (Some(mark), _) => quote = quote.filter(|_| mark != character),
            (None, '\'' | '"') => quote = Some(character),
            (None, '#') if line.get(..offset).is_some_and(|before| before.ends_with(' ')) => return None,
            (None, '{' | '[' | ',') => {
                let key = line.get(key_start..offset)?.trim_start_matches([' ', '-']);
                if let Some(key) = key.strip_suffix(':').filter(|key| is_plain_key(key)) {
                    let before = line.get(..offset)?;
                    let column = before.chars().count();
                    let rest = shorten_for_message(line.get(offset..)?.trim_end());
                    let place = YamlPlace { column, length: 1, ..at };
                    let fault = YamlFault::new(place, "a space is missing behind this colon");
                    return Some(fault.with_help(format!("write `{}: {rest}`", shorten_for_message(key))));
                }
                key_start = offset + 1;
            }
            _ => {}
        }
    }
    None
}

/// Returns the fault of a comma that has no item in front of it, as in `[low, , high]`.
fn find_missing_item(line: &str, at: YamlPlace) -> Option<YamlFault> {
    let (offset, _) = line.char_indices().nth(at.column.checked_sub(1)?)?;
    let (before, here) = line.split_at_checked(offset)?;
    if !here.starts_with(',') || !before.trim_end().ends_with([',', '[', '{']) {
        return None;
    }
    let fault = YamlFault::new(YamlPlace { length: 1, ..at }, "an item is missing in front of this comma");
    Some(fault.with_help("write the item, or remove the comma"))
}

/// Returns the fault of a tab in front of the first letter of the line that the parser gave up on, or of the last one
/// with content before it; between brackets and in quotation marks, tabs are as good as spaces.
fn find_indenting_tab(text: &str, at: YamlPlace, info: &str) -> Option<YamlFault> {
    let above = find_last_line(text, YamlPlace { column: 1, ..at }).map(|above| above.line);
    // Where a tab ends the value above it, the parser names the line of that value.
    let below = info.contains("tab").then_some(at.line + 1);
    for line_number in std::iter::once(at.line).chain(below).chain(above) {
        let line = text.lines().nth(line_number.checked_sub(1)?).unwrap_or_default();
        let indentation = line.chars().take_while(|character| matches!(character, ' ' | '\t' | '-'));
        let tab = indentation.enumerate().find(|(_, character)| *character == '\t');
        if let Some((index, _)) = tab
            && !line.trim().is_empty()
            && find_open_delimiter(text, line_number.saturating_sub(1)).is_none()
        {
            let place = YamlPlace { line: line_number, column: index + 1, length: 1 };
            let fault = YamlFault::new(place, "a tab stands here, where YAML wants spaces");
            return Some(fault.with_help("indent with spaces"));
        }
    }
    None
}

/// Returns the place of the first tab of a line.
fn find_tab(text: &str, at: YamlPlace) -> Option<YamlPlace> {
    let line = text.lines().nth(at.line.checked_sub(1)?)?;
    let column = line.chars().position(|character| character == '\t')? + 1;
    Some(YamlPlace { column, length: 1, ..at })
}

fn is_plain_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Returns the last line with content before a place, unless the place's own line has some before it.
fn find_last_line(text: &str, at: YamlPlace) -> Option<YamlPlace> {
    let lines: Vec<&str> = text.lines().collect();
    let own = lines.get(at.line.checked_sub(1)?).copied().unwrap_or_default();
    if own.chars().take(at.column.saturating_sub(1)).any(|character| character != ' ') {
        return None;
    }
    let has_content = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let index = lines.get(..at.line - 1)?.iter().rposition(has_content)?;
    let line = lines.get(index)?;
    let column = 1 + line.chars().take_while(|character| *character == ' ').count();
    Some(YamlPlace { line: index + 1, column, length: line.trim().chars().count().max(1) })
}

/// Returns the word that starts at a place.
fn read_word_at(text: &str, at: YamlPlace) -> &str {
    let line = text.lines().nth(at.line.saturating_sub(1)).unwrap_or_default();
    let start = line.char_indices().nth(at.column.saturating_sub(1)).map_or(0, |(offset, _)| offset);
    let rest = line.get(start..).unwrap_or_default();
    let end = rest.find([',', ']', '}', ' ']).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// Returns the bracket or quotation mark that is still open at the end of the line `last`, innermost first.
///
/// It looks only at what can open a value, so that brackets within prose do not count.
fn find_open_delimiter(text: &str, last: usize) -> Option<(YamlPlace, char)> {
    let mut open: Vec<(YamlPlace, char)> = Vec::new();
    let mut quote: Option<(YamlPlace, char)> = None;
    for (index, line) in text.lines().enumerate() {
        if index >= last && quote.is_none() {
            break;
        }
        let mut starts_value = !open.is_empty();
        let mut before = ' ';
        let mut characters = line.chars().enumerate().peekable();
        while let Some((column, character)) = characters.next() {
            let at = YamlPlace { line: index + 1, column: column + 1, length: 1 };
            match (quote, character) {
                (Some((_, '"')), '\\') => {
                    characters.next();
                }
                (Some((_, mark)), _) if mark == character => {
                    // Two single marks in a row stand for one.
                    let is_doubled = mark == '\'' && characters.next_if(|(_, next)| *next == '\'').is_some();
                    quote = quote.filter(|_| is_doubled);
                }
                (Some(_), _) => {}
                (None, '#') if before == ' ' => break,
                (None, '[' | '{') if starts_value => open.push((at, character)),
                (None, '\'' | '"') if starts_value => quote = Some((at, character)),
                (None, ']' | '}') => {
                    let opener = if character == ']' { '[' } else { '{' };
                    match open.pop() {
                        // The bracket of another kind within it was forgotten.
                        Some((at, other)) if other != opener => return Some((at, other)),
                        _ => {}
                    }
                }
                _ => {}
            }
            let opens_next = match character {
                ' ' => starts_value || matches!(before, ':' | '-'),
                '[' | '{' | ',' => !open.is_empty(),
                _ => false,
            };
            starts_value = quote.is_none() && opens_next;
            before = character;
        }
    }
    quote.or(open.pop())
}

#[cfg(test)]
mod tests {
    use crate::yaml::read_document;

    #[test]
    fn what_is_not_yaml_is_told_where_the_mistake_is() {
        let mut wrong = Vec::new();
        for (text, line, what, help) in [
            ("a: [b\nc: [d]\n", 1, "this `[` is not closed", "add `]`"),
            ("a: { b: [c, d }\ne: f\n", 1, "this `[` is not closed", "add `]`"),
            ("a:\n  b: {c: d\ne: f\n", 2, "this `{` is not closed", "add `}`"),
            ("a: 'b\nc: d\n", 1, "this quotation mark ' is not closed", "closing"),
            ("a: \"b\nc: d\n", 1, "this quotation mark \" is not closed", "closing"),
            ("a: it's [fine\nb: [c\n", 2, "this `[` is not closed", "add `]`"),
            ("a:\n\tb: c\n", 2, "a tab", "spaces"),
            ("a: 1\n\tb: c\n", 2, "a tab", "spaces"),
            ("a:\n  b: 1\n\tc: 2\n", 3, "a tab", "spaces"),
            ("a:\n  b: 1\n  \tc: 2\n", 3, "a tab", "spaces"),
            ("a:\n  b:\n\t\tc: 2\nd: e\n", 3, "a tab", "spaces"),
            ("a: [b,\n\tc\nd: e\n", 1, "this `[` is not closed", "add `]`"),
            ("a:\n  b:{ c: { d: e } }\n", 2, "a space is missing behind this colon", "`b: { c: { d: e } }`"),
            ("a: { b:{ c: d } }\n", 1, "a space is missing behind this colon", "`b: { c: d } }`"),
            ("a: { b: c, d:[e] }\nf: g\n", 1, "a space is missing behind this colon", "`d: [e] }`"),
            ("a: [b, , c]\n", 1, "an item is missing", "remove the comma"),
            ("a: { b: [c #583231] }\nc: d\n", 1, "` #` begins a comment", "in front of `#`"),
            ("a: b: c\n", 1, "a second `: `", "quotes"),
            ("a: b\n  c: d\n", 2, "indented further than `a`", "neighbours"),
            ("a:b\nc: d\n", 1, "a space is missing behind this colon", "`a: b`"),
            ("a:\tb\nc:\t[d]\n", 1, "a tab", "space"),
            ("a: { b: c }#d\n", 1, "a comment begins", "in front of `#`"),
            ("a: [&quot;b&quot;]\n", 1, "`&quot;` is HTML", "itself"),
            ("a: b\nc\n", 2, "this line is no `key: value`", "write `key: value`"),
            ("a:\n    b: c\n  d: e\n", 3, "does not fit", "neighbours"),
            ("a:\n  - b\n c: d\n", 3, "does not fit", "neighbours"),
            ("a: \"\\d+\"\n", 1, "this escape does not exist", "single quotes"),
            ("a: 'b' c\n", 1, "", "quotes"),
            ("a: @b\n", 1, "cannot start with this character", "quotes"),
            ("a: `b`\n", 1, "cannot start with this character", "quotes"),
            ("a: [*-b]\n", 1, "`*-b` starts like an alias", "`'*-b'`"),
            ("a: *.md\n", 1, "`*.md` starts like an alias", "`'*.md'`"),
        ] {
            let faults = read_document(text.as_bytes()).unwrap_err();
            let fault = faults.last().unwrap();
            let found = (fault.at.line, fault.what.as_str(), fault.help.as_deref().unwrap_or_default());
            let is_told = found.0 == line && found.1.contains(what) && found.2.contains(help);
            if !is_told {
                wrong.push((text, found.0, fault.what.clone(), fault.help.clone()));
            }
            assert!(!found.1.contains("while "), "{found:?}");
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_the_parser_is_never_quoted(text in "[a-c:\\-\\[\\]{},'\"#*&!@`%|> \t\n]{0,40}") {
            for fault in read_document(text.as_bytes()).err().unwrap_or_default() {
                proptest::prop_assert!(!fault.what.contains("while ") && !fault.what.contains("did not"), "{fault:?}");
                proptest::prop_assert!(fault.at.line >= 1 && fault.at.line <= text.lines().count() + 1, "{fault:?}");
            }
        }
    }
}
