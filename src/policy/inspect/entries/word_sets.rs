//! The words of fields that questions accept, as sets of numbers: the place of a word in the list of its field.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::policy::definition::Policy;
use crate::policy::inspect::search::choice_set::ChoiceSet;
use crate::policy::inspect::written::{list_texts, scalar_text};
use crate::yaml::{YamlNode, YamlValue};

/// Stands for a field that is not stated, among the words that a rule accepts.
const ABSENT: &str = "absent";

/// The words of one field with their numbers; those that the field does not list have numbers beyond.
struct FieldWords {
    numbers: HashMap<String, usize>,
    listed: usize,
}

impl FieldWords {
    fn number_word(&mut self, word: &str) -> usize {
        let next = self.numbers.len().max(self.listed);
        *self.numbers.entry(word.to_ascii_lowercase()).or_insert(next)
    }
}

/// Lists the words that questions accept.
pub(crate) struct WordSets<'policy> {
    policy: &'policy Policy,
    /// The words by the names of their fields.
    fields: RefCell<HashMap<&'policy str, FieldWords>>,
}

impl<'policy> WordSets<'policy> {
    /// Prepares to list words of the fields of a policy.
    pub(crate) fn new(policy: &'policy Policy) -> Self {
        WordSets { policy, fields: RefCell::default() }
    }

    /// Returns the name of the field that a policy calls `name`, and the words of it that a question accepts; `None`
    /// where they cannot be listed.
    pub(crate) fn list_accepted(&self, name: &str, value: &YamlNode) -> Option<(&'policy str, ChoiceSet)> {
        let field = self.policy.vocabulary.find_field(name)?;
        let words = field.allowed_words()?;
        let mut fields = self.fields.borrow_mut();
        let known = fields.entry(&field.name).or_insert_with(|| {
            let mut numbers = HashMap::new();
            for (place, word) in words.iter().enumerate() {
                numbers.entry(word.to_ascii_lowercase()).or_insert(place);
            }
            FieldWords { numbers, listed: words.len() }
        });
        let mut accepted = ChoiceSet::default();
        let YamlValue::Map(bounds) = &value.value else {
            match list_texts(value).as_slice() {
                [ABSENT] => accepted.insert_number(known.number_word(ABSENT)),
                ["present"] => accepted.insert_range(0, words.len()),
                listed => {
                    for word in listed {
                        accepted.insert_number(known.number_word(word));
                    }
                }
            }
            return Some((&field.name, accepted));
        };
        let (mut first, mut end) = (0, words.len());
        for (key, bound) in bounds {
            let word = scalar_text(bound)?.to_ascii_lowercase();
            let place = known.numbers.get(&word).copied().filter(|place| *place < words.len());
            match key.text.as_str() {
                "at-least" => first = place?,
                "at-most" => end = place?.saturating_add(1),
                _ => return None,
            }
        }
        accepted.insert_range(first, end);
        Some((&field.name, accepted))
    }
}
