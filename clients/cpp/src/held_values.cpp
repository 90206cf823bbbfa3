#include "held_values.hpp"

#include "value_transfer.hpp"

namespace cairn {
namespace {

/// References that a request can say it holds.
constexpr std::size_t held_refs_max = 10'000;
/// Channels of which it is remembered which value the server has.
constexpr std::size_t channels_max = 10'000;
/// The server may use a reference again a day after its thread was deleted: what was held for this long is dropped.
constexpr std::chrono::hours held_time{6};
/// What an entry costs besides its bytes, roughly.
constexpr std::size_t entry_bytes = 256;

}  // namespace

std::optional<HeldValues::Held> HeldValues::of_channel(const std::string& thread, const std::string& ns,
                                                       const std::string& channel) {
  const std::lock_guard lock(mutex_);
  const auto ref = channels_.find({thread, ns, channel});
  if (ref == channels_.end()) return std::nullopt;
  const auto entry = use({thread, ref->second});
  if (entry == entries_.end()) return std::nullopt;
  return Held{ref->second, entry->second.value};
}

void HeldValues::set_channel(const std::string& thread, const std::string& ns, const std::string& channel,
                             const std::string& ref, const TypedValue& value) {
  if (value.data.size() < held_bytes_min) return;
  const std::lock_guard lock(mutex_);
  keep({thread, ref}, value);
  if (channels_.size() >= channels_max) channels_.clear();
  channels_[{thread, ns, channel}] = ref;
}

void HeldValues::hold(const std::string& thread, const std::string& ref, const TypedValue& value) {
  if (value.data.size() < held_bytes_min) return;
  const std::lock_guard lock(mutex_);
  keep({thread, ref}, value);
}

std::optional<TypedValue> HeldValues::find(const std::string& thread, const std::string& ref, std::uint64_t size,
                                           std::uint32_t crc32) {
  const std::lock_guard lock(mutex_);
  const auto entry = use({thread, ref});
  if (entry == entries_.end()) return std::nullopt;
  const TypedValue& value = entry->second.value;
  if (value.data.size() != size || crc32_of(value.data) != crc32) return std::nullopt;
  return value;
}

std::vector<std::string> HeldValues::refs(const std::string& thread) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> refs;
  for (auto at = entries_.lower_bound({thread, ""}); at != entries_.end() && at->first.first == thread; ++at) {
    if (refs.size() == held_refs_max) break;
    refs.push_back(at->first.second);
  }
  return refs;
}

void HeldValues::forget(const std::string& thread) {
  const std::lock_guard lock(mutex_);
  for (auto at = entries_.lower_bound({thread, ""}); at != entries_.end() && at->first.first == thread;) erase(at++);
}

HeldValues::Entries::iterator HeldValues::use(const Name& name) {
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return entry;
  if (std::chrono::steady_clock::now() - entry->second.since > held_time) {
    erase(entry);
    return entries_.end();
  }
  order_.splice(order_.begin(), order_, entry->second.used);
  return entry;
}

void HeldValues::erase(Entries::iterator entry) {
  bytes_ -= entry->second.value.data.size() + entry_bytes;
  order_.erase(entry->second.used);
  entries_.erase(entry);
}

void HeldValues::keep(const Name& name, const TypedValue& value) {
  const auto old = entries_.find(name);
  if (old != entries_.end()) erase(old);
  order_.push_front(name);
  entries_.emplace(name, Entry{value, std::chrono::steady_clock::now(), order_.begin()});
  bytes_ += value.data.size() + entry_bytes;
  while (bytes_ > bytes_max_) erase(entries_.find(order_.back()));
}

}  // namespace cairn
