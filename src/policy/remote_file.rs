//! The name of a policy file in another repository, as `extends` writes it: `acme/policies//base.yml@REF`.

use crate::change::Oid;
use crate::people::check_plain_path;
use crate::yaml::shorten_for_message;

/// How many parts the name of a repository has at least and at most.
const REPOSITORY_PARTS: [usize; 2] = [2, 6];

/// The longest part of the name of a repository, and the longest name of a ref, in bytes.
const MAX_NAME_BYTES: usize = 100;

/// The form of a name, for messages.
const NAME_FORM: &str =
    "`OWNER/REPO//path/base.yml@REF`, where REF is the full id of a commit, a branch or a tag";

/// A policy file in another repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RemotePolicyFile {
    /// The repository, as in `acme/policies`.
    pub repository: String,
    /// The path of the file in it.
    pub path: String,
    /// The commit that it is read at.
    pub revision: RemoteRevision,
}

/// The revision at which a file of another repository is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemoteRevision {
    /// One commit, by its full id: it never changes.
    Commit(Oid),
    /// What a branch or a tag holds. A name that does not begin with `refs/` is that of a tag or of a branch.
    Ref(String),
}

/// The key of a rule by which a policy lets those of other repositories that extend it weaken the rule.
pub(crate) const MAY_BE_WEAKENED: &str = "may-be-weakened";

/// The word that lets a rule be weakened with a reason.
pub(crate) const WITH_REASON: &str = "with-reason";

/// Returns true if a name in `extends` is that of a file in another repository, well formed or not.
pub(crate) fn is_remote_name(name: &str) -> bool {
    name.contains("//")
}

impl RemotePolicyFile {
    /// Reads the name of a file in another repository.
    ///
    /// # Errors
    ///
    /// Says what is wrong with the name: its form, a path that leads out of the repository, a commit whose id is not
    /// whole.
    pub fn parse_name(written: &str) -> Result<RemotePolicyFile, String> {
        let shown = shorten_for_message(written);
        let malformed = || format!("`{shown}` is no policy of another repository; expected {NAME_FORM}");
        let (repository, rest) = written.split_once("//").ok_or_else(malformed)?;
        let parts: Vec<&str> = repository.split('/').collect();
        let [least, most] = REPOSITORY_PARTS;
        if parts.len() < least || parts.len() > most || !parts.iter().all(|part| is_name_part(part)) {
            return Err(malformed());
        }
        let Some((path, revision)) = rest.split_once('@') else {
            return Err(format!("`{shown}` names no revision; expected {NAME_FORM}"));
        };
        check_plain_path(path).map_err(|_| malformed())?;
        if !path.ends_with(".yml") && !path.ends_with(".yaml") {
            return Err(malformed());
        }
        let revision = RemoteRevision::parse_revision(revision)
            .ok_or_else(|| format!("`{shown}` has no revision that can be read; expected {NAME_FORM}"))?;
        Ok(RemotePolicyFile { repository: repository.to_owned(), path: path.to_owned(), revision })
    }

    /// Returns the name of another file of the same repository at the same revision; `path` starts from the folder of
    /// this file.
    pub(crate) fn name_beside(&self, path: &str) -> String {
        let path = match self.path.rsplit_once('/') {
            None => path.to_owned(),
            Some((folder, _)) => format!("{folder}/{path}"),
        };
        format!("{}//{path}@{}", self.repository, self.revision.as_text())
    }
}

impl RemoteRevision {
    fn parse_revision(written: &str) -> Option<RemoteRevision> {
        if let Some(id) = Oid::from_hex(written) {
            return Some(RemoteRevision::Commit(id));
        }
        let is_abbreviated = written.len() >= 7 && written.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._+-".contains(&byte);
        let is_part = |part: &str| {
            !part.is_empty()
                && !part.starts_with(['.', '-'])
                && !part.ends_with(".lock")
                && !part.ends_with('.')
        };
        let is_name = written.len() <= MAX_NAME_BYTES
            && written.bytes().all(is_plain)
            && !written.contains("..")
            && written.split('/').all(is_part);
        (is_name && !is_abbreviated).then(|| RemoteRevision::Ref(written.to_owned()))
    }

    /// Returns the revision as a name writes it.
    pub(crate) fn as_text(&self) -> String {
        match self {
            RemoteRevision::Commit(id) => id.to_string(),
            RemoteRevision::Ref(name) => name.clone(),
        }
    }

    /// Returns the full names of the refs that it can mean; none for a commit.
    pub(crate) fn list_ref_names(&self) -> Vec<String> {
        match self {
            RemoteRevision::Commit(_) => Vec::new(),
            RemoteRevision::Ref(name) if name.starts_with("refs/") => vec![name.clone()],
            RemoteRevision::Ref(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
        }
    }
}

/// Returns true for a part of a repository's name that is a folder's name everywhere, and leads nowhere else.
fn is_name_part(part: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    !part.is_empty()
        && part.len() <= MAX_NAME_BYTES
        && !part.starts_with(['.', '-'])
        && !part.ends_with(".git")
        && part.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_name_has_a_repository_a_path_and_a_revision() {
        let found = RemotePolicyFile::parse_name(&format!("acme/policies//a/base.yml@{ID}")).unwrap();
        assert_eq!((found.repository.as_str(), found.path.as_str()), ("acme/policies", "a/base.yml"));
        assert_eq!(found.revision, RemoteRevision::Commit(Oid::from_hex(ID).unwrap()));
        assert_eq!(found.name_beside("other.yml"), format!("acme/policies//a/other.yml@{ID}"));
        let found = RemotePolicyFile::parse_name("acme/isms/policies//base.yaml@release/2").unwrap();
        assert_eq!(found.revision.list_ref_names(), ["refs/heads/release/2", "refs/tags/release/2"]);
        assert_eq!(found.name_beside("x.yml"), "acme/isms/policies//x.yml@release/2");
    }

    #[test]
    fn what_leads_elsewhere_or_is_not_whole_is_refused() {
        for odd in [
            "acme//base.yml@main",
            "acme/policies//base.yml",
            "acme/policies//base.yml@",
            "acme/policies//../base.yml@main",
            "acme/policies///etc/base.yml@main",
            "acme/policies//base.txt@main",
            "acme/../policies//base.yml@main",
            "/acme/policies//base.yml@main",
            "https://example.com/acme/policies//base.yml@main",
            "acme/.policies//base.yml@main",
            "acme/policies.git//base.yml@main",
            "acme/policies//base.yml@0123456",
            "acme/policies//base.yml@main~1",
            "acme/policies//base.yml@main..x",
            "acme/policies//base.yml@-main",
            "acme/policies//base.yml@refs/heads/.x",
            "acme/policies//base.yml@a b",
            "acme/pol icies//base.yml@main",
        ] {
            assert!(RemotePolicyFile::parse_name(odd).is_err(), "{odd}");
        }
    }
}
