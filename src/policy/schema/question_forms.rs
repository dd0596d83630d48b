//! The forms of the parameters of questions: which of them need each other, which exclude each other, and which of them
//! has to be there.
//!
//! A probe tells which kind of value each parameter takes. What a reader asks of several parameters together is written
//! here a second time, and a generated test holds it against the reader.

use serde_json::{Value, json};

use crate::policy::schema::constraints::{
    add_condition, expression_schema, list_or_one, refine_properties, require_beside, require_one_of,
    schema_reference, size_schema, visible_schema,
};
use crate::predicates::approvals::MAX_DIFFERENT_TEAMS;

/// The days of a week, as a window names them.
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// The form of a day.
const DAY_PATTERN: &str = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$";

/// The form of a time of day.
const TIME_PATTERN: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]$";

/// The form of the days that are counted at the edge of a month, a quarter or a year.
const COUNTED_DAYS_PATTERN: &str = "^0*([1-9]|[12][0-9]|3[01]) *(d|day|days|business day|business days)$";

/// The form of the name of a time zone.
const ZONE_PATTERN: &str = "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$";

/// The form of a command in a comment.
const COMMAND_PATTERN: &str = "^/[A-Za-z0-9_-]+$";

/// The form of the name of a label.
const LABEL_PATTERN: &str = "^[^ \t\r\n]([^\r\n]*[^ \t\r\n])?$";

/// Gives the parameters of a predicate their forms; nothing may be owed unless `allows_obligations`.
pub(super) fn refine_predicate(schema: &mut Value, name: &str, allows_obligations: bool) {
    let paths = schema_reference("paths");
    let names = schema_reference("names");
    match name {
        "adds-lines" => {
            refine_properties(schema, &["in"], &paths);
            refine_properties(schema, &["matching"], &list_or_one(expression_schema()));
        }
        "approvals" => refine_approvals(schema),
        "author" => {
            refine_properties(schema, &["address"], &names);
            refine_properties(schema, &["domain"], &list_or_one(domain_schema()));
            require_one_of(schema, &["address", "bot", "domain", "team"]);
        }
        "blob" => {
            refine_properties(schema, &["lfs"], &paths);
            refine_properties(schema, &["largest"], &size_schema());
            require_one_of(schema, &["largest", "lfs", "lfs-pointer", "raw-weights"]);
        }
        "branch" => *schema = schema_reference("refs"),
        "checks" => {
            replace_texts(schema, &names);
            refine_properties(schema, &["named", "by"], &names);
        }
        "comments-resolved" | "for-landed-change" | "policy-loosened" => *schema = json!({ "const": true }),
        "digest-of" => refine_properties(schema, &["path"], &paths),
        "field" => *schema = field_question(allows_obligations),
        "label" => refine_label(schema),
        "merge" => require_one_of(schema, &["content", "parents"]),
        "only-touches" => *schema = paths,
        "pusher" => {
            replace_texts(schema, &names);
            refine_properties(schema, &["account"], &names);
            require_one_of(schema, &["account", "bot", "team"]);
        }
        "signed" => replace_booleans(schema),
        "size" => {
            refine_properties(schema, &["ignore"], &paths);
            require_one_of(schema, &["commits", "files", "lines"]);
            require_beside(schema, "ignore", &json!({ "required": ["files"] }));
        }
        "subject" | "title" => refine_properties(schema, &["matches"], &expression_schema()),
        "ticket" => refine_ticket(schema, allows_obligations),
        "touches" => {
            replace_texts(schema, &paths);
            refine_properties(schema, &["paths", "ignore"], &paths);
            require_one_of(schema, &["paths", "kinds"]);
        }
        "window" => refine_window(schema),
        _ => {}
    }
}

/// Replaces the reference to any texts, wherever it is one of several kinds.
fn replace_texts(schema: &mut Value, texts: &Value) {
    replace_kinds(schema, texts, |kind| kind.get("$ref").and_then(Value::as_str) == Some("#/$defs/texts"));
}

/// Leaves `true` of the two truth values.
fn replace_booleans(schema: &mut Value) {
    let truth = json!({ "const": true });
    replace_kinds(schema, &truth, |kind| kind.get("type").and_then(Value::as_str) == Some("boolean"));
}

fn replace_kinds(schema: &mut Value, with: &Value, is_meant: fn(&Value) -> bool) {
    if let Some(kinds) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        for kind in kinds {
            if is_meant(kind) {
                *kind = with.clone();
            }
        }
    }
}

/// The form of a domain.
fn domain_schema() -> Value {
    json!({ "type": ["string", "number", "boolean"], "pattern": "^[A-Za-z0-9-]+(\\.[A-Za-z0-9-]+)*$" })
}

