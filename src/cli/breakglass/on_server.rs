//! On the server itself: a session is written into the ledger directly.
//!
//! Whoever can do that administrates the server, or says so. The account is what the system calls him,
//! and stands in the record as a claim.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};

use super::super::{Exit, Stop, World, ledger, output, visible};
use crate::change::{Message, Text};
use crate::gate::break_glass::{Act, asks};
use crate::gate::{LedgerMode, Settings, standing};
use crate::git::{ObjectFormat, Repository, read_commit};
use crate::ledger::record::Event;
use crate::ledger::session::{self, Asking, Who};
use crate::ledger::sweep::append;
use crate::people::participants::Hand;
use crate::report::escape;
use crate::verdict::{Finding, Line};

/// What stands before the message of a commit that nobody writes.
const HEAD: &str = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nauthor a <a@localhost> 0 +0000\n\
                    committer a <a@localhost> 0 +0000\n\n";

pub(super) fn ask(repository: &Repository, id: &str, message: &Message, world: &World) -> Result<Exit, Stop> {
    let settings =
        Settings::read(repository, &|name| world.variable(name), crate::cli::threads).map_err(Stop::Wrong)?;
    if settings.ledger == LedgerMode::Off {
        return Err(Stop::Wrong("the ledger is switched off here (changegate.ledger)".into()));
    }
    let folded = ledger::fold_in(repository, &settings, None, false, world)?;
    ledger::tell(&folded)?;
    let loaded = standing(repository, &settings)
        .ok_or_else(|| Stop::Wrong("there is no policy here that says who may open a session".into()))?;
    let now = (world.clock)();
    let raw = [HEAD.as_bytes(), message.raw().as_bytes()].concat();
    let commit =
        read_commit(&raw, ObjectFormat::Sha1).map_err(|why| anyhow!("this cannot be said: {why}"))?;
    if loaded.policy.break_glass.is_none() {
        return refuse(&Finding::new(Line::say(
            "the policy names nobody who may open a break-glass session (`break-glass`)",
        )));
    }
    let asks = match asks(&loaded.policy, commit, now) {
        Ok(asks) => asks,
        Err(finding) => return refuse(&finding),
    };
    let by = Hand { key: None, name: String::new(), account: None };
    let act = Act { id: id.to_owned(), by, is_in_team: true, asks };
    let asking =
        Asking { act: &act, who: Who { account: account()?, decision: None, person: None }, at: now };
    let mut done = Ok(String::new());
    append(repository, settings.ledger_key.as_deref(), now, |state| {
        if let Err(finding) = session::against(state, &asking) {
            done = Err(finding);
            return Vec::new();
        }
        match session::event(state, &asking) {
            Ok(record) => {
                done = Ok(record.words());
                vec![Event::BreakGlass(record)]
            }
            Err(why) => {
                done = Err(Box::new(Finding::new(Line::say(why))));
                Vec::new()
            }
        }
    })?;
    match done {
        Ok(words) => {
            output::said(writeln!(std::io::stdout().lock(), "{}", escape::words(&words)))?;
            Ok(Exit::Allowed)
        }
        Err(finding) => refuse(&finding),
    }
}

fn refuse(finding: &Finding) -> Result<Exit, Stop> {
    let why = escape::sentence(&finding.what);
    output::said(writeln!(std::io::stderr().lock(), "changegate: denied - {}", visible(&why)))?;
    Ok(Exit::Denied)
}

/// Returns what the system calls whoever runs this.
fn account() -> Result<Text, Stop> {
    let told = Command::new("id").arg("-un").stdin(Stdio::null()).output().context("cannot start `id`")?;
    let name = told.stdout.strip_suffix(b"\n").unwrap_or(&told.stdout);
    if !told.status.success() || name.is_empty() {
        return Err(Stop::Failed(anyhow!("the system does not tell whose account this is")));
    }
    Ok(Text::from(name))
}
