//! The fewest of several rules, or of other items, that exclude something together.

/// Returns the fewest of these items of which `excludes` is true; the first ones are left out first. It has to be true
/// of all items, and of more if it is true of fewer. Where it is `None`, what is left stays in.
pub(crate) fn reduce_to_core<T: Clone>(items: &[T], excludes: impl Fn(&[T]) -> Option<bool>) -> Vec<T> {
    let mut core: Vec<T> = Vec::new();
    let mut rest = items;
    loop {
        let with_rest = |first: usize| -> Vec<T> {
            core.iter().chain(rest.get(first..).unwrap_or_default()).cloned().collect()
        };
        // So many of the rest can be left out, and with one more it would be too many.
        let (mut fitting, mut beyond) = (0, rest.len() + 1);
        let mut stride = 1;
        while beyond - fitting > 1 {
            let tried = (fitting + stride).min(beyond - 1).min(rest.len());
            if tried == fitting {
                break;
            }
            match excludes(&with_rest(tried)) {
                Some(true) => {
                    fitting = tried;
                    stride *= 2;
                }
                Some(false) => {
                    beyond = tried;
                    stride = ((beyond - fitting) / 2).max(1);
                }
                None => return with_rest(fitting),
            }
        }
        let Some((needed, after)) = rest.get(fitting..).and_then(<[T]>::split_first) else { return core };
        core.push(needed.clone());
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_core_is_what_is_left_when_one_item_after_the_other_is_left_out(
            count in 1_usize..60,
            cores in prop::collection::vec(prop::collection::btree_set(0_usize..60, 1..6), 1..4),
        ) {
            let items: Vec<usize> = (0..count).collect();
            let excludes = |rules: &[usize]| {
                let rules: BTreeSet<usize> = rules.iter().copied().collect();
                cores.iter().any(|core| core.is_subset(&rules))
            };
            prop_assume!(excludes(&items));
            let mut expected = items.clone();
            for item in &items {
                let without: Vec<usize> = expected.iter().copied().filter(|known| known != item).collect();
                if excludes(&without) {
                    expected = without;
                }
            }
            let asked = Cell::new(0);
            let core = reduce_to_core(&items, |rules| {
                asked.set(asked.get() + 1);
                Some(excludes(rules))
            });
            prop_assert_eq!(&core, &expected);
            prop_assert!(asked.get() <= 16 * (core.len() + 1), "{} of {}", asked.get(), count);
            // What cannot be found out stays in.
            prop_assert!(excludes(&reduce_to_core(&items, |rules| (rules.len() > 5).then(|| excludes(rules)))));
        }
    }
}
