//! How long to wait before the next request.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, SystemTime};

/// The pause after the `n_sent`-th request: doubled each time, shortened by up to half at random,
/// so that those who failed together do not come back together.
pub(crate) fn backoff(first: Duration, max: Duration, n_sent: u32) -> Duration {
    let doubled = first.saturating_mul(
        1_u32
            .checked_shl(n_sent.saturating_sub(1))
            .unwrap_or(u32::MAX),
    );
    doubled.min(max).mul_f64(1.0 - random_fraction() / 2.0)
}

/// The time that a `Retry-After` header names: seconds, or a date.
pub(crate) fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = httpdate::parse_http_date(header).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// Between 0 and 1. The standard library seeds its hash maps at random, which suffices to spread requests.
pub(crate) fn random_fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}
