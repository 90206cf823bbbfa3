#pragma once

#include <cairn/v1/event.pb.h>

#include <functional>
#include <vector>

#include "cairn/event.hpp"

namespace cairn {

/// Gives a value that an event refers to.
using Resolve = std::function<ReadValue(const v1::Value&)>;

/// Makes an event of its message.
Event to_event(const v1::Event& message, const Resolve& resolve);

/// Every value that an event refers to.
std::vector<const v1::Value*> values_of(const v1::Event& message);

}  // namespace cairn
