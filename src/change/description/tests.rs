//! Each form in which something is stated, with its lines, and everything that says nothing.

use std::fmt::Write as _;
use std::time::Duration;

use cpu_time::ThreadTime;
use proptest::prelude::*;

use crate::change::description::{
    DescriptionStatement, MAX_DESCRIPTION_BYTES, StatementScope, TemplateText, UnreadReason,
    read_description, read_statements, read_template,
};

fn show(one: DescriptionStatement) -> String {
    let scope = match one.scope {
        StatementScope::Any => "",
        StatementScope::Prose => " (prose)",
        StatementScope::NotProse => " (not prose)",
    };
    format!("{} {}={}{scope}", one.line, one.label, one.value.to_lossy())
}

/// Returns what `body` states, as `line label=value`.
fn stated(body: &str) -> Vec<String> {
    read_statements(body).into_iter().map(show).collect()
}

/// Returns what `body` states if it was made from `template`.
fn stated_beside(template: &str, body: &str) -> Vec<String> {
    read_description(body, &read_template(template)).statements.into_iter().map(show).collect()
}

/// Returns why `body` states nothing for `label`.
fn unread(template: &str, body: &str, label: &str) -> Option<(UnreadReason, usize)> {
    let read = read_description(body, &read_template(template));
    let line = read.unread.into_iter().find(|line| line.label.eq_ignore_ascii_case(label))?;
    Some((line.reason, line.line))
}

fn states(body: &str, expected: &[&str]) {
    assert_eq!(stated(body), expected, "{body}");
}

const NOTHING: &[&str] = &[];

#[test]
fn the_trailers_at_the_end_are_statements() {
    states("Cache it\n\nRisk: low\nTicket: PAY-1\n", &["3 Risk=low", "4 Ticket=PAY-1"]);
    states(
        "Cache it\r\n\r\nRisk: low\r\nPlan: Revert it\r\n  Then tell Sam\r\n",
        &["3 Risk=low", "4 Plan=Revert it Then tell Sam"],
    );
    states(
        "a\n\nReviewed-by: Ana Ruiz <ana@example.com>\nPlan:\n Revert it",
        &["3 Reviewed-by=Ana Ruiz <ana@example.com>", "5 Plan=Revert it"],
    );
    // What stands behind the block and says nothing does not hide it.
    states(
        "Cache it\n\nRisk: low\nTicket: A-1\n\n<!-- end -->\n\n```\nRisk: high\n```\n",
        &["3 Risk=low", "4 Ticket=A-1"],
    );
    // Git tolerates prose beside its own trailers, and so does its reader here.
    states(
        "a\n\nSigned-off-by: Ana <ana@example.com>\nsome prose\nRisk: low\n",
        &["3 Signed-off-by=Ana <ana@example.com>", "5 Risk=low"],
    );
}

#[test]
fn a_block_called_change_speaks_and_no_other_code_does() {
    states(
        "```change\nRisk: low\nBack-out plan: revert,\n  and tell Sam\n\nnot a label\nTicket:\n  A-1\n```",
        &["2 Risk=low", "3 Back-out plan=revert, and tell Sam", "8 Ticket=A-1"],
    );
    states("- see\r\n\r\n  ~~~change x\r\n  Risk: low\r\n  ~~~\r\n", &["4 Risk=low"]);
    for other in
        ["```\nRisk: low\n```", "~~~yaml\nRisk: low\n~~~", "```changes\nRisk: low", "a\n\n    Risk: low"]
    {
        states(other, NOTHING);
    }
}

#[test]
fn what_stands_below_a_heading_is_its_value() {
    states(
        "## Risk\n\nlow\n\n## :boom: Back-out plan (required)\nrevert it,\nthen *tell* Sam\n\n### Ticket\n- A-1\n",
        &["3 Risk=low", "6 Back-out plan=revert it, then tell Sam", "10 Ticket=A-1"],
    );
    // What follows an answer is its reason; the items of a list are alike.
    states("## Risk\n\nlow\n\nNobody calls it.\n\n- yet\n", &["3 Risk=low; Nobody calls it. yet"]);
    states("## Risk\n- low\n- high\n", &["2 Risk=low high"]);
    // Headings below count where nothing stands above them, and a rule ends it all.
    states(
        "## Plan\n### First\nrevert\n### Then\ntell Sam\n\n---\n\nbye\n",
        &["2 Plan=First revert Then tell Sam", "3 First=revert", "5 Then=tell Sam"],
    );
    states("Risk\n====\n\nlow\n\nPlan\n---\nrevert\n", &["4 Risk=low", "8 Plan=revert"]);
    states("### Risk: low\n\nas ever\n", &["1 Risk=low"]);
    states("## Risk\n\n**Risk:** low\n**Impact:** none\n", &["3 Risk=low", "4 Impact=none"]);
    states(
        "## Plan\n\nRevert: run the script\n",
        &["3 Revert=run the script", "3 Plan=Revert: run the script"],
    );
    for silent in
        ["## Risk\n\n_No response_\n", "## Risk\n## Plan\n", "## `Risk`\n\nlow\n", "## Risk\n\n> low\n"]
    {
        states(silent, NOTHING);
    }
}

