"""./run and ./test start on any Python that a machine may have, and say what is missing."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
FIRST_TO_RUN = ["run", "test", "tools/bootstrap.py"]


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "tools" / "bootstrap.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    monkeypatch.setattr(module, "VENV", venv)
    return module


@pytest.mark.parametrize("name", FIRST_TO_RUN)
def test_what_runs_first_parses_on_an_old_python(name: str) -> None:
    ast.parse((ROOT / name).read_text(), feature_version=(3, 8))


@pytest.mark.parametrize("name", ["run", "test", ".ci/run", ".ci/newcomer", "manage.py"])
def test_scripts_can_be_executed(name: str) -> None:
    assert (ROOT / name).stat().st_mode & 0o111


def test_an_installed_lock_is_not_installed_again(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    (bootstrap.VENV / "requirements.sha256").write_text(bootstrap.stamp_of("base"))
    monkeypatch.setattr(bootstrap, "install", lambda *args: pytest.fail("nothing is to be installed"))

    assert bootstrap.ensure_venv("base") == bootstrap.VENV / "bin" / "python"


def test_a_changed_lock_is_installed(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    (bootstrap.VENV / "requirements.sha256").write_text(hashlib.sha256(b"older").hexdigest())
    installed: list[str] = []
    monkeypatch.setattr(bootstrap, "install", lambda python, lock: installed.append(lock))

    bootstrap.ensure_venv("base")

    assert installed == ["base"]
    assert (bootstrap.VENV / "requirements.sha256").read_text().strip() == bootstrap.stamp_of("base")


def test_a_machine_without_new_python_and_uv_is_told_what_to_do(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "find_python", lambda: None)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)

    with pytest.raises(SystemExit):
        bootstrap.make_venv()

    assert "remedy: install it" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["base", "prod", "dev"])
def test_locks_pin_every_package_with_hashes_and_name_no_server(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()

    assert not re.search(r"https?://|file:|--index-url|--extra-index-url|--find-links", text)
    for block in re.split(r"\n(?=[a-z0-9])", text):
        assert "==" in block.splitlines()[0]
        assert "--hash=sha256:" in block
