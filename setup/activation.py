"""What `. .venv/bin/activate` does on top: the engine on PATH, and defaults for Pulumi's state and passphrase."""

import re
import secrets
import shlex
from pathlib import Path

from setup.paths import CHECKOUT, STATE, VENV

_BEGIN, _END = "# >>> exam-lab: written by make setup", "# <<< exam-lab"
_WRITTEN = re.compile(rf"^{re.escape(_BEGIN)}\n.*?^{re.escape(_END)}\n", re.DOTALL | re.MULTILINE)

_UNDO = 'eval "unset ${_EXAM_LAB_SET:-} _EXAM_LAB_SET"\n'
"""zsh does not split an unquoted variable into words, hence the eval."""


def activation_text(venvs_own: str, engine: Path | None, state: Path) -> str:
    """Return the text of bin/activate: what venv wrote there, with our part in `deactivate` and at the end.

    `engine` is the folder to put on PATH, None where the user's own Pulumi is used; `state` is the checkout's .state.
    What an earlier set-up added to `venvs_own` is replaced.
    """
    text = _WRITTEN.sub("", venvs_own)
    function = "deactivate () {\n"
    if function not in text:
        raise ValueError(f"no shell function `{function.strip()}` to extend")
    text = text.replace(function, f"{function}{_BEGIN}\n{_UNDO}{_END}\n", 1)
    values = f"_exam_lab_engine={shlex.quote(f'{engine or str()}')}\n_exam_lab_state={shlex.quote(f'{state}')}\n"
    shell_code = (CHECKOUT / "setup" / "activate.sh").read_text()
    return f"{text}{_BEGIN}\n{values}{shell_code}{_END}\n"


def write_activation(engine: Path | None) -> None:
    """Bring .venv/bin/activate up to date, and make the state folder and the passphrase that its defaults name."""
    (STATE / "pulumi").mkdir(mode=0o700, parents=True, exist_ok=True)
    passphrase = STATE / "passphrase"
    if not passphrase.exists():
        passphrase.touch(mode=0o600)
        passphrase.write_text(secrets.token_urlsafe(32) + "\n")
    file = VENV / "bin" / "activate"
    old = file.read_text()
    new = activation_text(old, engine, STATE)
    if new != old:
        file.write_text(new)
