//! Reading a GraphQL document: operations, fragments, arguments and variables. What is not needed to
//! answer it (descriptions, types of variables, unknown directives) is read and forgotten.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::{Map, Value, json};

/// A document.
#[derive(Debug, Default)]
pub(crate) struct Document {
    pub(crate) operations: Vec<Operation>,
    pub(crate) fragments: BTreeMap<String, (String, Vec<Selection>)>,
}

/// A query or a mutation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) defaults: BTreeMap<String, Value>,
    pub(crate) selections: Vec<Selection>,
}

/// What is asked of an object.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    Field(Field),
    Spread(String, Vec<Directive>),
    Inline(Option<String>, Vec<Directive>, Vec<Selection>),
}

/// A field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) alias: String,
    pub(crate) name: String,
    pub(crate) arguments: Map<String, Value>,
    pub(crate) directives: Vec<Directive>,
    pub(crate) selections: Vec<Selection>,
}

/// A directive, with its arguments.
pub(crate) type Directive = (String, Map<String, Value>);

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Mark(char),
    Spread,
    Name(String),
    Text(String),
    Number(String),
}

/// In a value, a variable is an object with this one key.
pub(crate) const VARIABLE: &str = "$variable";

/// Reads a document.
pub(crate) fn read(text: &str) -> Result<Document, String> {
    let mut reader = Reader { tokens: tokens(text)?.into_iter().peekable() };
    let mut document = Document::default();
    while let Some(token) = reader.tokens.peek().cloned() {
        match token {
            Token::Mark('{') => {
                let selections = reader.selections()?;
                let (kind, name) = ("query".into(), String::new());
                document.operations.push(Operation { kind, name, defaults: BTreeMap::new(), selections });
            }
            Token::Name(word) if word == "fragment" => {
                reader.tokens.next();
                let name = reader.name()?;
                reader.word("on")?;
                let on = reader.name()?;
                reader.directives()?;
                document.fragments.insert(name, (on, reader.selections()?));
            }
            Token::Name(kind) => {
                reader.tokens.next();
                let is_named = matches!(reader.tokens.peek(), Some(Token::Name(_)));
                let name = if is_named { reader.name()? } else { String::new() };
                let defaults = reader.variables()?;
                reader.directives()?;
                document.operations.push(Operation {
                    kind,
                    name,
                    defaults,
                    selections: reader.selections()?,
                });
            }
            other => return Err(format!("Expected an operation, found {other:?}")),
        }
    }
    Ok(document)
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        match chars[at] {
            '#' => at = chars[at..].iter().position(|c| *c == '\n').map_or(chars.len(), |end| at + end),
            '.' => {
                at += 3;
                found.push(Token::Spread);
                continue;
            }
            '"' => {
                at += 1;
                let mut escaped = false;
                while at < chars.len() && (escaped || chars[at] != '"') {
                    escaped = !escaped && chars[at] == '\\';
                    at += 1;
                }
                let literal: String = chars[start..=at.min(chars.len() - 1)].iter().collect();
                found.push(Token::Text(serde_json::from_str(&literal).map_err(|error| error.to_string())?));
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                while at < chars.len() && (chars[at].is_ascii_alphanumeric() || chars[at] == '_') {
                    at += 1;
                }
                found.push(Token::Name(chars[start..at].iter().collect()));
                continue;
            }
            c if c.is_ascii_digit() || c == '-' => {
                at += 1;
                while at < chars.len() && (chars[at].is_ascii_digit() || "+-.eE".contains(chars[at])) {
                    at += 1;
                }
                found.push(Token::Number(chars[start..at].iter().collect()));
                continue;
            }
            c if "{}()[]:$!=@|".contains(c) => found.push(Token::Mark(c)),
            c if c.is_whitespace() || c == ',' => {}
            c => return Err(format!("Unexpected character {c:?}")),
        }
        at += 1;
    }
    Ok(found)
}

struct Reader {
    tokens: Peekable<IntoIter<Token>>,
}

