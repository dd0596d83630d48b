//! `changegate demo`: the gate judging real pushes to a real repository.
//!
//! Only the commits are prepared. The output is what git shows to the pusher, and the demo fails if a
//! push does not end as its scene says.

mod sandbox;
mod scenes;

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::demo::sandbox::{DEMO_POLICY, DemoPushResult, DemoSandbox};
use crate::cli::demo::scenes::{
    DEMO_SCENES, DemoScene, EMERGENCY_PLACEHOLDER, SceneEnding, ScenePush, WEAKENING_MESSAGE, WEAKENING_RULE,
};
use crate::cli::output;
use crate::policy::DEFAULT_POLICY_PATH;

/// Watch the gate judge real pushes
///
/// Creates a bare repository with the gate and a clone in a temporary directory, and
/// makes nine pushes, of which some are refused. Then shows what an auditor finds.
/// Takes a few seconds, needs git but no network, and changes nothing outside of
/// that directory.
///
/// Exits with 3 if a push does not end as expected.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate demo
  changegate demo --keep      keep the repositories for your own pushes")]
pub(crate) struct DemoArgs {
    /// Keep the directory with both repositories
    #[arg(long)]
    keep: bool,
}

/// The commands that an auditor runs in a clone.
const AUDIT_COMMANDS: [(&str, &[&str]); 4] = [
    ("git", &["fetch", "--quiet", "origin", "refs/changegate/ledger:refs/changegate/ledger"]),
    ("changegate", &["ledger", "log"]),
    ("changegate", &["ledger", "trace", EMERGENCY_PLACEHOLDER]),
    ("changegate", &["ledger", "verify"]),
];

/// The styles of the narration; all are plain without colours.
struct DemoStyles {
    title: Style,
    good: Style,
    bad: Style,
    faint: Style,
}

pub(crate) fn run_demo(args: &DemoArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let styles = DemoStyles::new(output::stdout_colour(context.colour));
    let sandbox = DemoSandbox::new(context)?;
    let mut out = std::io::stdout().lock();
    write_introduction(&styles, &mut out)?;
    let mut unexpected = 0;
    for (number, scene) in (1_usize..).zip(&DEMO_SCENES) {
        write_scene(number, scene, &sandbox, &styles, &mut out)?;
        let before = sandbox.read_server_main()?;
        let pushed = sandbox.make_push(&scene.push)?;
        let moved = sandbox.read_server_main()? != before;
        write_push_output(&pushed, &mut out)?;
        if !write_conclusion(scene, &pushed, moved, &styles, &mut out)? {
            unexpected += 1;
        }
    }
    unexpected += show_audit(&sandbox, &styles, &mut out)?;
    let (bold, plain) = (styles.title, styles.title.render_reset());
    writeln!(out, "{bold}What to try next{plain}\n")?;
    if args.keep {
        let directory = sandbox.keep_folder();
        writeln!(out, "  {}", directory.display())?;
        writeln!(out, "    clone/policies/changegate.yml          the policy: change it and push")?;
        writeln!(out, "    server.git/hooks/pre-receive           the hook that judges each push")?;
    } else {
        writeln!(out, "  changegate demo --keep                   keep the repositories")?;
    }
    writeln!(out, "  changegate policy show --pack iso27001   the rules of this demo")?;
    writeln!(out, "  changegate policy explain approvals      what a rule can require")?;
    writeln!(out, "  changegate policy init                   a policy for your repository")?;
    writeln!(out, "  README.md                                the gate on your server")?;
    // The demo is a test of itself: an unexpected ending is a failure.
    if unexpected > 0 {
        let (bad, plain) = (styles.bad, styles.bad.render_reset());
        writeln!(out, "\n{bad}unexpected endings: {unexpected}{plain}")?;
        return Ok(CommandExit::Failed);
    }
    Ok(CommandExit::Allowed)
}

fn write_introduction(styles: &DemoStyles, out: &mut dyn Write) -> Result<(), CommandError> {
    writeln!(out, "A team keeps its code on a server, where main is under change control by this")?;
    writeln!(out, "policy, which is a file on main:\n")?;
    let (_, policy) = DEMO_POLICY.split_once('\n').unwrap_or_default();
    write_quote(policy, styles, out)?;
    writeln!(out)?;
    Ok(())
}

