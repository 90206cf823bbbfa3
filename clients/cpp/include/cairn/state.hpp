#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cairn/value.hpp"

namespace cairn {

/// A moment; absent where the server says none.
using Time = std::optional<std::chrono::system_clock::time_point>;

/// How a run stands. A run that asks or fails is no exception. Under the wire's numbers; a newer server may know more.
enum class RunStatus {
  unspecified = 0,
  running = 1,
  /// Nothing is due any more.
  done = 2,
  /// Questions wait for answers.
  interrupted = 3,
  /// At a static breakpoint, or after the one superstep that `Thread::step` runs.
  paused = 4,
  failed = 5,
  cancelled = 6,
  /// Its server went away.
  lost = 7,
  /// It waits for its turn.
  queued = 8,
};

/// The status's name, such as "interrupted".
const char* status_name(RunStatus status) noexcept;

/// Why a run or a task failed.
struct RunFailure {
  /// The kind of failure, such as "NODE_FAILED" or "RECURSION_LIMIT".
  std::string reason;
  /// What happened, in words.
  std::string message;
  /// The node, the channel and the task at fault; empty where there is none.
  std::string node;
  std::string channel;
  std::string task_id;
  /// What the node's own code calls the error, as "std::out_of_range"; empty for failures of others.
  std::string kind;
  /// The stack as the node's language prints it; empty for failures of others.
  std::string stack;
};

/// A question that waits for an answer.
struct Interrupt {
  /// The id to answer by.
  std::string id;
  /// The node and the task that ask.
  std::string node;
  std::string task_id;
  /// The namespace of the graph that the node is of; empty for the outermost.
  std::string ns;
  /// What they ask.
  Value value;
  /// Set when only its framework can decode what they ask; `value` is null then.
  std::optional<TypedValue> opaque;
};

/// A task of the next superstep.
struct TaskState {
  std::string id;
  std::string node;
  /// Where it stands among its siblings.
  std::string path;
  /// Its result is saved and will be used without running it again.
  bool finished = false;
  /// How it failed when it did last.
  std::optional<RunFailure> error;
  /// Ids of its open interrupts.
  std::vector<std::string> interrupt_ids;
};

/// The state of a thread at a checkpoint.
struct ThreadState {
  std::string thread_id;
  /// The namespace: empty for the root graph.
  std::string ns;
  std::string checkpoint_id;
  /// Empty at the root of the history.
  std::string parent_id;
  /// The superstep: -1 for the input, then 0, 1, 2…
  std::int64_t step = 0;
  /// How the checkpoint came to be: `input`, `loop`, `update`, `fork`.
  std::string source;
  /// An object: channel name to value.
  Value values = Value::object();
  /// Channels whose values only their framework can decode. They are not in `values`.
  std::map<std::string, TypedValue> opaque;
  /// Nodes still to run; empty when the thread is done.
  std::vector<std::string> next;
  /// The tasks of the next superstep, finished ones included.
  std::vector<TaskState> tasks;
  /// The open questions.
  std::vector<Interrupt> interrupts;
  Time created_at;
  std::string run_id;
  std::string graph_name;
  std::string graph_hash;
  /// The checkpoint's metadata, an object; null when it has none.
  Value metadata;
};

/// Where a thread stands after a run, a step or an answer.
struct RunOutcome {
  std::string run_id;
  /// Why the run stopped.
  RunStatus status = RunStatus::unspecified;
  /// What went wrong, when it failed.
  std::optional<RunFailure> error;
  /// The state at the thread's head, with its open questions.
  ThreadState state;
  /// Number of the thread's last event.
  std::uint64_t last_event_number = 0;

  /// The open questions; those of `state`.
  const std::vector<Interrupt>& interrupts() const noexcept { return state.interrupts; }
};

/// What the server knows of a run.
struct RunInfo {
  std::string run_id;
  std::string thread_id;
  std::string graph_name;
  std::string graph_hash;
  RunStatus status = RunStatus::unspecified;
  std::optional<RunFailure> error;
  /// Absent while it waits for its turn.
  Time started_at;
  /// Absent while it is going.
  Time stopped_at;
  /// The head it left.
  std::string checkpoint_id;
  /// Names that its tasks wait for while no connected worker serves them.
  std::vector<std::string> waits_for;
};

/// What a thread is doing. Under the wire's numbers.
enum class ThreadStatus { unspecified = 0, idle = 1, busy = 2, interrupted = 3, failed = 4 };

/// What the server knows of a thread.
struct ThreadInfo {
  std::string id;
  ThreadStatus status = ThreadStatus::unspecified;
  /// The user's metadata: an object.
  Value metadata;
  Time created_at;
  Time updated_at;
  /// Empty for a thread that no run has touched.
  std::string graph_name;
  /// Head of the root namespace; empty when there is none.
  std::string head_checkpoint_id;
  std::int64_t head_step = 0;
  /// The run that is going, or the last one.
  std::string run_id;
  std::uint64_t last_event_number = 0;
  /// How long it lives after its last change; absent: for ever.
  std::optional<std::chrono::milliseconds> ttl;
};

}  // namespace cairn
