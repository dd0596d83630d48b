//! Answers kept in a folder, so that a verdict can be discussed and tried again without a network.
//!
//! Each answer is a file, named after its request. Neither the token nor any header of a request is ever
//! written. The file `seen-at` holds the instant at which the run began, so that the same answers give the
//! same verdict.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::change::text::encode_hex;
use crate::github::api::request::{
    GitHubFailure, GitHubRequest, GitHubResponse, RequestMethod, ResponseHeaders,
};

/// The file with the instant at which the run began.
const SEEN_AT_FILE: &str = "seen-at";

/// How many bytes a recorded answer may have.
const MAX_RECORDED_BYTES: u64 = 64 << 20;

/// A folder of recorded answers.
#[derive(Clone, Debug)]
pub(crate) struct ResponseRecording {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RecordedResponse {
    method: RequestMethod,
    path: String,
    asked: Option<Value>,
    status: u16,
    headers: ResponseHeaders,
    /// The answer, where it is JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    json: Option<Value>,
    /// The answer, where it is something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl ResponseRecording {
    /// Creates a recording that begins at `now`.
    ///
    /// # Errors
    ///
    /// Fails if the folder holds another recording, or cannot be written to.
    pub(crate) fn create_recording(folder: &Path, now: Timestamp) -> Result<ResponseRecording, String> {
        let fails = |error: std::io::Error| format!("{} cannot be written to: {error}", folder.display());
        std::fs::create_dir_all(folder).map_err(fails)?;
        if folder.join(SEEN_AT_FILE).exists() {
            return Err(format!("{} holds a recording already; name an empty folder", folder.display()));
        }
        std::fs::write(folder.join(SEEN_AT_FILE), format!("{now}\n")).map_err(fails)?;
        Ok(ResponseRecording { folder: folder.to_owned() })
    }

    /// Opens a recording and returns when it began.
    ///
    /// # Errors
    ///
    /// Fails if the folder holds no recording.
    pub(crate) fn open_recording(folder: &Path) -> Result<(ResponseRecording, Timestamp), String> {
        let path = folder.join(SEEN_AT_FILE);
        let text = std::fs::read_to_string(&path)
            .map_err(|error| format!("{} holds no recording: {error}", folder.display()))?;
        let at = text.trim().parse().map_err(|_| format!("{} holds no instant", path.display()))?;
        Ok((ResponseRecording { folder: folder.to_owned() }, at))
    }

    /// Writes the answer to a request.
    pub(crate) fn save_response(
        &self,
        request: &GitHubRequest,
        answer: &GitHubResponse,
    ) -> Result<(), GitHubFailure> {
        let json: Option<Value> = serde_json::from_slice(&answer.body).ok();
        let text = json.is_none().then(|| String::from_utf8_lossy(&answer.body).into_owned());
        let kept = RecordedResponse {
            method: request.method,
            path: request.path.clone(),
            asked: request.body.clone(),
            status: answer.status,
            headers: answer.headers.clone(),
            json,
            text,
        };
        let path = self.folder.join(recording_file_name(request));
        let written = match serde_json::to_vec_pretty(&kept) {
            Ok(bytes) => std::fs::write(&path, bytes),
            Err(error) => Err(error.into()),
        };
        match written {
            Ok(()) => Ok(()),
            Err(error) => Err(GitHubFailure::new(format!("{} cannot be written: {error}", path.display()))),
        }
    }

    /// Returns the recorded answer to a request.
    pub(crate) fn load_response(&self, request: &GitHubRequest) -> Result<GitHubResponse, GitHubFailure> {
        let name = recording_file_name(request);
        let path = self.folder.join(&name);
        read_recorded(&path).map_err(|why| {
            let asked = request.describe();
            GitHubFailure::new(format!("the recording holds no answer to {asked} (`{name}`): {why}"))
        })
    }
}

/// Returns the answer that a file of the recording holds.
fn read_recorded(path: &Path) -> Result<GitHubResponse, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MAX_RECORDED_BYTES {
        return Err(format!("the file has {size} bytes; the limit is {MAX_RECORDED_BYTES}"));
    }
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let recorded: RecordedResponse = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let body = match (recorded.json, recorded.text) {
        (Some(json), None) => json.to_string().into_bytes(),
        (None, Some(text)) => text.into_bytes(),
        // An answer that is `null` is read as none.
        _ => b"null".to_vec(),
    };
    Ok(GitHubResponse { status: recorded.status, headers: recorded.headers, body })
}

/// Returns the name of the file for an answer: words for people, and a digest that tells two requests
/// apart.
fn recording_file_name(request: &GitHubRequest) -> String {
    let word = match request.method {
        RequestMethod::Get => "get",
        RequestMethod::Post => "post",
        RequestMethod::Patch => "patch",
        RequestMethod::Query => "query",
    };
    let about = match request.method {
        RequestMethod::Query => request.describe().rsplit(' ').next().unwrap_or_default().to_owned(),
        _ => request.path.split('?').next().unwrap_or_default().to_owned(),
    };
    let mut slug = String::new();
    for character in about.trim_start_matches("/repos/").chars().take(60) {
        slug.push(if character.is_ascii_alphanumeric() || character == '.' { character } else { '-' });
    }
    let body = request.body.as_ref().map(Value::to_string).unwrap_or_default();
    let digest = Sha256::digest(format!("{word}\n{}\n{body}", request.path));
    let digest = encode_hex(&digest);
    format!("{word}-{}-{}.json", slug.trim_matches(['-', '.']), digest.get(..12).unwrap_or_default())
}
