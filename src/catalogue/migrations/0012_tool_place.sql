-- Where another site's page stands with a broadcaster's live. The rules of every table stand in 0001_catalogue.sql.

ALTER TABLE broadcasters ADD COLUMN tool_place TEXT NOT NULL DEFAULT 'beside'; -- 'beside' the player, or 'below' it; where there is no room beside, below
