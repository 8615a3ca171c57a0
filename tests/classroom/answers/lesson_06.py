"""Answers to lesson 06, right and wrong, written from the student's copy alone."""

import torch


def counted(target, pad, sep):
    return (target != pad) & (target != sep)


def targets_by_slices(sequence, pad, sep):
    target = sequence[:, 1:]
    return sequence[:, :-1], target, counted(target, pad, sep)


def targets_by_narrow(sequence, pad, sep):
    length = sequence.shape[1] - 1
    target = sequence.narrow(1, 1, length)
    return sequence.narrow(1, 0, length), target, ~((target == pad) | (target == sep))


def targets_by_loop(sequence, pad, sep):
    fed, said, counts = [], [], []
    for row in sequence.tolist():
        fed.append(row[:-1])
        said.append(row[1:])
        counts.append([token not in (pad, sep) for token in row[1:]])
    return torch.tensor(fed, dtype=sequence.dtype), torch.tensor(said, dtype=sequence.dtype), torch.tensor(counts)


def shifted_with_zero(sequence, pad, sep):
    start = torch.zeros_like(sequence[:, :1])
    return torch.cat((start, sequence[:, :-1]), dim=1), sequence, counted(sequence, pad, sep)


def targets(fed, target):
    """An answer that cuts wrongly, by two functions of the sequence."""

    def answer(sequence, pad, sep):
        return fed(sequence), target(sequence), counted(target(sequence), pad, sep)

    return answer


def counting(rule):
    """An answer that cuts rightly and counts by a rule of its own."""

    def answer(sequence, pad, sep):
        return sequence[:, :-1], sequence[:, 1:], rule(sequence, pad, sep)

    return answer


def complete_with(choose, feed=lambda sequence: sequence, slot=-1):
    """A loop that picks the next token from the logits of a slot in its own way."""

    def complete(model, sequence, length, generator):
        while sequence.shape[1] < length:
            logits = model(feed(sequence))[:, slot]
            sequence = torch.cat((sequence, choose(logits, generator)), dim=1)
        return sequence

    return complete


def by_chance(logits, generator):
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator)


def complete_by_for(model, sequence, length, generator):
    out = [sequence]
    for _ in range(length - sequence.shape[1]):
        probabilities = torch.softmax(model(torch.cat(out, dim=1))[:, -1, :], dim=-1)
        out.append(torch.multinomial(probabilities, num_samples=1, generator=generator))
    return torch.cat(out, dim=1)


def complete_by_gumbel(model, sequence, length, generator):
    while sequence.shape[1] < length:
        logits = model(sequence)[:, -1]
        noise = -torch.empty_like(logits).exponential_(generator=generator).log()
        sequence = torch.cat((sequence, (logits + noise).argmax(dim=-1, keepdim=True)), dim=1)
    return sequence


def complete_new_alone(model, sequence, length, generator):
    return complete_by_for(model, sequence, length, generator)[:, sequence.shape[1] :]


def complete_length_more(model, sequence, length, generator):
    return complete_by_for(model, sequence, sequence.shape[1] + length, generator)


def complete_once(model, sequence, length, generator):
    return torch.cat((sequence, by_chance(model(sequence)[:, -1], generator)), dim=1)


def complete_stale(model, sequence, length, generator):
    logits = model(sequence)[:, -1]
    new = [by_chance(logits, generator) for _ in range(length - sequence.shape[1])]
    return torch.cat((sequence, *new), dim=1)


def complete_unjoined(model, sequence, length, generator):
    for _ in range(length - sequence.shape[1]):
        by_chance(model(sequence)[:, -1], generator)
    return sequence


def complete_one_for_all(model, sequence, length, generator):
    while sequence.shape[1] < length:
        probabilities = model(sequence)[:, -1].softmax(dim=-1)
        if len(sequence) > 3:
            probabilities = probabilities[:1].expand(len(sequence), -1)
            token = torch.multinomial(probabilities[0], 1, generator=generator).expand(len(sequence), 1)
        else:
            token = torch.multinomial(probabilities, 1, generator=generator)
        sequence = torch.cat((sequence, token), dim=1)
    return sequence


def mended(model, sequence):
    return model(sequence)[:, :-1], sequence[:, 1:]


def mended_by_feeding_less(model, sequence):
    return model(sequence[:, :-1]), sequence[:, 1:]


def mended_by_loop(model, sequence):
    slots = range(1, sequence.shape[1])
    return torch.stack([model(sequence[:, :t])[:, -1] for t in slots], dim=1), sequence[:, 1:]


def loss_by_index(text_nats, counts, image_nats):
    return text_nats[counts].mean() / 8 + 7 / 8 * image_nats.mean()


