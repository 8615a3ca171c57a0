"""Answers to lesson 12, right and wrong, written from the student's copy alone."""

import torch
import torch.nn.functional as F


def loss_by_cross_entropy(images, texts, scale):
    logits = scale * images @ texts.T
    labels = torch.arange(len(images))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def loss_by_diagonal(images, texts, scale):
    logits = images @ texts.T * scale
    rows, columns = logits.log_softmax(dim=1), logits.log_softmax(dim=0)
    return -(rows.diagonal() + columns.diagonal()).mean() / 2


def loss_by_loop(images, texts, scale):
    total, pairs = 0, len(images)
    for i in range(pairs):
        right = scale * images[i].dot(texts[i])
        total = total + torch.logsumexp(scale * (texts @ images[i]), dim=0) - right
        total = total + torch.logsumexp(scale * (images @ texts[i]), dim=0) - right
    return total / (2 * pairs)


def only_rows(images, texts, scale):
    return F.cross_entropy(scale * images @ texts.T, torch.arange(len(images)))


def sum_of_directions(images, texts, scale):
    return 2 * loss_by_cross_entropy(images, texts, scale)


def scale_forgotten(images, texts, scale):
    return loss_by_cross_entropy(images, texts, 1.0)


def divided_by_scale(images, texts, scale):
    return loss_by_cross_entropy(images, texts, 1 / scale)


def all_labels_zero(images, texts, scale):
    logits = scale * images @ texts.T
    labels = torch.zeros(len(images), dtype=torch.long)
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def softmax_twice(images, texts, scale):
    logits = scale * images @ texts.T
    labels = torch.arange(len(images))
    rows, columns = logits.softmax(dim=1), logits.T.softmax(dim=1)
    return (F.cross_entropy(rows, labels) + F.cross_entropy(columns, labels)) / 2


def forgotten_minus(images, texts, scale):
    return -loss_by_cross_entropy(images, texts, scale)


def right_pairs_only(images, texts, scale):
    return -(scale * (images * texts).sum(dim=1)).mean()


def one_softmax_over_all(images, texts, scale):
    logits = scale * images @ texts.T
    return -logits.flatten().log_softmax(dim=0).reshape(logits.shape).diagonal().mean()


def each_cell_yes_or_no(images, texts, scale):
    logits = scale * images @ texts.T
    return F.binary_cross_entropy_with_logits(logits, torch.eye(len(images)))


def mean_of_all_cells(images, texts, scale):
    logits = scale * images @ texts.T
    return -(logits.log_softmax(dim=1) + logits.log_softmax(dim=0)).mean() / 2


def softmax_once_for_both(images, texts, scale):
    probabilities = (scale * images @ texts.T).softmax(dim=1)
    labels = torch.arange(len(images))
    return (F.cross_entropy(probabilities, labels) + F.cross_entropy(probabilities.T, labels)) / 2


def softmax_in_one_direction(images, texts, scale):
    return F.cross_entropy((scale * images @ texts.T).softmax(dim=-1), torch.arange(len(images)))


def softmax_unscaled(images, texts, scale):
    probabilities = (images @ texts.T).softmax(dim=1) * scale
    labels = torch.arange(len(images))
    return (F.cross_entropy(probabilities, labels) + F.cross_entropy(probabilities.T, labels)) / 2


def equal_captions(tokens):
    return (tokens[:, None] == tokens[None]).all(-1)


def both(logits):
    labels = torch.arange(len(logits))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def fair_by_mask(images, texts, scale, tokens):
    same = equal_captions(tokens) & ~torch.eye(len(tokens), dtype=torch.bool)
    return both((scale * images @ texts.T).masked_fill(same, float("-inf")))


def fair_by_where(images, texts, scale, tokens):
    logits = scale * images @ texts.T
    return both(torch.where(equal_captions(tokens).fill_diagonal_(False), torch.tensor(-1e9), logits))