#[test]
fn a_bold_label_speaks_wherever_a_line_begins() {
    for line in [
        "**Risk:** low",
        "**Risk**: low",
        "__Risk__ : low",
        "**Risk: low**",
        "***Risk:*** `low`",
        "\u{26a0}\u{fe0f} **Risk (low/high)?** low",
        "[**Risk**](https://example.com): [low](https://example.com)",
        "**Risk:** ~~high~~ low <!-- or high -->",
        "**R\u{200b}isk**: lo\u{ad}w",
        "**Risk:** l&#111;w",
    ] {
        states(line, &["1 Risk=low"]);
        states(&format!("- {line}"), &["1 Risk=low"]);
        states(&format!("As we said\n{line}\n\nbye"), &["2 Risk=low"]);
    }
    states(
        "**Risk:** low\n**Ticket:** A-1\\\n**Plan:**\nRevert it",
        &["1 Risk=low", "2 Ticket=A-1", "4 Plan=Revert it"],
    );
    states(
        "**Risk**\n\nlow\n\n**Plan**\n\n1. revert\n2. tell Sam\n\n**Ticket:** A-1\n",
        &["3 Risk=low", "7 Plan=revert tell Sam", "10 Ticket=A-1"],
    );
    states("We say, **Risk:** low", NOTHING);
    states("**Important** and more", NOTHING);
}

#[test]
fn a_plain_label_speaks_at_the_start_of_a_line_and_never_within_a_sentence() {
    states("Risk: low\nTicket: A-1", &["1 Risk=low", "2 Ticket=A-1"]);
    states(
        "- Risk: low\n- Ticket : A-1\n\n1. Back-out plan: revert it\n   and tell Sam\n",
        &["1 Risk=low", "2 Ticket=A-1", "4 Back-out plan=revert it and tell Sam"],
    );
    states("Risk: low\nWe tested it.\n\nbye", &["1 Risk=low"]);
    states("Risk: low  \nand so on", &["1 Risk=low"]);
    states("It is small.\nRisk: low", &["2 Risk=low"]);
    states("It is small<br>Risk: low", &["1 Risk=low"]);
    states("As for the\nRisk: low or not, we\nTicket: whatever", NOTHING);
    for prose in [
        "We think, as ever, Risk: low",
        "The setting, Risk: low, is used",
        "`Risk`: low",
        "`Risk: low`",
        "<code>Risk</code>: low",
        "std::io::Error",
        "https://example.com",
        "~~Risk: low~~",
        "<del>Risk: low</del>",
        "~~Risk~~: low",
        "Risk: ~~low~~",
        "![Risk: low](a.png)",
        "[Risk]: low",
        "Risk:",
        "Risk: TODO",
        "Risk: <describe the risk>",
        "Risk: <low|high>",
        "Risk: \u{200b}\u{202e}",
        "Risk: <!-- low -->",
        "text <!-- never closed\nRisk: low",
    ] {
        states(prose, NOTHING);
    }
    states("Risk: N/A", &["1 Risk=N/A"]);
    states("Risk: **very** `low` &amp; ![sure](a.png)<b>so</b>", &["1 Risk=very low & so"]);
}

#[test]
fn tables_of_two_columns_hold_a_label_and_a_value_in_each_row() {
    states(
        "| Field | Value |\n|---|---|\n| **Risk** | `low` |\n| Ticket: | A-1 |\n| `Plan` | x |\n| Plan | |\n",
        &["3 Risk=low", "4 Ticket=A-1"],
    );
    states("| Risk | Mitigation |\n|---|---|\n| lock | batches |\n", &["3 lock=batches"]);
    states(
        "Risk | Ticket | Plan\n-|-|-\nlow | A-1 | revert<br>it\n",
        &["3 Risk=low", "3 Ticket=A-1", "3 Plan=revert it"],
    );
    states("Risk | Ticket | Plan\n-|-|-\nlow | A-1 | x\nhigh | A-2 | y\n", NOTHING);
    states("| Risk |\n|---|\n| low |\n", NOTHING);
}

#[test]
fn ticked_boxes_are_the_values_and_the_others_say_nothing() {
    let boxes = "- [ ] low\n- [x] medium\n- [X] `high`\n";
    for (above, first) in
        [("## Risk\nPick one of these\n", 4), ("**Risk**\n\n", 4), ("Risk:\n", 3), ("**Risk:**\n", 3)]
    {
        let expected = [format!("{first} Risk=medium"), format!("{} Risk=high", first + 1)];
        assert_eq!(stated(&format!("{above}{boxes}")), expected, "{above}");
    }
    let nested = "  - [ ] low\n  - [x] high\n";
    for above in ["- Risk\n", "- Risk:\n", "- **Risk**\n", "* **Risk:**\n", "- [x] Risk:\n"] {
        states(&format!("{above}{nested}"), &["3 Risk=high"]);
    }
    states("- [x] Risk: low\n- [ ] Risk: high\n", &["1 Risk=low"]);
    states("- [ ] Risk:\n  - [x] Ticket: A-1\n", &["2 Ticket=A-1"]);
    states("## Risk\n- [ ] low\n- [ ] high\n", NOTHING);
    states("## Risk\n- [x] Risk: low\n- [x] tested\n", &["2 Risk=low"]);
    // A line break, or what is struck out, above the text of a box is not where that text begins.
    states("## Risk\n- [x] ~~high~~\n  low\n", &["3 Risk=low"]);
    states("## Risk\n- [x] <br>\n  low\n", &["3 Risk=low"]);
}

#[test]
fn what_is_not_said_in_the_text_itself_says_nothing() {
    for silent in [
        "<!-- Risk: low -->",
        "<!--\nRisk: low\n\n**Risk:** low\n\n## Risk\n\nlow\n-->",
        "<!-- never closed\n\n- Risk: low",
        "> Risk: low",
        "> ## Risk\n> low\n\n> - [x] Risk: low",
        "> [!NOTE]\n> Risk: low",
        "> a\nRisk: low",
        "<div>\nRisk: low\n</div>",
        "<table><tr><td>Risk</td><td>low</td></tr></table>",
        "> ```change\n> Risk: low\n> ```",
        "\u{feff}",
        "",
    ] {
        states(silent, NOTHING);
    }
    states("a\n\nRisk: low <!--\nTicket: A-1 -->\n", &["3 Risk=low"]);
    // What opens when it is clicked is text like any other.
    states("<details>\n<summary>more</summary>\n\nRisk: low\n\n</details>\n", &["4 Risk=low"]);
}

