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
    PolicyPack {
        name: "ai-company",
        summary: "iso27001, with evidence for models, training data, prompts and evaluations.",
        source: include_str!("../../../policies/ai-company.yml"),
        tests: include_str!("../../../policies/ai-company.test.yml"),
        stored_tree: include_str!("ai-company.tree"),
    },
    PolicyPack {
        name: "soc2",
        summary: "CC8.1 for a Type II report: review, ticket and tests for every change.",
        source: include_str!("../../../policies/soc2.yml"),
        tests: include_str!("../../../policies/soc2.test.yml"),
        stored_tree: include_str!("soc2.tree"),
    },
    PolicyPack {
        name: "regulated-fintech",
        summary: "iso27001 with two reviews and an independent change manager, as DORA is commonly practised.",
        source: include_str!("../../../policies/regulated-fintech.yml"),
        tests: include_str!("../../../policies/regulated-fintech.test.yml"),
        stored_tree: include_str!("regulated-fintech.tree"),
    },
    PolicyPack {
        name: "pci-dss",
        summary: "Requirement 6.5, with an approval of the release and a confirmation of significant changes.",
        source: include_str!("../../../policies/pci-dss.yml"),
        tests: include_str!("../../../policies/pci-dss.test.yml"),
        stored_tree: include_str!("pci-dss.tree"),
    },
    PolicyPack {
        name: "sox-itgc",
        summary: "Program changes with acceptance by the business, apart from those who wrote and reviewed them.",
        source: include_str!("../../../policies/sox-itgc.yml"),
        tests: include_str!("../../../policies/sox-itgc.test.yml"),
        stored_tree: include_str!("sox-itgc.tree"),
    },
    PolicyPack {
        name: "nist-moderate",
        summary: "CM-3, CM-4 and SA-10 at the moderate baseline, with privacy and a security representative.",
        source: include_str!("../../../policies/nist-moderate.yml"),
        tests: include_str!("../../../policies/nist-moderate.test.yml"),
        stored_tree: include_str!("nist-moderate.tree"),
    },
    PolicyPack {
        name: "oss-slsa",
        summary: "Two people behind every change of an open-source project, as SLSA asks it of source.",
        source: include_str!("../../../policies/oss-slsa.yml"),
        tests: include_str!("../../../policies/oss-slsa.test.yml"),
        stored_tree: include_str!("oss-slsa.tree"),
    },
];

/// The pack that is used where no other is named.
pub(crate) const DEFAULT_PACK: &str = "iso27001";

/// Returns the pack called `name`.
pub(crate) fn find_pack(name: &str) -> Option<&'static PolicyPack> {
    POLICY_PACKS.iter().find(|pack| pack.name == name)
}
