#include "run_task.hpp"

#include <cxxabi.h>
#include <google/protobuf/util/json_util.h>

#include <cstdlib>
#include <memory>
#include <typeinfo>

#include "cairn/error.hpp"
#include "state.hpp"
#include "to_error.hpp"
#include "utf8.hpp"
#include "value_decode.hpp"

namespace cairn {
namespace {

/// The largest custom event, and piece of a message, in bytes.
constexpr std::size_t progress_bytes_max = 64 * 1024;
/// What a failure tells of itself at most: the protocol's limits.
constexpr std::size_t kind_bytes_max = 256;
constexpr std::size_t text_bytes_max = 64 * 1024;

std::string encoded(const Value& value, const std::string& path) { return encode(value, Encoding::msgpack, path).data; }

TaskInfo info_of(const v1::Task& task) {
  TaskInfo info{task.lease().thread_id(), task.run_id(),  task.lease().task_id(), task.node(),
                task.namespace_(),        task.attempt(), Value::object()};
  if (task.has_params()) {
    std::string text;
    if (google::protobuf::util::MessageToJsonString(task.params(), &text).ok()) info.params = decode_json(text);
  }
  return info;
}

class Context final : public NodeContext {
 public:
  Context(const v1::Task& task, const v1::NodeInput& input, Cancellation& cancellation, const Tell& tell)
      : task_(task), input_(input), cancellation_(cancellation), tell_(tell), info_(info_of(task)) {}

  std::uint32_t asked() const noexcept { return asked_; }

  const TaskInfo& task() const noexcept override { return info_; }

  Value interrupt(const Value& question) override {
    if (task_.kind() == v1::TASK_KIND_DECISION) {
      throw NodeError("TypeError", "a conditional edge can't stop for an answer", false);
    }
    const std::uint32_t index = asked_++;
    if (index < static_cast<std::uint32_t>(input_.answers_size())) {
      return decode_msgpack(input_.answers(static_cast<int>(index)));
    }
    throw Interrupted{index, question};
  }

  void emit(const Value& value) override {
    v1::TaskProgress progress;
    progress.set_custom(checked(encoded(value, "emit")));
    tell(std::move(progress));
  }

  void token(const std::string& message_id, const std::string& text) override {
    if (!is_utf8(text) || !is_utf8(message_id)) throw malformed("token", "text that is not UTF-8");
    v1::TaskProgress progress;
    progress.mutable_token()->set_message_id(message_id);
    progress.mutable_token()->set_text(checked(text));
    tell(std::move(progress));
  }

  void alive() override { tell({}); }

  bool cancelled() const noexcept override { return cancellation_.is_cancelled(); }

  bool wait_for_cancel(std::chrono::milliseconds time) const override { return cancellation_.wait_for(time); }

 private:
  static std::string checked(std::string bytes) {
    if (bytes.size() <= progress_bytes_max) return bytes;
    throw std::length_error("what a node tells has at most " + std::to_string(progress_bytes_max) + " bytes, not " +
                            std::to_string(bytes.size()));
  }

  void tell(v1::TaskProgress progress) const {
    if (cancelled()) return;
    *progress.mutable_lease() = task_.lease();
    tell_(std::move(progress));
  }

