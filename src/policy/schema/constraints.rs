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
pub(super) const TICKET_PREFIX_PATTERN: &str = "^([A-Z][A-Z0-9_]{0,39}|#|[*])$";

/// The form of the address of a ticket system, which holds no password.
const ADDRESS_PATTERN: &str =
    "^(https://[^@/: ]+|http://(127\\.0\\.0\\.1|localhost))(:[0-9]{1,5})?(/[^@ ]*)?$";

/// The kinds of fields, of which each field has one.
const FIELD_KINDS: [&str; 5] = ["one-of", "ordered", "matches", "text", "person"];

/// The characters that nobody sees, or that look like a space; those that some scripts need are left out.
const HIDDEN_CHARACTERS: &str =
    r"\u00a0\u00ad\u061c\u180e\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f-\u2064\u2066-\u2069\ufeff";

/// The form of a text without a letter or a digit, such as `-`, which is a placeholder.
const BARE_PUNCTUATION_PATTERN: &str = r"^[\x00-/:-@\[-`{-\x7f]*$";

/// The form of the account of a bot, with its forge.
const BOT_ACCOUNT_PATTERN: &str = "^[^:*]+:[^*]+$";

/// Returns the reference to a schema that is defined once.
pub(super) fn schema_reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// Returns the schema of a map that may be left empty, by a key with nothing behind it.
pub(super) fn or_nothing(mut map: Value) -> Value {
    if let Some(kind) = map.get_mut("type") {
        *kind = json!(["object", "null"]);
    }
    map
}

/// Returns the schema of one such value, or of a list of them.
pub(super) fn list_or_one(item: Value) -> Value {
    json!({ "anyOf": [item, list_of(item.clone())] })
}

/// Returns the schema of a list of such values.
pub(super) fn list_of(item: Value) -> Value {
    json!({ "type": "array", "minItems": 1, "items": item })
}

/// Returns the schema of a question that asks something; `name` is `question`, or `settled-question` where
/// nothing may be owed.
pub(super) fn asked_question(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}"), "minProperties": 1 })
}

/// The form of a glob in which each `[` is closed and nothing is missing behind a back-slash. What comes first
/// in brackets, behind `!` or `^`, never closes them.
const CLOSED_GLOB_PATTERN: &str = r"^([^\[\\]|\\.|\[([!^](\\.|[^\\])|\\.|[^\\!^])(\\.|[^\]\\])*\])*$";

/// Asks for at least one of these keys, where a value is a map.
pub(super) fn require_one_of(schema: &mut Value, keys: &[&str]) {
    let required: Vec<Value> = keys.iter().map(|key| json!({ "required": [key] })).collect();
    add_condition(schema, json!({ "anyOf": required }));
}

/// Asks for `condition` where a map has `key`.
pub(super) fn require_beside(schema: &mut Value, key: &str, condition: &Value) {
    add_condition(schema, json!({ "if": { "required": [key] }, "then": condition }));
}

/// Adds a condition to the schema of a map, which may be one of several kinds.
pub(super) fn add_condition(schema: &mut Value, condition: Value) {
    if let Some(kinds) = schema.get_mut("anyOf").and_then(Value::as_array_mut)
        && let Some(kind) = kinds.iter_mut().find(|kind| kind.get("properties").is_some())
    {
        add_condition(kind, condition);
        return;
    }
    let Some(map) = schema.as_object_mut() else { return };
    if let Some(Value::Array(conditions)) = map.get_mut("allOf") {
        conditions.push(condition);
    } else {
        map.insert("allOf".into(), Value::Array(vec![condition]));
    }
}

/// Returns the schema of a pattern of paths, as far as `policy check` finds what it cannot mean.
pub(super) fn path_pattern_schema() -> Value {
    let slips = format!(
        "^[!#^ ]|^\\.\\.?/|^~(/|$)|//|/\\.\\.?/|[$ ]$|[{{][^}}]*,[^}}]*[}}]|\\\\[A-Za-z0-9_]|[\u{2018}-\u{201f}{HIDDEN_CHARACTERS}]"
    );
    json!({
        "type": ["string", "number", "boolean"],
        "minLength": 1,
        "pattern": CLOSED_GLOB_PATTERN,
        "not": { "type": "string", "pattern": slips },
    })
}

/// Returns the schema of a pattern of refs.
pub(super) fn ref_pattern_schema() -> Value {
    let slips = format!(
        "[~^:?\\[\\\\ \u{1}-\u{1f}\u{7f}]|\\.\\.|^/|[/$]$|[{{][^}}]*,[^}}]*[}}]|[\u{2018}-\u{201f}{HIDDEN_CHARACTERS}]"
    );
    json!({ "type": ["string", "number", "boolean"], "minLength": 1, "not": { "type": "string", "pattern": slips } })
}

