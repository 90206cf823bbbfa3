#pragma once

#include <map>
#include <memory>
#include <string>

#include "cairn/pages.hpp"
#include "cairn/thread.hpp"

namespace cairn {

/// The threads of a space.
class Threads {
 public:
  /// Creates a thread with metadata (an object, or null). Without an id the server makes one.
  /// Throws ALREADY_EXISTS (THREAD_EXISTS).
  Thread create(const std::string& id = {}, const Value& metadata = nullptr) const;
  /// Lists threads, the one created last first: those of a status, if one is given, whose metadata have all the members of
  /// `metadata` (an object, or null). `page_size` 0: 50.
  Pages<ThreadInfo> list(ThreadStatus status = ThreadStatus::unspecified, const Value& metadata = nullptr,
                         int page_size = 0) const;

 private:
  friend class Client;
  explicit Threads(std::shared_ptr<Transport> transport);
  std::shared_ptr<Transport> transport_;
};

}  // namespace cairn
