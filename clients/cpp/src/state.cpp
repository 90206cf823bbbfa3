#include "state.hpp"

#include <google/protobuf/util/time_util.h>

#include <array>

#include "to_error.hpp"
#include "value_decode.hpp"

namespace cairn {
namespace {

using google::protobuf::util::TimeUtil;

std::vector<std::string> list_of(const google::protobuf::RepeatedPtrField<std::string>& names) {
  return {names.begin(), names.end()};
}

/// The reason's name without its prefix; that of a newer server's reason is its number.
std::string reason_name(v1::ErrorReason reason) {
  constexpr std::string_view prefix = "ERROR_REASON_";
  const std::string& name = v1::ErrorReason_Name(reason);
  return name.empty() ? std::to_string(reason) : name.substr(prefix.size());
}

Interrupt to_interrupt(const v1::PendingInterrupt& message) {
  ReadValue read = read_value(to_typed(message.value()));
  if (!message.has_value()) read = {};
  return {message.id(), message.node(), message.task_id(), message.namespace_(), std::move(read.value),
          std::move(read.opaque)};
}

TaskState to_task(const v1::TaskState& message) {
  TaskState task;
  task.id = message.id();
  task.node = message.node();
  task.path = message.path();
  task.finished = message.finished();
  if (message.has_error()) task.error = to_failure(message.error());
  task.interrupt_ids = list_of(message.interrupt_ids());
  return task;
}

Value to_metadata(const std::string& text) { return text.empty() ? Value(nullptr) : decode_json(text); }

}  // namespace

const char* status_name(RunStatus status) noexcept {
  static constexpr std::array names = {"unspecified", "running", "done",      "interrupted", "paused",
                                       "failed",      "cancelled", "lost", "queued"};
  const auto index = static_cast<std::size_t>(status);
  return index < names.size() ? names[index] : "unknown";
}

Time to_time(const google::protobuf::Timestamp& message) {
  if (message.seconds() == 0 && message.nanos() == 0) return std::nullopt;
  const auto since = std::chrono::seconds(message.seconds()) + std::chrono::nanoseconds(message.nanos());
  return std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(since));
}

google::protobuf::Duration to_duration(std::chrono::milliseconds time) {
  return TimeUtil::MillisecondsToDuration(time.count());
}

std::chrono::milliseconds to_milliseconds(const google::protobuf::Duration& message) {
  return std::chrono::milliseconds(TimeUtil::DurationToMilliseconds(message));
}

google::protobuf::Timestamp to_timestamp(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch());
  return TimeUtil::NanosecondsToTimestamp(since.count());
}

TypedValue to_typed(const v1::TypedValue& message) { return {message.type(), message.data()}; }

void set_typed(v1::TypedValue* message, const TypedValue& value) {
  message->set_type(value.type);
  message->set_data(value.data);
}

std::string metadata_text(const Value& metadata) {
  if (metadata.is_null()) return {};
  if (!metadata.is_object()) throw malformed("metadata", "must be an object");
  return encode(metadata, Encoding::json, "metadata").data;
}

RunFailure to_failure(const v1::RunError& message) {
  return {reason_name(message.reason()), message.message(), message.node(), message.channel(),
          message.task_id(),             message.kind(),    message.stack()};
}

ThreadState to_state(const v1::StateSnapshot& message) {
  ThreadState state;
  state.thread_id = message.thread_id();
  state.ns = message.namespace_();
  state.checkpoint_id = message.checkpoint_id();
  state.parent_id = message.parent_id();
  state.step = message.step();
  state.source = message.source();
  // In the channels' order, as a protobuf map has none.
  const std::map<std::string, v1::TypedValue> channels(message.values().begin(), message.values().end());
  for (const auto& [channel, typed] : channels) {
    ReadValue read = read_value(to_typed(typed));
    if (read.opaque) {
      state.opaque.emplace(channel, std::move(*read.opaque));
    } else {
      state.values[channel] = std::move(read.value);
    }
  }
  state.next = list_of(message.next_nodes());
  for (const auto& task : message.tasks()) state.tasks.push_back(to_task(task));
  for (const auto& interrupt : message.interrupts()) state.interrupts.push_back(to_interrupt(interrupt));
  state.created_at = to_time(message.created_at());
  state.run_id = message.run_id();
  state.graph_name = message.graph_name();
  state.graph_hash = message.graph_hash();
  state.metadata = to_metadata(message.metadata());
  return state;
}

RunOutcome to_outcome(const v1::RunOutcome& message) {
  RunOutcome outcome;
  outcome.run_id = message.run_id();
  outcome.status = static_cast<RunStatus>(message.status());
  if (message.has_error()) outcome.error = to_failure(message.error());
  outcome.state = to_state(message.state());
  outcome.last_event_number = message.last_event_number();
  return outcome;
}

RunInfo to_run_info(const v1::RunInfo& message) {
  RunInfo run;
  run.run_id = message.run_id();
  run.thread_id = message.thread_id();
  run.graph_name = message.graph_name();
  run.graph_hash = message.graph_hash();
  run.status = static_cast<RunStatus>(message.status());
  if (message.has_error()) run.error = to_failure(message.error());
  run.started_at = to_time(message.started_at());
  run.stopped_at = to_time(message.stopped_at());
  run.checkpoint_id = message.checkpoint_id();
  run.waits_for = list_of(message.waits_for());
  return run;
}

ThreadInfo to_thread_info(const v1::Thread& message) {
  ThreadInfo thread;
  thread.id = message.id();
  thread.status = static_cast<ThreadStatus>(message.status());
  thread.metadata = to_metadata(message.metadata());
  thread.created_at = to_time(message.created_at());
  thread.updated_at = to_time(message.updated_at());
  thread.graph_name = message.graph_name();
  thread.head_checkpoint_id = message.head_checkpoint_id();
  thread.head_step = message.head_step();
  thread.run_id = message.run_id();
  thread.last_event_number = message.last_event_number();
  if (message.has_ttl()) thread.ttl = to_milliseconds(message.ttl());
  return thread;
}

}  // namespace cairn
