-- A patient's drugs and census under every identifier they have. Run as nephrowatch_migrator.

-- The subjects that are this patient now; nobody's where the reader does not see the patient's unit.
CREATE FUNCTION nephrowatch.subjects_of(patient bigint)
    RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS
$$
    SELECT DISTINCT l.subject_id FROM nephrowatch.links l
    WHERE l.patient_id = patient AND nephrowatch.patient_of(l.subject_id) = patient
      AND nephrowatch.sees_unit(nephrowatch.unit_of(patient))
$$;
REVOKE ALL ON FUNCTION nephrowatch.subjects_of(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nephrowatch.subjects_of(bigint) TO nephrowatch_pages;
