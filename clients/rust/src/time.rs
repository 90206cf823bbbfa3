//! Times of the wire, and this language's.
use std::time::{Duration, SystemTime};

/// A moment; `None` when it is absent or beyond what the system's clock can tell.
pub(crate) fn moment(timestamp: Option<prost_types::Timestamp>) -> Option<SystemTime> {
    timestamp.and_then(|timestamp| SystemTime::try_from(timestamp).ok())
}

/// A length of time that is not negative.
pub(crate) fn length(duration: Option<prost_types::Duration>) -> Option<Duration> {
    duration.and_then(|duration| Duration::try_from(duration).ok())
}

/// A length of time as it goes over the wire; the longest that can be told, if it is longer.
pub(crate) fn duration(length: Duration) -> prost_types::Duration {
    prost_types::Duration::try_from(length).unwrap_or(prost_types::Duration { seconds: 315_576_000_000, nanos: 0 })
}
