//! Why a description does not state a field although something is there that looks like it.

use crate::change::description::UnreadReason;
use crate::change::{PullRequest, Text};
use crate::predicates::support::context::EvaluationContext;
use crate::verdict::{Finding, Message, MessageTemplate, messages};
use crate::vocabulary::FieldDefinition;
use crate::yaml::shorten_for_message;

messages! {
    PLACEHOLDER = "field.unread-placeholder":
        "`{field}` is not stated: line {line} of the description, {written}, is a placeholder, a question or an instruction";
    TEMPLATE = "field.unread-template":
        "`{field}` is not stated: line {line} of the description, {written}, is what the template says";
    UNTICKED = "field.unread-unticked":
        "`{field}` is not stated: no box is ticked from line {line} of the description on, {written}";
    CODE = "field.unread-code":
        "`{field}` is not stated: line {line} of the description, {written}, is code or a table, and text is needed";
    MARKUP = "field.unread-markup":
        "`{field}` is not stated: line {line} of the description, {written}, is quoted, pasted from release notes, struck out, hidden, a footnote, code, a comment, or in the middle of a text";
    SETTINGS = "field.unread-settings":
        "`{field}` is not stated: line {line} of the description, {written}, stands between the lines `---` at its start, as the settings of a template do; write it below them";
    LOOK_ALIKE = "field.unread-look-alike":
        "`{field}` is not stated: line {line} of the description, {written}, has letters that only look alike";
    NOTHING_BELOW = "field.unread-nothing-below":
        "`{field}` is not stated: nothing that counts stands below line {line} of the description, {written}";
    NO_HEADING = "field.unread-no-heading":
        "`{field}` is not stated: line {line} of the description, {written}, is no heading; write one to six `#`, and a space behind them";
    OTHER_FORM = "field.unread-other-form":
        "`{field}` is not stated: line {line} of the description, {written}, is an item of a list, a part of a table, a summary or only emphasis; write `## {field}` on a line of its own, and below it what it says";
    OTHER_SPELLING = "field.unread-other-spelling":
        "`{field}` is not stated: line {line} of the description states {written}, which is spelled in another way; write `{field}`";
    NOT_LABELLED = "field.unread-not-labelled":
        "`{field}` is not stated: line {line} of the description, {written}, is not read; write `{field}:` at the start of a line, and what it says behind the colon";
    TABLE_HEADER = "field.unread-table-header":
        "`{field}` is not stated: line {line} of the description, {written}, is the header of a table; with three columns or more it names what one row below it states, and else nothing; write `{field}:` on a line of its own, and what it says behind the colon";
    OF_WHOLE_PULL = "field.unread-of-whole-pull":
        "`{field}` is not stated: line {line} of the description, {written}, is of the whole pull request, and each of its commits is judged by itself; add `{trailer}` to the trailers of the commit";
    OTHER_FIELD = "field.unread-other-field":
        "`{field}` is not stated: line {line} of the description, {written}, states {other}, and nothing else stands there";
    BY_BOT = "field.unread-by-bot":
        "`{field}` is not stated: a description by {account} cannot state it here; add `{trailer}` to the trailers of a commit";
    BY_NO_ACCOUNT = "field.unread-by-no-account":
        "`{field}` is not stated: a description by an account that no longer exists cannot state it; add `{trailer}` to the trailers of a commit";
}

/// Returns the finding that the description holds something for `field` that is not read, or cannot state
/// it at all; `None` if there is nothing like it. `paste` is the trailer that would state it.
///
/// What to paste belongs to the end of the description, and not into the line, which may be quoted.
pub(crate) fn find_unread_statement(
    field: &FieldDefinition,
    paste: String,
    context: &EvaluationContext<'_>,
) -> Option<Finding> {
    let pull = context.change.pull.as_ref().ok()?;
    let tip = context.change.tip().id;
    if !field.may_be_stated_by(pull) {
        let message = match &pull.opener {
            Some(opener) => BY_BOT.with("account", &opener.id),
            None => Message::from(&BY_NO_ACCOUNT),
        };
        let message = message.with("field", field.name.as_str()).with("trailer", paste);
        return Some(Finding::new(message).in_commit(tip));
    }
    for statement in &pull.statements {
        let others = field.find_other_fields(statement);
        if field.matches_label(&statement.label)
            && field.find_own_value(statement).is_none()
            && let Some(other) = others.first()
        {
            let written = statement.value.to_lossy();
            let written = written.get(other.start..other.end).unwrap_or_default();
            let message = OTHER_FIELD.with("field", field.name.as_str()).with("line", other.line);
            let message = message.with("written", Text::from(shorten_for_message(written)));
            let message = message.with("other", Text::from(other.label.as_str()));
            return Some(Finding::new(message).in_commit(tip).with_paste(paste));
        }
    }
    let Some(unread) = pull.unread.iter().find(|unread| field.matches_label(&unread.label)) else {
        let message = find_other_spelling(field, pull)?;
        return Some(Finding::new(message).in_commit(tip).with_paste(paste));
    };
    let template: &'static MessageTemplate = match unread.reason {
        UnreadReason::Placeholder => &PLACEHOLDER,
        UnreadReason::Template => &TEMPLATE,
        UnreadReason::Unticked => &UNTICKED,
        UnreadReason::Code => &CODE,
        UnreadReason::Markup => &MARKUP,
        UnreadReason::Settings => &SETTINGS,
        UnreadReason::LookAlike => &LOOK_ALIKE,
        UnreadReason::NothingBelow => &NOTHING_BELOW,
        UnreadReason::NoHeading => &NO_HEADING,
        UnreadReason::OtherForm => &OTHER_FORM,
        UnreadReason::NotLabelled => &NOT_LABELLED,
        UnreadReason::TableHeader => &TABLE_HEADER,
        UnreadReason::OfWholePull => {
            let message = OF_WHOLE_PULL.with("field", field.name.as_str()).with("line", unread.line);
            let message = message.with("written", &unread.written).with("trailer", paste);
            return Some(Finding::new(message).in_commit(tip));
        }
    };
    let message = template.with("field", field.name.as_str()).with("line", unread.line);
    let message = message.with("written", &unread.written);
    Some(Finding::new(message).in_commit(tip).with_paste(paste))
}

/// Returns the message that something is stated under a name that is spelled almost like the field's.
fn find_other_spelling(field: &FieldDefinition, pull: &PullRequest) -> Option<Message> {
    let stated = pull.statements.iter().map(|stated| (&stated.label, stated.line));
    let unread = pull.unread.iter().map(|unread| (&unread.label, unread.line));
    let (label, line) = stated
        .chain(unread)
        .find(|(label, _)| !field.matches_label(label) && field.resembles_label(label))?;
    let message = OTHER_SPELLING.with("field", field.name.as_str()).with("line", line);
    Some(message.with("written", Text::from(shorten_for_message(label))))
}
