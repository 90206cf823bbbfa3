// C++'s part of examples/relay. Usage: relay ADDRESS SPACE GATES
#include <unistd.h>

#include <cairn/cairn.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "run_until_terminated.hpp"

namespace {

// What only this process can say of itself.
cairn::Value mark(const std::string& node) {
  return cairn::Value::array({{{"node", node},
                               {"language", "cpp"},
                               {"runtime", "C++ " + std::to_string(__cplusplus) + ", " + __VERSION__},
                               {"pid", ::getpid()}}});
}

// Says that the node has begun, and waits while its gate is closed.
void pass_gate(const std::filesystem::path& gates, const std::string& node) {
  std::ofstream(gates / "begun", std::ios::app) << node << " " << ::getpid() << "\n";
  while (std::filesystem::exists(gates / (node + ".closed"))) std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

// FNV-1a, 32 bits.
std::uint32_t hash_of(const std::string& text) {
  std::uint32_t hash = 2166136261U;
  for (const unsigned char byte : text) hash = (hash ^ byte) * 16777619U;
  return hash;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 4) {
    std::cerr << "usage: relay ADDRESS SPACE GATES\n";
    return 2;
  }
  const sigset_t terminated = block_termination();
  cairn::ConnectOptions options;
  options.address = arguments[1];
  options.space = arguments[2];
  const std::filesystem::path gates = arguments[3];
  const cairn::Client client(options);
  cairn::WorkerOptions code;
  code.id = "cpp-" + std::to_string(::getpid());
  code.nodes["hash"] = [gates](const cairn::Value& state, cairn::NodeContext& context) -> cairn::Command {
    pass_gate(gates, "hash");
    if (context.task().attempt == 1) throw cairn::NodeError("Unready", "the first attempt is not to be");
    return {{"hash", hash_of(state.at("text").get<std::string>())}, {"marks", mark("hash")}};
  };
  code.nodes["approve"] = [gates](const cairn::Value& state, cairn::NodeContext& context) -> cairn::Command {
    pass_gate(gates, "approve");
    return {{"approved", context.interrupt({{"publish", state.at("text")}})}, {"marks", mark("approve")}};
  };
  const auto worker = client.worker(std::move(code));
  return run_until_terminated(*worker, terminated);
}
