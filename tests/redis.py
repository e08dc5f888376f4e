"""A Redis cache that several test processes can share."""

from portal.redis_cache import RedisCache


class OwnKeysCache(RedisCache):
    """Clear what this process wrote; the backend empties the whole database."""

    def clear(self):
        client = self._cache.get_client(write=True)
        if keys := list(client.scan_iter(match=f"{self.key_prefix}:*", count=1000)):
            client.delete(*keys)
        return True
