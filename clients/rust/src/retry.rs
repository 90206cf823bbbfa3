use std::time::Duration;

/// How calls that are safe to repeat are retried, and streams resumed.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Attempts of one call in all. 1: never retry. Default 5, within about three seconds.
    pub attempts_max: u32,
    /// Streams in a row that break without bringing an event, before a reader of events gives up. Default 30, within
    /// about two minutes, in which a server can be restarted.
    pub streams_max: u32,
    /// The bound of the first wait, which doubles. Each wait is random between half its bound and the whole. Default 200 ms.
    pub backoff_base: Duration,
    /// No bound goes beyond this. Default 5 s.
    pub backoff_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            attempts_max: 5,
            streams_max: 30,
            backoff_base: Duration::from_millis(200),
            backoff_max: Duration::from_secs(5),
        }
    }
}

impl RetryPolicy {
    /// The wait after so many failed attempts. Half of it is random, so that clients that failed together don't return
    /// together; the other half is not, so that all attempts together outlast the restart of a server.
    pub(crate) fn backoff(&self, failed_attempts: u32) -> Duration {
        let doubled = self.backoff_base.saturating_mul(1 << failed_attempts.saturating_sub(1).min(16));
        jittered(doubled.min(self.backoff_max))
    }
}

/// A wait that is random between half the bound and the whole.
pub(crate) fn jittered(bound: Duration) -> Duration {
    bound.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_bound_and_are_at_least_half_of_it() {
        let policy = RetryPolicy::default();
        for (failed, bound_ms) in [(1, 200), (2, 400), (5, 3200), (6, 5000), (1000, 5000)] {
            for _ in 0..50 {
                let wait = policy.backoff(failed);
                assert!(wait >= Duration::from_millis(bound_ms / 2), "{failed}: {wait:?}");
                assert!(wait <= Duration::from_millis(bound_ms), "{failed}: {wait:?}");
            }
        }
    }
}
