//! `changegate demo`.

use super::{Exit, Stop, World};

/// See the gate at work
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, _: &World) -> Result<Exit, Stop> {
    Err(Stop::Wrong("not yet".into()))
}
