//! Answering GraphQL: exactly the fields that are asked for, under the names that are asked for, with
//! GitHub's limits on pages and its way of telling errors.

use serde_json::{Map, Value, json};

use super::graph::{Node, Out};
use super::http::{Answer, Request};
use super::query::{Directive, Document, Field, Selection, VARIABLE, read};
use super::world::World;

struct Asked<'a> {
    world: &'a World,
    document: &'a Document,
    variables: &'a Map<String, Value>,
    errors: Vec<Value>,
    path: Vec<Value>,
}

/// Answers a request.
pub(crate) fn graphql(world: &World, request: &Request) -> Answer {
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return Answer::json(400, &json!({ "message": "Problems parsing JSON" }));
    };
    let document = match read(body["query"].as_str().unwrap_or_default()) {
        Ok(document) => document,
        Err(message) => return Answer::json(200, &json!({ "errors": [{ "message": message }] })),
    };
    let wanted = body["operationName"].as_str();
    let operation = document.operations.iter().find(|known| wanted.is_none_or(|name| name == known.name));
    let Some(operation) = operation.filter(|known| known.kind == "query") else {
        return Answer::json(200, &json!({ "errors": [{ "message": "there is no such query" }] }));
    };
    let mut variables: Map<String, Value> =
        operation.defaults.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    variables.extend(
        body["variables"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    let mut asked =
        Asked { world, document: &document, variables: &variables, errors: Vec::new(), path: Vec::new() };
    let data = asked.object(&Node::Query, &operation.selections);
    let mut answer = json!({ "data": data });
    if !asked.errors.is_empty() {
        answer["errors"] = Value::Array(asked.errors);
    }
    Answer::json(200, &answer)
}

impl Asked<'_> {
    fn resolved(&self, value: &Value) -> Value {
        match value {
            Value::Object(parts) => match parts.get(VARIABLE).and_then(Value::as_str) {
                Some(name) => self.variables.get(name).cloned().unwrap_or(Value::Null),
                None => parts.iter().map(|(name, part)| (name.clone(), self.resolved(part))).collect(),
            },
            Value::Array(items) => items.iter().map(|item| self.resolved(item)).collect(),
            other => other.clone(),
        }
    }

    fn is_wanted(&self, directives: &[Directive]) -> bool {
        directives.iter().all(|(name, arguments)| {
            let holds = arguments.get("if").is_some_and(|value| self.resolved(value) == Value::Bool(true));
            if name == "skip" { !holds } else { holds }
        })
    }

    fn error(&mut self, kind: &str, message: String) -> Value {
        self.errors.push(json!({ "type": kind, "path": self.path, "message": message }));
        Value::Null
    }

    fn object(&mut self, node: &Node<'_>, selections: &[Selection]) -> Value {
        let mut found = Map::new();
        self.collect(node, selections, &mut found);
        Value::Object(found)
    }

    fn collect(&mut self, node: &Node<'_>, selections: &[Selection], found: &mut Map<String, Value>) {
        for selection in selections {
            match selection {
                Selection::Field(field) if self.is_wanted(&field.directives) => {
                    self.path.push(json!(field.alias));
                    let value = self.field(node, field);
                    self.path.pop();
                    merge(found, &field.alias, value);
                }
                Selection::Inline(on, directives, inner)
                    if self.is_wanted(directives) && on.as_deref().is_none_or(|on| node.is_a(on)) =>
                {
                    self.collect(node, inner, found);
                }
                Selection::Spread(name, directives) if self.is_wanted(directives) => {
                    let document = self.document;
                    match document.fragments.get(name) {
                        Some((on, inner)) if node.is_a(on) => self.collect(node, inner, found),
                        Some(_) => {}
                        None => drop(self.error("INVALID", format!("there is no fragment `{name}`"))),
                    }
                }
                _ => {}
            }
        }
    }

    fn field(&mut self, node: &Node<'_>, field: &Field) -> Value {
        if field.name == "__typename" {
            return json!(node.name());
        }
        let arguments: Map<String, Value> =
            field.arguments.iter().map(|(name, value)| (name.clone(), self.resolved(value))).collect();
        match node.field(self.world, &field.name, &arguments) {
            Out::Value(value) => value,
            Out::Node(inner) => self.object(&inner, &field.selections),
            Out::List(items) => items.iter().map(|item| self.object(item, &field.selections)).collect(),
            Out::Connection(items, total) => self.connection(&items, total, &arguments, field),
            Out::NotFound(what) => self.error("NOT_FOUND", format!("Could not resolve to {what}.")),
            Out::Unknown => {
                let message = format!("Field '{}' doesn't exist on type '{}'", field.name, node.name());
                self.error("undefinedField", message)
            }
        }
    }

    fn connection(
        &mut self,
        items: &[Node<'_>],
        total: usize,
        arguments: &Map<String, Value>,
        field: &Field,
    ) -> Value {
        let number = |name: &str| arguments.get(name).and_then(Value::as_u64).map(|number| number as usize);
        let cursor = |name: &str| -> Option<usize> {
            arguments.get(name)?.as_str()?.strip_prefix("Y3Vyc29y")?.parse().ok()
        };
        let (first, last) = (number("first"), number("last"));
        if first.is_none() && last.is_none() {
            let message = format!(
                "You must provide a `first` or `last` value to properly paginate the `{}` connection.",
                field.name
            );
            return self.error("MISSING_PAGINATION_BOUNDARIES", message);
        }
        if first.or(last).is_some_and(|count| 100 < count) {
            let message = format!("Requesting more than 100 records on the `{}` connection.", field.name);
            return self.error("EXCESSIVE_PAGINATION", message);
        }
        let mut start = cursor("after").unwrap_or(0).min(items.len());
        let mut end = cursor("before").map_or(items.len(), |before| before - 1).max(start);
        if let Some(first) = first {
            end = end.min(start + first);
        }
        if let Some(last) = last {
            start = start.max(end.saturating_sub(last));
        }
        let mut found = Map::new();
        for selection in self.fields(&field.selections) {
            self.path.push(json!(selection.alias));
            let value = match selection.name.as_str() {
                "totalCount" => json!(total),
                "nodes" => {
                    items[start..end].iter().map(|item| self.object(item, &selection.selections)).collect()
                }
                "edges" => (start..end).map(|at| self.edge(&items[at], at, &selection)).collect(),
                "pageInfo" => {
                    let cursor = |at: usize| (start < end).then(|| format!("Y3Vyc29y{}", at + 1));
                    let info = json!({
                        "hasNextPage": end < items.len(), "hasPreviousPage": 0 < start,
                        "startCursor": cursor(start), "endCursor": cursor(end.saturating_sub(1)),
                    });
                    self.object(&Node::Plain("PageInfo", info), &selection.selections)
                }
                "__typename" => json!("Connection"),
                other => self.error("undefinedField", format!("a connection has no `{other}`")),
            };
            self.path.pop();
            merge(&mut found, &selection.alias, value);
        }
        Value::Object(found)
    }

    fn edge(&mut self, item: &Node<'_>, at: usize, field: &Field) -> Value {
        let mut found = Map::new();
        for selection in self.fields(&field.selections) {
            let value = match selection.name.as_str() {
                "cursor" => json!(format!("Y3Vyc29y{}", at + 1)),
                "node" => self.object(item, &selection.selections),
                "__typename" => json!("Edge"),
                // What an edge of collaborators says beside the account.
                name => match item.field(self.world, name, &Map::new()) {
                    Out::Value(value) => value,
                    _ => self.error("undefinedField", format!("an edge has no `{name}`")),
                },
            };
            found.insert(selection.alias.clone(), value);
        }
        Value::Object(found)
    }

    /// Returns the fields of a connection or an edge, with fragments opened.
    fn fields(&self, selections: &[Selection]) -> Vec<Field> {
        let mut found = Vec::new();
        for selection in selections {
            match selection {
                Selection::Field(field) if self.is_wanted(&field.directives) => found.push(field.clone()),
                Selection::Inline(_, directives, inner) if self.is_wanted(directives) => {
                    found.extend(self.fields(inner));
                }
                Selection::Spread(name, directives) if self.is_wanted(directives) => {
                    let inner = self.document.fragments.get(name);
                    found.extend(inner.map(|(_, inner)| self.fields(inner)).unwrap_or_default());
                }
                _ => {}
            }
        }
        found
    }
}

/// A field may be asked for in two places; what is found there is one object.
fn merge(found: &mut Map<String, Value>, name: &str, value: Value) {
    match (found.get_mut(name), value) {
        (Some(Value::Object(known)), Value::Object(more)) => {
            for (name, value) in more {
                merge(known, &name, value);
            }
        }
        (Some(Value::Array(known)), Value::Array(more)) => {
            for (known, more) in known.iter_mut().zip(more) {
                if let (Value::Object(known), Value::Object(more)) = (known, more) {
                    for (name, value) in more {
                        merge(known, &name, value);
                    }
                }
            }
        }
        (_, value) => drop(found.insert(name.to_owned(), value)),
    }
}
