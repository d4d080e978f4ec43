"""What can go wrong, for programs that use songradar: every error's text is a sentence for its user.

>>> issubclass(CatalogueEmpty, DatabaseError), issubclass(AudioReadError, AudioError)
(True, True)
"""

from songradar.db.errors import (
    CatalogueEmpty,
    DatabaseError,
    EncoderHasNoTwins,
    EncoderMismatch,
    EncoderUnknown,
    NeedsDirectConnection,
    NoStandby,
    NotAllowed,
    SchemaOutOfDate,
    SearchNotKept,
    ServerTooOld,
    ServerUnreachable,
    ShardDown,
    SongRefused,
    SongUnknown,
    TransactionsInTheWay,
)
from songradar.edit import EditRefused
from songradar.ml.errors import AudioError, AudioReadError, EncoderFileError

__all__ = [
    "AudioError",
    "AudioReadError",
    "CatalogueEmpty",
    "DatabaseError",
    "EditRefused",
    "EncoderFileError",
    "EncoderHasNoTwins",
    "EncoderMismatch",
    "EncoderUnknown",
    "NeedsDirectConnection",
    "NoStandby",
    "NotAllowed",
    "SchemaOutOfDate",
    "SearchNotKept",
    "ServerTooOld",
    "ServerUnreachable",
    "ShardDown",
    "SongRefused",
    "SongUnknown",
    "TransactionsInTheWay",
]
