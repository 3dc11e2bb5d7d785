//! The command line of `--explain` and `--requests`.