fn refine_approvals(schema: &mut Value) {
    let command = json!({ "type": "string", "pattern": COMMAND_PATTERN });
    refine_properties(schema, &["commands"], &list_or_one(command));
    // `codeowners` stands alone.
    let team = json!({ "allOf": [schema_reference("text"), { "not": { "const": "codeowners" } }] });
    let teams = json!({ "anyOf": [
        schema_reference("text"),
        { "type": "array", "minItems": 1, "items": team },
    ] });
    refine_properties(schema, &["from"], &teams);
    let of_owners = json!({ "required": ["from"], "properties": { "from": { "const": "codeowners" } } });
    require_beside(schema, "unowned", &of_owners);
    let distinct = json!({
        "required": ["distinct-teams"],
        "properties": { "distinct-teams": { "const": true } },
    });
    let several =
        json!({ "required": ["from"], "properties": { "from": { "type": "array", "minItems": 2 } } });
    add_condition(schema, json!({ "if": distinct, "then": several }));
    require_beside(
        schema,
        "different-teams",
        &json!({
            "required": ["from"],
            "properties": {
                "from": { "type": "array", "minItems": 2 },
                "distinct-teams": { "const": false },
            },
        }),
    );
    for count in 3..=MAX_DIFFERENT_TEAMS {
        let asks = json!({
            "required": ["different-teams"],
            "properties": { "different-teams": { "minimum": count } },
        });
        let named = json!({ "properties": { "from": { "minItems": count } } });
        add_condition(schema, json!({ "if": asks, "then": named }));
    }
    require_beside(
        schema,
        "authors",
        &json!({ "properties": { "of": { "not": { "const": "any-commit" } } } }),
    );
    require_beside(
        schema,
        "distinct",
        &json!({ "properties": {
            "authors": false,
            "different-teams": false,
            "from": { "not": { "const": "codeowners" } },
        } }),
    );
    let nothing_else = json!({ "properties": {
        "at-least": false,
        "authors": false,
        "commands": false,
        "different-teams": false,
        "distinct": false,
        "distinct-teams": false,
        "field": false,
        "from": { "not": { "const": "codeowners" } },
        "of": false,
        "suggestions": false,
        "unowned": false,
    } });
    add_condition(schema, json!({ "if": { "required": ["by"] }, "then": nothing_else }));
}

/// Returns the schema of what is asked of fields: a map by their names. A word is one of the field's own, which no
/// schema of all policies knows.
fn field_question(allows_obligations: bool) -> Value {
    let text = schema_reference("text");
    let one_of = |key: &str, value: Value| {
        json!({
            "type": "object",
            "properties": { key: value },
            "required": [key],
            "additionalProperties": false,
        })
    };
    let truth = json!({ "const": true });
    let mut kinds = vec![
        text.clone(),
        one_of("at-least", text.clone()),
        one_of("at-most", text.clone()),
        one_of("one-of", schema_reference("texts")),
        one_of("present", truth.clone()),
    ];
    if allows_obligations {
        for (key, limit) in [("within", schema_reference("limit")), ("until", text)] {
            kinds.push(json!({
                "type": "object",
                "properties": { "present": truth, key: limit, "by": { "enum": ["others"] } },
                "required": [key],
                "additionalProperties": false,
            }));
        }
    }
    json!({ "type": "object", "minProperties": 1, "additionalProperties": { "anyOf": kinds } })
}

fn refine_label(schema: &mut Value) {
    let label = json!({ "type": ["string", "number", "boolean"], "pattern": LABEL_PATTERN });
    refine_properties(schema, &["any-of", "all-of", "none-of"], &list_or_one(label.clone()));
    // A list does not say whether any or all are meant.
    let single = json!({ "anyOf": [
        label,
        { "type": "array", "minItems": 1, "maxItems": 1, "items": label },
    ] });
    replace_texts(schema, &single);
    require_one_of(schema, &["any-of", "all-of", "none-of"]);
    require_beside(schema, "of", &json!({ "required": ["by"] }));
    require_beside(
        schema,
        "by",
        &json!({ "anyOf": [{ "required": ["any-of"] }, { "required": ["all-of"] }] }),
    );
}

fn refine_ticket(schema: &mut Value, allows_obligations: bool) {
    let limit = schema_reference("limit");
    refine_properties(schema, &["within", "created-within"], &limit);
    refine_properties(schema, &["project"], &list_or_one(visible_schema()));
    refine_properties(schema, &["exists"], &json!({ "const": true }));
    require_beside(schema, "about", &json!({ "required": ["created-within"] }));
    require_beside(schema, "created-within", &json!({ "required": ["about"] }));
    let mut about_ticket = Vec::new();
    for key in ["exists", "project", "type", "label", "state", "created-within"] {
        about_ticket.push(json!({ "required": [key] }));
    }
    require_beside(schema, "unseen", &json!({ "required": ["within"], "anyOf": about_ticket }));
    if !allows_obligations {
        remove_property(schema, "within");
    }
}

/// Removes a property, so that a map with it does not fit.
fn remove_property(schema: &mut Value, key: &str) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove(key);
    }
}

/// Gives `inside` and `outside` the periods that may stand there, alone or in a list.
fn refine_window(schema: &mut Value) {
    let period = list_or_one(period_schema());
    refine_properties(schema, &["inside", "outside"], &period);
    refine_properties(
        schema,
        &["zone"],
        &json!({ "type": ["string", "number", "boolean"], "pattern": ZONE_PATTERN, "maxLength": 64 }),
    );
    require_one_of(schema, &["inside", "outside"]);
}

/// Returns the schema of a period: days, hours, or the edge of a month, a quarter or a year.
fn period_schema() -> Value {
    let day = json!({ "type": "string", "pattern": DAY_PATTERN });
    let time = json!({ "type": "string", "pattern": TIME_PATTERN });
    let weekday = json!({ "enum": WEEKDAYS });
    let weekdays =
        json!({ "anyOf": [{ "enum": ["business", "weekend", "holidays"] }, list_or_one(weekday)] });
    let counted = json!({ "type": "string", "pattern": COUNTED_DAYS_PATTERN });
    let part = json!({ "enum": ["month", "quarter", "year"] });
    json!({ "anyOf": [
        {
            "type": "object",
            "properties": { "from": day, "until": day },
            "required": ["from", "until"],
            "additionalProperties": false,
        },
        {
            "type": "object",
            "properties": { "weekdays": weekdays, "from": time, "until": time },
            "minProperties": 1,
            "additionalProperties": false,
        },
        {
            "type": "object",
            "properties": { "last": counted, "of": part },
            "required": ["last", "of"],
            "additionalProperties": false,
        },
        {
            "type": "object",
            "properties": { "first": counted, "of": part },
            "required": ["first", "of"],
            "additionalProperties": false,
        },
    ] })
}
