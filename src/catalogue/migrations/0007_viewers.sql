-- How many watch. Nothing here says who. The rules of every table stand in 0001_catalogue.sql.

-- The most viewers that a broadcaster's live had at once in a minute; minutes without a live have no row.
CREATE TABLE viewer_minutes (
    tenant_id      TEXT   NOT NULL,
    broadcaster_id TEXT   NOT NULL,
    minute_ms      BIGINT NOT NULL, -- its beginning
    viewers        BIGINT NOT NULL CHECK (viewers >= 0),
    PRIMARY KEY (tenant_id, broadcaster_id, minute_ms),
    FOREIGN KEY (tenant_id, broadcaster_id) REFERENCES broadcasters (tenant_id, id)
);

-- How often a video was watched: once for each browser and hour. A video that nobody has watched has no row.
CREATE TABLE video_views (
    tenant_id TEXT   NOT NULL,
    video_id  TEXT   NOT NULL,
    views     BIGINT NOT NULL CHECK (views >= 0),
    PRIMARY KEY (tenant_id, video_id),
    FOREIGN KEY (tenant_id, video_id) REFERENCES videos (tenant_id, id)
);
