//! What flags set, of those that are given.

use crate::settings::Override;

pub(super) fn given<const N: usize>(
    flags: [(&'static str, &'static str, &Option<String>); N],
) -> Vec<Override> {
    flags
        .into_iter()
        .filter_map(|(key, flag, value)| {
            let value = value.clone()?;
            Some(Override { key, flag, value })
        })
        .collect()
}
