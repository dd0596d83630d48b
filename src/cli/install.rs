//! `changegate install` and `uninstall`.

use super::{Exit, Stop, World};

/// Put the hooks into a clone, or onto a server
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

/// Take the hooks out again
#[derive(Debug, clap::Args)]
pub(super) struct UninstallArgs {}

pub(super) fn run(_: &Args, _: &World) -> Result<Exit, Stop> {
    Err(Stop::Wrong("not yet".into()))
}

pub(super) fn uninstall(_: &UninstallArgs, _: &World) -> Result<Exit, Stop> {
    Err(Stop::Wrong("not yet".into()))
}
