# One problem over many processes, on the engines that do without a framework: MPI, from C and from Python, and Dask.
# Included after python.mk, which has the names used here. No run may hang: each has a timeout.

DISTRIBUTED := $(PYTHON_VENV) distributed $(PYTHON)
# More ranks than cores, also for root, as in a container.
MPIRUN := env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 timeout 600
MPI_RANKS := 1 2 3

.PHONY: distributed-tests mpi-test python-distributed
distributed-tests: bench-ranks-quick mpi-test python-distributed ## MPI from C and from Python, and Dask

mpi-test: library python-site ## A problem spread over MPI processes, in C and with mpi4py
	@venv=$$($(DISTRIBUTED)) && mkdir -p target/demo \
		&& $$venv/bin/mpicc $(C_FLAGS) -O2 bindings/c/examples/mpi/spread.c $(LIBRARY) $(SYSTEM_LIBS) -o target/demo/spread \
		&& for ranks in $(MPI_RANKS); do \
			$(MPIRUN) $$venv/bin/mpirun -n $$ranks --oversubscribe target/demo/spread && $(PYTHON_ENV) $(MPIRUN) \
				$$venv/bin/mpirun -n $$ranks --oversubscribe $$venv/bin/python $(PYTHON_DIR)/tests/mpi_ranks.py || exit 1; \
		done

python-distributed: python-site ## Weights of a data set that no worker of a Dask cluster could hold
	@venv=$$($(DISTRIBUTED)) && $(PYTHON_ENV) timeout 900 $$venv/bin/python $(PYTEST) $(PYTHON_DIR)/tests/test_dask.py
