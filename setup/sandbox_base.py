"""The root file system that all sandbox hosts share: built once, by the `sandbox` package, in the user's cache."""

import sys

from sandbox import base
from sandbox.errors import SandboxError
from setup.paths import CHECKOUT, user_cache
from setup.progress import Progress, SetupError, Step

TITLE = "root file system of the sandbox hosts"


def pending(*, cloud: bool = False) -> Step | None:
    """Return the step that builds it, or None where it is there. Raises SetupError where it can't be built.

    `cloud`: the variant with cloud-init, for tests of target aws.
    """
    try:
        directory = base.directory(user_cache(), cloud=cloud)
    except SandboxError as error:
        raise SetupError(f"{TITLE}: {error}", "Use a Debian or Ubuntu machine.") from error
    if base.is_base(directory):
        return None

    def build(progress: Progress) -> None:
        progress.command(
            # As the user: it calls sudo itself, for the part that needs root.
            [
                *(sys.executable, "-B", "-m", "sandbox", "base", "--cache", user_cache()),
                *(["--cloud"] if cloud else []),
            ],
            what="building the root file system",
            advice="Check that apt reaches its mirror (`apt-get update`), then run make again.",
            cwd=CHECKOUT,
        )

    title = f"{TITLE}, with cloud-init" if cloud else TITLE
    return Step(title, 2, 520 if cloud else 500, build, root_for=f"building the {title} (mmdebstrap)")
