//! Finds the headers of tables, so that an answer does not take the name of a column for another thing.

use std::collections::BTreeSet;

/// Returns the numbers of the lines that are the header of a table: the one above a row of dashes, outside of code.
pub(crate) fn find_header_lines(body: &str) -> BTreeSet<usize> {
    let mut headers = BTreeSet::new();
    if !body.contains('|') {
        return headers;
    }
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    let mut is_code = false;
    let mut above: Option<usize> = None;
    for (index, line) in body.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        is_code ^= line.starts_with("```") || line.starts_with("~~~");
        if is_code {
            above = None;
            continue;
        }
        if let Some(header) = above
            && is_delimiter_row(line)
        {
            headers.insert(header);
        }
        above = line.contains('|').then_some(number);
    }
    headers
}

/// Returns true for the row of dashes below the header of a table.
fn is_delimiter_row(line: &str) -> bool {
    line.contains('-') && line.chars().all(|one| matches!(one, '|' | '-' | ':' | ' ' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_above_a_row_of_dashes_is_a_header() {
        for (body, lines) in [
            ("| Risk | low |\n|---|---|\n| a | b |\n", &[1_usize][..]),
            ("a\r\n\r\nRisk | low\r\n:-- | --:\r\n", &[3]),
            ("| Risk |\n|---|\n\n| Plan |\n| --- |\n", &[1, 4]),
            ("Risk\n---\n", &[]),
            ("```\n| Risk |\n|---|\n```\n", &[]),
            ("| Risk | low |\n| a | b |\n", &[]),
        ] {
            assert_eq!(find_header_lines(body).into_iter().collect::<Vec<_>>(), lines, "{body:?}");
        }
    }
}
