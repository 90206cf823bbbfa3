// C++'s part of the vectors that all clients encode and decode alike: see test/languages/vectors of the repository.
// Usage: vectors write|read|put|get|refuse|errors ADDRESS SPACE THREAD FILE
#include <cairn/cairn.hpp>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>

namespace {

using cairn::Value;

std::string hex(std::uint64_t number, int digits) {
  std::string text(static_cast<std::size_t>(digits), '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, number >>= 4U) *at = "0123456789abcdef"[number & 15U];
  return text;
}

Value to_value(const Value& tagged) {
  if (tagged.is_array()) {
    Value list = Value::array();
    for (const auto& item : tagged) list.push_back(to_value(item));
    return list;
  }
  if (!tagged.is_object()) return tagged;
  if (tagged.size() == 1 && tagged.begin()->is_string()) {
    const std::string& tag = tagged.begin().key();
    const auto content = tagged.begin()->get<std::string>();
    if (tag == "$int") return content.front() == '-' ? Value(std::stoll(content)) : Value(std::stoull(content));
    if (tag == "$float") {
      const std::uint64_t bits = std::stoull(content, nullptr, 16);
      double number = 0;
      std::memcpy(&number, &bits, sizeof number);
      return number;
    }
    if (tag == "$bytes") {
      std::vector<std::uint8_t> bytes;
      for (std::size_t at = 0; at < content.size(); at += 2) {
        bytes.push_back(static_cast<std::uint8_t>(std::stoul(content.substr(at, 2), nullptr, 16)));
      }
      return Value::binary(std::move(bytes));
    }
  }
  Value map = Value::object();
  for (const auto& [key, item] : tagged.items()) map[key] = to_value(item);
  return map;
}

Value to_tagged(const Value& value) {
  if (value.is_array()) {
    Value list = Value::array();
    for (const auto& item : value) list.push_back(to_tagged(item));
    return list;
  }
  if (value.is_number_unsigned()) return {{"$int", std::to_string(value.get<std::uint64_t>())}};
  if (value.is_number_integer()) return {{"$int", std::to_string(value.get<std::int64_t>())}};
  if (value.is_number_float()) {
    const auto number = value.get<double>();
    std::uint64_t bits = 0;
    std::memcpy(&bits, &number, sizeof bits);
    return {{"$float", hex(bits, 16)}};
  }
  if (value.is_binary()) {
    std::string digits;
    for (const auto byte : value.get_binary()) digits += hex(byte, 2);
    return {{"$bytes", digits}};
  }
  if (!value.is_object()) return value;
  Value map = Value::object();
  for (const auto& [key, item] : value.items()) map[key] = to_tagged(item);
  return map;
}

void tell(const Value& line) { std::cout << line.dump() << "\n"; }

const std::pair<const char*, cairn::Encoding> encodings[] = {{"msgpack", cairn::Encoding::msgpack},
                                                            {"json", cairn::Encoding::json}};

cairn::RunOptions in(cairn::Encoding encoding) {
  cairn::RunOptions options;
  options.graph = "vectors";
  options.encoding = encoding;
  return options;
}

void write(const cairn::Client& client, const std::string& thread, const Value& vectors) {
  for (const auto& [name, encoding] : encodings) {
    Value values = Value::object();
    for (const char* part : {"picked", "generated"}) {
      for (const auto& vector : vectors.at(part)) {
        if (encoding == cairn::Encoding::json && !vector.value("json", true)) continue;
        values[vector.at("name").get<std::string>()] = to_value(vector.at("value"));
      }
    }
    client.thread(thread + " " + name).run({{"values", values}}, in(encoding));
  }
}

void read(const cairn::Client& client, const std::string& thread) {
  for (const auto& [name, encoding] : encodings) {
    const auto state = client.thread(thread + " " + name).state();
    for (const auto& [vector, value] : state.values.at("values").items()) {
      tell({{"encoding", name}, {"name", vector}, {"value", to_tagged(value)}});
    }
  }
}

std::string from_hex(const std::string& digits) {
  std::string bytes;
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    bytes += static_cast<char>(std::stoul(digits.substr(at, 2), nullptr, 16));
  }
  return bytes;
}

std::string to_hex(const std::string& bytes) {
  std::string digits;
  for (const char byte : bytes) digits += hex(static_cast<std::uint8_t>(byte), 2);
  return digits;
}

void put(const cairn::Client& client, const std::string& thread, const Value& vectors) {
  for (const auto& vector : vectors.at("checkpoints")) {
    cairn::v1::Checkpoint checkpoint;
    checkpoint.ParseFromString(from_hex(vector.at("message").get<std::string>()));
    checkpoint.set_thread_id(thread + " " + vector.at("name").get<std::string>());
    client.checkpoints().put(checkpoint);
  }
}

void get(const cairn::Client& client, const std::string& thread, const Value& vectors) {
  for (const auto& vector : vectors.at("checkpoints")) {
    const auto name = vector.at("name").get<std::string>();
    cairn::v1::Checkpoint given;
    given.ParseFromString(from_hex(vector.at("message").get<std::string>()));
    const auto found = client.checkpoints().get(thread + " " + name, given.namespace_());
    Value values = Value::object();
    for (const auto& [ref, value] : found.values) values[ref] = {value.type, to_hex(value.data)};
    tell({{"name", name}, {"message", to_hex(found.checkpoint.SerializeAsString())}, {"values", values}});
  }
}

void refuse(const cairn::Client& client, const std::string& thread, const Value& vectors) {
  for (const auto& vector : vectors.at("refused")) {
    const auto encoding = vector.at("encoding") == "json" ? cairn::Encoding::json : cairn::Encoding::msgpack;
    std::string message;
    try {
      const Value at = Value::array({to_value(vector.at("value"))});
      client.thread(thread).run({{"values", {{"at", at}}}}, in(encoding));
    } catch (const cairn::Error& error) {
      message = error.what();
    }
    tell({{"name", vector.at("name")}, {"message", message}});
  }
}

void errors(const cairn::Client& client, const std::string& thread) {
  const std::pair<const char*, std::function<void()>> failing[] = {
      {"missing thread", [&] { client.thread(thread + " missing").state(); }},
      {"bad graph",
       [&] { client.graphs().register_graph("name: bad\nnodes: { a: { worker: {}, colour: red } }"); }},
      {"nothing to resume", [&] { client.thread(thread + " none").resume(true); }},
  };
  for (const auto& [name, call] : failing) {
    try {
      call();
    } catch (const cairn::Error& error) {
      tell({{"name", name},
            {"code", cairn::code_name(error.code())},
            {"reason", error.reason()},
            {"field", error.field()}});
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) {
    std::cerr << "usage: vectors write|read|put|get|refuse|errors ADDRESS SPACE THREAD FILE\n";
    return 2;
  }
  const std::string what = arguments[1];
  cairn::ConnectOptions options;
  options.address = arguments[2];
  options.space = arguments[3];
  const std::string thread = arguments[4];
  std::ifstream file(arguments[5]);
  const Value vectors = Value::parse(file);
  const cairn::Client client(options);
  if (what == "write") write(client, thread, vectors);
  if (what == "read") read(client, thread);
  if (what == "put") put(client, thread, vectors);
  if (what == "get") get(client, thread, vectors);
  if (what == "refuse") refuse(client, thread, vectors);
  if (what == "errors") errors(client, thread);
}