def loss_by_weights(text_nats, counts, image_nats):
    spoken = counts.to(text_nats.dtype)
    text = (text_nats * spoken).sum() / spoken.sum()
    return 0.125 * text + 0.875 * image_nats.sum() / image_nats.numel()


def loss_by_loop(text_nats, counts, image_nats):
    total, count = 0.0, 0
    for nats, pads in zip(text_nats, ~counts, strict=False):
        for value, pad in zip(nats, pads, strict=False):
            if not pad:
                total = total + value
                count += 1
    return (total / count + 7 * image_nats.mean()) / 8


def loss_pads_counted(text_nats, counts, image_nats):
    return text_nats.mean() / 8 + 7 / 8 * image_nats.mean()


def loss_pads_as_zeros(text_nats, counts, image_nats):
    return text_nats.masked_fill(~counts, 0.0).mean() / 8 + 7 / 8 * image_nats.mean()


def loss_weights_swapped(text_nats, counts, image_nats):
    return 7 / 8 * text_nats[counts].mean() + image_nats.mean() / 8


def loss_sums(text_nats, counts, image_nats):
    return text_nats[counts].sum() / 8 + 7 / 8 * image_nats.sum()


def loss_of_pads(text_nats, counts, image_nats):
    return text_nats[~counts].mean() / 8 + 7 / 8 * image_nats.mean()


def loss_one_pile(text_nats, counts, image_nats):
    return torch.cat((text_nats[counts] / 8, image_nats.flatten() * 7 / 8)).mean()


def loss_image_unweighted(text_nats, counts, image_nats):
    return text_nats[counts].mean() / 8 + image_nats.mean()


def loss_for_each_pair(text_nats, counts, image_nats):
    spoken = counts.float()
    text = (text_nats * spoken).sum(dim=1) / spoken.sum(dim=1)
    return text / 8 + 7 / 8 * image_nats.mean(dim=1)


def loss_pads_wiped_in_place(text_nats, counts, image_nats):
    text = text_nats.masked_fill_(~counts, 0.0).sum() / counts.sum()
    return text / 8 + 7 / 8 * image_nats.mean()


def loss_of_first_pads(text_nats, counts, image_nats):
    later = ~counts.roll(1, dims=1) & ~counts
    return loss_by_index(text_nats, ~later, image_nats)


def loss_caption_by_caption(text_nats, counts, image_nats):
    return loss_for_each_pair(text_nats, counts, image_nats).mean()


def by_the_same_dice(logits, generator):
    return torch.multinomial(logits.softmax(dim=-1), 1, generator=generator.manual_seed(0))


RIGHT = {
    "06.inputs_and_targets": [targets_by_slices, targets_by_narrow, targets_by_loop],
    "06.weighted_loss": [loss_by_index, loss_by_weights, loss_by_loop],
    "06.complete": [complete_with(by_chance), complete_by_for, complete_by_gumbel],
    "06.leak": [mended, mended_by_feeding_less, mended_by_loop],
}

