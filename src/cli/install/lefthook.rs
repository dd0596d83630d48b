//! What to add to the configuration of lefthook, in the form and the layout that it has already.
//!
//! A hook that stands there already must not be added a second time: YAML refuses a key that is given twice.
//! lefthook runs `jobs` and `commands` of one hook beside each other.

use std::fs;
use std::path::Path;

use crate::cli::install::hook_script::GitHook;
use crate::yaml::{YamlNode, YamlValue, read_document};

/// The files that configure lefthook, without their endings.
const CONFIG_STEMS: [&str; 3] = ["lefthook", ".lefthook", ".config/lefthook"];

/// The endings of these files.
const CONFIG_ENDINGS: [&str; 5] = ["yml", "yaml", "toml", "json", "jsonc"];

/// The languages in which lefthook is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ConfigLanguage {
    Yaml,
    Toml,
    Json,
}

/// Returns the names of the files that may configure lefthook.
pub(crate) fn list_lefthook_configs() -> Vec<String> {
    let mut names = Vec::new();
    for stem in CONFIG_STEMS {
        for ending in CONFIG_ENDINGS {
            names.push(format!("{stem}.{ending}"));
        }
    }
    names
}

/// Returns the name of the file that configures lefthook in a work tree; `None` if there is none.
pub(crate) fn find_lefthook_config(top: &Path) -> Option<String> {
    list_lefthook_configs().into_iter().find(|name| top.join(name).exists())
}

/// Returns what to add to the file `name` for each of these hooks, so that it runs the lines that `build_line` makes.
pub(crate) fn describe_lefthook_lines(
    top: Option<&Path>,
    name: &str,
    hooks: &[GitHook],
    build_line: &dyn Fn(&str) -> String,
) -> String {
    let language = match name.rsplit('.').next() {
        Some("toml") => ConfigLanguage::Toml,
        Some("json" | "jsonc") => ConfigLanguage::Json,
        _ => ConfigLanguage::Yaml,
    };
    let text = top.and_then(|top| fs::read(top.join(name)).ok()).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let known = match language {
        ConfigLanguage::Yaml => KnownConfig::read_config(text),
        ConfigLanguage::Toml | ConfigLanguage::Json => KnownConfig::read_config(blank_json_comments(&text)),
    };
    let mut lines = String::new();
    let mut places = String::new();
    for hook in hooks {
        let hook = hook.name();
        let line = build_line(hook);
        let needs_input = hook == "pre-push";
        match language {
            ConfigLanguage::Toml => {
                let input = if needs_input { "\n  use_stdin = true" } else { "" };
                lines += &format!("\n  [{hook}.commands.changegate]\n  run = '{line}'{input}");
            }
            ConfigLanguage::Json => {
                let run = serde_json::Value::String(line);
                let input = if needs_input { ", \"use_stdin\": true" } else { "" };
                let command = format!("{{ \"run\": {run}{input} }}");
                match known.find_hook_place(hook) {
                    Some(place) => {
                        places += &place.describe_entry(
                            hook,
                            &format!("\"changegate\": {command}"),
                            &format!("{{ \"name\": \"changegate\", \"run\": {run}{input} }}"),
                            &format!("\"commands\": {{ \"changegate\": {command} }}"),
                        )
                    }
                    None => {
                        lines +=
                            &format!("\n  \"{hook}\": {{ \"commands\": {{ \"changegate\": {command} }} }},")
                    }
                }
            }
            ConfigLanguage::Yaml => {
                let input = if needs_input { ", use_stdin: true" } else { "" };
                let command = format!("{{ run: '{line}'{input} }}");
                match known.find_hook_place(hook) {
                    Some(place) => {
                        places += &place.describe_entry(
                            hook,
                            &format!("changegate: {command}"),
                            &format!("- {{ name: changegate, run: '{line}'{input} }}"),
                            &format!("commands: {{ changegate: {command} }}"),
                        )
                    }
                    None => lines += &format!("\n  {hook}: {{ commands: {{ changegate: {command} }} }}"),
                }
            }
        }
    }
    lines + &places
}

/// Where in a configuration a hook stands that has something to do already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct HookPlace {
    line: usize,
    layout: HookLayout,
}

/// What a hook of a configuration holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HookLayout {
    Commands,
    Jobs,
    /// A list of commands or jobs in which nothing stands, by its key and line.
    EmptyPart(&'static str, usize),
    /// Scripts or settings only.
    Other,
    /// Nothing, so that what is added takes its place.
    Empty,
}

