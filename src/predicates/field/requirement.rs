//! What a field has to be, and the reading of it.

use crate::predicates::support::context::PolicyScope;
use crate::predicates::support::field_levels::{parse_level, parse_ordered_level};
use crate::predicates::support::field_obligation::{FieldDeadline, read_time_limit, read_until_field};
use crate::vocabulary::FieldDefinition;
use crate::yaml::decode::{MapReader, parse_each, parse_one, read_bool, read_choice};
use crate::yaml::{ExpectedValue, YamlFault, YamlNode, YamlValue};

/// What a field has to be; words are named by their place in the field's list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FieldRequirement {
    Present { deadline: Option<FieldDeadline>, by_others: bool },
    Absent,
    OneOf(Vec<usize>),
    AtLeast(usize),
    AtMost(usize),
}

impl FieldRequirement {
    /// Reads what is asked of one field.
    pub(super) fn read_requirement(
        node: &YamlNode,
        field: &FieldDefinition,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        match &node.value {
            YamlValue::Map(_) => FieldRequirement::read_requirement_map(node, field, scope, faults),
            YamlValue::Scalar { text, .. } if text == "present" => {
                Some(FieldRequirement::Present { deadline: None, by_others: false })
            }
            YamlValue::Scalar { text, .. } if text == "absent" => Some(FieldRequirement::Absent),
            YamlValue::List(_) => {
                let fault = YamlFault::new(node.at, "expected a word, found a list");
                let help = "for one of several words, write `{ one-of: [...] }`";
                faults.push(fault.with_help(help).with_expected(ExpectedValue::Text));
                None
            }
            _ => {
                let level = parse_one(node, faults, |word| parse_level(field, word))?;
                Some(FieldRequirement::OneOf(vec![level]))
            }
        }
    }

    fn read_requirement_map(
        node: &YamlNode,
        field: &FieldDefinition,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let mut map = MapReader::new(node, faults)?;
        let requirement = if let Some(node) = map.find_key("at-least") {
            parse_one(node, faults, |word| parse_ordered_level(field, word)).map(FieldRequirement::AtLeast)
        } else if let Some(node) = map.find_key("at-most") {
            parse_one(node, faults, |word| parse_ordered_level(field, word)).map(FieldRequirement::AtMost)
        } else if let Some(node) = map.find_key("one-of") {
            let before = faults.len();
            let levels = parse_each(node, faults, |word| parse_level(field, word));
            (before == faults.len()).then_some(FieldRequirement::OneOf(levels))
        } else {
            Some(FieldRequirement::read_presence(&mut map, node, scope, faults))
        };
        map.refuse_unknown_keys(faults);
        requirement
    }

    /// Reads `present`, and until when and by whom the field may be stated later.
    fn read_presence(
        map: &mut MapReader<'_>,
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Self {
        let within = map.find_key("within");
        let until = map.find_key("until");
        match map.find_key("present") {
            Some(node) if read_bool(node, faults) == Some(false) => {
                let fault = YamlFault::new(node.at, "`present` can only be `true`");
                faults.push(fault.with_help("write `absent` for the contrary"));
            }
            None if within.or(until).is_none() => {
                let what = "expected one of at-least, at-most, one-of, present, until, within";
                faults.push(YamlFault::new(node.at, what));
            }
            _ => {}
        }
        if let (Some(_), Some(node)) = (within, until) {
            faults.push(YamlFault::new(node.at, "give either `within` or `until`, not both"));
        }
        let by = map.find_key("by");
        if let (Some(node), None) = (by, within.or(until)) {
            faults.push(YamlFault::new(node.at, "`by` needs `within` or `until`: it is about what is owed"));
        }
        let by_others = match by {
            Some(node) => read_choice(node, &[("others", true)], faults).unwrap_or(false),
            None => false,
        };
        // `within` wins if both are given; that is a fault already, and the first one is enough.
        let deadline = if let Some(node) = within {
            read_time_limit(node, scope, faults).map(FieldDeadline::Within)
        } else if let Some(node) = until {
            read_until_field(node, scope, faults)
        } else {
            None
        };
        FieldRequirement::Present { deadline, by_others }
    }
}
