"""The command line: parse, call the library, show. Nothing is computed here."""
