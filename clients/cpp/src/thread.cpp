#include "cairn/thread.hpp"

#include <cairn/v1/run_service.grpc.pb.h>
#include <cairn/v1/thread_service.grpc.pb.h>

#include "call.hpp"
#include "event_stream.hpp"
#include "state.hpp"
#include "to_error.hpp"

namespace cairn {
namespace {

using Runs = v1::RunService::Stub;
using ThreadCalls = v1::ThreadService::Stub;

/// Writes the members of an object as inline values.
void set_input(v1::Input* input, const Value& values, Encoding encoding) {
  if (!values.is_object()) throw malformed("", "channels' values must be an object, channel name to value");
  for (const auto& [channel, value] : values.items()) {
    set_typed((*input->mutable_values())[channel].mutable_inline_(), encode(value, encoding, channel));
  }
}

void set_options(v1::RunOptions* message, const RunOptions& options) {
  message->set_graph_name(options.graph);
  message->set_graph_hash(options.graph_hash);
  message->set_checkpoint_id(options.checkpoint_id);
  message->set_namespace_(options.ns);
  message->set_recursion_limit(options.recursion_limit);
  for (const auto& node : options.interrupt_before) message->add_interrupt_before(node);
  for (const auto& node : options.interrupt_after) message->add_interrupt_after(node);
  message->set_metadata(metadata_text(options.metadata));
  message->set_durability(static_cast<v1::Durability>(options.durability));
}

/// What requests that drive a graph have in common.
template <class Request>
Request driving(const std::string& thread_id, const RunOptions& options) {
  Request request;
  request.set_thread_id(thread_id);
  request.set_request_id(options.request_id);
  set_options(request.mutable_options(), options);
  return request;
}

template <class Method, class Request>
RunOutcome drive(const Transport& transport, Method method, Request request, const RunOptions& options) {
  const auto deadline = deadline_in(options.deadline.value_or(transport.run_deadline));
  return to_outcome(call(transport, method, std::move(request), deadline).outcome());
}

v1::GetRunRequest run_request(const std::string& thread_id, const std::string& run_id) {
  v1::GetRunRequest request;
  request.set_thread_id(thread_id);
  request.set_run_id(run_id);
  return request;
}

}  // namespace

Thread::Thread(std::string id, std::shared_ptr<Transport> transport)
    : id_(std::move(id)), transport_(std::move(transport)) {}

RunOutcome Thread::run(const Value& input, const RunOptions& options) const {
  auto request = driving<v1::RunRequest>(id_, options);
  if (!input.is_null()) set_input(request.mutable_input(), input, options.encoding);
  request.set_background(options.background);
  request.set_on_busy(static_cast<v1::OnBusy>(options.on_busy));
  return drive(*transport_, &Runs::Run, std::move(request), options);
}

RunOutcome Thread::step(const Value& input, const RunOptions& options) const {
  auto request = driving<v1::RunStepRequest>(id_, options);
  if (!input.is_null()) set_input(request.mutable_input(), input, options.encoding);
  return drive(*transport_, &Runs::RunStep, std::move(request), options);
}

RunOutcome Thread::resume(const Value& answer, const RunOptions& options) const {
  auto request = driving<v1::ResumeRequest>(id_, options);
  request.set_background(options.background);
  set_typed(request.mutable_value(), encode(answer, options.encoding, "answer"));
  return drive(*transport_, &Runs::Resume, std::move(request), options);
}

RunOutcome Thread::resume_by_id(const AnswersById& answers, const RunOptions& options) const {
  auto request = driving<v1::ResumeRequest>(id_, options);
  request.set_background(options.background);
  auto& by_id = *request.mutable_answers()->mutable_by_id();
  for (const auto& [id, answer] : answers) set_typed(&by_id[id], encode(answer, options.encoding, "answers." + id));
  return drive(*transport_, &Runs::Resume, std::move(request), options);
}

ThreadState Thread::state(const StateOptions& options) const {
  v1::GetStateRequest request;
  request.set_thread_id(id_);
  request.set_namespace_(options.ns);
  request.set_checkpoint_id(options.checkpoint_id);
  return to_state(call(*transport_, &Runs::GetState, request).state());
}

Pages<ThreadState> Thread::history(const std::string& ns, int page_size) const {
  v1::GetStateHistoryRequest request;
  request.set_thread_id(id_);
  request.set_namespace_(ns);
  request.set_page_size(page_size);
  return Pages<ThreadState>([transport = transport_, request](const std::string& token) mutable {
    request.set_page_token(token);
    const auto response = call(*transport, &Runs::GetStateHistory, request);
    std::vector<ThreadState> states;
    for (const auto& state : response.states()) states.push_back(to_state(state));
    return Pages<ThreadState>::Page(std::move(states), response.next_page_token());
  });
}

ThreadState Thread::update_state(const Value& values, const UpdateOptions& options) const {
  v1::UpdateStateRequest request;
  request.set_thread_id(id_);
  request.set_checkpoint_id(options.checkpoint_id);
  if (!values.is_null()) set_input(request.mutable_values(), values, options.encoding);
  request.set_as_node(options.as_node);
  request.set_graph_name(options.graph);
  request.set_expected_head(options.expected_head);
  request.mutable_channel_mapping()->insert(options.channel_mapping.begin(), options.channel_mapping.end());
  request.set_request_id(options.request_id);
  request.set_namespace_(options.ns);
  return to_state(call(*transport_, &Runs::UpdateState, request).state());
}

ThreadState Thread::bulk_update_state(const std::vector<std::vector<NodeUpdate>>& supersteps,
                                      const UpdateOptions& options) const {
  v1::BulkUpdateStateRequest request;
  request.set_thread_id(id_);
  request.set_graph_name(options.graph);
  request.set_request_id(options.request_id);
  for (const auto& updates : supersteps) {
    auto* superstep = request.add_supersteps();
    for (const auto& update : updates) {
      auto* message = superstep->add_updates();
      message->set_as_node(update.as_node);
      if (!update.values.is_null()) set_input(message->mutable_values(), update.values, options.encoding);
    }
  }
  return to_state(call(*transport_, &Runs::BulkUpdateState, request).state());
}

ThreadState Thread::fork(const std::string& checkpoint_id, const Value& values, UpdateOptions options) const {
  options.checkpoint_id = checkpoint_id;
  return update_state(values, options);
}

EventStream Thread::events(EventOptions options) const {
  return EventStream(std::make_unique<EventStream::Impl>(id_, std::move(options), transport_));
}

RunInfo Thread::run_info(const std::string& run_id) const {
  return to_run_info(call(*transport_, &Runs::GetRun, run_request(id_, run_id)).run());
}

RunInfo Thread::wait_for_run(const std::string& run_id, std::optional<std::chrono::milliseconds> deadline) const {
  auto request = run_request(id_, run_id);
  request.set_wait(true);
  const auto until = deadline_in(deadline.value_or(transport_->run_deadline));
  return to_run_info(call(*transport_, &Runs::GetRun, request, until).run());
}

Pages<RunInfo> Thread::runs(int page_size) const {
  v1::ListRunsRequest request;
  request.set_thread_id(id_);
  request.set_page_size(page_size);
  return Pages<RunInfo>([transport = transport_, request](const std::string& token) mutable {
    request.set_page_token(token);
    const auto response = call(*transport, &Runs::ListRuns, request);
    std::vector<RunInfo> runs;
    for (const auto& run : response.runs()) runs.push_back(to_run_info(run));
    return Pages<RunInfo>::Page(std::move(runs), response.next_page_token());
  });
}

RunInfo Thread::cancel(const std::string& run_id, bool graceful) const {
  v1::CancelRunRequest request;
  request.set_thread_id(id_);
  request.set_run_id(run_id);
  request.set_graceful(graceful);
  return to_run_info(call(*transport_, &Runs::CancelRun, request).run());
}

ThreadInfo Thread::info() const {
  v1::GetThreadRequest request;
  request.set_thread_id(id_);
  return to_thread_info(call(*transport_, &ThreadCalls::GetThread, request).thread());
}

bool Thread::ensure(const Value& metadata) const {
  v1::CreateThreadRequest request;
  request.set_thread_id(id_);
  request.set_metadata(metadata_text(metadata));
  try {
    call(*transport_, &ThreadCalls::CreateThread, request);
    return true;
  } catch (const Error& error) {
    if (error.code() == Code::already_exists) return false;
    throw;
  }
}

Thread Thread::copy(const std::string& new_id) const {
  v1::CopyThreadRequest request;
  request.set_thread_id(id_);
  request.set_new_thread_id(new_id);
  const auto until = deadline_in(transport_->run_deadline);
  const auto response = call(*transport_, &ThreadCalls::CopyThread, request, until);
  return Thread(response.thread().id(), transport_);
}

std::uint64_t Thread::prune(std::uint32_t keep, Time older_than) const {
  v1::PruneThreadsRequest request;
  request.add_thread_ids(id_);
  request.set_keep(keep);
  if (older_than) *request.mutable_older_than() = to_timestamp(*older_than);
  const auto until = deadline_in(transport_->run_deadline);
  return call(*transport_, &ThreadCalls::PruneThreads, request, until).pruned_checkpoints();
}

ThreadInfo Thread::set_ttl(std::optional<std::chrono::milliseconds> ttl) const {
  v1::UpdateThreadRequest request;
  request.set_thread_id(id_);
  *request.mutable_ttl() = to_duration(ttl.value_or(std::chrono::milliseconds(0)));
  return to_thread_info(call(*transport_, &ThreadCalls::UpdateThread, request).thread());
}

bool Thread::remove() const {
  v1::DeleteThreadRequest request;
  request.set_thread_id(id_);
  return call(*transport_, &ThreadCalls::DeleteThread, request).existed();
}

}  // namespace cairn
