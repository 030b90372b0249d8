-- The patients of one file. date_of_birth: the one believed; said_by: who gave it.
CREATE TEMP TABLE incoming_people (
    person integer PRIMARY KEY, identifier text NOT NULL, date_of_birth date, said_by text,
    family_name text, given_name text, sex text, second_identifier text
) ON COMMIT DROP
