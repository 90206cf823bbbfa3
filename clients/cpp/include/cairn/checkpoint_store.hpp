#pragma once

#include <cairn/v1/checkpoint_service.pb.h>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cairn/pages.hpp"
#include "cairn/value.hpp"

namespace cairn {

struct Transport;

/// A checkpoint as it was read, with the values that it and its writes refer to.
struct ReadCheckpoint {
  v1::Checkpoint checkpoint;
  /// Its pending writes, sorted by (task_path, task_id, idx).
  std::vector<v1::PendingWrite> writes;
  /// By reference: what each `v1::Value` of the two names.
  std::map<std::string, TypedValue> values;

  /// The encoded value of a channel. Throws std::out_of_range when there is none.
  const TypedValue& channel(const std::string& name) const;
};

/// Makes an inline `v1::Value`, as checkpoints and writes carry them.
v1::Value inline_value(const TypedValue& encoded);

/// Puts and reads checkpoints, as the messages of `cairn/v1/checkpoint_service.proto`. What server and client both hold is
/// not sent again: a put sends what changed in each channel's value since this client last put or read it, a read asks for
/// what it does not hold. Large values pass in chunks. Safe to use from several threads of the program.
class CheckpointStore {
 public:
  CheckpointStore(std::shared_ptr<Transport> transport, std::size_t held_bytes_max);
  ~CheckpointStore();
  CheckpointStore(const CheckpointStore&) = delete;
  CheckpointStore& operator=(const CheckpointStore&) = delete;

  /// Saves a checkpoint, whose values are inline or references, with any writes beside it. Throws what PutCheckpoint does;
  /// a base that the server does not have any more is no error: the values are then sent whole.
  v1::PutCheckpointResponse put(v1::PutCheckpointRequest request);
  /// Saves a checkpoint.
  v1::PutCheckpointResponse put(const v1::Checkpoint& checkpoint);
  /// Saves writes of a task against a checkpoint. Throws what PutWrites does.
  void put_writes(const std::string& thread_id, const v1::CheckpointWrites& writes);
  /// Reads a checkpoint with all its values: by default the latest of the root namespace. Throws NOT_FOUND.
  ReadCheckpoint get(const std::string& thread_id, const std::string& ns = {},
                     const std::optional<std::string>& checkpoint_id = {});
  /// Lists checkpoints, newest first, with all their values. The request names the thread; its page_token, view and
  /// held_refs are this client's own business.
  Pages<ReadCheckpoint> list(v1::ListCheckpointsRequest request);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace cairn
