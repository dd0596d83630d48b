//! The commits of a pull request, all of them or an error.
//!
//! GitHub lists at most 250 for a pull request. Where it says that there are more, they are read from
//! the comparison of both ends; a list that is shorter than the count is no list.

use super::accounts::{WEB_FLOW, of_login, of_maybe};
use super::answers::{Commit as Listed, Compared, Pull, Signature as Signed, Verification};
use super::ask::Failure;
use super::client::Client;
use super::details::{Details, GitActor};
use super::place::PullName;
use crate::change::pull::{Head, Maker, Role};
use crate::change::{Commit, Fact, Message, Missing, Need, Needs, Oid, Person, Signature, Text};
use crate::git::Trusted;
use crate::git::signature::verify_apart;
use crate::people::is_forge;

/// How many commits GitHub lists for a pull request.
const MOST_LISTED: usize = 250;

/// Reads every commit of a pull request, oldest first, the final revision last.
pub(super) async fn list(client: &Client, name: &PullName, pull: &Pull) -> Result<Vec<Listed>, Failure> {
    let mut commits: Vec<Listed> = if pull.commits <= MOST_LISTED {
        let path = format!("{}/pulls/{}/commits?per_page=100", name.repo.path(), name.number);
        client.list(path, |page: Vec<Listed>| page, |_| false).await?
    } else {
        let ends = format!("{}...{}", pull.base.sha, pull.head.sha);
        between(client, name, &ends).await?.1
    };
    if commits.len() != pull.commits {
        let why =
            format!("the pull request has {} commits, and GitHub lists {}", pull.commits, commits.len());
        return Err(Failure::new(why));
    }
    let at = commits.iter().position(|commit| commit.sha == pull.head.sha);
    let at =
        at.ok_or_else(|| Failure::new("the final revision is not among the commits that GitHub lists"))?;
    let head = commits.remove(at);
    commits.push(head);
    Ok(commits)
}

/// Reads how two commits lie to each other, and every commit that the second has and the first has
/// not, oldest first.
pub(super) async fn between(
    client: &Client,
    name: &PullName,
    ends: &str,
) -> Result<(String, Vec<Listed>), Failure> {
    let path = format!("{}/compare/{ends}?per_page=100", name.repo.path());
    let mut status = String::new();
    let mut total = 0;
    let take = |page: Compared| {
        status = page.status;
        total = page.total_commits;
        page.commits
    };
    let commits = client.list(path, take, |_| false).await?;
    if commits.len() != total {
        let why = format!("{total} commits lie between {ends}, and GitHub lists {}", commits.len());
        return Err(Failure::new(why));
    }
    Ok((status, commits))
}

/// Returns a commit as it is judged.
pub(super) fn commit(listed: &Listed, needs: &Needs, trusted: Option<Trusted<'_>>) -> Commit {
    let untold = |need| Missing::Unavailable(need, "GitHub tells it of the pull request as a whole".into());
    let body = &listed.commit;
    let is_merge = 1 < listed.parents.len();
    Commit {
        id: Some(listed.sha),
        parents: parents(listed),
        author: person(body.author.as_ref()),
        authored_at: date(body.author.as_ref()),
        committer: person(body.committer.as_ref()),
        committed_at: date(body.committer.as_ref()),
        message: Message::new(Text::from(body.message.as_str())),
        paths: Err(untold(Need::Paths)),
        lines: Err(untold(Need::Lines)),
        own_content: if is_merge {
            let why = "GitHub does not tell what a merge adds of its own";
            Err(Missing::Unavailable(Need::OwnContent, why.into()))
        } else {
            Ok(Vec::new())
        },
        signature: signature(listed, needs, trusted),
    }
}

/// Returns a commit as the revision that a review was about.
pub(super) fn head(listed: &Listed) -> Head {
    Head {
        id: listed.sha,
        tree: Some(listed.commit.tree.sha),
        parents: parents(listed),
        message: Text::from(listed.commit.message.as_str()),
    }
}

/// Returns true if GitHub itself made this commit: in its own name, and with its own signature, which
/// nobody else can make.
pub(super) fn is_by_forge(listed: &Listed) -> bool {
    let account = of_maybe(listed.committer.as_ref());
    let verified = listed.commit.verification.as_ref().and_then(|verification| verification.verified);
    verified == Some(true) && account.is_some_and(|account| account.id.as_bytes() == WEB_FLOW.as_bytes())
}

