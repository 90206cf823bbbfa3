"""LangGraph's own conformance suite, `langgraph-checkpoint-conformance`. Each of its tests is one here."""

import asyncio
import pkgutil
from collections.abc import AsyncIterator, Iterator
from importlib import import_module

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, spec, validate
from langgraph.checkpoint.conformance.report import CapabilityReport, ProgressCallbacks
from serve import Cairn

from cairn.langgraph import CairnSaver

# A suite that lost tests must not pass.
TESTS = 81

MODULES = [import_module(f"{spec.__name__}.{module.name}") for module in pkgutil.iter_modules(spec.__path__)]
NAMES = [name for module in MODULES for name in vars(module) if name.startswith("test_")]


class Results:
    """What came of each test: None, or what went wrong."""

    def __init__(self) -> None:
        self.errors: dict[str, str | None] = {}
        self.report: CapabilityReport

    def note(self, capability: str, test: str, passed: bool, error: str | None) -> None:
        self.errors[test] = None if passed else error or "failed"


@pytest.fixture(scope="module")
def results(server: Cairn) -> Iterator[Results]:
    @checkpointer_test(name="CairnSaver")
    async def ours() -> AsyncIterator[CairnSaver]:
        async with CairnSaver(server.address, space="conformance") as saver:
            yield saver

    noted = Results()
    noted.report = asyncio.run(validate(ours, progress=ProgressCallbacks(on_test_result=noted.note)))
    yield noted


@pytest.mark.parametrize("name", NAMES)
def test_conformance(results: Results, name: str) -> None:
    assert name in results.errors, "it was not run"
    error = results.errors[name]
    assert error is None, error


def test_no_capability_is_left_out(results: Results) -> None:
    assert len(results.errors) == len(NAMES) == TESTS
    assert all(result.detected and result.passed for result in results.report.results.values())
