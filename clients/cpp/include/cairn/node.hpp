#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cairn/value.hpp"

namespace cairn {

/// Runs a node in the next superstep with an argument of its own.
struct Send {
  /// The node.
  std::string node{};
  /// What it sees in place of the state.
  Value argument{};
  /// How long it may take, in place of what the graph says of the node.
  std::optional<std::chrono::milliseconds> timeout{};
};

/// Where to go: a node's name, "__end__", or a Send.
using Target = std::variant<std::string, Send>;

/// What a node returns: updates of channels, and where to go besides the edges. Nothing: `{}`.
///
///     return cairn::Command{{"draft", "Re: " + question}};
///     return cairn::Command().overwrite("items", cairn::Value::array()).go_to("review");
class Command {
 public:
  /// A write to a channel.
  struct Update {
    std::string channel;
    Value value;
    /// It replaces the channel's value, whatever its reducer.
    bool overwrite = false;
  };

  /// No update, nowhere to go.
  Command() = default;
  /// Updates, each a channel and its value, in order.
  Command(std::initializer_list<std::pair<const char*, Value>> updates);
  /// The members of an object as updates; null: none. Anything else is refused: TypeError, as the task's failure.
  Command(const Value& updates);

  /// Writes to a channel, through its reducer.
  Command& update(std::string channel, Value value);
  /// Replaces a channel's value, whatever its reducer.
  Command& overwrite(std::string channel, Value value);
  /// Goes to a node ("__end__" is allowed), or sends.
  Command& go_to(Target target);
  /// The updates and targets are the enclosing graph's: this graph ends.
  Command& to_parent();

  const std::vector<Update>& updates() const noexcept { return updates_; }
  const std::vector<Target>& targets() const noexcept { return targets_; }
  bool is_to_parent() const noexcept { return is_to_parent_; }

 private:
  std::vector<Update> updates_;
  std::vector<Target> targets_;
  bool is_to_parent_ = false;
};

/// What a conditional edge decides: a name (of a node, or of one of the edge's routes), several, Sends, or a bool, which is
/// taken as "true" or "false".
class Decision {
 public:
  Decision(const char* name) : Decision(std::string(name)) {}
  Decision(std::string name) : targets_{Target(std::move(name))} {}
  Decision(Send send) : targets_{Target(std::move(send))} {}
  Decision(std::vector<Target> targets) : targets_(std::move(targets)), is_list_(true) {}
  Decision(bool answer) : Decision(std::string(answer ? "true" : "false")) {}

  /// As it travels: a name, or a list of names and of {"node": name, "arg": value}.
  Value to_value() const;

 private:
  std::vector<Target> targets_;
  bool is_list_ = false;
};

/// A failure under a name of the node's own choice, which retry policies (`retry_on`) can name.
class NodeError : public std::runtime_error {
 public:
  /// `kind`: as "RateLimited". `retryable`: false when another attempt would fail too.
  NodeError(std::string kind, const std::string& message, bool retryable = true)
      : std::runtime_error(message), kind_(std::move(kind)), retryable_(retryable) {}
  const std::string& kind() const noexcept { return kind_; }
  bool retryable() const noexcept { return retryable_; }

 private:
  std::string kind_;
  bool retryable_;
};

/// Thrown by `NodeContext::interrupt`; a node must let it pass. It is no std::exception, so that a handler of those does.
struct Interrupted {
  /// The how manyth question of the task it is, from 0.
  std::uint32_t index = 0;
  Value question;
};

/// A task as its code is told of it.
struct TaskInfo {
  std::string thread_id;
  std::string run_id;
  std::string task_id;
  /// The node; of a decision, the one that the edge leaves from.
  std::string node;
  /// The namespace of the graph that the node is of; empty: the outermost.
  std::string ns;
  /// Which attempt it is, from 1.
  std::uint32_t attempt = 0;
  /// The parameters that the graph gives the code: an object.
  Value params = Value::object();
};

/// What a node is told, and may ask for. It lives as long as the call of the node's code.
class NodeContext {
 public:
  virtual ~NodeContext() = default;
  NodeContext(const NodeContext&) = delete;
  NodeContext& operator=(const NodeContext&) = delete;

  /// The task.
  virtual const TaskInfo& task() const noexcept = 0;
  /// Stops for an answer. The first time it throws Interrupted, and the run stops; when the answer is there the node runs
  /// again from its beginning, and this returns it. Several calls are told apart by their order.
  virtual Value interrupt(const Value& question) = 0;
  /// Tells readers of the thread's events something, at once and without keeping it. Throws std::length_error above 64 KiB,
  /// Error (VALUE_MALFORMED) for what can't be encoded.
  virtual void emit(const Value& value) = 0;
  /// Tells them a piece of a message that is on its way. Throws std::length_error above 64 KiB, Error (VALUE_MALFORMED) for
  /// text that is not UTF-8.
  virtual void token(const std::string& message_id, const std::string& text) = 0;
  /// A sign of life for the idle timeout, as what it tells is too.
  virtual void alive() = 0;
  /// Nobody waits for the result any more: the run was cancelled, the time is over, the task was lost, the worker ends.
  virtual bool cancelled() const noexcept = 0;
  /// Sleeps until then, or until nobody waits for the result any more; whether that is so.
  virtual bool wait_for_cancel(std::chrono::milliseconds time) const = 0;

 protected:
  NodeContext() = default;
};

/// Code of a node. `state`: an object of the channels that hold a value, or the argument of the Send that it is run by.
/// What it throws is the task's failure: kind is the exception's type, such as "std::out_of_range".
using NodeFunction = std::function<Command(const Value& state, NodeContext& context)>;

/// Code of a conditional edge, which can't interrupt.
using DecisionFunction = std::function<Decision(const Value& state, NodeContext& context)>;

}  // namespace cairn
