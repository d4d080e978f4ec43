-- share_partition_v1: let those who may write fragments write them into a partition, and nobody but the owner read it.
--
-- Arguments  part  a partition of songradar.fragments
--
-- The policy of songradar.fragments says which rows of it a role sees, but is not asked where a partition is read by its
-- own name. A policy of the partition's own would also keep COPY from filling it.
CREATE FUNCTION songradar.share_partition_v1(part regclass) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('%s ON %s %s %s', change.verb, part, change.preposition,
                      CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END)
          FROM pg_class AS c
         CROSS JOIN aclexplode(c.relacl) AS a
          JOIN (VALUES (part, 'REVOKE ALL', 'FROM', NULL),
                       ('songradar.fragments', 'GRANT INSERT', 'TO', 'INSERT')
               ) AS change (relation, verb, preposition, right_needed) ON change.relation = c.oid
         WHERE a.grantee <> c.relowner
           AND (change.right_needed IS NULL OR change.right_needed = a.privilege_type)
         GROUP BY change.verb, change.preposition, a.grantee
         ORDER BY change.verb DESC
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$;
COMMENT ON FUNCTION songradar.share_partition_v1 IS
    'Let those who may write fragments write them into a partition, and nobody but the owner read it.';
