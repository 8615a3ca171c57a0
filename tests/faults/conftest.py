"""The tiny presets and trainings of tests/training serve here too."""

from training.conftest import few_pairs, tiny, tiny_world, trained_runs

__all__ = ["few_pairs", "tiny", "tiny_world", "trained_runs"]
