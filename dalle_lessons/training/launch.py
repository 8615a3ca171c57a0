"""Start the command in several processes of this machine, as `torchrun` does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence

PATIENCE = 600  # seconds


def launch(arguments: Sequence[str], processes: int) -> None:
    """Run `dalle-lessons` with these arguments in so many processes that belong together, one thread each, and wait.

    The same by hand: torchrun --standalone --nproc-per-node 2 -m dalle_lessons …
    Raises RuntimeError with what was said last if one of them fails.
    """
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    if loopback := {"linux": "lo", "darwin": "lo0"}.get(sys.platform):
        env["GLOO_SOCKET_IFNAME"] = loopback  # they talk within this machine, whatever networks it has
    command = ["-m", "dalle_lessons", *arguments]
    if sys.platform == "win32":  # where PyTorch's torchrun does not start: its work by hand
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        meet = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "USE_LIBUV": "0", "WORLD_SIZE": str(processes)}
        envs = [env | meet | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]
        commands = [[sys.executable, *command]] * processes
    else:
        here = ["--standalone", "--local-addr", "127.0.0.1", "--nproc-per-node", str(processes)]
        commands, envs = [[sys.executable, "-m", "torch.distributed.run", *here, *command]], [env]
    run(commands, envs)


def run(commands: Sequence[Sequence[str]], envs: Sequence[dict[str, str]]) -> None:
    """Run commands side by side, each in its environment, to their end. Raises RuntimeError if one fails."""
    running = [
        subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for command, env in zip(commands, envs, strict=True)
    ]
    try:
        words = [process.communicate(timeout=PATIENCE)[0] for process in running]
    finally:
        for process in running:
            process.terminate()  # does nothing to one that has ended
    if any(process.returncode for process in running):
        raise RuntimeError("The processes did not come to their end:\n" + "\n".join(words)[-3000:])