impl HookPlace {
    /// Returns what to add to the hook: an entry of its commands or its jobs, or its commands as a whole.
    fn describe_entry(self, hook: &str, command: &str, job: &str, commands: &str) -> String {
        let line = self.line;
        match self.layout {
            HookLayout::Commands => {
                format!("\n  below `commands` of `{hook}`, which is on line {line}:\n    {command}")
            }
            HookLayout::Jobs => format!("\n  below `jobs` of `{hook}`, which is on line {line}:\n    {job}"),
            HookLayout::EmptyPart(part, line) => format!(
                "\n  in place of `{part}` of `{hook}`, which is empty, on line {line}:\n    {commands}"
            ),
            HookLayout::Other => format!("\n  below `{hook}`, which is on line {line}:\n    {commands}"),
            HookLayout::Empty => {
                let key = if commands.starts_with('"') { format!("\"{hook}\"") } else { hook.to_owned() };
                format!(
                    "\n  in place of `{hook}`, which is empty, on line {line}:\n    {key}: {{ {commands} }}"
                )
            }
        }
    }
}

/// The parts of a hook that hold what it runs.
const HOOK_PARTS: [(&str, HookLayout); 2] = [("commands", HookLayout::Commands), ("jobs", HookLayout::Jobs)];

/// A configuration as far as it can be read.
enum KnownConfig {
    Read(YamlNode),
    /// The lines of one with anchors, or with what else is not read, which are searched for keys.
    Lines(String),
}

impl KnownConfig {
    fn read_config(text: String) -> Self {
        match read_document(text.as_bytes()) {
            Ok(node) => KnownConfig::Read(node),
            Err(_) => KnownConfig::Lines(text),
        }
    }

    /// Returns where the configuration has a hook.
    fn find_hook_place(&self, hook: &str) -> Option<HookPlace> {
        match self {
            KnownConfig::Read(node) => find_read_hook(node, hook),
            KnownConfig::Lines(text) => find_hook_line(text, hook),
        }
    }
}

fn find_read_hook(config: &YamlNode, hook: &str) -> Option<HookPlace> {
    let YamlValue::Map(entries) = &config.value else { return None };
    let (key, value) = entries.iter().find(|(key, _)| key.text == hook)?;
    let mut layout = HookLayout::Empty;
    if let YamlValue::Map(parts) = &value.value
        && !parts.is_empty()
    {
        layout = HookLayout::Other;
        for (name, full) in HOOK_PARTS {
            let Some((key, value)) = parts.iter().find(|(key, _)| key.text == name) else { continue };
            let is_full = match &value.value {
                YamlValue::Map(entries) => !entries.is_empty(),
                YamlValue::List(items) => !items.is_empty(),
                _ => false,
            };
            layout = if is_full { full } else { HookLayout::EmptyPart(name, key.at.line) };
            if is_full {
                break;
            }
        }
    }
    Some(HookPlace { line: key.at.line, layout })
}

/// Returns where a line has a hook as its key, with the part that the lines below it have first.
fn find_hook_line(text: &str, hook: &str) -> Option<HookPlace> {
    let key_of = |line: &str| {
        let key = line.trim_start().split(':').next().unwrap_or_default();
        key.trim().trim_matches(['"', '\'']).to_owned()
    };
    let lines: Vec<&str> = text.lines().collect();
    let is_yaml = !text.trim_start().starts_with('{');
    let is_hook = |line: &&str| {
        line.contains(':') && key_of(line) == hook && !(is_yaml && line.starts_with(char::is_whitespace))
    };
    let at = lines.iter().position(is_hook)?;
    let indent = |line: &str| line.len() - line.trim_start().len();
    let start = lines.get(at).map_or(0, |line| indent(line));
    let below = lines.iter().skip(at + 1).take_while(|line| line.trim().is_empty() || indent(line) > start);
    let mut layout = HookLayout::Other;
    for line in below {
        if let Some((_, full)) =
            HOOK_PARTS.iter().find(|(name, _)| line.contains(':') && key_of(line) == *name)
        {
            layout = *full;
            break;
        }
    }
    Some(HookPlace { line: at + 1, layout })
}

/// Returns JSON with blanks for its comments and for commas behind which nothing comes, as lefthook reads it.
fn blank_json_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match (character, rest.peek()) {
            ('"', _) => {
                plain.push('"');
                let mut is_escaped = false;
                for inner in rest.by_ref() {
                    plain.push(inner);
                    if inner == '"' && !is_escaped {
                        break;
                    }
                    is_escaped = inner == '\\' && !is_escaped;
                }
            }
            ('/', Some('/')) => while rest.next_if(|next| *next != '\n').is_some() {},
            ('/', Some('*')) => {
                let mut last = ' ';
                for inner in rest.by_ref().skip(1) {
                    if inner == '\n' {
                        plain.push('\n');
                    }
                    if last == '*' && inner == '/' {
                        break;
                    }
                    last = inner;
                }
            }
            (']' | '}', _) => {
                let end = plain.trim_end().len();
                if plain.get(..end).is_some_and(|before| before.ends_with(',')) {
                    plain.replace_range(end - 1..end, " ");
                }
                plain.push(character);
            }
            _ => plain.push(character),
        }
    }
    plain
}
