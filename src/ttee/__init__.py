"""T-TEE."""
