#include "cairn/value.hpp"

#include "cairn/error.hpp"
#include "to_error.hpp"
#include "value_check.hpp"
#include "value_decode.hpp"

namespace cairn {

TypedValue encode(const Value& value, Encoding encoding, const std::string& path) {
  check_value(value, encoding, path);
  if (encoding == Encoding::json) return {"json", value.dump()};
  TypedValue encoded{"msgpack", {}};
  Value::to_msgpack(value, nlohmann::detail::output_adapter<char>(encoded.data));
  return encoded;
}

Value decode(const TypedValue& encoded) {
  if (encoded.type == "msgpack") return decode_msgpack(encoded.data);
  if (encoded.type == "json") return decode_json(encoded.data);
  if (encoded.type == "null") return nullptr;
  if (encoded.type == "bytes") return Value::binary({encoded.data.begin(), encoded.data.end()});
  throw malformed("", "a value of the type " + encoded.type + ", which only its own framework can decode");
}

ReadValue read_value(TypedValue encoded) {
  try {
    return {decode(encoded), std::nullopt};
  } catch (const Error&) {
    return {nullptr, std::move(encoded)};
  }
}

}  // namespace cairn
