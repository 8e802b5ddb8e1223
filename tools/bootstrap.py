"""Makes `.venv` from the locked requirements; shared by ./run and ./test.

Standard library only, and nothing newer than Python 3.8's grammar: this runs under whatever `python3` is.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
OLDEST = (3, 11)
NAMES = ("python3.13", "python3.12", "python3.11", "python3", "python")
ASK_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def say(text):
    print(text, file=sys.stderr, flush=True)


def give_up(problem, remedy):
    """End with what is wrong and what to do about it."""
    say("error: " + problem)
    say("remedy: " + remedy)
    raise SystemExit(1)


def ensure_venv(lock_name):
    """Return the path of .venv's python, with requirements/<lock_name>.txt or a larger set installed."""
    stamps = [stamp_of("dev"), stamp_of(lock_name)]
    stamp_file = VENV / "requirements.sha256"
    python = venv_python()
    if python.exists() and stamp_file.exists() and stamp_file.read_text().strip() in stamps and answers(python):
        return python
    began = time.monotonic()
    if not (python.exists() and answers(python)):
        make_venv()
    install(python, lock_name)
    stamp_file.write_text(stamp_of(lock_name) + "\n")
    say("installed in %.0f s" % (time.monotonic() - began))
    return python


def venv_python():
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def lock_of(name):
    return ROOT / "requirements" / (name + ".txt")


def stamp_of(name):
    return hashlib.sha256(lock_of(name).read_bytes()).hexdigest()


def version_of(python):
    """Return (major, minor) of an interpreter, or None if it does not run (pyenv shims may not)."""
    try:
        done = subprocess.run(
            [str(python), "-c", ASK_VERSION], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20, check=False
        )
        major, minor = done.stdout.decode().strip().split(".")
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return int(major), int(minor)


def answers(python):
    return (version_of(python) or (0, 0)) >= OLDEST


def find_python():
    """Return an interpreter that is new enough, or None."""
    if sys.version_info[:2] >= OLDEST:
        return sys.executable
    for name in NAMES:
        found = shutil.which(name)
        if found and answers(found):
            return found
    return None


def make_venv():
    if VENV.exists():
        shutil.rmtree(str(VENV))
    python = find_python()
    if python is None:
        make_venv_with_uv()
        return
    say("making %s with Python %d.%d" % ((VENV.name, *version_of(python))))
    if not has_venv(python):
        get_venv_module(python)
    done = subprocess.run([python, "-m", "venv", str(VENV)], check=False)
    if done.returncode:
        give_up("python -m venv failed", "see the lines above; then delete .venv and start again")


def make_venv_with_uv():
    uv = shutil.which("uv")
    wanted = ".".join(map(str, OLDEST))
    if uv is None:
        give_up(
            "Python %s or newer is needed, this is %d.%d" % ((wanted, *tuple(sys.version_info[:2]))),
            "install it (Debian: apt install python3 python3-venv; macOS: brew install python) or install uv",
        )
    say("making %s with uv" % VENV.name)
    if subprocess.run([uv, "venv", "--seed", "--python", ">=" + wanted, str(VENV)], check=False).returncode:
        give_up("uv could not make .venv", "install Python %s or newer, then start again" % wanted)


def has_venv(python):
    ask = [python, "-c", "import ensurepip, venv"]
    return subprocess.run(ask, stderr=subprocess.DEVNULL, check=False).returncode == 0


def get_venv_module(python):
    """Debian ships Python without venv: install it if we may, else say how."""
    package = "python%d.%d-venv" % version_of(python)
    command = ["apt-get", "install", "-y", "-qq", package]
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        say("installing " + package)
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        if has_venv(python):
            return
    give_up("Python's venv module is missing", "run: sudo apt-get install " + package)


def install(python, lock_name):
    """Install exactly what the lock names, byte for byte; never anything unpinned."""
    lock = lock_of(lock_name)
    packages = sum(1 for line in lock.read_text().splitlines() if "==" in line)
    say("installing %d locked packages from %s (once; about a minute)" % (packages, lock.relative_to(ROOT)))
    command = [
        str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off",
        "--require-hashes", "--no-deps", "--requirement", str(lock),
    ]  # fmt: skip
    if subprocess.run(command + quiet(), check=False).returncode:
        give_up(
            "the locked packages could not be installed",
            "check the network and the package index (pip config list), then start again",
        )


def quiet():
    return [] if os.environ.get("VERBOSE") else ["--quiet"]
