#include "event_stream.hpp"

#include <cairn/v1/thread_service.grpc.pb.h>

#include <algorithm>

#include "call.hpp"
#include "event.hpp"
#include "to_error.hpp"

namespace cairn {
namespace {

/// "From now on" as a number, so that what happens while a first stream breaks isn't lost.
std::uint64_t start_of(const std::string& thread_id, const EventOptions& options, const Transport& transport) {
  if (options.after) return *options.after;
  v1::GetThreadRequest request;
  request.set_thread_id(thread_id);
  return call(transport, &v1::ThreadService::Stub::GetThread, request).thread().last_event_number();
}

std::optional<Clock::time_point> end_of(const EventOptions& options) {
  if (!options.deadline) return std::nullopt;
  return Clock::now() + *options.deadline;
}

}  // namespace

EventStream::Impl::Impl(std::string thread_id, EventOptions options, std::shared_ptr<Transport> transport)
    : thread_id_(std::move(thread_id)),
      options_(std::move(options)),
      transport_(std::move(transport)),
      stub_(transport_->channel),
      ends_at_(end_of(options_)),
      cursor_(start_of(thread_id_, options_, *transport_)) {}

EventStream::Impl::~Impl() { close(); }

std::optional<Event> EventStream::Impl::next() {
  while (!is_done_) {
    Stream* stream = open();
    if (stream == nullptr) break;
    if (auto event = read(*stream)) {
      failures_ = 0;
      if (is_last(*event)) {
        is_done_ = true;
        close();
      }
      return event;
    }
    const grpc::Status status = stream->reader->Finish();
    stream->is_finished = true;
    const auto stream_ends_at = stream->ends_at;
    close();
    if (!go_on_after(status, stream_ends_at)) is_done_ = true;
  }
  return std::nullopt;
}

void EventStream::Impl::cancel() noexcept {
  const std::lock_guard lock(mutex_);
  is_cancelled_ = true;
  if (stream_) stream_->context.TryCancel();
}

EventStream::Impl::Stream* EventStream::Impl::open() {
  const std::lock_guard lock(mutex_);
  if (is_cancelled_) return nullptr;
  if (stream_) return stream_.get();
  auto ends_at = Clock::now() + transport_->run_deadline;
  if (ends_at_) ends_at = std::min(ends_at, *ends_at_);
  stream_.reset(new Stream{{}, ends_at, nullptr, ValueTable(*transport_, thread_id_), false});
  prepare(stream_->context, *transport_);
  stream_->context.set_deadline(ends_at);
  stream_->reader = stub_.StreamEvents(&stream_->context, request());
  return stream_.get();
}

void EventStream::Impl::close() {
  std::unique_ptr<Stream> stream;
  {
    const std::lock_guard lock(mutex_);
    stream = std::move(stream_);
  }
  if (!stream || stream->is_finished) return;
  stream->context.TryCancel();
  // gRPC wants every call to be read to its end.
  for (v1::StreamEventsResponse rest; stream->reader->Read(&rest);) continue;
  stream->reader->Finish();
}

v1::StreamEventsRequest EventStream::Impl::request() const {
  v1::StreamEventsRequest request;
  request.set_thread_id(thread_id_);
  request.set_after(cursor_.after());
  for (const auto mode : options_.modes) request.add_modes(static_cast<v1::StreamMode>(mode));
  if (options_.ns) request.set_namespace_(*options_.ns);
  if (options_.depth) request.set_depth(*options_.depth);
  request.set_until_now(options_.until_now);
  request.set_until_run_stops(options_.until_run_stops);
  request.set_include_values(options_.values);
  return request;
}

std::optional<Event> EventStream::Impl::read(Stream& stream) {
  for (v1::StreamEventsResponse response; stream.reader->Read(&response);) {
    if (!response.has_event()) continue;
    if (options_.values) stream.table.take(response.values(), values_of(response.event()));
    Event event = to_event(response.event(), [&](const v1::Value& value) { return stream.table.resolve(value); });
    if (cursor_.accept(event)) return event;
  }
  return std::nullopt;
}

bool EventStream::Impl::is_last(const Event& event) const {
  if (event.as<event::RunStopped>() == nullptr) return false;
  return options_.until_stop || (!options_.until_run_stops.empty() && event.run_id == options_.until_run_stops);
}

bool EventStream::Impl::go_on_after(const grpc::Status& status, Clock::time_point stream_ends_at) {
  {
    const std::lock_guard lock(mutex_);
    if (is_cancelled_) return false;
  }
  if (status.ok()) {
    if (options_.until_now) return false;
    // One that its server closed without a reason to: the next server has more.
    pause_after(Error(Code::unavailable, "the server ended the stream"));
    return true;
  }
  const Error error = to_error(status);
  const auto now = Clock::now();
  // Each stream has a deadline of its own, so that no call is for ever; a quiet thread just takes another.
  const bool has_more_time = !ends_at_ || now < *ends_at_;
  if (error.code() == Code::deadline_exceeded && now >= stream_ends_at && has_more_time) return true;
  if (!is_connection_loss(error)) throw error;
  pause_after(error);
  return true;
}

void EventStream::Impl::pause_after(const Error& error) {
  ++failures_;
  const auto time = backoff(failures_, transport_->retry);
  const bool is_too_late = ends_at_ && Clock::now() + time >= *ends_at_;
  if (failures_ >= transport_->retry.streams_max || is_too_late) throw error;
  pause(*transport_, time, [&] {
    const std::lock_guard lock(mutex_);
    return is_cancelled_;
  });
}

EventStream::EventStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EventStream::EventStream(EventStream&&) noexcept = default;
EventStream& EventStream::operator=(EventStream&&) noexcept = default;
EventStream::~EventStream() = default;

std::optional<Event> EventStream::next() { return impl_->next(); }

void EventStream::cancel() noexcept { impl_->cancel(); }

}  // namespace cairn