def fair_by_loop(images, texts, scale, tokens):
    total, pairs = 0, len(images)
    for i in range(pairs):
        kept = [j for j in range(pairs) if j == i or not torch.equal(tokens[i], tokens[j])]
        right = scale * images[i] @ texts[i]
        total = total + torch.logsumexp(scale * (texts[kept] @ images[i]), 0) - right
        total = total + torch.logsumexp(scale * (images[kept] @ texts[i]), 0) - right
    return total / (2 * pairs)


def diagonal_gone(images, texts, scale, tokens):
    return both((scale * images @ texts.T).masked_fill(equal_captions(tokens), -torch.inf))


def filled_with_zero(images, texts, scale, tokens):
    return both((scale * images @ texts.T).masked_fill(equal_captions(tokens).fill_diagonal_(False), 0))


def rows_alone(images, texts, scale, tokens):
    logits, labels = scale * images @ texts.T, torch.arange(len(images))
    left = logits.masked_fill(equal_captions(tokens).fill_diagonal_(False), -torch.inf)
    return (F.cross_entropy(left, labels) + F.cross_entropy(logits.T, labels)) / 2


def columns_alone(images, texts, scale, tokens):
    logits, labels = scale * images @ texts.T, torch.arange(len(images))
    left = logits.masked_fill(equal_captions(tokens).fill_diagonal_(False), -torch.inf)
    return (F.cross_entropy(logits, labels) + F.cross_entropy(left.T, labels)) / 2


def any_shared_token(images, texts, scale, tokens):
    share = (tokens[:, None, 1:3] == tokens[None, :, 1:3]).any(-1).fill_diagonal_(False)
    return both((scale * images @ texts.T).masked_fill(share, -torch.inf))


def any_token(images, texts, scale, tokens):
    share = (tokens[:, None] == tokens).any(-1).fill_diagonal_(False)
    return both((scale * images @ texts.T).masked_fill(share, -torch.inf))


def repeated_thrown_out(images, texts, scale, tokens):
    kept = [i for i in range(len(tokens)) if not any(torch.equal(tokens[i], tokens[j]) for j in range(i))]
    return both(scale * images[kept] @ texts[kept].T)


def answer_shared_out(images, texts, scale, tokens):
    logits, same = scale * images @ texts.T, equal_captions(tokens).float()
    share = same / same.sum(1, keepdim=True)
    return (F.cross_entropy(logits, share) + F.cross_entropy(logits.T, share)) / 2


def nothing_left_out(images, texts, scale, tokens):
    return both(scale * images @ texts.T)


def best_by_gather(scores, right, n):
    place = scores[:, :n].max(dim=1, keepdim=True).indices
    return right.gather(1, place).float().mean()


def best_by_index(scores, right, n):
    return right[range(len(right)), scores[:, :n].argmax(1)].double().mean().item()


def best_by_loop(scores, right, n):
    hits = 0
    for row, marks in zip(scores, right, strict=True):
        best = 0
        for i in range(1, n):
            if row[i] > row[best]:
                best = i
        hits += bool(marks[best])
    return hits / len(scores)


def best_last_of_equals(scores, right, n):
    hits = 0
    for row, marks in zip(scores, right, strict=True):
        best = 0
        for i in range(1, n):
            if row[i] >= row[best]:
                best = i
        hits += bool(marks[best])
    return hits / len(scores)


def picked(scores, right, place):
    return right[torch.arange(len(right)), place].float().mean()


NAMES = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black")


def colors_of(caption):
    return [word for word in caption.split() if word in NAMES]


def swap_by_words(caption):
    words = caption.split()
    i, j = (n for n, word in enumerate(words) if word in NAMES)
    words[i], words[j] = words[j], words[i]
    return " ".join(words)


def swap_by_dictionary(caption):
    one, two = colors_of(caption)
    return " ".join({one: two, two: one}.get(word, word) for word in caption.split(" "))


def swap_by_mark(caption):
    one, two = colors_of(caption)
    return caption.replace(one, "#").replace(two, one).replace("#", two)


def replaced_one_after_the_other(caption):
    one, two = colors_of(caption)
    return caption.replace(one, two).replace(two, one)


def second_overwritten(caption):
    one, two = colors_of(caption)
    return caption.replace(one, two)


