-- Work in the background, and what it made. The rules of every table stand in 0001_catalogue.sql.

-- What is to be done for a video, is being done, or was done. Kept afterwards: it says what happened.
CREATE TABLE jobs (
    tenant_id         TEXT   NOT NULL,
    id                TEXT   NOT NULL CHECK (length(id) = 16),
    kind              TEXT   NOT NULL, -- 'storyboard', 'ladder'. No CHECK: kinds will be added, and a version leaves those it does not know
    video_id          TEXT   NOT NULL, -- what it is about
    state             TEXT   NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    attempts          BIGINT NOT NULL CHECK (attempts >= 0), -- how often it was begun; what was put back does not count
    not_before_ms     BIGINT NOT NULL, -- begun at this time at the earliest: now, or after the wait that follows a failure
    lease_owner       TEXT,            -- the runner that has it; NULL unless running
    lease_until_ms    BIGINT,          -- renewed while it runs; once it has passed, anybody may begin it again; NULL unless running
    progress_permille BIGINT NOT NULL CHECK (progress_permille BETWEEN 0 AND 1000),
    error             TEXT,            -- of the last attempt, for people; kept while the next one waits or runs
    created_ms        BIGINT NOT NULL,
    started_ms        BIGINT,          -- of the last attempt
    finished_ms       BIGINT,          -- when it was done, failed for good or cancelled; NULL before
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, video_id) REFERENCES videos (tenant_id, id),
    CHECK ((state = 'running') = (lease_owner IS NOT NULL)),
    CHECK ((state = 'running') = (lease_until_ms IS NOT NULL)),
    CHECK ((state IN ('queued', 'running')) = (finished_ms IS NULL))
);
-- The same is not done twice at once.
CREATE UNIQUE INDEX jobs_are_not_doubled ON jobs (tenant_id, kind, video_id) WHERE finished_ms IS NULL;
CREATE INDEX jobs_by_turn ON jobs (tenant_id, state, not_before_ms);
CREATE INDEX jobs_by_video ON jobs (tenant_id, video_id, kind);
CREATE INDEX jobs_by_age ON jobs (tenant_id, created_ms, id);

-- When its poster and storyboard were made (again); NULL: there are none.
ALTER TABLE videos ADD COLUMN pictured_ms BIGINT;
