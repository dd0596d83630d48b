//! `changegate demo`: the gate at work, on real pushes to a real repository.
//!
//! Nothing is staged but the commits. What is shown is what git shows whoever pushes, and the demo
//! fails if a push does not end as its scene tells.

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

/// See the gate at work
///
/// Makes a bare repository and a clone in a temporary folder, puts the gate
/// before the one and pushes from the other: nine pushes, some as they should
/// be and some not. Then it shows what an auditor finds. It takes a few seconds, needs git and no network, and
/// touches nothing outside of that folder.
///
/// Ends with 3 if anything does not end as told.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate demo
  changegate demo --keep      leave the repositories there, to go on trying")]
pub(crate) struct DemoArgs {
    /// Leave the folder with both repositories where it is
    #[arg(long)]
    keep: bool,
}

/// What an auditor runs in a clone.
const AUDIT_COMMANDS: [(&str, &[&str]); 4] = [
    ("git", &["fetch", "--quiet", "origin", "refs/changegate/ledger:refs/changegate/ledger"]),
    ("changegate", &["ledger", "log"]),
    ("changegate", &["ledger", "trace", EMERGENCY_PLACEHOLDER]),
    ("changegate", &["ledger", "verify"]),
];

/// The styles of what is told; all of them plain where colours are not wanted.
struct DemoStyles {
    title: Style,
    good: Style,
    bad: Style,
    faint: Style,
}

pub(crate) fn run_demo(args: &DemoArgs, world: &Context) -> Result<CommandExit, CommandError> {
    let pen = DemoStyles::new(output::stdout_colour(world.colour));
    let sandbox = DemoSandbox::new(world)?;
    let mut out = std::io::stdout().lock();
    write_introduction(&pen, &mut out)?;
    let mut surprises = 0;
    for (number, scene) in (1_usize..).zip(&DEMO_SCENES) {
        write_scene(number, scene, &sandbox, &pen, &mut out)?;
        let before = sandbox.read_server_main()?;
        let pushed = sandbox.make_push(&scene.push)?;
        let moved = sandbox.read_server_main()? != before;
        write_push_output(&pushed, &mut out)?;
        if !write_conclusion(scene, &pushed, moved, &pen, &mut out)? {
            surprises += 1;
        }
    }
    surprises += show_audit(&sandbox, &pen, &mut out)?;
    let (bold, plain) = (pen.title, pen.title.render_reset());
    writeln!(out, "{bold}Where to look further{plain}\n")?;
    if args.keep {
        let folder = sandbox.keep_folder();
        writeln!(out, "  {}", folder.display())?;
        writeln!(out, "    clone/policies/changegate.yml          the policy: change it, and push")?;
        writeln!(out, "    server.git/hooks/pre-receive           what git runs before it accepts")?;
    } else {
        writeln!(out, "  changegate demo --keep                   the same, and the repositories stay")?;
    }
    writeln!(out, "  changegate policy show --pack iso27001   the rules that were at work")?;
    writeln!(out, "  changegate policy explain approvals      what a rule can ask, with examples")?;
    writeln!(out, "  changegate policy init                   a policy for your own repository")?;
    writeln!(out, "  README.md                                how to put the gate onto your server")?;
    if 0 < surprises {
        let (bad, plain) = (pen.bad, pen.bad.render_reset());
        writeln!(out, "\n{bad}{surprises} of these did not end as told{plain}")?;
        return Ok(CommandExit::Failed);
    }
    Ok(CommandExit::Allowed)
}

fn write_introduction(pen: &DemoStyles, out: &mut dyn Write) -> Result<(), CommandError> {
    writeln!(out, "A team keeps its code on a server. main is under change control there, by this")?;
    writeln!(out, "policy, which stands on main itself:\n")?;
    let (_, policy) = DEMO_POLICY.split_once('\n').unwrap_or_default();
    write_quote(policy, pen, out)?;
    writeln!(out)?;
    Ok(())
}

