"""A small piece of the lessons' kind of work, by which machines are compared: see doctor.py.

python -m dalle_lessons.classroom.speed    # for authors: prints REFERENCE_SECONDS anew
"""

import statistics
import time

import torch
from torch import nn

# Seconds of one `work()` on the machine on which the lessons' minutes were measured, with two threads and nothing else
# running. To measure it anew, on that machine when it is idle: python -m dalle_lessons.classroom.speed
REFERENCE_SECONDS = 0.194  # four runs gave 0.190 to 0.201, with PyTorch 2.13.0

ROUNDS, PATIENCE = 11, 5.0  # the median of so many counts, or of as many as fit into so many seconds


class Small(nn.Module):
    """About the mixture of the lessons: convolutions on a picture, then a transformer on its tokens.

    It stands alone, and must not change: REFERENCE_SECONDS belongs to exactly this work.
    """

    def __init__(self):
        super().__init__()
        self.picture = nn.Sequential(  # (B, 3, 32, 32) -> (B, 128, 8, 8)
            nn.Conv2d(3, 64, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 128, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(128, 128, 3, padding=1),
        )
        layer = nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True, norm_first=True)
        self.tokens = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Linear(128, 1024)

    def forward(self, images):
        tokens = self.picture(images).flatten(2).transpose(1, 2)  # (B, 128, 8, 8) -> (B, 64, 128)
        return self.head(self.tokens(tokens))  # (B, 64, 1024)


def work(steps: int = 4) -> float:
    """Seconds that a fixed small training takes here, with as many threads as PyTorch takes in the lessons."""
    random_state = torch.get_rng_state()  # looking at a machine must not change what is drawn afterwards
    torch.manual_seed(0)
    model = Small()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    images, targets = torch.rand(16, 3, 32, 32), torch.randint(0, 1024, (16 * 64,))
    torch.set_rng_state(random_state)
    start = time.perf_counter()
    for _ in range(steps):
        loss = nn.functional.cross_entropy(model(images).flatten(0, 1), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return time.perf_counter() - start


def measure() -> float:
    """Seconds of one `work()`: the median of a few, so that one interrupted by something else does not matter."""
    work()  # does not count: the first one also loads code and asks for memory
    times = [work()]
    while len(times) < ROUNDS and sum(times) < PATIENCE:
        times.append(work())
    return statistics.median(times)


if __name__ == "__main__":
    torch.set_num_threads(2)
    print(f"REFERENCE_SECONDS = {measure():.3f}")
