//! The members of the organisation's teams that a policy names, as GitHub tells them now.
//!
//! GitHub keeps no record of who was in a team at another time. The list of a team has the members of the teams
//! below it as well.

use futures_util::future::join_all;

use crate::change::{Fact, FactKind, Missing};
use crate::github::api::GitHubClient;
use crate::github::api::request::GitHubFailure;
use crate::github::api::rest::RestUser;
use crate::people::PeopleDirectory;
use crate::people::forge_teams::{ForgeTeamMembers, ForgeTeamName};

/// Looks up the members of every team of GitHub that these people name; what GitHub does not show stays unknown, with
/// the reason.
pub(crate) async fn look_up_teams(client: &GitHubClient, people: &mut PeopleDirectory) {
    let names = people.list_forge_teams();
    if names.is_empty() {
        return;
    }
    let told = join_all(names.iter().map(|name| find_members(client, name))).await;
    people.set_forge_teams(names.into_iter().zip(told).collect::<ForgeTeamMembers>());
}

/// Returns the accounts of the members of a team; one run asks for each team once.
async fn find_members(client: &GitHubClient, name: &ForgeTeamName) -> Fact<Vec<String>> {
    let known = client.forge_teams.borrow().get(name).cloned();
    if let Some(known) = known {
        return known;
    }
    let path = format!("/orgs/{}/teams/{}/members?per_page=100", name.organisation, name.slug);
    let members = match client.fetch_whole_list::<RestUser>(path).await {
        Ok(users) => write_accounts(&users, name),
        Err(failure) => Err(explain_failure(name, &failure)),
    };
    client.forge_teams.borrow_mut().insert(name.clone(), members.clone());
    members
}

/// Returns the accounts of people with their numbers, so that nobody who takes a login over takes the membership.
fn write_accounts(users: &[RestUser], name: &ForgeTeamName) -> Fact<Vec<String>> {
    let mut accounts = Vec::new();
    for user in users.iter().filter(|user| user.kind.as_deref() != Some("Bot")) {
        let Some(number) = user.id else {
            let why = format!("GitHub does not tell the number of a member of `{}`", name.written());
            return Err(Missing::Unavailable(FactKind::ForgeTeams, why));
        };
        accounts.push(format!("github:{}#{number}", user.login));
    }
    Ok(accounts)
}

fn explain_failure(name: &ForgeTeamName, failure: &GitHubFailure) -> Missing {
    let team = name.written();
    let why = match failure.status {
        Some(status @ (401 | 403 | 404)) => format!(
            "GitHub does not show `{team}` to this token ({status}); it needs the permission `Members: read` of the \
             organisation, or the policy lists the members itself"
        ),
        _ => format!("`{team}`: {}", failure.why),
    };
    Missing::Unavailable(FactKind::ForgeTeams, why)
}
