#include <cairn/cairn.hpp>
#include <cstdlib>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "server.hpp"

namespace {

/// A folder with a certificate for this machine that is its own authority, and a file of tokens.
class Secrets {
 public:
  Secrets() {
    std::string name = (std::filesystem::temp_directory_path() / "cairn-cpp-tls-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder_ = name;
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=cairn "
        "-addext subjectAltName=IP:127.0.0.1 -keyout " + path("key") + " -out " + path("cert") + " 2>/dev/null";
    REQUIRE(std::system(command.c_str()) == 0);
    std::ofstream(path("tokens")) << "a-token-that-is-long-enough-0123456789 default\n";
  }
  ~Secrets() { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string text(const std::string& name) const {
    std::stringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace

TEST_CASE("TLS, client certificates and tokens open a server, and nothing less does") {
  const Secrets secrets;
  const test::Server server({"--tls-cert", secrets.path("cert"), "--tls-key", secrets.path("key"), "--tls-client-ca",
                             secrets.path("cert"), "--token-file", secrets.path("tokens")});
  cairn::ConnectOptions options;
  options.retry.attempts_max = 1;
  options.tls = cairn::TlsOptions{secrets.text("cert"), secrets.text("cert"), secrets.text("key"), false};
  options.token = "a-token-that-is-long-enough-0123456789";
  CHECK(server.client(options).threads().create("locked").info().id == "locked");
  const auto error = [&] { return test::error_of([&] { server.client(options).thread("locked").info(); }); };
  options.token = "another";
  CHECK(error().code() == cairn::Code::unauthenticated);
  CHECK(error().reason() == "TOKEN_INVALID");
  options.token = "a-token-that-is-long-enough-0123456789";
  options.tls->cert = options.tls->key = "";
  CHECK(error().code() == cairn::Code::unavailable);
  options.tls.reset();
  CHECK(error().code() == cairn::Code::unavailable);
}
