"""A graph that asks a person."""

GRAPH = """
name: desk from python
channels:
  question: last_value
  draft: last_value
  approved: last_value
  log: append
nodes:
  write:
    expression:
      update: { draft: '"Re: " + state.question', log: '["write"]' }
  check:
    ask: { question: '{"draft": state.draft}', into: approved }
  send:
    expression:
      update: { log: '["send"]' }
edges:
  - START -> write
  - write -> check
  - check -> send
  - send -> END
"""
NAME = "desk from python"
