#include "worker_impl.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "retry.hpp"
#include "state.hpp"
#include "to_error.hpp"
#include "worker_messages.hpp"

namespace cairn {
namespace {

constexpr std::uint32_t protocol_version = 1;
constexpr std::uint32_t slots_max = 1'000;
/// Results that no server has acknowledged: with so many tasks held, none is asked for. What a Hello may name.
constexpr std::size_t held_max = 2'000;
const char sdk[] = "cairn-cpp/0.1.0 C++/" __VERSION__;

WorkerOptions checked(WorkerOptions options, const std::string& session_id) {
  const auto refuse = [](const std::string& field, const std::string& what) {
    throw Error(Code::invalid_argument, field + ": " + what, {"INVALID_FIELD", {}, {{field, what}}});
  };
  if (options.slots < 1 || options.slots > slots_max) refuse("slots", "must be 1 to 1,000");
  if (options.nodes.empty() && options.decisions.empty()) refuse("nodes", "a worker serves one at least");
  if (options.id.empty()) {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    options.id = std::string(host.data()) + "-" + std::to_string(getpid()) + "-" + session_id.substr(0, 8);
  }
  return options;
}

/// What this worker would meet again on every stream. All else passes: lost connections, names that become free when
/// leases are over, servers that are full or have a fault of their own.
bool is_lasting(const Error& error) {
  static const std::set<Code> codes = {Code::invalid_argument, Code::unauthenticated, Code::permission_denied,
                                       Code::failed_precondition, Code::unimplemented};
  return codes.count(error.code()) > 0 || error.reason() == "WORKER_REPLACED";
}

}  // namespace

Worker::Impl::Impl(std::shared_ptr<Transport> transport, WorkerOptions options)
    : transport_(std::move(transport)),
      session_id_(new_uuid()),
      options_(checked(std::move(options), session_id_)),
      pool_(options_.slots + 1) {}

Worker::Impl::~Impl() {
  const std::lock_guard lock(mutex_);
  for (const auto& [key, held] : held_) held->cancellation.cancel();
}

void Worker::Impl::run() {
  const auto end = [&] {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    for (const auto& [key, held] : held_) held->cancellation.cancel();
    changed_.notify_all();
  };
  for (int failures = 0;;) {
    const grpc::Status status = serve();
    {
      const std::lock_guard lock(mutex_);
      if (is_done()) break;
      failures = is_welcome_ ? 1 : failures + 1;
    }
    if (!status.ok()) {
      const Error error = to_error(status);
      if (is_lasting(error)) {
        end();
        throw error;
      }
    }
    pause_after(failures);
  }
  end();
}

void Worker::Impl::stop() {
  const std::lock_guard lock(mutex_);
  if (is_stopping_) return;
  is_stopping_ = true;
  drain();
  end_if_done();
  changed_.notify_all();
}

bool Worker::Impl::wait_until_ready(std::chrono::milliseconds time) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [&] { return is_ready_ || is_over_; });
  return is_ready_;
}

grpc::Status Worker::Impl::serve() {
  std::shared_ptr<WorkerStream> stream;
  {
    std::unique_lock lock(mutex_);
    is_welcome_ = false;
    if (is_done()) return grpc::Status::OK;
    stream = stream_ = std::make_shared<WorkerStream>(*transport_);
    coming_.reset();
    granted_ = 0;
    stream->send(hello());
    is_reading_ = true;
    pool_.add([this, stream] { read(stream); });
    changed_.wait(lock, [&] { return !is_reading_; });
  }
  const grpc::Status status = stream->finish();
  const std::lock_guard lock(mutex_);
  stream_.reset();
  return status;
}

void Worker::Impl::read(const std::shared_ptr<WorkerStream>& stream) {
  for (v1::WorkResponse message; stream->read(message);) {
    Job job;
    {
      const std::lock_guard lock(mutex_);
      job = hear(message);
    }
    if (!job) continue;
    pool_.add([this, stream] { read(stream); });
    return job();
  }
  const std::lock_guard lock(mutex_);
  is_reading_ = false;
  changed_.notify_all();
}

void Worker::Impl::pause_after(int failures) {
  std::unique_lock lock(mutex_);
  const auto spread = std::chrono::duration_cast<std::chrono::milliseconds>(reconnect_after_ * random_fraction());
  reconnect_after_ = std::chrono::milliseconds(0);
  lock.unlock();
  pause(*transport_, spread + backoff(failures, transport_->retry), [&] {
    const std::lock_guard locked(mutex_);
    return is_done();
  });
}

v1::WorkRequest Worker::Impl::hello() const {
  v1::WorkRequest message;
  auto* hello = message.mutable_hello();
  hello->set_protocol_version(protocol_version);
  hello->set_worker_id(options_.id);
  hello->set_session_id(session_id_);
  std::set<std::string> names;
  for (const auto& [name, code] : options_.nodes) names.insert(name);
  for (const auto& [name, code] : options_.decisions) names.insert(name);
  for (const auto& name : names) hello->add_nodes(name);
  hello->set_slots(options_.slots);
  for (const auto& [key, held] : held_) *hello->add_held() = held->lease;
  hello->set_sdk(sdk);
  hello->set_pid(static_cast<std::uint64_t>(getpid()));
  return message;
}