#[test]
fn html_quotes_and_strikes_out_across_empty_lines() {
    for tag in ["blockquote", "del", "s", "STRIKE", "table", "pre", "q cite='a > b'", "blockquote\nclass=a"] {
        let end = tag.split([' ', '\n']).next().unwrap();
        states(
            &format!("<{tag}>\n\nRisk: low\n\n## Plan\n\nrevert\n\n</{end}>\n\nTicket: A-1"),
            &[&format!("{} Ticket=A-1", 11 + tag.matches('\n').count()) as &str],
        );
        // What is never closed ends with the description.
        states(&format!("<{tag}>\n\nRisk: low\n\n---\n\n- Risk: low\n"), NOTHING);
    }
    for silent in [
        "<div><blockquote>\n\nRisk: low\n\n</div>\n\nRisk: low",
        "<del>\n\n- </del>\n\nRisk: low",
        "<del>\n\n> </del>\n\nRisk: low",
        "<del>a\n\n- b</del>\n\nRisk: low",
        "> <blockquote>\n\nRisk: low",
        "<blockquote>\n\n<!-- </blockquote> -->\n\nRisk: low",
        "<blockquote>\n\n`</blockquote>`\n\nRisk: low",
        "<blockquote>\n\n<a title=\"</blockquote>\">\n\nRisk: low",
        "<blockquote\n\nRisk: low\n\n</blockquote>",
        "<div><!--\n\nRisk: low\n\n-->",
        "<div title=\"\n\nRisk: low\n\n\">",
        "text <del> and\n\nRisk: low\n\n</del>",
        "<del/>\n\nRisk: low",
        "<blockquote>\n\n<? </blockquote> ?>\n\nRisk: low",
        "<blockquote>\n\n<div></ </blockquote>\n\nRisk: low",
        "<blockquote>\n\n<div\n\n</blockquote>\n\nRisk: low",
        "<div =\"><blockquote>\">\n\nRisk: low",
        "<div a=b\"><blockquote>\">\n\nRisk: low",
        "<details>\n<summary>\n\nRelease notes\n\n</summary>\n\nRisk: low",
        "<details>\n<summary>Release notes</summary>\n\nRisk: low\n\n</details>",
        "<details><summary><b>Changelog</b> of a/b</summary>\n\nRisk: low\n\n</details>",
        "### Release Notes\n\n<details>\n<summary>a/b</summary>\n\n### Risk\n\nlow\n\n</details>",
        "<details>\n<summary>What's Changed</summary>\n\nRisk: low\n\n</details>",
        "<details>\n<summary>What&#39;s Changed</summary>\n\nRisk: low\n\n</details>",
        "<details>\n<summary><h3>What\u{2019}s Changed</h3></summary>\n\nRisk: low\n\n</details>",
        "<details>\n<summary>Release&#32;notes</summary>\n\nRisk: low\n\n</details>",
        "<details>\n<summary>\n\n**Release** *notes*\n\n</summary>\n\nRisk: low\n\n</details>",
        "<details>\n<summary>**Full Changelog**</summary>\n\nRisk: low\n\n</details>",
        "<details>\n<summary>Commits</summary>\n\n<details>\n<summary>a</summary>\n\nb\n\n</details>\n\nRisk: low\n\n</details>",
        "<details>\n<summary>Vulnerabilities fixed</summary>\n\nRisk: low\n\n</details>",
        "<details>\n<summary>Release notes\n\nRisk: low\n\n</details>",
        "### Release&#32;notes\n\n<details>\n<summary>a/b</summary>\n\nRisk: low\n\n</details>",
        "<h3>Release notes</h3>\n\n<details>\n<summary>a/b</summary>\n\nRisk: low\n\n</details>",
        "<h3>Release notes</h3>\n<details>\n<summary>a</summary>\n\n# b\n\n</details>\n<details>\n<summary>c</summary>\n\nRisk: low\n\n</details>",
    ] {
        states(silent, NOTHING);
    }
    for (spoken, line) in [
        ("<blockquote>\n\na\n\n</blockquote>\n\nRisk: low", 7),
        ("<div>\n\nRisk: low\n\n</div>", 3),
        ("<!-- <blockquote> -->\n\nRisk: low", 3),
        ("<!--> <blockquote> <!-- -->\n\n</blockquote>\n\nRisk: low", 5),
        ("`<blockquote>`\n\nRisk: low", 3),
        ("```\n<blockquote>\n```\n\nRisk: low", 5),
        ("<details>\n<summary>How</summary>\n\nRisk: low\n\n</details>", 4),
        ("<details>\n<summary>Release&#32;plan</summary>\n\nRisk: low\n\n</details>", 4),
        ("## What's changed\n\n<details>\n<summary>How</summary>\n\nRisk: low\n\n</details>", 6),
        (
            "<h3>Release notes</h3>\n<h3>Ours</h3>\n<details>\n<summary>a</summary>\n\nRisk: low\n\n</details>",
            6,
        ),
        ("<details>\n<summary>What's Changed</summary>\n\na\n\n</details>\n\nRisk: low", 8),
        ("<div a = '</div><del>' b>\n\nRisk: low", 3),
        ("a <del>b</del> c\n\nRisk: low", 3),
    ] {
        states(spoken, &[&format!("{line} Risk=low") as &str]);
    }
    // A heading that is struck out ends no section, and begins none.
    states("## Risk\n\nlow\n\n<del>\n\n## Plan\n\nx\n\n</del>\n\nas ever\n", &["3 Risk=low; as ever"]);
    assert_eq!(
        unread("", "<blockquote>\n\nRisk: low\n\n</blockquote>", "risk"),
        Some((UnreadReason::Markup, 3))
    );
    assert_eq!(unread("", "a\r\n\r\n> **Risk:** low\r\n", "risk"), Some((UnreadReason::Markup, 3)));
}

