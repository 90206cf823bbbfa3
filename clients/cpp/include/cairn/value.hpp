#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace cairn {

/// A plain value: what a channel, a question, an answer or a Send's argument holds.
///
/// Nothing is lost in either direction: integers are kept from -2^63 to 2^64 - 1, `1` and `1.0` stay apart, `-0.0` keeps
/// its sign, text may hold NUL and any Unicode character, and the members of maps keep their order.
/// `Value::binary(bytes)` is bytes, with a subtype a MessagePack extension of that type.
using Value = nlohmann::ordered_json;

/// An encoded value, as it travels and is stored.
struct TypedValue {
  /// "msgpack", "json", "null", "bytes", or a framework's own name. At most 255 bytes.
  std::string type;
  /// The encoded bytes.
  std::string data;

  bool operator==(const TypedValue& other) const { return type == other.type && data == other.data; }
  bool operator!=(const TypedValue& other) const { return !(*this == other); }
};

/// The encodings that `encode` writes. Cairn's engine computes in MessagePack, which also holds bytes and NaN.
enum class Encoding { msgpack, json };

/// Lists and maps may be nested this deep, as everywhere in Cairn.
constexpr std::size_t depth_max = 512;

/// Encodes a value. Throws Error (INVALID_ARGUMENT, VALUE_MALFORMED) with the path of what can't be encoded: text that is
/// not UTF-8, nesting deeper than `depth_max`; in JSON also NaN, infinities and bytes.
/// `path`: where the value stands, for the message.
TypedValue encode(const Value& value, Encoding encoding = Encoding::msgpack, const std::string& path = {});

/// Decodes "msgpack", "json", "null" and "bytes". Throws Error (INVALID_ARGUMENT, VALUE_MALFORMED) for other types, for
/// bytes that are not what the type says, and for what a Value can't hold: integers of more than 64 bits, maps with keys
/// that are not text.
Value decode(const TypedValue& encoded);

/// A value as it was read.
struct ReadValue {
  /// The value; null where `opaque` is set.
  Value value;
  /// Set for what only its own framework can decode, or a Value can't hold: the bytes as they are.
  std::optional<TypedValue> opaque;
};

/// Decodes a value, and keeps the bytes of one that can't be decoded.
ReadValue read_value(TypedValue encoded);

}  // namespace cairn
