#include "server.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace test {
namespace {

using namespace std::chrono_literals;

constexpr auto start_time_max = 60s;
constexpr auto until_time_max = 30s;

/// A port below those that the system gives to connections: one of those may be taken before a killed server is back.
std::string some_address() {
  std::random_device random;
  return "127.0.0.1:" + std::to_string(20'000 + random() % 10'000);
}

std::string text_of(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void redirect(int descriptor, const std::filesystem::path& path) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  dup2(file, descriptor);
  close(file);
}

}  // namespace

Server::Server(std::vector<std::string> arguments) : arguments_(std::move(arguments)), address_(some_address()) {
  std::string name = (std::filesystem::temp_directory_path() / "cairn-cpp-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = name;
  start();
}

Server::~Server() {
  kill();
  std::filesystem::remove_all(folder_);
}

void Server::start() {
  const std::string root = CAIRN_ROOT;
  std::vector<std::string> command = {root + "/node_modules/.bin/node", root + "/src/main.ts", "serve", "--store",
                                      (folder_ / "store").string(), "--listen", address_};
  command.insert(command.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> argv;
  for (auto& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  process_ = fork();
  if (process_ == 0) {
    redirect(STDOUT_FILENO, folder_ / "stdout");
    redirect(STDERR_FILENO, folder_ / "stderr");
    execv(argv[0], argv.data());
    _exit(127);
  }
  address_ = wait_for_address();
}

std::string Server::wait_for_address() {
  const std::string says = "cairn listening on ";
  const auto deadline = std::chrono::steady_clock::now() + start_time_max;
  while (std::chrono::steady_clock::now() < deadline) {
    const std::string text = text_of(folder_ / "stdout");
    const auto at = text.find(says);
    const auto end = text.find('\n', at);
    if (at != std::string::npos && end != std::string::npos) return text.substr(at + says.size(), end - at - says.size());
    if (waitpid(process_, nullptr, WNOHANG) != 0) break;
    std::this_thread::sleep_for(20ms);
  }
  throw std::runtime_error("cairn serve did not listen: " + text_of(folder_ / "stderr"));
}

void Server::kill() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  process_ = -1;
  std::filesystem::remove(folder_ / "stdout");
}

cairn::Client Server::client(cairn::ConnectOptions options) const {
  options.address = address_;
  return cairn::Client(options);
}

Server& shared_server() {
  static Server server;
  return server;
}

void until(const std::string& what, const std::function<bool()>& is_so) {
  const auto deadline = std::chrono::steady_clock::now() + until_time_max;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("not in time: " + what);
    std::this_thread::sleep_for(20ms);
  }
}

std::string graph(const cairn::Client& client, const std::string& name, const std::vector<std::string>& channels,
                  const std::string& body) {
  std::string text = "name: " + name + "\nchannels:\n";
  for (const auto& channel : channels) text += "  " + channel + ": { kind: CHANNEL_KIND_LAST_VALUE }\n";
  client.graphs().register_graph(text + body);
  return name;
}

cairn::Error error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const cairn::Error& error) {
    return error;
  }
  throw std::logic_error("it did not throw");
}

}  // namespace test
