#include "put_values.hpp"

#include "splice.hpp"
#include "state.hpp"
#include "value_transfer.hpp"

namespace cairn {
namespace {

/// Larger values are uploaded in chunks, ahead of the put that names them.
constexpr std::size_t upload_bytes_min = 1024 * 1024;

}  // namespace

void PutValues::shorten(v1::Checkpoint& checkpoint) const {
  for (auto& [channel, value] : *checkpoint.mutable_channel_values()) shorten(value, checkpoint.namespace_(), channel);
}

void PutValues::shorten(v1::CheckpointWrites& writes) const {
  for (auto& write : *writes.mutable_writes()) {
    if (write.has_value()) shorten(*write.mutable_value(), writes.namespace_(), write.channel());
  }
}

void PutValues::shorten(v1::Value& value, const std::string& ns, const std::string& channel) const {
  if (!value.has_inline_() || value.inline_().data().size() < held_bytes_min) return;
  const TypedValue whole = to_typed(value.inline_());
  const auto held = held_.of_channel(thread_id_, ns, channel);
  if (held && held->value == whole) {
    value.set_ref(held->ref);
    return;
  }
  if (held && held->value.type == whole.type) {
    if (auto splice = splice_of(held->ref, held->value.data, whole.data)) {
      *value.mutable_splice() = std::move(*splice);
      return;
    }
  }
  if (whole.data.size() >= upload_bytes_min) value.set_ref(upload_value(transport_, thread_id_, whole));
}

}  // namespace cairn
