-- Versions stored earlier of the keys this file touches.
CREATE TEMP TABLE known_before (
    id bigint NOT NULL, result_key uuid NOT NULL, content_key uuid NOT NULL, patient_id bigint NOT NULL,
    issued_at timestamptz NOT NULL, issue_stated boolean NOT NULL, rank smallint NOT NULL, collected_at timestamptz NOT NULL, said text NOT NULL
) ON COMMIT DROP
