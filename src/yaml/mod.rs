//! YAML, read into a tree in which every value has its place.
//!
//! A library parses the syntax; this module adds strictness and bounds. A policy is one document of
//! plain maps, lists and scalars. Duplicate keys, anchors, aliases, tags, merge keys, a second document
//! and characters that only some readers take for line breaks or spaces are errors: each of them could show
//! another reader another policy than the gate sees. Scalars stay text: no word becomes a truth value
//! and no digits a number until a rule asks for one.

pub mod decode;
mod foreign_space;
mod forgotten_list;
mod merged_maps;
pub(crate) mod plain_list;
mod reader;
mod stored;
mod syntax_fault;
mod tree;
mod words;

pub(crate) use forgotten_list::{refuse_unbracketed_items, suggest_list_form};
pub use merged_maps::merge_maps;
pub use reader::{MAX_DOCUMENT_BYTES, MAX_LIST_BYTES, read_document, read_list_document, read_with_faults};
pub use stored::{read_stored_tree, write_stored_tree};
pub use tree::{ExpectedValue, YamlFault, YamlKey, YamlNode, YamlPlace, YamlValue};
pub(crate) use words::{find_nearest_word, shorten_for_message};
