#include <cairn/cairn.hpp>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>

#include "server.hpp"

namespace {

using cairn::decode;
using cairn::encode;
using cairn::Encoding;
using cairn::TypedValue;
using cairn::Value;

Value nested(std::size_t depth) {
  Value value = 1;
  for (std::size_t i = 0; i < depth; ++i) value = Value::array({std::move(value)});
  return value;
}

/// Values that both encodings hold.
Value everything() {
  Value value;
  value["u64"] = std::numeric_limits<std::uint64_t>::max();
  value["i64"] = std::numeric_limits<std::int64_t>::min();
  value["one"] = 1;
  value["one point nought"] = 1.0;
  value["minus nought"] = -0.0;
  value["tiny"] = 5e-324;
  value["text"] = std::string("a\0b \xF0\x9F\x97\xBB \xC3\xA9", 11);
  value[""] = "";
  value["z before a"] = {{"z", nullptr}, {"a", true}};
  value["deep"] = nested(10);
  value["empty"] = {Value::array(), Value::object()};
  return value;
}

/// Equal, with every number of the same kind and sign.
void check_same(const Value& value, const Value& back) {
  CHECK(back.dump() == value.dump());
  CHECK(back == value);
}

}  // namespace

TEST_CASE("values come back as they were, by each encoding") {
  const Value value = everything();
  for (const auto encoding : {Encoding::msgpack, Encoding::json}) {
    const Value back = decode(encode(value, encoding));
    check_same(value, back);
    CHECK(back.at("one").is_number_integer());
    CHECK(back.at("one point nought").is_number_float());
    CHECK(std::signbit(back.at("minus nought").get<double>()));
  }
}

TEST_CASE("MessagePack holds NaN, infinities, bytes and extensions") {
  const Value value = {{"bytes", Value::binary({0, 255})},
                       {"extension", Value::binary({1, 2, 3}, static_cast<std::uint8_t>(7))},
                       {"infinity", std::numeric_limits<double>::infinity()}};
  CHECK(decode(encode(value)) == value);
  CHECK(std::isnan(decode(encode(std::nan(""))).get<double>()));
}

TEST_CASE("what can't be encoded is refused with its path") {
  const auto refusal = [](const Value& value, Encoding encoding) {
    return test::error_of([&] { encode(value, encoding, "items"); });
  };
  const Value nan = {{"a b", Value::array({1, {{"x", std::nan("")}}})}};
  const auto error = refusal(nan, Encoding::json);
  CHECK(error.reason() == "VALUE_MALFORMED");
  CHECK(error.field() == "items[\"a b\"][1].x");
  CHECK(refusal(Value::binary({1}), Encoding::json).field() == "items");
  CHECK(refusal({{"text", "\xED\xA0\x80"}}, Encoding::msgpack).field() == "items.text");
  CHECK(refusal(nested(cairn::depth_max + 1), Encoding::msgpack).reason() == "VALUE_MALFORMED");
  CHECK_NOTHROW(decode(encode(nested(cairn::depth_max))));
}

TEST_CASE("bytes that are no value are refused, however they are broken") {
  const auto is_refused = [](const std::string& type, const std::string& data) {
    return test::error_of([&] { decode({type, data}); }).reason() == "VALUE_MALFORMED";
  };
  CHECK(is_refused("msgpack", ""));
  CHECK(is_refused("msgpack", "\xC1"));
  CHECK(is_refused("msgpack", "\x01\x01"));
  CHECK(is_refused("msgpack", "\xDD\xFF\xFF\xFF\xFF"));
  CHECK(is_refused("msgpack", std::string(1'000'000, '\x91')));
  CHECK(is_refused("msgpack", "\xA1\xFF"));
  CHECK(is_refused("json", "{\"a\":1"));
  CHECK(is_refused("json", "18446744073709551616"));
  CHECK(is_refused("json", std::string(1'000'000, '[')));
  CHECK(is_refused("pickle", "x"));
}

TEST_CASE("what only its framework can decode is kept as it is") {
  const TypedValue pickle{"pickle", std::string("\x80\x04\x00", 3)};
  CHECK(*cairn::read_value(pickle).opaque == pickle);
  const TypedValue number_keys{"msgpack", "\x81\x01\x02"};
  CHECK(*cairn::read_value(number_keys).opaque == number_keys);
  CHECK(cairn::read_value({"null", ""}).value.is_null());
  CHECK(cairn::read_value({"bytes", "ab"}).value == Value::binary({'a', 'b'}));
}

TEST_CASE("values pass through a server without loss") {
  const auto client = test::shared_server().client();
  const auto name = test::graph(client, "values", {"it"}, "nodes: { n: { expression: {} } }\nedges: [{ from: [__start__], to: n }]\n");
  for (const auto encoding : {Encoding::msgpack, Encoding::json}) {
    cairn::RunOptions options{name};
    options.encoding = encoding;
    const auto thread = client.threads().create();
    check_same(everything(), thread.run({{"it", everything()}}, options).state.values.at("it"));
    check_same(everything(), thread.state().values.at("it"));
  }
}