/// Returns everybody who wrote or recorded a commit.
pub(super) fn makers(commits: &[Listed], details: &Details) -> Fact<Vec<Maker>> {
    let gap = |why: String| Missing::Unavailable(Need::Pusher, why);
    let authors = details.authors.as_ref().map_err(|failure| gap(failure.why.clone()))?;
    let mut makers = Vec::new();
    for listed in commits {
        let named = authors.get(&listed.sha);
        let named = named.ok_or_else(|| gap(format!("GitHub names no authors of {}", listed.sha.short())))?;
        makers.extend(makers_of(listed, named));
    }
    let mut once: Vec<Maker> = Vec::with_capacity(makers.len());
    for maker in makers {
        if !once.contains(&maker) {
            once.push(maker);
        }
    }
    Ok(once)
}

/// Returns everybody who wrote or recorded one commit; of its `authors` the first is the author, who stands
/// in the commit already.
pub(super) fn makers_of(listed: &Listed, authors: &[GitActor]) -> Vec<Maker> {
    let body = &listed.commit;
    let author = person(body.author.as_ref());
    let mut makers = vec![Maker {
        role: Role::Author,
        account: of_maybe(listed.author.as_ref()),
        email: Some(author.email),
        name: author.name,
    }];
    let committer = person(body.committer.as_ref());
    let account = of_maybe(listed.committer.as_ref());
    // What is done in its web pages is recorded by GitHub itself.
    let by_forge = is_forge(&committer)
        && account.as_ref().is_none_or(|account| account.id.as_bytes() == WEB_FLOW.as_bytes());
    if !by_forge {
        makers.push(Maker {
            role: Role::Committer,
            account,
            email: Some(committer.email),
            name: committer.name,
        });
    }
    makers.extend(authors.iter().skip(1).map(|other| Maker {
        role: Role::CoAuthor,
        account: other.user.as_ref().map(|user| of_login(&user.login)),
        email: other.email.as_deref().map(Text::from),
        name: other.name.as_deref().map(Text::from).unwrap_or_default(),
    }));
    makers
}

fn parents(listed: &Listed) -> Vec<Oid> {
    listed.parents.iter().map(|parent| parent.sha).collect()
}

fn person(signed: Option<&Signed>) -> Person {
    let text = |part: Option<&String>| part.map(|part| Text::from(part.as_str())).unwrap_or_default();
    Person {
        name: text(signed.and_then(|signed| signed.name.as_ref())),
        email: text(signed.and_then(|signed| signed.email.as_ref())),
    }
}

fn date(signed: Option<&Signed>) -> i64 {
    signed.and_then(|signed| signed.date).map_or(0, |date| date.as_second())
}

fn signature(listed: &Listed, needs: &Needs, trusted: Option<Trusted<'_>>) -> Fact<Signature> {
    let unavailable = |why: &str| Err(Missing::Unavailable(Need::Signatures, why.to_owned()));
    if !needs.contains(&Need::Signatures) {
        return unavailable("nobody asked for it");
    }
    let Some(Trusted { keys, at }) = trusted else { return Err(Missing::NotConfigured(Need::Signatures)) };
    match &listed.commit.verification {
        Some(Verification { signature: Some(armor), payload: Some(payload), .. }) => {
            if !is_of(payload, listed) {
                return unavailable("what GitHub shows as signed is not this commit");
            }
            Ok(verify_apart(keys, payload.clone().into_bytes(), armor.clone().into_bytes(), at))
        }
        Some(Verification { signature: None, reason: Some(reason), .. }) if reason == "unsigned" => {
            Ok(Signature::None)
        }
        _ => unavailable("GitHub does not hand out the signature"),
    }
}

