-- Who is heard in a broadcaster's lives, and what others may do with them. The rules of every table stand in 0001_catalogue.sql.

ALTER TABLE broadcasters ADD COLUMN speakers TEXT NOT NULL DEFAULT ''; -- at most 30 names, a line each, in the order in which they are named; '': nobody. A recording that begins takes them over into video_speakers
ALTER TABLE broadcasters ADD COLUMN licence  TEXT NOT NULL DEFAULT ''; -- as of videos: an identifier like those of SPDX ('CC-BY-4.0'); '': none was given. A recording that begins takes it over