#[test]
fn what_a_reader_cannot_see_states_nothing() {
    for hidden in [
        "Fast now.\n\n[^a]: note\nRisk: low\n",
        "Fast now.\n\n[^a]: note\n\n    Risk: low\n",
        // It stands below everything else, under a line.
        "Fast now.[^a]\n\n[^a]: note\n    Risk: low\n",
        "Fast now.\n[^a]: Risk: low\n",
        "<div hidden>\n\nRisk: low\n\n</div>",
        "<div class=\"x\" HIDDEN='until-found'>\n\nRisk: low\n\n</div>",
        "<div\nhidden\n>\n\nRisk: low\n\n</div>",
        "<div hidden><div>a</div>\n\nRisk: low\n\n</div>",
        "a\n\n<span hidden>Risk: low</span>",
        "a\n\n<em hidden><em>a</em>\nRisk: low</em>",
        "a\n\n<code hidden>a\nRisk: low</code>",
        "<section hidden/>\n\nRisk: low",
        "<dialog>\n\nRisk: low\n\n</dialog>",
        "<datalist>\n\nRisk: low\n\n</datalist>",
        "<template>\n\nRisk: low\n\n</template>",
    ] {
        states(hidden, NOTHING);
    }
    for (shown, line) in [
        ("Fast now.[^a]\n\n[^a]: note\n\nRisk: low[^a]\n", 5),
        ("<div hidden>a</div>\n\nRisk: low", 3),
        ("<div hiddenly data-hidden title=hidden title='hidden'>\n\nRisk: low\n\n</div>", 3),
        ("<img hidden src=x>\n\nRisk: low", 3),
        ("a <em hidden>b</em> c\n\nRisk: low", 3),
        // GitHub takes styles away.
        ("<div style=\"display:none\">\n\nRisk: low\n\n</div>", 3),
    ] {
        states(shown, &[&format!("{line} Risk=low") as &str]);
    }
    assert_eq!(unread("", "a\n\n[^a]: b\nRisk: low\n", "risk"), Some((UnreadReason::Markup, 4)));
}

#[test]
fn a_label_that_only_looks_like_one_is_told_and_matches_nothing() {
    for label in ["Ris\u{212a}", "R\u{456}sk", "**\u{420}isk**", "> \u{ff32}isk"] {
        let body = format!("a\n\n{label}: low\n");
        states(&body, NOTHING);
        assert_eq!(
            unread("", &body, "risk").or(unread("", &body, "pisk")),
            Some((UnreadReason::LookAlike, 3)),
            "{body}"
        );
    }
}

#[test]
fn a_plan_is_text_commands_or_a_table() {
    states(
        "## Plan\n\n```sh\ngit revert HEAD\nmake deploy\n```\n",
        &["4 Plan=git revert HEAD make deploy (prose)"],
    );
    states(
        "## Plan\n\nRevert it:\n\n    git revert HEAD\n",
        &["3 Plan=Revert it: (not prose)", "3 Plan=Revert it: git revert HEAD (prose)"],
    );
    states(
        "## Plan\n\n| Step | Who |\n|---|---|\n| revert | Sam |\n",
        &["5 revert=Sam", "5 Plan=revert Sam (prose)"],
    );
    states("**Plan**\n\n- revert\n- tell Sam\n", &["3 Plan=revert tell Sam"]);
    for silent in [
        "## Plan\n\n```sh\n# TODO\n```\n",
        "## Plan\n\n| Step | Who | When |\n|---|---|---|\n",
        "## Plan\n\n> ```\n> git revert\n> ```\n",
        "## Plan\n\n<del>\n\n```\ngit revert\n```\n\n</del>",
        "```\nRisk: low\n```",
    ] {
        states(silent, NOTHING);
    }
    assert_eq!(unread("", "## Risk\n\n```\nlow\n```\n", "risk"), Some((UnreadReason::Code, 4)));
}

#[test]
fn boxes_are_read_however_they_are_typed() {
    for ticked in [
        "- [ x ] low",
        "- [x ] low",
        "- [ X] low",
        "- \u{2611} low",
        "- \u{2705} low",
        "\u{2611}\u{fe0f} low",
        "* [x] **low**",
    ] {
        states(&format!("## Risk\n\n{ticked}\n"), &["3 Risk=low"]);
        states(
            &format!("## Risk\n\n- [ ] high\n{ticked}\n").replace("\n\u{2611}", "\n\n\u{2611}"),
            &[&format!("{} Risk=low", if ticked.starts_with('\u{2611}') { 5 } else { 4 }) as &str],
        );
    }
    for silent in [
        "## Risk\n\n- [] low\n",
        "## Risk\n\n- \u{2610} low\n- \u{25a1} high\n",
        "## Risk\n\n\u{2610} low<br>\u{2610} high\n",
        "\u{2610} Risk: low",
        "Risk: \u{2610} low \u{2610} high",
        "| Risk | \u{2b1c} low |\n|---|---|\n| Risk | \u{2b1c} low |\n",
    ] {
        states(silent, NOTHING);
    }
    states("**Risk:** \u{2610} low \u{2611} high", &["1 Risk=high"]);
    states("Risk: [ ] low [x] high", &["1 Risk=high"]);
    assert_eq!(unread("", "## Risk\n\n- [ ] low\n- [ ] high\n", "risk"), Some((UnreadReason::Unticked, 3)));
}

