//! What a signed approval says, as the message of its commit, in one form down to the byte.

use crate::change::{CommitMessage, Oid, SignedDecision, Text};

/// The namespace that signed approvals are pushed to; the id of the commit that states the approval follows.
pub const APPROVAL_REF_PREFIX: &str = "refs/changegate/approvals/";

/// Where a clone keeps the approvals that it fetches with every fetch; `docs/approvals.md` has the refspec.
pub(crate) const FETCHED_REF_PREFIX: &str = "refs/changegate/fetched/";

/// The trailer that says that a commit is an approval, and in which form.
const FORMAT_TRAILER: &str = "Changegate-Approval";

/// The form that this version writes and reads.
const FORMAT_NAME: &str = "v1";

/// What somebody says about a revision before it lands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalStatement {
    /// What is said.
    pub decision: SignedDecision,
    /// The id of the repository, as `refs/changegate/repository` on its server names it.
    pub repository: Oid,
    /// The full name of the ref that the revision is for.
    pub target: Text,
    /// The commit of the target on which the revision was seen to build.
    pub base: Oid,
    /// The revision.
    pub revision: Oid,
    /// The tree of the revision.
    pub tree: Oid,
    /// `sha256:` and the digest of everything that the messages of its commits state.
    pub statements: String,
    /// The team for which it is said; `None` for no team in particular.
    pub role: Option<Text>,
    /// A remark, if there is one.
    pub note: Option<Text>,
}

impl ApprovalStatement {
    /// Returns the message that states this; no other message does.
    pub fn format_message(&self) -> Vec<u8> {
        let verb = match self.decision {
            SignedDecision::Approved => "Approve",
            SignedDecision::Rejected => "Reject",
            SignedDecision::Revoked => "Revoke the approval of",
        };
        let revision = self.revision.short_hex();
        let mut message = format!("{verb} {revision} for ").into_bytes();
        message.extend_from_slice(self.target.as_bytes());
        message.extend_from_slice(b"\n\n");
        let mut add_line = |key: &str, value: &[u8]| {
            message.extend([key.as_bytes(), b": ", value, b"\n"].concat());
        };
        add_line(FORMAT_TRAILER, FORMAT_NAME.as_bytes());
        add_line("Decision", self.decision.word().as_bytes());
        add_line("Repository", self.repository.to_string().as_bytes());
        add_line("Target", self.target.as_bytes());
        add_line("Base", self.base.to_string().as_bytes());
        add_line("Revision", self.revision.to_string().as_bytes());
        add_line("Tree", self.tree.to_string().as_bytes());
        add_line("Statements", self.statements.as_bytes());
        for (key, value) in [("Role", &self.role), ("Note", &self.note)] {
            if let Some(value) = value {
                add_line(key, value.as_bytes());
            }
        }
        message
    }

    /// Reads a message; `None` if it does not have the one form.
    pub fn parse_message(message: &CommitMessage) -> Option<ApprovalStatement> {
        let find_id = |key| Oid::from_hex(find_value(message, key)?.as_utf8()?);
        let decision = find_value(message, "Decision")?;
        let mut decisions = SignedDecision::ALL.into_iter();
        let statement = ApprovalStatement {
            decision: decisions.find(|known| known.word().as_bytes() == decision.as_bytes())?,
            repository: find_id("Repository")?,
            target: find_value(message, "Target")?,
            base: find_id("Base")?,
            revision: find_id("Revision")?,
            tree: find_id("Tree")?,
            statements: find_value(message, "Statements")?.as_utf8()?.to_owned(),
            role: find_value(message, "Role"),
            note: find_value(message, "Note"),
        };
        if statement.format_message() == message.raw().as_bytes() { Some(statement) } else { None }
    }
}

/// Returns the value of the first trailer of this key, unless it is empty.
fn find_value(message: &CommitMessage, key: &str) -> Option<Text> {
    let trailer = message.trailers().iter().find(|trailer| trailer.key == key)?;
    if trailer.value.as_bytes().is_empty() { None } else { Some(trailer.value.clone()) }
}

/// Returns true if a ref is in the namespace of signed approvals, whatever the rest of its name is.
pub fn is_approval_ref(name: &Text) -> bool {
    name.as_bytes().starts_with(APPROVAL_REF_PREFIX.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_approval_is_read_back_and_no_other_form_is_read() {
        let id = Oid::from_hex("0123456789abcdef0123456789abcdef01234567").unwrap();
        for decision in SignedDecision::ALL {
            for (role, note) in
                [(None, None), (Some(Text::from("security")), Some(Text::from("read it all")))]
            {
                let statement = ApprovalStatement {
                    decision,
                    repository: id,
                    target: "refs/heads/main".into(),
                    base: id,
                    revision: id,
                    tree: id,
                    statements: format!("sha256:{}", "0".repeat(64)),
                    role,
                    note,
                };
                let raw = statement.format_message();
                let parse =
                    |raw: Vec<u8>| ApprovalStatement::parse_message(&CommitMessage::new(Text::new(raw)));
                assert_eq!(parse(raw.clone()), Some(statement));
                for other in [
                    [raw.as_slice(), b"Signed-off-by: Kim <kim@example.com>\n"].concat(),
                    [b"x", raw.as_slice()].concat(),
                    [raw.as_slice(), b"Decision: approved\n"].concat(),
                    String::from_utf8(raw.clone()).unwrap().replace(": v1", ": v2").into_bytes(),
                    String::from_utf8(raw).unwrap().replace("Base: ", "base: ").into_bytes(),
                ] {
                    assert_eq!(parse(other), None);
                }
            }
        }
    }
}