/// Shows what a copy of the ledger contains; returns how many commands fail.
fn show_audit(
    sandbox: &DemoSandbox,
    styles: &DemoStyles,
    out: &mut dyn Write,
) -> Result<usize, CommandError> {
    let (bold, plain) = (styles.title, styles.title.render_reset());
    writeln!(out, "{bold}What an auditor finds{plain}")?;
    writeln!(
        out,
        "   Each push is recorded in a ledger on the server, which every reader can copy\n   and verify.\n"
    )?;
    let mut unexpected = 0;
    // The commands run as processes, so the output is what an auditor sees.
    for (program, args) in AUDIT_COMMANDS {
        let mut filled = Vec::new();
        for arg in args {
            filled.push(sandbox.fill_message(arg)?);
        }
        writeln!(out, "$ {program} {}", filled.join(" "))?;
        let (is_success, written) = sandbox.run_audit_command(program, &filled)?;
        writeln!(out, "{}", written.trim_end())?;
        if !written.is_empty() {
            writeln!(out)?;
        }
        if !is_success {
            let (bad, plain) = (styles.bad, styles.bad.render_reset());
            writeln!(out, "   {bad}=> this command was expected to succeed{plain}\n")?;
            unexpected += 1;
        }
    }
    Ok(unexpected)
}

fn write_scene(
    number: usize,
    scene: &DemoScene,
    sandbox: &DemoSandbox,
    styles: &DemoStyles,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let (bold, plain) = (styles.title, styles.title.render_reset());
    writeln!(out, "{bold}{number}. {}{plain}\n   {}\n", scene.title, scene.story)?;
    let message = match &scene.push {
        ScenePush::Deletion => None,
        ScenePush::Commit { message, .. } | ScenePush::WeakenThenCommit { message, .. } => Some(*message),
    };
    if let ScenePush::WeakenThenCommit { .. } = scene.push {
        write_quote(
            &format!("{WEAKENING_MESSAGE}\n{DEFAULT_POLICY_PATH}:\n+{WEAKENING_RULE}\nand then:\n\n"),
            styles,
            out,
        )?;
    }
    write_quote(&sandbox.fill_message(message.unwrap_or_default())?, styles, out)?;
    let command = if message.is_some() { "git push origin main" } else { "git push origin :main" };
    let gap = if message.is_some() { "\n" } else { "" };
    writeln!(out, "{gap}$ {command}")?;
    Ok(())
}

/// Writes the text of a file or a message, indented.
fn write_quote(text: &str, styles: &DemoStyles, out: &mut dyn Write) -> Result<(), CommandError> {
    let (faint, plain) = (styles.faint, styles.faint.render_reset());
    for line in text.lines() {
        if line.is_empty() {
            writeln!(out)?;
        } else {
            writeln!(out, "    {faint}{line}{plain}")?;
        }
    }
    Ok(())
}

/// Shows what the pusher sees, line by line as git writes it.
fn write_push_output(pushed: &DemoPushResult, out: &mut dyn Write) -> Result<(), CommandError> {
    for line in pushed.pusher_output.lines() {
        // git pads its lines to clear a progress bar.
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)?;
    Ok(())
}

/// Writes how the push ended, and returns whether that is as expected.
fn write_conclusion(
    scene: &DemoScene,
    pushed: &DemoPushResult,
    moved: bool,
    styles: &DemoStyles,
    out: &mut dyn Write,
) -> Result<bool, CommandError> {
    let is_expected = match scene.ending {
        SceneEnding::Accepted(said) => pushed.accepted && moved && pushed.pusher_output.contains(said),
        SceneEnding::Refused(rule) => !pushed.accepted && !moved && pushed.pusher_output.contains(rule),
    };
    let (style, outcome) = match (pushed.accepted, moved) {
        (true, true) => (styles.good, "accepted; main has moved"),
        (false, false) => (styles.bad, "refused; main has not moved"),
        _ => (styles.bad, "git and the repository disagree"),
    };
    let plain = style.render_reset();
    if is_expected {
        writeln!(out, "   {style}=> {outcome}{plain}\n")?;
    } else {
        writeln!(out, "   {style}=> {outcome}{plain}; this is NOT the expected ending\n")?;
    }
    Ok(is_expected)
}

impl DemoStyles {
    fn new(colour: bool) -> DemoStyles {
        if !colour {
            let plain = Style::new();
            return DemoStyles { title: plain, good: plain, bad: plain, faint: plain };
        }
        DemoStyles {
            title: Style::new().bold(),
            good: AnsiColor::Green.on_default().bold(),
            bad: AnsiColor::Red.on_default().bold(),
            faint: Style::new().dimmed(),
        }
    }
}
