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

/// How many teams one policy can ask about; a file of code owners may name very many.
const MAX_ASKED_TEAMS: usize = 200;

/// Looks up the members of every team of GitHub that these people and their code owners name; what GitHub does not show stays unknown, with
/// the reason.
pub(crate) async fn look_up_teams(client: &GitHubClient, people: &mut PeopleDirectory) {
    let names = people.list_forge_teams();
    if names.is_empty() {
        return;
    }
    let asked = names.iter().take(MAX_ASKED_TEAMS);
    let told = join_all(asked.map(|name| find_members(client, name))).await;
    let mut members: ForgeTeamMembers = names.iter().cloned().zip(told).collect();
    for name in names.into_iter().skip(MAX_ASKED_TEAMS) {
        let why = format!(
            "`{}` was not looked up: the policy and its code owners name more than {MAX_ASKED_TEAMS} teams",
            name.written()
        );
        members.insert(name, Err(Missing::Unavailable(FactKind::ForgeTeams, why)));
    }
    people.set_forge_teams(members);
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
