"""Answers to lesson 19, right and wrong, written from the student's copy alone."""

import torch
import torch.nn.functional as F


def noised_in_one_line(clean, noise, t):
    return t[:, None, None] * clean + (1 - t[:, None, None]) * noise


def noised_by_lerp(clean, noise, t):
    return torch.lerp(noise, clean, t.view(-1, 1, 1))


def noised_by_loop(clean, noise, t):
    return torch.stack([t[i] * clean[i] + (1 - t[i]) * noise[i] for i in range(len(t))])


def along_the_numbers(clean, noise, t):
    return t * clean + (1 - t) * noise


def along_the_places(clean, noise, t):
    return t[:, None] * clean + (1 - t)[:, None] * noise


def ends_exchanged(clean, noise, t):
    return noised_in_one_line(noise, clean, t)


def clean_stays_strong(clean, noise, t):
    return clean + (1 - t)[:, None, None] * noise


def noise_added_by_t(clean, noise, t):
    return clean + t[:, None, None] * noise


def with_roots(clean, noise, t):
    share = t[:, None, None]
    return share.sqrt() * clean + (1 - share).sqrt() * noise


def one_t_for_all(clean, noise, t):
    return t[0] * clean + (1 - t[0]) * noise


def halves(clean, noise, t):
    return 0.5 * clean + 0.5 * noise


def noise_whole(clean, noise, t):
    return t[:, None, None] * clean + noise


def loss_by_mse(model, clean, text, t, noise):
    return F.mse_loss(model(noised_in_one_line(clean, noise, t), t, text), clean)


def loss_by_hand(model, clean, text, t, noise):
    wrong = model(noised_by_lerp(clean, noise, t), t, text) - clean
    return (wrong * wrong).mean()


def loss_by_norm(model, clean, text, t, noise):
    wrong = model(noised_by_loop(clean, noise, t), t, text) - clean
    return wrong.flatten().norm() ** 2 / clean.numel()


def guesses_the_noise(model, clean, text, t, noise):
    return F.mse_loss(model(noised_in_one_line(clean, noise, t), t, text), noise)


def guesses_its_input(model, clean, text, t, noise):
    x = noised_in_one_line(clean, noise, t)
    return F.mse_loss(model(x, t, text), x)


def guesses_the_velocity(model, clean, text, t, noise):
    return F.mse_loss(model(noised_in_one_line(clean, noise, t), t, text), clean - noise)


def sees_the_answer(model, clean, text, t, noise):
    return F.mse_loss(model(clean, t, text), clean)


def sees_noise_alone(model, clean, text, t, noise):
    return F.mse_loss(model(noise, t, text), clean)


def told_the_rest(model, clean, text, t, noise):
    return F.mse_loss(model(noised_in_one_line(clean, noise, t), 1 - t, text), clean)


def no_caption(model, clean, text, t, noise):
    return F.mse_loss(model(noised_in_one_line(clean, noise, t), t, torch.zeros_like(text)), clean)


def absolute(model, clean, text, t, noise):
    return F.l1_loss(model(noised_in_one_line(clean, noise, t), t, text), clean)


def summed(model, clean, text, t, noise):
    return F.mse_loss(model(noised_in_one_line(clean, noise, t), t, text), clean, reduction="sum")


def no_gradient(model, clean, text, t, noise):
    return loss_by_mse(model, clean, text, t, noise).detach()


def never_asks(model, clean, text, t, noise):
    return F.mse_loss(noised_in_one_line(clean, noise, t), clean)


def step_by_remixing(x, guess, t, later):
    noise = (x - t * guess) / (1 - t)
    return later * guess + (1 - later) * noise


def step_by_walking(x, guess, t, later):
    return x + (later - t) * (guess - x) / (1 - t)


def step_by_lerp(x, guess, t, later):
    return torch.lerp(x, guess, (later - t) / (1 - t))


def jumps(x, guess, t, later):
    return guess


def fresh_noise(x, guess, t, later):
    return later * guess + (1 - later) * torch.randn_like(x)


def x_as_noise(x, guess, t, later):
    return later * guess + (1 - later) * x


def not_divided(x, guess, t, later):
    return later * guess + (1 - later) * (x - t * guess)


