//! A fact that an answer rests on, where it came from, and what is assumed of a change that does not exist yet.

use crate::verdict::{ChangeLocation, Message};

/// A fact that an answer rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct UsedFact {
    /// The fact.
    pub what: Message,
    /// Where it came from.
    pub source: UsedFactSource,
    /// True if somebody other than the author vouches for it.
    pub is_verified: bool,
    /// Where it stands, for what is written in a message or a description.
    pub at: ChangeLocation,
}

/// Where a fact came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedFactSource {
    /// A trailer of a commit's message.
    Trailer,
    /// A line of the description of the pull request.
    Description,
    /// The commits themselves: who made them, which files they change.
    Repository,
    /// The forge.
    Forge,
    /// The Git server, or what stands in front of it.
    Server,
    /// A ticket system.
    TicketSystem,
    /// The keys that the policy names.
    SigningKeys,
    /// The certificate of a signed push, and the keys that the policy names.
    PushCertificate,
    /// The clock of the gate.
    Clock,
    /// The file of code owners that the policy is read with.
    CodeOwners,
    /// Whoever describes a change that does not exist yet.
    Assumed,
}

/// What is assumed of a change that is explained; nothing of one that a repository or a forge tells of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AssumedFacts {
    /// Who pushes, where it arrives, and what a forge and a ticket system say.
    pub arrival: bool,
    /// The commits themselves.
    pub commits: bool,
    /// The time.
    pub time: bool,
}

impl AssumedFacts {
    /// Returns where a fact came from, if what stands for its source is not assumed.
    pub(super) fn find_source(self, source: UsedFactSource) -> UsedFactSource {
        let is_assumed = match source {
            UsedFactSource::Forge
            | UsedFactSource::PushCertificate
            | UsedFactSource::Server
            | UsedFactSource::TicketSystem => self.arrival,
            UsedFactSource::Repository | UsedFactSource::SigningKeys => self.commits,
            UsedFactSource::Clock => self.time,
            // What is typed there is a claim in any case.
            UsedFactSource::Trailer | UsedFactSource::Description => false,
            UsedFactSource::CodeOwners | UsedFactSource::Assumed => false,
        };
        if is_assumed { UsedFactSource::Assumed } else { source }
    }
}

impl UsedFactSource {
    /// Returns the word, as JSON has it.
    pub(crate) fn source_code(self) -> &'static str {
        match self {
            UsedFactSource::Trailer => "trailer",
            UsedFactSource::Description => "description",
            UsedFactSource::Repository => "repository",
            UsedFactSource::Forge => "forge",
            UsedFactSource::Server => "server",
            UsedFactSource::TicketSystem => "ticket-system",
            UsedFactSource::SigningKeys => "signing-keys",
            UsedFactSource::PushCertificate => "push-certificate",
            UsedFactSource::Clock => "clock",
            UsedFactSource::CodeOwners => "code-owners",
            UsedFactSource::Assumed => "assumed",
        }
    }
}
