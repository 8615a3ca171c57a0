"""The notebook that this process serves, if it serves one."""

from __future__ import annotations

import sys
from typing import Any


def running_shell() -> Any:
    """IPython's shell; None where there is none. IPython is not imported for it."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
