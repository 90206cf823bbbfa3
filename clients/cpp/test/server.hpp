#pragma once

#include <sys/types.h>

#include <cairn/cairn.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace test {

/// A real `cairn serve` process, with an embedded store of its own.
class Server {
 public:
  explicit Server(std::vector<std::string> arguments = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const std::string& address() const noexcept { return address_; }
  cairn::Client client(cairn::ConnectOptions options = {}) const;

  /// Ends it at once, as a crash would.
  void kill();
  /// Starts it again, on the same port and store.
  void start();

 private:
  std::string wait_for_address();

  std::vector<std::string> arguments_;
  std::filesystem::path folder_;
  std::string address_;
  pid_t process_ = -1;
};

/// One server for all tests that leave it as it is.
Server& shared_server();

/// Waits until it is so; fails the test when it takes long.
void until(const std::string& what, const std::function<bool()>& is_so);

/// Registers a graph of last-value channels, whose body is YAML; gives its name.
std::string graph(const cairn::Client& client, const std::string& name, const std::vector<std::string>& channels,
                  const std::string& body);

/// The error that a call throws.
cairn::Error error_of(const std::function<void()>& call);

}  // namespace test