/// Returns true if what was signed is this commit: its tree, its parents and its message.
fn is_of(payload: &str, listed: &Listed) -> bool {
    let Some((headers, message)) = payload.split_once("\n\n") else { return false };
    let ids = |key: &str| -> Vec<String> {
        headers.lines().filter_map(|line| line.strip_prefix(key)).map(str::to_owned).collect()
    };
    let parents: Vec<String> = listed.parents.iter().map(|parent| parent.sha.to_string()).collect();
    ids("tree ") == [listed.commit.tree.sha.to_string()]
        && ids("parent ") == parents
        && message.trim_end() == listed.commit.message.trim_end()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::github::ask::Failure;

    fn id(byte: u8) -> Oid {
        Oid::from_bytes(&[byte; 20]).unwrap()
    }

    fn listed(change: impl FnOnce(&mut Value)) -> Listed {
        let person = |name: &str| json!({ "name": name, "email": format!("{name}@example.com"), "date": "2026-01-01T00:00:00Z" });
        let mut commit = json!({
            "sha": id(1).to_string(),
            "author": { "login": "ana", "type": "User" },
            "committer": { "login": "web-flow", "type": "User" },
            "parents": [{ "sha": id(2).to_string() }],
            "commit": {
                "message": "Subject\n\nBody", "author": person("ana"), "tree": { "sha": id(3).to_string() },
                "committer": { "name": "GitHub", "email": "noreply@github.com", "date": "2026-01-01T00:00:00Z" },
                "verification": null,
            },
        });
        change(&mut commit);
        serde_json::from_value(commit).unwrap()
    }

    fn details(authors: Result<Value, Failure>) -> Details {
        let none = || Failure::new("nobody asked for it");
        Details {
            head: id(1),
            last_edited_at: None,
            includes_created_edit: false,
            reviews: Err(none()),
            authors: authors
                .map(|authors| HashMap::from([(id(1), serde_json::from_value(authors).unwrap())])),
            threads: Err(none()),
            edits: Err(none()),
            timeline: Err(none()),
            comments: Err(none()),
            statuses: Err(none()),
        }
    }

    fn made(commit: Listed, authors: Value) -> Vec<(Role, Option<String>)> {
        let makers = makers(&[commit], &details(Ok(authors))).unwrap();
        let account =
            |maker: &Maker| maker.account.as_ref().map(|account| account.id.to_lossy().into_owned());
        makers.iter().map(|maker| (maker.role, account(maker))).collect()
    }

    #[test]
    fn everybody_is_a_maker_but_the_forge_itself() {
        let ana = || Some("github:ana".to_owned());
        let authors = json!([{ "name": "ana", "email": "ana@example.com", "user": { "login": "ana" } },
            { "name": "Ben", "email": "ben@example.com", "user": { "login": "ben" } },
            { "name": "Nobody", "email": "gone@example.com", "user": null }]);
        let both =
            [(Role::Author, ana()), (Role::CoAuthor, Some("github:ben".into())), (Role::CoAuthor, None)];
        assert_eq!(made(listed(|_| {}), authors), both);
        let alone = json!([{ "name": null, "email": null, "user": null }]);
        // Its address in the hands of somebody else is no forge.
        let other = listed(|commit| commit["committer"]["login"] = json!("mallory"));
        let mallory = (Role::Committer, Some("github:mallory".to_owned()));
        assert_eq!(made(other, alone.clone()), [(Role::Author, ana()), mallory]);
        let deleted = listed(|commit| (commit["author"], commit["committer"]) = (json!(null), json!({})));
        assert_eq!(made(deleted, alone), [(Role::Author, None)]);
    }

    #[test]
    fn authors_that_are_not_told_leave_a_gap() {
        assert!(makers(&[listed(|_| {})], &details(Err(Failure::new("no")))).is_err());
        let other = listed(|commit| commit["sha"] = json!(id(9).to_string()));
        assert!(makers(&[other], &details(Ok(json!([])))).is_err());
    }

    #[test]
    fn a_signature_is_of_this_commit_or_not_told() {
        let keys = crate::git::signature::Keys::default();
        let at = "2026-01-02T00:00:00Z".parse().unwrap();
        let needs = Needs::from([Need::Signatures]);
        let said = |verification: Value| {
            let commit = listed(|commit| commit["commit"]["verification"] = verification);
            signature(&commit, &needs, Some(Trusted { keys: &keys, at }))
        };
        let payload = format!("tree {}\nparent {}\nauthor x\n\nSubject\n\nBody\n", id(3), id(2));
        let signed = |payload: &str| json!({ "reason": "valid", "signature": "-----BEGIN SSH SIGNATURE-----", "payload": payload });
        assert!(matches!(said(signed(&payload)), Ok(Signature::Bad(_))));
        for other in [
            payload.replace(&id(3).to_string(), &id(4).to_string()),
            payload.replace(&id(2).to_string(), &id(4).to_string()),
            payload.replace("Body", "Other"),
            payload.replace("\n\n", "\n"),
        ] {
            assert!(said(signed(&other)).is_err(), "{other}");
        }
        assert_eq!(
            said(json!({ "reason": "unsigned", "signature": null, "payload": null })),
            Ok(Signature::None)
        );
        // What GitHub calls verified is worth nothing without the signature itself.
        assert!(said(json!({ "reason": "valid", "signature": null, "payload": null })).is_err());
        assert!(said(json!(null)).is_err());
        assert!(matches!(
            signature(&listed(|_| {}), &needs, None),
            Err(Missing::NotConfigured(Need::Signatures))
        ));
    }

    #[test]
    fn what_a_merge_adds_is_not_told() {
        let commit =
            |parents: Value| commit(&listed(|commit| commit["parents"] = parents), &Needs::new(), None);
        assert_eq!(commit(json!([])).own_content, Ok(Vec::new()));
        let two = json!([{ "sha": id(2).to_string() }, { "sha": id(4).to_string() }]);
        assert!(commit(two).own_content.is_err());
    }
}
