//! What a policy calls its parts, each kind of name a type of its own, so that none stands for another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Makes a type for one kind of name.
macro_rules! id_types {
    ($($(#[doc = $doc:literal])* $Name:ident)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $Name(String);

        impl $Name {
            /// Returns the id that a policy writes this way.
            pub fn new(written: impl Into<String>) -> Self {
                $Name(written.into())
            }

            /// Returns the id as the policy writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    )*};
}

id_types! {
    /// The id of a rule, such as `peer-review`: its key in the policy.
    RuleId
    /// The id of a class of changes, such as `emergency`: its key in the policy.
    ClassId
    /// What names an exemption: the file and the line of the policy on which it stands.
    ExemptionId
}
