//! Putting and reading checkpoints.
mod fetch;
mod held;
mod put_values;
mod splice;
mod store;

pub(crate) use fetch::fetch_values;
pub use store::{CheckpointStore, PutOptions, ReadCheckpoint};
