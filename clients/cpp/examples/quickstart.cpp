#include <cairn/cairn.hpp>
#include <cstdlib>
#include <iostream>

int main() {
  cairn::ConnectOptions options;
  if (const char* address = std::getenv("CAIRN_ADDRESS")) options.address = address;
  const cairn::Client client(options);

  client.graphs().register_graph(R"(
name: desk
channels:
  question: { kind: CHANNEL_KIND_LAST_VALUE }
  draft: { kind: CHANNEL_KIND_LAST_VALUE }
  approved: { kind: CHANNEL_KIND_LAST_VALUE }
nodes:
  write: { expression: { update: { draft: '"Re: " + state.question' } } }
  check: { ask: { question: '{"draft": state.draft}', into: approved } }
edges:
  - { from: [__start__], to: write }
  - { from: [write], to: check }
  - { from: [check], to: __end__ }
)");

  const cairn::Thread thread = client.threads().create();
  cairn::RunOutcome outcome = thread.run({{"question", "Where is my parcel?"}}, {"desk"});

  // A question is an outcome, not an exception. So is a failure: RunStatus::failed, outcome.error.
  while (outcome.status == cairn::RunStatus::interrupted) {
    cairn::AnswersById answers;
    for (const auto& interrupt : outcome.interrupts()) {
      std::cout << "asked: " << interrupt.value << "\n";
      answers[interrupt.id] = "yes";
    }
    outcome = thread.resume_by_id(answers);
  }
  std::cout << cairn::status_name(outcome.status) << " " << outcome.state.values << "\n";
}
