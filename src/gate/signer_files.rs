//! The keys of the files that a policy names, whose signatures count.

use crate::git::signature::{KeyLocation as SignerPlace, KeyRegistry, find_certificate_line};
use crate::people::PeopleDirectory;
use crate::policy::{FaultyFile, KeyFile, PolicyErrors, SignerKeys};
use crate::yaml::{YamlFault, YamlPlace};

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
    KeyRegistry::read_registry(ssh.as_deref(), openpgp.as_deref()).map(Some).map_err(|bad| {
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

/// Returns the fault of a key of the roster that only looks like one.
fn unusable_roster_key(roster: &str, reason: &str) -> FaultyFile {
    let at = YamlPlace { line: 1, column: 1, length: 1 };
    let fault = YamlFault::new(at, format!("one of `keys` cannot be used: {reason}"));
    FaultyFile { name: roster.to_owned(), source: Vec::new(), faults: vec![fault] }
}
