// NeoGraph's checkpoint service as NeoGraph's own C++ store calls it: with stubs of its proto, and nothing of Cairn's client.
#include <doctest/doctest.h>
#include <grpcpp/grpcpp.h>
#include <neograph/v1/checkpoint_service.grpc.pb.h>

#include <nlohmann/json.hpp>

#include "server.hpp"

namespace {

namespace wire = neograph::v1;
using nlohmann::json;

// A checkpoint as NeoGraph's engine writes it.
json checkpoint(const std::string& thread, const std::string& id, int step) {
  return {{"id", id},
          {"thread_id", thread},
          {"channel_values",
           {{"channels", {{"n", {{"value", {-0.0, 1.0, 18446744073709551615U}}, {"version", 1}}}}}, {"global_version", 1}}},
          {"channel_versions", nullptr},
          {"metadata", nullptr},
          {"parent_id", ""},
          {"current_node", "a"},
          {"next_nodes", {"b", "b"}},
          {"interrupt_phase", "completed"},
          {"barrier_state", {{"j", json::array()}}},
          {"step", step},
          {"timestamp", 1795289715830},
          {"schema_version", 4}};
}

class Store {
 public:
  explicit Store(const std::string& address)
      : stub_(wire::CheckpointService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()))) {}

  grpc::Status save(const json& document) {
    wire::SaveCheckpointRequest request;
    request.mutable_checkpoint()->set_id(document.at("id"));
    request.mutable_checkpoint()->set_thread_id(document.at("thread_id"));
    request.mutable_checkpoint()->set_checkpoint_json(document.dump());
    wire::SaveCheckpointResponse response;
    grpc::ClientContext context;
    const auto status = stub_->SaveCheckpoint(&context, request, &response);
    CHECK(response.ok() == status.ok());
    return status;
  }

  json latest(const std::string& thread) {
    wire::LoadLatestCheckpointRequest request;
    request.set_thread_id(thread);
    wire::LoadLatestCheckpointResponse response;
    grpc::ClientContext context;
    REQUIRE(stub_->LoadLatestCheckpoint(&context, request, &response).ok());
    return response.found() ? json::parse(response.checkpoint().checkpoint_json()) : json();
  }

  json by_id(const std::string& id) {
    wire::LoadCheckpointByIdRequest request;
    request.set_id(id);
    wire::LoadCheckpointByIdResponse response;
    grpc::ClientContext context;
    REQUIRE(stub_->LoadCheckpointById(&context, request, &response).ok());
    return response.found() ? json::parse(response.checkpoint().checkpoint_json()) : json();
  }

  std::vector<std::string> list(const std::string& thread, int limit) {
    wire::ListCheckpointsRequest request;
    request.set_thread_id(thread);
    request.set_limit(limit);
    wire::ListCheckpointsResponse response;
    grpc::ClientContext context;
    REQUIRE(stub_->ListCheckpoints(&context, request, &response).ok());
    std::vector<std::string> ids;
    for (const auto& one : response.checkpoints()) ids.push_back(one.id());
    return ids;
  }

  void remove(const std::string& thread) {
    wire::DeleteThreadCheckpointsRequest request;
    request.set_thread_id(thread);
    wire::DeleteThreadCheckpointsResponse response;
    grpc::ClientContext context;
    REQUIRE(stub_->DeleteThreadCheckpoints(&context, request, &response).ok());
    CHECK(response.ok());
  }

  bool requires_managed_budget(const std::string& thread) {
    wire::RequiresManagedBudgetRequest request;
    request.set_thread_id(thread);
    wire::RequiresManagedBudgetResponse response;
    grpc::ClientContext context;
    REQUIRE(stub_->RequiresManagedBudget(&context, request, &response).ok());
    return response.required();
  }

 private:
  std::unique_ptr<wire::CheckpointService::Stub> stub_;
};

}  // namespace

TEST_CASE("NeoGraph's checkpoints come back as they were, the one saved last first") {
  Store store(test::shared_server().address());
  const std::string thread = "subgraph/1:neo:s1";
  CHECK(store.latest(thread).is_null());
  CHECK(store.by_id("neo 1").is_null());
  REQUIRE(store.save(checkpoint(thread, "neo 1", 9)).ok());
  REQUIRE(store.save(checkpoint(thread, "neo 2", 0)).ok());
  CHECK(store.latest(thread).dump() == checkpoint(thread, "neo 2", 0).dump());
  CHECK(store.by_id("neo 1") == checkpoint(thread, "neo 1", 9));
  CHECK(store.list(thread, 0) == std::vector<std::string>{"neo 2", "neo 1"});
  CHECK(store.list(thread, 1) == std::vector<std::string>{"neo 2"});
  REQUIRE(store.save(checkpoint(thread, "neo 1", 3)).ok());
  CHECK(store.latest(thread).at("step") == 3);
  CHECK_FALSE(store.requires_managed_budget(thread));
  CHECK(test::shared_server().client().thread(thread).info().id == thread);
  store.remove(thread);
  CHECK(store.latest(thread).is_null());
}

TEST_CASE("what is no checkpoint of NeoGraph's is refused") {
  Store store(test::shared_server().address());
  auto newer = checkpoint("neo", "neo 3", 0);
  newer["schema_version"] = 5;
  auto odd = checkpoint("neo", "neo 3", 0);
  odd["colour"] = "red";
  for (const auto& document : {newer, odd}) {
    CHECK(store.save(document).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  }
  CHECK(store.latest("neo").is_null());
}
