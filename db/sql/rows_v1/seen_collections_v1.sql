-- seen_collections_v1: the collections of which a role sees the songs; NULL for a role that sees all songs.
--
-- Arguments  role  name of a role
--
-- The owner of the catalogue, whoever is a member of that role, and roles with BYPASSRLS see everything. Others see what
-- songradar.readers says of them and of the roles whose rights they have. A role of which it says nothing sees nothing.
--
-- It runs with the rights of whoever calls it, who reads of songradar.readers the lines about themselves alone: of other
-- roles it tells nothing.
CREATE FUNCTION songradar.seen_collections_v1(role name) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
WITH of_role AS MATERIALIZED (
    SELECT r.collections
      FROM songradar.readers AS r
     WHERE r.role = 0  -- PUBLIC
        OR pg_has_role(seen_collections_v1.role, r.role, 'USAGE')
)
SELECT CASE
       WHEN EXISTS (SELECT FROM of_role WHERE of_role.collections IS NULL) THEN NULL
       WHEN EXISTS (SELECT FROM pg_roles AS a WHERE a.rolname = seen_collections_v1.role AND a.rolbypassrls) THEN NULL
       WHEN pg_has_role(seen_collections_v1.role, songs.relowner, 'USAGE') THEN NULL
       ELSE ARRAY(SELECT DISTINCT c.name FROM of_role CROSS JOIN unnest(of_role.collections) AS c (name) ORDER BY c.name)
       END
  FROM pg_class AS songs
 WHERE songs.oid = 'songradar.songs'::regclass;
END;
COMMENT ON FUNCTION songradar.seen_collections_v1 IS
    'The collections of which a role sees the songs; NULL for a role that sees all.';
