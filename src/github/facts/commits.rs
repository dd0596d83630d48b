//! The commits of a pull request, all of them or an error.
//!
//! GitHub lists at most 250 for a pull request. If it counts more, they are read from the comparison of both
//! ends; a list that is shorter than the count is an error.

use std::collections::HashSet;

use crate::change::pull_request::{ContributorRole, ForgeAccount, PullContributor, PullRevision};
use crate::change::{
    Commit, CommitMessage, Fact, FactKind, Missing, NeededFacts, Oid, Person, SignatureStatus, Text,
};
use crate::git::TrustedKeys;
use crate::git::signature::verify_detached_signature;
use crate::github::api::GitHubClient;
use crate::github::api::names::{PullRequestName, RepositoryName};
use crate::github::api::request::{GitHubFailure, printable_line};
use crate::github::api::rest::{
    RestCommit, RestCommitSignature, RestComparison, RestPullRequest, RestVerification,
};
use crate::github::facts::accounts::{WEB_FLOW_ACCOUNT, account_of_login, account_of_optional_user};
use crate::github::facts::conversation::missing_fact;
use crate::github::facts::details::{GitActor, PullRequestDetails};
use crate::github::facts::paged_part::NOT_REQUESTED;
use crate::people::is_forge_committer;

/// How many commits GitHub lists for a pull request.
const MAX_LISTED_COMMITS: usize = 250;

/// Reads every commit of a pull request, oldest first, the final revision last.
pub(crate) async fn list_commits(
    client: &GitHubClient,
    name: &PullRequestName,
    pull: &RestPullRequest,
) -> Result<Vec<RestCommit>, GitHubFailure> {
    let mut commits: Vec<RestCommit> = if pull.commits <= MAX_LISTED_COMMITS {
        let path = format!("{}/pulls/{}/commits?per_page=100", name.repo.rest_path(), name.number);
        client.fetch_whole_list(path).await?
    } else {
        let ends = format!("{}...{}", pull.base.sha, pull.head.sha);
        compare_commits(client, &name.repo, &ends).await?.commits
    };
    if commits.len() != pull.commits {
        let why =
            format!("the pull request has {} commits, and GitHub lists {}", pull.commits, commits.len());
        return Err(GitHubFailure::contradiction(why));
    }
    let Some(index) = commits.iter().position(|commit| commit.sha == pull.head.sha) else {
        let why = "GitHub does not list the final revision among the commits";
        return Err(GitHubFailure::contradiction(why));
    };
    let head = commits.remove(index);
    commits.push(head);
    check_listed_once(&commits)?;
    Ok(commits)
}

/// Checks that no commit is listed twice, as where a list changes from one page to the next.
fn check_listed_once(commits: &[RestCommit]) -> Result<(), GitHubFailure> {
    let mut ids = HashSet::new();
    for commit in commits {
        if !ids.insert(commit.sha) {
            return Err(GitHubFailure::contradiction(format!(
                "GitHub lists {} twice",
                commit.sha.short_hex()
            )));
        }
    }
    Ok(())
}

/// What lies between two commits, by GitHub's comparison.
#[derive(Clone, Debug)]
pub(crate) struct CommitComparison {
    /// GitHub's word for how they relate.
    pub(crate) status: String,
    /// Every commit that the second has and the first has not, oldest first.
    pub(crate) commits: Vec<RestCommit>,
    /// The first commit; `None` if GitHub does not say.
    pub(crate) base: Option<Oid>,
    /// The newest commit that both have; `None` if GitHub does not say.
    pub(crate) merge_base: Option<Oid>,
}

/// Compares two commits.
///
/// # Errors
///
/// Fails if they cannot be compared, and if GitHub's counts, words and lists contradict each other.
pub(crate) async fn compare_commits(
    client: &GitHubClient,
    repo: &RepositoryName,
    ends: &str,
) -> Result<CommitComparison, GitHubFailure> {
    let path = format!("{}/compare/{ends}?per_page=100", repo.rest_path());
    let mut first: Option<RestComparison> = None;
    let mut is_same = true;
    let take_commits = |mut page: RestComparison| {
        let commits = std::mem::take(&mut page.commits);
        let first = first.get_or_insert_with(|| page.clone());
        is_same &= first.head() == page.head();
        commits
    };
    let commits = client.fetch_list(path, take_commits, |_| false).await?;
    let Some(compared) = first else { return Err(GitHubFailure::new("GitHub compares nothing")) };
    if !is_same {
        let why = format!("GitHub's comparison of {ends} is another one on each page");
        return Err(GitHubFailure::contradiction(why));
    }
    if commits.len() != compared.total_commits {
        let why = format!(
            "GitHub counts {} commits between {ends}, and lists {}",
            compared.total_commits,
            commits.len()
        );
        return Err(GitHubFailure::contradiction(why));
    }
    check_listed_once(&commits)?;
    if !has_plausible_counts(&compared, commits.len()) {
        return Err(GitHubFailure::contradiction(format!(
            "GitHub says `{}` of {ends}, lists {} commits, and counts {} ahead and {} behind",
            printable_line(&compared.status, 40),
            commits.len(),
            describe_count(compared.ahead_by),
            describe_count(compared.behind_by)
        )));
    }
    Ok(CommitComparison {
        base: compared.base_commit.map(|commit| commit.sha),
        merge_base: compared.merge_base_commit.map(|commit| commit.sha),
        status: compared.status,
        commits,
    })
}

