//! The fourteen doors through which bytes of strangers come in, each as one function that must return
//! whatever the bytes are. Tests and fuzz targets call the same.

use changegate::calendar::Holidays;
use changegate::catalogue::StandardCatalogue;
use changegate::change::description;
use changegate::change::message::cleanup::{CleanupMode, clean_up_message, cut_at_scissors};
use changegate::change::message::near_miss::find_near_misses;
use changegate::change::message::trailers::{TrailerReader, read_trailers};
use changegate::change::{CommitMessage, Text};
use changegate::gate::break_glass::BreakGlassRequest;
use changegate::gate::signed_approvals::ApprovalStatement;
use changegate::git::{
    ObjectFormat, parse_commit, parse_pre_push, parse_pre_receive, parse_push_certificate,
};
use changegate::people::PeopleDirectory;
use changegate::people::code_owners::list_owners;
use changegate::tickets::TicketExport;
use changegate::{policy, yaml};
use jiff::civil::Date;

const KNOWN: [&str; 4] = ["Risk", "Change-Type", "Reviewed-by", "Back-out-Plan"];

/// A policy: never both without a fault and without a value.
pub fn policy(bytes: &[u8]) {
    let (node, faults) = yaml::read_with_faults(bytes);
    assert!(node.is_some() || !faults.is_empty());
    let loaded =
        policy::load_policy("p/main.yml", &mut |name| Ok((name == "p/main.yml").then(|| bytes.to_vec())));
    if let Err(errors) = loaded {
        assert!(0 < errors.count_faults());
    }
}

/// A catalogue of standard changes: what it holds is bounded, and counts on some day.
pub fn catalogue(bytes: &[u8]) {
    let (Some(node), _) = yaml::read_with_faults(bytes) else { return };
    let mut faults = Vec::new();
    let mut catalogue = StandardCatalogue::default();
    catalogue.read_file(&node, &PeopleDirectory::default(), &mut faults);
    assert!(!catalogue.is_empty() || !faults.is_empty());
    for (id, entry) in catalogue.list_entries() {
        assert!(!entry.paths.is_empty() && entry.approved_on <= entry.review_by, "{id}");
        assert!(!entry.approved_by.is_empty(), "{id}");
    }
}

/// A file of code owners, by both meanings: whoever owns a path is named on a line of the file.
pub fn code_owners(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').count();
    for is_gitlab in [false, true] {
        for path in ["a/b.rs", "README.md", "docs/x y", "#"] {
            for (line, owners) in list_owners(bytes, is_gitlab, path) {
                assert!((1..=lines).contains(&line) && !owners.is_empty());
                assert!(owners.iter().all(|owner| owner.contains('@')));
            }
        }
    }
}

/// A calendar of holidays: its faults have lines, and any day can be asked about.
pub fn icalendar(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').count().max(1);
    let mut holidays = Holidays::default();
    if let Err(faults) = holidays.read_calendar(bytes) {
        assert!(!faults.is_empty() && faults.iter().all(|fault| (1..=lines).contains(&fault.line)));
    }
    for day in ["0001-01-01", "2024-02-29", "2026-12-25", "9999-12-31"] {
        holidays.contains_day(day.parse().unwrap_or(Date::MIN));
    }
}

/// A message as a person or a tool left it.
pub fn message(bytes: &[u8]) {
    for mode in [CleanupMode::Strip, CleanupMode::Whitespace, CleanupMode::Verbatim, CleanupMode::Scissors] {
        let once = clean_up_message(cut_at_scissors(bytes, b"#"), mode, b"#");
        // Tidying twice is tidying once, or the hook and git would judge two messages.
        assert_eq!(clean_up_message(&once, mode, b"#"), once, "{mode:?}");
    }
    let message = CommitMessage::new(Text::new(bytes.to_vec()));
    assert_eq!(message.raw().as_bytes(), bytes);
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(message.trailers().iter().all(|trailer| (1..=lines).contains(&trailer.line)));
    assert!(!message.subject().as_bytes().contains(&b'\n'));
    let _ = (message.body(), message.mixed_line(), message.find_near_misses(&KNOWN));
}

/// The trailers of a message, as each of git's readers has them.
pub fn trailers(bytes: &[u8]) {
    for like in [TrailerReader::Log, TrailerReader::Parse, TrailerReader::ParseNoDivider] {
        let block = read_trailers(bytes, like);
        for trailer in &block.trailers {
            assert!(!trailer.key.is_empty() && !trailer.key.contains(['\n', ':']), "{:?}", trailer.key);
            assert!(!trailer.value.as_bytes().contains(&b'\n'));
        }
        let _ = find_near_misses(bytes, like, &KNOWN);
    }
}