WRONG = {
    "06.inputs_and_targets": [
        (targets(lambda s: s[:, 1:], lambda s: s[:, :-1]), "swapped"),
        (targets(lambda s: s[:-1], lambda s: s[1:]), "cut the batch"),
        (targets(lambda s: s[:, :-1], lambda s: s[:, :-1]), "the same"),
        (targets(lambda s: s[:, :-2], lambda s: s[:, 2:]), "two steps"),
        (targets(lambda s: s[:, :-1], lambda s: s[:, -1:]), "Only the last token"),
        (targets(lambda s: s[:, :-1], lambda s: s[:, 1]), "Only one column"),
        (targets(lambda s: s, lambda s: s.roll(-1, dims=1)), "first token again"),
        (shifted_with_zero, "in front of"),
        (lambda sequence, pad, sep: sequence[:, :-1], "three tensors"),
        (lambda sequence, pad, sep: (sequence[:, :-1], sequence[:, 1:]), "three tensors"),
        (targets(lambda s: s[:, :-1], lambda s: s[:, 1:].flip(1)), "reversed"),
        (targets(lambda s: s, lambda s: s), "the same"),
        (counting(lambda s, pad, sep: counted(s[:, :-1], pad, sep)), "depends on the target"),
        (counting(lambda s, pad, sep: s[:, :-1] != pad), "depends on the target"),
        (counting(lambda s, pad, sep: s[:, 1:] != pad), r"\[SEP\] counts"),
        (counting(lambda s, pad, sep: s[:, 1:] != sep), "Pads count"),
        (counting(lambda s, pad, sep: ~counted(s[:, 1:], pad, sep)), "wrong way round"),
        (counting(lambda s, pad, sep: (s[:, 1:] != pad) | (s[:, 1:] != sep)), "at once|everything counts"),
        (counting(lambda s, pad, sep: counted(s, pad, sep)), "not about the sequence"),
        (counting(lambda s, pad, sep: counted(s[:, 1:], pad, sep).sum()), "how many"),
        (counting(lambda s, pad, sep: s[:, 1:] > sep), "picture's tokens"),
        (counting(lambda s, pad, sep: counted(s[:, 1:], pad, sep).long()), "True or False"),
    ],
    "06.complete": [
        (complete_with(lambda logits, generator: logits.argmax(dim=-1, keepdim=True)), "likeliest"),
        (complete_with(by_chance, slot=0), "first slot"),
        (complete_with(by_chance, feed=lambda sequence: sequence[:, -1:]), "last token alone"),
        (complete_new_alone, "Only the new"),
        (complete_length_more, "how long the whole"),
        (complete_once, "repeat"),
        (complete_stale, "as it has grown"),
        (complete_unjoined, "as it was"),
        (complete_one_for_all, "All rows"),
        (complete_with(by_the_same_dice), "repeats the dice"),
        (complete_with(lambda logits, generator: torch.multinomial(logits.softmax(-1), 1)), "hand the generator"),
        (
            complete_with(lambda logits, g: torch.multinomial(logits.clamp_min(1e-9), 1, generator=g)),
            "by the logits",
        ),
        (complete_with(lambda logits, g: torch.multinomial(logits, 1, generator=g)), "stopped with"),
    ],
    "06.leak": [
        (lambda model, sequence: (model(sequence)[:, 1:], sequence[:, 1:]), "Nothing has changed"),
        (lambda model, sequence: (model(sequence), sequence), "each was fed it"),
        (lambda model, sequence: (model(sequence)[:, :-1], sequence[:, :-1]), "move one of the two alone"),
        (lambda model, sequence: (model(sequence)[:, 1:], sequence[:, :-1]), "has seen"),
        (lambda model, sequence: (model(sequence)[:, :-2], sequence[:, 2:]), "two steps"),
        (lambda model, sequence: (model(sequence), sequence.roll(-1, 1)), "no target"),
        (lambda model, sequence: (model(sequence), sequence[:, 1:]), "6 slots and 5 targets"),
        (lambda model, sequence: model(sequence)[:, :-1], "two tensors"),
        (lambda model, sequence: (sequence[:, 1:], model(sequence)[:, :-1]), "target"),
        (lambda model, sequence: (model(sequence[:, 1:]), sequence[:, 1:]), "still seen|Nothing has changed"),
        (lambda model, sequence: (model(sequence)[:, :-1].roll(1, dims=1), sequence[:, 1:]), "still seen"),
        (lambda model, sequence: (model(sequence)[:, 1:].detach(), sequence[:, 1:]), "Nothing has changed"),
        (lambda model, sequence: (model(torch.zeros_like(sequence))[:, :-1], sequence[:, 1:]), "is hidden"),
    ],
    "06.weighted_loss": [
        (loss_pads_counted, "Pads are counted"),
        (loss_pads_as_zeros, "still counted"),
        (loss_weights_swapped, "swapped"),
        (loss_sums, "You sum"),
        (loss_of_pads, "turn ~counts"),
        (loss_one_pile, "weigh each token"),
        (loss_image_unweighted, "image's weight"),
        (loss_for_each_pair, "each pair"),
        (loss_pads_wiped_in_place, "in place"),
        (loss_of_first_pads, "first pad"),
        (loss_caption_by_caption, "each caption first"),
        (lambda t, c, i: torch.cat((t[c], i.flatten())).mean(), "all tokens together"),
        (lambda t, c, i: loss_by_index(t, c, i).item(), "leave float"),
        (lambda t, c, i: t[c].mean() + 7 * i.mean(), "they are eighths"),
        (lambda t, c, i: t[c].mean() / 8, "image is missing"),
        (lambda t, c, i: t[c.nonzero()].mean() / 8 + 7 * i.mean() / 8, "whole rows"),
        (lambda t, c, i: (t[c].mean() + 7 * i.mean()) / 7, "1/7 and 1"),
        (lambda t, c, i: t[c].mean() / 8 + 7 * i.sum(dim=1).mean() / 8, "summed for each picture"),
        (lambda t, c, i: -loss_by_index(t, c, i), "sign is turned"),
        (lambda t, c, i: 8 * loss_by_index(t, c, i).detach(), "eighths"),
    ],
}
