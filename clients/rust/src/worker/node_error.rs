use std::any::{Any, type_name};
use std::backtrace::Backtrace;
use std::error::Error as StdError;
use std::fmt::Write as _;

use crate::error::Error;

/// Why a node failed. `?` makes one of any error; the server keeps its kind, its message and its stack with the task, and
/// retry policies name kinds.
#[derive(Debug)]
pub struct NodeError {
    /// What the language calls the error: the name of its type.
    pub kind: String,
    /// The error's own message.
    pub message: String,
    /// What caused it, and the backtrace.
    pub stack: String,
    /// Another attempt would fail too: the retry policy is not asked.
    pub not_retryable: bool,
}

impl NodeError {
    /// A failure of a kind that retry policies may name.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> NodeError {
        NodeError {
            kind: kind.into(),
            message: message.into(),
            stack: Backtrace::force_capture().to_string(),
            not_retryable: false,
        }
    }

    /// This failure, as one that another attempt would meet again.
    #[must_use]
    pub fn not_retryable(self) -> NodeError {
        NodeError { not_retryable: true, ..self }
    }

    /// A value that can't be encoded; the message has its path.
    pub(super) fn unserializable(message: impl Into<String>) -> NodeError {
        NodeError::new("ValueNotSerializable", message)
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for NodeError {
    fn from(error: E) -> NodeError {
        let mut stack = String::new();
        let mut source = error.source();
        while let Some(cause) = source {
            // Writing to a String does not fail.
            let _ = writeln!(stack, "caused by: {cause}");
            source = cause.source();
        }
        let mut made = NodeError::new(kind_of(&error), error.to_string());
        made.stack.insert_str(0, &stack);
        made
    }
}

/// The reason of this client's errors; the type of others, without its path and parameters.
fn kind_of<E: StdError + 'static>(error: &E) -> String {
    if let Some(error) = (error as &dyn Any).downcast_ref::<Error>()
        && !error.reason().is_empty()
    {
        return error.reason().to_owned();
    }
    let name = type_name::<E>().split('<').next().unwrap_or_default();
    name.rsplit("::").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails() -> Result<i32, NodeError> {
        Ok("x".parse::<i32>()?)
    }

    #[test]
    fn an_error_keeps_its_type_its_message_and_where_it_was() {
        let error = fails().unwrap_err();
        assert_eq!(error.kind, "ParseIntError");
        assert_eq!(error.message, "invalid digit found in string");
        assert!(error.stack.contains("fails"), "{}", error.stack);
        assert!(!error.not_retryable);
        assert_eq!(NodeError::from(Error::invalid("a", "b").with_reason("INVALID_FIELD")).kind, "INVALID_FIELD");
    }
}
