//! A sound policy, and every kind of mistake that can be made in it.

/// What stands around a mistake, without any of its own.
pub(crate) const SOUND: &str = "\
changegate: 1
name: acme
protects: [main]
people: { teams: { security: [ana@example.com] } }
fields:
  Risk: { ordered: [low, medium, high] }
  Ticket: { matches: '[A-Z]+-[0-9]+' }
  Reviewed-by: { person: true }
classes:
  urgent: { field: { Risk: high } }
  normal: {}
rules:
  risk: { require: { field: { Risk: present } } }
";

/// Every kind of mistake, as what replaces what in the sound policy, or is added to it.
pub(crate) const MISTAKES: &[(&str, &str, &str)] = &[
    ("a misspelt key", "protects:", "protect:"),
    ("a key in other letters", "name:", "Name:"),
    ("a key with a letter of another script", "protects:", "prot\u{435}cts:"),
    ("an unknown predicate", "require: { field", "require: { fields"),
    ("an unknown field", "Risk: present", "Rsik: present"),
    ("an unknown word of a field", "Risk: present", "Risk: enormous"),
    ("an unknown team", "", "  b: { require: { approvals: { from: [secruity], trust: claimed } } }\n"),
    ("an unknown class", "", "  b: { for: [nromal], require: { branch: main } }\n"),
    (
        "an unknown rule of an exemption",
        "",
        "exemptions: [{ rule: rsik, when: { branch: main }, reason: a, approved-by: b, until: 2030-01-01 }]\n",
    ),
    ("an unknown key of a rule", "", "  b: { requires: { branch: main } }\n"),
    ("an unknown key of a predicate", "", "  b: { require: { subject: { longst: 72 } } }\n"),
    ("an unknown key of a field", "person: true", "persn: true"),
    ("an unknown key of people", "teams:", "team:"),
    ("a key that is given twice", "name: acme", "name: acme\nname: other"),
    ("a rule that is given twice", "", "  risk: { require: { branch: main } }\n"),
    ("a field that answers to the name of another", "person: true }", "person: true, aliases: [risk] }"),
    ("a list where a text belongs", "name: acme", "name: [acme]"),
    ("a map where a list belongs", "[main]", "{ main: true }"),
    ("a text where a map belongs", "teams: { security: [ana@example.com] }", "security"),
    ("nothing where something belongs", "name: acme", "name:"),
    ("a number in quotes", "", "  b: { require: { subject: { longest: '72' } } }\n"),
    ("a negative number", "", "  b: { require: { approvals: { at-least: -1, trust: claimed } } }\n"),
    ("a number that is none", "", "  b: { require: { approvals: { at-least: 0x1, trust: claimed } } }\n"),
    (
        "a number that is too large",
        "",
        "  b: { require: { approvals: { at-least: 18446744073709551616, trust: claimed } } }\n",
    ),
    ("a truth in other words", "person: true", "person: yes"),
    ("a day that is none", "name: acme", "review-by: 2027-02-30"),
    ("a regular expression that is none", "'[A-Z]+-[0-9]+'", "'[A-Z'"),
    ("a regular expression that looks around", "'[A-Z]+-[0-9]+'", "'(?=a)b'"),
    ("a path pattern that is none", "", "  b: { require: { touches: ['a[b'] } }\n"),
    ("a path pattern that is empty", "", "  b: { require: { touches: [''] } }\n"),
    ("a ref pattern that is none", "[main]", "['refs/heads/ma..in']"),
    ("a ref pattern with a control", "[main]", "[\"ma\\u0007in\"]"),
    ("an empty list", "[main]", "[]"),
    ("an empty list of people", "[ana@example.com]", "[]"),
    ("an empty list of questions", "", "  b: { require: { all: [] } }\n"),
    ("a question that asks nothing", "", "  b: { require: {} }\n"),
    ("a rule without a question", "", "  b: { title: b }\n"),
    ("a rule with an id that is none", "", "  B b: { require: { branch: main } }\n"),
    ("a member who is nobody", "ana@example.com", "Ana Lang"),
    ("a base that is not there", "name: acme", "extends: [other.yml]"),
    ("a base that is no pack", "name: acme", "extends: [iso27002]"),
    ("a base above the folder", "name: acme", "extends: ['../other.yml']"),
    ("a base that is absolute", "name: acme", "extends: ['/etc/other.yml']"),
    ("a base that is a link", "name: acme", "extends: ['https://example.com/other.yml']"),
    ("a base of itself", "name: acme", "extends: [main.yml]"),
    ("a second document", "", "---\nchangegate: 1\n"),
    ("an anchor", "name: acme", "name: &a acme"),
    ("an alias", "name: acme", "name: *a"),
    ("a tag", "name: acme", "name: !!str acme"),
    ("a merge key", "name: acme", "<<: { name: acme }"),
    ("what is not YAML", "name: acme", "name: [acme"),
    ("a tab", "  risk:", "\trisk:"),
    ("a roster that is not there", "teams:", "roster: who.yml, teams:"),
    ("a roster outside", "teams:", "roster: ../who.yml, teams:"),
    ("keys that are not there", "name: acme", "signers: { ssh: keys }"),
    ("keys of an unknown kind", "name: acme", "signers: { gpg: keys }"),
    ("a level that is none", "", "  b: { level: error, require: { branch: main } }\n"),
    ("a rule that is off without a reason", "", "  b: { level: off, require: { branch: main } }\n"),
    (
        "a rule that warns without an end",
        "",
        "  b: { level: warn, reason: we learn, require: { branch: main } }\n",
    ),
    ("a rule that warns without anything", "", "  b: { level: warn, require: { branch: main } }\n"),
    (
        "an exemption without an end",
        "",
        "exemptions: [{ rule: risk, when: { branch: main }, reason: a, approved-by: b }]\n",
    ),
    (
        "an exemption for everything",
        "",
        "exemptions: [{ rule: risk, when: {}, reason: a, approved-by: b, until: 2030-01-01 }]\n",
    ),
    ("a class that swallows those after it", "urgent: { field: { Risk: high } }", "urgent: {}"),
    ("a policy that protects nothing", "protects: [main]\n", ""),
    (
        "a policy in which no rule denies",
        "  risk: { require",
        "  risk: { level: warn, reason: a, until: 2030-01-01, require",
    ),
    ("a version of later", "changegate: 1", "changegate: 2"),
    ("a version in quotes", "changegate: 1", "changegate: '1'"),
    ("no version", "changegate: 1\n", ""),
    ("a field of two kinds", "person: true", "person: true, text: {}"),
    ("a field of no kind", "{ person: true }", "{ many: true }"),
    ("a field with a key that is none", "  Ticket:", "  'Tick et':"),
    (
        "something owed under not",
        "",
        "  b: { require: { not: { ticket: { field: Ticket, within: 24h } } } }\n",
    ),
    (
        "something owed in a class",
        "urgent: { field: { Risk: high } }",
        "urgent: { ticket: { field: Ticket, within: 24h } }",
    ),
    ("a deadline that is none", "", "  b: { require: { ticket: { field: Ticket, within: soon } } }\n"),
];