/// Returns whether the word for how two commits relate fits the counts; a count that is not given fits any word.
fn has_plausible_counts(compared: &RestComparison, listed: usize) -> bool {
    let (has_ahead, has_behind) = match compared.status.as_str() {
        "identical" => (false, false),
        "ahead" => (true, false),
        "behind" => (false, true),
        "diverged" => (true, true),
        _ => return false,
    };
    has_ahead == (listed > 0)
        && compared.ahead_by.is_none_or(|count| count == listed)
        && compared.behind_by.is_none_or(|count| has_behind == (count > 0))
}

fn describe_count(count: Option<usize>) -> String {
    count.map_or_else(|| "none".to_owned(), |count| count.to_string())
}

/// Returns a commit as it is judged.
pub(crate) fn convert_commit(
    listed: &RestCommit,
    needs: &NeededFacts,
    trusted: Option<TrustedKeys<'_>>,
) -> Commit {
    // GitHub tells files and lines of the whole pull request only, and nothing of what a merge adds.
    let body = &listed.commit;
    let evil_merge_paths = if listed.parents.len() > 1 {
        let why = "GitHub does not tell what a merge adds of its own";
        Err(Missing::Unavailable(FactKind::EvilMerges, why.into()))
    } else {
        Ok(Vec::new())
    };
    Commit {
        id: Some(listed.sha),
        parents: parent_ids(listed),
        author: signature_person(body.author.as_ref()),
        authored_at: signature_seconds(body.author.as_ref()),
        committer: signature_person(body.committer.as_ref()),
        committed_at: signature_seconds(body.committer.as_ref()),
        message: CommitMessage::new(Text::from(body.message.as_str())),
        paths: Err(whole_pull_only(FactKind::Paths)),
        lines: Err(whole_pull_only(FactKind::Lines)),
        evil_merge_paths,
        signature: verify_signature(listed, needs, trusted),
    }
}

fn whole_pull_only(kind: FactKind) -> Missing {
    Missing::Unavailable(kind, "GitHub tells it of the pull request as a whole only".into())
}

/// Returns a commit as the revision that a review was about.
pub(crate) fn convert_head(listed: &RestCommit) -> PullRevision {
    PullRevision {
        id: listed.sha,
        tree: Some(listed.commit.tree.sha),
        parents: parent_ids(listed),
        message: Text::from(listed.commit.message.as_str()),
        author: Some(signature_person(listed.commit.author.as_ref())),
        committer: Some(signature_person(listed.commit.committer.as_ref())),
        replaced_messages: None,
    }
}

/// Returns true if GitHub itself made this commit: in its own name, and with its own signature, which
/// no other account can make.
pub(crate) fn is_forge_commit(listed: &RestCommit) -> bool {
    let Some(verification) = &listed.commit.verification else { return false };
    let account = account_of_optional_user(listed.committer.as_ref());
    verification.verified == Some(true) && account.as_ref().is_some_and(is_web_flow)
}

fn is_web_flow(account: &ForgeAccount) -> bool {
    account.id.as_bytes() == WEB_FLOW_ACCOUNT.as_bytes()
}

/// Returns everyone who wrote, committed or pushed one of the commits, or why they are not known.
pub(super) fn collect_contributors(
    listed: &[RestCommit],
    details: Result<&PullRequestDetails, &GitHubFailure>,
    pushers: Fact<Vec<PullContributor>>,
) -> Fact<Vec<PullContributor>> {
    let details = details.map_err(|failure| missing_fact(FactKind::Pusher, failure))?;
    let mut contributors = collect_commit_contributors(listed, details)?;
    contributors.extend(pushers?);
    Ok(contributors)
}

