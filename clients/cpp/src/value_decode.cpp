#include "value_decode.hpp"

#include "to_error.hpp"
#include "utf8.hpp"

namespace cairn {
namespace {

/// Builds a value of what nlohmann's readers find, and stops them where they would go on too deep or lose something.
class Builder : public nlohmann::json_sax<Value> {
 public:
  Value take() { return std::move(root_); }
  const std::string& refusal() const noexcept { return refusal_; }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool string(string_t& value) override {
    return is_utf8(value) ? put(std::move(value)) : refuse("text that is not UTF-8");
  }
  bool binary(binary_t& value) override {
    // Of a binary_t itself nlohmann takes the bytes alone.
    return put(value.has_subtype() ? Value::binary(std::move(value), value.subtype()) : Value::binary(std::move(value)));
  }

  /// `text`: as JSON has it; empty for MessagePack.
  bool number_float(number_float_t value, const string_t& text) override {
    const bool is_whole = !text.empty() && text.find_first_of(".eE") == string_t::npos;
    return is_whole ? refuse("an integer of more than 64 bits") : put(value);
  }

  bool start_object(std::size_t) override { return enter(Value::object()); }
  bool start_array(std::size_t) override { return enter(Value::array()); }
  bool key(string_t& name) override {
    if (!is_utf8(name)) return refuse("a name that is not UTF-8");
    key_ = std::move(name);
    return true;
  }
  bool end_object() override { return leave(); }
  bool end_array() override { return leave(); }

  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    return refuse(error.what());
  }

 private:
  bool put(Value value) {
    place(std::move(value));
    return true;
  }

  Value& place(Value value) {
    if (open_.empty()) return root_ = std::move(value);
    Value& parent = *open_.back();
    if (parent.is_object()) return parent[key_] = std::move(value);
    parent.push_back(std::move(value));
    return parent.back();
  }

  /// A parent grows only while its children are closed, so that pointers to those that are open stay good.
  bool enter(Value container) {
    if (open_.size() >= depth_max) return refuse("nested deeper than " + std::to_string(depth_max));
    open_.push_back(&place(std::move(container)));
    return true;
  }

  bool leave() {
    open_.pop_back();
    return true;
  }

  bool refuse(std::string why) {
    refusal_ = std::move(why);
    return false;
  }

  Value root_;
  std::vector<Value*> open_;
  std::string key_;
  std::string refusal_;
};

Value decode_as(const std::string& bytes, Value::input_format_t format) {
  Builder builder;
  if (!Value::sax_parse(bytes, &builder, format)) throw malformed("", builder.refusal());
  return builder.take();
}

}  // namespace

Value decode_json(const std::string& text) { return decode_as(text, Value::input_format_t::json); }

Value decode_msgpack(const std::string& bytes) { return decode_as(bytes, Value::input_format_t::msgpack); }

}  // namespace cairn
