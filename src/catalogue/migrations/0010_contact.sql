-- Whom people write to who can't use a tenant's site. The rules of every table stand in 0001_catalogue.sql.

ALTER TABLE tenants ADD COLUMN contact TEXT NOT NULL DEFAULT ''; -- a mail address or an https address; '': as the server's configuration has it
