//! The keys of the files that a policy names, whose signatures count.

use jiff::Timestamp;

use crate::change::{Person, Text};
use crate::git::signature::{KeyLocation as SignerPlace, KeyRegistry, find_certificate_line};
use crate::people::{PeopleDirectory, ResolvedIdentity};
use crate::policy::{FaultyFile, KeyFile, PolicyErrors, SignerKeys};
use crate::yaml::{YamlFault, YamlPlace, shorten_for_message};

/// Reads the keys whose signatures count, those of the roster as well; `None` if there are none.
pub(crate) fn read_signer_keys(
    signers: &SignerKeys,
    people: &PeopleDirectory,
) -> Result<Option<KeyRegistry>, PolicyErrors> {
    let source = |file: &'_ Option<KeyFile>| file.as_ref().map(|file| file.source.clone());
    let (mut ssh, openpgp) = (source(&signers.ssh), source(&signers.openpgp));
    let of_roster = people.list_allowed_signers();
    if !of_roster.is_empty() {
        let ssh = ssh.get_or_insert_default();
        ssh.push(b'\n');
        ssh.extend_from_slice(of_roster.as_bytes());
    }
    if ssh.is_none() && openpgp.is_none() {
        return Ok(None);
    }
    let own_lines = signers.ssh.as_ref().map_or(0, |file| file.source.split(|byte| *byte == b'\n').count());
    let find_holder = |address: &Text| find_key_holder(address, people);
    let read = KeyRegistry::read_registry(ssh.as_deref(), openpgp.as_deref());
    read.map(|keys| Some(keys.with_holders(&find_holder))).map_err(|bad| {
        let mut files: Vec<FaultyFile> = Vec::new();
        for bad in bad {
            if let (SignerPlace::Line(line), Some(roster)) = (&bad.location, &people.roster)
                && *line > own_lines
            {
                files.push(unusable_roster_key(roster, &bad.reason));
                continue;
            }
            let (file, line, reason) = match bad.location {
                SignerPlace::Line(line) => (&signers.ssh, line, bad.reason.clone()),
                SignerPlace::Armor(line) => (&signers.openpgp, line, bad.reason.clone()),
                SignerPlace::Certificate(number) => {
                    let source = openpgp.as_deref().unwrap_or_default();
                    let line = find_certificate_line(source, number).unwrap_or(1);
                    (&signers.openpgp, line, format!("certificate {number}: {}", bad.reason))
                }
            };
            let Some(file) = file else { continue };
            let fault = YamlFault::new(YamlPlace { line, column: 1, length: 1 }, reason);
            match files.iter_mut().find(|known| known.name == file.path) {
                Some(known) => known.faults.push(fault),
                None => files.push(FaultyFile {
                    name: file.path.clone(),
                    source: file.source.clone(),
                    faults: vec![fault],
                }),
            }
        }
        PolicyErrors { faulty_files: files, unread: None }
    })
}

/// Returns whose address this is; `None` if it is nobody's whom the policy knows.
fn find_key_holder(address: &Text, people: &PeopleDirectory) -> Option<String> {
    match people.identify_person(&Person { name: Text::default(), email: address.clone() }) {
        ResolvedIdentity::Human(key) => Some(format!("person {key}")),
        ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot => Some("bot".to_owned()),
        ResolvedIdentity::Unknown => None,
    }
}

/// Returns the faults of OpenPGP certificates that stand for several people at `now`; `None` if there are none.
pub(crate) fn find_shared_certificates(
    signers: &SignerKeys,
    keys: &KeyRegistry,
    now: Timestamp,
) -> Option<FaultyFile> {
    let file = signers.openpgp.as_ref()?;
    let mut faults = Vec::new();
    for (number, addresses) in keys.list_shared_certificates(now) {
        let line = find_certificate_line(&file.source, number).unwrap_or(1);
        let named: Vec<String> = addresses
            .iter()
            .map(|address| format!("`{}`", shorten_for_message(&address.to_lossy())))
            .collect();
        let what = format!(
            "certificate {number} has user ids of several people, {}; one key is one person, so what it signs counts for none \
             of them",
            named.join(", ")
        );
        let help = "list these addresses under one person of the roster, or leave out the user ids of others: gpg --armor \
                    --export-filter keep-uid='mbox = ADDRESS' --export KEY";
        let at = YamlPlace { line, column: 1, length: 1 };
        faults.push(YamlFault::new(at, what).with_help(help));
    }
    if faults.is_empty() {
        return None;
    }
    Some(FaultyFile { name: file.path.clone(), source: file.source.clone(), faults })
}

/// Returns the fault of a key of the roster that only looks like one.
fn unusable_roster_key(roster: &str, reason: &str) -> FaultyFile {
    let at = YamlPlace { line: 1, column: 1, length: 1 };
    let fault = YamlFault::new(at, format!("one of `keys` cannot be used: {reason}"));
    FaultyFile { name: roster.to_owned(), source: Vec::new(), faults: vec![fault] }
}
