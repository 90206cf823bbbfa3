#include "value_check.hpp"

#include <cmath>

#include "to_error.hpp"
#include "utf8.hpp"

namespace cairn {
namespace {

bool is_name(const std::string& key) {
  if (key.empty() || (std::isdigit(static_cast<unsigned char>(key.front())) != 0)) return false;
  for (const char c : key) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_' && c != '$') return false;
  }
  return true;
}

std::string member(const std::string& path, const std::string& key) {
  if (is_name(key)) return path.empty() ? key : path + "." + key;
  return path + "[" + Value(key).dump(-1, ' ', false, Value::error_handler_t::replace) + "]";
}

class Check {
 public:
  explicit Check(Encoding encoding) : is_json_(encoding == Encoding::json) {}

  /// `where` makes the path, which is needed for a refusal only.
  template <class Where>
  void value(const Value& value, std::size_t depth, const Where& where) const {
    switch (value.type()) {
      case Value::value_t::string:
        return text(value.get_ref<const std::string&>(), where);
      case Value::value_t::number_float:
        if (is_json_ && !std::isfinite(value.get<double>())) {
          throw malformed(where(), "JSON has no NaN and no infinities: use MessagePack");
        }
        return;
      case Value::value_t::binary:
        if (is_json_) throw malformed(where(), "JSON has no bytes: use MessagePack");
        return;
      case Value::value_t::array:
      case Value::value_t::object:
        return inside(value, depth, where);
      case Value::value_t::discarded:
        throw malformed(where(), "a value that was discarded");
      default:
        return;
    }
  }

 private:
  /// The depth is bounded, so that this recursion is. The path's makers are erased for the compiler's sake.
  template <class Where>
  void inside(const Value& container, std::size_t depth, const Where& where) const {
    using Path = std::function<std::string()>;
    if (depth >= depth_max) throw malformed(where(), "nested deeper than " + std::to_string(depth_max));
    std::size_t index = 0;
    for (const auto& item : container.items()) {
      const Path here = container.is_array()
                            ? Path([&] { return where() + "[" + std::to_string(index) + "]"; })
                            : Path([&] { return member(where(), item.key()); });
      if (container.is_object()) text(item.key(), here);
      value(item.value(), depth + 1, here);
      ++index;
    }
  }

  template <class Where>
  static void text(const std::string& text, const Where& where) {
    if (!is_utf8(text)) throw malformed(where(), "text that is not UTF-8");
  }

  bool is_json_;
};

}  // namespace

void check_value(const Value& value, Encoding encoding, const std::string& path) {
  const std::function<std::string()> where = [&] { return path; };
  Check(encoding).value(value, 0, where);
}

}  // namespace cairn
