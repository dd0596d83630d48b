//! What a policy calls its parts, each kind of name a type of its own, so that none stands for another.

use std::fmt;
use std::ops::Deref;

/// Makes a type for one kind of name.
macro_rules! id_types {
    ($($(#[doc = $doc:literal])* $Name:ident)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name(String);

        impl $Name {
            /// Returns the name as text, as the policy writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Deref for $Name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $Name {
            fn from(written: &str) -> Self {
                $Name(written.to_owned())
            }
        }

        impl From<String> for $Name {
            fn from(written: String) -> Self {
                $Name(written)
            }
        }

        impl From<$Name> for String {
            fn from(id: $Name) -> String {
                id.0
            }
        }

        impl PartialEq<str> for $Name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $Name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
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
