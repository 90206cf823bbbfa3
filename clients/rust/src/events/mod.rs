//! What happens in a thread, as it happens.
mod cursor;
mod event;
mod follow;
mod value_table;

pub use event::Event;
pub use follow::{EventOptions, Events};
