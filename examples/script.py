"""A program without any framework: says whether a key is good. Run: python examples/script.py fl-…."""

import os
import sys

from flowkeys.verify import Unavailable, Verifier


def main(token: str) -> int:
    """Return 0 for a good key, 1 for a refused one, 2 when it cannot be told."""
    with Verifier.local(os.environ.get("FLOWKEYS_DATA_DIR", "~/.flowkeys")) as verifier:
        try:
            result = verifier.verify(token=token, permissions=["logs:view"])
        except Unavailable as error:
            print(f"cannot tell: {error}")
            return 2
    if not result.allowed:
        print(f"refused: {result.code}: {result.detail}")
        return 1
    print(f"allowed: {result.name} ({result.id}), until {result.expires_at or 'revoked'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
