"""Answers to lesson 13, right and wrong."""

import torch
import torch.nn.functional as F


def by_loop(next_logits, given, length):
    tokens = given.clone()
    while len(tokens) < length:
        tokens = torch.cat((tokens, next_logits(tokens).argmax()[None]))
    return tokens


def with_a_list(next_logits, given, length):
    tokens = given.tolist()
    for _ in range(len(tokens), length):
        tokens.append(int(next_logits(torch.tensor(tokens, dtype=torch.int64)).argmax()))
    return torch.tensor(tokens)


def as_list(next_logits, given, length):
    return with_a_list(next_logits, given, length).tolist()


def as_floats(next_logits, given, length):
    return by_loop(next_logits, given, length).float()


def one_too_many(next_logits, given, length):
    return by_loop(next_logits, given, length + 1)


def least_likely(next_logits, given, length):
    return by_loop(lambda tokens: -next_logits(tokens), given, length)


def recursive(next_logits, given, length):
    if len(given) == length:
        return given
    return recursive(next_logits, torch.hstack((given, next_logits(given).max(0).indices)), length)


def overwrites(next_logits, given, length):
    return by_loop(next_logits, given[:0], length)


def new_alone(next_logits, given, length):
    return by_loop(next_logits, given, length)[len(given) :]


def too_many(next_logits, given, length):
    return by_loop(next_logits, given, length + len(given))


def not_fed(next_logits, given, length):
    return torch.cat((given, by_loop(next_logits, given[:0], length)))[:length]


def stale(next_logits, given, length):
    tokens = given.tolist()
    while len(tokens) < length:
        tokens.append(int(next_logits(given).argmax()))
    return tokens


def by_turns(next_logits, choose, tokens, known):
    out = tokens[:, :0]
    for i in range(tokens.shape[1]):
        new = tokens[:, i] if known[i] else choose(next_logits(out))
        out = torch.cat((out, new[:, None]), dim=1)
    return out


def by_where(next_logits, choose, tokens, known):
    out = tokens.new_zeros(len(tokens), 0)
    for i, keep in enumerate(known):
        out = torch.hstack((out, torch.where(keep, tokens[:, i], choose(next_logits(out)))[:, None]))
    return out


def in_a_copy(next_logits, choose, tokens, known):
    out = tokens.clone()
    for i in (~known).nonzero()[:, 0].tolist():
        out[:, i] = choose(next_logits(out[:, :i]))
    return out


def forces_nothing(next_logits, choose, tokens, known):
    return by_turns(next_logits, choose, tokens, torch.zeros_like(known))


def wrong_way_round(next_logits, choose, tokens, known):
    return by_turns(next_logits, choose, tokens, ~known)


def puts_in_late(next_logits, choose, tokens, known):
    return torch.where(known, tokens, forces_nothing(next_logits, choose, tokens, known))


def feeds_hidden(next_logits, choose, tokens, known):
    drawn = [choose(next_logits(tokens[:, :i])) for i in range(tokens.shape[1])]
    return torch.where(known, tokens, torch.stack(drawn, dim=1))


def drawn_alone(next_logits, choose, tokens, known):
    return by_turns(next_logits, choose, tokens, known)[:, ~known]


def keeps_hidden(next_logits, choose, tokens, known):
    return tokens.clone()


def in_place(next_logits, choose, tokens, known):
    for i in (~known).nonzero()[:, 0].tolist():
        tokens[:, i] = choose(next_logits(tokens[:, :i]))
    return tokens


def beginning_alone(next_logits, choose, tokens, known):
    count = int(known.sum())
    first = torch.arange(len(known)) < count
    return by_turns(next_logits, choose, tokens, first)


def forgets_the_known(next_logits, choose, tokens, known):
    out, drawn = [], tokens[:, :0]
    for i in range(tokens.shape[1]):
        if known[i]:
            out.append(tokens[:, i])
        else:
            drawn = torch.cat((drawn, choose(next_logits(drawn))[:, None]), dim=1)
            out.append(drawn[:, -1])
    return torch.stack(out, dim=1)


def loss_by_cross_entropy(model, text, top, bottom):
    logits = model(text, torch.cat((top, bottom), dim=1))[1]
    return F.cross_entropy(logits[:, top.shape[1] :].transpose(1, 2), bottom)


def loss_by_gather(model, text, top, bottom):
    _, logits = model(text, torch.hstack((top, bottom)))
    p = logits.softmax(-1)[:, -bottom.shape[1] :].gather(2, bottom[..., None])
    return -p.log().mean()


