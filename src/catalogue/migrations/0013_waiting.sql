-- When people were told that recordings wait for their owners. The rules of every table stand in 0001_catalogue.sql.

ALTER TABLE people ADD COLUMN waiting_told_ms BIGINT; -- when the last such mail was begun; NULL: none was, or the last one failed
