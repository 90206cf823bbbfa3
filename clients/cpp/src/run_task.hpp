#pragma once

#include <cairn/v1/worker_service.pb.h>

#include <cstdint>
#include <functional>
#include <string>
#include <variant>

#include "cairn/worker.hpp"
#include "cancellation.hpp"

namespace cairn {

/// An encoded NodeResult.
struct TaskCompleted {
  std::string payload;
};

/// A question, encoded.
struct TaskInterrupted {
  std::uint32_t index;
  std::string payload;
};

/// What went wrong.
struct TaskFailed {
  std::string kind;
  std::string message;
  std::string stack;
  bool retryable = true;
};

/// How a task ended, ready to be told.
using TaskResult = std::variant<TaskCompleted, TaskInterrupted, TaskFailed>;

/// Sends what a task tells while it runs; the lease is filled in already.
using Tell = std::function<void(v1::TaskProgress)>;

/// Runs one task. What its code throws is a result too.
TaskResult run_task(const v1::Task& task, const std::string& input, const WorkerOptions& code, Cancellation& cancellation,
                    const Tell& tell);

}  // namespace cairn