/// Returns the schema of a text that says something, such as a reason.
pub(super) fn filled_schema() -> Value {
    json!({
        "type": ["string", "number", "boolean"],
        "not": { "type": "string", "pattern": BARE_PUNCTUATION_PATTERN },
    })
}

/// Returns the schema of a name, which has no character that nobody sees.
pub(super) fn visible_schema() -> Value {
    let hidden = json!({ "type": "string", "pattern": format!("[{HIDDEN_CHARACTERS}]") });
    json!({ "allOf": [schema_reference("text"), { "not": hidden }] })
}

/// Returns the schema of the name of who approved something.
pub(super) fn approver_schema() -> Value {
    json!({ "allOf": [visible_schema(), schema_reference("filled-text")] })
}

/// Returns the schema of a regular expression, of which an editor knows only how it cannot begin.
pub(super) fn expression_schema() -> Value {
    let slip = json!({ "type": "string", "pattern": "^[*+?]" });
    json!({ "allOf": [schema_reference("text"), { "not": slip }] })
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

/// Returns the schema of a pattern of paths that does not match every path.
pub(super) fn bounded_pattern_schema() -> Value {
    json!({ "allOf": [path_pattern_schema(), { "not": { "type": "string", "pattern": "^[*/?]*$" } }] })
}

/// Returns the schema of a member of a team: an account, or an address that may stand in angle brackets
/// behind a name.
pub(super) fn member_schema() -> Value {
    let part = "[!#-'*+./0-9=?A-Z^-~-]+";
    let address = format!("[!#-'*+./0-9=?A-Z^-~\\[\\]-]+@{part}");
    let pattern = format!("^[A-Za-z0-9_.:\\[\\]-]{{1,100}}(#[0-9]{{1,20}})?$|^{address}$|^[^<]*<{address}>$");
    json!({ "type": ["string", "number", "boolean"], "pattern": pattern })
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

/// Returns the schema of the size of an attached file, which is not empty.
pub(super) fn attachment_size_schema() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]{0,19}[1-9][0-9]{0,19} *(B|KB|MB|GB|KiB|MiB|GiB)$" })
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
    if let Some(kinds) = system.get_mut("anyOf").and_then(Value::as_array_mut) {
        for kind in kinds.iter_mut().filter(|kind| kind.get("properties").is_some()) {
            if let Some(map) = kind.as_object_mut() {
                map.insert("minProperties".into(), json!(1));
                map.insert("maxProperties".into(), json!(1));
            }
        }
    }
    system
}

/// Returns the schema of the words of a field, no two of them equal.
fn words_schema() -> Value {
    let word = json!({
        "type": ["string", "number", "boolean"],
        "pattern": "^[^; \t\r\n]([^;]*[^; \t\r\n])?$",
        "not": { "type": "string", "pattern": format!("[{HIDDEN_CHARACTERS}]") },
    });
    // Placeholders alone state nothing.
    let placeholder = json!({ "type": "string", "pattern": BARE_PUNCTUATION_PATTERN });
    json!({
        "anyOf": [word, { "type": "array", "minItems": 1, "uniqueItems": true, "items": word }],
        "not": { "anyOf": [placeholder, { "type": "array", "minItems": 1, "items": placeholder }] },
    })
}

/// Returns the schema of a field, which has exactly one kind.
pub(super) fn with_one_kind(mut field: Value) -> Value {
    refine_properties(&mut field, &["one-of", "ordered"], &words_schema());
    let alias = json!({ "type": ["string", "number", "boolean"], "pattern": FIELD_NAME_PATTERN });
    refine_properties(&mut field, &["aliases"], &list_or_one(alias));
    refine_properties(&mut field, &["matches"], &expression_schema());
    refine_properties(&mut field, &["person"], &json!({ "const": true }));
    let bot = json!({ "type": "string", "pattern": BOT_ACCOUNT_PATTERN });
    refine_properties(&mut field, &["stated-by-bots"], &list_or_one(bot));
    refine_properties(&mut field, &["example"], &schema_reference("text"));
    require_beside(&mut field, "example", &json!({ "required": ["matches"] }));
    // Only a list of words has a strictest or a highest value.
    let words = json!({ "anyOf": [{ "required": ["one-of"] }, { "required": ["ordered"] }] });
    let refused = json!({ "properties": { "on-conflict": { "const": "refuse" } } });
    require_beside(&mut field, "on-conflict", &json!({ "anyOf": [refused, words] }));
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
