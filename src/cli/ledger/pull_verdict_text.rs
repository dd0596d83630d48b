//! A verdict on a pull request, as `changegate ledger show` writes it.

use std::io::{self, Write};

use crate::ledger::record::PullVerdict;
use crate::report::escape;

/// Writes the verdict, and tells whose word each part of it is.
pub(crate) fn write_pull_verdict(out: &mut dyn Write, verdict: &PullVerdict) -> io::Result<()> {
    let escape_name = |name: &[u8]| escape::escape_terminal(name, escape::MAX_QUOTE_COLUMNS);
    let pull = escape_name(verdict.pull.as_bytes());
    writeln!(out, "verdict   {}, on {pull}", verdict.standing.code())?;
    writeln!(out, "revision  {} for {}", verdict.revision, escape_name(verdict.target.as_bytes()))?;
    for rule in &verdict.rules {
        writeln!(out, "denied by {}", escape::escape_words(rule))?;
    }
    if let Some(policy) = &verdict.policy {
        writeln!(out, "policy    {}", escape::escape_words(policy))?;
    }
    writeln!(out, "judged    {}, by the clock of the run", verdict.judged_at)?;
    let run = &verdict.check_run;
    let app = run.app.as_deref().unwrap_or("an unknown app");
    let name = escape_name(run.name.as_bytes());
    writeln!(out, "check run {name} {}, by {}", run.id, escape::escape_words(app))?;
    if let Some(at) = run.completed_at {
        writeln!(out, "concluded {at}, by the clock of the forge")?;
    }
    writeln!(out, "seen      {}", verdict.observed_at)
}
