"""Answers to lesson 02, right and wrong, written from the student's copy alone."""

import math
from collections import Counter

import torch


def nearest_by_broadcasting(z, codebook):
    return (z[:, None] - codebook).pow(2).sum(-1).argmin(dim=1)


def nearest_by_cdist(z, codebook):
    return torch.cdist(z, codebook).min(dim=1).indices


def nearest_by_loop(z, codebook):
    tokens = []
    for vector in z:
        best, least = 0, math.inf
        for k, code in enumerate(codebook):
            distance = float(((vector - code) ** 2).sum())
            if distance < least:
                best, least = k, distance
        tokens.append(best)
    return torch.tensor(tokens)


def nearest_vector_of_each_code(z, codebook):
    return (z[:, None] - codebook).pow(2).sum(-1).argmin(dim=0)


def largest_dot_product(z, codebook):
    return (z @ codebook.T).argmax(dim=1)


def most_similar_direction(z, codebook):
    return torch.cosine_similarity(z[:, None], codebook[None], dim=-1).argmax(dim=1)


def signed_differences(z, codebook):
    return (z[:, None] - codebook).sum(-1).argmin(dim=1)


def city_blocks(z, codebook):
    return (z[:, None] - codebook).abs().sum(-1).argmin(dim=1)


def code_not_number(z, codebook):
    return codebook[(z[:, None] - codebook).pow(2).sum(-1).argmin(dim=1)]


def distance_not_number(z, codebook):
    return (z[:, None] - codebook).pow(2).sum(-1).min(dim=1).values


def one_for_all(z, codebook):
    return (z[:, None] - codebook).pow(2).sum(-1).argmin()


def floating_tokens(z, codebook):
    return torch.cdist(z, codebook).argmin(dim=1).float()


class PassOn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z, e):
        return e.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


def through_detach(z, e):
    return z + (e - z).detach()


def through_function(z, e):
    return PassOn.apply(z, e)


def through_overwritten_copy(z, e):
    out = z.clone()
    with torch.no_grad():
        out.copy_(e)
    return out


def overwrites_z(z, e):
    z.data.copy_(e.data)
    return z * 1


def perplexity_by_bincount(tokens, codes):
    p = torch.bincount(tokens.flatten(), minlength=codes) / tokens.numel()
    p = p[p > 0]
    return (-(p * p.log()).sum()).exp()


def perplexity_by_counter(tokens, codes):
    counts = Counter(tokens.flatten().tolist())
    total = sum(counts.values())
    return math.exp(-sum(n / total * math.log(n / total) for n in counts.values()))


def perplexity_by_entr(tokens, codes):
    shares = torch.nn.functional.one_hot(tokens.reshape(-1), codes).double().mean(dim=0)
    return torch.special.entr(shares).sum().exp().item()


def shares(tokens, codes):
    return torch.bincount(tokens.flatten(), minlength=codes) / tokens.numel()


def present(tokens, codes):
    p = shares(tokens, codes)
    return p[p > 0]


def bits_with_exp(tokens, codes):
    p = present(tokens, codes)
    return float((-(p * p.log2()).sum()).exp())


def entropy_only(tokens, codes):
    p = present(tokens, codes)
    return float(-(p * p.log()).sum())


def forgotten_minus(tokens, codes):
    p = present(tokens, codes)
    return float((p * p.log()).sum().exp())


def zero_times_minus_infinity(tokens, codes):
    p = shares(tokens, codes)
    return float((-(p * p.log()).sum()).exp())


def codes_in_use(tokens, codes):
    return len(tokens.unique())


def divides_by_first_axis(tokens, codes):
    p = torch.bincount(tokens.flatten(), minlength=codes) / len(tokens)
    p = p[p > 0]
    return float((-(p * p.log()).sum()).exp())


def softmax_of_counts(tokens, codes):
    p = torch.bincount(tokens.flatten(), minlength=codes).float().softmax(dim=0)
    return float((-(p * p.log()).sum()).exp())


def smoothed_counts(tokens, codes):
    counts = torch.bincount(tokens.flatten(), minlength=codes) + 1
    p = counts / counts.sum()
    return float((-(p * p.log()).sum()).exp())


def mean_over_rows(tokens, codes):
    rows = tokens.reshape(-1, tokens.shape[-1])
    return sum(float(torch.special.entr(shares(row, codes)).sum().exp()) for row in rows) / len(rows)


