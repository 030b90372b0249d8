-- Rows the store itself turns away: they contradict what is known of who the patient is.
CREATE TEMP TABLE refused (row_no bigint PRIMARY KEY, sentence text NOT NULL, remedy text NOT NULL) ON COMMIT DROP