/// Returns everyone who wrote or committed one of these commits, each once.
pub(crate) fn collect_commit_contributors(
    commits: &[RestCommit],
    details: &PullRequestDetails,
) -> Fact<Vec<PullContributor>> {
    let authors = match &details.authors {
        Ok(authors) => authors,
        Err(failure) => return Err(Missing::Unavailable(FactKind::Pusher, failure.why.clone())),
    };
    let mut all: Vec<PullContributor> = Vec::new();
    for listed in commits {
        let Some(named) = authors.get(&listed.sha) else {
            let why = format!("GitHub names no authors of {}", listed.sha.short_hex());
            return Err(Missing::Unavailable(FactKind::Pusher, why));
        };
        for contributor in contributors_of_commit(listed, named) {
            if !all.contains(&contributor) {
                all.push(contributor);
            }
        }
    }
    Ok(all)
}

/// Returns everyone who wrote or committed one commit; of its `authors` the first is the author, whom the commit
/// names already.
pub(crate) fn contributors_of_commit(listed: &RestCommit, authors: &[GitActor]) -> Vec<PullContributor> {
    let body = &listed.commit;
    let author = signature_person(body.author.as_ref());
    let mut contributors = vec![PullContributor {
        role: ContributorRole::Author,
        account: account_of_optional_user(listed.author.as_ref()),
        email: Some(author.email),
        name: author.name,
    }];
    let committer = signature_person(body.committer.as_ref());
    let account = account_of_optional_user(listed.committer.as_ref());
    // What is done in its web pages, GitHub itself commits and signs. Anyone can type that address, so without
    // the signature it is one that no account stands behind.
    let is_typed = !is_forge_commit(listed);
    if is_typed || !is_forge_committer(&committer) {
        contributors.push(PullContributor {
            role: ContributorRole::Committer,
            account: account.filter(|account| !(is_typed && is_web_flow(account))),
            email: Some(committer.email),
            name: committer.name,
        });
    }
    for other in authors.iter().skip(1) {
        contributors.push(PullContributor {
            role: ContributorRole::CoAuthor,
            account: other.user.as_ref().map(|user| account_of_login(&user.login, user.database_id)),
            email: other.email.as_deref().map(Text::from),
            name: Text::from(other.name.as_deref().unwrap_or_default()),
        });
    }
    contributors
}

fn parent_ids(listed: &RestCommit) -> Vec<Oid> {
    listed.parents.iter().map(|parent| parent.sha).collect()
}

/// Returns the person whom a commit names, as it writes them.
pub(crate) fn signature_person(signature: Option<&RestCommitSignature>) -> Person {
    let (name, email) = match signature {
        Some(signature) => (signature.name.as_deref(), signature.email.as_deref()),
        None => (None, None),
    };
    Person { name: Text::from(name.unwrap_or_default()), email: Text::from(email.unwrap_or_default()) }
}

fn signature_seconds(signature: Option<&RestCommitSignature>) -> i64 {
    match signature {
        Some(RestCommitSignature { date: Some(date), .. }) => date.as_second(),
        _ => 0,
    }
}

/// Verifies the signature of a commit with our own keys; what GitHub says of it does not count.
fn verify_signature(
    listed: &RestCommit,
    needs: &NeededFacts,
    trusted: Option<TrustedKeys<'_>>,
) -> Fact<SignatureStatus> {
    if !needs.contains(&FactKind::Signatures) {
        return Err(missing_signature(NOT_REQUESTED));
    }
    let Some(TrustedKeys { registry: keys, received_at: at, .. }) = trusted else {
        return Err(Missing::NotConfigured(FactKind::Signatures));
    };
    match &listed.commit.verification {
        Some(RestVerification { signature: Some(armor), payload: Some(payload), .. }) => {
            if !payload_matches(payload, listed) {
                return Err(missing_signature("the signed content that GitHub shows is not this commit"));
            }
            Ok(verify_detached_signature(keys, payload.clone().into_bytes(), armor.clone().into_bytes(), at))
        }
        Some(RestVerification { signature: None, reason: Some(reason), .. }) if reason == "unsigned" => {
            Ok(SignatureStatus::None)
        }
        _ => Err(missing_signature("GitHub does not show the signature")),
    }
}

fn missing_signature(why: &str) -> Missing {
    Missing::Unavailable(FactKind::Signatures, why.to_owned())
}

