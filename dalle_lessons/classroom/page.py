"""The playground's page: Voila, kept to this machine, to whoever has its address, and to what is in use.

python -m dalle_lessons.classroom.page NOTEBOOK --port=8866        (what `dalle-lessons play` runs)
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from tornado.ioloop import IOLoop, PeriodicCallback
from voila.app import Voila

# A page that nobody has open any more lets its kernel (some hundred megabytes) go after so many seconds. One that is
# being opened has no connection for a few seconds, but computes all that time, and what computes is not idle.
IDLE, LOOK = 20, 5

# Nothing is loaded from elsewhere, whatever a template asks for: the page works the same without a network.
ONLY_HERE = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' ws://127.0.0.1:* ws://localhost:*;"
    " frame-ancestors 'self'"
)
ELSEWHERE = re.compile(r"^.*<(?:link|script)[^>]*\"https?://.*\n", re.MULTILINE)  # a line that loads something


class Page(Voila):
    """Voila with what Jupyter's own servers have and it lacks.

    Its address holds a token, without which nothing is served and no kernel starts. Requests that name another host are
    refused, so that a page from elsewhere cannot pretend to be this one (DNS rebinding). Kernels end when their page is
    closed, and all of it ends with the process that started it.
    """

    def initialize(self, argv=None) -> None:
        super().initialize(argv)
        self.parent_id = os.getppid()
        self.config.MappingKernelManager.update({"cull_idle_timeout": IDLE, "cull_interval": LOOK})
        self.token, self.auto_token = None, True
        self.own_template()

    def own_template(self) -> None:
        """The template without the lines that load icons from a server elsewhere; the page has no such icons."""
        for folder in map(Path, self.template_paths):
            if (folder / "index.html.j2").is_file():
                text = (folder / "index.html.j2").read_text(encoding="utf-8")
                self.templates = tempfile.TemporaryDirectory(prefix="dalle-lessons-page-")
                (Path(self.templates.name) / "index.html.j2").write_text(ELSEWHERE.sub("", text), encoding="utf-8")
                self.template_paths.insert(0, self.templates.name)
                return

    def init_settings(self):
        settings = cast("dict[str, Any]", super().init_settings())
        headers = {**settings.get("headers", {}), "Content-Security-Policy": ONLY_HERE}
        settings.update(allow_remote_access=False, local_hostnames=["localhost"], headers=headers)
        return settings

    @property
    def address(self) -> str:
        return f"{self.connection_url}?token={self.identity_provider.token}"

    display_url = address  # what is printed once it is served

    def launch_browser(self) -> None:
        webbrowser.open(self.address)

    def listen(self) -> None:
        """Serve until it is stopped."""
        loop = IOLoop.current()
        PeriodicCallback(ends_with(self.parent_id, loop.stop), 1000).start()
        super().listen()


def ends_with(parent: int, stop: Callable[[], None]) -> Callable[[], None]:
    """What to call now and then: it stops the page once the process that started it is gone (not on Windows, where a
    parent's number stays)."""

    def look() -> None:
        if os.getppid() != parent:  # another process has taken over its children
            stop()

    return look


if __name__ == "__main__":
    Page.launch_instance(sys.argv[1:])
