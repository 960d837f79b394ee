"""`python -m automaton`: the command line under another name."""

from automaton.cli import main

if __name__ == "__main__":
    main()
