//! Reads an OpenPGP keyring: the packets of certificates, one after the other (RFC 9580, 10.1).
//!
//! The packets are split and grouped here and not by the library, which ignores what it does not
//! expect. It would then ignore a revocation in an unexpected place as well.

use std::collections::BTreeMap;

use pgp::packet::{Packet, PacketHeader, Signature, SignatureType};
use pgp::types::{PacketLength, Tag};

use crate::git::signature::armor;
use crate::git::signature::bad_key::{BadKey, KeyLocation};
use crate::git::signature::openpgp_certificate::{
    CertificatePart, OpenPgpCertificate, UnverifiedCertificate, format_fingerprint,
};
use crate::git::signature::signed_payload::MAX_ARMOR_BYTES;

/// What the armor of a keyring is called.
const ARMOR_LABEL: &str = "PGP PUBLIC KEY BLOCK";

/// Reads all certificates of `file`, which is binary or made of ASCII armors.
///
/// # Errors
///
/// Returns every certificate that cannot be taken, and every key that is in two of them.
pub(crate) fn read_keyring(file: &[u8]) -> Result<Vec<OpenPgpCertificate>, Vec<BadKey>> {
    let bytes = match file.first() {
        // The first byte of a binary packet has its high bit set.
        Some(byte) if *byte < 0x80 => match armor::open_all_armors(file, ARMOR_LABEL) {
            Ok(blocks) => blocks.concat(),
            Err((line, broken)) => {
                return Err(vec![BadKey { location: KeyLocation::Armor(line), reason: broken.into() }]);
            }
        },
        _ => file.to_vec(),
    };
    let mut errors = Vec::new();
    let mut certificates = Vec::new();
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for (index, unverified) in group_packets(&bytes)?.into_iter().enumerate() {
        let location = KeyLocation::Certificate(index + 1);
        let certificate = match OpenPgpCertificate::verify_certificate(unverified) {
            Ok(certificate) => certificate,
            Err(reason) => {
                errors.push(BadKey { location, reason });
                continue;
            }
        };
        let mut keys = vec![format_fingerprint(&certificate.primary_key)];
        for subkey in &certificate.subkeys {
            keys.push(format_fingerprint(&subkey.key));
        }
        for key in keys {
            if let Some(owner) = owners.insert(key, index + 1) {
                let reason = format!("one of its keys is in certificate {owner} as well");
                errors.push(BadKey { location, reason });
            }
        }
        certificates.push(certificate);
    }
    if errors.is_empty() { Ok(certificates) } else { Err(errors) }
}

/// Returns the line at which the armor begins that holds the certificate with this number, from 1; `None` for a
/// keyring that is not made of armors.
pub(crate) fn find_certificate_line(file: &[u8], number: usize) -> Option<usize> {
    let blocks = armor::open_all_armors(file, ARMOR_LABEL).ok()?;
    let lines = file.split(|byte| *byte == b'\n').enumerate();
    let starts = lines.filter(|(_, line)| line.starts_with(b"-----BEGIN ")).map(|(index, _)| index + 1);
    let mut certificates = 0;
    for (block, line) in blocks.iter().zip(starts) {
        // One that cannot be split is the last of those that are told.
        certificates += group_packets(block).map_or(usize::MAX, |found| found.len()).min(number);
        if certificates >= number {
            return Some(line);
        }
    }
    None
}

