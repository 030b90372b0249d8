CREATE TEMP TABLE incoming_assays (
    assay integer PRIMARY KEY, analyte_name text NOT NULL, method text NOT NULL, upper_limit double precision
) ON COMMIT DROP
