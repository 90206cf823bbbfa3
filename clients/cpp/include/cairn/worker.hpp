#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "cairn/node.hpp"

namespace cairn {

struct Transport;

/// What a worker serves, and how.
struct WorkerOptions {
  /// Code of nodes, by the name that graphs use for it: a node's own, or its `handler`.
  std::map<std::string, NodeFunction> nodes;
  /// Code of conditional edges, by the same rule.
  std::map<std::string, DecisionFunction> decisions;
  /// How many tasks run at a time, each in a thread of the program, 1 to 1,000.
  std::uint32_t slots = 8;
  /// Its name, unique in the space. Empty: the host's name, the process's number and something random.
  std::string id;
};

/// Runs a graph's nodes in this process. A connection that breaks is made again, with the tasks that are at work and the
/// results that the server has not acknowledged. All of it may be called from any thread of the program.
class Worker {
 public:
  Worker(std::shared_ptr<Transport> transport, WorkerOptions options);
  /// Ends at once: what is at work is told that it is cancelled and waited for, and its result is dropped. `run` must have
  /// returned.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Its name.
  const std::string& id() const noexcept;
  /// Serves until `stop`, and returns when the tasks at work have been told. Once only. Throws what another attempt would
  /// meet again (TOKEN_INVALID, SPACE_DENIED, INVALID_FIELD, PROTOCOL_VERSION, WORKER_REPLACED); all else is tried again for
  /// ever: a connection that breaks, another worker of this name whose leases are not over.
  void run();
  /// Takes no more tasks; `run` returns when those at work have been told. Does not wait. A signal handler must not call it:
  /// have a thread wait for the signal (`sigwait`).
  void stop();
  /// Waits until a server has let the worker in; false when that time has passed or `run` has ended before.
  bool wait_until_ready(std::chrono::milliseconds time) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cairn
