"""What asks a training to end, so that it is finished and saved before it does."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Ctrl-C, `kill`, a terminal that is closed (SIGBREAK: on Windows).
STOP_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
ANSWERS = (  # to the first request and to the second; the third is obeyed at once
    "This step is finished and saved, then the training ends.",
    "It is being finished and saved; once more ends it at once, and what is not saved yet is lost.",
)


@contextmanager
def stop_requests(answer: bool) -> Iterator[list[bool]]:
    """A list that gets an entry for each request to end, as long as the block runs; empty: nobody has asked.

    answer: whether each is answered with a sentence on stderr. The third one raises KeyboardInterrupt.
    """
    asked: list[bool] = []

    def ask_to_stop(*_: object) -> None:
        if len(asked) == len(ANSWERS):
            raise KeyboardInterrupt
        if answer:  # not by `print`, which a signal may find in the middle of a line
            with suppress(OSError):  # the terminal may be gone
                os.write(2, f"\n{ANSWERS[len(asked)]}\n".encode())
        asked.append(True)

    main = threading.current_thread() is threading.main_thread()  # only there may signals be handled
    hangup = getattr(signal, "SIGHUP", None)  # where `nohup` ignores it, the training outlives its terminal
    handled = [s for s in STOP_SIGNALS if main and not (s == hangup and signal.getsignal(s) == signal.SIG_IGN)]
    handlers = {s: signal.signal(s, ask_to_stop) for s in handled}
    try:
        yield asked
    finally:
        for which, handler in handlers.items():
            signal.signal(which, handler)
