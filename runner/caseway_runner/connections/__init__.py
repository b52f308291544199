"""Functions of the default catalog that use connections: sql, redis, s3, email, ai-chat; and template, which
needs none. A connection's address and secret come from `CASEWAY_SERVICES`."""
