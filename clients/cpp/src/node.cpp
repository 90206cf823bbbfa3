#include "cairn/node.hpp"

namespace cairn {

Command::Command(std::initializer_list<std::pair<const char*, Value>> updates) {
  for (const auto& [channel, value] : updates) update(channel, value);
}

Command::Command(const Value& updates) {
  if (updates.is_null()) return;
  if (!updates.is_object()) {
    throw NodeError("TypeError", std::string("a node returns an object of updates, not ") + updates.type_name(), false);
  }
  for (const auto& [channel, value] : updates.items()) update(channel, value);
}

Command& Command::update(std::string channel, Value value) {
  updates_.push_back({std::move(channel), std::move(value), false});
  return *this;
}

Command& Command::overwrite(std::string channel, Value value) {
  updates_.push_back({std::move(channel), std::move(value), true});
  return *this;
}

Command& Command::go_to(Target target) {
  targets_.push_back(std::move(target));
  return *this;
}

Command& Command::to_parent() {
  is_to_parent_ = true;
  return *this;
}

Value Decision::to_value() const {
  Value list = Value::array();
  for (const auto& target : targets_) {
    if (const auto* send = std::get_if<Send>(&target)) {
      Value sent = Value::object();
      sent["node"] = send->node;
      sent["arg"] = send->argument;
      list.push_back(std::move(sent));
    } else {
      list.push_back(std::get<std::string>(target));
    }
  }
  return is_list_ ? list : list.at(0);
}

}  // namespace cairn
