#pragma once

#include <string>

#include "cairn/value.hpp"

namespace cairn {

/// Throws Error (VALUE_MALFORMED), with the path, if there is something in a value that an encoding has no place for.
/// nlohmann's writers would put it out all the same (MessagePack) or as null (JSON).
void check_value(const Value& value, Encoding encoding, const std::string& path);

}  // namespace cairn
