#include "event.hpp"

#include <array>

#include "state.hpp"

namespace cairn {
namespace {

template <class Names>
std::vector<std::string> list_of(const Names& names) {
  return {names.begin(), names.end()};
}

/// A body that names a task, with what they all say of it.
template <class Body, class Message>
Body of_task(const Message& message) {
  Body body;
  body.task_id = message.task_id();
  body.node = message.node();
  body.step = message.step();
  return body;
}

event::Body to_body(const v1::RunStopped& message) {
  event::RunStopped body;
  body.status = static_cast<RunStatus>(message.status());
  if (message.has_error()) body.error = to_failure(message.error());
  body.checkpoint_id = message.checkpoint_id();
  body.next = list_of(message.next_nodes());
  return body;
}

event::Body to_body(const v1::TaskStarted& message) {
  auto body = of_task<event::TaskStarted>(message);
  body.triggers = list_of(message.triggers());
  body.attempt = message.attempt();
  return body;
}

event::Body to_body(const v1::TaskWaiting& message) {
  auto body = of_task<event::TaskWaiting>(message);
  body.handler = message.handler();
  return body;
}

event::Body to_body(const v1::TaskFinished& message, const Resolve& resolve) {
  auto body = of_task<event::TaskFinished>(message);
  for (const auto& update : message.updates()) {
    body.updates.push_back({update.channel(), resolve(update.value()), update.overwrite()});
  }
  body.cached = message.cached();
  return body;
}

event::Body to_body(const v1::TaskFailed& message) {
  auto body = of_task<event::TaskFailed>(message);
  if (message.has_error()) body.error = to_failure(message.error());
  return body;
}

event::Body to_body(const v1::InterruptRaised& message, const Resolve& resolve) {
  auto body = of_task<event::InterruptRaised>(message);
  body.interrupt_id = message.interrupt().id();
  body.value = resolve(message.interrupt().value());
  return body;
}

event::Body to_body(const v1::CheckpointSaved& message, const Resolve& resolve) {
  event::CheckpointSaved body;
  body.checkpoint_id = message.checkpoint_id();
  body.parent_id = message.parent_id();
  body.seq = message.seq();
  body.step = message.step();
  body.source = message.source();
  for (const auto& [channel, value] : message.values()) body.values.emplace(channel, resolve(value));
  body.next = list_of(message.next_nodes());
  return body;
}

event::Body body_of(const v1::Event& message, const Resolve& resolve) {
  switch (message.body_case()) {
    case v1::Event::kRunStarted: {
      const auto& started = message.run_started();
      return event::RunStarted{started.graph_name(), started.graph_hash(), started.checkpoint_id(), started.epoch()};
    }
    case v1::Event::kRunStopped:
      return to_body(message.run_stopped());
    case v1::Event::kRunQueued:
      return event::RunQueued{message.run_queued().before()};
    case v1::Event::kTaskStarted:
      return to_body(message.task_started());
    case v1::Event::kTaskWaiting:
      return to_body(message.task_waiting());
    case v1::Event::kTaskFinished:
      return to_body(message.task_finished(), resolve);
    case v1::Event::kTaskFailed:
      return to_body(message.task_failed());
    case v1::Event::kInterruptRaised:
      return to_body(message.interrupt_raised(), resolve);
    case v1::Event::kInterruptAnswered:
      return event::InterruptAnswered{list_of(message.interrupt_answered().interrupt_ids())};
    case v1::Event::kCheckpointSaved:
      return to_body(message.checkpoint_saved(), resolve);
    case v1::Event::kCheckpointsDeleted:
      return event::CheckpointsDeleted{list_of(message.checkpoints_deleted().checkpoint_ids())};
    case v1::Event::kCustom:
      return event::Custom{message.custom().task_id(), message.custom().node(), resolve(message.custom().value())};
    case v1::Event::kMessageToken: {
      const auto& token = message.message_token();
      return event::MessageToken{token.task_id(), token.node(), token.message_id(), token.text()};
    }
    case v1::Event::kWritesPut:
      return event::WritesPut{message.writes_put().checkpoint_id(), list_of(message.writes_put().task_ids())};
    case v1::Event::kThreadUpdated:
      return event::ThreadUpdated{};
    default:
      return event::Unknown{};
  }
}

}  // namespace

Event to_event(const v1::Event& message, const Resolve& resolve) {
  Event event;
  event.number = message.number();
  if (message.has_ephemeral()) event.ephemeral = {message.ephemeral().epoch(), message.ephemeral().sub_number()};
  event.ns = message.namespace_();
  event.run_id = message.run_id();
  event.at = to_time(message.at());
  event.body = body_of(message, resolve);
  return event;
}

std::vector<const v1::Value*> values_of(const v1::Event& message) {
  std::vector<const v1::Value*> values;
  if (message.has_task_finished()) {
    for (const auto& update : message.task_finished().updates()) values.push_back(&update.value());
  } else if (message.has_interrupt_raised()) {
    values.push_back(&message.interrupt_raised().interrupt().value());
  } else if (message.has_checkpoint_saved()) {
    for (const auto& [channel, value] : message.checkpoint_saved().values()) values.push_back(&value);
  } else if (message.has_custom()) {
    values.push_back(&message.custom().value());
  }
  return values;
}

const char* type_name(const Event& event) noexcept {
  // In the order of event::Body.
  static constexpr std::array names = {
      "unknown",         "run_queued",         "run_started",      "run_stopped",         "task_started", "task_waiting",
      "task_finished",   "task_failed",        "interrupt_raised", "interrupt_answered",  "checkpoint_saved",
      "checkpoints_deleted", "custom",         "message_token",    "writes_put",          "thread_updated",
  };
  static_assert(names.size() == std::variant_size_v<event::Body>);
  return names[event.body.index()];
}

}  // namespace cairn
