//! Panics of nodes, as failures with their message and backtrace.
use std::backtrace::Backtrace;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::task::Poll;

use super::handler::{Handler, Returned};
use super::node_context::NodeContext;
use super::node_error::NodeError;
use crate::proto::NodeResult;

thread_local! {
    static IS_NODE: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<NodeError>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Calls a node's code; a panic of it is a failure.
pub(super) async fn catching(handler: &Handler, context: NodeContext) -> Result<NodeResult, NodeError> {
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |info| {
            if IS_NODE.get() {
                LAST.set(Some(failure_of(info)));
            }
            before(info);
        }));
    });
    let mut returned: Returned = watched(|| handler.call(context))?;
    poll_fn(move |cx| match watched(|| returned.as_mut().poll(cx)) {
        Ok(poll) => poll,
        Err(failure) => Poll::Ready(Err(failure)),
    })
    .await
}

/// Runs a piece of a node's code. What it leaves half done when it panics is never looked at again.
fn watched<T>(code: impl FnOnce() -> T) -> Result<T, NodeError> {
    IS_NODE.set(true);
    let ended = catch_unwind(AssertUnwindSafe(code));
    IS_NODE.set(false);
    ended.map_err(|_| LAST.take().unwrap_or_else(|| NodeError::new("panic", "the node panicked")))
}

/// Only the hook sees the place of a panic and its stack.
fn failure_of(info: &PanicHookInfo<'_>) -> NodeError {
    let message = info.payload_as_str().unwrap_or("a panic without a message").to_owned();
    let place = info.location().map_or_else(String::new, |place| format!("panicked at {place}\n"));
    let stack = place + &Backtrace::force_capture().to_string();
    NodeError { kind: "panic".to_owned(), message, stack, not_retryable: false }
}
