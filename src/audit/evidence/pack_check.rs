//! One check of a pack: what was found, what does not hold, what could not be checked.

/// How many problems of one check are listed.
const MAX_PROBLEMS: usize = 50;

/// One check of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackCheck {
    /// What is checked, in one word.
    pub name: &'static str,
    /// What was found, if there is no problem.
    pub says: String,
    /// What does not hold, the first 50.
    pub problems: Vec<String>,
    /// How many further problems there are.
    pub omitted_problems: usize,
    /// What could not be checked, and why.
    pub unchecked: Vec<String>,
    /// How many changes have pages that another version of changegate wrote, so that they could not be checked.
    pub unchecked_pages: usize,
}

impl PackCheck {
    pub(super) fn new(name: &'static str) -> PackCheck {
        PackCheck {
            name,
            says: String::new(),
            problems: Vec::new(),
            omitted_problems: 0,
            unchecked: Vec::new(),
            unchecked_pages: 0,
        }
    }

    pub(super) fn add_problem(&mut self, what: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(what.into());
        } else {
            self.omitted_problems += 1;
        }
    }

    /// Adds a problem if something does not hold.
    pub(super) fn require(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.add_problem(what());
        }
    }
}
