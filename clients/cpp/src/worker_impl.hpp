#pragma once

#include <cairn/v1/worker_service.pb.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>

#include "cairn/worker.hpp"
#include "cancellation.hpp"
#include "run_task.hpp"
#include "transport.hpp"
#include "worker_pool.hpp"
#include "worker_stream.hpp"

namespace cairn {

/// The worker's side of `WorkerService.Work`, as `cairn/v1/worker_service.proto` has it.
class Worker::Impl {
 public:
  Impl(std::shared_ptr<Transport> transport, WorkerOptions options);
  ~Impl();

  const WorkerOptions& options() const noexcept { return options_; }
  void run();
  void stop();
  bool wait_until_ready(std::chrono::milliseconds time) const;

 private:
  using Job = std::function<void()>;
  using Key = std::tuple<std::string, std::string, std::uint64_t>;

  /// A task that this process holds: at work, or with a result that is not settled.
  struct Held {
    v1::TaskLease lease;
    Cancellation cancellation;
    std::optional<TaskResult> result;
  };

  /// A task whose input has not all come.
  struct Coming {
    v1::Task task;
    std::string input;
  };

  static Key key_of(const v1::TaskLease& lease) { return {lease.thread_id(), lease.task_id(), lease.epoch()}; }

  /// One stream, from its Hello to its end; gives how it ended.
  grpc::Status serve();
  /// Reads, in a thread of the pool, until there is a task, which it runs itself while another thread goes on reading:
  /// nobody has to be woken on a task's way.
  void read(const std::shared_ptr<WorkerStream>& stream);
  void pause_after(int failures);

  // All of these hold the mutex.
  bool is_done() const { return is_stopping_ && held_.empty(); }
  v1::WorkRequest hello() const;
  /// Gives what is to be run, if there is something.
  Job hear(v1::WorkResponse& message);
  void begin(const v1::WorkerWelcome& welcome);
  Job take_input(const std::string& data);
  Job take(v1::Task task, std::string input);
  /// What tells a result; nothing while it is not there, or nobody to tell it to.
  std::deque<v1::WorkRequest> told(const Held& held) const;
  void tell(const Held& held);
  void drop(const v1::TaskLease& lease);
  void drain();
  void end_if_done();
  /// How many tasks more may be given than the server knows of.
  std::uint32_t room() const;
  /// Says that so many tasks more are taken.
  void grant(std::uint32_t credit);
  /// Takes the end of a task's code; gives what is to be told of it.
  std::deque<v1::WorkRequest> end(Held& held, TaskResult result);

  /// In a thread of the pool.
  void work(const v1::Task& task, const std::string& input, const std::shared_ptr<Held>& held);

  const std::shared_ptr<Transport> transport_;
  const std::string session_id_;
  const WorkerOptions options_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::shared_ptr<WorkerStream> stream_;
  v1::WorkerWelcome welcome_;
  std::optional<Coming> coming_;
  std::map<Key, std::shared_ptr<Held>> held_;
  std::chrono::milliseconds reconnect_after_{0};
  /// Code that is at work or waits for a thread, also for tasks that were dropped.
  std::size_t running_ = 0;
  /// Tasks that the server may still give on this stream.
  std::size_t granted_ = 0;
  bool is_reading_ = false;
  bool is_welcome_ = false;
  bool is_ready_ = false;
  bool is_stopping_ = false;
  bool is_over_ = false;
  /// Last, so that its threads end before what they use goes.
  WorkerPool pool_;
};

}  // namespace cairn
