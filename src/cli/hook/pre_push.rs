//! `changegate hook pre-push`: what the server will say, before anything is sent.
//!
//! Only refs under change control are looked at, by the policy that the remote's branch held when it
//! was last fetched. Reviews and the pusher's account are the server's to know; they are listed as
//! asked later.

use std::io::Read as _;
use std::path::PathBuf;

use super::super::output::{self, FormatName};
use super::super::{Exit, Stop, World};
use crate::change::{Missing, Need, Oid, Stage, Text};
use crate::gate::{Asked, Unusable, at_commit, judge_range};
use crate::git::{PushedRef, Range, Repository, parse_pre_push};
use crate::policy::PATH;
use crate::report::Style;

/// Say what the server will refuse
#[derive(Debug, clap::Args)]
pub(in super::super) struct Args {
    /// The name of the remote
    remote: String,
    /// Where it is
    url: Option<String>,
}

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    let mut input = Vec::new();
    std::io::stdin().lock().read_to_end(&mut input)?;
    let pushed = parse_pre_push(&input).map_err(|malformed| Stop::Wrong(malformed.to_string()))?;
    let repository = match world.variable("GIT_DIR") {
        Some(git_dir) => Repository::open(&world.at(PathBuf::from(git_dir)), None)?,
        None => Repository::discover(&world.directory)?,
    };
    let mut exit = Exit::Allowed;
    for pushed in pushed.iter().filter(|pushed| !pushed.local.is_null()) {
        if judge(&repository, args, pushed, world)? == Exit::Denied {
            exit = Exit::Denied;
        }
    }
    Ok(exit)
}

fn judge(repository: &Repository, args: &Args, pushed: &PushedRef, world: &World) -> Result<Exit, Stop> {
    // The server judges by what the branch holds; what was last fetched of it is the next best.
    let tracking = pushed
        .remote_name
        .as_bytes()
        .strip_prefix(b"refs/heads/")
        .map(|branch| [b"refs/remotes/", args.remote.as_bytes(), b"/", branch].concat());
    let tracked: Option<Oid> = match tracking {
        Some(name) => repository.resolve_ref(&name)?.id,
        None => None,
    };
    let Some(base) = tracked else { return Ok(Exit::Allowed) };
    let called = format!("{}/{}", args.remote, pushed.remote_name.to_lossy());
    let loaded = match at_commit(repository, base, PATH, &called) {
        Ok(loaded) => loaded,
        Err(Unusable::Absent) => return Ok(Exit::Allowed),
        Err(why) => return Err(Stop::unusable(why, PATH).of_commit(&called)),
    };
    if !loaded.policy.protects(pushed.remote_name.as_bytes()) {
        return Ok(Exit::Allowed);
    }
    let hidden = [base];
    let asked = Asked {
        range: Range { new: pushed.local, hidden: &hidden, trusted: None },
        called: Text::new(pushed.remote_name.as_bytes()),
        target: Ok(pushed.remote_name.clone()),
        pusher: Err(Missing::NotAtThisStage(Need::Pusher)),
        stage: Stage::PrePush,
        unit: loaded.policy.unit,
        enforce: false,
        keep_all: false,
        explain: false,
        unused: false,
        threads: crate::cli::threads,
        now: world.now,
    };
    let report = judge_range(repository, &loaded, &asked, &mut || {})?;
    let style = Style { colour: output::stderr_colour(world.colour), quiet: true, ..Style::default() };
    let mut out = std::io::stderr().lock();
    output::said(crate::report::write(FormatName::Terminal.into(), &report, &style, &mut out))?;
    Ok(report.decision.into())
}
