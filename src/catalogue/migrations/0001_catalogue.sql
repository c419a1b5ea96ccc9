-- The catalogue from the beginning. This one text runs on SQLite and on PostgreSQL.
--
-- Rules of every table:
--   * tenant_id comes first in the primary key, in every index and in every foreign key: no row can point into another
--     tenant, and every query is scoped by it.
--   * id: 16 characters of lower-case base32 (RFC 4648 alphabet, 80 random bits). Opaque, never reused.
--   * *_ms: integer milliseconds; as a point in time, since the Unix epoch in UTC. NULL: has not happened.
--   * a sha256 is 64 lower-case hexadecimal characters, so that both databases keep it the same way.
--   * deleted_ms: soft deletion; such a row is invisible except to what restores or purges it.

CREATE TABLE tenants (
    id         TEXT   NOT NULL PRIMARY KEY, -- 'default', or as above
    title      TEXT   NOT NULL,             -- what the institution is called
    created_ms BIGINT NOT NULL
);

-- The one tenant of an installation that has only one; as old as the installation.
INSERT INTO tenants (id, title, created_ms) VALUES ('default', 'Amphi', 0);

-- A named, permanent place that can be on air.
CREATE TABLE broadcasters (
    tenant_id          TEXT   NOT NULL REFERENCES tenants (id),
    id                 TEXT   NOT NULL CHECK (length(id) = 16),
    slug               TEXT   NOT NULL CHECK (length(slug) BETWEEN 1 AND 64), -- [a-z0-9-]; its place in URLs; never changes
    title              TEXT   NOT NULL,
    rtsp_url           TEXT,                        -- pulled from there when set; may hold credentials: never shown or logged
    rtsp_transport     TEXT   NOT NULL,             -- 'tcp' (interleaved) or 'udp'; meaningless without rtsp_url
    grace_ms           BIGINT CHECK (grace_ms >= 0),-- how long the timeline waits for its contribution; NULL: the setting live.grace
    created_ms         BIGINT NOT NULL,
    deleted_ms         BIGINT,
    -- Where the timeline goes on with its next live. They never go back, and a broadcaster that takes the slug of a
    -- deleted one goes on from its numbers, because players know the URL, not the row.
    next_msn           BIGINT NOT NULL CHECK (next_msn >= 0),           -- media sequence number of the next segment
    next_discontinuity BIGINT NOT NULL CHECK (next_discontinuity >= 0), -- EXT-X-DISCONTINUITY-SEQUENCE of the next segment
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX broadcasters_by_slug ON broadcasters (tenant_id, slug) WHERE deleted_ms IS NULL;

-- What an encoder shows to publish. Several per broadcaster, so that one can be replaced without a moment without any.
CREATE TABLE stream_keys (
    tenant_id      TEXT   NOT NULL,
    id             TEXT   NOT NULL CHECK (length(id) = 16),
    broadcaster_id TEXT   NOT NULL,
    key_sha256     TEXT   NOT NULL CHECK (length(key_sha256) = 64), -- of the key; the key itself is not kept
    key_lookup     TEXT   NOT NULL CHECK (length(key_lookup) = 8),  -- the first characters of key_sha256: what is searched by
    label          TEXT   NOT NULL,     -- which box or person has it
    created_ms     BIGINT NOT NULL,
    revoked_ms     BIGINT,
    last_used_ms   BIGINT,              -- to the minute
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, broadcaster_id) REFERENCES broadcasters (tenant_id, id)
);
CREATE INDEX stream_keys_by_lookup ON stream_keys (tenant_id, key_lookup);
-- A key alone names its broadcaster in rtmp://HOST/live/<key>.
CREATE UNIQUE INDEX stream_keys_are_unique ON stream_keys (tenant_id, key_sha256) WHERE revoked_ms IS NULL;

-- A kept span of a timeline. Its media lies under its id in DATA_DIR/media.
CREATE TABLE videos (
    tenant_id           TEXT    NOT NULL,
    id                  TEXT    NOT NULL CHECK (length(id) = 16),
    broadcaster_id      TEXT    NOT NULL,
    title               TEXT    NOT NULL,
    slug                TEXT    NOT NULL CHECK (length(slug) BETWEEN 1 AND 64), -- from the title; decorates the URL, not unique
    state               TEXT    NOT NULL, -- 'live': being recorded; 'ended': complete. No CHECK: states will be added
    listed              BOOLEAN NOT NULL, -- appears in lists; a recording that is too short does not
    created_ms          BIGINT  NOT NULL,
    started_ms          BIGINT  NOT NULL, -- when its first picture or sound was taken
    ended_ms            BIGINT,           -- when its last one was; NULL while live
    duration_ms         BIGINT CHECK (duration_ms >= 0), -- of what can be played, gaps not counted; NULL while live
    first_msn           BIGINT  NOT NULL CHECK (first_msn >= 0), -- where it begins on the broadcaster's timeline
    first_discontinuity BIGINT  NOT NULL CHECK (first_discontinuity >= 0),
    deleted_ms          BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, broadcaster_id) REFERENCES broadcasters (tenant_id, id)
);
CREATE INDEX videos_by_start ON videos (tenant_id, started_ms, id);
CREATE INDEX videos_by_broadcaster ON videos (tenant_id, broadcaster_id, started_ms, id);
CREATE INDEX videos_by_state ON videos (tenant_id, state);

-- People who sign in with a password: administrators.
CREATE TABLE users (
    tenant_id     TEXT   NOT NULL REFERENCES tenants (id),
    id            TEXT   NOT NULL CHECK (length(id) = 16),
    login         TEXT   NOT NULL CHECK (length(login) BETWEEN 1 AND 64), -- lower case
    password_hash TEXT   NOT NULL, -- PHC string, argon2id
    created_ms    BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, login)
);

-- What a program shows to write through the API.
CREATE TABLE api_tokens (
    tenant_id    TEXT   NOT NULL REFERENCES tenants (id),
    id           TEXT   NOT NULL CHECK (length(id) = 16),
    token_sha256 TEXT   NOT NULL CHECK (length(token_sha256) = 64), -- of the token; the token itself is not kept
    token_lookup TEXT   NOT NULL CHECK (length(token_lookup) = 8),  -- the first characters of token_sha256
    label        TEXT   NOT NULL, -- which program has it
    scopes       TEXT   NOT NULL, -- space-separated, such as 'broadcasters:write videos:write'
    created_ms   BIGINT NOT NULL,
    expires_ms   BIGINT,          -- refused from then on; NULL: never
    revoked_ms   BIGINT,
    last_used_ms BIGINT,          -- to the minute
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX api_tokens_by_lookup ON api_tokens (tenant_id, token_lookup);