impl Reader {
    fn is(&mut self, mark: char) -> bool {
        self.tokens.next_if(|token| *token == Token::Mark(mark)).is_some()
    }

    fn mark(&mut self, mark: char) -> Result<(), String> {
        let next = self.tokens.peek().cloned();
        if self.is(mark) { Ok(()) } else { Err(format!("Expected {mark:?}, found {next:?}")) }
    }

    fn name(&mut self) -> Result<String, String> {
        match self.tokens.next() {
            Some(Token::Name(name)) => Ok(name),
            other => Err(format!("Expected a name, found {other:?}")),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        let name = self.name()?;
        if name == word { Ok(()) } else { Err(format!("Expected {word:?}, found {name:?}")) }
    }

    fn variables(&mut self) -> Result<BTreeMap<String, Value>, String> {
        let mut defaults = BTreeMap::new();
        if !self.is('(') {
            return Ok(defaults);
        }
        while !self.is(')') {
            self.mark('$')?;
            let name = self.name()?;
            self.mark(':')?;
            while matches!(self.tokens.peek(), Some(Token::Mark('[' | ']' | '!') | Token::Name(_))) {
                self.tokens.next();
            }
            let default = if self.is('=') { self.value()? } else { Value::Null };
            defaults.insert(name, default);
        }
        Ok(defaults)
    }

    fn directives(&mut self) -> Result<Vec<Directive>, String> {
        let mut found = Vec::new();
        while self.is('@') {
            found.push((self.name()?, self.arguments()?));
        }
        Ok(found)
    }

    fn arguments(&mut self) -> Result<Map<String, Value>, String> {
        let mut found = Map::new();
        if self.is('(') {
            while !self.is(')') {
                let name = self.name()?;
                self.mark(':')?;
                found.insert(name, self.value()?);
            }
        }
        Ok(found)
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(text.into()),
            Some(Token::Number(number)) => serde_json::from_str(&number).map_err(|error| error.to_string()),
            Some(Token::Name(name)) => Ok(match name.as_str() {
                "true" => true.into(),
                "false" => false.into(),
                "null" => Value::Null,
                _ => name.into(),
            }),
            Some(Token::Mark('$')) => Ok(json!({ VARIABLE: self.name()? })),
            Some(Token::Mark('[')) => {
                let mut items = Vec::new();
                while !self.is(']') {
                    items.push(self.value()?);
                }
                Ok(items.into())
            }
            Some(Token::Mark('{')) => {
                let mut parts = Map::new();
                while !self.is('}') {
                    let name = self.name()?;
                    self.mark(':')?;
                    parts.insert(name, self.value()?);
                }
                Ok(parts.into())
            }
            other => Err(format!("Expected a value, found {other:?}")),
        }
    }

    fn selections(&mut self) -> Result<Vec<Selection>, String> {
        self.mark('{')?;
        let mut found = Vec::new();
        while !self.is('}') {
            found.push(self.selection()?);
        }
        Ok(found)
    }

    fn selection(&mut self) -> Result<Selection, String> {
        if self.tokens.next_if_eq(&Token::Spread).is_none() {
            return self.field().map(Selection::Field);
        }
        let next = self.tokens.peek().cloned();
        match next {
            Some(Token::Name(word)) if word != "on" => {
                self.tokens.next();
                Ok(Selection::Spread(word, self.directives()?))
            }
            _ => {
                let is_typed = self.tokens.next_if(|token| *token == Token::Name("on".into())).is_some();
                let on = if is_typed { Some(self.name()?) } else { None };
                Ok(Selection::Inline(on, self.directives()?, self.selections()?))
            }
        }
    }

    fn field(&mut self) -> Result<Field, String> {
        let first = self.name()?;
        let (alias, name) = if self.is(':') { (first, self.name()?) } else { (first.clone(), first) };
        let arguments = self.arguments()?;
        let directives = self.directives()?;
        let is_object = self.tokens.peek() == Some(&Token::Mark('{'));
        let selections = if is_object { self.selections()? } else { Vec::new() };
        Ok(Field { alias, name, arguments, directives, selections })
    }
}
