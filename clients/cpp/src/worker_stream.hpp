#pragma once

#include <cairn/v1/worker_service.grpc.pb.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "cairn/error.hpp"
#include "transport.hpp"

namespace cairn {

/// One stream of a worker to a server. Messages are sent by a thread of its own: whoever reads must never wait for the
/// server to read, or both could wait for each other.
class WorkerStream {
 public:
  explicit WorkerStream(const Transport& transport);
  /// Breaks the stream off.
  ~WorkerStream();
  WorkerStream(const WorkerStream&) = delete;
  WorkerStream& operator=(const WorkerStream&) = delete;

  /// Sends messages one right behind the other. After the end of the stream they go nowhere.
  void send(std::deque<v1::WorkRequest> messages);
  void send(v1::WorkRequest message);
  /// The same in this thread, unless another one is sending: nobody has to be woken for it first.
  void send_here(std::deque<v1::WorkRequest> messages);
  /// Sends what may wait: while much is to be sent already, so does the caller.
  void send_when_there_is_room(v1::WorkRequest message);
  /// From now on, sends a heartbeat whenever nothing else was sent for so long.
  void beat_every(std::chrono::milliseconds time);
  /// Says that nothing more comes, once all is sent.
  void end();
  void cancel();

  /// The next message; false at the end of the stream.
  bool read(v1::WorkResponse& message);
  /// How the stream ended. Once, after `read` gave false.
  grpc::Status finish();

 private:
  void write_all();

  // These hold the mutex.
  void queue(std::deque<v1::WorkRequest> messages);
  v1::WorkRequest take_next();
  void write(std::unique_lock<std::mutex>& lock, const v1::WorkRequest& message);

  grpc::ClientContext context_;
  v1::WorkerService::Stub stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WorkRequest, v1::WorkResponse>> call_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<v1::WorkRequest> queue_;
  std::size_t queued_bytes_ = 0;
  std::chrono::milliseconds heartbeat_{0};
  /// A thread writes; gRPC takes one message at a time.
  bool is_writing_ = false;
  bool is_ending_ = false;
  bool is_over_ = false;
  bool is_finished_ = false;
  std::thread writer_;
};

}  // namespace cairn
