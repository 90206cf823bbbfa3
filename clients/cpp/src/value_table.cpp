#include "value_table.hpp"

#include "state.hpp"

namespace cairn {
namespace {

/// What a reader of events keeps of values; older ones go first, and are asked for again when an event names them.
constexpr std::size_t bytes_max = 64 * 1024 * 1024;
/// What an entry costs besides its bytes, roughly.
constexpr std::size_t entry_bytes = 256;

}  // namespace

void ValueTable::take(const google::protobuf::RepeatedPtrField<v1::ValueEntry>& entries,
                      const std::vector<const v1::Value*>& wanted) {
  // Room is made before, so that nothing that this response needs goes.
  while (bytes_ > bytes_max) {
    const auto found = values_.find(order_.front());
    bytes_ -= found->second.data.size() + entry_bytes;
    values_.erase(found);
    order_.pop_front();
  }
  for (const auto& entry : entries) {
    if (entry.has_value()) add(entry.ref(), to_typed(entry.value()));
  }
  std::vector<std::string> missing;
  for (const auto* value : wanted) {
    if (value->has_ref() && values_.count(value->ref()) == 0) missing.push_back(value->ref());
  }
  if (missing.empty()) return;
  for (auto& [ref, value] : fetch_values(transport_, thread_id_, missing)) add(ref, std::move(value));
}

ReadValue ValueTable::resolve(const v1::Value& value) const {
  if (value.has_inline_()) return read_value(to_typed(value.inline_()));
  const auto found = values_.find(value.ref());
  return found == values_.end() ? ReadValue{} : read_value(found->second);
}

void ValueTable::add(const std::string& ref, TypedValue value) {
  const std::size_t size = value.data.size() + entry_bytes;
  if (!values_.emplace(ref, std::move(value)).second) return;
  order_.push_back(ref);
  bytes_ += size;
}

}  // namespace cairn
