#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cairn/value.hpp"

namespace cairn {

/// When a run's progress becomes durable: each superstep before the next begins, each while the next runs, or when the run
/// stops. docs/semantics.md says what a killed server loses with each.
enum class Durability { sync = 1, async = 2, exit = 3 };

/// What a second run does on a thread that a run holds: it is refused (THREAD_BUSY), waits for its turn, cancels the other,
/// or cancels and undoes it.
enum class OnBusy { reject = 1, enqueue = 2, interrupt = 3, rollback = 4 };

/// How to run. All of it may be left out.
struct RunOptions {
  /// The graph's name. Empty: the one the thread last ran.
  std::string graph{};
  /// The graph's content hash. Empty: the name's latest.
  std::string graph_hash{};
  /// Start from this checkpoint in place of the head: a fork. Empty: the head.
  std::string checkpoint_id{};
  /// The subgraph that `checkpoint_id` is of. Empty: the outermost graph.
  std::string ns{};
  /// Supersteps allowed in this call. 0: 25. At most 10,007.
  std::uint32_t recursion_limit = 0;
  /// Replace the graph's own breakpoints for this call, when they hold names.
  std::vector<std::string> interrupt_before{};
  std::vector<std::string> interrupt_after{};
  /// An object kept as metadata of the run's checkpoints, at most 64 KiB as JSON; null: none.
  Value metadata{};
  Durability durability = Durability::sync;
  /// Answer at once, with the status running or queued. The run goes on without its caller.
  bool background = false;
  /// For `Thread::run` only.
  OnBusy on_busy = OnBusy::reject;
  /// Makes a repetition within 24 hours return the first answer. Empty: a new UUID for each call.
  std::string request_id{};
  /// How values are encoded.
  Encoding encoding = Encoding::msgpack;
  /// How long the call may take, all attempts together. Absent: `ConnectOptions::run_deadline`.
  std::optional<std::chrono::milliseconds> deadline{};
};

/// How to write to the state. All of it may be left out.
struct UpdateOptions {
  /// The node to write as. Empty: the one that wrote last. "__end__" clears what is due, "__start__" acts as input,
  /// "__copy__" makes a sibling of the checkpoint and takes no values.
  std::string as_node{};
  /// The checkpoint to update. Empty: the head. An older one makes a fork.
  std::string checkpoint_id{};
  /// The graph's name. Empty: the one the thread last ran.
  std::string graph{};
  /// The subgraph whose state to update. Empty: the outermost graph.
  std::string ns{};
  /// Refuse the update (HEAD_MISMATCH) unless this is the head. Empty: don't care.
  std::string expected_head{};
  /// Forks a checkpoint that another framework has written into `graph`: which of its channels each channel of the graph
  /// begins with. Empty: the checkpoint is the graph's own.
  std::map<std::string, std::string> channel_mapping{};
  /// Makes a repetition within 24 hours return the first answer. Empty: a new UUID for each call.
  std::string request_id{};
  Encoding encoding = Encoding::msgpack;
};

/// One node's update, of a superstep of `Thread::bulk_update_state`.
struct NodeUpdate {
  /// An object: channel name to value; null: none.
  Value values{};
  /// The node to write as.
  std::string as_node{};
};

}  // namespace cairn
