#include <atomic>
#include <cairn/cairn.hpp>
#include <doctest/doctest.h>
#include <future>
#include <stdexcept>
#include <thread>

#include "server.hpp"

namespace {

using cairn::Command;
using cairn::NodeContext;
using cairn::RunStatus;
using cairn::Value;
using namespace std::chrono_literals;

/// A worker that serves for as long as the object lives.
class Serving {
 public:
  Serving(const cairn::Client& client, cairn::WorkerOptions options) : worker_(client.worker(std::move(options))) {
    thread_ = std::thread([this] { worker_->run(); });
    REQUIRE(worker_->wait_until_ready(30s));
  }
  ~Serving() {
    worker_->stop();
    thread_.join();
  }
  cairn::Worker& worker() { return *worker_; }

 private:
  std::unique_ptr<cairn::Worker> worker_;
  std::thread thread_;
};

cairn::WorkerOptions serving(const std::string& name, cairn::NodeFunction code) {
  cairn::WorkerOptions options;
  options.nodes[name] = std::move(code);
  return options;
}

/// A graph with one worker node, named as its handler.
std::string one_node(const cairn::Client& client, const std::string& node, const std::string& more = "") {
  return test::graph(client, node, {"it", "out"},
                     "nodes: { " + node + ": { worker: { params: { size: 3 } }" + more + " } }\nedges: [{ from: [__start__], to: " +
                         node + " }]\n");
}

cairn::RunOutcome run_one(const cairn::Client& client, const std::string& node, const Value& input,
                          const std::string& more = "") {
  return client.threads().create().run({{"it", input}}, {one_node(client, node, more)});
}

const std::string once = ", retry: { max_attempts: 1 }";

}  // namespace

TEST_CASE("a node sees the state and its task, and writes") {
  const auto client = test::shared_server().client();
  const Serving worker(client, serving("upper", [](const Value& state, NodeContext& context) -> Command {
    CHECK(context.task().node == "upper");
    CHECK(context.task().attempt == 1);
    CHECK(context.task().params.at("size") == 3);
    return {{"out", {state.at("it"), context.task().thread_id.empty()}}};
  }));
  const auto outcome = run_one(client, "upper", 18446744073709551615ULL);
  REQUIRE(outcome.status == RunStatus::done);
  CHECK(outcome.state.values.at("out") == Value::array({18446744073709551615ULL, false}));
}

TEST_CASE("a node asks several times, and runs again with the answers") {
  const auto client = test::shared_server().client();
  const Serving worker(client, serving("asks", [](const Value&, NodeContext& context) -> Command {
    const Value first = context.interrupt("first?");
    return {{"out", {first, context.interrupt({{"second after", first}})}}};
  }));
  const auto thread = client.threads().create();
  CHECK(thread.run({{"it", 1}}, {one_node(client, "asks")}).interrupts().at(0).value == "first?");
  CHECK(thread.resume(1.0).interrupts().at(0).value == Value{{"second after", 1.0}});
  CHECK(thread.resume(nullptr).state.values.at("out").dump() == "[1.0,null]");
}

