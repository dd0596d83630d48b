//! The sentences of a plan.

use crate::verdict::messages;

messages! {
    STATE_FIELD = "plan.state-field": "the author states `{field}`";
    RESTATE_FIELD = "plan.restate-field": "the author states another `{field}`";
    NAME_TICKET = "plan.name-ticket": "the author names a ticket in `{field}`";
    REMOVE_FIELD = "plan.remove-field": "the author removes `{field}`";
    CORRECT_LINES = "plan.correct-lines": "the author corrects {count} {count:line|lines} of a message";
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
    WAIT_UNTIL = "plan.wait-until": "wait until {time}";
    APPROVAL_BY_ANYONE = "plan.approval-by-anyone": "an approval by someone other than the authors{not}";
    APPROVALS_BY_ANYONE = "plan.approvals-by-anyone": "{count} approvals by people other than the authors{not}";
    APPROVAL_BY_ONE = "plan.approval-by-one": "an approval by {people}{not}";
    APPROVAL_BY_ANY = "plan.approval-by-any": "an approval by any of {people/or}{not}";
    APPROVALS_BY_ANY = "plan.approvals-by-any": "{count} approvals by any of {people/or}{not}";
    APPROVALS_BY_ALL = "plan.approvals-by-all": "approvals by {people/and}{not}";
    MORE_PEOPLE = "plan.more-people": "{count} more";
    NOT_BY = "plan.not-by": "; not by {people+, or by }";
    EXCLUDED_CONTRIBUTOR = "plan.excluded-contributor": "{name}, who is {role}";
    EXCLUDED_BOT = "plan.excluded-bot": "{name}, a bot";
    IS_CONTRIBUTOR = "plan.is-contributor": "is {role} of this change";
    IS_BOT = "plan.is-bot": "is a bot";
    NO_APPROVERS = "plan.no-approvers": "fewer people than it asks for can approve{not}";
    NEVER_OPEN = "plan.never-open": "no time is allowed within the next {days} days";
}
