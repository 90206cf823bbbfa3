//! The client and its worker against a real server.
mod checkpoints;
mod errors;
mod events;
#[cfg(feature = "juncture")]
mod juncture;
mod quickstart;
mod runs;
mod security;
mod server;
mod values;
mod worker_losses;
mod workers;
