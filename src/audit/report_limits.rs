//! What no report of an audit can say, whatever it was made from.

/// Returns what no report of this kind can say.
pub(super) fn list_general_limits(
    has_ledger: bool,
    (has_incidents, has_deployments): (bool, bool),
) -> Vec<String> {
    let mut limits = vec![
        "that a text is true, that a reviewer understood what they approved, and what was agreed by word of mouth, \
         is not in a repository"
            .to_owned(),
        "changes that were made past Git, in a console or at a supplier, are only here if somebody recorded them"
            .to_owned(),
    ];
    if !has_incidents {
        limits.push(
            "no incidents were given, so a change counts as failed only if a later one takes it back or names it in \
             `Caused-by`, or if it was reported so"
                .to_owned(),
        );
    }
    if !has_deployments {
        let why =
            "no deployments were given and none is recorded, so what ran where, and since when, is not known";
        limits.push(why.to_owned());
    }
    if has_ledger {
        limits.push(
            "what the ledger says is as good as the ledger: check it with `changegate ledger verify`"
                .to_owned(),
        );
    }
    limits
}
