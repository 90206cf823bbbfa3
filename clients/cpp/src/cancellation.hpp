#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace cairn {

/// A word that nobody waits any more, which can be slept on.
class Cancellation {
 public:
  void cancel() {
    const std::lock_guard lock(mutex_);
    is_cancelled_ = true;
    changed_.notify_all();
  }

  bool is_cancelled() const {
    const std::lock_guard lock(mutex_);
    return is_cancelled_;
  }

  /// Sleeps so long at most; whether it was cancelled.
  bool wait_for(std::chrono::milliseconds time) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [&] { return is_cancelled_; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool is_cancelled_ = false;
};

}  // namespace cairn
