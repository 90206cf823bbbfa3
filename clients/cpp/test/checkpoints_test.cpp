#include <cairn/cairn.hpp>
#include <doctest/doctest.h>

#include "server.hpp"
#include "splice.hpp"

namespace {

using cairn::TypedValue;

/// Text that no splice and no chunk can get right by chance.
std::string varied(std::size_t size, unsigned seed) {
  std::string text(size, ' ');
  for (auto& c : text) c = static_cast<char>('a' + (seed = seed * 1664525 + 1013904223) % 26);
  return text;
}

cairn::v1::Checkpoint checkpoint(const std::string& thread, const std::string& id, const TypedValue& value) {
  cairn::v1::Checkpoint checkpoint;
  checkpoint.set_thread_id(thread);
  checkpoint.set_id(id);
  (*checkpoint.mutable_channel_values())["it"] = cairn::inline_value(value);
  return checkpoint;
}

std::string applied(const std::string& base, const cairn::v1::Splice& splice) {
  std::string data;
  for (const auto& hunk : splice.hunks()) data += hunk.literal() + base.substr(hunk.from(), hunk.length());
  return data;
}

}  // namespace

TEST_CASE("checkpoints are put and read, values larger than a message's part in chunks") {
  const auto client = test::shared_server().client();
  const TypedValue large{"bytes", varied(3 * 1024 * 1024 + 1, 1)};
  const auto put = client.checkpoints().put(checkpoint("large", "c1", large));
  CHECK(put.checkpoint_id() == "c1");
  CHECK(client.checkpoints().get("large").channel("it") == large);
  // By a client that holds nothing, too.
  const auto other = test::shared_server().client();
  CHECK(other.checkpoints().get("large", "", "c1").channel("it") == large);
}

TEST_CASE("what changed in a value is sent, and is the value") {
  const auto client = test::shared_server().client();
  TypedValue value{"json", varied(50'000, 2)};
  client.checkpoints().put(checkpoint("grows", "c1", value));
  value.data += varied(100, 3);
  client.checkpoints().put(checkpoint("grows", "c2", value));
  value.data[20'000] = '!';
  client.checkpoints().put(checkpoint("grows", "c3", value));
  CHECK(client.checkpoints().get("grows").channel("it") == value);
  const auto reader = test::shared_server().client();
  cairn::v1::ListCheckpointsRequest request;
  request.set_thread_id("grows");
  request.set_page_size(2);
  const auto read = reader.checkpoints().list(request).all();
  REQUIRE(read.size() == 3);
  CHECK(read[0].channel("it") == value);
  CHECK(read[2].channel("it").data == varied(50'000, 2));
}

TEST_CASE("a base that the server has no more is no error") {
  const auto client = test::shared_server().client();
  TypedValue value{"json", varied(50'000, 4)};
  client.checkpoints().put(checkpoint("begins anew", "c1", value));
  CHECK(client.thread("begins anew").remove());
  value.data += "more";
  client.checkpoints().put(checkpoint("begins anew", "c2", value));
  CHECK(client.checkpoints().get("begins anew").channel("it") == value);
}

TEST_CASE("writes of a task are put") {
  const auto client = test::shared_server().client();
  client.checkpoints().put(checkpoint("writes", "c1", {"json", "1"}));
  cairn::v1::CheckpointWrites writes;
  writes.set_checkpoint_id("c1");
  auto* write = writes.add_writes();
  write->set_task_id("t1");
  write->set_channel("it");
  *write->mutable_value() = cairn::inline_value({"json", "2"});
  client.checkpoints().put_writes("writes", writes);
  const auto read = client.checkpoints().get("writes");
  REQUIRE(read.writes.size() == 1);
  CHECK(read.values.at(read.writes[0].value().ref()) == TypedValue{"json", "2"});
}

TEST_CASE("splices find what two values have alike") {
  const std::string base = varied(1'000, 5);
  const auto literal_bytes = [&](const std::string& data) {
    const auto splice = cairn::splice_of("ref", base, data);
    if (!splice) return data.size();
    CHECK(applied(base, *splice) == data);
    std::size_t bytes = 0;
    for (const auto& hunk : splice->hunks()) bytes += hunk.literal().size();
    return bytes;
  };
  CHECK(literal_bytes(base + "appended") == 8);
  CHECK(literal_bytes("before" + base) == 6);
  CHECK(literal_bytes(base.substr(0, 500) + "amid" + base.substr(500)) == 4);
  CHECK(literal_bytes("head" + base.substr(3) + "tail") == 8);
  CHECK(literal_bytes(base.substr(0, 400)) == 0);
  CHECK(literal_bytes(varied(1'000, 6)) == 1'000);
}
