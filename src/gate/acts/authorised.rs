//! An act as the gate hands it to the ledger.

use crate::change::Oid;
use crate::gate::acts::author::ActAuthor;
use crate::gate::acts::statement::ActStatement;

/// An act that the policy accepts, of an account that the server knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorisedAct {
    /// The id in the name of the ref.
    pub id: String,
    /// The account that records it.
    pub by: ActAuthor,
    /// What it says.
    pub statement: ActStatement,
    /// The file that it attaches, if it does.
    pub attachment: Option<ActAttachment>,
}

/// A file that an act attaches to a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActAttachment {
    /// Its name.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// `sha256:` and the digest of its content.
    pub digest: String,
    /// The commit that holds it.
    pub commit: Oid,
}
