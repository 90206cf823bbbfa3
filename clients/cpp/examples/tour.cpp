// The ten tasks of docs/clients.md, which quotes from here. Prints what it saw, as JSON. Usage: tour ADDRESS SPACE DESK, the
// graph's file.
#include <cairn/cairn.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <thread>

namespace {

std::string read(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

cairn::Value use(const cairn::Client& client) {
  const cairn::Thread thread = client.thread("cpp");
  const auto outcome = thread.run({{"text", "Where is my parcel?"}}, {"desk"});
  cairn::Value seen{{"run", cairn::status_name(outcome.status)}};

  if (outcome.status == cairn::RunStatus::interrupted) thread.resume(true);

  const auto state = thread.state();
  std::string checkpoint_id;
  for (const auto& earlier : thread.history()) {
    seen["steps"].push_back(earlier.step);
    if (earlier.next == std::vector<std::string>{"approve"}) checkpoint_id = earlier.checkpoint_id;
  }
  seen["values"] = state.values;
  seen["next"] = state.next;

  thread.fork(checkpoint_id, {{"text", "Better"}});
  const auto again = thread.run();
  for (const auto& asked : again.interrupts()) seen["asked"].push_back(asked.value);

  cairn::EventOptions options;
  options.after = 0;
  options.until_stop = true;
  std::vector<cairn::Event> watched;
  for (const auto& event : thread.events(options)) watched.push_back(event);
  seen["events"] = watched.size();

  try {
    client.thread("missing").state();
  } catch (const cairn::Error& error) {
    if (error.reason() == "THREAD_NOT_FOUND") seen["refused"] = error.reason();
  }
  return seen;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) return 2;
  const char* token = std::getenv("CAIRN_TOKEN");

  cairn::ConnectOptions options;
  options.address = arguments[1];
  options.space = arguments[2];
  options.token = token ? token : "";
  const cairn::Client client(options);

  client.graphs().register_graph(read(arguments[3]));

  cairn::WorkerOptions code;
  code.nodes["score"] = [](const cairn::Value& state, cairn::NodeContext&) -> cairn::Command {
    return {{"score", state.at("text").get<std::string>().size()}};
  };
  code.nodes["approve"] = [](const cairn::Value& state, cairn::NodeContext& context) -> cairn::Command {
    return {{"approved", context.interrupt({{"publish", state.at("text")}})}};
  };
  const auto worker = client.worker(std::move(code));
  std::thread serving([&] { worker->run(); });  // until worker->stop()

  const cairn::Value seen = use(client);
  worker->stop();
  serving.join();
  std::cout << seen.dump() << "\n";
}
