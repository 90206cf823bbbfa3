#include "utf8.hpp"

#include <cstddef>
#include <cstdint>

namespace cairn {
namespace {

/// How many bytes follow a first one, and what the next of them must lie between. Length 0: it begins nothing.
struct Lead {
  std::size_t length;
  std::uint8_t low;
  std::uint8_t high;
};

Lead lead_of(std::uint8_t byte) noexcept {
  if (byte >= 0xc2 && byte <= 0xdf) return {1, 0x80, 0xbf};
  if (byte == 0xe0) return {2, 0xa0, 0xbf};
  if (byte == 0xed) return {2, 0x80, 0x9f};
  if (byte >= 0xe1 && byte <= 0xef) return {2, 0x80, 0xbf};
  if (byte == 0xf0) return {3, 0x90, 0xbf};
  if (byte >= 0xf1 && byte <= 0xf3) return {3, 0x80, 0xbf};
  if (byte == 0xf4) return {3, 0x80, 0x8f};
  return {0, 0, 0};
}

}  // namespace

bool is_utf8(std::string_view bytes) noexcept {
  for (std::size_t at = 0; at < bytes.size();) {
    const auto byte = static_cast<std::uint8_t>(bytes[at++]);
    if (byte < 0x80) continue;
    auto [length, low, high] = lead_of(byte);
    if (length == 0 || bytes.size() - at < length) return false;
    for (; length > 0; --length, low = 0x80, high = 0xbf) {
      const auto next = static_cast<std::uint8_t>(bytes[at++]);
      if (next < low || next > high) return false;
    }
  }
  return true;
}

}  // namespace cairn
