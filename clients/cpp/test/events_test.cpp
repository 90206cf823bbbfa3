#include <cairn/cairn.hpp>
#include <doctest/doctest.h>
#include <future>
#include <thread>

#include "server.hpp"

namespace {

std::string counting(const cairn::Client& client) {
  return test::graph(client, "counting", {"n"}, R"(
nodes:
  one: { expression: { update: { n: 'state.n + 1' } } }
  two: { expression: { update: { n: 'state.n + 1' } } }
edges: [{ from: [__start__], to: one }, { from: [one], to: two }]
)");
}

std::vector<std::uint64_t> durable(const std::vector<cairn::Event>& events) {
  std::vector<std::uint64_t> numbers;
  for (const auto& event : events) {
    if (!event.ephemeral) numbers.push_back(event.number);
  }
  return numbers;
}

std::vector<cairn::Event> all_of(cairn::EventStream stream) {
  std::vector<cairn::Event> events;
  for (const auto& event : stream) events.push_back(event);
  return events;
}

}  // namespace

TEST_CASE("events come in order, with their values") {
  const auto client = test::shared_server().client();
  const auto thread = client.threads().create();
  thread.run({{"n", 1}}, {counting(client)});
  cairn::EventOptions options;
  options.after = 0;
  options.until_stop = true;
  std::vector<std::string> written;
  std::uint64_t last = 0;
  for (const auto& event : thread.events(options)) {
    if (!event.ephemeral) CHECK(event.number > last);
    last = event.number;
    const auto* finished = event.as<cairn::event::TaskFinished>();
    if (finished == nullptr || finished->node == "__start__") continue;
    REQUIRE(finished->updates.size() == 1);
    written.push_back(finished->node + "=" + finished->updates[0].value.value.dump());
  }
  REQUIRE(written.size() == 2);
  CHECK(written[0] == "one=2");
  CHECK(written[1] == "two=3");
  options.values = false;
  options.until_stop = false;
  options.until_now = true;
  options.modes = {cairn::StreamMode::updates};
  const auto bare = all_of(thread.events(options));
  CHECK(std::string(cairn::type_name(bare.back())) == "run_stopped");
  for (const auto& event : bare) {
    if (const auto* finished = event.as<cairn::event::TaskFinished>(); finished && !finished->updates.empty()) {
      CHECK(finished->updates[0].value.value.is_null());
    }
  }
}

TEST_CASE("a stream begins when it is made, and ends when its run stops") {
  const auto client = test::shared_server().client();
  const auto thread = client.threads().create();
  thread.run({{"n", 1}}, {counting(client)});
  cairn::EventOptions options;
  options.until_stop = true;
  auto stream = thread.events(options);
  const auto outcome = thread.run({{"n", 10}}, {"counting"});
  const auto events = all_of(std::move(stream));
  REQUIRE_FALSE(events.empty());
  CHECK(events.front().run_id == outcome.run_id);
  CHECK(events.back().as<cairn::event::RunStopped>()->status == cairn::RunStatus::done);
}

TEST_CASE("a stream goes on behind its last event when its server is killed") {
  test::Server server;
  const auto client = server.client();
  const auto thread = client.threads().create();
  thread.run({{"n", 1}}, {counting(client)});
  cairn::EventOptions options;
  options.after = 0;
  auto stream = thread.events(options);
  std::vector<cairn::Event> seen;
  while (seen.empty() || seen.back().as<cairn::event::RunStopped>() == nullptr) seen.push_back(stream.next().value());
  server.kill();
  server.start();
  const auto second = std::async(std::launch::async, [&] { thread.run({{"n", 5}}, {"counting"}); });
  do seen.push_back(stream.next().value());
  while (seen.back().as<cairn::event::RunStopped>() == nullptr);
  second.wait();
  options.until_now = true;
  CHECK(durable(seen) == durable(all_of(thread.events(options))));
}

TEST_CASE("a reader that waits is ended from elsewhere, by its deadline, or for good reason") {
  const auto client = test::shared_server().client();
  const auto thread = client.threads().create();
  auto stream = thread.events();
  auto waiting = std::async(std::launch::async, [&] { return stream.next().has_value(); });
  CHECK(waiting.wait_for(std::chrono::milliseconds(100)) == std::future_status::timeout);
  stream.cancel();
  CHECK_FALSE(waiting.get());
  cairn::EventOptions options;
  options.deadline = std::chrono::milliseconds(200);
  CHECK(test::error_of([&] { thread.events(options).next(); }).code() == cairn::Code::deadline_exceeded);
  options.after = 1'000'000'000;
  CHECK(test::error_of([&] { thread.events(options).next(); }).reason() == "EVENTS_AHEAD");
  CHECK(test::error_of([&] { client.thread("nowhere").events(); }).reason() == "THREAD_NOT_FOUND");
}
