"""Whether the database keeps what is found."""

from songradar.catalogue import Catalogue
from songradar.cli.output import warn
from songradar.identify import why_not_kept


def may_keep(catalogue: Catalogue) -> bool:
    """Whether searches can be kept; where not, it says why."""
    reason = why_not_kept(catalogue)
    if reason:
        warn(reason)
    return reason is None
