# The commands of the page, on a table of losses.
hr-weights() { python -m hr_weights "$@"; }
python -c 'import numpy as np
losses = np.random.default_rng(0).exponential(size=200)
np.savetxt("losses.csv", np.column_stack([np.arange(200), losses]), delimiter=",", header="sample,loss", comments="")'
BLOCK
