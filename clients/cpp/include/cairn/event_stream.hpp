#pragma once

#include <chrono>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cairn/event.hpp"

namespace cairn {

/// A view of the event log. Starts and stops of runs are in every view. Under the wire's numbers.
enum class StreamMode { values = 1, updates = 2, tasks = 3, checkpoints = 4, messages = 5, custom = 6, debug = 7 };

/// Which events, and until when.
struct EventOptions {
  /// Events with a greater number. 0: from the oldest kept. Absent: from now on.
  std::optional<std::uint64_t> after;
  /// Views. Empty: everything.
  std::vector<StreamMode> modes;
  /// Only this namespace ("" is the root graph) and, with `depth`, those below it. Absent: all.
  std::optional<std::string> ns;
  /// Levels below `ns`, or below the root graph. Absent: 0 with `ns`, else all.
  std::optional<std::uint32_t> depth;
  /// End when the log's present end is reached.
  bool until_now = false;
  /// End after this run stops. Empty: don't.
  std::string until_run_stops;
  /// End after any run stops.
  bool until_stop = false;
  /// Bring the values that events refer to; false leaves them null.
  bool values = true;
  /// How long to follow in all; then Error (DEADLINE_EXCEEDED). Absent: for ever.
  std::optional<std::chrono::milliseconds> deadline;
};

/// A thread's events, in order, each durable one once. A stream that breaks is taken up again behind the last event that
/// was given; `RetryPolicy::streams_max` streams in a row that bring nothing, and errors that another attempt would meet
/// again, are thrown.
///
///     for (const cairn::Event& event : thread.events(options)) …
///
/// The destructor ends the call. One thread at a time may read; `cancel` may be called from any.
class EventStream {
 public:
  EventStream(EventStream&&) noexcept;
  EventStream& operator=(EventStream&&) noexcept;
  ~EventStream();

  /// Waits for the next event; absent at the end that the options name, and after `cancel`.
  /// Throws Error: NOT_FOUND for a thread that does not exist; OUT_OF_RANGE for an `after` that is pruned (EVENTS_PRUNED)
  /// or not reached yet (EVENTS_AHEAD); DEADLINE_EXCEEDED.
  std::optional<Event> next();

  /// Ends the stream; a reader that waits gets no event.
  void cancel() noexcept;

  /// For range-based loops.
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Event;
    using difference_type = std::ptrdiff_t;
    using pointer = const Event*;
    using reference = const Event&;

    iterator() = default;
    explicit iterator(EventStream& stream) : stream_(&stream) { ++*this; }
    reference operator*() const { return *event_; }
    pointer operator->() const { return &*event_; }
    iterator& operator++() {
      event_ = stream_->next();
      if (!event_) stream_ = nullptr;
      return *this;
    }
    bool operator==(const iterator& other) const noexcept { return stream_ == other.stream_; }
    bool operator!=(const iterator& other) const noexcept { return stream_ != other.stream_; }

   private:
    EventStream* stream_ = nullptr;
    std::optional<Event> event_;
  };

  /// Waits for the first event.
  iterator begin() { return iterator(*this); }
  iterator end() noexcept { return {}; }

 private:
  friend class Thread;
  class Impl;
  explicit EventStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cairn