def swap_phrases(caption):
    words = caption.split()
    i, j = (n for n, word in enumerate(words) if word in NAMES)
    words[i - 1 : i + 1], words[j - 1 : j + 1] = words[j - 1 : j + 1], words[i - 1 : i + 1]
    return " ".join(words)


def swap_things(caption):
    for relation in ("above", "below", "left of", "right of"):
        if relation in caption:
            first, second = caption.split(f" {relation} ")
            return f"{second} {relation} {first}"


def swap_nothing(caption):
    one, two = colors_of(caption)
    caption.replace(one, two)
    return caption


def hard_by_cat(images, texts, wrong, scale):
    logits, labels = scale * images @ torch.cat((texts, wrong)).T, torch.arange(len(images))
    return (F.cross_entropy(logits, labels) + F.cross_entropy(scale * texts @ images.T, labels)) / 2


def hard_by_logsumexp(images, texts, wrong, scale):
    logits, extra = scale * images @ texts.T, scale * images @ wrong.T
    rows = torch.cat((logits, extra), 1).logsumexp(1) - logits.diagonal()
    return (rows + logits.logsumexp(0) - logits.diagonal()).mean() / 2


def hard_by_softmax(images, texts, wrong, scale):
    logits = scale * images @ torch.cat((texts, wrong)).T
    rows = logits.log_softmax(1).diagonal()
    columns = logits[:, : len(images)].log_softmax(0).diagonal()
    return -(rows + columns).mean() / 2


def hard_unused(images, texts, wrong, scale):
    return both(scale * images @ texts.T)


def hard_pictures_alone(images, texts, wrong, scale):
    return F.cross_entropy(scale * images @ torch.cat((texts, wrong)).T, torch.arange(len(images)))


def hard_in_front(images, texts, wrong, scale):
    logits, labels = scale * images @ texts.T, torch.arange(len(images))
    wide = torch.cat((scale * images @ wrong.T, logits), 1)
    return (F.cross_entropy(wide, labels) + F.cross_entropy(logits.T, labels)) / 2


def hard_unscaled(images, texts, wrong, scale):
    logits, labels = scale * images @ texts.T, torch.arange(len(images))
    wide = torch.cat((logits, images @ wrong.T), 1)
    return (F.cross_entropy(wide, labels) + F.cross_entropy(logits.T, labels)) / 2


def hard_softmax_twice(images, texts, wrong, scale):
    logits, labels = scale * images @ torch.cat((texts, wrong)).T, torch.arange(len(images))
    columns = logits[:, : len(images)].T
    return (F.cross_entropy(logits.softmax(1), labels) + F.cross_entropy(columns.softmax(1), labels)) / 2


def hard_pushed_away(images, texts, wrong, scale):
    return both(scale * images @ texts.T) + (scale * images @ wrong.T).mean()


def swapped_choose_too(images, texts, wrong, scale):
    logits, labels = scale * images @ torch.cat((texts, wrong)).T, torch.arange(len(images))
    columns = torch.arange(len(texts) + len(wrong)) % len(images)
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, columns)) / 2


def own_swap_alone(images, texts, wrong, scale):
    kept = len(wrong)
    return F.softplus(scale * ((images[:kept] * wrong).sum(1) - (images * texts).sum(1)[:kept])).mean()


def only_against_swapped(images, texts, wrong, scale):
    logits, labels = scale * images @ texts.T, torch.arange(len(images))
    few = torch.cat((logits.diagonal()[:, None], scale * images @ wrong.T), 1)
    return (F.cross_entropy(few, torch.zeros_like(labels)) + F.cross_entropy(logits.T, labels)) / 2


RIGHT = {
    "12.contrastive_loss": [
        loss_by_cross_entropy,
        loss_by_diagonal,
        loss_by_loop,
    ],
    "12.fair_loss": [fair_by_mask, fair_by_where, fair_by_loop],
    "12.best_of": [best_by_gather, best_by_index, best_by_loop],
    "12.swap_colors": [swap_by_words, swap_by_dictionary, swap_by_mark],
    "12.hard_loss": [hard_by_cat, hard_by_logsumexp, hard_by_softmax],
}

