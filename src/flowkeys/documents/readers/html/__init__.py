"""HTML as browsers read it: `page` walks through it, `writer` makes headings and blocks of it."""
