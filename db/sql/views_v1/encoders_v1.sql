-- encoders_v1: how to make embeddings that match_v1 understands: cut audio as `spec` says, run `onnx`.
CREATE VIEW songradar.encoders_v1 AS
SELECT e.id AS encoder_id, e.name, e.kind, e.active, e.spec, e.calibration, e.metrics,
       encode(e.sha256, 'hex') AS sha256, e.onnx, e.created_at
  FROM songradar.encoders AS e;
COMMENT ON VIEW songradar.encoders_v1 IS
    'How to make embeddings that match_v1 understands: cut audio as spec says, run onnx.';
COMMENT ON COLUMN songradar.encoders_v1.encoder_id IS
    'Number of the encoder: the first argument of match_v1.';
COMMENT ON COLUMN songradar.encoders_v1.name IS
    'Name used on the command line.';
COMMENT ON COLUMN songradar.encoders_v1.kind IS
    'Recipe it was trained by.';
COMMENT ON COLUMN songradar.encoders_v1.active IS
    'Whether ingestion and search use it unless told otherwise.';
COMMENT ON COLUMN songradar.encoders_v1.spec IS
    'How to cut audio for it: sample_rate_hz, fragment_s, query_hop_s, silence_dbfs.';
COMMENT ON COLUMN songradar.encoders_v1.calibration IS
    'Weights of confidence_v1; NULL if it was not calibrated.';
COMMENT ON COLUMN songradar.encoders_v1.metrics IS
    'What was measured when it was trained.';
COMMENT ON COLUMN songradar.encoders_v1.sha256 IS
    'SHA-256 of onnx in hex.';
COMMENT ON COLUMN songradar.encoders_v1.onnx IS
    'The network: waveform (n, samples) float32 to embedding (n, 64) float32.';
COMMENT ON COLUMN songradar.encoders_v1.created_at IS
    'When it was added.';
