//! `changegate people who`: whom an address or an account stands for, and what they can do at a time.

use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::calendar::written_time::WrittenTime;
use crate::change::pull_request::ForgeAccount;
use crate::change::{Person, Text};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{self, ListFormatArg};
use crate::cli::people::roster_source::find_roster_name;
use crate::cli::policy::lookup::load_local_policy;
use crate::people::account_numbers::split_account_number;
use crate::people::service::PersonAbsence;
use crate::people::{PeopleDirectory, ResolvedIdentity};
use crate::yaml::shorten_for_message;

/// Show whom an address or an account stands for, and their teams at a time
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate people who ana@example.com
  changegate people who github:ana-sec --at 2026-11-30
  changegate people who 'Ana Ruiz <ana@example.com>' --format json

Exit codes: 0 somebody who is there at that time, 1 nobody whom the roster
knows, or somebody who is not there then, 2 the command or the policy is wrong,
3 something could not be read.")]
pub(super) struct WhoArgs {
    /// Address, `NAME <ADDRESS>`, account as in github:ana, or key of the roster
    #[arg(value_name = "IDENTITY")]
    identity: String,

    /// The time that is asked about: an instant, or a day from its beginning [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    at: Option<Timestamp>,

    /// Policy file whose roster is asked [default: policies/changegate.yml]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ListFormatArg,
}

fn parse_instant(written: &str) -> Result<Timestamp, String> {
    let time = WrittenTime::parse_time(written)?;
    time.first_instant().ok_or_else(|| "this is no time that can be told as an instant".to_owned())
}

/// What is known of one identity at a time.
struct PersonAnswer<'people> {
    at: Timestamp,
    key: Option<&'people str>,
    name: &'people str,
    kind: &'static str,
    absence: Option<PersonAbsence>,
    is_trained: bool,
    teams: Vec<&'people str>,
    /// For whom they act, in which team.
    acts_for: Vec<(&'people str, &'people str)>,
    identities: Vec<&'people str>,
    looks_like: Option<&'people str>,
}

pub(super) fn show_person(args: &WhoArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let loaded = load_local_policy(args.policy.as_deref(), context)?;
    find_roster_name(&loaded)?;
    let answer = find_answer(&args.identity, &loaded.policy.people, args.at.unwrap_or(context.now));
    let mut out = io::stdout().lock();
    let written = match args.format {
        ListFormatArg::Json => writeln!(out, "{:#}", answer.to_json(&args.identity)),
        ListFormatArg::Terminal => answer.write_terminal(&args.identity, &mut out),
    };
    output::ignore_broken_pipe(written)?;
    let is_there = answer.key.is_some() && answer.absence.is_none();
    Ok(if is_there { CommandExit::Allowed } else { CommandExit::Denied })
}

fn find_answer<'people>(
    written: &str,
    people: &'people PeopleDirectory,
    at: Timestamp,
) -> PersonAnswer<'people> {
    let by_key = people.find_person_key(written);
    let key = match split_account_number(written) {
        // The number is the account, and its login may be another one's by now.
        (login, Some(number)) => {
            let account = ForgeAccount { id: Text::from(login), is_person: true, number: Some(number) };
            match people.identify_forge_account(&account) {
                ResolvedIdentity::Human(found) => people.find_person_key(&found),
                _ => None,
            }
        }
        (_, None) => people.find_person(written).or(by_key),
    };
    let mut answer = PersonAnswer {
        at,
        key,
        name: "",
        kind: "human",
        absence: None,
        is_trained: false,
        teams: Vec::new(),
        acts_for: Vec::new(),
        identities: Vec::new(),
        looks_like: None,
    };
    let Some(key) = key else {
        let (name, address) = match Person::parse_person(written.as_bytes()) {
            Ok(person) => (person.name, Some(person.email)),
            Err(_) => (Text::from(written), Some(Text::from(written))),
        };
        answer.looks_like = people.find_look_alike(&name, address.as_ref());
        return answer;
    };
    answer.name = people.name_person(key);
    if let Some(record) = people.find_service_record(key) {
        answer.kind = record.kind.word();
    }
    answer.absence = people.find_absence(key, at);
    answer.is_trained = people.is_trained(key, at);
    for team in people.team_names() {
        if people.is_own_member(key, team, at) {
            answer.teams.push(team);
        }
        answer
            .acts_for
            .extend(people.list_delegators(key, team, at).into_iter().map(|person| (person, team)));
    }
    let identities = people.list_identities().into_iter();
    answer.identities = identities.filter(|(_, of)| *of == key).map(|(identity, _)| identity).collect();
    answer
}

impl PersonAnswer<'_> {
    fn to_json(&self, asked: &str) -> Value {
        let acts_for: Vec<Value> =
            self.acts_for.iter().map(|(person, team)| json!({ "person": person, "team": team })).collect();
        let (left, joins) = match self.absence {
            Some(PersonAbsence::Left(day)) => (Some(day.to_string()), None),
            Some(PersonAbsence::NotJoined(day)) => (None, Some(day.to_string())),
            None => (None, None),
        };
        json!({
            "asked": asked,
            "at": self.at.to_string(),
            "person": self.key,
            "name": self.key.map(|_| self.name),
            "kind": self.key.map(|_| self.kind),
            "is_there": self.key.is_some() && self.absence.is_none(),
            "left": left,
            "joins": joins,
            "is_trained": self.is_trained,
            "teams": self.teams,
            "acts_for": acts_for,
            "identities": self.identities,
            "looks_like": self.looks_like,
        })
    }

    fn write_terminal(&self, asked: &str, out: &mut dyn Write) -> io::Result<()> {
        let asked = shorten_for_message(asked);
        let Some(key) = self.key else {
            writeln!(out, "`{asked}` is not in the roster")?;
            if let Some(other) = self.looks_like {
                let other = shorten_for_message(other);
                writeln!(out, "it looks like `{other}`; if it is theirs, add it to their entry")?;
            }
            return Ok(());
        };
        let shown = shorten_for_message(key);
        match (self.name == key, self.kind) {
            (true, "human") => writeln!(out, "{shown}")?,
            (false, "human") => writeln!(out, "{shown} ({})", shorten_for_message(self.name))?,
            (_, kind) => writeln!(out, "{shown}, which is a machine ({kind}) and never approves")?,
        }
        let at = self.at;
        match self.absence {
            Some(PersonAbsence::Left(day)) => writeln!(out, "  had left at {at}: the last day was {day}")?,
            Some(PersonAbsence::NotJoined(day)) => {
                writeln!(out, "  had not joined at {at}: the first day is {day}")?;
            }
            None => {
                writeln!(out, "  at {at}")?;
                let teams: Vec<String> = self.teams.iter().map(|team| shorten_for_message(team)).collect();
                if !teams.is_empty() {
                    writeln!(out, "  teams: {}", teams.join(", "))?;
                }
                for (person, team) in &self.acts_for {
                    let (person, team) = (shorten_for_message(person), shorten_for_message(team));
                    writeln!(out, "  acts for {person} in {team}")?;
                }
                if self.is_trained {
                    writeln!(out, "  trained")?;
                }
            }
        }
        let identities: Vec<String> = self.identities.iter().map(|one| shorten_for_message(one)).collect();
        writeln!(out, "  {}", identities.join(", "))
    }
}
