"""Answers to lesson 11, right and wrong, written from the student's copy alone."""

import math

import torch


def draw_with_a_case(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    return (logits / temperature + noise).argmax()


def draw_scaled_noise(logits, noise, temperature):
    return int(torch.argmax(logits + temperature * noise))


def draw_by_loop(logits, noise, temperature):
    best, highest = 0, -math.inf
    for code, (score, extra) in enumerate(zip(logits.tolist(), noise.tolist(), strict=False)):
        total = score if temperature == 0 else score / temperature + extra
        if total > highest:
            best, highest = code, total
    return best


def draw_divides_both(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    return ((logits + noise) / temperature).argmax()


def draw_multiplies(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    return (logits * temperature + noise).argmax()


def draw_divides_by_zero(logits, noise, temperature):
    return (logits / temperature + noise).argmax()


def draw_noise_on_chances(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    return ((logits / temperature).softmax(dim=0) + noise).argmax()


def draw_own_dice(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    return torch.multinomial((logits / temperature).softmax(dim=0), 1)[0]


def draw_greedy(logits, noise, temperature):
    return logits.argmax()


def draw_returns_score(logits, noise, temperature):
    if temperature == 0:
        return logits.max()
    return (logits / temperature + noise).max()


def draw_zero_as_one(logits, noise, temperature):
    return (logits / (temperature or 1) + noise).argmax()


def draw_in_place(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    logits /= temperature
    logits += noise
    return logits.argmax()


def draw_noise_twice(logits, noise, temperature):
    if temperature == 0:
        return logits.argmax()
    return (logits / temperature - (-noise.log()).log()).argmax()


def top_p_by_sorting(logits, p):
    chances, order = logits.softmax(dim=0).sort(descending=True)
    before = chances.cumsum(dim=0) - chances
    out = torch.full_like(logits, -torch.inf)
    kept = order[before < p]
    out[kept] = logits[kept]
    return out


def top_p_by_loop(logits, p):
    chances = logits.softmax(dim=0).tolist()
    kept, reached = set(), 0.0
    for code in sorted(range(len(chances)), key=lambda code: -chances[code]):
        if reached >= p:
            break
        kept.add(code)
        reached += chances[code]
    return torch.stack([x if code in kept else torch.full_like(x, -torch.inf) for code, x in enumerate(logits)])


def top_p_by_searching(logits, p):
    order = logits.argsort(descending=True)
    reached = logits.softmax(dim=0)[order].cumsum(dim=0)
    count = int((reached < p).sum()) + 1
    mask = torch.ones_like(logits, dtype=torch.bool)
    mask[order[:count]] = False
    return logits.masked_fill(mask, -torch.inf)


def sorted_chances(logits):
    return logits.softmax(dim=0).sort(descending=True)


def put_back(logits, kept):
    out = torch.full_like(logits, -torch.inf)
    out[kept] = logits[kept]
    return out


def stops_short(logits, p):
    chances, order = sorted_chances(logits)
    return put_back(logits, order[chances.cumsum(dim=0) <= p])


def one_too_many(logits, p):
    chances, order = sorted_chances(logits)
    count = int((chances.cumsum(dim=0) < p).sum()) + 2
    return put_back(logits, order[:count])


def each_chance_above_p(logits, p):
    return logits.masked_fill(logits.softmax(dim=0) < p, -torch.inf)


def relative_to_the_best(logits, p):
    chances = logits.softmax(dim=0)
    return logits.masked_fill(chances < p * chances.max(), -torch.inf)


def not_put_back(logits, p):
    ordered = logits.sort(descending=True).values
    chances = ordered.softmax(dim=0)
    return ordered.masked_fill(chances.cumsum(dim=0) - chances >= p, -torch.inf)


def mask_of_sorted_on_unsorted(logits, p):
    chances, _ = sorted_chances(logits)
    return logits.masked_fill(chances.cumsum(dim=0) - chances >= p, -torch.inf)


def likeliest_last(logits, p):
    chances, order = logits.softmax(dim=0).sort()
    return put_back(logits, order[chances.cumsum(dim=0) - chances < p])


def unsorted_sums(logits, p):
    chances = logits.softmax(dim=0)
    return logits.masked_fill(chances.cumsum(dim=0) - chances >= p, -torch.inf)


def sums_of_logits(logits, p):
    ordered, order = logits.sort(descending=True)
    return put_back(logits, order[ordered.cumsum(dim=0) - ordered < p])


def one_more_on_a_tie(logits, p):
    chances, order = sorted_chances(logits)
    return put_back(logits, order[chances.cumsum(dim=0) - chances <= p])


def zero_outside(logits, p):
    return top_p_by_sorting(logits, p).masked_fill(top_p_by_sorting(logits, p) == -torch.inf, 0.0)


def share_of_the_codes(logits, p):
    count = max(1, int(p * len(logits)))
    return put_back(logits, logits.topk(count).indices)


def ln_p_by_gather(logits, tokens):
    return logits.log_softmax(dim=-1).gather(-1, tokens[..., None]).squeeze(-1).sum(dim=-1)


def ln_p_by_cross_entropy(logits, tokens):
    nats = torch.nn.functional.cross_entropy(logits.transpose(1, 2), tokens, reduction="none")
    return -nats.sum(dim=1)


def ln_p_by_loop(logits, tokens):
    out = []
    for scores, picture in zip(logits, tokens, strict=True):
        logs = scores - scores.logsumexp(dim=-1, keepdim=True)
        out.append(sum(logs[i, token] for i, token in enumerate(picture)))
    return torch.stack(out)


def ln_p_of_product(logits, tokens):
    return logits.softmax(dim=-1).gather(-1, tokens[..., None])[..., 0].prod(dim=-1).log()


def ln_p_softmax_then_log(logits, tokens):
    return logits.softmax(dim=-1).log().gather(-1, tokens[..., None])[..., 0].sum(dim=-1)


def ln_p_mean(logits, tokens):
    return ln_p_by_gather(logits, tokens) / tokens.shape[1]


def ln_p_shifted(logits, tokens):
    return ln_p_by_gather(logits[:, :-1], tokens[:, 1:])


def ln_p_of_logits(logits, tokens):
    return logits.gather(-1, tokens[..., None])[..., 0].sum(dim=-1)


def ln_p_of_each(logits, tokens):
    return logits.log_softmax(dim=-1).gather(-1, tokens[..., None])[..., 0]


def ln_p_wrong_dim(logits, tokens):
    return logits.log_softmax(dim=1).gather(-1, tokens[..., None])[..., 0].sum(dim=-1)


def ln_p_of_greedy(logits, tokens):
    return logits.log_softmax(dim=-1).max(dim=-1).values.sum(dim=-1)


def step_in_full(layer, x, keys, values, dim=-1, scale=None):
    def split(y):
        return y.unflatten(-1, (layer.heads, -1)).unsqueeze(2)

    q, k, v = split(layer.query(x)), split(layer.key(x)), split(layer.value(x))
    keys, values = torch.cat((keys, k), dim=2), torch.cat((values, v), dim=2)
    weights = (q @ keys.transpose(-1, -2) / (scale or math.sqrt(q.shape[-1]))).softmax(dim=dim)
    return layer.project((weights @ values).squeeze(2).flatten(1)), keys, values


def step_by_einsum(layer, x, keys, values):
    b, heads = x.shape[0], layer.heads
    q, k, v = (part(x).view(b, heads, -1) for part in (layer.query, layer.key, layer.value))
    keys = torch.cat([keys, k[:, :, None, :]], dim=-2)
    values = torch.cat([values, v[:, :, None, :]], dim=-2)
    scores = torch.einsum("bhd,bhnd->bhn", q, keys) * q.shape[-1] ** -0.5
    mixed = torch.einsum("bhn,bhnd->bhd", torch.softmax(scores, -1), values)
    return [layer.project(mixed.reshape(b, -1)), keys, values]


def step_by_torch(layer, x, keys, values):
    q, k, v = (
        part(x)[:, None].unflatten(-1, (layer.heads, -1)).transpose(1, 2)
        for part in (layer.query, layer.key, layer.value)
    )
    keys, values = torch.cat((keys, k), 2), torch.cat((values, v), 2)
    out = torch.nn.functional.scaled_dot_product_attention(q, keys, values)
    return layer.project(out.transpose(1, 2).flatten(2))[:, 0], keys, values


def step_without_itself(layer, x, keys, values):
    def split(y):
        return y.unflatten(-1, (layer.heads, -1)).unsqueeze(2)

    q, k, v = split(layer.query(x)), split(layer.key(x)), split(layer.value(x))
    weights = (q @ keys.mT / math.sqrt(q.shape[-1])).softmax(dim=-1)
    out = layer.project((weights @ values).flatten(1))
    return out, torch.cat((keys, k), dim=2), torch.cat((values, v), dim=2)


def step_not_kept(layer, x, keys, values):
    return step_in_full(layer, x, keys, values)[0], keys, values


def step_in_front(layer, x, keys, values):
    out, keys, values = step_in_full(layer, x, keys, values)
    return out, keys.roll(1, dims=2), values.roll(1, dims=2)


def step_with_a_mask(layer, x, keys, values):
    def split(y):
        return y.unflatten(-1, (layer.heads, -1)).unsqueeze(2)

    q, k, v = split(layer.query(x)), split(layer.key(x)), split(layer.value(x))
    keys, values = torch.cat((keys, k), dim=2), torch.cat((values, v), dim=2)
    scores = q @ keys.mT / math.sqrt(q.shape[-1])
    mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
    return layer.project((weights @ values).flatten(1)), keys, values


def step_keeps_x(layer, x, keys, values):
    q, x_split = (y.unflatten(-1, (layer.heads, -1)).unsqueeze(2) for y in (layer.query(x), x))
    keys, values = torch.cat((keys, x_split), dim=2), torch.cat((values, x_split), dim=2)
    weights = (q @ keys.mT / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return layer.project((weights @ values).flatten(1)), keys, values


def step_without_project(layer, x, keys, values):
    q, k, v = (part(x).unflatten(-1, (layer.heads, -1)).unsqueeze(2) for part in (layer.query, layer.key, layer.value))
    keys, values = torch.cat((keys, k), dim=2), torch.cat((values, v), dim=2)
    weights = (q @ keys.mT / math.sqrt(q.shape[-1])).softmax(dim=-1)
    return (weights @ values).flatten(1), keys, values


def step_with_a_slot_left(layer, x, keys, values):
    out, keys, values = step_in_full(layer, x, keys, values)
    return out[:, None], keys, values


def top_p_by_threshold(logits, p):
    chances = logits.softmax(dim=0)
    more_likely = torch.stack([chances[chances > c].sum() for c in chances])
    return torch.where(more_likely < p, logits, torch.tensor(-torch.inf))


RIGHT = {
    "11.draw": [
        draw_with_a_case,
        draw_scaled_noise,
        draw_by_loop,
    ],
    "11.top_p": [
        top_p_by_sorting,
        top_p_by_loop,
        top_p_by_searching,
        top_p_by_threshold,
    ],
    "11.log_probability": [
        ln_p_by_gather,
        ln_p_by_cross_entropy,
        ln_p_by_loop,
    ],
    "11.decode_step": [
        step_in_full,
        step_by_einsum,
        step_by_torch,
    ],
}

WRONG = {
    "11.draw": [
        (draw_divides_both, "noise as well"),
        (draw_multiplies, "wrong way round"),
        (draw_divides_by_zero, "divide by 0"),
        (draw_noise_on_chances, "to chances"),
        (draw_own_dice, "dice of your own"),
        (draw_returns_score, "not max"),
        (draw_zero_as_one, "0 for 1"),
        (draw_in_place, "in place"),
        (draw_noise_twice, "already"),
        (draw_greedy, "noise out"),
        (lambda logits, noise, temperature: logits / (temperature or 1) + noise, "every code"),
    ],
    "11.top_p": [
        (stops_short, "too few"),
        (one_too_many, "too many"),
        (one_more_on_a_tie, "exactly"),
        (each_chance_above_p, "own chance"),
        (relative_to_the_best, "near the best"),
        (not_put_back, "back in sorted order"),
        (mask_of_sorted_on_unsorted, "mask stands"),
        (likeliest_last, "rarest"),
        (zero_outside, "get 0"),
        (share_of_the_codes, "share p"),
        (unsorted_sums, "sort them first"),
        (lambda logits, p: top_p_by_sorting(logits, p).softmax(dim=0).log(), "changed"),
        (lambda logits, p: logits, "Nothing is dropped"),
        (sums_of_logits, "chances"),
    ],
    "11.log_probability": [
        (ln_p_of_product, "400 places"),
        (ln_p_softmax_then_log, "never takes this way"),
        (ln_p_mean, "mean over the places"),
        (ln_p_shifted, "shift by one"),
        (ln_p_of_logits, "add up logits"),
        (ln_p_of_each, "each token"),
        (ln_p_wrong_dim, "over the places"),
        (ln_p_of_greedy, "likeliest code"),
        (lambda logits, tokens: -ln_p_by_gather(logits, tokens), "sign"),
        (lambda logits, tokens: ln_p_by_gather(logits, tokens).exp(), "probability itself"),
        (lambda logits, tokens: ln_p_by_gather(logits, tokens).sum(), "all pictures together"),
        (lambda logits, tokens: torch.nn.functional.cross_entropy(logits.mT, tokens), "all pictures"),
    ],
    "11.decode_step": [
        (step_without_itself, "sees itself"),
        (step_not_kept, "those of before"),
        (step_in_front, "stand in front"),
        (step_with_a_mask, "No mask is needed"),
        (step_keeps_x, "keep x itself"),
        (step_without_project, "project is missing"),
        (step_with_a_slot_left, r"\(B, 1, C\)"),
        (lambda layer, x, keys, values: step_in_full(layer, x, keys, values)[0], "one tensor"),
        (lambda layer, x, keys, values: step_in_full(layer, x, keys, values, scale=1.0), "not divided"),
        (lambda layer, x, k, v: step_in_full(layer, x, k, v, scale=math.sqrt(x.shape[-1])), "whole width"),
        (lambda layer, x, keys, values: step_in_full(layer, x, keys, values, dim=1), "over the heads"),
        (
            lambda layer, x, keys, values: (lambda o, k, v: (o, v, k))(*step_in_full(layer, x, keys, values)),
            "other order",
        ),
    ],
}
