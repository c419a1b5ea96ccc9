-- What a broadcaster's lives are captioned with.

-- Language tags joined by commas ('fr,en-GB'), '' for none; NULL: the setting captions.languages.
ALTER TABLE broadcasters ADD COLUMN caption_languages TEXT;
-- Names of the place, a line each: 'WRITTEN', 'SPOKEN = WRITTEN', '[fr] SPOKEN = WRITTEN'; at most 64 KiB.
ALTER TABLE broadcasters ADD COLUMN vocabulary TEXT NOT NULL DEFAULT '';
-- Nothing but the vocabulary is heard, by models that can be kept to one.
ALTER TABLE broadcasters ADD COLUMN vocabulary_exclusive BOOLEAN NOT NULL DEFAULT FALSE;