def nearest_by_products(z, codebook):
    return (z @ codebook.T * 2 - codebook.pow(2).sum(1)).argmax(-1).to(torch.int32)


def perplexity_in_bits(tokens, codes):
    p = present(tokens, codes)
    return 2 ** -(p * p.log2()).sum().item()


def revive_by_mask(codebook, vectors, counts):
    unused = counts == 0
    chosen = torch.randperm(len(vectors))[: int(unused.sum())]
    new = codebook.clone()
    new[unused] = vectors[chosen]
    return new


def revive_by_where(codebook, vectors, counts):
    chosen = vectors[torch.randint(len(vectors), (len(codebook),))]
    return torch.where((counts == 0)[:, None], chosen, codebook)


def revive_by_loop(codebook, vectors, counts):
    new = [code for code in codebook]
    for k, count in enumerate(counts.tolist()):
        if count == 0:
            new[k] = vectors[torch.randint(len(vectors), ()).item()]
    return torch.stack(new)


def replaced(new, where, codebook):
    codebook = codebook.clone()
    codebook[where] = new
    return codebook


def revive_onto_mean(codebook, vectors, counts):
    return replaced(vectors.mean(dim=0), counts == 0, codebook)


def revive_onto_one(codebook, vectors, counts):
    return replaced(vectors[torch.randint(len(vectors), (1,))], counts == 0, codebook)


def revive_onto_first(codebook, vectors, counts):
    return replaced(vectors[: int((counts == 0).sum())], counts == 0, codebook)


def revive_with_noise(codebook, vectors, counts):
    return replaced(torch.randn(int((counts == 0).sum()), codebook.shape[1]), counts == 0, codebook)


def revive_onto_commonest(codebook, vectors, counts):
    return replaced(codebook[counts.argmax()], counts == 0, codebook)


def revive_rare_too(codebook, vectors, counts):
    rare = counts < 2
    return replaced(vectors[torch.randint(len(vectors), (int(rare.sum()),))], rare, codebook)


def revive_the_used(codebook, vectors, counts):
    used = counts > 0
    return replaced(vectors[torch.randint(len(vectors), (int(used.sum()),))], used, codebook)


def revive_in_place(codebook, vectors, counts):
    unused = counts == 0
    codebook[unused] = vectors[torch.randint(len(vectors), (int(unused.sum()),))]
    return codebook


def moved_alone(codebook, vectors, counts):
    return vectors[torch.randint(len(vectors), (int((counts == 0).sum()),))]


def revive_onto_farthest(codebook, vectors, counts):
    far = torch.cdist(vectors, codebook).amin(dim=1).argsort(descending=True)
    return replaced(vectors[far[: int((counts == 0).sum())]], counts == 0, codebook)


def revive_with_a_seed(codebook, vectors, counts):
    torch.manual_seed(0)
    return revive_by_mask(codebook, vectors, counts)


def revive_onto_same_number(codebook, vectors, counts):
    return replaced(vectors[: len(codebook)][counts == 0], counts == 0, codebook)


def plain_mean_of_logarithms(tokens, codes):
    return float((-present(tokens, codes).log().mean()).exp())


def shares_of_codes(tokens, codes):
    p = torch.bincount(tokens.flatten(), minlength=codes) / codes
    p = p[p > 0]
    return float((-(p * p.log()).sum()).exp())


RIGHT = {
    "02.nearest_code": [
        nearest_by_broadcasting,
        nearest_by_cdist,
        nearest_by_products,
    ],
    "02.straight_through": [
        through_detach,
        through_function,
        through_overwritten_copy,
        lambda z, e: e.detach() + z - z.detach(),
    ],
    "02.revive": [
        revive_by_mask,
        revive_by_where,
        revive_by_loop,
    ],
    "02.perplexity": [
        perplexity_by_bincount,
        perplexity_by_counter,
        perplexity_by_entr,
        perplexity_in_bits,
    ],
}

