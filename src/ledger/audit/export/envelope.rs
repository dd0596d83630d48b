//! Envelopes of DSSE 1.0: a statement with a signature over its type and its bytes.

use anyhow::{Context as _, Result, anyhow, bail};
use base64::Engine as _;
use base64::alphabet::{STANDARD as STANDARD_ALPHABET, URL_SAFE as URL_SAFE_ALPHABET};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::git::signature::statement_key::{StatementKey, StatementSigner};
use crate::ledger::record::strict_json::parse_strict_json;

/// The type of the payload: a statement of in-toto.
pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// An envelope as it is read. Fields that are not known are left to others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenEnvelope {
    payload: String,
    payload_type: String,
    signatures: Vec<WrittenSignature>,
}

#[derive(Deserialize)]
struct WrittenSignature {
    sig: String,
}

/// What an envelope holds, as the signature covers it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenedEnvelope {
    /// The statement.
    pub statement: Value,
    /// The fingerprint of the key that signed it; `None` if no key was given, and nothing was verified.
    pub signed_by: Option<String>,
}

/// Returns what is signed: the type and the payload, each with its length (the encoding PAE of DSSE).
fn encode_signed_bytes(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// Returns a statement in an envelope that the key has signed.
///
/// # Errors
///
/// Fails if the key is damaged.
pub(crate) fn sign_statement(statement: &Value, signer: &StatementSigner) -> Result<Value> {
    let payload = statement.to_string();
    let signed = signer.sign_bytes(&encode_signed_bytes(PAYLOAD_TYPE, payload.as_bytes()))?;
    Ok(json!({
        "payload": STANDARD.encode(payload),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{ "keyid": signer.key_id(), "sig": STANDARD.encode(signed) }],
    }))
}

/// Opens an envelope. With keys, one of them has to have signed it; without, nothing is verified.
///
/// # Errors
///
/// Says what is wrong: it is no envelope, not of a statement, or not signed by one of the keys.
pub fn open_envelope(text: &[u8], keys: &[StatementKey]) -> Result<OpenedEnvelope> {
    let value = parse_strict_json(text).map_err(|error| anyhow!("it is no JSON: {error}"))?;
    if value.get("payload").is_none() && value.get("_type").is_some() {
        bail!("it is a statement without an envelope, so nobody has signed it");
    }
    let envelope: WrittenEnvelope =
        serde_json::from_value(value).map_err(|error| anyhow!("it is no envelope of DSSE: {error}"))?;
    if envelope.payload_type != PAYLOAD_TYPE {
        let kind = envelope.payload_type.escape_debug().to_string();
        bail!("its payload is of the type `{kind}`, and not {PAYLOAD_TYPE}");
    }
    let payload = decode_base64(&envelope.payload).context("its payload is no base64")?;
    let mut signed_by = None;
    if !keys.is_empty() {
        if envelope.signatures.is_empty() {
            bail!("it has no signature");
        }
        let signed = encode_signed_bytes(&envelope.payload_type, &payload);
        // What an envelope calls its key is a hint and decides nothing.
        for one in &envelope.signatures {
            let Ok(signature) = decode_base64(&one.sig) else { continue };
            let found = keys.iter().find(|key| key.is_signature_of(&signed, &signature));
            signed_by = signed_by.or(found.map(|key| key.key_id().to_owned()));
        }
        if signed_by.is_none() {
            let names: Vec<&str> = keys.iter().map(StatementKey::key_id).collect();
            bail!(
                "no signature is one of {} over this payload: another key signed it, or it was changed",
                names.join(", ")
            );
        }
    }
    let statement =
        parse_strict_json(&payload).map_err(|error| anyhow!("its payload is no JSON: {error}"))?;
    Ok(OpenedEnvelope { statement, signed_by })
}

/// Decodes base64 in the usual alphabet or that of URLs, as DSSE allows either.
fn decode_base64(text: &str) -> Result<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let usual = GeneralPurpose::new(&STANDARD_ALPHABET, config).decode(text);
    Ok(usual.or_else(|_| GeneralPurpose::new(&URL_SAFE_ALPHABET, config).decode(text))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn what_is_signed_is_encoded_as_the_specification_has_it() {
        let bytes = encode_signed_bytes("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        assert_eq!(encode_signed_bytes("", b""), b"DSSEv1 0  0 ");
        assert_eq!(decode_base64("-_8").unwrap(), decode_base64("+/8=").unwrap());
        assert!(decode_base64("!").is_err());
    }

    /// Two readers could take different ones of two values.
    #[test]
    fn a_key_that_stands_twice_is_refused_in_the_envelope_and_in_the_statement() {
        let twice = r#"{"_type":"x","predicate":{"result":"FAILED","result":"PASSED"}}"#;
        let wrap = |payload: &str, more: &str| {
            let payload = STANDARD.encode(payload);
            format!(r#"{{"payload":"{payload}","payloadType":"{PAYLOAD_TYPE}","signatures":[]{more}}}"#)
        };
        let open = |text: String| open_envelope(text.as_bytes(), &[]).map_err(|error| error.to_string());
        assert!(open(wrap("{}", "")).is_ok());
        let told = open(wrap(twice, "")).unwrap_err();
        assert!(told.contains("the key `result` stands twice"), "{told}");
        let told = open(wrap("{}", r#","payload":"e30=""#)).unwrap_err();
        assert!(told.contains("the key `payload` stands twice"), "{told}");
    }
}
