"""The world of hats of lesson 14: its tokens lose nothing, and its checker reads what is there, and where."""

import torch

from dalle_lessons.classroom import hats


def test_tokens_lose_nothing_and_no_patch_shows_a_shape_with_what_it_wears():
    scenes, pictures = hats.world()
    tokens = hats.encode(pictures)
    assert torch.equal(hats.decode(tokens), pictures)
    hat = [s.shape == "triangle" and s.worn == "hat" for s in scenes]
    new = set(tokens[torch.tensor(hat)].flatten().tolist())
    assert new <= set(tokens[~torch.tensor(hat)].flatten().tolist())


def test_each_true_picture_is_as_asked():
    scenes, pictures = hats.world()
    some = list(range(0, len(scenes), 7))
    for i, seen in zip(some, hats.find(pictures[some]), strict=True):
        assert (seen.shape, seen.size, seen.center) == (scenes[i].shape, scenes[i].size, (scenes[i].x, scenes[i].y))
        asked = scenes[i].worn
        assert hats.told(seen, scenes[i].shape, asked) == ("as asked" if asked != "nothing" else "nothing worn")


def test_what_is_wrong_is_named():
    def told(picture, worn="hat"):
        return hats.told(hats.find(torch.as_tensor(picture)[None])[0], "triangle", worn)

    bare = torch.from_numpy(hats.draw(hats.Wearer("triangle", "nothing", "blue", "big", 16, 16)))
    small = torch.from_numpy(hats.draw(hats.Wearer("triangle", "nothing", "blue", "small", 16, 20)))
    with_hat = torch.from_numpy(hats.draw(hats.Wearer("circle", "hat", "red", "small", 16, 16)))
    black = (with_hat.amax(dim=0) < 100).expand(3, -1, -1)
    moved = small.clone()
    moved[black] = with_hat[black]  # in its place for a shape 4 pixels higher
    assert told(bare) == "nothing worn" and told(with_hat) == "another shape"
    assert told(moved) == "in another place"
    assert told(torch.full((3, 32, 32), 255, dtype=torch.uint8)) == "shape: unclear"
    shod = torch.from_numpy(hats.draw(hats.Wearer("triangle", "shoes", "blue", "big", 16, 16)))
    assert told(shod) == "worn: unclear" and told(shod, "shoes") == "as asked"


def test_a_hat_lies_on_top_and_shoes_do_not():
    scenes, pictures = hats.world()
    for worn in ("hat", "shoes", "ball", "nothing"):
        some = [i for i, scene in enumerate(scenes) if scene.worn == worn][::11]
        assert hats.on_top(pictures[some]).tolist() == [worn == "hat"] * len(some)
