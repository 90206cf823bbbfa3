use super::Value;

/// A map that keeps the order of its entries; two are equal when they have the same entries in any order. Keys are text
/// as a rule; those that are read from MessagePack may be anything. Of a key that was read twice, the last counts.
#[derive(Clone, Debug, Default)]
pub struct Map(Vec<(Value, Value)>);

impl Map {
    /// A map without entries.
    #[must_use]
    pub fn new() -> Map {
        Map::default()
    }

    /// The value of a text key.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().rfind(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
    }

    /// Adds an entry, or replaces the value of one with an equal key.
    pub fn insert(&mut self, key: impl Into<Value>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        match self.0.iter_mut().rfind(|(present, _)| *present == key) {
            Some((_, present)) => *present = value,
            None => self.0.push((key, value)),
        }
    }

    /// Adds an entry whose key is known to be new.
    pub(crate) fn push(&mut self, key: Value, value: Value) {
        self.0.push((key, value));
    }

    /// The entries, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Value, Value)> {
        self.0.iter()
    }

    /// How many entries it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        if self.0 == other.0 {
            return true;
        }
        let has = |(key, value): &(Value, Value)| other.iter().any(|(k, v)| k == key && v == value);
        self.len() == other.len() && self.iter().all(has)
    }
}

impl FromIterator<(Value, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Value, Value)>>(entries: I) -> Map {
        Map(entries.into_iter().collect())
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a (Value, Value);
    type IntoIter = std::slice::Iter<'a, (Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
