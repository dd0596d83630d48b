//! How the decision about a change shifts from one policy to another, and how many changes shift in which way.

/// How the decision about a change would be another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutcomeShift {
    /// It would be denied for certain; what decides it today cannot be known afterwards.
    DeniedTodayOpen,
    /// It is allowed today, and would be denied.
    NewlyDenied,
    /// It is denied today, and would be allowed.
    NewlyAllowed,
    /// Both policies deny it.
    StaysDenied,
    /// Both policies allow it.
    StaysAllowed,
    /// It is denied today for certain; what would decide it cannot be known afterwards.
    OpenDeniedToday,
    /// What decides it cannot be known afterwards, and neither policy denies it for certain.
    Open,
}

impl OutcomeShift {
    /// Every shift, in the order of reports.
    pub const ALL: [OutcomeShift; 7] = [
        OutcomeShift::DeniedTodayOpen,
        OutcomeShift::NewlyDenied,
        OutcomeShift::NewlyAllowed,
        OutcomeShift::StaysDenied,
        OutcomeShift::StaysAllowed,
        OutcomeShift::OpenDeniedToday,
        OutcomeShift::Open,
    ];

    /// The shifts whose changes are listed.
    pub(crate) const LISTED: [OutcomeShift; 5] = [
        OutcomeShift::DeniedTodayOpen,
        OutcomeShift::NewlyDenied,
        OutcomeShift::NewlyAllowed,
        OutcomeShift::OpenDeniedToday,
        OutcomeShift::Open,
    ];

    /// The shifts by which groups of changes differ, in the order of reports.
    const TELLING: [OutcomeShift; 4] = [
        OutcomeShift::DeniedTodayOpen,
        OutcomeShift::NewlyDenied,
        OutcomeShift::NewlyAllowed,
        OutcomeShift::OpenDeniedToday,
    ];

    /// Returns true if reports name it only where there are such changes.
    fn is_half_known(self) -> bool {
        matches!(self, OutcomeShift::DeniedTodayOpen | OutcomeShift::OpenDeniedToday)
    }

    /// Returns the shift in words.
    pub fn describe_shift(self) -> &'static str {
        match self {
            OutcomeShift::DeniedTodayOpen => "denied as proposed; today's answer is not to be known",
            OutcomeShift::NewlyDenied => "newly denied",
            OutcomeShift::NewlyAllowed => "newly allowed",
            OutcomeShift::StaysDenied => "denied by both",
            OutcomeShift::StaysAllowed => "allowed by both",
            OutcomeShift::OpenDeniedToday => "denied today; the proposed answer is not to be known",
            OutcomeShift::Open => "not to be known",
        }
    }

    fn index(self) -> usize {
        OutcomeShift::ALL.iter().position(|known| *known == self).unwrap_or_default()
    }
}

/// How many changes shift in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShiftTotals([u64; 7]);

impl ShiftTotals {
    /// Returns how many changes shift in this way.
    pub fn count_of(&self, shift: OutcomeShift) -> u64 {
        self.0.get(shift.index()).copied().unwrap_or_default()
    }

    /// Returns how many changes there are.
    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Returns the shifts that a report counts, in its order: those of which one side is not known only where there are
    /// some.
    pub(crate) fn list_counted(&self) -> Vec<OutcomeShift> {
        let mut counted = OutcomeShift::ALL.to_vec();
        counted.retain(|shift| !shift.is_half_known() || self.count_of(*shift) > 0);
        counted
    }

    /// Returns the shifts by which a report tells groups of changes apart, in its order.
    pub(crate) fn list_telling(&self) -> Vec<OutcomeShift> {
        let mut telling = self.list_counted();
        telling.retain(|shift| OutcomeShift::TELLING.contains(shift));
        telling
    }

    /// Adds a change.
    pub(crate) fn add_one(&mut self, shift: OutcomeShift) {
        self.add_many(shift, 1);
    }

    /// Adds so many changes.
    pub(crate) fn add_many(&mut self, shift: OutcomeShift, changes: u64) {
        if let Some(count) = self.0.get_mut(shift.index()) {
            *count += changes;
        }
    }
}
