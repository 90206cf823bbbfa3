#pragma once

#include <memory>
#include <string>

#include "cairn/checkpoint_store.hpp"
#include "cairn/connect_options.hpp"
#include "cairn/graphs.hpp"
#include "cairn/thread.hpp"
#include "cairn/threads.hpp"
#include "cairn/worker.hpp"

namespace cairn {

/// A connection to a server: cheap to copy, and safe to use from several threads of the program. It is closed when it, its
/// copies and all that was made of it are gone.
///
/// Every call has a deadline, which all its attempts share. Calls that change nothing, and changes (they carry a
/// request_id, a new UUID unless one is given), are tried again when the server can't be reached.
class Client {
 public:
  /// Does not connect yet: the first call does. Throws Error (INVALID_ARGUMENT) for options that contradict each other.
  explicit Client(const ConnectOptions& options = {});

  /// The graphs of the space.
  Graphs graphs() const;
  /// The threads of the space.
  Threads threads() const;
  /// A thread by its id, which need not exist yet: its first run creates it.
  Thread thread(const std::string& id) const;
  /// The checkpoints of the space, for framework adapters. All copies of this client share the values that it holds.
  CheckpointStore& checkpoints() const;
  /// A worker that runs a graph's nodes in this process. Throws Error (INVALID_ARGUMENT) for options out of bounds.
  std::unique_ptr<Worker> worker(WorkerOptions options) const;

 private:
  std::shared_ptr<Transport> transport_;
  std::shared_ptr<CheckpointStore> checkpoints_;
};

}  // namespace cairn
