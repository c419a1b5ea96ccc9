-- Tenants: by which names they are reached, and what they look like. The rules of every table stand in 0001_catalogue.sql.

-- What a tenant is called is its title.
ALTER TABLE tenants ADD COLUMN accent_light TEXT; -- '#rrggbb' on light pages; NULL: as the style sheet has it
ALTER TABLE tenants ADD COLUMN accent_dark  TEXT; -- the same on dark ones
-- Tags of the languages that pages are offered in, separated by spaces, the one for readers of none first; '': all, English first.
ALTER TABLE tenants ADD COLUMN languages    TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN footer       TEXT NOT NULL DEFAULT ''; -- what stands below every page; '': what stands there otherwise
ALTER TABLE tenants ADD COLUMN logo         TEXT; -- a picture, in base64; NULL: the product's
ALTER TABLE tenants ADD COLUMN logo_type    TEXT CHECK (logo_type IN ('image/png', 'image/jpeg', 'image/webp'));
-- Other sites whose pages may show its players, and whose pages may stand beside its lives, as a policy of browsers names them, separated by spaces;
-- NULL: as the server's configuration has it.
ALTER TABLE tenants ADD COLUMN embedders    TEXT;
ALTER TABLE tenants ADD COLUMN tools        TEXT;
ALTER TABLE tenants ADD COLUMN look_ms      BIGINT NOT NULL DEFAULT 0; -- when anything of that was last changed

-- A name leads to one tenant: the only table whose key begins with something else. What no name is known of is the default tenant's.
CREATE TABLE tenant_hosts (
    host      TEXT   NOT NULL PRIMARY KEY, -- in lower case, without a port
    tenant_id TEXT   NOT NULL REFERENCES tenants (id),
    position  BIGINT NOT NULL              -- the first one is the one that mails and shared addresses name
);
CREATE INDEX tenant_hosts_by_tenant ON tenant_hosts (tenant_id, position);

-- Encoders do not say whom they call: a key that is not revoked opens one broadcaster of all tenants.
DROP INDEX stream_keys_are_unique;
CREATE UNIQUE INDEX stream_keys_are_unique ON stream_keys (key_sha256) WHERE revoked_ms IS NULL;
