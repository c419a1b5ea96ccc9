-- People, what they are, and whom things are for. The rules of every table stand in 0001_catalogue.sql.

-- A person at this tenant, however they sign in.
CREATE TABLE people (
    tenant_id   TEXT    NOT NULL REFERENCES tenants (id),
    id          TEXT    NOT NULL CHECK (length(id) = 16),
    name        TEXT    NOT NULL, -- as others see it
    mail        TEXT,             -- lower case; where a forgotten password's link goes; NULL: nowhere
    role        TEXT    NOT NULL, -- 'viewer', 'contributor', 'operator' or 'administrator'. No CHECK: roles will be added
    everywhere  BOOLEAN NOT NULL, -- an operator of all buildings; FALSE: of those in operator_buildings. Means nothing for others
    created_ms  BIGINT  NOT NULL,
    disabled_ms BIGINT,           -- may not sign in since; NULL: may
    PRIMARY KEY (tenant_id, id)
);
CREATE UNIQUE INDEX people_by_mail ON people (tenant_id, mail) WHERE mail IS NOT NULL;

-- How a person signs in. One person may have several.
CREATE TABLE identities (
    tenant_id     TEXT   NOT NULL,
    id            TEXT   NOT NULL CHECK (length(id) = 16),
    person_id     TEXT   NOT NULL,
    provider      TEXT   NOT NULL, -- 'password'; the name of a connection by CAS, OpenID Connect, SAML or LDAP
    subject       TEXT   NOT NULL, -- what the provider calls the person; for 'password' the login, lower case
    password_hash TEXT,            -- PHC string, argon2id; NULL unless the provider is 'password'
    created_ms    BIGINT NOT NULL,
    used_ms       BIGINT,          -- signed in last
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, provider, subject),
    FOREIGN KEY (tenant_id, person_id) REFERENCES people (tenant_id, id),
    CHECK ((provider = 'password') = (password_hash IS NOT NULL))
);
CREATE INDEX identities_by_person ON identities (tenant_id, person_id);
CREATE UNIQUE INDEX one_password_each ON identities (tenant_id, person_id) WHERE provider = 'password';

-- Those who signed in with a password so far were administrators.
INSERT INTO people (tenant_id, id, name, role, everywhere, created_ms)
    SELECT tenant_id, id, login, 'administrator', TRUE, created_ms FROM users;
INSERT INTO identities (tenant_id, id, person_id, provider, subject, password_hash, created_ms)
    SELECT tenant_id, id, id, 'password', login, password_hash, created_ms FROM users;
DROP TABLE users;

-- What the institution says a person is: 'student', 'staff', 'faculty'…
CREATE TABLE affiliations (
    tenant_id   TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    affiliation TEXT NOT NULL, -- lower case
    PRIMARY KEY (tenant_id, person_id, affiliation),
    FOREIGN KEY (tenant_id, person_id) REFERENCES people (tenant_id, id)
);

-- People whom things are for.
CREATE TABLE access_groups (
    tenant_id  TEXT   NOT NULL REFERENCES tenants (id),
    id         TEXT   NOT NULL CHECK (length(id) = 16),
    title      TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, title)
);
CREATE TABLE memberships (
    tenant_id TEXT NOT NULL,
    group_id  TEXT NOT NULL,
    person_id TEXT NOT NULL,
    source    TEXT NOT NULL, -- 'manual', or the provider that says so and may take it back
    PRIMARY KEY (tenant_id, group_id, person_id),
    FOREIGN KEY (tenant_id, group_id) REFERENCES access_groups (tenant_id, id),
    FOREIGN KEY (tenant_id, person_id) REFERENCES people (tenant_id, id)
);
CREATE INDEX memberships_by_person ON memberships (tenant_id, person_id);

-- Where broadcasters are, and what operators can be limited to.
CREATE TABLE buildings (
    tenant_id  TEXT   NOT NULL REFERENCES tenants (id),
    id         TEXT   NOT NULL CHECK (length(id) = 16),
    title      TEXT   NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, title)
);
CREATE TABLE operator_buildings (
    tenant_id   TEXT NOT NULL,
    person_id   TEXT NOT NULL,
    building_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, person_id, building_id),
    FOREIGN KEY (tenant_id, person_id) REFERENCES people (tenant_id, id),
    FOREIGN KEY (tenant_id, building_id) REFERENCES buildings (tenant_id, id)
);

-- A browser in which a person is signed in. Ending it deletes the row.
CREATE TABLE sessions (
    tenant_id    TEXT   NOT NULL,
    id           TEXT   NOT NULL CHECK (length(id) = 16),
    person_id    TEXT   NOT NULL,
    token_sha256 TEXT   NOT NULL CHECK (length(token_sha256) = 64), -- of what the cookie holds
    token_lookup TEXT   NOT NULL CHECK (length(token_lookup) = 8),  -- the first characters of token_sha256
    user_agent   TEXT   NOT NULL, -- as the browser calls itself, cut
    created_ms   BIGINT NOT NULL,
    seen_ms      BIGINT NOT NULL, -- to some minutes
    expires_ms   BIGINT NOT NULL, -- at the latest, however often it is seen
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, person_id) REFERENCES people (tenant_id, id)
);
CREATE INDEX sessions_by_lookup ON sessions (tenant_id, token_lookup);
CREATE INDEX sessions_by_person ON sessions (tenant_id, person_id);

