//! What a schema can say beyond the kind of a value: the forms of ids, times, files and patterns.
//!
//! A probe finds out which kind of value a reader takes, and not which texts. The forms are written here a
//! second time, and a test holds them against the mistakes that the loader refuses.

use serde_json::{Value, json};

/// The form of a rule's id.
pub(super) const RULE_ID_PATTERN: &str = "^[a-z0-9-]+$";

/// The form of a field's name, which is the key of a trailer.
pub(super) const FIELD_NAME_PATTERN: &str = "^[A-Za-z0-9-]{1,64}$";

/// The form of a span of time.
pub(super) const LIMIT_PATTERN: &str =
    "^[0-9]*[1-9][0-9]* *(m|min|minutes|h|hour|hours|d|day|days|business day|business days)$";

/// The form of the id of a standard change.
pub(super) const ENTRY_ID_PATTERN: &str = "^[A-Za-z0-9-]{1,64}$";

/// The form of the prefix of a ticket's key.
pub(super) const TICKET_PREFIX_PATTERN: &str = "^([A-Z][A-Za-z0-9_-]*|#|[*])$";

/// The days of a week, as a window names them.
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The form of the address of a ticket system, which holds no password.
const ADDRESS_PATTERN: &str =
    "^(https://[^@/: ]+|http://(127\\.0\\.0\\.1|localhost))(:[0-9]{1,5})?(/[^@ ]*)?$";

/// The form of a moment that a window begins or ends with: a day or a time of day.
const MOMENT_PATTERN: &str =
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$|^([01][0-9]|2[0-3]):[0-5][0-9]$";

/// The kinds of fields, of which each field has one.
const FIELD_KINDS: [&str; 5] = ["one-of", "ordered", "matches", "text", "person"];

/// Returns the schema of one such value, or of a list of them.
pub(super) fn list_or_one(item: Value) -> Value {
    json!({ "anyOf": [item, { "type": "array", "minItems": 1, "items": item }] })
}

/// Returns the schema of a question that asks something; `name` is `question`, or `settled-question` where
/// nothing may be owed.
pub(super) fn asked_question(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}"), "minProperties": 1 })
}

/// Makes of the schema of a predicate the one where nothing may be owed.
pub(super) fn refuse_obligations(schema: &mut Value, name: &str) {
    match name {
        // The keys below `field` are fields of the policy, each with what is asked of it.
        "field" => {
            let late = json!([{ "required": ["within"] }, { "required": ["until"] }]);
            let owed = json!({ "type": "object", "anyOf": late });
            let value = json!({ "not": { "anyOf": [{ "type": "array" }, owed] } });
            *schema = json!({ "type": "object", "additionalProperties": value });
        }
        "ticket" => remove_properties(schema, &["within"]),
        _ => {}
    }
}

/// Removes these properties, so that a map with one of them does not fit.
fn remove_properties(schema: &mut Value, keys: &[&str]) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|key, _| !keys.contains(&key.as_str()));
    }
    if let Some(kinds) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        for kind in kinds {
            remove_properties(kind, keys);
        }
    }
}

/// The form of a glob in which each `[` is closed and nothing is missing behind a back-slash. What comes first
/// in brackets, behind `!` or `^`, never closes them.
const CLOSED_GLOB_PATTERN: &str = r"^([^\[\\]|\\.|\[([!^](\\.|[^\\])|\\.|[^\\!^])(\\.|[^\]\\])*\])*$";

/// Returns the schema of a pattern of paths, as far as `policy check` finds what it cannot mean.
pub(super) fn path_pattern_schema() -> Value {
    let slips =
        "^[!#^ ]|^\\.\\.?/|^~(/|$)|//|/\\.\\.?/|[$ ]$|[{][^}]*,[^}]*[}]|\\\\[A-Za-z0-9_]|[\u{2018}-\u{201f}]";
    json!({
        "type": ["string", "number", "boolean"],
        "minLength": 1,
        "pattern": CLOSED_GLOB_PATTERN,
        "not": { "type": "string", "pattern": slips },
    })
}

/// Returns the schema of a pattern of refs.
pub(super) fn ref_pattern_schema() -> Value {
    let slips = "[~^:?\\[\\\\ \u{1}-\u{1f}\u{7f}]|\\.\\.|^/|[/$]$|[{][^}]*,[^}]*[}]|[\u{2018}-\u{201f}]";
    json!({ "type": ["string", "number", "boolean"], "minLength": 1, "not": { "type": "string", "pattern": slips } })
}