#[test]
fn a_label_right_below_a_box_is_no_part_of_its_text() {
    states(
        "## Change type\n- [x] normal\n- [ ] emergency\n**Risk:** low\nTicket: PAY-1\n",
        &["2 Change type=normal", "4 Risk=low", "5 Ticket=PAY-1"],
    );
    // Boxes below that label are its own, though Markdown takes them for more of the list.
    states(
        "**Risk:**\n- [x] low\n**Change type:**\n- [x] normal\n- [ ] emergency\n",
        &["2 Risk=low", "4 Change type=normal"],
    );
    states("Risk:\n- [x] low\nChange type:\n  - [x] normal\n", &["2 Risk=low", "4 Change type=normal"]);
    states("- [x] Risk: low\nTicket: PAY-1\n", &["1 Risk=low", "2 Ticket=PAY-1"]);
    // A sentence that happens to break before a colon goes on, and so does what a typed box says.
    states("## Risk\n- [x] low\nas the table says\nand so on\n", &["2 Risk=low as the table says and so on"]);
    states("## Risk\n- [ x ] low\n**Ticket:** PAY-1\n", &["2 Risk=low", "3 Ticket=PAY-1"]);
    // With an empty line between it is the same.
    for body in
        ["## Risk\n- [ ] low\n- [x] high\nTicket: A-1\n", "**Risk**\n- [x] low\n**Ticket**: A-1\n- [x] odd\n"]
    {
        let apart = body.replace("Ticket", "\nTicket").replace("**\nTicket", "\n**Ticket");
        let without_lines = |body: &str| -> Vec<String> {
            stated(body).into_iter().map(|one| one.split_once(' ').unwrap_or_default().1.to_owned()).collect()
        };
        assert_eq!(without_lines(body), without_lines(&apart), "{body}");
    }
}

#[test]
fn text_below_boxes_is_prose_and_what_stands_above_them_is_not() {
    states(
        "## Plan\n\n- [ ] a flag\n- [ ] data\n\nRevert it;\ntell Sam\n",
        &["6 Plan=Revert it; tell Sam (prose)"],
    );
    states("## Plan\n\nPick all that apply\n\n- [ ] a flag\n- [ ] data\n", NOTHING);
    states(
        "## Plan\n\n- [x] a flag\n- [ ] data\n\nTurn it off.\n",
        &["3 Plan=a flag (not prose)", "3 Plan=a flag Turn it off. (prose)"],
    );
    states("## Plan\n\n- [ ] a flag\n\n  which is off\n- [ ] data\n", NOTHING);
}

#[test]
fn prompts_and_placeholders_state_nothing() {
    for silent in [
        "## Plan\n\n_Tell us how to undo it._\n\n- When do we go back?\n- Who runs it, in which order?\n- \u{2610} We have tried it once\n",
        "## Plan\n\n*Write here what is to be done, step by step.*\n",
        "## Plan\n\n<em>What is to be done, step by step</em>\n",
        "## Plan\n\n[describe the plan]\n",
        "## Plan\n\n$PLAN_HERE\n",
        "## Plan\n\n{{ plan }}\n",
        "## Plan\n\n\u{ff3b}plan\u{ff3d}\n",
        "## Plan\n\nTO DO: fill in later\n",
        "**Plan:** TO DO: fill in later",
        "Plan: [describe]",
        "---\nRisk: low\nname: a\n---\n",
    ] {
        states(silent, NOTHING);
    }
    states("## Plan\n\n_Tell us how to undo it._\n\nRevert it.\n", &["5 Plan=Revert it."]);
    states("## Risk\n\n*low*\n", &["3 Risk=low"]);
    // What is asked behind an answer belongs to it.
    states("## Risk\n\nlow\nor is it high?\n", NOTHING);
    states("## Risk\n\n- low\n- or is it high?\n", NOTHING);
    states("## Risk\n\nlow\n*which may yet change*\n", &["3 Risk=low which may yet change"]);
    for settings in [
        "Back-out plan: revert it\nTicket: A-1",
        "\"Risk\": low\nRisk: low",
        "# a form\nRisk: low\nowners:\n  - ana\nsteps: |\n  Risk: low",
    ] {
        states(
            &format!("---\n{settings}\n---\n\nPlan: revert\n"),
            &[&format!("{} Plan=revert", settings.lines().count() + 4) as &str],
        );
    }
    assert_eq!(
        unread("", "---\nBack-out plan: revert\n---\n", "Back-out plan"),
        Some((UnreadReason::Settings, 2))
    );
    assert_eq!(unread("", "---\r\na: b\r\nRisk: low\r\n---\r\n", "risk"), Some((UnreadReason::Settings, 3)));
    assert_eq!(unread("", "---\na: b\n---\n> Risk: low\n", "risk"), Some((UnreadReason::Markup, 4)));
    states("---\nhttps://example.com\n---\n\nRisk: low\n", &["5 Risk=low"]);
    states("---\nname: a\nabout: ''\n---\n\nRisk: low\n", &["6 Risk=low"]);
    states("---\nIt is (nothing) of the kind\n---\n\nRisk: low\n", &["5 Risk=low"]);
    assert_eq!(unread("", "**Plan:** TODO", "plan"), Some((UnreadReason::Placeholder, 1)));
}

const TEMPLATE: &str = "## Risk\n\nlow\n\n## Plan\n\nHow it goes back, in your words:\n\n- the first step\n- the last step\n\n\
## Kind\n\n- [ ] bug\n- [x] feature\n\n---\n**Ticket:** PAY-1 or another\n\n```\nmake undo now please\n```\n\n| Owner | team a |\n|---|---|\n| Owner | team a |\n\nImpact: none\nScope: describe it\n";

