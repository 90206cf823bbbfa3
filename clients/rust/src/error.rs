use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The domain of the server's own reasons; a proxy's reasons mean something else.
const DOMAIN: &str = "cairn.dev";

/// What this client's calls answer, or an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The one error of this client. A run that fails or stops to ask is none: that is an
/// [`Outcome`](crate::Outcome).
pub struct Error(Box<Parts>);

struct Parts {
    code: Code,
    reason: String,
    message: String,
    metadata: BTreeMap<String, String>,
    violations: Vec<FieldViolation>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    of_transport: bool,
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Its path: `checkpoint.thread_id`, `nodes.triage.ask.into`.
    pub field: String,
    /// What is wrong, and what would be right.
    pub description: String,
}

impl Error {
    /// gRPC's status code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Why, as a name of the proto's `ErrorReason` to decide by: `THREAD_BUSY`. A newer server may have more of them. Empty
    /// when the failure is the transport's.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// What happened, in words.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Every changing part of the message, by name: `HEAD_MISMATCH` names the head, `EVENTS_PRUNED` the oldest event.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.0.metadata
    }

    /// The fields at fault; empty when none is.
    #[must_use]
    pub fn violations(&self) -> &[FieldViolation] {
        &self.0.violations
    }

    /// The path of the first field at fault.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.violations().first().map(|violation| violation.field.as_str())
    }

    /// Whether the server could not be reached, is stopping, or the connection broke during the call.
    #[must_use]
    pub fn is_connection_loss(&self) -> bool {
        self.code() == Code::Unavailable
            || (self.0.of_transport && self.reason().is_empty() && self.code() != Code::DeadlineExceeded)
    }

    pub(crate) fn new(code: Code, message: impl Into<String>) -> Error {
        Error(Box::new(Parts {
            code,
            reason: String::new(),
            message: message.into(),
            metadata: BTreeMap::new(),
            violations: Vec::new(),
            source: None,
            of_transport: false,
        }))
    }

    pub(crate) fn with_reason(mut self, reason: &str) -> Error {
        reason.clone_into(&mut self.0.reason);
        self
    }

    /// A field of what the caller gave is wrong.
    pub(crate) fn invalid(field: impl Into<String>, description: &str) -> Error {
        let field = field.into();
        let message = if field.is_empty() { description.to_owned() } else { format!("{field}: {description}") };
        let mut error = Error::new(Code::InvalidArgument, message);
        error.0.violations = vec![FieldViolation { field, description: description.to_owned() }];
        error
    }

    /// A value that can't be encoded or decoded.
    pub(crate) fn malformed(field: String, description: &str) -> Error {
        Error::invalid(field, description).with_reason("VALUE_MALFORMED")
    }

    /// The time that the caller gave is over.
    pub(crate) fn deadline() -> Error {
        Error::new(Code::DeadlineExceeded, "the deadline passed")
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Error {
        // Statuses that the server sent have no source: those that have one were made of a failure of the transport.
        let of_transport = status.source().is_some();
        if has_timed_out(&status) {
            return Error::deadline();
        }
        // A connection that broke in a way that gRPC has no code for, such as a handshake that was refused, or that was
        // closed before the call went out, which tonic says was cancelled: whoever cancels a call here drops it.
        let is_broken = of_transport && matches!(status.code(), Code::Unknown | Code::Cancelled);
        let mut error = Error::new(if is_broken { Code::Unavailable } else { status.code() }, status.message());
        let details = status.get_error_details();
        if let Some(info) = details.error_info().filter(|info| info.domain == DOMAIN) {
            error.0.reason.clone_from(&info.reason);
            error.0.metadata = info.metadata.clone().into_iter().collect();
        }
        if let Some(request) = details.bad_request() {
            let violations = request.field_violations.iter();
            error.0.violations = violations
                .map(|violation| FieldViolation {
                    field: violation.field.clone(),
                    description: violation.description.clone(),
                })
                .collect();
        }
        error.0.of_transport = of_transport;
        error.0.source = Some(Box::new(status));
        error
    }
}

fn has_timed_out(status: &Status) -> bool {
    let mut source = status.source();
    while let Some(error) = source {
        if error.is::<tonic::TimeoutExpired>() {
            return true;
        }
        source = error.source();
    }
    false
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            "" => write!(f, "{:?}: {}", self.code(), self.message()),
            reason => write!(f, "{:?} ({reason}): {}", self.code(), self.message()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.code())
            .field("reason", &self.reason())
            .field("message", &self.message())
            .field("metadata", &self.metadata())
            .field("violations", &self.violations())
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.0.source.as_deref()?;
        Some(source)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_connection_that_broke_is_unavailable_whatever_the_transport_calls_it() {
        for code in [Code::Unknown, Code::Cancelled, Code::Unavailable] {
            let mut of_transport = Status::new(code, "connection closed");
            of_transport.set_source(Arc::new(fmt::Error));
            let error = Error::from(of_transport);
            assert!(error.is_connection_loss());
            assert_eq!(error.code(), Code::Unavailable);
        }
        let of_server = Error::from(Status::new(Code::Cancelled, "the run was cancelled"));
        assert!(!of_server.is_connection_loss());
        assert_eq!(of_server.code(), Code::Cancelled);
    }
}