/// Shows what anybody finds in a copy of the ledger; returns how much of it is not as it has to be.
fn show_audit(sandbox: &DemoSandbox, pen: &DemoStyles, out: &mut dyn Write) -> Result<usize, CommandError> {
    let (bold, plain) = (pen.title, pen.title.render_reset());
    writeln!(out, "{bold}Afterwards: what an auditor finds{plain}")?;
    writeln!(out, "   Each push is in a ledger on the server, which anybody can copy and verify.\n")?;
    let mut surprises = 0;
    for (program, args) in AUDIT_COMMANDS {
        let args: Vec<String> = args.iter().map(|arg| sandbox.fill_message(arg)).collect::<Result<_, _>>()?;
        writeln!(out, "$ {program} {}", args.join(" "))?;
        let (is_well, written) = sandbox.run_audit_command(program, &args)?;
        writeln!(out, "{}", written.trim_end())?;
        if !written.is_empty() {
            writeln!(out)?;
        }
        if !is_well {
            let (bad, plain) = (pen.bad, pen.bad.render_reset());
            writeln!(out, "   {bad}=> it ended otherwise than it had to{plain}\n")?;
            surprises += 1;
        }
    }
    Ok(surprises)
}

fn write_scene(
    number: usize,
    scene: &DemoScene,
    sandbox: &DemoSandbox,
    pen: &DemoStyles,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let (bold, plain) = (pen.title, pen.title.render_reset());
    writeln!(out, "{bold}{number}. {}{plain}\n   {}\n", scene.title, scene.story)?;
    let message = match &scene.push {
        ScenePush::Deletion => None,
        ScenePush::Commit { message, .. } | ScenePush::WeakenThenCommit { message, .. } => Some(*message),
    };
    if let ScenePush::WeakenThenCommit { .. } = scene.push {
        write_quote(
            &format!("{WEAKENING_MESSAGE}\n{DEFAULT_POLICY_PATH}:\n+{WEAKENING_RULE}\nand then:\n\n"),
            pen,
            out,
        )?;
    }
    write_quote(&sandbox.fill_message(message.unwrap_or_default())?, pen, out)?;
    let command = if message.is_some() { "git push origin main" } else { "git push origin :main" };
    let gap = if message.is_some() { "\n" } else { "" };
    writeln!(out, "{gap}$ {command}")?;
    Ok(())
}

/// Writes text of a file or a message, set apart.
fn write_quote(text: &str, pen: &DemoStyles, out: &mut dyn Write) -> Result<(), CommandError> {
    let (faint, plain) = (pen.faint, pen.faint.render_reset());
    for line in text.lines() {
        if line.is_empty() {
            writeln!(out)?;
        } else {
            writeln!(out, "    {faint}{line}{plain}")?;
        }
    }
    Ok(())
}

/// Shows what the pusher sees, line by line as git wrote it.
fn write_push_output(pushed: &DemoPushResult, out: &mut dyn Write) -> Result<(), CommandError> {
    for line in pushed.pusher_output.lines() {
        // git pads its lines to wipe what a progress bar may have left.
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)?;
    Ok(())
}

/// Says how it ended, and returns whether that is how it had to.
fn write_conclusion(
    scene: &DemoScene,
    pushed: &DemoPushResult,
    moved: bool,
    pen: &DemoStyles,
    out: &mut dyn Write,
) -> Result<bool, CommandError> {
    let told = match scene.ending {
        SceneEnding::Accepted(said) => pushed.accepted && moved && pushed.pusher_output.contains(said),
        SceneEnding::Refused(rule) => !pushed.accepted && !moved && pushed.pusher_output.contains(rule),
    };
    let (style, outcome) = match (pushed.accepted, moved) {
        (true, true) => (pen.good, "accepted; main has moved"),
        (false, false) => (pen.bad, "refused; main is where it was"),
        _ => (pen.bad, "git and the repository disagree about what happened"),
    };
    let plain = style.render_reset();
    if told {
        writeln!(out, "   {style}=> {outcome}{plain}\n")?;
    } else {
        writeln!(out, "   {style}=> {outcome}{plain}, and that is NOT what had to happen\n")?;
    }
    Ok(told)
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
