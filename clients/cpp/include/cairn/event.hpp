#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cairn/state.hpp"
#include "cairn/value.hpp"

namespace cairn {

/// What can happen in a thread; `cairn/v1/event.proto` says more of each.
namespace event {

/// A task, as events name it.
struct TaskHead {
  std::string task_id;
  std::string node;
  /// The superstep.
  std::int64_t step = 0;
};

/// A value written to a channel.
struct ChannelUpdate {
  std::string channel;
  /// The value; null for one that was not asked for.
  ReadValue value;
  /// It replaces the channel's value, whatever its reducer.
  bool overwrite = false;
};

/// A run waits for its turn.
struct RunQueued {
  /// How many runs are before it.
  std::uint32_t before = 0;
};

/// A run began, or went on after a stop.
struct RunStarted {
  std::string graph_name;
  std::string graph_hash;
  std::string checkpoint_id;
  std::uint64_t epoch = 0;
};

/// A run stopped.
struct RunStopped {
  RunStatus status = RunStatus::unspecified;
  std::optional<RunFailure> error;
  std::string checkpoint_id;
  std::vector<std::string> next;
};

/// A task began. Ephemeral.
struct TaskStarted : TaskHead {
  std::vector<std::string> triggers;
  /// From 1.
  std::uint32_t attempt = 0;
};

/// A task waits, since no connected worker serves `handler`.
struct TaskWaiting : TaskHead {
  std::string handler;
};

/// A task's result was saved.
struct TaskFinished : TaskHead {
  std::vector<ChannelUpdate> updates;
  /// The node did not run: its cache policy gave the result.
  bool cached = false;
};

/// A task failed for good.
struct TaskFailed : TaskHead {
  std::optional<RunFailure> error;
};

/// A task stopped and waits for an answer.
struct InterruptRaised : TaskHead {
  /// The id to answer by.
  std::string interrupt_id;
  /// What is asked.
  ReadValue value;
};

/// Answers were given.
struct InterruptAnswered {
  std::vector<std::string> interrupt_ids;
};

/// A checkpoint became visible.
struct CheckpointSaved {
  std::string checkpoint_id;
  std::string parent_id;
  std::uint64_t seq = 0;
  std::int64_t step = 0;
  std::string source;
  std::map<std::string, ReadValue> values;
  std::vector<std::string> next;
};

/// Checkpoints were deleted.
struct CheckpointsDeleted {
  std::vector<std::string> checkpoint_ids;
};

/// A node told something of its own. Ephemeral.
struct Custom {
  std::string task_id;
  std::string node;
  ReadValue value;
};

/// A piece of a message that a node streams. Ephemeral.
struct MessageToken {
  std::string task_id;
  std::string node;
  std::string message_id;
  std::string text;
};

/// Writes of a task were put from outside.
struct WritesPut {
  std::string checkpoint_id;
  std::vector<std::string> task_ids;
};

/// The thread's metadata were set.
struct ThreadUpdated {};

/// From a newer server.
struct Unknown {};

/// What happened: `std::get_if<cairn::event::TaskFinished>(&event.body)`.
using Body = std::variant<Unknown, RunQueued, RunStarted, RunStopped, TaskStarted, TaskWaiting, TaskFinished, TaskFailed,
                          InterruptRaised, InterruptAnswered, CheckpointSaved, CheckpointsDeleted, Custom, MessageToken,
                          WritesPut, ThreadUpdated>;

}  // namespace event

/// Where an ephemeral event stands.
struct EphemeralPosition {
  /// The epoch of the lease under which it was sent.
  std::uint64_t epoch = 0;
  /// Its place among the ephemeral events of that epoch, from 1.
  std::uint64_t sub_number = 0;
};

/// Something that happened in a thread.
struct Event {
  /// Increases along the thread, with gaps. Of an ephemeral event, that of the durable event before it.
  std::uint64_t number = 0;
  /// Set on events that may be lost: tokens, progress.
  std::optional<EphemeralPosition> ephemeral;
  /// The namespace: empty for the root graph.
  std::string ns;
  /// Empty for changes made without a run.
  std::string run_id;
  Time at;
  event::Body body;

  /// The body if it is a `T`, else nullptr.
  template <class T>
  const T* as() const noexcept {
    return std::get_if<T>(&body);
  }
};

/// The event's name, such as "task_finished".
const char* type_name(const Event& event) noexcept;

}  // namespace cairn
