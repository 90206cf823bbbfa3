#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <functional>

#include "cairn/connect_options.hpp"
#include "transport.hpp"

namespace cairn {

using Clock = std::chrono::system_clock;

/// The wait after so many failed attempts. Half of it is random, so that clients that failed together don't return
/// together; the other half is not, so that all attempts together outlast the second that a channel may pause before it
/// connects again.
std::chrono::milliseconds backoff(int failed_attempts, const RetryPolicy& policy);

/// A random number from 0 to 1.
double random_fraction();

/// A random UUID (version 4).
std::string new_uuid();

/// Puts space and token into a call.
void prepare(grpc::ClientContext& context, const Transport& transport);

/// Waits, and connects meanwhile: gRPC's core goes on with a connection only while something waits for it, or every five
/// seconds. Ends within a tenth of a second when `is_over` says so.
void pause(const Transport& transport, std::chrono::milliseconds time, const std::function<bool()>& is_over);

/// Calls until it succeeds, the error is not a lost connection, or attempts or time run out; throws the last error.
void with_retry(const Transport& transport, Clock::time_point deadline,
                const std::function<grpc::Status(grpc::ClientContext&)>& attempt);

}  // namespace cairn
