-- farm_v1: what has become of each file that was given to the farm.
--
-- It runs with the rights of whoever asks. Cost: one pass over the files that are asked for.
CREATE VIEW songradar.farm_v1 WITH (security_invoker = true) AS
SELECT f.source, f.host,
       CASE WHEN f.outcome = 'failed' THEN 'failed'
            WHEN f.outcome IS NOT NULL THEN 'done'
            WHEN f.worker IS NOT NULL THEN 'working'
            ELSE 'waiting'
       END AS state,
       f.outcome, f.reason, f.worker, f.faults, f.job, f.enqueued_at, f.ended_at
  FROM songradar.farm_files AS f;
COMMENT ON VIEW songradar.farm_v1 IS 'What has become of each file that was given to the farm.';
COMMENT ON COLUMN songradar.farm_v1.source IS
    'Path of the file on the machine called host, or its address.';
COMMENT ON COLUMN songradar.farm_v1.host IS
    'Name of the machine that has the file; empty for an address.';
COMMENT ON COLUMN songradar.farm_v1.state IS
    'waiting, working, done or failed.';
COMMENT ON COLUMN songradar.farm_v1.outcome IS
    'What became of it, as songradar ingest says it; NULL until it is done.';
COMMENT ON COLUMN songradar.farm_v1.reason IS
    'Why it failed.';
COMMENT ON COLUMN songradar.farm_v1.worker IS
    'Machine and process that has it, or had it last.';
COMMENT ON COLUMN songradar.farm_v1.faults IS
    'How often the network kept it from being read.';
COMMENT ON COLUMN songradar.farm_v1.job IS
    'Number of the job that it belongs to, in songradar_farm.procrastinate_jobs.';
COMMENT ON COLUMN songradar.farm_v1.enqueued_at IS
    'When it was given to the farm.';
COMMENT ON COLUMN songradar.farm_v1.ended_at IS
    'When it was done, or failed.';
