//! Values of a thread's state, and how they are encoded.
mod deserialize;
mod from_value;
mod json;
mod map;
mod msgpack;
mod refusal;
mod serialize;
mod to_value;
mod typed_value;
mod value;

pub use from_value::from_value;
pub use map::Map;
pub use to_value::to_value;
pub use typed_value::Encoding;
pub use value::Value;

pub(crate) use typed_value::{channels_of, decode_channel, decode_channels, encode_at};

/// Lists and maps may be nested this deep.
pub const DEPTH_MAX: usize = 512;
