-- Which lives are recorded. The rules of every table stand in 0001_catalogue.sql.

ALTER TABLE broadcasters ADD COLUMN record_start TEXT NOT NULL DEFAULT 'automatic' CHECK (record_start IN ('automatic', 'by_hand')); -- 'automatic': its lives are recorded from their beginning; 'by_hand': when an operator says so
ALTER TABLE broadcasters ADD COLUMN record_now   TEXT CHECK (record_now IN ('on', 'off')); -- what an operator has said of the live that is on air; NULL: nothing, or nothing is on air
