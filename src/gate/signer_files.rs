//! The keys of the files that a policy names, whose signatures count.

use crate::git::signature::{KeyLocation as SignerPlace, KeyRegistry, find_certificate_line};
use crate::policy::{FaultyFile, KeyFile, PolicyErrors, SignerKeys};
use crate::yaml::{YamlFault, YamlPlace};

/// Reads the keys whose signatures count; `None` if the policy names no file of keys.
pub(crate) fn read_signer_keys(signers: &SignerKeys) -> Result<Option<KeyRegistry>, PolicyErrors> {
    let source = |file: &'_ Option<KeyFile>| file.as_ref().map(|file| file.source.clone());
    let (ssh, openpgp) = (source(&signers.ssh), source(&signers.openpgp));
    if ssh.is_none() && openpgp.is_none() {
        return Ok(None);
    }
    KeyRegistry::read_registry(ssh.as_deref(), openpgp.as_deref()).map(Some).map_err(|bad| {
        let mut files: Vec<FaultyFile> = Vec::new();
        for bad in bad {
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
