"""goodgate and nginx under the same configuration and the same load."""
