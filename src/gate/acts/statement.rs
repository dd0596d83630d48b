//! What an act says, as the message of its commit, in one form down to the byte.

use crate::change::{CommitMessage, Oid, Text};

/// The namespace that acts are pushed to; an id follows.
pub const ACT_REF_PREFIX: &str = "refs/changegate/acts/";

/// The trailer that names the kind of an act.
const ACT_TRAILER: &str = "Act";

/// What somebody says about a change after it has landed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActStatement {
    /// What is said.
    pub kind: ActKind,
    /// The change, as the commit that it landed as.
    pub change: Oid,
    /// The full name of the ref that it landed on.
    pub ref_name: Text,
    /// A remark, if there is one.
    pub note: Option<Text>,
}

/// What is said about a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActKind {
    /// What became of it.
    Outcome {
        /// Whether it worked.
        outcome: ReportedOutcome,
        /// The name of the incident, if there is one.
        incident: Option<Text>,
    },
    /// That it was verified. This approves nothing.
    Verified,
    /// That the file in the tree of the commit is about it.
    Attach,
    /// That it was deployed, with everything between it and what ran before.
    Deployed {
        /// Where it runs.
        environment: Text,
        /// What ran there before; `None` if that is not stated, and then everything before it was deployed.
        before: Option<Oid>,
        /// True if the deployment failed.
        is_failed: bool,
    },
}

/// What became of a change, as somebody reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportedOutcome {
    /// It worked.
    Worked,
    /// It did not work, or did harm.
    Failed,
    /// It was taken back, by other means than a commit.
    Reverted,
}

impl ReportedOutcome {
    /// Every outcome.
    pub const ALL: [ReportedOutcome; 3] =
        [ReportedOutcome::Worked, ReportedOutcome::Failed, ReportedOutcome::Reverted];

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            ReportedOutcome::Worked => "ok",
            ReportedOutcome::Failed => "failed",
            ReportedOutcome::Reverted => "reverted",
        }
    }

    fn parse_word(word: &Text) -> Option<ReportedOutcome> {
        ReportedOutcome::ALL.into_iter().find(|outcome| outcome.word().as_bytes() == word.as_bytes())
    }
}

impl ActKind {
    /// Returns the word of the kind, as the policy has it.
    pub fn word(&self) -> &'static str {
        match self {
            ActKind::Outcome { .. } => "outcome",
            ActKind::Verified => "verified",
            ActKind::Attach => "attach",
            ActKind::Deployed { .. } => "deployed",
        }
    }
}

/// The words for what became of a deployment: that it failed, and that it did not.
const DEPLOYMENT_RESULTS: [(&str, bool); 2] = [("succeeded", false), ("failed", true)];

impl ActStatement {
    /// Returns the message that states this; no other message does.
    pub fn format_message(&self) -> Vec<u8> {
        let change = self.change.to_string();
        let subject = match &self.kind {
            ActKind::Outcome { outcome, .. } => format!("Report an outcome of {change}: {}", outcome.word()),
            ActKind::Verified => format!("Verify {change}"),
            ActKind::Attach => format!("Attach a file to {change}"),
            ActKind::Deployed { .. } => format!("Record a deployment of {change}"),
        };
        let mut message =
            format!("{subject}\n\n{ACT_TRAILER}: {}\nChange: {change}\n", self.kind.word()).into_bytes();
        add_line(&mut message, "Ref", Some(&self.ref_name));
        if let ActKind::Outcome { outcome, incident } = &self.kind {
            add_line(&mut message, "Outcome", Some(&Text::from(outcome.word())));
            add_line(&mut message, "Incident", incident.as_ref());
        }
        if let ActKind::Deployed { environment, before, is_failed } = &self.kind {
            add_line(&mut message, "Environment", Some(environment));
            add_line(&mut message, "Before", before.map(|id| Text::from(id.to_string())).as_ref());
            let result = DEPLOYMENT_RESULTS.iter().find(|(_, failed)| failed == is_failed);
            add_line(&mut message, "Result", result.map(|(word, _)| Text::from(*word)).as_ref());
        }
        add_line(&mut message, "Note", self.note.as_ref());
        message
    }

    /// Reads a message; `None` if it does not have the one form.
    pub fn parse_message(message: &CommitMessage) -> Option<ActStatement> {
        let kind = match find_value(message, ACT_TRAILER)?.as_bytes() {
            b"outcome" => ActKind::Outcome {
                outcome: ReportedOutcome::parse_word(&find_value(message, "Outcome")?)?,
                incident: find_value(message, "Incident"),
            },
            b"verified" => ActKind::Verified,
            b"attach" => ActKind::Attach,
            b"deployed" => {
                let written = find_value(message, "Result")?;
                let mut results = DEPLOYMENT_RESULTS.into_iter();
                let (_, is_failed) = results.find(|(word, _)| word.as_bytes() == written.as_bytes())?;
                let before = match find_value(message, "Before") {
                    Some(written) => Some(Oid::from_hex(written.as_utf8()?)?),
                    None => None,
                };
                ActKind::Deployed { environment: find_value(message, "Environment")?, before, is_failed }
            }
            _ => return None,
        };
        let statement = ActStatement {
            kind,
            change: Oid::from_hex(find_value(message, "Change")?.as_utf8()?)?,
            ref_name: find_value(message, "Ref")?,
            note: find_value(message, "Note"),
        };
        if statement.format_message() == message.raw().as_bytes() { Some(statement) } else { None }
    }
}

fn add_line(message: &mut Vec<u8>, key: &str, value: Option<&Text>) {
    if let Some(value) = value {
        message.extend([key.as_bytes(), b": ", value.as_bytes(), b"\n"].concat());
    }
}

/// Returns the value of the first trailer of this key, unless it is empty.
fn find_value(message: &CommitMessage, key: &str) -> Option<Text> {
    let trailer = message.trailers().iter().find(|trailer| trailer.key == key)?;
    if trailer.value.as_bytes().is_empty() { None } else { Some(trailer.value.clone()) }
}

/// Returns true if a ref is in the namespace of acts, whatever the rest of its name is.
pub fn is_act_ref(name: &Text) -> bool {
    name.as_bytes().starts_with(ACT_REF_PREFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_read_back_and_no_other_form_is_read() {
        let change = Oid::from_hex("0123456789abcdef0123456789abcdef01234567").unwrap();
        let kinds = [
            ActKind::Outcome { outcome: ReportedOutcome::Failed, incident: Some("INC-7".into()) },
            ActKind::Outcome { outcome: ReportedOutcome::Worked, incident: None },
            ActKind::Verified,
            ActKind::Attach,
            ActKind::Deployed { environment: "production".into(), before: None, is_failed: false },
            ActKind::Deployed { environment: "eu 1".into(), before: Some(change), is_failed: true },
        ];
        for kind in kinds {
            for note in [None, Some(Text::from("seen on all nodes"))] {
                let ref_name = Text::from("refs/heads/main");
                let statement = ActStatement { kind: kind.clone(), change, ref_name, note };
                let raw = statement.format_message();
                let parse = |raw: Vec<u8>| ActStatement::parse_message(&CommitMessage::new(Text::new(raw)));
                assert_eq!(parse(raw.clone()), Some(statement));
                assert_eq!(parse([raw.as_slice(), b"Signed-off-by: Kim <kim@example.com>\n"].concat()), None);
                assert_eq!(parse([b"x", raw.as_slice()].concat()), None);
                assert_eq!(parse([raw.as_slice(), b"Act: verified\n"].concat()), None);
            }
        }
    }
}
