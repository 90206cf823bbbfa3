use std::collections::{BTreeMap, BTreeSet};

use lru::LruCache;

use crate::checkpoints::fetch_values;
use crate::client::Client;
use crate::error::Result;
use crate::proto::{TypedValue, Value, ValueEntry, value::Source};

/// How many bytes of values a stream keeps at hand. What is dropped is fetched again if an event needs it.
const KEPT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The values that a stream of events refers to. The server sends each reference once a stream, so those that a later event
/// may need are kept, the most recently used ones, up to a bound.
pub(super) struct ValueTable {
    values: LruCache<String, TypedValue>,
    bytes: usize,
}

impl ValueTable {
    pub(super) fn new() -> ValueTable {
        ValueTable { values: LruCache::unbounded(), bytes: 0 }
    }

    /// Takes in what came with an event.
    pub(super) fn receive(&mut self, entries: Vec<ValueEntry>) {
        for ValueEntry { r#ref, value, .. } in entries {
            if let Some(value) = value {
                self.keep(r#ref, value);
            }
        }
    }

    /// Puts in the place of each reference what it names.
    pub(super) async fn resolve(&mut self, needed: Vec<&mut Value>, client: &Client, thread_id: &str) -> Result<()> {
        let missing = self.missing(&needed);
        let mut fetched = BTreeMap::new();
        if !missing.is_empty() {
            fetched = fetch_values(client, thread_id, missing).await?;
        }
        for value in needed {
            let Some(Source::Ref(name)) = &value.source else { continue };
            let found = self.values.get(name).or_else(|| fetched.get(name)).cloned();
            if let Some(found) = found {
                value.source = Some(Source::Inline(found));
            }
        }
        for (name, value) in fetched {
            self.keep(name, value);
        }
        self.drop_oldest();
        Ok(())
    }

    fn missing(&self, needed: &[&mut Value]) -> Vec<String> {
        let names = needed.iter().filter_map(|value| match &value.source {
            Some(Source::Ref(name)) if !self.values.contains(name) => Some(name.clone()),
            _ => None,
        });
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn keep(&mut self, name: String, value: TypedValue) {
        self.bytes += value.data.len();
        if let Some(replaced) = self.values.put(name, value) {
            self.bytes -= replaced.data.len();
        }
    }

    fn drop_oldest(&mut self) {
        while self.bytes > KEPT_BYTES_MAX {
            let Some((_, dropped)) = self.values.pop_lru() else { return };
            self.bytes -= dropped.data.len();
        }
    }
}