/// Returns the schema of a calendar day; only a leap day needs more than a pattern.
pub(super) fn day_schema() -> Value {
    json!({
        "type": "string",
        "pattern": "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
        "not": { "type": "string", "pattern": "-(02-3|0[469]-31|11-31)" },
    })
}

/// Returns the schema of a holiday: one day, the same day of every year, or a calendar.
pub(super) fn holiday_schema() -> Value {
    let day = json!({
        "type": "string",
        "pattern": "^([0-9]{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
        "not": { "type": "string", "pattern": "(^|-)(02-3|0[469]-31|11-31)" },
    });
    json!({ "anyOf": [day, { "type": "string", "pattern": "[.]ics$" }] })
}

/// Returns the schema of a pattern of names, which cannot match all of them.
pub(super) fn name_pattern_schema() -> Value {
    json!({ "type": ["string", "number", "boolean"], "pattern": "^[ -~]*[ -)+-~][ -~]*$" })
}

/// Returns the schema of a domain.
fn domain_schema() -> Value {
    json!({ "type": ["string", "number"], "pattern": "^[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*$" })
}

/// Returns the schema of a pattern of paths that does not match every path.
pub(super) fn bounded_pattern_schema() -> Value {
    json!({ "allOf": [path_pattern_schema(), { "not": { "type": "string", "pattern": "^[*/?]*$" } }] })
}

/// Returns the schema of a member of a team: an account, or an address that may stand in angle brackets
/// behind a name.
pub(super) fn member_schema() -> Value {
    let part = "[!#-'*+./0-9=?A-Z^-~-]+";
    let address = format!("[!#-'*+./0-9=?A-Z^-~\\[\\]-]+@{part}");
    let pattern = format!("^[A-Za-z0-9_.:\\[\\]-]{{1,100}}$|^{address}$|^[^<]*<{address}>$");
    json!({ "type": ["string", "number"], "pattern": pattern })
}

/// Returns the schema of the path of a file in the repository.
pub(super) fn file_schema() -> Value {
    json!({ "type": "string", "minLength": 1, "not": { "type": "string", "pattern": "^/|/$|//|(^|/)\\.\\.?(/|$)|\\\\" } })
}

/// Returns the schema of a policy that another one extends: a pack's name, a file, or one of another repository.
pub(super) fn base_schema() -> Value {
    let mut names = Vec::new();
    for pack in crate::policy::packs::POLICY_PACKS {
        names.push(pack.name);
    }
    let pattern = format!("^({})$|\\.ya?ml$", names.join("|"));
    let part = "[A-Za-z0-9_][A-Za-z0-9._-]{0,99}";
    let remote =
        format!("^{part}(/{part}){{1,5}}//([^/@]+/)*[^/@]+\\.ya?ml@[A-Za-z0-9_+][A-Za-z0-9/._+-]{{0,99}}$");
    let local = json!({ "type": "string", "pattern": pattern, "not": { "type": "string", "pattern": "^/|//|(^|/)\\.\\.?(/|$)|\\\\" } });
    json!({ "anyOf": [local, { "type": "string", "pattern": remote, "not": { "type": "string", "pattern": "/\\.\\.?/|\\\\" } }] })
}

/// Returns the schema of the length of a break-glass session, which is counted around the clock.
pub(super) fn session_schema() -> Value {
    let pattern = LIMIT_PATTERN.replace("|business day|business days", "");
    json!({ "type": "string", "pattern": pattern })
}

/// Returns the schema of a number of bytes.
pub(super) fn size_schema() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]{1,20} *(B|KB|MB|GB|KiB|MiB|GiB)$" })
}

/// Returns the schema of a ticket system whose addresses have their form.
pub(super) fn refine_ticket_system(mut system: Value) -> Value {
    let address = json!({ "type": "string", "pattern": ADDRESS_PATTERN });
    refine_properties(&mut system, &["jira", "jira-data-center"], &address);
    let repository = json!({ "type": "string", "pattern": "^[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}$" });
    refine_properties(&mut system, &["github"], &repository);
    system
}

