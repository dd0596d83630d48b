//! A recorded act without a commit, as `changegate ledger show` tells it.

use std::io::{self, Write};

use crate::change::Text;
use crate::ledger::record::{ChangeAct, RecordedActKind};
use crate::report::escape;

/// Writes what an act says, of which change, and by whom.
pub(super) fn write_act(out: &mut dyn Write, event: &ChangeAct) -> io::Result<()> {
    let act = &event.act;
    writeln!(out, "{}", escape::escape_words(&event.describe()))?;
    writeln!(out, "change    {} on {}", act.change, escape_name(&act.ref_name))?;
    if let RecordedActKind::Approval(approval) = &act.says {
        writeln!(
            out,
            "signed    {} with {}",
            escape_name(&approval.signer),
            escape::escape_words(&approval.key)
        )?;
        writeln!(out, "in        {}", approval.commit)?;
        if let Some(role) = &approval.role {
            writeln!(out, "as        {}", escape_name(role))?;
        }
    } else {
        let kind = if act.person.is_some() { "" } else { ", a bot" };
        writeln!(out, "by        {}{kind}", escape_name(&act.account))?;
    }
    match &act.says {
        RecordedActKind::Outcome { incident: Some(incident), .. } => {
            writeln!(out, "incident  {}", escape_name(incident))?;
        }
        RecordedActKind::Attachment { name, bytes, digest, commit } => {
            let (name, digest) = (escape::escape_words(name), escape::escape_words(digest));
            writeln!(out, "file      {name}, {bytes} bytes, in commit {commit}")?;
            writeln!(out, "          {digest}")?;
        }
        RecordedActKind::Outcome { incident: None, .. }
        | RecordedActKind::Verified
        | RecordedActKind::Approval(_)
        | RecordedActKind::Deployment { .. } => {}
    }
    if let Some(note) = &act.note {
        writeln!(out, "note      {}", escape_name(note))?;
    }
    writeln!(out, "seen      {}", event.observed_at)
}

/// Returns a name without what a terminal would obey.
pub(super) fn escape_name(name: &Text) -> String {
    escape::escape_terminal(name.as_bytes(), escape::MAX_QUOTE_COLUMNS)
}