-- A link by which a forgotten password can be replaced, once.
CREATE TABLE password_resets (
    tenant_id    TEXT   NOT NULL,
    id           TEXT   NOT NULL CHECK (length(id) = 16),
    person_id    TEXT   NOT NULL,
    token_sha256 TEXT   NOT NULL CHECK (length(token_sha256) = 64),
    token_lookup TEXT   NOT NULL CHECK (length(token_lookup) = 8),
    created_ms   BIGINT NOT NULL,
    expires_ms   BIGINT NOT NULL,
    used_ms      BIGINT,          -- used, or made worthless by another
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, person_id) REFERENCES people (tenant_id, id)
);
CREATE INDEX password_resets_by_lookup ON password_resets (tenant_id, token_lookup);

-- Whom a broadcaster is for. What is added without saying so is for nobody; what was there before was for everybody.
ALTER TABLE broadcasters ADD COLUMN visibility TEXT NOT NULL DEFAULT 'draft'; -- 'public', 'unlisted', 'signed_in', 'groups', 'password', 'draft'
ALTER TABLE broadcasters ADD COLUMN password_hash TEXT;                       -- PHC string, argon2id; for visibility 'password'
ALTER TABLE broadcasters ADD COLUMN password_version BIGINT NOT NULL DEFAULT 0; -- another number with every change of the password
ALTER TABLE broadcasters ADD COLUMN open_figures BOOLEAN NOT NULL DEFAULT FALSE; -- who may watch it may also see what its encoder sends
ALTER TABLE broadcasters ADD COLUMN building_id TEXT;                         -- in buildings; NULL: in none
UPDATE broadcasters SET visibility = 'public', open_figures = TRUE;

-- The same for a video; it begins as its broadcaster is.
ALTER TABLE videos ADD COLUMN visibility TEXT NOT NULL DEFAULT 'draft';
ALTER TABLE videos ADD COLUMN password_hash TEXT;
ALTER TABLE videos ADD COLUMN password_version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE videos ADD COLUMN downloadable BOOLEAN NOT NULL DEFAULT FALSE;    -- who may watch it may take it away whole
UPDATE videos SET visibility = 'public';
CREATE INDEX videos_by_visibility ON videos (tenant_id, visibility, started_ms, id);

-- For visibility 'groups': whoever is any of these.
CREATE TABLE audiences (
    tenant_id TEXT NOT NULL REFERENCES tenants (id),
    object_id TEXT NOT NULL, -- a broadcaster's or a video's
    part      TEXT NOT NULL CHECK (part IN ('group', 'affiliation')),
    value     TEXT NOT NULL, -- a group's id, or an affiliation
    PRIMARY KEY (tenant_id, object_id, part, value)
);

CREATE TABLE video_owners (
    tenant_id TEXT NOT NULL,
    video_id  TEXT NOT NULL,
    person_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, video_id, person_id),
    FOREIGN KEY (tenant_id, video_id) REFERENCES videos (tenant_id, id),
    FOREIGN KEY (tenant_id, person_id) REFERENCES people (tenant_id, id)
);
CREATE INDEX videos_by_owner ON video_owners (tenant_id, person_id);

-- A link by which somebody without an account sees a draft.
CREATE TABLE share_links (
    tenant_id    TEXT   NOT NULL,
    id           TEXT   NOT NULL CHECK (length(id) = 16),
    video_id     TEXT   NOT NULL,
    token_sha256 TEXT   NOT NULL CHECK (length(token_sha256) = 64),
    token_lookup TEXT   NOT NULL CHECK (length(token_lookup) = 8),
    label        TEXT   NOT NULL, -- for whom it is
    created_ms   BIGINT NOT NULL,
    expires_ms   BIGINT NOT NULL,
    revoked_ms   BIGINT,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, video_id) REFERENCES videos (tenant_id, id)
);
CREATE INDEX share_links_by_lookup ON share_links (tenant_id, token_lookup);
CREATE INDEX share_links_by_video ON share_links (tenant_id, video_id);

-- What passes to media are signed with. Kept in clear, because the server needs them so; each lives some days.
CREATE TABLE signing_keys (
    tenant_id  TEXT   NOT NULL REFERENCES tenants (id),
    id         TEXT   NOT NULL CHECK (length(id) = 16),
    secret     TEXT   NOT NULL CHECK (length(secret) = 52), -- 256 bits, base32
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- Who changed what that others depend on. Never changed, never a secret in it.
CREATE TABLE audit_log (
    tenant_id TEXT   NOT NULL REFERENCES tenants (id),
    id        TEXT   NOT NULL CHECK (length(id) = 16),
    at_ms     BIGINT NOT NULL,
    actor     TEXT   NOT NULL CHECK (actor IN ('person', 'token', 'command_line')),
    actor_id  TEXT   NOT NULL, -- the person's or token's id; empty for the command line
    act       TEXT   NOT NULL, -- <noun>.<verb>, such as 'video.rights'
    object_id TEXT   NOT NULL, -- what it was done to
    detail    TEXT   NOT NULL, -- for people, such as 'visibility: public → groups'
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_log_by_time ON audit_log (tenant_id, at_ms, id);
