//! The binary: the only clock and the only exit are here.

fn main() {}
