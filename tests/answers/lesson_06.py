"""Answers to lesson 06, right and wrong."""

import torch


def by_columns(sequence):
    last = sequence.shape[1] - 1
    fed = torch.stack([sequence[:, i] for i in range(last)], dim=1)
    return fed, torch.stack([sequence[:, i + 1] for i in range(last)], dim=1)


def loss_by_loop(text_nats, is_pad, image_nats):
    counted = [float(v) for v, p in zip(text_nats.flatten(), is_pad.flatten(), strict=True) if not p]
    return sum(counted) / len(counted) / 8 + float(image_nats.mean()) * 7 / 8


def loss_by_sums(text_nats, is_pad, image_nats):
    kept = text_nats.masked_fill(is_pad, 0).sum() / (~is_pad).sum()
    return (kept + 7 * image_nats.mean()) / 8


RIGHT = {
    "06.inputs_and_targets": [
        lambda s: (s[:, :-1], s[:, 1:]),
        by_columns,
        lambda s: [s.narrow(1, 0, s.shape[1] - 1), s.narrow(1, 1, s.shape[1] - 1)],
    ],
    "06.may_see": [
        lambda s, t: s[:, :t],
        lambda s, t: s[..., list(range(t))],
        lambda s, t: torch.stack([row[:t] for row in s]),
    ],
    "06.weighted_loss": [lambda t, p, i: t[~p].mean() / 8 + 7 * i.mean() / 8, loss_by_loop, loss_by_sums],
}
WRONG = {
    "06.inputs_and_targets": [
        (lambda s: (s, s), "same"),
        (lambda s: (s[:, 1:], s[:, :-1]), "swapped"),
        (lambda s: (s[:, :-1], s[:, :-1]), "same"),
        (lambda s: (s, s.roll(-1, 1)), "first token again"),
        (lambda s: s[:, :-1], "two tensors"),
        (lambda s: (s[:-1], s[1:]), "shape"),
        (lambda s: (s[:, :-2], s[:, 2:]), "shape"),
    ],
    "06.may_see": [
        (lambda s, t: s[:, : t + 1], "its answer"),
        (lambda s, t: s[:, t:], "after"),
        (lambda s, t: s[:, t - 1 : t], "only the token before"),
        (lambda s, t: s, "Everything"),
        (lambda s, t: s[:t], "batch"),
        (lambda s, t: s[:, : t - 1], "shape"),
    ],
    "06.weighted_loss": [
        (lambda t, p, i: t.mean() / 8 + 7 * i.mean() / 8, "Pads are counted"),
        (lambda t, p, i: t.masked_fill(p, 0).mean() / 8 + 7 * i.mean() / 8, "still counted"),
        (lambda t, p, i: 7 * t[~p].mean() / 8 + i.mean() / 8, "swapped"),
        (lambda t, p, i: t[~p].mean() + i.mean(), "missing"),
        (lambda t, p, i: torch.cat((t[~p], i.flatten())).mean(), "all tokens together"),
        (lambda t, p, i: t[p].mean() / 8 + 7 * i.mean() / 8, "turn is_pad"),
        (lambda t, p, i: t[~p] / 8, "one number"),
        (lambda t, p, i: t[~p].sum() / 8 + 7 * i.sum() / 8, "sum"),
    ],
}
