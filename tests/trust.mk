# What is run beside the usual tests, so that the library can be relied on: docs/reliability.md. Part of the Makefile at the top.

SECONDS ?= 60

.PHONY: stress stress-quick

stress: library ## 64 threads, signals, forks, dlopen; then the data races that ThreadSanitizer sees: SECONDS=60
	tests/c/stress.sh $(RELEASE) $(SECONDS)
	tests/races.sh

stress-quick: library
	tests/c/stress.sh $(RELEASE) 5