/// The description of a pull request: each statement says something, on a line that is there.
pub fn body(bytes: &[u8]) {
    let body = String::from_utf8_lossy(bytes);
    let statements = description::read_statements(&body);
    assert_eq!(statements, description::read_statements(&body));
    let lines = body.split(['\n', '\r']).count();
    for one in &statements {
        assert!((1..=lines).contains(&one.line), "{one:?}");
        assert!(!one.label.is_empty() && !one.value.as_bytes().is_empty(), "{one:?}");
        assert!(!one.value.as_bytes().contains(&b'\n'), "{one:?}");
    }
    assert!(statements.windows(2).all(|pair| pair[0].line <= pair[1].line));
}

/// Text that HTML strikes out, whatever it holds: nothing is stated until the very tag that closes it.
pub fn html(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for name in ["del", "blockquote"] {
        if text.to_ascii_lowercase().contains(&format!("</{name}")) {
            continue;
        }
        let body = format!("<{name}>\n\n{text}");
        assert_eq!(description::read_statements(&body), [], "{body:?}");
    }
}

/// A template and a description, with a NUL between them: a template states nothing as its own description, and
/// adds no label to another one.
pub fn template(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (template, body) = text.split_once('\0').unwrap_or((&text, &text));
    for one in [template, body] {
        let read = description::read_description(one, &description::read_template(one));
        assert_eq!(read.statements, [], "{one:?}");
    }
    let alone = description::read_statements(body);
    let beside = description::read_description(body, &description::read_template(template));
    for one in &beside.statements {
        assert!(alone.iter().any(|known| known.label == one.label), "{one:?}");
    }
    let lines = body.split(['\n', '\r']).count();
    assert!(beside.unread.iter().all(|one| (1..=lines).contains(&one.line)), "{:?}", beside.unread);
}

/// What git feeds to a hook: nothing is read that is not there, and nothing is skipped.
pub fn hook_input(bytes: &[u8]) {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    if let Ok(updates) = parse_pre_receive(bytes) {
        assert_eq!(updates.len(), lines);
        assert!(bytes.is_empty() || bytes.ends_with(b"\n"));
    }
    if let Ok(pushed) = parse_pre_push(bytes) {
        assert_eq!(pushed.len(), lines);
    }
}

/// The certificate of a push: what was signed and the signature are all of it.
pub fn push_certificate(bytes: &[u8]) {
    if let Ok(text) = parse_push_certificate(bytes) {
        assert_eq!([text.payload, text.armor].concat(), bytes);
        assert!(text.nonce.is_none_or(|nonce| !nonce.contains(&b'\n')));
    }
}

/// A commit object.
pub fn commit(bytes: &[u8]) {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        if let Ok(commit) = parse_commit(bytes, format) {
            assert!(bytes.starts_with(b"tree ") && !bytes.contains(&0));
            assert!(bytes.ends_with(commit.message.raw().as_bytes()));
        }
    }
}

/// The message of a commit that asks for a break-glass session: what is read of it says all of it, a line
/// for each thing.
pub fn session(bytes: &[u8]) {
    let Some(said) = BreakGlassRequest::parse_message(&CommitMessage::new(Text::new(bytes.to_vec()))) else {
        return;
    };
    assert_eq!(said.format_message(), bytes);
    let pieces = match &said {
        BreakGlassRequest::Open { incident, reason, limit } => vec![incident, reason, limit],
        BreakGlassRequest::Close { session, note } => std::iter::once(session).chain(note).collect(),
    };
    assert!(pieces.iter().all(|piece| !piece.as_bytes().is_empty() && !piece.as_bytes().contains(&b'\n')));
}

/// The message of a commit that states a signed approval: what is read of it says all of it.
pub fn approval(bytes: &[u8]) {
    if let Some(said) = ApprovalStatement::parse_message(&CommitMessage::new(Text::new(bytes.to_vec()))) {
        assert_eq!(said.format_message(), bytes);
    }
}

/// The export of a ticket system, as either kind of file: every fault has a line that is there.
pub fn export(bytes: &[u8]) {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    for name in ["export.csv", "export.json"] {
        let read = TicketExport::parse_export(name, bytes);
        for (line, what) in read.iter().flat_map(|export| &export.faults) {
            assert!((1..=lines).contains(line) && !what.is_empty(), "{line}: {what}");
        }
    }
}
