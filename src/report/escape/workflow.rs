//! Words for the commands that a workflow on GitHub reads in its log, as in
//! `::error file=a,title=b::c`.
//!
//! What goes in is printable already (see [`escape_terminal`](super::escape_terminal)), but for
//! the line ends of our own between the points of an annotation.

/// Returns text for the part of a command that follows the second `::`.
pub(crate) fn escape_workflow_data(text: &str) -> String {
    // The percent sign first: a ref may be called `%0A`, and must not become a line end.
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Returns text for the value of a property.
pub(crate) fn escape_workflow_property(text: &str) -> String {
    escape_workflow_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_property_or_a_line() {
        assert_eq!(escape_workflow_data("100%\r\n::error::%0A"), "100%25%0D%0A::error::%250A");
        assert_eq!(escape_workflow_property("a,line=1::b\n"), "a%2Cline=1%3A%3Ab%0A");
    }
}
