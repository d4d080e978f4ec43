-- encoders_v1: how to make embeddings that match_v1 understands: cut audio as `spec` says, run `onnx`.
CREATE VIEW songradar.encoders_v1 AS
SELECT e.id AS encoder_id, e.name, e.kind, e.active, e.spec, e.calibration, e.metrics,
       encode(e.sha256, 'hex') AS sha256, e.onnx, e.created_at
  FROM songradar.encoders AS e;
COMMENT ON VIEW songradar.encoders_v1 IS
    'How to make embeddings that match_v1 understands: cut audio as spec says, run onnx.';
