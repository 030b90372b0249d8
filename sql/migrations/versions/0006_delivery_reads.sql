-- 0004 let delivery read patients and findings for cards with detail, which it does not make: least right again.
REVOKE SELECT ON nephrowatch.subjects, nephrowatch.findings FROM nephrowatch_delivery;
