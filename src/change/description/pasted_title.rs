//! Titles above which, or behind which, tools and forges paste the words of others.
//!
//! A title is read as a reader sees it, with entities decoded, without markup, and whatever its letters are
//! drawn from. Where its words are parted, if at all, does not matter. It may come in front of the name of a
//! package, or behind one with its version.

use pulldown_cmark::{Event, Parser};

use crate::change::message::known_keys::fold_homoglyph;
use crate::change::person::is_invisible;

/// What a heading or a summary begins with where tools paste what others wrote.
const PASTED_TITLES: [&str; 16] = [
    "attestation changes",
    "change log",
    "changelog",
    "changelogs",
    "commit history",
    "commit messages",
    "commits",
    "dependabot commands",
    "git log",
    "install script changes",
    "maintainer changes",
    "release notes",
    "sourced from",
    "upgrade guide",
    "vulnerabilities fixed",
    "vulnerability alerts",
];

/// What only a summary begins with in the same sense. As a heading it is one of the author's own, of many
/// templates, and any folded part may stand below it.
const PASTED_SUMMARIES: [&str; 5] =
    ["what s changed", "whats changed", "what s new", "whats new", "new contributors"];

/// Words that stand in front of such a title.
const LEADING_WORDS: [&str; 8] = ["all", "full", "github", "see", "show", "the", "upstream", "view"];

/// How many words of a title are looked at behind those in front.
const MAX_TITLE_WORDS: usize = 3;

/// How many bytes of a title are looked at.
pub(crate) const MAX_TITLE_BYTES: usize = 200;

/// Returns true for a heading that announces the words of others.
pub(crate) fn is_pasted_heading(heading: &str) -> bool {
    begins_with_title(&list_title_words(heading), &PASTED_TITLES)
}

/// Returns true for the summary of a folded part that holds the words of others.
pub(crate) fn is_pasted_summary(summary: &str) -> bool {
    let words = list_title_words(summary);
    begins_with_title(&words, &PASTED_TITLES) || begins_with_title(&words, &PASTED_SUMMARIES)
}

/// Returns true if the first words are those of a title, wherever they are parted: `ReleaseNotes` is one too.
fn begins_with_title(words: &[String], titles: &[&str]) -> bool {
    titles.iter().any(|title| {
        let mut wanted = title.bytes().filter(|byte| *byte != b' ').peekable();
        for word in words {
            if word.bytes().any(|byte| wanted.next() != Some(byte)) {
                return false;
            }
            if wanted.peek().is_none() {
                return true;
            }
        }
        false
    })
}

/// Returns the first words of a title in small letters, behind names, versions, pictures and what else may
/// stand in front.
fn list_title_words(title: &str) -> Vec<String> {
    let mut shown = String::new();
    // Entities and emphasis stand in a summary as they were typed.
    for event in Parser::new(shorten_title(title).trim()) {
        match event {
            Event::Text(text) | Event::Code(text) => shown.push_str(&text),
            Event::SoftBreak | Event::HardBreak | Event::InlineHtml(_) => shown.push(' '),
            _ => {}
        }
    }
    shown = shown.chars().map(|one| if one.is_whitespace() { ' ' } else { fold_homoglyph(one) }).collect();
    shown.retain(|one| !is_invisible(one));
    let mut found: Vec<String> = Vec::new();
    for token in shown.split_whitespace() {
        if found.is_empty() && is_in_front(token) {
            continue;
        }
        for word in token.split(|one: char| !one.is_alphanumeric()).filter(|word| !word.is_empty()) {
            found.push(word.to_lowercase());
        }
        if found.len() >= MAX_TITLE_WORDS {
            break;
        }
    }
    found
}

/// Returns true for a name such as `owner/name`, a version, a picture such as `:rocket:`, and other words
/// that stand in front of a title.
fn is_in_front(token: &str) -> bool {
    let is_shortcode = token.len() > 2 && token.starts_with(':') && token.ends_with(':');
    let is_name = token.contains(['/', '@']) || token.contains(|one: char| one.is_ascii_digit());
    is_shortcode || is_name || LEADING_WORDS.contains(&token.to_lowercase().as_str())
}

/// Returns the part of a title that is looked at.
fn shorten_title(title: &str) -> &str {
    let mut end = title.len().min(MAX_TITLE_BYTES);
    while !title.is_char_boundary(end) {
        end -= 1;
    }
    title.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_of_tools_and_forges_announce_the_words_of_others() {
        for title in [
            "Release notes",
            "Release&#32;notes",
            "Release&#x20;Notes",
            "Release&nbsp;notes",
            "Rel\u{200b}ease notes",
            "**Release** _notes_",
            "1. Release notes",
            "\u{1f4e6} Release Notes",
            ":rocket: Release Notes",
            "v1.2.3 release notes",
            "lodash/lodash changelog",
            "@babel/core: Release notes",
            "Full Changelog",
            "View the release notes",
            "Change log",
            "`changelog`",
            "Commits",
            "Commit messages",
            "Sourced from a's releases",
            "Vulnerabilities fixed",
            "GitHub Vulnerability Alerts",
            "Upgrade guide",
            "Install script changes",
            "Dependabot commands and options",
            "ReleaseNotes",
            "Release-Notes",
            "Release<br>notes",
            "Release<br/>notes of 2.0",
            "Release&Tab;notes",
            "&Tab;Release notes",
            "Rel&ZeroWidthSpace;ease&shy; notes",
            "\u{ff32}\u{ff45}\u{ff4c}\u{ff45}\u{ff41}\u{ff53}\u{ff45} notes",
            "R\u{435}lease n\u{43e}tes",
            "<b>Release</b> <i>notes</i>",
        ] {
            assert!(is_pasted_heading(title) && is_pasted_summary(title), "{title}");
        }
        for title in ["What's Changed", "What\u{2019}s changed", "What&#39;s Changed in 2.0", "What's new"] {
            assert!(is_pasted_summary(title), "{title}");
            assert!(!is_pasted_heading(title), "{title}");
        }
    }

    #[test]
    fn titles_of_people_announce_their_own_words() {
        for title in [
            "",
            "more",
            "How",
            "What changed",
            "Changes",
            "Release plan",
            "Risk of the release notes",
            "Commit to it",
            "Back-out plan",
            "Details of 2 commits",
            "Upgrade",
        ] {
            assert!(!is_pasted_heading(title) && !is_pasted_summary(title), "{title}");
        }
    }
}
