//! One change on one page, from its request to its closure.
//!
//! `page` says what a page is, `change_sections`, `review_sections` and `closure_sections` fill it from a change,
//! `document` holds it with the values behind it, and `terminal`, `html` and `markdown` write it.

pub mod change_search;
mod change_sections;
mod closure_sections;
pub mod document;
pub mod html;
pub mod markdown;
pub mod page;
mod review_sections;
pub mod shown_change;
pub mod terminal;
pub mod timeline;
pub mod unlanded_search;
mod verdict_section;
