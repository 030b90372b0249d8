SELECT patient_id FROM nephrowatch.erasures
