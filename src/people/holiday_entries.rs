//! The holidays of a policy: days that it lists, and calendars in files beside it.

use std::collections::BTreeMap;

use crate::calendar::icalendar::CalendarFault;
use crate::calendar::{HolidayEntry, Holidays};
use crate::people::{PeopleDirectory, check_plain_path};
use crate::yaml::decode::parse_each;
use crate::yaml::{YamlFault, YamlNode};

/// How many days may be holidays in every year.
const MAX_YEARLY_HOLIDAYS: usize = 60;

impl PeopleDirectory {
    /// Reads the `holidays` of a policy.
    pub(super) fn read_holidays(&mut self, node: &YamlNode, faults: &mut Vec<YamlFault>) {
        for entry in parse_each(node, faults, parse_holiday_entry) {
            match entry {
                HolidayEntry::Day(holiday) => self.holidays.add_holiday(holiday),
                HolidayEntry::Calendar(path) => self.holiday_files.push(path),
            }
        }
        if self.holidays.count_yearly() > MAX_YEARLY_HOLIDAYS {
            let what = format!("at most {MAX_YEARLY_HOLIDAYS} days can be holidays in every year");
            faults.push(YamlFault::new(node.at, what));
        }
    }

    /// Returns the days on which these people do not work, beside weekends.
    pub(crate) fn holidays(&self) -> &Holidays {
        &self.holidays
    }

    /// Returns the paths of the calendars that hold more holidays.
    pub(crate) fn holiday_files(&self) -> &[String] {
        &self.holiday_files
    }

    /// Returns the calendars that were read, by their paths.
    pub(crate) fn list_calendars(&self) -> &BTreeMap<String, Holidays> {
        &self.calendars
    }

    /// Adds the holidays of the calendar at `path`.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the calendar, line by line.
    pub(crate) fn read_calendar(&mut self, path: &str, source: &[u8]) -> Result<(), Vec<CalendarFault>> {
        let mut calendar = Holidays::default();
        calendar.read_calendar(source)?;
        self.holidays.add_all(calendar.clone());
        self.calendars.insert(path.to_owned(), calendar);
        Ok(())
    }
}

fn parse_holiday_entry(written: &str) -> Result<HolidayEntry, String> {
    let entry = HolidayEntry::parse_entry(written)?;
    if let HolidayEntry::Calendar(path) = &entry {
        check_plain_path(path)?;
    }
    Ok(entry)
}
