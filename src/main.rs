//! The binary: the only clock and the only exit are here.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "this is the only clock")]
    let clock = jiff::Timestamp::now;
    changegate::cli::run_command_line(std::env::args_os(), clock)
}
