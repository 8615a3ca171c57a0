"""Answers to lesson 06, right and wrong, written from the student's copy alone."""

import torch


def targets_by_narrow(sequence):
    length = sequence.shape[1] - 1
    return sequence.narrow(1, 0, length), sequence.narrow(1, 1, length)


def targets_by_loop(sequence):
    fed, said = [], []
    for row in sequence.tolist():
        fed.append(row[:-1])
        said.append(row[1:])
    return torch.tensor(fed, dtype=sequence.dtype), torch.tensor(said, dtype=sequence.dtype)


def shifted_with_zero(sequence):
    start = torch.zeros_like(sequence[:, :1])
    return torch.cat((start, sequence[:, :-1]), dim=1), sequence


def see_by_index(sequence, t):
    return sequence.index_select(1, torch.arange(t))


def see_by_mask(sequence, t):
    return sequence[:, torch.arange(sequence.shape[1]) < t]


def future_as_zero(sequence, t):
    out = sequence.clone()
    out[:, t:] = 0
    return out


def wipes_the_future(sequence, t):
    sequence[:, t:] = 0
    return sequence[:, :t]


def loss_by_index(text_nats, is_pad, image_nats):
    return text_nats[~is_pad].mean() / 8 + 7 / 8 * image_nats.mean()


def loss_by_weights(text_nats, is_pad, image_nats):
    spoken = (~is_pad).to(text_nats.dtype)
    text = (text_nats * spoken).sum() / spoken.sum()
    return 0.125 * text + 0.875 * image_nats.sum() / image_nats.numel()


def loss_by_loop(text_nats, is_pad, image_nats):
    total, count = 0.0, 0
    for nats, pads in zip(text_nats, is_pad, strict=False):
        for value, pad in zip(nats, pads, strict=False):
            if not pad:
                total = total + value
                count += 1
    return (total / count + 7 * image_nats.mean()) / 8


def loss_pads_counted(text_nats, is_pad, image_nats):
    return text_nats.mean() / 8 + 7 / 8 * image_nats.mean()


def loss_pads_as_zeros(text_nats, is_pad, image_nats):
    return text_nats.masked_fill(is_pad, 0.0).mean() / 8 + 7 / 8 * image_nats.mean()


def loss_weights_swapped(text_nats, is_pad, image_nats):
    return 7 / 8 * text_nats[~is_pad].mean() + image_nats.mean() / 8


def loss_sums(text_nats, is_pad, image_nats):
    return text_nats[~is_pad].sum() / 8 + 7 / 8 * image_nats.sum()


def loss_of_pads(text_nats, is_pad, image_nats):
    return text_nats[is_pad].mean() / 8 + 7 / 8 * image_nats.mean()


def loss_one_pile(text_nats, is_pad, image_nats):
    return torch.cat((text_nats[~is_pad] / 8, image_nats.flatten() * 7 / 8)).mean()


def loss_image_unweighted(text_nats, is_pad, image_nats):
    return text_nats[~is_pad].mean() / 8 + image_nats.mean()


def loss_for_each_pair(text_nats, is_pad, image_nats):
    spoken = (~is_pad).float()
    text = (text_nats * spoken).sum(dim=1) / spoken.sum(dim=1)
    return text / 8 + 7 / 8 * image_nats.mean(dim=1)


def loss_pads_wiped_in_place(text_nats, is_pad, image_nats):
    text = text_nats.masked_fill_(is_pad, 0.0).sum() / (~is_pad).sum()
    return text / 8 + 7 / 8 * image_nats.mean()


def loss_of_first_pads(text_nats, is_pad, image_nats):
    later = is_pad.roll(1, dims=1) & is_pad
    return loss_by_index(text_nats, later, image_nats)


def loss_caption_by_caption(text_nats, is_pad, image_nats):
    return loss_for_each_pair(text_nats, is_pad, image_nats).mean()


RIGHT = {
    "06.inputs_and_targets": [
        lambda sequence: (sequence[:, :-1], sequence[:, 1:]),
        targets_by_narrow,
        targets_by_loop,
    ],
    "06.may_see": [
        lambda sequence, t: sequence[:, :t],
        see_by_index,
        see_by_mask,
    ],
    "06.weighted_loss": [
        loss_by_index,
        loss_by_weights,
        loss_by_loop,
    ],
}

WRONG = {
    "06.inputs_and_targets": [
        (lambda sequence: (sequence[:, 1:], sequence[:, :-1]), "swapped"),
        (lambda sequence: (sequence[:-1], sequence[1:]), "cut the batch"),
        (lambda sequence: (sequence[:, :-1], sequence[:, :-1]), "the same"),
        (lambda sequence: (sequence[:, :-2], sequence[:, 2:]), "two steps"),
        (lambda sequence: (sequence[:, :-1], sequence[:, -1:]), "Only the last token"),
        (lambda sequence: (sequence, sequence.roll(-1, dims=1)), "first token again"),
        (shifted_with_zero, "in front of"),
        (lambda sequence: sequence[:, :-1], "two tensors"),
        (lambda sequence: (sequence[:, :-1], sequence[:, 1:].flip(1)), "reversed"),
        (lambda sequence: (sequence, sequence), "the same"),
    ],
    "06.may_see": [
        (lambda sequence, t: sequence[:, : t + 1], "its answer"),
        (lambda sequence, t: sequence[:, : t - 1], "just before is missing"),
        (lambda sequence, t: sequence[:t], "cut the batch"),
        (lambda sequence, t: sequence[:, t - 1 : t], "bigram"),
        (lambda sequence, t: sequence[:, :-t], "from the end"),
        (lambda sequence, t: torch.cat((sequence[:, :t], sequence[:, t + 1 :]), dim=1), "All but the answer"),
        (lambda sequence, t: sequence[:, t], "That is the answer"),
        (future_as_zero, "zeros"),
        (wipes_the_future, "in place"),
        (lambda sequence, t: sequence, "Everything"),
    ],
    "06.weighted_loss": [
        (loss_pads_counted, "Pads are counted"),
        (loss_pads_as_zeros, "still counted"),
        (loss_weights_swapped, "swapped"),
        (loss_sums, "You sum"),
        (loss_of_pads, "turn is_pad"),
        (loss_one_pile, "weigh each token"),
        (loss_image_unweighted, "image's weight"),
        (loss_for_each_pair, "each pair"),
        (loss_pads_wiped_in_place, "in place"),
        (loss_of_first_pads, "first pad"),
        (loss_caption_by_caption, "each caption first"),
        (lambda t, p, i: torch.cat((t[~p], i.flatten())).mean(), "all tokens together"),
        (lambda t, p, i: loss_by_index(t, p, i).item(), "leave float"),
    ],
}
