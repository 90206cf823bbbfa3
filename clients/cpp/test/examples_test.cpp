// What the README shows is examples/quickstart.cpp; both examples are built against the installed client and run.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <memory>
#include <sstream>

#include "server.hpp"

namespace {

std::string text_of(const std::string& path) {
  std::stringstream text;
  text << std::ifstream(std::string(CAIRN_ROOT) + "/clients/cpp/" + path).rdbuf();
  return text.str();
}

/// What an example prints.
std::string run_example(const std::string& name) {
  const char* folder = std::getenv("CAIRN_EXAMPLES");
  REQUIRE_MESSAGE(folder != nullptr, "CAIRN_EXAMPLES must name the folder in which the examples are built");
  setenv("CAIRN_ADDRESS", test::shared_server().address().c_str(), 1);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen((folder + ("/" + name)).c_str(), "r"), &pclose);
  std::string output;
  for (std::array<char, 256> piece{}; std::fgets(piece.data(), piece.size(), pipe.get()) != nullptr;) output += piece.data();
  return output;
}

}  // namespace

TEST_CASE("the README shows the quick start") {
  const std::string quickstart = text_of("examples/quickstart.cpp");
  REQUIRE(quickstart.size() > 500);
  CHECK(text_of("README.md").find("```cpp\n" + quickstart + "```\n") != std::string::npos);
}

TEST_CASE("the quick start runs") {
  CHECK(run_example("quickstart") ==
        "asked: {\"draft\":\"Re: Where is my parcel?\"}\n"
        "done {\"approved\":\"yes\",\"draft\":\"Re: Where is my parcel?\",\"question\":\"Where is my parcel?\"}\n");
}

TEST_CASE("the example of a worker runs") {
  CHECK(run_example("worker") == "interrupted {\"publish?\":\"Hello\"}\ndone \"Hello\"\n");
}