TEST_CASE("what a node throws is its failure, by the exception's type") {
  const auto client = test::shared_server().client();
  const Serving worker(client, serving("throws", [](const Value& state, NodeContext& context) -> Command {
    const std::string how = state.at("it");
    if (how == "nested") {
      try {
        throw std::out_of_range("inner");
      } catch (...) {
        std::throw_with_nested(std::runtime_error("outer"));
      }
    }
    if (how == "own") throw cairn::NodeError("Busy", "later");
    if (how == "number") throw 5;
    if (how == "large event") context.emit(std::string(70'000, 'x'));
    if (how == "no object") return Value(5);
    return {{"out", {{"deep", "\xFF"}}}};
  }));
  const auto failure = [&](const std::string& how) {
    const auto outcome = run_one(client, "throws", how, once);
    CHECK(outcome.status == RunStatus::failed);
    return outcome.error.value_or(cairn::RunFailure{});
  };
  const auto nested = failure("nested");
  CHECK(nested.reason == "NODE_FAILED");
  CHECK(nested.node == "throws");
  CHECK(nested.kind.find("std::runtime_error") != std::string::npos);
  CHECK(nested.message.find("outer") != std::string::npos);
  CHECK(nested.stack.find("std::out_of_range: inner") != std::string::npos);
  CHECK(failure("own").kind == "Busy");
  CHECK(failure("number").kind == "int");
  CHECK(failure("large event").kind == "std::length_error");
  CHECK(failure("no object").kind == "TypeError");
  const auto malformed = failure("malformed");
  CHECK(malformed.kind == "ValueNotSerializable");
  CHECK(malformed.message.find("out.deep") != std::string::npos);
}

TEST_CASE("failures are retried as the policy says, unless they say that they last") {
  const auto client = test::shared_server().client();
  std::atomic<int> calls{0};
  const Serving worker(client, serving("flaky", [&](const Value& state, NodeContext& context) -> Command {
    ++calls;
    if (state.at("it") == "for good") throw cairn::NodeError("Broken", "for good", false);
    if (context.task().attempt < 3) throw std::runtime_error("not yet");
    return {{"out", context.task().attempt}};
  }));
  const std::string retry = ", retry: { max_attempts: 3, initial_interval: 0.01s, no_jitter: true }";
  CHECK(run_one(client, "flaky", 1, retry).state.values.at("out") == 3);
  calls = 0;
  CHECK(run_one(client, "flaky", "for good", retry).status == RunStatus::failed);
  CHECK(calls == 1);
}

TEST_CASE("edges are decided, Sends and targets are followed, channels overwritten") {
  const auto client = test::shared_server().client();
  cairn::WorkerOptions options;
  options.nodes["part"] = [](const Value& argument, NodeContext&) -> Command {
    return Command().update("log", Value::array({argument.at("n")}));
  };
  options.nodes["join"] = [](const Value& state, NodeContext&) -> Command {
    int sum = 0;
    for (const auto& n : state.at("log")) sum += n.get<int>();
    return Command().overwrite("log", Value::array({sum})).go_to("last");
  };
  options.nodes["last"] = [](const Value&, NodeContext&) -> Command { return {{"log", Value::array({"end"})}}; };
  options.decisions["fan"] = [](const Value& state, NodeContext&) -> cairn::Decision {
    std::vector<cairn::Target> sends;
    for (const auto& n : state.at("log")) sends.push_back(cairn::Send{"part", {{"n", n.get<int>() * 10}}, {}});
    return sends;
  };
  const Serving worker(client, std::move(options));
  client.graphs().register_graph(R"(
name: fanning
channels:
  log: { kind: CHANNEL_KIND_APPEND }
nodes:
  part: { worker: {} }
  join: { worker: {}, ends: [last] }
  last: { worker: {} }
edges: [{ from: [part], to: join }]
branches: [{ from: __start__, worker: { handler: fan }, targets: [part] }]
)");
  const auto outcome = client.threads().create().run({{"log", {1, 2}}}, {"fanning"});
  REQUIRE(outcome.status == RunStatus::done);
  CHECK(outcome.state.values.at("log") == Value::array({33, "end"}));
}

TEST_CASE("a subgraph's node goes to the parent graph") {
  const auto client = test::shared_server().client();
  const Serving worker(client, serving("leave", [](const Value&, NodeContext& context) -> Command {
    CHECK_FALSE(context.task().ns.empty());
    return Command({{"out", "from below"}}).go_to("after").to_parent();
  }));
  client.graphs().register_graph(R"(
name: outer
channels: { out: { kind: CHANNEL_KIND_LAST_VALUE }, done: { kind: CHANNEL_KIND_LAST_VALUE } }
nodes:
  inner:
    ends: [after]
    subgraph:
      inline:
        name: inner
        channels: { out: { kind: CHANNEL_KIND_LAST_VALUE } }
        nodes: { leave: { worker: {} } }
        edges: [{ from: [__start__], to: leave }]
  after: { expression: { update: { done: 'state.out + "!"' } } }
edges: [{ from: [__start__], to: inner }]
)");
  const auto outcome = client.threads().create().run({{"out", ""}}, {"outer"});
  CHECK(outcome.status == RunStatus::done);
  CHECK(outcome.state.values.at("done") == "from below!");
}

TEST_CASE("tokens and custom events reach who listens") {
  const auto client = test::shared_server().client();
  std::promise<void> listening;
  const auto heard = listening.get_future().share();
  const Serving worker(client, serving("streams", [heard](const Value&, NodeContext& context) -> Command {
    heard.wait();
    context.alive();
    context.token("m1", "Hel");
    context.token("m1", "lo");
    context.emit({{"done", 1.0}});
    return {};
  }));
  const auto thread = client.threads().create();
  cairn::EventOptions options;
  options.until_stop = true;
  auto stream = thread.events(options);
  cairn::RunOptions run{one_node(client, "streams")};
  run.background = true;
  thread.run({{"it", 1}}, run);
  std::string text;
  std::string custom;
  for (const auto& event : stream) {
    if (event.as<cairn::event::RunStarted>() != nullptr) listening.set_value();
    if (const auto* token = event.as<cairn::event::MessageToken>()) text += token->text;
    if (const auto* told = event.as<cairn::event::Custom>()) custom = told->value.value.dump();
  }
  CHECK(text == "Hello");
  CHECK(custom == "{\"done\":1.0}");
}

TEST_CASE("values larger than a message's part pass in chunks, both ways") {
  const auto client = test::shared_server().client();
  const Serving worker(client, serving("large", [](const Value& state, NodeContext&) -> Command {
    return {{"out", state.at("it").get<std::string>() + "!"}};
  }));
  const std::string text(5'000'000, 'x');
  CHECK(run_one(client, "large", text).state.values.at("out") == text + "!");
}

TEST_CASE("a run that is cancelled cancels its task, and the worker has room again") {
  const auto client = test::shared_server().client();
  std::promise<bool> cancelled;
  std::atomic<bool> is_first{true};
  auto options = serving("waits", [&](const Value&, NodeContext& context) -> Command {
    if (is_first.exchange(false)) cancelled.set_value(context.wait_for_cancel(20s));
    return {{"out", "done"}};
  });
  options.slots = 1;
  const Serving worker(client, std::move(options));
  const auto thread = client.threads().create();
  cairn::RunOptions run{one_node(client, "waits")};
  run.background = true;
  const auto begun = thread.run({{"it", 1}}, run);
  test::until("it is at work", [&] { return !is_first; });
  CHECK(thread.cancel(begun.run_id).status == RunStatus::cancelled);
  CHECK(cancelled.get_future().get());
  CHECK(run_one(client, "waits", 2).state.values.at("out") == "done");
}

TEST_CASE("a task stays with its worker while its server is killed, and is told to the next") {
  test::Server server;
  const auto client = server.client();
  std::atomic<int> calls{0};
  std::promise<void> gate;
  const auto open = gate.get_future().share();
  const Serving worker(client, serving("gated", [&calls, open](const Value& state, NodeContext&) -> Command {
    ++calls;
    open.wait();
    return {{"out", state.at("it")}};
  }));
  const auto thread = client.threads().create();
  cairn::RunOptions run{one_node(client, "gated")};
  run.background = true;
  const auto begun = thread.run({{"it", "kept"}}, run);
  test::until("it is at work", [&] { return calls > 0; });
  server.kill();
  gate.set_value();
  server.start();
  CHECK(thread.wait_for_run(begun.run_id, 60s).status == RunStatus::done);
  CHECK(thread.state().values.at("out") == "kept");
  CHECK(calls == 1);
}

TEST_CASE("a worker that stops ends what is at work first") {
  const auto client = test::shared_server().client();
  std::promise<void> gate;
  std::atomic<bool> is_begun{false};
  const auto open = gate.get_future().share();
  const auto worker = client.worker(serving("ends", [&is_begun, open](const Value&, NodeContext&) -> Command {
    is_begun = true;
    open.wait();
    return {{"out", 1}};
  }));
  auto serving_until = std::async(std::launch::async, [&] { worker->run(); });
  REQUIRE(worker->wait_until_ready(30s));
  const auto thread = client.threads().create();
  cairn::RunOptions run{one_node(client, "ends")};
  run.background = true;
  const auto begun = thread.run({{"it", 1}}, run);
  test::until("it is at work", [&] { return is_begun.load(); });
  worker->stop();
  CHECK(serving_until.wait_for(300ms) == std::future_status::timeout);
  gate.set_value();
  serving_until.get();
  CHECK(thread.wait_for_run(begun.run_id).status == RunStatus::done);
}

TEST_CASE("a worker that another attempt would not help throws") {
  const auto client = test::shared_server().client();
  const auto nothing = [](const Value&, NodeContext&) -> Command { return {}; };
  CHECK(test::error_of([&] { client.worker({}); }).field() == "nodes");
  auto crowded = serving("x", nothing);
  crowded.slots = 1'001;
  CHECK(test::error_of([&] { client.worker(std::move(crowded)); }).field() == "slots");
  const auto nameless = client.worker(serving("", nothing));
  CHECK(test::error_of([&] { nameless->run(); }).reason() == "INVALID_FIELD");
  CHECK_FALSE(nameless->wait_until_ready(0ms));
}
