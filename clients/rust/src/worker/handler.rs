use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;

use super::command::IntoCommand;
use super::node_context::NodeContext;
use super::node_error::NodeError;
use crate::proto::{NodeResult, TaskKind};
use crate::values::{Encoding, encode_at};

pub(super) type Returned = Pin<Box<dyn Future<Output = Result<NodeResult, NodeError>> + Send>>;

/// The code of a name.
#[derive(Clone)]
pub(super) struct Handler {
    pub(super) kind: TaskKind,
    call: Arc<dyn Fn(NodeContext) -> Returned + Send + Sync>,
}

impl Handler {
    pub(super) fn node<F, Fut, R>(code: F) -> Handler
    where
        F: Fn(NodeContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, NodeError>> + Send + 'static,
        R: IntoCommand,
    {
        let call = move |context| -> Returned {
            let returned = code(context);
            Box::pin(async move { returned.await?.into_command().into_result() })
        };
        Handler { kind: TaskKind::Node, call: Arc::new(call) }
    }

    pub(super) fn decision<F, Fut, R>(code: F) -> Handler
    where
        F: Fn(NodeContext) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, NodeError>> + Send + 'static,
        R: Serialize,
    {
        let call = move |context| -> Returned {
            let returned = code(context);
            Box::pin(async move {
                let decision = encode_at(&["decision"], &returned.await?, Encoding::Msgpack);
                let decision = decision.map_err(|error| NodeError::unserializable(error.message()))?;
                Ok(NodeResult { decision: Some(decision.data), ..NodeResult::default() })
            })
        };
        Handler { kind: TaskKind::Decision, call: Arc::new(call) }
    }

    pub(super) fn call(&self, context: NodeContext) -> Returned {
        (self.call)(context)
    }
}
