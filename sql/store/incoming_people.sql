-- The patients of one file. birth_first and birth_last differ when the file gives one number two dates of birth.
CREATE TEMP TABLE incoming_people (
    person integer PRIMARY KEY, identifier text NOT NULL,
    birth_first date, birth_last date, family_name text, given_name text, sex text, second_identifier text
) ON COMMIT DROP
