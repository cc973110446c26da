"""The command line: `python -m atomicpy`."""


def main() -> int:
    """Run it."""
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
