"""Where a runbook and a board are, by names that are computed: no import of either room."""

from urllib.parse import quote

BACK_SECONDS = 6 * 3600
"""How far before now a board begins that an alert links."""

BOARD_LABELS = ("pipeline", "provider", "device", "region")
"""Labels of alerts that are variables of boards."""


def runbook_url(base: str, alert: str) -> str:
    """Return the address of an alert's runbook: `BASE/AlertName.md`."""
    return f"{base.rstrip('/')}/{alert}.md"


def board_uid(board: str) -> str:
    """Return the identifier of a board in Grafana, such as `qgm-on-call`."""
    return f"qgm-{board}"


def board_url(base: str, board: str, labels: tuple[str, ...], **fixed: str) -> str:
    """Return the address of a board as an annotation's template.

    Args:
        base: Of Grafana.
        board: Its name.
        labels: Labels of the alert; those that are board variables are filled in by Prometheus.
        fixed: Further variables with their values.

    Returns:
        It begins six hours before the evaluation, and ends now.
    """
    variables = [f"var-{name}={quote(value)}" for name, value in fixed.items()]
    variables += [f"var-{name}={_label(name)}" for name in labels if name in BOARD_LABELS]
    begin = f'{{{{ with query "(time() - {BACK_SECONDS}) * 1000" }}}}{_number()}{{{{ end }}}}'
    query = "&".join([*variables, f"from={begin}", "to=now"])
    return f"{base.rstrip('/')}/d/{board_uid(board)}?{query}"


def _label(name: str) -> str:
    return f"{{{{ $labels.{name} | urlquery }}}}"


def _number() -> str:
    return '{{ . | first | value | printf "%.0f" }}'
