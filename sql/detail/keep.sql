INSERT INTO nephrowatch.detail_leaves (destination, kind, place, until, approved_by, approver_name, approver_role, actor, reason,
                                       recorded_at)
VALUES (:destination, :kind, :place, :until, :approved_by, :approver_name, :approver_role, :actor, :reason, :now)
RETURNING leave_id
