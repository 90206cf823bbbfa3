#pragma once

#include <cairn/v1/run_service.pb.h>
#include <cairn/v1/thread_service.pb.h>

#include "cairn/state.hpp"

namespace cairn {

// Each makes a thing of this client's of its message. Of a message that is missing, an empty one: absence is legal on the
// wire.
RunFailure to_failure(const v1::RunError& message);
ThreadState to_state(const v1::StateSnapshot& message);
RunOutcome to_outcome(const v1::RunOutcome& message);
RunInfo to_run_info(const v1::RunInfo& message);
ThreadInfo to_thread_info(const v1::Thread& message);
Time to_time(const google::protobuf::Timestamp& message);
TypedValue to_typed(const v1::TypedValue& message);

/// The other way.
void set_typed(v1::TypedValue* message, const TypedValue& value);
google::protobuf::Duration to_duration(std::chrono::milliseconds time);
google::protobuf::Timestamp to_timestamp(std::chrono::system_clock::time_point time);
/// JSON text of metadata: an object, or nothing for null. Throws Error (VALUE_MALFORMED).
std::string metadata_text(const Value& metadata);
/// How long a message says.
std::chrono::milliseconds to_milliseconds(const google::protobuf::Duration& message);

}  // namespace cairn
