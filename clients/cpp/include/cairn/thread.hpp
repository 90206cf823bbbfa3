#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cairn/event_stream.hpp"
#include "cairn/pages.hpp"
#include "cairn/run_options.hpp"
#include "cairn/state.hpp"

namespace cairn {

struct Transport;

/// Which checkpoint to read.
struct StateOptions {
  /// Empty: the head.
  std::string checkpoint_id{};
  /// The namespace. Empty: the outermost graph.
  std::string ns{};
};

/// Answers to several questions, by the ids of their interrupts; those left out stay open.
using AnswersById = std::map<std::string, Value>;

/// A thread: cheap to copy, and safe to use from several threads of the program.
///
/// Every call throws Error; those that drive a graph throw NOT_FOUND, ABORTED (THREAD_BUSY), FAILED_PRECONDITION and
/// RESOURCE_EXHAUSTED as `cairn/v1/run_service.proto` says. A failing node and a question are outcomes, not errors.
class Thread {
 public:
  /// Its id.
  const std::string& id() const noexcept { return id_; }

  /// Runs until the next stop: done, a question, a breakpoint or a failure. `input` is an object of channels' values and
  /// begins a new turn; null goes on where the thread stands. With `RunOptions::background` it returns at once.
  RunOutcome run(const Value& input = nullptr, const RunOptions& options = {}) const;
  /// Runs one superstep, after applying the input if there is one: `done` when nothing was due, else `paused`.
  RunOutcome step(const Value& input = nullptr, const RunOptions& options = {}) const;
  /// Answers the only open question and runs until the next stop. Throws FAILED_PRECONDITION: NOTHING_TO_RESUME,
  /// AMBIGUOUS_RESUME (several are open).
  RunOutcome resume(const Value& answer, const RunOptions& options = {}) const;
  /// Answers questions by their ids. Throws FAILED_PRECONDITION: INTERRUPT_NOT_FOUND too.
  RunOutcome resume_by_id(const AnswersById& answers, const RunOptions& options = {}) const;

  /// Reads the state at the head or at a checkpoint.
  ThreadState state(const StateOptions& options = {}) const;
  /// The states of the checkpoints of a namespace, newest first. `page_size` 0: 50.
  Pages<ThreadState> history(const std::string& ns = {}, int page_size = 0) const;
  /// Writes to the state as a node would have, and saves a checkpoint. Returns the state as it is now.
  ThreadState update_state(const Value& values, const UpdateOptions& options = {}) const;
  /// Applies several supersteps of updates, each of which saves a checkpoint. Where another writer comes in between, what
  /// was applied stays, and it throws ABORTED (HEAD_MISMATCH). Uses `graph`, `request_id` and `encoding` of the options.
  ThreadState bulk_update_state(const std::vector<std::vector<NodeUpdate>>& supersteps,
                                const UpdateOptions& options = {}) const;
  /// Makes a checkpoint of the past the starting point of what comes next, changed by `values` unless null; `run()` goes on
  /// from it. What came after the old one stays in the history.
  ThreadState fork(const std::string& checkpoint_id, const Value& values = nullptr, UpdateOptions options = {}) const;

  /// The thread's events.
  EventStream events(EventOptions options = {}) const;

  /// What the server knows of a run. Throws NOT_FOUND (RUN_NOT_FOUND).
  RunInfo run_info(const std::string& run_id) const;
  /// Waits until a run has stopped, at most so long; absent: as long as runs may take.
  RunInfo wait_for_run(const std::string& run_id, std::optional<std::chrono::milliseconds> deadline = {}) const;
  /// The thread's runs, newest first. `page_size` 0: 50.
  Pages<RunInfo> runs(int page_size = 0) const;
  /// Cancels a run that is going or waits for its turn, and tells how it stands: one that had stopped stays as it was.
  /// `graceful`: the superstep that is going ends first.
  RunInfo cancel(const std::string& run_id, bool graceful = false) const;

  /// What the server knows of the thread.
  ThreadInfo info() const;
  /// Creates the thread if there is none; whether it was created. Metadata (an object, or null) of an existing one stay.
  bool ensure(const Value& metadata = nullptr) const;
  /// Copies the thread with its whole history to a new one. Without an id the server makes one.
  Thread copy(const std::string& new_id = {}) const;
  /// Removes checkpoints but the newest `keep` (at least 1) of each namespace and what those need; only those put before
  /// `older_than` if that is given. Returns how many were removed.
  std::uint64_t prune(std::uint32_t keep, Time older_than = {}) const;
  /// Deletes the thread when it has not changed for so long, from 1 s to 100 years; absent: never.
  ThreadInfo set_ttl(std::optional<std::chrono::milliseconds> ttl) const;
  /// Deletes the thread with everything in it; whether there was one. A run that is going is ended by it.
  bool remove() const;

 private:
  friend class Client;
  friend class Threads;
  Thread(std::string id, std::shared_ptr<Transport> transport);
  std::string id_;
  std::shared_ptr<Transport> transport_;
};

}  // namespace cairn
