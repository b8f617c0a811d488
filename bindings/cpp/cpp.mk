# Installation, and the tests and examples of C and C++ as a user has them. Part of the Makefile at the top.

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INSTALL := bindings/c/packaging/install.sh
CXX_FLAGS = -std=c++17 -O3 -Wall -Wextra $(STRICT) -pedantic -Wconversion -Wshadow -Iinclude -Ibindings/cpp/include
CXX_EXAMPLES := target/demo/first_cpp target/demo/rare_digits
# Configures and builds an example that has a CMake project of its own; Cargo's work is shared with the rest.
CMAKE_EXAMPLE = cmake -S bindings/cpp/examples/$(1) -B target/demo/$(1) -DHR_WEIGHTS_CARGO_TARGET_DIR='$(CURDIR)/target' \
	>/dev/null && cmake --build target/demo/$(1)

.PHONY: install uninstall install-tests cinstall-test cinstall-if-built cpp-tests cpp-examples libtorch libtorch-test demo-libtorch xgboost xgboost-test \
	demo-xgboost

# As they are, whatever signs are in the paths.
$(foreach name,PREFIX LIBDIR DESTDIR RELEASE CC,$(eval install uninstall: export $(name) := $$($(name))))

# Cargo is asked only if there is no library yet: `sudo make install` should not build as root.
install: $(RELEASE)/libhr_weights.a $(RELEASE)/libhr_weights.so ## Installs for C and C++: PREFIX=, LIBDIR=, DESTDIR=
	@$(INSTALL) install

# `make -j library install` is to install what is being built.
ifneq ($(filter library,$(MAKECMDGOALS)),)
install: library
endif

uninstall: ## Removes what `make install` put there; the same variables
	@$(INSTALL) uninstall

$(RELEASE)/libhr_weights.a $(RELEASE)/libhr_weights.so:
	@$(MAKE) --no-print-directory library

install-tests: library ## Installs to a temporary prefix, builds C and C++ programs against it in every documented way
	@.ci/tools cmake pkg-config valgrind
	tests/install/run.sh $(RELEASE)

# cargo-c takes a quarter of an hour to build the first time: `make test-all` uses one that is there.
cinstall-test: library ## What `cargo cinstall` installs against what `make install` does; builds cargo-c
	@.ci/tools cmake pkg-config
	@tools=$$(.ci/cargo-c) && tests/install/cinstall.sh $(RELEASE) "$$tools"

cinstall-if-built: library
	@if tools=$$(.ci/cargo-c --if-built); then tests/install/cinstall.sh $(RELEASE) "$$tools"; \
		else echo "cinstall-test: not run, since there is no cargo-c yet (make cinstall-test builds it)"; fi

cpp-tests: library ## The C++ header: its contract, in three standards, and what must not compile
	@.ci/tools valgrind
	@bindings/cpp/tests/packages.sh libeigen3-dev libxtensor-dev
	bindings/cpp/tests/run.sh $(RELEASE)

cpp-examples: STRICT = -Werror
cpp-examples: $(CXX_EXAMPLES) ## The examples in C++, which are compiled without a warning
	target/demo/first_cpp
	target/demo/rare_digits bindings/data/digits.csv 50

target/demo/first_cpp: library bindings/cpp/examples/first.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXX_FLAGS) bindings/cpp/examples/first.cpp $(LIBRARY) $(SYSTEM_LIBS) -o $@

target/demo/rare_digits: library bindings/cpp/examples/rare_digits.cpp bindings/cpp/examples/digits.hpp
	@mkdir -p $(@D)
	$(CXX) $(CXX_FLAGS) bindings/cpp/examples/rare_digits.cpp $(LIBRARY) $(SYSTEM_LIBS) -o $@

# libtorch is hundreds of megabytes: not a part of `make test`.
libtorch:
	@.ci/tools cmake
	@bindings/cpp/tests/packages.sh libtorch-dev
	$(call CMAKE_EXAMPLE,libtorch)

libtorch-test: libtorch ## Builds the libtorch trainer and runs it for a few steps
	target/demo/libtorch/digits --epochs 2 --seeds 2

demo-libtorch: libtorch ## Trains on real digits in libtorch, under attack: plain against HR; some minutes
	target/demo/libtorch/digits

xgboost:
	@.ci/tools cmake
	@bindings/cpp/tests/packages.sh libxgboost-dev
	$(call CMAKE_EXAMPLE,xgboost)

xgboost-test: xgboost ## Builds the XGBoost example and runs it for a few rounds
	target/demo/xgboost/trees bindings/data/digits.csv 3 1

demo-xgboost: xgboost ## Boosts trees on real digits with XGBoost: plain against HR
	target/demo/xgboost/trees
