"""``python -m crazytrain``."""

from crazytrain.cli import main

if __name__ == "__main__":
    main()
