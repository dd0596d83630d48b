//! The shipped policies, which `extends` names.

/// A policy that comes with the binary.
#[derive(Clone, Copy, Debug)]
pub struct PolicyPack {
    /// Its name, for `extends`.
    pub name: &'static str,
    /// What it asks, in one sentence.
    pub summary: &'static str,
    /// The YAML of the policy, as it stands in `policies/`.
    pub source: &'static str,
    /// The tests of the policy, as they stand in `policies/`.
    pub tests: &'static str,
    /// The tree of that YAML, stored so that a hook needs no time to parse it; `tests/generated.rs` makes it.
    pub stored_tree: &'static str,
}

impl PolicyPack {
    /// Returns the tests for people to start theirs from: of the policy beside the file that they are written to.
    pub fn copy_tests(&self) -> String {
        self.tests.replace(&format!("policy: pack:{}\n\n", self.name), "")
    }
}

/// Every shipped policy: the three general ones from the least to the most demanding, then those for a framework or a
/// kind of company.
pub const POLICY_PACKS: &[PolicyPack] = &[
    PolicyPack {
        name: "core",
        summary: "The fields of changes, and the minimum of every policy: readable trailers, a type, a risk.",
        source: include_str!("../../../policies/core.yml"),
        tests: include_str!("../../../policies/core.test.yml"),
        stored_tree: include_str!("core.tree"),
    },
    PolicyPack {
        name: "startup",
        summary: "No self-merge, every change has a type and a risk, an emergency gets a ticket within a day.",
        source: include_str!("../../../policies/startup.yml"),
        tests: include_str!("../../../policies/startup.test.yml"),
        stored_tree: include_str!("startup.tree"),
    },
    PolicyPack {
        name: "iso27001",
        summary: "The whole life of a change as ISO/IEC 27001:2022 A.8.32 and clause 6.3 are commonly practised.",
        source: include_str!("../../../policies/iso27001.yml"),
        tests: include_str!("../../../policies/iso27001.test.yml"),
        stored_tree: include_str!("iso27001.tree"),
    },
];

/// The pack that is used where no other is named.
pub(crate) const DEFAULT_PACK: &str = "iso27001";

/// Returns the pack called `name`.
pub(crate) fn find_pack(name: &str) -> Option<&'static PolicyPack> {
    POLICY_PACKS.iter().find(|pack| pack.name == name)
}
