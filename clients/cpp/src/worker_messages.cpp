#include "worker_messages.hpp"

#include <algorithm>

namespace cairn {
namespace {

const std::string* payload_of(const TaskResult& result) {
  if (const auto* completed = std::get_if<TaskCompleted>(&result)) return &completed->payload;
  if (const auto* interrupted = std::get_if<TaskInterrupted>(&result)) return &interrupted->payload;
  return nullptr;
}

v1::WorkRequest failed(const v1::TaskLease& lease, const TaskFailed& failure) {
  v1::WorkRequest message;
  auto* fail = message.mutable_fail();
  *fail->mutable_lease() = lease;
  fail->set_kind(failure.kind);
  fail->set_message(failure.message);
  fail->set_stack(failure.stack);
  fail->set_not_retryable(!failure.retryable);
  return message;
}

}  // namespace

std::deque<v1::WorkRequest> messages_of(const v1::TaskLease& lease, const TaskResult& result, std::size_t chunk_bytes) {
  std::deque<v1::WorkRequest> messages;
  if (const auto* failure = std::get_if<TaskFailed>(&result)) {
    messages.push_back(failed(lease, *failure));
    return messages;
  }
  const std::string& bytes = *payload_of(result);
  // A server that tells no limit takes all at once.
  const std::size_t piece = chunk_bytes > 0 ? chunk_bytes : std::max<std::size_t>(bytes.size(), 1);
  v1::Payload* payload = nullptr;
  auto& first = messages.emplace_back();
  if (const auto* interrupted = std::get_if<TaskInterrupted>(&result)) {
    *first.mutable_interrupt()->mutable_lease() = lease;
    first.mutable_interrupt()->set_index(interrupted->index);
    payload = first.mutable_interrupt()->mutable_question();
  } else {
    *first.mutable_complete()->mutable_lease() = lease;
    payload = first.mutable_complete()->mutable_result();
  }
  payload->set_size_bytes(bytes.size());
  payload->set_data(bytes.substr(0, piece));
  for (std::size_t at = piece; at < bytes.size(); at += piece) {
    messages.emplace_back().mutable_chunk()->set_data(bytes.substr(at, piece));
  }
  return messages;
}

TaskResult within(TaskResult result, std::uint64_t payload_bytes_max) {
  const std::string* payload = payload_of(result);
  if (payload == nullptr || payload->size() <= payload_bytes_max) return result;
  const std::string sizes = std::to_string(payload->size()) + " bytes; a server takes " + std::to_string(payload_bytes_max);
  return TaskFailed{"ValueTooLarge", "the result has " + sizes, {}, false};
}

}  // namespace cairn