/// Splits `bytes` into packets, and groups them into certificates.
fn group_packets(mut bytes: &[u8]) -> Result<Vec<UnverifiedCertificate>, Vec<BadKey>> {
    // Packets have no marks of where a certificate ends, so each belongs to the one that began last.
    let mut certificates: Vec<UnverifiedCertificate> = Vec::new();
    let mut last = SignatureOwner::Primary;
    while !bytes.is_empty() {
        let started = certificates.len();
        let packet = take_packet(&mut bytes);
        let number = if matches!(packet, Ok(Packet::PublicKey(_))) { started + 1 } else { started.max(1) };
        let bad =
            |reason: &str| vec![BadKey { location: KeyLocation::Certificate(number), reason: reason.into() }];
        let current = certificates.last_mut();
        match (packet.map_err(bad)?, current) {
            (Packet::PublicKey(key), _) => {
                let primary = CertificatePart { body: key, signatures: Vec::new() };
                certificates.push(UnverifiedCertificate { primary, users: Vec::new(), subkeys: Vec::new() });
                last = SignatureOwner::Primary;
            }
            (Packet::SecretKey(_) | Packet::SecretSubkey(_), _) => {
                return Err(bad("this is a secret key; it is no longer secret, so revoke it"));
            }
            (_, None) => return Err(bad("the file does not begin with a public key")),
            (Packet::UserId(id), Some(certificate)) => {
                certificate.users.push(CertificatePart { body: id, signatures: Vec::new() });
                last = SignatureOwner::User;
            }
            (Packet::UserAttribute(_), Some(_)) => last = SignatureOwner::Attribute,
            (Packet::PublicSubkey(key), Some(certificate)) => {
                certificate.subkeys.push(CertificatePart { body: key, signatures: Vec::new() });
                last = SignatureOwner::Subkey;
            }
            (Packet::Signature(signature), Some(certificate)) => {
                if !last.accepts_signature(signature.typ()) {
                    return Err(bad("a signature stands where it does not belong"));
                }
                let signatures: Option<&mut Vec<Signature>> = match last {
                    SignatureOwner::Primary => Some(&mut certificate.primary.signatures),
                    SignatureOwner::User => certificate.users.last_mut().map(|user| &mut user.signatures),
                    SignatureOwner::Subkey => {
                        certificate.subkeys.last_mut().map(|subkey| &mut subkey.signatures)
                    }
                    // A picture has no address, so its signatures decide nothing.
                    SignatureOwner::Attribute => None,
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

/// The part of a certificate that a signature packet belongs to.
#[derive(Clone, Copy)]
enum SignatureOwner {
    Primary,
    User,
    Attribute,
    Subkey,
}

impl SignatureOwner {
    fn accepts_signature(self, kind: Option<SignatureType>) -> bool {
        match self {
            SignatureOwner::Primary => {
                matches!(kind, Some(SignatureType::Key | SignatureType::KeyRevocation))
            }
            SignatureOwner::User | SignatureOwner::Attribute => matches!(
                kind,
                Some(
                    SignatureType::CertGeneric
                        | SignatureType::CertPersona
                        | SignatureType::CertCasual
                        | SignatureType::CertPositive
                        | SignatureType::CertRevocation
                )
            ),
            SignatureOwner::Subkey => {
                matches!(kind, Some(SignatureType::SubkeyBinding | SignatureType::SubkeyRevocation))
            }
        }
    }
}

/// Takes the next packet off `bytes`. Its length has to be stated, and its content has to fill that length.
///
/// # Errors
///
/// Says what is wrong with the packet.
pub(crate) fn take_packet(bytes: &mut &[u8]) -> Result<Packet, &'static str> {
    let malformed = "a packet is malformed or of an unknown kind (`gpg --export-options export-minimal` drops \
                     what is not needed)";
    let Ok(header) = PacketHeader::try_from_reader(&mut *bytes) else { return Err(malformed) };
    let PacketLength::Fixed(length) = header.packet_length() else { return Err(malformed) };
    let Ok(length) = usize::try_from(length) else { return Err(malformed) };
    let (body, rest) = bytes.split_at_checked(length).ok_or("a packet is cut short")?;
    *bytes = rest;
    if header.tag() == Tag::Signature && length > MAX_ARMOR_BYTES {
        return Err("a signature is too long");
    }
    Packet::from_reader(header, body).map_err(|_| malformed)
}
