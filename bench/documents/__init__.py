"""Questions about documents, and the section that answers each: what the search finds of them.

`questions/NAME.txt` holds the questions of a collection: one a line, then ``=>`` and where its answer is,
``file # part of a heading`` or ``file ~ part of the text`` (or the file alone), ``||`` between several; a
line that begins with ``??`` is a question without an answer. Half of them, every second one, are kept back:
nothing is tuned on them. Lines that begin with ``+`` were added later, for tuning, and are not counted off.
"""
