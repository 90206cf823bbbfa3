#include <cairn/cairn.hpp>
#include <doctest/doctest.h>
#include <future>

#include "server.hpp"
#include "transport.hpp"

namespace {

using cairn::Code;
using cairn::RunStatus;
using cairn::Value;
using test::error_of;
using test::shared_server;

std::string desk(const cairn::Client& client) {
  return test::graph(client, "desk", {"question", "draft", "approved"}, R"(
nodes:
  write: { expression: { update: { draft: '"Re: " + state.question' } } }
  check: { ask: { question: '{"draft": state.draft}', into: approved } }
edges:
  - { from: [__start__], to: write }
  - { from: [write], to: check }
)");
}

}  // namespace

TEST_CASE("a run that asks is an outcome, and is answered") {
  const auto client = shared_server().client();
  const auto thread = client.thread("asks");
  auto outcome = thread.run({{"question", "Where?"}}, {desk(client)});
  REQUIRE(outcome.status == RunStatus::interrupted);
  REQUIRE(outcome.interrupts().size() == 1);
  CHECK(outcome.interrupts()[0].value == Value{{"draft", "Re: Where?"}});
  CHECK(outcome.state.next == std::vector<std::string>{"check"});
  CHECK(error_of([&] { thread.resume_by_id({{"nobody", 1}}); }).reason() == "INTERRUPT_NOT_FOUND");
  outcome = thread.resume("yes");
  CHECK(outcome.status == RunStatus::done);
  CHECK(outcome.state.values.at("approved") == "yes");
  CHECK(error_of([&] { thread.resume("again"); }).reason() == "NOTHING_TO_RESUME");
}

TEST_CASE("a run that fails is an outcome") {
  const auto client = shared_server().client();
  const auto name = test::graph(client, "fails", {"it"}, R"(
nodes: { bad: { expression: { update: { it: 'state.missing' } } } }
edges: [{ from: [__start__], to: bad }]
)");
  const auto outcome = client.threads().create().run({{"it", 1}}, {name});
  CHECK(outcome.status == RunStatus::failed);
  REQUIRE(outcome.error);
  CHECK(outcome.error->reason == "EXPRESSION_FAILED");
  CHECK(outcome.error->node == "bad");
}

TEST_CASE("the history is read, page by page, and gone on from") {
  const auto client = shared_server().client();
  const auto thread = client.threads().create();
  thread.run({{"question", "one"}}, {desk(client)});
  const auto states = thread.history({}, 1).all();
  REQUIRE(states.size() == 3);
  CHECK(states[0].checkpoint_id == thread.state().checkpoint_id);
  CHECK(states[2].step == -1);
  CHECK(thread.state({states[1].checkpoint_id}).values == states[1].values);
  cairn::UpdateOptions as_write;
  as_write.as_node = "write";
  const auto forked = thread.fork(states[1].checkpoint_id, {{"draft", "mine"}}, as_write);
  CHECK(forked.parent_id == states[1].checkpoint_id);
  CHECK(thread.run().interrupts().at(0).value == Value{{"draft", "mine"}});
  const auto bulk = thread.bulk_update_state({{{{{"draft", "a"}}, "write"}}, {{{{"approved", "b"}}, "check"}}});
  CHECK(bulk.values.at("draft") == "a");
  CHECK(bulk.values.at("approved") == "b");
}

TEST_CASE("runs go on in the background, are waited for, listed and cancelled") {
  const auto client = shared_server().client();
  const auto thread = client.threads().create();
  cairn::RunOptions options{desk(client)};
  options.background = true;
  const auto begun = thread.run({{"question", "one"}}, options);
  CHECK(thread.wait_for_run(begun.run_id).status == RunStatus::interrupted);
  CHECK(thread.run_info(begun.run_id).graph_name == "desk");
  CHECK(thread.runs().all().size() == 1);
  CHECK(thread.cancel(begun.run_id).status == RunStatus::interrupted);
  CHECK(thread.step().status == RunStatus::interrupted);
}