Worker::Impl::Job Worker::Impl::hear(v1::WorkResponse& message) {
  for (const auto& lease : message.acked()) drop(lease);
  switch (message.message_case()) {
    case v1::WorkResponse::kWelcome:
      begin(message.welcome());
      return {};
    case v1::WorkResponse::kTask:
      coming_ = Coming{std::move(*message.mutable_task()), {}};
      if (granted_ > 0) --granted_;
      return take_input(coming_->task.input().data());
    case v1::WorkResponse::kChunk:
      return take_input(message.chunk().data());
    case v1::WorkResponse::kCancel:
      drop(message.cancel().lease());
      return {};
    case v1::WorkResponse::kEvict:
      drop(message.evict().lease());
      return {};
    case v1::WorkResponse::kDraining:
      reconnect_after_ = to_milliseconds(message.draining().reconnect_after());
      return {};
    default:
      return {};  // From a newer server, or an acknowledgement alone.
  }
}

void Worker::Impl::begin(const v1::WorkerWelcome& welcome) {
  welcome_ = welcome;
  is_welcome_ = is_ready_ = true;
  changed_.notify_all();
  stream_->beat_every(to_milliseconds(welcome.heartbeat()));
  for (const auto& [key, held] : held_) tell(*held);
  if (is_stopping_) drain();
  grant(room());
}

Worker::Impl::Job Worker::Impl::take_input(const std::string& data) {
  if (!coming_) return {};
  coming_->input += data;
  if (coming_->input.size() < coming_->task.input().size_bytes()) return {};
  Coming whole = std::move(*coming_);
  coming_.reset();
  return take(std::move(whole.task), std::move(whole.input));
}

Worker::Impl::Job Worker::Impl::take(v1::Task task, std::string input) {
  const auto [found, is_new] = held_.try_emplace(key_of(task.lease()));
  // Sent again: a server asks for what this process has already.
  if (!is_new) {
    tell(*found->second);
    return {};
  }
  auto held = std::make_shared<Held>();
  held->lease = task.lease();
  found->second = held;
  ++running_;
  // Shared, as a job must be copyable.
  const auto whole = std::make_shared<std::pair<v1::Task, std::string>>(std::move(task), std::move(input));
  return [this, whole, held] { work(whole->first, whole->second, held); };
}

void Worker::Impl::work(const v1::Task& task, const std::string& input, const std::shared_ptr<Held>& held) {
  const Tell tell_progress = [this](v1::TaskProgress progress) {
    std::shared_ptr<WorkerStream> stream;
    {
      const std::lock_guard lock(mutex_);
      if (is_welcome_) stream = stream_;
    }
    v1::WorkRequest message;
    *message.mutable_progress() = std::move(progress);
    if (stream) stream->send_when_there_is_room(std::move(message));
  };
  auto result = run_task(task, input, options_, held->cancellation, tell_progress);
  std::shared_ptr<WorkerStream> stream;
  std::deque<v1::WorkRequest> messages;
  {
    const std::lock_guard lock(mutex_);
    messages = end(*held, std::move(result));
    stream = stream_;
  }
  if (!messages.empty()) stream->send_here(std::move(messages));
}

std::deque<v1::WorkRequest> Worker::Impl::end(Held& held, TaskResult result) {
  held.result = within(std::move(result), welcome_.payload_bytes_max());
  --running_;
  const std::uint32_t credit = room();
  // The result of a task that was dropped meanwhile is nobody's.
  if (held_.count(key_of(held.lease)) == 0) {
    grant(credit);
    return {};
  }
  auto messages = told(held);
  if (messages.empty()) return {};
  messages.back().set_credit(credit);
  granted_ += credit;
  return messages;
}

std::deque<v1::WorkRequest> Worker::Impl::told(const Held& held) const {
  if (!held.result || !stream_ || !is_welcome_) return {};
  return messages_of(held.lease, *held.result, welcome_.chunk_bytes());
}

void Worker::Impl::tell(const Held& held) {
  auto messages = told(held);
  if (!messages.empty()) stream_->send(std::move(messages));
}

void Worker::Impl::drop(const v1::TaskLease& lease) {
  const auto found = held_.find(key_of(lease));
  if (found == held_.end()) return;
  found->second->cancellation.cancel();
  held_.erase(found);
  end_if_done();
  grant(room());
}

void Worker::Impl::drain() {
  if (!stream_ || !is_welcome_) return;
  v1::WorkRequest message;
  message.mutable_drain();
  stream_->send(std::move(message));
}

void Worker::Impl::end_if_done() {
  if (!is_done()) return;
  if (stream_) stream_->end();
  changed_.notify_all();
}

std::uint32_t Worker::Impl::room() const {
  if (is_stopping_ || !stream_ || !is_welcome_) return 0;
  const std::size_t used = running_ + granted_;
  const std::size_t kept = held_.size() + granted_;
  if (used >= options_.slots || kept >= held_max) return 0;
  return static_cast<std::uint32_t>(std::min<std::size_t>(options_.slots - used, held_max - kept));
}

void Worker::Impl::grant(std::uint32_t credit) {
  if (credit == 0) return;
  granted_ += credit;
  v1::WorkRequest message;
  message.mutable_heartbeat();
  message.set_credit(credit);
  stream_->send(std::move(message));
}

}  // namespace cairn