def loss_flat(model, text, top, bottom):
    _, logits = model(text, torch.cat([top, bottom], 1))
    return F.cross_entropy(logits[:, top.shape[1] :].flatten(0, 1), bottom.flatten())


def loss_of(cut=None, target=None, order=lambda top, bottom: (top, bottom), **options):
    """The loss with other logits, other targets, another order of the halves, or other options of cross_entropy."""

    def loss(model, text, top, bottom):
        n, tokens = top.shape[1], torch.cat(order(top, bottom), dim=1)
        logits = model(text, tokens)[1]
        chosen = logits[:, n:] if cut is None else cut(logits, n)
        wanted = bottom if target is None else target(tokens, n)
        return F.cross_entropy(chosen.transpose(1, 2), wanted, **options)

    return loss


def bottom_alone(model, text, top, bottom):
    return F.cross_entropy(model(text, bottom)[1].transpose(1, 2), bottom)


def given_last(next_logits, given, length):
    return torch.cat((by_loop(next_logits, given, length)[len(given) :], given))


RIGHT = {
    "13.go_on": [by_loop, with_a_list, recursive],
    "13.can_be_given": [
        lambda known: bool((known.flatten().int().diff() <= 0).all()),
        lambda known: known.flatten()[: int(known.sum())].all(),
        lambda known: sorted(known.flatten().tolist(), reverse=True) == known.flatten().tolist(),
    ],
    "13.fill_in": [by_turns, by_where, in_a_copy],
    "13.edit_loss": [loss_by_cross_entropy, loss_by_gather, loss_flat],
}
WRONG = {
    "13.go_on": [
        (overwrites, "replaced"),
        (new_alone, "Only the new"),
        (too_many, "whole picture"),
        (not_fed, "feed"),
        (stale, "again and again"),
        (given_last, "stand first"),
        (as_list, "should be a tensor"),
        (as_floats, "whole numbers"),
        (one_too_many, "shape"),
        (least_likely, "likeliest"),
    ],
    "13.can_be_given": [
        (lambda known: True, "left half"),
        (lambda known: bool(known[0].all()), "hole|nothing|left"),
        (lambda known: bool((known.T.flatten().int().diff() <= 0).all()), "top half"),
        (lambda known: bool(known.flatten()[-1]), "top half"),
        (lambda known: known.all(dim=1), "True or False"),
        (lambda known: bool(known.all(dim=1).any()), "hole|nothing|left|bottom|two rows"),
        (lambda known: bool(known.sum() * 2 >= known.numel()), "left half|hole|bottom|nothing"),
        (lambda known: bool((known.int().diff(dim=0) <= 0).all()), "left half"),
        (lambda known: [bool(k) for k in known.flatten()] == [True] * 8 + [False] * 8, "two rows and half|nothing"),
    ],
    "13.fill_in": [
        (forces_nothing, "force it"),
        (wrong_way_round, "wrong way round"),
        (puts_in_late, "after all has been drawn"),
        (feeds_hidden, "sees the tokens that are hidden"),
        (drawn_alone, "Some tokens are missing"),
        (keeps_hidden, "came back as it was"),
        (in_place, "in place"),
        (beginning_alone, "known token has changed|came back"),
        (forgets_the_known, "do not follow from the known"),
        (lambda n, c, t, k: by_turns(n, c, t, k).tolist(), "should be a tensor"),
    ],
    "13.edit_loss": [
        (loss_of(lambda x, n: x, lambda t, n: t), "The top counts too"),
        (loss_of(lambda x, n: x[:, :n], lambda t, n: t[:, :n]), "the top's loss"),
        (loss_of(lambda x, n: x[:, n - 1 : -1]), "no shift by one"),
        (loss_of(lambda x, n: x[:, n + 1 :], lambda t, n: t[:, n:-1]), "no shift by one"),
        (loss_of(lambda x, n: x[:, :n]), "The logits of the top"),
        (loss_of(order=lambda top, bottom: (bottom, top)), "exchanged"),
        (loss_of(reduction="sum"), "a mean"),
        (loss_of(reduction="none"), "One number"),
        (loss_of(lambda x, n: x[:, n:].softmax(-1)), "softmax itself"),
        (bottom_alone, "fed 4 image tokens of 8"),
        (lambda *a: loss_by_cross_entropy(*a).item(), "tensor with no dimensions"),
        (lambda *a: -loss_by_cross_entropy(*a), "sign"),
    ],
}
