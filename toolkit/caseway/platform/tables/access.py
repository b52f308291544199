"""Who there is, what they may do, and the tokens they show. Of secrets only digests are kept."""

from __future__ import annotations

import sqlalchemy as sa

from caseway.platform.tables.types import Instant, JsonText, metadata

organizations = sa.Table(
    "organizations",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
)

# People, of any organization. `password` is an argon2 hash, NULL for who signs in elsewhere or not at all.
users = sa.Table(
    "users",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("password", sa.Text),
    sa.Column("is_disabled", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("updated_at", Instant, nullable=False),
    sa.Column("last_login_at", Instant),
)

# Who a person is at an identity provider.
identities = sa.Table(
    "identities",
    metadata,
    sa.Column("issuer", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("created_at", Instant, nullable=False),
)

memberships = sa.Table(
    "memberships",
    metadata,
    sa.Column(
        "organization", sa.Text, sa.ForeignKey("organizations.name", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Index("ix_memberships_user_id", "user_id"),
)

teams = sa.Table(
    "teams",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column(
        "organization", sa.Text, sa.ForeignKey("organizations.name", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("organization", "name"),
)

team_members = sa.Table(
    "team_members",
    metadata,
    sa.Column("team_id", sa.Text, sa.ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Index("ix_team_members_user_id", "user_id"),
)

service_accounts = sa.Table(
    "service_accounts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column(
        "organization", sa.Text, sa.ForeignKey("organizations.name", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("scopes", JsonText, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("is_disabled", sa.Boolean, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.UniqueConstraint("organization", "name"),
)

# Whose assertions of identity are taken for a token, and what that token may do.
trusts = sa.Table(
    "trusts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("organization", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("issuer", sa.Text, nullable=False),
    sa.Column("audience", sa.Text, nullable=False),
    sa.Column("claims", JsonText, nullable=False),
    sa.Column("scopes", JsonText, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("seconds", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("last_used_at", Instant),
    sa.UniqueConstraint("organization", "name"),
    sa.Index("ix_trusts_issuer", "issuer"),
)

# The keys of those who assert identities, as last fetched; `tried_at` bounds how often that is done.
issuers = sa.Table(
    "issuers",
    metadata,
    sa.Column("issuer", sa.Text, primary_key=True),
    sa.Column("keys", JsonText, nullable=False),
    sa.Column("endpoints", JsonText, nullable=False),
    sa.Column("fetched_at", Instant),
    sa.Column("tried_at", Instant, nullable=False),
)

# One of `user_id`, `service_id`, `trust_id` says whose it is. `kind`: personal, session, service, exchanged.
tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("prefix", sa.Text, nullable=False, unique=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("organization", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE")),
    sa.Column("service_id", sa.Text, sa.ForeignKey("service_accounts.id", ondelete="CASCADE")),
    sa.Column("trust_id", sa.Text, sa.ForeignKey("trusts.id", ondelete="CASCADE")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("scopes", JsonText, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires_at", Instant),
    sa.Column("revoked_at", Instant),
    sa.Column("last_used_at", Instant),
    sa.Column("replaces", sa.Text, nullable=False),
    sa.Index("ix_tokens_organization_created_at", "organization", "created_at"),
    sa.Index("ix_tokens_user_id", "user_id"),
    sa.Index("ix_tokens_service_id", "service_id"),
    sa.Index("ix_tokens_trust_id", "trust_id"),
    sa.Index("ix_tokens_expires_at", "expires_at"),
)

# What was shown once and must not be shown again: assertions, codes of a sign-in. Old rows are swept away.
spent = sa.Table(
    "spent",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_spent_expires_at", "expires_at"),
)

# How often a sign-in failed of late; `name` is a digest of who tried or from where.
login_attempts = sa.Table(
    "login_attempts",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("first_at", Instant, nullable=False),
    sa.Column("blocked_until", Instant),
    sa.Index("ix_login_attempts_first_at", "first_at"),
)

# A sign-in at an identity provider that has begun: what is needed when the browser comes back, sealed.
sign_ins = sa.Table(
    "sign_ins",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("sealed", sa.Text, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Index("ix_sign_ins_expires_at", "expires_at"),
)

# Who sees a process or may use an instance besides their owners: `caseway.model.access.granted`, as rows.
process_grants = sa.Table(
    "process_grants",
    metadata,
    sa.Column("process_id", sa.Text, sa.ForeignKey("processes.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("grantee", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
)

instance_grants = sa.Table(
    "instance_grants",
    metadata,
    sa.Column("instance_id", sa.Text, sa.ForeignKey("instances.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("grantee", sa.Text, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
)
