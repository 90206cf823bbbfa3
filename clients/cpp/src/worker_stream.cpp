#include "worker_stream.hpp"

#include "retry.hpp"

namespace cairn {
namespace {

/// What tasks tell while they run waits for room beyond this. (Results don't: slots and the largest payload bound them.)
constexpr std::size_t queued_bytes_max = 4 * 1024 * 1024;
/// How often a writer looks whether a heartbeat is due, before a server has told.
constexpr std::chrono::milliseconds quiet_max{60'000};

}  // namespace

WorkerStream::WorkerStream(const Transport& transport) : stub_(transport.channel) {
  prepare(context_, transport);
  call_ = stub_.Work(&context_);
  writer_ = std::thread([this] { write_all(); });
}

WorkerStream::~WorkerStream() {
  cancel();
  writer_.join();
  if (is_finished_) return;
  // gRPC wants every call to be read to its end.
  for (v1::WorkResponse rest; call_->Read(&rest);) continue;
  call_->Finish();
}

void WorkerStream::send(std::deque<v1::WorkRequest> messages) {
  const std::lock_guard lock(mutex_);
  queue(std::move(messages));
  changed_.notify_all();
}

void WorkerStream::send_here(std::deque<v1::WorkRequest> messages) {
  std::unique_lock lock(mutex_);
  queue(std::move(messages));
  // What comes meanwhile is the writer's.
  for (std::size_t left = queue_.size(); left > 0 && !is_writing_ && !is_over_ && !queue_.empty(); --left) {
    v1::WorkRequest message = take_next();
    write(lock, message);
  }
}

void WorkerStream::send(v1::WorkRequest message) {
  std::deque<v1::WorkRequest> one;
  one.push_back(std::move(message));
  send(std::move(one));
}

void WorkerStream::send_when_there_is_room(v1::WorkRequest message) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return is_over_ || queued_bytes_ < queued_bytes_max; });
  }
  send(std::move(message));
}

void WorkerStream::beat_every(std::chrono::milliseconds time) {
  const std::lock_guard lock(mutex_);
  heartbeat_ = time;
  changed_.notify_all();
}

void WorkerStream::end() {
  const std::lock_guard lock(mutex_);
  is_ending_ = true;
  changed_.notify_all();
}

void WorkerStream::cancel() {
  context_.TryCancel();
  const std::lock_guard lock(mutex_);
  is_over_ = true;
  changed_.notify_all();
}

bool WorkerStream::read(v1::WorkResponse& message) { return call_->Read(&message); }

grpc::Status WorkerStream::finish() {
  is_finished_ = true;
  const grpc::Status status = call_->Finish();
  const std::lock_guard lock(mutex_);
  is_over_ = true;
  changed_.notify_all();
  return status;
}

void WorkerStream::queue(std::deque<v1::WorkRequest> messages) {
  if (is_over_ || is_ending_) return;
  for (auto& message : messages) {
    queued_bytes_ += message.ByteSizeLong();
    queue_.push_back(std::move(message));
  }
}

v1::WorkRequest WorkerStream::take_next() {
  v1::WorkRequest message = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= message.ByteSizeLong();
  return message;
}

void WorkerStream::write(std::unique_lock<std::mutex>& lock, const v1::WorkRequest& message) {
  is_writing_ = true;
  lock.unlock();
  const bool is_open = call_->Write(message);
  lock.lock();
  is_writing_ = false;
  is_over_ = is_over_ || !is_open;
  changed_.notify_all();
}

void WorkerStream::write_all() {
  std::unique_lock lock(mutex_);
  while (!is_over_) {
    const auto beat = heartbeat_;
    const auto has_something = [&] {
      return is_over_ || heartbeat_ != beat || (!is_writing_ && (is_ending_ || !queue_.empty()));
    };
    const bool is_woken = changed_.wait_for(lock, beat.count() > 0 ? beat : quiet_max, has_something);
    if (is_over_) return;
    // Somebody else's message is a sign of life as well.
    if (is_writing_) continue;
    v1::WorkRequest message;
    if (!queue_.empty()) {
      message = take_next();
    } else if (is_ending_) {
      lock.unlock();
      call_->WritesDone();
      return;
    } else if (is_woken || beat.count() == 0) {
      continue;
    } else {
      message.mutable_heartbeat();
    }
    write(lock, message);
  }
}

}  // namespace cairn
