//! The parts of an effective policy that are lists of entries: bots, holidays and standard changes.

use crate::audit::procedure::words::{count_things, describe_holiday};
use crate::calendar::Holiday;
use crate::catalogue::StandardChange;
use crate::cli::policy::show::content::{ShownItem, ShownSection, ShownValue};
use crate::cli::policy::show::outline::PolicyOutlineBuilder;
use crate::policy::origins::WrittenValue;

impl PolicyOutlineBuilder<'_> {
    pub(super) fn build_people(&self) -> ShownSection {
        let people = &self.policy.people;
        let mut items = Vec::new();
        // A pack lists dozens of bots; those of one file stand together, at the place of the first one there. A bot
        // that several files name stands under each of them.
        let mut files: Vec<(WrittenValue, Vec<String>)> = Vec::new();
        let mut unplaced: Vec<String> = Vec::new();
        for bot in people.list_bots() {
            let written = bot.to_string();
            let statements = self.origins.find_statements(&["bots", &written]);
            if statements.is_empty() && !unplaced.contains(&written) {
                unplaced.push(written.clone());
            }
            for statement in statements {
                match files.iter_mut().find(|(known, _)| known.file == statement.file) {
                    Some((first, bots)) => {
                        if statement.line < first.line {
                            *first = statement.clone();
                        }
                        if !bots.contains(&written) {
                            bots.push(written.clone());
                        }
                    }
                    None => files.push((statement.clone(), vec![written.clone()])),
                }
            }
        }
        for (first, bots) in files {
            items.push(self.list_bots(vec![first], &bots));
        }
        if !unplaced.is_empty() {
            items.push(self.list_bots(Vec::new(), &unplaced));
        }
        if let Some(statement) = self.origins.find_statements(&["codeowners"]).last() {
            let text = statement.text.clone();
            items.push(self.show_item(
                "codeowners",
                &["codeowners"],
                vec![self.show_value("is", text, &["codeowners"])],
            ));
        }
        for holiday in people.holidays().list_holidays() {
            let words = describe_holiday(holiday);
            let written = match holiday {
                Holiday::Once(day) => day.to_string(),
                Holiday::EveryYear { month, day } => format!("{month:02}-{day:02}"),
            };
            let mut item =
                self.show_item(words, &["holidays", &written], vec![self.show_value("is", "a holiday", &[])]);
            // A day that several files name takes the place of nothing.
            item.statements.truncate(1);
            items.push(item);
        }
        ShownSection { id: "people", title: "Bots and holidays", items }
    }

    fn list_bots(&self, statements: Vec<WrittenValue>, bots: &[String]) -> ShownItem {
        let values = vec![self.show_value("are", bots.join(", "), &[])];
        ShownItem { name: "bots".to_owned(), statements, values }
    }

    pub(super) fn build_standard_changes(&self) -> ShownSection {
        let mut items = Vec::new();
        for (id, entry) in self.policy.standard_changes.list_entries() {
            let path = ["standard-changes", id];
            items.push(self.show_item(id, &path, self.show_standard_change(entry, &path)));
        }
        ShownSection { id: "standard-changes", title: "Standard changes", items }
    }

    fn show_standard_change(&self, entry: &StandardChange, path: &[&str]) -> Vec<ShownValue> {
        let mut values = Vec::new();
        if let Some(title) = &entry.title {
            values.push(self.show_value("title", title.as_str(), &[]));
        }
        values.push(self.show_value("touches", write_list(&entry.paths), path));
        for (limit, one, several) in [(entry.max_files, "file", "files"), (entry.max_lines, "line", "lines")]
        {
            if let Some(limit) = limit {
                let text = format!("at most {}", count_things(limit, one, several));
                values.push(self.show_value("size", text, &[]));
            }
        }
        let who = match &entry.makers {
            Some(makers) => [makers.teams.clone(), makers.bots.iter().map(ToString::to_string).collect()]
                .concat()
                .join(", "),
            None => "anyone".to_owned(),
        };
        values.push(self.show_value("who", who, &[]));
        let text =
            format!("from {} to {}, approved by {}", entry.approved_on, entry.review_by, entry.approved_by);
        values.push(self.show_value("counts", text, &[]));
        values
    }
}

fn write_list<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<String>>().join(", ")
}
