"""For all tests: the same number of threads everywhere, and no network."""

import ipaddress
import os
import socket

# Before torch is imported; the lessons' kernels inherit these. The lessons' minutes and outputs were made with two
# threads; whoever sets another number (to imitate another machine, say) keeps it.
os.environ.setdefault("OMP_NUM_THREADS", "2")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# A slow machine is no bug, hence no deadline. In CI the same examples come each time: a red run can be repeated.
settings.register_profile("lessons", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("lessons")


REFUSED = "This test reached for the network ({}); tests use only what is in the repository."


def is_here(host: str | bytes | None) -> bool:
    """Is this host this machine itself?"""
    host = host.decode() if isinstance(host, bytes) else host
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:  # a name
        return False


@pytest.fixture(autouse=True, scope="session")
def no_network():
    """A test that reaches for the network fails and says so, instead of passing where there happens to be one."""
    real = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}
    real_getaddrinfo = socket.getaddrinfo

    def guard(name):
        def connect(self, address):
            if self.family in (socket.AF_INET, socket.AF_INET6) and not is_here(address[0]):
                pytest.fail(REFUSED.format(address[0]))
            return real[name](self, address)

        return connect

    def getaddrinfo(host, *args, **kwargs):
        if not is_here(host):
            pytest.fail(REFUSED.format(host))
        return real_getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(socket.socket, name, guard(name))
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield
