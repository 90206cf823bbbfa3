// A worker and a run in one program: the node `review` asks, `route` decides where it goes from there.
#include <cairn/cairn.hpp>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>

int main() {
  cairn::ConnectOptions options;
  if (const char* address = std::getenv("CAIRN_ADDRESS")) options.address = address;
  const cairn::Client client(options);

  cairn::WorkerOptions code;
  code.nodes["review"] = [](const cairn::Value& state, cairn::NodeContext& context) -> cairn::Command {
    context.emit({{"reading", state.at("text")}});
    const cairn::Value verdict = context.interrupt({{"publish?", state.at("text")}});
    return {{"verdict", verdict}};
  };
  code.decisions["route"] = [](const cairn::Value& state, cairn::NodeContext&) -> cairn::Decision {
    return state.at("verdict") == "yes";
  };
  code.nodes["publish"] = [](const cairn::Value& state, cairn::NodeContext&) -> cairn::Command {
    return {{"published", state.at("text")}};
  };
  const auto worker = client.worker(std::move(code));
  std::thread serving([&] { worker->run(); });
  worker->wait_until_ready(std::chrono::seconds(10));

  client.graphs().register_graph(R"(
name: review
channels:
  text: { kind: CHANNEL_KIND_LAST_VALUE }
  verdict: { kind: CHANNEL_KIND_LAST_VALUE }
  published: { kind: CHANNEL_KIND_LAST_VALUE }
nodes:
  review: { worker: {} }
  publish: { worker: {} }
edges:
  - { from: [__start__], to: review }
branches:
  - { from: review, worker: { handler: route }, routes: { "true": publish, "false": __end__ } }
)");

  const cairn::Thread thread = client.threads().create();
  cairn::RunOutcome outcome = thread.run({{"text", "Hello"}}, {"review"});
  std::cout << cairn::status_name(outcome.status) << " " << outcome.interrupts().at(0).value << "\n";
  outcome = thread.resume("yes");
  std::cout << cairn::status_name(outcome.status) << " " << outcome.state.values.at("published") << "\n";

  worker->stop();
  serving.join();
}