WRONG = {
    "12.contrastive_loss": [
        (only_rows, "Only one direction"),
        (sum_of_directions, "directions are added"),
        (divided_by_scale, "divide by the scale"),
        (all_labels_zero, "labels"),
        (softmax_twice, "softmax twice"),
        (softmax_once_for_both, "softmax twice"),
        (softmax_in_one_direction, "softmax twice"),
        (softmax_unscaled, "softmax twice"),
        (forgotten_minus, "sign"),
        (one_softmax_over_all, "One softmax"),
        (each_cell_yes_or_no, "yes or no"),
        (mean_of_all_cells, "diagonal"),
        (scale_forgotten, "scale is not used"),
        (right_pairs_only, "win against"),
        (lambda images, texts, scale: 1 - (images * texts).sum(1).mean(), "one vector for all"),
        (lambda images, texts, scale: loss_by_cross_entropy(images, texts, scale).item(), "leave float"),
        (lambda images, texts, scale: loss_by_cross_entropy(images, texts, scale).detach(), "no gradient"),
    ],
    "12.fair_loss": [
        (nothing_left_out, "still count"),
        (diagonal_gone, "Keep the diagonal"),
        (filled_with_zero, "fill in 0"),
        (rows_alone, "rows alone"),
        (columns_alone, "columns alone"),
        (any_token, "start token"),
        (any_shared_token, "Here it is"),
        (repeated_thrown_out, "throw repeated"),
        (answer_shared_out, "share the answer"),
        (lambda *given: 2 * fair_by_mask(*given), "directions are added"),
        (lambda *given: fair_by_mask(*given).detach(), "no gradient"),
    ],
    "12.best_of": [
        (lambda scores, right, n: picked(scores, right, scores.argmax(1)), "all candidates"),
        (lambda scores, right, n: scores[:, :n].max(1).values.mean(), "best score"),
        (lambda scores, right, n: picked(scores, right, scores[:, : n + 1].argmax(1)), "too many"),
        (lambda scores, right, n: picked(scores, right, scores[:, : max(n - 1, 1)].argmax(1)), "too few"),
        (lambda scores, right, n: right[torch.arange(5), scores[:, :n].argmax(1)], "their mean"),
        (lambda scores, right, n: picked(scores, right, 6 - n + scores[:, -n:].argmax(1)), "last n"),
        (lambda scores, right, n: picked(scores, right, scores[:, :n].abs().argmax(1)), "amount"),
        (lambda scores, right, n: picked(scores, right, scores[:, :n].argmin(1)), "worst"),
        (lambda scores, right, n: right[:, :n].any(1).float().mean(), "checker"),
        (lambda scores, right, n: right[:, :n].float().mean(), "at random"),
        (lambda scores, right, n: 100 * best_by_loop(scores, right, n), "percent"),
        (best_last_of_equals, "equal scores"),
    ],
    "12.swap_colors": [
        (replaced_one_after_the_other, "first color now"),
        (second_overwritten, "second color now"),
        (swap_phrases, "sizes, too"),
        (swap_things, "whole"),
        (swap_nothing, "as it was"),
        (lambda caption: swap_by_words(caption).split(), "list of words"),
        (lambda caption: " ".join(caption.split()[::-1]), "order of all words"),
        (lambda caption: "".join(swap_by_words(caption).split()), "no more"),
        (lambda caption: swap_by_words(caption) + " ", "One space"),
    ],
    "12.hard_loss": [
        (hard_unused, "not used"),
        (hard_pictures_alone, "pictures' direction"),
        (hard_in_front, "stand first"),
        (hard_unscaled, "lack the scale"),
        (hard_softmax_twice, "softmax twice"),
        (hard_pushed_away, "term of their own"),
        (swapped_choose_too, "leave them out there"),
        (own_swap_alone, "own swapped one alone"),
        (only_against_swapped, "take the right captions out"),
        (lambda *given: 2 * hard_by_cat(*given), "directions are added"),
        (lambda *given: -hard_by_cat(*given), "sign"),
        (lambda *given: hard_by_cat(*given).item(), "leave float"),
    ],
}
