#pragma once

#include <string>

#include "cairn/value.hpp"

namespace cairn {

/// Decodes exactly one value. Throws Error (VALUE_MALFORMED), also for nesting deeper than `depth_max`, which would
/// exhaust the stack, and for integers of more than 64 bits, which nlohmann would round.
Value decode_json(const std::string& text);

/// As `decode_json`, of MessagePack.
Value decode_msgpack(const std::string& bytes);

}  // namespace cairn
