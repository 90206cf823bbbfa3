"""Runs cases with NeoGraph itself, in this process. Reads them as JSON from stdin, writes what became of them to stdout.

A case is {definition, input, conditions, max_steps}. What its nodes and conditions do is told by data, which nodes.ts
reads in the same way.
"""

import json
import os
import sys

import neograph_engine as ng

RESUMES_MAX = 500


class Work(ng.GraphNode):
    """Counts its visits, tells how long the log was that it saw, and writes what its config says."""

    def __init__(self, name, config):
        super().__init__()
        self._name = name
        self._config = config

    def get_name(self):
        return self._name

    def run(self, input):
        current.ran.append((current.call, input.ctx.step, self._name))
        visits = input.state.get(f"visits {self._name}") or 0
        writes = {
            "log": [self._name],
            f"visits {self._name}": visits + 1,
            f"saw {self._name}": [len(input.state.get("log") or []), input.state.get("seed")],
        }
        labels = self._config.get("labels")
        if labels:
            writes["__route__"] = labels[visits % len(labels)]
        return [ng.ChannelWrite(channel, value) for channel, value in writes.items()]


def decide(rule):
    """The last label from the third visit on; before it the one that the sum of what is read says."""

    def condition(state):
        labels = rule["labels"]
        if (state.get(rule["own"]) or 0) >= 3:
            return labels[-1]
        return labels[sum(state.get(channel) or 0 for channel in rule["reads"]) % len(labels)]

    return condition


class Recorder:
    def __init__(self):
        self.ran = []
        self.call = 0

    def supersteps(self):
        """What ran, superstep by superstep. One is never spread over two calls: no node here asks."""
        steps = []
        for call, step, name in self.ran:
            if not steps or steps[-1][0] != (call, step):
                steps.append(((call, step), []))
            steps[-1][1].append(name)
        return [names for _, names in steps]


current = Recorder()


def play(case):
    global current
    current = Recorder()
    definition = case["definition"]
    for name, rule in case["conditions"].items():
        ng.ConditionRegistry.register_condition(name, decide(rule))
    engine = ng.GraphEngine.compile(definition, ng.NodeContext())
    if definition.get("interrupt_before") or definition.get("interrupt_after"):
        engine.set_checkpoint_store(ng.InMemoryCheckpointStore())
    stops = []
    try:
        result = engine.run(ng.RunConfig(thread_id="t", input=case["input"], max_steps=case["max_steps"]))
        while result.interrupted:
            stops.append(len(current.supersteps()))
            current.call += 1
            if current.call > RESUMES_MAX:
                raise RuntimeError(f"still not at its end after {RESUMES_MAX} resumes")
            result = engine.resume("t")
    except RuntimeError as error:
        if "Conditional routing failed" not in str(error):
            raise
        return {"steps": current.supersteps(), "stops": stops, "status": "failed"}
    values = {name: channel["value"] for name, channel in result.output["channels"].items()}
    exhausted = result.output.get("_neograph", {}).get("max_steps_exhausted", False)
    status = "exhausted" if exhausted else "done"
    return {"steps": current.supersteps(), "stops": stops, "status": status, "values": values}


def told(case):
    """NeoGraph's lint writes to stderr what it thinks of a graph; only an error ends the case."""
    try:
        return play(case)
    except Exception as error:
        return {"error": str(error), "steps": [], "stops": [], "status": "refused"}


os.environ["NEOGRAPH_SUPPRESS_FANOUT_WARNING"] = "1"
ng.NodeFactory.register_type("work", lambda name, config, _context: Work(name, config))
json.dump([told(case) for case in json.load(sys.stdin)], sys.stdout)
