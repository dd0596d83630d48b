//! The commits of a pull request, all of them or an error.
//!
//! GitHub lists at most 250 for a pull request. Where it says that there are more, they are read from
//! the comparison of both ends; a list that is shorter than the count is no list.

use super::accounts::{WEB_FLOW, of_login, of_maybe};
use super::answers::{Commit as Listed, Compared, Pull, Signature as Signed, Verification};
use super::ask::Failure;
use super::client::Client;
use super::details::Details;
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

/// Returns everybody who wrote or recorded a commit.
pub(super) fn makers(commits: &[Listed], details: &Details) -> Fact<Vec<Maker>> {
    let gap = |why: String| Missing::Unavailable(Need::Pusher, why);
    let authors = details.authors.as_ref().map_err(|failure| gap(failure.why.clone()))?;
    let mut makers = Vec::new();
    for listed in commits {
        let body = &listed.commit;
        let author = person(body.author.as_ref());
        makers.push(Maker {
            role: Role::Author,
            account: of_maybe(listed.author.as_ref()),
            email: Some(author.email),
            name: author.name,
        });
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
        let named = authors.get(&listed.sha);
        let named = named.ok_or_else(|| gap(format!("GitHub names no authors of {}", listed.sha.short())))?;
        // The first is the author, who stands there already.
        for other in named.iter().skip(1) {
            makers.push(Maker {
                role: Role::CoAuthor,
                account: other.user.as_ref().map(|user| of_login(&user.login)),
                email: other.email.as_deref().map(Text::from),
                name: other.name.as_deref().map(Text::from).unwrap_or_default(),
            });
        }
    }
    let mut once: Vec<Maker> = Vec::with_capacity(makers.len());
    for maker in makers {
        if !once.contains(&maker) {
            once.push(maker);
        }
    }
    Ok(once)
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
