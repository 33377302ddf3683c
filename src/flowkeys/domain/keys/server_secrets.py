"""The server's secrets: which of what an operator wrote can be one, which of those sign, and which verify.

Everything that is made under the server secret (the digests of tokens, the seals of the audit log) asks here.
A line that can be no secret is never one: a byte order mark before a comment, or a comment in another style,
would be the same text on every server in the world. Versions before took such lines for secrets; what they
made under one goes on verifying while the line stands where it stood
(docs/adr/0015-lines-that-are-no-secret.md).
"""

import shlex
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.digest import MINIMUM_SECRET_LENGTH, TokenHasher, derive, secret_id
from flowkeys.domain.keys.secret_form import ADVICE, MAKE_ONE, fault

VERIFIES_ONLY: Final = "secret.verifies_only"
"""What the journal says of an id when a server starts that verifies under it and never signs."""
HEADER: Final = "# The secrets of this flowkeys server, newest first. Keep a copy: without them no key works."
"""The first line of each file that a server makes."""

_MARK: Final = "\ufeff"
"""U+FEFF, with which editors of Windows begin a file in UTF-8."""
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_WHOLE: Final = "the whole file"
_MARKS: Final = (
    "\ufeff",
    "\ufeff\ufeff",
    "\u200b",
    "\u00ef\u00bb\u00bf",
    "\u043f\u00bb\u0457",
    "\u2229\u2557\u2510",
)
"""A byte order mark as editors leave it: one, two, another that no one sees, and read in other encodings."""
_QUOTED: Final = (('"', '"'), ("'", "'"), ("", ""))
_NAMES: Final = tuple(
    f"{before}{name}{between}"
    for before in ("", "export ", "set ", "- ")
    for name in ("FLOWKEYS_SECRET", "flowkeys_secret", "SECRET", "secret")
    for between in ("=", " = ", ": ", ":")
)
_COMMENTS: Final = ("//", "///", ";", ";;", "--", "%", "!", "'", "REM", "Rem", "rem", "::", "*", ">")
_AROUND: Final = (
    *((mark, "") for mark in _MARKS),
    *((f"{name}{quote}", end) for name in ("", *_NAMES) for quote, end in _QUOTED),
    *((f"{comment}{blank}", "") for comment in _COMMENTS for blank in (" ", "")),
    *(
        (f"{before}{blank}", f"{blank}{after}")
        for before, after in (("/*", "*/"), ("<!--", "-->"))
        for blank in (" ", "")
    ),
    *(("", after) for after in (",", ";")),
)
"""What somebody may have taken away around a line that was signed under."""


class Doubtful(NamedTuple):
    """What can be no secret, and where it stands."""

    place: str
    why: str
    id: str | None
    """Under which earlier versions may have made keys; None: they could not."""


class Earlier(NamedTuple):
    """A text that is no secret, and that earlier versions took for one."""

    place: str
    text: str
    is_mark: bool = False
    """Nothing but a byte order mark is too much."""

    def __repr__(self) -> str:
        return f"Earlier({self.place!r})"


