//! Reads a CODEOWNERS file, as GitHub and GitLab do: who owns which paths, the last line that matches a path first.

/// How many lines of owners are read.
const MAX_OWNER_LINES: usize = 200;

/// Who owns something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CodeOwner {
    /// An account of the forge, by its login.
    Account(String),
    /// A team or a group of the forge, by its path, as in `acme/payments`.
    Team(String),
    /// An address.
    Address(String),
}

/// A line of a CODEOWNERS file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnerLine {
    /// The section that it stands in, counted from 0; lines of other sections do not change whom it names.
    pub(super) section: usize,
    /// The pattern of paths.
    pub(super) pattern: String,
    /// The owners, any of whom may approve; none takes the paths out of the lines before.
    pub(super) owners: Vec<CodeOwner>,
}

impl CodeOwner {
    fn parse_owner(word: &str) -> Option<CodeOwner> {
        let is_name = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        };
        match word.strip_prefix('@') {
            Some(path) if path.contains('/') => {
                path.split('/').all(is_name).then(|| CodeOwner::Team(path.to_owned()))
            }
            Some(login) => is_name(login).then(|| CodeOwner::Account(login.to_owned())),
            None => {
                let (local, domain) = word.split_once('@')?;
                let is_local = |byte: u8| byte.is_ascii_alphanumeric() || b"._%+-".contains(&byte);
                let is_address = !local.is_empty() && local.bytes().all(is_local) && is_name(domain);
                is_address.then(|| CodeOwner::Address(word.to_ascii_lowercase()))
            }
        }
    }
}

/// Reads the lines of a CODEOWNERS file. Words that are no owner are left out, and so are the lines of sections that
/// GitLab calls optional.
pub(super) fn parse_code_owners(text: &str) -> Vec<OwnerLine> {
    let mut lines = Vec::new();
    let mut section = SectionHeader { number: 0, is_optional: false, owners: Vec::new() };
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(header) = parse_section(line, section.number + 1) {
            section = header;
            continue;
        }
        let mut words = split_words(line).into_iter();
        let Some(pattern) = words.next() else { continue };
        let mut owners: Vec<CodeOwner> = Vec::new();
        for word in words.take_while(|word| !word.starts_with('#')) {
            owners.extend(CodeOwner::parse_owner(&word));
        }
        if owners.is_empty() {
            owners.clone_from(&section.owners);
        }
        owners.sort();
        owners.dedup();
        if !section.is_optional && lines.len() < MAX_OWNER_LINES {
            lines.push(OwnerLine { section: section.number, pattern, owners });
        }
    }
    lines
}

/// The header of a section of GitLab, as in `^[Documentation][2] @docs`.
struct SectionHeader {
    number: usize,
    is_optional: bool,
    owners: Vec<CodeOwner>,
}

fn parse_section(line: &str, number: usize) -> Option<SectionHeader> {
    let is_optional = line.starts_with('^');
    let (name, rest) = line.trim_start_matches('^').strip_prefix('[')?.split_once(']')?;
    // Without a blank behind the brackets it is a pattern, such as `[ab]*.rs`.
    let rest = match rest.strip_prefix('[') {
        Some(counted) => counted.split_once(']')?.1,
        None => rest,
    };
    if name.is_empty() || !(rest.is_empty() || rest.starts_with(' ')) {
        return None;
    }
    let owners = rest.split_whitespace().filter_map(CodeOwner::parse_owner).collect();
    Some(SectionHeader { number, is_optional, owners })
}

/// Splits a line at blanks; one behind a back-slash belongs to the word.
fn split_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_escaped = false;
    for character in line.chars() {
        match words.last_mut() {
            Some(word) if is_escaped || !character.is_whitespace() => word.push(character),
            _ => words.push(String::new()),
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> Vec<String> {
        let show_line = |line: OwnerLine| format!("{} {} {:?}", line.section, line.pattern, line.owners);
        parse_code_owners(text).into_iter().map(show_line).collect()
    }

    #[test]
    fn lines_name_patterns_and_owners() {
        let text = "# all\n*  @ana @acme/core # the rest\n/docs/ Docs@Example.com\n\n/gen/\na\\ b.md @ben nonsense\n";
        assert_eq!(
            show(text),
            [
                "0 * [Account(\"ana\"), Team(\"acme/core\")]",
                "0 /docs/ [Address(\"docs@example.com\")]",
                "0 /gen/ []",
                "0 a\\ b.md [Account(\"ben\")]",
            ]
        );
    }

    #[test]
    fn sections_are_apart_and_optional_ones_ask_for_nothing() {
        let text = "[Docs][2] @acme/docs\n*.md\n*.rst @ana\n^[Database] @kim\n*.sql\n[ab]*.rs @ben\n";
        assert_eq!(show(text), ["1 *.md [Team(\"acme/docs\")]", "1 *.rst [Account(\"ana\")]",]);
        assert_eq!(show("[ab]*.rs @ben\n"), ["0 [ab]*.rs [Account(\"ben\")]"]);
    }

    #[test]
    fn hostile_words_are_no_owners() {
        for word in ["@", "@a/", "@a//b", "a@", "'@x", "b@c'", "@a'b", "x@y\u{202e}", "@x\u{200b}", "a:b@c"] {
            let lines = parse_code_owners(&format!("* {word}\n"));
            assert!(lines.iter().all(|line| line.owners.is_empty()), "{word}: {lines:?}");
        }
        assert_eq!(parse_code_owners(&"* @ana\n".repeat(1000)).len(), MAX_OWNER_LINES);
    }
}
