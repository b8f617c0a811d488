# The two commands are `make demo` and `make test`. Each installs what it needs.