TEST_CASE("threads are created, found, copied, pruned and removed") {
  const auto client = shared_server().client();
  const auto thread = client.threads().create("kept", {{"team", "a"}});
  CHECK(error_of([&] { client.threads().create("kept"); }).reason() == "THREAD_EXISTS");
  CHECK_FALSE(thread.ensure());
  thread.run({{"question", "one"}}, {desk(client)});
  test::until("the list has it", [&] {
    const auto found = client.threads().list(cairn::ThreadStatus::interrupted, {{"team", "a"}}).all();
    return found.size() == 1 && found[0].id == "kept";
  });
  const auto copy = thread.copy("copied");
  CHECK(copy.state().values == thread.state().values);
  CHECK(copy.prune(1) == 2);
  CHECK(copy.history().all().size() == 1);
  CHECK(thread.set_ttl(std::chrono::hours(1)).ttl == std::chrono::milliseconds(3'600'000));
  CHECK_FALSE(thread.set_ttl({}).ttl);
  CHECK(thread.remove());
  CHECK_FALSE(thread.remove());
  CHECK(error_of([&] { thread.info(); }).code() == Code::not_found);
}

TEST_CASE("graphs are registered, drawn, listed, and refused with every fault") {
  const auto client = shared_server().client();
  const auto graphs = client.graphs();
  desk(client);
  CHECK(graphs.get("desk").revision == 1);
  CHECK(graphs.draw("desk").find("check") != std::string::npos);
  CHECK_FALSE(graphs.list(1).all().empty());
  const std::string faulty = "name: bad\nnodes: { a: { expression: {} } }\nedges: [{ from: [a], to: nowhere }]\n";
  CHECK_FALSE(graphs.validate(faulty).empty());
  const auto error = error_of([&] { graphs.register_graph(faulty); });
  CHECK(error.reason() == "GRAPH_INVALID");
  CHECK(error.violations().size() == graphs.validate(faulty).size());
}

TEST_CASE("errors carry code, reason, field and metadata") {
  const auto client = shared_server().client();
  const auto missing = error_of([&] { client.thread("nowhere").state(); });
  CHECK(missing.code() == Code::not_found);
  CHECK(missing.reason() == "THREAD_NOT_FOUND");
  CHECK(std::string(cairn::code_name(missing.code())) == "NOT_FOUND");
  const auto control = error_of([&] { client.thread("a\x01").info(); });
  CHECK(control.code() == Code::invalid_argument);
  CHECK(control.field() == "thread_id");
  CHECK(error_of([&] { client.thread("x").run(Value::array({1})); }).reason() == "VALUE_MALFORMED");
}

TEST_CASE("spaces are apart") {
  cairn::ConnectOptions other;
  other.space = "other";
  const auto thread = shared_server().client(other).threads().create("elsewhere");
  CHECK(thread.info().id == "elsewhere");
  CHECK(error_of([&] { shared_server().client().thread("elsewhere").info(); }).code() == Code::not_found);
}

TEST_CASE("calls are tried again until a server is back, and give up in time") {
  test::Server server;
  const auto client = server.client();
  const auto thread = client.threads().create();
  server.kill();
  cairn::ConnectOptions hasty;
  hasty.deadline = std::chrono::milliseconds(300);
  const auto before = std::chrono::steady_clock::now();
  const auto code = error_of([&] { server.client(hasty).thread("t").info(); }).code();
  CHECK((code == Code::unavailable || code == Code::deadline_exceeded));
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(3));
  cairn::ConnectOptions patient;
  patient.retry.attempts_max = 100;
  auto info = std::async(std::launch::async, [&] { return server.client(patient).thread(thread.id()).info(); });
  server.start();
  CHECK(info.get().id == thread.id());
}

TEST_CASE("beyond this machine the client speaks TLS, and options that contradict each other are refused") {
  CHECK(cairn::is_this_machine("127.0.0.1:50051"));
  CHECK(cairn::is_this_machine("unix:/run/cairn.sock"));
  CHECK(cairn::is_this_machine("dns:///localhost:1"));
  CHECK_FALSE(cairn::is_this_machine("127.example.com:1"));
  CHECK_FALSE(cairn::is_this_machine("cairn.example.com:1"));
  cairn::ConnectOptions options;
  options.tls = cairn::TlsOptions{"", "a certificate", "", false};
  CHECK(error_of([&] { cairn::Client client(options); }).field() == "tls");
  options.tls = cairn::TlsOptions{"an authority", "", "", true};
  CHECK(error_of([&] { cairn::Client client(options); }).field() == "tls.insecure");
}