/// Makes the items of the lists under `inside` and `outside` the periods that may also stand there alone.
fn refine_window(schema: &mut Value) {
    let moment = json!({ "type": "string", "pattern": MOMENT_PATTERN });
    refine_properties(schema, &["from", "until"], &moment);
    let day = json!({ "enum": WEEKDAYS });
    let days = json!({ "anyOf": [{ "enum": ["business", "weekend", "holidays"] }, list_or_one(day)] });
    refine_properties(schema, &["weekdays"], &days);
    for key in ["inside", "outside"] {
        let place = format!("/properties/{key}/anyOf");
        let Some(kinds) = schema.pointer_mut(&place).and_then(Value::as_array_mut) else { continue };
        let Some(period) = kinds.iter().find(|kind| kind.get("properties").is_some()).cloned() else {
            continue;
        };
        for kind in kinds {
            if let Some(items) = kind.get_mut("items") {
                *items = period.clone();
            }
        }
    }
}

/// Returns the schema of the words of a field, no two of them equal.
fn words_schema() -> Value {
    let word =
        json!({ "type": ["string", "number", "boolean"], "pattern": "^[^; \t\r\n]([^;]*[^; \t\r\n])?$" });
    json!({ "anyOf": [word, { "type": "array", "minItems": 1, "uniqueItems": true, "items": word }] })
}

/// Returns the schema of a field, which has exactly one kind.
pub(super) fn with_one_kind(mut field: Value) -> Value {
    refine_properties(&mut field, &["one-of", "ordered"], &words_schema());
    let alias = json!({ "type": ["string", "number"], "pattern": FIELD_NAME_PATTERN });
    refine_properties(&mut field, &["aliases"], &list_or_one(alias));
    let mut kinds = Vec::new();
    for kind in FIELD_KINDS {
        kinds.push(json!({ "required": [kind] }));
    }
    if let Some(map) = field.as_object_mut() {
        map.insert("oneOf".into(), Value::Array(kinds));
    }
    field
}

/// Returns what a level asks for beside it.
pub(super) fn level_conditions() -> Value {
    let level =
        |words: &[&str]| json!({ "required": ["level"], "properties": { "level": { "enum": words } } });
    json!([
        { "if": level(&["warn", "off"]), "then": { "required": ["reason"] } },
        { "if": level(&["warn"]), "then": { "required": ["until"] } },
    ])
}

/// Puts `schema` at a place, if the place exists.
pub(super) fn replace_at(whole: &mut Value, place: &str, schema: Value) {
    if let Some(part) = whole.pointer_mut(place) {
        *part = schema;
    }
}

/// Gives the parameters of a predicate their forms: patterns of paths and refs, spans of time.
pub(super) fn refine_predicate(schema: &mut Value, name: &str) {
    let paths = json!({ "$ref": "#/$defs/paths" });
    let names = json!({ "$ref": "#/$defs/names" });
    match name {
        // What is asked of a field is a word, a value or a map, and never a list.
        "field" => {
            *schema = json!({ "type": "object", "additionalProperties": { "not": { "type": "array" } } });
        }
        "branch" => *schema = json!({ "$ref": "#/$defs/refs" }),
        "only-touches" => *schema = paths,
        "touches" => {
            replace_texts(schema, &paths);
            refine_properties(schema, &["paths", "ignore"], &paths);
        }
        "size" => refine_properties(schema, &["ignore"], &paths),
        "blob" => refine_properties(schema, &["lfs"], &paths),
        "author" => {
            refine_properties(schema, &["address"], &names);
            refine_properties(schema, &["domain"], &list_or_one(domain_schema()));
        }
        "window" => refine_window(schema),
        "pusher" => {
            replace_texts(schema, &names);
            refine_properties(schema, &["account"], &names);
        }
        _ => {}
    }
    let limit = json!({ "$ref": "#/$defs/limit" });
    refine_properties(schema, &["within", "created-within"], &limit);
}

/// Replaces the reference to any texts, wherever it is one of several kinds.
fn replace_texts(schema: &mut Value, texts: &Value) {
    if let Some(kinds) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        for kind in kinds {
            if kind.get("$ref").and_then(Value::as_str) == Some("#/$defs/texts") {
                *kind = texts.clone();
            }
        }
    }
}

/// Replaces the schemas of these properties, at any depth.
pub(super) fn refine_properties(schema: &mut Value, keys: &[&str], with: &Value) {
    match schema {
        Value::Object(map) => {
            for (key, part) in map {
                if let ("properties", Value::Object(properties)) = (key.as_str(), &mut *part) {
                    for (key, value) in properties {
                        if keys.contains(&key.as_str()) {
                            *value = with.clone();
                        }
                    }
                }
                refine_properties(part, keys, with);
            }
        }
        Value::Array(items) => {
            for item in items {
                refine_properties(item, keys, with);
            }
        }
        _ => {}
    }
}
