#pragma once

#include <string_view>

namespace cairn {

/// Whether bytes are UTF-8 as RFC 3629 has it: no surrogates, nothing longer than need be, nothing beyond U+10FFFF.
bool is_utf8(std::string_view bytes) noexcept;

}  // namespace cairn
