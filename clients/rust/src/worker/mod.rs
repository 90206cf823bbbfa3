//! Workers: processes that run the code of a graph's nodes.
mod command;
mod handler;
mod ledger;
mod node_context;
mod node_error;
mod panic;
mod payload;
mod run_task;
mod session;
mod task_result;
#[expect(clippy::module_inception, reason = "the type that gives the module its name")]
mod worker;

pub use command::{Command, IntoCommand, Target};
pub use node_context::NodeContext;
pub use node_error::NodeError;
pub use worker::Worker;
