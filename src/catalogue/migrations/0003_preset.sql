-- Which renditions a broadcaster's lives get.

-- A preset's name ('camera', 'slides', 'low bandwidth'); NULL: the setting renditions.preset. No CHECK: presets will be added, and one
-- that is not known is taken for NULL.
ALTER TABLE broadcasters ADD COLUMN preset TEXT;
