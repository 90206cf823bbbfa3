#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![warn(unreachable_pub)]

mod checkpoints;
mod client;
mod connect;
mod error;
mod events;
mod graphs;
#[cfg(feature = "juncture")]
pub mod juncture;
pub mod method;
mod pages;
pub mod proto;
mod retry;
mod run_info;
mod run_options;
mod state;
mod thread;
mod thread_info;
mod thread_upkeep;
mod threads;
mod time;
pub mod values;
pub mod worker;

pub use checkpoints::{CheckpointStore, PutOptions, ReadCheckpoint};
pub use client::{Client, Responses};
pub use connect::{ConnectOptions, DEFAULT_ADDRESS, TlsOptions};
pub use error::{Error, FieldViolation, Result};
pub use events::{Event, EventOptions, Events};
pub use graphs::{GraphInfo, GraphInput, Graphs};
pub use pages::Pages;
pub use proto::{Durability, OnBusy, RunStatus, StreamMode, ThreadStatus, TypedValue};
pub use retry::RetryPolicy;
pub use run_info::RunInfo;
pub use run_options::RunOptions;
pub use state::{Failure, Interrupt, Outcome, State, TaskState};
pub use thread::{NodeUpdate, Thread, UpdateOptions};
pub use thread_info::ThreadInfo;
pub use threads::{CreateThreadOptions, ThreadFilter, Threads};
pub use tonic::Code;
pub use values::{Encoding, Map, Value, from_value, to_value};
pub use worker::{Command, NodeContext, NodeError, Target, Worker};
