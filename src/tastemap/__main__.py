"""``python -m tastemap`` is the command line."""

from tastemap.cli.main import main

if __name__ == "__main__":
    main()