#[test]
fn what_stands_unchanged_in_the_template_states_nothing() {
    assert_eq!(stated_beside(TEMPLATE, TEMPLATE), [""; 0]);
    assert_eq!(stated_beside(TEMPLATE, &TEMPLATE.replace('\n', "\r\n")), [""; 0]);
    let filled = |from: &str, to: &str| {
        assert!(TEMPLATE.contains(from), "{from}");
        stated_beside(TEMPLATE, &TEMPLATE.replacen(from, to, 1))
    };
    assert_eq!(filled("low", "high"), ["3 Risk=high"]);
    assert_eq!(filled("low", "low; no users"), ["3 Risk=low; no users"]);
    assert_eq!(filled("- the last step", "- the last step\n- revert it"), ["11 Plan=revert it"]);
    assert_eq!(filled("- [ ] bug", "- [x] bug"), ["14 Kind=bug"]);
    assert_eq!(filled("PAY-1 or another", "PAY-7"), ["18 Ticket=PAY-7"]);
    assert_eq!(filled("| Owner | team a |\n\n", "| Owner | team b |\n\n"), ["26 Owner=team b"]);
    assert_eq!(filled("describe it", "the cart"), ["29 Scope=the cart"]);
    // Neither another heading nor more punctuation makes a line of several words the author's own.
    assert_eq!(filled("## Plan", "## Back-out plan"), [""; 0]);
    assert_eq!(filled("the first step\n", "The first step!\n"), [""; 0]);
    // A short line is the template's only at its own label.
    assert_eq!(filled("Impact: none", "Impact: low"), ["28 Impact=low"]);
    assert_eq!(unread(TEMPLATE, TEMPLATE, "risk"), Some((UnreadReason::Template, 3)));
    assert_eq!(unread(TEMPLATE, TEMPLATE, "ticket"), Some((UnreadReason::Template, 18)));
}

#[test]
fn lines_are_those_of_the_body_as_written() {
    states("one\r\ntwo\r\n\r\nRisk: low\r\n", &["4 Risk=low"]);
    states("one\rtwo\r\rRisk: low\r", &["4 Risk=low"]);
    states("one\n\n\n<!--\n\n-->\n\n## Risk\n\n\nlow", &["11 Risk=low"]);
}

#[test]
fn what_nobody_could_have_written_states_nothing() {
    let long = |size: usize| format!("Risk: low\n\n{}", "x".repeat(size - 11));
    states(&long(MAX_DESCRIPTION_BYTES), &["1 Risk=low"]);
    states(&long(MAX_DESCRIPTION_BYTES + 1), NOTHING);
    states(&format!("Risk: low\n\n{}x", "> ".repeat(100)), &["1 Risk=low"]);
    states(&format!("Risk: low\n\n{}x", "> ".repeat(101)), NOTHING);
    let item = |depth: usize| (0..depth).map(|at| format!("{}- a\n", "  ".repeat(at))).collect::<String>();
    states(&format!("{}{}- Risk: low", item(31), "  ".repeat(31)), &["32 Risk=low"]);
    states(&format!("{}{}- Risk: low", item(32), "  ".repeat(32)), NOTHING);
    // A table that would be completed with too many cells is no table.
    let table = |rows: usize| {
        format!(
            "Risk|b|c\n-|-|-\nlow|x|y\n\n{}|\n{}\n{}",
            "a|".repeat(90),
            "-|".repeat(90),
            "a\n".repeat(rows)
        )
    };
    states(&table(10), &["3 Risk=low", "3 b=x", "3 c=y"]);
    states(&table(1000), NOTHING);
}

/// Bodies of 64 KiB that are nothing but one thing after or inside another.
fn nests() -> Vec<(String, String)> {
    const SIZE: usize = 64 * 1024;
    let mut nests = Vec::new();
    for piece in [
        ">",
        "> ",
        "- ",
        "* ",
        "1. ",
        "> - ",
        "[^a]: ",
        "[^a]",
        "[^a]: b\n",
        "[^a]: b\n\n",
        "> [^a]: ",
        "- [^a]: > ",
        "[",
        "]",
        "![",
        "[a](",
        "[a][b]",
        "*a ",
        "**a ",
        "_a ",
        "*a_ ",
        "***a",
        "`",
        "``a`",
        "<!--",
        "<a ",
        "<?",
        "</",
        "&",
        "~~a ",
        "|",
        "a|",
        "\\",
        "#",
        "# a\n",
        "- [x] a: b\n",
        "a: b\n",
        "**a**\n\n",
        "**a**\n",
        "a:\n- [x] b\n\n",
        "[a]: b\n",
        "```\n",
        "```change\na: b\n",
        "a | b\n--|--\n",
        "a|b|c\n-|-|-\nd|e|f\n\n",
        "()",
        ":a",
        "((",
        "Signed-off-by: a\nb\n",
        "<del>",
        "</del>",
        "<blockquote>\n\n",
        "<blockquote>\n\n</blockquote>\n\n",
        "<details><summary>Release notes</summary>\n\n",
        "<!--\n\n",
        "<a b='",
        "- <del>\n",
        "\u{2610} a ",
        "[x] a ",
        "<br>",
        "\r",
        "\n",
        "- a\n\n",
        "###### a\n# b\n",
        "\u{26a0}",
        "1",
    ] {
        nests.push((format!("{piece:?} again and again"), piece.repeat(SIZE / piece.len())));
    }
    for (above, below) in [
        (">", "a\n"),
        ("> ", "\n"),
        ("- ", "\n"),
        ("- ", "\n\n \n"),
        ("- ", "\n- a"),
        ("> - ", "a\n"),
        ("[", "]"),
        ("*", "a*"),
        ("* a **", "b** *"),
        ("`a", "``a"),
        ("[a]: /u\n", "[a]"),
        ("# a\n", "a: b\n"),
        ("a: b\n", "- [x] a\n"),
    ] {
        let half = |piece: &str| piece.repeat(SIZE / 2 / piece.len());
        nests.push((format!("{above:?} and then {below:?}"), half(above) + &half(below)));
    }
    let mut steps = |what: &str, step: &dyn Fn(usize) -> String| {
        let mut body = String::new();
        for depth in 0.. {
            body += &step(depth);
            if SIZE < body.len() {
                break;
            }
        }
        nests.push((what.to_owned(), body));
    };
    steps("lists in lists", &|depth| format!("{}- a:\n", "  ".repeat(depth % 200)));
    steps("boxes in boxes", &|depth| format!("{}- [x] **a**\n", "  ".repeat(depth % 30)));
    steps("longer and longer code", &|depth| format!("{}a", "`".repeat(depth)));
    steps("headings down and up", &|depth| format!("{} a\n", "#".repeat(1 + depth % 6)));
    steps("rows without cells", &|depth| {
        if depth == 0 { "a|b|c|d|e|f|g|h|i\n-|-|-|-|-|-|-|-|-\n".into() } else { "a\n".into() }
    });
    nests.push((
        "a wide table".into(),
        format!("{}\n{}\n{}", "a|".repeat(8000), "-|".repeat(8000), "a\n".repeat(16000)),
    ));
    nests.push(("boxes under one label".into(), format!("## x\n{}", "- [x] a: b\n".repeat(6000))));
    let mixed = "Signed-off-by: a\n".repeat(800) + &"a\n".repeat(2000);
    nests.push(("a mixed block".into(), format!("x\n\n{mixed}")));
    nests
}

