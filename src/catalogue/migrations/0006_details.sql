-- What people say of videos, what is shown of them, and what becomes of a hall's recordings. The rules of every table stand in 0001_catalogue.sql.

ALTER TABLE videos ADD COLUMN description TEXT NOT NULL DEFAULT '';     -- Markdown, at most 10,000 characters
ALTER TABLE videos ADD COLUMN language TEXT;                            -- of what is said: BCP 47; NULL: unknown
ALTER TABLE videos ADD COLUMN kind TEXT NOT NULL DEFAULT 'lecture';     -- 'lecture', 'seminar', 'conference', 'tutorial', 'ceremony', 'other'. No CHECK: kinds will be added
ALTER TABLE videos ADD COLUMN licence TEXT NOT NULL DEFAULT '';         -- an identifier like those of SPDX ('CC-BY-4.0'); '': none was given
-- Shown is what lies between these. The media stays whole: emptying them undoes the cut. In milliseconds of the whole recording.
ALTER TABLE videos ADD COLUMN cut_start_ms BIGINT CHECK (cut_start_ms >= 0); -- NULL: from the beginning
ALTER TABLE videos ADD COLUMN cut_end_ms BIGINT CHECK (cut_end_ms > 0);      -- NULL: to the end
ALTER TABLE videos ADD COLUMN poster_at_ms BIGINT CHECK (poster_at_ms >= 0); -- its poster is of this moment of the whole recording; NULL: chosen by machine
ALTER TABLE videos ADD COLUMN claimable BOOLEAN NOT NULL DEFAULT FALSE;      -- waits for who says that it is theirs
CREATE INDEX videos_by_kind ON videos (tenant_id, kind, started_ms, id);
CREATE INDEX videos_to_claim ON videos (tenant_id, started_ms, id) WHERE claimable;

ALTER TABLE broadcasters ADD COLUMN description TEXT NOT NULL DEFAULT '';        -- Markdown, at most 10,000 characters
ALTER TABLE broadcasters ADD COLUMN recordings TEXT NOT NULL DEFAULT 'kept';     -- 'kept': its owner's, if it has one; 'to_claim': whose they are is said afterwards
ALTER TABLE broadcasters ADD COLUMN owner_id TEXT;                               -- in people: whose the recordings are that are 'kept'; NULL: nobody's
ALTER TABLE broadcasters ADD COLUMN tool_url TEXT;                               -- an external page beside the live, https; NULL: none

CREATE TABLE video_tags (
    tenant_id TEXT NOT NULL,
    video_id  TEXT NOT NULL,
    tag       TEXT NOT NULL, -- lower case, at most 50 characters
    PRIMARY KEY (tenant_id, video_id, tag),
    FOREIGN KEY (tenant_id, video_id) REFERENCES videos (tenant_id, id)
);
CREATE INDEX videos_by_tag ON video_tags (tenant_id, tag);

-- Who is heard, in the order in which they are named. They need no account.
CREATE TABLE video_speakers (
    tenant_id TEXT   NOT NULL,
    video_id  TEXT   NOT NULL,
    position  BIGINT NOT NULL CHECK (position >= 0),
    name      TEXT   NOT NULL,
    PRIMARY KEY (tenant_id, video_id, position),
    FOREIGN KEY (tenant_id, video_id) REFERENCES videos (tenant_id, id)
);

CREATE TABLE chapters (
    tenant_id TEXT   NOT NULL,
    video_id  TEXT   NOT NULL,
    start_ms  BIGINT NOT NULL CHECK (start_ms >= 0), -- of the whole recording, whatever is cut
    title     TEXT   NOT NULL,
    PRIMARY KEY (tenant_id, video_id, start_ms),
    FOREIGN KEY (tenant_id, video_id) REFERENCES videos (tenant_id, id)
);
