//! Whether a repository's settings make the gate a control, or only a decoration.
//!
//! A gate that does not stand in the way proves nothing, however good its verdicts are. Each question
//! here is about one way past it: is the check asked for, from the app that reports it, of everybody;
//! do approvals end with a push; who may edit the gate. What the token may not see is said to be
//! unknown, and is never taken for good.
//!
//! Reading is the caller's: the questions are functions of GitHub's answers.

mod protection;
mod reviews;
mod workflows;

#[cfg(test)]
mod tests;

use serde_json::Value;

use super::ask::Failure;
use protection::Protection;

/// What was found about one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// How it stands.
    pub health: Health,
    /// What was found, as a sentence without a full stop.
    pub what: String,
    /// What to do about it, if there is something to do.
    pub mend: Option<String>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// It is as it should be.
    Good,
    /// It could not be seen.
    Unknown,
    /// It is a way past the gate.
    Weak,
}

/// What is asked about.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The repository, as in `acme/shop`.
    pub repository: &'a str,
    /// The branch; the default branch if it is left out.
    pub branch: Option<&'a str>,
    /// The name of the check that has to be required.
    pub check: &'a str,
    /// The id of the app that reports it; GitHub Actions unless somebody says otherwise.
    pub app: u64,
    /// Where the policy stands.
    pub policy: &'a str,
}

/// The id of the app by which GitHub Actions reports checks on github.com.
pub const GITHUB_ACTIONS: u64 = 15368;

/// Fetches what stands at a path of the API, all pages of it.
pub type Ask<'a> = dyn FnMut(&str) -> Result<Value, Failure> + 'a;

/// What was found about a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// The branch that was looked at.
    pub branch: String,
    /// What was found, in the order of the questions.
    pub advice: Vec<Advice>,
}

impl Advice {
    fn good(what: impl Into<String>) -> Self {
        Advice { health: Health::Good, what: what.into(), mend: None }
    }

    fn weak(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Advice { health: Health::Weak, what: what.into(), mend: Some(mend.into()) }
    }

    fn unknown(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Advice { health: Health::Unknown, what: what.into(), mend: Some(mend.into()) }
    }
}

impl Examination {
    /// Returns how the worst of it stands.
    pub fn health(&self) -> Health {
        self.advice.iter().map(|advice| advice.health).max().unwrap_or(Health::Unknown)
    }
}

/// Asks every question about a repository.
///
/// # Errors
///
/// Says why the repository itself cannot be read.
pub fn examine(subject: &Subject<'_>, ask: &mut Ask<'_>) -> Result<Examination, Failure> {
    let repository = ask(&format!("/repos/{}", subject.repository))?;
    let branch = subject.branch.or_else(|| repository.get("default_branch").and_then(Value::as_str));
    let branch = branch.unwrap_or("main").to_owned();
    let protection = Protection::read(subject.repository, &branch, ask);
    let mut advice = protection::required(subject, &protection);
    advice.extend(protection::bypass(&protection));
    advice.extend(protection::history(&protection));
    advice.extend(reviews::advice(&protection));
    advice.extend(workflows::advice(subject, &branch, &protection, ask));
    advice.extend(token(&repository));
    Ok(Examination { branch, advice })
}

/// Says what the token that asks may do: a gate only reads.
fn token(repository: &Value) -> Vec<Advice> {
    let may = |right: &str| {
        repository.get("permissions").and_then(|rights| rights.get(right)).and_then(Value::as_bool)
    };
    match (may("admin"), may("push")) {
        (Some(true), _) => vec![Advice::good(
            "this token administrates the repository: right for the doctor, too much for the gate",
        )],
        (_, Some(true)) => {
            vec![Advice::good("this token may write to the repository; the gate needs no more than to read")]
        }
        (_, Some(false)) => vec![Advice::good("this token reads and does not write")],
        (_, None) => vec![Advice::unknown(
            "GitHub does not say what this token may do",
            "give the gate `contents`, `pull-requests`, `checks`, `statuses` and `issues`, all `read`",
        )],
    }
}
