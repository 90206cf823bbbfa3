#include "cairn/checkpoint_store.hpp"

#include <cairn/v1/checkpoint_service.grpc.pb.h>

#include "cairn/error.hpp"
#include "call.hpp"
#include "held_values.hpp"
#include "put_values.hpp"
#include "state.hpp"
#include "value_transfer.hpp"

namespace cairn {
namespace {

using Calls = v1::CheckpointService::Stub;
using Entries = google::protobuf::RepeatedPtrField<v1::ValueEntry>;

bool is_base_missing(const Error& error) {
  return error.reason() == "VALUE_NOT_FOUND" || error.reason() == "VALUE_CHECKSUM";
}

ReadCheckpoint to_read(const v1::CheckpointEntry& entry, Values values) {
  return {entry.checkpoint(), {entry.writes().begin(), entry.writes().end()}, std::move(values)};
}

}  // namespace

class CheckpointStore::Impl {
 public:
  Impl(std::shared_ptr<Transport> transport, std::size_t held_bytes_max)
      : transport_(std::move(transport)), held_(held_bytes_max) {}

  const Transport& transport() const noexcept { return *transport_; }
  HeldValues& held() noexcept { return held_; }

  /// Sends what changed; and everything whole if the server does not hold what was thought.
  template <class Send>
  auto sending(const std::string& thread_id, const Send& send) {
    try {
      return send(PutValues(*transport_, held_, thread_id));
    } catch (const Error& error) {
      if (!is_base_missing(error)) throw;
    }
    held_.forget(thread_id);
    return send(PutValues(*transport_, held_, thread_id));
  }

  /// The values of a table: those that came, those that are held, and those that were too much for one message.
  Values resolve(const std::string& thread_id, const Entries& entries) {
    Values values;
    std::vector<std::string> missing;
    for (const auto& entry : entries) {
      if (entry.has_value()) {
        held_.hold(thread_id, entry.ref(), values[entry.ref()] = to_typed(entry.value()));
      } else if (auto held = held_.find(thread_id, entry.ref(), entry.size_bytes(), entry.crc32())) {
        values[entry.ref()] = std::move(*held);
      } else {
        missing.push_back(entry.ref());
      }
    }
    if (missing.empty()) return values;
    for (auto& [ref, value] : fetch_values(*transport_, thread_id, missing)) {
      held_.hold(thread_id, ref, value);
      values[ref] = std::move(value);
    }
    return values;
  }

  /// The next put is likely to change what has just been read.
  void remember(const ReadCheckpoint& read) {
    const auto& checkpoint = read.checkpoint;
    for (const auto& [channel, value] : checkpoint.channel_values()) {
      const auto found = read.values.find(value.ref());
      if (found == read.values.end()) continue;
      held_.set_channel(checkpoint.thread_id(), checkpoint.namespace_(), channel, value.ref(), found->second);
    }
  }

 private:
  std::shared_ptr<Transport> transport_;
  HeldValues held_;
};

const TypedValue& ReadCheckpoint::channel(const std::string& name) const {
  return values.at(checkpoint.channel_values().at(name).ref());
}

v1::Value inline_value(const TypedValue& encoded) {
  v1::Value value;
  set_typed(value.mutable_inline_(), encoded);
  return value;
}

CheckpointStore::CheckpointStore(std::shared_ptr<Transport> transport, std::size_t held_bytes_max)
    : impl_(std::make_shared<Impl>(std::move(transport), held_bytes_max)) {}

CheckpointStore::~CheckpointStore() = default;

v1::PutCheckpointResponse CheckpointStore::put(v1::PutCheckpointRequest request) {
  // A second attempt, with the values whole, is another body and so another request.
  const bool is_named = !request.request_id().empty();
  const v1::Checkpoint whole = request.checkpoint();
  const auto response = impl_->sending(whole.thread_id(), [&](const PutValues& values) {
    auto sent = request;
    if (!is_named) sent.set_request_id(new_uuid());
    values.shorten(*sent.mutable_checkpoint());
    for (auto& writes : *sent.mutable_writes()) values.shorten(writes);
    return call(impl_->transport(), &Calls::PutCheckpoint, std::move(sent));
  });
  for (const auto& [channel, value] : whole.channel_values()) {
    const auto ref = response.value_refs().find(channel);
    if (!value.has_inline_() || ref == response.value_refs().end()) continue;
    impl_->held().set_channel(whole.thread_id(), whole.namespace_(), channel, ref->second, to_typed(value.inline_()));
  }
  return response;
}

v1::PutCheckpointResponse CheckpointStore::put(const v1::Checkpoint& checkpoint) {
  v1::PutCheckpointRequest request;
  *request.mutable_checkpoint() = checkpoint;
  return put(std::move(request));
}

void CheckpointStore::put_writes(const std::string& thread_id, const v1::CheckpointWrites& writes) {
  impl_->sending(thread_id, [&](const PutValues& values) {
    v1::PutWritesRequest sent;
    sent.set_thread_id(thread_id);
    *sent.mutable_writes() = writes;
    values.shorten(*sent.mutable_writes());
    return call(impl_->transport(), &Calls::PutWrites, std::move(sent));
  });
}

ReadCheckpoint CheckpointStore::get(const std::string& thread_id, const std::string& ns,
                                    const std::optional<std::string>& checkpoint_id) {
  v1::GetCheckpointRequest request;
  request.set_thread_id(thread_id);
  request.set_namespace_(ns);
  if (checkpoint_id) request.set_checkpoint_id(*checkpoint_id);
  for (auto& ref : impl_->held().refs(thread_id)) request.add_held_refs(std::move(ref));
  const auto response = call(impl_->transport(), &Calls::GetCheckpoint, std::move(request));
  ReadCheckpoint read = to_read(response.entry(), impl_->resolve(thread_id, response.values()));
  impl_->remember(read);
  return read;
}

Pages<ReadCheckpoint> CheckpointStore::list(v1::ListCheckpointsRequest request) {
  request.clear_held_refs();
  return Pages<ReadCheckpoint>([impl = impl_, request](const std::string& token) mutable {
    const std::string thread_id = request.thread_id();
    request.set_page_token(token);
    request.clear_held_refs();
    for (auto& ref : impl->held().refs(thread_id)) request.add_held_refs(std::move(ref));
    const auto response = call(impl->transport(), &Calls::ListCheckpoints, request);
    const auto table = response.tables().find(thread_id);
    const Values values = table == response.tables().end() ? Values{} : impl->resolve(thread_id, table->second.values());
    std::vector<ReadCheckpoint> read;
    for (const auto& entry : response.entries()) read.push_back(to_read(entry, values));
    return Pages<ReadCheckpoint>::Page(std::move(read), response.next_page_token());
  });
}

}  // namespace cairn
