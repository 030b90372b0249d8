-- What was last decided about details at each destination (or at one), oldest decision first.
SELECT l.leave_id, l.destination, l.kind, l.place, l.until, l.approved_by, l.approver_name, l.approver_role, l.actor, l.reason,
       l.recorded_at
FROM (SELECT DISTINCT ON (d.destination) d.* FROM nephrowatch.detail_leaves d
      WHERE :destination = '' OR d.destination = :destination
      ORDER BY d.destination, d.leave_id DESC) l
ORDER BY l.leave_id
