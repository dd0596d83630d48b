//! Which machine audits which repository, so that machines share a fleet without talking to each other.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The most machines that share a fleet.
const MAX_SHARDS: u64 = 10_000;

/// One part of a fleet: the repositories of machine `number`, of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FleetShard {
    /// The number of the part, from 1.
    pub number: u64,
    /// How many parts there are.
    pub of: u64,
}

impl FleetShard {
    /// Reads a shard that is written `K/N`.
    ///
    /// # Errors
    ///
    /// Says what can be written, unless 1 <= K <= N <= 10,000.
    pub fn parse_shard(written: &str) -> Result<FleetShard, String> {
        let parts = written.split_once('/');
        let numbers = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((number, of)) if number >= 1 && number <= of && of <= MAX_SHARDS => {
                Ok(FleetShard { number, of })
            }
            _ => Err(format!(
                "`{written}` is no shard such as 1/3: the number of this machine, from 1, and how many there are, at \
                 most {MAX_SHARDS}"
            )),
        }
    }

    /// Returns true if the repository of this name belongs to the part: the first 8 bytes of the SHA-256 of the name,
    /// read as a big-endian number, leave `number - 1` when they are divided by `of`.
    pub fn holds_repository(self, name: &str) -> bool {
        let first =
            Sha256::digest(name.as_bytes()).iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        first % self.of == self.number - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_a_part_of_a_whole() {
        assert_eq!(FleetShard::parse_shard("2/3"), Ok(FleetShard { number: 2, of: 3 }));
        for wrong in ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/3/5", "a/b", "1/10001"] {
            assert!(FleetShard::parse_shard(wrong).is_err(), "{wrong}");
        }
    }

    /// Machines with different versions of the program share a fleet as well, so this never changes. The numbers are
    /// those of `printf %s NAME | sha256sum | cut -c1-16`.
    #[test]
    fn a_repository_belongs_to_the_same_part_for_ever() {
        for (name, first) in [("shop", 0x8d90_01d3_2c6a_703d_u64), ("acme/api", 0xc719_8fbc_1945_3717)] {
            for number in 1..=7 {
                let is_held = FleetShard { number, of: 7 }.holds_repository(name);
                assert_eq!(is_held, number == first % 7 + 1, "{name} {number}");
            }
        }
    }
}
