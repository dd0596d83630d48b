//! Answers kept in a folder, so that a verdict can be discussed and tried again without a network.
//!
//! Each answer is a file; its name is made of what was asked for. Neither the token nor any header of
//! a request is ever written. The file `seen-at` holds the instant of the first asking, so that the
//! same answers give the same verdict.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::ask::{Answer, Failure, Headers, Method, Request};
use crate::change::text::hex;

/// The file that holds when it was.
const SEEN_AT: &str = "seen-at";

/// The largest file that is read.
const LARGEST: u64 = 64 << 20;

/// A folder of answers.
#[derive(Clone, Debug)]
pub(super) struct Record {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Kept {
    method: Method,
    path: String,
    asked: Option<Value>,
    status: u16,
    headers: Headers,
    /// The answer, where it is JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<Value>,
    /// The answer, where it is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl Record {
    /// Opens a new record, made at `now`.
    ///
    /// # Errors
    ///
    /// Fails if the folder holds another record, or cannot be written to.
    pub(super) fn create(folder: &Path, now: Timestamp) -> Result<Record, String> {
        let fails = |error: std::io::Error| format!("{} cannot be written to: {error}", folder.display());
        std::fs::create_dir_all(folder).map_err(fails)?;
        if folder.join(SEEN_AT).exists() {
            return Err(format!("{} holds a record already; name an empty folder", folder.display()));
        }
        std::fs::write(folder.join(SEEN_AT), format!("{now}\n")).map_err(fails)?;
        Ok(Record { folder: folder.to_owned() })
    }

    /// Opens a record and returns when it was made.
    ///
    /// # Errors
    ///
    /// Fails if there is none.
    pub(super) fn open(folder: &Path) -> Result<(Record, Timestamp), String> {
        let path = folder.join(SEEN_AT);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{} holds no record: {error}", folder.display()))?;
        let at = text.trim().parse().map_err(|_| format!("{} holds no instant", path.display()))?;
        Ok((Record { folder: folder.to_owned() }, at))
    }

    /// Keeps an answer.
    pub(super) fn keep(&self, request: &Request, answer: &Answer) -> Result<(), Failure> {
        let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let text = json.is_none().then(|| String::from_utf8_lossy(&answer.body).into_owned());
        let kept = Kept {
            method: request.method,
            path: request.path.clone(),
            asked: request.body.clone(),
            status: answer.status,
            headers: answer.headers.clone(),
            json,
            text,
        };
        let path = self.folder.join(name(request));
        let written = serde_json::to_vec_pretty(&kept)
            .map_err(std::io::Error::from)
            .and_then(|bytes| std::fs::write(&path, bytes));
        written.map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))
    }

    /// Returns the answer that was kept.
    pub(super) fn answer(&self, request: &Request) -> Result<Answer, Failure> {
        let name = name(request);
        let path = self.folder.join(&name);
        let missing = |why: String| {
            Failure::new(format!("the record holds no answer to {} (`{name}`): {why}", request.words()))
        };
        let size = std::fs::metadata(&path).map_err(|error| missing(error.to_string()))?.len();
        if LARGEST < size {
            return Err(missing(format!("the file has {size} bytes, and at most {LARGEST} are read")));
        }
        let bytes = std::fs::read(&path).map_err(|error| missing(error.to_string()))?;
        let kept: Kept = serde_json::from_slice(&bytes).map_err(|error| missing(error.to_string()))?;
        let body = match (kept.json, kept.text) {
            (Some(json), None) => json.to_string().into_bytes(),
            (None, Some(text)) => text.into_bytes(),
            // An answer that is `null` is read as none.
            _ => b"null".to_vec(),
        };
        Ok(Answer { status: kept.status, headers: kept.headers, body })
    }
}

/// Returns the name of the file for an answer: what can be read in it is for people, and the digest
/// tells two of them apart.
fn name(request: &Request) -> String {
    let word = match request.method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Patch => "patch",
        Method::Query => "query",
    };
    let about = match request.method {
        Method::Query => request.words().rsplit(' ').next().unwrap_or_default().to_owned(),
        _ => request.path.split('?').next().unwrap_or_default().to_owned(),
    };
    let slug: String = about
        .trim_start_matches("/repos/")
        .chars()
        .map(|one| if one.is_ascii_alphanumeric() || one == '.' { one } else { '-' })
        .take(60)
        .collect();
    let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
    let digest = Sha256::digest(format!("{word}\n{}\n{body}", request.path));
    let digest = hex(&digest);
    format!("{word}-{}-{}.json", slug.trim_matches(['-', '.']), digest.get(..12).unwrap_or_default())
}