/// Returns true if the signed content is this commit: its tree, its parents and its message.
fn payload_matches(payload: &str, listed: &RestCommit) -> bool {
    let Some((headers, message)) = payload.split_once("\n\n") else { return false };
    let mut trees = Vec::new();
    let mut parents = Vec::new();
    for line in headers.lines() {
        if let Some(id) = line.strip_prefix("tree ") {
            trees.push(id.to_owned());
        } else if let Some(id) = line.strip_prefix("parent ") {
            parents.push(id.to_owned());
        }
    }
    let expected: Vec<String> = listed.parents.iter().map(|parent| parent.sha.to_string()).collect();
    trees == [listed.commit.tree.sha.to_string()]
        && parents == expected
        && message.trim_end() == listed.commit.message.trim_end()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::github::api::request::GitHubFailure;

    fn id(byte: u8) -> Oid {
        Oid::from_bytes(&[byte; 20]).unwrap()
    }

    fn listed(change: impl FnOnce(&mut Value)) -> RestCommit {
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

    fn details(authors: Result<Value, GitHubFailure>) -> PullRequestDetails {
        let none = || GitHubFailure::new(NOT_REQUESTED);
        PullRequestDetails {
            head_revision: id(1),
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
            files: Err(none()),
        }
    }

    fn made(commit: RestCommit, authors: Value) -> Vec<(ContributorRole, Option<String>)> {
        let contributors = collect_commit_contributors(&[commit], &details(Ok(authors))).unwrap();
        let account =
            |one: &PullContributor| one.account.as_ref().map(|account| account.id.to_lossy().into_owned());
        contributors.iter().map(|one| (one.role, account(one))).collect()
    }

    #[test]
    fn everyone_is_a_contributor_but_the_forge_itself() {
        let ana = || Some("github:ana".to_owned());
        let authors = json!([{ "name": "ana", "email": "ana@example.com", "user": { "login": "ana" } },
            { "name": "Ben", "email": "ben@example.com", "user": { "login": "ben" } },
            { "name": "Nobody", "email": "gone@example.com", "user": null }]);
        let both = [
            (ContributorRole::Author, ana()),
            (ContributorRole::CoAuthor, Some("github:ben".into())),
            (ContributorRole::CoAuthor, None),
        ];
        let signed = |commit: &mut Value| {
            commit["commit"]["verification"] = json!({ "verified": true, "reason": "valid" });
        };
        assert_eq!(made(listed(signed), authors), both);
        let alone = json!([{ "name": null, "email": null, "user": null }]);
        // Another account with GitHub's address is no forge.
        let other = listed(|commit| commit["committer"]["login"] = json!("mallory"));
        let mallory = (ContributorRole::Committer, Some("github:mallory".to_owned()));
        assert_eq!(made(other, alone.clone()), [(ContributorRole::Author, ana()), mallory]);
        let nameless = [(ContributorRole::Author, None), (ContributorRole::Committer, None)];
        let deleted = listed(|commit| (commit["author"], commit["committer"]) = (json!(null), json!({})));
        assert_eq!(made(deleted, alone.clone()), nameless);
        // Nor is one who only types that address: GitHub signs what it makes.
        let typed = listed(|_| {});
        assert_eq!(
            made(typed, alone),
            [(ContributorRole::Author, ana()), (ContributorRole::Committer, None)]
        );
    }

    #[test]
    fn authors_that_are_not_told_leave_a_gap() {
        assert!(
            collect_commit_contributors(&[listed(|_| {})], &details(Err(GitHubFailure::new("no")))).is_err()
        );
        let other = listed(|commit| commit["sha"] = json!(id(9).to_string()));
        assert!(collect_commit_contributors(&[other], &details(Ok(json!([])))).is_err());
    }

    #[test]
    fn a_signature_is_of_this_commit_or_not_told() {
        let keys = crate::git::signature::KeyRegistry::default();
        let at = "2026-01-02T00:00:00Z".parse().unwrap();
        let needs = NeededFacts::from([FactKind::Signatures]);
        let said = |verification: Value| {
            let commit = listed(|commit| commit["commit"]["verification"] = verification);
            verify_signature(
                &commit,
                &needs,
                Some(TrustedKeys { registry: &keys, other: None, received_at: at }),
            )
        };
        let payload = format!("tree {}\nparent {}\nauthor x\n\nSubject\n\nBody\n", id(3), id(2));
        let signed = |payload: &str| json!({ "reason": "valid", "signature": "-----BEGIN SSH SIGNATURE-----", "payload": payload });
        assert!(matches!(said(signed(&payload)), Ok(SignatureStatus::Bad(_))));
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
            Ok(SignatureStatus::None)
        );
        // What GitHub calls verified is worth nothing without the signature itself.
        assert!(said(json!({ "reason": "valid", "signature": null, "payload": null })).is_err());
        assert!(said(json!(null)).is_err());
        assert!(matches!(
            verify_signature(&listed(|_| {}), &needs, None),
            Err(Missing::NotConfigured(FactKind::Signatures))
        ));
    }

    #[test]
    fn what_a_merge_adds_is_not_told() {
        let commit = |parents: Value| {
            convert_commit(&listed(|commit| commit["parents"] = parents), &NeededFacts::new(), None)
        };
        assert_eq!(commit(json!([])).evil_merge_paths, Ok(Vec::new()));
        let two = json!([{ "sha": id(2).to_string() }, { "sha": id(4).to_string() }]);
        assert!(commit(two).evil_merge_paths.is_err());
    }
}