def difference_as_noise(x, guess, t, later):
    return later * guess + (1 - later) * (x - guess)


def short_way(x, guess, t, later):
    return x + (later - t) * (guess - x)


def shares_exchanged(x, guess, t, later):
    return (1 - later) * guess + later * (x - t * guess) / (1 - t)


def same_t(x, guess, t, later):
    return step_by_remixing(x, guess, t, t)


def backward(x, guess, t, later):
    return x - (later - t) * (guess - x) / (1 - t)


def put_by_where(x, t, given, clean, noise):
    return torch.where(given[:, None], t * clean + (1 - t) * noise, x)


def put_by_index(x, t, given, clean, noise):
    y = x.clone()
    y[:, given] = (t * clean + (1 - t) * noise)[:, given]
    return y


def put_by_weights(x, t, given, clean, noise):
    share = given[:, None].float()
    return share * (t * clean + (1 - t) * noise) + (1 - share) * x


def puts_clean(x, t, given, clean, noise):
    return torch.where(given[:, None], clean, x)


def puts_the_rest(x, t, given, clean, noise):
    return torch.where(given[:, None], x, t * clean + (1 - t) * noise)


def puts_all(x, t, given, clean, noise):
    return t * clean + (1 - t) * noise


def along_numbers(x, t, given, clean, noise):
    return torch.where(given, t * clean + (1 - t) * noise, x)


def adds(x, t, given, clean, noise):
    return x + given[:, None] * (t * clean + (1 - t) * noise)


def puts_with_the_rest_of_t(x, t, given, clean, noise):
    return torch.where(given[:, None], (1 - t) * clean + t * noise, x)


def loses_the_rest(x, t, given, clean, noise):
    return given[:, None] * (t * clean + (1 - t) * noise)


def in_place(x, t, given, clean, noise):
    x[:, given] = (t * clean + (1 - t) * noise)[:, given]
    return x


RIGHT = {
    "19.noised": [noised_in_one_line, noised_by_lerp, noised_by_loop],
    "19.guess_loss": [loss_by_mse, loss_by_hand, loss_by_norm],
    "19.one_step": [step_by_remixing, step_by_walking, step_by_lerp],
    "19.put_back": [put_by_where, put_by_index, put_by_weights],
}
WRONG = {
    "19.noised": [
        (along_the_numbers, "numbers of a place"),
        (along_the_places, "to the places, not to the pictures"),
        (ends_exchanged, "ends are exchanged"),
        (clean_stays_strong, "clean grid is not weakened"),
        (noise_added_by_t, "more noise the larger t"),
        (with_roots, "square roots"),
        (one_t_for_all, "first one for all"),
        (halves, "whatever t says"),
        (noise_whole, "noise is not weakened"),
    ],
    "19.guess_loss": [
        (guesses_the_noise, "compare the guess with the noise"),
        (guesses_its_input, "noisy grid that it was given"),
        (guesses_the_velocity, "difference of clean grid and noise"),
        (sees_the_answer, "sees the clean grid"),
        (sees_noise_alone, "noise alone"),
        (told_the_rest, "told 1 - t"),
        (no_caption, "does not see the caption"),
        (absolute, "absolute errors"),
        (summed, "take the mean"),
        (no_gradient, "no gradient"),
        (never_asks, "never ask the model"),
    ],
    "19.one_step": [
        (jumps, "jump to the guess"),
        (fresh_noise, "fresh noise"),
        (x_as_noise, "mix the guess with x"),
        (not_divided, "divide by 1 - t"),
        (difference_as_noise, "not x - guess"),
        (short_way, "too short a way"),
        (shares_exchanged, "shares are exchanged"),
        (same_t, "nothing moves"),
        (backward, "back toward the noise"),
    ],
    "19.put_back": [
        (puts_clean, "noise these places to t"),
        (puts_the_rest, "turned round"),
        (puts_all, "nothing is drawn"),
        (along_numbers, "numbers of a place"),
        (adds, "replaces it"),
        (puts_with_the_rest_of_t, "noise by 1 - t"),
        (loses_the_rest, "rest becomes zero"),
        (in_place, "in place"),
    ],
}
