"""Every .proto file compiles with protoc and its Python code can be imported, the vendored ones included."""

import importlib

import pytest
from generate import NAMES


@pytest.mark.parametrize("name", NAMES)
def test_compiles_and_imports(name):
    module = importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
    assert module.DESCRIPTOR.name == name