  const v1::Task& task_;
  const v1::NodeInput& input_;
  Cancellation& cancellation_;
  const Tell& tell_;
  const TaskInfo info_;
  std::uint32_t asked_ = 0;
};

Value state_of(const v1::NodeInput& input) {
  if (input.view_case() == v1::NodeInput::kArgument) return decode_msgpack(input.argument());
  Value state = Value::object();
  const std::map<std::string, std::string> channels(input.state().channels().begin(), input.state().channels().end());
  for (const auto& [channel, bytes] : channels) state[channel] = decode_msgpack(bytes);
  return state;
}

void add_target(v1::NodeResult& result, const Target& target) {
  auto* message = result.add_goto_();
  if (const auto* name = std::get_if<std::string>(&target)) {
    message->set_node(*name);
    return;
  }
  const auto& send = std::get<Send>(target);
  message->set_node(send.node);
  message->set_argument(encoded(send.argument, "goto." + send.node));
  if (send.timeout) *message->mutable_timeout() = to_duration(*send.timeout);
}

std::string encode_command(const Command& command, std::uint32_t asked) {
  v1::NodeResult result;
  for (const auto& update : command.updates()) {
    auto* message = result.add_updates();
    message->set_channel(update.channel);
    message->set_value(encoded(update.value, update.channel));
    message->set_overwrite(update.overwrite);
  }
  for (const auto& target : command.targets()) add_target(result, target);
  result.set_to_parent(command.is_to_parent());
  result.set_asked(asked);
  return result.SerializeAsString();
}

std::string encode_decision(const Decision& decision) {
  v1::NodeResult result;
  result.set_decision(encoded(decision.to_value(), "decision"));
  return result.SerializeAsString();
}

/// The type's name as it stands in C++ code.
std::string type_name_of(const std::type_info* type) {
  if (type == nullptr) return "unknown";
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 ? name.get() : type->name();
}

/// Text as the protocol takes it: UTF-8, of no more than so many bytes.
std::string told(std::string text, std::size_t bytes_max) {
  if (text.size() > bytes_max) text.resize(bytes_max);
  while (!text.empty() && text.size() == bytes_max && !is_utf8(text)) text.pop_back();
  return is_utf8(text) ? text : Value(text).dump(-1, ' ', true, Value::error_handler_t::replace);
}

/// Exceptions have no stack in C++; what `std::throw_with_nested` put inside them is told in its place.
std::string causes_of(const std::exception& error) {
  std::string causes;
  try {
    std::rethrow_if_nested(error);
  } catch (const std::exception& cause) {
    causes = "caused by " + type_name_of(&typeid(cause)) + ": " + cause.what() + "\n" + causes_of(cause);
  } catch (...) {
    causes = "caused by " + type_name_of(abi::__cxa_current_exception_type()) + "\n";
  }
  return causes;
}

TaskFailed failure(const std::string& kind, const std::string& message, const std::string& stack = {},
                   bool retryable = true) {
  return {told(kind, kind_bytes_max), told(message, text_bytes_max), told(stack, text_bytes_max), retryable};
}

/// What the exception that is being handled makes of the task.
TaskResult ended_by_exception() {
  try {
    throw;
  } catch (const Interrupted& stopped) {
    try {
      return TaskInterrupted{stopped.index, encoded(stopped.question, "interrupt")};
    } catch (const Error& refused) {
      return failure("ValueNotSerializable", refused.what(), {}, false);
    }
  } catch (const NodeError& error) {
    return failure(error.kind(), error.what(), causes_of(error), error.retryable());
  } catch (const Error& error) {
    const bool is_value = error.reason() == "VALUE_MALFORMED";
    return failure(is_value ? "ValueNotSerializable" : "cairn::Error", error.what(), causes_of(error), !is_value);
  } catch (const std::exception& error) {
    return failure(type_name_of(&typeid(error)), error.what(), causes_of(error));
  } catch (...) {
    return failure(type_name_of(abi::__cxa_current_exception_type()), "something that is no std::exception was thrown");
  }
}

}  // namespace

TaskResult run_task(const v1::Task& task, const std::string& input, const WorkerOptions& code, Cancellation& cancellation,
                    const Tell& tell) {
  try {
    v1::NodeInput message;
    if (!message.ParseFromString(input)) throw malformed("input", "not an encoded NodeInput");
    Context context(task, message, cancellation, tell);
    const Value state = state_of(message);
    if (task.kind() == v1::TASK_KIND_DECISION) {
      const auto decision = code.decisions.find(task.handler());
      if (decision != code.decisions.end()) return TaskCompleted{encode_decision(decision->second(state, context))};
    } else {
      const auto node = code.nodes.find(task.handler());
      if (node != code.nodes.end()) {
        const Command command = node->second(state, context);
        return TaskCompleted{encode_command(command, context.asked())};
      }
    }
    return failure("ReferenceError", "this worker has no such code: " + task.handler(), {}, false);
  } catch (...) {
    return ended_by_exception();
  }
}

}  // namespace cairn