WRONG = {
    "02.nearest_code": [
        (nearest_vector_of_each_code, "other axis"),
        (largest_dot_product, "dot product"),
        (most_similar_direction, "cosine"),
        (signed_differences, "with their signs"),
        (city_blocks, "absolute"),
        (code_not_number, "codes' vectors"),
        (distance_not_number, "argmin instead of min"),
        (one_for_all, "One number for all"),
        (floating_tokens, "whole numbers"),
        (lambda z, codebook: torch.cdist(z, codebook), "all distances"),
        (lambda z, codebook: torch.cdist(z, codebook).min(dim=1), "pair of values and indices"),
        (lambda z, codebook: torch.cdist(torch.ones(64, 3), codebook).argmin(dim=1), "arguments"),
        (lambda z, codebook: (z[:, None] - torch.ones(128, 8)).pow(2).sum(-1).argmin(dim=1), "arguments only"),
        (lambda z, codebook: nearest_by_cdist(z, codebook).tolist(), "later cells need"),
        (nearest_by_loop, "at once"),
        (lambda z, codebook: torch.cdist(z, codebook).argmax(dim=1), "farthest"),
        (lambda z, codebook: torch.cdist(z, codebook).topk(1, largest=False).indices, r"\(N, 1\)"),
        (lambda z, codebook: nearest_by_cdist(z, codebook) + 1, "from 1"),
        (lambda z, codebook: (codebook.pow(2).sum(1) - z @ codebook.T).argmin(1), "factor 2"),
        (lambda z, codebook: (z @ codebook.T).argmin(1), "smallest dot product"),
        (lambda z, codebook: (z[:, None] - codebook).abs().amax(-1).argmin(1), "largest difference alone"),
    ],
    "02.straight_through": [
        (lambda z, e: e + (z - e).detach(), "exchanged"),
        (lambda z, e: z, "no code is chosen"),
        (lambda z, e: e, "goes to e alone"),
        (lambda z, e: e.detach(), "No gradient"),
        (lambda z, e: z + e - z, "cancels"),
        (lambda z, e: z.detach() + (e - z), "wrong sign"),
        (lambda z, e: z + e - z.detach(), "reaches e as well"),
        (lambda z, e: z + e.detach(), r"z \+ e"),
        (overwrites_z, "in place"),
        (lambda z, e: z + (e - z.detach()), "reaches e as well"),
        (lambda z, e: 0.5 * z + (e - 0.5 * z).detach(), "unchanged, and it is another"),
        (lambda z, e: e.detach().requires_grad_(), "does not reach|No gradient"),
        (lambda z, e: (e - z).detach(), "for rounding"),
        (lambda z, e: z + (e.detach() - z), "z and -z cancel"),
        (lambda z, e: z.detach() + (e - z).detach(), "everything is detached"),
    ],
    "02.revive": [
        (lambda codebook, vectors, counts: codebook, "No code has moved"),
        (revive_the_used, "other way round|in use have moved"),
        (revive_rare_too, "in use have moved"),
        (revive_onto_mean, "mean of the vectors"),
        (revive_onto_one, "same vector"),
        (revive_onto_first, "top of one picture"),
        (revive_onto_commonest, "stands on a used one"),
        (revive_with_noise, "where no vector is"),
        (moved_alone, "moved codes alone"),
        (revive_in_place, "in place"),
        (lambda codebook, vectors, counts: vectors, "give a codebook"),
        (revive_onto_farthest, "same vectors every time, so"),
        (revive_with_a_seed, "without a seed"),
        (revive_onto_same_number, "top of one picture"),
    ],
    "02.perplexity": [
        (bits_with_exp, "exp of bits"),
        (entropy_only, "entropy, in nats"),
        (forgotten_minus, "minus sign"),
        (zero_times_minus_infinity, "NaN"),
        (codes_in_use, "how many codes"),
        (lambda tokens, codes: math.exp(entropy_only(tokens, codes)) * 2, "shares sum to 1"),
        (divides_by_first_axis, "numel"),
        (softmax_of_counts, "softmax of the counts"),
        (smoothed_counts, "leave them out"),
        (mean_over_rows, "average over the rows"),
        (lambda tokens, codes: codes, "number of codes"),
        (lambda tokens, codes: 2 ** entropy_only(tokens, codes), "power of nats"),
        (lambda tokens, codes: 1 / float(shares(tokens, codes).pow(2).sum()), "another measure"),
        (lambda tokens, codes: math.exp(entropy_only(tokens, codes)) / codes, "divide by the number"),
        (lambda tokens, codes: torch.bincount(tokens.flatten(), minlength=codes), "one number"),
        (plain_mean_of_logarithms, "weigh with p"),
        (shares_of_codes, "number of tokens"),
        (lambda tokens, codes: 1 / float(shares(tokens, codes).max()), "largest share"),
    ],
}
