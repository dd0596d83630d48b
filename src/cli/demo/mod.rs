//! `changegate demo`: the gate at work, on real pushes to a real repository.
//!
//! Nothing is staged but the commits. What is shown is what git shows whoever pushes, and the demo
//! fails if a push does not end as its scene tells.

mod sandbox;
mod scenes;

use std::io::Write;

use anstyle::{AnsiColor, Style};

use super::{Exit, Stop, World, output};
use crate::policy::PATH;
use sandbox::{POLICY, Pushed, Sandbox};
use scenes::{EMERGENCY, Ending, Push, SCENES, Scene, WEAKENING, WEAKER};

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
pub(super) struct Args {
    /// Leave the folder with both repositories where it is
    #[arg(long)]
    keep: bool,
}

/// What an auditor runs in a clone.
const LOOKS: [(&str, &[&str]); 4] = [
    ("git", &["fetch", "--quiet", "origin", "refs/changegate/ledger:refs/changegate/ledger"]),
    ("changegate", &["ledger", "log"]),
    ("changegate", &["ledger", "trace", EMERGENCY]),
    ("changegate", &["ledger", "verify"]),
];

/// The styles of what is told; all of them plain where colours are not wanted.
struct Pen {
    title: Style,
    good: Style,
    bad: Style,
    faint: Style,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let pen = Pen::new(output::stdout_colour(world.colour));
    let sandbox = Sandbox::new(world)?;
    let mut out = std::io::stdout().lock();
    introduce(&pen, &mut out)?;
    let mut surprises = 0;
    for (number, scene) in (1_usize..).zip(&SCENES) {
        announce(number, scene, &sandbox, &pen, &mut out)?;
        let before = sandbox.main()?;
        let pushed = sandbox.push(&scene.push)?;
        let moved = sandbox.main()? != before;
        show(&pushed, &mut out)?;
        if !conclude(scene, &pushed, moved, &pen, &mut out)? {
            surprises += 1;
        }
    }
    surprises += look_back(&sandbox, &pen, &mut out)?;
    let (bold, plain) = (pen.title, pen.title.render_reset());
    writeln!(out, "{bold}Where to look further{plain}\n")?;
    if args.keep {
        let folder = sandbox.keep();
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
        return Ok(Exit::Failed);
    }
    Ok(Exit::Allowed)
}

fn introduce(pen: &Pen, out: &mut dyn Write) -> Result<(), Stop> {
    writeln!(out, "A team keeps its code on a server. main is under change control there, by this")?;
    writeln!(out, "policy, which stands on main itself:\n")?;
    let (_, policy) = POLICY.split_once('\n').unwrap_or_default();
    quote(policy, pen, out)?;
    writeln!(out)?;
    Ok(())
}

/// Shows what anybody finds in a copy of the ledger; returns how much of it is not as it has to be.
fn look_back(sandbox: &Sandbox, pen: &Pen, out: &mut dyn Write) -> Result<usize, Stop> {
    let (bold, plain) = (pen.title, pen.title.render_reset());
    writeln!(out, "{bold}Afterwards: what an auditor finds{plain}")?;
    writeln!(out, "   Each push is in a ledger on the server, which anybody can copy and verify.\n")?;
    let mut surprises = 0;
    for (program, args) in LOOKS {
        let args: Vec<String> = args.iter().map(|arg| sandbox.filled(arg)).collect::<Result<_, _>>()?;
        writeln!(out, "$ {program} {}", args.join(" "))?;
        let (is_well, written) = sandbox.look(program, &args)?;
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

fn announce(
    number: usize,
    scene: &Scene,
    sandbox: &Sandbox,
    pen: &Pen,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let (bold, plain) = (pen.title, pen.title.render_reset());
    writeln!(out, "{bold}{number}. {}{plain}\n   {}\n", scene.title, scene.story)?;
    let message = match &scene.push {
        Push::Deletion => None,
        Push::Commit { message, .. } | Push::WeakenThenCommit { message, .. } => Some(*message),
    };
    if let Push::WeakenThenCommit { .. } = scene.push {
        quote(&format!("{WEAKENING}\n{PATH}:\n+{WEAKER}\nand then:\n\n"), pen, out)?;
    }
    quote(&sandbox.filled(message.unwrap_or_default())?, pen, out)?;
    let command = if message.is_some() { "git push origin main" } else { "git push origin :main" };
    let gap = if message.is_some() { "\n" } else { "" };
    writeln!(out, "{gap}$ {command}")?;
    Ok(())
}

/// Writes text of a file or a message, set apart.
fn quote(text: &str, pen: &Pen, out: &mut dyn Write) -> Result<(), Stop> {
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
fn show(pushed: &Pushed, out: &mut dyn Write) -> Result<(), Stop> {
    for line in pushed.seen.lines() {
        // git pads its lines to wipe what a progress bar may have left.
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)?;
    Ok(())
}

/// Says how it ended, and returns whether that is how it had to.
fn conclude(
    scene: &Scene,
    pushed: &Pushed,
    moved: bool,
    pen: &Pen,
    out: &mut dyn Write,
) -> Result<bool, Stop> {
    let told = match scene.ending {
        Ending::Accepted(said) => pushed.accepted && moved && pushed.seen.contains(said),
        Ending::Refused(rule) => !pushed.accepted && !moved && pushed.seen.contains(rule),
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

impl Pen {
    fn new(colour: bool) -> Pen {
        if !colour {
            let plain = Style::new();
            return Pen { title: plain, good: plain, bad: plain, faint: plain };
        }
        Pen {
            title: Style::new().bold(),
            good: AnsiColor::Green.on_default().bold(),
            bad: AnsiColor::Red.on_default().bold(),
            faint: Style::new().dimmed(),
        }
    }
}
