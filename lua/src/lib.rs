//! The Redis scripts of the limiter, embedded. They arrive with the Redis store.