#[test]
fn nesting_costs_no_more_than_its_length() {
    let soon = Duration::from_millis(if cfg!(debug_assertions) { 4000 } else { 50 });
    let mut late = String::new();
    for (what, body) in nests() {
        let started = ThreadTime::now();
        let _ = read_statements(&body);
        let took = started.elapsed();
        if soon < took {
            let _ = writeln!(late, "{what}: {took:?}");
        }
    }
    assert!(late.is_empty(), "{late}");
}

/// Returns a strategy for Markdown that closes what it opens, so that more can follow.
fn markdown() -> impl Strategy<Value = String> {
    let block = prop::sample::select(vec![
        "Risk: low\n",
        "Risk: low\nTicket: A-1\n",
        "**Risk:** high\n",
        "**Risk**\n",
        "## Risk\n",
        "### Plan\n",
        "Some prose about it,\nwrapped.\n",
        "- [x] low\n- [ ] high\n",
        "- Risk:\n  - [x] low\n",
        "| Risk | low |\n|---|---|\n| Plan | revert |\n",
        "```change\nRisk: low\n```\n",
        "```\nRisk: high\n```\n",
        "<!-- Risk: high -->\n",
        "> Risk: high\n",
        "---\n",
        "Risk:\n",
        "[a]: b\n",
        "Signed-off-by: Ana <ana@example.com>\nRisk: low\n",
    ]);
    prop::collection::vec(block, 0..8).prop_map(|blocks| blocks.join("\n"))
}

