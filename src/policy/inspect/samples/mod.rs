//! Changes that a policy is tried on: of each class, with each answer that its questions tell apart.

pub(crate) mod aspect_samples;
pub(crate) mod change_makers;
pub(crate) mod exempted_samples;
pub(crate) mod known_bots;
pub(crate) mod sample_changes;
pub(crate) mod usual_changes;
