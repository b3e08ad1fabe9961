"""What pyproject.toml can't say of the package: it has the files of a new project with it, for `lab new`."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).parent))

from cli import new


class BuildWithProject(build_py):  # type: ignore[misc]
    """Writes cli/project beside what is built; an editable install, which leads to the checkout, needs none."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            for name, content in new.from_checkout().items():
                path = Path(self.build_lib) / "cli" / "project" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)


setup(cmdclass={"build_py": BuildWithProject})
