#include "cairn/graphs.hpp"

#include <cairn/v1/graph_service.grpc.pb.h>

#include "call.hpp"
#include "state.hpp"

namespace cairn {
namespace {

using Calls = v1::GraphService::Stub;

GraphInfo to_graph(const v1::RegisteredGraph& message) {
  GraphInfo graph;
  graph.name = message.name();
  graph.hash = message.hash();
  graph.revision = message.revision();
  graph.registered_at = to_time(message.registered_at());
  graph.description = message.description();
  return graph;
}

}  // namespace

Graphs::Graphs(std::shared_ptr<Transport> transport) : transport_(std::move(transport)) {}

GraphInfo Graphs::register_graph(const std::string& text) const {
  v1::RegisterGraphRequest request;
  request.mutable_graph()->set_text(text);
  const auto response = call(*transport_, &Calls::RegisterGraph, request);
  GraphInfo graph = to_graph(response.graph());
  graph.created = response.created();
  return graph;
}

std::vector<GraphFault> Graphs::validate(const std::string& text) const {
  v1::ValidateGraphRequest request;
  request.mutable_graph()->set_text(text);
  std::vector<GraphFault> faults;
  const auto response = call(*transport_, &Calls::ValidateGraph, request);
  for (const auto& fault : response.faults()) faults.push_back({fault.path(), fault.message()});
  return faults;
}

GraphInfo Graphs::get(const std::string& name, const std::string& hash) const {
  v1::GetGraphRequest request;
  request.set_name(name);
  request.set_hash(hash);
  return to_graph(call(*transport_, &Calls::GetGraph, request).graph());
}

Pages<GraphInfo> Graphs::list(int page_size) const {
  v1::ListGraphsRequest request;
  request.set_page_size(page_size);
  return Pages<GraphInfo>([transport = transport_, request](const std::string& token) mutable {
    request.set_page_token(token);
    const auto response = call(*transport, &Calls::ListGraphs, request);
    std::vector<GraphInfo> graphs;
    for (const auto& graph : response.graphs()) graphs.push_back(to_graph(graph));
    return Pages<GraphInfo>::Page(std::move(graphs), response.next_page_token());
  });
}

std::string Graphs::draw(const std::string& name) const {
  v1::DrawGraphRequest request;
  request.set_name(name);
  return call(*transport_, &Calls::DrawGraph, request).mermaid();
}

std::string Graphs::draw_thread(const std::string& thread_id, const std::string& checkpoint_id) const {
  v1::DrawGraphRequest request;
  request.mutable_thread()->set_thread_id(thread_id);
  request.mutable_thread()->set_checkpoint_id(checkpoint_id);
  return call(*transport_, &Calls::DrawGraph, request).mermaid();
}

}  // namespace cairn
