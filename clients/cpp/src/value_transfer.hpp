#pragma once

#include <cairn/v1/checkpoint_service.pb.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cairn/value.hpp"
#include "transport.hpp"

namespace cairn {

using Values = std::map<std::string, TypedValue>;

/// CRC-32, zlib's.
std::uint32_t crc32_of(const std::string& bytes);

/// Downloads values of a thread by reference, in chunks, each checked by its checksum.
/// Throws NOT_FOUND (VALUE_NOT_FOUND), DATA_LOSS (VALUE_CHECKSUM).
Values fetch_values(const Transport& transport, const std::string& thread_id, const std::vector<std::string>& refs);

/// Uploads a value in chunks; the reference can be named once, in a put to the same thread, within an hour.
std::string upload_value(const Transport& transport, const std::string& thread_id, const TypedValue& value);

}  // namespace cairn
