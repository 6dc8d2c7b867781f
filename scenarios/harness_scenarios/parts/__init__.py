"""Parts that several scenarios share: schedules, payloads, logs and statistics."""
