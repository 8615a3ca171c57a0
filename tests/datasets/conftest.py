from tiny_shards import make_shards

__all__ = ["make_shards"]  # a fixture
