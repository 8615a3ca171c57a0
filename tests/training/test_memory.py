"""Freed memory serves again, and a user's own settings stand."""

import os
import platform
import subprocess
import sys

import pytest

from dalle_lessons.training.memory import OWN_SETTINGS

FAULTS = """
import resource, sys, torch
from dalle_lessons.training.memory import keep_freed_memory
kept = keep_freed_memory()
torch.ones(2**18)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(100):
    torch.ones(2**18)  # 1 MiB: 256 pages of 4 KiB
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(**environment):
    """(was it done, pages that a hundred tensors of a process of its own asked Linux for)."""
    clean = {name: value for name, value in os.environ.items() if name not in OWN_SETTINGS}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=clean | environment, capture_output=True, text=True, check=True
    )
    kept, count = done.stdout.split()
    return kept == "True", int(count)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc hands memory back so soon")
def test_freed_memory_serves_again_unless_the_user_has_decided_otherwise():
    kept, count = faults()
    assert kept and count < 2500
    kept, count = faults(MALLOC_TRIM_THRESHOLD_="131072")
    assert not kept and count > 20_000
