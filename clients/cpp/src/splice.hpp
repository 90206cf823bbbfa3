#pragma once

#include <cairn/v1/value.pb.h>

#include <optional>
#include <string>

namespace cairn {

/// The value as a change of one that the server holds: what both begin and end with stays there. Absent where that saves
/// too little.
std::optional<v1::Splice> splice_of(const std::string& base_ref, const std::string& base, const std::string& data);

}  // namespace cairn
