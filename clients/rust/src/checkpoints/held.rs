use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use lru::LruCache;

use crate::proto::{TypedValue, ValueEntry};

/// References that a request can say it holds.
const HELD_REFS_MAX: usize = 10_000;
/// Channels of which it is remembered which value the server has.
const CHANNELS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
/// The server may use a reference again a day after its thread was deleted. What has not been confirmed for this long is
/// not used.
const HELD_FOR: Duration = Duration::from_hours(6);
/// Smaller values are sent whole, and not kept.
pub(super) const HELD_BYTES_MIN: usize = 256;
/// What an entry costs besides its bytes, roughly.
const ENTRY_BYTES: usize = 256;

/// A value that both this client and the server hold.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) name: String,
    pub(super) value: TypedValue,
    crc32: u32,
    since: Instant,
}

/// Values that both sides hold, the most recently used ones, up to a bound.
pub(super) struct HeldValues {
    bytes_max: usize,
    bytes: usize,
    /// By thread and reference.
    values: LruCache<(String, String), Held>,
    /// By thread, namespace and channel: the reference.
    channels: LruCache<(String, String, String), String>,
    refs: HashMap<String, BTreeSet<String>>,
}

impl HeldValues {
    pub(super) fn new(bytes_max: usize) -> HeldValues {
        HeldValues {
            bytes_max,
            bytes: 0,
            values: LruCache::unbounded(),
            channels: LruCache::new(CHANNELS_MAX),
            refs: HashMap::new(),
        }
    }

    /// What the server is known to hold for a channel.
    pub(super) fn of_channel(&mut self, thread: &str, namespace: &str, channel: &str) -> Option<Held> {
        let key = (thread.to_owned(), namespace.to_owned(), channel.to_owned());
        let name = self.channels.get(&key)?.clone();
        let held = self.values.get(&(thread.to_owned(), name))?;
        (held.since.elapsed() < HELD_FOR).then(|| held.clone())
    }

    /// A channel now holds the value on the server.
    pub(super) fn set_channel(&mut self, thread: &str, namespace: &str, channel: &str, name: &str, value: &TypedValue) {
        self.hold(thread, name, value, crc32fast::hash(&value.data));
        let key = (thread.to_owned(), namespace.to_owned(), channel.to_owned());
        self.channels.put(key, name.to_owned());
    }

    /// References of the thread whose values need not be sent.
    pub(super) fn refs(&self, thread: &str) -> Vec<String> {
        let names = self.refs.get(thread).into_iter().flatten();
        let fresh = |name: &&String| {
            let held = self.values.peek(&(thread.to_owned(), (*name).clone()));
            held.is_some_and(|held| held.since.elapsed() < HELD_FOR)
        };
        names.filter(fresh).take(HELD_REFS_MAX).cloned().collect()
    }

    /// The value of an entry that came with it, or that is held and is the same by its checksum.
    pub(super) fn resolve(&mut self, thread: &str, entry: &ValueEntry) -> Option<TypedValue> {
        if let Some(value) = &entry.value {
            self.hold(thread, &entry.r#ref, value, entry.crc32);
            return Some(value.clone());
        }
        let held = self.values.get(&(thread.to_owned(), entry.r#ref.clone()))?;
        let same = held.crc32 == entry.crc32 && held.value.data.len() as u64 == entry.size_bytes;
        same.then(|| held.value.clone())
    }

    /// Forgets a thread: the server does not hold what was thought.
    pub(super) fn forget(&mut self, thread: &str) {
        for name in self.refs.remove(thread).unwrap_or_default() {
            if let Some(held) = self.values.pop(&(thread.to_owned(), name)) {
                self.bytes -= cost(&held.value);
            }
        }
    }

    fn hold(&mut self, thread: &str, name: &str, value: &TypedValue, crc32: u32) {
        if value.data.len() < HELD_BYTES_MIN || cost(value) > self.bytes_max {
            return;
        }
        let held = Held { name: name.to_owned(), value: value.clone(), crc32, since: Instant::now() };
        self.bytes += cost(value);
        if let Some(replaced) = self.values.put((thread.to_owned(), name.to_owned()), held) {
            self.bytes -= cost(&replaced.value);
        }
        self.refs.entry(thread.to_owned()).or_default().insert(name.to_owned());
        while self.bytes > self.bytes_max {
            let Some(((thread, name), dropped)) = self.values.pop_lru() else { return };
            self.bytes -= cost(&dropped.value);
            if let Some(names) = self.refs.get_mut(&thread) {
                names.remove(&name);
                if names.is_empty() {
                    self.refs.remove(&thread);
                }
            }
        }
    }
}

fn cost(value: &TypedValue) -> usize {
    ENTRY_BYTES + value.data.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(byte: u8, length: usize) -> TypedValue {
        TypedValue { r#type: "bytes".to_owned(), data: vec![byte; length] }
    }

    #[test]
    fn what_is_held_is_bounded_and_the_least_recently_used_goes_first() {
        let mut held = HeldValues::new(2 * (ENTRY_BYTES + 1000));
        held.set_channel("t", "", "a", "r1", &value(1, 1000));
        held.set_channel("t", "", "b", "r2", &value(2, 1000));
        assert!(held.of_channel("t", "", "a").is_some());
        held.set_channel("t", "", "c", "r3", &value(3, 1000));
        assert_eq!(held.refs("t"), ["r1", "r3"]);
        assert!(held.of_channel("t", "", "b").is_none());
        held.set_channel("t", "", "d", "r4", &value(4, 10_000));
        assert_eq!(held.refs("t"), ["r1", "r3"]);
        held.forget("t");
        assert!(held.refs("t").is_empty());
        assert_eq!(held.bytes, 0);
    }

    #[test]
    fn a_held_value_whose_checksum_differs_is_not_taken() {
        let mut held = HeldValues::new(1 << 20);
        held.set_channel("t", "", "a", "r1", &value(1, 1000));
        let crc32 = crc32fast::hash(&value(1, 1000).data);
        let entry = |crc32| ValueEntry { r#ref: "r1".to_owned(), value: None, size_bytes: 1000, crc32 };
        assert_eq!(held.resolve("t", &entry(crc32)), Some(value(1, 1000)));
        assert_eq!(held.resolve("t", &entry(crc32 ^ 1)), None);
        assert_eq!(held.resolve("other", &entry(crc32)), None);
    }
}
