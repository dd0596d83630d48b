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

/// Returns what to add to the file `name`, hook by hook, so that it runs the lines that `build_line` makes.
pub(crate) fn describe_lefthook_lines(
    top: Option<&Path>,
    name: &str,
    build_line: &dyn Fn(&str) -> String,
) -> String {
    let language = match name.rsplit('.').next() {
        Some("toml") => ConfigLanguage::Toml,
        Some("json" | "jsonc") => ConfigLanguage::Json,
        _ => ConfigLanguage::Yaml,
    };
    // What cannot be read has no hook that is known.
    let text = top.and_then(|top| fs::read(top.join(name)).ok()).unwrap_or_default();
    let known = read_document(&text).ok();
    let mut lines = String::new();
    let mut places = String::new();
    for hook in GitHook::CLONE_HOOKS {
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
                match find_hook_place(known.as_ref(), hook) {
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
                match find_hook_place(known.as_ref(), hook) {
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

/// Returns where a configuration has a hook.
fn find_hook_place(config: Option<&YamlNode>, hook: &str) -> Option<HookPlace> {
    let YamlValue::Map(entries) = &config?.value else { return None };
    let (key, value) = entries.iter().find(|(key, _)| key.text == hook)?;
    let layout = match &value.value {
        YamlValue::Map(parts) if parts.iter().any(|(key, _)| key.text == "commands") => HookLayout::Commands,
        YamlValue::Map(parts) if parts.iter().any(|(key, _)| key.text == "jobs") => HookLayout::Jobs,
        YamlValue::Map(parts) if !parts.is_empty() => HookLayout::Other,
        _ => HookLayout::Empty,
    };
    Some(HookPlace { line: key.at.line, layout })
}
