"""What looks like a secret is masked here before it is kept, shown or sent, and nowhere else."""

import re

LONGEST = 500
"""Characters of a line that are kept, after redaction."""

MASK = "***"

_KEY = r"[\w.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|credential|authorization)"
_VALUE = r"(?:\"[^\"]*\"?|'[^']*'?|[^\s,;&)}\]]+)"
_NAMED = re.compile(rf"(?i){_KEY}[\w.-]*[\"']?\s*[:=]\s*(?!(?:bearer|basic) )({_VALUE})")
_SECRETS = [
    (re.compile(r"(?i)\b(bearer|basic|apikey)\s+[^\s,;\"']+"), rf"\1 {MASK}"),
    (
        re.compile(rf"(?i)({_KEY}[\w.-]*[\"']?\s*[:=]\s*)(?!(?:bearer|basic) ){_VALUE}"),
        rf"\1{MASK}",
    ),
    (re.compile(r"(?i)\bcrn(?::|%3a)[^\s,;\"']+"), f"crn:{MASK}"),
    (re.compile(r"://[^/\s@]+@"), f"://{MASK}@"),
    (re.compile(r"[A-Za-z0-9+/_=-]{40,}"), MASK),
]


def credentials(text: str) -> list[str]:
    """Return what follows keys that are named like a password, token, secret or API key."""
    return _NAMED.findall(text)


def redacted(text: str) -> str:
    """Return a line without what looks like a secret, cut to `LONGEST` characters.

    Masked are bearer, basic and API key credentials, whatever follows a key named like a password,
    token, secret or API key, cloud resource names, credentials in URLs, and any run of 40 or more
    hexadecimal or base64 characters.
    """
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text[:LONGEST]
