//! What `changegate show` finds, and what it says.

use crate::bench_repository::ShowLab;

const AS_OF: [&str; 2] = ["--as-of", "2027-01-31"];

fn show(lab: &ShowLab, words: &str, more: &[&str]) -> String {
    lab.print(&[&["show", words], &AS_OF[..], more].concat())
}

#[test]
fn the_page_of_an_emergency_goes_from_its_request_to_its_closure() {
    let lab = ShowLab::with_ledger();
    let page = show(&lab, "7f3ad0f", &[]);
    insta::assert_snapshot!(page);
    for line in page.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    // The record that closes it, and the incident that it names, lead to the same page.
    assert_eq!(show(&lab, "f650d3a", &[]), page);
    assert_eq!(show(&lab, "INC-1", &[]), page);
    let id = lab.git(&["rev-parse", "7f3ad0f"]);
    assert_eq!(show(&lab, &format!("shop@{id}"), &[]), page);
}

#[test]
fn the_page_of_an_unauthorised_change_says_so() {
    let lab = ShowLab::with_ledger();
    let page = show(&lab, "74f4fbc", &["--format", "markdown"]);
    assert!(page.contains("it came WITHOUT A DECISION and was regularised"), "{page}");
    let json: serde_json::Value =
        serde_json::from_str(&show(&lab, "74f4fbc", &["--format", "json"])).unwrap();
    assert_eq!(json["schema"], "changegate/change/v1");
    assert_eq!(json["bypassed"], "regularised");
    assert_eq!(json["judged"]["how"], "afterwards");
    assert_eq!(json["landing"]["clock"], "gate");
    assert_eq!(json["obligations"].as_array().unwrap().len(), 1);
    assert_eq!(json["closing-records"].as_array().unwrap().len(), 1);
}

#[test]
fn a_word_names_whole_keys_only_and_several_changes_are_listed_newest_first() {
    let mut lab = ShowLab::with_policy();
    lab.commit("Add carts\n\nRisk: low\nTicket: SEC-1\n", "Ana", Some(("a", "1")));
    lab.commit("Fix carts\n\nRisk: low\nTicket: SEC-12, SEC-13\n", "Ana", Some(("a", "2")));
    lab.commit("Fix carts again\n\nRisk: low\nTicket: sec-12\n", "Ana", Some(("a", "3")));
    assert!(show(&lab, "SEC-1", &[]).starts_with("Add carts\n"));
    assert!(show(&lab, "SEC-13", &[]).starts_with("Fix carts\n"));
    let complaint = lab.complain(&["show", "SEC-12"]);
    let lines: Vec<&str> = complaint.lines().collect();
    assert_eq!(lines.len(), 3, "{complaint}");
    assert!(lines[0].contains("`SEC-12` names 2 changes of refs/heads/main"), "{complaint}");
    assert!(lines[1].ends_with("Fix carts again") && lines[2].ends_with("Fix carts"), "{complaint}");
    let complaint = lab.complain(&["show", "SEC-14"]);
    assert!(complaint.contains("no change of refs/heads/main is called `SEC-14`"), "{complaint}");
}

#[test]
fn a_commit_inside_a_merge_leads_to_the_merge_and_so_does_its_pull_request() {
    let mut lab = ShowLab::with_policy();
    lab.git(&["checkout", "-q", "-b", "topic"]);
    let inside = lab.commit("Add carts\n\nRisk: low\n", "Ana", Some(("a", "1")));
    lab.git(&["checkout", "-q", "main"]);
    lab.tick();
    lab.git(&[
        "merge",
        "-q",
        "--no-ff",
        "topic",
        "-m",
        "Merge pull request #12 from x/topic\n\nAdd carts to the shop",
    ]);
    let page = show(&lab, &inside[..9], &[]);
    assert!(page.starts_with("Add carts to the shop\n"), "{page}");
    assert_eq!(show(&lab, "#12", &[]), page);
    assert!(lab.complain(&["show", "#1"]).contains("no change"));
}

#[test]
fn the_id_of_a_commit_means_that_commit_and_not_those_that_mention_it() {
    let mut lab = ShowLab::with_policy();
    let first = lab.commit("Add carts\n\nRisk: low\n", "Ana", Some(("a", "1")));
    let mention = format!("Mend carts\n\nRisk: low\nCaused-by: {}\n", &first[..12]);
    lab.commit(&mention, "Ana", Some(("a", "2")));
    let page = show(&lab, &first[..12], &[]);
    assert!(page.starts_with("Add carts\n"), "{page}");
    assert!(page.contains("a later change or an incident names it"), "{page}");
    assert!(show(&lab, "HEAD", &[]).starts_with("Mend carts\n"));
}

#[test]
fn hostile_text_is_inert_in_every_form() {
    let mut lab = ShowLab::with_policy();
    let subject = "<script>alert(1)</script> \u{1b}[2J | ![x](http://example.com/x) \u{202e}";
    let message =
        format!("{subject}\n\nRisk: low\nTicket: \"><img src=x onerror=alert(1)>\nRequested-by: `x` **y**\n");
    let id = lab.commit(&message, "\u{1b}]0;x\u{7}<b>Eve", Some(("a", "1")));
    let page = show(&lab, &id, &[]);
    assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'), "{page:?}");
    let html = show(&lab, &id, &["--format", "html"]);
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<b>"), "{html}");
    assert!(!html.contains('\u{202e}') && !html.contains(" src=") && !html.contains(" href="), "{html}");
    assert!(html.contains("default-src 'none'"), "{html}");
    let markdown = show(&lab, &id, &["--format", "markdown"]);
    assert!(markdown.contains("`<script>alert(1)</script>"), "{markdown}");
    for line in markdown.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |")) {
        assert_eq!(line.matches(" | ").count(), 1, "{line}");
    }
    let json = show(&lab, &id, &["--format", "json"]);
    assert!(!json.contains('\u{1b}') && serde_json::from_str::<serde_json::Value>(&json).is_ok());
}

#[test]
fn a_page_without_a_ledger_says_what_it_cannot_know() {
    let lab = ShowLab::with_policy();
    let page = show(&lab, "HEAD", &[]);
    assert!(page.contains("there is no ledger here"), "{page}");
    assert!(page.contains("by the committer's own clock"), "{page}");
    // The first commit had no policy before it; the next is judged by that which it brought.
    assert!(page.contains("not judged: the ref held no `policies/changegate.yml` before it"), "{page}");
    let mut lab = lab;
    lab.commit("Add carts\n\nTicket: SEC-1\n", "Ana", Some(("a", "1")));
    let page = show(&lab, "HEAD", &[]);
    assert!(page.contains("now, afterwards, by policies/changegate.yml"), "{page}");
    assert!(page.contains("broken       risk: states its risk\n               `Risk` is missing"), "{page}");
}
