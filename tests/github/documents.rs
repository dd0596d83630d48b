//! `action.yml`, the workflows that the documents show, and what the documents say of inputs and
//! outputs, held together.

use std::fs;
use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// Returns the keys directly below a key at the start of a line.
fn keys(yaml: &str, above: &str) -> Vec<String> {
    let below = yaml.split(&format!("\n{above}:\n")).nth(1).unwrap();
    let lines = below.lines().take_while(|line| line.is_empty() || line.starts_with(' '));
    let keys = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    keys.filter_map(|line| Some(line.trim().split_once(':')?.0.to_owned())).collect()
}

/// Returns what stands in the first column of the table below a heading.
fn rows(document: &str, heading: &str) -> Vec<String> {
    let below = document.split(&format!("\n## {heading}\n")).nth(1).unwrap();
    let below = below.split("\n## ").next().unwrap();
    below.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split('`').next()?.to_owned())).collect()
}

/// Returns the workflows that a document shows, with a real hash in place of the reader's.
pub(crate) fn workflows(document: &str) -> Vec<String> {
    let blocks = document.split("```yaml workflow\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    blocks
        .map(|block| block.replace("FULL_COMMIT_HASH", &"0123456789".repeat(4)).replace("OWNER", "acme"))
        .collect()
}

#[test]
fn every_input_and_output_is_described() {
    let (action, document) = (text("action.yml"), text("docs/github.md"));
    for (above, heading) in [("inputs", "Inputs"), ("outputs", "Outputs")] {
        let (mut given, mut told) = (keys(&action, above), rows(&document, heading));
        given.sort();
        told.sort();
        assert_eq!(given, told, "{heading}");
        assert!(3 < given.len());
    }
}

#[test]
fn the_action_puts_no_input_into_a_script_and_leaves_none_out() {
    let action = text("action.yml");
    for script in action.split("run: |\n").skip(1) {
        let lines = script.lines().take_while(|line| line.starts_with("        "));
        for line in lines {
            assert!(!line.contains("${{"), "{line}");
        }
    }
    for input in keys(&action, "inputs") {
        assert!(action.contains(&format!("${{{{ inputs.{input} }}}}")), "{input} is not used");
    }
    // What is not pinned to one commit can be made something else.
    for name in ["ci.yml", "changegate.yml", "release.yml"] {
        for line in text(&format!(".github/workflows/{name}")).lines().filter(|line| line.contains(" uses: "))
        {
            let used = line.split(" uses: ").nth(1).unwrap();
            let hash = used.split(['@', ' ']).nth(1).unwrap_or_default();
            let is_pinned = hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(is_pinned || used.starts_with("./"), "{name}: {line}");
        }
    }
}

#[test]
fn the_workflows_in_the_documents_pass_the_tools() {
    let tools = root().join("target/workflow-tools/bin");
    let shown: Vec<String> =
        ["docs/github.md", "README.md"].iter().flat_map(|name| workflows(&text(name))).collect();
    assert!(3 <= shown.len());
    for tool in ["actionlint", "zizmor", "check-jsonschema"] {
        if !tools.join(tool).is_file() {
            eprintln!("skipped: `{tool}` is not installed");
            return;
        }
    }
    let top = tempfile::tempdir().unwrap();
    let folder = top.path().join(".github/workflows");
    fs::create_dir_all(&folder).unwrap();
    let files: Vec<_> = (0..shown.len()).map(|at| folder.join(format!("{at}.yml"))).collect();
    for (file, workflow) in files.iter().zip(&shown) {
        fs::write(file, workflow).unwrap();
    }
    let checks: [(&str, &[&str]); 3] = [
        ("actionlint", &[]),
        ("zizmor", &["--offline", "--persona=pedantic", "--no-progress", "--quiet"]),
        ("check-jsonschema", &["--builtin-schema", "vendor.github-workflows"]),
    ];
    for (tool, arguments) in checks {
        let told =
            Command::new(tools.join(tool)).args(arguments).args(&files).current_dir(top.path()).output();
        let told = told.unwrap();
        let (out, error) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
        assert!(told.status.success(), "{tool}: {out}{error}");
    }
}
