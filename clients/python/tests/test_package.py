"""The package as a whole: what is generated is up to date, typed, and there when it is installed."""

import inspect
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from serve import Cairn

import cairn
from cairn.langgraph import CairnSaver

CLIENT = Path(__file__).resolve().parents[1]
SCRIPTS = CLIENT / "scripts"


def run(*command: str, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, check=False, cwd=CLIENT, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_generated_is_up_to_date() -> None:
    assert run(sys.executable, str(SCRIPTS / "generate.py"), "--check") == "up to date\n"


def test_is_formatted_and_linted() -> None:
    run(sys.executable, "-m", "ruff", "check", ".")
    run(sys.executable, "-m", "ruff", "format", "--check", ".")


def test_is_strictly_typed() -> None:
    run(sys.executable, "-m", "mypy")


def test_every_public_name_is_documented() -> None:
    public: list[Any] = [getattr(cairn, name) for name in cairn.__all__]
    classes: list[Any] = [found for found in [*public, CairnSaver] if inspect.isclass(found)]
    functions: list[Any] = [found for found in public if inspect.isfunction(found)]
    own = [method for found in classes for method in vars(found).values() if inspect.isfunction(method)]
    named: list[Any] = [found for found in [*classes, *functions, *own] if not found.__name__.startswith("_")]
    assert len(named) > 100
    assert [found.__qualname__ for found in named if not found.__doc__] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    run(*pip, "--wheel-dir", str(folder), str(CLIENT))
    (built,) = folder.glob("*.whl")
    return built


def test_a_wheel_has_all_of_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {path.relative_to(CLIENT / "src").as_posix() for path in (CLIENT / "src/cairn").rglob("*.py*")}
    assert {name for name in sources if "__pycache__" not in name} | {"cairn/py.typed"} <= names


def test_a_wheel_works_without_langgraph(wheel: Path, server: Cairn, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = "import sys, cairn; cairn.Client(sys.argv[1]).ready(); print('langgraph' in sys.modules)"
    assert run(sys.executable, "-c", program, server.address, env={"PYTHONPATH": str(tmp_path)}) == "False\n"


@pytest.mark.parametrize("readme", ["README.md", "../../docs/langgraph-python.md", "../../docs/neograph.md"])
def test_the_programs_of_the_guides_run(readme: str, server: Cairn, tmp_path: Path) -> None:
    """All Python of a guide is one program. Its server is the one that is there."""
    blocks = re.findall(r"^```python\n(.*?)^```", (CLIENT / readme).read_text(), re.MULTILINE | re.DOTALL)
    program = tmp_path / "program.py"
    program.write_text("\n".join(blocks).replace("localhost:50051", server.address))
    printed = run(sys.executable, str(program), env={"PYTHONPATH": str(CLIENT / "src")})
    wanted = re.findall(r"^```text\n(.*?)^```", (CLIENT / readme).read_text(), re.MULTILINE | re.DOTALL)
    assert printed == "".join(wanted)


def test_the_example_runs(client: cairn.Client, server: Cairn) -> None:
    client.graphs.register((CLIENT / "../../examples/triage/graph.yaml").read_text())
    printed = run(sys.executable, "examples/refund.py", server.address, env={"PYTHONPATH": "src"})
    assert printed.startswith("approve asks {'question': 'Send this refund?'")
    assert "\ndone " in printed and "RunStopped" in printed
