#pragma once

#include <grpcpp/support/status.h>

#include "cairn/error.hpp"

namespace cairn {

/// Makes an Error of how a call ended, with what the server said of it in its details.
Error to_error(const grpc::Status& status);

/// Whether the server could not be reached, is stopping, or the connection broke during the call.
bool is_connection_loss(const Error& error) noexcept;

/// A value, or its encoding, that is not what it should be.
Error malformed(const std::string& field, const std::string& description);

/// The caller ended the call, or the thing that it was made by.
Error call_ended(const std::string& message);

}  // namespace cairn
