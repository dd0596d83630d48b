//! The sentences of a plan.

use crate::verdict::{MessageValue, messages};

/// How many people and paths are named.
pub(super) const MAX_NAMED: usize = 6;

messages! {
    STATE_FIELD = "plan.state-field": "the author states `{field}`";
    RESTATE_FIELD = "plan.restate-field": "the author states another `{field}`";
    NAME_TICKET = "plan.name-ticket": "the author names a ticket in `{field}`";
    REMOVE_FIELD = "plan.remove-field": "the author removes `{field}`";
    CORRECT_LINES = "plan.correct-lines": "the author corrects {count} {count:line|lines} of a message";
    ADD_BODY = "plan.add-body": "the author adds a text below the subject that says why";
    REWORD_SUBJECT = "plan.reword-subject": "the author writes another subject";
    RETITLE = "plan.retitle": "the author gives the pull request another title";
    LEAVE_OUT_PATHS = "plan.leave-out-paths": "the author leaves out {paths}";
    MORE_PATHS = "plan.more-paths": "{paths} and {more} more";
    SIGN_COMMITS = "plan.sign-commits": "the committer signs the commits";
    UPDATE_TICKET = "plan.update-ticket": "the ticket {ticket} becomes what is asked: {differences+; }";
    PASS_CHECK = "plan.pass-check": "the check {check} succeeds";
    ADD_LABEL = "plan.add-label": "the label `{label}` is added";
    ADD_LABEL_BY = "plan.add-label-by": "the label `{label}` is added by an independent member of {teams/or}";
    REMOVE_LABEL = "plan.remove-label": "the label {label} is removed";
    MARK_READY = "plan.mark-ready": "the pull request is marked as ready";
    MARK_DRAFT = "plan.mark-draft": "the pull request becomes a draft";
    RESOLVE_CONVERSATIONS = "plan.resolve-conversations": "the open conversations are resolved";
    WITHDRAW = "plan.withdraw": "{account}, who requested changes, approves";
    TAKE_BACK = "plan.take-back":
        "{signer} takes the rejection back with `changegate approve {revision}{option} --revoke`";
    WAIT_UNTIL = "plan.wait-until": "wait until {time}";
    PUSH_AS = "plan.push-as": "{accounts/or} pushes it";
    OPEN_OTHER_PULL = "plan.open-other-pull":
        "who pushed to this pull request stays its pusher; {accounts/or} can push its commits to another branch and open a pull request from there";
    ADD_TO_ROSTER = "plan.add-to-roster":
        "the roster does not list the pusher {account}; its maintainers can add this account";
    ADD_AUTHOR_TO_ROSTER = "plan.add-author-to-roster":
        "the roster does not list the author {author}; its maintainers can add this address";
    DIVIDE_CHANGE = "plan.divide-change": "the author divides the change into smaller ones";
    NAME_FEWER_TICKETS = "plan.name-fewer-tickets":
        "the author divides the change, or names no more than {limit} {limit:ticket|tickets}";
    APPROVAL_BY_ANYONE = "plan.approval-by-anyone": "an approval{in} by someone other than the authors{not}";
    APPROVALS_BY_ANYONE = "plan.approvals-by-anyone": "{count} approvals{in} by people other than the authors{not}";
    APPROVAL_BY_ONE = "plan.approval-by-one": "an approval{in} by {people}{not}";
    APPROVAL_BY_ANY = "plan.approval-by-any": "an approval{in} by any of {people/or}{not}";
    APPROVALS_BY_ANY = "plan.approvals-by-any": "{count} approvals{in} by any of {people/or}{not}";
    APPROVALS_BY_ALL = "plan.approvals-by-all": "approvals{in} by {people/and}{not}";
    MORE_PEOPLE = "plan.more-people": "{count} more";
    APPROVAL_FIELD = "plan.approval-field": " in `{field}`";
    NOT_BY = "plan.not-by": "; not by {people+, or by }";
    EXCLUDED_CONTRIBUTOR = "plan.excluded-contributor": "{name}, who is {role}";
    EXCLUDED_BOT = "plan.excluded-bot": "{name}, a bot";
    IS_CONTRIBUTOR = "plan.is-contributor": "is {role} of this change";
    IS_BOT = "plan.is-bot": "is a bot";
    NO_APPROVERS = "plan.no-approvers": "fewer people than it asks for can approve{not}";
    NO_OWNERS = "plan.no-owners":
        "fewer owners can approve than line {line} of the file of code owners asks for{not}";
    NEVER_OPEN = "plan.never-open": "no time is allowed within the next {days} days";
}

/// Returns the first names of a list, and how many more there are.
pub(super) fn name_some(names: &[String]) -> Vec<MessageValue> {
    let mut named: Vec<MessageValue> =
        names.iter().take(MAX_NAMED).map(|name| name.as_str().into()).collect();
    let more = names.len().saturating_sub(MAX_NAMED);
    if more > 0 {
        named.push(MORE_PEOPLE.with("count", more).into());
    }
    named
}
