//! What counts as an approval where trailers are all that there is.

use crate::predicates::support::examples::{answer_example, finding_texts};

const QUESTION: &str = "
fields:
  Reviewed-by: { person: true }
  Authorized-by: { person: true }
people:
  teams: { security: [sec@example.com, both@example.com], ops: [both@example.com, ops@example.com] }
  bots: ['*[bot]']
";

fn says(ask: &str, change: &str) -> Vec<String> {
    finding_texts(&answer_example(&format!("ask: {{ approvals: {ask} }}{QUESTION}change:\n{change}")))
}

fn reviewed_by(reviewer: &str) -> String {
    format!("  commits:\n  - message: \"x\\n\\nReviewed-by: {reviewer}\\n\"\n")
}

const CLAIMED: &str = "{ trust: claimed }";

#[test]
fn nobody_who_made_the_change_approves_it() {
    for (reviewer, extra) in [
        ("Ana <ana@example.com>", ""),
        ("A. <ANA+review@Example.COM>", ""),
        ("ana <other@example.com>", ""),
        ("Bob <bob@example.com>", "    committer: Bob <bob@example.com>\n"),
        ("Bob <bob@example.com>", "    author: Robert <bob@example.com>\n"),
    ] {
        let change = format!("{}{extra}", reviewed_by(reviewer));
        assert!(!says(CLAIMED, &change).is_empty(), "{reviewer}");
    }
    let co_author = "  commits:\n  - message: \"x\\n\\nCo-authored-by: Bob <bob@example.com>\\nReviewed-by: Bob <bob@example.com>\\n\"\n";
    assert!(!says(CLAIMED, co_author).is_empty());
    for pusher in ["bob@example.com", "bob", "BOB"] {
        let change = format!("  pusher: {pusher}\n{}", reviewed_by("Bob X <bob@example.com>"));
        assert!(!says(CLAIMED, &change).is_empty(), "{pusher}");
    }
}

#[test]
fn bots_and_broken_names_do_not_approve() {
    for reviewer in [
        "helper[bot] <1+helper[bot]@users.noreply.github.com>",
        "Bob",
        "Bob <bob@x> <c@y>",
        "b\u{43e}b <b\u{43e}b@example.com>",
    ] {
        assert!(!says(CLAIMED, &reviewed_by(reviewer)).is_empty(), "{reviewer}");
    }
}

#[test]
fn one_person_counts_once() {
    let twice = "  commits:\n  - message: \"x\\n\\nReviewed-by: Bob <bob@example.com>\\nReviewed-by: Bob <b@home.example>\\n\"\n";
    assert!(!says("{ at-least: 2, trust: claimed }", twice).is_empty());
    assert!(says("{ at-least: 1, trust: claimed }", twice).is_empty());
}

#[test]
fn distinct_teams_take_distinct_people() {
    let both = reviewed_by("Both <both@example.com>");
    let ask = "{ from: [security, ops], distinct-teams: true, trust: claimed }";
    assert!(!says(ask, &both).is_empty());
    let two = "  commits:\n  - message: \"x\\n\\nReviewed-by: Both <both@example.com>\\nReviewed-by: Sec <sec@example.com>\\n\"\n";
    assert!(says(ask, two).is_empty());
    assert!(!says("{ from: security, trust: claimed }", &reviewed_by("Ops <ops@example.com>")).is_empty());
}

#[test]
fn an_approval_covers_what_it_was_given_for() {
    let inner = "  commits:\n  - message: \"x\\n\\nReviewed-by: Bob <bob@example.com>\\n\"\n  - message: y\n";
    assert_eq!(says(CLAIMED, inner).len(), 2);
    assert!(says("{ trust: claimed, of: any-commit }", inner).is_empty());
    let clean_merge =
        format!("{}  - {{ message: merge, merge: true }}\n", reviewed_by("Bob <bob@example.com>"));
    assert!(says(CLAIMED, &clean_merge).is_empty());
    let evil_merge = format!(
        "{}  - {{ message: merge, merge: true, own-content: [a] }}\n",
        reviewed_by("Bob <bob@example.com>")
    );
    assert!(!says(CLAIMED, &evil_merge).is_empty());
}

#[test]
fn what_is_not_known_is_not_taken_for_granted() {
    let change = format!("  unknown: [pusher]\n{}", reviewed_by("Bob <bob@example.com>"));
    assert_eq!(says(CLAIMED, &change)[0].split(':').next(), Some("unknown"));
    assert_eq!(says("{}", &reviewed_by("Bob <bob@example.com>"))[0].split(':').next(), Some("unknown"));
    let stage = format!("  stage: commit-msg\n{}", reviewed_by("Bob <bob@example.com>"));
    assert_eq!(says(CLAIMED, &stage)[0].split(':').next(), Some("unknown"));
}

#[test]
fn a_key_that_means_the_same_and_does_not_count_is_named() {
    let ask = "{ field: Authorized-by, trust: claimed }";
    for key in ["Authorised-by", "Authorisd-by"] {
        let change = format!("  commits:\n  - message: \"x\\n\\n{key}: Bob <bob@example.com>\\n\"\n");
        let said = says(ask, &change);
        let wanted = format!("`{key}` is another key than `Authorized-by`, and approves nothing here");
        assert_eq!(said.last(), Some(&wanted), "{said:?}");
    }
    let other = "  commits:\n  - message: \"x\\n\\nSigned-off-by: Bob <bob@example.com>\\n\"\n";
    assert_eq!(says(ask, other).len(), 1);
}