/// Returns a strategy for lines that would state something if they were text.
fn claims() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![
        prop::sample::select(vec![
            "Risk: low",
            "**Risk:** low",
            "## Risk",
            "low",
            "- [x] Risk: low",
            "- Risk: low",
            "",
            "| Risk | low |",
            "|---|---|",
            "    Risk: low",
            "Ticket: A-1",
            "<div>",
            "***",
            "  - a: b",
        ])
        .prop_map(str::to_owned),
        "[A-Za-z]{1,8}: [a-z ]{1,8}",
    ];
    prop::collection::vec(line, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_strange(body in "\\PC{0,200}|.{0,100}|[-*_`<>!|\\[\\]()#:xa \\n\\r~&;]{0,200}") {
        let statements = read_statements(&body);
        prop_assert_eq!(&statements, &read_statements(&body));
        let lines = body.split(['\n', '\r']).count();
        for pair in statements.windows(2) {
            prop_assert!(pair[0].line <= pair[1].line);
        }
        for one in statements {
            prop_assert!((1..=lines).contains(&one.line), "{one:?}");
            prop_assert!(!one.value.as_bytes().is_empty() && !one.value.as_bytes().contains(&b'\n'), "{one:?}");
            prop_assert!(one.label.len() <= 64 && !one.label.is_empty(), "{one:?}");
        }
    }

    #[test]
    fn what_is_hidden_or_only_shown_never_states_anything(claims in claims()) {
        let text = claims.join("\n");
        let quoted: String = claims.iter().map(|line| format!("> {line}\n")).collect();
        for silent in [
            format!("<!--\n{text}\n-->"),
            format!("<!-- {text}"),
            format!("```\n{text}\n```"),
            format!("~~~~ Risk: low\n{text}"),
            quoted,
        ] {
            prop_assert_eq!(read_statements(&silent), vec![], "{}", silent);
        }
    }

    #[test]
    fn code_comments_and_quotations_can_be_added_without_a_change(body in markdown(), claims in claims()) {
        let before = read_statements(&body);
        let text = claims.join("\n");
        let quoted: String = claims.iter().map(|line| format!("> {line}\n")).collect();
        for more in [
            format!("<!--\n{text}\n-->\n"),
            quoted,
            format!("<blockquote>\n\n{text}\n\n</blockquote>\n"),
            format!("<div><del>\n\n{text}\n\n</del></div>\n"),
            format!("<details>\n<summary>Release notes</summary>\n\n{text}\n\n</details>\n"),
        ] {
            let body = format!("{body}\n\n{more}");
            prop_assert_eq!(&read_statements(&body), &before, "{}", body);
        }
        // Code is an answer only where prose is wanted.
        let with_code = read_statements(&format!("{body}\n\n~~~~~\n{text}\n~~~~~\n"));
        let strip = |all: &[DescriptionStatement]| -> Vec<(String, crate::change::Text)> {
            let all = all.iter().filter(|one| one.scope != StatementScope::Prose);
            all.map(|one| (one.label.clone(), one.value.clone())).collect()
        };
        prop_assert_eq!(strip(&with_code), strip(&before));
    }

    #[test]
    fn nothing_after_html_that_stays_open_states_anything(
        above in markdown(),
        tag in prop::sample::select(vec!["<blockquote>", "<del>", "<s>", "<table><tr><td>", "<div title='"]),
        closes in prop::collection::vec(prop::sample::select(vec!["- </del></blockquote></s></pre></table>", "> </blockquote></del></s></pre></table>", "<!-- </blockquote></del></s></pre></table> -->", "`</del></blockquote></s>`", "</div></p></details>", "a &lt;/del&gt;"]), 0..4),
        claims in claims(),
    ) {
        let before = read_statements(&above);
        let text = claims.join("\n\n");
        let body = format!("{above}\n\n{tag}\n\n{}\n\n{text}", closes.join("\n\n"));
        prop_assert_eq!(read_statements(&body), before, "{}", body);
    }

    #[test]
    fn a_description_that_is_its_template_states_nothing(body in markdown(), other in markdown()) {
        prop_assert_eq!(stated_beside(&body, &body), vec![""; 0], "{}", body);
        // A template takes away, and never adds a label that was not stated.
        let before = read_statements(&body);
        let mut template = read_template(&other);
        template.add_template(TemplateText::default());
        for one in read_description(&body, &template).statements {
            prop_assert!(before.iter().any(|known| known.label == one.label), "{} beside {}", body, other);
        }
    }

    #[test]
    fn a_quoted_or_struck_out_block_takes_nothing_from_what_follows(body in markdown(), claims in claims()) {
        let text = claims.join("\n\n");
        let labels = |body: &str| -> Vec<String> {
            read_statements(body).into_iter().map(|one| format!("{}={}", one.label, one.value.to_lossy())).collect()
        };
        let with_quotation = format!("x\n\n<blockquote>\n\n{text}\n\n</blockquote>\n\n{body}");
        prop_assert_eq!(labels(&with_quotation), labels(&format!("x\n\n{body}")), "{}", with_quotation);
    }

    #[test]
    fn line_ends_make_no_difference(body in markdown()) {
        let windows = body.replace('\n', "\r\n");
        prop_assert_eq!(read_statements(&windows), read_statements(&body), "{}", body);
    }
}

#[test]
fn a_heading_that_states_nothing_is_noted_with_its_line() {
    use UnreadReason::{LookAlike, Markup, NoHeading, NothingBelow, OtherForm, TableHeader};
    for (body, line, reason) in [
        ("> ## Back-out plan\n> Revert it", 1, Markup),
        ("a\n\n> **Back-out plan**\n>\n> Revert it", 3, Markup),
        ("> Back-out plan:\n> - Revert it", 1, Markup),
        ("<blockquote>\n\n## Back-out plan\n\nRevert it\n\n</blockquote>\n", 3, Markup),
        ("<blockquote><h2>Back-out plan</h2>Revert it</blockquote>", 1, Markup),
        ("```\n## Back-out plan\nRevert it\n```", 2, Markup),
        ("<!--\n## Back-out plan\nRevert it\n-->", 2, Markup),
        ("##Back-out plan\nRevert it", 1, NoHeading),
        ("a\r\n\r\n####### Back-out plan\r\nRevert it", 3, NoHeading),
        ("## Back-out plan\n\n## Next\nx", 1, NothingBelow),
        ("## Back-out plan ##\n<!-- say how -->\n", 1, NothingBelow),
        ("**Back-out plan:**\n\n## Next\nx", 1, NothingBelow),
        ("Back-out plan\n---\n\n## Next\nx", 0, NothingBelow),
        ("## **Back-out plan**\n\n## Next\nx", 1, NothingBelow),
        ("<details><summary>Back-out plan</summary>\n\nRevert it\n\n</details>", 1, OtherForm),
        ("*Back-out plan*\n\nRevert it", 1, OtherForm),
        ("~~**Back-out plan**~~\n\nRevert it", 1, Markup),
        ("a\n\n~~Back-out plan~~\n\nRevert it", 3, Markup),
        ("- Back-out plan\n- Revert it", 1, OtherForm),
        ("1. Back-out plan\n\n   Revert it", 1, OtherForm),
        ("| Risk | Back-out plan | Owner |\n|---|---|---|\n", 1, TableHeader),
        ("| Back-out plan | Risk |\n|---|---|\n| Revert it | low |\n", 1, TableHeader),
        ("x\n\n| Back-out plan |\n|---|\n| Revert it |\n", 3, TableHeader),
        ("| Back-out plan | Revert it |\r\n|---|---|\r\n", 1, TableHeader),
        ("> | Back-out plan | Revert it |\n> |---|---|\n", 1, Markup),
        ("\u{ff03}\u{ff03} Back-out plan\n\nRevert it", 1, NoHeading),
        ("## Back\u{2011}out plan\n\nRevert it", 1, LookAlike),
    ] {
        assert_eq!(stated(body).into_iter().filter(|said| said.contains("Back-out")).count(), 0, "{body}");
        let found = unread("", body, "Back-out plan");
        assert_eq!(found, (line > 0).then_some((reason, line)), "{body}");
    }
    // One that states something is not noted, wherever else it stands.
    assert_eq!(unread("", "> ## Risk\n> low\n\n## Risk\n\nhigh\n", "risk"), None);
}
