//! Reads an OpenPGP keyring: the packets of certificates, one after the other (RFC 9580, 10.1).
//!
//! The packets are cut and grouped here and not by the library, which passes over what it does not
//! expect. A revocation in an unexpected place would then be passed over, too.

use std::collections::BTreeMap;

use pgp::packet::{Packet, PacketHeader, Signature, SignatureType};
use pgp::types::{PacketLength, Tag};

use super::armor;
use super::certificate::{Certificate, Part, Unverified, fingerprint};
use super::keys::{BadKey, Place};

/// Reads all certificates of `file`, which is binary or made of ASCII armors.
///
/// # Errors
///
/// Returns every certificate that cannot be taken, and every key that is in two of them.
pub(super) fn read(file: &[u8]) -> Result<Vec<Certificate>, Vec<BadKey>> {
    let bytes = match file.first() {
        // The first byte of a binary packet has its high bit set.
        Some(byte) if *byte < 0x80 => armor::open_all(file, "PGP PUBLIC KEY BLOCK")
            .map_err(|(line, broken)| vec![BadKey { place: Place::Armor(line), reason: broken.into() }])?
            .concat(),
        _ => file.to_vec(),
    };
    let mut errors = Vec::new();
    let mut certificates = Vec::new();
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for (index, unverified) in group(&bytes)?.into_iter().enumerate() {
        let bad = |reason| BadKey { place: Place::Certificate(index + 1), reason };
        let certificate = match Certificate::verify(unverified) {
            Ok(certificate) => certificate,
            Err(reason) => {
                errors.push(bad(reason));
                continue;
            }
        };
        let subkeys = certificate.subkeys.iter().map(|subkey| fingerprint(&subkey.key));
        for key in subkeys.chain([fingerprint(&certificate.primary)]) {
            if let Some(owner) = owners.insert(key, index + 1) {
                errors.push(bad(format!("a key of it is in certificate {owner} as well")));
            }
        }
        certificates.push(certificate);
    }
    if errors.is_empty() { Ok(certificates) } else { Err(errors) }
}

/// Cuts `bytes` into packets, and groups them into certificates.
fn group(mut bytes: &[u8]) -> Result<Vec<Unverified>, Vec<BadKey>> {
    let mut certificates: Vec<Unverified> = Vec::new();
    let mut last = Last::Primary;
    while !bytes.is_empty() {
        let started = certificates.len();
        let packet = next_packet(&mut bytes);
        let number = if matches!(packet, Ok(Packet::PublicKey(_))) { started + 1 } else { started.max(1) };
        let bad = |reason: &str| vec![BadKey { place: Place::Certificate(number), reason: reason.into() }];
        let current = certificates.last_mut();
        match (packet.map_err(bad)?, current) {
            (Packet::PublicKey(key), _) => {
                let primary = Part { body: key, signatures: Vec::new() };
                certificates.push(Unverified { primary, users: Vec::new(), subkeys: Vec::new() });
                last = Last::Primary;
            }
            (Packet::SecretKey(_) | Packet::SecretSubkey(_), _) => {
                return Err(bad("this is a secret key; it is no longer secret, so revoke it"));
            }
            (_, None) => return Err(bad("the file does not begin with a public key")),
            (Packet::UserId(id), Some(certificate)) => {
                certificate.users.push(Part { body: id, signatures: Vec::new() });
                last = Last::User;
            }
            (Packet::UserAttribute(_), Some(_)) => last = Last::Attribute,
            (Packet::PublicSubkey(key), Some(certificate)) => {
                certificate.subkeys.push(Part { body: key, signatures: Vec::new() });
                last = Last::Subkey;
            }
            (Packet::Signature(signature), Some(certificate)) => {
                if !last.takes(signature.typ()) {
                    return Err(bad("a signature stands where it does not belong"));
                }
                let signatures: Option<&mut Vec<Signature>> = match last {
                    Last::Primary => Some(&mut certificate.primary.signatures),
                    Last::User => certificate.users.last_mut().map(|user| &mut user.signatures),
                    Last::Subkey => certificate.subkeys.last_mut().map(|subkey| &mut subkey.signatures),
                    // A picture names nobody.
                    Last::Attribute => None,
                };
                if let Some(signatures) = signatures {
                    signatures.push(signature);
                }
            }
            _ => return Err(bad("there is something that does not belong to a public key")),
        }
    }
    Ok(certificates)
}

/// To what a signature packet belongs.
#[derive(Clone, Copy)]
enum Last {
    Primary,
    User,
    Attribute,
    Subkey,
}

impl Last {
    fn takes(self, kind: Option<SignatureType>) -> bool {
        match self {
            Last::Primary => matches!(kind, Some(SignatureType::Key | SignatureType::KeyRevocation)),
            Last::User | Last::Attribute => matches!(
                kind,
                Some(
                    SignatureType::CertGeneric
                        | SignatureType::CertPersona
                        | SignatureType::CertCasual
                        | SignatureType::CertPositive
                        | SignatureType::CertRevocation
                )
            ),
            Last::Subkey => {
                matches!(kind, Some(SignatureType::SubkeyBinding | SignatureType::SubkeyRevocation))
            }
        }
    }
}

/// Takes the next packet off `bytes`. Its length has to be stated, and it has to fill that length.
///
/// # Errors
///
/// Says what is wrong with the packet.
pub(super) fn next_packet(bytes: &mut &[u8]) -> Result<Packet, &'static str> {
    let malformed = "a packet is malformed or of an unknown kind (`gpg --export-options export-minimal` drops \
                     what is not needed)";
    let header = PacketHeader::try_from_reader(&mut *bytes).map_err(|_| malformed)?;
    let PacketLength::Fixed(length) = header.packet_length() else { return Err(malformed) };
    let length = usize::try_from(length).map_err(|_| malformed)?;
    let (body, rest) = bytes.split_at_checked(length).ok_or("a packet is cut short")?;
    *bytes = rest;
    if header.tag() == Tag::Signature && super::MAX_ARMOR < length {
        return Err("a signature is too long");
    }
    Packet::from_reader(header, body).map_err(|_| malformed)
}
