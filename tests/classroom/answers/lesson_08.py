"""Answers to lesson 08, right and wrong, written from the student's copy alone."""

import torch
import torch.nn.functional as F

# ---- the place of each slot ----


def by_arange(row, column, fed):
    i = torch.arange(fed)
    return row[i // len(column)] + column[i % len(column)]


def by_loop(row, column, fed):
    vectors = []
    for slot in range(fed):
        vectors.append(row[slot // column.shape[0]] + column[slot % column.shape[0]])
    return torch.stack(vectors)


def by_grid(row, column, fed):
    return (row[:, None] + column[None]).flatten(0, 1)[:fed]


def with_divmod(row, column, fed):
    return torch.stack([row[r] + column[c] for r, c in (divmod(slot, len(column)) for slot in range(fed))])


def of_the_fed_token(row, column, fed):
    i = (torch.arange(fed) - 1).clamp(min=0)
    return row[i // len(column)] + column[i % len(column)]


def sep_before_the_grid(row, column, fed):
    i = torch.arange(fed) - 1
    return row[i // len(column)] + column[i % len(column)]


def one_too_far(row, column, fed):
    i = (torch.arange(fed) + 1) % (len(row) * len(column))
    return row[i // len(column)] + column[i % len(column)]


def without_sep(row, column, fed):
    return by_arange(row, column, fed - 1)


def with_another_sep(row, column, fed):
    both = by_arange(row, column, fed)
    return torch.cat((both[:1], both))


def divided_by_rows(row, column, fed):
    i = torch.arange(fed)
    return row[i % len(row)] + column[i // len(row) % len(column)]


def rows_and_columns_exchanged(row, column, fed):
    i = torch.arange(fed)
    return row[i % len(column)] + column[i // len(column)]


def always_eight_at_once(row, column, fed):
    i = torch.arange(fed)
    return row[i // 8] + column[i % 8]


def always_eight(row, column, fed):
    i = torch.arange(fed)
    return row[i // 8 % len(row)] + column[i % 8 % len(column)]


def side_by_side(row, column, fed):
    i = torch.arange(fed)
    return torch.cat((row[i // len(column)], column[i % len(column)]), dim=1)


def whole_grid(row, column, fed):
    return row[:, None] + column[None]


def row_alone(row, column, fed):
    return row[torch.arange(fed) // len(column)]


def two_tables(row, column, fed):
    i = torch.arange(fed)
    return row[i // len(column)], column[i % len(column)]


def multiplied(row, column, fed):
    i = torch.arange(fed)
    return row[i // len(column)] * column[i % len(column)]


# ---- all slots ----


def places_of(e, n):
    i = torch.arange(n)
    return e.row.weight[i // e.cols] + e.column.weight[i % e.cols]


def parts(e, text, image_tokens):
    words = e.text.weight[text] + e.text_position.weight
    pads = e.pad.weight
    is_pad = (text == e.pad_id)[:, None]
    fed = torch.cat((e.separator[None], e.image.weight[image_tokens]))
    return words, pads, is_pad, fed, places_of(e, len(fed))


def embed_whole(e, text, image_tokens):
    words, pads, is_pad, fed, places = parts(e, text, image_tokens)
    return torch.cat((torch.where(is_pad, pads, words), fed + places))


def embed_by_loop(e, text, image_tokens):
    vectors = []
    for position, token in enumerate(text.tolist()):
        if token == e.pad_id:
            vectors.append(e.pad.weight[position])
        else:
            vectors.append(e.text.weight[token] + e.text_position.weight[position])
    vectors.append(e.separator + e.row.weight[0] + e.column.weight[0])
    for slot, token in enumerate(image_tokens.tolist(), start=1):
        vectors.append(e.image.weight[token] + e.row.weight[slot // e.cols] + e.column.weight[slot % e.cols])
    return torch.stack(vectors)


def embed_with_modules(e, text, image_tokens):
    at = torch.arange(len(text))
    words = torch.where((text == e.pad_id).unsqueeze(1), e.pad(at), e.text(text) + e.text_position(at))
    fed = torch.cat((e.separator.unsqueeze(0), e.image(image_tokens)))
    slots = torch.arange(len(fed))
    return torch.cat((words, fed + e.row(slots // e.cols) + e.column(slots % e.cols)))


def pads_as_words(e, text, image_tokens):
    words, _, _, fed, places = parts(e, text, image_tokens)
    return torch.cat((words, fed + places))


def pads_with_position(e, text, image_tokens):
    words, pads, is_pad, fed, places = parts(e, text, image_tokens)
    return torch.cat((torch.where(is_pad, pads + e.text_position.weight, words), fed + places))


def pads_counted_from_zero(e, text, image_tokens):
    words, pads, is_pad, fed, places = parts(e, text, image_tokens)
    number = ((text == e.pad_id).cumsum(0) - 1).clamp_min(0)
    return torch.cat((torch.where(is_pad, pads[number], words), fed + places))


def one_pad_for_all(e, text, image_tokens):
    words, pads, is_pad, fed, places = parts(e, text, image_tokens)
    return torch.cat((torch.where(is_pad, pads[0], words), fed + places))


def words_without_position(e, text, image_tokens):
    _, pads, is_pad, fed, places = parts(e, text, image_tokens)
    return torch.cat((torch.where(is_pad, pads, e.text.weight[text]), fed + places))


def sep_without_place(e, text, image_tokens):
    words, pads, is_pad, fed, places = parts(e, text, image_tokens)
    places = torch.cat((torch.zeros_like(places[:1]), places[1:]))
    return torch.cat((torch.where(is_pad, pads, words), fed + places))


def places_of_the_fed(e, text, image_tokens):
    words, pads, is_pad, fed, places = parts(e, text, image_tokens)
    return torch.cat((torch.where(is_pad, pads, words), fed + torch.cat((places[:1], places[:-1]))))


def picture_without_places(e, text, image_tokens):
    words, pads, is_pad, fed, places = parts(e, text, image_tokens)
    places = torch.cat((places[:1], torch.zeros_like(places[1:])))
    return torch.cat((torch.where(is_pad, pads, words), fed + places))


def without_separator(e, text, image_tokens):
    return torch.cat((embed_whole(e, text, image_tokens)[: len(text)], embed_whole(e, text, image_tokens)[7:]))


def picture_first(e, text, image_tokens):
    whole = embed_whole(e, text, image_tokens)
    return torch.cat((whole[len(text) :], whole[: len(text)]))


def with_a_batch(e, text, image_tokens):
    return embed_whole(e, text, image_tokens)[None]


def as_a_list(e, text, image_tokens):
    return list(embed_whole(e, text, image_tokens))


def last_two_are_pads(e, text, image_tokens):
    words, pads, _, fed, places = parts(e, text, image_tokens)
    return torch.cat((words[:4], pads[4:], fed + places))


def without_gradient(e, text, image_tokens):
    with torch.no_grad():
        return embed_whole(e, text, image_tokens)


# ---- the linear map ----


def with_one(x):
    return F.pad(x, (0, 1), value=1.0)


def least_squares(x, labels, held_x, classes):
    truth = F.one_hot(labels, classes).float()
    return (with_one(held_x) @ torch.linalg.lstsq(with_one(x), truth).solution).argmax(dim=1)


def pseudo_inverse(x, labels, held_x, classes):
    weights = torch.linalg.pinv(with_one(x)) @ torch.eye(classes)[labels]
    return (with_one(held_x) @ weights).max(dim=1).indices


def normal_equations(x, labels, held_x, classes):
    a = with_one(x).double()
    weights = torch.linalg.solve(a.mT @ a, a.mT @ F.one_hot(labels, classes).double())
    return torch.argmax(with_one(held_x).double() @ weights, -1)


def weights_of(x, labels, classes):
    return torch.linalg.lstsq(with_one(x), F.one_hot(labels, classes).float()).solution


def without_one(x, labels, held_x, classes):
    weights = torch.linalg.lstsq(x, F.one_hot(labels, classes).float()).solution
    return (held_x @ weights).argmax(dim=1)


def one_number(x, labels, held_x, classes):
    weights = torch.linalg.lstsq(with_one(x), labels[:, None].float()).solution
    return (with_one(held_x) @ weights)[:, 0].round().long().clamp(0, classes - 1)


def nearest_mean(x, labels, held_x, classes):
    means = torch.stack([x[labels == k].mean(dim=0) for k in range(classes)])
    return torch.cdist(held_x, means).argmin(dim=1)


RIGHT = {
    "08.place_vectors": [by_arange, by_loop, by_grid, with_divmod],
    "08.embed": [embed_whole, embed_by_loop, embed_with_modules],
    "08.probe": [least_squares, pseudo_inverse, normal_equations],
    "08.maps": ["cdba", "CDBA", ["c", "d", "b", "a"], {"A": "c", "B": "d", "C": "b", "D": "a"}],
}

WRONG = {
    "08.place_vectors": [
        (of_the_fed_token, "token that is fed"),
        (sep_before_the_grid, "before the grid"),
        (one_too_far, "One too far"),
        (without_sep, "One too few"),
        (with_another_sep, "One too many"),
        (divided_by_rows, "top to bottom"),
        (always_eight, "8 columns"),
        (always_eight_at_once, "8 columns"),
        (rows_and_columns_exchanged, "exchanged"),
        (side_by_side, "one behind the other"),
        (whole_grid, "grid of vectors"),
        (row_alone, "row's vectors alone"),
        (two_tables, "two things"),
        (multiplied, "product"),
        (lambda row, column, fed: by_arange(row, column, fed) / 2, "mean"),
        (lambda row, column, fed: by_arange(row, column, fed)[-1], "one vector"),
    ],
    "08.embed": [
        (pads_as_words, "as a word"),
        (pads_with_position, "nothing besides"),
        (pads_counted_from_zero, "from 0"),
        (one_pad_for_all, "same vector"),
        (words_without_position, "no text position"),
        (sep_without_place, r"\[SEP\] has no place"),
        (places_of_the_fed, "tokens that are fed"),
        (picture_without_places, "have no place"),
        (without_separator, "One slot is missing"),
        (picture_first, "before the text"),
        (with_a_batch, "batch"),
        (as_a_list, "list of vectors"),
        (last_two_are_pads, "wherever"),
        (without_gradient, "gradient"),
    ],
    "08.probe": [
        (without_one, "constant"),
        (one_number, "one number"),
        (nearest_mean, "nearest mean"),
        (lambda x, y, h, n: with_one(h) @ weights_of(x, y, n), "largest"),
        (lambda x, y, h, n: weights_of(x, y, n), "linear map"),
        (lambda x, y, h, n: (with_one(x) @ weights_of(x, y, n)).argmax(dim=1), "fitted to"),
        (lambda x, y, h, n: (with_one(h) @ weights_of(x, y, n)).argmax(dim=0), "each class"),
        (lambda x, y, h, n: (with_one(h) @ weights_of(x, y, n)).argmin(dim=1), "smallest"),
        (lambda x, y, h, n: (with_one(h) @ weights_of(x, y, n)).argmax(dim=1).tolist(), "should be a tensor"),
    ],
    "08.maps": [
        ("dcba", "before training|Random vectors"),
        ("abcd", "sum"),
        ("badc", "sum"),
        ("dcab", "other way round"),
        ("cdab", "before training|Random vectors"),
        ("cd", "four letters"),
        (3, "four letters"),
        (..., "no answer yet"),
    ],
}
