#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "cairn/value.hpp"

namespace cairn {

/// Smaller values are sent whole, and not kept.
constexpr std::size_t held_bytes_min = 256;

/// Values that both this client and the server hold, the most recently used ones, up to a bound. Safe to use from several
/// threads of the program.
class HeldValues {
 public:
  explicit HeldValues(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  struct Held {
    std::string ref;
    TypedValue value;
  };

  /// The value that the server has of a channel, if it is held.
  std::optional<Held> of_channel(const std::string& thread, const std::string& ns, const std::string& channel);
  /// Remembers it.
  void set_channel(const std::string& thread, const std::string& ns, const std::string& channel, const std::string& ref,
                   const TypedValue& value);
  void hold(const std::string& thread, const std::string& ref, const TypedValue& value);
  /// A value that is held, and is the server's by length and checksum.
  std::optional<TypedValue> find(const std::string& thread, const std::string& ref, std::uint64_t size,
                                 std::uint32_t crc32);
  /// References of a thread whose values need not be sent.
  std::vector<std::string> refs(const std::string& thread) const;
  /// Forgets a thread: the server does not hold what was thought.
  void forget(const std::string& thread);

 private:
  using Name = std::pair<std::string, std::string>;  // Thread and reference: those of a thread stand together.
  using Time = std::chrono::steady_clock::time_point;
  struct Entry {
    TypedValue value;
    Time since;
    std::list<Name>::iterator used;
  };
  using Entries = std::map<Name, Entry>;

  // These hold the mutex.
  Entries::iterator use(const Name& name);
  void erase(Entries::iterator entry);
  void keep(const Name& name, const TypedValue& value);

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  Entries entries_;
  /// Names, the most recently used first.
  std::list<Name> order_;
  std::map<std::tuple<std::string, std::string, std::string>, std::string> channels_;
  std::size_t bytes_ = 0;
};

}  // namespace cairn
