//! juncture's checkpoints on Cairn (feature `juncture`): [`CairnSaver`] is a `CheckpointSaver` of `juncture-core` 0.4.
mod foreign;
mod from_proto;
mod saver;
mod to_proto;

pub use saver::CairnSaver;
