"""Activation, in the shells that most people and make use, on an activate file as venv writes it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from setup.activation import activation_text

DEFAULTS = {
    "PULUMI_BACKEND_URL": "file://{state}/pulumi?metadata=skip",
    "PULUMI_CONFIG_PASSPHRASE_FILE": "{state}/passphrase",
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
}


@pytest.fixture(scope="session")
def venvs_own_text(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("venv") / "it"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return (folder / "bin" / "activate").read_text()


@pytest.fixture
def activate(tmp_path: Path, venvs_own_text: str) -> Path:
    (tmp_path / "home").mkdir()
    (tmp_path / "engine's folder").mkdir()
    file = tmp_path / "activate"
    file.write_text(activation_text(venvs_own_text, tmp_path / "engine's folder", tmp_path / "a state"))
    return file


def environment_after(activate: Path, script: str, shell: str = "sh", **users: str) -> dict[str, str]:
    """What a shell with `users` variables exports after `script`, in which $ACTIVATE is the file."""
    env = shutil.which("env")
    assert env is not None
    known = {"PATH": "/usr/bin:/bin", "HOME": f"{activate.parent}/home", "ACTIVATE": str(activate)}
    done = subprocess.run(
        [shell, "-euc", f'{script}\n"{env}"'], env={**known, **users}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_defaults_and_engine_are_set_and_taken_back(activate: Path, shell: str) -> None:
    state = activate.parent / "a state"
    active = environment_after(activate, '. "$ACTIVATE"', shell)
    assert active["PATH"].startswith(f"{activate.parent}/engine's folder:")
    assert {name: active.get(name) for name in DEFAULTS} == {
        name: value.format(state=state) for name, value in DEFAULTS.items()
    }
    after = environment_after(activate, '. "$ACTIVATE" && deactivate', shell)
    assert after["PATH"] == "/usr/bin:/bin"
    assert not DEFAULTS.keys() & after.keys()


def test_activating_twice_is_activating_once(activate: Path) -> None:
    once = environment_after(activate, '. "$ACTIVATE"')
    twice = environment_after(activate, '. "$ACTIVATE"; . "$ACTIVATE"')
    assert twice["PATH"] == once["PATH"]
    assert not DEFAULTS.keys() & environment_after(activate, '. "$ACTIVATE"; . "$ACTIVATE"; deactivate').keys()


@pytest.mark.parametrize(
    ("users", "not_set"),
    [
        ({"PULUMI_BACKEND_URL": "s3://bucket"}, "PULUMI_BACKEND_URL"),
        ({"PULUMI_ACCESS_TOKEN": "token"}, "PULUMI_BACKEND_URL"),
        ({"PULUMI_CONFIG_PASSPHRASE": ""}, "PULUMI_CONFIG_PASSPHRASE_FILE"),
        ({"PULUMI_CONFIG_PASSPHRASE_FILE": "mine"}, "PULUMI_CONFIG_PASSPHRASE_FILE"),
        ({"PULUMI_SKIP_UPDATE_CHECK": "false"}, "PULUMI_SKIP_UPDATE_CHECK"),
    ],
)
def test_what_the_user_has_stays(activate: Path, users: dict[str, str], not_set: str) -> None:
    for script in ('. "$ACTIVATE"', '. "$ACTIVATE"; deactivate'):
        exported = environment_after(activate, script, **users)
        assert exported.get(not_set) == users.get(not_set)
        assert exported.items() >= users.items()


@pytest.mark.parametrize(("current", "is_logged_in"), [("https://pulumi.example", True), ("", False)])
def test_a_login_of_the_users_stays(activate: Path, current: str, is_logged_in: bool) -> None:
    credentials = activate.parent / "home" / ".pulumi" / "credentials.json"
    credentials.parent.mkdir()
    credentials.write_text(f'{{\n    "current": "{current}"\n}}\n')
    assert ("PULUMI_BACKEND_URL" not in environment_after(activate, '. "$ACTIVATE"')) == is_logged_in


def test_the_users_own_engine_needs_no_path(activate: Path, venvs_own_text: str) -> None:
    activate.write_text(activation_text(venvs_own_text, None, activate.parent))
    own = activate.parent / "own"
    own.write_text(venvs_own_text)
    assert environment_after(activate, '. "$ACTIVATE"')["PATH"] == environment_after(own, '. "$ACTIVATE"')["PATH"]


def test_writing_again_replaces_what_was_written(venvs_own_text: str) -> None:
    first = activation_text(venvs_own_text, Path("/old/engine"), Path("/old/state"))
    again = activation_text(first, Path("/engine"), Path("/state"))
    assert again == activation_text(venvs_own_text, Path("/engine"), Path("/state"))
