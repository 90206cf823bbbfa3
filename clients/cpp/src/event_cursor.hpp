#pragma once

#include <cstdint>
#include <tuple>

#include "cairn/event.hpp"

namespace cairn {

/// How far a reader has come in a thread's log.
class EventCursor {
 public:
  explicit EventCursor(std::uint64_t after) : after_(after) {}

  /// The number of the last durable event: what to ask a new stream to begin after.
  std::uint64_t after() const noexcept { return after_; }

  /// Moves on to an event. False for one that is behind already, which another stream has brought before. Only durable
  /// events move what is asked for next: nothing an ephemeral one says can make a durable one be missed.
  bool accept(const Event& event) {
    if (event.number < after_) return false;
    if (!event.ephemeral) {
      if (event.number == after_) return false;
      after_ = event.number;
      return true;
    }
    const auto position = std::make_tuple(event.number, event.ephemeral->epoch, event.ephemeral->sub_number);
    if (position <= ephemeral_) return false;
    ephemeral_ = position;
    return true;
  }

 private:
  std::uint64_t after_;
  /// The last ephemeral event: the durable event before it, the epoch, its number within both.
  std::tuple<std::uint64_t, std::uint64_t, std::uint64_t> ephemeral_{0, 0, 0};
};

}  // namespace cairn
