#pragma once

#include <cairn/v1/run_service.grpc.pb.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cairn/event_stream.hpp"
#include "event_cursor.hpp"
#include "retry.hpp"
#include "value_table.hpp"

namespace cairn {

class Error;

/// Follows a thread's events over as many streams as it takes.
class EventStream::Impl {
 public:
  Impl(std::string thread_id, EventOptions options, std::shared_ptr<Transport> transport);
  ~Impl();

  std::optional<Event> next();
  void cancel() noexcept;

 private:
  /// One stream to a server.
  struct Stream {
    grpc::ClientContext context;
    Clock::time_point ends_at;
    std::unique_ptr<grpc::ClientReader<v1::StreamEventsResponse>> reader;
    ValueTable table;
    /// Of an RPC that has been finished, the call must not be.
    bool is_finished = false;
  };

  /// The stream, opened if need be; nullptr after `cancel`.
  Stream* open();
  void close();
  v1::StreamEventsRequest request() const;
  std::optional<Event> read(Stream& stream);
  bool is_last(const Event& event) const;
  /// Goes on after a stream has ended: true for another, false for the end of all. Throws what is lasting.
  bool go_on_after(const grpc::Status& status, Clock::time_point stream_ends_at);
  void pause_after(const Error& error);

  const std::string thread_id_;
  const EventOptions options_;
  const std::shared_ptr<Transport> transport_;
  v1::RunService::Stub stub_;
  const std::optional<Clock::time_point> ends_at_;
  EventCursor cursor_;
  /// Streams in a row that brought nothing.
  int failures_ = 0;
  bool is_done_ = false;

  std::mutex mutex_;
  // Of the mutex:
  bool is_cancelled_ = false;
  std::unique_ptr<Stream> stream_;
};

}  // namespace cairn