class ServerSecrets:
    """What an operator wrote, read; its ``repr`` shows no text."""

    __slots__ = ("_earlier", "_is_open", "_lines", "doubtful", "secrets", "where")

    def __init__(
        self,
        where: str,
        secrets: Collection[str] = (),
        doubtful: Collection[Doubtful] = (),
        earlier: Collection[Earlier] = (),
        text: str = "",
    ) -> None:
        """Make them; use `read_file` and `read_variable`."""
        self.where = where
        self.secrets = tuple(dict.fromkeys(secrets))
        """Newest first: the first signs, and all verify."""
        self.doubtful = tuple(doubtful)
        self._earlier = {secret_id(item.text): item for item in earlier if item.text not in self.secrets}
        self._lines = tuple(text.splitlines())
        self._is_open = bool(text) and not text.endswith("\n")

    def __repr__(self) -> str:
        return f"ServerSecrets({self.where!r}, {self.ids!r}, doubtful={len(self.doubtful)})"

    def __bool__(self) -> bool:
        """Tell whether anything is written there but comments."""
        return bool(self.secrets or self.doubtful or self._earlier)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ServerSecrets):
            return NotImplemented
        return (self.secrets, self.doubtful, self._earlier) == (
            other.secrets,
            other.doubtful,
            other._earlier,
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the secrets, the one that signs first."""
        return tuple(secret_id(secret) for secret in self.secrets)

    @property
    def earlier_ids(self) -> tuple[str, ...]:
        """The ids of what is no secret and may have been taken for one."""
        return tuple(self._earlier)

    def earlier(self, used: Collection[str]) -> dict[str, Earlier]:
        """Return, of `used` ids, those that are verified only, never signed with: what it is by id."""
        return {name: item for name, item in self._earlier.items() if name in used}

    def hasher(self, used: Collection[str], known: Collection[str] = ()) -> TokenHasher:
        """Return what signs with the newest secret and verifies under all.

        `used` are the ids under which tokens are; `known` those under which there were some.

        Raises:
            ConfigurationError: something can be no secret and nothing was made under it, or nothing can sign.
        """
        self.require_sound((*used, *known))
        if not self.secrets:
            raise ConfigurationError(self._none())
        return TokenHasher((*self.secrets, *(item.text for item in self.earlier(used).values())))

    def derive(self, name: str, purpose: bytes) -> bytes | None:
        """Return 32 bytes for a purpose under the secret with this id, or None when it is not one of them."""
        return next((derive(secret, purpose) for secret in self.secrets if secret_id(secret) == name), None)

    def require_sound(self, used: Collection[str]) -> None:
        """Raise `ConfigurationError` for what can be no secret, unless its id is one of `used`."""
        strange = [item for item in self.doubtful if item.id not in used]
        if strange and strange[0].place == _WHOLE:
            file = shlex.quote(self.where)
            raise ConfigurationError(
                f"{self.where} is written in UTF-16. Save it as UTF-8, for example with: "
                f"iconv -f UTF-16 -t UTF-8 {file} > {file}.new; chmod 600 {file}.new; mv {file}.new {file}"
            )
        if strange:
            told = "; ".join(f"{item.place} can be no secret: it {item.why}" for item in strange)
            comment = ", or begin it with # if it is a comment" if self._lines else ""
            raise ConfigurationError(f"In {self.where} {told}. Take it out{comment}. {ADVICE}")

    def way_back(self, missing: str) -> str | None:
        """Return what brings an id back that somebody lost by mending the file by hand; None: not known."""
        if not self._lines:
            return self._put_back_in_variable(missing)
        for source, text in self._mended():
            for before, after in _AROUND:
                whole = f"{before}{text}{after}"
                if len(whole) >= MINIMUM_SECRET_LENGTH and secret_id(whole) == missing:
                    return self._put_back(source, before, after)
        return None

    def _mended(self) -> Iterator[tuple[str, str]]:
        """Yield what may be left of a line, in the shell's words, and as it is."""
        for header in (HEADER, HEADER.lstrip("# ")):
            yield shlex.quote(header), header
        file = shlex.quote(self.where)
        for number, line in enumerate(self._lines, 1):
            text = line.strip().lstrip(_MARK).strip()
            whole = f'"$(sed -n "{number}{{s/[[:space:]]*$//;p;}}" {file})"'
            bare = f'"$(sed -n "{number}{{s/^[#[:space:]]*//;s/[[:space:]]*$//;p;}}" {file})"'
            if not any("\udc80" <= c <= "\udcff" for c in text):
                yield whole, text
                if text.startswith("#"):
                    yield bare, text.lstrip("#").strip()

    def _put_back(self, source: str, before: str, after: str) -> str:
        # In octal too what begins with a hyphen: it would be an option of ``printf``.
        octal = "".join(
            c if c.isascii() and c != "-" else "".join(f"\\{byte:o}" for byte in c.encode())
            for c in f"{before}%s{after}".replace("%", "%%").replace("%%s", "%s")
        )
        form = shlex.quote(f"{self._newline}{octal}\\n")
        what = (
            "a comment with a byte order mark"
            if before in _MARKS
            else "a line as it stood before it was mended"
        )
        return (
            f"An earlier version took {what} for a secret. This puts it at the end, and the keys work on and "
            f"move to the secret that signs:\n  printf {form} {source} >> {shlex.quote(self.where)}\n"
        )

    def _put_back_in_variable(self, missing: str) -> str | None:
        for number, secret in enumerate(self.secrets, 1):
            for before, after in _AROUND:
                if secret_id(f"{before}{secret}{after}") == missing:
                    return (
                        f"An earlier version took more than the secret: put number {number} of {self.where} "
                        f"a second time behind a comma at its end, written {before}…{after} as it was. The "
                        "keys work on and move to the secret that signs."
                    )
        return None

    @property
    def _newline(self) -> str:
        """What ends the last line, where an editor left it open, as ``printf`` reads it."""
        return "\\n" if self._is_open else ""

    def _add_one(self) -> str:
        if self._lines:
            make = f"{{ echo; {MAKE_ONE}; }}" if self._is_open else MAKE_ONE
            return f"This adds one:\n  {make} >> {shlex.quote(self.where)}"
        return f"Put it before a comma in front. This makes one: {MAKE_ONE}"

    def _none(self) -> str:
        places = ", ".join(item.place for item in self._earlier.values())
        if not places:
            return (
                f"In {self.where} there is no secret. Put one there ({MAKE_ONE}), or take the file away: the "
                "next start makes one."
            )
        return (
            f"In {self.where} there is no secret that could sign: keys were made under {places}, and that is "
            "none. Leave that as it is and add a new secret: those keys work on, and each moves to the new "
            f"one when it is used. {self._add_one()}"
        )


def read_file(where: str, data: bytes) -> ServerSecrets:
    """Return what the bytes of the file `where` hold: a secret a line, the newest first, and comments (#)."""
    if data.startswith(_UTF_16):
        return ServerSecrets(where, doubtful=[Doubtful(_WHOLE, "is written in UTF-16", None)])
    text = data.decode(errors="surrogateescape")
    # What is not UTF-8 stopped an earlier version before it took anything for a secret.
    could_sign = not any("\udc80" <= c <= "\udcff" for c in text)
    secrets: list[str] = []
    doubtful: list[Doubtful] = []
    earlier: list[Earlier] = []
    for number, line in enumerate(text.splitlines(), 1):
        before = line.strip()
        found = before.lstrip(_MARK).strip()
        is_comment = not found or found[0] == "#"
        why = None if is_comment else fault(found)
        if why is None and not is_comment:
            secrets.append(found)
        signed = could_sign and before[:1] not in ("", "#") and len(before) >= MINIMUM_SECRET_LENGTH
        place = f"line {number}"
        if signed and (why is not None or before != found):
            marked = f"{place} with its byte order mark"
            earlier.append(Earlier(place if before == found else marked, before, before != found))
        if why is not None:
            doubtful.append(Doubtful(place, why, secret_id(before) if signed else None))
    return ServerSecrets(where, secrets, doubtful, earlier, text)


def read_variable(where: str, text: str) -> ServerSecrets:
    """Return what a setting holds: secrets separated by commas, the newest first; or a file's whole text."""
    old = [part.strip() for part in text.split(",") if part.strip()]
    secrets, doubtful = [], []
    for number, part in enumerate(_parts(text), 1):
        why = fault(part)
        if why is None:
            secrets.append(part)
        else:
            signed = part in old and len(part) >= MINIMUM_SECRET_LENGTH
            doubtful.append(Doubtful(f"part {number}", why, secret_id(part) if signed else None))
    earlier = [
        Earlier(f"part {number} as it was read before", part)
        for number, part in enumerate(old, 1)
        if len(part) >= MINIMUM_SECRET_LENGTH and part not in secrets
    ]
    return ServerSecrets(where, secrets, doubtful, earlier)


def _parts(text: str) -> Iterator[str]:
    for line in _unquoted(text).splitlines():
        found = line.strip().lstrip(_MARK).strip()
        if not found.startswith("#"):
            yield from (_unquoted(part) for part in found.split(",") if part.strip())


def _unquoted(text: str) -> str:
    text = text.strip()
    inside = text[1:-1]
    # Not where each part has quotes of its own.
    is_quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in inside
    return inside.strip() if is_quoted else text
